"""Prices: tiers, rate cards, and what one task-hour of a step is charged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from costgate.model.deployed import Location
from costgate.units import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One line of a node's hourly rate, e.g. amortisation: amount per node-hour and the formula with its numbers."""

    name: str
    amount: Decimal
    formula: str
    location: Location | None  # None for an omitted component, which is 0 and listed as missing
    missing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """The machine behind a tier."""

    gpus: Decimal = Decimal(0)
    gpu_model: str | None = None
    cpus: Decimal = Decimal(0)
    memory_gib: Decimal = Decimal(0)
    trainium: Decimal = Decimal(0)
    inferentia: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """A kind of node with a price. `node_hour` is before planned_utilization, in the card's currency."""

    name: str
    node: Node
    node_hour: Interval[Decimal]
    components: tuple[Component, ...]
    location: Location
    planned_utilization: Decimal = Decimal(1)
    in_service: date | None = None  # owned: where the card says so, the first day of its useful life
    life_ends: date | None = None  # and the first day after it, from which capital costs nothing
    idle_saving: Decimal = Decimal(0)  # what an idle node-hour costs less than a busy one
    split: str | Mapping[str, Decimal] = "gpu_only"  # gpu_only | dominant | {gpu, cpu, memory}
    occupancy: str = "shared"  # shared | whole_node
    basis: str = "occupied"  # occupied | requested | utilised
    nodes: int | None = None
    match: tuple[Mapping[str, Any], ...] = ()
    disk_storage: str | None = None  # kind of storage that a task's own disk is; None: part of the node
    disk_tb_month: Decimal | None = None  # its price
    provider: str | None = None
    region: str | None = None
    instance_type: str | None = None
    on_demand: Decimal | None = None  # cloud: per node-hour after discount
    spot: Interval[Decimal] | None = None
    price_date: date | None = None
    source: str | None = None
    shipped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Capacity that a team pays for, used or not; `to` is the last day included."""

    id: str
    tier: str
    team: str
    gpus: Decimal | None = None
    cpus: Decimal | None = None
    nodes: Decimal | None = None
    start: date
    to: date
    burst_multiplier: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateCard:
    """The prices in force at one moment."""

    name: str
    currency: str
    as_of: date  # first day on which they are in force
    digest: str
    tiers: Mapping[str, Tier]
    default_tier: Mapping[str, str] = field(default_factory=dict)  # gpu | cpu | trainium | inferentia → tier name
    storage: Mapping[str, Decimal] = field(default_factory=dict)  # kind → per TB-month
    effective_dates: tuple[date, ...] = ()  # days on which other prices come into force; none: one price for all time
    reservations: tuple[Reservation, ...] = ()
    shipped: bool = False  # no prices of the user's own: matches by fit are assumptions
    day: date | None = None  # on which they were asked for; None: `as_of`
    # Answers that rates.match has worked out for this very card; a thousand steps ask for the same few sizes.
    memo: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What one task-hour of a step is charged on one SKU: quantity × unit price per hour."""

    sku: str  # e.g. "a100 GPU-hour"
    unit: str  # GPU-Hours | Accelerator-Hours | Core-Hours | GiB-Hours | Node-Hours | TB-Months
    quantity: Decimal  # held by one task, e.g. 4 GPUs
    unit_price: Interval[Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The price of one task-hour of a step: its tier, why that tier, and the rates."""

    tier: str
    how: str  # e.g. "node_selector pool=a100 (finance/ratecard.yml:24)"
    rates: tuple[Rate, ...]
    assumptions: tuple[str, ...] = ()  # e.g. "cheapest fitting type of the shipped card"
    location: Location
    on_demand_rates: tuple[Rate, ...] = ()  # the same at on-demand and at spot price, where the tier has both
    spot_rates: tuple[Rate, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotBilled:
    """A step that costs nothing by rule, e.g. local without a tier for it. Neither Unpriced nor $0."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpriced:
    """A step (or a whole file) whose price needs something unknown: why and where. Never $0."""

    deployment: str  # deployment name; the file path where not even a flow could be read
    step: str | None
    reason: str
    location: Location
    help: str = ""
    content: str = ""  # of a file or flow that could not be read: what it was, so that a change of it is news
