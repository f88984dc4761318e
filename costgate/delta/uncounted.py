"""What no delta can count: steps and files without a price, sorted into what head brings and what stood before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from costgate.model import DeploymentKey, Estimate, Unpriced

Identity: TypeAlias = tuple[DeploymentKey | str, str | None, str]


def split(
    base: tuple[Estimate, ...],
    head: tuple[Estimate, ...],
    base_unpriced: tuple[Unpriced, ...],
    head_unpriced: tuple[Unpriced, ...],
) -> tuple[tuple[Unpriced, ...], tuple[Unpriced, ...]]:
    """Unpriced at head: new or for another reason than at base, and standing. A moved line is no news."""
    before = {identity for identity, _ in _identified(base, base_unpriced)}
    after = tuple(_identified(head, head_unpriced))
    fresh = tuple(entry for identity, entry in after if identity not in before)
    return fresh, tuple(entry for identity, entry in after if identity in before)


def is_unreadable(entry: Estimate, unpriced: tuple[Unpriced, ...]) -> bool:
    """Whether the side that lacks this deployment could not read it, rather than having none."""
    return any(other.step is None and other.deployment in (entry.name, entry.file) for other in unpriced)


def _identified(estimates: tuple[Estimate, ...], rest: tuple[Unpriced, ...]) -> Iterator[tuple[Identity, Unpriced]]:
    """Deployments by their key, so that another display name is no news; files and flows by their name."""
    for estimate in estimates:
        for entry in estimate.unpriced:
            yield (estimate.key, entry.step, entry.reason), entry
    for entry in rest:
        yield (entry.deployment, entry.step, entry.reason), entry
