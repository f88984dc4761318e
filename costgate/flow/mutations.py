"""Which values code may change in place: `SIZES["x"] = 8`, `LIST.append(…)`, `settings.GPU = 4`, and through aliases.

The answer errs on the side of "changed": a list or mapping that may have changed is never taken at face value.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

MUTATORS = frozenset({
    "__delattr__", "__delitem__", "__iadd__", "__ior__", "__setattr__", "__setitem__", "add", "append", "clear",
    "difference_update", "discard", "extend", "insert", "intersection_update", "pop", "popitem", "remove", "reverse",
    "setdefault", "sort", "symmetric_difference_update", "update",
})  # fmt: skip
UNBOUND = frozenset({"delattr", "dict", "list", "object", "set", "setattr", "type"})  # they change their first argument
MAX_PARTS = 20  # names of a dotted one
NAMESPACES = frozenset({"globals", "locals", "vars"})
Function: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef"


class Changes:
    """What a module changes in place. Function bodies count; calls count where the module itself makes them."""

    def __init__(self, body: Sequence[ast.stmt]) -> None:
        self._region = _read(body)
        # dotted names whose values are changed, and attributes that get another value
        self.names = frozenset(self._region.names | self._region.replaced)
        self.environment = frozenset(self._region.environment)  # environment variables that are set or deleted

    @property
    def calls(self) -> Sequence[ast.Call]:
        """The calls that the module itself makes."""
        return self._region.calls

    @cached_property
    def anything(self) -> bool:
        """Whether any name may change: through `exec`, `globals()` or `sys.modules`."""
        return self._region.anything or "sys" in self.names or self.touches("sys.modules")

    @cached_property
    def passed(self) -> Mapping[str, Sequence[ast.Call]]:
        """Name → the calls that it is handed to."""
        found: dict[str, list[ast.Call]] = {}
        for call in self._region.calls:
            arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
            for name in _loads(*arguments):
                found.setdefault(name, []).append(call)
        return found

    def touches(self, name: str) -> bool:
        """Whether the value of a name, or something inside of it, is changed."""
        return name in self.names or any(path.startswith(f"{name}.") for path in self.names)


@dataclass(slots=True)
class _Region:
    """What one pass over the nodes of a module or function finds; functions are regions of their own."""

    names: set[str] = field(default_factory=set)  # changed
    replaced: set[str] = field(default_factory=set)  # `a.b` of `a.b = …`: a is changed, what b was is not
    stored: set[str] = field(default_factory=set)  # bound
    declared: set[str] = field(default_factory=set)  # global or nonlocal
    aliases: dict[str, list[ast.AST]] = field(default_factory=dict)  # dotted target → what it is made of
    calls: list[ast.Call] = field(default_factory=list)
    environment: set[str] = field(default_factory=set)
    anything: bool = False


def nodes(*roots: ast.AST) -> Iterator[ast.AST]:
    """The roots and all nodes below them, in no particular order; twice as fast as `ast.walk`."""
    stack = list(roots)
    while stack:
        node = stack.pop()
        yield node
        stack += children(node)


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes right below a node."""
    found: list[ast.AST] = []
    for name in node._fields:
        value = getattr(node, name, None)
        if value.__class__ is list:
            found += [item for item in value if isinstance(item, ast.AST)]
        elif isinstance(value, ast.AST):
            found.append(value)
    return found


def stored(found: Iterable[ast.AST]) -> Iterator[str]:
    """The names that these nodes themselves bind or delete."""
    for node in found:
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
            yield node.name
        elif isinstance(node, ast.MatchMapping) and node.rest:
            yield node.rest


def dotted(node: ast.AST) -> str:
    """`a.b` for the expressions a.b, a.b["x"] and a.b[0]["y"]; "" for what does not start with a name."""
    parts: list[str] = []
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        if isinstance(node, ast.Attribute):
            parts.append(node.attr)
        else:
            parts.clear()  # a change inside an element is a change of the container
        node = node.value
    # What is changed further in is changed in what holds it; all prefixes of the name are looked at.
    return ".".join([node.id, *reversed(parts[-MAX_PARTS:])]) if isinstance(node, ast.Name) else ""


def prefixes(name: str) -> list[str]:
    """a, a.b and a.b.c of `a.b.c`."""
    parts = name.split(".")
    return [".".join(parts[: i + 1]) for i in range(len(parts))]


def _read(body: Sequence[ast.stmt]) -> _Region:
    region = _Region()
    stack: list[ast.AST] = list(body)
    while stack:
        node = stack.pop()
        look = LOOKS.get(node.__class__)
        if look is not None:
            look(node, region)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            stack += [*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)]
        else:
            stack += children(node)
    _spread(region)
    return region


def _function(node: Function, region: _Region) -> None:
    """What a function changes of the names around it; called or not, it may be."""
    inner = _read(node.body)
    arguments = node.args
    own = {a.arg for a in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]}
    own |= {a.arg for a in (arguments.vararg, arguments.kwarg) if a is not None}
    own = (own | inner.stored) - inner.declared
    region.names |= {name for name in inner.names if name.partition(".")[0] not in own}
    region.environment |= inner.environment
    region.stored.add(node.name)
    region.replaced |= {name for name in inner.replaced if name.partition(".")[0] not in own}
    changed = {name.partition(".")[0] for name in inner.names | inner.replaced}
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [
        *zip(reversed(positional), reversed(arguments.defaults)),
        *zip(arguments.kwonlyargs, arguments.kw_defaults),
    ]
    for argument, default in defaults:
        if default is not None and argument.arg in changed:
            _change(default, region)
    region.aliases.setdefault(node.name, []).extend(node.body)


def _store(node: ast.Attribute | ast.Subscript, region: _Region) -> None:
    if isinstance(node.ctx, ast.Load):
        if isinstance(node, ast.Attribute) and node.attr in MUTATORS:  # called here or later
            _change(node.value, region)
    elif (key := _variable(node)) is not None:
        region.environment.add(key)
    elif isinstance(node, ast.Attribute) and (name := dotted(node)):
        region.replaced.add(name)
    else:
        _change(node, region)


def _variable(node: ast.Attribute | ast.Subscript) -> str | None:
    """K of `os.environ["K"]`."""
    is_environment = isinstance(node, ast.Subscript) and dotted(node.value) in ("os.environ", "environ")
    key = node.slice if is_environment and isinstance(node, ast.Subscript) else None
    return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None


def _change(node: ast.expr, region: _Region) -> None:
    """Something inside of the value of an expression is changed: `a.b["x"]`, or `f(a)["x"]`, then any name in it."""
    if name := dotted(node):
        region.names.add(name)
    else:
        region.names |= _loads(node)
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NAMESPACES:
        region.names.update(f"{dotted(argument)}.*" for argument in node.args)  # vars(x)["n"] = …
        region.anything |= not node.args


def _call(node: ast.Call, region: _Region) -> None:
    region.calls.append(node)
    function: ast.expr = node.func
    if isinstance(function, ast.Attribute) and function.attr in MUTATORS:
        function = function.value
    if isinstance(function, ast.Name):
        region.anything |= function.id in ("exec", "eval")
        if function.id in UNBOUND and node.args:
            region.names |= _changed_by(node)


def _changed_by(call: ast.Call) -> set[str]:
    """`setattr(x, "n", …)` changes x.n, or anything of x; `dict.update(x, …)` changes x; `dict(x)` nothing."""
    target = dotted(call.args[0])
    targets = {target} if target else set(_loads(call.args[0]))  # of `setattr(f(x), …)` any of its names
    if isinstance(call.func, ast.Attribute) and "setattr" not in call.func.attr:
        return targets
    if len(call.args) < 2:
        return set()
    name = call.args[1]
    if isinstance(name, ast.Constant):
        return {f"{target}.{name.value!s}" for target in targets}
    return targets | {f"{target}.*" for target in targets}


def _augmented(node: ast.AugAssign, region: _Region) -> None:
    _change(node.target, region)


def _assigned(node: ast.Assign | ast.AnnAssign | ast.NamedExpr, region: _Region) -> None:
    if node.value is not None:
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            _alias(target, node.value, region)


def _looped(node: ast.For | ast.AsyncFor | ast.comprehension, region: _Region) -> None:
    _alias(node.target, node.iter, region)


def _opened(node: ast.withitem, region: _Region) -> None:
    if node.optional_vars is not None:
        _alias(node.optional_vars, node.context_expr, region)


def _matched(node: ast.Match, region: _Region) -> None:
    for case in node.cases:
        _alias(case.pattern, node.subject, region)


def _alias(target: ast.AST, value: ast.AST, region: _Region) -> None:
    """A second name for a value, or for a part of it."""
    names = {dotted(node) for node in nodes(target) if isinstance(node, (ast.Attribute, ast.Subscript))}
    for name in {*names, *stored(nodes(target))}:
        region.aliases.setdefault(name, []).append(value)


def _bound(node: ast.AST, region: _Region) -> None:
    region.stored.update(stored([node]))


def _declared(node: ast.Global | ast.Nonlocal, region: _Region) -> None:
    region.declared.update(node.names)


def _imported(node: ast.alias, region: _Region) -> None:
    region.stored.add(node.asname or node.name.partition(".")[0])


def _class(node: ast.ClassDef, region: _Region) -> None:
    region.stored.add(node.name)


LOOKS: dict[type[ast.AST], Callable[[Any, _Region], None]] = {
    ast.AnnAssign: _assigned,
    ast.Assign: _assigned,
    ast.AsyncFor: _looped,
    ast.AsyncFunctionDef: _function,
    ast.Attribute: _store,
    ast.AugAssign: _augmented,
    ast.Call: _call,
    ast.ClassDef: _class,
    ast.ExceptHandler: _bound,
    ast.For: _looped,
    ast.FunctionDef: _function,
    ast.Global: _declared,
    ast.Match: _matched,
    ast.MatchAs: _bound,
    ast.MatchMapping: _bound,
    ast.MatchStar: _bound,
    ast.Name: _bound,
    ast.NamedExpr: _assigned,
    ast.Nonlocal: _declared,
    ast.Subscript: _store,
    ast.alias: _imported,
    ast.comprehension: _looped,
    ast.withitem: _opened,
}


def _loads(*roots: ast.AST) -> frozenset[str]:
    return frozenset(node.id for node in nodes(*roots) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))


def _spread(region: _Region) -> None:
    """What is changed under one name is changed under the names that it was made of."""
    region.names.discard("")
    stack = [prefix for name in region.names for prefix in prefixes(name)]
    stack += [prefix for name in region.replaced for prefix in prefixes(name)[:-1]]
    seen: set[str] = set()
    while stack:
        name = stack.pop()
        if name not in seen:
            seen.add(name)
            sources = _loads(*region.aliases.get(name, ()))
            region.names |= sources
            stack += sources
