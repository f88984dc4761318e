"""Unit prices as a tier: each unit costs exactly its price, whatever the price; the sum and the largest alike."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costgate.rates.card import load
from costgate.rates.importers.linear import largest, summed
from costgate.rates.match import quote
from tests.rates.cards import AS_OF, STEP, resources
from tests.rates.importers.reading import units

NAMES = {"gpu": "GPU-Hours", "cpu": "Core-Hours", "memory": "GiB-Hours"}
SHORT = st.builds(lambda digits, places: Decimal(digits).scaleb(-places), st.integers(1, 999_999), st.integers(3, 7))
LONG = st.builds(
    lambda digits, places: Decimal(digits).scaleb(-places), st.integers(10**9, 10**12), st.integers(10, 12)
)


def prices(price: st.SearchStrategy[Decimal]) -> st.SearchStrategy[dict[str, Decimal]]:
    return st.dictionaries(st.sampled_from(sorted(NAMES)), price, min_size=1)


def loaded(tier: object):  # type: ignore[no-untyped-def]
    head = {"version": 1, "name": "made", "currency": "USD", "as_of": "2026-10-01"}
    text = json.dumps({**head, "tiers": {"t": tier}, "default_tier": {"gpu": "t", "cpu": "t"}}, default=float)
    return load("card.json", read={"card.json": text.encode()}.__getitem__, as_of=AS_OF)


@given(prices(SHORT))
def test_each_unit_costs_exactly_its_price(wanted: dict[str, Decimal]) -> None:
    tier = loaded(summed(wanted)).tiers["t"]
    for name, price in wanted.items():
        weight = Fraction(tier.split[name])  # type: ignore[index]
        capacity = Fraction(getattr(tier.node, {"gpu": "gpus", "cpu": "cpus", "memory": "memory_gib"}[name]))
        assert Fraction(tier.node_hour.expected) * weight / capacity == Fraction(price)


@given(prices(LONG))
def test_prices_of_many_digits_are_kept_to_fourteen(wanted: dict[str, Decimal]) -> None:
    found = units(loaded(summed(wanted)), "t")
    for name, price in wanted.items():
        assert abs(found[NAMES[name]] - price) <= price * Decimal("1e-14")


@given(prices(SHORT), st.integers(0, 64), st.integers(1, 500), st.integers(1, 4000))
def test_a_step_pays_the_sum_or_the_largest(wanted: dict[str, Decimal], gpu: int, cpu: int, gib: int) -> None:
    asked = {"gpu": gpu if "gpu" in wanted else 0, "cpu": cpu, "memory": gib}
    step = resources("batch", gpu=asked["gpu"], cpu=cpu, memory_mb=gib * 1024)
    parts = [wanted[name] * amount for name, amount in asked.items() if name in wanted and amount]
    for make, expected in ((summed, sum(parts)), (largest, max(parts, default=Decimal(0)))):
        priced = quote(loaded(make(wanted)), step, deployment="d", step="s", location=STEP)
        if parts:
            total = sum(rate.quantity * rate.unit_price.expected for rate in priced.rates)  # type: ignore[union-attr]
            assert abs(total - expected) <= expected * Decimal("1e-14")


@pytest.mark.parametrize("make", [summed, largest])
def test_prices_too_far_apart_are_refused(make: object) -> None:
    with pytest.raises(ValueError, match="too far apart"):
        make({"cpu": Decimal("1e-9"), "gpu": Decimal("9999.12345")})  # type: ignore[operator]


def test_prices_that_leave_nothing_to_the_last_are_refused() -> None:
    with pytest.raises(ValueError, match="too far apart"):
        summed({"cpu": Decimal("9999.12345678901"), "memory": Decimal("8999.12345678903"), "gpu": Decimal("1e-9")})
