"""Azure: pages of the Retail Prices API, one file or several appended to each other.

Kept: consumption prices of Linux virtual machines by the hour, and their spot prices. The list does not say how large a
type is: see machines.py. Names of fields: Azure Retail Prices REST API.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from costgate.rates.importers.json_items import Items
from costgate.rates.importers.machines import accelerators, first_region, shipped
from costgate.rates.importers.source import Source
from costgate.rates.importers.values import (
    Imported,
    ImportedPrice,
    Place,
    Prices,
    RefusedError,
    Skipped,
    Wanted,
    day,
    hourly,
    ordered,
)

WHAT = "Azure retail prices (JSON pages of prices.azure.com)"
SIGNS = re.compile(r'"(?:BillingCurrency|armSkuName|armRegionName)"')
CONTAINERS = {(), ("Items",), ("*",), ("*", "Items")}
WINDOWS = re.compile(r" Win(?:dows)?\b")
UNKNOWN_SIZE = "of unknown size (name a list of sizes with --machine-types)"


def read(source: Source, wanted: Wanted, skipped: Skipped) -> Imported:
    """The tiers of these pages. Raises InputError for what are none."""
    items, prices = Items(source), Prices(skipped)
    for path, item in items.walk(_containers(source)):
        if path[-1:] == ("*",):
            _take(item, items.began, prices, wanted)
    regions = wanted.regions or tuple(filter(None, [first_region("azure")]))
    return Imported(
        tiers=ordered(tuple(_priced(prices, wanted)), regions),
        source="Azure Retail Prices API",
        regions=tuple(prices.regions),
    )


def _containers(source: Source) -> set[tuple[str, ...]]:
    """A list at the top holds pages or items."""
    pages = '"Items"' in source.head()
    return CONTAINERS if pages else {()}


def _take(item: Any, place: Place, prices: Prices, wanted: Wanted) -> None:
    said = item if isinstance(item, dict) else {}
    region, name = str(said.get("armRegionName", "")), str(said.get("armSkuName", ""))
    prices.see(region)
    if reason := why_not(said, wanted) or wanted.why_not(region, name):
        return prices.skipped.add(reason, place)
    try:
        price = hourly(said.get("retailPrice"), wanted.currency)
    except RefusedError as refused:
        return prices.skipped.add(str(refused), place)
    if "Spot" in str(said.get("skuName", "")):
        return prices.spot(region, name, price, place)
    return prices.on_demand(region, name, price, place, since=str(said.get("effectiveStartDate", ""))[:40])


def why_not(said: Mapping[str, Any], wanted: Wanted) -> str:
    """Why this item is none that a step runs on, or nothing."""
    product, sku = str(said.get("productName", "")), str(said.get("skuName", ""))
    if said.get("serviceName") != "Virtual Machines":
        return "of other services"
    if said.get("type") != "Consumption" or said.get("reservationTerm"):
        return "of reservations and dev/test offers"
    if WINDOWS.search(product):
        return "of Windows"
    if "Cloud Services" in product or "CloudServices" in product or "Dedicated Host" in product:
        return "of cloud services and dedicated hosts"
    if "Low Priority" in sku:
        return "of low-priority machines"
    if said.get("unitOfMeasure") != "1 Hour":
        return "not by the hour"
    if said.get("currencyCode") != wanted.currency:
        return "in another currency"
    if said.get("tierMinimumUnits") not in (None, 0) or said.get("isPrimaryMeterRegion") is False:
        return "of a volume tier or a secondary meter"
    return _when(said, wanted)


def _when(said: Mapping[str, Any], wanted: Wanted) -> str:
    """Prices are announced before they are in force, and old ones stay in the list for a while."""
    start, end = day(said.get("effectiveStartDate")), day(said.get("effectiveEndDate"))
    if wanted.as_of and ((start and start > wanted.as_of) or (end and end < wanted.as_of)):
        return "not in force on that day"
    return ""


def _priced(prices: Prices, wanted: Wanted) -> Iterator[ImportedPrice]:
    for region, name, price, spot, place in prices.each():
        try:
            node = sized("azure", name, wanted)
        except RefusedError as refused:
            prices.skipped.add(str(refused), place)
        else:
            yield ImportedPrice(
                provider="azure", region=region, instance_type=name, node=node, on_demand=price, spot=spot
            )


def sized(provider: str, name: str, wanted: Wanted) -> dict[str, Any]:
    """The node of a type, from the list that a person gave, else from the shipped card. Raises RefusedError."""
    node = wanted.machines.get(name) or shipped(provider).get(name)
    if not node:
        raise RefusedError(UNKNOWN_SIZE)
    gpus = node.get("gpus")
    assert not isinstance(gpus, str)  # only a model is text
    return {**accelerators(provider, name, gpus), "cpus": node["cpus"], "memory_gib": node["memory_gib"]}
