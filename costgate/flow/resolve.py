"""A flow class, for one choice of configs, target and `--with`, as a Flow: what its steps ask for, how they fan out.

What cannot be known is Unresolved inside of the Flow; nothing here raises.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from costgate.config import DecoratorRule, DeploymentSpec
from costgate.errors import InputError
from costgate.flow.committed import read_committed
from costgate.flow.configs import NO_PARAMETERS, Configs, read_configs
from costgate.flow.decorated import decorate_step
from costgate.flow.evaluate import Evaluator
from costgate.flow.flow_level import FlowLevel, read_flow_level, with_decorators
from costgate.flow.frame import Frame, module_frame
from costgate.flow.graph import Graph, Node, read_graph
from costgate.flow.imports import all_effects
from costgate.flow.metaflow_names import STEP_DECORATORS
from costgate.flow.mutators import Given, Mutated, as_written, mutated
from costgate.flow.myself import myself
from costgate.flow.parse import FlowClass, Module, Sources, StepDef
from costgate.flow.resources import default_decospecs, merge, parse_decospec
from costgate.flow.schedule import schedule
from costgate.flow.triggers import trigger
from costgate.flow.values import OpenError, RefusedError, Tree, describe, plain
from costgate.model import Decorator, Flow, Foreach, Known, Location, Step, Unresolved, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the deploying machine adds to a flow."""

    target: str
    with_: tuple[str, ...] = ()
    metaflow_env: Mapping[str, str] = field(default_factory=dict)
    decorators: Mapping[str, DecoratorRule] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Context:
    """What the steps of a flow share."""

    ev: Evaluator
    settings: Settings
    with_specs: tuple[Decorator, ...]
    graph: Graph
    self_: Known
    metaflow: Mapping[str, Known]  # settings of Metaflow itself: costgate.yml's, then those that are committed
    touched: Unresolved | None  # a mutator, base class or unknown setting that may change every step
    decorated: Mapping[str, Mutated] = field(default_factory=dict)  # the steps after their mutators


def resolve_flow(sources: Sources, flow_class: FlowClass, spec: DeploymentSpec, settings: Settings) -> Flow:
    """The flow as it would be deployed. Never raises."""
    ev = Evaluator(sources, flow_class.path, cwd=spec.cwd, env=settings.metaflow_env)
    ev.in_house = frozenset(settings.decorators)
    ev.reads.update(flow_class.reads)
    script = sources.module(flow_class.path)
    effects = all_effects(ev, [script] if isinstance(script, Module) else [])
    ev.reads.update(effects.reads)
    ev.foreign, ev.environment = effects.changes, effects.environment
    configs = read_configs(ev, flow_class.bases, spec)
    ev.configs = configs.values
    level = read_flow_level(ev, flow_class)
    committed = read_committed(ev)
    with_specs, mistakes = _with_specs(settings.with_)
    context = _Context(
        ev=ev,
        settings=settings,
        with_specs=with_specs,
        graph=read_graph(flow_class.steps),
        self_=Known(value=myself(ev, flow_class.bases, configs.attributes)),
        metaflow={**committed.settings, **{name: Known(value=text) for name, text in settings.metaflow_env.items()}},
        touched=flow_class.problem or level.touched or committed.problem or _foreign(settings),
    )
    context, level = _decorated(context, level, flow_class, configs)
    steps = _steps(context, flow_class.steps)
    if committed.problem is not None:
        mistakes = (*mistakes, committed.problem)
    return _flow(context, flow_class, configs, level, steps, mistakes)


def _flow(
    context: _Context,
    flow_class: FlowClass,
    configs: Configs,
    level: FlowLevel,
    steps: tuple[Step, ...],
    mistakes: tuple[Unresolved, ...],
) -> Flow:
    found = level.decorators.get("schedule")
    problems = [*configs.problems, *level.problems, *mistakes, *_graph_problems(context.graph)]
    if flow_class.problem is not None:
        problems.append(flow_class.problem)
    return Flow(
        name=flow_class.name,
        file=flow_class.path,
        location=flow_class.location,
        project=level.project,
        schedule=schedule(found, context.settings.target) if found else None,
        trigger=trigger(level.decorators, context.settings.target),
        steps=steps,
        configs=configs.sources,
        owner=level.owner,
        unresolved=tuple(dict.fromkeys(problems)),
        reads=dict(sorted(context.ev.reads.items())),
    )


def _with_specs(texts: Iterable[str]) -> tuple[tuple[Decorator, ...], tuple[Unresolved, ...]]:
    specs: list[Decorator] = []
    mistakes: list[Unresolved] = []
    place = Location(path="costgate.yml")
    for text in texts:
        try:
            specs.append(parse_decospec(text, place))
        except InputError as error:
            mistakes.append(Unresolved(expression=text[:120], reason=error.problems[0].message, location=place))
    return tuple(specs), tuple(mistakes)


def _foreign(settings: Settings) -> Unresolved | None:
    """What the deploy command attaches and is neither Metaflow's own nor described in costgate.yml."""
    for text in settings.with_:
        name = text.partition(":")[0]
        if name not in STEP_DECORATORS and name.rpartition(".")[2] not in settings.decorators:
            reason = f"--with {name[:80]} may change any attribute of any step; describe it under `decorators:`"
            return Unresolved(expression=text[:120], reason=reason, location=Location(path="costgate.yml"))
    return None


def _decorated(
    context: _Context, level: FlowLevel, flow_class: FlowClass, configs: Configs
) -> tuple[_Context, FlowLevel]:
    """The decorators of steps and flow, after the mutators where there are any."""
    ev, steps = context.ev, flow_class.steps
    decorated = {name: decorate_step(ev, step.node, _frame(step)) for name, step in steps.items()}
    if not level.mutators and not any(one.mutators for one in decorated.values()):
        written = {name: as_written(ev, one, context.touched) for name, one in decorated.items()}
        return replace(context, decorated=written), level
    defaults, mistake = default_decospecs(context.metaflow)
    bound = {name for base in flow_class.bases for name in ev.sources.class_scope(base).bindings}
    given = Given(
        steps=decorated,
        locations={name: step.module.location(step.node) for name, step in steps.items()},
        decorators=level.decorators,
        mutators=level.mutators,
        configs=configs.values,
        attributes=configs.attributes,
        is_bound=lambda name: name in bound or name in NO_PARAMETERS or name.startswith("_"),
        late=(*context.with_specs, *defaults),
        target=context.settings.target,
        touched=context.touched or mistake or _shared(steps),
    )
    found, decorators, problems = mutated(ev, given)
    level = replace(with_decorators(level, decorators), problems=(*level.problems, *problems))
    return replace(context, decorated=found), level


def _shared(steps: Mapping[str, StepDef]) -> Unresolved | None:
    """Two names of one function share their decorators."""
    functions: dict[ast.AST, str] = {}
    for name, step in steps.items():
        other = functions.setdefault(step.node, name)
        if other != name:
            reason = f"{name} and {other} are one function, and mutators change both at once"
            return step.module.unresolved(step.node, reason)
    return None


def _graph_problems(graph: Graph) -> list[Unresolved]:
    nodes = [graph.nodes[name] for name in graph.order]
    return [
        Unresolved(expression=node.name, reason=f"step {node.name}: {node.problem}", location=node.location)
        for node in nodes
        if node.problem
    ]


def _steps(context: _Context, definitions: Mapping[str, StepDef]) -> tuple[Step, ...]:
    splits: dict[str, tuple[Foreach | None, Value | None]] = {
        name: _split(context, definitions[name], node) for name, node in context.graph.nodes.items()
    }
    widths = {
        name: foreach.width if foreach else num_parallel or _no_split(context.graph.nodes[name])
        for name, (foreach, num_parallel) in splits.items()
    }
    return tuple(_step(context, definitions[name], splits[name], widths) for name in context.graph.order)


def _no_split(node: Node) -> Unresolved:
    return Unresolved(expression=node.name, reason="the width of the split is not known", location=node.location)


def _step(
    context: _Context, definition: StepDef, split: tuple[Foreach | None, Value | None], widths: Mapping[str, Value]
) -> Step:
    node = context.graph.nodes[definition.name]
    settings = context.settings
    found = context.decorated[definition.name]
    decorators, resources = merge(
        found.decorators,
        target="" if found.is_complete else settings.target,
        with_specs=() if found.is_complete else context.with_specs,
        metaflow_env=_without_decospecs(context.metaflow) if found.is_complete else context.metaflow,
        in_house=settings.decorators,
        location=node.location,
    )
    foreach, num_parallel = split
    return Step(
        name=definition.name,
        location=node.location,
        decorators=decorators,
        resources=replace(found.tried(resources), touched_by=found.touched),
        next=node.next,
        foreach=foreach,
        num_parallel=num_parallel,
        fan_out=tuple(widths[name] for name in node.around),
        conditional=node.conditional,
        recursive=node.recursive,
    )


def _without_decospecs(env: Mapping[str, Known]) -> Mapping[str, Known]:
    return {name: value for name, value in env.items() if name != "METAFLOW_DEFAULT_DECOSPECS"}


def _frame(definition: StepDef) -> Frame:
    """Where the decorators of a step are evaluated: in the class body, with what is bound above them."""
    node = definition.node
    return module_frame(definition.module, before=(node.lineno, node.col_offset), body=definition.owner_class)


def _split(context: _Context, definition: StepDef, node: Node) -> tuple[Foreach | None, Value | None]:
    """The foreach or num_parallel of a step's own `self.next`, evaluated as in its body."""
    frame = Frame(text=definition.module, module=definition.module, local={"self": context.self_})
    if node.foreach is not None:
        if node.foreach_expr is None:
            reason = f"the number of items in self.{node.foreach} is known at run time only"
            width: Value = Unresolved(expression=f"self.{node.foreach}", reason=reason, location=node.location)
        else:
            width = _sized(context.ev.evaluate(node.foreach_expr, frame), node)
        return Foreach(artifact=node.foreach, width=width), None
    if node.num_parallel is not None:
        return None, _counted(context.ev.evaluate(node.num_parallel, frame), node)
    return None, None


def _sized(items: Value, node: Node) -> Value:
    """How many items a foreach has."""
    if isinstance(items, Unresolved):
        return items
    value = items.value.data if isinstance(items.value, Tree) else items.value
    place = items.chain[0] if items.chain else node.location
    if not isinstance(value, (list, tuple, dict, set, range, str)) or (isinstance(value, str) and "\0" in value):
        return Unresolved(expression=f"self.{node.foreach}", reason=f"foreach over {describe(value)}", location=place)
    if not value:
        reason = "Metaflow fails: a foreach needs at least one item"
        return Unresolved(expression=f"self.{node.foreach}", reason=reason, location=place)
    return replace(items, value=len(value))


def _counted(count: Value, node: Node) -> Value:
    """A num_parallel, which must be a whole number of nodes."""
    if isinstance(count, Unresolved):
        return count
    try:
        value = plain(count.value)
    except OpenError as error:
        return error.unresolved
    except RefusedError as error:
        return Unresolved(expression="num_parallel", reason=error.reason, location=node.location)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        reason = f"num_parallel is {value!r:.30}, no number of nodes"
        return Unresolved(expression="num_parallel", reason=reason, location=node.location)
    return replace(count, value=value)
