"""A file as data that remembers where everything stood, and the bounds that hold for every format."""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from costgate.errors import InputError, Problem
from costgate.model import Location

MAX_BYTES = 20_000_000
MAX_DEPTH = 64
MAX_NODES = 1_000_000  # after aliases are expanded
MAX_DIGITS = 300  # of an integer; a longer one does not fit a float

Key: TypeAlias = str | int | float | bool | None  # YAML keys may be any scalar; schemas only know text
MAX_SHOWN = 60  # characters of a value in a message
WORD = re.compile(r"[^\s,#\]}]+")


class Spot(NamedTuple):
    """Offsets in the text: of a value, of its key (for an item of a list: its own), and what it holds."""

    at: int
    key_at: int
    children: dict[Key, Spot]


class Index(NamedTuple):
    """The positions of one text."""

    root: Spot
    line_starts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A parsed file. `data` is plain dicts, lists and scalars, possibly shared (YAML aliases): do not change it."""

    path: str
    data: Any
    text: str = field(default="", repr=False)
    index: Callable[[], Index] = field(default=lambda: Index(Spot(0, 0, {}), (0,)), repr=False, compare=False)
    # ↑ computed at the first question, then kept

    def where(self, *keys: Key) -> Location:
        """Where the value at these keys starts; that of its nearest ancestor where there is no such value."""
        return self._walk(keys)[1]

    def key_where(self, *keys: Key) -> Location:
        """Where the last key itself stands (an item of a list: its value)."""
        return self._walk(keys)[0]

    def written(self, where: Location) -> str:
        """The word that stands at a place."""
        match = WORD.match(self.text, self.index().line_starts[where.line - 1] + where.column - 1)
        return match[0].rstrip(":") if match else ""

    def _walk(self, keys: Iterable[Key]) -> tuple[Location, Location]:
        index = self.index()
        spot = index.root
        for key in keys:
            if key not in spot.children:
                break
            spot = spot.children[key]
        return self._location(index, spot.key_at), self._location(index, spot.at)

    def _location(self, index: Index, at: int) -> Location:
        line = bisect_right(index.line_starts, at)
        return Location(path=self.path, line=line, column=at - index.line_starts[line - 1] + 1)


def document(path: str, text: str, data: Any, spots: Callable[[], Spot]) -> Document:
    """The Document of a parsed text, once its data is within bounds. Raises InputError."""
    index = lru_cache(maxsize=1)(lambda: Index(spots(), line_starts(text)))
    result = Document(path=path, data=data, text=text, index=index)
    try:
        _inspect(data, MAX_DEPTH)
    except _RefusedError as error:
        raise refusal(result.where(*reversed(error.path)), error.message, error.help) from None
    return result


def decode(data: bytes, path: str) -> str:
    """The text of a file, without a byte order mark. Raises InputError for a huge or binary one."""
    if len(data) > MAX_BYTES:
        raise refusal(
            path, f"the file has {len(data):,} bytes; at most {MAX_BYTES:,} are read", "is it the right file?"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = data.count(b"\n", 0, error.start) + 1, error.start - data.rfind(b"\n", 0, error.start)
        raise refusal(
            Location(path=path, line=line, column=column),
            f"not UTF-8 text: byte 0x{data[error.start]:02x} does not belong here",
            "save the file as UTF-8; a binary file cannot be read here",
        ) from None
    if "\0" in text:
        raise refusal(at(path, text, text.index("\0")), "a NUL byte: this is a binary file", "is it the right file?")
    return text


def refusal(where: Location | str, message: str, help: str = "") -> InputError:
    """An InputError about one place."""
    return InputError(problems=[Problem(message=message, where=str(where), help=help)])


def at(path: str, text: str, offset: int) -> Location:
    """The place of an offset in a text."""
    line_start = text.rfind("\n", 0, offset) + 1
    return Location(path=path, line=text.count("\n", 0, offset) + 1, column=offset - line_start + 1)


def line_starts(text: str) -> tuple[int, ...]:
    """Offset of the first character of every line."""
    starts, end = [0], text.find("\n")
    while end >= 0:
        starts.append(end + 1)
        end = text.find("\n", end + 1)
    return tuple(starts)


def shown(value: Any) -> str:
    """A value as a person would write it, short."""
    if isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = repr(value[:MAX_SHOWN]) if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


class _RefusedError(Exception):
    """A value out of bounds; `path` grows from the value up to the root while the exception rises."""

    def __init__(self, message: str, help: str) -> None:
        self.message, self.help = message, help
        self.path: list[Key] = []


def _inspect(value: Any, depth: int) -> None:
    """Refuse values too deep, numbers that are none, and text that no file could hold."""
    if not isinstance(value, (dict, list)):
        return _inspect_scalar(value)
    if not depth:
        raise _RefusedError(f"nested more than {MAX_DEPTH} levels deep", "flatten the file")
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        try:
            _inspect_scalar(key)
            _inspect(item, depth - 1)
        except _RefusedError as error:
            error.path.append(key)
            raise
    return None


def _inspect_scalar(value: Any) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise _RefusedError(
            "not a finite number", "write a plain number; NaN, infinity and larger ones are not accepted"
        )
    if isinstance(value, int) and value.bit_length() > MAX_DIGITS * 10 // 3:
        raise _RefusedError(f"a number of more than {MAX_DIGITS} digits", "quote it if it is text")
    if isinstance(value, str) and not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
        raise _RefusedError("half a surrogate pair (\\ud800 to \\udfff) is not text", "write the character itself")
