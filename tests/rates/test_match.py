"""Which tier a step gets and what it pays there; what cannot be known is unpriced, never free."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costgate.model import (
    Known,
    Location,
    Node,
    NotBilled,
    Quote,
    Rate,
    RateCard,
    StepResources,
    Tier,
    Unpriced,
    Unresolved,
)
from costgate.rates.card import load
from costgate.rates.match import quote, quote_on
from costgate.rates.rules import clashes
from costgate.rates.split import Refusal, ask, cost, plain, price, unit_rates
from costgate.shipped import schema
from costgate.units import Interval
from tests.rates.cards import A100, AS_OF, STEP, card, reader, resources, unresolved

AWS = load("aws", read=reader({}), as_of=AS_OF)
GPU = {"gpu": 4, "cpu": 8, "memory_mb": 64000}
CPU = {"gpu": 0, "cpu": 8, "memory_mb": 8000}


def asked(rates: RateCard, step: StepResources) -> Quote | NotBilled | Unpriced:
    return quote(rates, step, deployment="train", step="fit", location=STEP)


def priced(rates: RateCard, step: StepResources) -> Quote:
    result = asked(rates, step)
    assert isinstance(result, Quote), result
    return result


def unpriced(rates: RateCard, step: StepResources) -> Unpriced:
    result = asked(rates, step)
    assert isinstance(result, Unpriced), result
    assert (result.deployment, result.step) == ("train", "fit")
    return result


def hour(rates: tuple[Rate, ...]) -> Decimal:
    return sum((rate.quantity * rate.unit_price.expected for rate in rates), Decimal(0))


def tier(node: str, *, split: str = "", more: str = "", price: int = 96) -> RateCard:
    """A card with one tier, x, for every step."""
    text = f"tiers: {{x: {{node: {node}, hourly: {price}{f', split: {split}' if split else ''}{more}}}}}\n"
    return card(text + "default_tier: {gpu: x, cpu: x, trainium: x, inferentia: x}")


# What a step pays

NODE = "{gpus: 8, cpus: 96, memory_gib: 1024}"
WEIGHTS = "{gpu: 0.5, cpu: 0.25, memory: 0.25}"
KUBERNETES_GIB = Decimal("67.108864")  # 64 GiB of Kubernetes' megabytes, in thousands
GIB_64 = 64 * 1024  # 64 GiB in AWS Batch's megabytes
SHARES = [
    pytest.param(NODE, "", {"gpu": 2}, [("x GPU-hour", "GPU-Hours", "2", "12")], id="GPUs pay for the node"),
    pytest.param(NODE, "", {"gpu": 0.5}, [("x GPU-hour", "GPU-Hours", "0.5", "12")], id="half a GPU"),
    pytest.param(NODE, "", {"gpu": "2"}, [("x GPU-hour", "GPU-Hours", "2", "12")], id="a number as text"),
    pytest.param(
        "{trainium: 16}",
        "",
        {"trainium": 4},
        [("x Trainium-hour", "Accelerator-Hours", "4", "6")],
        id="Trainium pays for the node",
    ),
    pytest.param(
        "{inferentia: 12}",
        "",
        {"inferentia": 3},
        [("x Inferentia-hour", "Accelerator-Hours", "3", "8")],
        id="Inferentia pays for the node",
    ),
    pytest.param(NODE, "dominant", {"gpu": 2, "cpu": 4}, [("x GPU-hour", "GPU-Hours", "2", "12")], id="GPUs dominate"),
    pytest.param(
        NODE, "dominant", {"gpu": 1, "cpu": 48}, [("x core-hour", "Core-Hours", "48", "1")], id="cores dominate"
    ),
    pytest.param(
        NODE,
        "dominant",
        {"cpu": 1, "memory_mb": GIB_64},
        [("x GiB-hour", "GiB-Hours", "64", "0.09375")],
        id="memory dominates",
    ),
    pytest.param(
        NODE,
        "dominant",
        {"gpu": 1, "cpu": 12},
        [("x GPU-hour", "GPU-Hours", "1", "12")],
        id="of equals the accelerator",
    ),
    pytest.param(
        NODE,
        WEIGHTS,
        {"gpu": 2, "cpu": 48, "memory_mb": GIB_64},
        [
            ("x GPU-hour", "GPU-Hours", "2", "6"),
            ("x core-hour", "Core-Hours", "48", "0.25"),
            ("x GiB-hour", "GiB-Hours", "64", "0.0234375"),
        ],
        id="weights charge each",
    ),
    pytest.param(
        NODE, WEIGHTS, {"cpu": 48}, [("x core-hour", "Core-Hours", "48", "0.25")], id="weights charge what is asked for"
    ),
]


@pytest.mark.parametrize(("node", "split", "said", "rates"), SHARES)
def test_a_step_pays_its_share(node: str, split: str, said: dict[str, Any], rates: list[tuple[str, ...]]) -> None:
    result = priced(tier(node, split=split), resources("batch", **said))
    assert [(r.sku, r.unit, str(r.quantity), r.unit_price.expected) for r in result.rates] == [
        (sku, unit, quantity, Decimal(unit_price)) for sku, unit, quantity, unit_price in rates
    ]


def test_a_megabyte_of_kubernetes_is_smaller_than_one_of_batch() -> None:
    rates = tier("{memory_gib: 96}")
    on_batch = priced(rates, resources("batch", memory_mb=1024)).rates[0].quantity
    on_kubernetes = priced(rates, resources("kubernetes", memory_mb=1024)).rates[0].quantity
    assert (on_batch, on_kubernetes) == (1, Decimal(1024 * 10**6) / 2**30)


def test_the_price_of_owned_hardware_is_the_published_one() -> None:
    result = priced(card(A100 + "    default_tier: {gpu: a100}\n"), resources(gpu=4))
    assert round(result.rates[0].unit_price.expected, 7) == Decimal("0.6930263")
    assert result.how == "default_tier.gpu (card.yml:6)"
    assert result.location == Location(path="card.yml", line=6, column=3)


def test_planned_utilization_divides_the_rate() -> None:
    result = priced(tier(NODE, more=", planned_utilization: 0.5"), resources(gpu=1))
    assert result.rates[0].unit_price.expected == 24


def test_a_whole_node_is_paid_whole() -> None:
    result = priced(tier(NODE, more=", occupancy: whole_node, planned_utilization: 0.5"), resources(**CPU))
    assert [(r.sku, r.unit, r.quantity, r.unit_price.expected) for r in result.rates] == [
        ("x node-hour", "Node-Hours", 1, 192)
    ]


SPOT = """
    tiers:
      x: {node: {gpus: 4}, cloud: {on_demand: 12, spot: {low: 1, expected: 2, high: 12}, purchase: %s}}
    default_tier: {gpu: x}
"""


def test_spot_is_a_range_and_both_prices_are_told() -> None:
    result = priced(card(SPOT % "spot"), resources(gpu=2))
    assert hour(result.rates) == 1
    assert result.rates[0].unit_price == Interval(low=Decimal("0.25"), expected=Decimal("0.5"), high=Decimal(3))
    assert hour(result.on_demand_rates) == 6
    assert result.spot_rates == result.rates


def test_on_demand_tells_both_prices_too() -> None:
    result = priced(card(SPOT % "on_demand"), resources(gpu=2))
    assert (hour(result.rates), hour(result.on_demand_rates), hour(result.spot_rates)) == (6, 6, 1)


def test_without_both_prices_neither_is_told() -> None:
    result = priced(tier(NODE), resources(gpu=2))
    assert (result.on_demand_rates, result.spot_rates) == ((), ())


# What has no price

REFUSED = [
    pytest.param(
        NODE,
        "",
        CPU,
        "asks no GPUs, and x is priced by them alone (split: gpu_only)",
        "match such steps to another tier, or split x by dominant share or by weights",
        id="CPU work on a GPU tier",
    ),
    pytest.param(
        NODE,
        "dominant",
        {},
        "asks no GPUs or CPUs or GiB of memory, by which x is priced",
        "say what the step asks for",
        id="a step that asks for nothing",
    ),
    pytest.param(
        NODE,
        "",
        {"gpu": 16},
        "does not fit: asks 16 GPUs, a node of x has 8",
        "ask for less, or match the step to a tier with larger nodes",
        id="more GPUs than a node",
    ),
    pytest.param(
        NODE,
        "",
        {"gpu": 16, "cpu": 100, "memory_mb": 2 * 1024 * 1024},
        "does not fit: asks 16 GPUs, a node of x has 8; asks 100 CPUs, a node of x has 96; "
        "asks 2,048 GiB of memory, a node of x has 1,024",
        "ask for less, or match the step to a tier with larger nodes",
        id="more of everything",
    ),
    pytest.param(
        "{cpus: 4}",
        "",
        {"cpu": 1, "gpu": 1},
        "does not fit: asks 1 GPUs, a node of x has 0",
        "ask for less, or match the step to a tier with larger nodes",
        id="a GPU where there is none",
    ),
    pytest.param(
        NODE,
        "",
        {"trainium": 1},
        "does not fit: asks 1 Trainium devices, a node of x has 0",
        "ask for less, or match the step to a tier with larger nodes",
        id="Trainium on a GPU tier",
    ),
    pytest.param(NODE, "", {"gpu": "many"}, "gpu is unknown: `'many'`: it is not an amount", "", id="a word"),
    pytest.param(NODE, "", {"gpu": -1}, "gpu is unknown: `-1`: it is not an amount", "", id="less than nothing"),
    pytest.param(
        NODE, "", {"gpu": 10**5000}, "gpu is unknown: `1.00000e+5000`: it is not an amount", "", id="a huge number"
    ),
    pytest.param(NODE, "", {"gpu": float("nan")}, "gpu is unknown: `NaN`: it is not an amount", "", id="no number"),
    pytest.param(NODE, "", {"gpu": [1]}, "gpu is unknown: `list`: it is not an amount", "", id="a list"),
]


@pytest.mark.parametrize(("node", "split", "said", "reason", "help"), REFUSED)
def test_a_step_without_a_price_says_why(node: str, split: str, said: dict[str, Any], reason: str, help: str) -> None:
    result = unpriced(tier(node, split=split), resources("batch", **said))
    assert (result.reason, result.help, result.location) == (reason, help, STEP)


def test_a_whole_node_must_be_large_enough_too() -> None:
    assert "does not fit" in unpriced(tier(NODE, more=", occupancy: whole_node"), resources(gpu=9)).reason


ENTERS = [
    pytest.param("", "gpu", id="GPUs"),
    pytest.param("dominant", "cpu", id="cores of a dominant share"),
    pytest.param("dominant", "memory_mb", id="memory of a dominant share"),
    pytest.param(WEIGHTS, "cpu", id="cores with a weight"),
]
STAYS_OUT = [
    pytest.param("", "cpu", id="cores where GPUs pay"),
    pytest.param("", "memory_mb", id="memory where GPUs pay"),
    pytest.param("{gpu: 1}", "memory_mb", id="memory without a weight"),
]


@pytest.mark.parametrize(("split", "attribute"), ENTERS)
def test_an_unknown_that_enters_the_price_leaves_it_open(split: str, attribute: str) -> None:
    result = unpriced(tier(NODE, split=split), resources(**GPU | {attribute: unresolved()}))
    assert result.reason == f"{attribute} is unknown: `cfg.gpu`: it is computed at run time"
    assert str(result.location) == "flows/train.py:30:5"


@pytest.mark.parametrize(("split", "attribute"), STAYS_OUT)
def test_an_unknown_that_stays_out_of_it_is_assumed_to_fit(split: str, attribute: str) -> None:
    result = priced(tier(NODE, split=split), resources(**GPU | {attribute: unresolved()}))
    assert result.assumptions == (f"{attribute} is unknown (`cfg.gpu`): assumed to fit a node of x",)


def test_on_a_whole_node_everything_may_be_unknown_but_the_need() -> None:
    rates = tier(NODE, more=", occupancy: whole_node")
    result = priced(rates, resources(gpu=1, cpu=unresolved("n"), memory_mb=unresolved("m")))
    assert len(result.assumptions) == 2
    assert unpriced(rates, resources(gpu=unresolved())).reason.startswith("gpu is unknown")


def test_a_node_that_the_card_leaves_open_is_assumed_large_enough() -> None:
    result = priced(tier("{gpus: 8}"), resources(**GPU))
    assert result.assumptions == (
        "the card does not say cpus of x: assumed to fit",
        "the card does not say memory_gib of x: assumed to fit",
    )


def test_a_step_that_anything_may_have_touched_has_no_price() -> None:
    touched = unresolved("@my_mutator", "it may change any attribute")
    step = resources(touched_by=None, **GPU)
    step = StepResources(compute="local", gpu=step.gpu, touched_by=touched)
    assert unpriced(tier(NODE), step).reason == (
        "every attribute is unknown: `@my_mutator`: it may change any attribute"
    )
    result = quote_on(tier(NODE), "x", step, deployment="train", step="fit", location=STEP)
    assert isinstance(result, Unpriced)


# Which tier

RULES = """
    tiers:
      pool: {node: {gpus: 8}, hourly: 1, match: [{node_selector: {pool: a100}}, {queue: "ml-a100*"}]}
      zone: {node: {gpus: 8}, hourly: 2, match: [{node_selector: {pool: a100, zone: b*}}]}
      bought: {node: {gpus: 8}, hourly: 3, match: [{compute: batch, queue: bought}, {compute_pool: p}]}
      amd: {node: {gpus: 8}, hourly: 4, match: [{gpu_vendor: amd}]}
      rest: {node: {gpus: 8, cpus: 8}, hourly: 5, split: dominant}
      desk: {node: {gpus: 1, cpus: 16}, hourly: 6, split: dominant, match: [{compute: local}]}
    default_tier: {gpu: rest, cpu: rest}
"""
MATCHES = [
    pytest.param({"node_selector": {"pool": "a100"}}, "pool", "node_selector pool=a100 (card.yml:6)", id="a label"),
    pytest.param({"node_selector": {"pool": "a100", "disk": "ssd"}}, "pool", None, id="a label among others"),
    pytest.param(
        {"node_selector": {"pool": "a100", "zone": "b2"}},
        "zone",
        "node_selector pool=a100,zone=b* (card.yml:7)",
        id="two labels beat one",
    ),
    pytest.param({"node_selector": {"pool": "v100"}}, "rest", "default_tier.gpu (card.yml:10)", id="another label"),
    pytest.param({"node_selector": {"zone": "b2"}}, "rest", None, id="one label of two"),
    pytest.param({"compute": "batch", "queue": "ml-a100-eu"}, "pool", "queue ml-a100* (card.yml:6)", id="a queue"),
    pytest.param({"queue": "xml-a100"}, "rest", None, id="a queue that only holds the name"),
    pytest.param(
        {"compute": "batch", "queue": "bought"}, "bought", "compute batch, queue bought (card.yml:8)", id="and"
    ),
    pytest.param({"compute": "kubernetes", "queue": "bought"}, "rest", None, id="half of and"),
    pytest.param({"compute_pool": "p"}, "bought", None, id="or"),
    pytest.param({"gpu_vendor": "amd"}, "amd", None, id="a vendor"),
    pytest.param({"instance_type": "zone"}, "zone", "instance type zone", id="an instance type"),
    pytest.param({"compute": "local"}, "desk", "compute local (card.yml:11)", id="a workstation"),
    pytest.param({"compute": "local", "queue": "ml-a100"}, "desk", None, id="no rule but compute is for local steps"),
]


@pytest.mark.parametrize(("said", "name", "how"), MATCHES)
def test_the_most_specific_rule_wins(said: dict[str, Any], name: str, how: str | None) -> None:
    result = priced(card(RULES), resources(**{"gpu": 1, **said}))
    assert result.tier == name
    assert how in (None, result.how)


def test_a_local_step_costs_nothing_without_a_tier_for_it() -> None:
    assert asked(tier(NODE), resources("local", gpu=1)) == NotBilled(reason="local")


def test_a_local_step_of_an_unknown_instance_type_is_still_local() -> None:
    assert asked(tier(NODE), resources("local", instance_type=unresolved())) == NotBilled(reason="local")


def test_two_rules_of_one_tier_are_no_tie() -> None:
    rates = card("tiers: {a: {node: {gpus: 1}, hourly: 1, match: [{queue: q}, {queue: 'q*'}]}}")
    assert priced(rates, resources(gpu=1, queue="q")).how == "queue q (card.yml:5)"


def test_a_tie_of_two_tiers_names_both() -> None:
    rates = card("""
        tiers:
          a: {node: {gpus: 1}, hourly: 1, match: [{queue: "ml-*"}]}
          b: {node: {gpus: 1}, hourly: 1, match: [{node_selector: {pool: a100}}]}
    """)
    result = unpriced(rates, resources(queue="ml-x", node_selector={"pool": "a100"}))
    assert result.reason == (
        "it matches two tiers alike: 'a' by queue ml-* (card.yml:6) and 'b' by node_selector pool=a100 (card.yml:7)"
    )
    assert str(result.location) == "card.yml:6:3"
    assert result.help == "add a key to one of the rules: the more specific rule wins"
    assert clashes(rates) == ()


def test_rules_that_two_tiers_have_in_common_are_found_before_a_step_meets_them() -> None:
    rates = card("""
        tiers:
          a: {node: {gpus: 1}, hourly: 1, match: [{queue: "ml-*"}, {queue: x}]}
          b: {node: {gpus: 1}, hourly: 1, match: [{queue: "ml-*"}]}
    """)
    (problem,) = clashes(rates)
    assert problem.message == "two tiers match alike: 'a' by queue ml-* (card.yml:6) and 'b' by queue ml-* (card.yml:7)"
    assert problem.where == "card.yml:7:3"


def test_an_unknown_attribute_of_a_rule_leaves_the_tier_open() -> None:
    result = unpriced(card(RULES), resources(gpu=1, queue=unresolved("cfg.queue")))
    assert result.reason == "queue is unknown: `cfg.queue`: it is computed at run time"


DECIDED = [
    pytest.param({"queue": unresolved(), "node_selector": {"pool": "a100", "zone": "b"}}, "zone", id="a stronger rule"),
    pytest.param({"compute_pool": Known(value=None), "disk_mb": unresolved()}, "rest", id="an attribute of no rule"),
]


@pytest.mark.parametrize(("said", "name"), DECIDED)
def test_an_unknown_that_cannot_decide_does_not_matter(said: dict[str, Any], name: str) -> None:
    assert priced(card(RULES), resources(gpu=1, **said)).tier == name


def test_a_rule_that_fails_anyway_needs_no_unknown() -> None:
    rates = card("""
        tiers: {x: {node: {gpus: 1}, hourly: 1, match: [{compute: batch, queue: q}]}}
        default_tier: {gpu: x}
    """)
    assert priced(rates, resources("kubernetes", gpu=1, queue=unresolved())).how.startswith("default_tier.gpu")


def test_every_key_of_a_rule_is_an_attribute_of_a_step() -> None:
    format_ = json.loads(schema("rate_card").read_text(encoding="utf-8"))
    keys = set(format_["$defs"]["tier"]["properties"]["match"]["items"]["properties"])
    assert keys <= {field.name for field in fields(StepResources)}


def test_an_instance_type_that_nobody_knows_has_no_price() -> None:
    result = unpriced(AWS, resources(gpu=1, instance_type="p3.8xlarg"))
    assert (result.reason, result.help) == ("the rate card has no tier 'p3.8xlarg'", "did you mean 'p3.8xlarge'?")
    assert unpriced(tier(NODE), resources(gpu=1, instance_type="odd")).help == ""


def test_a_rule_prices_an_instance_type_that_is_no_tier() -> None:
    rates = card("tiers: {x: {node: {gpus: 8}, hourly: 8, match: [{instance_type: 'p9.*'}]}}")
    assert priced(rates, resources(gpu=1, instance_type="p9.large")).tier == "x"


def test_an_unknown_instance_type_leaves_the_tier_open() -> None:
    assert unpriced(AWS, resources(gpu=1, instance_type=unresolved())).reason.startswith("instance_type is unknown")


def test_an_instance_type_of_two_regions_is_the_first_regions() -> None:
    gcp = load("gcp", read=reader({}), as_of=AS_OF)
    result = priced(gcp, resources(cpu=1, memory_mb=1000, instance_type="n2-standard-8"))
    assert result.tier == "gcp/us-central1/n2-standard-8"
    assert result.assumptions == ("n2-standard-8 has prices in several regions: us-central1 assumed",)


DEFAULTS = [
    pytest.param({"gpu": 1}, "g", id="a GPU"),
    pytest.param({"cpu": 1}, "c", id="no accelerator"),
    pytest.param({"trainium": 1, "gpu": 0}, "t", id="Trainium"),
    pytest.param({"inferentia": 1}, "i", id="Inferentia"),
]


@pytest.mark.parametrize(("said", "name"), DEFAULTS)
def test_the_default_tier_is_that_of_the_need(said: dict[str, Any], name: str) -> None:
    rates = card("""
        tiers:
          g: {node: {gpus: 1}, hourly: 1}
          c: {node: {cpus: 1}, hourly: 1}
          t: {node: {trainium: 1}, hourly: 1}
          i: {node: {inferentia: 1}, hourly: 1}
        default_tier: {gpu: g, cpu: c, trainium: t, inferentia: i}
    """)
    assert priced(rates, resources(**said)).tier == name


@pytest.mark.parametrize("attribute", ["gpu", "trainium", "inferentia"])
def test_an_unknown_need_has_no_default(attribute: str) -> None:
    assert unpriced(tier(NODE), resources(cpu=1, **{attribute: unresolved()})).reason.startswith(f"{attribute} is unk")


def test_without_a_default_the_card_is_asked_for_one() -> None:
    result = unpriced(card(A100), resources(gpu=1))
    assert (result.reason, result.help) == (
        "no tier matches and there is no default_tier.gpu",
        "add `default_tier: {gpu: …}` or a match rule to the rate card 'acme'; its tiers are a100",
    )


# Labels that name an instance type or a GPU need no rule

GFD, GKE, KARPENTER = (
    "nvidia.com/gpu.product", "cloud.google.com/gke-accelerator", "karpenter.k8s.aws/instance-gpu-name",
)  # fmt: skip
INSTANCE = "node.kubernetes.io/instance-type"
LABELLED = card("""
    extends: [aws, gcp]
    tiers:
      a100:
        node: {gpus: 8, gpu_model: A100-80GB, cpus: 96, memory_gib: 1152}
        hourly: 80
        match: [{node_selector: {pool: x}}]
      slices: {node: {gpus: 56, gpu_model: A100-80GB-MIG-1g.10gb, cpus: 96, memory_gib: 1152}, hourly: 56}
      l40: {node: {gpus: 4, gpu_model: L40, cpus: 96, memory_gib: 1152}, hourly: 4}
      l40-too: {node: {gpus: 4, gpu_model: NVIDIA-L40, cpus: 96, memory_gib: 1152}, hourly: 5}
      bm.gpu.8: {node: {gpus: 8, cpus: 96, memory_gib: 1152}, hourly: 8}
    default_tier: {gpu: a100}
""")
LABELS = [
    pytest.param(
        {GFD: "NVIDIA-A100-SXM4-80GB"}, "a100", f"node_selector {GFD}=NVIDIA-A100-SXM4-80GB (card.yml:7)", id="GFD"
    ),
    pytest.param({GKE: "nvidia-a100-80gb"}, "a100", None, id="GKE"),
    pytest.param({KARPENTER: "a100"}, "a100", None, id="Karpenter, and of several the default"),
    pytest.param({GFD: "NVIDIA-A100-SXM4-80GB-MIG-1g.10gb"}, "slices", None, id="slices"),
    pytest.param(
        {GFD: "Tesla-V100-SXM2-16GB"},
        "aws/us-east-1/p3.2xlarge",
        f"node_selector {GFD}=Tesla-V100-SXM2-16GB: cheapest fitting type (assumed)",
        id="only shipped types",
    ),
    pytest.param({INSTANCE: "bm.gpu.8"}, "bm.gpu.8", f"node_selector {INSTANCE}=bm.gpu.8", id="a type of one's own"),
    pytest.param({INSTANCE: "p4d.24xlarge", GFD: "H100"}, "aws/us-east-1/p4d.24xlarge", None, id="a type says more"),
    pytest.param(
        {"beta.kubernetes.io/instance-type": "p3.8xlarge"}, "aws/us-east-1/p3.8xlarge", None, id="as it was called"
    ),
    pytest.param(
        {INSTANCE: "a2-highgpu-1g", "topology.kubernetes.io/region": "europe-west4"},
        "gcp/europe-west4/a2-highgpu-1g",
        None,
        id="a type of a region",
    ),
    pytest.param(
        {INSTANCE: "p4d.24xlarge", "pool": "x"}, "a100", "node_selector pool=x (card.yml:7)", id="rules come first"
    ),
    pytest.param(
        {"eks.amazonaws.com/nodegroup": "h100"}, "a100", "default_tier.gpu (card.yml:7)", id="a pool names nothing"
    ),
    pytest.param({INSTANCE: ""}, "a100", "default_tier.gpu (card.yml:7)", id="an empty label"),
]


@pytest.mark.parametrize(("labels", "name", "how"), LABELS)
def test_well_known_labels_lead_to_a_tier(labels: dict[str, str], name: str, how: str | None) -> None:
    result = priced(LABELLED, resources(gpu=1, cpu=1, memory_mb=4096, node_selector=labels))
    assert result.tier == name
    assert how in (None, result.how)


def test_the_cheapest_type_with_a_gpu_is_an_assumption() -> None:
    result = priced(LABELLED, resources(gpu=1, cpu=1, memory_mb=4096, node_selector={GFD: "Tesla-V100-SXM2-16GB"}))
    assert result.assumptions == (
        "cheapest fitting type of the shipped aws card: p3.2xlarge (us-east-1, 1 × V100-16GB)",
    )


def test_a_type_of_several_regions_is_assumed_in_the_first() -> None:
    result = priced(LABELLED, resources(gpu=1, node_selector={INSTANCE: "a2-highgpu-1g"}))
    assert result.assumptions == ("a2-highgpu-1g has prices in several regions: us-central1 assumed",)


RULE = (
    "match that label to a tier, `match: [{node_selector: {LABEL: VALUE}}]`, or describe such a node in the rate card"
)
MISLABELLED = [
    pytest.param(
        {INSTANCE: "p4d.24xlarg"}, "the rate card has no such tier", "did you mean 'p4d.24xlarge'?", id="misspelt"
    ),
    pytest.param({INSTANCE: "odd"}, "the rate card has no such tier", RULE, id="a type that nobody knows"),
    pytest.param(
        {GFD: "NVIDIA-L40"},
        "two tiers have that GPU: 'l40' (card.yml:12) and 'l40-too' (card.yml:13)",
        "add a key to one of the rules: the more specific rule wins",
        id="a tie",
    ),
    pytest.param({GFD: "AMD-Instinct-MI300X"}, "no tier of the rate card 'acme' has that GPU", RULE, id="no such GPU"),
    pytest.param(
        {GFD: "NVIDIA-L40-SHARED"},
        "how much of a GPU that is shared by turns a task takes is not known",
        RULE,
        id="shared by turns",
    ),
]


@pytest.mark.parametrize(("labels", "reason", "help"), MISLABELLED)
def test_labels_that_lead_nowhere_say_so(labels: dict[str, str], reason: str, help: str) -> None:
    result = unpriced(LABELLED, resources(gpu=1, cpu=1, memory_mb=4096, node_selector=labels))
    (label,) = labels
    assert (result.reason, result.help) == (f"node_selector {label}={labels[label]}: {reason}", help)


def test_a_gpu_that_fits_nowhere_does_not_fit() -> None:
    result = unpriced(LABELLED, resources(gpu=64, node_selector={GFD: "Tesla-T4"}))
    assert result.reason == "does not fit: no type of the shipped aws card has 64 GPUs"


def test_a_default_that_does_not_say_its_gpu_takes_any() -> None:
    rates = card("tiers: {x: {node: {gpus: 8}, hourly: 8}}\ndefault_tier: {gpu: x}")
    assert priced(rates, resources(gpu=1, node_selector={GFD: "Tesla-T4"})).how == "default_tier.gpu (card.yml:5)"


def test_labels_that_are_not_known_leave_the_tier_open() -> None:
    result = unpriced(LABELLED, resources(gpu=1, node_selector=unresolved("cfg.labels")))
    assert result.reason == "node_selector is unknown: `cfg.labels`: it is computed at run time"
    rule = card("tiers: {x: {node: {gpus: 8}, hourly: 8, match: [{queue: q}]}}")
    assert priced(rule, resources(gpu=1, queue="q", node_selector=unresolved())).tier == "x"


VENDORS = [("nvidia", "a100"), ("NVIDIA", "a100"), (None, "a100"), ("amd", None)]


@pytest.mark.parametrize(("vendor", "name"), VENDORS)
def test_a_gpu_is_of_the_vendor_that_is_asked_for(vendor: str | None, name: str | None) -> None:
    step = resources(gpu=1, gpu_vendor=vendor)
    if name:
        assert priced(LABELLED, step).tier == name
        return
    result = unpriced(LABELLED, step)
    assert result.reason == "asks GPUs of amd, and a100 has A100-80GB"
    assert result.help == "match such steps to another tier, e.g. match: [{gpu_vendor: amd}]"


def test_persistent_volumes_are_said_not_to_be_priced() -> None:
    said = "are not priced: their size stands in no flow"
    named = resources(gpu=1, persistent_volume_claims={"data": "/mnt/data", "more": "/mnt/more"})
    assert priced(tier(NODE), named).assumptions == (f"persistent volume claims (data, more) {said}",)
    for value in (unresolved(), ["data"]):
        assert priced(tier(NODE), resources(gpu=1, persistent_volume_claims=value)).assumptions == (
            f"persistent volume claims {said}",
        )
    assert priced(tier(NODE), resources(gpu=1, persistent_volume_claims=None)).assumptions == ()


# What a reviewer should know of a tier

SERVICE = """
    tiers:
      x:
        node: {gpus: 8}
        owned: {purchase_price: 120000, useful_life_months: 36, in_service: %s, staff_per_hour: 0.5}
    default_tier: {gpu: x}
"""
WRITTEN_OFF = "x is written off since 2026-10-15, and the card of 2026-10-01 charges its capital"
LIVES = [
    pytest.param("2026-11-01", (), id="in service since today"),
    pytest.param(
        "2026-11-02", ("x is in service from 2026-11-02 on: priced as if it were now",), id="not yet in service"
    ),
    pytest.param("2023-11-02", (), id="written off tomorrow"),
    pytest.param("2023-10-15", (WRITTEN_OFF,), id="written off since the card"),
    pytest.param("2023-10-01", (), id="written off in the card"),
]


@pytest.mark.parametrize(("day", "notes"), LIVES)
def test_a_price_at_odds_with_the_calendar_says_so(day: str, notes: tuple[str, ...]) -> None:
    rates = card(SERVICE % day)
    assert priced(rates, resources(gpu=1)).assumptions == notes


def test_a_card_that_nobody_asked_for_on_a_day_is_of_its_own() -> None:
    rates = replace(card(SERVICE % "2023-10-15"), day=None)
    assert priced(rates, resources(gpu=1)).assumptions == ()


def test_a_tier_that_costs_nothing_says_so() -> None:
    (note,) = priced(tier(NODE, price=0), resources(gpu=1)).assumptions
    assert note == "x costs nothing: its price in the rate card is 0"


# The cheapest type that fits

CHEAPEST = [
    pytest.param({"gpu": 1, "cpu": 1, "memory_mb": 4096}, "g4dn.xlarge (us-east-1, 1 × T4)", "0.526", id="one GPU"),
    pytest.param(
        {"gpu": 8, "cpu": 1, "memory_mb": 900000}, "p4d.24xlarge (us-east-1, 8 × A100-40GB)", "21.957642", id="memory"
    ),
    pytest.param({"trainium": 16, "cpu": 1}, "trn1.32xlarge (us-east-1)", "21.5", id="Trainium"),
    pytest.param({"cpu": 2, "memory_mb": 4000}, "t3.medium (us-east-1)", "0.0416", id="cores, and no arm64"),
    pytest.param({"cpu": 4}, "c6a.xlarge (us-east-1)", "0.153", id="of equals the smaller node"),
]


@pytest.mark.parametrize(("said", "what", "cost"), CHEAPEST)
def test_a_shipped_card_gives_the_cheapest_type_that_fits(said: dict[str, Any], what: str, cost: str) -> None:
    result = priced(AWS, resources("kubernetes", **said))
    assert result.how == "cheapest fitting type (assumed)"
    assert result.assumptions == (f"cheapest fitting type of the shipped aws card: {what}",)
    assert f"{hour(result.rates).normalize():f}" == cost


def test_the_same_question_gets_the_same_answer() -> None:
    assert priced(AWS, resources(**GPU)) == priced(AWS, resources(**GPU))


def test_the_cheapest_of_all_cards_that_are_extended_wins() -> None:
    rates = card("extends: [aws, gcp]\ntiers: {}")
    both = {"trainium": 1, "cpu": 1}, {"gpu": 8, "cpu": 200, "memory_mb": 900000}
    assert [priced(rates, resources(**said)).tier.split("/")[0] for said in both] == ["aws", "gcp"]


def test_a_discount_makes_a_type_cheaper() -> None:
    rates = card("extends: [aws]\ntiers: {p3.8xlarge: {cloud: {discount: 0.99}}}")
    assert priced(rates, resources(**GPU)).tier == "aws/us-east-1/p3.8xlarge"


def test_a_default_beats_the_cheapest() -> None:
    rates = card("extends: [aws]\ndefault_tier: {gpu: p4d.24xlarge}")
    assert priced(rates, resources(**GPU)).tier == "aws/us-east-1/p4d.24xlarge"
    assert priced(rates, resources(**CPU)).how == "cheapest fitting type (assumed)"


def test_what_no_type_has_does_not_fit() -> None:
    result = unpriced(AWS, resources("batch", gpu=64, cpu=4, memory_mb=1024))
    assert result.reason == "does not fit: no type of the shipped aws card has 64 GPUs, 4 CPUs, 1 GiB of memory"


def test_a_step_that_asks_for_nothing_gets_no_type() -> None:
    assert unpriced(AWS, resources()).reason.startswith("does not fit: no type of the shipped aws card")


@pytest.mark.parametrize("attribute", ["cpu", "memory_mb"])
def test_the_cheapest_type_depends_on_all_that_is_asked_for(attribute: str) -> None:
    assert unpriced(AWS, resources(**GPU | {attribute: unresolved()})).reason.startswith(f"{attribute} is unknown")


def test_a_whole_node_is_compared_as_a_whole() -> None:
    rates = card("extends: [aws]\ntiers: {g4dn.xlarge: {occupancy: whole_node}}")
    assert priced(rates, resources(gpu=0.5, cpu=1, memory_mb=1000)).tier != "aws/us-east-1/g4dn.xlarge"


# The same on a given tier


def test_a_given_tier_ignores_the_rules() -> None:
    result = quote_on(card(RULES), "amd", resources(gpu=2), deployment="d", step="s", location=STEP)
    assert isinstance(result, Quote)
    assert (result.tier, hour(result.rates)) == ("amd", 1)


def test_a_given_tier_must_be_there() -> None:
    result = quote_on(card(RULES), "amb", resources(gpu=2), deployment="d", step="s", location=STEP)
    assert result == Unpriced(
        deployment="d", step="s", reason="the rate card has no tier 'amb'", location=STEP, help="did you mean 'amd'?"
    )


# Laws

SIZES = st.integers(1, 64)
NODES = st.builds(
    lambda gpus, cpus, memory: Node(gpus=Decimal(gpus), cpus=Decimal(cpus), memory_gib=Decimal(memory)),
    SIZES,
    SIZES,
    SIZES,
)
SPLITS = st.sampled_from(
    ["gpu_only", "dominant", {"gpu": Decimal("0.85"), "cpu": Decimal("0.1"), "memory": Decimal("0.05")}]
)
DUST = Decimal("1e-20")


def made(node: Node, split: Any, planned: str = "1") -> Tier:
    return Tier(
        name="x",
        node=node,
        node_hour=Interval.exact(Decimal(97)),
        components=(),
        location=STEP,
        split=split,
        planned_utilization=Decimal(planned),
    )


def costs(tier_: Tier, gpu: Decimal, cpu: Decimal, gib: Decimal) -> Decimal:
    step = resources("batch", gpu=gpu, cpu=cpu, memory_mb=gib * 1024)
    result = price(tier_, ask(step, STEP))
    if isinstance(result, Refusal):
        return Decimal(0)
    amounts = {name: amount for name, amount in {"gpu": gpu, "cpu": cpu, "memory_mb": gib}.items() if amount}
    assert abs(hour(result.rates) - (cost(tier_, amounts) or 0)) < DUST  # the quick way and the whole one agree
    return hour(result.rates)


@given(node=NODES, split=SPLITS, data=st.data())
def test_a_price_never_falls_when_a_resource_rises(node: Node, split: Any, data: st.DataObject) -> None:
    sizes = (node.gpus, node.cpus, node.memory_gib)
    less = [Decimal(data.draw(st.integers(0, int(size)))) for size in sizes]
    more = [Decimal(data.draw(st.integers(int(low), int(size)))) for low, size in zip(less, sizes)]
    tier_ = made(node, split)
    assert costs(tier_, *more) >= costs(tier_, *less) - DUST


@given(node=NODES, split=SPLITS, planned=st.sampled_from(["1", "0.7", "0.3"]), parts=st.integers(1, 7))
def test_a_full_node_is_paid_in_full(node: Node, split: Any, planned: str, parts: int) -> None:
    tier_ = made(node, split, planned)
    paid = parts * costs(tier_, node.gpus / parts, node.cpus / parts, node.memory_gib / parts)
    assert abs(paid - 97 / Decimal(planned)) < DUST


@given(node=NODES, data=st.data(), split=st.sampled_from(["gpu_only", {"gpu": Decimal("0.5"), "cpu": Decimal("0.5")}]))
def test_any_packing_of_a_node_is_paid_exactly(node: Node, data: st.DataObject, split: Any) -> None:
    """Whoever shares the node in whatever way: linear splits add up to it."""
    cuts = [data.draw(st.integers(0, 10)) / Decimal(10) for _ in range(3)]
    sizes = (node.gpus, node.cpus, node.memory_gib)
    first = [size * cut for size, cut in zip(sizes, cuts)]
    tier_ = made(node, split)
    paid = costs(tier_, *first) + costs(tier_, *(size - part for size, part in zip(sizes, first)))
    assert abs(paid - 97) < DUST


@given(node=NODES, data=st.data(), split=SPLITS)
def test_the_dominant_share_is_at_least_any_linear_one(node: Node, data: st.DataObject, split: Any) -> None:
    asks = [Decimal(data.draw(st.integers(0, int(size)))) for size in (node.gpus, node.cpus, node.memory_gib)]
    assert costs(made(node, "dominant"), *asks) >= costs(made(node, split), *asks) - DUST


VALUES = st.one_of(
    st.none(), st.integers(), st.floats(), st.text(max_size=5), st.booleans(), st.lists(st.integers(), max_size=2)
).map(lambda value: Known(value=value)) | st.just(unresolved())


@given(gpu=VALUES, cpu=VALUES, memory=VALUES, queue=VALUES, selector=VALUES, instance=VALUES)
def test_any_resources_are_priced_or_not_and_never_for_nothing(
    gpu: Any, cpu: Any, memory: Any, queue: Any, selector: Any, instance: Any
) -> None:
    said = {"gpu": gpu, "cpu": cpu, "memory_mb": memory, "queue": queue, "node_selector": selector}
    for rates in (card(RULES), AWS):
        result = asked(rates, resources("batch", instance_type=instance, **said))
        assert isinstance(result, Unpriced) or hour(result.rates) > 0


def test_unit_rates_are_those_of_one_unit() -> None:
    node = Node(gpus=Decimal(8), cpus=Decimal(97))
    assert [(rate.unit, rate.quantity) for rate in unit_rates(made(node, "dominant"))] == [
        ("GPU-Hours", 1),
        ("Core-Hours", 1),
    ]


AMOUNTS = [("16", "16"), ("0.5", "0.5"), ("3.814697", "3.81"), ("2048", "2,048"), ("1E+30", "1e+30")]


@pytest.mark.parametrize(("amount", "text"), AMOUNTS)
def test_amounts_are_written_as_people_do(amount: str, text: str) -> None:
    assert plain(Decimal(amount)) == text


def test_unresolved_values_are_never_amounts() -> None:
    assert isinstance(ask(resources(gpu=unresolved()), STEP)["gpu"], Unresolved)
