"""A policy as a value, and the facts that it is asked about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, TypeAlias

from costgate.model import Action, Approval, Delta, Estimate, Location, RateCard, UsageProfile

Scope: TypeAlias = Mapping[
    str, tuple[str, ...]
]  # team, project, flow, branch, deployment → globs, any of which matches

SHIPPED = "costgate:"  # a path that starts like this names a file of costgate itself, not one of the repository


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One threshold or condition of a policy. `limit` is money, percent or GPUs by rule; for ages it is seconds."""

    id: str
    rule: str  # a key of RULES
    action: Action
    limit: Decimal | None = None
    approval: str | None = None  # the approval that lifts it, where the action is require-approval
    scope: Scope = field(default_factory=dict)
    at: Literal["expected", "high"] = "expected"
    per: str = "pull-request"  # pull-request | deployment | team | project
    window_s: int | None = None
    floor: Decimal = Decimal(0)  # an increase below it never fires
    offset: bool = False
    location: Location
    outside: tuple[Scope, ...] = ()  # what other rules answer for: only of the built-in no-unpriced


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRule:
    """Who may approve, by which act, and how long it holds."""

    name: str
    label: str
    users: tuple[tuple[str, int | None], ...] = ()  # (login, account id where the policy gives one)
    teams: tuple[str, ...] = ()  # org/slug
    via: tuple[str, ...] = ("label",)  # label | review
    valid_for: Literal["amount", "commit"] = "amount"
    allow_author: bool = False
    notify: str = ""
    satisfies: tuple[str, ...] = ()  # approvals that this one stands for too
    count: int = 1  # distinct people
    expires_s: int | None = None
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """Lifts a rule for a part of the world up to and including a day (UTC)."""

    rule: str  # name or id
    scope: Scope = field(default_factory=dict)
    until: date
    reason: str
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Rules, approvals and waivers after `extends`; the digest covers every file that went in."""

    name: str
    currency: str
    rules: tuple[Rule, ...]
    approvals: Mapping[str, ApprovalRule] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()
    digest: str
    path: str
    currency_location: Location | None = None  # None: no file says a currency


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that a verdict depends on besides the policy."""

    delta: Delta
    card: RateCard
    usage: UsageProfile | None
    as_of: datetime
    creep: Mapping[int, Delta | None] = field(default_factory=dict)
    # ↑ window in seconds → delta against the first-parent commit then; None = the history does not reach back so far
    totals: tuple[tuple[Estimate, ...], tuple[Estimate, ...]] | None = None  # every deployment at base and at head
    first_adoption: bool = False  # neither judge nor default branch is set up: head judges itself
    broken_judges: tuple[str, ...] = ()  # judging files that cannot be read at the judge revision
    head: str = ""  # full commit id, what approvals are bound to
    approvals: tuple[Approval, ...] = ()  # verified, or not valid with the reason
