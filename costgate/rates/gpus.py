"""Names of GPUs, and the slices that NVIDIA's MIG cuts them into: how much of a GPU a slice takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

# Label → how it names the GPU of a node: NVIDIA's GPU feature discovery, GKE, Karpenter on AWS and Azure, EKS.
MODEL_LABELS = (
    "nvidia.com/gpu.product",
    "cloud.google.com/gke-accelerator",
    "karpenter.k8s.aws/instance-gpu-name",
    "karpenter.azure.com/sku-gpu-name",
    "k8s.amazonaws.com/accelerator",
)
# Labels of nodes whose GPUs are all cut alike; a GPU that a pod asks for there is a slice.
SLICE_LABELS = ("nvidia.com/gpu.product", "cloud.google.com/gke-gpu-partition-size", "nvidia.com/mig.config")
SHARED = "-SHARED"  # end of nvidia.com/gpu.product where a GPU is shared by turns
SAID_SHORT = {"NVIDIA-TESLA-A100": "A100-40GB"}  # GKE's name; the larger one is nvidia-a100-80gb
PROFILE = re.compile(r"(?:^|-)(\d)g\.(\d{1,3})gb(?:[.+]me)?$", re.ASCII | re.IGNORECASE)  # 3g.40gb, 1g.10gb.me
FAMILY = re.compile(r"[A-Z]{1,2}\d{1,4}[A-Z]?", re.ASCII)  # A100, T4, L40S, GH200, MI300X; neither SXM4 nor HBM3
MEMORY = re.compile(r"(\d{1,4})GB?", re.ASCII)
MAKERS = frozenset({"NVIDIA", "TESLA", "GEFORCE", "QUADRO", "AMD", "RADEON", "INSTINCT", ""})
AMD = re.compile(r"MI\d+[A-Z]?", re.ASCII)

# Compute slices of a profile → its memory slices, of a GPU with 7 and 8 of them, and of one with 4 and 4
# (NVIDIA Multi-Instance GPU User Guide, "Supported MIG profiles").
SEVENTHS: Mapping[int, tuple[int, ...]] = {1: (1, 2), 2: (2,), 3: (4,), 4: (4,), 7: (8,)}
QUARTERS: Mapping[int, tuple[int, ...]] = {1: (1,), 2: (2,), 4: (4,)}
SLICED: Mapping[str, Mapping[int, tuple[int, ...]]] = {
    **dict.fromkeys(("A100", "A800", "H100", "H800", "H20", "H200", "GH200", "B200", "B300", "GB200"), SEVENTHS),
    **dict.fromkeys(("A30", "RTX PRO 6000"), QUARTERS),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A kind of slice: `3g.40gb` has 3 compute slices and 40 GB of memory."""

    compute: int
    memory_gb: int

    def __str__(self) -> str:
        """As NVIDIA writes it."""
        return f"{self.compute}g.{self.memory_gb}gb"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A GPU by its name: `NVIDIA-A100-SXM4-80GB` is an A100 with 80 GB; cut into slices it has a profile."""

    family: str
    memory_gb: int | None = None
    profile: Profile | None = None

    @property
    def is_amd(self) -> bool:
        """Of AMD rather than NVIDIA."""
        return bool(AMD.fullmatch(self.family))


@lru_cache(maxsize=1024)
def model(name: str) -> Model:
    """The GPU that a label or a rate card names, however it spells it."""
    text = name.upper().removesuffix(SHARED)
    text, _, cut = SAID_SHORT.get(text, text).partition("-MIG-")
    words = [word for word in re.split(r"[^A-Z0-9]+", text) if word not in MAKERS]
    family = next((word for word in words if FAMILY.fullmatch(word)), "")
    sizes = [int(found[1]) for word in words if (found := MEMORY.fullmatch(word))]
    others = [word for word in words if not MEMORY.fullmatch(word)]
    return Model(
        family=family or " ".join(others[:3]),
        memory_gb=sizes[0] if sizes else None,
        profile=profile(cut),
    )


def alike(one: Model, other: Model) -> bool:
    """Whether two names may mean the same GPU; memory counts where both say it."""
    return one.family == other.family and (one.memory_gb == other.memory_gb or None in (one.memory_gb, other.memory_gb))


def profile(text: str) -> Profile | None:
    """The kind of slice at the end of a name: `3g.40gb`, `mig-1g.10gb.me`, `all-1g.5gb`."""
    found = PROFILE.search(text)
    return Profile(compute=int(found[1]), memory_gb=int(found[2])) if found else None


def of_labels(labels: Mapping[str, Any]) -> tuple[str, str] | None:
    """The label, and its value, by which a node selector asks for a GPU."""
    return next(((label, str(labels[label])) for label in MODEL_LABELS if labels.get(label)), None)


def slice_of_labels(labels: Mapping[str, Any]) -> Profile | None:
    """What a GPU is on the nodes that a node selector asks for, where it is a slice."""
    found = (profile(str(labels[label])) for label in SLICE_LABELS if label in labels)
    return next((each for each in found if each), None)


def share(part: Profile, whole: Model) -> Decimal | str:
    """How much of a GPU a slice takes from others, or why that is not known.

    The larger of its shares of compute and memory: a 3g.40gb has 3 of 7 compute slices of an A100-80GB, but half of
    its memory, and two of them fill it.
    """
    if whole.profile == part:  # what the card counts are such slices
        return Decimal(1)
    sizes = SLICED.get(whole.family)
    if sizes is None or whole.profile:
        return "no GPU that is known to have such slices"
    if whole.memory_gb is None:
        return "a GPU whose memory is not said"
    compute, memory = max(sizes), max(sizes[max(sizes)])
    taken = round(memory * part.memory_gb / whole.memory_gb)
    if taken not in sizes.get(part.compute, ()):
        return "a GPU that has no such slices"
    return max(Decimal(part.compute) / compute, Decimal(taken) / memory)
