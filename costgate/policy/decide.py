"""Facts and a policy → the verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timezone

from costgate.errors import InputError
from costgate.model import Action, Approval, Decision, Outcome, RequiredApproval, Violation
from costgate.policy.approval import given
from costgate.policy.finding import Finding, matches
from costgate.policy.rules import RULES
from costgate.policy.values import SHIPPED, ApprovalRule, Facts, Policy, Rule, Waiver

__all__ = ["Facts", "decide", "needs_totals", "windows"]

# From mild to severe.
OUTCOMES: tuple[Outcome, ...] = ("pass", "warn", "approved", "approval-required", "incomplete", "blocked")
# What stops a change, by `--fail-on`: `blocked` lets a missing approval pass with a warning.
STOPS: dict[str, tuple[Outcome, ...]] = {
    "approval-required": ("blocked", "incomplete", "approval-required"),
    "blocked": ("blocked", "incomplete"),
}
ACTIONS: tuple[Action, ...] = ("block", "require-approval", "warn", "notify")
# What makes a verdict incomplete instead of blocked: nobody did too much, something is not known.
INCOMPLETE = frozenset({"no-unpriced", "judging-files"})
ADMIN = "an admin merges"


def needs_totals(policy: Policy) -> bool:
    """Whether a rule asks for what all deployments cost, changed or not."""
    return any(rule.rule == "max-monthly-total" for rule in policy.rules)


def windows(policy: Policy) -> tuple[int, ...]:
    """Seconds that rules look back over the first-parent history."""
    return tuple(sorted({rule.window_s for rule in policy.rules if rule.window_s is not None}))


def decide(policy: Policy, facts: Facts) -> Decision:
    """The verdict. Raises InputError where policy and rate card differ in currency."""
    _check_currency(policy, facts)
    judged = [
        _violation(rule, finding, policy, facts)
        for rule in policy.rules
        for finding in RULES[rule.rule].judge(rule, facts)
    ]
    violations = tuple(sorted((*judged, *_circumstances(facts)), key=_order))
    required, approvals = _approvals(policy, facts, [each for each in violations if each.waived_until is None])
    return Decision(
        outcome=_outcome(violations, required),
        violations=violations,
        required_approvals=(*required, *_adoption(facts)),
        approvals=approvals,
    )


def _check_currency(policy: Policy, facts: Facts) -> None:
    if policy.currency != facts.card.currency:
        raise InputError(
            f"the limits of policy {policy.name} are in {policy.currency},"
            f" the rate card {facts.card.name} is in {facts.card.currency}",
            where=str(policy.currency_location or policy.path),
            help=f"write a policy that extends {policy.name}, with `currency: {facts.card.currency}` and limits of"
            " its own",
        )


def _violation(rule: Rule, finding: Finding, policy: Policy, facts: Facts) -> Violation:
    lowered = finding.warn_only and rule.action in ("require-approval", "block")
    action: Action = "warn" if lowered else rule.action
    waivers = [each for each in policy.waivers if _lifts(each, rule, finding)]
    latest = max(waivers, key=lambda each: each.until, default=None)
    holds = latest is not None and latest.until >= facts.as_of.astimezone(timezone.utc).date()
    return Violation(
        id=rule.id,
        rule=rule.rule,
        action=action,
        message=finding.message,
        actual=finding.actual,
        limit=rule.limit,
        per=rule.per,
        scope=finding.scope,
        # A line of a shipped pack is no line of this repository.
        location=finding.location or (None if rule.location.path.startswith(SHIPPED) else rule.location),
        help="; ".join(_ways_out(rule, action, finding, policy, None if holds else latest)),
        approval=rule.approval if action == "require-approval" else None,
        waived_until=latest.until if latest and holds else None,
        waiver_reason=latest.reason if latest and holds else "",
    )


def _lifts(waiver: Waiver, rule: Rule, finding: Finding) -> bool:
    """A waiver for a part of the world lifts only what is about that part alone, on both sides of the change."""
    if waiver.rule not in (rule.rule, rule.id):
        return False
    return not waiver.scope or (
        bool(finding.subjects) and all(matches(waiver.scope, each) for each in finding.subjects)
    )


def _ways_out(rule: Rule, action: Action, finding: Finding, policy: Policy, expired: Waiver | None) -> Iterator[str]:
    yield finding.help
    if action == "require-approval" and rule.approval:
        yield _who(policy.approvals[rule.approval])
    if action == "block":
        yield f"or waive it for a time under `waivers` of the policy {policy.name}"
    if expired:
        yield f"the waiver of {expired.location.short} ended on {expired.until}"


def _who(approval: ApprovalRule) -> str:
    people = ", ".join((*(login for login, _ in approval.users), *approval.teams))
    if not people:
        return f"nobody can approve it yet: name the approvers under `approvals.{approval.name}.users` in your policy"
    acts = {"label": f"the label {approval.label}", "review": "an approving review"}
    return f"or ask {people} for {' or '.join(acts[each] for each in approval.via)}"


def _circumstances(facts: Facts) -> Iterator[Violation]:
    """What holds whatever the policy says; no waiver and no approval lifts it."""
    for problem in facts.broken_judges:
        message = f"a judging file is broken: {problem.partition(chr(10))[0]}"
        yield _circumstance("judging-files", "block", message, f"repair it on the target branch; {ADMIN} the repair")
    if facts.first_adoption:
        message = "costgate is not set up on the target branch yet, so this change would judge itself"
        yield _circumstance("first-adoption", "require-approval", message, f"{ADMIN} it; no label helps")


def _circumstance(id: str, action: Action, message: str, help: str) -> Violation:
    return Violation(
        id=id,
        rule=id,
        action=action,
        message=message,
        actual=None,
        limit=None,
        per="pull-request",
        scope={},
        location=None,
        help=help,
    )


def _order(violation: Violation) -> tuple[bool, int, str, list[tuple[str, str]], str]:
    scope = sorted(violation.scope.items())
    return violation.waived_until is not None, ACTIONS.index(violation.action), violation.id, scope, violation.message


def _approvals(
    policy: Policy, facts: Facts, violations: Sequence[Violation]
) -> tuple[tuple[RequiredApproval, ...], tuple[Approval, ...]]:
    """Every approval that is asked for, and every approval that was given, judged."""
    names = sorted({each.approval for each in violations if each.approval})
    judged: list[Approval] = []
    required = []
    for name in names:
        enough, counting = given(name, violations, policy, facts.approvals, head=facts.head, as_of=facts.as_of)
        judged += counting
        ids = tuple(dict.fromkeys(each.id for each in violations if each.approval == name))
        required.append(_required(policy.approvals[name], ids, enough))
    return tuple(required), tuple(_verdict_on(each, judged) for each in facts.approvals)


def _required(approval: ApprovalRule, ids: tuple[str, ...], enough: bool) -> RequiredApproval:
    return RequiredApproval(
        name=approval.name,
        label=approval.label,
        users=tuple(login for login, _ in approval.users),
        teams=approval.teams,
        count=approval.count,
        notify=approval.notify,
        violations=ids,
        given=enough,
        via=approval.via,
    )


def _verdict_on(approval: Approval, judged: Iterable[Approval]) -> Approval:
    """The approval as judged for its own and all other names that it stands for: it holds if it holds for one."""
    same = [each for each in judged if replace(each, valid=approval.valid, why=approval.why) == approval]
    return max(same, key=lambda each: each.valid, default=approval)


def _adoption(facts: Facts) -> Iterator[RequiredApproval]:
    if facts.first_adoption:
        yield RequiredApproval(
            name="an admin", label="", users=(), teams=(), count=1, notify=ADMIN, violations=("first-adoption",),
            given=False,
        )  # fmt: skip


def _outcome(violations: Iterable[Violation], required: Iterable[RequiredApproval]) -> Outcome:
    given_names = {each.name for each in required if each.given}
    return max((_severity(each, given_names) for each in violations), key=OUTCOMES.index, default="pass")


def _severity(violation: Violation, given_names: set[str]) -> Outcome:
    """What a violation alone would make of the verdict."""
    if violation.waived_until is not None or violation.action == "notify":
        return "pass"
    if violation.action == "block":
        return "incomplete" if violation.rule in INCOMPLETE else "blocked"
    if violation.action == "warn":
        return "warn"
    return "approved" if violation.approval in given_names else "approval-required"
