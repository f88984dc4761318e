"""What `split: dominant` takes in beyond the price of a node, by an example: it deters, it does not add up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from costgate.model import Tier
from costgate.rates.split import ACCELERATORS, DIMENSIONS, cost

HALF, QUARTER = Decimal("0.5"), Decimal("0.25")


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """Two tasks that fit on one node, and what they pay for an hour of it; by attribute of a step, memory in GiB."""

    tasks: tuple[Mapping[str, Decimal], Mapping[str, Decimal]]
    shares: tuple[Decimal, Decimal]  # of the node that each pays
    paid: Decimal
    node_hour: Decimal  # what a task that holds the whole node pays

    @property
    def surplus(self) -> Decimal:
        """Over-recovery: charged and not cost. The meter books it on a line of its own."""
        return self.paid - self.node_hour


def over_recovery(tier: Tier) -> Packing | None:
    """The example for a tier that is split by the dominant share; None where no packing pays more than the node.

    With accelerators one task holds them all beside half of the cores, the other the rest of the cores; without, each
    takes three quarters of one thing and a quarter of the other.
    """
    present = [dimension for dimension in DIMENSIONS if getattr(tier.node, dimension.node)]
    if tier.split != "dominant" or tier.occupancy == "whole_node" or len(present) == 1:
        return None
    first, second = (getattr(tier.node, dimension.node) for dimension in present[:2])
    most = Decimal(1) if present[0] in ACCELERATORS else 3 * QUARTER
    other = HALF if present[0] in ACCELERATORS else 3 * QUARTER
    names = [dimension.attribute for dimension in present[:2]]
    sizes = ((first * most, second * (1 - other)), (first * (1 - most), second * other))
    nothing = {dimension.attribute: Decimal(0) for dimension in DIMENSIONS}
    tasks = tuple({**nothing, **dict(zip(names, pair))} for pair in sizes)
    paid = sum((cost(tier, task) or Decimal(0) for task in tasks), Decimal(0))
    node_hour = tier.node_hour.expected / tier.planned_utilization
    return Packing(tasks=(tasks[0], tasks[1]), shares=(most, other), paid=paid, node_hour=node_hour)
