"""`self` as `self.next(…, num_parallel=self.n)` and a foreach see it: Parameters, class constants and configs."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from costgate.flow.classes import class_attribute
from costgate.flow.delayed import settled
from costgate.flow.mutations import nodes
from costgate.flow.operations import python
from costgate.flow.values import Class, External, MetaflowObject, Myself, RefusedError, known, made
from costgate.model import Known, Value

if TYPE_CHECKING:
    from costgate.flow.evaluate import Evaluator

PARAMETER_OPTIONS = ("name", "default", "type", "help", "required", "show_default")
TYPES: Mapping[str, Callable[[Any], Any]] = {"int": int, "float": float, "str": str}


def myself(ev: Evaluator, bases: tuple[Class, ...], configs: Mapping[str, str]) -> Myself:
    """`self` of a flow class; `configs` are its Configs, attribute → option name."""

    def attribute(name: str) -> Known:
        if name in artifacts(bases):
            raise RefusedError(f"self.{name} is assigned by a step")
        if name in configs:
            return known(ev.configs[configs[name]])
        found = class_attribute(ev, bases[0], name)
        value = found.value
        if isinstance(value, MetaflowObject) and value.kind == "Parameter":
            return _default(ev, value)
        return found

    return Myself(attribute=attribute)


def artifacts(bases: tuple[Class, ...]) -> frozenset[str]:
    """What methods of the flow assign to `self`, or to anything that might be it."""
    found = nodes(*(base.node for base in bases))
    return frozenset(n.attr for n in found if isinstance(n, ast.Attribute) and not isinstance(n.ctx, ast.Load))


def _default(ev: Evaluator, parameter: MetaflowObject) -> Known:
    """The default of a Parameter, converted as the command line converts it."""
    given = parameter.arguments
    options: dict[str, Value] = {**dict(zip(PARAMETER_OPTIONS, given.args)), **given.kwargs}
    name = known(options.get("name", Known(value="?"))).value
    if given.rest or given.unpacked or "separator" in options:
        raise RefusedError(f"the Parameter {name} has options that are not evaluated")
    default = known(settled(ev, options.get("default", Known(value=None))))
    if default.value is None:
        raise RefusedError(f"the Parameter {name} has no default")
    kind = known(options.get("type", Known(value=None))).value
    value = _converted(default.value, kind)
    return made(value, default, Known(value=None, notes=(f"default of Parameter {name}",)))


def _converted(value: Any, kind: Any) -> Any:
    with python():
        if kind is None or kind == External(name="builtins.bool"):
            return value
        if kind == External(name="metaflow.JSONType"):
            return json.loads(value) if isinstance(value, str) else value
        name = kind.name.removeprefix("builtins.") if isinstance(kind, External) else ""
        if name not in TYPES:
            raise RefusedError("the type of the Parameter is not evaluated")
        return TYPES[name](value)
