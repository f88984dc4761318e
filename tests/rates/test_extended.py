"""Slices of GPUs and what else a pod asks for by Kubernetes' own names: a share of a tier or a reason, never free."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costgate.model import Known, Location, NotBilled, Quote, RateCard, StepResources, Unpriced
from costgate.rates.card import load
from costgate.rates.extended import has_accelerators, vendor
from costgate.rates.match import quote
from tests.rates.cards import AS_OF, STEP, card, reader, resources, unresolved

CARD = card("""
    tiers:
      a100: {node: {gpus: 8, gpu_model: A100-80GB, cpus: 96, memory_gib: 1152}, hourly: 80}
      v100: {node: {gpus: 4, gpu_model: V100-16GB}, hourly: 4, match: [{queue: old}]}
      plain: {node: {gpus: 4}, hourly: 4, match: [{queue: plain}]}
      whole:
        node: {gpus: 8, cpus: 8, memory_gib: 64}
        hourly: 9
        occupancy: whole_node
        match: [{queue: whole}]
      cut:
        node: {gpus: 56, gpu_model: A100-40GB-MIG-1g.5gb, cpus: 96, memory_gib: 1152}
        hourly: 56
        match: [{extended_resources: {nvidia.com/mig-1g.5gb: "*"}}]
      efa:
        node: {gpus: 8, gpu_model: H100-80GB, cpus: 96, memory_gib: 1152}
        hourly: 80
        match: [{extended_resources: {vpc.amazonaws.com/efa: "4"}}]
      cpu: {node: {cpus: 32, memory_gib: 128}, hourly: 32}
    default_tier: {gpu: a100, cpu: cpu}
""")
AWS = load("aws", read=reader({}), as_of=AS_OF)
A100_LABEL = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB-MIG-3g.40gb"}


def asked(rates: RateCard = CARD, **said: Any) -> Quote | NotBilled | Unpriced:
    step = resources(**{"cpu": 1, "memory_mb": 4096, **said})
    return quote(rates, step, deployment="train", step="fit", location=STEP)


def mig(**slices: Any) -> dict[str, Any]:
    return {f"nvidia.com/mig-{name.replace('_', '.')}": count for name, count in slices.items()}


PRICED = [
    pytest.param(
        {"extended_resources": mig(**{"3g_40gb": 1})},
        "a100",
        "0.5",
        "a 3g.40gb slice is 0.5 of A100-80GB",
        id="a slice",
    ),
    pytest.param({"extended_resources": mig(**{"3g_40gb": "2"})}, "a100", "1", None, id="two slices"),
    pytest.param({"extended_resources": mig(**{"3g_40gb": 1, "7g_80gb": 1})}, "a100", "1.5", None, id="two kinds"),
    pytest.param({"gpu": 2, "extended_resources": mig(**{"3g_40gb": 1})}, "a100", "2.5", None, id="slices and GPUs"),
    pytest.param(
        {"gpu": 2, "node_selector": A100_LABEL},
        "a100",
        "1",
        "a 3g.40gb slice is 0.5 of A100-80GB",
        id="GPUs that are slices",
    ),
    pytest.param(
        {"gpu": 1, "node_selector": {"nvidia.com/mig.config": "all-1g.20gb"}},
        "a100",
        "0.25",
        None,
        id="nodes cut alike",
    ),
    pytest.param(
        {"gpu": 1, "node_selector": {"cloud.google.com/gke-gpu-partition-size": "7g.80gb"}}, "a100", "1", None, id="GKE"
    ),
    pytest.param(
        {"extended_resources": mig(**{"1g_5gb": 7})},
        "cut",
        "7",
        "a 1g.5gb slice is 1 of A100-40GB-MIG-1g.5gb",
        id="a tier of slices",
    ),
    *(
        pytest.param({"extended_resources": mig(**{"1g_10gb": 7 * n})}, "a100", str(n), None, id=f"{7 * n} sevenths")
        for n in range(1, 9)
    ),
    pytest.param(
        {"gpu": 5, "extended_resources": mig(**{"4g_40gb": 3, "2g_20gb": 3, "1g_10gb": 3})},
        "a100",
        "8",
        None,
        id="three GPUs cut in three",
    ),
    pytest.param({"extended_resources": {"nvidia.com/gpu": 4}}, "a100", "4", None, id="whole GPUs"),
    pytest.param({"gpu": 2, "extended_resources": {"nvidia.com/gpu": 4}}, "a100", "4", None, id="the same GPUs twice"),
    pytest.param({"gpu": 2, "extended_resources": {"cpu": 0}}, "a100", "2", None, id="nothing of something"),
    pytest.param({"gpu": 2, "extended_resources": {}}, "a100", "2", None, id="nothing"),
]


@pytest.mark.parametrize(("said", "tier", "gpus", "how"), PRICED)
def test_slices_pay_their_share_of_a_gpu(said: dict[str, Any], tier: str, gpus: str, how: str | None) -> None:
    found = asked(**said)
    assert isinstance(found, Quote), found
    (rate,) = found.rates
    assert (found.tier, rate.unit, rate.quantity) == (tier, "GPU-Hours", Decimal(gpus))
    assert how is None or found.how.endswith(f"; {how}")
    assert not found.assumptions


NO_GPU = "no GPU that is known to have such slices"
REFUSED = [
    pytest.param(
        {"extended_resources": mig(**{"3g_20gb": 1})},
        "asks 3g.20gb slices of a GPU, and a100 has A100-80GB: a GPU that has no such slices",
        id="another GPU's slice",
    ),
    pytest.param({"queue": "old", "extended_resources": mig(**{"2g_10gb": 1})}, None, id="a GPU without slices"),
    pytest.param(
        {"queue": "plain", "extended_resources": mig(**{"3g_40gb": 1})},
        f"asks 3g.40gb slices of a GPU, and plain has no gpu_model: {NO_GPU}",
        id="no model",
    ),
    pytest.param(
        {"queue": "plain", "gpu": 1, "node_selector": {"nvidia.com/mig.config": "all-1g.5gb"}},
        f"asks 1g.5gb slices of a GPU, and plain has no gpu_model: {NO_GPU}",
        id="labels and no model",
    ),
    pytest.param(
        {"extended_resources": mig(**{"1c_3g_40gb": 1})},
        "asks 1c.3g.40gb slices of a GPU, and a100 has A100-80GB: of unknown size",
        id="a part of a slice",
    ),
    pytest.param(
        {"extended_resources": mig(**{"7g_80gb": 9})},
        "does not fit: asks 9 GPUs, a node of a100 has 8",
        id="more than a node",
    ),
    pytest.param(
        {"extended_resources": mig(**{"7g_80gb": "many"})},
        "asks nvidia.com/mig-7g.80gb: 'many', which is not an amount",
        id="no amount",
    ),
    pytest.param(
        {"extended_resources": {"nvidia.com/gpu.shared": 1}},
        "asks 1 nvidia.com/gpu.shared, which has no price of its own",
        id="a GPU shared by turns",
    ),
    pytest.param(
        {"extended_resources": {"aws.amazon.com/neuron": 16}},
        "asks 16 aws.amazon.com/neuron, which has no price of its own",
        id="Neuron",
    ),
    pytest.param(
        {"extended_resources": {"cpu": 64}},
        "asks 64 cpu, which has no price of its own",
        id="what replaces the decorator's",
    ),
    pytest.param(
        {"extended_resources": {"memory": "512Gi"}},
        "asks memory: '512Gi', which is not an amount",
        id="a quantity with a unit",
    ),
    pytest.param(
        {"extended_resources": {"example.com/dongle": 1}},
        "asks 1 example.com/dongle, which has no price of its own",
        id="anything else",
    ),
    pytest.param(
        {"extended_resources": {"amd.com/gpu": 1}}, "asks GPUs of amd, and a100 has A100-80GB", id="another maker's GPU"
    ),
]


@pytest.mark.parametrize(("said", "reason"), REFUSED)
def test_what_has_no_price_says_why(said: dict[str, Any], reason: str | None) -> None:
    found = asked(**said)
    assert isinstance(found, Unpriced), found
    assert reason in (None, found.reason)
    assert found.location == STEP


def test_the_place_is_where_the_resources_were_written() -> None:
    place = Location(path="flows/train.py", line=20)
    found = asked(extended_resources=Known(value={"example.com/dongle": 1}, chain=(place,)))
    assert isinstance(found, Unpriced)
    assert found.location == place
    assert found.help == "match it to a tier with occupancy: whole_node, whose price has everything in the node"


NO_RULES = card("tiers: {x: {node: {gpus: 8}, hourly: 8}}\ndefault_tier: {gpu: x}")


@pytest.mark.parametrize("rates", [CARD, NO_RULES])
def test_resources_that_are_not_known_leave_the_price_open(rates: RateCard) -> None:
    found = asked(rates, gpu=1, extended_resources=unresolved("cfg.extra"))
    assert isinstance(found, Unpriced)
    assert found.reason == "extended_resources is unknown: `cfg.extra`: it is computed at run time"


@pytest.mark.parametrize("said", [{"extended_resources": mig(**{"3g_40gb": 1})}, {"node_selector": A100_LABEL}])
def test_slices_beside_an_unknown_number_of_gpus_leave_the_price_open(said: dict[str, Any]) -> None:
    found = asked(gpu=unresolved(), **said)
    assert isinstance(found, Unpriced)
    assert found.reason.startswith("gpu is unknown")


def test_a_whole_node_has_everything_in_it() -> None:
    found = asked(queue="whole", extended_resources={**mig(**{"2g_10gb": 1}), "example.com/dongle": 2})
    assert isinstance(found, Quote)
    assert [rate.unit for rate in found.rates] == ["Node-Hours"]
    assert found.assumptions == ("example.com/dongle (2) comes with a node of whole",)


def test_network_devices_come_with_their_node() -> None:
    found = asked(gpu=8, extended_resources={"vpc.amazonaws.com/efa": 4})
    assert isinstance(found, Quote)
    assert (found.tier, found.how) == ("efa", "extended_resources vpc.amazonaws.com/efa=4 (card.yml:18)")
    assert found.assumptions == ("vpc.amazonaws.com/efa (4) comes with a node of efa",)


def test_a_slice_has_no_cheapest_type() -> None:
    found = asked(AWS, extended_resources=mig(**{"3g_40gb": 1}))
    assert isinstance(found, Unpriced)
    assert found.reason == "asks a slice of a GPU, and no rule or default says on which nodes it is cut"
    labelled = asked(AWS, gpu=1, node_selector=A100_LABEL)
    assert isinstance(labelled, Unpriced)
    assert labelled.reason == found.reason


def test_whole_gpus_by_another_name_get_the_cheapest_type() -> None:
    named = asked(AWS, extended_resources={"nvidia.com/gpu": 8})
    assert isinstance(named, Quote)
    plainly = asked(AWS, gpu=8)
    assert isinstance(plainly, Quote)
    assert (named.tier, named.rates) == (plainly.tier, plainly.rates)


def test_a_card_without_defaults_is_asked_for_one() -> None:
    rates = card("tiers: {a100: {node: {gpus: 8, gpu_model: A100-80GB}, hourly: 8}}")
    found = asked(rates, extended_resources=mig(**{"3g_40gb": 1}))
    assert isinstance(found, Unpriced)
    assert found.reason == "no tier matches and there is no default_tier.gpu"


ACCELERATED = [
    ({"nvidia.com/mig-1g.5gb": 1}, True),
    ({"amd.com/gpu": 1}, True),
    ({"aws.amazon.com/neuron": 1}, True),
    ({"google.com/tpu": 4}, True),
    ({"vpc.amazonaws.com/efa": 1}, False),
    ({}, False),
    (None, False),
]


@pytest.mark.parametrize(("said", "expected"), ACCELERATED)
def test_accelerators_by_other_names(said: dict[str, int] | None, expected: bool) -> None:
    assert has_accelerators(resources(extended_resources=said)) is expected


def test_whose_gpus_are_asked_for() -> None:
    assert vendor(resources()) is None
    assert vendor(resources(gpu_vendor="NVIDIA")) == "nvidia"
    assert vendor(resources(gpu_vendor="nvidia", extended_resources={"amd.com/gpu": 1})) == "amd"
    assert vendor(StepResources(compute="kubernetes", gpu_vendor=unresolved())) is None


NAMES = st.sampled_from(["nvidia.com/mig-3g.40gb", "nvidia.com/gpu", "cpu", "amd.com/gpu", "rdma/ib", "x"]) | st.text()
AMOUNTS = st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=5), st.lists(st.integers(), max_size=1))


@given(said=st.dictionaries(NAMES, AMOUNTS, max_size=3), labels=st.dictionaries(NAMES, AMOUNTS, max_size=2))
def test_whatever_is_asked_for_has_a_price_or_a_reason(said: dict[str, Any], labels: dict[str, Any]) -> None:
    found = asked(extended_resources=said, node_selector=labels)
    assert isinstance(found, (Quote, Unpriced))
    if isinstance(found, Quote):
        assert sum(rate.quantity * rate.unit_price.expected for rate in found.rates) > 0
