"""Numbers that every part of the estimate shares: read out of values, kept finite, kept on one grid as money."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal

from costgate.model import Known, Value
from costgate.units import Interval

MONEY_STEP = Decimal("1e-12")  # one place for all amounts: their sums and differences are then exact
EXACT_BELOW = 15  # digits before the point up to which the 28 digits of Decimal hold all twelve places
LARGEST = 1e15  # no run, task or second count is larger; keeps products finite whatever a file says


def money(amount: Decimal) -> Decimal:
    """The amount on a grid far below anything shown, so that parts add up exactly (below 10¹⁵)."""
    return amount.quantize(MONEY_STEP) if amount.adjusted() < EXACT_BELOW else amount


def total(amounts: Iterable[Interval[Decimal]]) -> Interval[Decimal]:
    """Bounds add; the sum of none is 0."""
    return sum(amounts, Interval.exact(Decimal(0)))


def bounded(value: float) -> float:
    """The value within 0 and LARGEST; what is no number at all counts as too large, never as free."""
    return max(float(value), 0.0) if value <= LARGEST else LARGEST


def number(value: Value) -> float | None:
    """The number of a resolved value; None where it is unresolved, unset or no number."""
    known = value.value if isinstance(value, Known) else None
    if isinstance(known, bool) or not isinstance(known, int | float) or not -LARGEST <= known <= LARGEST:
        return None
    return float(known)


def plain(value: float) -> str:
    """A number as phrases show it: `500`, `0.25`, `1.2e+06`."""
    return f"{value:g}"


def span(seconds: float) -> str:
    """Seconds as a person writes them: `2h`, `1h30m`, `45s`, `2.5s`."""
    if seconds < 60 or not math.isfinite(seconds):
        return f"{seconds:g}s"
    hours, rest = divmod(round(seconds), 3600)
    minutes, left = divmod(rest, 60)
    return "".join(f"{amount}{unit}" for amount, unit in ((hours, "h"), (minutes, "m"), (left, "s")) if amount)
