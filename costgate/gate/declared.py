"""What costgate.yml newly declares at head must not make a change cheaper than at base; it counts once it is merged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from costgate.gate.renamed import predecessors
from costgate.model import Deployment, DeploymentKey, Estimate, Input, StepDeclaration

DECLARED = {"duration_s": "duration", "tasks": "tasks"}  # field of StepDeclaration and name of its input → key


def without_discounts(
    base: Deployment, before: Estimate, head: Deployment, after: Estimate
) -> tuple[Deployment, tuple[str, ...]]:
    """Head's deployment without what it declares for the first time and below what base was estimated with; notes."""
    notes: list[str] = []
    if base.runs_per_month is None and head.runs_per_month is not None and _is_lower(after.runs, before.runs):
        notes.append(_note(head.name, "runs_per_month", after.runs, before.runs))
        head = replace(head, runs_per_month=None)
    for step, field, new, old in _cheaper_steps(base, before, head, after):
        notes.append(_note(head.name, f"steps.{step}.{DECLARED[field]}", new, old))
        head = replace(head, steps={**head.steps, step: replace(head.steps[step], **{field: None})})
    return head, tuple(notes)


def _cheaper_steps(
    base: Deployment, before: Estimate, head: Deployment, after: Estimate
) -> Iterator[tuple[str, str, Input, Input]]:
    """(step, field, head's input, base's input) of each new declaration that lowers an input."""
    known = {step.step: step.inputs for step in before.steps}
    inputs = {step.step: step.inputs for step in after.steps}
    for step in sorted(head.steps.keys() & known.keys() & inputs.keys()):
        for field in DECLARED:
            is_new = getattr(base.steps.get(step, StepDeclaration()), field) is None
            if is_new and getattr(head.steps[step], field) is not None:
                new, old = inputs[step][field], known[step][field]
                if _is_lower(new, old):
                    yield step, field, new, old


def _is_lower(new: Input, old: Input) -> bool:
    return new.source == "declared" and new.value.expected < old.value.expected


def _note(name: str, what: str, new: Input, old: Input) -> str:
    return (
        f"{name}: {what} is declared at head for the first time, as {new.value.expected:g} where base has"
        f" {old.value.expected:g} ({old.source}); this is not counted before it is merged"
    )


def hold_declarations(
    base: tuple[Deployment, ...], head: tuple[Deployment, ...], *, complete: bool = True
) -> tuple[tuple[Deployment, ...], tuple[str, ...]]:
    """A declared frequency or duration that head lowers (or drops) is noted and not counted; a raised one counts."""
    before = predecessors(base, head, complete=complete)
    notes: list[str] = []
    return tuple(_hold(before, d, notes) for d in head), tuple(notes)


def _hold(before: Mapping[DeploymentKey, Deployment], head: Deployment, notes: list[str]) -> Deployment:
    base = before.get(head.key)
    if base is None:
        return head
    runs = _higher(base.runs_per_month, head.runs_per_month)
    if runs != head.runs_per_month:
        notes.append(_lowered(head, "runs_per_month", base.runs_per_month, head.runs_per_month))
    steps = dict(head.steps)
    for step, declared in base.steps.items():
        steps[step] = _hold_step(declared, steps.get(step, StepDeclaration()), f"steps.{step}", head, notes)
    return replace(head, runs_per_month=runs, steps=steps, experiment=_hold_experiment(base, head, notes))


def _hold_experiment(base: Deployment, head: Deployment, notes: list[str]) -> tuple[str, int] | None:
    if base.experiment is None or (head.experiment and head.experiment[1] >= base.experiment[1]):
        return head.experiment
    now = head.experiment[1] if head.experiment else None
    notes.append(_lowered(head, "experiment.runs", base.experiment[1], now))
    return head.experiment[0] if head.experiment else base.experiment[0], base.experiment[1]


def _hold_step(
    base: StepDeclaration, head: StepDeclaration, name: str, deployment: Deployment, notes: list[str]
) -> StepDeclaration:
    duration, tasks = _higher(base.duration_s, head.duration_s), _higher(base.tasks, head.tasks)
    if duration != head.duration_s:
        notes.append(_lowered(deployment, f"{name}.duration", base.duration_s, head.duration_s, "s"))
    if tasks != head.tasks:
        notes.append(_lowered(deployment, f"{name}.tasks", base.tasks, head.tasks))
    if (duration, tasks) == (head.duration_s, head.tasks):
        return head
    return replace(head, duration_s=duration, tasks=tasks, location=head.location or base.location)


def _higher(base: float | None, head: float | None) -> float | None:
    return head if base is None or (head is not None and head >= base) else base


def _lowered(deployment: Deployment, what: str, base: float | None, head: float | None, unit: str = "") -> str:
    now = "removed" if head is None else f"lowered to {head:g}{unit}"
    return f"{deployment.name}: declared {what} of {base:g}{unit} is {now} at head; this is not counted"
