"""The sentences of a report, the same in a terminal, a comment and a check run. Foreign words go through `escape`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import TypeAlias

from costgate.model import Band, Report, RequiredApproval, Source, Violation
from costgate.render import fmt

Escape: TypeAlias = Callable[[str], str]

SIGNS = {"pass": "🟢", "warn": "🟡", "approval-required": "🔴", "blocked": "🔴", "approved": "✅", "incomplete": "⚪"}
PLAIN_VERDICTS = {"pass": ", within policy", "blocked": ", blocked by policy", "incomplete": ", incomplete"}
ACTIONS = {"block": "blocked", "require-approval": "needs approval", "warn": "warning", "notify": "note"}
SEVERITY = {"block": 0, "require-approval": 1, "warn": 2, "notify": 3}
MOST_NAMES = 10
IN_MONEY = ("max-monthly-increase", "max-monthly-total", "max-cost-per-run", "max-cost-per-experiment")


def sign(report: Report) -> str:
    """The coloured sign of a verdict, always used beside its words; nothing where nothing was judged."""
    return SIGNS[report.decision.outcome] if report.judged else ""


def headline(report: Report, escape: Escape = fmt.plain) -> str:
    """One line that says it all: `+$2,772/month, within policy`."""
    if not report.judged:
        return f"{amount(report)} (informational, nothing was judged)"
    return f"{amount(report)}{_verdict(report, escape)}"


def sentence(report: Report) -> str:
    """`$2,772 → $5,544 a month (+100 %)`; `+ ?` where a side holds more than is known."""
    delta, currency = report.delta, report.currency
    base, head = (fmt.money(amount, currency) for amount in (delta.base_monthly, delta.head_monthly))
    if delta.unpriced:
        return f"{base} → {head} + ? a month"
    if delta.head_monthly - delta.base_monthly != delta.delta.expected:  # base has steps without a number
        return f"{base} + ? → {head} a month"
    change = fmt.percent(delta.base_monthly, delta.head_monthly) if delta.delta.expected else ""
    return f"{base} → {head} a month" + (f" ({change})" if change else "")


def interval(report: Report) -> str:
    """`likely range +$693 to +$11,088`; empty where the difference is exact."""
    delta = report.delta.delta
    return "" if delta.is_exact else f"likely range {fmt.span(delta.low, delta.high, report.currency)}"


def bands(report: Report) -> tuple[Band, ...]:
    """The bands behind the difference, that of the largest change first."""
    changed = [deployment for deployment in report.delta.deployments if deployment.status != "unchanged"]
    changed.sort(key=lambda deployment: (-abs(deployment.delta.expected), deployment.key))
    sides = (deployment.head or deployment.base for deployment in changed)
    return tuple(dict.fromkeys(side.band for side in sides if side))


def is_uncalibrated(report: Report) -> bool:
    """Whether some band is a guess, for want of past estimates to compare with."""
    return any(not band.calibrated for band in bands(report))


def band(found: Band, escape: Escape) -> str:
    """How wide the likely range is, and why."""
    factors = f"{fmt.quantity(found.low)} to {fmt.quantity(found.high)} times the estimate"
    if not found.calibrated:
        return f"likely range: {factors}, uncalibrated (too few past estimates to compare with)"
    return f"likely range: {factors}, calibrated on {fmt.count(found.n, 'past estimate')} ({escape(found.bucket)})"


def violations(report: Report) -> tuple[Violation, ...]:
    """Rules that fired and are not waived: the severest first, then the largest."""
    return tuple(sorted((v for v in report.decision.violations if not v.waived_until), key=_gravity))


def waived(report: Report) -> tuple[Violation, ...]:
    """Rules that fired and that the judge's policy waives for now."""
    return tuple(sorted((v for v in report.decision.violations if v.waived_until), key=_gravity))


def granted(report: Report) -> frozenset[str]:
    """Ids of violations that an approval covers."""
    return frozenset(name for need in report.decision.required_approvals if need.given for name in need.violations)


def standing(report: Report, violation: Violation) -> str:
    """How a violation stands: `blocked`, `needs approval`, `approved`, `warning`, `note`."""
    is_granted = violation.action == "require-approval" and violation.id in granted(report)
    return "approved" if is_granted else ACTIONS[violation.action]


def figure(rule: str, amount: Decimal, currency: str) -> str:
    """What a rule compares, in its unit: money, percent, or a plain number."""
    if rule in IN_MONEY:
        return fmt.money(amount, currency)
    return fmt.quantity(amount) + (" %" if rule.endswith("-percent") else "")


def comparison(violation: Violation, currency: str) -> str:
    """`$5,544 against a limit of $5,000`; empty for a rule without numbers."""
    if violation.actual is None or violation.limit is None:
        return ""
    actual, limit = (figure(violation.rule, amount, currency) for amount in (violation.actual, violation.limit))
    return f"{actual} against a limit of {limit}"


def missing_approvals(report: Report) -> tuple[RequiredApproval, ...]:
    """Approvals that are asked for and not given."""
    return tuple(need for need in report.decision.required_approvals if not need.given)


def approvers(need: RequiredApproval, escape: Escape) -> str:
    """`fiona, paul or a member of acme/finance`."""
    names = [escape(user) for user in need.users] + [f"a member of {escape(team)}" for team in need.teams]
    shown = [*names[:MOST_NAMES], *([f"{len(names) - MOST_NAMES} others"] if len(names) > MOST_NAMES else [])]
    people = " or ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
    return f"{need.count} of {people}" if need.count > 1 else people


def how_to_approve(report: Report, need: RequiredApproval, escape: Escape, label: Escape) -> str:
    """Who has to do what, and what it will cover."""
    if not need.label:
        return "whoever administers the repository merges it; no label helps"
    if not need.users and not need.teams:
        return "nobody can give it yet: name the approvers in the policy"
    acts = {
        "label": ("adds", "add", f"the label {label(need.label)}"),
        "review": ("gives", "give", "an approving review"),
    }
    verbs = [f"{one if need.count == 1 else many} {what}" for one, many, what in map(acts.__getitem__, need.via)]
    increase = report.delta.increase.expected
    limit = f" up to {fmt.signed(increase, report.currency)} a month" if increase else ""
    covered = f"It covers {escape(fmt.short_revision(report.head))}{limit}."
    return f"{approvers(need, escape)} {' or '.join(verbs)}. {covered}"


def sources(report: Report, escape: Escape) -> Iterator[str]:
    """What was compared and what judged, for the foot of every output."""
    revision = fmt.short_revision
    yield f"base {escape(revision(report.base))} → head {escape(revision(report.head))}"
    yield f"judged by {escape(revision(report.judge))}"
    yield f"rate card {_source(report.rate_card, escape)}"
    yield f"usage {_source(report.usage, escape)}" if report.usage else "no usage history"
    yield f"policy {_source(report.policy, escape)}"
    if report.resolver != "static":
        yield f"resolved by {escape(report.resolver)}"
    yield f"as of {report.as_of:%Y-%m-%d}"


def judge_change(path: str, outcome: str, escape: Escape) -> str:
    """A judging file that the change edits."""
    return f"{escape(path)} changed in this pull request and not used; with it the outcome would be {escape(outcome)}"


def amount(report: Report) -> str:
    """The difference in words: `+$2,772/month`, `no cost change`; what has no price is counted beside it."""
    delta = report.delta
    gaps = fmt.count(len(delta.unpriced), "unknown price") if delta.unpriced else ""
    if not delta.delta.expected:
        return f"cost change not known, {gaps}" if gaps else "no cost change"
    known = f"{fmt.signed(delta.delta.expected, report.currency)}/month"
    return f"{known} plus {gaps}" if gaps else known


def _verdict(report: Report, escape: Escape) -> str:
    decision = report.decision
    if decision.outcome == "approval-required":
        names = ", ".join(escape(need.name) for need in missing_approvals(report)[:MOST_NAMES])
        return f", needs approval{' by ' + names if names else ''}"
    if decision.outcome == "approved":
        people = dict.fromkeys(escape(approval.by) for approval in decision.approvals if approval.valid)
        return f", approved{' by ' + ', '.join([*people][:MOST_NAMES]) if people else ''}"
    if decision.outcome == "warn":
        warnings = sum(violation.action == "warn" for violation in violations(report))
        return f", {fmt.count(warnings, 'warning')}" if warnings else ", warning"
    return PLAIN_VERDICTS[decision.outcome]


def _gravity(violation: Violation) -> tuple[int, Decimal, str, str]:
    scope = ",".join(f"{key}={violation.scope[key]}" for key in sorted(violation.scope))
    return SEVERITY[violation.action], -(violation.actual or Decimal(0)), violation.id, scope


def _source(source: Source, escape: Escape) -> str:
    day = source.as_of.partition("T")[0] if source.as_of else ""
    return escape(source.name) + (f" of {escape(day)}" if day else "")
