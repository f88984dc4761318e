"""Where a violation points: the line that a person has to look at."""

from __future__ import annotations

from decimal import Decimal

import pytest

from costgate.model import DeploymentDelta, Driver, Known, Location
from tests.policy.builders import (
    LOCAL,
    PLACE,
    UNKNOWN,
    assumed,
    between,
    estimate,
    facts,
    fired,
    gpus,
    known,
    read,
    rises,
    step,
    steps,
)  # fmt: skip  # isort: skip

INCREASE = "{rule: max-monthly-increase, limit: 2000, action: warn}"
GPUS = "{rule: max-gpus-per-step, limit: 8, action: block}"
OWNER = "{rule: require-owner, action: block}"
TIMEOUT = "{rule: require-timeout, action: block}"
ASSUMED = "{rule: no-assumed, action: block}"
CARD_AGE = "{rule: max-rate-card-age, limit: 10d, action: warn}"
CONFIG_LINE = Location(path="configs/prod.json", line=7, column=3)
RUNS_LINE = Location(path="costgate.yml", line=4)
PER_RUN_LINE = {"runs": read(2, location=RUNS_LINE), "tasks": read(1)}


def driven(*drivers: Driver, base: object = None, head: object = None) -> DeploymentDelta:
    before, after = base or step(gpu=known(1, line=1)), head or step(gpu=known(2), cpu=known(4, line=30))
    return between(estimate(0, before), estimate(9000, after), drivers)  # type: ignore[arg-type]


TRACED = [
    pytest.param(
        driven(Driver(cause="gpu", amount=Decimal(9000))), CONFIG_LINE, id="to the line that asks for more GPUs"
    ),
    pytest.param(
        driven(Driver(cause="cpu", amount=Decimal(-1)), Driver(cause="gpu", amount=Decimal(9001))), CONFIG_LINE,
        id="to the largest driver",
    ),
    pytest.param(
        driven(Driver(cause="runs", amount=Decimal(9000)), head=step(inputs=PER_RUN_LINE)), RUNS_LINE,
        id="to the declared runs",
    ),
    pytest.param(
        driven(Driver(cause="runs", amount=Decimal(5000)), Driver(cause="gpu", amount=Decimal(4000))), CONFIG_LINE,
        id="to the next driver where the first has no place",
    ),
    pytest.param(
        driven(Driver(cause="rate", amount=Decimal(9000))), Location(path="finance/ratecard.yml", line=9),
        id="to the rate card",
    ),
    pytest.param(
        driven(Driver(cause="rate", amount=Decimal(9000)), head=step(quote=LOCAL)), Location(path="flows/train.py"),
        id="to the flow where there is no rate",
    ),
    pytest.param(
        driven(
            Driver(cause="tier", amount=Decimal(9000)),
            base=step(queue=known("cpu"), node_selector=known({"pool": "a"})),
            head=step(queue=known("gpu"), node_selector=known({"pool": "a"}, line=12)),
        ),
        CONFIG_LINE, id="to the attribute that differs",
    ),
    pytest.param(
        driven(Driver(cause="gpu", amount=Decimal(9000)), head=step(gpu=Known(value=2))),
        Location(path="flows/train.py"),
        id="to the flow where the value was written nowhere",
    ),
    pytest.param(
        driven(Driver(cause="gpu", amount=Decimal(9000)), head=step(gpu=UNKNOWN)), Location(path="flows/train.py"),
        id="to the flow where the value is not known",
    ),
    pytest.param(
        between(None, estimate(9000, step(gpu=known(1))), (Driver(cause="new", amount=Decimal(9000)),)), CONFIG_LINE,
        id="to the GPUs of a new deployment",
    ),
    pytest.param(rises(9000), Location(path="flows/train.py"), id="to the flow where no step is to blame"),
]  # fmt: skip


@pytest.mark.parametrize(("item", "place"), TRACED)
def test_an_increase_is_traced(item: DeploymentDelta, place: Location) -> None:
    (violation,) = fired(INCREASE, facts(rises(10, name="Other"), item))
    assert violation.location == place


STEP_PLACES = [
    pytest.param(GPUS, gpus(1, 16), CONFIG_LINE, id="GPUs: where they are written"),
    pytest.param(TIMEOUT, steps(None, step(cpu=known(2))), PLACE, id="timeout: where the flow asks for something"),
    pytest.param(
        TIMEOUT,
        steps(None, step(cpu=Known(value=2, chain=(CONFIG_LINE,)))),
        CONFIG_LINE,
        id="timeout: where the step asks for something, if not in the flow",
    ),
    pytest.param(
        TIMEOUT, steps(None, step(cpu=UNKNOWN)), PLACE, id="timeout: where the step asks for something unknown"
    ),
    pytest.param(TIMEOUT, steps(None, step()), Location(path="flows/train.py"), id="timeout: else the flow"),
    pytest.param(ASSUMED, steps(None, step(inputs=assumed("runs"))), PLACE, id="assumption: where it is set"),
    pytest.param(
        ASSUMED, steps(None, step(inputs=assumed("tasks"))), Location(path="flows/train.py"), id="else the flow"
    ),
    pytest.param(OWNER, between(None, estimate(team=None)), Location(path="flows/train.py"), id="owner: the flow"),
]


@pytest.mark.parametrize(("rule", "item", "place"), STEP_PLACES)
def test_a_state_is_traced(rule: str, item: DeploymentDelta, place: Location) -> None:
    (violation,) = fired(rule, facts(item))
    assert violation.location == place


def test_what_no_line_is_to_blame_for_is_traced_to_the_rule() -> None:
    (violation,) = fired(CARD_AGE, facts(rises(1)))
    assert violation.location == Location(path="policy.yml", line=5, column=5)
