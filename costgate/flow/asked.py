"""What real Metaflow says of a flow, joined to what its source says: one Flow, each value with its origin.

Where both agree the value keeps the places that the source told. What only Metaflow knows, and where the two differ,
Metaflow's value counts and says so. Pure: who asks, and how, is the business of others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from costgate.config import DeploymentSpec
from costgate.flow import attributes as at
from costgate.flow.answer import Answer, Failure, Request, Told, ToldStep
from costgate.flow.config_source import as_text
from costgate.flow.resolve import Settings
from costgate.flow.resources import COMPUTE, FIELDS, merge
from costgate.flow.schedule import schedule
from costgate.flow.told_graph import is_same_graph, steps_as_told
from costgate.flow.triggers import trigger
from costgate.model import (
    Decorator,
    Flow,
    Known,
    Location,
    Schedule,
    Step,
    StepResources,
    Trigger,
    Unresolved,
    Value,
)

VALUES = tuple(field.name for field in fields(StepResources) if field.name not in ("compute", "touched_by"))
Found = TypeVar("Found", Schedule, Trigger)


def _as_it_is(name: str, value: Known, decorator: Decorator) -> Value:
    return replace(value, value=None) if value.value == {} else value


FINAL: Mapping[str, Callable[[str, Known, Decorator], Value]] = {  # attribute after Metaflow's merge → how it is read
    "cpu": at.positive, "memory": at.positive, "disk": at.positive, "gpu": at.whole, "shared_memory": _as_it_is,
    "queue": _as_it_is, "node_selector": _as_it_is, "compute_pool": _as_it_is, "gpu_vendor": _as_it_is,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """The flow, and in words where Metaflow and the source differ."""

    flow: Flow
    differences: tuple[str, ...] = ()


def request(flow: Flow, spec: DeploymentSpec, settings: Settings) -> Request:
    """What to ask of Metaflow for a deployment of a flow."""
    values = {name: as_text(value).decode("utf-8", "surrogatepass") for name, value in spec.config_values.items()}
    return Request(
        file=flow.file,
        flow=flow.name,
        cwd=spec.cwd,
        configs=tuple(spec.configs.items()),
        config_values=tuple(values.items()),
        with_=settings.with_,
        target=settings.target,
        metaflow_env=tuple(sorted(settings.metaflow_env.items())),
    )


def left_open(flow: Flow) -> bool:
    """Whether the source leaves something open that Metaflow may know.

    The width of a foreach is none of it: Metaflow itself learns that when the flow runs.
    """
    found = (flow.project, flow.schedule, flow.trigger)
    return any(isinstance(value, Unresolved) for value in found) or any(map(_step_is_open, flow.steps))


def _step_is_open(step: Step) -> bool:
    found = step.resources
    return found.touched_by is not None or any(isinstance(getattr(found, name), Unresolved) for name in VALUES)


def unanswered(flow: Flow, failure: Failure) -> Flow:
    """The flow as its source tells it; what is open says why Metaflow could not close it."""

    def more(value: Any) -> Any:
        if isinstance(value, Unresolved):
            return replace(value, reason=f"{value.reason}; {failure.text}")
        return value

    return replace(
        flow,
        project=more(flow.project),
        schedule=more(flow.schedule),
        trigger=more(flow.trigger),
        steps=tuple(
            replace(
                step,
                resources=replace(
                    step.resources,
                    touched_by=more(step.resources.touched_by),
                    **{name: more(getattr(step.resources, name)) for name in VALUES},
                ),
            )
            for step in flow.steps
        ),
        unresolved=tuple(map(more, flow.unresolved)),
    )


def joined(flow: Flow, answer: Answer, settings: Settings) -> Joined:
    """The flow as its source and Metaflow tell it together."""
    same = is_same_graph(flow, answer)
    steps, problems = (flow.steps, tuple(filter(_of_graph, flow.unresolved))) if same else steps_as_told(flow, answer)
    join = _Join(flow=flow, note=f"resolved by running the flow with Metaflow {answer.metaflow}", settings=settings)
    told = {step.name: step for step in answer.steps}
    found = [join.step(step, told[step.name]) for step in steps]
    differences = [text for _, texts in found for text in texts]
    if not same:
        differences.insert(0, f"{flow.name}: Metaflow sees other steps, or other ways between them, than the source")
    own = {one.name: join.decorator(one, flow.location, ()) for one in answer.decorators}
    planned = schedule(own["schedule"], settings.target) if "schedule" in own else None
    done = replace(
        flow,
        project=join.project(own.get("project")),
        schedule=_as_before(flow.schedule, planned),
        trigger=_as_before(flow.trigger, trigger(own, settings.target)),
        steps=tuple(step for step, _ in found),
        unresolved=problems,
    )
    return Joined(flow=done, differences=tuple(differences))


def _of_graph(problem: Unresolved) -> bool:
    """Whether it is one of the graph, which Metaflow does not check when it loads a flow."""
    return problem.reason.startswith(f"step {problem.expression}: ")


def _as_before(before: Found | Unresolved | None, now: Found | Unresolved | None) -> Found | Unresolved | None:
    """The value of the source, with its place, where it is the same."""
    if before is None or now is None or isinstance(before, Unresolved) or isinstance(now, Unresolved):
        return now
    return before if replace(now, location=before.location) == before else now


@dataclass(frozen=True, slots=True, kw_only=True)
class _Join:
    """Joins the steps of one flow."""

    flow: Flow
    note: str
    settings: Settings

    def decorator(self, told: Told, place: Location, known: Iterable[Decorator]) -> Decorator:
        """A decorator as Metaflow has it, at the place where the source has it, if it does."""
        place = next((d.location for d in known if d.name == told.name), place)
        odd = {
            name: Unresolved(expression=text, reason=f"{name} is no plain data for Metaflow", location=place)
            for name, text in told.odd.items()
        }
        given = {name: self.known(value, place) for name, value in told.given.items()}
        # What was set by whatever way stands in `given`; Metaflow has checked the names.
        names = frozenset((*given, *odd))
        return Decorator(name=told.name, kwargs={**given, **odd}, unpacked=names, origin=told.origin, location=place)

    def known(self, value: Any, place: Location) -> Known:
        """A value that Metaflow told."""
        return Known(value=value, chain=(place,), notes=(self.note,))

    def project(self, decorator: Decorator | None) -> Value | None:
        """The name of the project."""
        found = decorator.kwargs.get("name") if decorator else None
        before = self.flow.project
        same = isinstance(before, Known) and isinstance(found, Known) and before.value == found.value
        return before if same else found

    def step(self, step: Step, told: ToldStep) -> tuple[Step, list[str]]:
        """A step with Metaflow's decorators and resources, and where they differ from the source's."""
        rules = self.settings.decorators
        names = {one.name for one in told.decorators}
        # An in-house decorator may leave no trace in Metaflow; costgate.yml says what it does.
        hidden = tuple(d for d in step.decorators if d.name in rules and d.name not in names)
        decorators = hidden + tuple(self.decorator(one, step.location, step.decorators) for one in told.decorators)
        refused = next((f"@{one.name}: {one.refused}" for one in told.decorators if one.refused), None)
        if refused:
            resources, differences = self._refused(step, f"Metaflow refuses {refused}")
        elif hidden:
            resources, differences = self._filled(step, self._resources(step, told, decorators[len(hidden) :])), []
        else:
            resources, differences = self._reconciled(step, self._resources(step, told, decorators))
        return replace(step, decorators=decorators, resources=resources), differences

    def _refused(self, step: Step, reason: str) -> tuple[StepResources, list[str]]:
        """A step that Metaflow would not deploy."""
        problem = Unresolved(expression=step.name, reason=reason, location=step.location)
        differences = [] if _step_is_open(step) else [f"{self.flow.name}/{step.name}: {reason}; the source looks well"]
        return replace(step.resources, touched_by=problem), differences

    def _resources(self, step: Step, told: ToldStep, decorators: tuple[Decorator, ...]) -> StepResources:
        rules = self.settings.decorators
        env = {name: Known(value=value) for name, value in self.settings.metaflow_env.items()}
        # Everything is attached already, and Metaflow applied its settings; they do no harm twice.
        _, found = merge(
            decorators, target="local", with_specs=(), metaflow_env=env, in_house=rules, location=step.location
        )
        if found.compute not in COMPUTE or any(one.name in rules for one in told.decorators):
            return found
        place = next(pair for pair in zip(told.decorators, decorators) if pair[0].name == found.compute)
        return replace(found, **self._final(*place))

    def _final(self, told: Told, decorator: Decorator) -> dict[str, Any]:
        """The attributes of the place to run, after Metaflow merged them with those of @resources and its settings."""
        return {
            FIELDS.get(name, name): read(name, self.known(told.final[name], decorator.location), decorator)
            for name, read in FINAL.items()
            if name in told.final
        }

    def _filled(self, step: Step, found: StepResources) -> StepResources:
        """What the source knows, through costgate.yml, stands; Metaflow fills in the rest."""
        before = step.resources
        filled = {name: getattr(found, name) for name in VALUES if isinstance(getattr(before, name), Unresolved)}
        return replace(before, touched_by=None, **filled)

    def _reconciled(self, step: Step, found: StepResources) -> tuple[StepResources, list[str]]:
        before = step.resources
        values: dict[str, Any] = {}
        differences: list[str] = []
        for name in VALUES:
            old, new = getattr(before, name), getattr(found, name)
            if _is_same(old, new):
                values[name] = old
            elif isinstance(old, Unresolved) or before.touched_by is not None:
                values[name] = new
            else:
                said = f"{_shown(old)} in the source ({_place(old, step)})"
                values[name] = replace(new, notes=(*new.notes, f"it is {said}")) if isinstance(new, Known) else new
                differences.append(f"{self.flow.name}/{step.name}: {name} is {_shown(new)} by Metaflow, {said}")
        if before.compute != found.compute and before.touched_by is None:
            said = f"it runs on {found.compute} by Metaflow, on {before.compute} in the source"
            differences.insert(0, f"{self.flow.name}/{step.name}: {said}")
        return replace(found, **values), differences


def _is_same(old: Value, new: Value) -> bool:
    return isinstance(old, Known) and isinstance(new, Known) and old.value == new.value


def _shown(value: Value) -> str:
    return f"{value.value!r:.60}" if isinstance(value, Known) else f"unknown ({value.reason})"


def _place(value: Known, step: Step) -> str:
    return (value.chain[-1] if value.chain else step.location).short
