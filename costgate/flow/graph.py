"""The graph of a flow, read from its steps as Metaflow reads it: splits, joins, switches and what they enclose.

A graph that Metaflow would refuse is read as far as it goes; a step where something is wrong says so in `problem`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from costgate.flow.transition import Transition, assigned, read_transition
from costgate.model import Location

MOST_STEPS = 5000
DEEPEST = 50  # splits inside splits


class StepLike(Protocol):
    """What the graph needs to know of a step."""

    @property
    def name(self) -> str:
        """The attribute under which the flow holds the step."""

    @property
    def path(self) -> str:
        """The file of the step; a base class may be in another one than the flow."""

    @property
    def node(self) -> ast.FunctionDef | ast.AsyncFunctionDef:
        """The function."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A step's place in the graph."""

    name: str
    location: Location
    next: tuple[str, ...]
    foreach: str | None = None  # artifact of its own foreach; the source text where that is no literal
    foreach_expr: ast.expr | None = None  # what the artifact certainly is, where the step itself tells
    num_parallel: ast.expr | None = None
    around: tuple[str, ...] = ()  # steps whose foreach or num_parallel encloses this one, outermost first
    conditional: bool = False  # some runs go without it: behind a switch
    recursive: bool = False  # in a loop that a switch leaves
    problem: str | None = None  # what is wrong here: Metaflow would refuse it, or tasks cannot be counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """The steps in order: start, then as a run reaches them, then those that no run reaches."""

    order: tuple[str, ...]
    nodes: Mapping[str, Node]


Edges = Mapping[str, tuple[str, ...]]
Splits = tuple[tuple[str, str], ...]  # open splits, outermost first: (splitting step, its target that leads here)


@dataclass(slots=True, kw_only=True)
class _Walk:
    """What a walk in graph order found: the splits open before and in each step, and what is wrong."""

    before: dict[str, Splits]
    inside: dict[str, Splits] = field(default_factory=dict)
    arrived: dict[str, set[str]] = field(default_factory=dict)  # join → branches of its split that reach it
    problems: dict[str, str] = field(default_factory=dict)


def read_graph(steps: Mapping[str, StepLike]) -> Graph:
    """The graph of these steps, in the order of their definition. Never raises."""
    start, end = _marked(steps, "start"), _marked(steps, "end")
    if start is None or len(steps) > MOST_STEPS:
        why = "the flow has no start step, or more than one" if start is None else f"more than {MOST_STEPS} steps"
        return Graph(order=tuple(steps), nodes={name: _node(step, problem=why) for name, step in steps.items()})
    transitions = {name: read_transition(step.node, is_end=name == end) for name, step in steps.items()}
    edges = {name: tuple(dict.fromkeys(t for t in found.targets if t in steps)) for name, found in transitions.items()}
    order, back = _depth_first(start, edges)
    walk = _walk(order, transitions, edges, back)
    always = _always(order, transitions, edges, back)
    loops = _loops(order, edges)
    _judge(walk, start, transitions, edges, loops)
    nodes = {
        name: replace(
            _node(steps[name], found, walk.problems.get(name)),
            next=edges[name],
            around=tuple(split for split, _ in walk.inside[name] if transitions[split].kind == "foreach"),
            conditional=name not in always,
            recursive=any(transitions[other].kind == "switch" for other in loops.get(name, ())),
        )
        for name in order
        for found in (transitions[name],)
    }
    unreached = tuple(name for name in steps if name not in nodes)
    for name in unreached:
        problem = transitions[name].problem or "no step leads here from the start"
        nodes[name] = replace(_node(steps[name], transitions[name], problem), next=edges[name])
    return Graph(order=order + unreached, nodes=nodes)


def _marked(steps: Mapping[str, StepLike], which: str) -> str | None:
    """The step with `@step(start=True)` (or `end`), else the one of that name; None for none or several."""
    if len(steps) == 1:
        return next(iter(steps))
    marked = [name for name, step in steps.items() if any(_marks(d, which) for d in step.node.decorator_list)]
    if not marked:
        return which if which in steps else None
    return marked[0] if len(marked) == 1 else None


def _marks(decorator: ast.expr, which: str) -> bool:
    """Whether a decorator is `@step(<which>=True)`."""
    if not isinstance(decorator, ast.Call):
        return False
    name = getattr(decorator.func, "id", getattr(decorator.func, "attr", ""))
    flags = [k.value for k in decorator.keywords if k.arg == which]
    return name == "step" and any(isinstance(flag, ast.Constant) and bool(flag.value) for flag in flags)


def _node(step: StepLike, transition: Transition | None = None, problem: str | None = None) -> Node:
    place = Location(path=step.path, line=step.node.lineno, column=step.node.col_offset + 1)
    if transition is None:
        return Node(name=step.name, location=place, next=(), problem=problem)
    artifact = transition.foreach
    return Node(
        name=step.name, location=place, next=(), foreach=artifact,
        foreach_expr=None if artifact is None else assigned(step.node, artifact),
        num_parallel=transition.num_parallel, problem=problem,
    )  # fmt: skip


def _depth_first(start: str, edges: Edges) -> tuple[tuple[str, ...], frozenset[tuple[str, str]]]:
    """Reverse postorder from the start, branches as written, and the edges that close a loop."""
    finished: dict[str, bool] = {start: False}
    back: set[tuple[str, str]] = set()
    order: list[str] = []
    stack = [(start, iter(edges[start][::-1]))]
    while stack:
        name, targets = stack[-1]
        target = next(targets, None)
        if target is None:
            stack.pop()
            finished[name] = True
            order.append(name)
        elif target not in finished:
            finished[target] = False
            stack.append((target, iter(edges[target][::-1])))
        elif not finished[target]:
            back.add((name, target))
    return tuple(reversed(order)), frozenset(back)


def _walk(
    order: tuple[str, ...], transitions: Mapping[str, Transition], edges: Edges, back: frozenset[tuple[str, str]]
) -> _Walk:
    """Carry the open splits along the edges: a split opens one, a join closes the innermost."""
    walk = _Walk(before={order[0]: ()})
    for name in order:
        kind, opened = transitions[name].kind, walk.before[name]
        walk.inside[name] = opened[:-1] if kind == "join" else opened
        for target in edges[name]:
            if (name, target) not in back:
                splits = walk.inside[name]
                if kind in ("split", "foreach"):
                    splits = _deeper(walk, name, target)
                _arrive(walk, target, splits, is_join=transitions[target].kind == "join")
    return walk


def _deeper(walk: _Walk, name: str, target: str) -> Splits:
    splits = walk.inside[name]
    if len(splits) < DEEPEST:
        return (*splits, (name, target))
    walk.problems.setdefault(name, f"more than {DEEPEST} splits lie inside each other")
    return splits


def _arrive(walk: _Walk, target: str, splits: Splits, *, is_join: bool) -> None:
    """Note one way into a step; all ways must come with the same open splits, into a join from any branch."""
    first = walk.before.setdefault(target, splits)
    if is_join:
        walk.arrived.setdefault(target, set()).update(branch for _, branch in splits[-1:])
        if (first[:-1], [split for split, _ in first[-1:]]) != (splits[:-1], [split for split, _ in splits[-1:]]):
            walk.problems.setdefault(target, "it joins branches of different splits")
    elif first != splits:
        walk.problems.setdefault(target, "it is reached from several branches of a split and is no join")


def _always(
    order: tuple[str, ...], transitions: Mapping[str, Transition], edges: Edges, back: frozenset[tuple[str, str]]
) -> frozenset[str]:
    """The steps that every run reaches: all targets of a step, but of a switch only what all its cases lead to.

    Sets of steps are the bits of an int, found from the end backwards; an edge that closes a loop adds nothing.
    """
    reach: dict[str, int] = {}
    for position, name in reversed(tuple(enumerate(order))):
        ahead = [reach[target] for target in edges[name] if (name, target) not in back]
        found = ahead[0] if ahead else 0
        for other in ahead[1:]:
            found = found & other if transitions[name].kind == "switch" else found | other
        reach[name] = found | 1 << position
    return frozenset(name for position, name in enumerate(order) if reach[order[0]] >> position & 1)


def _loops(order: tuple[str, ...], edges: Edges) -> dict[str, tuple[str, ...]]:
    """Step → the steps of the loop that it is in (Kosaraju's strongly connected components, and self-loops)."""
    into: dict[str, list[str]] = {name: [] for name in order}
    for name in order:
        for target in edges[name]:
            into[target].append(name)
    seen: set[str] = set()
    loops: dict[str, tuple[str, ...]] = {}
    for root in order:
        members = _flood(root, into, seen)
        if len(members) > 1 or root in edges[root]:
            loops.update(dict.fromkeys(members, members))
    return loops


def _flood(root: str, into: Mapping[str, Iterable[str]], seen: set[str]) -> tuple[str, ...]:
    """The steps not seen yet from which the root is reached, the root included; empty if it was seen."""
    found: list[str] = []
    todo = [root]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            found.append(name)
            todo.extend(into[name])
    return tuple(found)


def _judge(
    walk: _Walk, start: str, transitions: Mapping[str, Transition], edges: Edges, loops: Mapping[str, tuple[str, ...]]
) -> None:
    """Complete the walk's problems by those of metaflow/lint.py; what is wrong with a step itself comes first."""
    for name, splits in walk.before.items():
        found = transitions[name]
        unknown = [target for target in found.targets if target not in edges]
        own = found.problem or (f"self.next(...) names {unknown[0]!r}, which is no step" if unknown else None)
        if own:
            walk.problems[name] = own
        loop = _loop_problem(name, start, transitions, loops)
        if problem := loop or _split_problem(name, splits, walk, transitions):
            walk.problems.setdefault(name, problem)


def _loop_problem(
    name: str, start: str, transitions: Mapping[str, Transition], loops: Mapping[str, tuple[str, ...]]
) -> str | None:
    loop = loops.get(name, ())
    if name == start and loop:
        return "the start step is in a loop"
    if len(loop) > 1 or (loop and transitions[name].kind != "switch"):
        return "it is in a loop; only a switch may lead back, and to its own step"
    return None


def _split_problem(name: str, splits: Splits, walk: _Walk, transitions: Mapping[str, Transition]) -> str | None:
    kind = transitions[name].kind
    if kind == "end" and splits:
        return f"the end is reached before the split of {splits[-1][0]!r} is joined"
    if kind != "join":
        return None
    if not splits:
        return "it is a join, and no split is open"
    split, branches = splits[-1][0], walk.arrived[name]
    if branches != set(transitions[split].targets):
        return f"it does not join all branches of {split!r}"
    if transitions[split].kind == "foreach" and name in branches:
        return f"no step lies between the foreach of {split!r} and its join"
    return None
