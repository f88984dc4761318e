"""Every number of a deployment, traced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from decimal import Decimal

import pytest

from costgate.errors import InputError
from costgate.model import Estimate, NotBilled, RateCard, StepResources, Unresolved
from costgate.render import explain
from costgate.units import Interval
from tests.render import builders

AS_OF = datetime(2026, 11, 23, tzinfo=timezone.utc)
OPEN = Unresolved(expression="cfg.n", reason="unknown parser", location=builders.at("flows/train.py", 9))


def text(estimate: Estimate, step: str | None = None, card: RateCard | None = None) -> str:
    return explain.render(estimate, step=step, card=card or builders.card(), as_of=AS_OF)


def squeezed(printed: str) -> str:
    """Without the blanks that only align columns."""
    return "\n".join(" ".join(line.split()) for line in printed.splitlines())


def test_the_scenario(golden: Callable[[str, str], None]) -> None:
    printed = text(builders.estimate(builders.local(), builders.side(4)), "train")
    golden("render/explain/step.txt", printed)
    assert "120,000 ÷ (36 × 730) =  $4.5662" in printed
    assert "$5.5442 ÷ 8 GPUs =      $0.6930" in printed
    assert "500 runs × 1 task × 1 attempt × (2h + 0s) × 4 GPUs × $0.6930 = $2,772" in printed


def test_a_deployment(golden: Callable[[str, str], None]) -> None:
    measured = {
        **builders.inputs(100, 1),
        "duration_s": replace(builders.metered(4000), value=Interval(low=3000.0, expected=4000.0, high=7000.0)),
    }
    gap = builders.unpriced()
    steps = (
        builders.local(),
        builders.side(4, inputs=measured, assumptions=("spot price of last week",), band=builders.LEARNED),
        builders.spot_side(band=builders.LEARNED),
        builders.side(0, step="load", quote=gap, resources=StepResources(compute="batch", memory_mb=OPEN)),
        builders.side(
            0, step="odd", quote=replace(gap, help=""), resources=StepResources(compute="x", touched_by=OPEN)
        ),
    )
    card = builders.card(builders.tier(), builders.spot_tier())
    golden("render/explain/deployment.txt", text(builders.estimate(*steps, band=builders.LEARNED), card=card))


def test_split_utilization_and_several_rates() -> None:
    split = {"gpu": Decimal("0.85"), "cpu": Decimal("0.15")}
    tier = builders.tier(split=split, planned_utilization=Decimal("0.7"))
    gpu = builders.gpu_rate(4, builders.NODE_HOUR * split["gpu"] / 8 / Decimal("0.7"))
    cpu = replace(
        builders.gpu_rate(16, builders.NODE_HOUR * split["cpu"] / 96 / Decimal("0.7")),
        sku="a100 core-hour", unit="Core-Hours",
    )  # fmt: skip
    gib = replace(builders.gpu_rate(30.5, Decimal("0.1")), sku="a100 GiB-hour", unit="GiB-Hours")
    side = builders.side(4, quote=builders.quote(gpu, cpu, gib))
    printed = squeezed(text(builders.estimate(side), card=builders.card(tier)))
    assert "GPU-hour $5.5442 × 0.85 (split) ÷ 8 GPUs ÷ 0.7 planned utilization = $0.8415" in printed
    assert "Core-hour $5.5442 × 0.15 (split) ÷ 96 cores ÷ 0.7 planned utilization = $0.0124" in printed
    assert "GiB-hour priced at $0.1000" in printed
    assert "× 30.5 GiB × $0.1000 = $3,050" in printed
    assert "× 16 cores × $0.0124 = $198" in printed
    assert "sum = $6,614" in printed


def test_whole_nodes_and_tiers_that_the_card_does_not_hold() -> None:
    node = replace(builders.gpu_rate(1, builders.NODE_HOUR), sku="a100 node-hour", unit="Node-Hours")
    side = builders.side(4, quote=builders.quote(node))
    printed = squeezed(text(builders.estimate(side)))
    assert "Node-hour $5.5442 = $5.5442 a100 node-hour\n" in printed
    assert "× 1 node × $5.5442 = $5,544" in printed
    assert "Tier" not in text(builders.estimate(side), card=builders.card(builders.spot_tier()))


def test_a_rate_card_line_without_a_rate_shows_its_quantity() -> None:
    side = builders.side(4)
    line = replace(side.lines[0], sku="fast storage", pricing_unit="TB-Months", pricing_quantity=Decimal("1.5"))
    printed = text(builders.estimate(replace(side, lines=(line,))))
    assert "1.5 TB-Months × $0.6930 = $2,772" in printed


def test_a_step_without_a_price_has_no_sum() -> None:
    printed = text(builders.estimate(builders.local(), builders.side(4)), "start")
    assert printed.startswith("TrainFlow/start (flows/train.py)\n")
    assert "not billed: local" in printed
    assert "$" not in printed.split("rate card")[0]


def test_an_unknown_step_names_those_there_are() -> None:
    with pytest.raises(InputError) as error:
        text(builders.estimate(builders.local(), builders.side(4)), "trian")
    assert str(error.value) == "TrainFlow has no step 'trian'\nhelp: steps: start, train"
    with pytest.raises(InputError, match="steps: none"):
        text(builders.estimate(), "x")


def test_a_flow_without_steps_explains_nothing() -> None:
    assert text(builders.estimate(band=builders.EXACT)).startswith("TrainFlow (flows/train.py): $0 a month, $0 a run\n")


def test_an_input_that_an_older_estimate_lacks_is_left_out() -> None:
    given = {name: entry for name, entry in builders.inputs().items() if name != "attempts"}
    side = replace(builders.side(4), inputs=given)
    assert "attempt " not in text(builders.estimate(side)).replace("an attempt", "")


def test_a_detail_that_repeats_the_source_is_not_said_twice() -> None:
    given = {**builders.inputs(), "runs": replace(builders.declared(500, 12), detail="declared in costgate.yml")}
    printed = squeezed(text(builders.estimate(builders.side(4, inputs=given))))
    assert "runs 500 a month declared (costgate.yml:12)\n" in printed


def test_what_was_measured_is_dated_once() -> None:
    given = {**builders.inputs(), "duration_s": builders.metered(7200)}
    printed = squeezed(text(builders.estimate(builders.side(4, inputs=given))))
    assert "metered (.costgate/usage.json:31): 41 attempts up to 2026-11-20\n" in printed
    other = {**given, "duration_s": replace(builders.metered(7200), detail="the scheduler's own times")}
    printed = squeezed(text(builders.estimate(builders.side(4, inputs=other))))
    assert "metered n=41 of 2026-11-20 (.costgate/usage.json:31): the scheduler's own times" in printed


def test_a_value_in_a_config_is_shown_without_what_contains_it() -> None:
    places = [("flows/train.py", 18), ("flows/train.py", 9), ("c.json", 1), ("c.json", 3), ("c.json", 4), ("b.json", 2)]
    gpu = builders.known(4, *(builders.at(*place) for place in places))
    side = builders.side(4, resources=StepResources(compute="batch", gpu=gpu))
    printed = squeezed(text(builders.estimate(side)))
    assert "gpu 4 flows/train.py:18 ← flows/train.py:9 ← c.json:4 ← b.json:2\n" in printed


def test_notes_of_a_value_are_shown() -> None:
    noted = replace(builders.known(4), notes=("depends on the environment variable GPUS",))
    side = builders.side(4, resources=StepResources(compute="batch", gpu=noted), quote=NotBilled(reason="by rule"))
    assert "depends on the environment variable GPUS" in text(builders.estimate(side))
