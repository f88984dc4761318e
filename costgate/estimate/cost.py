"""From inputs and rates to money: quantities, cost lines, and the band around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Literal

from costgate.estimate.amounts import money
from costgate.estimate.band import widen
from costgate.model import Band, CostLine, Input, Quote, Rate, StepEstimate
from costgate.units import SECONDS_PER_HOUR, Interval, decimal

Corner = Literal["low", "expected", "high"]


def hours_per_month(inputs: Mapping[str, Input], corner: Corner = "expected") -> Decimal:
    """Billed task-hours a month: runs × tasks × attempts × (duration + overhead)."""
    runs, tasks, attempts, duration, overhead = (
        decimal(getattr(inputs[name].value, corner))
        for name in ("runs", "tasks", "attempts", "duration_s", "overhead_s")
    )
    return runs * tasks * attempts * (duration + overhead) / SECONDS_PER_HOUR


def cost_lines(
    step: str, inputs: Mapping[str, Input], rates: tuple[Rate, ...], assumptions: tuple[str, ...]
) -> tuple[CostLine, ...]:
    """The expected month of one step, a line per SKU."""
    hours = hours_per_month(inputs)
    return tuple(
        CostLine(
            step=step,
            sku=rate.sku,
            pricing_quantity=hours * rate.quantity,
            pricing_unit=rate.unit,
            list_unit_price=rate.unit_price.expected,
            list_cost=money(hours * rate.quantity * rate.unit_price.expected),
            assumptions=assumptions,
        )
        for rate in rates
    )


def raw_cost(inputs: Mapping[str, Input], rates: tuple[Rate, ...]) -> Interval[Decimal]:
    """Monthly cost before any band. All inputs at their low, expected and high value together, prices as well."""

    def at(corner: Corner) -> Decimal:
        hours = hours_per_month(inputs, corner)
        amounts = (money(hours * rate.quantity * getattr(rate.unit_price, corner)) for rate in rates)
        return sum(amounts, Decimal(0))

    return Interval(low=at("low"), expected=at("expected"), high=at("high"))


def raw_step(step: StepEstimate) -> Interval[Decimal]:
    """Monthly cost of a step before any band; 0 where it is not billed or unpriced."""
    return raw_cost(step.inputs, step.quote.rates if isinstance(step.quote, Quote) else ())


def banded(step: StepEstimate, band: Band) -> StepEstimate:
    """The same step under another band."""
    return replace(step, monthly=widen(raw_step(step), band))


def cost_per_run(steps: tuple[StepEstimate, ...], band: Band) -> Decimal:
    """Expected cost of one run, corrected by the bias, however often it runs."""
    return money(sum(map(_once, steps), Decimal(0)) * decimal(band.bias))


def _once(step: StepEstimate) -> Decimal:
    inputs = {**step.inputs, "runs": Input(value=Interval.exact(1.0), source="one run")}
    return raw_cost(inputs, step.quote.rates if isinstance(step.quote, Quote) else ()).expected
