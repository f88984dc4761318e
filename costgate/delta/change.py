"""One step on both sides: its difference as an interval, and the causes of it."""

from __future__ import annotations

from decimal import Decimal

from costgate.delta.drivers import drivers_of
from costgate.delta.same import same
from costgate.estimate.amounts import money
from costgate.estimate.cost import raw_step
from costgate.model import Band, Change, Driver, Estimate, RateCard, Status, StepEstimate, Unpriced
from costgate.units import Interval, decimal

ZERO = Interval.exact(Decimal(0))


def compare_steps(base: Estimate | None, head: Estimate | None, band: Band, card: RateCard) -> tuple[Change, ...]:
    """A change per step name, in head's order, then the steps that only base has. Both sides are under `band`."""
    before = {step.step: step for step in base.steps} if base else {}
    after = {step.step: step for step in head.steps} if head else {}
    names = dict.fromkeys((*after, *before))
    return tuple(_change(name, before.get(name), after.get(name), band, card) for name in names)


def _change(name: str, base: StepEstimate | None, head: StepEstimate | None, band: Band, card: RateCard) -> Change:
    status = _status(base, head)
    uncounted = status == "unchanged" or (head is not None and isinstance(head.quote, Unpriced))
    # A step that gets its first price counts in full: nobody has judged that money before. One that loses its price
    # saves nothing.
    before = None if base is not None and isinstance(base.quote, Unpriced) else base
    drivers = () if uncounted else drivers_of(before, head, band, card)
    delta = ZERO if uncounted else _difference(before, head, band)
    if _only_gpus(drivers) and _only_gpus(drivers_of(head, before, band, card)):
        delta = _scaling(delta)
    return Change(step=name, status=status, base=base, head=head, drivers=drivers, delta=delta)


def _status(base: StepEstimate | None, head: StepEstimate | None) -> Status:
    if base is None:
        return "new"
    if head is None:
        return "removed"
    return "unchanged" if same(base, head) else "changed"


def _difference(base: StepEstimate | None, head: StepEstimate | None, band: Band) -> Interval[Decimal]:
    """Factor × (head − base) for every factor of the band, which errs on both sides alike, as inputs and prices do."""
    before, after = (raw_step(side) if side else ZERO for side in (base, head))
    bias = decimal(band.bias)
    expected = money(after.expected * bias) - money(before.expected * bias)
    raw = (after.low - before.low, after.expected - before.expected, after.high - before.high)
    bounds = [expected, *(money(decimal(factor) * amount) for factor in (band.low, band.high) for amount in raw)]
    return Interval(low=min(bounds), expected=expected, high=max(bounds))


def _only_gpus(drivers: tuple[Driver, ...]) -> bool:
    return [driver.cause for driver in drivers] == ["gpu"]


def _scaling(delta: Interval[Decimal]) -> Interval[Decimal]:
    """More GPUs cost nothing more if the step scales perfectly, fewer save nothing."""
    zero = Decimal(0)
    if delta.expected > 0:
        return Interval(low=zero, expected=delta.expected, high=delta.high)
    return Interval(low=delta.low, expected=delta.expected, high=zero)
