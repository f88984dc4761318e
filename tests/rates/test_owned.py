"""The arithmetic of owned and leased nodes, against numbers worked out by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costgate.model import Component, Location, Tier
from costgate.rates.drafts import MONEY
from costgate.rates.owned import CAPITAL, Use, annuity, components, idle_saving, leased, life_ends, plain
from costgate.yamlfile.checked import _schema
from tests.rates.cards import HEAD, card, refused

ARTICLE = {
    "purchase_price": "120000",
    "useful_life_months": "36",
    "power_kw": "6.5",
    "pue": "1.4",
    "electricity_per_kwh": "0.08",
    "facility_per_hour": "0.25",
}

NOW = Use()


def decimals(numbers: dict[str, str]) -> dict[str, Decimal]:
    return {key: Decimal(value) for key, value in numbers.items()}


def made(numbers: dict[str, str], use: Use = NOW) -> dict[str, Component]:
    lines = [*numbers, "in_service"]

    def where(key: str) -> Location:
        return Location(path="card.yml", line=lines.index(key) + 1)

    return {part.name: part for part in components(decimals(numbers), where, use)}


def total(numbers: dict[str, str]) -> Decimal:
    return sum((part.amount for part in made(numbers).values()), Decimal(0))


def test_the_plain_formula_gives_the_published_rate() -> None:
    parts = made(ARTICLE)
    assert round(parts["amortisation"].amount, 4) == Decimal("4.5662")
    assert parts["power"].amount == Decimal("0.728")
    assert round(total(ARTICLE), 4) == Decimal("5.5442")
    assert round(total(ARTICLE) / 8, 7) == Decimal("0.6930263")


FULL = ARTICLE | {
    "residual_value": "21240",
    "network_price": "14400",
    "spares_share": "0.06",
    "cost_of_capital": "0.08",
    "support_share_per_year": "0.08",
    "staff_per_hour": "0.35",
}


def test_a_fully_loaded_rate_is_about_twice_the_plain_one() -> None:
    """120,000 with 12 % network and 6 % spares, 15 % residual, 8 % capital, 8 % support, 0.35 staff, used to 70 %."""
    parts = made(FULL)
    assert round(sum(part.amount for name, part in parts.items() if name in CAPITAL), 2) == Decimal("5.36")
    assert round(parts["support"].amount, 2) == Decimal("1.10")
    assert round(total(FULL), 2) == Decimal("7.78")
    assert round(total(FULL) / 8 / Decimal("0.7"), 2) == Decimal("1.39")


def test_network_and_spares_are_paid_as_if_they_were_part_of_the_price() -> None:
    whole = {key: value for key, value in FULL.items() if key not in ("network_price", "spares_share")}
    whole |= {"purchase_price": "141600", "support_share_per_year": str(Decimal(9600) / Decimal(141600))}
    assert abs(total(whole) - total(FULL)) < Decimal("1e-20")


FORMULAS = [
    pytest.param(ARTICLE, "amortisation", "120,000 ÷ (36 × 730)", id="straight line"),
    pytest.param(
        ARTICLE | {"residual_value": "12000"}, "amortisation", "(120,000 − 12,000) ÷ (36 × 730)", id="with a residual"
    ),
    pytest.param(ARTICLE | {"residual_value": "0"}, "amortisation", "120,000 ÷ (36 × 730)", id="a residual of nothing"),
    pytest.param(
        ARTICLE | {"cost_of_capital": "0.08"},
        "cost of capital",
        "120,000 × 0.08 ÷ 12 ÷ (1 − (1 + 0.08 ÷ 12)^−36) ÷ 730 − 120,000 ÷ (36 × 730)",
        id="an annuity",
    ),
    pytest.param(
        FULL,
        "cost of capital",
        "(141,600 − 21,240 × (1 + 0.08 ÷ 12)^−36) × 0.08 ÷ 12 ÷ (1 − (1 + 0.08 ÷ 12)^−36) ÷ 730"
        " − (141,600 − 21,240) ÷ (36 × 730)",
        id="an annuity of everything that was bought, with a residual",
    ),
    pytest.param(FULL, "network", "14,400 ÷ (36 × 730)", id="network"),
    pytest.param(FULL, "spares", "120,000 × 0.06 ÷ (36 × 730)", id="spares"),
    pytest.param(FULL, "support", "120,000 × 0.08 ÷ 12 ÷ 730", id="support by the year"),
    pytest.param({"support_per_hour": "0.1"}, "support", "0.1 an hour", id="support by the hour"),
    pytest.param({"facility_per_month": "182.5"}, "facility", "182.5 ÷ 730", id="facility by the month"),
    pytest.param(
        {"rack_units": "4", "rack_unit_per_month": "45"}, "facility", "4 rack units × 45 ÷ 730", id="rack units"
    ),
    pytest.param({"software_per_gpu_month": "30"}, "software", "30 × 8 GPUs ÷ 730", id="licences"),
    pytest.param(
        ARTICLE | {"idle_power_kw": "2"}, "power", "(2 + (6.5 − 2) × 0.7) kW × 1.4 × 0.08", id="idle and busy power"
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
    part = made(numbers, Use(gpus=Decimal(8), utilization=Decimal("0.7")))[name]
    assert part.formula == formula
    assert not part.missing
    assert part.location is not None
    # What is written can be typed into a calculator and gives the amount.
    typed = formula.replace("0 % a year", "0").replace(" an hour", "").replace(",", "").replace("^", "**")
    for words, sign in ((" kW", ""), (" GPUs", ""), (" rack units", ""), ("×", "*"), ("÷", "/"), ("−", "-")):
        typed = typed.replace(words, sign)
    assert part.amount == pytest.approx(Decimal(str(eval(typed))))


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


def test_what_only_some_nodes_have_is_not_listed_as_missing() -> None:
    assert list(made(ARTICLE)) == ["amortisation", "cost of capital", "power", "facility", "support", "staff"]


# A useful life

LIVES = [
    pytest.param(date(2025, 1, 15), 36, date(2028, 1, 15), id="three years"),
    pytest.param(date(2024, 8, 31), 6, date(2025, 2, 28), id="a month without that day"),
    pytest.param(date(2023, 8, 31), 6, date(2024, 2, 29), id="a leap year"),
    pytest.param(date(2025, 1, 31), 11, date(2025, 12, 31), id="to December"),
    pytest.param(date(2025, 12, 1), 1, date(2026, 1, 1), id="over New Year"),
    pytest.param(date(9999, 6, 1), 12, date.max, id="beyond the calendar"),
]


@pytest.mark.parametrize(("start", "months", "end"), LIVES)
def test_a_useful_life_ends_on_the_same_day_of_a_month(start: date, months: int, end: date) -> None:
    assert life_ends(start, months) == end


def test_what_is_written_off_costs_no_capital_and_says_since_when() -> None:
    parts = made(FULL, Use(written_off=date(2028, 1, 15)))
    for name in CAPITAL:
        assert (parts[name].amount, parts[name].missing) == (0, False)
        assert parts[name].formula == "0 since 2028-01-15, the end of its useful life"
        assert str(parts[name].location) == f"card.yml:{len(FULL) + 1}:1"
    running = ("power", "facility", "support", "staff")
    assert [parts[name] for name in running] == [made(FULL)[name] for name in running]


def test_a_cost_of_capital_that_was_never_said_is_still_missing_after_the_useful_life() -> None:
    assert made(ARTICLE, Use(written_off=date(2028, 1, 15)))["cost of capital"].missing


def owned(more: str, *, as_of: date = date(2026, 11, 1), head: str = HEAD) -> Tier:
    text = "tiers: {x: {node: {gpus: 8}, owned: {purchase_price: 2628, useful_life_months: 36, facility_per_hour: 1, "
    (tier,) = card(f"{text}{more}}}}}}}", as_of=as_of, head=head).tiers.values()
    return tier


DAYS = [
    pytest.param("2023-10-02", "1.1", id="on its last day"),
    pytest.param("2023-10-01", "1", id="on the day after"),
    pytest.param("2027-01-01", "1.1", id="before it is in service"),
]


@pytest.mark.parametrize(("day", "price"), DAYS)
def test_the_day_of_the_card_in_force_decides(day: str, price: str) -> None:
    tier = owned(f"in_service: {day}")
    assert tier.node_hour.expected == Decimal(price)
    assert tier.in_service == date.fromisoformat(day)
    assert tier.life_ends == life_ends(date.fromisoformat(day), 36)


def test_a_version_in_force_later_writes_off() -> None:
    text = """
        tiers:
          x:
            node: {gpus: 8}
            owned: {purchase_price: 2628, useful_life_months: 36, in_service: 2024-01-01, staff_per_hour: 1}
        versions: [{effective_from: 2027-01-01}]
    """
    assert card(text, as_of=date(2026, 12, 31)).tiers["x"].node_hour.expected == Decimal("1.1")
    assert card(text, as_of=date(2027, 6, 1)).tiers["x"].node_hour.expected == 1


def test_without_a_first_day_a_useful_life_never_ends() -> None:
    tier = owned("", as_of=date(2099, 1, 1))
    assert (tier.node_hour.expected, tier.in_service, tier.life_ends) == (Decimal("1.1"), None, None)


# Leases and idle power


def leased_parts(numbers: dict[str, str]) -> tuple[Component, ...]:
    use = Use(gpus=Decimal(8), utilization=Decimal("0.5"))
    return leased(decimals(numbers), lambda key: Location(path="card.yml", line=list(numbers).index(key) + 1), use)


def test_a_lease_is_spread_over_730_hours() -> None:
    (part,) = leased_parts({"per_month": "21000"})
    assert round(part.amount, 4) == Decimal("28.7671")
    assert part.formula == "21,000 ÷ 730"


def test_a_lease_has_the_running_costs_that_are_given() -> None:
    numbers = {"per_month": "21900", "power_kw": "10", "idle_power_kw": "2", "electricity_per_kwh": "0.1"}
    numbers |= {"facility_per_month": "73", "software_per_gpu_month": "36.5"}
    parts = leased_parts(numbers)
    assert [(part.name, part.amount) for part in parts] == [
        ("lease", 30),
        ("power", Decimal("0.6")),
        ("facility", Decimal("0.1")),
        ("software", Decimal("0.4")),
    ]
    assert idle_saving(decimals(numbers)) == Decimal("0.8")


@pytest.mark.parametrize(
    ("numbers", "wrong", "hint"),
    [
        ("power_kw: 10", "a power_kw without electricity_per_kwh", "its price, e.g. electricity_per_kwh: 0.08"),
        (
            "electricity_per_kwh: 0.1",
            "an electricity_per_kwh without power_kw",
            "what a node draws, e.g. power_kw: 6.5",
        ),
        ("pue: 1.4", "a pue without power_kw", "what a node draws, e.g. power_kw: 6.5"),
    ],
)
def test_power_beside_a_lease_is_said_whole(numbers: str, wrong: str, hint: str) -> None:
    assert refused(f"tiers: {{x: {{node: {{gpus: 1}}, leased: {{per_month: 1, {numbers}}}}}}}") == [
        f"card.yml:5:53: tier 'x' has {wrong}\nhelp: add {hint}, if the lease has no power"
    ]


def test_only_idle_power_makes_an_idle_hour_cheaper() -> None:
    assert idle_saving(decimals(ARTICLE)) == 0
    assert idle_saving(decimals(ARTICLE | {"idle_power_kw": "2"})) == Decimal("0.504")
    tier = owned("power_kw: 10, idle_power_kw: 5, electricity_per_kwh: 0.1")
    assert (tier.node_hour.expected, tier.idle_saving) == (Decimal("2.1"), Decimal("0.5"))


def test_every_amount_of_money_is_converted_with_the_card() -> None:
    tier = _schema("rate_card")["$defs"]["tier"]["properties"]
    quantities = {
        "useful_life_months", "in_service", "spares_share", "cost_of_capital", "power_kw", "idle_power_kw", "pue",
        "rack_units", "support_share_per_year",
    }  # fmt: skip
    assert (tier["owned"]["properties"].keys() | tier["leased"]["properties"].keys()) - quantities <= MONEY
    names = {"provider", "region", "purchase", "discount"}
    assert tier["cloud"]["properties"].keys() - names == {"on_demand", "spot"} <= MONEY


# What makes no sense

WRONG = [
    pytest.param(
        "facility_per_hour: 1, facility_per_month: 2",
        "card.yml:5:60: tier 'x' says one cost twice: facility_per_hour (card.yml:5) and "
        "facility_per_month (card.yml:5)\nhelp: keep one of them",
        id="two prices of the facility",
    ),
    pytest.param(
        "facility_per_month: 2, rack_units: 4, rack_unit_per_month: 25",
        "card.yml:5:61: tier 'x' says one cost twice: facility_per_month (card.yml:5) and rack_units (card.yml:5)"
        "\nhelp: keep one of them",
        id="a facility and rack units",
    ),
    pytest.param(
        "purchase_price: 1, useful_life_months: 1, support_per_hour: 1, support_share_per_year: 0.1",
        "card.yml:5:101: tier 'x' says one cost twice: support_per_hour (card.yml:5) and "
        "support_share_per_year (card.yml:5)\nhelp: keep one of them",
        id="support twice",
    ),
    pytest.param(
        "rack_units: 4",
        "card.yml:5:38: tier 'x' has a rack_units without rack_unit_per_month\n"
        "help: add what one costs, e.g. rack_unit_per_month: 25",
        id="rack units without a price",
    ),
    pytest.param(
        "rack_unit_per_month: 4",
        "card.yml:5:38: tier 'x' has a rack_unit_per_month without rack_units\n"
        "help: add how many a node takes, e.g. rack_units: 4",
        id="a price of no rack units",
    ),
    pytest.param(
        "spares_share: 0.1",
        "card.yml:5:38: tier 'x' has a spares_share without purchase_price\n"
        "help: it is a share of the purchase_price: add that",
        id="a share of no price",
    ),
    pytest.param(
        "in_service: 2026-01-01, staff_per_hour: 1",
        "card.yml:5:38: tier 'x' has an in_service without purchase_price\n"
        "help: it begins the useful life of what was bought: add its purchase_price",
        id="a life of nothing",
    ),
    pytest.param(
        "idle_power_kw: 1",
        "card.yml:5:38: tier 'x' has an idle_power_kw without power_kw\n"
        "help: add what a busy node draws, e.g. power_kw: 6.5",
        id="idle power alone",
    ),
    pytest.param(
        "idle_power_kw: 7, power_kw: 6",
        "card.yml:5:38: tier 'x' draws more power idle than busy\n"
        "help: power_kw is what a busy node draws, idle_power_kw what it draws at rest",
        id="idle above busy",
    ),
    pytest.param(
        "purchase_price: 1, useful_life_months: 1, in_service: 2026-02-30",
        "card.yml:5:80: tier 'x' is in service from '2026-02-30', which is not a day\nhelp: write it as 2026-10-01",
        id="a day that never was",
    ),
    pytest.param(
        "purchase_price: 1, useful_life_months: 1.5, in_service: 2026-02-03",
        "card.yml:5:57: tier 'x' is used for 1.5 months\nhelp: with in_service a useful life is whole months, e.g. 36",
        id="half a month of life",
    ),
    pytest.param(
        "purchase_price: 1, useful_life_months: 1, in_service: 2026-02-03",
        "card.yml:5:80: tier 'x' costs nothing since 2026-03-03, the end of its useful life\n"
        "help: add what running it costs, e.g. power_kw and electricity_per_kwh, or delete in_service",
        id="written off and free",
    ),
    pytest.param(
        "spares_share: 6, purchase_price: 1, useful_life_months: 1",
        "card.yml:5:52: 'spares_share' must be at most 1, not 6\n"
        "help: here belongs: Spare parts as a fraction of purchase_price, e.g. 0.06; amortised with the node.",
        id="percent for a share",
    ),
]


@pytest.mark.parametrize(("numbers", "message"), WRONG)
def test_numbers_that_make_no_sense_together_say_so(numbers: str, message: str) -> None:
    assert refused(f"tiers: {{x: {{node: {{gpus: 1}}, owned: {{{numbers}}}}}}}") == [message]


def test_licences_by_the_gpu_need_gpus() -> None:
    (problem,) = refused("tiers: {x: {node: {cpus: 1}, leased: {per_month: 1, software_per_gpu_month: 1}}}")
    assert problem == (
        "card.yml:5:53: tier 'x' pays software by the GPU and has none\n"
        "help: add node.gpus, or say staff_per_hour or support_per_hour instead"
    )


def test_running_costs_are_no_lease() -> None:
    assert refused("tiers: {x: {node: {cpus: 1}, leased: {staff_per_hour: 1}}}") == [
        "card.yml:5:30: tier 'x' has no leased.per_month\nhelp: add per_month"
    ]


# Numbers and laws

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
