"""Whether the human yes that was verified covers what the change costs now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from costgate.model import Approval, Cover, Violation
from costgate.policy.finding import duration_text
from costgate.policy.rules import RULES
from costgate.policy.values import ApprovalRule, Policy
from costgate.units import money_text


def given(
    name: str,
    violations: Sequence[Violation],
    policy: Policy,
    approvals: Sequence[Approval],
    *,
    head: str,
    as_of: datetime,
) -> tuple[bool, tuple[Approval, ...]]:
    """Whether enough people gave the approval, and every approval that counts towards it, judged.

    One that holds covers every violation that asks for `name`: by rule id and scope, with the value that was approved
    or a better one. `violations` that ask for another approval do not matter.
    """
    required = policy.approvals[name]
    waiting = [each for each in violations if each.approval == name]
    judged = []
    for approval in approvals:
        own = policy.approvals.get(approval.name)
        if own and name in (own.name, *stands_for(own.name, policy.approvals)):
            faults = _faults(approval, (own, required), waiting, policy.currency, head, as_of)
            why = approval.why if not approval.valid else next(faults, "")
            judged.append(replace(approval, valid=not why and approval.valid, why=why))
    return _people([each for each in judged if each.valid]) >= required.count, tuple(judged)


def stands_for(name: str, approvals: Mapping[str, ApprovalRule]) -> frozenset[str]:
    """All that an approval satisfies, through others too."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        approval = approvals.get(waiting.pop())
        new = set(approval.satisfies if approval else ()) - found
        found |= new
        waiting += new
    return frozenset(found)


def _people(approvals: Sequence[Approval]) -> int:
    """Distinct people, however counted: a renamed account is still one, and so is one whose id is known only once."""
    logins = {each.by.casefold() for each in approvals}
    accounts = {each.by.casefold() if each.id is None else each.id for each in approvals}
    return min(len(logins), len(accounts))


def _faults(
    approval: Approval,
    rules: tuple[ApprovalRule, ApprovalRule],
    violations: Sequence[Violation],
    currency: str,
    head: str,
    as_of: datetime,
) -> Iterator[str]:
    """Why it does not hold. Given for another approval that satisfies this one, it obeys the stricter of the two."""
    for rule in rules:
        if rule.expires_s is not None and (as_of - approval.at).total_seconds() > rule.expires_s:
            yield f"expired: given {approval.at.date()}, it held for {duration_text(rule.expires_s)}"
    same_head = bool(head) and approval.head == head
    pinned = (rule.name for rule in rules if rule.valid_for == "commit")
    if not same_head and (name := next(pinned, None)):
        yield f"is for commit {approval.head[:7]}, and {name} holds for one commit only"
    for violation in violations:
        yield from _uncovered(violation, approval, currency, same_head)


def _uncovered(violation: Violation, approval: Approval, currency: str, same_head: bool) -> Iterator[str]:
    covers = RULES[violation.rule].covers
    found = [cover for cover in approval.covers if (cover.rule, cover.scope) == (violation.id, violation.scope)]
    about = f"{violation.id}{_scope_text(violation.scope)}"
    if not found:
        yield f"{about} is new since {approval.head[:7]} was approved"
    elif covers == "commit" and not same_head:
        yield f"{about} has no amount that could be compared, so the approval held for {approval.head[:7]} only"
    elif covers in ("up-to", "down-to") and not any(_within(violation, cover, covers) for cover in found):
        yield f"{about} is {_beyond(violation, found[0], currency)}"


def _within(violation: Violation, cover: Cover, covers: str) -> bool:
    if violation.actual is None or cover.ceiling is None:  # what has no value cannot be compared
        return False
    return violation.actual <= cover.ceiling if covers == "up-to" else violation.actual >= cover.ceiling


def _beyond(violation: Violation, cover: Cover, currency: str) -> str:
    if cover.ceiling is None or violation.actual is None:
        return "not comparable with what was approved"
    if RULES[violation.rule].limit == "money":
        now, then = (money_text(amount, currency) for amount in (violation.actual, cover.ceiling))
    else:
        now, then = (f"{amount:,.1f}" for amount in (violation.actual, cover.ceiling))
    return f"now {now}, approved was {then}"


def _scope_text(scope: Mapping[str, str]) -> str:
    return f" ({', '.join(f'{key} {value}' for key, value in sorted(scope.items()))})" if scope else ""
