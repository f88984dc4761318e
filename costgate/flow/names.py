"""What a name means: local, class, module, import, builtin. Imports are followed as far as the repository goes."""

from __future__ import annotations

import ast
import builtins
import sys
from dataclasses import replace
from posixpath import dirname, join
from typing import TYPE_CHECKING, Any

from costgate.flow.bodies import is_simple
from costgate.flow.frame import Frame, module_frame
from costgate.flow.metaflow_names import NAMES as METAFLOW_NAMES
from costgate.flow.mutations import Changes
from costgate.flow.scope import Binding, Position
from costgate.flow.source import Module
from costgate.flow.values import (
    ANY,
    CHECKOUT,
    CheckoutPath,
    Class,
    External,
    Function,
    Method,
    OpenError,
    Partial,
    RefusedError,
    RepoModule,
    is_mutable,
    known,
    plain,
)
from costgate.model import Known, Unresolved

if TYPE_CHECKING:
    from costgate.flow.evaluate import Evaluator

BUILTINS = frozenset(dir(builtins))
# Loaded before a script runs: a file of that name beside the flow does not hide them.
AT_STARTUP = frozenset(sys.builtin_module_names) | {
    "abc", "codecs", "encodings", "genericpath", "io", "os", "posixpath", "site", "stat",
}  # fmt: skip
ALIASES = {
    "metaflow.decorators.step": "metaflow.step",
    "metaflow.flowspec.FlowSpec": "metaflow.FlowSpec",
    "metaflow.parameters.Parameter": "metaflow.Parameter",
    "metaflow.user_configs.config_parameters.Config": "metaflow.Config",
    "metaflow.user_configs.config_parameters.config_expr": "metaflow.config_expr",
}
# Names of Metaflow's that a module of the standard library exports too.
SHARED = frozenset({"Parameter", "timeout"})
# What is handed to these is not changed by them.
READ_ONLY = frozenset({
    "copy", "dataclasses", "itertools", "json", "logging", "math", "metaflow", "os", "pprint", "re", "typing",
})  # fmt: skip
READ_ONLY_BUILTINS = frozenset({
    "abs", "all", "any", "bool", "dict", "enumerate", "float", "format", "frozenset", "getattr", "hasattr", "hash",
    "id", "int", "isinstance", "iter", "len", "list", "max", "min", "next", "print", "range", "repr", "reversed",
    "round", "set", "sorted", "str", "sum", "tuple", "type", "zip",
})  # fmt: skip
EXCEPTIONS = frozenset(
    n for n, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, Exception)
)


def lookup(evaluator: Evaluator, name: str, frame: Frame) -> Known:
    """The value of a name. RefusedError or OpenError where it cannot be told."""
    if name in frame.local:
        return known(frame.local[name])
    if name in frame.outer:
        if frame.inner:
            raise RefusedError(f"uses the config {name} in a comprehension, where Python does not see it")
        config = frame.outer[name]
        if isinstance(config, Unresolved):
            raise RefusedError(config.reason)
        return config
    if frame.body is not None and not frame.inner:
        binding = evaluator.sources.class_scope(frame.body).single(name)
        if binding is not None and (frame.before is None or binding.position < frame.before):
            return class_binding(evaluator, frame.body, name)
    if frame.module is None:
        return _builtin(name, "is looked up in Metaflow's own namespace, which has no such name")
    return global_name(evaluator, frame.module, name, frame.before)


def class_binding(evaluator: Evaluator, cls: Class, name: str) -> Known:
    """A name that the body of the class itself binds."""
    scope = evaluator.sources.class_scope(cls)
    binding = scope.single(name)
    assert binding is not None  # callers have looked
    return _bound(evaluator, binding, module_frame(cls.module, body=cls))


def global_name(evaluator: Evaluator, module: Module, name: str, before: Position | None = None) -> Known:
    """A name of a module, as its file or (with `before` None) an importer sees it."""
    keys = ((module.path, name), (module.path, ANY), (ANY, ANY))
    is_replaced = next((evaluator.foreign[key] for key in keys if key in evaluator.foreign), None)
    if is_replaced:
        raise RefusedError(f"{name} may be changed by another module")
    binding = module.scope.single(name)
    if binding is None or (before is not None and binding.position >= before and name in BUILTINS):
        return _unbound(evaluator, module, name)
    _check_order(binding, before)
    result = _bound(evaluator, binding, module_frame(module))
    for star in module.scope.stars:
        if (star.lineno, star.col_offset) > binding.position:
            again = _from_star(evaluator, module, star, name)
            if again is not None and again.value != result.value:
                raise RefusedError(f"{name} is bound again by `from {star.module or '.'} import *`")
    if is_replaced is not None and is_mutable(result.value):
        raise RefusedError(f"{name} may be changed by another module")
    return result


def _check_order(binding: Binding, before: Position | None) -> None:
    if before is not None and binding.position >= before:
        raise RefusedError(f"{binding.name} is only assigned further down")


def _unbound(evaluator: Evaluator, module: Module, name: str) -> Known:
    """A name that the module does not bind itself."""
    if name == "__file__":
        return Known(value=CheckoutPath(f"{CHECKOUT}/{module.path}"))
    if name == "__name__" and module.path == evaluator.script:
        return Known(value="__main__")
    for star in reversed(module.scope.stars):
        if (found := _from_star(evaluator, module, star, name)) is not None:
            return found
    return _builtin(name, f"is not defined in {module.path}")


def _builtin(name: str, reason: str) -> Known:
    if name in BUILTINS and not name.startswith("_"):
        return Known(value=External(name=f"builtins.{name}"))
    raise RefusedError(f"{name} {reason}")


def _from_star(evaluator: Evaluator, module: Module, star: ast.ImportFrom, name: str) -> Known | None:
    """The name if `from … import *` brings it; RefusedError if it might."""
    source = import_module(evaluator, module, "." * star.level + (star.module or "")).value
    if isinstance(source, External):
        if source.name == "metaflow":
            return Known(value=External(name=f"metaflow.{name}")) if name in METAFLOW_NAMES else None
        if source.name.partition(".")[0] in sys.stdlib_module_names and name in METAFLOW_NAMES - SHARED:
            return None
        raise RefusedError(f"{name} may come from `from {source.name} import *`; import it by its name after that line")
    found = evaluator.load(source.path) if source.path else None
    if found is None or name.startswith("_"):
        return None
    with evaluator.active((found.path, name, "*")):
        if "__all__" in found.scope.bindings and name not in _exported(evaluator, found):
            return None
        if name in found.scope.bindings:
            return global_name(evaluator, found, name)
        return next(filter(None, (_from_star(evaluator, found, s, name) for s in reversed(found.scope.stars))), None)


def _exported(evaluator: Evaluator, module: Module) -> list[Any]:
    """What `__all__` of a module lists."""
    try:
        return list(plain(global_name(evaluator, module, "__all__").value))
    except (OpenError, RefusedError, TypeError):
        raise RefusedError(f"{module.path} exports what its __all__ lists, and that is not known") from None


def _bound(evaluator: Evaluator, binding: Binding, frame: Frame) -> Known:
    """The value of a binding, computed once."""
    result = evaluator.memo.get(binding)
    if result is None:
        if binding.problem:
            raise RefusedError(f"{binding.name} {binding.problem}")
        try:
            with evaluator.active(binding):
                result = _evaluate(evaluator, binding, frame)
            _check_changes(evaluator, binding, result, frame)
        except OpenError as error:
            result = error.unresolved
        evaluator.memo[binding] = result
    return known(result)


def _evaluate(evaluator: Evaluator, binding: Binding, frame: Frame) -> Known:
    node, module = binding.node, frame.module
    assert module is not None  # only the globals of a file have bindings
    if isinstance(node, ast.ClassDef):
        return Known(value=Class(node=node, module=module))
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return Known(value=Function(node=node, module=module, body=frame.body))
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return evaluator.refusing(node, frame, lambda: _imported(evaluator, module, binding))
    assert isinstance(node, ast.expr)
    return evaluator.element(node, replace(frame, before=binding.position), binding.index)


def _check_changes(evaluator: Evaluator, binding: Binding, result: Known, frame: Frame) -> None:
    """RefusedError if code may change the value of the binding in place."""
    name, module = binding.name, frame.module
    assert module is not None  # only the globals of a file have bindings
    if isinstance(binding.node, ast.expr) and module.may_rewrite_names:
        raise RefusedError(f"{name} may be changed: the module rewrites its own names")
    if not is_mutable(result.value):
        return
    if module.changes.touches(name):
        raise RefusedError(f"{name} is changed in place by code in {module.path}; make a new value instead")
    for call in () if isinstance(result.value, Class) else module.changes.passed.get(name, ()):
        if not leaves_arguments(evaluator, call, frame):
            raise RefusedError(f"{name} is handed to a call that may change it (line {call.lineno})")


def leaves_arguments(evaluator: Evaluator, call: ast.Call, frame: Frame) -> bool:
    """Whether a call leaves its arguments as they are."""
    anytime = Frame(text=frame.text, module=frame.module, body=frame.body)
    result = evaluator.evaluate(call.func, anytime)
    if isinstance(result, Known) and result.value == External(name="functools.partial") and call.args:
        result = evaluator.evaluate(call.args[0], anytime)  # which the partial calls later
    return isinstance(result, Known) and is_harmless(evaluator, result.value)


def is_harmless(evaluator: Evaluator, value: Any) -> bool:
    """Whether something that can be called leaves its arguments as they are."""
    if isinstance(value, Partial):
        return is_harmless(evaluator, value.function.value)
    if isinstance(value, External):
        top, _, member = value.name.partition(".")
        return top in READ_ONLY or (top == "builtins" and member in READ_ONLY_BUILTINS | EXCEPTIONS)
    if isinstance(value, Function):
        return _only_reads(evaluator, value)
    return evaluator.is_plain_class(value) if isinstance(value, Class) else isinstance(value, Method)


def _only_reads(evaluator: Evaluator, function: Function) -> bool:
    """Whether a function changes neither its arguments nor anything else."""
    try:
        with evaluator.active(("reads", function.node)):
            return evaluator.once("reads", function.node, lambda: _changes_nothing(evaluator, function))
    except RefusedError:
        return False


def _changes_nothing(evaluator: Evaluator, function: Function) -> bool:
    if not is_simple(function):
        return False
    node, frame = function.node, module_frame(function.module)
    changes = Changes([ast.Expr(value=node.body)] if isinstance(node, ast.Lambda) else node.body)
    return not changes.names and all(leaves_arguments(evaluator, call, frame) for call in changes.calls)


def _imported(evaluator: Evaluator, module: Module, binding: Binding) -> Known:
    source = import_module(evaluator, module, binding.source)
    return member(evaluator, source.value, binding.member) if binding.member else source


def import_module(evaluator: Evaluator, module: Module, dotted: str) -> Known:
    """A module as an import statement of `module` finds it, on a path that holds the script's folder only."""
    level = len(dotted) - len(dotted.lstrip("."))
    parts = [part for part in dotted.split(".") if part]
    if not level and (parts[0] == "metaflow" or parts[0] in AT_STARTUP):
        return Known(value=External(name=dotted))
    folder = dirname(module.path) if level else dirname(evaluator.script)
    for _ in range(level - 1):
        if not folder:
            raise RefusedError("imports from above the repository")
        folder = dirname(folder)
    found = RepoModule(path=evaluator.exists(join(folder, "__init__.py")) if level else None, folder=folder)
    for depth, part in enumerate(parts):
        below = submodule(evaluator, found, part)
        is_top = not level and not depth
        # A folder without __init__.py gives way to a module of the standard library.
        if is_top and (below is None or (below.path is None and part in sys.stdlib_module_names)):
            return Known(value=External(name=dotted))
        if below is None:
            raise RefusedError(f"there is no module {dotted} in the repository")
        found = below
    return Known(value=found)


def submodule(evaluator: Evaluator, package: RepoModule, name: str) -> RepoModule | None:
    """The module or package of that name in a package."""
    if package.folder is None:
        return None
    stem = join(package.folder, name)
    if path := evaluator.exists(f"{stem}/__init__.py"):
        return RepoModule(path=path, folder=stem)
    if path := evaluator.exists(f"{stem}.py"):
        return RepoModule(path=path, folder=None)
    return RepoModule(path=None, folder=stem) if stem in evaluator.sources.folders else None


def member(evaluator: Evaluator, owner: External | RepoModule, name: str) -> Known:
    """`owner.name`, or the name that `from owner import name` brings."""
    if isinstance(owner, External):
        full = f"{owner.name}.{name}"
        return Known(value=External(name=ALIASES.get(full, full)))
    module = evaluator.load(owner.path) if owner.path else None
    below = submodule(evaluator, owner, name)
    if module is not None and (name in module.scope.bindings or name in ("__file__", "__name__")):
        binding = module.scope.single(name)
        if below is not None and binding is not None and isinstance(binding.node, ast.expr):
            raise RefusedError(f"{name} is both a name in {module.path} and a module of its own")
        return global_name(evaluator, module, name)
    if below is not None:
        return Known(value=below)
    if module is not None and module.scope.stars and "__getattr__" not in module.scope.bindings:
        return global_name(evaluator, module, name)
    raise RefusedError(f"{owner.path or owner.folder} has no name {name}")
