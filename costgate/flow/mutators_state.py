"""A flow and its steps as mutators see and change them: Metaflow's MutableFlow and MutableStep, list for list.

Where a list of Metaflow's is replaced or appended to, so is the one here: a loop over `decorator_specs` that adds or
removes decorators sees what it would see there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from costgate.flow import attributes as at
from costgate.flow.metaflow_names import REPEATABLE
from costgate.flow.mutators_class import Mutator
from costgate.flow.values import Arguments, ForeignName, Myself, Native, RefusedError, Tree, known, plain
from costgate.model import Decorator, Known, Location, Unresolved, Value

IGNORE, ERROR, OVERRIDE = 1, 2, 3
CHOICES = {"IGNORE": IGNORE, "ERROR": ERROR, "OVERRIDE": OVERRIDE}
EFFECTS = frozenset({"add_decorator", "add_parameter", "remove_decorator", "remove_parameter"})
MERGING = frozenset({"batch", "kubernetes"})  # their attributes change when Metaflow initialises them
INTERNAL = "is used in a way that is not evaluated"


@dataclass(slots=True, kw_only=True, eq=False)
class Attached:
    """A decorator of a step on its way to the deployment."""

    decorator: Decorator
    raw: Mapping[str, Value] | None  # its arguments before config expressions are evaluated; None: with a `**config`
    is_initialised: bool = False
    asked: tuple[Decorator, ...] | None = None  # the @resources that were merged into it
    is_mixed: bool = False  # others were merged into it before

    @property
    def name(self) -> str:
        return self.decorator.name


@dataclass(slots=True, kw_only=True, eq=False)
class StepState:
    """A step."""

    name: str
    location: Location
    decorators: list[Attached] = field(default_factory=list)  # in Metaflow's order: the lowest one first
    wrappers: list[ForeignName] = field(default_factory=list)  # UserStepDecorators
    mutators: list[Mutator] = field(default_factory=list)
    is_house: bool = False  # has decorators that costgate.yml describes: what they really are is not known
    touched: Unresolved | None = None  # anything may have changed
    attempts: Unresolved | None = None  # @retry and @timeout may have changed
    open: Unresolved | None = None  # decorators without effect on resources may have changed

    def check(self) -> None:
        """RefusedError where it is not known which decorators the step has."""
        unknown = self.touched or self.attempts or self.open
        if unknown is not None:
            raise RefusedError(f"looks at the decorators of {self.name}, which are not known")
        if self.is_house:
            raise RefusedError(f"looks at the decorators of {self.name}, of which costgate.yml describes one")

    def specs(self, own: Callable[[Attached, dict[str, Value]], None]) -> Iterator[Known]:
        """`decorator_specs`, as live as Metaflow's; `own` hears which attributes belong to which decorator."""
        self.check()
        for attached in self.decorators:
            kwargs = _attributes(attached)
            if isinstance(kwargs, Known):
                own(attached, kwargs.value)
            yield _spec(Known(value=attached.name, chain=(attached.decorator.location,)), kwargs)
        for name in self._foreign_names():
            yield _foreign(name, self.location)

    def has(self, name: str) -> bool:
        """`has_decorator`."""
        self.check()
        return _has(name, [attached.name for attached in self.decorators], self._foreign_names())

    def _foreign_names(self) -> list[str]:
        return [*(one.name for one in self.wrappers), *(one.name for one in self.mutators)]

    def add(self, attached: Attached, duplicates: Any) -> bool:
        """Whether the decorator was added."""
        name = attached.name
        if self.is_house and name in (*MERGING, "resources"):
            raise RefusedError(f"adds @{name} beside a decorator that costgate.yml describes")
        has = any(one.name == name for one in self.decorators)
        if has and name not in REPEATABLE:
            if not _overrides(duplicates, f"@{name}"):
                return False
            self.decorators = [one for one in self.decorators if one.name != name]
        self.decorators.append(attached)
        return True

    def add_mutator(self, one: Mutator, duplicates: Any) -> bool:
        """Whether the mutator was added."""
        if any(other.applied.cls == one.applied.cls for other in self.mutators):
            if not _overrides(duplicates, one.name):
                return False
            self.mutators = [other for other in self.mutators if other.applied.cls != one.applied.cls]
        self.mutators.append(one)
        return True

    def remove(self, name: str, matches: Callable[[Attached], bool]) -> bool:
        """Whether a decorator of that name was removed."""
        if self.is_house or any(f".{name}".endswith(f".{other}") for other in self._foreign_names()):
            raise RefusedError(f"removes {name}, which may be a decorator of the user's")
        kept = [one for one in self.decorators if one.name != name or not matches(one)]
        removed = len(kept) < len(self.decorators)
        self.decorators = kept
        return removed


@dataclass(slots=True, kw_only=True, eq=False)
class FlowState:
    """A flow class with its steps, in the order of their names, which is that of `dir(cls)`."""

    steps: Mapping[str, StepState]
    decorators: dict[str, list[Decorator]]
    configs: Mapping[str, Value]  # option name → value
    attributes: Mapping[str, str]  # class attribute → option name, of the Configs
    is_bound: Callable[[str], bool]  # whether the class has an attribute of that name
    mutators: list[Mutator] = field(default_factory=list)
    is_early: bool = True  # in pre_mutate

    def has(self, name: str) -> bool:
        """`has_decorator`."""
        names = [found for found, several in self.decorators.items() if several]
        return _has(name, names, [one.name for one in self.mutators])

    def add(self, decorator: Decorator, duplicates: Any) -> bool:
        """Whether the flow decorator was added. An override leaves Metaflow with both of them."""
        self.check_early()
        name = decorator.name
        if self.decorators.get(name) and name not in REPEATABLE:
            if not _overrides(duplicates, f"@{name}"):
                return False
            reason = f"@{name} is overridden, of which Metaflow keeps both"
            unknown = Unresolved(expression=f"@{name}", reason=reason, location=decorator.location)
            self.decorators[name] = [Decorator(name=name, rest=unknown, location=decorator.location)]
            return True
        self.decorators.setdefault(name, []).append(decorator)
        return True

    def add_mutator(self, one: Mutator, duplicates: Any) -> bool:
        """Whether the mutator was added."""
        self.check_early()
        if any(other.applied.cls == one.applied.cls for other in self.mutators):
            if not _overrides(duplicates, one.name):
                return False
            self.mutators[:] = [other for other in self.mutators if other.applied.cls != one.applied.cls]
        self.mutators.append(one)
        return True

    def remove(self, name: str) -> bool:
        """Whether flow decorators of that name were removed."""
        self.check_early()
        if any(f".{name}".endswith(f".{other.name}") for other in self.mutators):
            raise RefusedError("Metaflow fails: a FlowMutator cannot be removed")
        return bool(self.decorators.pop(name, []))

    def check_early(self) -> None:
        """RefusedError in `mutate`, where Metaflow lets nobody change the flow itself."""
        if not self.is_early:
            raise RefusedError("Metaflow fails: the flow itself and its mutators can only be changed in pre_mutate")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StepView(Myself):
    """A MutableStep."""

    step: StepState
    flow: FlowState


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FlowView(Myself):
    """A MutableFlow."""

    flow: FlowState


Own = Callable[[Attached, "dict[str, Value]"], None]


def step_view(flow: FlowState, step: StepState, own: Own) -> Known:
    """What stands for a step in the code of a mutator."""

    def attribute(name: str) -> Known:
        if name in CHOICES:
            return Known(value=CHOICES[name])
        if name == "flow":
            return flow_view(flow, own)
        if name == "decorator_specs":
            return Known(value=list(step.specs(own)))
        if name == "has_decorator":
            return _native(name, step.has)
        if name == "get_decorator_specs":
            return _native(name, lambda query: [spec for spec in step.specs(own) if _is_named(spec, query)])
        raise RefusedError(f"{name} of a MutableStep {INTERNAL}")

    return Known(value=StepView(step=step, flow=flow, attribute=attribute))


def flow_view(flow: FlowState, own: Own) -> Known:
    """What stands for the flow."""

    def attribute(name: str) -> Known:
        if name in CHOICES:
            return Known(value=CHOICES[name])
        if name == "steps":
            pairs = ((Known(value=step.name), step_view(flow, step, own)) for step in flow.steps.values())
            return Known(value=[Known(value=pair) for pair in pairs])
        if name == "configs":
            return Known(value=[_config(flow, option) for _, option in sorted(flow.attributes.items())])
        if name == "decorator_specs":
            return Known(value=list(_flow_specs(flow)))
        if name == "has_decorator":
            return _native(name, flow.has)
        if name in FLOW_OWN or name.startswith("_"):
            raise RefusedError(f"{name} of a MutableFlow {INTERNAL}")
        if name in flow.steps:
            return step_view(flow, flow.steps[name], own)
        if name in flow.attributes:
            return _truthy(flow, name)
        raise RefusedError(f"the flow has no step or Config {name}")

    return Known(value=FlowView(flow=flow, attribute=attribute))


FLOW_OWN = EFFECTS | {"get_decorator_specs", "parameters"}


def _config(flow: FlowState, option: str) -> Known:
    return Known(value=(Known(value=option), flow.configs[option]))


def _truthy(flow: FlowState, attribute: str) -> Known:
    """`mutable_flow.cfg`: Metaflow gives what is a mapping of a config and not empty, and finds no other one."""
    option = flow.attributes[attribute]
    if option != option.replace("-", "_").lower():
        raise RefusedError(f"the Config {option!r} is read by a name that Metaflow changes")
    found = known(flow.configs[option])
    if not isinstance(found.value, Tree) or not found.value.data:
        raise RefusedError(f"Metaflow fails: the flow gives no {attribute}, a Config that is empty or plain")
    return found


def _native(name: str, answer: Callable[[str], Any]) -> Known:
    """A method that takes the name of a decorator."""

    def result(given: Arguments) -> Known:
        values = [*given.args, *given.kwargs.values()]
        query = plain(known(values[0]).value) if len(values) == 1 and not given.rest else None
        if not isinstance(query, str) or "." in query:
            raise RefusedError(f"calls {name} with what is no plain name of a decorator")
        return Known(value=answer(query))

    return Known(value=Native(name=name, result=result))


def _has(name: str, own: list[str], foreign: list[str]) -> bool:
    return name in own or any(ForeignName(other) == name for other in foreign)


def _is_named(spec: Known, query: str) -> bool:
    return bool(known(spec.value[0]).value == query)


def _spec(name: Known, kwargs: Value) -> Known:
    path = Unresolved(
        expression="decorator_specs", reason="where Metaflow defines it is not told", location=name.chain[0]
    )
    return Known(value=(name, path, Known(value=[]), kwargs))


def _foreign(name: str, place: Location) -> Known:
    unknown = Unresolved(expression=name, reason=f"the arguments of {name} are not told", location=place)
    return Known(value=(Known(value=ForeignName(name), chain=(place,)), unknown, unknown, unknown))


def _flow_specs(flow: FlowState) -> Iterator[Known]:
    for name, several in flow.decorators.items():
        for decorator in several:
            why = Unresolved(expression=f"@{name}", reason="its attributes are not told", location=decorator.location)
            yield _spec(Known(value=name, chain=(decorator.location,)), why)
    for one in flow.mutators:
        yield _foreign(one.name, one.location)


def _attributes(attached: Attached) -> Value:
    """All attributes of a decorator as `decorator_specs` tells them, defaults and all."""
    decorator = attached.decorator
    name, place = decorator.name, decorator.location
    if name not in at.DEFAULTS or attached.raw is None or decorator.rest or decorator.args:
        return Unresolved(expression=f"@{name}", reason=f"the attributes of @{name} are not told", location=place)
    if attached.is_initialised and name in MERGING:
        return Unresolved(expression=f"@{name}", reason=f"@{name} is merged with @resources by then", location=place)
    others = {other: _untold(name, other, place) for other in at.OTHERS.get(name, ())}
    defaults = {key: at.default(value, decorator) for key, value in at.DEFAULTS[name].items()}
    given = decorator.kwargs if attached.is_initialised else attached.raw
    return Known(value={**others, **defaults, **given}, chain=(place,))


def _untold(name: str, attribute: str, place: Location) -> Unresolved:
    reason = f"the default of {attribute} of @{name} is not told"
    return Unresolved(expression=attribute, reason=reason, location=place)


def _overrides(duplicates: Any, what: str) -> bool:
    """Whether a decorator that is there already gives way."""
    if duplicates == ERROR:  # what mutators add counts as written in the code
        raise RefusedError(f"Metaflow fails: {what} is there already")
    return bool(duplicates == OVERRIDE)
