"""Where the inputs of a step come from: for each the first source that is known, never a silent default."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from costgate.estimate.amounts import LARGEST, bounded, number, plain, span
from costgate.estimate.durations import duration_s
from costgate.estimate.evidence import Evidence, assumed, declared, exact, measured, no_history
from costgate.model import Input, Known, Step, StepUsage, Unresolved, Value


def step_inputs(evidence: Evidence, step: Step, runs: Input) -> Mapping[str, Input]:
    """runs, tasks, attempts, duration_s and overhead_s of a step."""
    return {
        "runs": runs,
        "tasks": tasks_per_run(evidence, step),
        "attempts": attempts_per_task(evidence, step),
        "duration_s": duration_s(evidence, step),
        "overhead_s": overhead_s(evidence, step),
    }


def not_less(head: Input, base: Input | None) -> Input:
    """What is assumed at head only because it can no longer be read is not less than what base knows."""
    if base is None or base.assumed or not head.assumed or head.value.expected >= base.value.expected:
        return head
    return replace(base, detail=f"{base.detail} at base; at head {head.detail}", assumed=True)


def tasks_per_run(evidence: Evidence, step: Step) -> Input:
    """Metered × (static width now ÷ then) · static width · declared · assumption; `num_parallel` included."""
    history, plan = evidence.of_step(step.name), evidence.deployment.steps.get(step.name)
    if history and history.tasks_per_run is not None:
        return _metered_tasks(evidence, step, history, history.tasks_per_run)
    width, notes = _static_width(step)
    # a Parameter's default says what one may override: a declaration knows better, a literal width does not
    if plan and plan.tasks is not None and (width is None or notes or step.recursive):
        return declared(plan.tasks, plan.location)
    tasks = _static_tasks(step, width, notes) if width is not None else _assumed_tasks(evidence, step)
    return _branching(step, tasks)


def _metered_tasks(evidence: Evidence, step: Step, history: StepUsage, tasks: float) -> Input:
    found = measured(evidence, exact(tasks), history.n, "attempts", history.location)
    width, notes = _static_width(step)
    if width is None or notes or not history.width or width == history.width:
        return found
    ratio = f"{plain(tasks)} tasks a run × width {plain(width)} now ÷ {plain(history.width)} then"
    value = exact(tasks * width / history.width)
    return replace(found, value=value, source="metered, static width", detail=f"{ratio}, {found.detail}")


def _static_width(step: Step) -> tuple[float | None, tuple[str, ...]]:
    """The product of all widths around the step, None where one is open; and what each of them depends on."""
    widths = [_width(value) for value in step.fan_out]
    notes = tuple(note for value in step.fan_out if isinstance(value, Known) for note in value.notes)
    known = [width for width in widths if width is not None]
    return (bounded(math.prod(known)), notes) if len(known) == len(widths) else (None, notes)


def _width(value: Value) -> float | None:
    """A width; one beyond all bounds is as good as the bound."""
    if isinstance(value, Known) and isinstance(value.value, int) and value.value > LARGEST:
        return LARGEST
    width = number(value)
    return width if width is None else max(width, 0.0)


def _static_tasks(step: Step, width: float, notes: tuple[str, ...]) -> Input:
    if not step.fan_out:
        return Input(value=exact(1), source="static width", detail="once a run", location=step.location)
    factors = " × ".join(plain(_width(value) or 0) for value in step.fan_out)
    first = step.fan_out[0]
    return Input(
        value=exact(width),
        source="static width",
        detail="; ".join((f"width {factors} in the code", *notes)),
        location=first.chain[0] if isinstance(first, Known) and first.chain else step.location,
    )


def _assumed_tasks(evidence: Evidence, step: Step) -> Input:
    """The known widths times the assumed width for each open one, with the reason of each."""
    each = evidence.assumptions.foreach
    widths = [_width(value) for value in step.fan_out]
    product = math.prod(each if width is None else width for width in widths)
    reasons = [_open_width(value) for value, width in zip(step.fan_out, widths) if width is None]
    return assumed(evidence, "foreach", product, f"width {plain(each)} assumed: {'; '.join(reasons)}")


def _open_width(value: Value) -> str:
    if isinstance(value, Unresolved):
        return f"{value.expression} ({value.location.short}) is not resolved: {value.reason}"
    return f"{value.value!r} is no number"


def _branching(step: Step, tasks: Input) -> Input:
    """A step behind a switch may run not at all; how often a recursive one runs nobody can read."""
    if step.conditional:
        value = replace(tasks.value, low=0.0)
        tasks = replace(tasks, value=value, detail=f"{tasks.detail}; behind a switch, counted as if it runs")
    if step.recursive:
        tasks = replace(tasks, source="assumption", detail=f"{tasks.detail}; calls itself, counted once", assumed=True)
    return tasks


def attempts_per_task(evidence: Evidence, step: Step) -> Input:
    """Metered · 1."""
    history = evidence.of_step(step.name)
    if history and history.attempts_per_task is not None:
        return measured(evidence, exact(history.attempts_per_task), history.n, "attempts", history.location)
    return Input(value=exact(1), source="default", detail="no retries were measured")


def overhead_s(evidence: Evidence, step: Step) -> Input:
    """Metered · 0 where attempts were measured without it · assumption for steps without history."""
    history = evidence.of_step(step.name)
    if history and history.overhead_s is not None:
        return measured(evidence, exact(history.overhead_s), history.n, "attempts", history.location)
    if history:
        found = measured(evidence, exact(0), history.n, "attempts", history.location)
        return replace(found, detail="not measured; durations are what the scheduler billed")
    seconds = evidence.assumptions.startup_overhead_s
    found = assumed(evidence, "startup_overhead", seconds, f"{span(seconds)} to start, {_no_step_history(evidence)}")
    return replace(found, assumed=seconds > 0)


def _no_step_history(evidence: Evidence) -> str:
    return "this step was not measured" if evidence.history else no_history(evidence)
