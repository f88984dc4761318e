"""How what we know of a step compares with what Metaflow uses, attribute by attribute."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from costgate.model import Decorator, Known, Step

Asked = Mapping[str, Mapping[str, Any]]  # decorator → attribute → value
MISSING = object()
ITSELF = "itself"  # stands for a decorator that has no attributes


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Attributes, counted."""

    flows: int = 0
    equal: int = 0
    unresolved: int = 0
    wrong: tuple[str, ...] = ()

    def __str__(self) -> str:
        counts = {"equal": self.equal, "unresolved": self.unresolved, "wrong": len(self.wrong)}
        total = sum(counts.values())
        shares = ", ".join(f"{count} {name} ({count / total:.1%})" for name, count in counts.items())
        return f"{total} attributes of {self.flows} flows that Metaflow loads: {shares}"


def total(scores: Iterable[Score]) -> Score:
    """The scores of several flows as one."""
    found = list(scores)
    return Score(
        flows=len(found),
        equal=sum(one.equal for one in found),
        unresolved=sum(one.unresolved for one in found),
        wrong=tuple(name for one in found for name in one.wrong),
    )


def score(flow: str, step: Step, asked: Asked, *, mutated: bool) -> Score:
    """One step against the arguments that Metaflow uses for it.

    `*`, a step of which any attribute may have changed, must have a reason: Metaflow knows of a mutator, or uses other
    arguments than the decorators say. Without one it would be a way to never be wrong.
    """
    results = _results(step.decorators, asked)
    if step.resources.touched_by is not None:
        has_reason = mutated or "wrong" in results.values()
        results = dict.fromkeys(results, "unresolved") if has_reason else {"*": "wrong"}
    count = Counter(results.values())
    wrong = tuple(f"{flow}: {name}" for name, result in results.items() if result == "wrong")
    return Score(flows=1, equal=count["equal"], unresolved=count["unresolved"], wrong=wrong)


def _results(decorators: tuple[Decorator, ...], asked: Asked) -> dict[str, str]:
    ours = {decorator.name: decorator for decorator in decorators}
    results: dict[str, str] = {}
    for name in sorted({*ours, *asked}):
        mine, theirs = ours.get(name), asked.get(name)
        if mine is None or theirs is None:
            results[f"{name}.{ITSELF}"] = "wrong"
            continue
        attributes = sorted({*mine.kwargs, *theirs})
        results |= {f"{name}.{key}": _result(mine, key, theirs.get(key, MISSING)) for key in attributes}
        if not attributes:
            results[f"{name}.{ITSELF}"] = "equal"
    return results


def _result(mine: Decorator, key: str, theirs: object) -> str:
    value = mine.kwargs.get(key, mine.rest)
    if isinstance(value, Known):
        return "equal" if json.loads(json.dumps(value.value, default=repr)) == theirs else "wrong"
    return "wrong" if value is None else "unresolved"
