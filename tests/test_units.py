"""Laws of intervals, and the conversions that every price passes through."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costgate.units import Interval, decimal, memory_gib, money_text, parse_duration

money = st.decimals(min_value=-(10**9), max_value=10**9, places=4)
intervals = st.tuples(money, money, money).map(sorted).map(lambda v: Interval(low=v[0], expected=v[1], high=v[2]))
NOTHING = Interval.exact(Decimal(0))


def ordered(interval: Interval[Decimal]) -> bool:
    return interval.low <= interval.expected <= interval.high


@given(a=intervals, b=intervals, c=intervals)
def test_intervals_add_in_any_order(a: Interval[Decimal], b: Interval[Decimal], c: Interval[Decimal]) -> None:
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a + NOTHING == a
    assert ordered(a + b)


@given(a=intervals, b=intervals)
def test_the_mirror_of_a_mirror_is_the_interval(a: Interval[Decimal], b: Interval[Decimal]) -> None:
    mirrored = -a
    assert -mirrored == a
    assert -(a + b) == (-a) + (-b)
    assert ordered(mirrored)
    assert a + mirrored == -(a + mirrored), "the difference of two things that may differ is centred, not nothing"


@given(interval=intervals, factor=money)
def test_scaling_keeps_the_order_of_the_bounds(interval: Interval[Decimal], factor: Decimal) -> None:
    scaled = interval.map(lambda value: value * factor)
    assert ordered(scaled)
    assert scaled.expected == interval.expected * factor
    assert {scaled.low, scaled.high} == {interval.low * factor, interval.high * factor}


@given(interval=intervals, value=money)
def test_an_interval_is_exact_when_it_has_no_width(interval: Interval[Decimal], value: Decimal) -> None:
    assert Interval.exact(value).is_exact
    assert interval.is_exact == (interval == Interval.exact(interval.expected))
    assert Interval.exact(value).map(lambda v: v + 1) == Interval.exact(value + 1)


def test_a_rising_function_keeps_the_bounds_and_a_falling_one_swaps_them() -> None:
    interval = Interval(low=1.0, expected=2.0, high=4.0)
    assert interval.map(lambda value: value + 1) == Interval(low=2.0, expected=3.0, high=5.0)
    assert interval.map(lambda value: 1 / value) == Interval(low=0.25, expected=0.5, high=1.0)
    assert not interval.is_exact


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_as_decimal_reads_as_it_is_written(value: float) -> None:
    assert float(decimal(value)) == value
    assert decimal(value) == Decimal(repr(value))


@given(st.integers() | money)
def test_exact_numbers_stay_exact(value: int | Decimal) -> None:
    assert decimal(value) == value
    assert decimal(str(value)) == value


def test_a_tenth_is_a_tenth() -> None:
    assert decimal(0.1) + decimal(0.2) == decimal("0.3")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("2d", 172800), ("1d2h3m4s", 93784), ("0h5m", 300), ("007s", 7)],
)
def test_a_duration_is_seconds(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0s",
        "0d0h",
        "5",
        "1.5h",
        "-1h",
        "+1h",
        "1H",
        " 1h",
        "1h ",
        "1h\n",
        "30m1h",
        "1h1h",
        "1w",
        "1h 30m",
        "١h",
        "h",
    ],
)
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration such as 90s, 30m, 1h30m or 2d"):
        parse_duration(text)


@given(days=st.integers(0, 999), hours=st.integers(0, 999), minutes=st.integers(0, 999), seconds=st.integers(1, 999))
def test_the_parts_of_a_duration_add(days: int, hours: int, minutes: int, seconds: int) -> None:
    whole = parse_duration(f"{days}d{hours}h{minutes}m{seconds}s")
    assert whole == days * 86400 + hours * 3600 + minutes * 60 + seconds


def duration_or_reason(text: str) -> int | str:
    try:
        return parse_duration(text)
    except ValueError as error:
        return str(error)


@given(st.text(max_size=20) | st.from_regex(r"[0-9dhms]{0,9}"))
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    found = duration_or_reason(text)
    assert repr(text) in found if isinstance(found, str) else found > 0


@pytest.mark.parametrize(
    ("memory_mb", "compute", "gib"),
    [
        pytest.param(1024, "batch", Decimal(1), id="Batch counts in MiB"),
        pytest.param(1024, "local", Decimal(1), id="and so does everything else"),
        pytest.param(2**30, "kubernetes", Decimal(10**6), id="Kubernetes counts in millions of bytes"),
        pytest.param(512.5, "batch", Decimal("0.50048828125"), id="a float is read as it is written"),
    ],
)
def test_memory_is_in_gib(memory_mb: float, compute: str, gib: Decimal) -> None:
    assert memory_gib(memory_mb, compute) == gib


@given(st.integers(1, 10**9))
def test_the_same_number_is_less_memory_on_kubernetes(memory_mb: int) -> None:
    there, here = memory_gib(memory_mb, "kubernetes"), memory_gib(memory_mb, "batch")
    assert math.isclose(there / here, 10**6 / 2**20)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        pytest.param("1234567.5", "USD", "$1,234,568", id="whole units from a hundred on"),
        pytest.param("-1234", "USD", "-$1,234", id="the minus comes first"),
        pytest.param("12.5", "CHF", "CHF 12.50", id="a currency without a sign has its name"),
        pytest.param("99.994", "USD", "$99.99", id="cents below a hundred"),
        pytest.param("99.996", "USD", "$100", id="what rounds to a hundred has no cents"),
        pytest.param("-99.996", "USD", "-$100", id="nor below zero"),
        pytest.param("100", "USD", "$100", id="a hundred"),
        pytest.param("0", "USD", "$0.00", id="nothing"),
        pytest.param("-0.004", "USD", "$0.00", id="less than a cent is not minus nothing"),
        pytest.param("-0.006", "USD", "-$0.01", id="a cent is"),
    ],
)
def test_money_for_people(amount: str, currency: str, text: str) -> None:
    assert money_text(Decimal(amount), currency) == text


@given(amount=money)
def test_the_text_of_an_amount_and_of_its_negative_differ_by_the_sign(amount: Decimal) -> None:
    assert money_text(-abs(amount), "USD").removeprefix("-") == money_text(abs(amount), "USD")
