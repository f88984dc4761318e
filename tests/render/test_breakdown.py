"""What is deployed costs: a table of deployments and steps, the markets side by side, and the debt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.cells import cell_len

from costgate.render import breakdown
from tests.render import builders


@pytest.mark.parametrize("width", [80, 120])
def test_table(width: int, golden: Callable[[str, str], None]) -> None:
    printed = breakdown.render(builders.deployed(), width=width)
    golden(f"render/breakdown/{width}.txt", printed)
    assert all(cell_len(line) <= width for line in printed.splitlines())


def test_colour_is_asked_for() -> None:
    assert "\x1b[1m" in breakdown.render(builders.deployed(), color=True)


def test_without_a_spot_price_the_markets_are_not_shown() -> None:
    change = builders.change(builders.side(4), builders.side(4))
    printed = breakdown.render(builders.report(builders.delta(builders.deployment(change)), scope="all"))
    assert "Spot" not in printed
    assert "Per month" in printed


def test_nothing_deployed() -> None:
    printed = breakdown.render(builders.report(builders.delta(), scope="all", judged=False))
    assert printed.startswith("costgate: $0 a month for 0 deployments\n")
    assert "Per month" not in printed


def test_what_is_calibrated_does_not_say_otherwise() -> None:
    one = builders.side(4, band=builders.LEARNED)
    item = builders.deployment(builders.change(one, one), band=builders.LEARNED)
    printed = breakdown.render(builders.report(builders.delta(item), scope="all"))
    assert printed.startswith("costgate: $3,049 a month for 1 deployment, likely $2,218 to $4,158\n")


def test_exact_costs_have_no_range() -> None:
    one = builders.side(4, band=builders.EXACT)
    item = builders.deployment(builders.change(one, one), band=builders.EXACT)
    printed = breakdown.render(builders.report(builders.delta(item), scope="all"))
    assert printed.startswith("costgate: $2,772 a month for 1 deployment\n")


def test_long_lists_are_cut_and_counted() -> None:
    one = builders.side(1, assumptions=tuple(f"guess {n:02}" for n in range(25)))
    items = [builders.deployment(builders.change(one, one), name=f"Flow{n:04}") for n in range(503)]
    gaps = tuple(builders.unpriced(step=f"s{n}", help="") for n in range(22))
    odd = builders.unpriced(step="", deployment="flows/odd.py")
    found = builders.report(builders.delta(*items, gaps=(replace(odd, step=None), *gaps)), scope="all")
    printed = breakdown.render(found)
    assert "3 more deployments in the JSON report" in printed
    assert "flows/etl.py:31: flows/odd.py: memory is unknown" in printed
    assert printed.count("in the JSON report") == 3
    assert "guess 00: 503 steps" in printed


def test_hostile_names_stay_names() -> None:
    found = replace(builders.hostile(), scope="all")
    printed = breakdown.render(found)
    assert "\x1b" not in printed
    assert "::error" not in printed
