"""What importers have in common: the card that is written, the difference to another, no surprise from any file."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costgate.errors import InputError, Problem
from costgate.model import RateCard
from costgate.rates.card import load
from costgate.rates.importers import IMPORTERS, written
from costgate.rates.importers.difference import compare
from costgate.rates.importers.machines import first_region, shipped
from costgate.rates.importers.values import Imported, RefusedError, day, hourly, number
from tests.rates.cards import card as card_of
from tests.rates.importers.reading import AS_OF, DATA, card, read

FILES = {
    "aws": DATA / "aws.csv",
    "azure": DATA / "azure.json",
    "gcp": DATA / "gcp.json",
    "skypilot": DATA / "skypilot" / "aws" / "vms.csv",
    "opencost": DATA / "opencost.json",
    "slurm": DATA / "slurm.conf",
}
Golden = Callable[[str, str], None]


def test_there_is_a_file_for_each_importer() -> None:
    assert FILES.keys() == IMPORTERS.keys()


@pytest.mark.parametrize("kind", FILES)
def test_the_written_card_is_golden_and_read_alike_in_both_forms(kind: str, golden: Golden) -> None:
    found = read(kind, FILES[kind], price_per_billing_unit=Decimal("0.012"))
    made = card(found.imported)
    golden(f"rates/import_{kind}.yml", written.as_yaml(made))
    golden(f"rates/import_{kind}.json", written.as_json(made))
    cards = [
        load(f"card.{form}", read={f"card.{form}": text.encode()}.__getitem__, as_of=AS_OF)
        for form, text in (("yml", written.as_yaml(made)), ("json", written.as_json(made)))
    ]
    facts = [[(t.name, t.node, t.node_hour, t.spot, t.split, t.match) for t in c.tiers.values()] for c in cards]
    assert facts[0] == facts[1]
    assert [tier.name for tier in cards[0].tiers.values()] == list(found.imported.tiers)
    assert all(tier.node_hour.low > 0 for tier in cards[0].tiers.values())


def test_words_that_yaml_would_misread_are_quoted() -> None:
    node = {"gpus": 1, "gpu_model": "no"}
    tiers = {"off": {"node": node, "hourly": Decimal("1E+3"), "match": [{"node_selector": {"12": "a: b", "ä": "y"}}]}}
    made = card(Imported(tiers=tiers, source="x"), name="null", source="a\u2028\nb: [", command="costgate \x1b[31m\n#")
    text = written.as_yaml(made)
    found = load("c.yml", read={"c.yml": text.encode()}.__getitem__, as_of=AS_OF)
    assert found.name == "null"
    assert found.tiers["off"].node.gpu_model == "no"
    assert found.tiers["off"].match == ({"node_selector": {"12": "a: b", "ä": "y"}},)
    assert text.splitlines()[:2] == ["# Imported from a??b: [, prices of 2026-10-01:", "#   costgate ?[31m?#"]


def cards(before: str, after: str) -> tuple[RateCard, RateCard]:
    return card_of(f"tiers:\n{before}"), card_of(f"tiers:\n{after}")


def test_the_difference_of_two_cards() -> None:
    before, after = cards(
        """
          gone: {node: {cpus: 1}, hourly: 1}
          same: {node: {cpus: 1}, hourly: 1}
          little: {node: {cpus: 1}, hourly: 1}
          much: {node: {cpus: 1}, hourly: 1}
          node: {node: {cpus: 1, gpu_model: A}, hourly: 1}
          spot: {node: {cpus: 1}, cloud: {on_demand: 1, spot: 0.5}}
          free: {node: {cpus: 1}, hourly: 0}
        """,
        """
          new: {node: {cpus: 1}, hourly: 1}
          same: {node: {cpus: 1}, hourly: 1}
          little: {node: {cpus: 1}, hourly: 1.05}
          much: {node: {cpus: 1}, hourly: 1.06}
          node: {node: {cpus: 2}, hourly: 1}
          spot: {node: {cpus: 1}, cloud: {on_demand: 1, spot: 0.6}}
          free: {node: {cpus: 1}, hourly: 0.1}
        """,
    )
    found = compare(before, after, Decimal(5))
    assert [tier.name for tier in found.added] == ["new"]
    assert [tier.name for tier in found.removed] == ["gone"]
    assert [pair.after.name for pair in found.changed] == ["free", "much", "node", "spot"]
    assert found.changed[2].node == ("gpu_model A → –", "cpus 1 → 2")
    assert (found.within, found.same) == (1, 1)
    nothing = compare(after, after, Decimal(0))
    assert (nothing.added, nothing.removed, nothing.changed, nothing.within) == ((), (), (), 0)
    assert compare(before, after, Decimal(5), asked=lambda tier: False).removed == ()


def test_the_difference_of_prices_of_units_is_that_of_the_units() -> None:
    before, after = cards(
        """
          same: {node: {gpus: 1000000, cpus: 10000000}, hourly: 2000000, split: {gpu: 0.5, cpu: 0.5}}
          other: {node: {gpus: 1000000, cpus: 10000000}, hourly: 2000000, split: {gpu: 0.5, cpu: 0.5}}
          alone: {node: {cpus: 10000000}, hourly: 1000000}
          how: {node: {gpus: 1000000, cpus: 10000000}, hourly: 2000000, split: dominant}
        """,
        """
          same: {node: {gpus: 3000000, cpus: 30000000}, hourly: 6000000, split: {gpu: 0.5, cpu: 0.5}}
          other: {node: {gpus: 1000000, cpus: 10000000}, hourly: 2000000, split: {gpu: 0.4, cpu: 0.6}}
          alone: {node: {cpus: 10000000, memory_gib: 10000000}, hourly: 2000000, split: {cpu: 0.5, memory: 0.5}}
          how: {node: {gpus: 1000000, cpus: 10000000}, hourly: 4000000, split: {gpu: 0.5, cpu: 0.5}}
        """,
    )
    found = compare(before, after, Decimal(5))
    assert [(pair.after.name, pair.node) for pair in found.changed] == [
        ("alone", ("split dominant → weights",)),
        ("how", ("split dominant → weights",)),
        ("other", ()),
    ]
    assert found.changed[0].units == (
        ("Core-Hours", Decimal("0.1"), Decimal("0.1")),
        ("GiB-Hours", Decimal(0), Decimal("0.1")),
    )
    assert found.same == 1


def test_the_difference_of_storage() -> None:
    tiers = "a: {node: {cpus: 1}, hourly: 1}"
    before, after = cards(
        f"  {tiers}\nstorage: {{gone: {{per_tb_month: 1}}, more: {{per_tb_month: 1}}, little: {{per_tb_month: 1}}}}",
        f"  {tiers}\nstorage: {{new: {{per_tb_month: 1}}, more: {{per_tb_month: 2}}, little: {{per_tb_month: 1.01}}}}",
    )
    assert compare(before, after, Decimal(5)).storage == (
        ("gone", Decimal(1), None),
        ("more", Decimal(1), Decimal(2)),
        ("new", None, Decimal(1)),
    )


@pytest.mark.parametrize("value", ["0x10", "1_000", "١٢", "", "inf", "1" * 61, None, True, 1.5, [1], " -", "1,5"])
def test_what_is_no_number(value: Any) -> None:
    assert number(value) is None
    with pytest.raises(RefusedError, match="is no number"):
        hourly(value, "USD")


@pytest.mark.parametrize(
    ("value", "price"), [("0.10", "0.10"), (" 1 ", "1"), ("1e-3", "0.001"), (3, "3"), (Decimal("1.5"), "1.5")]
)
def test_what_is_a_price(value: Any, price: str) -> None:
    assert hourly(value, "USD") == Decimal(price)


def test_days_and_machines_that_are_not_there() -> None:
    assert day("2026-02-30") is None
    assert day("2026-02-28T10:00:00Z") == date(2026, 2, 28)
    assert shipped("nowhere") == {}
    assert first_region("nowhere") is None


KEYS = (
    *("Items", "skus", "products", "terms", "OnDemand", "attributes", "CPU", "RAM", "GPU", "pricingInfo", "category"),
    *("armSkuName", "serviceRegions", "priceDimensions", "name", "offerCode", "description", "capabilities"),
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
JSON = st.recursive(
    SCALARS | st.sampled_from(["USD", "1 Hour", "OnDemand"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=20,
)


@settings(max_examples=40)
@given(st.sampled_from(sorted(IMPORTERS)), JSON | st.text() | st.binary(), st.integers(0, 400), st.integers(0, 400))
def test_no_bytes_are_a_surprise(kind: str, content: Any, start: int, end: int) -> None:
    """Any JSON, any text, and every importer's own file with a hole in it: tiers or a clear error."""
    own = FILES[kind].read_bytes()
    text = content if isinstance(content, (str, bytes)) else json.dumps(content)
    hostile = text if isinstance(text, bytes) else text.encode()
    for data in (hostile, own[: -start or None], own[:start] + hostile + own[start + end :], own + hostile):
        if problems := surprises(kind, data):
            assert all(problem.help for problem in problems)


def surprises(kind: str, data: bytes) -> tuple[Problem, ...]:
    """What is said against a file, if anything; a card that is made of it can be read."""
    try:
        found = read(kind, data, provider="aws", price_per_billing_unit=Decimal(1))
    except InputError as error:
        return error.problems
    if found.imported.tiers:
        found.card(as_json=True)
    return ()
