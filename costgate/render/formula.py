"""The arithmetic behind an estimate, written out: every factor with its unit, so that a reader can redo it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from costgate.model import Band, CostLine, Input, Quote, Rate, StepEstimate
from costgate.render import fmt
from costgate.units import HOURS_PER_MONTH

NOUNS = {"GPU-Hours": "GPU", "Core-Hours": "core", "Node-Hours": "node"}
COUNTS = (("runs", "run"), ("tasks", "task"), ("attempts", "attempt"))


def line(side: StepEstimate, cost: CostLine, currency: str) -> str:
    """`500 runs × 1 task × 1 attempt × (2h + 0s) × 4 GPUs × $0.6930 = $2,772`."""
    rate = _rate_of(side, cost)
    price = fmt.rate(cost.list_unit_price, currency)
    if rate is None:
        factors = f"{fmt.quantity(cost.pricing_quantity)} {cost.pricing_unit}"
    else:
        factors = f"{_work(side.inputs)} × {held(rate)}"
    return f"{factors} × {price} = {fmt.money(cost.list_cost, currency)}"


def held(rate: Rate) -> str:
    """What one task holds: `4 GPUs`, `30.5 GiB`; of a month's storage the 730th part an hour, `0.1 TB ÷ 730`."""
    if rate.unit == "TB-Months":
        return f"{fmt.quantity(rate.quantity * HOURS_PER_MONTH)} TB ÷ {HOURS_PER_MONTH}"
    noun = NOUNS.get(rate.unit)
    return (
        fmt.count(rate.quantity, noun) if noun else f"{fmt.quantity(rate.quantity)} {rate.unit.removesuffix('-Hours')}"
    )


def per_unit(rate: Rate) -> str:
    """`GPU-hour`, `GiB-hour`: the singular of a pricing unit."""
    return rate.unit.removesuffix("s").replace("-Hour", "-hour").replace("-Month", "-month")


def lines(side: StepEstimate, band: Band, currency: str) -> tuple[str, ...]:
    """One formula per cost line, then the sum where there are several and the bias where one is applied."""
    text = [line(side, cost, currency) for cost in side.lines]
    if len(text) > 1:
        text.append(f"sum = {fmt.money(side.raw_monthly, currency)}")
    if band.bias != 1:
        raw, judged = (fmt.money(amount, currency) for amount in (side.raw_monthly, side.monthly.expected))
        text.append(f"{raw} × {fmt.quantity(band.bias)} (bias of {fmt.count(band.n, 'past estimate')}) = {judged}")
    return tuple(text)


def total(rates: tuple[Rate, ...]) -> Decimal:
    """The expected price of one task-hour."""
    return sum((rate.quantity * rate.unit_price.expected for rate in rates), Decimal(0))


def _work(inputs: Mapping[str, Input]) -> str:
    value = {name: entry.value.expected for name, entry in inputs.items()}
    counts = (
        (name, noun) for name, noun in (("runs", "run"), ("tasks", "task"), ("attempts", "attempt")) if name in value
    )
    factors = [fmt.count(value[name], noun) for name, noun in counts]
    times = [fmt.duration(value[name]) for name in ("duration_s", "overhead_s") if name in value]
    return " × ".join([*factors, f"({' + '.join(times)})"])


def _rate_of(side: StepEstimate, cost: CostLine) -> Rate | None:
    rates = side.quote.rates if isinstance(side.quote, Quote) else ()
    return next((rate for rate in rates if rate.sku == cost.sku), None)
