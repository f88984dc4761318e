"""Why the cost of a step changed: one cause after the other in a fixed order, each with the earlier ones at head."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

from costgate.estimate.amounts import money
from costgate.estimate.cost import raw_cost, raw_step
from costgate.model import Band, Cause, Driver, Input, Quote, Rate, RateCard, StepEstimate, StepResources, Unpriced
from costgate.rates.match import quote_on
from costgate.units import decimal

INPUTS: Mapping[Cause, tuple[str, ...]] = {
    "runs": ("runs",),
    "tasks": ("tasks",),
    "attempts": ("attempts",),
    "duration": ("duration_s", "overhead_s"),
}
RESOURCES: Mapping[Cause, tuple[str, ...]] = {
    "gpu": ("gpu", "gpu_vendor", "extended_resources"),
    "accelerator": ("trainium", "inferentia"),
    "cpu": ("cpu",),
    "memory": ("memory_mb", "shared_memory_mb"),
    "storage": ("disk_mb",),
}


def drivers_of(base: StepEstimate | None, head: StepEstimate | None, band: Band, card: RateCard) -> tuple[Driver, ...]:
    """The causes that moved the cost, corrected by the bias; they sum to the expected delta. Both sides are priced."""
    bias = decimal(band.bias)
    costs = [(cause, money(raw * bias)) for cause, raw in _path(base, head, card)]
    steps = ((cause, after - before) for (_, before), (cause, after) in pairwise(costs))
    return tuple(Driver(cause=cause, amount=amount) for cause, amount in steps if amount)


def _path(base: StepEstimate | None, head: StepEstimate | None, card: RateCard) -> Iterator[tuple[Cause, Decimal]]:
    """Expected cost from base (its cause means nothing) to head, after each cause."""
    yield "new", raw_step(base).expected if base else Decimal(0)
    if base is None or head is None:
        yield ("removed", Decimal(0)) if head is None else ("new", raw_step(head).expected)
        return
    inputs, rates = dict(base.inputs), _rates(base)
    for cause, names in INPUTS.items():
        inputs.update({name: head.inputs[name] for name in names})
        yield cause, _cost(inputs, rates)
    for cause, rates in _prices(base, head, card):
        yield cause, _cost(inputs, rates)


def _cost(inputs: Mapping[str, Input], rates: tuple[Rate, ...]) -> Decimal:
    return raw_cost(inputs, rates).expected


def _rates(side: StepEstimate) -> tuple[Rate, ...]:
    return side.quote.rates if isinstance(side.quote, Quote) else ()


def _prices(base: StepEstimate, head: StepEstimate, card: RateCard) -> Iterator[tuple[Cause, tuple[Rate, ...]]]:
    """The rates after each cause: head's resources one by one on base's tier, then head's tier, then its prices.

    What base's tier cannot run cannot be told apart there: `tier` takes the rest.
    """
    if not isinstance(base.quote, Quote) or not isinstance(head.quote, Quote):
        yield "tier", _rates(head)
        return
    rates: tuple[Rate, ...] | None
    for cause, resources in _mixtures(base.resources, head.resources):
        rates = _requoted(base.quote, resources, base.step, card)
        if rates is None:
            break
        yield cause, rates
    else:
        same_tier = base.quote.tier == head.quote.tier
        rates = _requoted(base.quote, head.resources, base.step, card) if same_tier else None
    yield "tier", rates or head.quote.rates
    yield "rate", head.quote.rates


def _mixtures(base: StepResources, head: StepResources) -> Iterator[tuple[Cause, StepResources]]:
    """Base's resources with one kind after the other taken from head; kinds that are equal are left out."""
    mixed = base
    for cause, attributes in RESOURCES.items():
        following = replace(mixed, **{name: getattr(head, name) for name in attributes})
        if following != mixed:
            mixed = following
            yield cause, mixed


def _requoted(base: Quote, resources: StepResources, step: str, card: RateCard) -> tuple[Rate, ...] | None:
    """Rates of other resources on base's tier at base's prices; None where that tier cannot run or price them."""
    quote = quote_on(card, base.tier, resources, deployment="", step=step, location=base.location)
    if isinstance(quote, Unpriced):
        return None
    prices = {rate.sku: rate.unit_price for rate in base.rates}
    return tuple(replace(rate, unit_price=prices.get(rate.sku, rate.unit_price)) for rate in quote.rates)
