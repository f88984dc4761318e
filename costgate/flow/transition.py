"""How one step ends: its `self.next(...)`, read as Metaflow reads it, and what the step tells about its fan-out.

The forms are those of DAGNode._parse in metaflow/graph.py: the last statement of the body, literal keyword values.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Kind = Literal["split", "foreach", "switch", "join", "linear", "end", "broken"]

# A use of an artifact in one of these calls cannot change how many items it has.
HARMLESS_CALLS = frozenset(("len", "print", "str", "repr", "sum", "min", "max", "sorted", "list", "tuple", "set"))
MUTATORS = frozenset(
    ("append", "extend", "insert", "pop", "remove", "clear", "update", "add", "discard", "popitem", "setdefault")
)
NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """Where a step goes. `targets` are as written: they may be no steps, or twice the same."""

    kind: Kind
    targets: tuple[str, ...] = ()
    foreach: str | None = None
    num_parallel: ast.expr | None = None
    problem: str | None = None


def read_transition(node: Function, *, is_end: bool) -> Transition:
    """The transition of a step's function; `is_end` is Metaflow's view of which step is the last one."""
    arguments = len(node.args.args)
    call = _next_call(node)
    if is_end:
        problem = "the end step must not call self.next" if call else None
        return Transition(kind="end", problem=problem or ("the end step must not be a join" if arguments > 1 else None))
    if call is None:
        return Transition(kind="broken", problem="the last statement is no self.next(...)")
    found = _switch(call) or _plain(call, arguments > 1)
    problem = found.problem or _arguments_problem(found.kind, arguments)
    return Transition(
        kind=found.kind,
        targets=found.targets,
        foreach=found.foreach,
        num_parallel=found.num_parallel and local_value(node, found.num_parallel),
        problem=problem,
    )


def _next_call(node: Function) -> ast.Call | None:
    tail = node.body[-1]
    if isinstance(tail, ast.Expr) and isinstance(tail.value, ast.Call) and _on_self(tail.value.func) == "next":
        return tail.value
    return None


def _on_self(node: ast.AST) -> str | None:
    """`x` of `self.x`."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
        return node.attr
    return None


def _switch(call: ast.Call) -> Transition | None:
    """`self.next({"a": self.a, "b": self.b}, condition="artifact")`."""
    conditions = [k.value for k in call.keywords if k.arg == "condition"]
    if not (len(call.args) == 1 and isinstance(call.args[0], ast.Dict) and conditions):
        return None
    cases = _cases(call.args[0])
    condition = conditions[0]
    if not cases or not (isinstance(condition, ast.Constant) and isinstance(condition.value, str) and condition.value):
        return Transition(kind="broken", problem="a case or the condition of the switch is no literal")
    problem = "a switch needs two cases" if len(cases) < 2 else None
    return Transition(kind="switch", targets=tuple(cases.values()), problem=problem)


def _cases(node: ast.Dict) -> dict[object, str] | None:
    """Case → target; None where a key is neither a literal nor `self.config.key`, or a target is no `self.step`."""
    cases: dict[object, str] = {}
    for key, value in zip(node.keys, node.values):
        target = _on_self(value)
        if isinstance(key, ast.Constant) and key.value is not None:
            case: object = key.value
        elif isinstance(key, ast.Attribute) and (config := _on_self(key.value)):
            case = f"config:{config}.{key.attr}"
        else:
            return None
        if target is None:
            return None
        cases[case] = target
    return cases


def _plain(call: ast.Call, is_join: bool) -> Transition:
    """One target, several, or one with `foreach=` or `num_parallel=`."""
    targets = tuple(arg.attr for arg in call.args if isinstance(arg, ast.Attribute))
    names = tuple(k.arg for k in call.keywords)
    if len(targets) != len(call.args) or not targets or (names and len(targets) > 1):
        return Transition(kind="broken", problem="self.next(...) has no form that Metaflow knows")
    if names == ("foreach",):
        return _foreach(targets, call.keywords[0].value)
    if names == ("num_parallel",):
        return Transition(kind="foreach", targets=targets, num_parallel=call.keywords[0].value)
    if names:
        return Transition(kind="broken", problem="self.next(...) has keywords that Metaflow does not know")
    if len(targets) > 1:
        problem = "self.next(...) names a step twice" if len(set(targets)) < len(targets) else None
        return Transition(kind="split", targets=targets, problem=problem)
    return Transition(kind="join" if is_join else "linear", targets=targets)


def _foreach(targets: tuple[str, ...], value: ast.expr) -> Transition:
    if not isinstance(value, ast.Constant):  # Metaflow runs it, and learns the artifact's name only then
        name = value.id if isinstance(value, ast.Name) else "(an expression)"
        return Transition(kind="foreach", targets=targets, foreach=name)
    problem = None if isinstance(value.value, str) else "foreach names no artifact"
    return Transition(kind="foreach", targets=targets, foreach=str(value.value)[:200], problem=problem)


def _arguments_problem(kind: Kind, arguments: int) -> str | None:
    if arguments == 0:
        return "the step has no argument `self`"
    if arguments > 2:
        return "the step has more arguments than `self` and `inputs`"
    if arguments == 2 and kind not in ("join", "broken"):
        return "the step is a join and splits; a step of its own is needed for each"
    return None


def assigned(node: Function, artifact: str) -> ast.expr | None:
    """What `self.<artifact>` certainly is when the step ends: the value of its only, unconditional assignment.

    None where anything in the function may change it afterwards or where the value depends on local variables.
    """
    statements = [s for s in node.body[:-1] if _on_self(_target(s)) == artifact]
    if len(statements) != 1 or not isinstance(statements[0], (ast.Assign, ast.AnnAssign)):
        return None
    statement, value = statements[0], statements[0].value
    if value is None or not _untouched(node, statement, artifact):
        return None
    return _followed(node, value, once=True)


def _target(statement: ast.stmt) -> ast.AST:
    """The single target of `x = …` or `x: T = …`; else the statement itself."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        return statement.targets[0]
    return statement.target if isinstance(statement, ast.AnnAssign) else statement


def _untouched(node: Function, statement: ast.stmt, artifact: str) -> bool:
    """Whether nothing but the statement changes the artifact: no other write, no use that may, no `self` given away."""
    before_next = node.body[:-1]
    uses = [n for n in _walk(before_next) if _on_self(n) == artifact and n is not _target(statement)]
    harmless = {id(use) for parent in _walk(before_next) for use in _harmless(parent)}
    if any(id(use) not in harmless for use in uses):
        return False
    later = before_next[before_next.index(statement) + 1 :]
    return not any(_gives_self_away(n) for n in _walk(later))


def _walk(statements: list[ast.stmt]) -> Iterator[ast.AST]:
    for statement in statements:
        yield from ast.walk(statement)


def _harmless(parent: ast.AST) -> list[ast.expr]:
    """The children of a node that it only reads."""
    if isinstance(parent, ast.Call):
        return parent.args if isinstance(parent.func, ast.Name) and parent.func.id in HARMLESS_CALLS else []
    if isinstance(parent, (ast.For, ast.comprehension)):
        return [parent.iter]
    if isinstance(parent, ast.Compare):
        return [parent.left, *parent.comparators]
    if isinstance(parent, ast.FormattedValue):
        return [parent.value]
    return [parent.value] if isinstance(parent, ast.Subscript) and isinstance(parent.ctx, ast.Load) else []


def _gives_self_away(node: ast.AST) -> bool:
    """`f(self)`, `x = self` or `self.method()`: code elsewhere that may write artifacts."""
    if isinstance(node, ast.Call):
        inputs = [*node.args, *(k.value for k in node.keywords)]
        return _on_self(node.func) is not None or any(_is_self(n) for n in inputs)
    return isinstance(node, (ast.Assign, ast.Starred, ast.List, ast.Tuple, ast.Dict, ast.NamedExpr)) and any(
        _is_self(child) for child in ast.iter_child_nodes(node)
    )


def _is_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def local_value(node: Function, value: ast.expr) -> ast.expr:
    """The expression, or, where it is a variable or artifact that the step sets once, the value that it sets.

    What cannot be followed becomes a name that no module can hold, so that it is not mistaken for a module's constant.
    """
    followed = _followed(node, value, once=False)
    name = f"{min(_local_names(node, value), default='')} (set in the step)"
    return followed or ast.copy_location(ast.Name(id=name, ctx=ast.Load()), value)


def _followed(node: Function, value: ast.expr, *, once: bool) -> ast.expr | None:
    """An expression without local names: as it is, or what the local name that it is was set to. Else None.

    With `once` a variable may be read nowhere else, since a list that it names could be changed there.
    """
    if not _local_names(node, value):
        return value
    attribute = _on_self(value)
    return assigned(node, attribute) if attribute else _variable(node, value, once)


def _variable(node: Function, value: ast.expr, once: bool) -> ast.expr | None:
    """What a local variable is assigned, once and unconditionally."""
    if isinstance(value, ast.Name):
        same = [n for n in ast.walk(node) if isinstance(n, ast.Name) and n.id == value.id]
        writes = [s for s in node.body if isinstance(_target(s), ast.Name) and _target(s) in same]
        plain = len(writes) == 1 and sum(not isinstance(n.ctx, ast.Load) for n in same) == 1
        source = writes[0].value if plain and isinstance(writes[0], (ast.Assign, ast.AnnAssign)) else None
        if source and not _local_names(node, source) and (len(same) == 2 or not once) and value.id not in _others(node):
            return source
    return None


def _local_names(node: Function, value: ast.expr) -> frozenset[str]:
    """Names and `self.x` that the expression reads and the function binds or changes in place."""
    inside = list(ast.walk(value))
    own = {n.id for n in inside if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}  # of comprehensions
    own |= {n.arg for n in inside if isinstance(n, ast.arg)}
    reads = {n.id for n in inside if isinstance(n, ast.Name)} - own
    reads |= {f"self.{attribute}" for n in inside if (attribute := _on_self(n))}
    skipped = {id(n) for n in inside}
    written = {name for n in ast.walk(node) if id(n) not in skipped for name in _written(n)}
    return frozenset(reads & (written | _others(node)))


def _written(node: ast.AST) -> Iterator[str]:
    """The name or `self.x` that a node stores to, deletes, or changes in place."""
    if isinstance(node, (ast.Name, ast.Attribute)) and not isinstance(node.ctx, ast.Load):
        yield from _dotted(node)
    elif isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
        yield from _dotted(node.value)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATORS:
        yield from _dotted(node.func.value)


def _dotted(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield node.id
    elif attribute := _on_self(node):
        yield f"self.{attribute}"


def _others(node: Function) -> frozenset[str]:
    """Names bound other than by assignment: arguments, imports, definitions, exceptions, patterns."""
    names: set[str] = set()
    for n in _walk(node.body):
        if isinstance(n, ast.arg):
            names.add(n.arg)
        elif isinstance(n, ast.alias):
            names.add((n.asname or n.name).partition(".")[0])
        elif isinstance(n, NAMED) and n.name:
            names.add(n.name)
    return frozenset(names).union(a.arg for a in node.args.args[1:])
