"""What the names of a module, class body or function are bound to, and which of their values code may change in place.

Only a name that is bound once, unconditionally, has a value that can be told; everything else gets a `problem`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from costgate.flow.mutations import nodes, stored

FunctionNode: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef"
Position: TypeAlias = tuple[int, int]

BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Binding:
    """One statement that gives a name its value: an expression (unpacked by `index`), def, class or import."""

    name: str
    node: ast.AST | None
    position: Position
    index: tuple[int, ...] = ()
    source: str = ""  # imports: dotted module, with leading dots; `from` imports: and the name in it
    member: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scope:
    """The bindings of a module or class body in order, and its `from … import *` statements."""

    bindings: Mapping[str, tuple[Binding, ...]]
    stars: tuple[ast.ImportFrom, ...]

    def single(self, name: str) -> Binding | None:
        """The one binding of a name; with a problem if it has several."""
        found = self.bindings.get(name)
        if found is None:
            return None
        problem = next((b.problem for b in found if b.problem), "")
        if not problem and len({(b.source, b.member) for b in found}) == 1 and found[0].source:
            return found[0]  # the same import twice
        if not all(
            isinstance(b.node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) for b in found[1:] and found
        ):
            problem = problem or "is assigned more than once"
        last = found[-1]  # of several definitions the last one holds
        return last if not problem else Binding(name=name, node=None, position=found[0].position, problem=problem)


def scan(body: Sequence[ast.stmt], rebound: frozenset[str] = frozenset()) -> Scope:
    """The scope of a module's or class's statements; `rebound` are names that other code may assign."""
    bindings: dict[str, list[Binding]] = {}
    stars: list[ast.ImportFrom] = []
    for statement, nested in statements(body):
        if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*":
            stars.append(statement)
        for found in _bindings(statement):
            problem = found.problem or (
                "is assigned under a condition or in a loop; assign it once, with `… if … else …` if need be"
                if nested
                else ""
            )
            bindings.setdefault(found.name, []).append(replace(found, problem=problem) if problem else found)
    for name in rebound:
        problem = "is assigned by a function or inside an expression"
        bindings.setdefault(name, []).append(Binding(name=name, node=None, position=(0, 0), problem=problem))
    return Scope(bindings={name: tuple(several) for name, several in bindings.items()}, stars=tuple(stars))


def statements(body: Sequence[ast.stmt]) -> Iterator[tuple[ast.stmt, bool]]:
    """All statements of a region in order, without those of its functions and classes; True for nested ones."""
    stack: list[tuple[ast.AST, bool]] = [(statement, False) for statement in reversed(body)]
    while stack:
        node, nested = stack.pop()
        if isinstance(node, ast.stmt):
            yield node, nested
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            inner = [child for block in BLOCKS for child in getattr(node, block, ()) if isinstance(child, ast.AST)]
            stack += [(child, True) for child in reversed(inner)]


def rebound_names(root: ast.AST) -> frozenset[str]:
    """Names that a function anywhere inside declares `global` or `nonlocal`, and those that `:=` binds."""
    names: set[str] = set()
    for node in nodes(root):
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            names.update(node.names)
        elif isinstance(node, ast.NamedExpr):
            names.add(node.target.id)
    return frozenset(names)


def _bindings(statement: ast.stmt) -> Iterator[Binding]:
    """What a statement binds in its own scope."""
    position = (statement.lineno, statement.col_offset)
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield Binding(name=statement.name, node=statement, position=position)
    elif isinstance(statement, (ast.Import, ast.ImportFrom)):
        yield from _imports(statement, position)
    elif isinstance(statement, ast.Assign):
        for target in statement.targets:
            yield from _targets(target, statement.value, position)
    elif isinstance(statement, ast.AnnAssign):
        if isinstance(statement.target, ast.Name) and statement.value is not None:
            yield Binding(name=statement.target.id, node=statement.value, position=position)
    else:
        for name in stored(_other_targets(statement)):
            yield _problem(name, statement, "is not bound by a plain assignment")


def _imports(statement: ast.Import | ast.ImportFrom, position: Position) -> Iterator[Binding]:
    source = "." * getattr(statement, "level", 0) + (getattr(statement, "module", None) or "")
    for alias in statement.names:
        if isinstance(statement, ast.ImportFrom):
            name, module = alias.asname or alias.name, source
        else:  # `import a.b` binds a, `import a.b as c` binds a.b
            name = alias.asname or alias.name.partition(".")[0]
            module = alias.name if alias.asname else name
        if alias.name != "*":
            member = alias.name if isinstance(statement, ast.ImportFrom) else ""
            yield Binding(name=name, node=statement, position=position, source=module, member=member)


def _targets(target: ast.expr, value: ast.expr, position: Position, index: tuple[int, ...] = ()) -> Iterator[Binding]:
    if isinstance(target, ast.Name):
        yield Binding(name=target.id, node=value, position=position, index=index)
    elif isinstance(target, (ast.Tuple, ast.List)) and not any(isinstance(e, ast.Starred) for e in target.elts):
        for i, element in enumerate(target.elts[:100]):
            yield from _targets(element, value, position, (*index, i))
    else:
        for name in stored(nodes(target)):
            yield Binding(name=name, node=None, position=position, problem="is unpacked with a star")


def _other_targets(statement: ast.stmt) -> Iterator[ast.AST]:
    """What loops, `with`, `except`, `del`, `match`, `+=` and `type X = …` bind, to values that cannot be told."""
    parts: list[ast.AST] = [*getattr(statement, "targets", ()), *getattr(statement, "handlers", ())]
    parts += [item.optional_vars for item in getattr(statement, "items", ()) if item.optional_vars is not None]
    parts += [case.pattern for case in getattr(statement, "cases", ())]
    parts += filter(None, [getattr(statement, "target", None), getattr(statement, "name", None)])
    for part in parts:
        yield from [part] if isinstance(part, ast.ExceptHandler) else nodes(part)


def _problem(name: str, statement: ast.stmt, problem: str) -> Binding:
    return Binding(name=name, node=None, position=(statement.lineno, statement.col_offset), problem=problem)
