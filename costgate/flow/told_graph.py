"""The steps of a flow and their graph: as the source tells them, or as Metaflow does where it sees others."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from costgate.flow.answer import Answer, ToldStep
from costgate.flow.graph import Node, read_graph
from costgate.model import Flow, Foreach, Known, Step, StepResources, Unresolved, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """A step of Metaflow's as the graph reads steps: a function with nothing but its last statement."""

    name: str
    path: str
    node: ast.FunctionDef


def is_same_graph(flow: Flow, answer: Answer) -> bool:
    """Whether Metaflow sees the steps that the source tells, with the same ways between them."""
    return {s.name: _edges(s) for s in flow.steps} == {s.name: _told_edges(s) for s in answer.steps}


def steps_as_told(flow: Flow, answer: Answer) -> tuple[tuple[Step, ...], tuple[Unresolved, ...]]:
    """The steps that Metaflow sees, without its values, and what is wrong with their graph."""
    known = {step.name: step for step in flow.steps}
    told = {step.name: step for step in answer.steps}
    graph = read_graph({name: _shape(step, answer, flow) for name, step in told.items()})
    splits = {name: _split(step, known.get(name), graph.nodes[name]) for name, step in told.items()}
    steps = tuple(_step(graph.nodes[name], known.get(name), splits) for name in graph.order)
    nodes = (graph.nodes[name] for name in graph.order)
    problems = tuple(_problem(node, node.problem) for node in nodes if node.problem)
    return steps, problems


def _edges(step: Step) -> tuple[object, ...]:
    return frozenset(step.next), step.foreach.artifact if step.foreach else None, step.num_parallel is not None


def _told_edges(step: ToldStep) -> tuple[object, ...]:
    return frozenset(step.next), None if step.parallel else step.foreach, step.parallel


def _problem(node: Node, why: str) -> Unresolved:
    return Unresolved(expression=node.name, reason=f"step {node.name}: {why}", location=node.location)


def _shape(step: ToldStep, answer: Answer, flow: Flow) -> _Shape:
    ends = f"start={step.name == answer.start}, end={step.name == answer.end}"
    inputs = ", inputs" if step.kind == "join" else ""
    text = f"@step({ends})\ndef {step.name}(self{inputs}):\n    {_last(step, answer)}\n"
    (node,) = ast.parse(text).body
    assert isinstance(node, ast.FunctionDef)
    is_ours = step.file and not step.file.startswith("/")  # else it came with an installed package
    line = step.line if is_ours else flow.location.line
    ast.increment_lineno(node, max(line, 1) - node.lineno)
    return _Shape(name=step.name, path=step.file if is_ours else flow.file, node=node)


def _last(step: ToldStep, answer: Answer) -> str:
    """The last statement of the step, as source."""
    targets = [f"self.{name}" for name in step.next]
    if step.name == answer.end:
        return "pass"
    if step.kind == "split-switch":
        cases = ", ".join(f"{number}: {target}" for number, target in enumerate(targets))
        return f"self.next({{{cases}}}, condition='chosen')"
    if step.parallel:
        return f"self.next({', '.join(targets)}, num_parallel=self.nodes)"
    width = f", foreach={step.foreach!r}" if step.foreach else ""
    return f"self.next({', '.join(targets)}{width})"


def _split(step: ToldStep, known: Step | None, node: Node) -> tuple[Foreach | None, Value | None]:
    """The foreach or num_parallel of a step; widths that the source tells stay."""
    if step.parallel:
        width = known.num_parallel if known else None
        if not isinstance(width, Known) and step.num_parallel:
            width = Known(value=step.num_parallel, chain=(node.location,))
        return None, width or _unknown(node, "num_parallel", "the number of nodes is known at run time only")
    if not step.foreach:
        return None, None
    if known and known.foreach and known.foreach.artifact == step.foreach:
        return known.foreach, None
    artifact = f"self.{step.foreach}"
    reason = f"the number of items in {artifact} is known at run time only"
    return Foreach(artifact=step.foreach, width=_unknown(node, artifact, reason)), None


def _unknown(node: Node, expression: str, reason: str) -> Unresolved:
    return Unresolved(expression=expression, reason=reason, location=node.location)


def _step(node: Node, known: Step | None, splits: dict[str, tuple[Foreach | None, Value | None]]) -> Step:
    foreach, num_parallel = splits[node.name]
    around = [splits[name] for name in node.around]
    widths = (each.width if each else number for each, number in around)
    return Step(
        name=node.name,
        location=known.location if known else node.location,
        decorators=known.decorators if known else (),
        # Nothing that the source says of a step that it does not know counts as said.
        resources=known.resources if known else StepResources(compute="local", touched_by=_absent(node)),
        next=node.next,
        foreach=foreach,
        num_parallel=num_parallel,
        fan_out=tuple(width for width in widths if width is not None),
        conditional=node.conditional,
        recursive=node.recursive,
    )


def _absent(node: Node) -> Unresolved:
    return Unresolved(expression=node.name, reason="the source shows no such step", location=node.location)
