"""What the modules that a flow imports, directly or not, change in each other: `settings.GPU = 8` in another file."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from costgate.flow.names import import_module, submodule
from costgate.flow.scope import statements
from costgate.flow.source import Module
from costgate.flow.values import ANY, RefusedError, RepoModule
from costgate.model import Unresolved

if TYPE_CHECKING:
    from costgate.flow.evaluate import Evaluator

MAX_MODULES = 1_000
MAX_CHARACTERS = 10_000_000  # of all modules together


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What importing one module does to others."""

    imports: tuple[str, ...] = ()  # paths of the modules of the repository that it imports
    reads: Mapping[str, str]  # what was looked for to tell
    changes: Mapping[tuple[str, str], bool]  # (path, name) → True: assigned anew, False: changed in place
    environment: frozenset[str] = frozenset()  # variables; "*" is any
    size: int = 0  # characters of the source


def all_effects(ev: Evaluator, modules: Iterable[Module]) -> Effects:
    """What importing these modules does, with all that they import in turn."""
    stack = [module.path for module in modules]
    seen: set[str] = set()
    reads: dict[str, str] = {}
    changes: dict[tuple[str, str], bool] = {}
    environment: set[str] = set()
    size = 0
    while stack and len(seen) < MAX_MODULES and size < MAX_CHARACTERS:
        path = stack.pop()
        if path not in seen:
            seen.add(path)
            effects = _effects(ev, path)
            size += effects.size
            reads.update(effects.reads)
            environment |= effects.environment
            for key, is_replaced in effects.changes.items():
                changes[key] = changes.get(key, False) or is_replaced
            stack += effects.imports
    if stack:  # more than can be read: anything may have changed
        changes[ANY, ANY] = True
        environment = {ANY}
    return Effects(reads=reads, changes=changes, environment=frozenset(environment))


def _effects(ev: Evaluator, path: str) -> Effects:
    """What importing one file does; remembered with the snapshot, for all flows of a folder."""
    key = (ev.script.rpartition("/")[0], path)
    if key not in ev.sources.effects:
        before, ev.reads = ev.reads, {}
        ev.exists(path)
        module = ev.sources.module(path)
        found = Effects(reads={}, changes={}) if isinstance(module, Unresolved) else _read(ev, module)
        ev.sources.effects[key] = replace(found, reads=ev.reads)
        ev.reads = before
    return ev.sources.effects[key]


def _read(ev: Evaluator, module: Module) -> Effects:
    return Effects(
        imports=_imports(ev, module),
        reads={},
        changes=_changes(ev, module),
        environment=_environment(module),
        size=len(module.text),
    )


def _imports(ev: Evaluator, module: Module) -> tuple[str, ...]:
    paths: dict[str, None] = {}
    for statement, _ in statements(module.tree.body):
        for source, name in _sources(statement):
            for found in _modules(ev, module, source, name):
                if found.path:
                    paths[found.path] = None
    return tuple(paths)


def _sources(statement: ast.stmt) -> list[tuple[str, str]]:
    """(module, name in it) of an import statement."""
    if isinstance(statement, ast.Import):
        return [(alias.name, "") for alias in statement.names]
    if isinstance(statement, ast.ImportFrom):
        source = "." * statement.level + (statement.module or "")
        return [(source, alias.name) for alias in statement.names]
    return []


def _modules(ev: Evaluator, module: Module, source: str, name: str) -> list[RepoModule]:
    """The module and, where the name is a module too, that one; parent packages of `a.b.c` run first.

    Nothing is evaluated on the way: what a value is depends on what is found here.
    """
    found: list[RepoModule] = []
    level = len(source) - len(source.lstrip("."))
    parts = source[level:].split(".") if source[level:] else []
    for depth in range(0 if level and not parts else 1, len(parts) + 1):
        try:
            target = import_module(ev, module, "." * level + ".".join(parts[:depth])).value
        except RefusedError:
            return found
        if not isinstance(target, RepoModule):
            return found
        found.append(target)
    below = submodule(ev, found[-1], name) if name else None
    return [*found, below] if below else found


def _changes(ev: Evaluator, module: Module) -> dict[tuple[str, str], bool]:
    """What a module changes of what it imports from the repository."""
    result: dict[tuple[str, str], bool] = {}
    for path in module.changes.names:
        root, _, rest = path.partition(".")
        binding = next((b for b in module.scope.bindings.get(root, ()) if b.source), None)
        if binding is None:
            continue
        try:
            target = import_module(ev, module, binding.source).value
        except RefusedError:
            continue
        name = binding.member or rest.partition(".")[0]
        name = ANY if name == "__dict__" else name
        if isinstance(target, RepoModule) and target.path and name:
            result[target.path, name] = result.get((target.path, name), False) or not binding.member
    if {"importlib", "__import__"} & module.changes.names:  # importlib.import_module("x").n = …
        result[ANY, ANY] = True
    return result


def _environment(module: Module) -> frozenset[str]:
    """The environment variables that a module sets; "*" where that is not plain."""
    if "environ" not in module.text:
        return frozenset()
    found = module.changes
    imported = {
        name for name, bindings in module.scope.bindings.items() if any(b.source in ("os", "os.path") for b in bindings)
    }
    roots = {
        path.partition(".")[0] for path in found.names if path.partition(".")[2].partition(".")[0] in ("", "environ")
    }
    return frozenset({ANY}) if roots & imported else found.environment
