"""The data that ships is found in a checkout and in a wheel."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from costgate import shipped
from costgate.rates.card import load
from costgate.rates.rules import clashes


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed costgate, as empty as can be."""
    folder = tmp_path / "lib" / "costgate"
    folder.mkdir(parents=True)
    monkeypatch.setattr(shipped, "PACKAGE", folder)
    return folder


def write(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    return path


def test_a_checkout_has_its_policies_beside_the_package(package: Path) -> None:
    strict = write(package.parent / "policies" / "strict.yml")
    assert shipped.policies_folder() == strict.parent
    assert shipped.policy_packs() == {"strict": strict}


def test_a_wheel_has_them_inside_and_looks_nowhere_else(package: Path) -> None:
    write(package.parent / "policies" / "strict.yml")
    inside = write(package / "policies" / "default.yml")
    assert shipped.policy_packs() == {"default": inside}


def test_packs_and_cards_are_sorted_and_of_one_kind(package: Path) -> None:
    for name in ("strict.yml", "advisory.yml", "README.md", "example.json"):
        write(package / "policies" / name)
    for name in ("gcp.json", "aws.json", "notes.txt"):
        write(package / "rates" / "data" / name)
    assert list(shipped.policy_packs()) == ["advisory", "strict"]
    assert list(shipped.rate_cards()) == ["aws", "gcp"]


def test_an_installation_without_data_has_none(package: Path) -> None:
    assert shipped.policy_packs() == shipped.rate_cards() == {}


def test_schemas_are_named_by_their_format(package: Path) -> None:
    assert shipped.schema("config") == package / "schemas" / "config.schema.json"


def test_this_checkout_finds_its_own_package() -> None:
    assert (shipped.PACKAGE / "shipped.py").is_file()
    assert shipped.policies_folder().name == "policies"


def test_example_rate_cards_are_sound() -> None:
    folder = shipped.policies_folder() / "rate-cards"
    cards = sorted(folder.glob("*.yml"))
    assert cards
    for path in cards:
        card = load(path.name, read=lambda name: (folder / name).read_bytes(), as_of=date(2026, 11, 23))
        assert clashes(card) == ()
        assert {tier.name for tier in card.tiers.values() if not tier.shipped} == {"a100", "h100", "cpu"}
