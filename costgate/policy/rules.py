"""The registry of rules: what each judges, which limit it has, which options make sense for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Protocol

from costgate.policy import increases, state_rules
from costgate.policy.finding import Finding
from costgate.policy.values import Facts, Rule

ANY = ("pull-request", "deployment", "team", "project")


class Judge(Protocol):
    """A rule: what it finds in the facts. Its docstring is its documentation for users."""

    def __call__(self, rule: Rule, facts: Facts) -> Iterator[Finding]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSpec:
    """One entry of the registry."""

    judge: Judge
    limit: Literal["money", "percent", "gpus", "duration"] | None = None
    default_limit: Decimal | None = None
    per: tuple[str, ...] = ("deployment",)  # allowed values, the default first
    at: tuple[str, ...] = ("expected",)
    options: frozenset[str] = frozenset()  # of window, floor, offset
    covers: Literal["up-to", "down-to", "same", "commit"] = "same"
    # ↑ what an approval covers: the value that was approved or less (or more), the thing whatever its value, or only
    #   the very commit, because what is unpriced has no value that could be compared


MONEY_AT = ("expected", "high")

RULES: Mapping[str, RuleSpec] = {
    "max-monthly-increase": RuleSpec(
        judge=increases.max_monthly_increase, limit="money", per=ANY, at=MONEY_AT,
        options=frozenset({"window", "offset"}), covers="up-to",
    ),
    "max-monthly-increase-percent": RuleSpec(
        judge=increases.max_monthly_increase_percent, limit="percent", per=("deployment", *ANY), at=MONEY_AT,
        options=frozenset({"floor", "offset"}), covers="up-to",
    ),
    "max-monthly-total": RuleSpec(
        judge=state_rules.max_monthly_total, limit="money", per=ANY, at=MONEY_AT, covers="up-to"
    ),
    "max-cost-per-run": RuleSpec(judge=state_rules.max_cost_per_run, limit="money", at=MONEY_AT, covers="up-to"),
    "max-cost-per-experiment": RuleSpec(
        judge=state_rules.max_cost_per_experiment, limit="money", at=MONEY_AT, covers="up-to"
    ),
    "max-gpus-per-step": RuleSpec(judge=state_rules.max_gpus_per_step, limit="gpus", covers="up-to"),
    "min-gpu-utilization": RuleSpec(
        judge=state_rules.min_gpu_utilization, limit="percent", default_limit=Decimal(40), covers="down-to"
    ),
    "require-owner": RuleSpec(judge=state_rules.require_owner),
    "require-timeout": RuleSpec(judge=state_rules.require_timeout),
    "no-unpriced": RuleSpec(judge=state_rules.no_unpriced, covers="commit"),
    "no-assumed": RuleSpec(judge=state_rules.no_assumed),
    "max-rate-card-age": RuleSpec(judge=state_rules.max_rate_card_age, limit="duration", per=("pull-request",)),
    "max-usage-age": RuleSpec(judge=state_rules.max_usage_age, limit="duration", per=("pull-request",)),
}  # fmt: skip
