"""Unit prices (core-hour, GiB-hour, GPU-hour) as a tier, which is a node with one price and a way to split it.

The node is synthetic: so large that every request fits. A tier charges hourly × weight ÷ capacity for a unit. With
whole numbers Qᵢ in the ratio of the prices, capacities Cᵢ such that Σ Qᵢ·Cᵢ is a power of ten make every weight
Qᵢ·Cᵢ ÷ 10¹⁵ a finite decimal, the weights add up to 1, and each unit costs its price to the last digit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)
KEPT = Context(prec=15, rounding=ROUND_HALF_EVEN)  # digits that a number keeps in JSON and YAML
WHOLE = 10**15
ROUND_WEIGHTS = {
    n: tuple(map(Decimal, weights)) for n, weights in {2: ("0.5", "0.5"), 3: ("0.3", "0.3", "0.4")}.items()
}
NODE_HOUR = 8  # a synthetic node costs some 10⁸, if no capacity is then above what a card may say
LARGEST = 11  # power of ten of a capacity
SMALLEST = 100  # GPUs, cores or GiB that hold any request
SYNTHETIC = (
    "the node of a tier is synthetic: so large that every request fits, and split so that each unit costs its price"
)
NODE = {"gpu": "gpus", "cpu": "cpus", "memory": "memory_gib"}


def summed(prices: Mapping[str, Decimal]) -> dict[str, Any]:
    """A tier that charges the sum: cores × price + GiB × price + GPUs × price. `prices` by gpu, cpu, memory, above 0.

    Each to its last digit, or to the fifteenth where they have too many together. Raises ValueError where they are too
    far apart to stand in one tier.
    """
    ratio, unit = _whole_numbers(prices)
    capacities = _solved(ratio)
    if capacities:
        hourly = EXACT.multiply(unit, WHOLE)
        weights = {name: Decimal(ratio[name] * size) / WHOLE for name, size in capacities.items()}
    else:
        hourly, weights = Decimal(1), dict(zip(prices, ROUND_WEIGHTS[len(prices)]))
    exact = {name: EXACT.divide(EXACT.multiply(hourly, weights[name]), prices[name]) for name in prices}
    return {**_tier(hourly, exact), "split": {name: weights[name].normalize() for name in NODE if name in weights}}


def largest(prices: Mapping[str, Decimal]) -> dict[str, Any]:
    """A tier that charges the largest of cores × price, GiB × price and GPUs × price (Slurm's MAX_TRES)."""
    ratio, unit = _whole_numbers(prices)
    common = math.lcm(*ratio.values())
    hourly = EXACT.multiply(unit, common)
    return {**_tier(hourly, {name: Decimal(common // ratio[name]) for name in ratio}), "split": "dominant"}


def _whole_numbers(prices: Mapping[str, Decimal]) -> tuple[dict[str, int], Decimal]:
    """Whole numbers without a common factor in the ratio of the prices, and the price of 1."""
    exponent = min(int(price.normalize().as_tuple().exponent) for price in prices.values())
    scaled = {name: int(price.scaleb(-exponent)) for name, price in prices.items()}
    common = math.gcd(*scaled.values())
    return {name: number // common for name, number in scaled.items()}, Decimal(common).scaleb(exponent)


def _solved(ratio: Mapping[str, int]) -> dict[str, int]:
    """Capacities, each of about an equal part of the whole, that add up to it; nothing where there are none."""
    last = min(ratio, key=lambda name: (ratio[name], name))
    others = [name for name in ratio if name != last]
    found, rest = {}, WHOLE
    for name in reversed(others):  # one of two leaves a multiple of what the other shares with the last
        step = math.gcd(ratio[last], *(ratio[other] for other in others[: others.index(name)]))
        shared = math.gcd(step, ratio[name])
        inverse = pow(ratio[name] // shared, -1, step // shared)
        size = WHOLE // len(ratio) // ratio[name]
        found[name] = size + (rest // shared * inverse - size) % (step // shared)
        rest -= ratio[name] * found[name]
    found[last] = rest // ratio[last]
    return found if min(found.values()) > 0 else {}


def _tier(hourly: Decimal, capacities: Mapping[str, Decimal]) -> dict[str, Any]:
    """Node and price, both moved by a power of ten to a readable size."""
    shift = min(NODE_HOUR - hourly.adjusted(), LARGEST - max(size.adjusted() for size in capacities.values()))
    node = {NODE[name]: _kept(capacities[name].scaleb(shift, EXACT)) for name in NODE if name in capacities}
    if min(node.values()) < SMALLEST:
        raise ValueError("the prices are too far apart")
    return {"node": node, "hourly": _kept(hourly.scaleb(shift, EXACT))}


def _kept(number: Decimal) -> Decimal:
    return KEPT.plus(number).normalize()
