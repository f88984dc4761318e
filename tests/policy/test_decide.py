"""From what the rules find to the verdict: outcomes, waivers, approvals, order, and the laws of all three."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costgate.errors import InputError
from costgate.model import Cover, Decision, DeploymentDelta, RequiredApproval
from costgate.policy.decide import OUTCOMES as MILD_TO_SEVERE
from costgate.policy.decide import Facts, decide
from costgate.policy.load import Policy
from tests.policy.builders import (
    AS_OF,
    CARD,
    HEAD,
    NO_PRICE,
    UNCALIBRATED,
    approval,
    between,
    estimate,
    facts,
    policy,
    rises,
    ruled,
    step,
)

WARN = "{rule: max-monthly-increase, limit: 100, action: warn}"
NOTIFY = "{rule: max-monthly-increase, limit: 100, action: notify}"
BLOCK = "{rule: max-monthly-increase, limit: 2000, action: block}"
FINANCE = "{rule: max-monthly-increase, limit: 1000, action: require-approval, approval: finance}"
UNPRICED = "{rule: no-unpriced, action: block}"
UNPRICED_FINANCE = "{rule: no-unpriced, action: require-approval, approval: finance}"
YES = approval(Cover(rule="max-monthly-increase/require-approval/finance", scope={}, ceiling=Decimal(9000)))

OUTCOMES = [
    pytest.param([WARN, FINANCE, BLOCK], facts(rises(50)), "pass", id="nothing fires"),
    pytest.param([NOTIFY], facts(rises(500)), "pass", id="a note passes"),
    pytest.param([WARN, FINANCE, BLOCK], facts(rises(500)), "warn", id="a warning"),
    pytest.param([WARN, FINANCE, BLOCK], facts(rises(1500)), "approval-required", id="an approval beats a warning"),
    pytest.param([WARN, FINANCE], facts(rises(1500), approvals=(YES,)), "approved", id="approved beats a warning"),
    pytest.param([FINANCE, BLOCK], facts(rises(2500), approvals=(YES,)), "blocked", id="no approval lifts a block"),
    pytest.param([UNPRICED], facts(unpriced=(NO_PRICE,)), "incomplete", id="the unpriced is blocked"),
    pytest.param([], facts(), "pass", id="no change"),
    pytest.param([FINANCE, UNPRICED], facts(rises(1500), unpriced=(NO_PRICE,)), "incomplete", id="incomplete wins"),
    pytest.param([BLOCK, UNPRICED], facts(rises(2500), unpriced=(NO_PRICE,)), "blocked", id="blocked beats all"),
    pytest.param([UNPRICED_FINANCE], facts(unpriced=(NO_PRICE,)), "approval-required", id="the unpriced needs finance"),
    pytest.param([WARN], facts(rises(500), first_adoption=True), "approval-required", id="first adoption asks"),
    pytest.param(
        [FINANCE], facts(rises(1500), first_adoption=True, approvals=(YES,)), "approval-required",
        id="no label helps a first adoption",
    ),
    pytest.param([BLOCK], facts(rises(2500), first_adoption=True), "blocked", id="first adoption stays blocked"),
    pytest.param([WARN], facts(rises(500), broken_judges=("a: b",)), "incomplete", id="a broken judge is incomplete"),
    pytest.param([BLOCK], facts(rises(2500), broken_judges=("a: b",)), "blocked", id="a broken judge stays blocked"),
    pytest.param(
        ["{rule: max-monthly-increase, limit: 1, action: require-approval, approval: finance, at: high}"],
        facts(rises(500, band=UNCALIBRATED)), "warn", id="an uncalibrated upper bound asks nobody",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "about", "outcome"), OUTCOMES)
def test_the_outcome_is_the_first_that_applies(rules: list[str], about: Facts, outcome: str) -> None:
    assert decide(ruled(*rules), about).outcome == outcome


def test_violations_come_severest_first_and_waived_ones_last() -> None:
    text = """
        version: 1
        approvals: {finance: {}}
        rules:
          - {rule: max-monthly-increase, limit: 10, action: notify}
          - {rule: max-monthly-increase, limit: 10, action: block, id: z}
          - {rule: max-monthly-increase, limit: 10, action: block, per: deployment, id: b}
          - {rule: max-monthly-increase, limit: 10, action: warn}
          - {rule: max-monthly-increase, limit: 10, action: require-approval, approval: finance}
          - {rule: max-monthly-increase, limit: 10, action: block, id: a}
        waivers:
          - {rule: a, until: 2026-12-31, reason: known}
    """
    decision = decide(policy(text), facts(rises(20, name="Z"), rises(20, name="B")))
    assert [(each.id, each.scope) for each in decision.violations] == [
        ("b", {"deployment": "B"}),
        ("b", {"deployment": "Z"}),
        ("z", {}),
        ("max-monthly-increase/require-approval/finance", {}),
        ("max-monthly-increase/warn", {}),
        ("max-monthly-increase/notify", {}),
        ("a", {}),
    ]


def test_the_way_out_names_those_who_can_approve() -> None:
    text = """
        version: 1
        approvals: {finance: {users: [fiona, {login: paul, id: 4711}], teams: [acme/finance], via: [label, review]}}
        rules: [{rule: max-monthly-increase, limit: 10, action: require-approval, approval: finance}]
    """
    (violation,) = decide(policy(text), facts(rises(20))).violations
    assert violation.help == (
        "ask for fewer resources, fewer tasks or fewer runs; or ask fiona, paul, acme/finance for the label"
        " finance-approved or an approving review"
    )


def test_required_approvals_say_who_how_and_for_what() -> None:
    decision = decide(ruled(FINANCE, UNPRICED_FINANCE), facts(rises(1500), unpriced=(NO_PRICE, NO_PRICE)))
    assert decision.required_approvals == (
        RequiredApproval(
            name="finance",
            label="finance-approved",
            users=("fiona",),
            teams=("acme/finance",),
            count=1,
            notify="",
            violations=("max-monthly-increase/require-approval/finance", "no-unpriced/require-approval/finance"),
            given=False,
        ),
    )


def test_two_approvals_can_be_required_and_one_may_stand_for_both() -> None:
    vp = "{rule: max-monthly-increase, limit: 5000, action: require-approval, approval: vp}"
    covers = tuple(
        Cover(rule=f"max-monthly-increase/require-approval/{name}", scope={}, ceiling=Decimal(6000))
        for name in ("finance", "vp")
    )
    fiona, vera = approval(*covers), approval(*covers, name="vp", by="vera", id=2)
    for people, expected, outcome in (
        ((), {"finance": False, "vp": False}, "approval-required"),
        ((fiona,), {"finance": True, "vp": False}, "approval-required"),
        ((vera,), {"finance": True, "vp": True}, "approved"),
        ((fiona, vera), {"finance": True, "vp": True}, "approved"),
    ):
        decision = decide(ruled(FINANCE, vp), facts(rises(5500), approvals=people))
        assert {need.name: need.given for need in decision.required_approvals} == expected
        assert [each.valid for each in decision.approvals] == [True] * len(people)
        assert decision.outcome == outcome


def test_an_approval_that_nobody_asks_for_is_shown_as_it_came() -> None:
    assert decide(ruled(WARN), facts(rises(500), approvals=(YES,))).approvals == (YES,)


def test_first_adoption_is_up_to_an_admin() -> None:
    decision = decide(ruled(), facts(first_adoption=True))
    assert [(each.id, each.action, each.help) for each in decision.violations] == [
        ("first-adoption", "require-approval", "an admin merges it; no label helps")
    ]
    (need,) = decision.required_approvals
    assert (need.name, need.label, need.notify, need.given) == ("an admin", "", "an admin merges", False)


def test_a_broken_judging_file_is_named_and_no_waiver_lifts_it() -> None:
    problem = "policies/ml.yml:3:1: unknown key 'rulez'\nhelp: did you mean 'rules'?"
    decision = decide(ruled(), facts(broken_judges=(problem,)))
    assert [each.message for each in decision.violations] == [
        "a judging file is broken: policies/ml.yml:3:1: unknown key 'rulez'"
    ]


def test_limits_in_another_currency_than_the_prices_are_refused() -> None:
    euros = replace(CARD, currency="EUR")
    with pytest.raises(InputError) as stated:
        decide(ruled(), facts(card=euros))
    assert str(stated.value) == (
        "policy.yml:2:11: the limits of policy policy.yml are in USD, the rate card acme is in EUR\n"
        "help: write a policy that extends policy.yml, with `currency: EUR` and limits of its own"
    )
    with pytest.raises(InputError, match=r"^policy.yml: the limits of policy policy.yml are in USD"):
        decide(policy("version: 1"), facts(card=euros))


def waived(waiver: str, *rules: str) -> Policy:
    lines = "\n".join(f"  - {rule}" for rule in rules)
    return policy(f"version: 1\nrules:\n{lines}\nwaivers:\n  - {{{waiver}, reason: FIN-812}}\n")


PER_DEPLOYMENT = "{rule: max-monthly-increase, limit: 100, action: block, per: deployment, id: each}"
ALL = "{rule: max-monthly-increase, limit: 100, action: block, id: all}"
OLD_USAGE = "{rule: max-rate-card-age, limit: 1d, action: block}"
MOVED = between(estimate(0, team="ads"), estimate(500, team="reco"))

WAIVERS = [
    pytest.param("rule: max-monthly-increase, until: 2026-11-24", PER_DEPLOYMENT, (rises(500),), True, id="by rule"),
    pytest.param("rule: each, until: 2026-11-24", PER_DEPLOYMENT, (rises(500),), True, id="by id"),
    pytest.param("rule: each, until: 2026-11-23", PER_DEPLOYMENT, (rises(500),), True, id="on its last day"),
    pytest.param("rule: each, until: 2026-11-22", PER_DEPLOYMENT, (rises(500),), False, id="the day after it"),
    pytest.param("rule: no-assumed, until: 2026-11-24", PER_DEPLOYMENT, (rises(500),), False, id="another rule"),
    pytest.param("rule: each, flow: Tra*, until: 2026-11-24", PER_DEPLOYMENT, (rises(500),), True, id="by flow"),
    pytest.param("rule: each, flow: Serve, until: 2026-11-24", PER_DEPLOYMENT, (rises(500),), False, id="another flow"),
    pytest.param(
        "rule: each, scope: {team: reco}, until: 2026-11-24", PER_DEPLOYMENT, (rises(500),), True, id="by team"
    ),
    pytest.param(
        "rule: each, scope: {team: reco}, until: 2026-11-24", PER_DEPLOYMENT, (MOVED,), False,
        id="a deployment that moves into the waived team",
    ),
    pytest.param(
        "rule: all, flow: Train, until: 2026-11-24", ALL, (rises(500), rises(-5, name="Serve")), True,
        id="a sum that one flow alone raises",
    ),
    pytest.param(
        "rule: all, flow: Train, until: 2026-11-24", ALL, (rises(500), rises(5, name="Serve")), False,
        id="a sum that another flow raises too",
    ),
    pytest.param(
        "rule: max-rate-card-age, flow: Train, until: 2026-11-24", OLD_USAGE, (rises(1),), True,
        id="an age that matters to one flow",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("waiver", "rule", "items", "lifted"), WAIVERS)
def test_a_waiver_lifts_what_it_names(waiver: str, rule: str, items: tuple[DeploymentDelta, ...], lifted: bool) -> None:
    decision = decide(waived(waiver, rule), facts(*items))
    (violation,) = decision.violations
    assert (violation.waived_until is not None, decision.outcome) == (lifted, "pass" if lifted else "blocked")
    assert violation.waiver_reason == ("FIN-812" if lifted else "")


def test_a_waiver_that_ended_is_mentioned() -> None:
    (violation,) = decide(waived("rule: each, until: 2026-11-22", PER_DEPLOYMENT), facts(rises(500))).violations
    assert violation.help == (
        "ask for fewer resources, fewer tasks or fewer runs; or waive it for a time under `waivers` of the policy"
        " policy.yml; the waiver of policy.yml:5 ended on 2026-11-22"
    )


def test_the_last_day_of_a_waiver_is_a_day_in_utc() -> None:
    about = facts(rises(500), as_of=datetime.fromisoformat("2026-11-24T01:00:00+02:00"))
    assert decide(waived("rule: each, until: 2026-11-23", PER_DEPLOYMENT), about).outcome == "pass"
    later = replace(about, as_of=datetime(2026, 11, 24, 0, 0, 1, tzinfo=timezone.utc))
    assert decide(waived("rule: each, until: 2026-11-23", PER_DEPLOYMENT), later).outcome == "blocked"


amounts = st.integers(-3000, 6000)
deployments = st.lists(
    st.builds(
        lambda amount, name, base, calm: rises(
            amount, base=max(base, -amount), name=name, **({} if calm else {"band": UNCALIBRATED})
        ),
        amounts,
        st.sampled_from(["Train", "Serve", "Eval"]),
        st.integers(0, 4000),
        st.booleans(),
    ),
    max_size=3,
    unique_by=lambda item: item.key,
)
ANY_RULES = st.lists(
    st.sampled_from(
        [
            WARN, BLOCK, FINANCE, UNPRICED, UNPRICED_FINANCE, OLD_USAGE, PER_DEPLOYMENT,
            "{rule: max-monthly-increase, limit: 500, action: block, at: high, id: high}",
            "{rule: max-monthly-increase-percent, limit: 20, action: require-approval, approval: vp, offset: true}",
        ]
    ),
    max_size=5,
    unique_by=lambda rule: "no-unpriced" if "no-unpriced" in rule else rule,
)  # fmt: skip
LAW_FACTS = st.builds(
    lambda items, gap, first: facts(*items, unpriced=(NO_PRICE,) if gap else (), first_adoption=first),
    deployments,
    st.booleans(),
    st.booleans(),
)


def severity(rules: Policy, about: Facts) -> int:
    return MILD_TO_SEVERE.index(decide(rules, about).outcome)


@given(
    rules=ANY_RULES, about=LAW_FACTS, of=st.sampled_from(["max-monthly-increase", "no-unpriced", "max-rate-card-age"])
)
def test_a_waiver_never_worsens(rules: list[str], about: Facts, of: str) -> None:
    plain = ruled(*rules)
    text = f"version: 1\nwaivers: [{{rule: {of}, flow: '[TS]*', until: 2027-01-01, reason: x}}]"
    assert severity(replace(plain, waivers=policy(text).waivers), about) <= severity(plain, about)


@given(
    rules=ANY_RULES,
    about=LAW_FACTS,
    ceilings=st.lists(st.tuples(st.sampled_from(["finance", "vp"]), st.integers(0, 9000)), max_size=3),
)
def test_another_approval_never_worsens(rules: list[str], about: Facts, ceilings: list[tuple[str, int]]) -> None:
    judging = ruled(*rules)
    people: tuple[object, ...] = ()
    before = severity(judging, about)
    for number, (name, ceiling) in enumerate(ceilings):
        seen = decide(judging, about).violations
        covers = (Cover(rule=each.id, scope=each.scope, ceiling=Decimal(ceiling)) for each in seen)
        people = (*people, approval(*covers, name=name, by=f"person-{number}", id=number + 1, head=HEAD))
        after = severity(judging, replace(about, approvals=people))
        assert after <= before
        before = after


@given(rules=ANY_RULES, about=LAW_FACTS, more=st.integers(0, 5000))
def test_a_higher_limit_never_worsens(rules: list[str], about: Facts, more: int) -> None:
    judging = ruled(*rules)
    looser = tuple(replace(rule, limit=rule.limit and rule.limit + more) for rule in judging.rules)
    assert severity(replace(judging, rules=looser), about) <= severity(judging, about)


@given(rules=ANY_RULES)
def test_no_change_is_no_violation(rules: list[str]) -> None:
    same = estimate(5000, step())
    assert decide(ruled(*rules), facts(between(same, same))) == Decision(outcome="pass", violations=())


def test_the_day_of_the_facts_decides_and_no_clock() -> None:
    old = facts(rises(1), as_of=AS_OF)
    young = replace(old, as_of=datetime(2026, 11, 2, tzinfo=timezone.utc))
    assert (decide(ruled(OLD_USAGE), old).outcome, decide(ruled(OLD_USAGE), young).outcome) == ("blocked", "pass")
