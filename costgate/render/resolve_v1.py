"""Resolve v1: what every step of one flow asks for, as JSON for programs and as a table for people."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from costgate.model import NOTHING, Flow, Known, Schedule, Step, StepResources, Trigger, Unresolved, Value
from costgate.render.fmt import plain as shown
from costgate.render.fmt import quantity
from costgate.render.json_v1 import Json, attributes, dump, gap, number, plain, resources, unresolved
from costgate.render.rows import ATTRIBUTES
from costgate.render.rows import shown as attribute_text
from costgate.render.terminal import Canvas, paint

if TYPE_CHECKING:
    from rich.text import Text


def resolve(flow: Flow) -> Json:
    """Resolve v1 as data; null where Metaflow has none, null and listed where it is unresolved."""
    return {
        "version": 1,
        "flow": flow.name,
        "file": flow.file,
        "project": _known(flow.project),
        "configs": {
            config.name: {"source": config.source, "path": config.path, "digest": config.digest}
            for config in flow.configs
        },
        "schedule": _schedule(flow.schedule),
        **_trigger(flow.trigger),
        "steps": {step.name: _step(step) for step in flow.steps},
        "unresolved": _flow_gaps(flow),
    }


def render_json(flow: Flow) -> str:
    """Resolve v1 as text."""
    return dump(resolve(flow))


def render_text(flow: Flow, color: bool = False, width: int = 100) -> str:
    """One line per step, then what is open and where."""
    canvas = Canvas(color=color, width=width)
    canvas.line(paint(f"{shown(flow.name)} ({shown(flow.location.short)})", "bold"))
    for label, text in _facts(flow):
        canvas.block(paint(f"{label}: {text}"))
    canvas.gap()
    columns = ("Step", "Compute", ">CPU", ">GPU", ">Memory MB", "Also", "Next")
    canvas.table(columns, [_row(step) for step in flow.steps])
    gaps = [("", item) for item in _flow_gaps(flow)]
    gaps += [(f"{step.name}.", item) for step in flow.steps for item in _gaps(step)]
    if gaps:
        canvas.heading("Unresolved")
    for owner, item in gaps:
        line = f"{item['location']}: {owner}{item['attribute']}: {item['reason']}: {item['expression']}"
        canvas.block(paint(shown(line, 600)))
    return canvas.text()


def _step(step: Step) -> Json:
    step = replace(step, resources=_as_metaflow(step.resources))
    return {
        **resources(step.resources),
        "num_parallel": _known(step.num_parallel),
        "foreach": {"artifact": step.foreach.artifact, "width": _known(step.foreach.width)} if step.foreach else None,
        "next": list(step.next),
        "location": step.location.short,
        "unresolved": _gaps(step),
    }


def _as_metaflow(found: StepResources) -> StepResources:
    """With `trainium` under the name `inferentia`, as @batch itself renames it; prices need to tell the two apart."""
    if isinstance(found.trainium, Known) and found.trainium.value is None:
        return found
    return replace(found, inferentia=found.trainium, trainium=NOTHING)


def _gaps(step: Step) -> list[Json]:
    found = unresolved(step.resources)
    if isinstance(step.num_parallel, Unresolved):
        found.append(gap("num_parallel", step.num_parallel))
    if step.foreach and isinstance(step.foreach.width, Unresolved):
        found.append(gap("foreach", step.foreach.width))
    return found


def _flow_gaps(flow: Flow) -> list[Json]:
    """What is open about the flow itself: `project`, `schedule`, `trigger`, or `*` for anything."""
    named = (("project", flow.project), ("schedule", flow.schedule), ("trigger", flow.trigger))
    found = [(name, item) for name, item in named if isinstance(item, Unresolved)]
    known = {item for _, item in found}
    found += [("*", item) for item in flow.unresolved if item not in known]
    return [gap(name, item) for name, item in found]


def _known(value: Value | None) -> Any:
    return plain(value.value) if isinstance(value, Known) else None


def _schedule(schedule: Schedule | Unresolved | None) -> Json | None:
    if not isinstance(schedule, Schedule):
        return None
    return {
        "cron": schedule.cron,
        "timezone": schedule.timezone,
        "runs_per_month": number(schedule.runs_per_month),
    }


def _trigger(trigger: Trigger | Unresolved | None) -> Json:
    """What starts the flow beside its schedule, if anything does; `flow` is null for an event."""
    if not isinstance(trigger, Trigger):
        return {}
    return {"trigger": {"flow": trigger.flow, "project": trigger.project, "branch": trigger.branch}}


def _facts(flow: Flow) -> list[tuple[str, str]]:
    facts = []
    if flow.project:
        facts.append(("project", shown(str(flow.project.value)) if isinstance(flow.project, Known) else "?"))
    if isinstance(flow.schedule, Schedule):
        zone = f" {shown(flow.schedule.timezone)}" if flow.schedule.timezone else ""
        runs = quantity(flow.schedule.runs_per_month)
        facts.append(("schedule", f"{shown(flow.schedule.cron)}{zone}, {runs} runs a month"))
    if isinstance(flow.trigger, Trigger):
        facts.append(("starts", f"when {shown(flow.trigger.flow)} finishes" if flow.trigger.flow else "on an event"))
    facts += [("config", f"{shown(item.name)} from {shown(item.path or item.source)}") for item in flow.configs]
    return facts


def _row(step: Step) -> tuple[Text, ...]:
    found = step.resources
    compute = "?" if found.touched_by else found.compute
    numbers = [paint(_cell(found, name)) for name in ("cpu", "gpu", "memory_mb")]
    others = [name for name in attributes(found) if name not in ("cpu", "gpu", "memory_mb")]
    also = [
        f"{ATTRIBUTES[name][0]} {_cell(found, name)}{ATTRIBUTES[name][1]}" for name in others if _is_set(found, name)
    ]
    if step.num_parallel:
        also.append(f"num_parallel {attribute_text('', step.num_parallel)}")
    if step.foreach:
        also.append(f"foreach {step.foreach.artifact} × {attribute_text('', step.foreach.width)}")
    texts = (shown(", ".join(also), 400), shown(", ".join(step.next), 400))
    return (paint(shown(step.name)), paint(compute), *numbers, *map(paint, texts))


def _cell(found: StepResources, name: str) -> str:
    if found.touched_by:
        return "?"
    return shown(attribute_text(name, getattr(found, name))) if _is_set(found, name) else "–"


def _is_set(found: StepResources, name: str) -> bool:
    value = getattr(found, name)
    return not found.touched_by and not (isinstance(value, Known) and value.value is None)
