"""`costgate rates` as a person uses it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from costgate.cli.rates import text
from tests.run import Runner
from tests.support import dedent

CARD = """
    version: 1
    name: acme-2026q4
    currency: USD
    as_of: 2026-10-01
    extends: [aws, gcp]
    tiers:
      a100:
        node: {gpus: 8, gpu_model: A100-80GB, cpus: 96, memory_gib: 1152}
        owned:
          purchase_price: 120000
          useful_life_months: 36
          power_kw: 6.5
          pue: 1.4
          electricity_per_kwh: 0.08
          facility_per_hour: 0.25
        match: [{node_selector: {pool: a100}}, {queue: "ml-a100*"}]
      h100:
        node: {gpus: 8, cpus: 192, memory_gib: 2048}
        leased: {per_month: 21000}
        planned_utilization: 0.7
        split: {gpu: 0.85, cpu: 0.10, memory: 0.05}
      spot:
        node: {gpus: 4, cpus: 32, memory_gib: 244}
        cloud: {on_demand: 12.24, spot: {low: 1.41, expected: 1.46, high: 12.24}, purchase: spot}
        split: dominant
      desk: {node: {gpus: 1, cpus: 16}, hourly: 0.9, occupancy: whole_node, match: [{compute: local}]}
      cheap: {node: {cpus: 8}, cloud: {spot: 0.2, purchase: spot}}
      p3.8xlarge: {cloud: {discount: 0.1}}
    default_tier: {gpu: a100, cpu: spot}
"""
AS_OF = ("--as-of", "2026-11-23")
Golden = Callable[[str, str], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "finance").mkdir()
    (tmp_path / "finance" / "ratecard.yml").write_text(dedent(CARD))
    (tmp_path / "costgate.yml").write_text("version: 1\nrate_card: finance/ratecard.yml\n")
    return tmp_path


def test_show_has_the_tiers_of_the_card_itself(folder: Path, runner: Runner, golden: Golden) -> None:
    result = runner("rates", "show", *AS_OF, cwd=folder)
    assert result.code == 0
    golden("rates/show.txt", result.out)


def test_show_all_has_the_shipped_types_too(folder: Path, runner: Runner) -> None:
    lines = runner("rates", "show", "--all", *AS_OF, cwd=folder).out.splitlines()
    assert len(lines) == 1 + 6 + 255 + 89
    assert lines[1].startswith("a100 ")
    assert lines[-1].endswith("shipped, gcp")


def test_show_can_be_narrowed(folder: Path, runner: Runner) -> None:
    lines = runner(
        "rates", "show", "--provider", "gcp", "--region", "europe-west4", *AS_OF, cwd=folder
    ).out.splitlines()
    assert len(lines) > 40
    assert all(line.startswith("gcp/europe-west4/") for line in lines[1:])


def test_a_shipped_card_shows_its_types(tmp_path: Path, runner: Runner, golden: Golden) -> None:
    result = runner("rates", "show", "--rate-card", "azure", "--region", "westeurope", cwd=tmp_path)
    golden("rates/show_azure_westeurope.txt", result.out)


def test_check_is_one_line(folder: Path, runner: Runner) -> None:
    result = runner("rates", "check", *AS_OF, cwd=folder)
    assert (result.code, result.out) == (
        0,
        "finance/ratecard.yml: OK, acme-2026q4: 6 tiers of its own and 344 shipped types, USD, as of 2026-10-01\n",
    )


def test_without_a_config_the_card_is_aws(tmp_path: Path, runner: Runner) -> None:
    result = runner("rates", "check", *AS_OF, cwd=tmp_path)
    assert result.out == "aws: OK, aws: 0 tiers of its own and 256 shipped types, USD, as of 2026-07-20\n"


def test_a_broken_card_fails_with_everything_that_is_wrong(folder: Path, runner: Runner, golden: Golden) -> None:
    broken = dedent(CARD).replace("leased: {per_month: 21000}", "").replace("gpu: 0.85", "gpu: 0.8")
    (folder / "finance" / "ratecard.yml").write_text(broken.replace("gpu: a100, cpu", "gpu: a10, cpu"))
    result = runner("rates", "check", cwd=folder)
    assert result.code == 2
    golden("rates/check_broken.txt", result.err)


def test_a_card_that_is_not_there_is_an_error(tmp_path: Path, runner: Runner) -> None:
    result = runner("rates", "show", "--rate-card", "finance/none.yml", cwd=tmp_path)
    assert result.code == 2
    assert result.err == (
        "finance/none.yml: there is no rate card 'finance/none.yml'\n"
        "help: write its path from the repository's root in costgate.yml, from the current folder on the command line\n"
    )


def test_a_broken_config_is_an_error(tmp_path: Path, runner: Runner) -> None:
    (tmp_path / "costgate.yml").write_text("version: [1\n")
    assert runner("rates", "check", cwd=tmp_path).code == 2


@pytest.mark.parametrize("name", ["show", "explain", "check"])
def test_every_help_has_an_example(runner: Runner, name: str) -> None:
    result = runner("rates", name, "--help")
    assert "Example:" in result.out
    assert f"costgate rates {name}" in result.out
    assert "Default: what costgate.yml in the current folder names, or aws" in " ".join(result.out.split())


def test_the_group_has_an_example_too(runner: Runner) -> None:
    assert "costgate rates explain a100" in runner("rates", "--help").out


def test_columns_stay_aligned_whatever_is_written_in_them() -> None:
    rows = (("a100", "1"), ("日本", "22"), ("e\u0301t\u00e9", "333"))
    assert text.table(("tier", ">price"), rows) == [
        "tier  price",
        "a100      1",
        "日本     22",
        "e\u0301t\u00e9     333",
    ]
