"""The cards of docs/rate-cards.md are sound, and the prices that the text names are theirs."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from costgate.model import RateCard
from costgate.rates.card import load
from costgate.rates.rules import clashes
from tests.rates.cards import reader

TEXT = (Path(__file__).parents[2] / "docs" / "rate-cards.md").read_text(encoding="utf-8")
CARDS = re.findall(r"^```yaml\n# ratecard.yml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
FULL, NEGOTIATED = (
    next(text for text in CARDS if word in text) for word in ("support_share_per_year", "acme-negotiated")
)  # fmt: skip


def made(text: str) -> RateCard:
    return load("card.yml", read=reader({"card.yml": text}), as_of=date(2026, 11, 23))


@pytest.mark.parametrize("text", CARDS, ids=[str(number) for number in range(len(CARDS))])
def test_a_card_to_copy_is_sound(text: str) -> None:
    assert clashes(made(text)) == ()


def test_the_prices_that_the_text_names() -> None:
    hour = made(FULL).tiers["a100"].node_hour.expected
    assert f"costs ${hour:.2f} an hour and its GPU-hour ${hour / 8 / Decimal('0.7'):.2f}" in TEXT


NAMED = [
    ("p5.48xlarge", "38.528"),  # 55.04 less 30 %
    ("p4d.24xlarge", "15.40"),  # 17.50 less 12 %
    ("g5.xlarge", "0.8048"),  # 1.006 less 20 %
    ("g5.12xlarge", "4.99136"),  # 5.672 less 12 %
]


@pytest.mark.parametrize(("name", "hour"), NAMED)
def test_negotiated_prices(name: str, hour: str) -> None:
    assert made(NEGOTIATED).tiers[f"aws/us-east-1/{name}"].node_hour.expected == Decimal(hour)


def test_what_is_bought_on_the_spot_market_has_its_range() -> None:
    tier = made(NEGOTIATED).tiers["aws/us-east-1/p3.8xlarge"]
    assert tier.node_hour == tier.spot
    assert not tier.node_hour.is_exact
    assert tier.on_demand == Decimal("12.24") * Decimal("0.88")
