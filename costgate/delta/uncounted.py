"""What no delta can count: steps and files without a price, sorted into what head brings and what stood before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias

from costgate.delta.same import same
from costgate.model import DeploymentKey, Estimate, NotBilled, StepEstimate, Unpriced

Identity: TypeAlias = tuple[DeploymentKey | str, str | None, str, str]


def split(
    base: tuple[Estimate, ...],
    head: tuple[Estimate, ...],
    base_unpriced: tuple[Unpriced, ...],
    head_unpriced: tuple[Unpriced, ...],
) -> tuple[tuple[Unpriced, ...], tuple[Unpriced, ...]]:
    """Unpriced at head: new or other than at base, and standing. A moved line is no news; another resource is."""
    known = {(entry.key, step.step): step for entry in base for step in entry.steps}
    before = {identity for identity, _ in _identified(base, base_unpriced, known)}
    after = tuple(_identified(head, head_unpriced, known))
    fresh = tuple(entry for identity, entry in after if identity not in before)
    return fresh, tuple(entry for identity, entry in after if identity in before)


def is_unreadable(entry: Estimate, unpriced: tuple[Unpriced, ...]) -> bool:
    """Whether the side that lacks this deployment could not read it, rather than having none."""
    return any(other.step is None and other.deployment in (entry.name, entry.file) for other in unpriced)


def _identified(
    estimates: tuple[Estimate, ...], rest: tuple[Unpriced, ...], base: Mapping[tuple[DeploymentKey, str], StepEstimate]
) -> Iterator[tuple[Identity, Unpriced]]:
    """Deployments by their key, so that another display name is no news; files and flows by their name and content."""
    for estimate in estimates:
        steps = {step.step: step for step in estimate.steps}
        for entry in estimate.unpriced:
            step = steps.get(entry.step or "")
            other = base.get((estimate.key, entry.step or ""))
            as_at_base = step is not None and other is not None and same(_asked(step), _asked(other))
            yield (estimate.key, entry.step, entry.reason, "" if as_at_base else "changed"), entry
    for entry in rest:
        yield (entry.deployment, entry.step, entry.reason, entry.content), entry


def _asked(step: StepEstimate) -> StepEstimate:
    """What a step asks for and how often, whatever was said about its price."""
    return replace(step, quote=NotBilled(reason=""))
