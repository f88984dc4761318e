"""Hardware of one's own against the cloud: at which utilization an hour that is used costs the same in both places.

Both sides are whole nodes divided by their GPUs (for nodes without accelerators: by their cores). A cloud node is given
back when nobody uses it, so that its price stands; a node of one's own costs its hour whether it is used or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from costgate.model import RateCard, Tier
from costgate.rates import gpus
from costgate.rates.match import ARM64

ZERO, ONE = Decimal(0), Decimal(1)
UTILIZATIONS = tuple(Decimal(share) / 100 for share in (100, 90, 80, 70, 60, 50, 40))
UNITS = {"gpus": "GPU-Hours", "trainium": "Accelerator-Hours", "inferentia": "Accelerator-Hours", "cpus": "Core-Hours"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What the hours of a node are counted by: its accelerators, else its cores."""

    size: str  # of Node
    name: str  # as in a Rate
    capacity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparable:
    """The cloud tier that comes nearest and why it was chosen, or why there is none."""

    tier: Tier | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What an hour costs if a node is used for this share of the time."""

    utilization: Decimal
    node_hour: Decimal
    unit_price: Decimal


def unit(tier: Tier) -> Unit | None:
    """How the hours of this tier are counted; None where the card says neither accelerators nor cores of a node."""
    for size, name in UNITS.items():
        if capacity := getattr(tier.node, size):
            return Unit(size=size, name=name, capacity=capacity)
    return None


def by_utilization(tier: Tier, counted: Unit) -> Iterator[Used]:
    """From always used to used two hours in five."""
    for share in UTILIZATIONS:
        node_hour = node_hour_at(tier, share)
        yield Used(utilization=share, node_hour=node_hour, unit_price=node_hour / counted.capacity / share)


def node_hour_at(tier: Tier, utilization: Decimal) -> Decimal:
    """A node-hour if the node is used for this share of the time: an idle node may draw less power."""
    return tier.node_hour.expected + tier.idle_saving * (utilization - tier.planned_utilization)


def even_at(tier: Tier, counted: Unit, unit_price: Decimal) -> Decimal | None:
    """The utilization from which on a used hour costs no more here than `unit_price`; None where no use is enough.

    From node_hour_at(u) ÷ capacity ÷ u = unit_price. A result above 1 is None too.
    """
    gained = unit_price * counted.capacity - tier.idle_saving  # by each hour of use
    if gained <= 0:
        return None
    share = node_hour_at(tier, ZERO) / gained
    return share if share <= ONE else None


def nearest(card: RateCard, tier: Tier, counted: Unit) -> Comparable:
    """The cloud tier that the same work would run on: of those that fit, the cheapest on-demand per unit."""
    cloud = [other for other in card.tiers.values() if other.on_demand is not None and other.name != tier.name]
    if not cloud:
        return Comparable(tier=None, why="the card has no cloud tiers; `extends: [aws]` adds those of a shipped card")
    if counted.size == "cpus":
        return _of_cores(cloud, tier)
    return _of_accelerators(cloud, tier, counted)


def _of_accelerators(cloud: Iterable[Tier], tier: Tier, counted: Unit) -> Comparable:
    name = tier.node.gpu_model if counted.size == "gpus" else counted.size.capitalize()
    if name is None:
        return Comparable(tier=None, why="the card does not say node.gpu_model of this tier")
    same = [other for other in cloud if getattr(other.node, counted.size)]
    if counted.size == "gpus":
        same = _of_model(same, name)
    models = {gpus.model(str(other.node.gpu_model)): other.node.gpu_model for other in same}
    if len(models) != 1:
        hint = f", but {' and '.join(sorted(map(str, models.values())))}; say which" if models else ""
        return Comparable(tier=None, why=f"no cloud tier of the card has {name}{hint}")
    size = min(counted.capacity, max(getattr(other.node, counted.size) for other in same))
    fitting = [other for other in same if getattr(other.node, counted.size) >= size]
    words = (
        f"{name} as here, {_enough(size, counted.capacity)} on a node; of {len(fitting)} such the cheapest on-demand"
    )
    return Comparable(tier=_cheapest(fitting, counted.size), why=words)


def _of_model(tiers: Iterable[Tier], name: str) -> list[Tier]:
    """Tiers with the very same GPU; else those whose name leaves open that it is."""
    wanted = gpus.model(name)
    known = [(tier, gpus.model(tier.node.gpu_model)) for tier in tiers if tier.node.gpu_model]
    same = [tier for tier, model in known if model == wanted]
    return same or [tier for tier, model in known if gpus.alike(model, wanted)]


def _of_cores(cloud: Iterable[Tier], tier: Tier) -> Comparable:
    """x86 nodes without accelerators and with as much memory a core, as many cores or the most there are."""
    ratio = tier.node.memory_gib / tier.node.cpus
    kind = [other for other in cloud if _has_only_cores(other) and not _arm64(other)]
    roomy = [other for other in kind if other.node.memory_gib / other.node.cpus >= ratio]
    memory = f"{ratio:.4g} GiB of memory a core"
    if not roomy:
        return Comparable(tier=None, why=f"no cloud tier of the card has {memory}")
    size = min(tier.node.cpus, max(other.node.cpus for other in roomy))
    fitting = [other for other in roomy if other.node.cpus >= size]
    least = f"{memory} or more" if ratio else "any memory, since the card does not say what this tier has"
    words = f"{_enough(size, tier.node.cpus)} cores, {least}; of {len(fitting)} such the cheapest on-demand"
    return Comparable(tier=_cheapest(fitting, "cpus"), why=words)


def _enough(size: Decimal, wanted: Decimal) -> str:
    """Where no node is as large the work does not simply move; the price of an hour still compares."""
    return f"{size:f} or more" if size == wanted else f"{size:f} (there are no more)"


def _has_only_cores(tier: Tier) -> bool:
    counted = unit(tier)
    return counted is not None and counted.size == "cpus"


def _cheapest(tiers: Iterable[Tier], size: str) -> Tier:
    def price(tier: Tier) -> tuple[Decimal, Decimal, str]:
        assert tier.on_demand is not None
        return tier.on_demand / getattr(tier.node, size), getattr(tier.node, size), tier.name

    return min(tiers, key=price)


def _arm64(tier: Tier) -> bool:
    return tier.provider == "aws" and bool(ARM64.fullmatch(tier.instance_type or ""))
