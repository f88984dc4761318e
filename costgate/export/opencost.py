"""A rate card as OpenCost's custom pricing (JSON) or price sheet (CSV).

The JSON has one price of a core-hour, a GiB-hour and a GPU-hour for all nodes: it holds what one GPU tier and one CPU
tier charge, planned utilization included. The sheet has the price of each kind of node as it is; OpenCost splits it,
and shows idle time itself. Storage: a GiB-hour there, a TB-month of 730 hours here.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Context, Decimal

from costgate.errors import InputError
from costgate.model import RateCard, Tier
from costgate.rates.split import unit_rates
from costgate.units import HOURS_PER_MONTH

DIGITS = Context(prec=12)  # of a price; OpenCost reads floats
KEYS = {"Core-Hours": "CPU", "GiB-Hours": "RAM", "GPU-Hours": "GPU"}
SPOT = {"CPU": "spotCPU", "RAM": "spotRAM", "GPU": "spotGPU"}
# How OpenCost splits the price of a node that has no unit prices: configs/default.json
RATIO = {"CPU": Decimal("0.031611"), "RAM": Decimal("0.004237"), "GPU": Decimal("0.95")}
SIZES = {"CPU": "cpus", "RAM": "memory_gib", "GPU": "gpus"}
GIB_HOURS = Decimal(10) ** 12 / 2**30 * HOURS_PER_MONTH  # of a TB-month
HEADER = (
    "EndTimestamp", "InstanceID", "Region", "AssetClass", "InstanceIDField", "InstanceType", "MarketPriceHourly",
    "Version",
)  # fmt: skip
TYPE_LABEL = "metadata.labels.node.kubernetes.io/instance-type"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A file, and what a person should know about it."""

    text: str
    notes: tuple[str, ...] = ()


def as_json(card: RateCard, tiers: Sequence[Tier], spot: Tier | None = None) -> Exported:
    """Custom pricing. `spot`: the tier that spot nodes are, else the spot prices of the tiers themselves.

    Raises InputError where two tiers price one thing differently, or a tier has prices that do not add up by unit.
    """
    prices, notes = _combined(tiers)
    market = [spot] if spot else [replace(tier, node_hour=tier.spot) for tier in tiers if tier.spot]
    spot_prices, _ = _combined(market)
    said = {
        "provider": "custom",
        "description": f"{card.name}, prices of {card.as_of}: {', '.join(tier.name for tier in tiers)}",
        **{key: _text(prices[key]) for key in SPOT if key in prices},
        **{name: _text(spot_prices[key]) for key, name in SPOT.items() if key in spot_prices},
    }
    if len(card.storage) == 1:
        said["storage"] = _text(next(iter(card.storage.values())) / GIB_HOURS)
    elif card.storage:
        notes.append("OpenCost has one price of storage and the card several: there is none in the file")
    if card.currency != "USD":
        said["currencyCode"] = card.currency
    return Exported(text=json.dumps(said, indent=2, ensure_ascii=False) + "\n", notes=tuple(notes))


def as_csv(card: RateCard, tiers: Sequence[Tier]) -> Exported:
    """The price sheet: a row for each node label or instance type, and for each kind of storage.

    Raises InputError for a tier that OpenCost could not find by a label or type.
    """
    nodes = [row for tier in tiers for row in _node_rows(tier)]
    _one_field(nodes)
    volumes = [
        ("", kind, "", "pv", "spec.storageClassName", "", _text(price / GIB_HOURS), "")
        for kind, price in card.storage.items()
    ]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([HEADER, *sorted(nodes), *sorted(volumes)])
    return Exported(text=text.getvalue())


def _combined(tiers: Sequence[Tier]) -> tuple[dict[str, Decimal], list[str]]:
    """Unit prices by OpenCost's names, from all of these tiers."""
    found: dict[str, tuple[Decimal, Tier]] = {}
    notes: list[str] = []
    for tier in tiers:
        if tier.split == "dominant" and tier.occupancy == "shared":
            notes.append(
                f"{tier.name} is split by the largest share, which no sum can say: by OpenCost's own ratio here"
            )
        for key, price in _unit_prices(tier).items():
            other, owner = found.setdefault(key, (price, tier))
            if other != price:
                message = f"'{owner.name}' and '{tier.name}' price {key} differently, and OpenCost has one price of it"
                raise InputError(message, where=str(tier.location), help="export one of them, or --format csv")
    return {key: price for key, (price, _) in found.items()}, notes


def _unit_prices(tier: Tier) -> dict[str, Decimal]:
    if tier.split == "dominant" and tier.occupancy == "shared":
        return _by_ratio(tier)
    prices = {rate.unit: rate.unit_price.expected for rate in unit_rates(tier)}
    if odd := sorted(prices.keys() - KEYS.keys()):
        message = f"tier '{tier.name}' is charged by {odd[0]}, and OpenCost knows cores, GiB and GPUs"
        raise InputError(message, where=str(tier.location), help="export --format csv, or leave this tier out")
    return {KEYS[unit]: price for unit, price in prices.items()}


def _by_ratio(tier: Tier) -> dict[str, Decimal]:
    """Unit prices in OpenCost's ratio such that a whole node costs its price."""
    sizes: Mapping[str, Decimal] = {key: getattr(tier.node, name) for key, name in SIZES.items()}
    total = sum((size * RATIO[key] for key, size in sizes.items()), Decimal(0))
    if not total:
        message = f"tier '{tier.name}' has neither cores nor memory nor GPUs"
        raise InputError(message, where=str(tier.location), help="OpenCost knows no other devices; leave it out")
    charged = tier.node_hour.expected / tier.planned_utilization
    return {key: charged * RATIO[key] / total for key, size in sizes.items() if size}


def _node_rows(tier: Tier) -> Iterator[tuple[str, ...]]:
    price, region, kind = _text(tier.node_hour.expected), tier.region or "", tier.instance_type or ""
    labels = [selector for rule in tier.match if len(selector := rule.get("node_selector", {})) == 1]
    for selector in labels:
        ((label, value),) = selector.items()
        yield "", value, region, "node", f"metadata.labels.{label}", kind, price, ""
    if not labels and kind:
        yield "", kind, region, "node", TYPE_LABEL, kind, price, ""
    if not labels and not kind:
        hint = "give it a match rule such as {node_selector: {pool: a100}}, or leave it out"
        raise InputError(f"tier '{tier.name}' has no node label", where=str(tier.location), help=hint)


def _one_field(rows: Sequence[tuple[str, ...]]) -> None:
    """OpenCost looks all nodes up by one field: the one of the last row."""
    fields = sorted({row[HEADER.index("InstanceIDField")] for row in rows})
    if len(fields) > 1:
        message = f"the tiers are matched by several labels ({', '.join(fields)}), and OpenCost looks at one"
        raise InputError(message, help="export the tiers of one label at a time")


def _text(price: Decimal) -> str:
    return f"{DIGITS.plus(price).normalize():f}"
