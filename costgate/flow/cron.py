"""Counts how often a cron expression fires in a year, in the three dialects that Metaflow's schedules are read in.

unix is Vixie's five fields; argo is robfig/cron, which Argo Workflows uses (five fields or a descriptor); eventbridge
is AWS's six fields, the last one the year. No library counts all three: see the table in the tests.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

REFERENCE_YEAR = 2026  # no leap year; any other common year differs by one run of a weekly schedule at most
MONTHS = {
    "JAN": 1, "FEB": 2, "MAR": 3, "APR": 4, "MAY": 5, "JUN": 6, "JUL": 7, "AUG": 8, "SEP": 9, "OCT": 10, "NOV": 11,
    "DEC": 12,
}  # fmt: skip
WEEKDAYS = {"SUN": 0, "MON": 1, "TUE": 2, "WED": 3, "THU": 4, "FRI": 5, "SAT": 6}
WEEKDAYS_FROM_1 = {name: n + 1 for name, n in WEEKDAYS.items()}
LONGEST = 1000  # characters; a list of all 60 minutes has 169

# Argo Workflows passes descriptors on to robfig/cron.
DESCRIPTORS = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip
EVERY = re.compile(r"@every ((?:[0-9]{1,9}(?:\.[0-9]{1,9})?[hms])+)")
AMOUNT = re.compile(r"([0-9.]+)([hms])")


class CronError(ValueError):
    """The scheduler would refuse the expression; the message is the end of a sentence that starts with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of an expression: its bounds, the names of its numbers, and what stands for all of them."""

    name: str
    low: int
    high: int
    names: Mapping[str, int] = field(default_factory=dict)
    stars: tuple[str, ...] = ("*",)

    def number(self, text: str) -> int:
        """The number or name; CronError outside the bounds."""
        if text.upper() in self.names:
            return self.names[text.upper()]
        if not re.fullmatch("[0-9]{1,4}", text) or not self.low <= int(text) <= self.high:
            raise CronError(f"has {text!r} as {self.name}, not one of {self.low} to {self.high}")
        return int(text)

    def numbers(self, text: str) -> frozenset[int]:
        """All numbers of a comma-separated list of `*`, `n`, `n-m`, each with `/step`; `n/step` goes on to the end."""
        return frozenset(number for part in text.split(",") for number in self._part(part))

    def _part(self, part: str) -> range:
        body, slash, step = part.partition("/")
        if slash and (not re.fullmatch("[0-9]{1,4}", step) or int(step) == 0):
            raise CronError(f"has {step!r} as the step of {self.name}")
        first, dash, last = body.partition("-")
        if body in self.stars:
            low, high = self.low, self.high
        else:
            low = self.number(first)
            high = self.number(last) if dash else self.high if slash else low
        if low > high:
            raise CronError(f"has {body!r} as {self.name}, a range that runs backwards")
        return range(low, high + 1, int(step or 1))


MINUTE = Field(name="minute", low=0, high=59)
HOUR = Field(name="hour", low=0, high=23)
DAY = Field(name="day of the month", low=1, high=31)
MONTH = Field(name="month", low=1, high=12, names=MONTHS)
WEEKDAY = Field(name="day of the week", low=0, high=7, names=WEEKDAYS)  # 7 is Sunday again
UNIX = (MINUTE, HOUR, DAY, MONTH, WEEKDAY)
ARGO = (
    Field(name="minute", low=0, high=59, stars=("*", "?")),
    Field(name="hour", low=0, high=23, stars=("*", "?")),
    Field(name="day of the month", low=1, high=31, stars=("*", "?")),
    Field(name="month", low=1, high=12, names=MONTHS, stars=("*", "?")),
    Field(name="day of the week", low=0, high=6, names=WEEKDAYS, stars=("*", "?")),
)
EVENTBRIDGE_WEEKDAY = Field(name="day of the week", low=1, high=7, names=WEEKDAYS_FROM_1)  # 1 is Sunday
YEAR = Field(name="year", low=1970, high=2199)


def runs_in_year(expression: str, dialect: str, year: int = REFERENCE_YEAR) -> float:
    """Starts in a year of 365 or 366 days under the dialect unix, argo or eventbridge. CronError where it is refused.

    Minutes and hours of a day are independent of the day, so runs = minutes × hours × matching days.
    """
    if len(expression) > LONGEST:
        raise CronError(f"is longer than {LONGEST} characters")
    if dialect == "argo" and expression.startswith("@"):
        return _descriptor(" ".join(expression.split()), year)
    fields = expression.split()
    if dialect == "eventbridge":
        return _eventbridge(fields, year)
    return _five(fields, ARGO if dialect == "argo" else UNIX, year)


def _descriptor(text: str, year: int) -> float:
    if text in DESCRIPTORS:
        return runs_in_year(DESCRIPTORS[text], "argo", year)
    match = EVERY.fullmatch(text)
    if not match:
        raise CronError("is no descriptor that Argo knows")
    units = {"h": 3600, "m": 60, "s": 1}
    seconds = int(sum(float(amount) * units[unit] for amount, unit in _amounts(match.group(1))))
    return _days_of(year) * 86400 / max(seconds, 1)  # robfig/cron drops fractions and waits for a second at least


def _amounts(text: str) -> Iterator[tuple[str, str]]:
    yield from ((match.group(1), match.group(2)) for match in AMOUNT.finditer(text))


def _days_of(year: int) -> int:
    return 366 if calendar.isleap(year) else 365


def _split(fields: list[str], count: int) -> None:
    if len(fields) != count:
        raise CronError(f"has {len(fields)} fields, not {count}")


def _five(fields: list[str], bounds: tuple[Field, ...], year: int) -> float:
    _split(fields, 5)
    minutes, hours, days, months, weekdays = (b.numbers(text) for b, text in zip(bounds, fields))
    starred = _argo_star if bounds is ARGO else _unix_star
    both = starred(fields[2]) or starred(fields[4])
    weekdays = frozenset(day % 7 for day in weekdays)
    matching = 0
    for month in months:
        for day, weekday in _calendar(year, month):
            matching += all((day in days, weekday in weekdays)) if both else any((day in days, weekday in weekdays))
    return len(minutes) * len(hours) * matching


def _unix_star(text: str) -> bool:
    """Vixie cron: a field that starts with a star leaves the choice of days to the other one, steps and all."""
    return text.startswith("*")


def _argo_star(text: str) -> bool:
    """robfig/cron: one part of the list is a star whose step is not above 1."""
    return any(part in ("*", "?", "*/1", "?/1") for part in text.split(","))


def _calendar(year: int, month: int) -> Iterator[tuple[int, int]]:
    """(day, weekday) of a month; Sunday is 0."""
    first = date(year, month, 1).isoweekday()
    for day in range(1, calendar.monthrange(year, month)[1] + 1):
        yield day, (first + day - 1) % 7


def _eventbridge(fields: list[str], year: int) -> float:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cron-expressions.html"""
    _split(fields, 6)
    if (fields[2] == "?") == (fields[4] == "?"):
        raise CronError("needs `?` either as day of the month or as day of the week, and not as both")
    minutes, hours, months = MINUTE.numbers(fields[0]), HOUR.numbers(fields[1]), MONTH.numbers(fields[3])
    weekly = fields[2] == "?"
    parts = fields[4 if weekly else 2].upper().split(",")
    if "#" in fields[4] and len(parts) > 1:
        raise CronError("has more than one day of the week beside `#`")
    select = _weekdays if weekly else _days
    matching = sum(len({day for part in parts for day in select(part, year, month)}) for month in sorted(months))
    return len(minutes) * len(hours) * matching if year in YEAR.numbers(fields[5]) else 0


def _days(part: str, year: int, month: int) -> frozenset[int]:
    """Days of a month that one part of the day-of-month field means: `L`, `LW`, `15W`, or numbers."""
    weekday = dict(_calendar(year, month))
    last = len(weekday)
    if part == "L":
        return frozenset((last,))
    if not part.endswith("W"):
        return DAY.numbers(part) & weekday.keys()
    day = last if part == "LW" else DAY.number(part[:-1])
    return frozenset((_nearest_weekday(day, weekday),)) if day <= last else frozenset()


def _nearest_weekday(day: int, weekday: Mapping[int, int]) -> int:
    """Monday to Friday nearest to the day without leaving the month."""
    if weekday[day] == 6:
        return day - 1 if day > 1 else day + 2
    if weekday[day] == 0:
        return day + 1 if day < len(weekday) else day - 2
    return day


def _weekdays(part: str, year: int, month: int) -> frozenset[int]:
    """Days of a month that one part of the day-of-week field means: `L` (Saturday), `6L`, `3#2`, or numbers."""
    days = tuple(_calendar(year, month))
    name, hash_, nth = part.partition("#")
    if hash_:
        if nth not in ("1", "2", "3", "4", "5"):
            raise CronError(f"has {nth!r} after `#`, not one of 1 to 5")
        return frozenset(_those(days, EVENTBRIDGE_WEEKDAY.number(name))[int(nth) - 1 : int(nth)])
    if part.endswith("L") and part != "L":
        return frozenset(_those(days, EVENTBRIDGE_WEEKDAY.number(part[:-1]))[-1:])
    wanted = frozenset((7,)) if part == "L" else EVENTBRIDGE_WEEKDAY.numbers(part)
    return frozenset(day for day, weekday in days if weekday + 1 in wanted)


def _those(days: tuple[tuple[int, int], ...], number: int) -> tuple[int, ...]:
    return tuple(day for day, weekday in days if weekday + 1 == number)
