"""The cards that ship: made by the script from the CSV, valid, one tier a line, quick to load."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from costgate import yamlfile
from costgate.rates.card import load
from costgate.shipped import rate_cards
from tests.rates.cards import AS_OF, reader

SCRIPTS = Path(__file__).parent.parent.parent / "scripts"
CARDS = rate_cards()


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_rate_cards", SCRIPTS / "make_rate_cards.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_cards_are_what_the_script_makes(script: ModuleType) -> None:
    made, left_out = script.make((SCRIPTS / "prices.csv").read_text(encoding="utf-8"))
    assert made == {name: path.read_text(encoding="utf-8") for name, path in CARDS.items()}
    assert left_out == {
        "no vCPUs or memory in the source": 56,
        "its GPU is missing in the source": 17,
        "a slice of a GPU": 10,
        "an accelerator that Metaflow cannot ask for": 1,
    }


def test_the_script_says_what_it_leaves_out(tmp_path: Path) -> None:
    command = [
        sys.executable,
        str(SCRIPTS / "make_rate_cards.py"),
        str(SCRIPTS / "prices.csv"),
        "--output",
        str(tmp_path),
    ]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "aws.json: 256 types" in said
    assert "left out, no vCPUs or memory in the source: 56" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["aws.json", "azure.json", "gcp.json"]


@pytest.mark.parametrize("name", CARDS)
def test_a_shipped_card_follows_the_format(name: str) -> None:
    document = yamlfile.load(CARDS[name].read_bytes(), f"{name}.json")
    yamlfile.check(document, "rate_card")
    assert document.data["name"] == name


@pytest.mark.parametrize("name", CARDS)
def test_every_shipped_price_stands_on_its_line(name: str) -> None:
    lines = CARDS[name].read_text(encoding="utf-8").splitlines()
    card = load(name, read=reader({}), as_of=AS_OF)
    assert len(card.tiers) > 60
    for tier in card.tiers.values():
        assert lines[tier.location.line - 1].startswith(f"{json.dumps(tier.name)}: ")
        assert tier.components[0].location == tier.location


@pytest.mark.parametrize("name", CARDS)
def test_every_shipped_tier_can_be_priced(name: str) -> None:
    for tier in load(name, read=reader({}), as_of=AS_OF).tiers.values():
        assert tier.node.cpus > 0
        assert tier.node.memory_gib > 0
        assert tier.node_hour.expected > 0
        assert tier.name == f"{name}/{tier.region}/{tier.instance_type}"
        assert tier.spot is None or tier.spot.low <= tier.spot.expected <= tier.spot.high == tier.on_demand


def test_prices_that_everybody_knows() -> None:
    tiers = load("aws", read=reader({}), as_of=AS_OF).tiers
    known = {"p3.8xlarge": "12.24", "p4d.24xlarge": "21.957642", "g4dn.xlarge": "0.526", "trn1.32xlarge": "21.5"}
    assert {name: str(tiers[f"aws/us-east-1/{name}"].node_hour.expected) for name in known} == known


def test_the_first_region_is_the_one_that_prices_a_guess() -> None:
    first = {name: next(iter(load(name, read=reader({}), as_of=AS_OF).tiers)).split("/")[1] for name in CARDS}
    assert first == {"aws": "us-east-1", "azure": "eastus", "gcp": "us-central1"}
