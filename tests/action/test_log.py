"""The job's log: everything that a person needs to act, in plain lines, of which none is a command."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from costgate.action import log
from costgate.model import Report
from tests.render import builders

REPORTS: dict[str, Callable[[], Report]] = {
    "needs_approval": builders.needs_approval,
    "approved": builders.approved,
    "incomplete": builders.incomplete,
    "unchanged": builders.unchanged,
    "removed": builders.removed,
}


@pytest.mark.parametrize("name", REPORTS)
def test_what_it_says(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"action/log_{name}.txt", log.render(REPORTS[name]()))


def test_what_stands_in_the_way_of_an_approval() -> None:
    refused = builders.approval(valid=False, why="fiona opened the pull request")
    report = builders.needs_approval()
    text = log.render(replace(report, decision=replace(report.decision, approvals=(refused,))))
    assert "  finance by fiona does not count: fiona opened the pull request\n" in text
    silent = replace(report, decision=replace(report.decision, approvals=(builders.approval(reason=""),)))
    assert "  finance by fiona on 2026-11-23 for def5678\n" in log.render(silent)


def test_notes_and_changed_judges() -> None:
    hostile = builders.hostile()
    report = replace(builders.passes(), notes=("a note",), changed_judges=hostile.changed_judges)
    text = log.render(report)
    assert "  a note\n" in text
    assert "changed in this pull request and not used" in text


def test_a_long_report_is_cut() -> None:
    text = log.render(builders.many(40))
    assert text.count("\n  Flow") <= log.MOST
    assert "  10 more lines in the JSON report\n" in text


def test_no_line_is_a_command() -> None:
    for line in log.render(builders.hostile()).splitlines():
        assert not re.match(r"\s*::\w", line), line
        assert "##[" not in line
