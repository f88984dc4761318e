"""The report in a terminal: readable at 80 columns, honest without colour, deaf to what a pull request says."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest
from rich.cells import cell_len

from costgate.model import Report
from costgate.render import terminal, text
from tests.render import builders

ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("name", sorted(builders.REPORTS))
def test_at_100_columns(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"render/text/{name}.txt", text.render(builders.REPORTS[name]()))


@pytest.mark.parametrize("width", [80, 120])
def test_terminals(width: int, golden: Callable[[str, str], None]) -> None:
    golden(f"render/text/incomplete_{width}.txt", text.render(builders.incomplete(), width=width))


def test_in_colour(golden: Callable[[str, str], None]) -> None:
    golden("render/text/warn_colour.txt", text.render(builders.warns(), color=True))


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", sorted(builders.REPORTS))
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    for line in text.render(builders.REPORTS[name](), width=width).splitlines():
        assert cell_len(line) <= width
        assert line == line.rstrip()


@pytest.mark.parametrize("name", sorted(builders.REPORTS))
def test_colour_changes_no_word(name: str) -> None:
    plain = text.render(builders.REPORTS[name]())
    colour = text.render(builders.REPORTS[name](), color=True)
    assert "\x1b[" in colour
    assert "\x1b" not in plain
    assert [line.rstrip() for line in ANSI.sub("", colour).splitlines()] == plain.splitlines()


@pytest.mark.parametrize("color", [False, True])
def test_hostile_strings_reach_neither_terminal_nor_runner(color: bool) -> None:
    printed = ANSI.sub("", text.render(builders.hostile(), color=color, width=60))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u200b\u202e]", printed)
    assert not any(line.lstrip().startswith("::") or "##[" in line for line in printed.splitlines())
    printed.encode("utf-8")


def test_a_narrow_terminal_cuts_no_amount() -> None:
    printed = text.render(builders.passes(), width=20)
    row = next(line for line in printed.splitlines() if line.startswith("TrainFlow/train"))
    assert row.endswith("$2,772  $5,544  +$2,772  declared")


def test_many_rows_end_with_where_the_rest_is() -> None:
    printed = text.render(builders.many(40))
    assert "10 more steps in the JSON report (--output json)" in printed
    assert "35 more drivers in the JSON report" in printed


def lists(report: Report) -> str:
    return text.render(report, width=120)


def test_long_lists_are_cut_and_counted() -> None:
    locals_ = [builders.change(builders.local(f"s{n}"), builders.local(f"s{n}")) for n in range(7)]
    assumptions = tuple(f"guess {n}" for n in range(7))
    head = builders.change(builders.side(4), builders.side(8, assumptions=assumptions))
    violations = tuple(builders.dear(id=f"v{n}", message=f"rule {n}") for n in range(33))
    gaps = tuple(builders.unpriced(step=f"g{n}") for n in range(32))
    report = builders.report(
        builders.delta(builders.deployment(head, *locals_), gaps=gaps), builders.decision("blocked", *violations)
    )
    printed = lists(report)
    assert (
        "not billed (local): TrainFlow/s0, TrainFlow/s1, TrainFlow/s2, TrainFlow/s3, TrainFlow/s4 and 2 more" in printed
    )
    assert "2 more assumptions in the JSON report" in printed
    assert "3 more violations in the JSON report" in printed
    assert "2 more steps in the JSON report" in printed


def test_one_assumption_of_many_steps_is_one_line() -> None:
    steps = [
        builders.change(None, builders.side(1, step=f"s{n}", assumptions=("overhead: 2m to start",)), "new")
        for n in range(3)
    ]
    assert "  overhead: 2m to start: 3 steps\n" in lists(builders.report(builders.delta(builders.deployment(*steps))))


def test_waivers_and_lost_approvals_are_shown() -> None:
    waived = builders.dear(waived_until=date(2026, 12, 31), waiver_reason="migration, FIN-812")
    verdict = builders.decision(
        "approval-required", waived, builders.dear(location=None, help=""),
        required_approvals=(builders.need(),), approvals=(builders.approval(valid=False, why="it is the author"),),
    )  # fmt: skip
    printed = lists(builders.report(builders.delta(builders.doubled()), verdict))
    assert "  waived until 2026-12-31: max-monthly-increase, migration, FIN-812\n" in printed
    assert "  finance by fiona does not count: it is the author\n" in printed
    assert "  needs approval: the change adds $2,772 a month, more than $2,000\n" in printed


def test_a_given_approval_without_reason_is_short() -> None:
    verdict = replace(builders.approved().decision, approvals=(builders.approval(reason=""),))
    printed = lists(replace(builders.approved(), decision=verdict))
    assert "  finance by fiona on 2026-11-23 for def5678\n" in printed


def test_an_exact_difference_has_no_range() -> None:
    exact = builders.EXACT
    change = builders.change(builders.side(4, band=exact), builders.side(8, band=exact), "tier")
    printed = lists(builders.report(builders.delta(builders.deployment(change, band=exact))))
    assert "$2,772 → $5,544 a month (+100 %)\n" in printed
    assert "likely" not in printed


def test_nothing_else_of_the_surroundings_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    before = text.render(builders.warns(), color=True, width=90)
    for name, value in {"COLUMNS": "44", "TERM": "dumb", "FORCE_COLOR": "1", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    assert text.render(builders.warns(), color=True, width=90) == before


@pytest.mark.parametrize(
    ("room", "widths"),
    [
        pytest.param(60, [20, 30, 8], id="as wanted where there is room"),
        pytest.param(50, [20, 22, 8], id="the widest gives way first"),
        pytest.param(30, [11, 11, 8], id="then all that can"),
        pytest.param(9, [10, 5, 8], id="but none below its least"),
    ],
)
def test_columns_fit(room: int, widths: list[int]) -> None:
    assert terminal.fit([20, 30, 8], [10, 5, 8], room) == widths
