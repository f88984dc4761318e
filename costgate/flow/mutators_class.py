"""The classes of mutators: which kind they are, whether their bodies tell all, and what `init` leaves in `self`."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from costgate.flow import classes, delayed
from costgate.flow.frame import module_frame
from costgate.flow.mutations import Changes, nodes
from costgate.flow.names import class_binding, is_harmless
from costgate.flow.source import Module
from costgate.flow.values import (
    ANY,
    Applied,
    Arguments,
    Class,
    Delayed,
    External,
    Function,
    Myself,
    OpenError,
    Partial,
    RefusedError,
    known,
    made,
)
from costgate.model import Known, Location, Unresolved, Value

if TYPE_CHECKING:
    from costgate.flow.evaluate import Evaluator

Kind = Literal["FlowMutator", "StepMutator"]
BASES: dict[str, Kind] = {
    "metaflow.FlowMutator": "FlowMutator",
    "metaflow.StepMutator": "StepMutator",
    "metaflow.user_decorators.user_flow_decorator.FlowMutator": "FlowMutator",
    "metaflow.user_decorators.user_step_decorator.StepMutator": "StepMutator",
}
# Of Metaflow's own classes; one that a mutator replaces may do anything.
INTERNALS = frozenset({
    "_all_step_fields", "_allowed_args", "_allowed_kwargs", "_args", "_decorator_name", "_flow_cls", "_kwargs",
    "_mutate_called", "_mutate_inserted", "_my_step", "_original_module", "_ran_init", "_set_flow_cls", "_set_my_step",
    "_special_kwargs", "_step_field", "add_or_raise", "decorator_name", "external_init",
    "extract_args_kwargs_from_decorator_spec", "get_args_kwargs", "get_decorator_by_name", "get_decorator_name",
    "inserted_by", "make_decorator_spec", "parse_decorator_spec", "statically_defined",
})  # fmt: skip
QUIET_DUNDERS = frozenset({"__doc__", "__module__", "__qualname__", "__repr__", "__str__"})
HOOKS = frozenset({"init", "mutate", "pre_mutate"})  # they are followed statement by statement
# What calls of these names are given stays as it is: Metaflow copies arguments of decorators.
COPYING = frozenset({"add_decorator", "remove_decorator", "has_decorator", "get_decorator_specs", "update"})


@dataclass(slots=True, kw_only=True, eq=False)
class Mutator:
    """An instance of a mutator's class while a flow is deployed."""

    applied: Applied
    kind: Kind
    fields: dict[str, Value] = field(default_factory=dict)  # what `init` assigned
    refused: Unresolved | None = None  # why nothing of it is evaluated
    broken: Unresolved | None = None  # why its attributes are not known
    is_unfollowed: bool = False  # methods of its own have run that were not evaluated
    view: MutatorView
    is_initialised: bool = False
    inserted: tuple[Any, ...] = ()  # what its last `mutate` added to its step

    @property
    def name(self) -> str:
        """Of the class."""
        return self.applied.cls.name

    @property
    def location(self) -> Location:
        """Where it is applied."""
        return self.applied.location


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MutatorView(Myself):
    """`self` in a mutator's methods."""

    cls: Class


def kind_of(ev: Evaluator, cls: Class) -> Kind | None:
    """Which kind of mutator a class is; None for another one, or one with bases that are not known."""
    others = [base for base in classes.mro(ev, cls) if not isinstance(base, Class)]
    names = [base.name for base in others if isinstance(base, External) and base.name != "builtins.object"]
    return BASES.get(names[0]) if len(names) == 1 and all(isinstance(base, External) for base in others) else None


def own_classes(ev: Evaluator, cls: Class) -> list[Class]:
    """The classes of the repository that a mutator is made of, in method resolution order."""
    return [base for base in classes.mro(ev, cls) if isinstance(base, Class)]


def mutator(ev: Evaluator, applied: Applied) -> Mutator:
    """The instance before `init`. RefusedError if its class may be something else than its bodies say."""
    kind = kind_of(ev, applied.cls)
    assert kind is not None  # nothing else is applied
    found: list[Mutator] = []
    view = MutatorView(cls=applied.cls, attribute=lambda name: _attribute(ev, found[0], name))
    found.append(Mutator(applied=applied, kind=kind, view=view))
    try:
        _check(ev, applied.cls)
    except RefusedError as error:
        found[0].refused = _unresolved(applied, error.reason)
    return found[0]


def _unresolved(applied: Applied, reason: str) -> Unresolved:
    return Unresolved(expression=applied.shown, reason=reason, location=applied.location)


def _check(ev: Evaluator, cls: Class) -> None:
    for base in own_classes(ev, cls):
        for name in ev.sources.class_scope(base).bindings:
            is_special = name.startswith("__") and name.endswith("__") and name not in QUIET_DUNDERS
            if is_special or name in INTERNALS:
                raise RefusedError(f"{base.name} has its own {name}")
        if base.node.decorator_list or base.node.keywords:
            raise RefusedError(f"{base.name} has a decorator, a metaclass or class options")
        if any(not is_harmless_call(ev, base.module, call) for call in base.module.changes.passed.get(base.name, ())):
            raise RefusedError(f"{base.name} is handed to a call that may change it")


def is_harmless_call(ev: Evaluator, module: Module, call: ast.Call) -> bool:
    """Whether a call in a module leaves its arguments alone."""
    if isinstance(call.func, ast.Attribute) and call.func.attr in COPYING:
        return True
    result = ev.evaluate(call.func, module_frame(module))
    value = result.value if isinstance(result, Known) else None
    if isinstance(value, Function) and not isinstance(value.node, ast.Lambda):
        return _leaves_parameters(ev, value, value.node)
    return value is not None and is_harmless(ev, value)


def _leaves_parameters(ev: Evaluator, function: Function, node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function changes nothing of what it is given, and hands that to none that would."""
    changes, names = Changes(node.body), [a.arg for a in nodes(node.args) if isinstance(a, ast.arg)]
    if changes.anything or any(changes.touches(name) for name in names):
        return False
    try:
        with ev.active(("leaves", function)):
            handed = [call for name in names for call in changes.passed.get(name, ())]
            return all(is_harmless_call(ev, function.module, call) for call in handed)
    except RefusedError:
        return False


def method(ev: Evaluator, cls: Class, name: str, after: Class | None = None) -> Function | None:
    """The method as `cls` and its bases define it (behind `after`, for `super()`); None where only Metaflow does."""
    order = own_classes(ev, cls)
    start = order.index(after) + 1 if after is not None else 0
    for base in order[start:]:
        if name in ev.sources.class_scope(base).bindings:
            found = class_binding(ev, base, name).value
            if isinstance(found, Function) and isinstance(found.node, ast.FunctionDef):
                if found.node.decorator_list:
                    raise RefusedError(f"{base.name}.{name} is decorated")
                return found
            raise RefusedError(f"{base.name}.{name} is no plain method")
    return None


def _attribute(ev: Evaluator, one: Mutator, name: str) -> Known:
    """`self.name`."""
    if one.broken is not None:
        raise OpenError(one.broken)
    changing = _changing(ev, one.applied.cls) if one.is_unfollowed else frozenset()
    if name in changing or (ANY in changing and name in one.fields):
        raise RefusedError(f"self.{name} may be changed while {one.name} runs")
    if name in one.fields:
        return known(one.fields[name])
    bases = own_classes(ev, one.applied.cls)
    if not any(name in ev.sources.class_scope(base).bindings for base in bases):
        raise RefusedError(f"{one.name} has no attribute {name} that its init assigns")
    found = classes.class_attribute(ev, one.applied.cls, name)
    if isinstance(found.value, Function):
        bound = method(ev, one.applied.cls, name)
        assert bound is not None  # it is bound in one of the classes
        itself = Known(value=one.view)
        return Known(value=Partial(function=Known(value=bound), arguments=Arguments(args=(itself,))))
    if ANY in changing:
        raise RefusedError(f"self.{name} may be changed while {one.name} runs")
    return found


def _changing(ev: Evaluator, cls: Class) -> frozenset[str]:
    """The attributes of `self` that helping methods may change; ANY for all that are no methods."""
    found: set[str] = set()
    every = [
        (base, node)
        for base in own_classes(ev, cls)
        for node in base.node.body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    helping = [(base, node) for base, node in every if node.name not in HOOKS]
    named = {n.attr for _, node in helping for n in nodes(node) if isinstance(n, ast.Attribute)}
    defined = every if named & HOOKS else helping
    is_handed = any(_hands_attributes(node) for _, node in defined)
    for base, node in defined:
        found |= _changed_by(ev, base, node, is_handed=is_handed)
    return frozenset(found)


def _hands_attributes(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a method hands something of `self` to another method."""
    self_ = next((a.arg for a in (*node.args.posonlyargs, *node.args.args)), "")
    calls = [n for n in nodes(*node.body) if isinstance(n, ast.Call) and _is_own(n.func, self_)]
    arguments = [a for call in calls for a in (*call.args, *(keyword.value for keyword in call.keywords))]
    return any(isinstance(n, ast.Name) and n.id == self_ for n in nodes(*arguments))


def _is_own(function: ast.expr, self_: str) -> bool:
    """`self.method` or `super().method`."""
    if not isinstance(function, ast.Attribute):
        return False
    receiver = function.value
    named = receiver.func if isinstance(receiver, ast.Call) else receiver
    return isinstance(named, ast.Name) and named.id == ("super" if named is not receiver else self_)


def _changed_by(
    ev: Evaluator, cls: Class, node: ast.FunctionDef | ast.AsyncFunctionDef, *, is_handed: bool
) -> frozenset[str]:
    names = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
    changes, self_ = Changes(node.body), (*names, "")[0]
    handed = changes.passed.get(self_, ())
    bare = [call for call in handed if any(isinstance(a, ast.Name) and a.id == self_ for a in call.args)]
    if self_ in ("", *changes.names) or changes.anything or not all(_leaves(ev, cls, call) for call in bare):
        raise RefusedError(f"{cls.name}.{node.name} may change {cls.name} itself")
    is_any = is_handed and any(changes.touches(name) for name in names[1:])
    if is_any or not all(_is_own(call.func, self_) or _leaves(ev, cls, call) for call in handed):
        return frozenset({ANY})
    return frozenset(path.split(".")[1] for path in changes.names if path.startswith(f"{self_}."))


def _leaves(ev: Evaluator, cls: Class, call: ast.Call) -> bool:
    return is_harmless_call(ev, cls.module, call)


def settled(ev: Evaluator, given: Arguments) -> Arguments:
    """The arguments of a mutator as `external_init` hands them to `init`: config expressions evaluated."""
    kwargs = {name: _settled(ev, value) for name, value in given.kwargs.items()}
    for value in given.unpacked:
        kwargs |= delayed.unpacked(ev, value)
    args = tuple(_settled(ev, value) for value in given.args)
    return Arguments(args=args, kwargs=kwargs, rest=given.rest)


def _settled(ev: Evaluator, value: Value) -> Value:
    """Config values stay Metaflow's mappings, unlike in the attributes of decorators."""
    try:
        return _evaluated(ev, value)
    except OpenError as error:
        return error.unresolved
    except RefusedError as error:
        return delayed.unresolved_at(ev, known(value), error.reason)


def _evaluated(ev: Evaluator, value: Value) -> Known:
    found = known(value)
    data = found.value
    if isinstance(data, Delayed):
        result = delayed.evaluated(ev, data)
        return made(result.value, found, result)
    if isinstance(data, dict):
        return Known(value={k: _settled(ev, v) for k, v in data.items()}, chain=found.chain, notes=found.notes)
    if isinstance(data, (list, tuple)):
        items = type(data)(_settled(ev, item) for item in data)
        return Known(value=items, chain=found.chain, notes=found.notes)
    return found
