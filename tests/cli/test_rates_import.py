"""`costgate rates import` and `export` as a person uses them."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from costgate.cli.rates import imports
from costgate.rates.importers import IMPORTERS
from tests.run import Runner

DATA = Path(__file__).parent.parent / "data" / "importers"
AS_OF = ("--as-of", "2026-10-01")
Golden = Callable[[str, str], None]


def spaced(text: str) -> str:
    """With single blanks."""
    return re.sub(" +", " ", text)


def drained(terminal: int) -> str:
    """Everything that was written to a terminal whose other end is closed: Linux ends it with an error."""
    parts = []
    with contextlib.suppress(OSError):
        while part := os.read(terminal, 2**16):
            parts.append(part)
    os.close(terminal)
    return b"".join(parts).decode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(DATA, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_a_card_is_printed_and_everything_else_said_beside_it(folder: Path, runner: Runner, golden: Golden) -> None:
    result = runner("rates", "import", "aws", "aws.csv", "--region", "us-east-1", cwd=folder)
    assert result.code == 0
    golden("rates/import_aws_stdout.yml", result.out)
    golden("rates/import_aws_stderr.txt", result.err)


def test_a_card_replaces_another_and_the_difference_is_shown(folder: Path, runner: Runner, golden: Golden) -> None:
    old = ("rates", "import", "aws", "aws.csv", "--output-file", "card.yml", "--name", "ours")
    assert runner(*old, cwd=folder).code == 0
    text = (folder / "aws.csv").read_text()
    text = text.replace("12.2400000000", "13.0000000000").replace('"0.0850000000"', '"0.0860000000"')
    text = text.replace("trn1.32xlarge", "trn1n.32xlarge").replace("2026-09-18", "2026-10-18")
    (folder / "new.csv").write_text(text)
    new = ("rates", "import", "aws", "new.csv", "-f", "card.yml", "--against", "card.yml", "--region", "us-east-1")
    result = runner(*new, cwd=folder)
    assert (result.code, result.err) == (0, "")
    golden("rates/import_difference.txt", result.out)
    assert "on_demand: 13}" in (folder / "card.yml").read_text()
    assert stat.S_IMODE((folder / "card.yml").stat().st_mode) == 0o644
    same = runner(*new, "--threshold", "0", cwd=folder).out
    assert "0 added, 0 removed, 0 changed by more than 0 %,\n0 changed by less, 9 the same\n" in same
    assert same.endswith("the same\n")


def test_spot_prices_and_currencies_differ(folder: Path, runner: Runner) -> None:
    args = ("rates", "import", "azure", "azure.json", *AS_OF, "--region", "eastus", "--against", "azure")
    said = spaced(runner(*args, cwd=folder).err)
    assert "Standard_NC24ads_A100_v4 $3.6730 $3.6730 ±0 % spot none → $0.7346" in said
    euro = spaced(runner(*args, "--currency", "EUR", cwd=folder).err)
    assert "the prices are not comparable: USD before, EUR after" in euro
    assert "changed azure/eastus/Standard_D8s_v5 $0.3840 €0.3500" in euro


def test_prices_of_units_differ_by_the_unit(folder: Path, runner: Runner, golden: Golden) -> None:
    prices = '{"CPU": "0.031611", "RAM": "0.004237", "GPU": "0.95", "spotCPU": "0.0066", "storage": "0.00005"}'
    (folder / "old.json").write_text(prices)
    (folder / "new.json").write_text(prices.replace("0.95", "0.9").replace("0.00005", "0.00008").replace("spot", "no"))
    new = ("rates", "import", "opencost", "new.json", *AS_OF, "-f", "new.yml")
    assert runner("rates", "import", "opencost", "old.json", *AS_OF, "-f", "old.yml", cwd=folder).code == 0
    found = runner(*new, "--against", "old.yml", cwd=folder)
    assert (found.code, found.err) == (0, "")
    added = runner("rates", "import", "opencost", "old.json", *AS_OF, "-f", "x.yml", "--against", "new.yml", cwd=folder)
    golden("rates/import_difference_units.txt", found.out + "\n" + added.out)
    slurm = ("rates", "import", "slurm", "slurm.conf", *AS_OF, "--price-per-billing-unit", "0.012", "-f", "slurm.yml")
    assert runner(*slurm, cwd=folder).code == 0
    said = spaced(runner(*slurm, "--max-tres", "--against", "slurm.yml", cwd=folder).out)
    assert "changed gpu split weights → dominant" in said


@pytest.mark.parametrize(
    ("kind", "file", "more"),
    [
        ("aws", "aws.json", ()),
        ("azure", "azure.json", (*AS_OF, "--machine-types", "azure-sizes.json")),
        ("gcp", "gcp.json", ("--machine-types", "gcp-types.json")),
        ("skypilot", "skypilot/aws/vms.csv", AS_OF),
        ("opencost", "opencost.json", AS_OF),
        ("opencost", "opencost.csv", AS_OF),
        ("slurm", "slurm.conf", (*AS_OF, "--price-per-billing-unit", "0.012")),
        ("slurm", "partitions.txt", (*AS_OF, "--price-per-billing-unit", "0.012", "--max-tres")),
    ],
)
def test_check_accepts_every_imported_card_and_its_command_makes_it_again(
    folder: Path, runner: Runner, kind: str, file: str, more: tuple[str, ...]
) -> None:
    assert runner("rates", "import", kind, file, *more, "-f", "card.yml", cwd=folder).code == 0
    made = (folder / "card.yml").read_text()
    checked = runner("rates", "check", "--rate-card", "card.yml", *AS_OF, cwd=folder)
    assert (checked.code, checked.out[:13]) == (0, "card.yml: OK,")
    command = made.splitlines()[1].removeprefix("#   costgate ").split()
    assert runner(*command, cwd=folder).out == made
    assert runner("rates", "import", kind, file, *more, "-f", "card.json", cwd=folder).code == 0
    checked = runner("rates", "check", "--rate-card", "card.json", *AS_OF, cwd=folder)
    assert (checked.code, checked.out[:14]) == (0, "card.json: OK,")


def test_sizes_come_from_the_card_to_be_replaced(folder: Path, runner: Runner) -> None:
    (folder / "old.yml").write_text(
        "version: 1\nname: old\ncurrency: USD\nas_of: 2026-01-01\n"
        "tiers: {large: {node: {cpus: 32, memory_gib: 128}, hourly: 1}}\n"
    )
    result = runner("rates", "import", "opencost", "opencost.csv", *AS_OF, "--against", "old.yml", cwd=folder)
    assert (
        "large: {node: {cpus: 32, memory_gib: 128}, hourly: 1.1, match: [{node_selector: {pool: large}}]}" in result.out
    )
    assert "changed large $1.0000 $1.1000 +10 %" in spaced(result.err)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("awss", "aws.csv"), "there is no importer 'awss'\nhelp: did you mean 'aws'?"),
        (("terraform", "aws.csv"), "help: one of aws, azure, gcp, skypilot, opencost, slurm"),
        (("aws", "none.csv"), "'none.csv' does not exist"),
        (("aws", "azure.json"), "azure.json: this is not an AWS price list"),
        (("opencost", "opencost.json"), "opencost.json: the file does not say of which day its prices are\nhelp: add"),
        (("aws", "aws.csv", "--currency", "usd"), "--currency 'usd' is no currency code"),
        (("aws", "aws.csv", "--threshold", "x"), "--threshold 'x' is not a number above 0"),
        (("slurm", "slurm.conf", "--price-per-billing-unit", "0"), "--price-per-billing-unit '0' is not a number"),
        (("aws", "aws.csv", "--as-of", "soon"), "--as-of 'soon' is not a date or time"),
        (("aws", "aws.csv", "--against", "awss"), "did you mean the shipped card 'aws'?"),
        (
            ("aws", "aws.csv", "--region", "us-esat-1"),
            "aws.csv: no price is left of 45 rows\nhelp: left out 24 rows in another region",
        ),
        (("aws", "aws.csv", "--region", "us-esat-1"), "no price of region 'us-esat-1'; the file has eu-west-3, us-"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_the_way_out(
    folder: Path, runner: Runner, argv: tuple[str, ...], message: str
) -> None:
    result = runner("rates", "import", *argv, cwd=folder)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


def test_nothing_is_written_unless_all_is_well(folder: Path, runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(folder.iterdir())
    result = runner("rates", "import", "aws", "aws.csv", "-f", "no/such/card.yml", cwd=folder)
    assert (result.code, result.err) == (
        3,
        "no/such/card.yml: cannot be written: No such file or directory\nhelp: name a folder that is there\n",
    )
    (folder / "taken.yml").mkdir()
    assert runner("rates", "import", "aws", "aws.csv", "-f", "taken.yml", cwd=folder).code == 3
    (folder / "taken.yml").rmdir()
    assert sorted(folder.iterdir()) == before


def test_a_long_file_moves_a_bar_on_a_terminal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "LONG", 1)
    main, child = pty.openpty()
    with os.fdopen(child, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with imports._opened(str(folder / "aws.csv")) as source:
            assert sum(1 for _ in source.records()) == 45
    said = drained(main)
    assert "aws.csv" in said
    assert "100%" in said


def test_the_help_names_every_importer(runner: Runner) -> None:
    assert imports.SOURCES.split("|") == list(IMPORTERS)
    assert runner("rates", "import", "--help").code == 0


def test_rates_does_not_load_importers_for_nothing() -> None:
    code = "import sys, costgate.cli.rates; sys.exit('costgate.rates.importers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


CARD = """\
version: 1
name: acme
currency: USD
as_of: 2026-10-01
tiers:
  a100: {node: {gpus: 8, cpus: 96, memory_gib: 1152}, hourly: 5.544, match: [{node_selector: {pool: a100}}]}
  cpu: {node: {cpus: 32, memory_gib: 128}, hourly: 1.1, match: [{node_selector: {pool: cpu}}]}
"""


def test_export_takes_the_default_tiers(folder: Path, runner: Runner) -> None:
    (folder / "card.yml").write_text(CARD + "default_tier: {gpu: a100, cpu: cpu}\n")
    result = runner("rates", "export", "opencost", "--rate-card", "card.yml", cwd=folder)
    assert result.code == 0
    assert '"GPU": "0.693"' in result.out
    assert result.err.startswith("note: cpu is split by the largest share")
    (folder / "prices.json").write_text(result.out)
    assert runner("rates", "import", "opencost", "prices.json", *AS_OF, cwd=folder).code == 0
    sheet = runner("rates", "export", "opencost", "--format", "csv", "--rate-card", "card.yml", cwd=folder)
    assert len(sheet.out.splitlines()) == 3
    spot = runner("rates", "export", "opencost", "a100", "--spot", "a100", "--rate-card", "card.yml", cwd=folder)
    assert '"spotGPU": "0.693"' in spot.out


def test_export_asks_which_tiers(folder: Path, runner: Runner) -> None:
    (folder / "card.yml").write_text(CARD)
    result = runner("rates", "export", "opencost", "--rate-card", "card.yml", cwd=folder)
    assert (result.code, result.out) == (2, "")
    assert "the rate card 'acme' does not say which tiers\nhelp: name them" in result.err
    (folder / "one.yml").write_text("\n".join(CARD.splitlines()[:-1]) + "\n")
    assert runner("rates", "export", "opencost", "--rate-card", "one.yml", cwd=folder).code == 0
    assert runner("rates", "export", "opencost", "--format", "csv", "--rate-card", "aws", cwd=folder).code == 2
    spot = runner(
        "rates", "export", "opencost", "--format", "csv", "--spot", "a100", "--rate-card", "card.yml", cwd=folder
    )
    assert "a price sheet has no spot prices" in spot.err
