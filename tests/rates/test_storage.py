"""Disks of tasks: part of the node, or a kind of storage with a price of its own; never both."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costgate.model import NotBilled, Quote, RateCard, Tier, Unpriced
from costgate.rates.match import quote
from costgate.units import terabytes
from tests.rates.cards import HEAD, STEP, card, refused, resources, unresolved

TIERS = """\
tiers:
  a100: {node: {gpus: 8}, hourly: 8%s}
  market: {node: {gpus: 4}, cloud: {on_demand: 12, spot: 2}, match: [{queue: market}]}
default_tier: {gpu: a100}
storage: {fast: {per_tb_month: 73}, slow: {per_tb_month: 7.3}}
"""


def priced(rates: RateCard, **said: Any) -> Quote | NotBilled | Unpriced:
    return quote(rates, resources(**{"gpu": 1, "disk_mb": 500000, **said}), deployment="d", step="s", location=STEP)


def rate_of(rates: RateCard, **said: Any) -> tuple[str, str, Decimal, Decimal] | None:
    """SKU, unit, quantity an hour and price of the disk."""
    found = priced(rates, **said)
    assert isinstance(found, Quote), found
    disks = [rate for rate in found.rates if rate.unit == "TB-Months"]
    assert len(found.rates) == 1 + len(disks)
    return next(((r.sku, r.unit, r.quantity, r.unit_price.expected) for r in disks), None)


def made(tier: str = "", top: str = "") -> RateCard:
    return card(TIERS % (f", disk_storage: {tier}" if tier else "") + top)


WHERE = [
    pytest.param("", "", None, id="part of the node"),
    pytest.param("", "disk_storage: fast", ("fast", 73), id="on every tier"),
    pytest.param("slow", "", ("slow", "7.3"), id="on this tier"),
    pytest.param("slow", "disk_storage: fast", ("slow", "7.3"), id="the tier's own word counts"),
    pytest.param("included", "disk_storage: fast", None, id="part of this tier's node"),
    pytest.param("", "disk_storage: included", None, id="said to be part of the node"),
]


@pytest.mark.parametrize(("tier", "top", "expected"), WHERE)
def test_a_disk_finds_its_kind(tier: str, top: str, expected: tuple[str, Any] | None) -> None:
    found = rate_of(made(tier, top))
    if expected is None:
        assert found is None
        return
    kind, price = expected
    assert found == (f"{kind} TB-month", "TB-Months", Decimal("0.5") / 730, Decimal(price))


@pytest.mark.parametrize("disk", [None, 0])
def test_no_disk_costs_nothing(disk: int | None) -> None:
    assert rate_of(made(top="disk_storage: fast"), disk_mb=disk) is None


def test_an_unknown_disk_matters_where_disks_have_a_price() -> None:
    found = priced(made(top="disk_storage: fast"), disk_mb=unresolved("cfg.disk"))
    assert isinstance(found, Unpriced)
    assert found.reason == "disk_mb is unknown: `cfg.disk`: it is computed at run time"
    assert isinstance(priced(made(), disk_mb=unresolved()), Quote)


def test_a_disk_costs_the_same_on_every_market() -> None:
    found = priced(made(top="disk_storage: fast"), queue="market")
    assert isinstance(found, Quote)
    assert found.rates[1:] == found.on_demand_rates[1:] == found.spot_rates[1:]
    assert [rate.unit for rate in found.spot_rates] == ["GPU-Hours", "TB-Months"]


UNITS = [("kubernetes", 1_000_000, 1), ("other", 1_000_000, "1.048576")]


@pytest.mark.parametrize(("compute", "disk", "expected"), UNITS)
def test_a_megabyte_is_that_of_memory(compute: str, disk: int, expected: Any) -> None:
    assert terabytes(disk, compute) == Decimal(expected)


BASE = f"{HEAD}{TIERS % ''}disk_storage: slow\n"


def test_the_kind_of_an_extended_card_holds_until_another_is_said() -> None:
    assert rate_of(card("extends: [base.yml]", base=BASE)) == (
        "slow TB-month",
        "TB-Months",
        Decimal("0.5") / 730,
        Decimal("7.3"),
    )
    over = card("extends: [base.yml]\nstorage: {slow: {per_tb_month: 10}}\ndisk_storage: fast", base=BASE)
    assert (over.tiers["a100"].disk_storage, over.tiers["a100"].disk_tb_month) == ("fast", 73)
    assert card("extends: [base.yml]\ndisk_storage: included", base=BASE).tiers["a100"].disk_storage is None


def test_its_price_is_converted_with_the_card() -> None:
    euro = card("extends: [base.yml]\nfx: {USD: 0.5}", head=HEAD.replace("USD", "EUR"), base=BASE)
    assert euro.tiers["a100"].disk_tb_month == Decimal("3.65")


def test_a_version_has_its_own_kind_and_price() -> None:
    text = (
        TIERS % ""
        + "versions:\n- {effective_from: 2026-10-20, disk_storage: slow, storage: {slow: {per_tb_month: 1}}}\n"
    )
    tier: Tier = card(text).tiers["a100"]
    assert (tier.disk_storage, tier.disk_tb_month) == ("slow", 1)


UNKNOWN = [
    pytest.param(
        "",
        "disk_storage: fats",
        "card.yml:10:1: there is no storage 'fats'\nhelp: did you mean 'fast'?",
        id="everywhere",
    ),
    pytest.param(
        "ssd",
        "",
        "card.yml:6:38: there is no storage 'ssd'\nhelp: add storage: {ssd: {per_tb_month: …}}",
        id="on a tier",
    ),
]


@pytest.mark.parametrize(("tier", "top", "problem"), UNKNOWN)
def test_a_kind_that_is_not_there_is_an_error(tier: str, top: str, problem: str) -> None:
    assert refused(TIERS % (f", disk_storage: {tier}" if tier else "") + top) == [problem]


@given(disk=st.integers(0, 10**9), more=st.integers(0, 10**9))
def test_a_larger_disk_never_costs_less(disk: int, more: int) -> None:
    rates = made(top="disk_storage: fast")
    small, large = (rate_of(rates, disk_mb=size) for size in (disk, disk + more))
    assert (small[2] if small else 0) <= (large[2] if large else 0)
