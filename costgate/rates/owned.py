"""Owned and leased hardware: from what finance paid to what an hour of a node costs, one component a line.

A month has 730 hours. Every formula is written with its numbers, so that anybody can check it with a calculator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from costgate.model import Component, Location
from costgate.units import HOURS_PER_MONTH

ONE = Decimal(1)
Where = Callable[[str], Location]
HOURLY = {  # component → its key
    "facility": "facility_per_hour",
    "support": "support_per_hour",
    "staff": "staff_per_hour",
}


def components(owned: Mapping[str, Decimal], where: Where) -> tuple[Component, ...]:
    """The `owned:` numbers of a tier as components per node-hour; `where` places a key. Omitted ones are 0, missing.

    With a cost of capital the purchase is an annuity, A = (P − S(1+r)^−n) · r ÷ (1 − (1+r)^−n) with r = yearly ÷ 12;
    the line *cost of capital* is what it adds to straight-line amortisation, (P − S) ÷ n.
    """
    capital = (_amortisation(owned, where), _cost_of_capital(owned, where))
    hourly = (_hourly(name, key, owned, where) for name, key in HOURLY.items())
    return (*capital, _power(owned, where), *hourly)


def leased(per_month: Decimal, location: Location) -> tuple[Component, ...]:
    """A monthly rent as a component per node-hour."""
    formula = f"{plain(per_month)} ÷ {HOURS_PER_MONTH}"
    return (Component(name="lease", amount=per_month / HOURS_PER_MONTH, formula=formula, location=location),)


def annuity(price: Decimal, residual: Decimal, yearly: Decimal, months: Decimal) -> Decimal:
    """What a month costs when the money tied up is paid for: constant payments that leave `residual` at the end."""
    rate = yearly / 12
    discount = (ONE + rate) ** -months
    if discount == ONE:  # a rate too small to tell from none
        return (price - residual) / months
    return (price - residual * discount) * rate / (ONE - discount)


def plain(value: Decimal) -> str:
    """A number as people write it in a formula: 120,000 and 0.08, never 1.2E+5."""
    return f"{value.normalize():,f}"


def _amortisation(owned: Mapping[str, Decimal], where: Where) -> Component:
    if "purchase_price" not in owned:
        return _missing("amortisation", "purchase_price")
    price, months, residual = owned["purchase_price"], owned["useful_life_months"], owned.get("residual_value")
    paid = f"({plain(price)} − {plain(residual)})" if residual else plain(price)
    return Component(
        name="amortisation",
        amount=(price - (residual or 0)) / months / HOURS_PER_MONTH,
        formula=f"{paid} ÷ ({plain(months)} × {HOURS_PER_MONTH})",
        location=where("purchase_price"),
    )


def _cost_of_capital(owned: Mapping[str, Decimal], where: Where) -> Component:
    absent = next((key for key in ("cost_of_capital", "purchase_price") if key not in owned), None)
    if absent:
        return _missing("cost of capital", absent)
    price, months, yearly = owned["purchase_price"], owned["useful_life_months"], owned["cost_of_capital"]
    residual = owned.get("residual_value", Decimal(0))
    place = where("cost_of_capital")
    if not yearly:
        return Component(name="cost of capital", amount=Decimal(0), formula="0 % a year", location=place)
    monthly, straight = annuity(price, residual, yearly, months), (price - residual) / months
    discount = f"(1 + {plain(yearly)} ÷ 12)^−{plain(months)}"
    annuity_formula = (
        f"({plain(price)} − {plain(residual)} × {discount}) × {plain(yearly)} ÷ 12 ÷ (1 − {discount})"
        f" ÷ {HOURS_PER_MONTH}"
    )
    return Component(
        name="cost of capital",
        amount=(monthly - straight) / HOURS_PER_MONTH,
        formula=f"{annuity_formula} − amortisation",
        location=place,
    )


def _power(owned: Mapping[str, Decimal], where: Where) -> Component:
    absent = next((key for key in ("power_kw", "electricity_per_kwh") if key not in owned), None)
    if absent:
        return _missing("power", absent)
    kilowatts, price, pue = owned["power_kw"], owned["electricity_per_kwh"], owned.get("pue", ONE)
    return Component(
        name="power",
        amount=kilowatts * pue * price,
        formula=f"{plain(kilowatts)} kW × {plain(pue)} × {plain(price)}",
        location=where("power_kw"),
    )


def _hourly(name: str, key: str, owned: Mapping[str, Decimal], where: Where) -> Component:
    if key not in owned:
        return _missing(name, key)
    return Component(name=name, amount=owned[key], formula=f"{plain(owned[key])} an hour", location=where(key))


def _missing(name: str, key: str) -> Component:
    return Component(name=name, amount=Decimal(0), formula=f"{key} is not given", location=None, missing=True)
