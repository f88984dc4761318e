"""What a pod asks for under Kubernetes' own names, and slices of GPUs: how much of a node they take.

Metaflow hands `@kubernetes(extended_resources=…)` on as it is. What has no price of its own is refused, never free.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from typing import Any

from costgate.model import Known, Location, StepResources, Tier, Unresolved, Value
from costgate.rates import gpus
from costgate.rates.split import ZERO, Asked, Refusal, amount_of, ask, plain, unknown

GPUS = ("nvidia.com/gpu", "amd.com/gpu")
SLICES = "nvidia.com/mig-"
ACCELERATORS = re.compile(r"(?:nvidia|amd|gpu\.intel)\.com/|aws\.amazon\.com/neuron|google\.com/tpu|habana\.ai/")
# Network devices that come with their node and have no price.
OF_THE_NODE = re.compile(r"vpc\.amazonaws\.com/|rdma/|nvidia\.com/(?:hostdev|rdma)")
DIGITS = Context(prec=18)  # fewer than a share has, so that 14 sevenths are 2 and not a hair more than a node has
NO_SLICE = "match it to a tier whose node.gpu_model says kind and memory, e.g. A100-80GB, or is such a slice"
NO_PRICE = "match it to a tier with occupancy: whole_node, whose price has everything in the node"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a task holds of a node of one tier, how that follows from its slices, and what was taken for granted."""

    asked: Asked
    how: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one of the things that a task asks for takes of a node."""

    gpus: Decimal = ZERO
    how: str = ""
    assumption: str = ""


def has_accelerators(resources: StepResources) -> bool:
    """Whether a step asks for accelerators under Kubernetes' own names."""
    return any(ACCELERATORS.match(name) for name in _mapping(resources.extended_resources))


def has_slices(resources: StepResources) -> bool:
    """Whether what a step asks for is cut out of GPUs."""
    named = any(name.startswith(SLICES) for name in _mapping(resources.extended_resources))
    return named or gpus.slice_of_labels(_mapping(resources.node_selector)) is not None


def vendor(resources: StepResources) -> str | None:
    """Whose GPUs a step asks for, where that is known."""
    if any(name.startswith("amd.com/") for name in _mapping(resources.extended_resources)):
        return "amd"
    known = resources.gpu_vendor.value if isinstance(resources.gpu_vendor, Known) else None
    return str(known).lower() if known else None


def ask_all(resources: StepResources, location: Location) -> dict[str, Decimal | Unresolved]:
    """What a task asks for in every dimension, whole GPUs under Kubernetes' own names included."""
    asked, extended = ask(resources, location), _mapping(resources.extended_resources)
    gpu = asked["gpu"]
    if isinstance(gpu, Decimal):  # beside `gpu` they mean the same GPUs
        asked["gpu"] = max(gpu, *(amount_of(extended.get(name)) or ZERO for name in GPUS))
    return asked


def held(tier: Tier, resources: StepResources, asked: Asked, location: Location) -> Held | Refusal:
    """`asked`, as of `ask_all`, with what slices take of a node of this tier. `location` is the step's."""
    extended = resources.extended_resources
    if isinstance(extended, Unresolved):
        return unknown("extended_resources", extended)
    each = gpus.slice_of_labels(_mapping(resources.node_selector))
    if each is None and not extended.value:
        return Held(asked=asked)
    place, gpu = (*extended.chain, location)[0], asked["gpu"]
    found: list[Taken | Refusal] = [_taken(tier, name, said) for name, said in _mapping(extended).items()]
    if isinstance(gpu, Decimal):
        found.append(_sliced(tier, each, gpu) if each and gpu else Taken(gpus=gpu))
    taken: list[Taken] = []
    for part in found:
        if isinstance(part, Refusal):
            return replace(part, location=place)
        taken.append(part)
    return Held(
        asked=asked
        if isinstance(gpu, Unresolved)
        else {**asked, "gpu": DIGITS.plus(sum((part.gpus for part in taken), ZERO))},
        how=tuple(part.how for part in taken if part.how),
        assumptions=tuple(part.assumption for part in taken if part.assumption),
    )


def _taken(tier: Tier, name: str, said: object) -> Taken | Refusal:
    amount, shown = amount_of(said), name[:100]
    if amount is None:
        return Refusal(reason=f"asks {shown}: {str(said)[:100]!r}, which is not an amount")
    if name.startswith(SLICES):
        part = gpus.profile(name)
        return _sliced(tier, part, amount) if part else _no_slice(tier, shown.removeprefix(SLICES), "of unknown size")
    if name in GPUS or not amount:  # those are in `gpu`
        return Taken()
    if tier.occupancy == "whole_node" or OF_THE_NODE.match(name):
        return Taken(assumption=f"{shown} ({plain(amount)}) comes with a node of {tier.name}")
    return Refusal(reason=f"asks {plain(amount)} {shown}, which has no price of its own", help=NO_PRICE)


def _sliced(tier: Tier, part: gpus.Profile, count: Decimal) -> Taken | Refusal:
    if tier.occupancy == "whole_node":  # paid whatever it is cut into
        return Taken()
    model = tier.node.gpu_model or ""
    share = gpus.share(part, gpus.model(model))
    if isinstance(share, str):
        return _no_slice(tier, str(part), share)
    return Taken(gpus=share * count, how=f"a {part} slice is {share:.4g} of {model}")


def _no_slice(tier: Tier, part: str, why: str) -> Refusal:
    model = tier.node.gpu_model or "no gpu_model"
    return Refusal(reason=f"asks {part} slices of a GPU, and {tier.name} has {model}: {why}", help=NO_SLICE)


def _mapping(value: Value) -> Mapping[str, Any]:
    known = value.value if isinstance(value, Known) else None
    return known if isinstance(known, Mapping) else {}
