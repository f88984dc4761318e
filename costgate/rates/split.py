"""What one task-hour of a step is charged on one tier: whether it fits a node, and the share of the node it pays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

from costgate.model import Location, Rate, StepResources, Tier, Unresolved, Value
from costgate.units import HOURS_PER_MONTH, Interval, decimal, memory_gib, terabytes

ZERO, ONE = Decimal(0), Decimal(1)
LARGEST = Decimal(10**12)
BEYOND_A_NODE = 10**5  # GPUs, cores or GiB; no machine has as many


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """Something that a step asks for and a node has."""

    attribute: str  # of StepResources
    node: str  # of Node
    unit: str
    sku: str
    words: str  # "asks 16 GPUs"
    weight: str = ""  # its name in split weights


GPU = Dimension(attribute="gpu", node="gpus", unit="GPU-Hours", sku="GPU-hour", words="GPUs", weight="gpu")
TRAINIUM = Dimension(
    attribute="trainium", node="trainium", unit="Accelerator-Hours", sku="Trainium-hour", words="Trainium devices"
)
INFERENTIA = Dimension(
    attribute="inferentia",
    node="inferentia",
    unit="Accelerator-Hours",
    sku="Inferentia-hour",
    words="Inferentia devices",
)
CPU = Dimension(attribute="cpu", node="cpus", unit="Core-Hours", sku="core-hour", words="CPUs", weight="cpu")
MEMORY = Dimension(
    attribute="memory_mb", node="memory_gib", unit="GiB-Hours", sku="GiB-hour", words="GiB of memory", weight="memory"
)
ACCELERATORS = (GPU, TRAINIUM, INFERENTIA)
DIMENSIONS = (*ACCELERATORS, CPU, MEMORY)
NODE_SIZES = {dimension.attribute: dimension.node for dimension in DIMENSIONS}

Asked = Mapping[str, "Decimal | Unresolved"]  # by attribute


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why there is no price; `location` where the unknown stands, None for the step itself."""

    reason: str
    help: str = ""
    location: Location | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A share of a node: quantity ÷ capacity × weight of its price."""

    sku: str
    unit: str
    quantity: Decimal
    capacity: Decimal
    weight: Decimal = ONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """The rates of a step on one tier; on-demand and spot ones where the tier has both prices."""

    rates: tuple[Rate, ...]
    assumptions: tuple[str, ...]
    on_demand_rates: tuple[Rate, ...] = ()
    spot_rates: tuple[Rate, ...] = ()


def price(tier: Tier, asked: Asked, disk_tb: Decimal | Unresolved = ZERO) -> Priced | Refusal:
    """The rates of one task-hour on this tier, or why there are none. `disk_tb` is the task's own disk."""
    shares = parts(tier, asked)
    if isinstance(shares, Refusal):
        return shares
    disk = disk_rates(tier, disk_tb)
    if isinstance(disk, Refusal):
        return disk
    on_demand, spot = tier.on_demand, tier.spot
    found = Priced(rates=(*_rates(tier, shares, tier.node_hour), *disk), assumptions=_assumptions(tier, asked))
    if on_demand is None or spot is None:
        return found
    return replace(
        found,
        on_demand_rates=(*_rates(tier, shares, Interval.exact(on_demand)), *disk),
        spot_rates=(*_rates(tier, shares, spot), *disk),
    )


def disk_rates(tier: Tier, disk_tb: Decimal | Unresolved) -> tuple[Rate, ...] | Refusal:
    """What an hour of a task's own disk is charged: TB ÷ 730 of the price of a TB-month.

    Nothing where the card prices no disks on this tier: then they are part of the node.
    """
    if tier.disk_tb_month is None or not disk_tb:
        return ()
    if isinstance(disk_tb, Unresolved):
        return unknown("disk_mb", disk_tb)
    hour = disk_tb / HOURS_PER_MONTH
    sku = f"{tier.disk_storage} TB-month"
    return (Rate(sku=sku, unit="TB-Months", quantity=hour, unit_price=Interval.exact(tier.disk_tb_month)),)


def is_units(tier: Tier) -> bool:
    """Whether a tier is prices of units and no machine: importers make its node so large that every request fits."""
    return max(tier.node.gpus, tier.node.cpus, tier.node.memory_gib) >= BEYOND_A_NODE


def unit_rates(tier: Tier) -> tuple[Rate, ...]:
    """What one unit of everything that this tier charges costs an hour."""
    if tier.occupancy == "whole_node":
        return _rates(tier, (_node_part(tier),), tier.node_hour)
    each = {dimension.attribute: ONE for dimension in _used(tier)}
    return _rates(tier, tuple(_part(tier, dimension, each) for dimension in _used(tier)), tier.node_hour)


def ask(resources: StepResources, location: Location) -> dict[str, Decimal | Unresolved]:
    """What a task asks for in every dimension, memory in GiB; 0 where Metaflow has none. `location` is the step's."""
    return {
        dimension.attribute: _amount(getattr(resources, dimension.attribute), dimension, resources.compute, location)
        for dimension in DIMENSIONS
    }


def ask_disk(resources: StepResources, location: Location) -> Decimal | Unresolved:
    """TB of the disk that a task asks for; 0 where Metaflow has none. `location` is the step's."""
    amount = _number(resources.disk_mb, location)
    return amount if isinstance(amount, Unresolved) else terabytes(amount, resources.compute)


def parts(tier: Tier, asked: Asked) -> tuple[Part, ...] | Refusal:
    """The shares of a node that a task pays, or why they are not known."""
    used = _used(tier)
    for dimension in used:
        amount = asked[dimension.attribute]
        if isinstance(amount, Unresolved):
            return unknown(dimension.attribute, amount)
    if refused := misfit(tier, asked):
        return refused
    if tier.occupancy == "whole_node":
        return (_node_part(tier),)
    shares = tuple(_part(tier, dimension, asked) for dimension in used)
    held = tuple(share for share in shares if share.quantity)
    if not held:
        return _nothing(tier, used)
    # The dominant share is the largest; of equal ones the first, accelerators before cores before memory.
    return (max(held, key=lambda share: share.quantity / share.capacity),) if tier.split == "dominant" else held


def misfit(tier: Tier, asked: Asked) -> Refusal | None:
    """Why the task is larger than a node: a task never runs on two."""
    over = [
        f"asks {plain(amount)} {dimension.words}, a node of {tier.name} has {plain(getattr(tier.node, dimension.node))}"
        for dimension in DIMENSIONS
        if isinstance(amount := asked[dimension.attribute], Decimal) and _over(tier, dimension, asked)
    ]
    hint = "ask for less, or match the step to a tier with larger nodes"
    return Refusal(reason=f"does not fit: {'; '.join(over)}", help=hint) if over else None


def cost(tier: Tier, amounts: Mapping[str, Decimal]) -> Decimal | None:
    """The expected price of one task-hour; None where a node is too small, or prices none of what is asked for."""
    if any(amount > getattr(tier.node, NODE_SIZES[attribute]) for attribute, amount in amounts.items()):
        return None
    if tier.occupancy == "whole_node":
        return tier.node_hour.expected / tier.planned_utilization
    shares = [
        amounts[dimension.attribute] / getattr(tier.node, dimension.node) * _weight(tier, dimension)
        for dimension in _used(tier)
        if dimension.attribute in amounts
    ]
    share = max(shares, default=ZERO) if tier.split == "dominant" else sum(shares, ZERO)
    return tier.node_hour.expected * share / tier.planned_utilization if share else None


def said(asked: Asked) -> str:
    """What is asked for, for people: `8 GPUs, 4 CPUs, 16 GiB of memory`."""
    amounts = ((asked[dimension.attribute], dimension.words) for dimension in DIMENSIONS)
    return ", ".join(f"{plain(amount)} {words}" for amount, words in amounts if isinstance(amount, Decimal) and amount)


def unknown(attribute: str, value: Unresolved) -> Refusal:
    """A price needs an attribute that could not be resolved."""
    return Refusal(reason=f"{attribute} is unknown: `{value.expression}`: {value.reason}", location=value.location)


def plain(amount: Decimal) -> str:
    """A quantity for people: 16, 0.5, 3.81."""
    rounded = amount.quantize(Decimal("0.01")) if abs(amount) < LARGEST else amount
    return f"{rounded.normalize():,f}" if abs(amount) < LARGEST else f"{amount:.3g}"


def amount_of(value: object) -> Decimal | None:
    """A quantity, or None for what is no number, below 0 or beyond all reason."""
    try:
        amount = decimal(value)  # type: ignore[arg-type]  # whatever a flow says
        return amount if ZERO <= amount < LARGEST else None
    except (ValueError, TypeError, ArithmeticError):
        return None


def _amount(value: Value, dimension: Dimension, compute: str, location: Location) -> Decimal | Unresolved:
    amount = _number(value, location)
    return memory_gib(amount, compute) if dimension is MEMORY and isinstance(amount, Decimal) else amount


def _number(value: Value, location: Location) -> Decimal | Unresolved:
    if isinstance(value, Unresolved):
        return value
    amount = ZERO if value.value is None else amount_of(value.value)
    if amount is None:
        place = value.chain[0] if value.chain else location
        return Unresolved(expression=_shown(value.value), reason="it is not an amount", location=place)
    return amount


def _shown(value: object) -> str:
    if isinstance(value, str):
        return repr(value[:100])
    return f"{decimal(value):.6g}" if isinstance(value, (int, float, Decimal)) else type(value).__name__


def _used(tier: Tier) -> tuple[Dimension, ...]:
    """The dimensions that enter a price on this tier."""
    if tier.occupancy == "whole_node":
        return ()
    if isinstance(tier.split, Mapping):
        return tuple(dimension for dimension in DIMENSIONS if dimension.weight in tier.split)
    present = tuple(dimension for dimension in DIMENSIONS if getattr(tier.node, dimension.node))
    return present if tier.split == "dominant" else present[:1]  # the accelerator comes first


def _over(tier: Tier, dimension: Dimension, asked: Asked) -> bool:
    amount = asked[dimension.attribute]
    if isinstance(amount, Unresolved) or not amount:
        return False
    return bool(amount > getattr(tier.node, dimension.node)) and _stated(tier, dimension)


def _stated(tier: Tier, dimension: Dimension) -> bool:
    """Whether the card says how much a node has. No accelerators means none; no node is without cores and memory."""
    return dimension in ACCELERATORS or bool(getattr(tier.node, dimension.node))


def _node_part(tier: Tier) -> Part:
    return Part(sku=f"{tier.name} node-hour", unit="Node-Hours", quantity=ONE, capacity=ONE)


def _part(tier: Tier, dimension: Dimension, asked: Asked) -> Part:
    amount = asked[dimension.attribute]
    assert isinstance(amount, Decimal)  # unknown ones were refused
    return Part(
        sku=f"{tier.name} {dimension.sku}",
        unit=dimension.unit,
        quantity=amount,
        capacity=getattr(tier.node, dimension.node),
        weight=_weight(tier, dimension),
    )


def _weight(tier: Tier, dimension: Dimension) -> Decimal:
    return tier.split[dimension.weight] if isinstance(tier.split, Mapping) else ONE


def _nothing(tier: Tier, used: tuple[Dimension, ...]) -> Refusal:
    words = " or ".join(dimension.words for dimension in used)
    if tier.split == "gpu_only":
        hint = f"match such steps to another tier, or split {tier.name} by dominant share or by weights"
        return Refusal(reason=f"asks no {words}, and {tier.name} is priced by them alone (split: gpu_only)", help=hint)
    return Refusal(reason=f"asks no {words}, by which {tier.name} is priced", help="say what the step asks for")


def _rates(tier: Tier, shares: tuple[Part, ...], node_hour: Interval[Decimal]) -> tuple[Rate, ...]:
    return tuple(
        Rate(
            sku=share.sku,
            unit=share.unit,
            quantity=share.quantity,
            unit_price=node_hour.map(partial(_unit_price, share, tier.planned_utilization)),
        )
        for share in shares
    )


def _unit_price(share: Part, planned_utilization: Decimal, node_hour: Decimal) -> Decimal:
    return node_hour * share.weight / share.capacity / planned_utilization


def _assumptions(tier: Tier, asked: Asked) -> tuple[str, ...]:
    """What was taken for granted about the fit."""
    notes = []
    for dimension in DIMENSIONS:
        amount = asked[dimension.attribute]
        if isinstance(amount, Unresolved):
            notes.append(
                f"{dimension.attribute} is unknown (`{amount.expression}`): assumed to fit a node of {tier.name}"
            )
        elif amount and not _stated(tier, dimension):
            notes.append(f"the card does not say {dimension.node} of {tier.name}: assumed to fit")
    return tuple(notes)
