"""Modules and flow classes of one snapshot. Everything is read from blobs; nothing is imported or executed."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

from costgate.errors import InputError
from costgate.flow.classes import QUIET_BASES, TOO_MANY, mro
from costgate.flow.decorated import decorate_step
from costgate.flow.evaluate import Evaluator
from costgate.flow.frame import Frame, module_frame
from costgate.flow.imports import Effects
from costgate.flow.mutations import children, dotted
from costgate.flow.scope import Scope, scan, statements
from costgate.flow.source import Module, read_module
from costgate.flow.values import TOO_LONG, Class, External
from costgate.model import Known, Location, Snapshot, Unresolved

FLOW_SPEC = "metaflow.FlowSpec"
STEP = External(name="metaflow.step")
Parsed: TypeAlias = "dict[tuple[str, str], Module | Unresolved]"  # path and blob id → what the file is
__all__ = ["FlowClass", "Module", "Parsed", "Sources", "StepDef"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StepDef:
    """A step of a flow class after inheritance: the function that its name stands for."""

    name: str
    path: str  # file in which the function stands
    node: ast.FunctionDef | ast.AsyncFunctionDef
    module: Module
    owner_class: Class


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FlowClass:
    """A flow class that running `path` deploys."""

    name: str
    path: str  # the file that is run
    location: Location  # of the class statement
    cls: Class
    bases: tuple[Class, ...]  # its classes of the repository in method resolution order, itself first
    steps: Mapping[str, StepDef]
    problem: Unresolved | None = None  # a base class that is not in the repository: it may change anything
    reads: Mapping[str, str]  # path → blob id of every file that this was read from, "" for one that is not there


class Sources:
    """The parsed modules of one snapshot, each parsed once; with a common `parsed` also once for several snapshots."""

    def __init__(self, snapshot: Snapshot, parsed: Parsed | None = None) -> None:
        self.snapshot = snapshot
        self._parsed: Parsed = {} if parsed is None else parsed
        self._modules: dict[str, Module | Unresolved] = {}
        self._flows: dict[str, tuple[FlowClass, ...]] = {}
        self._scopes: dict[Class, Scope] = {}
        self.lost: dict[str, Location] = {}  # file → a class in it whose base classes are too many to find its steps
        self.effects: dict[tuple[str, str], Effects] = {}  # (folder of the script, path) → what importing it does

    def module(self, path: str) -> Module | Unresolved:
        """The module of a file, or why it cannot be read. Never raises."""
        if path not in self._modules:
            self._modules[path] = self._read(path)
        return self._modules[path]

    def _read(self, path: str) -> Module | Unresolved:
        if path not in self.snapshot.files:
            return Unresolved(
                expression=path, reason="the file is not a regular file in the repository", location=Location(path=path)
            )
        key = (path, self.snapshot.files[path])
        try:
            if key not in self._parsed:
                self._parsed[key] = read_module(path, self.snapshot.read(path))
            return self._parsed[key]
        except InputError as error:
            return Unresolved(expression=path, reason=error.problems[0].message, location=Location(path=path))

    @cached_property
    def folders(self) -> frozenset[str]:
        """Every folder that holds Python files, at any depth."""
        folders: set[str] = set()
        for path in self.snapshot.files:
            folder = path.rpartition("/")[0] if path.endswith(".py") else ""
            while folder and folder not in folders:
                folders.add(folder)
                folder = folder.rpartition("/")[0]
        return frozenset(folders)

    @cached_property
    def metaflow_folders(self) -> frozenset[str]:
        """Every folder called `.metaflow`, with whatever in it."""
        mark = ".metaflow/"
        found = (f"/{path}".partition(f"/{mark}") for path in self.snapshot.files if mark in path)
        return frozenset(f"{before}/.metaflow"[1:] for before, is_inside, _ in found if is_inside)

    def class_scope(self, cls: Class) -> Scope:
        """The names that a class body binds."""
        if cls not in self._scopes:
            self._scopes[cls] = scan(cls.node.body, cls.module.rebound)
        return self._scopes[cls]

    def flow_classes(self, path: str) -> tuple[FlowClass, ...]:
        """The flow classes that running this file would deploy: those that it instantiates, else all that it defines.

        () for a file that cannot be read; `module` tells why.
        """
        if path not in self._flows:
            self._flows[path] = self._found(path)
        return self._flows[path]

    def _found(self, path: str) -> tuple[FlowClass, ...]:
        module = self.module(path)
        if isinstance(module, Unresolved):
            return ()
        evaluator = Evaluator(self, path)
        evaluator.exists(path)
        started = dict.fromkeys(_started(evaluator, module))
        flows = [found for cls in started if (found := _flow_class(evaluator, cls)) is not None]
        if not flows:
            flows = list(_defined(evaluator, module))
        return tuple(flows)


def _defined(ev: Evaluator, module: Module) -> Iterator[FlowClass]:
    """The flow classes of a module's statements; of several definitions of a name the last one."""
    for node, nested in statements(module.tree.body):
        if not isinstance(node, ast.ClassDef):
            continue
        found = _flow_class(ev, Class(node=node, module=module))
        if found is not None and nested:
            problem = module.unresolved(node, f"the flow {node.name} is defined under a condition")
            yield replace(found, problem=found.problem or problem)
        elif found is not None and getattr(module.scope.single(node.name), "node", node) in (node, None):
            yield found


def _started(ev: Evaluator, module: Module) -> Iterator[Class]:
    """The classes that code outside of class bodies calls without `use_cli=False`."""
    stack: list[ast.AST] = list(reversed(module.tree.body))
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Call) and _is_start(node) and (cls := _called_class(ev, module, node.func)):
            yield cls
        if not isinstance(node, ast.ClassDef):
            stack += reversed(children(node))


def _called_class(ev: Evaluator, module: Module, node: ast.expr) -> Class | None:
    """The class that a callee is: one of the module, or an imported one."""
    binding = module.scope.single(dotted(node).partition(".")[0])
    if binding is None or not isinstance(binding.node, (ast.ClassDef, ast.Import, ast.ImportFrom)):
        return None
    if isinstance(binding.node, ast.ClassDef):
        return Class(node=binding.node, module=module) if isinstance(node, ast.Name) else None
    result = ev.evaluate(node, module_frame(module))
    return result.value if isinstance(result, Known) and isinstance(result.value, Class) else None


def _is_start(node: ast.Call) -> bool:
    """Whether a call may start a flow's command line: `Flow()` or `Flow(use_cli=True)`."""
    options = {keyword.arg: keyword.value for keyword in node.keywords}
    use = options.pop("use_cli", node.args[0] if len(node.args) == 1 else None)
    return not options and len(node.args) <= 1 and not (isinstance(use, ast.Constant) and not use.value)


def _flow_class(ev: Evaluator, cls: Class) -> FlowClass | None:
    """The class as a flow class, if it is one with steps."""
    order = mro(ev, cls)
    bases = tuple(base for base in order if isinstance(base, Class))
    others = [base for base in order if isinstance(base, External)]
    problem = next((base for base in order if isinstance(base, Unresolved)), None) or _strange(cls, others)
    if not any(base.name == FLOW_SPEC for base in others) and problem is None:
        return None
    steps = _steps(ev, bases)
    if not steps:
        if problem is not None and problem.reason.endswith((TOO_MANY, TOO_LONG)):
            ev.sources.lost[ev.script] = cls.module.location(cls.node)
        return None
    return FlowClass(
        name=cls.name,
        path=ev.script,
        location=cls.module.location(cls.node),
        cls=cls,
        bases=bases,
        steps=steps,
        problem=problem or _hidden(bases) or _patched(ev, bases, steps),
        reads=dict(ev.reads),
    )


def _strange(cls: Class, others: list[External]) -> Unresolved | None:
    """A base class of which nothing is known."""
    strange = next((base for base in others if base.name not in QUIET_BASES), None)
    reason = f"the base class {strange.name} is not in the repository: it may change any attribute" if strange else ""
    return cls.module.unresolved(cls.node.bases[0], reason) if strange else None


def _hidden(bases: tuple[Class, ...]) -> Unresolved | None:
    """A decorated function that a class body defines under a condition: it may be a step."""
    for base in bases:
        for statement, nested in statements(base.node.body):
            if nested and isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)) and statement.decorator_list:
                return base.module.unresolved(statement, f"{statement.name} is defined under a condition")
    return None


def _patched(ev: Evaluator, bases: tuple[Class, ...], steps: Mapping[str, StepDef]) -> Unresolved | None:
    """Code outside of the class statement that may change the class or decorate its steps once more."""
    for base in bases:
        module = base.module
        names = [base.name, *(name for name, step in steps.items() if step.owner_class == base)]
        frame = module_frame(module, body=base)
        calls = [call for name in names for call in module.changes.passed.get(name, ())]
        changed = next((name for name in names if module.changes.touches(name)), None)
        call = next((call for call in calls if not _leaves_alone(ev, call, frame)), None)
        if changed is not None or call is not None:
            reason = f"{changed or base.name} may be changed after its definition"
            return module.unresolved(call or base.node, reason)
    return None


def _leaves_alone(ev: Evaluator, call: ast.Call, frame: Frame) -> bool:
    """Whether a call that is handed a flow class or a step cannot decorate it."""
    result = ev.evaluate(call.func, frame)
    value = result.value if isinstance(result, Known) else None
    if not isinstance(value, External):
        return False
    return not call.args or not value.name.startswith("metaflow.") or value.name == "metaflow.Runner"


def _steps(ev: Evaluator, bases: tuple[Class, ...]) -> dict[str, StepDef]:
    """Name → the step that the first class of the order defines for it."""
    steps: dict[str, StepDef] = {}
    taken: set[str] = set()
    for base in bases:
        scope = ev.sources.class_scope(base)
        for name in scope.bindings.keys() - taken:
            node = _function(scope, name)
            if node is not None and node.decorator_list:
                frame = module_frame(base.module, before=(node.lineno, node.col_offset), body=base)
                if _is_step(ev, node, frame):
                    steps[name] = StepDef(
                        name=name, path=base.module.path, node=node, module=base.module, owner_class=base
                    )
        taken |= scope.bindings.keys()
    return dict(sorted(steps.items()))


def _is_step(ev: Evaluator, node: ast.FunctionDef | ast.AsyncFunctionDef, frame: Frame) -> bool:
    """Whether the decorators make the function a step; usually the lowest one does."""
    lowest = ev.evaluate(node.decorator_list[-1], frame)
    if isinstance(lowest, Unresolved):  # a `step` that may be another one is shown as open, not left out
        return dotted(node.decorator_list[-1]).rpartition(".")[2] == "step" or decorate_step(ev, node, frame).is_step
    return lowest.value == STEP or decorate_step(ev, node, frame).is_step


def _function(scope: Scope, name: str) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """The function that a name of a class body stands for, be it by `again = train`."""
    binding = scope.single(name)
    node = binding.node if binding else None
    if isinstance(node, ast.Name) and (source := scope.single(node.id)) is not None:
        node = source.node
    return node if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) else None
