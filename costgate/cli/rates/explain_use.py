"""What an hour of use costs on hardware of one's own by utilization, and where it breaks even with the cloud."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from costgate.cli.rates import text
from costgate.model import RateCard, Tier
from costgate.rates import breakeven
from costgate.rates.breakeven import Unit
from costgate.render.fmt import plain, quantity, rate

DECIMALS = 6  # of amounts that are calculated with


def sections(card: RateCard, tier: Tier) -> list[list[str]]:
    """Paragraphs for a tier that is not itself a cloud type: a cloud node that is not used is given back.

    None for prices of units: no hour of theirs is ever idle.
    """
    from costgate.rates.split import is_units

    if tier.instance_type is not None or is_units(tier):
        return []
    counted = breakeven.unit(tier)
    if counted is None:
        return [list(_planned(tier))]
    found = breakeven.nearest(card, tier, counted)
    lines = [*_planned(tier), _at_utilization(card, tier, counted), *_table(card, tier, counted, found.tier)]
    if found.tier is None:
        return [lines, [f"no break-even: {plain(found.why, 400)}"]]
    return [lines, list(_compared(card, tier, counted, found.tier, found.why))]


def _planned(tier: Tier) -> Iterator[str]:
    planned = tier.planned_utilization
    if planned == 1:
        yield "planned_utilization 1: as if the nodes were busy around the clock; 0.7 is realistic"
    else:
        yield (
            f"planned_utilization {planned}: the hours that are used pay for those that are not; "
            f"use above {_percent(planned)} is over-recovery, below it under-recovery"
        )


def _at_utilization(card: RateCard, tier: Tier, counted: Unit) -> str:
    """`a GPU-hour of use: $5.544210 ÷ 8 ÷ utilization`; an idle node may draw less power."""
    node = _exact(breakeven.node_hour_at(tier, Decimal(0)), card)
    if tier.idle_saving:
        node = f"({node} + {_exact(tier.idle_saving, card)} × utilization)"
    beside = "" if tier.split == "gpu_only" else ", with its part of all else in the node"
    return f"{text.one(counted.name)} of use{beside}: {node} ÷ {quantity(counted.capacity)} ÷ utilization"


def _table(card: RateCard, tier: Tier, counted: Unit, cloud: Tier | None) -> list[str]:
    prices = tuple(rate(price, card.currency) for price in _cloud_prices(cloud, counted))
    columns = (">utilization", f">{text.one(counted.name)}", ">on-demand", ">spot")[: 2 + len(prices)]
    rows = (
        (_percent(used.utilization), rate(used.unit_price, card.currency), *prices)
        for used in breakeven.by_utilization(tier, counted)
    )
    return text.table(columns, rows)


def _cloud_prices(cloud: Tier | None, counted: Unit) -> Iterator[Decimal]:
    """Per unit: on-demand, then spot where there is one."""
    if cloud is not None and cloud.on_demand is not None:
        capacity = getattr(cloud.node, counted.size)
        yield cloud.on_demand / capacity
        if cloud.spot:
            yield cloud.spot.expected / capacity


def _compared(card: RateCard, tier: Tier, counted: Unit, cloud: Tier, why: str) -> Iterator[str]:
    yield f"compared with {plain(cloud.name)}: {plain(text.node(cloud))}, price of {cloud.price_date}"
    yield f"chosen for {plain(why, 400)} per {text.NOUNS[counted.name]}, {plain(cloud.location.short)}"
    capacity = quantity(getattr(cloud.node, counted.size))
    for kind, price, each in zip(("on-demand", "spot"), _node_prices(cloud), _cloud_prices(cloud, counted)):
        span = _span(cloud, card) if kind == "spot" else ""
        yield (
            f"{kind}: {_exact(price, card)} ÷ {capacity} = {_exact(each, card)} {text.one(counted.name)}{span}; "
            f"{_even(card, tier, counted, each)}"
        )


def _node_prices(cloud: Tier) -> Iterator[Decimal]:
    assert cloud.on_demand is not None  # breakeven.nearest sees to it
    yield cloud.on_demand
    if cloud.spot:
        yield cloud.spot.expected


def _span(cloud: Tier, card: RateCard) -> str:
    """How far the market moves."""
    assert cloud.spot is not None
    low, high = (rate(bound, card.currency) for bound in (cloud.spot.low, cloud.spot.high))
    return "" if cloud.spot.is_exact else f", between {low} and {high} a node-hour"


def _even(card: RateCard, tier: Tier, counted: Unit, price: Decimal) -> str:
    """`break-even at 20.2 % utilization = $5.544210 ÷ (8 × $3.430881)`."""
    share = breakeven.even_at(tier, counted, price)
    if share is None:
        return f"no break-even: it costs less than {plain(tier.name)} at any utilization"
    saving = f" − {_exact(tier.idle_saving, card)}" if tier.idle_saving else ""
    idle = _exact(breakeven.node_hour_at(tier, Decimal(0)), card)
    formula = f"{idle} ÷ ({quantity(counted.capacity)} × {_exact(price, card)}{saving})"
    return f"break-even at {_percent(share)} utilization = {formula}, above it {plain(tier.name)} costs less"


def _percent(share: Decimal) -> str:
    """`20.2 %`, `70 %`."""
    return f"{share * 100:.1f}".removesuffix(".0") + " %"


def _exact(amount: Decimal, card: RateCard) -> str:
    return rate(amount, card.currency, DECIMALS)
