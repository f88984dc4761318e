"""The items of a JSON file of any size, one at a time.

The reader walks into the few containers that it is told to (`products`, `Items`) and hands out everything else as one
value, decoded by the standard library and bounded in size. Several documents in a row are read as one file, so that
pages of an API that were appended to each other work.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import Any, TypeAlias

from costgate.errors import InputError
from costgate.rates.importers.source import Source

Path: TypeAlias = tuple[str, ...]  # keys from the top; an item of a list is "*"
MAX_ITEM = 2**22  # characters of one value
MAX_DIGITS = 300
BLANK = " \t\r\n"


class Items:
    """A position in the text of a source."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._texts = source.texts()
        self._buffer, self._at = "", 0
        self._marked, self._line, self._column = 0, 1, 1  # offset in the buffer, and its place in the file
        self.began = (1, 1)  # line and column of the value that was given last
        self._decoder = json.JSONDecoder(parse_float=Decimal, parse_int=_integer, parse_constant=_refuse)

    def walk(self, containers: Collection[Path]) -> Iterator[tuple[Path, Any]]:
        """Every value that is in one of these containers and is none itself, with its path. The top is `()`."""
        while self._peek():
            yield from self._walk((), containers)

    def error(self, message: str, help: str = "download the file again") -> InputError:
        """Something wrong where the reader is."""
        return self._source.error(message, *self._place(), help=help)

    def _place(self) -> tuple[int, int]:
        """Line and column where the reader is."""
        self._line += (lines := self._buffer.count("\n", self._marked, self._at))
        last = self._buffer.rfind("\n", self._marked, self._at) if lines else -1
        self._column = self._at - last if lines else self._column + self._at - self._marked
        self._marked = self._at
        return self._line, self._column

    def _walk(self, path: Path, containers: Collection[Path]) -> Iterator[tuple[Path, Any]]:
        opening = self._peek()
        if path not in containers or opening not in ("{", "["):
            self._source.rows += 1
            self.began = self._place()
            yield path, self._value()
            return
        closing = "}" if opening == "{" else "]"
        self._at += 1
        while self._peek() != closing:
            yield from self._walk((*path, self._key() if opening == "{" else "*"), containers)
            if self._peek() == ",":
                self._at += 1
            elif self._peek() != closing:
                raise self._expected(f"',' or '{closing}'")
        self._at += 1

    def _key(self) -> str:
        key = self._value()
        if not isinstance(key, str) or self._peek() != ":":
            raise self._expected("a key in quotes and ':'")
        self._at += 1
        return key

    def _expected(self, what: str) -> InputError:
        return self.error(f"not valid JSON: {what} belongs here" if self._peek() else "the file ends in the middle")

    def _peek(self) -> str:
        """The next character that is no blank, without reading it; nothing at the end."""
        while True:
            end = len(self._buffer)
            while self._at < end and self._buffer[self._at] in BLANK:
                self._at += 1
            if self._at < end:
                return self._buffer[self._at]
            if not self._fill():
                return ""

    def _value(self) -> Any:
        """One whole value. More text is read until it is complete; a number is so when something follows it."""
        self._peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._at)
            except json.JSONDecodeError as error:
                if self._full() or not self._fill():
                    raise self._invalid(error) from None
            except RecursionError:
                raise self.error("JSON that is nested too deep", "is it the right file?") from None
            except ValueError as error:
                raise self.error(f"not valid JSON: {error}") from None
            else:
                if end < len(self._buffer) or not self._fill():
                    self._at = end
                    return value

    def _invalid(self, error: json.JSONDecodeError) -> InputError:
        if self._full():
            return self.error(f"one item of more than {MAX_ITEM:,} characters", "is it the right file?")
        self._at = min(error.pos, len(self._buffer))
        if self._at == len(self._buffer):
            return self.error("the file ends in the middle")
        return self.error(f"not valid JSON: {error.msg[:1].lower()}{error.msg[1:]}")

    def _full(self) -> bool:
        return len(self._buffer) - self._at > MAX_ITEM

    def _fill(self) -> bool:
        """Read on; what was consumed is forgotten."""
        text = next(self._texts, "")
        if text:
            self._place()
            self._buffer = self._buffer[self._at :] + text
            self._at = self._marked = 0
        return bool(text)


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a number of more than {MAX_DIGITS} digits")
    return int(digits)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a number")
