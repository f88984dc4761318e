"""Discounts for many cloud types at once: which tiers get which, and a rule that lowers nothing is an error."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from costgate.model import Component, Tier
from tests.rates.cards import card, refused

P3, P5 = "aws/us-east-1/p3.8xlarge", "aws/us-east-1/p5.48xlarge"
RULES = 'discounts: [{match: "aws/*/p5*", discount: 0.3}, {match: "aws/**", discount: 0.12}]'


def tiers(text: str, **others: str) -> dict[str, Tier]:
    return dict(card(text, **others).tiers)


def discount(tier: Tier) -> Component | None:
    return next((part for part in tier.components if part.name == "discount"), None)


def test_every_type_of_a_provider_has_the_discount() -> None:
    plain, less = tiers("extends: [aws, gcp]"), tiers(f"extends: [aws, gcp]\n{RULES}")
    for name, tier in less.items():
        off = Decimal("0.3") if "/p5" in name else Decimal("0.12") if name.startswith("aws/") else Decimal(0)
        assert tier.on_demand == plain[name].node_hour.expected * (1 - off)
        assert tier.spot == plain[name].spot  # the market's price has none


def test_the_first_rule_that_matches_counts_and_says_where_it_stands() -> None:
    tier = tiers(f"extends: [aws]\n{RULES}")[P5]
    assert [part.name for part in tier.components] == ["on-demand price", "discount"]
    off = tier.components[1]
    assert (off.amount, off.formula, str(off.location)) == (Decimal("-16.512"), "−0.3 × 55.04", "card.yml:6:13")
    assert tier.components[0].location == tier.location  # the list price, on the line of the shipped card
    assert tier.location.path == "costgate/rates/data/aws.json"


def test_a_discount_leaves_a_shipped_type_shipped_and_as_old_as_it_is() -> None:
    made = card(f"extends: [aws]\n{RULES}")
    assert made.tiers[P3].shipped
    assert made.tiers[P3].price_date == date(2026, 7, 20)
    assert made.shipped


def test_a_tier_of_the_card_itself_says_its_own() -> None:
    own = tiers(f"extends: [aws]\n{RULES}\ntiers: {{p3.8xlarge: {{cloud: {{discount: 0.5}}}}}}")[P3]
    assert own.on_demand == Decimal("6.12")
    assert str(own.components[1].location) == "card.yml:7:30"


def test_a_negotiated_price_and_a_discount_on_everything_go_together() -> None:
    own = tiers(f"extends: [aws]\n{RULES}\ntiers: {{p3.8xlarge: {{cloud: {{on_demand: 9.5, discount: 0}}}}}}")[P3]
    assert (own.on_demand, discount(own)) == (Decimal("9.5"), None)


BASE = f"""
    version: 1
    name: base
    currency: USD
    as_of: 2026-09-01
    extends: [aws]
    {RULES}
    tiers: {{p3.8xlarge: {{cloud: {{discount: 0.5}}}}}}
"""


def test_the_card_that_extends_has_the_last_word() -> None:
    made = tiers('extends: [base.yml]\ndiscounts: [{match: "*/p3.*", discount: 0.2}]', base=BASE)
    assert made[P3].on_demand == Decimal("12.24") * Decimal("0.8")
    off = discount(made[P3])
    assert off is not None
    assert str(off.location) == "card.yml:6:13"
    assert made[P5].on_demand == Decimal("55.04") * Decimal("0.7")
    assert str(made[P3].location) == "base.yml:7:9"


def test_a_version_has_discounts_of_its_own() -> None:
    text = f"""
        extends: [aws]
        {RULES}
        versions: [{{effective_from: 2025-01-01, discounts: [{{match: "*p3.8xlarge", discount: 0.25}}]}}]
    """
    then = card(text, as_of=date(2026, 1, 1)).tiers
    assert then[P3].on_demand == Decimal("9.18")
    assert then[P5].on_demand == Decimal("55.04") * Decimal("0.7")
    assert card(text).tiers[P3].on_demand == Decimal("12.24") * Decimal("0.88")


WRONG = [
    pytest.param(
        'extends: [aws]\ndiscounts: [{match: "aws/us-east-1/p3.8xlarg", discount: 0.1}]',
        "card.yml:6:13: no extended cloud tier is named 'aws/us-east-1/p3.8xlarg'\n"
        "help: did you mean 'aws/us-east-1/p3.8xlarge'?",
        id="a name",
    ),
    pytest.param(
        'extends: [aws, gcp]\ndiscounts: [{match: "amazon*", discount: 0.1}]',
        "card.yml:6:13: no extended cloud tier is named 'amazon*'\n"
        "help: discounts are for the cloud types of the cards that this one extends: 'aws/*', 'gcp/*'",
        id="a provider",
    ),
    pytest.param(
        'discounts: [{match: "*", discount: 0.1}]\ntiers: {x: {node: {cpus: 1}, cloud: {on_demand: 1}}}',
        "card.yml:5:13: no extended cloud tier is named '*'\n"
        "help: discounts are for the cloud types of the cards that this one extends: there are none",
        id="without a card below",
    ),
    pytest.param(
        'extends: [aws]\ndiscounts: [{match: "aws/*", discount: 12}]',
        "card.yml:6:40: 'discount' must be at most 1, not 12\n"
        "help: here belongs: Share off the list price as a fraction, e.g. 0.12.",
        id="percent for a share",
    ),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_a_discount_that_lowers_nothing_is_an_error(text: str, message: str) -> None:
    assert refused(text) == [message]
