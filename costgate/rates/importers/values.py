"""What importers are asked for and what they give: prices, and everything that was left out with its reason."""

from __future__ import annotations

import fnmatch
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Context, Decimal
from statistics import median_low
from typing import Any, TypeAlias

from costgate.errors import InputError
from costgate.units import SIGNS

Node: TypeAlias = Mapping[str, "Decimal | str"]  # as a card says it: {gpus, gpu_model, cpus, memory_gib, …}
Place: TypeAlias = "int | tuple[int, int]"  # a line, or line and column

NUMBER = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d{1,3})?", re.ASCII)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)  # of a provider, a region, an instance type
LONGEST = 60  # characters of a number
SMALLEST = Decimal("1e-9")  # an hourly price below it is none
LARGEST = Decimal(10_000)  # an hourly price above it is a mistake: the dearest node is at some hundred dollars
LARGEST_ELSEWHERE = Decimal(10_000_000)  # in a currency of smaller units, such as JPY
DIGITS = Context(prec=15)  # what a number keeps in JSON and YAML
MAX_PRICES = 50_000  # of one card
MAX_ZONES = 100  # spot prices that are kept of one type and region
SHOWN_PLACES = 3
SHOWN_REGIONS = 200


class RefusedError(Exception):
    """Why a row has no price that could be used; it is counted, and the import goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a person asked for."""

    regions: tuple[str, ...] = ()  # in their order; empty: all
    instance_types: tuple[str, ...] = ()  # globs; empty: all
    currency: str = "USD"
    as_of: date | None = None  # the day of the prices, where a person said it
    provider: str | None = None  # SkyPilot: the cloud of the catalogue
    price_per_billing_unit: Decimal | None = None  # Slurm: for one billing unit for an hour
    max_tres: bool = False  # Slurm: PriorityFlags=MAX_TRES
    machines: Mapping[str, Node] = field(default_factory=dict)  # sizes that a person gave, by instance type

    def why_not(self, region: str, instance_type: str) -> str:
        """Why a row of this region and type was not asked for, or nothing."""
        if not NAME.fullmatch(region) or not NAME.fullmatch(instance_type):
            return "without a region or an instance type"
        if self.regions and region not in self.regions:
            return "in another region"
        if self.instance_types and not any(fnmatch.fnmatchcase(instance_type, glob) for glob in self.instance_types):
            return "of an instance type that was not asked for"
        return ""


class Skipped:
    """What was left out: reason → how often, and the first places. Reasons are ours, so there are few."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = defaultdict(int)
        self.places: dict[str, list[Place]] = defaultdict(list)

    def add(self, reason: str, place: Place) -> None:
        """One more row or item."""
        self.counts[reason] += 1
        places = self.places[reason]
        if len(places) < SHOWN_PLACES and place not in places:
            places.append(place)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedPrice:
    """One instance type in one region, per node-hour."""

    provider: str
    region: str
    instance_type: str
    node: Node
    on_demand: Decimal
    spot: tuple[Decimal, ...] = ()  # every spot price seen, e.g. one for each zone

    @property
    def name(self) -> str:
        """Its tier: `aws/us-east-1/p3.8xlarge`."""
        return f"{self.provider}/{self.region}/{self.instance_type}"

    def tier(self) -> dict[str, Any]:
        """As a rate card says it. Spot: lowest seen, usual one, and on-demand, which it may reach at any moment."""
        cloud: dict[str, Any] = {"provider": self.provider, "region": self.region, "on_demand": self.on_demand}
        if self.spot:
            high = max(*self.spot, self.on_demand)
            cloud["spot"] = {"low": min(self.spot), "expected": median_low(self.spot), "high": high}
        return {"node": dict(self.node), "cloud": cloud}


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What a file gave: tiers by name as a rate card says them, in order."""

    tiers: Mapping[str, Mapping[str, Any]]
    source: str  # e.g. "AWS price list, version 20260918174747"
    published: date | None = None  # the file's own day, where it has one
    default_tier: Mapping[str, str] = field(default_factory=dict)
    storage: Mapping[str, Decimal] = field(default_factory=dict)  # kind → price of a TB-month
    regions: tuple[str, ...] = ()  # that the file has, asked for or not; where it says so
    notes: tuple[str, ...] = ()  # what a reviewer should know


@dataclass(slots=True)
class _Entry:
    on_demand: Decimal | None = None
    since: str = ""
    place: Place = 0
    clash: bool = False
    spot: list[Decimal] = field(default_factory=list)


class Prices:
    """Prices by region and instance type while a file is read. One that the file says in two ways is no price."""

    def __init__(self, skipped: Skipped) -> None:
        self.skipped = skipped
        self.regions: dict[str, None] = {}  # that the file has, asked for or not
        self._entries: dict[tuple[str, str], _Entry] = defaultdict(_Entry)

    def see(self, region: str) -> None:
        """A region of the file, for the help line."""
        if len(self.regions) < SHOWN_REGIONS:
            self.regions[region[:100]] = None

    def on_demand(self, region: str, instance_type: str, price: Decimal, place: Place, since: str = "") -> None:
        """A list price; of two the one that is in force `since` a later moment counts."""
        entry = self._entry(region, instance_type)
        if entry.on_demand is not None and since != entry.since:
            self.skipped.add("with an older price", entry.place if since > entry.since else place)
        if entry.on_demand is None or since > entry.since:
            entry.on_demand, entry.since, entry.place, entry.clash = price, since, place, False
        elif since == entry.since and price != entry.on_demand:
            entry.clash = True
            self.skipped.add("with two different prices for one type and region", place)

    def spot(self, region: str, instance_type: str, price: Decimal, place: Place) -> None:
        """A spot price; there may be one for each zone."""
        entry = self._entry(region, instance_type)
        if len(entry.spot) < MAX_ZONES:
            entry.spot.append(price)
        entry.place = entry.place or place

    def each(self) -> Iterator[tuple[str, str, Decimal, tuple[Decimal, ...], Place]]:
        """Region, type, on-demand price, spot prices and place of every type that has one price."""
        for (region, name), entry in sorted(self._entries.items()):
            if entry.clash:
                continue
            if entry.on_demand is None:
                self.skipped.add("types with a spot price alone", entry.place)
            else:
                yield region, name, entry.on_demand, tuple(entry.spot), entry.place

    def _entry(self, region: str, instance_type: str) -> _Entry:
        entry = self._entries[(region, instance_type)]
        if len(self._entries) > MAX_PRICES:
            hint = "narrow it down with --region or --instance-type"
            raise InputError(f"more than {MAX_PRICES:,} prices for one rate card", help=hint)
        return entry


def ordered(prices: Sequence[ImportedPrice], regions: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Tiers by name, sorted. The first region of a card prices an assumed type, so the one named first comes first."""
    first = {region: position for position, region in enumerate(regions)}
    ranked = sorted(prices, key=lambda price: (first.get(price.region, len(first)), price.name))
    return {price.name: price.tier() for price in ranked}


def hourly(value: Any, currency: str, *, kind: str = "price", largest: Decimal | None = None) -> Decimal:
    """A price per hour as it stands in a file. Raises RefusedError for one that nobody pays."""
    amount = number(value)
    if amount is None:
        raise RefusedError(f"whose {kind} is no number")
    if amount < 0:
        raise RefusedError(f"whose {kind} is negative")
    if amount < SMALLEST:
        raise RefusedError(f"whose {kind} is 0")
    limit = largest if currency in SIGNS and largest else LARGEST if currency in SIGNS else LARGEST_ELSEWHERE
    if amount > limit:
        raise RefusedError(f"whose {kind} is absurd (above {limit:,} an hour)")
    return DIGITS.plus(amount)


def number(value: Any) -> Decimal | None:
    """A number of a file, written as a number or as text; None for anything else."""
    text = str(value).strip() if isinstance(value, (str, int, Decimal)) and not isinstance(value, bool) else ""
    return Decimal(text) if len(text) <= LONGEST and NUMBER.fullmatch(text) else None


def size(value: Any) -> Decimal | None:
    """A number above 0 of cores, GiB or devices, or None."""
    amount = number(value)
    return amount.normalize() if amount is not None and 0 < amount < 10**6 else None


def day(text: Any) -> date | None:
    """The day of `2026-09-18T17:45:21Z`, or None."""
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError:
        return None
