"""@schedule and the cron dialects behind it."""

from __future__ import annotations

import contextlib
import itertools
import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from cronsim import CronSim, CronSimError
from hypothesis import given
from hypothesis import strategies as st

from costgate.flow.cron import CronError, runs_in_year
from costgate.flow.schedule import schedule
from costgate.model import Decorator, Known, Location, Schedule, Unresolved

HERE = Location(path="flow.py", line=3)
THERE = Location(path="config.json", line=7)

COUNTS = [
    ("Metaflow's daily default", "eventbridge", "0 0 * * ? *", 365),
    ("Metaflow's weekly default", "eventbridge", "0 0 ? * SUN *", 52),
    ("Metaflow's hourly default", "eventbridge", "0 * * * ? *", 8760),
    ("working days", "eventbridge", "0 18 ? * MON-FRI *", 261),
    ("working days as numbers, 1 is Sunday", "eventbridge", "0 18 ? * 2-6 *", 261),
    ("second Tuesday", "eventbridge", "0 8 ? * 3#2 *", 12),
    ("fifth Friday, in some months", "eventbridge", "0 8 ? * FRI#5 *", 4),
    ("nearest weekday", "eventbridge", "0 8 15W * ? *", 12),
    ("the weekday nearest to the 31st, in long months", "eventbridge", "0 8 31W * ? *", 7),
    ("last day", "eventbridge", "0 8 L * ? *", 12),
    ("last working day", "eventbridge", "0 8 LW * ? *", 12),
    ("last Friday", "eventbridge", "0 8 ? * 6L *", 12),
    ("last Friday by name", "eventbridge", "0 8 ? * friL *", 12),
    ("the week's last day is Saturday", "eventbridge", "0 8 ? * L *", 52),
    ("a day and the last, which may be the same", "eventbridge", "0 8 28,L * ? *", 23),
    ("another year", "eventbridge", "0 8 ? * 2-6 2027", 0),
    ("a list of years", "eventbridge", "0 8 1 1 ? 2025,2026", 1),
    ("steps from a number", "eventbridge", "5/20 0/6 1 JAN ? *", 12),
    ("what Argo gets of the weekly default", "argo", "0 0 ? * SUN", 52),
    ("0 is Sunday on Argo", "argo", "0 0 * * 0", 52),
    ("Argo's question mark is a star", "argo", "0 0 1 * ?", 12),
    ("Argo: day or weekday where both are restricted", "argo", "0 0 1 1 0", 5),
    ("Argo: a star with a step restricts", "argo", "0 0 */10 1 0", 7),
    ("Argo: a star with step 1 does not", "argo", "0 0 */1 1 0", 4),
    ("Argo: @daily", "argo", "@daily", 365),
    ("Argo: @hourly", "argo", "@hourly", 8760),
    ("Argo: @weekly", "argo", "@weekly", 52),
    ("Argo: @every", "argo", "@every 1h30m", 5840),
    ("Argo: @every, not above once a second", "argo", "@every 0.5s", 365 * 86400),
    ("every quarter of an hour", "unix", "*/15 * * * *", 35040),
    ("7 is Sunday", "unix", "0 0 * * 7", 52),
    ("names in any case", "unix", "0 0 1 jan,Feb *", 2),
    ("a range with a step", "unix", "0-30/10 0 1 1 *", 4),
    ("unix: a star with a step does not restrict", "unix", "0 0 */10 1 0", 1),
    ("the 30th of February", "unix", "0 0 30 2 *", 0),
]

REFUSED = [
    ("too few fields", "argo", "0 0 * *", "has 4 fields, not 5"),
    ("nothing", "argo", "", "has 0 fields, not 5"),
    ("five fields on EventBridge", "eventbridge", "0 0 * * *", "has 5 fields, not 6"),
    ("no question mark", "eventbridge", "0 0 * * * *", "needs `?`"),
    ("two question marks", "eventbridge", "0 0 ? * ? *", "needs `?`"),
    ("a minute above 59", "unix", "60 * * * *", "'60' as minute"),
    ("a hyphen too many", "unix", "1-2-3 * * * *", "'2-3' as minute"),
    ("a range that runs backwards", "unix", "0 5-3 * * *", "runs backwards"),
    ("a step of 0", "unix", "*/0 * * * *", "'0' as the step of minute"),
    ("a step that is no number", "unix", "*/x * * * *", "'x' as the step of minute"),
    ("an empty part", "unix", "1,,2 * * * *", "'' as minute"),
    ("a name where none belongs", "unix", "MON * * * *", "'MON' as minute"),
    ("a digit of another script", "unix", "\u0663 * * * *", "as minute"),
    ("weekday 7 on Argo", "argo", "0 0 * * 7", "'7' as day of the week"),
    ("weekday 0 on EventBridge", "eventbridge", "0 0 ? * 0 *", "'0' as day of the week"),
    ("L on Argo", "argo", "0 0 L * *", "'L' as day of the month"),
    ("two stars as one", "argo", "*? * * * *", "'*?' as minute"),
    ("an ordinal of 6", "eventbridge", "0 0 ? * 2#6 *", "'6' after `#`"),
    ("a list beside an ordinal", "eventbridge", "0 0 ? * 2#1,3#1 *", "more than one day"),
    ("a year out of range", "eventbridge", "0 0 1 1 ? 1969", "'1969' as year"),
    ("a descriptor that is none", "argo", "@fortnightly", "no descriptor"),
    ("a duration that is none", "argo", "@every soon", "no descriptor"),
    ("a descriptor elsewhere", "unix", "@daily", "has 1 fields"),
    ("endless text", "argo", "*" * 2000, "longer than 1000"),
]


@pytest.mark.parametrize(("dialect", "text", "count"), [row[1:] for row in COUNTS], ids=[row[0] for row in COUNTS])
def test_runs_in_2026(dialect: str, text: str, count: int) -> None:
    assert runs_in_year(text, dialect) == count


@pytest.mark.parametrize(("dialect", "text", "why"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refuses(dialect: str, text: str, why: str) -> None:
    with pytest.raises(CronError) as raised:
        runs_in_year(text, dialect)
    assert why in str(raised.value)


def test_the_year_is_a_parameter() -> None:
    assert runs_in_year("0 0 * * *", "unix", 2028) == 366
    assert runs_in_year("@every 24h", "argo", 2028) == 366


@pytest.mark.parametrize(
    ("month", "day", "expected"),
    [(8, 1, 3), (11, 1, 2), (8, 15, 14), (3, 15, 16), (5, 31, 29), (1, 31, 30), (1, 15, 15)],
    ids=[
        "Saturday the 1st goes to Monday", "Sunday the 1st goes to Monday", "Saturday goes to Friday",
        "Sunday goes to Monday", "Sunday the last goes to Friday", "Saturday the last goes to Friday",
        "a weekday stays",
    ],
)  # fmt: skip
def test_the_nearest_weekday_stays_in_its_month(month: int, day: int, expected: int) -> None:
    """One run on the expected day and none on any other day of the month."""
    both = runs_in_year(f"0 0 {day}W,{expected} {month} ? *", "eventbridge")
    assert (runs_in_year(f"0 0 {day}W {month} ? *", "eventbridge"), both) == (1, 1)


def part(low: int, high: int) -> st.SearchStrategy[str]:
    """One part of a field, without a step on a star or on one number, which cronsim reads in its own way."""
    number = st.integers(low, high)
    spans = st.tuples(number, number).map(sorted)
    return st.one_of(
        st.just("*"),
        number.map(str),
        spans.map(lambda s: f"{s[0]}-{s[1]}"),
        st.tuples(spans.filter(lambda s: s[0] < s[1]), st.integers(1, 9)).map(lambda t: f"{t[0][0]}-{t[0][1]}/{t[1]}"),
    )


def listed(low: int, high: int) -> st.SearchStrategy[str]:
    return st.lists(part(low, high), min_size=1, max_size=2).map(",".join)


def steady(low: int, high: int) -> st.SearchStrategy[str]:
    """A field of which cronsim takes every star for one that does not restrict."""
    return st.one_of(st.just("*"), st.integers(low, high).map(str), st.just(f"{low}-{high - 1}"))


@given(minute=listed(0, 59), hour=steady(0, 3), day=listed(1, 31), month=steady(1, 12), weekday=listed(0, 7))
def test_agrees_with_cronsim_on_unix_expressions(minute: str, hour: str, day: str, month: str, weekday: str) -> None:
    """cronsim lists the days; minutes and hours are independent of them, so the first run of each day is enough."""
    minutes, hours = runs_in_year(f"{minute} 0 1 1 *", "unix"), runs_in_year(f"0 {hour} 1 1 *", "unix")
    expected = minutes * hours * cronsim_days(day, month, weekday)
    assert runs_in_year(f"{minute} {hour} {day} {month} {weekday}", "unix") == expected


def cronsim_days(day: str, month: str, weekday: str) -> int:
    try:
        return cronsim_runs(f"0 0 {day} {month} {weekday}")
    except CronSimError:  # no month of the list is long enough
        return 0


def cronsim_runs(expression: str) -> int:
    runs = CronSim(expression, datetime(2026, 1, 1, tzinfo=timezone.utc) - timedelta(minutes=1))
    return sum(1 for _ in itertools.takewhile(lambda run: run.year == 2026, runs))


@given(minute=listed(0, 59), hour=listed(0, 23))
def test_agrees_with_cronsim_on_a_day(minute: str, hour: str) -> None:
    expression = f"{minute} {hour} 1 1 *"
    assert runs_in_year(expression, "unix") == cronsim_runs(expression)


@given(text=st.text(max_size=40), dialect=st.sampled_from(["unix", "argo", "eventbridge"]))
def test_any_text_is_a_number_or_a_cron_error(text: str, dialect: str) -> None:
    with contextlib.suppress(CronError):
        assert runs_in_year(text, dialect) >= 0


def test_counting_is_fast() -> None:
    started = time.perf_counter()
    for _ in range(20):
        runs_in_year("*/5 * ? * MON-FRI *", "eventbridge")
    assert (time.perf_counter() - started) / 20 < 0.005


def decorator(**kwargs: Any) -> Decorator:
    values = {k: v if isinstance(v, (Known, Unresolved)) else Known(value=v, chain=(HERE,)) for k, v in kwargs.items()}
    return Decorator(name="schedule", kwargs=values, location=HERE)


OPEN = Unresolved(expression="cfg.cron", reason="the config is not known", location=THERE)

CHOSEN = [
    ("bare is daily", {}, "0 0 * * ? *"),
    ("daily", {"daily": True}, "0 0 * * ? *"),
    ("hourly", {"hourly": True}, "0 * * * ? *"),
    ("weekly", {"weekly": True}, "0 0 ? * SUN *"),
    ("weekly beats hourly", {"hourly": True, "weekly": True}, "0 0 ? * SUN *"),
    ("cron beats all", {"hourly": True, "weekly": True, "cron": "5 4 * * ? *"}, "5 4 * * ? *"),
    ("an empty cron is none", {"cron": ""}, "0 0 * * ? *"),
    ("any text is true", {"hourly": "false"}, "0 * * * ? *"),
    ("an unknown shorthand below the chosen one does not matter", {"weekly": True, "hourly": OPEN}, "0 0 ? * SUN *"),
]


@pytest.mark.parametrize("target", ["argo-workflows", "step-functions"])
@pytest.mark.parametrize(("kwargs", "cron"), [row[1:] for row in CHOSEN], ids=[row[0] for row in CHOSEN])
def test_the_first_true_attribute_is_the_schedule(kwargs: dict[str, Any], cron: str, target: str) -> None:
    found = schedule(decorator(**kwargs), target)
    assert isinstance(found, Schedule)
    assert found.cron == cron


@pytest.mark.parametrize(
    ("target", "cron", "runs_per_month"),
    [
        ("argo-workflows", "0 0 * * ? *", 365 / 12),
        ("argo-workflows", "0 0 * * *", 365 / 12),
        ("argo-workflows", "0 8 ? * 2-6 2027", 261 / 12),  # Tuesday to Saturday on Argo, every year
        ("argo-workflows", "@daily", 365 / 12),
        ("step-functions", "0 * * * ? *", 730),
        ("step-functions", "0 0 30 2 ? *", 0),
    ],
)
def test_runs_per_month_are_those_of_730_hours(target: str, cron: str, runs_per_month: float) -> None:
    found = schedule(decorator(cron=cron), target)
    assert isinstance(found, Schedule)
    assert found.runs_per_month == pytest.approx(runs_per_month)


def test_a_schedule_keeps_its_timezone_and_place() -> None:
    found = schedule(
        decorator(cron=Known(value="0 6 * * *", chain=(HERE, THERE)), timezone="Europe/Oslo"), "argo-workflows"
    )
    assert found == Schedule(cron="0 6 * * *", timezone="Europe/Oslo", runs_per_month=365 / 12, location=THERE)


def test_a_value_without_a_place_stands_at_the_decorator() -> None:
    found = schedule(decorator(cron=Known(value="0 6 * * *")), "argo-workflows")
    assert isinstance(found, Schedule)
    assert found.location == HERE


@pytest.mark.parametrize("target", ["argo-workflows", "step-functions"])
def test_a_schedule_can_be_turned_off(target: str) -> None:
    assert schedule(decorator(daily=False), target) is None


def test_a_run_on_ones_machine_has_no_schedule() -> None:
    assert schedule(decorator(cron="* * * * *"), "local") is None


UNRESOLVED = [
    ("an unknown cron", "argo-workflows", decorator(cron=OPEN), "the config is not known"),
    ("an unknown flag above the chosen one", "argo-workflows", decorator(weekly=OPEN, hourly=True), "not known"),
    ("an unknown timezone", "argo-workflows", decorator(timezone=OPEN), "not known"),
    ("an unknown unpacking", "argo-workflows", Decorator(name="schedule", rest=OPEN, location=HERE), "not known"),
    ("a cron that is no text", "argo-workflows", decorator(cron=5), "would refuse a cron expression that is no text"),
    ("a blank cron", "argo-workflows", decorator(cron=" "), "would refuse a cron expression"),
    ("an attribute that there is not", "argo-workflows", decorator(crons="x"), "Metaflow would refuse 'crons'"),
    (
        "a positional argument", "argo-workflows",
        Decorator(name="schedule", args=(Known(value="0 0 * * *"),), location=HERE), "with a positional argument",
    ),
    ("a timezone on Step Functions", "step-functions", decorator(timezone="UTC"), "Metaflow would refuse a timezone"),
    ("a timezone that is no text", "argo-workflows", decorator(timezone=1), "a timezone that is no text"),
    ("a cron that Argo cannot read", "argo-workflows", decorator(cron="0 0 L * *"), "Argo would refuse"),
    ("a cron that EventBridge cannot read", "step-functions", decorator(cron="0 0 * * *"), "EventBridge would refuse"),
    ("a schedule of another year", "step-functions", decorator(cron="0 0 1 1 ? 2027"), "only in the year 2027"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("target", "given_", "why"), [row[1:] for row in UNRESOLVED], ids=[row[0] for row in UNRESOLVED]
)
def test_what_is_not_certain_is_unresolved(target: str, given_: Decorator, why: str) -> None:
    found = schedule(given_, target)
    assert isinstance(found, Unresolved)
    assert why in found.reason
