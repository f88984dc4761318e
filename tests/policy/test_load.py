"""Policy files: what they mean, how they extend each other, and what is said about wrong ones."""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costgate.errors import InputError, Problem
from costgate.model import Location
from costgate.policy.decide import needs_totals, windows
from costgate.policy.load import ApprovalRule, Rule, Waiver, load
from tests.policy.builders import policy
from tests.support import dedent

WHOLE = """
    version: 1
    extends: [default]
    currency: USD
    approvals:
      finance: {users: [fiona, {login: paul, id: 4711}], teams: ["@acme/finance"], via: [label, review], notify: "@f"}
      vp: {label: vice, users: [vera], satisfies: [finance], count: 2, expires: 30d, valid_for: commit}
    rules:
      - {rule: max-monthly-increase, limit: 50000, action: require-approval, approval: vp}
      - {rule: max-monthly-increase, limit: 10000, window: 7d, action: warn, offset: true}
      - {rule: max-monthly-total, limit: 80000.5, scope: {team: reco, flow: [A*, B]}, action: warn, per: team, at: high}
      - {id: gpus, rule: max-gpus-per-step, limit: 8, action: block}
      - {rule: max-usage-age, limit: 1h30m, action: warn}
    waivers:
      - {rule: require-timeout, flow: LegacyFlow, until: 2026-12-31, reason: "migration, FIN-812"}
      - {rule: gpus, scope: {team: [a, b]}, until: 2026-11-30, reason: testing}
"""


def test_every_part_of_a_policy_is_read() -> None:
    found = policy(WHOLE)
    rules = {rule.id: rule for rule in found.rules}
    assert rules["max-monthly-increase/require-approval/vp"] == Rule(
        id="max-monthly-increase/require-approval/vp",
        rule="max-monthly-increase",
        action="require-approval",
        limit=Decimal(50000),
        approval="vp",
        location=Location(path="policy.yml", line=8, column=5),
    )
    assert rules["max-monthly-increase[window=7d]/warn"].window_s == 7 * 86400
    assert rules["max-monthly-increase[window=7d]/warn"].offset
    total = rules["max-monthly-total[flow=A*|B,team=reco]/warn"]
    assert (total.limit, total.at, total.per) == (Decimal("80000.5"), "high", "team")
    assert total.scope == {"team": ("reco",), "flow": ("A*", "B")}
    assert rules["gpus"].per == "deployment"
    assert rules["max-usage-age/warn"].limit == 5400
    assert rules["max-monthly-increase-percent/warn"].floor == 200
    assert rules["min-gpu-utilization/warn"].limit == 40
    assert (found.name, found.path, found.currency) == ("policy.yml", "policy.yml", "USD")
    assert found.currency_location == Location(path="policy.yml", line=3, column=11)


def test_approvals_are_read_field_by_field_over_those_of_the_pack() -> None:
    found = policy(WHOLE)
    assert found.approvals == {
        "finance": ApprovalRule(
            name="finance",
            label="finance-approved",
            users=(("fiona", None), ("paul", 4711)),
            teams=("acme/finance",),
            via=("label", "review"),
            notify="@f",
            location=Location(path="policy.yml", line=5, column=12),
        ),
        "vp": ApprovalRule(
            name="vp",
            label="vice",
            users=(("vera", None),),
            satisfies=("finance",),
            count=2,
            expires_s=30 * 86400,
            valid_for="commit",
            location=Location(path="policy.yml", line=6, column=7),
        ),
    }


def test_waivers_are_read() -> None:
    assert policy(WHOLE).waivers == (
        Waiver(
            rule="require-timeout",
            scope={"flow": ("LegacyFlow",)},
            until=date(2026, 12, 31),
            reason="migration, FIN-812",
            location=Location(path="policy.yml", line=14, column=5),
        ),
        Waiver(
            rule="gpus",
            scope={"team": ("a", "b")},
            until=date(2026, 11, 30),
            reason="testing",
            location=Location(path="policy.yml", line=15, column=5),
        ),
    )


def test_what_the_gate_has_to_gather_follows_from_the_rules() -> None:
    found = policy(WHOLE)
    assert windows(found) == (7 * 86400, 30 * 86400)
    assert needs_totals(found)
    assert windows(policy("version: 1")) == ()
    assert not needs_totals(policy("version: 1"))


def ids(text: str, **files: str) -> list[str]:
    return [rule.id for rule in policy(text, **files).rules]


TWO = """
    version: 1
    approvals: {finance: {}}
    rules:
      - {rule: max-monthly-increase, limit: 100, action: warn}
      - {rule: max-monthly-increase, limit: 900, action: require-approval, approval: finance}
      - {rule: max-monthly-increase, limit: 50, action: warn, scope: {team: reco}}
      - {rule: no-unpriced, action: notify}
"""

EXTENDS = [
    pytest.param(
        "version: 1", ["no-unpriced/block"], id="a policy without rules blocks what has no price"
    ),
    pytest.param(
        "{version: 1, rules: [{rule: no-unpriced, action: warn, scope: {team: reco}}]}",
        ["no-unpriced[team=reco]/warn", "no-unpriced/block"],
        id="a scoped rule leaves the rest to the built-in one",
    ),
    pytest.param(
        "{version: 1, extends: [two.yml]}",
        [
            "max-monthly-increase/warn", "max-monthly-increase/require-approval/finance",
            "max-monthly-increase[team=reco]/warn", "no-unpriced/notify",
        ],
        id="everything is inherited",
    ),
    pytest.param(
        "{version: 1, extends: [two.yml], rules: [{rule: max-monthly-increase, off: true}]}",
        ["no-unpriced/notify"], id="off by rule",
    ),
    pytest.param(
        "{version: 1, extends: [two.yml], rules: [{rule: max-monthly-increase, action: warn, off: true}]}",
        ["max-monthly-increase/require-approval/finance", "no-unpriced/notify"], id="off by rule and action",
    ),
    pytest.param(
        "{version: 1, extends: [two.yml], rules: [{rule: max-monthly-increase, scope: {team: reco}, off: true}]}",
        ["max-monthly-increase/warn", "max-monthly-increase/require-approval/finance", "no-unpriced/notify"],
        id="off by rule and scope",
    ),
    pytest.param(
        "{version: 1, extends: [two.yml], rules: [{id: 'max-monthly-increase[team=reco]/warn', off: true}]}",
        ["max-monthly-increase/warn", "max-monthly-increase/require-approval/finance", "no-unpriced/notify"],
        id="off by id",
    ),
    pytest.param(
        "{version: 1, extends: [two.yml], rules: [{rule: max-monthly-increase, off: true},"
        " {rule: no-unpriced, off: true}]}",
        ["no-unpriced/block"], id="without a rule for it the built-in one is back",
    ),
    pytest.param(
        "{version: 1, extends: [two.yml], rules: [{rule: max-monthly-increase, action: warn, off: false, limit: 1}]}",
        [
            "max-monthly-increase/warn", "max-monthly-increase/require-approval/finance",
            "max-monthly-increase[team=reco]/warn", "no-unpriced/notify",
        ],
        id="the same id replaces",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), EXTENDS)
def test_rules_extend_by_id(text: str, expected: list[str]) -> None:
    assert ids(text, two=TWO) == expected


def test_the_rule_that_replaces_has_its_own_limit() -> None:
    text = "{version: 1, extends: [two.yml], rules: [{rule: max-monthly-increase, action: warn, limit: 1}]}"
    assert policy(text, two=TWO).rules[0].limit == 1


def test_paths_are_relative_to_the_extending_file_and_may_meet_again() -> None:
    files = {
        "ml/policy.yml": "{version: 1, extends: [../base.yml, team/reco.yml], name: ml}",
        "base.yml": "{version: 1, currency: EUR, rules: [{rule: max-cost-per-run, limit: 5, action: warn}]}",
        "ml/team/reco.yml": "{version: 1, extends: [../../base.yml], rules: [{rule: require-owner, action: warn}]}",
    }
    found = load("ml/policy.yml", read=lambda path: files[path].encode())
    assert [rule.id for rule in found.rules] == ["max-cost-per-run/warn", "require-owner/warn", "no-unpriced/block"]
    assert (found.name, found.currency, found.path) == ("ml", "EUR", "ml/policy.yml")
    assert found.currency_location == Location(path="base.yml", line=1, column=24)


def test_the_digest_is_the_files_own_and_with_extends_changes_with_every_file() -> None:
    text = "{version: 1, extends: [two.yml]}"
    assert policy("version: 1").digest == sha256(b"version: 1").hexdigest()
    assert policy(text, two=TWO).digest != policy(text, two=TWO + "\n# changed").digest


def test_a_policy_that_says_no_currency_has_limits_in_dollars() -> None:
    found = policy("version: 1")
    assert (found.currency, found.currency_location) == ("USD", None)


def rules(*entries: str, approvals: str = "") -> str:
    lines = "\n".join(f"  - {{{entry}}}" for entry in entries)
    return f"version: 1\napprovals: {{finance: {{}}{approvals}}}\nrules:\n{lines}\n"


def waiving(entry: str) -> str:
    return f"version: 1\nwaivers:\n  - {{{entry}}}\n"


WRONG = [
    pytest.param(
        rules("rule: max-montly-increase, limit: 5, action: warn"),
        "policy.yml:4:12: ", "did you mean 'max-monthly-increase'?", id="an unknown rule",
    ),
    pytest.param(
        rules("rule: max-cost-per-run, limit: 5, action: require-approval"),
        "policy.yml:4:5: ", "", id="an approval that nobody named",
    ),
    pytest.param(
        rules("rule: max-cost-per-run, limit: 5, action: require-approval, approval: finanz"),
        "policy.yml:4:5: there is no approval 'finanz'", "did you mean 'finance'?", id="an approval that there is not",
    ),
    pytest.param(
        rules("rule: max-cost-per-run, limit: 5, action: warn, approval: finance"),
        "policy.yml:4:64: `approval` has no meaning with `action: warn`",
        "delete it, or write `action: require-approval`", id="an approval for a warning",
    ),
    pytest.param(
        rules("rule: max-cost-per-run, action: warn"), "policy.yml:4:5: ", "", id="no limit",
    ),
    pytest.param(
        rules("rule: require-owner, limit: 3, action: warn"), "policy.yml:4:", "", id="a limit that means nothing",
    ),
    pytest.param(
        rules("rule: max-cost-per-run, limit: -1, action: warn"), "policy.yml:4:37: ", "",
        id="a limit below zero",
    ),
    pytest.param(
        rules("rule: max-usage-age, limit: 5, action: warn"),
        "policy.yml:4:34: ", "", id="an age without a unit",
    ),
    pytest.param(
        rules("rule: max-usage-age, limit: 40000d, action: warn"),
        "policy.yml:4:34: `limit: 40000d` is longer than a century", "at most 36500d", id="an age beyond the calendar",
    ),
    pytest.param(
        rules("rule: max-monthly-increase-percent, limit: 5, action: warn, window: 30d"),
        "policy.yml:4:74: `window` has no meaning for max-monthly-increase-percent",
        "delete it; it is an option of max-monthly-increase", id="a window for percent",
    ),
    pytest.param(
        rules("rule: max-monthly-increase, limit: 5, action: warn, floor: 3"),
        "policy.yml:4:65: `floor` has no meaning for max-monthly-increase",
        "delete it; it is an option of max-monthly-increase-percent", id="a floor for amounts",
    ),
    pytest.param(
        rules("rule: require-owner, action: warn, per: team"),
        "policy.yml:4:46: `per: team` has no meaning for require-owner", "it is judged per deployment",
        id="a group for what is judged one by one",
    ),
    pytest.param(
        rules("rule: max-gpus-per-step, limit: 8, action: warn, at: high"),
        "policy.yml:4:59: `at: high` has no meaning for max-gpus-per-step", "it is judged at expected",
        id="an upper bound of what is known",
    ),
    pytest.param(
        rules("rule: require-owner, action: warn", "rule: require-owner, action: warn"),
        "policy.yml:5:5: 'require-owner/warn' is the id of the rule at policy.yml:4 too",
        "give one of them an `id` of its own", id="an id twice in a file",
    ),
    pytest.param(
        rules("id: require-ownr, off: true"), "policy.yml:4:10: there is no rule 'require-ownr' to turn off",
        "known here: none", id="off for an id that is not inherited",
    ),
    pytest.param(
        rules("rule: require-owner, off: true"), "policy.yml:4:5: there is no such rule to turn off",
        "the files below have no rules", id="off for a rule that is not inherited",
    ),
    pytest.param(
        "{version: 1, extends: [default], rules: [{id: max-usage-age/warm, off: true}]}",
        "policy.yml:1:47: there is no rule 'max-usage-age/warm' to turn off", "did you mean 'max-usage-age/warn'?",
        id="off for an id with a typo",
    ),
    pytest.param(
        rules("rule: require-owner, action: warn", approvals=", vp: {satisfies: [finanz]}"),
        "policy.yml:2:30: there is no approval 'finanz'", "did you mean 'finance'?", id="satisfies what there is not",
    ),
    pytest.param(
        rules("rule: require-owner, action: warn", approvals=", a: {satisfies: [b]}, b: {satisfies: [a]}"),
        "policy.yml:2:29: the approval 'a' satisfies itself", "take the circle out of `satisfies`",
        id="two approvals that satisfy each other",
    ),
    pytest.param(
        waiving("rule: require-timeot, until: 2026-12-31, reason: x"),
        "policy.yml:3:5: there is no rule 'require-timeot'", "did you mean 'require-timeout'?",
        id="a waiver for no rule",
    ),
    pytest.param(
        waiving("rule: require-timeout, until: 2026-13-31, reason: x"),
        "policy.yml:3:36: 2026-13-31 is no day of the calendar", "write the last day, e.g. 2026-12-31",
        id="a waiver until never",
    ),
    pytest.param(
        "{version: 1, extends: [defualt]}", "policy.yml:1:24: there is no policy 'defualt'",
        "name a file, or a shipped pack: did you mean 'default'?", id="extends what there is not",
    ),
    pytest.param(
        "{version: 1, extends: [policy.yml]}",
        "policy.yml:1:24: a policy cannot extend itself: policy.yml → policy.yml",
        "take one of them out of `extends`", id="extends itself",
    ),
    pytest.param("", "policy.yml:1:1: ", "", id="an empty file"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message", "help"), WRONG)
def test_wrong_policies_are_explained(text: str, message: str, help: str) -> None:
    with pytest.raises(InputError) as caught:
        policy(text)
    problem = caught.value.problems[0]
    assert f"{problem.where}: {problem.message}".startswith(message)
    assert problem.help.startswith(help)


def test_all_that_is_wrong_is_said_at_once() -> None:
    text = rules("rule: require-owner, action: warn, per: team", "rule: require-timeout, action: warn, at: high")
    with pytest.raises(InputError) as caught:
        policy(text)
    assert [problem.where for problem in caught.value.problems] == ["policy.yml:4:46", "policy.yml:5:47"]


def test_a_circle_of_files_is_refused() -> None:
    files = {"a.yml": "{version: 1, extends: [b.yml]}", "b.yml": "{version: 1, extends: [a.yml]}"}
    with pytest.raises(InputError, match=r"b.yml:1:24: a policy cannot extend itself: a.yml → b.yml → a.yml"):
        load("a.yml", read=lambda path: files[path].encode())


def test_files_that_multiply_are_refused() -> None:
    def twice(path: str) -> bytes:
        following = f"{int(path.removesuffix('.yml')) + 1}.yml"
        return f"{{version: 1, extends: [{following}, {following}]}}".encode()

    def wide(path: str) -> bytes:
        return b"version: 1" if path == "x.yml" else f"{{version: 1, extends: [{'x.yml, ' * 49} x.yml]}}".encode()

    for read, first in ((twice, "0.yml"), (wide, "w.yml")):
        with pytest.raises(InputError, match="more than 50 files"):
            load(first, read=read)


def test_a_policy_that_is_not_there_is_asked_for_by_name() -> None:
    with pytest.raises(InputError) as caught:
        load("policies/ml.yml", read={}.__getitem__)
    assert str(caught.value) == (
        "policies/ml.yml: there is no policy 'policies/ml.yml'\n"
        "help: name a file, or a shipped pack: known here: advisory, default, strict"
    )


@given(seed=st.integers(0, 2**32), edits=st.integers(1, 6))
def test_any_damage_to_a_policy_is_an_input_error_or_a_policy(seed: int, edits: int) -> None:
    dice = random.Random(seed)
    text = bytearray(dedent(WHOLE).encode())
    for _ in range(edits):
        at = dice.randrange(len(text))
        text[at : at + dice.randrange(8)] = bytes(dice.choices(b"{}[]:,-*&'\"0a9d\n \xff", k=dice.randrange(4)))
    problems: tuple[Problem, ...] = ()
    try:
        load("policy.yml", read={"policy.yml": bytes(text)}.__getitem__)
    except InputError as error:
        problems = error.problems
    assert all(problem.message and problem.where.startswith("policy.yml") for problem in problems)
