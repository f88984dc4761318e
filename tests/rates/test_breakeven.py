"""Which cloud tier a tier is compared with, and the utilization at which an hour of use costs the same in both."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costgate.model import Node, Tier
from costgate.rates.breakeven import Unit, by_utilization, even_at, nearest, node_hour_at, unit
from costgate.units import Interval
from tests.rates.cards import STEP, card

CLOUDS = "extends: [aws, azure, gcp]"
SMALL = """
    cloud-a: {node: {gpus: 1, gpu_model: X1}, cloud: {on_demand: 4}}
    cloud-b: {node: {gpus: 8, gpu_model: X1}, cloud: {on_demand: 40}}
    cloud-c: {node: {gpus: 16, gpu_model: X1}, cloud: {on_demand: 72, spot: 9}}
    cloud-d: {node: {gpus: 4, gpu_model: X2}, cloud: {on_demand: 4}}
    cloud-e: {node: {gpus: 8, gpu_model: X1}, cloud: {spot: 3, purchase: spot}}
"""

NEAREST = [
    pytest.param(
        CLOUDS,
        "{gpus: 8, gpu_model: A100-80GB}",
        "aws/us-east-1/p4de.24xlarge",
        "A100-80GB as here, 8 or more on a node; of 5 such the cheapest on-demand",
        id="the model and the count",
    ),
    pytest.param(
        CLOUDS,
        "{gpus: 1, gpu_model: a100-80gb}",
        "aws/us-east-1/p4de.24xlarge",
        "a100-80gb as here, 1 or more on a node; of 17 such the cheapest on-demand",
        id="the model in small letters",
    ),
    pytest.param(
        CLOUDS,
        "{gpus: 16, gpu_model: H100-80GB}",
        "aws/us-east-1/p5.48xlarge",
        "H100-80GB as here, 8 (there are no more) on a node; of 6 such the cheapest on-demand",
        id="no node is as large",
    ),
    pytest.param(
        CLOUDS, "{gpus: 8, gpu_model: RTX4090}", None, "no cloud tier of the card has RTX4090", id="no such model"
    ),
    pytest.param(
        CLOUDS,
        "{gpus: 8, gpu_model: A100}",
        None,
        "no cloud tier of the card has A100, but A100-40GB and A100-80GB; say which",
        id="a model that may be two",
    ),
    pytest.param(
        CLOUDS,
        "{gpus: 4, gpu_model: NVIDIA-H200}",
        "aws/us-east-1/p5en.48xlarge",
        "NVIDIA-H200 as here, 4 or more on a node; of 1 such the cheapest on-demand",
        id="a model that can only be one",
    ),
    pytest.param(
        CLOUDS,
        "{gpus: 8, gpu_model: NVIDIA-A100-SXM4-80GB}",
        "aws/us-east-1/p4de.24xlarge",
        "NVIDIA-A100-SXM4-80GB as here, 8 or more on a node; of 5 such the cheapest on-demand",
        id="the model as its driver names it",
    ),
    pytest.param(CLOUDS, "{gpus: 8}", None, "the card does not say node.gpu_model of this tier", id="no model"),
    pytest.param(
        CLOUDS,
        "{trainium: 8}",
        "aws/us-east-1/trn1.32xlarge",
        "Trainium as here, 8 or more on a node; of 2 such the cheapest on-demand",
        id="Trainium",
    ),
    pytest.param(
        "extends: [azure]", "{inferentia: 8}", None, "no cloud tier of the card has Inferentia", id="no Inferentia"
    ),
    pytest.param(
        "extends: [aws]",
        "{cpus: 32, memory_gib: 128}",
        "aws/us-east-1/m6a.8xlarge",
        "32 or more cores, 4 GiB of memory a core or more; of 48 such the cheapest on-demand",
        id="cores and memory",
    ),
    pytest.param(
        "extends: [aws]",
        "{cpus: 32}",
        "aws/us-east-1/c6a.8xlarge",
        "32 or more cores, any memory, since the card does not say what this tier has; "
        "of 76 such the cheapest on-demand",
        id="cores alone",
    ),
    pytest.param(
        "extends: [aws]",
        "{cpus: 512, memory_gib: 2048}",
        "aws/us-east-1/m6a.48xlarge",
        "192 (there are no more) cores, 4 GiB of memory a core or more; of 6 such the cheapest on-demand",
        id="more cores than any",
    ),
    pytest.param(
        "extends: [aws]",
        "{cpus: 8, memory_gib: 640}",
        None,
        "no cloud tier of the card has 80 GiB of memory a core",
        id="more memory than any",
    ),
    pytest.param(
        "",
        "{cpus: 8}",
        None,
        "the card has no cloud tiers; `extends: [aws]` adds those of a shipped card",
        id="no cloud at all",
    ),
]


def own(text: str, node: str, more: str = "") -> tuple[str, str]:
    made = card(f"{text}\ntiers:\n  x: {{node: {node}, hourly: 5}}\n{more}")
    counted = unit(made.tiers["x"])
    assert counted is not None
    found = nearest(made, made.tiers["x"], counted)
    return found.tier.name if found.tier else "", found.why


@pytest.mark.parametrize(("text", "node", "name", "why"), NEAREST)
def test_the_nearest_cloud_tier(text: str, node: str, name: str | None, why: str) -> None:
    assert own(text, node) == (name or "", why)


def test_cloud_tiers_of_the_card_itself_count_too() -> None:
    more = SMALL.replace("\n    ", "\n  ")
    assert own("", "{gpus: 8, gpu_model: X1}", more)[0] == "cloud-c"
    assert own("", "{gpus: 1, gpu_model: X1}", more)[0] == "cloud-a"


def test_a_tier_is_not_compared_with_itself() -> None:
    made = card("tiers: {x: {node: {cpus: 8}, cloud: {on_demand: 1}}}")
    assert nearest(made, made.tiers["x"], Unit(size="cpus", name="Core-Hours", capacity=Decimal(8))).tier is None


def test_a_node_without_accelerators_and_cores_is_not_counted() -> None:
    assert unit(card("tiers: {x: {node: {memory_gib: 8}, hourly: 1}}").tiers["x"]) is None


def tier(hour: str, *, saving: str = "0", planned: str = "1", gpus: int = 8) -> Tier:
    return Tier(
        name="x",
        node=Node(gpus=Decimal(gpus)),
        node_hour=Interval.exact(Decimal(hour)),
        components=(),
        location=STEP,
        planned_utilization=Decimal(planned),
        idle_saving=Decimal(saving),
    )


GPUS = Unit(size="gpus", name="GPU-Hours", capacity=Decimal(8))
EVEN = [
    pytest.param("8", "0", "1", "2", "0.5", id="half"),
    pytest.param("8", "0", "0.7", "2", "0.5", id="whatever was planned"),
    pytest.param("8", "0", "1", "1", "1", id="always busy"),
    pytest.param("8", "0", "1", "0.99", None, id="never"),
    pytest.param("8", "0", "1", "0", None, id="a cloud for nothing"),
    pytest.param("8", "8", "1", "1", None, id="power that costs as much as the cloud"),
    pytest.param("0", "0", "1", "1", "0", id="at once"),
    pytest.param("8", "4", "0.5", "2", "0.5", id="idle power saved"),  # idle 6, busy 10: 6 = 0.5 × (16 − 4)
]


@pytest.mark.parametrize(("hour", "saving", "planned", "price", "share"), EVEN)
def test_break_even(hour: str, saving: str, planned: str, price: str, share: str | None) -> None:
    found = even_at(tier(hour, saving=saving, planned=planned), GPUS, Decimal(price))
    assert found == (None if share is None else Decimal(share))


@given(
    hour=st.decimals("0.01", 1000, places=2),
    power=st.decimals(0, 1, places=2),
    planned=st.decimals("0.1", 1, places=2),
    price=st.decimals("0.01", 100, places=2),
)
def test_at_break_even_an_hour_of_use_costs_what_the_cloud_asks(
    hour: Decimal, power: Decimal, planned: Decimal, price: Decimal
) -> None:
    made = tier(str(hour), saving=str(hour * power), planned=str(planned))
    share = even_at(made, GPUS, price)
    if share is None:
        assert node_hour_at(made, Decimal(1)) / 8 > price * (1 - Decimal("1e-20"))
    else:
        assert abs(node_hour_at(made, share) / 8 / share - price) < Decimal("1e-20")


@given(hour=st.decimals("0.01", 1000, places=2), power=st.decimals(0, 1, places=2))
def test_an_hour_of_use_costs_more_the_less_are_used(hour: Decimal, power: Decimal) -> None:
    prices = [used.unit_price for used in by_utilization(tier(str(hour), saving=str(hour * power)), GPUS)]
    assert prices == sorted(prices)
    assert prices[0] == hour / 8
