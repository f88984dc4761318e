"""OpenCost and Slurm: unit prices and weights come out as the prices that steps are charged."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costgate.model import Quote
from costgate.rates.importers.linear import SYNTHETIC
from costgate.rates.match import quote
from tests.rates.cards import STEP, resources
from tests.rates.importers.reading import DATA, Result, read, refused, units

TEXT = st.builds(
    lambda digits, places: f"{Decimal(digits).scaleb(-places):f}", st.integers(1, 99_999), st.integers(5, 7)
)
BILLING = {"price_per_billing_unit": Decimal("0.012")}


def charged(found: Result, **asked: Any) -> Decimal | str:
    """What an hour of a step costs, or why it has no price."""
    priced = quote(found.card(), resources("batch", **asked), deployment="d", step="s", location=STEP)
    if not isinstance(priced, Quote):
        return priced.reason
    return sum((rate.quantity * rate.unit_price.expected for rate in priced.rates), Decimal(0))


def test_opencost_prices_are_charged_to_the_digit() -> None:
    found = read("opencost", DATA / "opencost.json")
    card = found.card()
    assert units(card, "opencost") == {
        "GPU-Hours": Decimal("0.95"),
        "Core-Hours": Decimal("0.031611"),
        "GiB-Hours": Decimal("0.004237"),
    }
    assert units(card, "opencost-spot") == {"Core-Hours": Decimal("0.006655"), "GiB-Hours": Decimal("0.000892")}
    assert card.default_tier == {"gpu": "opencost", "cpu": "opencost"}
    # 0.00005479452 a GiB-hour × 730 hours × 10¹² ÷ 2³⁰ GiB of a TB
    assert card.storage == {"opencost": Decimal("37.2529026120901")}
    assert charged(found, cpu=4, memory_mb=16 * 1024) == 4 * Decimal("0.031611") + 16 * Decimal("0.004237")
    assert found.imported.notes == (SYNTHETIC,)


@given(TEXT, TEXT, TEXT)
def test_whatever_opencost_says_is_what_is_charged(cpu: str, ram: str, gpu: str) -> None:
    found = units(read("opencost", json.dumps({"CPU": cpu, "RAM": ram, "GPU": gpu})).card(as_json=True), "opencost")
    assert found == {"Core-Hours": Decimal(cpu), "GiB-Hours": Decimal(ram), "GPU-Hours": Decimal(gpu)}


def test_opencost_with_labels_discounts_and_without_gpus() -> None:
    text = """{"CPU": 0.03, "RAM": "0.004", "GPU": "0",
               "spotCPU": "0.01", "spotLabel": "pool", "spotLabelValue": "spot",
               "discount": "30%", "negotiatedDiscount": "0%", "currencyCode": "USD", "storage": ""}"""
    found = read("opencost", text)
    assert found.imported.tiers["opencost-spot"]["match"] == [{"node_selector": {"pool": "spot"}}]
    assert found.imported.default_tier == {"cpu": "opencost"}
    assert found.imported.notes[1:] == (
        "discount 30% is not in the prices: OpenCost applies it to CPU and RAM of its own",
        "there is no GPU price: work on GPUs has none here",
    )
    assert charged(found, cpu=1, gpu=1) == "no tier matches and there is no default_tier.gpu"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"CPU": "23.075030",\n "RAM": "3.093010"}', "prices:1:9: has a CPU whose price is absurd (above 10 an hour)"),
        ('{"CPU": "0.03",\n "RAM": "-1"}', "prices:2:9: has a RAM whose price is negative"),
        ('{"CPU": "0.03",\n "GPU": "a lot"}', "prices:2:9: has a GPU whose price is no number"),
        ('{"CPU": "0.03", "GPU": {}}', "has a GPU whose price is no number"),
        ('{"CPU": ""}', "has no price of CPU, RAM or GPU"),
        ('{"CPU": "1", "currencyCode": "EUR"}', "is in EUR, not in USD\nhelp: add --currency EUR"),
        ('{"CPU": "0.000000001", "GPU": "499.123456789"}', "cannot be one tier: the prices are too far apart"),
        ('{"CPU": "1", "CPU": "2"}', "duplicate key 'CPU'"),
        ('{"CPU": 1', "not valid JSON"),
    ],
)
def test_an_opencost_file_that_cannot_be_used(content: str, message: str) -> None:
    assert message in refused("opencost", content)


def test_an_opencost_sheet() -> None:
    sizes = {"large": {"cpus": Decimal(32), "memory_gib": Decimal(128)}}
    found = read("opencost", DATA / "opencost.csv", machines=sizes)
    assert found.prices == {"gpu/a100-reserved": "1000", "large": "1.1", "us-east-1/m5.12xlarge": "1.843"}
    assert found.imported.tiers["large"]["match"] == [{"node_selector": {"pool": "large"}}]
    assert units(found.card(), "gpu/a100-reserved") == {"GPU-Hours": Decimal(1)}
    assert found.card().storage == {"fast": Decimal("37.2529026120901")}
    assert found.imported.notes == ("a GPU row prices the GPU alone; OpenCost adds the price of its node",)
    assert found.skipped == {
        "of nodes of unknown size (give them in a card named by --against)": 1,
        "of GPU nodes whose GPUs have rows of their own": 1,
        "of another asset class than node, gpu and pv": 1,
        "with two different prices for one asset": 1,
        "whose price is 0": 1,
        "without a name": 1,
        "cut short": 1,
    }


HEAD = "EndTimestamp,InstanceID,Region,AssetClass,InstanceIDField,InstanceType,MarketPriceHourly,Version\n"


def test_a_sheet_without_gpu_rows_prices_whole_gpu_nodes() -> None:
    found = read(
        "opencost",
        HEAD + ",n1,eu,node,metadata.name,p4d.24xlarge,30,\n,n2,us,node,x,p4d.24xlarge,31,\n",
        regions=("eu",),
    )
    assert found.prices == {"eu/n1": "30"}
    assert "match" not in found.imported.tiers["eu/n1"]
    assert found.imported.notes == ()


def test_a_gpu_node_with_two_prices_is_left_out_once() -> None:
    rows = ",n,,node,x,p4d.24xlarge,1,\n,n,,node,x,p4d.24xlarge,2,\n,t4,,gpu,x,,1,\n"
    found = read("opencost", HEAD + rows)
    assert found.prices == {"gpu/t4": "1000"}
    assert found.skipped == {"with two different prices for one asset": 1}


def test_a_sheet_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "prices:1:1: has no column 'InstanceID'" in refused("opencost", "MarketPriceHourly,Region\n")
    monkeypatch.setattr("costgate.rates.importers.opencost.MAX_PRICES", 0)
    assert "prices:2:1: more than 0 prices" in refused("opencost", HEAD + ",a,,gpu,x,,1,\n")


def test_slurm_charges_what_slurm_bills() -> None:
    found = read("slurm", DATA / "slurm.conf", **BILLING)
    assert list(found.imported.tiers) == [
        "both", "both/h100", "gpu", "in-mb", "one-type", "plain", "two-types", "two-types/a100", "two-types/t4",
    ]  # fmt: skip
    card = found.card()
    assert units(card, "gpu") == {
        "GPU-Hours": Decimal("0.18"),
        "Core-Hours": Decimal("0.012"),
        "GiB-Hours": Decimal("0.003"),
    }
    assert units(card, "one-type")["GPU-Hours"] == Decimal("61.8")
    assert units(card, "both/h100")["GPU-Hours"] == 15 * Decimal("0.012")  # gres/gpu and its type are both billed
    assert units(card, "in-mb") == {"GiB-Hours": Decimal("1.024") * Decimal("0.012")}
    assert units(card, "plain") == {"Core-Hours": Decimal("0.012")}
    # slurm.conf(5): 1 CPU and 8 GB at CPU=1.0,Mem=0.25G bill 3 units
    assert charged(found, queue="gpu", cpu=1, memory_mb=8192) == 3 * Decimal("0.012")
    assert charged(found, queue="plain", cpu=16) == 16 * Decimal("0.012")
    assert "does not fit" in str(charged(found, queue="two-types", cpu=1, gpu=1))
    assert found.skipped == {
        "of partitions that weigh what a step does not say (nodes, other GRES)": 1,
        "of partitions that bill nothing": 1,
        "of partitions with a suffix on another weight than memory": 1,
        "of partitions with a weight that is no number": 1,
        "whose price is absurd (above 10,000 an hour)": 2,
    }


@pytest.mark.parametrize("flag", [True, False], ids=["option", "in the file"])
def test_max_tres_charges_the_largest(flag: bool) -> None:
    text = (DATA / "slurm.conf").read_text()
    if not flag:
        text = "PriorityFlags=ACCRUE_ALWAYS,MAX_TRES\n" + text
    found = read("slurm", text, max_tres=flag, **BILLING)
    assert found.imported.tiers["gpu"]["split"] == "dominant"
    assert charged(found, queue="gpu", cpu=1, memory_mb=8192) == 2 * Decimal("0.012")
    assert "PriorityFlags with MAX_TRES" in found.imported.notes[0]


def test_scontrol_says_the_same() -> None:
    found = read("slurm", DATA / "partitions.txt", **BILLING)
    assert units(found.card(), "gpu") == units(read("slurm", DATA / "slurm.conf", **BILLING).card(), "gpu")
    assert list(found.imported.tiers) == ["gpu", "plain"]


@pytest.mark.parametrize(
    ("weights", "price"),
    [
        ("Mem=1", "12.288"),
        ("Mem=1M", "12.288"),
        ("mem=1024G", "12.288"),
        ("Mem=1T", "0.01171875"),
        ("Mem=0.01K", "125.82912"),
    ],
)
def test_suffixes_of_memory(weights: str, price: str) -> None:
    found = read("slurm", f"PartitionName=p TRESBillingWeights={weights}\n", **BILLING)
    assert units(found.card(), "p") == {"GiB-Hours": Decimal(price) / (1 if "T" not in weights else 1000)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("ClusterName=x\nInclude /etc/slurm/partitions.conf\n", "has no PartitionName="),
        ("PartitionName=" + "abc \\\n" * 2**19, "a record of more than 1,048,576 characters"),
        ("PartitionName=a\nPartitionName=b\n", "more than 1 partitions"),
    ],
)
def test_a_slurm_file_that_cannot_be_used(content: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("costgate.rates.importers.slurm.MAX_PRICES", 1)
    assert message in refused("slurm", content, **BILLING)


def test_types_of_gpus_alone_have_tiers_that_nothing_matches() -> None:
    found = read("slurm", "PartitionName=p TRESBillingWeights=GRES/gpu:a=1,GRES/gpu:b=2\n", **BILLING)
    assert {name: "match" in tier for name, tier in found.imported.tiers.items()} == {"p/a": False, "p/b": False}


def test_slurm_needs_a_price_and_names() -> None:
    said = refused("slurm", DATA / "slurm.conf")
    assert said.startswith("slurm.conf: Slurm's weights are no prices\nhelp: add --price-per-billing-unit")
    odd = "PartitionName=ü TRESBillingWeights=CPU=1\nPartitionName=g TRESBillingWeights=GRES/gpu:ü=1\n"
    assert read("slurm", odd, **BILLING).skipped == {
        "without a name": 1,
        "of partitions that weigh what a step does not say (nodes, other GRES)": 1,
    }
    apart = 'PartitionName=p TRESBillingWeights="CPU=800000,GRES/gpu=0.0000001"\n'
    assert read("slurm", apart, **BILLING).skipped == {
        "of partitions that cannot be one tier: the prices are too far apart": 1
    }
