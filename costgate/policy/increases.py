"""The rules about what a change adds. An increase is the sum of positive changes; what is removed never offsets it,
because Metaflow leaves a removed deployment running until somebody undeploys it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from costgate.model import DeploymentDelta, Estimate
from costgate.policy.finding import (
    Finding,
    Subject,
    duration_text,
    grouped,
    in_scope,
    labels,
    number_text,
    of_what,
    origin,
    stated,
    subjects,
)
from costgate.policy.values import Facts, Rule
from costgate.units import money_text

UNCALIBRATED = "; the upper bound is uncalibrated, so this only warns"
CHEAPER = "ask for fewer resources, fewer tasks or fewer runs"
ZERO = Decimal(0)


def max_monthly_increase(rule: Rule, facts: Facts) -> Iterator[Finding]:
    """The monthly cost may rise by no more than `limit`.

    With `window` the change is measured against the commit of that long ago, so that many small pull requests do not
    pass where one large one would not. It fires only on a change that adds to it.
    """
    own = in_scope(rule.scope, facts.delta.deployments)
    if rule.window_s is None:
        yield from _increases(rule, facts, grouped(own, rule.per, labels(facts.delta.deployments)))
        return
    creep = facts.creep.get(rule.window_s)
    if creep is None:
        yield from _no_history(rule, own)
        return
    names = labels((*creep.deployments, *own))
    adding = {tuple(group.items()) for group, items in grouped(own, rule.per, names) if rise(items, rule)}
    groups = grouped(in_scope(rule.scope, creep.deployments), rule.per, names)
    yield from _increases(rule, facts, ((group, items) for group, items in groups if tuple(group.items()) in adding))


def max_monthly_increase_percent(rule: Rule, facts: Facts) -> Iterator[Finding]:
    """The monthly cost may rise by no more than `limit` percent; an increase below `floor` is left alone.

    What cost nothing before has no percentage: other rules answer for it.
    """
    # Only what changed counts: neither a removed nor an untouched deployment makes the rest look small.
    changed = [item for item in in_scope(rule.scope, facts.delta.deployments) if item.status == "changed"]
    for group, items in grouped(changed, rule.per, labels(facts.delta.deployments)):
        base = sum((item.base.monthly.expected for item in items if item.base), ZERO)
        amount = rise(items, rule)
        if base <= 0 or amount < rule.floor:
            continue
        actual = amount * 100 / base
        if actual > limit_of(rule):
            scope = {**stated(rule.scope), **group}
            text = (
                f"costs{of_what(scope)} {_verb(rule)} {number_text(actual)} %"
                f" ({money_text(amount, facts.card.currency)} a month), limit {number_text(limit_of(rule))} %"
            )
            yield _finding(text, actual, scope, items, firm(rule, rise(_calibrated(items), rule) * 100 / base))


def rise(items: Sequence[DeploymentDelta], rule: Rule) -> Decimal:
    """What these deployments cost more, at the bound that the rule looks at; never below 0."""
    if not rule.offset:
        return sum((max(ZERO, _amount(item, rule)) for item in items), ZERO)
    return max(ZERO, sum((_amount(item, rule) for item in items if item.status != "removed"), ZERO))


def firm(rule: Rule, calibrated_value: Decimal) -> bool:
    """Whether a rule whose limit is exceeded may do more than warn.

    An upper bound without history is no ground to stop anybody. But what is calibrated is not let off because
    something uncalibrated came along: its own part of the value decides.
    """
    return rule.at == "expected" or calibrated_value > limit_of(rule)


def is_calibrated(*sides: Estimate | None) -> bool:
    """Whether the bounds of a deployment come from past estimates against actuals."""
    return all(side.band.calibrated for side in sides if side)


def about(items: Sequence[DeploymentDelta]) -> tuple[Subject, ...]:
    """The deployments that a finding is about, on both sides."""
    return tuple(each for item in items for each in subjects(item))


def limit_of(rule: Rule) -> Decimal:
    """The limit of a rule that has one; loading a policy sees to that."""
    assert rule.limit is not None, f"{rule.id} was loaded without a limit"
    return rule.limit


def _increases(
    rule: Rule, facts: Facts, groups: Iterator[tuple[dict[str, str], list[DeploymentDelta]]]
) -> Iterator[Finding]:
    currency = facts.card.currency
    window = f" within {duration_text(rule.window_s)}" if rule.window_s else ""
    for group, items in groups:
        actual = rise(items, rule)
        if actual > limit_of(rule):
            scope = {**stated(rule.scope), **group}
            text = (
                f"costs{of_what(scope)} {_verb(rule)} {money_text(actual, currency)} a month{window},"
                f" limit {money_text(limit_of(rule), currency)}"
            )
            yield _finding(text, actual, scope, items, firm(rule, rise(_calibrated(items), rule)))


def _no_history(rule: Rule, items: Sequence[DeploymentDelta]) -> Iterator[Finding]:
    changed = [item for item in items if item.status != "unchanged"]
    if changed:
        yield Finding(
            message=f"the history at hand does not reach back {duration_text(rule.window_s or 0)}, so how much costs"
            " rose since then is not known",
            scope=stated(rule.scope),
            subjects=about(changed),
            help="fetch more of the target branch, e.g. `fetch-depth: 0` of actions/checkout",
            warn_only=True,
        )


def _finding(text: str, actual: Decimal, scope: Mapping[str, str], items: list[DeploymentDelta], hard: bool) -> Finding:
    rising = [item for item in items if item.delta.high > 0]
    return Finding(
        message=text if hard else text + UNCALIBRATED,
        actual=actual,
        scope=scope,
        subjects=about(rising),
        location=origin(rising),
        help=CHEAPER,
        warn_only=not hard,
    )


def _calibrated(items: Sequence[DeploymentDelta]) -> list[DeploymentDelta]:
    return [item for item in items if is_calibrated(item.base, item.head)]


def _amount(item: DeploymentDelta, rule: Rule) -> Decimal:
    return item.delta.high if rule.at == "high" else item.delta.expected


def _verb(rule: Rule) -> str:
    if rule.at == "high":
        return "may have risen by up to" if rule.window_s else "may rise by up to"
    return "rose by" if rule.window_s else "rise by"
