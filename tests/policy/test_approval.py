"""When a verified human yes covers what a change costs now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from costgate.model import Approval, Cover, Violation
from costgate.policy.approval import given
from costgate.policy.load import Policy
from tests.policy.builders import AS_OF, HEAD, approval, policy

POLICY = """
    version: 1
    approvals:
      finance: {}
      two: {count: 2}
      brief: {expires: 2d}
      pinned: {valid_for: commit}
      vp: {satisfies: [finance, pinned]}
      cfo: {satisfies: [vp]}
      quick: {satisfies: [finance], expires: 1h}
"""
RULES = policy(POLICY)


def fired(
    rule: str = "max-monthly-increase", actual: int | None = 6000, name: str = "finance", **scope: str
) -> Violation:
    return Violation(
        id=f"{rule}/require-approval", rule=rule, action="require-approval", message="", limit=Decimal(5000),
        actual=None if actual is None else Decimal(actual), per="pull-request", scope=scope, location=None,
        approval=name,
    )  # fmt: skip


def cover(ceiling: int | None = 6000, rule: str = "max-monthly-increase", **scope: str) -> Cover:
    return Cover(
        rule=f"{rule}/require-approval", scope=scope, ceiling=None if ceiling is None else Decimal(ceiling)
    )  # fmt: skip


def judged(
    *people: Approval, needs: tuple[Violation, ...] = (fired(),), name: str = "finance", rules: Policy = RULES
) -> tuple[bool, list[str]]:
    """Whether it is given, and why each approval that counts does not hold."""
    needs = tuple(replace(each, approval=name) for each in needs)
    enough, seen = given(name, needs, rules, people, head=HEAD, as_of=AS_OF)
    assert all(each.valid == (not each.why) for each in seen)
    return enough, [each.why for each in seen]


INCREASE = "max-monthly-increase/require-approval"
AGE = fired("max-rate-card-age", actual=99)
UNPRICED = fired("no-unpriced", actual=None, deployment="Train", step="fit")
STARVING = fired("min-gpu-utilization", actual=30, deployment="Train", step="fit", gpus="8")
NO_TIMEOUT = fired("require-timeout", actual=None, deployment="Train", step="fit")
FIT = {"deployment": "Train", "step": "fit"}


def covering(ceiling: int | None, rule: str, scope: Mapping[str, str]) -> Approval:
    return approval(cover(ceiling, rule, **scope))


HOLDS = [
    pytest.param(approval(cover()), (fired(),), id="what was approved"),
    pytest.param(approval(cover(7000)), (fired(),), id="less than what was approved"),
    pytest.param(approval(cover(), cover(1, "no-assumed")), (fired(),), id="less than all that was approved"),
    pytest.param(approval(cover()), (), id="nothing needs it any more"),
    pytest.param(
        approval(cover(team="reco"), cover(900, team="ads")), (fired(team="reco"), fired(actual=900, team="ads")),
        id="every team up to its own ceiling",
    ),
    pytest.param(covering(10, "max-rate-card-age", {}), (AGE,), id="prices that have aged since"),
    pytest.param(covering(None, "require-timeout", FIT), (NO_TIMEOUT,), id="the same lack of a timeout"),
    pytest.param(
        covering(30, "min-gpu-utilization", {**FIT, "gpus": "8"}), (STARVING,), id="the same GPUs at the same use"
    ),
    pytest.param(
        covering(25, "min-gpu-utilization", {**FIT, "gpus": "8"}), (STARVING,), id="the same GPUs at better use"
    ),
    pytest.param(
        replace(covering(None, "no-unpriced", FIT), head=HEAD), (UNPRICED,), id="the same unpriced step of that commit"
    ),
]  # fmt: skip

FAILS = [
    pytest.param(
        approval(cover(5999)), (fired(),), f"{INCREASE} is now $6,000, approved was $5,999",
        id="more than what was approved",
    ),
    pytest.param(
        approval(cover()), (fired(), fired(team="reco")),
        f"{INCREASE} (team reco) is new since bbbbbbb was approved", id="something new",
    ),
    pytest.param(approval(), (fired(),), f"{INCREASE} is new since bbbbbbb was approved", id="nothing was approved"),
    pytest.param(
        approval(cover(None)), (fired(),), f"{INCREASE} is not comparable with what was approved", id="no ceiling"
    ),
    pytest.param(
        covering(None, "no-unpriced", FIT), (UNPRICED,),
        "no-unpriced/require-approval (deployment Train, step fit) has no amount that could be compared, so the"
        " approval held for bbbbbbb only",
        id="an unpriced step of another commit",
    ),
    pytest.param(
        covering(31, "min-gpu-utilization", {**FIT, "gpus": "8"}), (STARVING,),
        "min-gpu-utilization/require-approval (deployment Train, gpus 8, step fit) is now 30.0, approved was 31.0",
        id="GPUs at worse use",
    ),
    pytest.param(
        covering(30, "min-gpu-utilization", {**FIT, "gpus": "4"}), (STARVING,),
        "min-gpu-utilization/require-approval (deployment Train, gpus 8, step fit) is new since bbbbbbb was approved",
        id="more GPUs than were approved",
    ),
    pytest.param(
        approval(cover(), valid=False, why="added by the author"), (fired(),), "added by the author",
        id="what GitHub's records do not prove",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("yes", "needs"), HOLDS)
def test_holds(yes: Approval, needs: tuple[Violation, ...]) -> None:
    assert judged(yes, needs=needs) == (True, [""])


@pytest.mark.parametrize(("yes", "needs", "why"), FAILS)
def test_does_not_hold(yes: Approval, needs: tuple[Violation, ...], why: str) -> None:
    assert judged(yes, needs=needs) == (False, [why])


def test_only_what_asks_for_it_has_to_be_covered() -> None:
    other = fired(actual=99999, name="vp", team="reco")
    enough, _ = given("finance", (fired(), other), RULES, (approval(cover()),), head=HEAD, as_of=AS_OF)
    assert enough


WHO = [
    pytest.param("finance", ["finance"], True, id="finance gives finance"),
    pytest.param("finance", ["vp"], True, id="vp stands for finance"),
    pytest.param("finance", ["cfo"], True, id="cfo stands for finance through vp"),
    pytest.param("vp", ["finance"], False, id="finance does not stand for vp"),
    pytest.param("finance", ["nobody"], False, id="an approval that the policy does not know"),
    pytest.param("finance", [], False, id="nobody"),
]


@pytest.mark.parametrize(("name", "by", "enough"), WHO)
def test_who_gives_what(name: str, by: list[str], enough: bool) -> None:
    assert judged(*(approval(cover(), name=each) for each in by), name=name)[0] == enough


PEOPLE = [
    pytest.param([("a", 1), ("b", 2)], True, id="two people"),
    pytest.param([("a", 1)], False, id="one person"),
    pytest.param([("a", 1), ("a", 1)], False, id="one person twice"),
    pytest.param([("a", 1), ("renamed", 1)], False, id="one account under two names"),
    pytest.param([("a", 1), ("A", None)], False, id="one name with and without its account"),
    pytest.param([("a", None), ("b", None)], True, id="two names without accounts"),
]


@pytest.mark.parametrize(("people", "enough"), PEOPLE)
def test_people_are_counted_once(people: list[tuple[str, int | None]], enough: bool) -> None:
    assert (
        judged(*(approval(cover(), name="two", by=by, id=account) for by, account in people), name="two")[0] == enough
    )


def test_one_of_two_that_does_not_hold_does_not_count() -> None:
    people = approval(cover(), name="two"), approval(cover(1), name="two", by="b", id=2)
    assert judged(*people, name="two") == (False, ["", f"{INCREASE} is now $6,000, approved was $1.00"])


AGES = [
    pytest.param("brief", "brief", timedelta(days=2), "", id="on the last second"),
    pytest.param(
        "brief", "brief", timedelta(days=2, seconds=1), "expired: given 2026-11-21, it held for 2 days", id="after it"
    ),
    pytest.param("finance", "finance", timedelta(days=9999), "", id="without an end"),
    pytest.param(
        "finance", "quick", timedelta(hours=2), "expired: given 2026-11-23, it held for 1 hour",
        id="standing for another, it keeps its own end",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "by", "age", "why"), AGES)
def test_an_approval_expires(name: str, by: str, age: timedelta, why: str) -> None:
    assert judged(approval(cover(), name=by, at=AS_OF - age), name=name) == (not why, [why])


COMMITS = [
    pytest.param("pinned", "pinned", HEAD, "", id="the commit that was approved"),
    pytest.param(
        "pinned", "pinned", "b" * 40, "is for commit bbbbbbb, and pinned holds for one commit only", id="another commit"
    ),
    pytest.param(
        "pinned", "vp", "b" * 40, "is for commit bbbbbbb, and pinned holds for one commit only",
        id="standing for another, it obeys that one's rule too",
    ),
    pytest.param("finance", "finance", "b" * 40, "", id="another commit that costs no more"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "by", "head", "why"), COMMITS)
def test_an_approval_may_hold_for_one_commit_only(name: str, by: str, head: str, why: str) -> None:
    assert judged(approval(cover(), name=by, head=head), name=name) == (not why, [why])


def test_without_a_head_no_approval_of_one_commit_holds() -> None:
    need = replace(fired(), approval="pinned")
    enough, _ = given("pinned", (need,), RULES, (approval(cover(), name="pinned", head=""),), head="", as_of=AS_OF)
    assert not enough
