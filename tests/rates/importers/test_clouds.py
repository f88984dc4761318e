"""AWS, Azure, Google Cloud and SkyPilot: what is kept, what is left out and why. The fixtures are made by hand."""

from __future__ import annotations

import gzip
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from costgate.rates.importers import machines, values
from tests.rates.importers.reading import DATA, read, refused, source

AWS = {
    "aws/us-east-1/c5.large": "0.085",
    "aws/us-east-1/c5.metal": "4.08",
    "aws/us-east-1/g6.xlarge": "0.8048",
    "aws/us-east-1/inf2.48xlarge": "12.98127",
    "aws/us-east-1/p3.8xlarge": "12.24",
    "aws/us-east-1/p4d.24xlarge": "21.957642",
    "aws/us-east-1/p5.48xlarge": "55.04",
    "aws/us-east-1/p5e.48xlarge": "63.296",
    "aws/us-east-1/trn1.32xlarge": "21.5",
    "aws/eu-west-3/c5.large": "0.097",
}
AWS_LEFT_OUT = {
    "of reservations": 2,
    "of Windows": 1,
    "of RHEL": 1,
    "with installed software": 1,
    "of dedicated or host tenancy": 2,
    "of capacity reservations": 2,
    "of local and wavelength zones": 1,
    "with another licence model": 1,
    "of another market": 1,
    "in another currency": 1,
    "not by the hour": 1,
    "of a volume tier": 1,
    "whose price is 0": 1,
    "whose price is negative": 1,
    "whose price is no number": 1,
    "whose price is absurd (above 10,000 an hour)": 1,
    "without vCPUs or memory": 1,
    "with two different prices for one type and region": 1,
    "with a slice of a GPU": 1,
    "with an accelerator that Metaflow cannot ask for": 1,
    "whose Trainium or Inferentia devices are not in the file": 1,
    "whose GPUs are not in the file": 1,
    "of other products": 2,
}
SIZES = machines.read(source((DATA / "azure-sizes.json").read_bytes()))
TYPES = machines.read(source((DATA / "gcp-types.json").read_bytes()))


def test_aws_in_csv() -> None:
    found = read("aws", DATA / "aws.csv")
    assert found.prices == AWS
    assert found.skipped == {**AWS_LEFT_OUT, "cut short": 1}
    assert found.imported.published == date(2026, 9, 18)
    assert found.places["whose price is 0"] == [32]
    assert found.imported.regions == ("us-east-1", "eu-west-3", "us-east-1-bos-1")
    assert found.nodes()["aws/us-east-1/p4d.24xlarge"] == {
        "gpus": "8",
        "gpu_model": "A100-40GB",
        "cpus": "96",
        "memory_gib": "1152",
    }
    assert found.nodes()["aws/us-east-1/p5e.48xlarge"] == {"gpus": "8", "cpus": "192", "memory_gib": "2048"}
    assert found.nodes()["aws/us-east-1/inf2.48xlarge"]["inferentia"] == "12"


def test_aws_in_json_is_the_same() -> None:
    found = read("aws", DATA / "aws.json")
    assert found.prices == AWS
    assert found.skipped == AWS_LEFT_OUT
    assert found.imported.published == date(2026, 9, 18)
    assert found.imported.tiers == read("aws", DATA / "aws.csv").imported.tiers


def test_gzip_is_read_as_it_is() -> None:
    packed = gzip.compress((DATA / "aws.csv").read_bytes(), mtime=0)
    assert read("aws", packed).prices == AWS


def test_filters_and_the_order_of_regions() -> None:
    both = read("aws", DATA / "aws.csv", regions=("eu-west-3", "us-east-1"), instance_types=("c5.l*", "p3.*"))
    assert list(both.prices) == ["aws/eu-west-3/c5.large", "aws/us-east-1/c5.large", "aws/us-east-1/p3.8xlarge"]
    assert both.skipped["of an instance type that was not asked for"] == 21
    one = read("aws", DATA / "aws.json", regions=("eu-west-3",))
    assert list(one.prices) == ["aws/eu-west-3/c5.large"]
    assert one.skipped["in another region"] > 10


def test_another_currency() -> None:
    found = read("aws", DATA / "aws.csv", currency="CNY")
    assert found.prices == {"aws/us-east-1/m5.large": "0.685"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('"FormatVersion","v1.0"\n"OfferCode","AmazonEC2"\n', "has no row with the names of the columns"),
        ('"OfferCode","AmazonEC2"\n' + "a,b\n" * 50, "has no row with the names of the columns"),
        ('"Publication Date"\nSKU,OfferTermCode,Unit\n', "has no column 'Product Family', 'Region Code'"),
        ('{"offerCode": "AmazonEC2", "products": {"a": 1}}', "a product without attributes"),
        ('{"offerCode": "AmazonEC2", "products": {"a": {"attributes": 3}}}', "a product without attributes"),
        ('{"formatVersion": "v1.0", "regions": {}}', "has no products"),
        ('{"offerCode": "AmazonEC2", "products": {"a"', "the file ends in the middle"),
    ],
)
def test_what_is_no_price_list_of_aws(content: str, message: str) -> None:
    said = refused("aws", content)
    assert message in said
    assert "\nhelp: " in said


def aws_json(terms: Any) -> str:
    product = json.loads((DATA / "aws.json").read_text())["products"]["SKU0000000000001"]
    return json.dumps(
        {"offerCode": "AmazonEC2", "products": {"a": product}, "terms": {"OnDemand": {"a": terms, "b": {}}}}
    )


@pytest.mark.parametrize("terms", [1, {"t": 2}, {"t": {"priceDimensions": 3}}, {"t": {"priceDimensions": {"r": 4}}}])
def test_odd_terms_are_no_prices(terms: Any) -> None:
    assert read("aws", aws_json(terms)).prices == {}
    assert read("aws", aws_json({"t": {"priceDimensions": {"r": {"pricePerUnit": 5}}}})).prices == {}


def test_the_number_of_prices_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "MAX_PRICES", 3)
    assert "more than 3 prices for one rate card\nhelp: narrow it down" in refused("aws", DATA / "aws.csv")
    monkeypatch.setattr("costgate.rates.importers.aws.MAX_PRICES", 1)
    assert "more products than one rate card holds" in refused("aws", DATA / "aws.json")


def test_the_regions_of_a_help_line_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "SHOWN_REGIONS", 1)
    assert read("aws", DATA / "aws.csv").imported.regions == ("us-east-1",)


def test_azure() -> None:
    found = read("azure", DATA / "azure.json", machines=SIZES)
    assert found.prices == {
        "azure/eastus/Standard_D4s_v5": "0.192",
        "azure/eastus/Standard_NC24ads_A100_v4": "3.673",
        "azure/eastus/Standard_NCC40ads_H100_v5": "6.98",
        "azure/westeurope/Standard_D4s_v5": "0.23",
    }
    assert found.imported.tiers["azure/eastus/Standard_NC24ads_A100_v4"]["cloud"]["spot"] == {
        "low": values.Decimal("0.7346"),
        "expected": values.Decimal("0.7346"),
        "high": values.Decimal("3.673"),
    }
    assert found.skipped == {
        "of Windows": 2,
        "not in force on that day": 2,
        "with an older price": 1,
        "of reservations and dev/test offers": 2,
        "of cloud services and dedicated hosts": 2,
        "of other services": 2,
        "of low-priority machines": 1,
        "not by the hour": 1,
        "in another currency": 1,
        "of a volume tier or a secondary meter": 2,
        "whose price is 0": 1,
        "with a slice of a GPU": 1,
        "types with a spot price alone": 1,
        "without a region or an instance type": 1,
    }
    assert found.imported.published is None


def test_azure_sizes_come_from_the_shipped_card_or_a_list() -> None:
    found = read("azure", DATA / "azure.json")
    assert "azure/eastus/Standard_NCC40ads_H100_v5" not in found.prices
    assert found.skipped["of unknown size (name a list of sizes with --machine-types)"] == 2
    assert SIZES.keys() == {"Standard_NCC40ads_H100_v5", "Standard_NV6ads_A10_v5", "Standard_ND128isr_NDR_GB200_v6"}


def test_azure_gpus_that_no_list_counts_are_no_cpu_nodes() -> None:
    item = json.loads((DATA / "azure.json").read_text().partition('\n{"BillingCurrency')[0])["Items"][0]
    page = json.dumps([{**item, "armSkuName": "Standard_ND128isr_NDR_GB200_v6"}])
    assert read("azure", page, machines=SIZES).skipped == {"whose GPUs are not in the file": 1}


def test_azure_items_without_pages() -> None:
    items = json.loads((DATA / "azure.json").read_text().partition('\n{"BillingCurrency')[0])["Items"]
    assert len(read("azure", json.dumps(items[:3])).prices) == 2
    late = json.dumps(items[2:])  # without a day, the newest price counts
    assert read("azure", late, as_of=None, regions=("eastus",)).prices == {"azure/eastus/Standard_D4s_v5": "0.15"}


def test_gcp_sums_the_parts_to_the_very_prices_of_the_shipped_card() -> None:
    found = read("gcp", DATA / "gcp.json", regions=("us-central1",))
    shipped = json.loads(machines.rate_cards()["gcp"].read_text(), parse_float=str, parse_int=str)["tiers"]
    assert found.imported.published == date(2026, 8, 3)
    assert {name: price for name, price in found.prices.items() if "/a2-" in name} == {
        name: tier["cloud"]["on_demand"] for name, tier in shipped.items() if "us-central1/a2-" in name
    }
    assert found.prices["gcp/us-central1/c2-standard-8"] == "0.417456"
    spot = found.imported.tiers["gcp/us-central1/a2-highgpu-1g"]["cloud"]["spot"]
    assert f"{spot['expected']}" == shipped["gcp/us-central1/a2-highgpu-1g"]["cloud"]["spot"]["expected"]
    assert "spot" not in found.imported.tiers["gcp/us-central1/a2-ultragpu-1g"]["cloud"]
    assert "gcp/us-central1/e2-standard-4" not in found.prices  # two prices of its memory
    assert found.skipped == {
        "of commitments": 2,
        "of custom, sole-tenant and other machines": 1,
        "of other products": 1,
        "not by the hour": 1,
        "in another currency": 1,
        "of a volume tier": 1,
        "whose price is 0": 1,
        "types of which a part has no price": 3,
    }


def test_gcp_types_from_a_list() -> None:
    assert "e2-micro" not in TYPES
    found = read("gcp", DATA / "gcp.json", machines=TYPES, instance_types=("a2-*", "c2-standard-60"))
    assert found.prices["gcp/us-central1/c2-standard-60"] == "3.13092"
    assert found.skipped["types whose GPU the catalogue calls by another name"] == 2
    assert found.skipped["types whose parts are priced apart (local SSD, shared cores, newer GPUs)"] == 2
    assert found.skipped["types of an instance type that was not asked for"] > 5


@pytest.mark.parametrize(
    "sku",
    [
        {},
        {"category": 3, "description": ["x"]},
        {"pricingInfo": 3},
        {"pricingInfo": [{"pricingExpression": 3}]},
        {"pricingInfo": [{"pricingExpression": {"tieredRates": [{}], "usageUnit": ["h"]}}]},
        {"pricingInfo": [{"pricingExpression": {"tieredRates": [{"unitPrice": 3}], "usageUnit": "h"}}]},
        {"pricingInfo": [{"pricingExpression": {"tieredRates": [{"unitPrice": {"units": "x"}}], "usageUnit": "h"}}]},
        {"serviceRegions": 3},
        {"serviceRegions": [{}]},
    ],
)
def test_odd_skus_are_no_prices(sku: dict[str, Any]) -> None:
    first = json.loads((DATA / "gcp.json").read_text().partition('\n{"skus"')[0])["skus"][0]
    assert read("gcp", json.dumps({"skus": [{**first, **sku} if sku else {}]})).prices == {}
    assert read("gcp", json.dumps([first])).prices == {}


def test_the_number_of_parts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("costgate.rates.importers.gcp.MAX_UNITS", 3)
    assert "more than 3 prices of parts" in refused("gcp", DATA / "gcp.json")


def test_skypilot() -> None:
    found = read("skypilot", DATA / "skypilot" / "aws" / "vms.csv")
    assert found.prices == {
        "aws/us-east-1/c5.large": "0.085",
        "aws/us-east-1/m5.4xlarge": "0.768",
        "aws/us-east-1/p4d.24xlarge": "21.957642",
        "aws/us-east-1/trn1.32xlarge": "21.5",
        "aws/eu-west-3/c5.large": "0.097",
    }
    spot = {name: tier["cloud"].get("spot") for name, tier in found.imported.tiers.items()}
    assert {key: str(value) for key, value in spot["aws/us-east-1/c5.large"].items()} == {
        "low": "0.0301",
        "expected": "0.0334",
        "high": "0.085",
    }
    assert str(spot["aws/us-east-1/p4d.24xlarge"]["high"]) == "24.0"  # above on-demand in one zone
    assert spot["aws/us-east-1/m5.4xlarge"] is None
    assert found.nodes()["aws/us-east-1/p4d.24xlarge"]["gpu_model"] == "A100-40GB"
    assert found.nodes()["aws/us-east-1/trn1.32xlarge"]["trainium"] == "16"
    assert found.skipped == {
        "with a slice of a GPU": 1,
        "with an accelerator that Metaflow cannot ask for": 1,
        "of an accelerator without a machine": 1,
        "whose price is 0": 1,
        "without an on-demand price": 1,
        "without vCPUs or memory": 1,
        "whose spot price is 0": 1,
        "with two different prices for one type and region": 1,
        "cut short": 1,
    }


HEAD = "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,Price,SpotPrice,Region\n"


def test_a_catalogue_of_google_prices_gpus_apart() -> None:
    found = read(
        "skypilot",
        HEAD + "a2-highgpu-1g,,,12,85,0.74,,us-central1\nn2-standard-4,,,4,16,0.2,,us-central1\n",
        provider="gcp",
    )
    assert found.prices == {"gcp/us-central1/n2-standard-4": "0.2"}
    assert found.skipped == {"whose GPUs the catalogue prices apart": 1}


def test_skypilot_with_other_columns_and_filters() -> None:
    text = "Region,Price,MemoryGiB,vCPUs,InstanceType\nus-east-1,0.1,8,2,m5.large\nus-east-2,0.2,8,2,m5.large\n"
    found = read("skypilot", text, provider="lambda", regions=("us-east-2",))
    assert found.prices == {"lambda/us-east-2/m5.large": "0.2"}
    assert read("skypilot", text, provider="aws", currency="EUR").skipped == {"in another currency": 2}
    assert "the catalogue does not say which cloud it is of\nhelp: add e.g. --provider aws" in refused("skypilot", text)
    assert "has no column 'Price'" in refused("skypilot", "InstanceType,vCPUs,MemoryGiB,Region\n", provider="aws")


def test_zones_are_bounded() -> None:
    rows = "".join(f"m5.large,,,2,8,1,{n / 1000},us-east-1\n" for n in range(1, 300))
    spot = read("skypilot", HEAD + rows, provider="aws").imported.tiers["aws/us-east-1/m5.large"]["cloud"]["spot"]
    assert [str(price) for price in spot.values()] == ["0.001", "0.05", "1"]


def test_prices_in_other_currencies_may_be_larger() -> None:
    item = json.loads((DATA / "azure.json").read_text().partition('\n{"BillingCurrency')[0])["Items"][2]
    page = json.dumps([{**item, "retailPrice": 28000, "currencyCode": "JPY"}])
    assert read("azure", page, currency="JPY").prices == {"azure/eastus/Standard_D4s_v5": "28000"}


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        '[{"name": "x"}, 3, {"name": 3}]',
        '[{"name": "x", "guestCpus": 2, "memoryMb": 8, "accelerators": [3]}]',
        '[{"name": "x", "guestCpus": 2, "memoryMb": 8, "accelerators": [{}]}]',
    ],
)
def test_a_list_without_machine_types_is_refused(content: str) -> None:
    with pytest.raises(values.InputError, match="has no machine types"):
        machines.read(source(content))


@pytest.mark.parametrize(
    ("kind", "file", "hint"),
    [
        ("aws", "azure.json", "this looks like Azure retail prices (JSON pages of prices.azure.com)"),
        ("azure", "gcp.json", "this looks like Google Cloud's billing catalogue (JSON pages of SKUs)"),
        ("gcp", "aws.json", "this looks like an AWS price list (AmazonEC2, CSV or JSON)"),
        ("slurm", "opencost.csv", "this looks like OpenCost prices"),
        ("opencost", "skypilot/aws/vms.csv", "this looks like a SkyPilot catalogue (vms.csv)"),
        ("skypilot", "slurm.conf", "this looks like Slurm partitions"),
        ("skypilot", "README.md", "docs/rate-cards.md says where each file comes from"),
    ],
)
def test_a_file_of_another_kind_is_recognised(kind: str, file: str, hint: str) -> None:
    said = refused(kind, DATA / file)
    assert said.startswith(f"{file}: this is not ")
    assert hint in said


@pytest.mark.parametrize("path", sorted(DATA.rglob("*.[cj]s*")), ids=lambda path: path.name)
def test_no_file_is_taken_for_two_kinds(path: Path) -> None:
    from costgate.rates.importers import IMPORTERS

    head = path.read_text()
    if path.name not in ("azure-sizes.json", "gcp-types.json"):
        assert len([name for name, module in IMPORTERS.items() if module.SIGNS.search(head)]) == 1
