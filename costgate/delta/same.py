"""Whether two sides say the same, wherever it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import TypeVar

from costgate.model import Estimate, StepEstimate

Side = TypeVar("Side", Estimate, StepEstimate)

# Places and phrases that quote them: a line added above a flow moves them all and changes nothing.
PLACES = frozenset({"location", "chain", "notes", "detail", "assumptions"})


def same(one: Side, other: Side) -> bool:
    """Whether two sides are equal but for the places where their values stand. A moved file is not the same."""
    return one == other or _content(one) == _content(other)


def _content(value: object) -> object:
    if (names := _said(type(value))) is not None:  # type: ignore[arg-type]  # mypy takes types for unhashable
        return {name: _content(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {key: _content(item) for key, item in value.items()}
    return tuple(map(_content, value)) if isinstance(value, tuple) else value


@cache
def _said(kind: type[object]) -> tuple[str, ...] | None:
    """The fields of a dataclass that count; None for another type."""
    return tuple(f.name for f in fields(kind) if f.name not in PLACES) if is_dataclass(kind) else None
