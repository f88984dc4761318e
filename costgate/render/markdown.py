"""The pull-request comment and the job summary: verdict first, one table, the rest collapsed.

Every string that is not ours goes through `fmt.md` or `fmt.code`. A report that is too long for GitHub loses rows of
its lists, never the verdict.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import quote

from costgate.model import Approval, Location, Quote, Report, RequiredApproval, Violation
from costgate.render import formula, rows, words
from costgate.render.assumed import Assumption, of_changes
from costgate.render.fmt import code, count, md, money, quantity, short_revision, signed
from costgate.render.rows import Cell, Reason, Row

LIMIT = 60_000  # GitHub refuses a comment above 65,536 characters
TABLE_ROWS = 10
BUDGETS = (200, 100, 50, 25, 10, 5, 2, 1, 0)  # list lengths to try, longest first
MENTIONS = re.compile(r"@[A-Za-z0-9-]+(/[A-Za-z0-9_.-]+)?( @[A-Za-z0-9-]+(/[A-Za-z0-9_.-]+)?)*", re.ASCII)
Link = Callable[[Location], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where and when the Markdown is shown, as a report does not know it. The texts are Markdown already, and safe."""

    headline: str = ""  # instead of the report's own
    history: tuple[str, ...] = ()  # lines below the summary: what was before
    advice: tuple[str, ...] = ()  # lines below how to approve
    foot: tuple[str, ...] = ()
    mentions: frozenset[str] | None = None  # approvals whose people are told by this text; None for all
    is_over: bool = False  # merged or closed: one line, and the rest collapsed


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A report and what is worked out of it once, however often its length is tried."""

    report: Report
    setting: Setting
    link: Link
    rows: tuple[Row, ...]
    gaps: tuple[Row, ...]
    reasons: tuple[Reason, ...]
    not_billed: tuple[str, ...]
    assumptions: tuple[Assumption, ...]
    violations: tuple[Violation, ...]


def render(
    report: Report,
    *,
    color: bool = False,
    width: int = 100,
    limit: int = LIMIT,
    source_url: str = "",
    setting: Setting | None = None,
) -> str:
    """GitHub-flavoured Markdown of at most `limit` UTF-16 units.

    `source_url` is where the head's files can be read, e.g. https://github.com/acme/ml/blob/<commit>; places then link.
    """
    view = View(
        report=report,
        setting=setting or Setting(),
        link=_linker(source_url),
        rows=rows.rows(report),
        gaps=rows.not_priced(report),
        reasons=rows.reasons(report),
        not_billed=rows.not_billed(report),
        assumptions=of_changes(report),
        violations=words.violations(report),
    )
    texts = (_document(view, budget) for budget in BUDGETS)
    fitting = (text for text in texts if units(text) <= limit)
    return next(fitting, f"### {_headline(view)}\n")


def units(text: str) -> int:
    """Length as GitHub may count it: UTF-16 units, never fewer than characters."""
    return len(text.encode("utf-16-le")) // 2


def _document(view: View, budget: int) -> str:
    heading, history = f"### {_headline(view)}", "  \n".join(view.setting.history)
    parts = [block for block in _blocks(view, budget) if block]
    if view.setting.is_over:
        blocks = [heading, history, _details("The last report", "\n\n".join(parts))]
    else:
        blocks = [heading, parts[0], history, *parts[1:]]
    return "\n\n".join(filter(None, blocks)) + "\n"


def _blocks(view: View, budget: int) -> tuple[str, ...]:
    """All below the headline, the summary first."""
    report = view.report
    return (
        _summary(view),
        _violations(view, min(budget, 5)),
        _table(view, budget),
        _footnotes(view, budget),
        _more(view, budget),
        _approve(view, budget),
        _made(view, budget),
        _assumed(view, budget),
        _policy(view, budget),
        _judges(report, budget),
        f"<sub>{' · '.join([*words.sources(report, md), *view.setting.foot])}</sub>",
    )


def _headline(view: View) -> str:
    sign = words.sign(view.report)
    return f"{sign + ' ' if sign else ''}costgate: {view.setting.headline or words.headline(view.report, md)}"


def _summary(view: View) -> str:
    report, delta = view.report, view.report.delta
    if not delta.deployments and not delta.unpriced:
        return "No deployed flow changes."
    facts = [f"**{words.sentence(report)}**", words.interval(report)]
    if facts[1] and words.is_uncalibrated(report):
        facts[1] += " (*uncalibrated*)"
    lines = [", ".join(filter(None, facts)) + "."]
    if not report.judged:
        lines.append(f"`costgate check` would say: {report.decision.outcome}.")
    for reason in view.reasons[:1]:
        amount = signed(reason.driver.amount, report.currency)
        lines.append(f"Main driver: {code(reason.name)}, {md(reason.what)} ({view.link(reason.location)}): {amount}.")
    return "  \n".join(lines)


def _violations(view: View, budget: int) -> str:
    found = view.violations
    lines = [_violation(view.report, violation, view.link) for violation in found[:budget]]
    return "\n".join(_cut(lines, len(found)))


def _violation(report: Report, violation: Violation, link: Link) -> str:
    message = f"{md(violation.message, 400)}{_place(violation.location, link)}{_help(violation.help)}"
    return f"- **{words.standing(report, violation)}:** {message}"


HEADER = (
    "| Deployment / step | What changed | Now/mo | New/mo | Δ/mo | Basis |\n| :--- | :--- | ---: | ---: | ---: | :--- |"
)


def _table(view: View, budget: int) -> str:
    size = min(budget, TABLE_ROWS)
    lines = [_row(row, view) for row in (*view.rows[:size], *view.gaps[:size])]
    left = len(view.gaps) - size
    if left > 0:
        lines.append(f"| Not priced: {count(left, 'more step')} | | ? | ? | ? | |")
    return "\n".join([HEADER, *lines]) if lines else ""


def _row(row: Row, view: View) -> str:
    currency = view.report.currency
    name = ("Not priced: " if row.new == rows.UNKNOWN else "") + code(row.name)
    what = f"{md(row.what)}{_place(row.location, view.link)}{_help(row.help)}"
    change = signed(row.delta, currency) if isinstance(row.delta, Decimal) else row.delta
    cells = (name, what, _cell(row.now, currency), _cell(row.new, currency), change, md(row.basis))
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell, currency: str) -> str:
    return money(cell, currency) if isinstance(cell, Decimal) else cell


def _footnotes(view: View, budget: int) -> str:
    lines, report, not_billed = [], view.report, view.not_billed
    if not_billed:
        names = _cut([code(name) for name in not_billed[:budget]], len(not_billed), "")
        lines.append(f"Not billed (local): {', '.join(names)}.")
    standing = len(report.delta.standing_unpriced)
    if standing:
        lines.append(f"{count(standing, 'step')} without a price before and after: see `costgate breakdown`.")
    lines += _cut([md(note, 400) for note in report.notes[:budget]], len(report.notes), "")
    return "  \n".join(lines)


def _more(view: View, budget: int) -> str:
    rest = view.rows[min(budget, TABLE_ROWS) :]
    shown = [_row(row, view) for row in rest[:budget]]
    if not rest:
        return ""
    if not shown:
        return f"{count(len(rest), 'more changed step')}: see the JSON report."
    left = f"\n\n{count(len(rest) - len(shown), 'more step')} in the JSON report." if len(rest) > len(shown) else ""
    return _details(f"{count(len(rest), 'more changed step')}", "\n".join([HEADER, *shown]) + left)


def _approve(view: View, budget: int) -> str:
    report, setting = view.report, view.setting
    if not report.judged:
        return ""
    needs, held = () if setting.is_over else words.missing_approvals(report), report.decision.approvals
    lines = [
        f"**To approve** ({md(need.name)}): {words.how_to_approve(report, need, md, code)}{_ping(need, setting)}"
        for need in needs[: max(1, budget)]
    ]
    lines = _cut(lines, len(needs), "")
    lines += () if setting.is_over else setting.advice[:budget]
    lines += _cut([_approval(approval, report) for approval in held[:budget]], len(held), "")
    return "  \n".join(lines)


def _ping(need: RequiredApproval, setting: Setting) -> str:
    """The policy, which the judge owns, may mention whom it likes; anything but mentions is only text."""
    if not need.notify or not need.label:
        return ""
    tells = setting.mentions is None or need.name in setting.mentions
    return f" cc {need.notify if tells and MENTIONS.fullmatch(need.notify) else md(need.notify)}"


def _approval(approval: Approval, report: Report) -> str:
    who, head = md(approval.by), md(short_revision(approval.head))
    if not approval.valid:
        return f"**Does not count:** {md(approval.name)} by {who}: {md(approval.why, 400)}"
    ceilings = ", ".join(_covers(approval, report))
    reason = f" Reason: {md(approval.reason, 400)}" if approval.reason else ""
    covers = f", covers {ceilings}" if ceilings else ""
    return f"**Approved** ({md(approval.name)}) by {who} for {head} on {approval.at:%Y-%m-%d}{covers}.{reason}"


def _covers(approval: Approval, report: Report) -> Iterator[str]:
    rules = {violation.id: violation.rule for violation in report.decision.violations}
    for cover in approval.covers[:5]:
        if cover.ceiling is not None:
            ceiling = words.figure(rules.get(cover.rule, ""), cover.ceiling, report.currency)
            yield f"{md(cover.rule)} up to {ceiling}"


def _made(view: View, budget: int) -> str:
    found, report = view.rows, view.report
    lines = [line for row in found[:budget] for line in _derivation(row, report.currency)]
    if not lines:
        return ""
    lines = _cut(lines, len(lines) + max(0, len(found) - budget))
    bands = [f"- {words.band(band, md)}" for band in words.bands(report)[:budget]]
    return _details("How these numbers were made", "\n".join([*lines, *bands]))


def _derivation(row: Row, currency: str) -> Iterator[str]:
    yield f"- {code(row.name)}"
    for label, side, band in zip(("now", "new"), (row.base, row.head), row.bands):
        if side and band and isinstance(side.quote, Quote):
            texts = formula.lines(side, band, currency)
            yield f"  - {label}: {md('; '.join(texts), 600)}; tier {code(side.quote.tier)}, {md(side.quote.how)}"


def _assumed(view: View, budget: int) -> str:
    found = view.assumptions
    lines = [
        f"- {md(entry.text)}{_place(entry.location, view.link)}: {_steps(entry.steps)}" for entry in found[:budget]
    ]
    return _details("What was assumed", "\n".join(_cut(lines, len(found)))) if lines else ""


def _steps(names: Sequence[str]) -> str:
    return code(names[0]) if len(names) == 1 else f"{count(len(names), 'step')}, such as {code(names[0])}"


def _policy(view: View, budget: int) -> str:
    report, fired, waived = view.report, view.violations, words.waived(view.report)
    lines = [f"- {_fired(report, violation, view.link)}" for violation in fired[:budget]]
    lines = _cut(lines, len(fired))
    lines += _cut([f"- {_waived(violation)}" for violation in waived[:budget]], len(waived))
    lines += [
        f"- Increase in the last {md(window)}: {signed(amount, report.currency)}" for window, amount in _creep(report)
    ]
    return _details("Policy that was applied", "\n".join(lines)) if lines and report.judged else ""


def _fired(report: Report, violation: Violation, link: Link) -> str:
    numbers = words.comparison(violation, report.currency)
    parts = [f"{code(violation.id)} ({violation.action}, per {violation.per})", _scope(violation), numbers]
    return ", ".join(filter(None, parts)) + _place(violation.location, link)


def _scope(violation: Violation) -> str:
    return ", ".join(f"{md(key)} {code(violation.scope[key])}" for key in sorted(violation.scope)[:5])


def _waived(violation: Violation) -> str:
    return f"waived until {violation.waived_until}: {code(violation.id)}, {md(violation.waiver_reason)}"


def _creep(report: Report) -> list[tuple[str, Decimal]]:
    return sorted(report.creep.items())[:TABLE_ROWS]


def _judges(report: Report, budget: int) -> str:
    found = report.changed_judges
    lines = [f"- {words.judge_change(judge.path, judge.outcome_with_it, md)}" for judge in found[:budget]]
    return _details("Judging files changed here", "\n".join(_cut(lines, len(found)))) if found else ""


def _details(summary: str, body: str) -> str:
    """`summary` is ours alone: inside it Markdown, and so its escapes, would not be read."""
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"


def _cut(shown: list[str], total: int, bullet: str = "- ") -> list[str]:
    """A list that had to end early says so."""
    left = total - len(shown)
    return [*shown, f"{bullet}{quantity(left)} more in the JSON report"] if left > 0 else shown


def _help(text: str) -> str:
    return f" *Help:* {md(text, 400)}" if text else ""


def _place(location: Location | None, link: Link) -> str:
    return f" ({link(location)})" if location else ""


def _linker(source_url: str) -> Link:
    if not source_url:
        return lambda location: code(location.short)

    def link(location: Location) -> str:
        path = quote(location.path, errors="surrogateescape")
        return f'<a href="{source_url.rstrip("/")}/{path}#L{location.line}">{code(location.short)}</a>'

    return link
