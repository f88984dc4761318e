"""Google Cloud: pages of the Cloud Billing Catalog (`services/6F81-5844-456A/skus`), one file or several.

The catalogue prices cores, GiB and GPUs by region; a machine type costs the sum of its parts. How large a type is comes
from the shipped card, or from `gcloud compute machine-types list --format=json`. A type of which one part has no price,
or two, is left out. Descriptions of SKUs: https://cloud.google.com/skus
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from costgate.rates.importers.azure import sized
from costgate.rates.importers.json_items import Items
from costgate.rates.importers.machines import first_region, shipped
from costgate.rates.importers.source import Source
from costgate.rates.importers.values import (
    DIGITS,
    Imported,
    ImportedPrice,
    Place,
    RefusedError,
    Skipped,
    Wanted,
    day,
    hourly,
    number,
    ordered,
)
from costgate.units import HOURS_PER_MONTH

WHAT = "Google Cloud's billing catalogue (JSON pages of SKUs)"
SIGNS = re.compile(r'"(?:skus|serviceRegions|pricingExpression)"')
CONTAINERS = {(), ("skus",), ("*",), ("*", "skus")}
PART = re.compile(r"(?:Spot Preemptible )?(?P<series>.+) (?P<part>Core|Ram) running in .+")
GPU = re.compile(r"(?P<gpu>Nvidia .+) GPU (?:attached to Spot Preemptible VMs )?running in .+")
SSD = re.compile(r"SSD backed Local Storage(?: attached to Spot Preemptible VMs)?(?: in .+)?")
SERIES = re.compile(r"([A-Z]\d+[A-Z]?)(?: AMD| Arm)? Instance")
OLD_SERIES = {
    "N1 Predefined Instance": "n1",
    "Compute optimized": "c2",
    "Memory-optimized Instance": "m1",
    "M3 Memory-optimized Instance": "m3",
}
GPUS = {  # model → how the catalogue calls it
    "A100-40GB": "Nvidia Tesla A100",
    "A100-80GB": "Nvidia Tesla A100 80GB",
    "H100-80GB": "Nvidia H100 80GB",
    "L4": "Nvidia L4",
}
MAX_UNITS = 200_000  # parts × regions; real catalogues have some 5,000
SSD_PER_GPU = {"a2-ultragpu": 375, "a3-highgpu": 750}  # GiB of local SSD that come, and are billed, with each GPU
PLAIN = re.compile(r"[a-z]\d+[a-z]?-(standard|highmem|highcpu|highgpu|ultragpu|megagpu)-\d+g?")
APART = re.compile(r"a3-(mega|ultra|edge)gpu-.+|a4.*|e2-(micro|small|medium)")  # priced by SKUs of their own, or shared
UNITS = {"h": Decimal(1), "GiBy.h": Decimal(1), "GiBy.mo": 1 / HOURS_PER_MONTH}


class Part(NamedTuple):
    """What a SKU prices."""

    spot: bool
    region: str
    kind: str  # core | ram | gpu | ssd
    name: str  # of the series or GPU


class Unit(NamedTuple):
    """The price of one core, GiB or GPU for an hour; None where two SKUs disagree."""

    price: Decimal | None
    place: Place


def read(source: Source, wanted: Wanted, skipped: Skipped) -> Imported:
    """The tiers of these pages. Raises InputError for what are none."""
    items, units, published = Items(source), dict[Part, Unit](), None
    containers = CONTAINERS if '"skus"' in source.head() else {()}
    for path, sku in items.walk(containers):
        if path[-1:] == ("*",):
            found = _take(sku if isinstance(sku, dict) else {}, items.began, units, wanted, skipped)
            published = max(filter(None, (published, found)), default=None)
        if len(units) > MAX_UNITS:
            raise items.error(f"more than {MAX_UNITS:,} prices of parts", "narrow it down with --region")
    priced = tuple(_priced(units, wanted, skipped))
    regions = wanted.regions or tuple(filter(None, [first_region("gcp")]))
    return Imported(tiers=ordered(priced, regions), source="Google Cloud Billing Catalog", published=published)


def _take(
    sku: Mapping[str, Any], place: Place, units: dict[Part, Unit], wanted: Wanted, skipped: Skipped
) -> date | None:
    """Keep the price of a part; the day since which the catalogue gives it."""
    spot, kind, name, reason = _what(sku)
    if reason:
        skipped.add(reason, place)
        return None
    try:
        price, since = _price(sku, wanted.currency)
    except RefusedError as refused:
        skipped.add(str(refused), place)
        return None
    regions = sku.get("serviceRegions")
    for region in regions if isinstance(regions, list) else ():
        if not wanted.regions or region in wanted.regions:
            part = Part(spot=spot, region=str(region), kind=kind, name=name)
            known = units.get(part)
            units[part] = Unit(price=None if known and known.price != price else price, place=place)
    return since


def _what(sku: Mapping[str, Any]) -> tuple[bool, str, str, str]:
    """Spot or not, kind and name of the part that a SKU prices, or why it prices none."""
    category, words = sku.get("category"), str(sku.get("description", ""))
    said = category if isinstance(category, dict) else {}
    spot = "Spot Preemptible" in words
    if said.get("usageType") not in ("OnDemand", "Preemptible"):
        return spot, "", "", "of commitments"
    if match := PART.fullmatch(words):
        series = SERIES.fullmatch(match["series"])
        name = series[1].lower() if series else OLD_SERIES.get(match["series"], "")
        return spot, match["part"].lower(), name, "" if name else "of custom, sole-tenant and other machines"
    if match := GPU.fullmatch(words):
        return spot, "gpu", match["gpu"], ""
    return spot, "ssd", "", "" if SSD.fullmatch(words) else "of other products"


def _price(sku: Mapping[str, Any], currency: str) -> tuple[Decimal, date | None]:
    """The newest price of one unit for an hour, and its day. Raises RefusedError."""
    infos = _mappings(sku.get("pricingInfo"))
    newest = max(infos, key=lambda info: str(info.get("effectiveTime", "")), default={})
    said = next(iter(_mappings([newest.get("pricingExpression")])), {})
    rates = _mappings(said.get("tieredRates"))
    if len(rates) != 1:
        raise RefusedError("of a volume tier")
    per_hour = UNITS.get(str(said.get("usageUnit")))
    if per_hour is None:
        raise RefusedError("not by the hour")
    price = next(iter(_mappings([rates[0].get("unitPrice")])), {})
    if price.get("currencyCode", currency) != currency:
        raise RefusedError("in another currency")
    units, nanos = number(price.get("units") or 0), number(price.get("nanos") or 0)
    amount = units + nanos / 10**9 if units is not None and nanos is not None else None
    return hourly(amount, currency) * per_hour, day(newest.get("effectiveTime"))


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    """The mappings in a list of whatever."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _priced(units: Mapping[Part, Unit], wanted: Wanted, skipped: Skipped) -> Iterator[ImportedPrice]:
    """Every known type in every region that has its series."""
    regions = sorted({(part.region, part.name) for part in units if part.kind == "core" and not part.spot})
    types = sorted({*shipped("gcp"), *wanted.machines})
    for region, series in regions:
        core = units[Part(spot=False, region=region, kind="core", name=series)]
        for name in (name for name in types if name.partition("-")[0] == series):
            if reason := wanted.why_not(region, name):
                skipped.add(f"types {reason}", core.place)
                continue
            try:
                yield _machine(region, name, units, wanted)
            except RefusedError as refused:
                skipped.add(f"types {refused}", core.place)


def _machine(region: str, name: str, units: Mapping[Part, Unit], wanted: Wanted) -> ImportedPrice:
    node = sized("gcp", name, wanted)
    on_demand = _sum(False, region, name, node, units)
    if on_demand is None:
        raise RefusedError("of which a part has no price")
    spot = _sum(True, region, name, node, units)
    return ImportedPrice(
        provider="gcp",
        region=region,
        instance_type=name,
        node=node,
        on_demand=on_demand,
        spot=(spot,) if spot is not None else (),
    )


def _sum(spot: bool, region: str, name: str, node: Mapping[str, Any], units: Mapping[Part, Unit]) -> Decimal | None:
    """What the parts of a type cost together; None where one has no price. Raises RefusedError for odd types."""
    if not PLAIN.fullmatch(name) or APART.fullmatch(name):
        raise RefusedError("whose parts are priced apart (local SSD, shared cores, newer GPUs)")
    series, family = name.partition("-")[0], name.rpartition("-")[0]
    gpus = node.get("gpus", Decimal(0))
    if gpus and node.get("gpu_model") not in GPUS:
        raise RefusedError("whose GPU the catalogue calls by another name")
    needed = [("core", series, node["cpus"]), ("ram", series, node["memory_gib"])]
    if gpus:
        needed.append(("gpu", GPUS[node["gpu_model"]], gpus))
    if ssd := SSD_PER_GPU.get(family, 0) * gpus:
        needed.append(("ssd", "", ssd))
    total = Decimal(0)
    for kind, part, amount in needed:
        unit = units.get(Part(spot=spot, region=region, kind=kind, name=part))
        if unit is None or unit.price is None:
            return None
        total += unit.price * amount
    return DIGITS.plus(total)
