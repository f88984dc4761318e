"""Owned and leased hardware: from what finance paid to what an hour of a node costs, one component a line.

A month has 730 hours. Every formula is written with its numbers, so that anybody can check it with a calculator.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, date
from decimal import Decimal

from costgate.model import Component, Location
from costgate.units import HOURS_PER_MONTH

ZERO, ONE, TWELVE = Decimal(0), Decimal(1), Decimal(12)
CAPITAL = ("amortisation", "network", "spares", "cost of capital")  # components that end with the useful life
Numbers = Mapping[str, Decimal]
Where = Callable[[str], Location]


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What the price of a node depends on beside its own numbers."""

    gpus: Decimal = ZERO  # of the node, for licences
    utilization: Decimal = ONE  # planned, for the average power
    written_off: date | None = None  # the day from which its capital costs nothing, once that has come


def components(owned: Numbers, where: Where, use: Use = Use()) -> tuple[Component, ...]:
    """The `owned:` numbers of a tier as components per node-hour; `where` places a key.

    What every owned node has and the card omits is 0 and listed as missing; what only some have is left out.
    """
    return (*_capital(owned, where, use), *_running(owned, where, use))


def leased(lease: Numbers, where: Where, use: Use = Use()) -> tuple[Component, ...]:
    """A monthly rent and the running costs that it does not include, as components per node-hour."""
    formula = f"{plain(lease['per_month'])} ÷ {HOURS_PER_MONTH}"
    amount = lease["per_month"] / HOURS_PER_MONTH
    rent = Component(name="lease", amount=amount, formula=formula, location=where("per_month"))
    return (rent, *(part for part in _running(lease, where, use) if not part.missing))


def annuity(price: Decimal, residual: Decimal, yearly: Decimal, months: Decimal) -> Decimal:
    """What a month costs when the money tied up is paid for: constant payments that leave `residual` at the end.

    A = (P − S(1+r)^−n) · r ÷ (1 − (1+r)^−n) with r = yearly ÷ 12.
    """
    rate = yearly / 12
    discount = (ONE + rate) ** -months
    if discount == ONE:  # a rate too small to tell from none
        return (price - residual) / months
    return (price - residual * discount) * rate / (ONE - discount)


def life_ends(in_service: date, months: int) -> date:
    """The first day after a useful life: the same day of the month, or the month's last."""
    years, month = divmod(in_service.month - 1 + months, 12)
    year = in_service.year + years
    if year > MAXYEAR:
        return date.max
    return date(year, month + 1, min(in_service.day, calendar.monthrange(year, month + 1)[1]))


def idle_saving(numbers: Numbers) -> Decimal:
    """What an idle node-hour costs less than a busy one: the power that it does not draw."""
    if not {"power_kw", "idle_power_kw", "electricity_per_kwh"} <= numbers.keys():
        return ZERO
    return (numbers["power_kw"] - numbers["idle_power_kw"]) * _kilowatt_hour(numbers)


def plain(value: Decimal) -> str:
    """A number as people write it in a formula: 120,000 and 0.08, never 1.2E+5."""
    return f"{value.normalize():,f}"


def _capital(owned: Numbers, where: Where, use: Use) -> tuple[Component, ...]:
    """The purchase, straight-line, and what it adds to that when the money costs something."""
    if "purchase_price" not in owned:
        return (_missing("amortisation", "purchase_price"), _missing("cost of capital", "purchase_price"))
    parts = (_amortisation(owned, where), *_surroundings(owned, where))
    parts = (*parts, _cost_of_capital(owned, where, sum((part.amount for part in parts), ZERO)))
    return tuple(_nothing_left(part, use.written_off, where) for part in parts) if use.written_off else parts


def _nothing_left(part: Component, since: date, where: Where) -> Component:
    if part.missing:
        return part
    formula = f"0 since {since}, the end of its useful life"
    return Component(name=part.name, amount=ZERO, formula=formula, location=where("in_service"))


def _amortisation(owned: Numbers, where: Where) -> Component:
    price, residual = owned["purchase_price"], owned.get("residual_value")
    paid = f"({plain(price)} − {plain(residual)})" if residual else plain(price)
    return _spread("amortisation", price - (residual or ZERO), paid, owned, where("purchase_price"))


def _surroundings(owned: Numbers, where: Where) -> Iterator[Component]:
    """What is bought for a node and is worth nothing without it; amortised as the node is."""
    if "network_price" in owned:
        price = owned["network_price"]
        yield _spread("network", price, plain(price), owned, where("network_price"))
    if "spares_share" in owned:
        price, share = owned["purchase_price"], owned["spares_share"]
        yield _spread("spares", price * share, f"{plain(price)} × {plain(share)}", owned, where("spares_share"))


def _spread(name: str, amount: Decimal, said: str, owned: Numbers, place: Location) -> Component:
    months = owned["useful_life_months"]
    formula = f"{said} ÷ ({plain(months)} × {HOURS_PER_MONTH})"
    return Component(name=name, amount=amount / months / HOURS_PER_MONTH, formula=formula, location=place)


def _cost_of_capital(owned: Numbers, where: Where, straight: Decimal) -> Component:
    """What an annuity adds to `straight`, the straight-line amortisation of everything per node-hour."""
    if "cost_of_capital" not in owned:
        return _missing("cost of capital", "cost_of_capital")
    months, yearly, residual = owned["useful_life_months"], owned["cost_of_capital"], owned.get("residual_value", ZERO)
    place = where("cost_of_capital")
    if not yearly:
        return Component(name="cost of capital", amount=ZERO, formula="0 % a year", location=place)
    price = owned["purchase_price"]
    paid = price + owned.get("network_price", ZERO) + price * owned.get("spares_share", ZERO)
    discount = f"(1 + {plain(yearly)} ÷ 12)^−{plain(months)}"
    at_the_end = f"({plain(paid)} − {plain(residual)} × {discount})" if residual else plain(paid)
    earlier = f"({plain(paid)} − {plain(residual)})" if residual else plain(paid)
    formula = (
        f"{at_the_end} × {plain(yearly)} ÷ 12 ÷ (1 − {discount}) ÷ {HOURS_PER_MONTH}"
        f" − {earlier} ÷ ({plain(months)} × {HOURS_PER_MONTH})"
    )
    amount = annuity(paid, residual, yearly, months) / HOURS_PER_MONTH - straight
    return Component(name="cost of capital", amount=amount, formula=formula, location=place)


def _running(numbers: Numbers, where: Where, use: Use) -> Iterator[Component]:
    yield _power(numbers, where, use)
    yield _facility(numbers, where)
    yield _support(numbers, where)
    yield _hourly("staff", "staff_per_hour", numbers, where)
    if "software_per_gpu_month" in numbers:
        each = numbers["software_per_gpu_month"]
        formula = f"{plain(each)} × {plain(use.gpus)} GPUs"
        yield _monthly("software", each * use.gpus, formula, where("software_per_gpu_month"))


def _power(numbers: Numbers, where: Where, use: Use) -> Component:
    absent = next((key for key in ("power_kw", "electricity_per_kwh") if key not in numbers), None)
    if absent:
        return _missing("power", absent)
    busy, idle = numbers["power_kw"], numbers.get("idle_power_kw")
    drawn = busy if idle is None else idle + (busy - idle) * use.utilization
    said = (
        plain(busy) if idle is None else f"({plain(idle)} + ({plain(busy)} − {plain(idle)}) × {plain(use.utilization)})"
    )
    return Component(
        name="power",
        amount=drawn * _kilowatt_hour(numbers),
        formula=f"{said} kW × {plain(numbers.get('pue', ONE))} × {plain(numbers['electricity_per_kwh'])}",
        location=where("power_kw"),
    )


def _kilowatt_hour(numbers: Numbers) -> Decimal:
    """The price of a kWh at the node: the data centre's own use included."""
    return numbers.get("pue", ONE) * numbers["electricity_per_kwh"]


def _facility(numbers: Numbers, where: Where) -> Component:
    if "facility_per_month" in numbers:
        price = numbers["facility_per_month"]
        return _monthly("facility", price, plain(price), where("facility_per_month"))
    if "rack_units" in numbers:
        units, price = numbers["rack_units"], numbers["rack_unit_per_month"]
        return _monthly("facility", units * price, f"{plain(units)} rack units × {plain(price)}", where("rack_units"))
    return _hourly("facility", "facility_per_hour", numbers, where)


def _support(numbers: Numbers, where: Where) -> Component:
    if "support_share_per_year" in numbers:
        price, share = numbers["purchase_price"], numbers["support_share_per_year"]
        formula = f"{plain(price)} × {plain(share)} ÷ 12"
        return _monthly("support", price * share / TWELVE, formula, where("support_share_per_year"))
    return _hourly("support", "support_per_hour", numbers, where)


def _monthly(name: str, amount: Decimal, said: str, place: Location) -> Component:
    formula = f"{said} ÷ {HOURS_PER_MONTH}"
    return Component(name=name, amount=amount / HOURS_PER_MONTH, formula=formula, location=place)


def _hourly(name: str, key: str, numbers: Numbers, where: Where) -> Component:
    if key not in numbers:
        return _missing(name, key)
    return Component(name=name, amount=numbers[key], formula=f"{plain(numbers[key])} an hour", location=where(key))


def _missing(name: str, key: str) -> Component:
    return Component(name=name, amount=ZERO, formula=f"{key} is not given", location=None, missing=True)
