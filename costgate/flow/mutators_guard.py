"""What the code of a mutator may do beyond what is evaluated: the bounds of the damage where something is not known."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from costgate.flow.elements import METHODS
from costgate.flow.frame import Frame, module_frame
from costgate.flow.metaflow_names import FLOW_DECORATORS, STEP_DECORATORS
from costgate.flow.mutations import MUTATORS, children, dotted, nodes, stored
from costgate.flow.mutators_class import HOOKS, Mutator, own_classes
from costgate.flow.mutators_state import CHOICES, EFFECTS
from costgate.flow.names import is_harmless
from costgate.flow.source import Module
from costgate.flow.values import Class, External, Function, Instance, Myself, Native, Partial, RefusedError
from costgate.model import Known, Unresolved, Value

if TYPE_CHECKING:
    from costgate.flow.evaluate import Evaluator

QUERIES = frozenset({"get_decorator_specs", "has_decorator"})
ANSWERING = QUERIES | frozenset().union(*METHODS.values())  # methods that change nothing
LOGGING = frozenset({"critical", "debug", "error", "exception", "info", "log", "warning"})
UNHANDLED = (
    ast.AsyncFor, ast.AsyncFunctionDef, ast.AsyncWith, ast.Await, ast.ClassDef, ast.FunctionDef, ast.Global, ast.Lambda,
    ast.NamedExpr, ast.Nonlocal, ast.Yield, ast.YieldFrom,
)  # fmt: skip
# Decorators of steps without effect on what a step asks for or on how often it is tried again.
HARMLESS = frozenset({"card", "catch", "conda", "costgate_meter", "environment", "pypi", "secrets"})
ATTEMPTS = frozenset({"retry", "timeout"})
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def check_body(function: ast.FunctionDef) -> None:
    """RefusedError for a function that binds or defers in ways that are not followed."""
    for node in nodes(*function.body):
        if isinstance(node, UNHANDLED):
            raise RefusedError(f"{function.name} has a {type(node).__name__}, which is not evaluated")


def reaches(value: Value) -> bool:
    """Whether somebody who is given the value could change a step, a mutator or a container."""
    found = value.value if isinstance(value, Known) else None
    if isinstance(found, tuple):
        return any(map(reaches, found))
    return isinstance(found, (Myself, Native, Partial, Instance, list, dict, set))


def check_expression(ev: Evaluator, node: ast.expr, frame: Frame, one: Mutator) -> None:
    """RefusedError where evaluating the expression may change a step in ways that would be missed.

    A mutator whose methods it calls, and which may change the mutator itself, is marked.
    """
    found = list(nodes(node))
    touchy = {name for name, value in frame.local.items() if reaches(value)}
    touchy |= set(stored(found))  # what comprehensions bind
    for inner in found:
        if isinstance(inner, ast.Attribute) and inner.attr in (EFFECTS | MUTATORS):
            raise RefusedError(f"uses {inner.attr} inside of an expression")
    for inner in found:
        if isinstance(inner, ast.Call):
            one.is_unfollowed |= _is_method(ev, inner, frame)
            if not _is_safe(ev, inner, frame, touchy):
                raise RefusedError(f"hands a step, the flow or a container to {dotted(inner.func) or 'a call'}")


def _is_method(ev: Evaluator, call: ast.Call, frame: Frame) -> bool:
    """Whether it calls a method of the mutator's own that may do more than tell a value."""
    result = ev.evaluate(call.func, frame)
    return isinstance(result, Known) and isinstance(result.value, Partial) and not is_harmless(ev, result.value)


def _is_safe(ev: Evaluator, call: ast.Call, frame: Frame, touchy: set[str]) -> bool:
    function = call.func
    asked = function.attr if isinstance(function, ast.Attribute) else ""
    result = ev.evaluate(function, frame)
    if isinstance(result, Known) and (isinstance(result.value, Native) or is_harmless(ev, result.value)):
        name = result.value.name if isinstance(result.value, External) else ""
        return name != "builtins.getattr" or not _mentions(call, touchy)
    if isinstance(result, Unresolved) and asked not in ANSWERING and _mentions(function, touchy):
        return False
    arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
    is_query = isinstance(result, Unresolved) and asked in QUERIES  # of what a comprehension goes through
    return is_query or not any(_hands(ev, argument, frame, touchy) for argument in arguments)


def _mentions(node: ast.AST, names: set[str]) -> bool:
    return any(isinstance(n, ast.Name) and n.id in names for n in nodes(node))


def _hands(ev: Evaluator, argument: ast.expr, frame: Frame, touchy: set[str]) -> bool:
    """Whether an argument may be, or hold, something that can be changed."""
    if not _mentions(argument, touchy):
        return False
    result = ev.evaluate(argument, frame)
    return isinstance(result, Unresolved) or reaches(result)


def is_quiet(ev: Evaluator, call: ast.Call, frame: Frame) -> bool:
    """Whether a call only prints, warns or writes to a log."""
    function = call.func
    result = ev.evaluate(function, frame)
    if isinstance(result, Known) and isinstance(result.value, External):
        top, _, member = result.value.name.partition(".")
        return result.value.name in ("builtins.print", "warnings.warn") or (top == "logging" and member in LOGGING)
    if not isinstance(function, ast.Attribute) or function.attr not in LOGGING or frame.module is None:
        return False
    root = function.value
    binding = frame.module.scope.single(root.id) if isinstance(root, ast.Name) and root.id not in frame.local else None
    made = binding.node if binding else None
    if not isinstance(made, ast.Call):
        return False
    maker = ev.evaluate(made.func, module_frame(frame.module))
    return isinstance(maker, Known) and maker.value == External(name="logging.getLogger")


def is_isolated(body: Sequence[ast.stmt], local: Mapping[str, Value], ev: Evaluator, frame: Frame) -> bool:
    """Whether what a round of a loop over steps does, it does to the step of that round only."""
    found = list(nodes(*body))
    own = set(stored(found))
    for node in found:
        if isinstance(node, (ast.Attribute, ast.Subscript)) and _changes_more(node, own):
            return False
        if isinstance(node, ast.Call) and any(_is_container(a, local, own) for a in node.args):
            return False
    if _ends(body) or any(isinstance(node, ast.Return) for node in found):
        return False
    return not any(_is_other(node, local, ev, frame) for node in _outer(body) if _name(node) not in own)


def _ends(body: Sequence[ast.stmt]) -> bool:
    """Whether a `break` ends the loop that this is the body of."""
    blocks = [node for node in body if not isinstance(node, (ast.For, ast.While))]
    inner = [child for node in blocks for child in children(node) if isinstance(child, ast.stmt)]
    return any(isinstance(node, ast.Break) for node in blocks) or bool(inner and _ends(inner))


def _is_container(node: ast.expr, local: Mapping[str, Value], own: set[str]) -> bool:
    """Whether an argument is a container that was made before the loop."""
    value = local.get(node.id) if isinstance(node, ast.Name) and node.id not in own else None
    return isinstance(value, Known) and isinstance(value.value, (dict, list))


def _changes_more(node: ast.Attribute | ast.Subscript, own: set[str]) -> bool:
    """Whether it changes something in place that was made before the loop."""
    is_changed = not isinstance(node.ctx, ast.Load) or (isinstance(node, ast.Attribute) and node.attr in MUTATORS)
    return is_changed and dotted(node).partition(".")[0] not in own


def _outer(body: Sequence[ast.stmt]) -> Iterator[ast.expr]:
    """Names, and attributes of names; a name that an attribute is taken of comes as that attribute."""
    stack: list[ast.AST] = list(body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
            yield node
        else:
            stack += children(node)


def _name(node: ast.expr) -> str:
    return dotted(node).partition(".")[0]


def _is_other(node: ast.expr, local: Mapping[str, Value], ev: Evaluator, frame: Frame) -> bool:
    """Whether a name, or an attribute of one, is the flow, another step or a container of them."""
    value = local.get(_name(node))
    if value is None or not reaches(value):
        return False
    if isinstance(node, ast.Attribute) and node.attr in CHOICES:
        return False
    result = ev.evaluate(node, frame)
    found = result.value if isinstance(result, Known) else None
    if isinstance(found, Partial):
        return False  # a method of the mutator's own; it is given what the loop gives it
    return found is None or isinstance(found, Myself) or _holds_view(found)


def _holds_view(found: object) -> bool:
    parts = found.values() if isinstance(found, dict) else found if isinstance(found, (list, tuple)) else ()
    return any(isinstance(p, Known) and (isinstance(p.value, Myself) or _holds_view(p.value)) for p in parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What the code of a mutator, read without following it, can do at most."""

    names: frozenset[str] | None  # decorators that it may add or remove; None: any
    of_flow: frozenset[str]  # those of the flow among them
    is_local: bool  # it reaches no other step than the one that it is given


def survey(ev: Evaluator, cls: Class) -> Survey:
    """The most that a mutator can do."""
    names: set[str] = set()
    leaves = False
    hooks = {name for base in own_classes(ev, cls) for name in ev.sources.class_scope(base).bindings} & HOOKS
    is_any = is_any_of_flow = not hooks <= _methods(ev, cls)
    for module, root in _code(ev, cls):
        found = list(nodes(root))
        bound = {*stored(found), *(node.arg for node in found if isinstance(node, ast.arg))}
        looped = _looped(found)
        attributes = [node for node in found if isinstance(node, ast.Attribute)]
        leaves = leaves or any(node.attr == "flow" for node in attributes)
        is_any = is_any or _bare_effects(found) or any(map(_is_internal, attributes))
        for call in (node for node in found if isinstance(node, ast.Call)):
            named = _named(ev, cls, call, module, bound)
            names |= named or set()
            is_any = is_any or named is None
            is_any_of_flow = is_any_of_flow or (named is None and not _is_of_step(call, looped))
        is_any_of_flow = is_any_of_flow or _bare_effects(found)
    return Survey(
        names=None if is_any else frozenset(names),
        of_flow=FLOW_DECORATORS if is_any_of_flow else FLOW_DECORATORS & names,
        is_local=not leaves and not is_any,
    )


def _looped(found: Sequence[ast.AST]) -> set[str]:
    """Names that only loops bind, over something that does not stand there element by element."""
    loops = [n for n in found if isinstance(n, (ast.For, ast.comprehension))]
    shown = (ast.List, ast.Set, ast.Tuple)
    names = [name for loop in loops if not isinstance(loop.iter, shown) for name in stored(nodes(loop.target))]
    others = [node.arg for node in found if isinstance(node, ast.arg)]
    every = [*others, *stored(found)]
    return {name for name in names if every.count(name) == names.count(name)}


def _is_of_step(call: ast.Call, looped: set[str]) -> bool:
    """Whether a call adds or removes a decorator of what a loop goes through: a step."""
    function = call.func
    is_effect = isinstance(function, ast.Attribute) and function.attr in ("add_decorator", "remove_decorator")
    return is_effect and isinstance(function, ast.Attribute) and _name(function.value) in looped


def _is_internal(node: ast.Attribute) -> bool:
    """Whether it is an attribute that Metaflow keeps to itself."""
    return node.attr.startswith("_") and not (isinstance(node.value, ast.Name) and node.value.id == "self")


def _code(ev: Evaluator, cls: Class) -> Iterator[tuple[Module, ast.AST]]:
    """The classes of a mutator, and the functions of their modules that they call, directly or not."""
    stack: list[tuple[Module, ast.AST]] = [(base.module, base.node) for base in own_classes(ev, cls)]
    seen: set[ast.AST] = set()
    while stack:
        module, root = stack.pop()
        if root in seen:
            continue
        seen.add(root)
        yield module, root
        for node in nodes(root):
            found = _function(ev, node, module) if isinstance(node, ast.Call) else None
            if found is not None:
                stack.append((module, found.node))


def _function(ev: Evaluator, call: ast.Call, module: Module) -> Function | None:
    """The function of the same module that a call names."""
    if not isinstance(call.func, ast.Name):
        return None
    result = ev.evaluate(call.func, module_frame(module))
    found = result.value if isinstance(result, Known) else None
    return found if isinstance(found, Function) and found.module is module else None


def _named(ev: Evaluator, cls: Class, call: ast.Call, module: Module, bound: set[str]) -> set[str] | None:
    """The decorators that a call adds or removes; None where it may be any, or does what is not known."""
    function = call.func
    if isinstance(function, ast.Attribute) and function.attr in ("add_decorator", "remove_decorator"):
        return _decorator(ev, call, module, bound)
    if _is_followed(ev, cls, call, module) or is_quiet(ev, call, module_frame(module)):
        return set()
    result = ev.evaluate(function, module_frame(module))
    is_bound = _name(function) in bound  # a local name may hide what the module means by it
    if isinstance(result, Known) and is_harmless(ev, result.value) and not is_bound:
        return None if result.value == External(name="builtins.getattr") else set()
    arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
    return None if any(isinstance(n, ast.Name) for a in arguments for n in nodes(a)) else set()


def _is_followed(ev: Evaluator, cls: Class, call: ast.Call, module: Module) -> bool:
    """Whether it calls a query, or a method or function whose own code is looked at."""
    function = call.func
    if not isinstance(function, ast.Attribute):
        return isinstance(function, ast.Name) and (function.id == "super" or _function(ev, call, module) is not None)
    receiver = function.value
    named = receiver.func if isinstance(receiver, ast.Call) else receiver
    is_own = isinstance(named, ast.Name) and named.id == ("self" if named is receiver else "super")
    methods = _methods(ev, cls) if named is receiver else HOOKS
    return function.attr in QUERIES or (is_own and function.attr in methods)


def _methods(ev: Evaluator, cls: Class) -> frozenset[str]:
    """The names that only functions have in the bodies of a mutator's classes."""
    scopes = [ev.sources.class_scope(base) for base in own_classes(ev, cls)]
    bound = [(name, binding.node) for scope in scopes for name, every in scope.bindings.items() for binding in every]
    others = {name for name, node in bound if not isinstance(node, ast.FunctionDef)}
    return frozenset(name for name, _ in bound) - others


def _decorator(ev: Evaluator, call: ast.Call, module: Module, bound: set[str]) -> set[str] | None:
    options = {keyword.arg: keyword.value for keyword in call.keywords}
    first = call.args[0] if call.args else options.get("deco_type", options.get("deco_name"))
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        name = first.value.partition(":")[0]
    elif first is not None and _name(first) not in bound:
        name = _imported(ev, first, module)
    else:
        name = ""
    return {name} if name in (STEP_DECORATORS | FLOW_DECORATORS) else None


def _imported(ev: Evaluator, node: ast.expr, module: Module) -> str:
    """The name of a decorator of Metaflow's that an expression stands for; an import inside of a function counts."""
    result = ev.evaluate(node, module_frame(module))
    if isinstance(result, Known) and isinstance(result.value, External):
        return result.value.name.removeprefix("metaflow.")
    for statement in nodes(module.tree):
        if isinstance(statement, ast.ImportFrom) and statement.module == "metaflow" and isinstance(node, ast.Name):
            named = [alias.name for alias in statement.names if (alias.asname or alias.name) == node.id]
            if named:
                return named[0]
    return ""


def _bare_effects(found: Sequence[ast.AST]) -> bool:
    """Whether `add_decorator` and its like are used otherwise than by calling them at once."""
    called = {id(node.func) for node in found if isinstance(node, ast.Call)}
    effects = [node for node in found if isinstance(node, ast.Attribute) and node.attr in EFFECTS]
    return any(id(node) not in called or node.attr.endswith("_parameter") for node in effects)
