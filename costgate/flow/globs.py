"""Globs over paths and names, the same everywhere: `*`, `?` and `[…]` within a folder, `**` across folders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

P = TypeVar("P")
T = TypeVar("T")

MAGIC = frozenset("*?[")


@dataclass(frozen=True, slots=True, kw_only=True)
class _One:
    """One character: any (`?`), or in or not in these ranges."""

    ranges: tuple[tuple[str, str], ...] = ()
    inside: bool = False

    def fits(self, character: str) -> bool:
        return any(low <= character <= high for low, high in self.ranges) == self.inside


def is_glob(pattern: str) -> bool:
    """Whether a path is a pattern."""
    return not MAGIC.isdisjoint(pattern)


def match_glob(pattern: str, path: str) -> bool:
    """Whether the whole path matches; case counts. `**` is any number of folders, none included; `a/` is `a/**`.

    No backtracking beyond the last star: the time is bounded by the product of both lengths.
    """
    return _match(_segments(pattern), path.split("/"), _fits_segment)


@lru_cache(maxsize=256)
def _segments(pattern: str) -> list[list[_One | None] | None]:
    pattern = pattern.removeprefix("./")
    parts = (pattern + "**" if pattern.endswith("/") else pattern).split("/")
    return [None if part == "**" else _tokens(part) for part in parts]


def _fits_segment(tokens: list[_One | None], segment: str) -> bool:
    return _match(tokens, segment, _One.fits)


def _match(pattern: Sequence[P | None], text: Sequence[T], fits: Callable[[P, T], bool]) -> bool:
    """Match a sequence; a None in the pattern is any number of items. Only the last None is ever tried again."""
    at = position = 0
    star: int | None = None
    resume = 0
    while position < len(text):
        item = pattern[at] if at < len(pattern) else None
        if at < len(pattern) and item is None:
            star, resume, at = at, position, at + 1
        elif item is not None and fits(item, text[position]):
            at, position = at + 1, position + 1
        elif star is not None:
            resume += 1
            at, position = star + 1, resume
        else:
            return False
    return all(item is None for item in pattern[at:])


def _tokens(text: str) -> list[_One | None]:
    tokens: list[_One | None] = []
    at = 0
    while at < len(text):
        character = text[at]
        end = text.find("]", at + 2 + (text[at + 1 : at + 2] in "!^")) if character == "[" else -1
        if end > 0:
            tokens.append(_class(text[at + 1 : end]))
            at = end
        elif character == "?":
            tokens.append(_One())
        elif character != "*":
            tokens.append(_One(ranges=((character, character),), inside=True))
        elif not tokens or tokens[-1] is not None:
            tokens.append(None)
        at += 1
    return tokens


def _class(body: str) -> _One:
    """`abc`, `a-z`, and `!…` or `^…` for all others."""
    negated = body[0] in "!^" and len(body) > 1
    rest = body[1:] if negated else body
    ranges = []
    while rest:
        if len(rest) > 2 and rest[1] == "-":
            ranges.append((rest[0], rest[2]))
            rest = rest[3:]
        else:
            ranges.append((rest[0], rest[0]))
            rest = rest[1:]
    return _One(ranges=tuple(ranges), inside=not negated)
