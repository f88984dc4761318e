"""Intervals, money, hours, memory and durations: the arithmetic that every part shares. No rounding happens here."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, TypeVar

HOURS_PER_MONTH = Decimal(730)  # 8,760 hours a year ÷ 12; the convention of every rate in costgate
SECONDS_PER_HOUR = 3600
DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)
SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}  # other currencies by their code

N = TypeVar("N", float, Decimal)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval(Generic[N]):
    """low ≤ expected ≤ high of one quantity; floats for measurements, Decimals for money."""

    low: N
    expected: N
    high: N

    @staticmethod
    def exact(value: N) -> Interval[N]:
        """The interval of a value that is known."""
        return Interval(low=value, expected=value, high=value)

    @property
    def is_exact(self) -> bool:
        """Whether low, expected and high are one value."""
        return self.low == self.high

    def __add__(self, other: Interval[N]) -> Interval[N]:
        """Bounds add: the two may err together."""
        return Interval(low=self.low + other.low, expected=self.expected + other.expected, high=self.high + other.high)

    def __neg__(self) -> Interval[N]:
        """The mirrored interval: low and high change places."""
        return Interval(low=-self.high, expected=-self.expected, high=-self.low)

    def map(self, function: Callable[[N], N]) -> Interval[N]:
        """Apply a monotonic function to the three values; a falling one swaps the bounds."""
        low, high = sorted((function(self.low), function(self.high)))
        return Interval(low=low, expected=function(self.expected), high=high)


def decimal(value: int | float | str | Decimal) -> Decimal:
    """A number as Decimal; a float by its `repr`, so that 0.1 stays 0.1."""
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def parse_duration(text: str) -> int:
    """Seconds of `90s`, `30m`, `1h30m` or `2d`. Raises ValueError for anything else, zero included."""
    match = DURATION.fullmatch(text)
    seconds = sum(int(part or 0) * unit for part, unit in zip(match.groups(), (86400, 3600, 60, 1))) if match else 0
    if not seconds:
        raise ValueError(f"{text!r} is not a duration such as 90s, 30m, 1h30m or 2d")
    return seconds


def memory_gib(memory_mb: float | Decimal, compute: str) -> Decimal:
    """GiB of Metaflow's `memory`: on Kubernetes a unit is 10⁶ bytes (sent as `M`), elsewhere 2²⁰ (AWS Batch MiB)."""
    amount = decimal(memory_mb)
    return amount * 10**6 / 2**30 if compute == "kubernetes" else amount / 1024


def terabytes(disk_mb: float | Decimal, compute: str) -> Decimal:
    """TB (10¹² bytes, as storage is sold) of Metaflow's `disk`: its units are those of `memory`."""
    return decimal(disk_mb) * (10**6 if compute == "kubernetes" else 2**20) / 10**12


def money_text(amount: Decimal, currency: str) -> str:
    """An amount for people: whole units with thousands separators from 100 on, cents below: `-$1,234`, `CHF 12.50`."""
    # The digits are decided after rounding to cents, so that 99.999 reads $100 and not $100.00.
    cents = f"{abs(amount):,.2f}"
    text = cents if abs(amount) < 100 and cents != "100.00" else f"{abs(amount):,.0f}"
    sign = "-" if amount < 0 and cents != "0.00" else ""
    return f"{sign}{SIGNS.get(currency, currency + ' ')}{text}"
