"""Every rule in both directions: what it fires on, with its sentence, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from costgate.model import DeploymentDelta, Unpriced
from costgate.policy.decide import Facts
from costgate.policy.rules import RULES
from tests.policy.builders import (
    AS_OF,
    ASSUMED_PRICE,
    CALIBRATED,
    CARD,
    LOCAL,
    NO_PRICE,
    PLACE,
    UNCALIBRATED,
    UNKNOWN,
    assumed,
    between,
    delta,
    estimate,
    facts,
    fired,
    gpus,
    known,
    rises,
    step,
    steps,
    usage,
)  # fmt: skip  # isort: skip

INCREASE = "{rule: max-monthly-increase, limit: 2000, action: warn}"
OFFSET = "{rule: max-monthly-increase, limit: 2000, action: warn, offset: true}"
HIGH = "{rule: max-monthly-increase, limit: 2000, action: block, at: high}"
HIGH_OFFSET = "{rule: max-monthly-increase, limit: 50, action: block, at: high, offset: true}"
PER_TEAM = "{rule: max-monthly-increase, limit: 2000, action: warn, per: team}"
PER_DEPLOYMENT = "{rule: max-monthly-increase, limit: 2000, action: warn, per: deployment}"
RECO = "{rule: max-monthly-increase, limit: 2000, action: warn, scope: {team: [reco, search]}}"
CREEP = "{rule: max-monthly-increase, limit: 2000, action: block, window: 30d}"
CREEP_HIGH = "{rule: max-monthly-increase, limit: 2000, action: warn, window: 30d, at: high}"
CREEP_PER_DEPLOYMENT = "{rule: max-monthly-increase, limit: 2000, action: warn, window: 30d, per: deployment}"
PERCENT = "{rule: max-monthly-increase-percent, limit: 20, floor: 200, action: warn}"
PERCENT_HIGH = "{rule: max-monthly-increase-percent, limit: 20, action: block, at: high}"
PERCENT_ALL = "{rule: max-monthly-increase-percent, limit: 20, action: warn, per: pull-request}"
TOTAL = "{rule: max-monthly-total, limit: 8000, action: block, scope: {team: reco}}"
TOTAL_HIGH = "{rule: max-monthly-total, limit: 8000, action: block, at: high}"
TOTAL_PER_PROJECT = "{rule: max-monthly-total, limit: 8000, action: block, per: project}"
PER_RUN = "{rule: max-cost-per-run, limit: 50, action: block}"
PER_RUN_HIGH = "{rule: max-cost-per-run, limit: 50, action: block, at: high}"
EXPERIMENT = "{rule: max-cost-per-experiment, limit: 1000, action: block}"
GPUS = "{rule: max-gpus-per-step, limit: 8, action: block}"
UTILISATION = "{rule: min-gpu-utilization, action: block}"
OWNER = "{rule: require-owner, action: block}"
TIMEOUT = "{rule: require-timeout, action: block}"
UNPRICED = "{rule: no-unpriced, action: block}"
UNPRICED_RECO = "{rule: no-unpriced, action: warn, scope: {team: reco}}"
ASSUMED = "{rule: no-assumed, action: block}"
CARD_AGE = "{rule: max-rate-card-age, limit: 10d, action: warn}"
USAGE_AGE = "{rule: max-usage-age, limit: 10d, action: warn}"

MONTH = 30 * 86400
OLD_USAGE = usage(AS_OF - timedelta(days=11))


def timeouts(base: object, head: object) -> DeploymentDelta:
    return steps(step(timeout_s=known(base)), step(timeout_s=known(head)))


def totals(base: int, head: int, **options: object) -> Facts:
    """Train goes from base to head, beside a deployment of another team that does not change."""
    change = between(estimate(base, **options), estimate(head, **options))  # type: ignore[arg-type]
    other = estimate(7000, name="Serve", team="ads", project="ads")
    assert change.base
    assert change.head
    return facts(change, totals=((change.base, other), (change.head, other)))


FIRES = [
    pytest.param(
        INCREASE, facts(rises(2772)), "costs rise by $2,772 a month, limit $2,000", id="costs rise above the limit"
    ),
    pytest.param(
        INCREASE, facts(rises(1500), rises(1500, name="Serve")), "costs rise by $3,000 a month, limit $2,000",
        id="two rises that are above the limit together",
    ),
    pytest.param(
        INCREASE, facts(rises(2500), rises(-2400, base=9000, name="Serve")),
        "costs rise by $2,500 a month, limit $2,000", id="a decrease elsewhere does not help",
    ),
    pytest.param(
        OFFSET, facts(rises(2500), rises(-400, name="Serve")), "costs rise by $2,100 a month, limit $2,000",
        id="an offset that is not enough",
    ),
    pytest.param(
        OFFSET, facts(rises(2500), between(estimate(9000, name="Old"), None)),
        "costs rise by $2,500 a month, limit $2,000", id="a removed deployment never offsets",
    ),
    pytest.param(
        HIGH, facts(rises(1500)), "costs may rise by up to $3,000 a month, limit $2,000",
        id="the upper bound is above the limit",
    ),
    pytest.param(
        HIGH, facts(rises(600, band=UNCALIBRATED)),
        "costs may rise by up to $2,400 a month, limit $2,000; the upper bound is uncalibrated, so this only warns",
        id="an upper bound without history warns",
    ),
    pytest.param(
        HIGH, facts(rises(1500), rises(1, base=0, name="Tiny", band=UNCALIBRATED)),
        "costs may rise by up to $3,004 a month, limit $2,000",
        id="something uncalibrated on the side does not let off what is calibrated",
    ),
    pytest.param(
        HIGH_OFFSET, facts(rises(40), rises(-5, name="Serve", band=UNCALIBRATED)),
        "costs may rise by up to $78.75 a month, limit $50.00", id="an offset within the upper bound",
    ),
    pytest.param(
        PER_TEAM, facts(rises(2100), rises(100, name="Serve", team="ads")),
        "costs of team reco rise by $2,100 a month, limit $2,000", id="one team of two rises too much",
    ),
    pytest.param(
        PER_TEAM, facts(rises(2100, team=None)), "costs of team unallocated rise by $2,100 a month, limit $2,000",
        id="what nobody owns is a team too",
    ),
    pytest.param(
        PER_DEPLOYMENT, facts(rises(2100), rises(1900, name="Serve")),
        "costs of Train rise by $2,100 a month, limit $2,000", id="one deployment of two rises too much",
    ),
    pytest.param(
        PER_DEPLOYMENT, facts(rises(2100, flow="A"), rises(1900, flow="B", project="p", branch="b")),
        "costs of Train (A///) rise by $2,100 a month, limit $2,000", id="two deployments of one name are told apart",
    ),
    pytest.param(
        RECO, facts(rises(2100), rises(900, name="Serve", team="ads")),
        "costs of team reco, search rise by $2,100 a month, limit $2,000", id="only the teams of the scope count",
    ),
    pytest.param(
        RECO, facts(between(estimate(100, team="reco"), estimate(2200, team="elsewhere"))),
        "costs of team reco, search rise by $2,100 a month, limit $2,000", id="a change of team leaves no rule",
    ),
    pytest.param(
        CREEP, facts(rises(10), creep={MONTH: delta(rises(2500))}),
        "costs rose by $2,500 a month within 30 days, limit $2,000", id="small changes creep above the limit",
    ),
    pytest.param(
        CREEP_HIGH, facts(rises(10), creep={MONTH: delta(rises(1500))}),
        "costs may have risen by up to $3,000 a month within 30 days, limit $2,000", id="the upper bound creeps",
    ),
    pytest.param(
        CREEP_PER_DEPLOYMENT,
        facts(rises(10), creep={MONTH: delta(rises(2500), rises(4000, name="Serve"))}),
        "costs of Train rose by $2,500 a month within 30 days, limit $2,000", id="only the deployment that rises again",
    ),
    pytest.param(
        CREEP, facts(rises(-10), creep={MONTH: None}),
        "the history at hand does not reach back 30 days, so how much costs rose since then is not known",
        id="history that does not reach back is said",
    ),
    pytest.param(
        CREEP, facts(rises(-10)),
        "the history at hand does not reach back 30 days, so how much costs rose since then is not known",
        id="a window that nobody measured is said",
    ),
    pytest.param(
        PERCENT, facts(rises(350)), "costs of Train rise by 35 % ($350 a month), limit 20 %", id="a third more",
    ),
    pytest.param(
        PERCENT, facts(rises("202.5"), rises(100000, base=0, name="New"), rises(0, base=9000, name="Serve")),
        "costs of Train rise by 20 % ($202 a month), limit 20 %", id="a little above the limit",
    ),
    pytest.param(
        PERCENT_ALL, facts(rises(350), rises(0, base=9000, name="Same"), between(estimate(9000, name="Old"), None)),
        "costs rise by 35 % ($350 a month), limit 20 %", id="what did not change or went away does not dilute",
    ),
    pytest.param(
        PERCENT_HIGH, facts(rises(60, band=UNCALIBRATED)),
        "costs of Train may rise by up to 24 % ($240 a month), limit 20 %; the upper bound is uncalibrated, so this"
        " only warns",
        id="an uncalibrated percentage warns",
    ),
    pytest.param(
        TOTAL, totals(7900, 8100), "the total of team reco becomes $8,100 a month, limit $8,000",
        id="the total of a team passes the limit",
    ),
    pytest.param(
        TOTAL, totals(8100, 8200), "the total of team reco becomes $8,200 a month, limit $8,000",
        id="a total above the limit rises further",
    ),
    pytest.param(
        TOTAL_HIGH, totals(1000, 1100, band=UNCALIBRATED), "the total may reach $18,400 a month, limit $8,000",
        id="the upper bound of a total, calibrated enough",
    ),
    pytest.param(
        TOTAL_HIGH, facts(totals=((), (estimate(3000, band=UNCALIBRATED),))),
        "the total may reach $12,000 a month, limit $8,000; the upper bound is uncalibrated, so this only warns",
        id="the upper bound of a total, uncalibrated",
    ),
    pytest.param(
        TOTAL_PER_PROJECT, totals(7900, 8100, project="ranker"),
        "the total of project ranker becomes $8,100 a month, limit $8,000", id="the total of a project",
    ),
    pytest.param(
        TOTAL, facts(rises(1)), "the total of all deployments was not computed, so its limit is not judged",
        id="a total that was not computed is said",
    ),
    pytest.param(
        PER_RUN, facts(between(estimate(per_run=40), estimate(per_run=60))),
        "a run of Train costs $60.00, limit $50.00", id="a run becomes too dear",
    ),
    pytest.param(
        PER_RUN, facts(between(None, estimate(per_run=60))), "a run of Train costs $60.00, limit $50.00",
        id="a new deployment has dear runs",
    ),
    pytest.param(
        PER_RUN_HIGH, facts(between(estimate(per_run=20), estimate(per_run=30))),
        "a run of Train may cost up to $60.00, limit $50.00", id="a run may become too dear",
    ),
    pytest.param(
        PER_RUN_HIGH, facts(between(None, estimate(per_run=30, band=UNCALIBRATED))),
        "a run of Train may cost up to $120, limit $50.00; the upper bound is uncalibrated, so this only warns",
        id="a run may become too dear, uncalibrated",
    ),
    pytest.param(
        EXPERIMENT, facts(between(estimate(per_run=10), estimate(per_run=10, experiment=("sweep-7", 200)))),
        "experiment sweep-7 (200 runs of Train) costs $2,000, limit $1,000", id="an experiment is declared",
    ),
    pytest.param(
        EXPERIMENT,
        facts(between(estimate(per_run=10, experiment=("s", 200)), estimate(per_run=10, experiment=("s", 201)))),
        "experiment s (201 runs of Train) costs $2,010, limit $1,000", id="an experiment grows",
    ),
    pytest.param(
        GPUS, facts(gpus(4, "16")), "Train/fit asks for 16 GPUs a task, limit 8", id="a task asks for more GPUs"
    ),
    pytest.param(
        GPUS, facts(between(None, estimate(1, step(gpu=known(12))))), "Train/fit asks for 12 GPUs a task, limit 8",
        id="a new step asks for many GPUs",
    ),
    pytest.param(
        GPUS, facts(steps(step(gpu=UNKNOWN), step(gpu=known(12)))), "Train/fit asks for 12 GPUs a task, limit 8",
        id="nobody knows how many GPUs it asked for before",
    ),
    pytest.param(
        GPUS, facts(steps(step(gpu=known(12), compute="local"), step(gpu=known(12)))),
        "Train/fit asks for 12 GPUs a task, limit 8", id="a local step moves to the cluster with its GPUs",
    ),
    pytest.param(
        UTILISATION, facts(gpus(4, 8, util=(0.234, 50))),
        "Train/fit asks for 8 GPUs instead of 4, but used 23 % of those it had (50 samples), floor 40 %",
        id="more GPUs for a step that starves",
    ),
    pytest.param(
        UTILISATION, facts(steps(step(gpu=known(1), util=(0.05, 1200)), step(gpu=known("1.5")))),
        "Train/fit asks for 1.5 GPUs instead of 1, but used 5 % of those it had (1,200 samples), floor 40 %",
        id="only base knows the utilisation",
    ),
    pytest.param(
        OWNER, facts(between(None, estimate(team=None))), "Train has no team", id="a new deployment without owner"
    ),
    pytest.param(
        OWNER, facts(between(estimate(team="reco"), estimate(team=None))), "Train loses its team reco",
        id="a deployment loses its owner",
    ),
    pytest.param(
        TIMEOUT, facts(timeouts(3600, None)),
        "Train/fit has no timeout, so a hung task is paid for until somebody notices", id="a step loses its timeout",
    ),
    pytest.param(
        TIMEOUT, facts(steps(None, step())),
        "Train/fit has no timeout, so a hung task is paid for until somebody notices", id="a new step has no timeout",
    ),
    pytest.param(
        TIMEOUT, facts(steps(step(compute="local"), step(compute="batch"))),
        "Train/fit has no timeout, so a hung task is paid for until somebody notices",
        id="a local step without timeout goes remote",
    ),
    pytest.param(
        UNPRICED, facts(rises(1), unpriced=(NO_PRICE,)), "Train/fit has no price: gpu comes from `cfg.gpus`",
        id="a step without a price",
    ),
    pytest.param(
        UNPRICED,
        facts(unpriced=(Unpriced(deployment="flows/odd.py", step=None, reason="syntax error", location=PLACE),)),
        "flows/odd.py has no price: syntax error", id="a file that is no flow",
    ),
    pytest.param(
        UNPRICED, facts(rises(1, flow="A"), rises(1, flow="B"), unpriced=(NO_PRICE,)),
        "Train/fit has no price: gpu comes from `cfg.gpus`", id="an unpriced step of two deployments of one name",
    ),
    pytest.param(
        UNPRICED_RECO, facts(rises(1), unpriced=(NO_PRICE,)), "Train/fit has no price: gpu comes from `cfg.gpus`",
        id="an unpriced step of the scope",
    ),
    pytest.param(
        ASSUMED, facts(steps(None, step(inputs=assumed("duration_s", "runs", "overhead_s")))),
        "Train/fit is priced with an assumed runs a month, duration and startup overhead",
        id="a new step without history",
    ),
    pytest.param(
        ASSUMED, facts(steps(step(inputs=assumed("runs")), step(inputs=assumed("runs", "tasks")))),
        "Train/fit is priced with an assumed tasks", id="one more assumption",
    ),
    pytest.param(
        ASSUMED, facts(steps(step(inputs=assumed("runs"), quote=LOCAL), step(inputs=assumed("runs")))),
        "Train/fit is priced with an assumed runs a month", id="what was free had no assumption in its price",
    ),
    pytest.param(
        ASSUMED, facts(steps(step(), step(quote=ASSUMED_PRICE))), "Train/fit is priced with an assumed price",
        id="the tier is a guess",
    ),
    pytest.param(
        CARD_AGE, facts(rises(1)), "the rate card acme (2026-11-01) is 22 days old, limit 10 days", id="old prices",
    ),
    pytest.param(
        USAGE_AGE, facts(rises(1), usage=OLD_USAGE),
        "the usage profile usage.json (2026-11-12) is 11 days old, limit 10 days", id="old history",
    ),
]  # fmt: skip

LEAVES_ALONE = [
    pytest.param(INCREASE, facts(rises(2000)), id="a rise to the limit"),
    pytest.param(INCREASE, facts(rises(-5000, base=6000)), id="a decrease"),
    pytest.param(INCREASE, facts(between(estimate(9000), None)), id="a removal"),
    pytest.param(OFFSET, facts(rises(2500), rises(-600, name="Serve")), id="an offset that is enough"),
    pytest.param(OFFSET, facts(rises(-2500, base=3000)), id="an offset below zero"),
    pytest.param(HIGH, facts(rises(1000)), id="an upper bound at the limit"),
    pytest.param(
        PER_TEAM, facts(rises(1500), rises(1500, name="Serve", team="ads")), id="each team is below the limit"
    ),
    pytest.param(RECO, facts(rises(5000, team="ads")), id="a rise outside the scope"),
    pytest.param(CREEP, facts(rises(10), creep={MONTH: delta(rises(2000))}), id="creep up to the limit"),
    pytest.param(CREEP, facts(rises(-10), creep={MONTH: delta(rises(5000))}), id="creep, and this change saves"),
    pytest.param(CREEP, facts(rises(0), creep={MONTH: None}), id="no history and no change"),
    pytest.param(PERCENT, facts(rises(199, base=10)), id="a multiple below the floor"),
    pytest.param(PERCENT, facts(rises(200)), id="a percentage at the limit"),
    pytest.param(PERCENT, facts(rises(5000, base=0)), id="a new deployment has no percentage"),
    pytest.param(
        PERCENT, facts(between(estimate(0), estimate(5000))), id="a deployment that cost nothing has no percentage"
    ),
    pytest.param(TOTAL, totals(7900, 8000), id="a total up to the limit"),
    pytest.param(TOTAL, totals(9000, 8500), id="a total above the limit that falls"),
    pytest.param(TOTAL, totals(9000, 9000), id="a total above the limit that stays"),
    pytest.param(TOTAL, facts(rises(0)), id="no total and no change"),
    pytest.param(PER_RUN, facts(between(estimate(per_run=70), estimate(per_run=60))), id="a dear run becomes cheaper"),
    pytest.param(PER_RUN, facts(between(estimate(per_run=60), None)), id="dear runs go away"),
    pytest.param(PER_RUN_HIGH, facts(between(None, estimate(per_run=25))), id="an upper bound of a run at the limit"),
    pytest.param(EXPERIMENT, facts(between(None, estimate(per_run=5000))), id="no experiment"),
    pytest.param(
        EXPERIMENT,
        facts(between(estimate(per_run=9, experiment=("s", 300)), estimate(per_run=9, experiment=("s", 200)))),
        id="an experiment shrinks",
    ),
    pytest.param(GPUS, facts(gpus(4, 8)), id="GPUs up to the limit"),
    pytest.param(GPUS, facts(gpus(16, 12)), id="too many GPUs, but fewer than before"),
    pytest.param(GPUS, facts(gpus(16, 16)), id="as many GPUs as before"),
    pytest.param(GPUS, facts(gpus(4, None)), id="no GPUs"),
    pytest.param(GPUS, facts(gpus(4, "many")), id="GPUs that are no number"),
    pytest.param(GPUS, facts(gpus(4, float("inf"))), id="GPUs without end"),
    pytest.param(GPUS, facts(gpus(4, 16, touched_by=UNKNOWN)), id="GPUs that a mutator may have changed"),
    pytest.param(GPUS, facts(gpus(4, 16, compute="local")), id="GPUs of a local step"),
    pytest.param(UTILISATION, facts(gpus(4, 8, util=(0.4, 50))), id="more GPUs for a step at the floor"),
    pytest.param(UTILISATION, facts(gpus(8, 8, util=(0.1, 50))), id="a step that starves as before"),
    pytest.param(UTILISATION, facts(gpus(4, 8)), id="a step that nobody measured"),
    pytest.param(UTILISATION, facts(steps(None, step(gpu=known(8), util=(0.1, 5)))), id="a new step"),
    pytest.param(OWNER, facts(between(estimate(1, team=None), estimate(2, team=None))), id="nobody owned it before"),
    pytest.param(OWNER, facts(between(None, estimate(team="reco"))), id="a new deployment with an owner"),
    pytest.param(TIMEOUT, facts(timeouts(None, None)), id="no timeout before and after"),
    pytest.param(TIMEOUT, facts(timeouts(None, 60)), id="a timeout is added"),
    pytest.param(TIMEOUT, facts(steps(None, step(compute="local"))), id="a local step needs no timeout"),
    pytest.param(TIMEOUT, facts(steps(None, step(timeout_s=UNKNOWN))), id="a timeout that cannot be read is one"),
    pytest.param(UNPRICED, facts(rises(1)), id="everything has a price"),
    pytest.param(ASSUMED, facts(steps(None, step(inputs=assumed()))), id="a new step with history"),
    pytest.param(
        ASSUMED, facts(steps(step(inputs=assumed("runs")), step(inputs=assumed("runs")))), id="assumed as before"
    ),
    pytest.param(
        ASSUMED, facts(steps(step(), step(inputs=assumed("runs"), quote=LOCAL))),
        id="what is not billed rests on nothing",
    ),
    pytest.param(CARD_AGE, facts(rises(0)), id="old prices, but nothing changed"),
    pytest.param(
        CARD_AGE, facts(rises(1), card=replace(CARD, as_of=date(2026, 11, 13))),
        id="prices as old as the limit",
    ),
    pytest.param(USAGE_AGE, facts(rises(1)), id="no history is no old history"),
    pytest.param(USAGE_AGE, facts(rises(0), usage=OLD_USAGE), id="old history, but nothing changed"),
    pytest.param(USAGE_AGE, facts(rises(1), usage=usage(AS_OF - timedelta(days=10))), id="history as old as the limit"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "about", "message"), FIRES)
def test_fires(rule: str, about: Facts, message: str) -> None:
    assert [each.message for each in fired(rule, about)] == [message]


@pytest.mark.parametrize(("rule", "about"), LEAVES_ALONE)
def test_leaves_alone(rule: str, about: Facts) -> None:
    assert fired(rule, about) == []


def test_every_rule_is_in_both_tables_and_says_to_its_user_what_it_does() -> None:
    for table in (FIRES, LEAVES_ALONE):
        assert {str(row.values[0]).split(",")[0].removeprefix("{rule: ") for row in table} == set(RULES)
    assert all(spec.judge.__doc__ for spec in RULES.values())


@pytest.mark.parametrize(
    ("band", "action"),
    [pytest.param(CALIBRATED, "block", id="calibrated"), pytest.param(UNCALIBRATED, "warn", id="not")],
)
def test_the_upper_bound_does_more_than_warn_only_where_it_is_calibrated(band: object, action: str) -> None:
    (violation,) = fired(HIGH, facts(rises(1500, band=band)))
    assert violation.action == action


def test_a_history_that_does_not_reach_back_only_warns() -> None:
    (violation,) = fired(CREEP, facts(rises(1), creep={MONTH: None}))
    assert (violation.action, violation.actual) == ("warn", None)
    assert violation.help.startswith("fetch more of the target branch")


def test_a_builtin_no_unpriced_answers_for_what_a_scoped_one_leaves_open() -> None:
    outside = Unpriced(deployment="Serve", step="fit", reason="who knows", location=PLACE, help="ask around")
    about = facts(rises(1), rises(1, name="Serve", team="ads"), unpriced=(NO_PRICE, outside))
    assert [(each.id, each.action, each.scope, each.help) for each in fired(UNPRICED_RECO, about)] == [
        (
            "no-unpriced/block", "block", {"deployment": "Serve", "step": "fit"},
            "ask around; or waive it for a time under `waivers` of the policy policy.yml",
        ),
        (
            "no-unpriced[team=reco]/warn", "warn", {"deployment": "Train", "step": "fit"},
            "write the value so that it can be read without running the flow",
        ),
    ]  # fmt: skip
