"""Strict JSON with positions. The data comes from `json.loads`; positions are scanned when somebody asks for one."""

from __future__ import annotations

import json
import math
import re
from functools import partial
from itertools import islice
from typing import Any

from costgate.yamlfile.document import (
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_NODES,
    Document,
    Key,
    Spot,
    at,
    decode,
    document,
    refusal,
    shown,
)

STRING = r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)'  # an open one ends with the text: tried once, not from every quote in it
PIECE = re.compile(
    rf'(?:({STRING})\s*:\s*)?({STRING}|[{{\[]|[^\s{{}}\[\],:"]+)|[}}\]]', re.DOTALL
)  # member, item or end

NOTHING_INSIDE: dict[Key, Spot] = {}  # of scalars, shared: a file may have a million


def load_json(data: bytes, path: str, most: int = MAX_NODES) -> Document:
    """JSON (RFC 8259) as a Document; duplicate keys, NaN, Infinity and more than `most` values raise InputError."""
    text = decode(data, path)
    if not text.strip():
        raise refusal(at(path, text, 0), "the file is empty", "write a JSON value, at least {}")
    if text.count(",") + text.count("[") + text.count("{") >= most:  # each value but the first has one before it
        _refuse_many(path, text, most)
    try:
        parsed = json.loads(text, object_pairs_hook=_unique, parse_int=_integer)
    except json.JSONDecodeError as error:
        raise refusal(
            at(path, text, error.pos),
            f"not valid JSON: {error.msg[:1].lower()}{error.msg[1:]}",
            help="check the commas, quotes and brackets before this place",
        ) from None
    except (_DuplicateError, RecursionError):
        parsed = _spots(path, text)  # raises, at the place
    return document(path, text, parsed, partial(_spots, path, text))


def _refuse_many(path: str, text: str, most: int) -> None:
    """Before memory is spent on them."""
    values = (piece for piece in PIECE.finditer(text) if piece[2])
    if first := next(islice(values, most, None), None):
        raise refusal(at(path, text, first.start()), f"more than {most:,} values", "is it the right file?")


class _DuplicateError(Exception):
    """A key stands twice in one object."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _DuplicateError
    return result


def _integer(digits: str) -> float:
    return int(digits) if len(digits) <= MAX_DIGITS else math.inf  # refused with its place, as every infinity


def _spots(path: str, text: str) -> Spot:
    """Positions of a text that `json.loads` accepts. Raises InputError at the first duplicate key or too deep value."""
    stack: list[dict[Key, Spot]] = [{}]
    children = stack[0]
    for piece in PIECE.finditer(text):
        name, value = piece.groups()
        if value is None:
            stack.pop()
            children = stack[-1]
            continue
        start = piece.start()
        key: Key = _key(name) if name else len(children)
        if key in children:
            raise refusal(at(path, text, start), f"duplicate key {shown(key)}", "keep one of them")
        spot = children[key] = Spot(piece.start(2), start, {} if value in "{[" else NOTHING_INSIDE)
        if value in "{[":
            children = spot.children
            stack.append(children)
            if len(stack) > MAX_DEPTH + 1:
                raise refusal(at(path, text, spot.at), f"nested more than {MAX_DEPTH} levels deep", "flatten the file")
    return stack[0][0]


def _key(token: str) -> str:
    """The name behind a key's token."""
    return str(json.loads(token)) if "\\" in token else token[1:-1]
