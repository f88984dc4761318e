"""Mutators, evaluated without running them: what the steps and the flow are decorated with in the end.

The order is Metaflow's (flowspec.py, _process_config_decorators; decorators.py, _init_step_decorators and
_process_late_attached_decorator): `init`, `pre_mutate` of the flow's mutators, of the steps'; what the command line
attaches; `mutate` likewise; initialisation; what the deploy target attaches, after which `mutate` of a step runs again
and what it added before is taken away. What a mutator does that is not certain is Unresolved where it may have done it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from costgate.flow import mutators_body
from costgate.flow.metaflow_names import REPEATABLE
from costgate.flow.mutators_class import Mutator, method, mutator, settled
from costgate.flow.mutators_guard import ATTEMPTS, HARMLESS, Survey, survey
from costgate.flow.mutators_state import MERGING, Attached, FlowState, StepState, flow_view, step_view
from costgate.flow.mutators_values import World
from costgate.flow.specs import decorator_of
from costgate.flow.values import Applied, Arguments, Class, Decorated, ForeignName, OpenError, RefusedError
from costgate.model import Decorator, Known, Location, StepResources, Unresolved, Value

if TYPE_CHECKING:
    from costgate.flow.evaluate import Evaluator

HINT = "use `resolver: auto`, or write it with loops over steps, conditions on names and configs, and add_decorator"
# argo_workflows_cli.py and step_functions_cli.py: what they attach to steps without it.
LATE = {"argo-workflows": ("kubernetes", "environment"), "step-functions": ("batch",)}
# They attach @conda or @pypi before anything else is attached, and let the steps' mutators run then.
EARLY = {"conda_base": "conda", "pypi_base": "pypi"}


FLOW = frozenset({"exit_hook", "project", "schedule", "trigger", "trigger_on_finish"})  # they change no step


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutated:
    """What is on the flow and on one of its steps once all mutators have run."""

    decorators: tuple[Decorator, ...]
    touched: Unresolved | None = None
    attempts: Unresolved | None = None  # why it is not known how often a step is tried, and for how long
    is_complete: bool = False  # the command line and the target have attached what they do

    def tried(self, resources: StepResources) -> StepResources:
        """What a step asks for; retries and timeout are open where a mutator may have changed them."""
        if self.attempts is None:
            return resources
        return replace(resources, retry_times=self.attempts, timeout_s=self.attempts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A flow before its mutators run."""

    steps: Mapping[str, Decorated]
    locations: Mapping[str, Location]
    decorators: Mapping[str, Decorator]  # of the flow
    mutators: tuple[Applied, ...]  # of the flow, inherited ones first
    configs: Mapping[str, Value]
    attributes: Mapping[str, str]  # class attribute → option name, of the Configs
    is_bound: Callable[[str], bool]  # whether the class has an attribute of that name
    late: tuple[Decorator, ...]  # of the command line and the settings
    target: str
    touched: Unresolved | None


@dataclass(slots=True, kw_only=True)
class _Run:
    """The mutators of a flow at work."""

    ev: Evaluator
    given: Given
    world: World
    problems: list[Unresolved] = field(default_factory=list)
    surveys: dict[Class, Survey] = field(default_factory=dict)

    def survey(self, one: Mutator) -> Survey:
        """The most that a mutator can do."""
        cls = one.applied.cls
        if cls not in self.surveys:
            self.surveys[cls] = survey(self.ev, cls)
        return self.surveys[cls]

    @property
    def flow(self) -> FlowState:
        return self.world.flow

    @property
    def steps(self) -> Iterable[StepState]:
        return self.world.flow.steps.values()

    def everything(self) -> None:
        """All phases, in order."""
        self.pre_mutate()
        self.flow.is_early = False
        self.attach(self.steps, [*self.environments(), *self.given.late])
        for one in self.flow.mutators:
            self.call(one, "mutate", None)
        for step in self.steps:
            if self.environments():
                self.refuse_early(step)
            for one in step.mutators:
                self.mutate(one, step)
        for step in self.steps:
            for attached in step.decorators:
                initialised(attached, step)
        self.late(LATE.get(self.given.target, ()))
        for step in self.steps:
            self.check(step)

    def pre_mutate(self) -> None:
        """Flow first, then steps; each may add mutators that still have their turn."""
        for one in self.flow.mutators:
            initialise(self.world, one)
        for one in self.flow.mutators:
            self.call(one, "pre_mutate", None)
        for step in self.steps:
            for one in step.mutators:
                initialise(self.world, one)
        for step in self.steps:
            for one in step.mutators:
                self.call(one, "pre_mutate", step)

    def environments(self) -> list[Decorator]:
        """What @conda_base and @pypi_base attach to every step."""
        found = [several[0] for name, several in self.flow.decorators.items() if name in EARLY and several]
        return [Decorator(name=EARLY[d.name], origin="target", location=d.location) for d in found]

    def refuse_early(self, step: StepState) -> None:
        for one in (one for one in step.mutators if method(self.ev, one.applied.cls, "mutate") is not None):
            reason = "@conda_base and @pypi_base let it run before anything is attached"
            self.damage(one, [step], Unresolved(expression=one.name, reason=reason, location=one.location))

    def attach(self, steps: Iterable[StepState], decorators: Iterable[Decorator]) -> None:
        """What steps lack of these; a step with decorators that costgate.yml describes is left to who knows these."""
        for step in (step for step in steps if not step.is_house):
            for decorator in decorators:
                has = any(one.name == decorator.name for one in step.decorators)
                if not has or decorator.name in REPEATABLE:
                    step.decorators.append(Attached(decorator=decorator, raw=decorator.kwargs))

    def mutate(self, one: Mutator, step: StepState) -> None:
        """`mutate` of a step, which remembers what it added."""
        before = (*step.decorators, *step.wrappers)  # which stay alive, so that nothing new has the identity of one
        self.call(one, "mutate", step)
        known = set(map(id, before))
        one.inserted = tuple(found for found in (*step.decorators, *step.wrappers) if id(found) not in known)

    def late(self, names: tuple[str, ...]) -> None:
        """The deploy target attaches its decorators; the steps that get one let their mutators run again."""
        for step in self.steps:
            self.attach([step], [Decorator(name=name, origin="target", location=step.location) for name in names])
        for step in self.steps:
            if any(found.name in names and not found.is_initialised for found in step.decorators):
                for one in step.mutators:
                    own = set(map(id, one.inserted))
                    step.decorators = [found for found in step.decorators if id(found) not in own]
                    step.wrappers = [found for found in step.wrappers if id(found) not in own]
                    self.mutate(one, step)
        for step in self.steps:
            for attached in step.decorators:
                if attached.name in names or not attached.is_initialised:
                    initialised(attached, step)

    def check(self, step: StepState) -> None:
        """What the last word on a step must not leave open."""
        asked = tuple(one.decorator for one in step.decorators if one.name == "resources")
        if any(one.name in MERGING and (one.is_mixed or one.asked != asked) for one in step.decorators):
            step.touched = step.touched or self.by_all(step, "@resources changed after it was merged")
        need = LATE.get(self.given.target, (None,))[0]
        if need and not step.is_house and all(one.name != need for one in step.decorators):
            step.touched = step.touched or self.by_all(step, f"Metaflow fails: @{need} is gone in the end")

    def by_all(self, step: StepState, reason: str) -> Unresolved:
        names = ", ".join(dict.fromkeys(one.name for one in (*step.mutators, *self.flow.mutators)))
        text = f"the mutators {names} change {step.name} in a way that is not certain: {reason}; {HINT}"
        return Unresolved(expression=names, reason=text, location=step.location)

    def call(self, one: Mutator, name: str, step: StepState | None) -> None:
        """Runs a method of a mutator; what is not certain becomes damage."""
        world = self.world
        try:
            function = method(self.ev, one.applied.cls, name)
            if function is None:
                return
            if one.refused is not None:
                raise OpenError(one.refused)
            target = flow_view(self.flow, world.told) if step is None else step_view(self.flow, step, world.told)
            given = Arguments(args=(Known(value=one.view), target))

            def damaged(steps: list[StepState], unresolved: Unresolved) -> None:
                self.damage(one, steps, unresolved)

            mutators_body.run(world, one, function, given, damaged if self.survey(one).is_local else None)
        except OpenError as error:
            self.spread(one, step, error.unresolved)
        except RefusedError as error:
            self.spread(one, step, _refused(one, error.reason))

    def spread(self, one: Mutator, step: StepState | None, unresolved: Unresolved) -> None:
        """Damage to all that a mutator may reach."""
        if step is not None and self.survey(one).is_local:
            self.damage(one, [step], unresolved)
            return
        everywhere = self.damage(one, list(self.steps), unresolved)
        if everywhere is not None:
            self.problems.append(everywhere)
        for name in sorted(self.survey(one).of_flow & FLOW if self.flow.is_early else ()):
            found = _said(one, f"@{name}", unresolved)
            self.flow.decorators[name] = [Decorator(name=name, rest=found, location=found.location)]

    def damage(self, one: Mutator, steps: list[StepState], unresolved: Unresolved) -> Unresolved | None:
        """Steps that a mutator may have changed in a way that is not known; the same if that may be any attribute."""
        names = None if unresolved.reason.startswith("Metaflow fails") else self.survey(one).names
        is_bounded = names is not None and names <= HARMLESS | ATTEMPTS | FLOW
        what = "any attribute of any step" if len(steps) > 1 else "any attribute"
        found = _said(one, ", ".join(f"@{name}" for name in sorted(names or ())) if is_bounded else what, unresolved)
        for step in steps:
            # Whether the target attaches @environment decides whether the others run again.
            if not is_bounded or (names and "environment" in names and set(step.mutators) - {one}):
                step.touched = step.touched or found
            elif names and names & ATTEMPTS:
                step.attempts = step.attempts or found
            step.open = step.open or found
        return None if is_bounded else found


def _said(one: Mutator, what: str, unresolved: Unresolved) -> Unresolved:
    reason = f"the mutator {one.name} may change {what} ({unresolved.reason}); {HINT}"
    return replace(unresolved, reason=reason)


def _refused(one: Mutator, reason: str) -> Unresolved:
    return Unresolved(expression=one.applied.shown, reason=reason, location=one.location)


def initialise(world: World, one: Mutator) -> None:
    """Runs `init` with the arguments of the decorator; a mutator of which that is not known stays broken."""
    ev, cls = world.ev, one.applied.cls
    if one.refused is not None or one.is_initialised:
        return
    one.is_initialised = True
    try:
        given = settled(ev, one.applied.arguments)
        if "init" not in ev.sources.class_scope(cls).bindings:
            if given.args or given.kwargs or given.rest:
                one.refused = _refused(one, f"Metaflow fails: {one.name} has arguments but no init of its own")
            return
        function = method(ev, cls, "init")
        assert function is not None  # the class binds it
        bound = replace(given, args=(Known(value=one.view), *given.args))
        mutators_body.run(world, one, function, bound, None)
    except OpenError as error:
        one.broken = error.unresolved
    except RefusedError as error:
        one.broken = _refused(one, error.reason)


def initialised(attached: Attached, step: StepState) -> None:
    """Metaflow initialises a decorator; a place to run is merged with the @resources that the step has then."""
    attached.is_initialised = True
    if attached.name in MERGING:
        asked = tuple(one.decorator for one in step.decorators if one.name == "resources")
        attached.is_mixed = attached.asked not in (None, asked)
        attached.asked = asked


def as_written(ev: Evaluator, decorated: Decorated, touched: Unresolved | None) -> Mutated:
    """A step of a flow without mutators; `touched` is what may have changed every step."""
    decorators = tuple(decorator_of(ev, spec) for spec in reversed(decorated.specs))
    return Mutated(decorators=decorators, touched=next(iter(decorated.touched), touched))


def mutated(ev: Evaluator, given: Given) -> tuple[Mapping[str, Mutated], Mapping[str, Decorator], list[Unresolved]]:
    """What the steps and the flow are decorated with in the end, and what is not certain of all. Never raises."""
    flow = FlowState(
        steps={name: _step(ev, given, name) for name in sorted(given.steps)},
        decorators={name: [decorator] for name, decorator in given.decorators.items()},
        configs=given.configs,
        attributes=given.attributes,
        is_bound=given.is_bound,
        mutators=[mutator(ev, applied) for applied in given.mutators],
    )
    world = World(ev=ev, flow=flow, run=mutators_body.run, initialise=lambda one: initialise(world, one))
    run = _Run(ev=ev, given=given, world=world)
    run.everything()
    decorators = {name: several[0] for name, several in flow.decorators.items() if several}
    steps = {step.name: _result(step) for step in flow.steps.values()}
    return steps, decorators, list(dict.fromkeys(run.problems))


def _step(ev: Evaluator, given: Given, name: str) -> StepState:
    decorated = given.steps[name]
    decorators = []
    for spec in decorated.specs:
        is_told = not spec.arguments.unpacked and spec.arguments.rest is None
        decorators.append(Attached(decorator=decorator_of(ev, spec), raw=spec.arguments.kwargs if is_told else None))
    return StepState(
        name=name,
        location=given.locations[name],
        decorators=decorators,
        wrappers=[ForeignName(wrapper) for wrapper in decorated.wrappers],
        mutators=[mutator(ev, applied) for applied in decorated.mutators],
        is_house=any(spec.kind in ev.in_house for spec in decorated.specs),
        touched=next(iter(decorated.touched), given.touched),
    )


def _result(step: StepState) -> Mutated:
    found = [one.decorator for one in step.decorators]
    own = [decorator for decorator in reversed(found) if decorator.origin == "flow"]
    late = [d for d in found if d.origin != "flow" and (d.origin != "target" or d.name in MERGING)]
    return Mutated(
        decorators=(*own, *late), touched=step.touched, attempts=step.attempts, is_complete=not step.is_house
    )
