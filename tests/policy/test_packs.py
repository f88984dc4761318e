"""The shipped packs: they load, and do what their names and comments promise."""

from __future__ import annotations

import pytest

from costgate import shipped
from costgate.model import Decision
from costgate.policy.decide import Facts, decide
from costgate.policy.load import Policy, load
from tests.policy.builders import (
    ASSUMED_PRICE,
    NO_PRICE,
    UNCALIBRATED,
    between,
    estimate,
    facts,
    read,
    rises,
    step,
)

MONTH = 30 * 86400


def pack(name: str) -> Policy:
    return load(name, read={}.__getitem__)


def judged(name: str, about: Facts) -> Decision:
    return decide(pack(name), about)


def quiet(*items: object, **others: object) -> Facts:
    """Facts in which nothing but these deployments is odd."""
    return facts(*items, creep={MONTH: facts(*items).delta}, **others)  # type: ignore[arg-type]


def test_these_packs_ship() -> None:
    assert set(shipped.policy_packs()) == {"default", "strict", "advisory"}


@pytest.mark.parametrize("name", ["default", "strict", "advisory"])
def test_a_pack_loads_by_its_name_and_says_what_it_is(name: str) -> None:
    found = pack(name)
    assert (found.name, found.currency, found.path) == (name, "USD", f"costgate:policies/{name}.yml")
    assert shipped.policy_packs()[name].read_text(encoding="utf-8").startswith(f"# The {name} policy: ")


OUTCOMES = [
    pytest.param("default", quiet(rises(200)), "pass", id="default: a little more passes"),
    pytest.param("default", quiet(rises(4000)), "warn", id="default: a large percentage warns"),
    pytest.param("default", quiet(rises(5000, base=0)), "pass", id="default: up to the limit passes"),
    pytest.param("default", quiet(rises(5001, base=0)), "approval-required", id="default: above $5,000 needs finance"),
    pytest.param("default", quiet(unpriced=(NO_PRICE,)), "approval-required", id="default: the unpriced needs finance"),
    pytest.param("strict", quiet(rises(200)), "pass", id="strict: a little more passes"),
    pytest.param("strict", quiet(rises(1001, base=9000)), "approval-required", id="strict: above $1,000 needs finance"),
    pytest.param("strict", quiet(rises(600, base=9000, band=UNCALIBRATED)), "warn", id="strict: uncalibrated warns"),
    pytest.param("strict", quiet(unpriced=(NO_PRICE,)), "incomplete", id="strict: the unpriced does not pass"),
    pytest.param(
        "strict", quiet(between(None, estimate(1, step(timeout_s=read(9), quote=ASSUMED_PRICE)))), "blocked",
        id="strict: the assumed does not pass",
    ),
    pytest.param("strict", quiet(between(None, estimate(1, team=None))), "blocked", id="strict: an owner is a must"),
    pytest.param("advisory", quiet(rises(50000)), "warn", id="advisory: any amount only warns"),
    pytest.param("advisory", quiet(unpriced=(NO_PRICE,)), "warn", id="advisory: the unpriced only warns"),
    pytest.param("advisory", quiet(between(None, estimate(1, team=None))), "pass", id="advisory: habits are mentioned"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "about", "outcome"), OUTCOMES)
def test_a_pack_judges(name: str, about: Facts, outcome: str) -> None:
    assert judged(name, about).outcome == outcome


def test_nobody_can_approve_under_the_default_pack_until_the_owner_says_who() -> None:
    decision = judged("default", quiet(rises(9000, base=0)))
    (need,) = decision.required_approvals
    assert (need.label, need.users, need.teams, need.given) == ("finance-approved", (), (), False)
    assert decision.violations[0].help.endswith(
        "nobody can approve it yet: name the approvers under `approvals.finance.users` in your policy"
    )


def test_a_violation_of_a_pack_never_points_into_the_repository_at_a_file_that_is_not_there() -> None:
    decision = judged("default", facts(rises(1), creep={}))
    assert [(each.id, each.location) for each in decision.violations] == [
        ("max-monthly-increase[window=30d]/warn", None)
    ]
