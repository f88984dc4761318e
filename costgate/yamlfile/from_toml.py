"""TOML with positions: the data comes from the standard library, positions from a tolerant scan when asked for."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from datetime import date, time
from functools import partial
from typing import Any, NamedTuple

from costgate.model import Location
from costgate.yamlfile.document import MAX_DEPTH, Document, Spot, at, decode, document, refusal

MAX_TOML_BYTES = 1_000_000  # the parser is pure Python
TOKEN = re.compile(
    r'''
    """(?:\\.|[^\\])*?"{3,5} | "(?:\\.|[^"\\\n])*"   # basic strings
    | \'{3}.*?\'{3,5} | \'[^\'\n]*\'              # literal strings
    | \#[^\n]* | [\[\]{},.=\n] | [^\s\[\]{},.=#"\']+  # comments, marks, bare words
    ''',
    re.DOTALL | re.VERBOSE,
)
POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)")


class Token(NamedTuple):
    """A piece of the text and its offset."""

    text: str
    at: int


def load_toml(data: bytes, path: str) -> Document:
    """TOML 1.0 as a Document; dates are text. Raises InputError."""
    if len(data) > MAX_TOML_BYTES:
        raise refusal(path, f"the file has {len(data):,} bytes; at most {MAX_TOML_BYTES:,} of TOML are read")
    text = decode(data, path)
    _refuse_long_keys(path, text)
    toml = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        parsed = _plain(toml.loads(text))
    except RecursionError:
        raise refusal(at(path, text, 0), f"nested more than {MAX_DEPTH} levels deep", "flatten the file") from None
    except toml.TOMLDecodeError as error:
        raise _syntax_error(path, text, str(error)) from None
    except ValueError:  # Python's own bound
        raise refusal(at(path, text, 0), "a number of more than 4300 digits", "quote it if it is text") from None
    return document(path, text, parsed, partial(_spots, text))


def _syntax_error(path: str, text: str, message: str) -> Exception:
    place = POSITION.search(message)
    where = at(path, text, len(text.rstrip()))
    if place and place[1]:
        where = Location(path=path, line=int(place[1]), column=int(place[2]))
    what = POSITION.sub("", message)
    return refusal(where, f"not valid TOML: {what[:1].lower()}{what[1:200]}")


def _refuse_long_keys(path: str, text: str) -> None:
    """A key of many parts (a.a.a…) costs the parser quadratic time."""
    parts = 0
    for token in _tokens(text):
        parts = parts + (token.text == ".") if token.text not in "[]{},=\n" else 0
        if parts > MAX_DEPTH:
            raise refusal(at(path, text, token.at), f"nested more than {MAX_DEPTH} levels deep", "flatten the file")


def _plain(value: Any) -> Any:
    """Dates as text, everything else as it is."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, (date, time)) else value


def _tokens(text: str) -> Iterator[Token]:
    for match in TOKEN.finditer(text):
        if match[0][0] != "#":
            yield Token(match[0], match.start())


def _spots(text: str) -> Spot:
    """Positions of a text that the parser accepted: statement by statement, headers open tables."""
    root = table = Spot(0, 0, {})
    tokens = _Tokens(text)
    while (token := tokens.take()).text:
        if token.text == "[":
            table = _open(root, tokens, token.at)
        elif token.text != "\n":
            tokens.back()
            keys = tokens.key()
            _put(table, keys, tokens.value())
    return root


class _Tokens:
    """The tokens of a text, one after the other; past the end they are empty."""

    def __init__(self, text: str) -> None:
        self.all = [*_tokens(text), Token("", len(text))]
        self.next = 0

    def take(self) -> Token:
        self.next += 1
        return self.all[min(self.next, len(self.all)) - 1]

    def back(self) -> None:
        self.next -= 1

    def peek(self) -> str:
        return self.all[min(self.next, len(self.all) - 1)].text

    def key(self) -> list[tuple[str, int]]:
        """The parts of a dotted key, up to and with the `=` or `]` behind it."""
        parts = []
        while (token := self.take()).text not in ("=", "]", ""):
            if token.text != ".":
                parts.append((_bare(token.text), token.at))
        return parts

    def value(self) -> Spot:
        """A value up to what ends it: `,`, `]`, `}`, a new line or the end."""
        token = self.take()
        spot = Spot(token.at, token.at, {})
        if token.text == "[":
            self.array(spot)
        elif token.text == "{":
            self.inline_table(spot)
        while self.peek() not in ",]}\n":  # the rest of a number or a date; "" is in every text
            self.take()
        return spot

    def array(self, spot: Spot) -> None:
        while (token := self.take()).text not in ("]", ""):
            if token.text not in ",\n":
                self.back()
                item = self.value()
                spot.children[len(spot.children)] = item

    def inline_table(self, spot: Spot) -> None:
        while (token := self.take()).text not in ("}", ""):
            if token.text not in ",\n":
                self.back()
                keys = self.key()
                _put(spot, keys, self.value())


def _bare(token: str) -> str:
    """The name behind a key's token, which may be quoted with escapes."""
    if token[0] == '"' and "\\" in token:
        return re.sub(r"\\(?:u(.{4})|U(.{8})|(.))", _unescape, token[1:-1])
    return token[1:-1] if token[0] in "\"'" else token


def _unescape(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    return (
        chr(int(code, 16)) if code else {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}.get(match[3], match[3])
    )


def _enter(table: Spot, name: str, start: int) -> Spot:
    """The table below this name, made where it is not there yet; of an array of tables the last one."""
    spot = table.children.setdefault(name, Spot(start, start, {}))
    return spot.children[len(spot.children) - 1] if 0 in spot.children else spot


def _open(root: Spot, tokens: _Tokens, start: int) -> Spot:
    """The table of a `[header]`, or a new item for `[[header]]`."""
    is_item = tokens.peek() == "["
    if is_item:
        tokens.take()
    *parents, (name, name_at) = tokens.key()
    for parent, parent_at in parents:
        root = _enter(root, parent, parent_at)
    if not is_item:
        return _enter(root, name, name_at)
    tokens.take()  # the second bracket
    items = root.children.setdefault(name, Spot(name_at, name_at, {}))
    items.children[len(items.children)] = Spot(start, start, {})
    return _enter(root, name, name_at)


def _put(table: Spot, keys: list[tuple[str, int]], value: Spot) -> None:
    for name, start in keys[:-1]:
        table = _enter(table, name, start)
    for name, start in keys[-1:]:
        table.children[name] = value._replace(key_at=start)
