"""What in a sound rate card looks like a mistake: hours taken for months, watts for kilowatts, old prices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal

from costgate.errors import Problem
from costgate.model import RateCard, Tier
from costgate.rates.drafts import Draft
from costgate.render.fmt import quantity, rate
from costgate.units import HOURS_PER_MONTH, decimal

# The bounds of prices are in dollars; other currencies are worth something else, and nothing is asked about them.
NEAR_A_DOLLAR = frozenset({"USD", "EUR", "GBP", "CHF", "CAD", "AUD"})
GPU_HOUR, CORE_HOUR = (Decimal("0.05"), Decimal(50)), (Decimal("0.001"), Decimal(2))
TB_MONTH = (Decimal(1), Decimal(1000))
OLD_DAYS = 366
# Key of `owned` or `leased` → what is usual, and what it may have been taken for.
NUMBERS: Mapping[str, tuple[Decimal, Decimal, str]] = {
    "power_kw": (Decimal(0), Decimal(200), "is it in watts?"),
    "useful_life_months": (Decimal(12), Decimal(120), "is it in years?"),
}
KILOWATT_HOUR = {"electricity_per_kwh": (Decimal(0), Decimal(2), "is it in cents, or the price of a MWh?")}


def ask(card: RateCard, drafts: Mapping[str, Draft], as_of: date) -> Iterator[Problem]:
    """Questions about the card's own tiers and the age of its prices; `drafts` are those of the same card."""
    for tier in card.tiers.values():
        if not tier.shipped:
            yield from _price(card, tier)
            yield from _numbers(card, drafts[tier.name])
    yield from _storage(card)
    yield from _ages(card, as_of)


def _price(card: RateCard, tier: Tier) -> Iterator[Problem]:
    """Whether a GPU-hour, or a core-hour of a node without accelerators, is of the usual size."""
    node, paid = tier.node, tier.node_hour.expected / tier.planned_utilization
    if not paid:
        yield Problem(
            message=f"{tier.name}: it costs nothing", where=tier.location.short, help="is it meant to be free?"
        )
    others = node.trainium or node.inferentia
    unit, size, (low, high) = ("GPU", node.gpus, GPU_HOUR) if node.gpus else ("core", node.cpus, CORE_HOUR)
    if card.currency not in NEAR_A_DOLLAR or not size or not paid or (others and not node.gpus):
        return
    price = paid / size
    if low <= price <= high:
        return
    factor = HOURS_PER_MONTH if price < low else 1 / HOURS_PER_MONTH
    words = f"{tier.name}: a {unit}-hour is {rate(price, card.currency)}, usual is {_money(low, card)} to "
    asks = "is the price of an hour said as one of a month?" if price < low else "is it the price of a month?"
    hint = asks if low <= price * factor <= high else "is a zero too many or too few?"
    place = next((part.location for part in tier.components if part.location), tier.location)
    yield Problem(message=words + _money(high, card), where=place.short, help=hint)


def _storage(card: RateCard) -> Iterator[Problem]:
    low, high = TB_MONTH
    for kind, price in card.storage.items():
        if not price:
            yield Problem(message=f"{kind}: it costs nothing", where=f"storage.{kind}", help="is it meant to be free?")
        elif card.currency in NEAR_A_DOLLAR and not low <= price <= high:
            message = f"{kind}: a TB-month is {rate(price, card.currency)}, usual is {_money(low, card)} to "
            hint = "is it the price of a GB, or of an hour?" if price < low else "is it the price of a year?"
            yield Problem(message=message + _money(high, card), where=f"storage.{kind}", help=hint)


def _numbers(card: RateCard, draft: Draft) -> Iterator[Problem]:
    usual = {**NUMBERS, **(KILOWATT_HOUR if card.currency in NEAR_A_DOLLAR else {})}
    for kind in ("owned", "leased"):
        for key, (low, high, hint) in usual.items():
            said = draft.get(kind, key)
            if said is not None and not low <= decimal(said) <= high:
                bounds = f"{quantity(low)} to {quantity(high)}" if low else f"at most {quantity(high)}"
                message = f"{draft.name}: {key} is {quantity(decimal(said))}, usual is {bounds}"
                yield Problem(message=message, where=draft.where(kind, key).short, help=hint)


def _ages(card: RateCard, as_of: date) -> Iterator[Problem]:
    """Each day of prices once, with the first tier that has it."""
    first: dict[tuple[date, bool], Tier] = {}
    for tier in card.tiers.values():
        first.setdefault((tier.price_date or card.as_of, tier.shipped), tier)
    for (day, shipped), tier in first.items():
        name = f"the shipped {tier.provider} prices" if shipped else f"{tier.name}: its price"
        verb = "are" if shipped else "is"
        if day > as_of:
            yield Problem(message=f"{name} {verb} of {day}, which is to come", where=tier.location.short)
        elif (as_of - day).days > OLD_DAYS:
            hint = "update costgate" if shipped else "is it still what finance reckons with?"
            yield Problem(message=f"{name} {verb} of {day}, over a year ago", where=tier.location.short, help=hint)


def _money(amount: Decimal, card: RateCard) -> str:
    return rate(amount, card.currency).rstrip("0").rstrip(".")
