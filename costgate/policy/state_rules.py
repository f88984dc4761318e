"""The rules about a state. They fire only where a step or deployment changed and head is worse than base: what was so
before is listed by `costgate breakdown`, not thrown at whoever comes by.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timezone
from decimal import Decimal
from itertools import chain

from costgate.model import (
    DeploymentDelta,
    DeploymentKey,
    Estimate,
    Input,
    Known,
    Location,
    Quote,
    StepEstimate,
    Unpriced,
)
from costgate.policy.finding import (
    SCOPES,
    Finding,
    Subject,
    attribute_of,
    duration_text,
    grouped,
    in_scope,
    labels,
    matches,
    number_text,
    of_what,
    origin,
    place_of,
    stated,
    subject,
    subjects,
)
from costgate.policy.increases import CHEAPER, UNCALIBRATED, about, firm, is_calibrated, limit_of
from costgate.policy.values import Facts, Rule, Scope
from costgate.units import decimal, money_text

ZERO = Decimal(0)
DAY_S = 86_400
INPUT_NAMES = {
    "runs": "runs a month", "tasks": "tasks", "attempts": "attempts", "duration_s": "duration",
    "overhead_s": "startup overhead",
}  # fmt: skip
DECLARE = "declare it in costgate.yml, or let `costgate meter usage` measure it"


def max_monthly_total(rule: Rule, facts: Facts) -> Iterator[Finding]:
    """All deployments of the scope together may cost no more than `limit` a month."""
    touched = _changed(rule, facts)
    if facts.totals is None:
        if touched:
            yield _not_computed(rule, touched)
        return
    before, after = (tuple(each for each in side if matches(rule.scope, subject(each))) for side in facts.totals)
    names = labels((*before, *after))
    base = {str(group): _total(rule, items) for group, items in grouped(before, rule.per, names)}
    for group, items in grouped(after, rule.per, names):
        actual = _total(rule, items)
        if actual > max(limit_of(rule), base.get(str(group), ZERO)):
            hard = firm(rule, _total(rule, [item for item in items if is_calibrated(item)]))
            yield _total_finding(rule, facts, items, {**stated(rule.scope), **group}, actual, hard)


def max_cost_per_run(rule: Rule, facts: Facts) -> Iterator[Finding]:
    """One run of a deployment may cost no more than `limit`."""
    for item, name, head in _deployed(rule, facts):
        before = _per_run(rule, item.base) if item.base else ZERO
        yield from _unit_cost(rule, facts, item, {"deployment": name}, _per_run(rule, head), before, f"a run of {name}")


def max_cost_per_experiment(rule: Rule, facts: Facts) -> Iterator[Finding]:
    """A declared experiment (runs × cost per run) may cost no more than `limit`."""
    for item, name, head in _deployed(rule, facts):
        if head.experiment:
            experiment, runs = head.experiment
            before = _per_run(rule, item.base) * item.base.experiment[1] if item.base and item.base.experiment else ZERO
            what = f"experiment {experiment} ({runs:,} runs of {name})"
            scope = {"deployment": name, "experiment": experiment}
            yield from _unit_cost(rule, facts, item, scope, _per_run(rule, head) * runs, before, what)


def max_gpus_per_step(rule: Rule, facts: Facts) -> Iterator[Finding]:
    """One task of a step may ask for no more than `limit` GPUs."""
    for item, scope, base, head in _steps(rule, facts):
        asked, before = _gpus(head), _gpus(base) if base else ZERO
        if asked is not None and asked > limit_of(rule) and (before is None or asked > before):
            yield Finding(
                message=f"{_step_name(scope)} asks for {number_text(asked)} GPUs a task,"
                f" limit {number_text(limit_of(rule))}",
                actual=asked,
                scope=scope,
                subjects=subjects(item),
                location=place_of(attribute_of(head, "gpu")),
                help="ask for fewer GPUs in one task",
            )


def min_gpu_utilization(rule: Rule, facts: Facts) -> Iterator[Finding]:
    """No more GPUs for a step that, as metered, used less than `limit` percent of those that it had."""
    for item, scope, base, head in _steps(rule, facts):
        measured = head.gpu_util or (base.gpu_util if base else None)
        asked, before = _gpus(head), _gpus(base) if base else None
        if measured is None or asked is None or before is None or asked <= before:
            continue
        used = decimal(measured[0]) * 100
        if used < limit_of(rule):
            yield Finding(
                message=f"{_step_name(scope)} asks for {number_text(asked)} GPUs instead of {number_text(before)}, but"
                f" used {number_text(used)} % of those it had ({measured[1]:,} samples),"
                f" floor {number_text(limit_of(rule))} %",
                actual=used,
                # An approval is for this many GPUs; utilisation alone would let any number follow.
                scope={**scope, "gpus": number_text(asked)},
                subjects=subjects(item),
                location=place_of(attribute_of(head, "gpu")),
                help="find out what the GPUs wait for (data loading, CPU, batch size) before adding more",
            )


def require_owner(rule: Rule, facts: Facts) -> Iterator[Finding]:
    """Every deployment has a team that pays for it."""
    for item, name, head in _deployed(rule, facts):
        if not head.owner.team and (item.base is None or item.base.owner.team):
            yield Finding(
                message=f"{name} has no team" if item.base is None else f"{name} loses its team {item.base.owner.team}",
                scope={"deployment": name},
                subjects=subjects(item),
                location=Location(path=item.file),
                help="name one under `owners:` or the deployment's `owner:` in costgate.yml, or with"
                " `@costgate(team=…)` in the flow",
            )


def require_timeout(rule: Rule, facts: Facts) -> Iterator[Finding]:
    """Every step that runs remotely has a `@timeout`, so that a hung task does not cost money for days."""
    for item, scope, base, head in _steps(rule, facts):
        if _lacks_timeout(head) and not (base and _lacks_timeout(base)):
            yield Finding(
                message=f"{_step_name(scope)} has no timeout, so a hung task is paid for until somebody notices",
                scope=scope,
                subjects=subjects(item),
                location=_step_place(item, head),
                help="add e.g. `@timeout(hours=4)` to the step",
            )


def no_unpriced(rule: Rule, facts: Facts) -> Iterator[Finding]:
    """Every step that is new or changed has a price. What is unknown is never counted as nothing."""
    names = labels(facts.delta.deployments)
    named: dict[str, list[DeploymentDelta]] = {}
    for item in facts.delta.deployments:
        named.setdefault(item.name, []).append(item)
    for unpriced in facts.delta.unpriced:
        items = named.get(unpriced.deployment, [])
        found = about(items) or ({**dict.fromkeys(SCOPES, ""), "deployment": unpriced.deployment},)
        if _covered(rule.scope, found) and not any(_covered(scope, found) for scope in rule.outside):
            label = names[items[0].key] if len(items) == 1 else unpriced.deployment
            yield _unpriced_finding(unpriced, label, found)


def no_assumed(rule: Rule, facts: Facts) -> Iterator[Finding]:
    """The price of a step does not come to rest on more assumptions than before."""
    for item, scope, base, head in _steps(rule, facts):
        before = _assumed(base) if base else {}
        new = {name: read for name, read in _assumed(head).items() if name not in before}
        if new:
            first = next(iter(new.values()))
            yield Finding(
                message=f"{_step_name(scope)} is priced with an assumed {_join(list(new))}",
                scope=scope,
                subjects=subjects(item),
                location=first.location if first and first.location else _step_place(item, head),
                help=DECLARE if first else "add a tier that matches the step to the rate card",
            )


def max_rate_card_age(rule: Rule, facts: Facts) -> Iterator[Finding]:
    """A change of costs is not priced with a rate card older than `limit`."""
    today = facts.as_of.astimezone(timezone.utc).date()
    age = (today - facts.card.as_of).days * DAY_S
    what = f"the rate card {facts.card.name} ({facts.card.as_of})"
    yield from _too_old(rule, facts, what, age, "check its prices and set `as_of`, or update costgate for newer ones")


def max_usage_age(rule: Rule, facts: Facts) -> Iterator[Finding]:
    """A change of costs is not estimated from a usage profile older than `limit`. Having none is no-assumed's."""
    if facts.usage:
        age = int((facts.as_of - facts.usage.as_of).total_seconds())
        what = f"the usage profile {facts.usage.path} ({facts.usage.as_of.astimezone(timezone.utc).date()})"
        yield from _too_old(rule, facts, what, age, "write a new one with `costgate meter usage`")


def _too_old(rule: Rule, facts: Facts, what: str, age_s: int, help: str) -> Iterator[Finding]:
    touched = _changed(rule, facts)
    if touched and age_s > limit_of(rule):
        yield Finding(
            message=f"{what} is {duration_text(age_s)} old, limit {duration_text(limit_of(rule))}",
            actual=Decimal(age_s),
            scope=stated(rule.scope),
            subjects=about(touched),
            help=help,
        )


def _changed(rule: Rule, facts: Facts) -> list[DeploymentDelta]:
    return [item for item in in_scope(rule.scope, facts.delta.deployments) if item.status != "unchanged"]


def _deployed(rule: Rule, facts: Facts) -> Iterator[tuple[DeploymentDelta, str, Estimate]]:
    names = labels(facts.delta.deployments)
    for item in in_scope(rule.scope, facts.delta.deployments):
        if item.head:
            yield item, names[item.key], item.head


def _steps(
    rule: Rule, facts: Facts
) -> Iterator[tuple[DeploymentDelta, dict[str, str], StepEstimate | None, StepEstimate]]:
    for item, name, head in _deployed(rule, facts):
        before = {step.step: step for step in item.base.steps} if item.base else {}
        for step in head.steps:
            yield item, {"deployment": name, "step": step.step}, before.get(step.step), step


def _step_name(scope: Mapping[str, str]) -> str:
    return f"{scope['deployment']}/{scope['step']}"


def _covered(scope: Scope, found: Sequence[Subject]) -> bool:
    return any(matches(scope, each) for each in found)


def _unpriced_finding(unpriced: Unpriced, name: str, found: tuple[Subject, ...]) -> Finding:
    step = {"step": unpriced.step} if unpriced.step else {}
    return Finding(
        message=f"{name}{'/' + unpriced.step if unpriced.step else ''} has no price: {unpriced.reason}",
        scope={"deployment": name, **step},
        subjects=found,
        location=unpriced.location,
        help=unpriced.help or "write the value so that it can be read without running the flow",
    )


def _unit_cost(
    rule: Rule, facts: Facts, item: DeploymentDelta, scope: dict[str, str], actual: Decimal, before: Decimal, what: str
) -> Iterator[Finding]:
    if actual <= max(limit_of(rule), before):
        return
    hard = firm(rule, actual if is_calibrated(item.head) else ZERO)
    verb = "may cost up to" if rule.at == "high" else "costs"
    limit, cost = (money_text(amount, facts.card.currency) for amount in (limit_of(rule), actual))
    yield Finding(
        message=f"{what} {verb} {cost}, limit {limit}{'' if hard else UNCALIBRATED}",
        actual=actual,
        scope=scope,
        subjects=subjects(item),
        location=origin([item]),
        help=CHEAPER,
        warn_only=not hard,
    )


def _per_run(rule: Rule, estimate: Estimate) -> Decimal:
    """cost_per_run holds the bias already; its upper bound is that of the band, high ÷ bias."""
    if rule.at == "expected":
        return estimate.cost_per_run
    return estimate.cost_per_run * decimal(estimate.band.high) / decimal(estimate.band.bias)


def _total(rule: Rule, items: Sequence[Estimate]) -> Decimal:
    return sum((item.monthly.high if rule.at == "high" else item.monthly.expected for item in items), ZERO)


def _total_finding(
    rule: Rule, facts: Facts, items: list[Estimate], scope: dict[str, str], actual: Decimal, hard: bool
) -> Finding:
    keys: set[DeploymentKey] = {item.key for item in items}
    verb = "may reach" if rule.at == "high" else "becomes"
    limit, total = (money_text(amount, facts.card.currency) for amount in (limit_of(rule), actual))
    return Finding(
        message=f"the total{of_what(scope)} {verb} {total} a month, limit {limit}{'' if hard else UNCALIBRATED}",
        actual=actual,
        scope=scope,
        subjects=tuple(subject(item) for item in items),
        location=origin(item for item in facts.delta.deployments if item.key in keys),
        help=f"{CHEAPER}, or undeploy something",
        warn_only=not hard,
    )


def _not_computed(rule: Rule, touched: list[DeploymentDelta]) -> Finding:
    return Finding(
        message="the total of all deployments was not computed, so its limit is not judged",
        scope=stated(rule.scope),
        subjects=about(touched),
        help="run `costgate check` over the whole repository, without naming flows",
        warn_only=True,
    )


def _gpus(step: StepEstimate) -> Decimal | None:
    """GPUs that one task asks for; None where unknown. What runs locally takes none that anybody pays for."""
    if step.resources.compute == "local":
        return ZERO
    value = attribute_of(step, "gpu")
    return _number(value.value) if isinstance(value, Known) else None


def _number(value: object) -> Decimal | None:
    try:
        number = decimal(str(value or 0))
    except ArithmeticError:
        return None
    return number if number.is_finite() else None


def _lacks_timeout(step: StepEstimate) -> bool:
    value = attribute_of(step, "timeout_s")
    return step.resources.compute != "local" and isinstance(value, Known) and not value.value


def _step_place(item: DeploymentDelta, step: StepEstimate) -> Location:
    """A step in its flow: the line there that asks for something, else wherever that was written."""
    values = [attribute_of(step, name) for name in ("gpu", "cpu", "memory_mb")]
    places = chain.from_iterable(value.chain for value in values if isinstance(value, Known))
    in_flow = (place for place in places if place.path == item.file)
    written = (place for place in map(place_of, values) if place)
    return next(chain(in_flow, written), Location(path=item.file))


def _assumed(step: StepEstimate) -> dict[str, Input | None]:
    """What a price rests on that nobody declared or measured; None for the tier, which is no Input."""
    if not isinstance(step.quote, Quote):
        return {}
    found: dict[str, Input | None] = {
        INPUT_NAMES[name]: read for name, read in step.inputs.items() if read.assumed and name in INPUT_NAMES
    }
    return {**found, "price": None} if step.quote.assumptions else found


def _join(words: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
