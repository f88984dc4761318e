"""How what we know of a flow compares with what Metaflow uses, attribute by attribute."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from costgate.model import Decorator, Known, Step

Asked = Mapping[str, Mapping[str, Any]]  # decorator → attribute → value
Json = Mapping[str, Any]
MISSING = object()
ITSELF = "itself"  # stands for a decorator that has no attributes
WHOLE = "*"
FAILING = "a value that Metaflow itself refuses only when it starts the job"
COUNTS = {"cpu": "cpu", "gpu": "gpu", "memory": "memory_mb", "disk": "disk_mb", "shared_memory": "shared_memory_mb",
          "inferentia": "inferentia"}  # fmt: skip
TEXTS = ("queue", "compute_pool", "gpu_vendor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Attributes, counted; those that are not equal by name."""

    flows: int = 0
    equal: int = 0
    unresolved: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()

    @property
    def attributes(self) -> int:
        return self.equal + len(self.unresolved) + len(self.wrong)

    def __str__(self) -> str:
        counts = {"equal": self.equal, "unresolved": len(self.unresolved), "wrong": len(self.wrong)}
        shares = ", ".join(f"{count} {name} ({count / self.attributes:.1%})" for name, count in counts.items())
        return f"{self.attributes} attributes of {self.flows} flows that Metaflow loads: {shares}"


def total(scores: Iterable[Score]) -> Score:
    """The scores of several flows as one."""
    found = list(scores)
    return Score(
        flows=sum(one.flows for one in found),
        equal=sum(one.equal for one in found),
        unresolved=tuple(name for one in found for name in one.unresolved),
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
        results = dict.fromkeys(results, "unresolved") if has_reason else {WHOLE: "wrong"}
    return _counted(flow, results)


def _counted(flow: str, results: Mapping[str, str]) -> Score:
    """Results by attribute; what follows the word in one (a reason, the values) is kept with the name."""
    names: dict[str, list[str]] = {"equal": [], "unresolved": [], "wrong": []}
    for attribute, result in results.items():
        word, _, more = result.partition(" ")
        names[word].append(f"{flow}: {attribute} {more}".rstrip())
    unresolved, wrong = tuple(names["unresolved"]), tuple(names["wrong"])
    return Score(flows=1, equal=len(names["equal"]), unresolved=unresolved, wrong=wrong)


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


def score_resolved(flow: str, ours: Json, theirs: Json, target: str) -> Score:
    """What `costgate resolve --output json` prints of a flow against everything that Metaflow says about it.

    An attribute that neither side has does not count. Widths count where the code of the steps could run.
    """
    results: dict[str, str] = {}
    for name in sorted({*ours["steps"], *theirs["steps"]}):
        if name not in ours["steps"] or name not in theirs["steps"]:
            results[f"{name}.{ITSELF}"] = "wrong"
            continue
        step = ours["steps"][name]
        facts, open_ = expected(theirs["steps"][name], target), _reasons(step["unresolved"])
        if WHOLE in open_ and not theirs["mutated"]:
            results[f"{name}.{WHOLE}"] = f"wrong {open_[WHOLE]}"
            continue
        for attribute, fact in facts.items():
            mine = _own(step, attribute)
            if fact is not None or mine is not None or attribute in open_:
                results[f"{name}.{attribute}"] = _compared(mine, fact, open_.get(attribute, open_.get(WHOLE)))
    return _counted(flow, results | _flow_results(ours, theirs, target))


def _reasons(gaps: Iterable[Json]) -> dict[str, str]:
    return {gap["attribute"]: f"[{gap['location']} {gap['expression']}: {gap['reason']}]" for gap in gaps}


def _compared(mine: Any, fact: Any, reason: str | None) -> str:
    if reason is not None:
        return "equal" if fact == FAILING else f"unresolved {reason}"
    return "equal" if mine == fact and isinstance(mine, bool) == isinstance(fact, bool) else f"wrong {mine} not {fact}"


def _own(step: Json, attribute: str) -> Any:
    if attribute == "foreach":
        return step["foreach"] and step["foreach"]["width"]
    return step["foreach"] and step["foreach"]["artifact"] if attribute == "artifact" else step[attribute]


def _flow_results(ours: Json, theirs: Json, target: str) -> dict[str, str]:
    """What is known of the flow itself, and every problem that we see in a flow that Metaflow takes."""
    open_ = _reasons(ours["unresolved"])
    results = {f"{WHOLE} {number}": f"unresolved {_reasons([gap])[WHOLE]}"
               for number, gap in enumerate(ours["unresolved"]) if gap["attribute"] == WHOLE}  # fmt: skip
    schedule = theirs["schedule"] if target != "local" else None  # a run on one's machine has none
    fact = {"cron": schedule[0], "timezone": schedule[1]} if schedule and schedule[0] is not None else None
    mine = ours["schedule"] and {name: ours["schedule"][name] for name in ("cron", "timezone")}
    for name, own, said in (("schedule", mine, fact), ("project", ours["project"], theirs["project"])):
        if own is not None or said is not None or name in open_:
            results[name] = _compared(own, said, open_.get(name))
    return results


def expected(step: Json, target: str) -> dict[str, Any]:
    """What resolve v1 must say of a step: attribute → value, as Metaflow's decorators end up with it."""
    decorators = step["decorators"]
    places = ("batch", "kubernetes") if target == "step-functions" else ("kubernetes", "batch")
    compute = next((place for place in places if place in decorators), "local")
    found = decorators.get(compute, decorators.get("resources", {}))
    facts: dict[str, Any] = {"compute": compute, "next": step["next"], "trainium": None}
    facts |= {ours: _number(found.get(theirs)) for theirs, ours in COUNTS.items()}
    if compute == "kubernetes" and found.get("shared_memory") == "":
        facts["shared_memory_mb"] = None  # Metaflow passes on what is true only
    facts |= {name: found.get(name) for name in TEXTS}
    facts["node_selector"] = _labels(found.get("node_selector") or {})
    retries = step["retries"]
    facts |= {"retry_times": retries if retries is None else max(retries, 0), "timeout_s": step["timeout_s"]}
    facts |= {"artifact": step["foreach"] if step["kind"] == "foreach" else None, "num_parallel": None}
    if step["kind"] not in ("foreach", "num_parallel"):
        return facts | {"foreach": None}
    if "width" in step:
        facts["foreach" if step["kind"] == "foreach" else "num_parallel"] = step["width"]
    else:
        facts.pop("num_parallel")
    return facts


def _labels(labels: Any) -> dict[str, str] | str | None:
    """Kubernetes knows labels as texts only."""
    if not isinstance(labels, dict):
        return FAILING
    return {name: "" if label is None else str(label) for name, label in labels.items()} or None


def _number(value: Any) -> float | str | None:
    try:
        return None if value is None else float(str(value) if isinstance(value, bool) else value)
    except (TypeError, ValueError):
        return FAILING
