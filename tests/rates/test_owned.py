"""The arithmetic of owned and leased nodes, against numbers worked out by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costgate.model import Component, Location
from costgate.rates.owned import annuity, components, leased, plain

ARTICLE = {
    "purchase_price": "120000",
    "useful_life_months": "36",
    "power_kw": "6.5",
    "pue": "1.4",
    "electricity_per_kwh": "0.08",
    "facility_per_hour": "0.25",
}


def made(numbers: dict[str, str]) -> dict[str, Component]:
    lines = list(numbers)

    def where(key: str) -> Location:
        return Location(path="card.yml", line=lines.index(key) + 1)

    return {part.name: part for part in components({key: Decimal(value) for key, value in numbers.items()}, where)}


def total(numbers: dict[str, str]) -> Decimal:
    return sum((part.amount for part in made(numbers).values()), Decimal(0))


def test_the_plain_formula_gives_the_published_rate() -> None:
    parts = made(ARTICLE)
    assert round(parts["amortisation"].amount, 4) == Decimal("4.5662")
    assert parts["power"].amount == Decimal("0.728")
    assert round(total(ARTICLE), 4) == Decimal("5.5442")
    assert round(total(ARTICLE) / 8, 7) == Decimal("0.6930263")


def test_a_fully_loaded_rate_is_about_twice_the_plain_one() -> None:
    """120,000 with 12 % network and 6 % spares, 15 % residual, 8 % capital, 8 % support, 0.35 staff, used to 70 %."""
    full = ARTICLE | {
        "purchase_price": "141600",
        "residual_value": "21240",
        "cost_of_capital": "0.08",
        "support_per_hour": str(Decimal(9600) / 12 / 730),
        "staff_per_hour": "0.35",
    }
    parts = made(full)
    assert round(parts["amortisation"].amount + parts["cost of capital"].amount, 2) == Decimal("5.36")
    assert round(total(full), 1) == Decimal("7.8")
    assert round(total(full) / 8 / Decimal("0.7"), 2) == Decimal("1.39")


FORMULAS = [
    pytest.param(ARTICLE, "amortisation", "120,000 ÷ (36 × 730)", id="straight line"),
    pytest.param(
        ARTICLE | {"residual_value": "12000"}, "amortisation", "(120,000 − 12,000) ÷ (36 × 730)", id="with a residual"
    ),
    pytest.param(ARTICLE | {"residual_value": "0"}, "amortisation", "120,000 ÷ (36 × 730)", id="a residual of nothing"),
    pytest.param(
        ARTICLE | {"cost_of_capital": "0.08"},
        "cost of capital",
        "(120,000 − 0 × (1 + 0.08 ÷ 12)^−36) × 0.08 ÷ 12 ÷ (1 − (1 + 0.08 ÷ 12)^−36) ÷ 730 − amortisation",
        id="an annuity",
    ),
    pytest.param(ARTICLE | {"cost_of_capital": "0"}, "cost of capital", "0 % a year", id="capital for nothing"),
    pytest.param(ARTICLE, "power", "6.5 kW × 1.4 × 0.08", id="power"),
    pytest.param(
        {"power_kw": "6.5", "electricity_per_kwh": "0.10"}, "power", "6.5 kW × 1 × 0.1", id="power without pue"
    ),
    pytest.param(ARTICLE, "facility", "0.25 an hour", id="an hourly cost"),
]


@pytest.mark.parametrize(("numbers", "name", "formula"), FORMULAS)
def test_a_component_shows_its_formula(numbers: dict[str, str], name: str, formula: str) -> None:
    part = made(numbers)[name]
    assert part.formula == formula
    assert not part.missing
    assert part.location is not None


MISSING = [
    pytest.param({"facility_per_hour": "1"}, "amortisation", "purchase_price is not given", id="no purchase"),
    pytest.param(ARTICLE, "cost of capital", "cost_of_capital is not given", id="no cost of capital"),
    pytest.param(
        {"cost_of_capital": "0.08"}, "cost of capital", "purchase_price is not given", id="capital of nothing"
    ),
    pytest.param({"power_kw": "6.5"}, "power", "electricity_per_kwh is not given", id="power at no price"),
    pytest.param({"electricity_per_kwh": "0.08"}, "power", "power_kw is not given", id="electricity for nothing"),
    pytest.param(ARTICLE, "staff", "staff_per_hour is not given", id="no staff"),
    pytest.param(ARTICLE, "support", "support_per_hour is not given", id="no support"),
]


@pytest.mark.parametrize(("numbers", "name", "formula"), MISSING)
def test_what_is_omitted_is_nothing_and_listed(numbers: dict[str, str], name: str, formula: str) -> None:
    part = made(numbers)[name]
    assert (part.amount, part.formula, part.location, part.missing) == (0, formula, None, True)


def test_components_point_to_the_lines_of_their_numbers() -> None:
    assert [str(part.location) for part in made(ARTICLE).values() if part.location] == [
        "card.yml:1:1",
        "card.yml:3:1",
        "card.yml:6:1",
    ]


def test_a_lease_is_spread_over_730_hours() -> None:
    (part,) = leased(Decimal(21000), Location(path="card.yml"))
    assert round(part.amount, 4) == Decimal("28.7671")
    assert part.formula == "21,000 ÷ 730"


NUMBERS = [("120000", "120,000"), ("1.10", "1.1"), ("0.08", "0.08"), ("1E+3", "1,000"), ("0", "0")]


@pytest.mark.parametrize(("value", "text"), NUMBERS)
def test_numbers_are_written_as_people_do(value: str, text: str) -> None:
    assert plain(Decimal(value)) == text


def test_an_interest_too_small_to_see_is_none() -> None:
    assert annuity(Decimal(3600), Decimal(0), Decimal("1e-40"), Decimal(36)) == 100


PRICES = st.decimals(min_value=1, max_value=10**6, places=2)
SHARES = st.decimals(min_value=0, max_value=1, places=3)


@given(
    price=PRICES, share=SHARES, yearly=st.decimals(min_value="0.001", max_value=1, places=3), months=st.integers(1, 120)
)
def test_capital_never_comes_cheaper_than_for_nothing(
    price: Decimal, share: Decimal, yearly: Decimal, months: int
) -> None:
    residual = price * share
    straight = (price - residual) / months
    assert annuity(price, residual, yearly, Decimal(months)) >= straight * (1 - Decimal("1e-20"))


@given(price=PRICES, yearly=st.decimals(min_value="0.001", max_value=1, places=3), months=st.integers(1, 120))
def test_an_annuity_pays_back_price_and_interest(price: Decimal, yearly: Decimal, months: int) -> None:
    payment, debt = annuity(price, Decimal(0), yearly, Decimal(months)), price
    for _ in range(months):
        debt = debt * (1 + yearly / 12) - payment
    assert abs(debt) < Decimal("1e-6") * max(price, payment)
