"""What is asked of real Metaflow about a flow, and its answer: hostile data until it has been read here.

The answer comes from a process in which the flow's own code has run. It is bounded and every type is checked; what it
says of the flow can be as wrong as its author likes, and is labelled for that.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from costgate.model import Snapshot

Origin: TypeAlias = Literal["flow", "with", "target"]
ORIGINS: Mapping[str, Origin] = {"flow": "flow", "with": "with", "target": "target"}
MOST_STEPS = 5000  # as for a graph that is read from the source
MOST_ITEMS = 1000  # decorators of a step, attributes of a decorator, targets of a step
LONGEST_NAME = 300
LONGEST_REASON = 300
LARGEST_LINE = 10**7
ADDRESS = re.compile(r" at 0x[0-9a-f]+")  # of an object: chance


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A flow and how it is deployed. Equal requests about equal files have equal answers."""

    file: str
    flow: str
    cwd: str = "."
    configs: tuple[tuple[str, str], ...] = ()  # config name → path, from the root
    config_values: tuple[tuple[str, str], ...] = ()  # config name → text, as the command line takes it
    with_: tuple[str, ...] = ()
    target: str = "local"
    metaflow_env: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A decorator: what it was given, configs and mutators included, and what Metaflow made of it."""

    name: str
    given: Mapping[str, Any]
    final: Mapping[str, Any]
    odd: Mapping[str, str] = field(default_factory=dict)  # attributes that are no plain data → what they look like
    refused: str | None = None  # why Metaflow would not deploy it
    origin: Origin = "flow"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldStep:
    """A step and its place in the graph."""

    name: str
    kind: str  # Metaflow's type of the node: linear, split, foreach, join, end, split-switch, …
    file: str
    line: int
    next: tuple[str, ...]
    foreach: str | None
    parallel: bool
    num_parallel: int | None  # where the source has a literal
    decorators: tuple[Told, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A flow as Metaflow initialises it."""

    metaflow: str  # its version
    flow: str
    start: str
    end: str
    steps: tuple[ToldStep, ...]
    decorators: tuple[Told, ...]  # the flow's own
    mutators: tuple[str, ...]
    configs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why there is no answer."""

    reason: str
    help: str = ""
    everywhere: bool = False  # the same for every flow: nothing is run at all

    @property
    def text(self) -> str:
        """The sentence for people."""
        what = "Metaflow was not asked" if self.everywhere else "running it with Metaflow failed"
        return f"{what}: {self.reason}"


Ask: TypeAlias = Callable[[Snapshot, Request], Answer | Failure]


class _OddError(Exception):
    """The answer is not of the form that costgate's own code gives it."""


def read_answer(data: bytes, metaflow: str) -> Answer | Failure:
    """The answer of a process. Never raises; a Failure also for one that says why it could not."""
    try:
        found = json.loads(data, parse_constant=_no_number)
        if isinstance(found, dict) and isinstance(found.get("error"), str):
            return Failure(reason=one_line(found["error"]))
        return _answer(_mapping(found), one_line(metaflow))
    except (_OddError, ValueError, RecursionError, KeyError):
        return Failure(reason="the flow's code broke into the answer")


def one_line(text: str) -> str:
    """A message for people: one line, shortened."""
    return " ".join(ADDRESS.sub("", text).split())[:LONGEST_REASON]


def _no_number(text: str) -> float:
    raise _OddError(text)


def _answer(found: Mapping[str, Any], metaflow: str) -> Answer:
    steps = tuple(map(_step, _items(found["steps"], MOST_STEPS)))
    names = {step.name for step in steps}
    if len(names) != len(steps) or not {target for step in steps for target in step.next} <= names:
        raise _OddError("steps")
    return Answer(
        metaflow=metaflow,
        flow=_text(found["flow"]),
        start=_text(found["start"]),
        end=_text(found["end"]),
        steps=steps,
        decorators=tuple(map(_told, _items(found["decorators"]))),
        mutators=tuple(map(_text, _items(found["mutators"]))),
        configs=tuple(map(_text, _items(found["configs"]))),
    )


def _step(raw: Any) -> ToldStep:
    found = _mapping(raw)
    name = _text(found["name"])
    if not name.isidentifier():
        raise _OddError(name)
    return ToldStep(
        name=name,
        kind=_text(found["kind"]),
        file=_text(found["file"]),
        line=_whole(found["line"], LARGEST_LINE),
        next=tuple(map(_text, _items(found["next"]))),
        foreach=None if found["foreach"] is None else _text(found["foreach"]),
        parallel=found["parallel"] is True,
        num_parallel=None if found["num_parallel"] is None else _whole(found["num_parallel"], LARGEST_LINE),
        decorators=tuple(map(_told, _items(found["decorators"]))),
    )


def _told(raw: Any) -> Told:
    found = _mapping(raw)
    return Told(
        name=_text(found["name"]),
        given=_attributes(found["given"]),
        final=_attributes(found["final"]),
        odd={name: one_line(_text(text, 10_000)) for name, text in _attributes(found["odd"]).items()},
        refused=None if found["refused"] is None else one_line(_text(found["refused"], 10_000)),
        origin=ORIGINS[_text(found.get("origin", "flow"))],
    )


def _mapping(raw: Any) -> Mapping[str, Any]:
    if not isinstance(raw, dict):
        raise _OddError("no mapping")
    return raw


def _items(raw: Any, most: int = MOST_ITEMS) -> list[Any]:
    if not isinstance(raw, list) or len(raw) > most:
        raise _OddError("no list")
    return raw


def _attributes(raw: Any) -> Mapping[str, Any]:
    found = _mapping(raw)
    if len(found) > MOST_ITEMS or any(len(name) > LONGEST_NAME for name in found):
        raise _OddError("attributes")
    if any(isinstance(value, float) and not math.isfinite(value) for value in found.values()):  # 1e999
        raise _OddError("no number")
    return found


def _text(raw: Any, longest: int = LONGEST_NAME) -> str:
    if not isinstance(raw, str) or len(raw) > longest:
        raise _OddError("no text")
    return raw


def _whole(raw: Any, most: int) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int) or not 0 <= raw <= most:
        raise _OddError("no whole number")
    return raw
