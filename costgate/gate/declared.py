"""What costgate.yml newly declares at head must not make a change cheaper than at base; it counts once it is merged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from costgate.model import Deployment, Estimate, Input, StepDeclaration

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
