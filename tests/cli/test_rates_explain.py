"""`costgate rates explain`: a derivation that a controller can check with a calculator, down to the last line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from costgate.shipped import policies_folder
from tests.cli.test_rates import CARD
from tests.run import Runner
from tests.support import dedent

AS_OF = ("--as-of", "2026-11-23")
Golden = Callable[[str, str], None]
EXAMPLE = "fully-loaded.yml"
ODD = """
    version: 1
    name: odd
    currency: EUR
    as_of: 2026-10-01
    extends: [aws]
    fx: {USD: 0.9}
    tiers:
      new:
        node: {gpus: 8, gpu_model: NVIDIA-A100-SXM4-80GB, cpus: 96}
        owned: {purchase_price: 120000, useful_life_months: 36, in_service: 2027-01-01}
        basis: utilised
      old:
        node: {gpus: 1, gpu_model: A100}
        owned: {purchase_price: 9000, useful_life_months: 36, in_service: 2023-11-01, staff_per_hour: 0.5}
        basis: requested
      dear: {node: {gpus: 8, gpu_model: A10G, cpus: 96, memory_gib: 512}, hourly: 99.5, split: dominant}
      idle:
        node: {gpus: 8, gpu_model: H100-80GB, cpus: 192}
        leased: {per_month: 21000, power_kw: 10, idle_power_kw: 3, electricity_per_kwh: 0.3}
        planned_utilization: 0.65
      memory: {node: {memory_gib: 512}, hourly: 2}
      p3.8xlarge: {cloud: {spot: 2.5}}
      volta: {node: {gpus: 4, gpu_model: V100-16GB}, hourly: 2}
      weighed: {node: {gpus: 4, gpu_model: V100-16GB, cpus: 32}, hourly: 2, split: {gpu: 0.8, cpu: 0.2}}
      neuron: {node: {trainium: 16, cpus: 128}, hourly: 10}
"""
UNITS = """
    version: 1
    name: units
    currency: USD
    as_of: 2026-10-01
    tiers:
      sum:
        node: {gpus: 1000000, cpus: 30000000, memory_gib: 200000000}
        hourly: 3000000
        split: {gpu: 0.3, cpu: 0.3, memory: 0.4}
        match: [{queue: gpu}]
      dearest: {node: {gpus: 1000000, cpus: 10000000}, hourly: 2000000, split: dominant}
    default_tier: {cpu: sum}
"""
SHIPPED = ["a100", "h100", "spot", "cheap", "desk", "p3.8xlarge", "trn1.32xlarge", "inf2.48xlarge", "c5.large"]
TIERS = [
    *(("ratecard.yml", name) for name in SHIPPED),
    *((EXAMPLE, name) for name in ("a100", "h100", "cpu", "p4d.24xlarge")),
    *(("odd.yml", name) for name in ("new", "old", "dear", "idle", "memory", "volta", "weighed", "neuron")),
]
NAMES = [f"{Path(card).stem}-{name}" for card, name in TIERS]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ratecard.yml").write_text(dedent(CARD))
    (tmp_path / EXAMPLE).write_text((policies_folder() / "rate-cards" / EXAMPLE).read_text())
    (tmp_path / "odd.yml").write_text(dedent(ODD))
    (tmp_path / "costgate.yml").write_text("version: 1\nrate_card: ratecard.yml\n")
    return tmp_path


def explained(runner: Runner, folder: Path, card: str, name: str, *more: str) -> str:
    result = runner("rates", "explain", name, "--rate-card", card, *(more or AS_OF), cwd=folder)
    assert (result.code, result.err) == (0, "")
    return result.out


@pytest.mark.parametrize(("card", "name"), TIERS, ids=NAMES)
def test_explain_derives_a_price(folder: Path, runner: Runner, golden: Golden, card: str, name: str) -> None:
    prefix = "" if card == "ratecard.yml" else f"{Path(card).stem}_"
    golden(f"rates/explain_{prefix}{name}.txt", explained(runner, folder, card, name))


@pytest.mark.parametrize("name", ["sum", "dearest"])
def test_prices_of_units_stand_for_themselves(tmp_path: Path, runner: Runner, golden: Golden, name: str) -> None:
    (tmp_path / "units.yml").write_text(dedent(UNITS))
    golden(f"rates/explain_units_{name}.txt", explained(runner, tmp_path, "units.yml", name))
    found = json.loads(explained(runner, tmp_path, "units.yml", name, *AS_OF, "--output", "json"))
    assert (found["by_utilization"], found["break_even"], found["over_recovery"]) == ([], None, None)
    shown = runner("rates", "show", "--rate-card", "units.yml", cwd=tmp_path).out
    assert [" ".join(line.split()[:6]) for line in shown.splitlines()[1:]] == [
        "sum – $0.9000 $0.0300 $0.0060 no",
        "dearest – $2.0000 $0.2000 – no",
    ]


# What is shown can be calculated from what is shown

AMOUNT = r"-?[$€][\d,.]+"
EQUATION = re.compile(rf"(?P<terms>(?:\([\d.+ ]+\) × )?{AMOUNT}(?: [÷×] [\d,.]+)*) = (?P<result>{AMOUNT})")
EVEN = re.compile(r"break-even at (?P<result>[\d.]+) % utilization = (?P<terms>.*?\)), above")
ROW = re.compile(rf"^ +(?P<share>\d+) % +(?P<result>{AMOUNT})", re.MULTILINE)
OF_USE = re.compile(r"^an? [\w-]+ of use(?:, [a-z ]+)?: (?P<terms>.*)$", re.MULTILINE)


def value(terms: str) -> Decimal:
    """What a calculator says."""
    typed = re.sub(r"[$€,]", "", terms).replace("÷", "/").replace("×", "*").replace("−", "-")
    numbers = re.sub(r"[\d.]+", lambda found: f"Decimal('{found.group()}')", typed)
    return Decimal(eval(numbers, {"Decimal": Decimal}))  # only what our own pattern let through


def close(result: str, terms: str) -> bool:
    """Equal to the last digit that is shown; a hair more, since the operands are rounded too."""
    shown = Decimal(re.sub(r"[$€,]", "", result))
    exponent = shown.as_tuple().exponent
    assert isinstance(exponent, int)
    return abs(value(terms) - shown) <= Decimal(1).scaleb(exponent) / 2 + Decimal("0.000002")


@pytest.mark.parametrize(("card", "name"), TIERS, ids=NAMES)
def test_every_result_is_that_of_the_numbers_beside_it(folder: Path, runner: Runner, card: str, name: str) -> None:
    out = explained(runner, folder, card, name)
    equations, evens = list(EQUATION.finditer(out)), list(EVEN.finditer(out))
    assert len(equations) + len(evens) == len(re.findall(" = [$€]|utilization = ", out)) > 0
    assert all(close(found["result"], found["terms"]) for found in equations)
    for found in evens:
        assert abs(value(found["terms"]) * 100 - Decimal(found["result"])) <= Decimal("0.0501")
    of_use = OF_USE.search(out)
    rows = list(ROW.finditer(out))
    assert len(rows) == (7 if of_use else 0)
    for row in rows:
        assert of_use
        assert close(row["result"], of_use["terms"].replace("utilization", f"({row['share']} ÷ 100)"))


@pytest.mark.parametrize(("card", "name"), TIERS, ids=NAMES)
def test_the_lines_add_up_to_the_node_hour(folder: Path, runner: Runner, card: str, name: str) -> None:
    table = explained(runner, folder, card, name).split("\n\n")[1]
    amounts = [
        Decimal(re.sub(r"[$€,]", "", found)) for found in re.findall(AMOUNT + r"(?=  | *$)", table, re.MULTILINE)
    ]
    assert abs(sum(amounts[:-1]) - amounts[-1]) <= Decimal("0.0000005") * len(amounts)


def test_the_fully_loaded_example_is_twice_the_plain_formula(folder: Path, runner: Runner) -> None:
    """7.78 a node-hour and 1.39 a GPU-hour at 70 %, against 5.54 and 0.69."""
    found = json.loads(explained(runner, folder, EXAMPLE, "a100", "--output", "json"))
    assert round(Decimal(found["node_hour"]["expected"]), 2) == Decimal("7.78")
    assert round(Decimal(found["prices"][0]["unit_price"]["expected"]), 2) == Decimal("1.39")


def test_a_life_that_is_over_while_the_card_still_charges_it_is_a_warning(folder: Path, runner: Runner) -> None:
    over = "warning: written off since 2026-11-01, but the card in force is of 2026-10-01"
    assert over in explained(runner, folder, "odd.yml", "old", "--as-of", "2026-11-01")
    assert "warning" not in explained(runner, folder, "odd.yml", "old", "--as-of", "2026-10-31")


@pytest.mark.parametrize(("card", "name"), TIERS, ids=NAMES)
def test_json_has_the_same_numbers_exactly(folder: Path, runner: Runner, card: str, name: str) -> None:
    found = json.loads(explained(runner, folder, card, name, *AS_OF, "--output", "json"))
    parts = [Decimal(part["amount"]) for part in found["components"]]
    assert sum(parts) == Decimal(found["node_hour"]["expected"])
    text = explained(runner, folder, card, name)
    assert "a node-hour" in text
    assert ("no break-even:" in text.split("compared with")[0]) == bool(
        found["break_even"] and found["break_even"]["tier"] is None
    )


def test_json_is_stable(folder: Path, runner: Runner, golden: Golden) -> None:
    golden("rates/explain_odd_idle.json", explained(runner, folder, "odd.yml", "idle", *AS_OF, "--output", "json"))


def test_explain_of_an_unknown_tier_names_the_nearest(folder: Path, runner: Runner) -> None:
    result = runner("rates", "explain", "a10", cwd=folder)
    assert result.code == 2
    assert result.err == "the rate card 'acme-2026q4' has no tier 'a10'\nhelp: did you mean 'a100'?\n"


def test_explain_of_two_regions_asks_which(folder: Path, runner: Runner) -> None:
    result = runner("rates", "explain", "n2-standard-8", cwd=folder)
    assert result.code == 2
    assert "write one of gcp/us-central1/n2-standard-8, gcp/europe-west4/n2-standard-8" in result.err
