"""`costgate rates explain --output json`: the same numbers, exact, as decimal strings."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Any

from costgate.model import Component, RateCard, Tier
from costgate.rates import breakeven
from costgate.rates.breakeven import Unit
from costgate.rates.packing import over_recovery
from costgate.rates.split import is_units, unit_rates
from costgate.units import Interval


def render(card: RateCard, tier: Tier) -> str:
    """One JSON object; keys sorted, money as decimal strings."""
    return json.dumps(_explained(card, tier), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _explained(card: RateCard, tier: Tier) -> dict[str, Any]:
    packing = None if is_units(tier) else over_recovery(tier)
    return {
        "version": 1,
        "tier": tier.name,
        "card": {"name": card.name, "as_of": str(card.as_of), "digest": card.digest},
        "currency": card.currency,
        "price_date": str(tier.price_date),
        "location": str(tier.location),
        "source": tier.source,
        "node": {field.name: _said(getattr(tier.node, field.name)) for field in fields(tier.node)},
        "in_service": _day(tier.in_service),
        "life_ends": _day(tier.life_ends),
        "components": [_component(part) for part in tier.components],
        "node_hour": _interval(tier.node_hour),
        "planned_utilization": _text(tier.planned_utilization),
        "split": {k: _text(v) for k, v in tier.split.items()} if isinstance(tier.split, Mapping) else tier.split,
        "occupancy": tier.occupancy,
        "basis": tier.basis,
        "prices": [{"unit": price.unit, "unit_price": _interval(price.unit_price)} for price in unit_rates(tier)],
        "over_recovery": {"paid": _text(packing.paid), "node_hour": _text(packing.node_hour)} if packing else None,
        **_use(card, tier),
    }


def _component(part: Component) -> dict[str, Any]:
    return {
        "name": part.name,
        "amount": _text(part.amount),
        "formula": part.formula,
        "location": str(part.location) if part.location else None,
        "missing": part.missing,
    }


def _use(card: RateCard, tier: Tier) -> dict[str, Any]:
    counted = None if tier.instance_type or is_units(tier) else breakeven.unit(tier)
    if counted is None:
        return {"by_utilization": [], "break_even": None}
    rows = [
        {"utilization": _text(u.utilization), "node_hour": _text(u.node_hour), "unit_price": _text(u.unit_price)}
        for u in breakeven.by_utilization(tier, counted)
    ]
    return {"by_utilization": rows, "break_even": dict(_break_even(card, tier, counted))}


def _break_even(card: RateCard, tier: Tier, counted: Unit) -> Iterator[tuple[str, Any]]:
    found = breakeven.nearest(card, tier, counted)
    yield "tier", found.tier.name if found.tier else None
    yield "why", found.why
    yield "unit", counted.name
    for kind in ("on_demand", "spot"):
        price = _per_unit(found.tier, kind, counted)
        share = None if price is None else breakeven.even_at(tier, counted, price)
        yield kind, None if price is None else {"unit_price": _text(price), "utilization": _said(share)}


def _per_unit(cloud: Tier | None, kind: str, counted: Unit) -> Decimal | None:
    if cloud is None:
        return None
    price = cloud.spot.expected if kind == "spot" and cloud.spot else cloud.on_demand if kind == "on_demand" else None
    return None if price is None else price / getattr(cloud.node, counted.size)


def _interval(value: Interval[Decimal]) -> dict[str, str]:
    return {"low": _text(value.low), "expected": _text(value.expected), "high": _text(value.high)}


def _said(value: Decimal | str | None) -> str | None:
    return _text(value) if isinstance(value, Decimal) else value


def _day(value: object) -> str | None:
    return None if value is None else str(value)


def _text(value: Decimal) -> str:
    return f"{value:f}"
