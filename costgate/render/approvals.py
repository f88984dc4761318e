"""Who approved what on a pull request, and why it holds or not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from costgate.model import Approval, Report, RequiredApproval
from costgate.render import words
from costgate.render.fmt import plain, short_revision
from costgate.render.terminal import Canvas, paint

if TYPE_CHECKING:
    from rich.text import Text


def render(report: Report, *, title: str, color: bool = False, width: int = 100) -> str:
    """The verdict, each approval that is asked for, and each one that somebody gave."""
    canvas = Canvas(color=color, width=width)
    canvas.line(paint(f"{plain(title)}: {words.headline(report)}", "bold"))
    for need in report.decision.required_approvals:
        canvas.gap()
        canvas.block(_need(report, need))
    for approval in report.decision.approvals:
        canvas.gap()
        for line in _given(report, approval):
            canvas.block(paint(line))
    if not report.decision.required_approvals:
        canvas.gap()
        canvas.line(paint("No approval is needed."))
    return canvas.text()


def _need(report: Report, need: RequiredApproval) -> Text:
    rules = ", ".join(plain(rule) for rule in need.violations)
    if need.given:
        return paint(f"{plain(need.name)}: given, for {rules}", "green")
    way = words.how_to_approve(report, need, plain, lambda label: f"'{plain(label)}'")
    return paint(f"{plain(need.name)}: needed for {rules}; {way}", "red")


def _given(report: Report, approval: Approval) -> Iterator[str]:
    state = "holds" if approval.valid else f"does not count: {plain(approval.why, 600)}"
    when = f"{approval.at:%Y-%m-%d %H:%M:%S} UTC"
    head = f", for {plain(short_revision(approval.head))}" if approval.head else ""
    yield f"{plain(approval.name)} by {plain(approval.by)} on {when}{head}: {state}"
    rules = {violation.id: violation.rule for violation in report.decision.violations}
    for cover in approval.covers:
        of = "".join(f" {plain(key)}={plain(value)}" for key, value in sorted(cover.scope.items()))
        limit = "" if cover.ceiling is None else words.figure(rules.get(cover.rule, ""), cover.ceiling, report.currency)
        yield f"  covers {plain(cover.rule)}{of}{' up to ' + limit if limit else ' at this commit'}"
    if approval.reason:
        yield f"  reason: {plain(approval.reason, 600)}"
