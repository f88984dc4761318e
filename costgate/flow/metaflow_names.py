"""What Metaflow exports, as far as an evaluator needs to know it: its decorators, Config, Parameter, config_expr."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from costgate.flow.frame import Frame
from costgate.flow.values import Arguments, Delayed, MetaflowObject, RefusedError, known
from costgate.model import Known

if TYPE_CHECKING:
    from costgate.flow.evaluate import Evaluator

STEP_DECORATORS = frozenset({
    "batch", "card", "catch", "conda", "costgate_meter", "environment", "kubernetes", "parallel", "pypi",
    "pytorch_parallel", "resources", "retry", "secrets", "timeout",
})  # fmt: skip
FLOW_DECORATORS = frozenset({
    "conda_base", "costgate", "exit_hook", "project", "pypi_base", "schedule", "trigger", "trigger_on_finish",
})  # fmt: skip
REPEATABLE = frozenset({"card", "exit_hook"})
NAMES = STEP_DECORATORS | FLOW_DECORATORS | {
    "Config", "FlowMutator", "FlowSpec", "IncludeFile", "JSONType", "Parameter", "StepMutator", "UserStepDecorator",
    "config_expr", "current", "step", "user_step_decorator", "yaml_parser",
}  # fmt: skip
OBJECTS = STEP_DECORATORS | FLOW_DECORATORS | {"Config", "Parameter", "step"}


def call(ev: Evaluator, name: str, given: Arguments, node: ast.Call, frame: Frame) -> Known:
    """`metaflow.name(…)`. RefusedError for what is not Metaflow's own."""
    short = name.removeprefix("metaflow.")
    if short in OBJECTS:
        return Known(value=MetaflowObject(kind=short, arguments=given, location=frame.location(node)))
    if short != "config_expr":
        raise RefusedError(f"calls {name}, which is not evaluated")
    text = known(given.args[0] if given.args else given.kwargs.get("expr", Known(value=None))).value
    if not isinstance(text, str):
        raise RefusedError("Metaflow fails: config_expr takes a text")
    is_name = text.isidentifier() and text.isascii()
    access = () if is_name else None
    shown = frame.text.shown(node)
    place = frame.location(node)
    return Known(value=Delayed(text=text, access=access, module=frame.module, location=place, shown=shown))
