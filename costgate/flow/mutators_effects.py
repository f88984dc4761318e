"""What a mutator's call does to the flow or a step: decorators and mutators added and removed, parameters added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from costgate.errors import InputError
from costgate.flow import decorated, elements
from costgate.flow.decospec import parse_decospec
from costgate.flow.metaflow_names import FLOW_DECORATORS, STEP_DECORATORS
from costgate.flow.mutators_class import Mutator, kind_of, mutator
from costgate.flow.mutators_state import CHOICES, IGNORE, Attached, FlowView, StepView
from costgate.flow.specs import decorator_of
from costgate.flow.values import (
    Applied,
    Arguments,
    Class,
    External,
    ForeignName,
    Function,
    MetaflowObject,
    Myself,
    RefusedError,
    known,
    plain,
    value_name,
)
from costgate.model import Decorator, Known, Location, Unresolved, Value

if TYPE_CHECKING:
    from costgate.flow.mutators_values import World

PARAMETERS = {
    "add_decorator": ("deco_type", "deco_args", "deco_kwargs", "duplicates"),
    "add_parameter": ("name", "value", "overwrite"),
    "remove_decorator": ("deco_name", "deco_args", "deco_kwargs"),
    "remove_parameter": ("parameter_name",),
}
NONE = Known(value=None)
PATHS = ("metaflow.user_decorators.mutable_step.MutableStep.", "metaflow.user_decorators.mutable_flow.MutableFlow.")


def _closed(name: str) -> Known:
    raise RefusedError(f"uses {name} of a decorator that it added")


ADDED = Myself(attribute=_closed)  # what `add_decorator` returns; nobody looks into it


def apply_effect(
    world: World, receiver: FlowView | StepView, name: str, given: Arguments, place: Location, shown: str
) -> Known:
    """Carries out one of EFFECTS; what it returns. RefusedError or OpenError where the effect is not known."""
    options = _options(name, given)
    if name == "remove_decorator":
        return Known(value=_remove(world, receiver, options), chain=(place,))
    if name == "add_parameter":
        return _add_parameter(receiver, options)
    if name == "remove_parameter":
        raise RefusedError("removes a parameter, which is not evaluated")
    what = known(options.get("deco_type", NONE)).value
    if isinstance(what, (Class, Function)):
        return _add_own(world, receiver, what, options, place, shown)
    decorator, raw = _decorator(world, receiver, what, options, place)
    duplicates = _duplicates(options)
    if isinstance(receiver, FlowView):
        return _added(receiver.flow.add(decorator, duplicates), place)
    return _added(receiver.step.add(Attached(decorator=decorator, raw=raw), duplicates), place)


def _options(name: str, given: Arguments) -> dict[str, Value]:
    names = PARAMETERS[name]
    options = {**dict(zip(names, given.args)), **given.kwargs}
    fits = len(given.args) <= len(names) and len(options) == len(given.args) + len(given.kwargs)
    if not fits or not options.keys() <= set(names):
        raise RefusedError(f"Python fails here: the arguments do not fit {name}")
    return options


def _added(is_added: bool, place: Location) -> Known:
    return Known(value=ADDED if is_added else None, chain=(place,))


def _duplicates(options: Mapping[str, Value]) -> Any:
    value = known(options.get("duplicates", Known(value=IGNORE))).value
    if isinstance(value, External):
        member = next((value.name.removeprefix(path) for path in PATHS if value.name.startswith(path)), "")
        value = CHOICES.get(member)
    if value not in CHOICES.values() or isinstance(value, (bool, float)):
        raise RefusedError("adds a decorator with a choice of duplicates that is not known")
    return value


def _decorator(
    world: World, receiver: FlowView | StepView, what: Any, options: Mapping[str, Value], place: Location
) -> tuple[Decorator, Mapping[str, Value] | None]:
    """A decorator of Metaflow's own and its arguments as given."""
    kinds = FLOW_DECORATORS - {"costgate"} if isinstance(receiver, FlowView) else STEP_DECORATORS
    if not _is_empty(options.get("deco_args", NONE)):
        raise RefusedError("Metaflow fails: its decorators take no positional arguments")
    text = what if isinstance(what, str) else ""
    name = text.partition(":")[0] or (what.name.removeprefix("metaflow.") if isinstance(what, External) else "")
    if name not in kinds:
        raise RefusedError(f"adds {name or 'something'}, which is none of Metaflow's decorators")
    kwargs, rest = _kwargs(world, options.get("deco_kwargs", NONE))
    if ":" in text:
        if kwargs or rest:
            raise RefusedError("Metaflow fails: arguments both in the decospec and beside it")
        spec = _parsed(text, place)
        return spec, spec.kwargs
    spec = decorator_of(
        world.ev, MetaflowObject(kind=name, arguments=Arguments(kwargs=kwargs, rest=rest), location=place)
    )
    if text:  # Metaflow checks the names of attributes only where it is given the decorator itself
        spec = replace(spec, unpacked=frozenset(kwargs))
    return spec, kwargs


def _parsed(text: str, place: Location) -> Decorator:
    try:
        return replace(parse_decospec(text, place), origin="flow")
    except InputError as error:
        raise RefusedError(f"Metaflow fails: {error.problems[0].message}") from None


def _is_empty(value: Value) -> bool:
    found = known(value).value
    return found is None or (isinstance(found, (list, tuple)) and not found)


def _kwargs(world: World, value: Value) -> tuple[dict[str, Value], Unresolved | None]:
    if isinstance(value, Unresolved):
        return {}, value
    if value.value is None:
        return {}, None
    found = elements.mapping(value)
    if not all(isinstance(key, str) for key in found):
        raise RefusedError("Metaflow fails: the name of an attribute is no text")
    return found, None


def _add_own(
    world: World,
    receiver: FlowView | StepView,
    what: Class | Function,
    options: Mapping[str, Value],
    place: Location,
    shown: str,
) -> Known:
    """A mutator or UserStepDecorator of the repository."""
    kind = kind_of(world.ev, what) if isinstance(what, Class) else None
    if isinstance(receiver, StepView) and decorated.is_user_step_decorator(world.ev, what):
        receiver.step.wrappers.append(ForeignName(value_name(what)))
        return Known(value=ADDED, chain=(place,))
    wanted = "StepMutator" if isinstance(receiver, StepView) else "FlowMutator"
    if kind != wanted or not isinstance(what, Class):
        raise RefusedError(f"adds {value_name(what)}, which is no {wanted} of the repository")
    receiver.flow.check_early()
    args = known(options.get("deco_args", NONE)).value or ()
    kwargs, rest = _kwargs(world, options.get("deco_kwargs", NONE))
    given = Arguments(args=tuple(elements.iterate(Known(value=args))), kwargs=kwargs, rest=rest)
    one = mutator(world.ev, Applied(cls=what, arguments=given, location=place, shown=shown))
    return _added(_joined(world, receiver, one, _duplicates(options)), place)


def _joined(world: World, receiver: FlowView | StepView, one: Mutator, duplicates: Any) -> bool:
    is_added = (receiver.flow if isinstance(receiver, FlowView) else receiver.step).add_mutator(one, duplicates)
    if is_added:
        world.initialise(one)
    return is_added


def _remove(world: World, receiver: FlowView | StepView, options: Mapping[str, Value]) -> bool:
    name = known(options.get("deco_name", NONE)).value
    if isinstance(name, ForeignName) or not isinstance(name, str):
        raise RefusedError("removes a decorator whose name is not known")
    args, kwargs = known(options.get("deco_args", NONE)), options.get("deco_kwargs", NONE)
    is_any = args.value is None and isinstance(kwargs, Known) and kwargs.value is None
    if isinstance(receiver, FlowView):
        if not is_any and receiver.flow.decorators.get(name):
            raise RefusedError("removes a flow decorator by its arguments")
        return receiver.flow.remove(name)

    def matches(attached: Attached) -> bool:
        return is_any or (args.value is not None and _is_same(world, attached, plain(args.value), known(kwargs).value))

    return receiver.step.remove(name, matches)


def _is_same(world: World, attached: Attached, args: Any, kwargs: Any) -> bool:
    """Whether arguments are those that `decorator_specs` told of this decorator."""
    if args != [] or kwargs is None:
        return False
    told = world.specs.get(id(kwargs))
    if told is None or told[0] is not attached or told[1] != kwargs:
        raise RefusedError("removes a decorator by arguments that are compared by Metaflow")
    return True


def _add_parameter(receiver: FlowView | StepView, options: Mapping[str, Value]) -> Known:
    """A new parameter changes nothing that anybody else sees here."""
    name, value = known(options.get("name", NONE)).value, known(options.get("value", NONE)).value
    is_parameter = isinstance(value, MetaflowObject) and value.kind == "Parameter"
    if not isinstance(receiver, FlowView) or not isinstance(name, str) or not is_parameter:
        raise RefusedError("adds a parameter in a way that is not evaluated")
    if "overwrite" in options:
        raise RefusedError("adds a parameter that may take the place of another one")
    receiver.flow.check_early()
    if receiver.flow.is_bound(name):
        raise RefusedError(f"adds a parameter in the place of {name}")
    return NONE
