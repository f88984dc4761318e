"""The difference of two sets of deployments: what changed, by how much, why, and what cannot be counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal

from costgate.delta.change import compare_steps
from costgate.delta.same import same
from costgate.delta.uncounted import is_unreadable, split
from costgate.estimate.amounts import total
from costgate.estimate.band import wider
from costgate.estimate.cost import banded, cost_per_run
from costgate.model import Band, Change, Delta, DeploymentDelta, Estimate, RateCard, Status, Unpriced
from costgate.units import Interval

__all__ = ["compare"]


def compare(
    base: tuple[Estimate, ...],
    head: tuple[Estimate, ...],
    *,
    card: RateCard,
    base_unpriced: tuple[Unpriced, ...] = (),
    head_unpriced: tuple[Unpriced, ...] = (),
) -> Delta:
    """Match deployments by key and subtract, head − base, in the card's currency.

    Keys are unique on each side. `*_unpriced` are files and flows that never became an estimate. What has no price at
    head saves nothing; what has its first price at head counts in full. Both sides are shown under one band, so that
    the totals of the sides differ by exactly the delta, unless head has no number.
    """
    deployments = tuple(_deployments(base, head, card, base_unpriced, head_unpriced))
    open_, standing = split(base, head, base_unpriced, head_unpriced)
    return Delta(
        deployments=deployments,
        delta=total(entry.delta for entry in deployments),
        base_monthly=_monthly(entry.base for entry in deployments),
        head_monthly=_monthly(entry.head for entry in deployments),
        increase=total(_positive(entry.delta) for entry in deployments),
        unpriced=open_,
        standing_unpriced=standing,
    )


def _monthly(estimates: Iterable[Estimate | None]) -> Decimal:
    return sum((entry.monthly.expected for entry in estimates if entry), Decimal(0))


def _positive(delta: Interval[Decimal]) -> Interval[Decimal]:
    """The part that costs more; a deployment that may save or cost only adds what it may cost."""
    return delta.map(lambda amount: max(amount, Decimal(0)))


def _deployments(
    base: tuple[Estimate, ...],
    head: tuple[Estimate, ...],
    card: RateCard,
    base_unpriced: tuple[Unpriced, ...],
    head_unpriced: tuple[Unpriced, ...],
) -> Iterator[DeploymentDelta]:
    """In head's order, then what only base has."""
    before = {entry.key: entry for entry in base}
    after = {entry.key for entry in head}
    for entry in head:
        known = before.get(entry.key)
        found = _deployment(known, entry, card)
        unreadable = known is None and is_unreadable(entry, base_unpriced)
        yield replace(found, status="changed") if unreadable else found
    for entry in base:
        if entry.key not in after:
            unreadable = is_unreadable(entry, head_unpriced)
            yield _entry(entry, None, "changed", ()) if unreadable else _deployment(entry, None, card)


def _deployment(base: Estimate | None, head: Estimate | None, card: RateCard) -> DeploymentDelta:
    band = _common_band(base, head)
    before, after = (side and _under(side, band) for side in (base, head))
    changes = compare_steps(before, after, band, card)
    return _entry(before, after, _status(before, after), changes)


def _common_band(base: Estimate | None, head: Estimate | None) -> Band:
    """One factor for both sides: the less certain of the two."""
    bands = [side.band for side in (base, head) if side]
    return wider(bands[0], bands[-1])


def _under(side: Estimate, band: Band) -> Estimate:
    """The estimate under this band; itself where it already is."""
    if side.band == band:
        return side
    steps = tuple(banded(step, band) for step in side.steps)
    monthly, per_run = total(step.monthly for step in steps), cost_per_run(steps, band)
    return replace(side, steps=steps, band=band, monthly=monthly, cost_per_run=per_run)


def _status(base: Estimate | None, head: Estimate | None) -> Status:
    if base is None:
        return "new"
    if head is None:
        return "removed"
    return "unchanged" if same(base, head) else "changed"


def _entry(
    base: Estimate | None, head: Estimate | None, status: Status, changes: tuple[Change, ...]
) -> DeploymentDelta:
    shown = head or base
    assert shown is not None
    return DeploymentDelta(
        key=shown.key,
        name=shown.name,
        flow=shown.key.flow,
        file=shown.file,
        status=status,
        owner=shown.owner,
        base=base,
        head=head,
        changes=changes,
        delta=total(change.delta for change in changes),
    )
