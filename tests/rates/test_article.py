"""Every number of the article that costgate answers, from the card that its reader would write.

Its metrics of use (70 %, 40 %, 60 %) are the meter's; they are tested there.
"""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal

import pytest

from costgate import shipped, yamlfile
from costgate.model import Tier
from costgate.rates.breakeven import by_utilization, unit
from costgate.rates.card import load
from costgate.rates.split import unit_rates
from costgate.units import HOURS_PER_MONTH
from tests.rates.cards import A100, AS_OF, card, reader

CENT, FOUR = Decimal("0.01"), Decimal("0.0001")
AWS = load("aws", read=reader({}), as_of=AS_OF)


def node(facility: str = "0.25") -> Tier:
    return card(A100.replace("facility_per_hour: 0.25", f"facility_per_hour: {facility}")).tiers["a100"]


def component(name: str) -> Decimal:
    return next(part.amount for part in node().components if part.name == name)


def gpu_hour(tier: Tier) -> Decimal:
    (price,) = unit_rates(tier)
    assert price.unit == "GPU-Hours"
    return price.unit_price.expected


def test_a_month_has_730_hours() -> None:
    assert HOURS_PER_MONTH == 730 == Decimal(8760) / 12


def test_120000_dollars_over_36_months_are_4_56_an_hour() -> None:
    assert round(component("amortisation"), 4) == Decimal("4.5662") == round(Decimal(120000) / (36 * 730), 4)
    assert component("amortisation").quantize(CENT, ROUND_FLOOR) == Decimal("4.56")  # as the article cuts it off


def test_6_5_kilowatts_at_pue_1_4_and_8_cents_are_0_73_an_hour() -> None:
    assert component("power") == Decimal("0.7280") == Decimal("6.5") * Decimal("1.4") * Decimal("0.08")
    assert round(component("power"), 2) == Decimal("0.73")


FACILITIES = [
    pytest.param("0.10", "5.3942", "0.6743", id="the article's least facility overhead"),
    pytest.param("0.25", "5.5442", "0.6930", id="in the middle"),
    pytest.param("0.40", "5.6942", "0.7118", id="its most"),
]


@pytest.mark.parametrize(("facility", "hour", "per_gpu"), FACILITIES)
def test_the_fully_loaded_rate_is_the_sum_and_per_gpu_an_eighth(facility: str, hour: str, per_gpu: str) -> None:
    tier = node(facility)
    assert tier.node_hour.expected.quantize(FOUR) == Decimal(hour)
    assert gpu_hour(tier) == tier.node_hour.expected / 8
    assert gpu_hour(tier).quantize(FOUR) == Decimal(per_gpu)


def test_rack_units_of_a_colocation_contract_lie_in_the_articles_range() -> None:
    tier = card(A100.replace("facility_per_hour: 0.25", "rack_units: 6\n          rack_unit_per_month: 25")).tiers[
        "a100"
    ]
    facility = next(part.amount for part in tier.components if part.name == "facility")
    assert facility == Decimal(150) / 730
    assert Decimal("0.10") < facility < Decimal("0.40")


def test_two_hours_on_a_p3_8xlarge_cost_about_25_dollars() -> None:
    hours = 2 * AWS.tiers["aws/us-east-1/p3.8xlarge"].node_hour.expected
    assert hours == Decimal("24.48")
    assert round(hours) == 24  # "~$25"
    assert abs(hours - 25) < 1


def test_a_90_minute_step_costs_otherwise_on_an_owned_a100_than_on_a_p4d() -> None:
    own, cloud = gpu_hour(node()), gpu_hour(AWS.tiers["aws/us-east-1/p4d.24xlarge"])
    assert (own * Decimal("1.5")).quantize(CENT) == Decimal("1.04")
    assert (cloud * Decimal("1.5")).quantize(CENT) == Decimal("4.12")


USED = {100: "0.6930", 90: "0.7700", 80: "0.8663", 70: "0.9900", 60: "1.1550", 50: "1.3861", 40: "1.7326"}


def test_what_the_article_leaves_out_a_gpu_hour_that_is_used_costs_more_the_less_are() -> None:
    counted = unit(node())
    assert counted is not None
    found = {
        int(used.utilization * 100): str(used.unit_price.quantize(FOUR)) for used in by_utilization(node(), counted)
    }
    assert found == USED


def test_the_cost_gate_doubling_the_gpus_of_500_runs_a_month() -> None:
    """(new − old GPU allocation) × runs per month × fully loaded rate, with runs of two hours."""
    added = (8 - 4) * 500 * 2 * gpu_hour(node())
    assert added.quantize(CENT) == Decimal("2772.11")


def test_finance_approves_above_5000_dollars_a_month() -> None:
    path = shipped.policy_packs()["default"]
    rules = yamlfile.load(path.read_bytes(), path.name).data["rules"]
    assert [rule["limit"] for rule in rules if rule["rule"] == "max-monthly-increase"][:1] == [5000]
