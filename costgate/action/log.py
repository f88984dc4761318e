"""The job's log: the verdict in plain lines. A terminal's tables need rich, which no runner has to install."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from costgate.model import Approval, Report
from costgate.render import rows, words
from costgate.render.fmt import count, money, plain, short_revision, signed
from costgate.render.rows import Cell, Row

MOST = 30  # lines of each kind; the JSON report has all
LONG = 400  # characters of a sentence


def render(report: Report) -> str:
    """The report, of which no line is a command to the runner."""
    sections = (_verdict, _changes, _violations, _gaps, _approvals, _notes)
    lines = [line for section in sections for line in _first(list(section(report)))]
    return "".join(f"{line}\n" for line in (*lines, " · ".join(words.sources(report, plain))))


def _first(lines: list[str]) -> list[str]:
    return [*lines[:MOST], *([f"  {count(len(lines) - MOST, 'more line')} in the JSON report"] * (len(lines) > MOST))]


def _verdict(report: Report) -> Iterator[str]:
    sign = words.sign(report)
    yield f"{sign} costgate: {words.headline(report)}"
    if report.delta.deployments or report.delta.unpriced:
        interval = words.interval(report)
        guessed = " (uncalibrated)" if interval and words.is_uncalibrated(report) else ""
        yield words.sentence(report) + (f", {interval}{guessed}" if interval else "")


def _changes(report: Report) -> Iterator[str]:
    for row in rows.rows(report):
        yield f"  {plain(row.name)}: {plain(row.what)}: {_amounts(row, report.currency)} ({plain(row.basis)})"


def _amounts(row: Row, currency: str) -> str:
    delta = signed(row.delta, currency) if isinstance(row.delta, Decimal) else plain(row.delta)
    return f"{_cell(row.now, currency)} → {_cell(row.new, currency)} a month, {delta}"


def _cell(cell: Cell, currency: str) -> str:
    return money(cell, currency) if isinstance(cell, Decimal) else plain(cell)


def _violations(report: Report) -> Iterator[str]:
    for violation in words.violations(report):
        place = f"{plain(violation.location.short)}: " if violation.location else ""
        yield f"  {place}{words.standing(report, violation)}: {plain(violation.message, LONG)}{_help(violation.help)}"


def _gaps(report: Report) -> Iterator[str]:
    for row in rows.not_priced(report):
        place = f"{plain(row.location.short)}: " if row.location else ""
        yield f"  {place}not priced: {plain(row.name)}: {plain(row.what)}{_help(row.help)}"


def _help(text: str) -> str:
    return f"\n    help: {plain(text, LONG)}" if text else ""


def _approvals(report: Report) -> Iterator[str]:
    for need in words.missing_approvals(report):
        yield f"  {plain(need.name)}: {words.how_to_approve(report, need, plain, plain)}"
    for approval in report.decision.approvals:
        yield f"  {_approval(approval)}"


def _approval(approval: Approval) -> str:
    name, who = plain(approval.name), plain(approval.by)
    if not approval.valid:
        return f"{name} by {who} does not count: {plain(approval.why, LONG)}"
    reason = f": {plain(approval.reason, LONG)}" if approval.reason else ""
    return f"{name} by {who} on {approval.at:%Y-%m-%d} for {plain(short_revision(approval.head))}{reason}"


def _notes(report: Report) -> Iterator[str]:
    for note in report.notes:
        yield f"  {plain(note, LONG)}"
    for judge in report.changed_judges:
        yield f"  {words.judge_change(judge.path, judge.outcome_with_it, plain)}"
