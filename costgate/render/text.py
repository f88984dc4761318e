"""The report for a terminal: headline, table, reasons, what is wrong and the way out. Readable at 80 columns."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias

from costgate.model import Approval, Report, Violation
from costgate.render import rows, words
from costgate.render.assumed import of_changes
from costgate.render.fmt import count, money, plain, short_revision, signed
from costgate.render.rows import Cell, Reason, Row
from costgate.render.terminal import Canvas, paint

if TYPE_CHECKING:
    from rich.text import Text

Section: TypeAlias = Callable[[Report, Canvas], None]

MOST = 30  # rows of the table; the JSON report has all
FEW = 5  # entries of the lists below it
STYLES = {"pass": "green", "approved": "green", "warn": "yellow", "incomplete": "bold", "blocked": "red"}
STANDING = {"blocked": "red", "needs approval": "red", "warning": "yellow", "approved": "green", "note": "dim"}


def render(report: Report, *, color: bool = False, width: int = 100) -> str:
    """The whole report as lines of at most `width` cells."""
    canvas = Canvas(color=color, width=width)
    for section in SECTIONS:
        section(report, canvas)
    return canvas.text()


def _headline(report: Report, canvas: Canvas) -> None:
    style = STYLES.get(report.decision.outcome, "red") if report.judged else ""
    sign = words.sign(report)
    canvas.line(paint(f"{sign + ' ' if sign else ''}costgate: {words.headline(report)}", f"bold {style}".strip()))
    if report.delta.deployments or report.delta.unpriced:
        uncalibrated = " (uncalibrated)" if words.is_uncalibrated(report) else ""
        interval = words.interval(report)
        canvas.line(paint(words.sentence(report) + (f", {interval}{uncalibrated}" if interval else "")))
    else:
        canvas.line(paint("No deployed flow changes."))
    if not report.judged:
        canvas.line(paint(f"`costgate check` would say: {report.decision.outcome}", "dim"))


def _table(report: Report, canvas: Canvas) -> None:
    priced, gaps = rows.rows(report), rows.not_priced(report)
    if not priced and not gaps:
        return
    columns = ("Deployment / step", "What changed", ">Now/mo", ">New/mo", ">Δ/mo", "Basis")
    shown = (*priced[:MOST], *gaps[:MOST])
    canvas.gap()
    canvas.table(columns, [_row(row, report.currency) for row in shown])
    left = len(priced) + len(gaps) - len(shown)
    if left:
        canvas.line(paint(f"{count(left, 'more step')} in the JSON report (--output json)", "dim"))


def _row(row: Row, currency: str) -> tuple[Text, ...]:
    is_number = isinstance(row.delta, Decimal)
    change = signed(row.delta, currency) if isinstance(row.delta, Decimal) else row.delta
    style = ("red" if change.startswith("+") else "green") if is_number and row.delta else "" if is_number else "bold"
    is_gap = row.new == rows.UNKNOWN  # its reason is long and has a section of its own
    return (
        paint(plain(row.name)),
        paint("not priced, see below" if is_gap else plain(row.what)),
        paint(_cell(row.now, currency)),
        paint(_cell(row.new, currency)),
        paint(change, style),
        paint(plain(row.basis), "dim"),
    )


def _cell(cell: Cell, currency: str) -> str:
    return money(cell, currency) if isinstance(cell, Decimal) else cell


def _reasons(report: Report, canvas: Canvas) -> None:
    found = rows.reasons(report)
    if found:
        canvas.heading("Why")
        canvas.columns([_reason(reason, report.currency) for reason in found[:FEW]], align="><<<")
        _rest(canvas, len(found), "driver")


def _reason(reason: Reason, currency: str) -> tuple[Text, ...]:
    amount, place = signed(reason.driver.amount, currency), plain(reason.location.short)
    return paint(amount), paint(reason.driver.cause), paint(plain(reason.name)), paint(place, "dim")


def _violations(report: Report, canvas: Canvas) -> None:
    found, waived = words.violations(report), words.waived(report)
    if found:
        canvas.heading("Policy")
    for violation in found[:MOST]:
        _violation(canvas, report, violation)
    _rest(canvas, len(found), "violation", MOST)
    for violation in waived[:FEW]:
        waiver = f"{plain(violation.id)}, {plain(violation.waiver_reason)}"
        canvas.block(paint(f"waived until {violation.waived_until}: {waiver}"))


def _violation(canvas: Canvas, report: Report, violation: Violation) -> None:
    standing = words.standing(report, violation)
    line = paint(f"{plain(violation.location.short)}: " if violation.location else "")
    line.append(standing, STANDING[standing])
    line.append(f": {plain(violation.message, 400)}")
    canvas.block(line)
    _help(canvas, violation.help)


def _gaps(report: Report, canvas: Canvas) -> None:
    found = rows.not_priced(report)
    if found:
        canvas.heading("Not priced")
    for row in found[:MOST]:
        place = f"{plain(row.location.short)}: " if row.location else ""
        canvas.block(paint(f"{place}{plain(row.name)}: {plain(row.what)}"))
        _help(canvas, row.help)
    _rest(canvas, len(found), "step", MOST)


def _approvals(report: Report, canvas: Canvas) -> None:
    needs = words.missing_approvals(report) if report.judged else ()
    held = report.decision.approvals
    if needs or held:
        canvas.heading("Approval")
    for need in needs[:FEW]:
        canvas.block(paint(f"{plain(need.name)}: {words.how_to_approve(report, need, plain, plain)}"))
    for approval in held[:FEW]:
        canvas.block(_approval(approval))


def _approval(approval: Approval) -> Text:
    name, who = plain(approval.name), plain(approval.by)
    if not approval.valid:
        return paint(f"{name} by {who} does not count: {plain(approval.why, 400)}", "yellow")
    reason = f", {plain(approval.reason, 400)}" if approval.reason else ""
    return paint(
        f"{name} by {who} on {approval.at:%Y-%m-%d} for {plain(short_revision(approval.head))}{reason}", "green"
    )


def _notes(report: Report, canvas: Canvas) -> None:
    lines = [plain(note, 400) for note in report.notes]
    lines += [words.judge_change(judge.path, judge.outcome_with_it, plain) for judge in report.changed_judges]
    not_billed = rows.not_billed(report)
    if not_billed:
        more = f" and {len(not_billed) - FEW} more" if len(not_billed) > FEW else ""
        lines.append(f"not billed (local): {', '.join(plain(name) for name in not_billed[:FEW])}{more}")
    standing = len(report.delta.standing_unpriced)
    if standing:
        lines.append(f"{count(standing, 'step')} without a price before and after: see costgate breakdown")
    if lines:
        canvas.heading("Notes")
    for line in lines:
        canvas.block(paint(line))


def _assumptions(report: Report, canvas: Canvas) -> None:
    found = of_changes(report)
    if found:
        canvas.heading("Assumed")
    for entry in found[:FEW]:
        names = plain(entry.steps[0]) if len(entry.steps) == 1 else count(len(entry.steps), "step")
        place = f" ({plain(entry.location.short)})" if entry.location else ""
        canvas.block(paint(f"{plain(entry.text)}{place}: {names}"))
    _rest(canvas, len(found), "assumption")


def _sources(report: Report, canvas: Canvas) -> None:
    canvas.gap()
    canvas.line(paint(" · ".join(words.sources(report, plain)), "dim"))


def _help(canvas: Canvas, text: str) -> None:
    if text:
        canvas.block(paint(f"help: {plain(text, 400)}"), indent=4)


def _rest(canvas: Canvas, total: int, noun: str, shown: int = FEW) -> None:
    if total > shown:
        canvas.block(paint(f"{count(total - shown, 'more ' + noun)} in the JSON report", "dim"))


SECTIONS: tuple[Section, ...] = (
    _headline, _table, _reasons, _violations, _gaps, _approvals, _notes, _assumptions, _sources,
)  # fmt: skip
