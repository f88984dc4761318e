"""GPUs by their many names, and the slices that they are cut into."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costgate.rates.gpus import SLICED, Model, Profile, alike, model, of_labels, profile, share, slice_of_labels

NAMES = [
    ("NVIDIA-A100-SXM4-80GB", "A100", 80),  # NVIDIA's GPU feature discovery
    ("A100-SXM4-40GB", "A100", 40),
    ("NVIDIA-A100-PCIE-40GB", "A100", 40),
    ("NVIDIA-H100-80GB-HBM3", "H100", 80),
    ("NVIDIA-H100-NVL", "H100", None),
    ("NVIDIA-GH200-480GB", "GH200", 480),
    ("Tesla-V100-SXM2-16GB", "V100", 16),
    ("Tesla-T4", "T4", None),
    ("NVIDIA-A10G", "A10G", None),
    ("NVIDIA-L40S-SHARED", "L40S", None),
    ("NVIDIA-GeForce-RTX-3090", "RTX 3090", None),
    ("NVIDIA-RTX-A6000", "A6000", None),
    ("NVIDIA-RTX-PRO-6000-Blackwell-Server-Edition", "RTX PRO 6000", None),
    ("AMD-Instinct-MI300X", "MI300X", None),
    ("nvidia-tesla-a100", "A100", 40),  # GKE: the larger one is nvidia-a100-80gb
    ("nvidia-a100-80gb", "A100", 80),
    ("nvidia-h100-mega-80gb", "H100", 80),
    ("nvidia-l4", "L4", None),
    ("a100", "A100", None),  # Karpenter
    ("k80", "K80", None),
    ("V100-16GB", "V100", 16),  # rate cards
    ("A100 80G", "A100", 80),
    ("RTX PRO 6000", "RTX PRO 6000", None),
    ("", "", None),
    ("  ", "", None),
]


@pytest.mark.parametrize(("name", "family", "memory"), NAMES)
def test_a_gpu_is_known_by_its_names(name: str, family: str, memory: int | None) -> None:
    assert model(name) == Model(family=family, memory_gb=memory)


def test_a_slice_is_known_by_its_name() -> None:
    part = Profile(compute=3, memory_gb=40)
    assert model("NVIDIA-A100-SXM4-80GB-MIG-3g.40gb") == Model(family="A100", memory_gb=80, profile=part)
    assert str(part) == "3g.40gb"


ALIKE = [
    ("A100-80GB", "NVIDIA-A100-SXM4-80GB", True),
    ("A100", "NVIDIA-A100-SXM4-80GB", True),
    ("A100-80GB", "a100", True),
    ("A100-40GB", "nvidia-tesla-a100", True),
    ("A100-80GB", "nvidia-tesla-a100", False),
    ("L4", "NVIDIA-L40S", False),
    ("T4", "T4G", False),
    ("RTX PRO 6000", "NVIDIA-RTX-PRO-6000-Blackwell-Server-Edition", True),
]


@pytest.mark.parametrize(("one", "other", "same"), ALIKE)
def test_two_names_of_one_gpu(one: str, other: str, same: bool) -> None:
    assert alike(model(one), model(other)) is same
    assert alike(model(other), model(one)) is same


@pytest.mark.parametrize(
    ("name", "amd"), [("MI300X", True), ("AMD-Instinct-MI250", True), ("A100", False), ("", False)]
)
def test_whose_gpu_it_is(name: str, amd: bool) -> None:
    assert model(name).is_amd is amd


PROFILES = [
    ("3g.40gb", (3, 40)),
    ("mig-1g.10gb.me", (1, 10)),
    ("nvidia.com/mig-2g.20gb", (2, 20)),
    ("1g.10gb+me", (1, 10)),
    ("all-1g.5gb", (1, 5)),
    ("all-balanced", None),
    ("1c.3g.20gb", None),  # a share of a slice
    ("3g", None),
    ("", None),
]


@pytest.mark.parametrize(("text", "expected"), PROFILES)
def test_a_profile_is_the_end_of_a_name(text: str, expected: tuple[int, int] | None) -> None:
    found = profile(text)
    assert (found and (found.compute, found.memory_gb)) == expected


def test_the_gpu_of_labels() -> None:
    assert of_labels({"pool": "a"}) is None
    assert of_labels({"nvidia.com/gpu.product": ""}) is None
    assert of_labels({"pool": "a", "karpenter.k8s.aws/instance-gpu-name": "a100"}) == (
        "karpenter.k8s.aws/instance-gpu-name", "a100",
    )  # fmt: skip


SLICES = [
    ({"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb"}, "1g.5gb"),
    ({"cloud.google.com/gke-gpu-partition-size": "2g.10gb"}, "2g.10gb"),
    ({"nvidia.com/mig.config": "all-3g.20gb"}, "3g.20gb"),
    ({"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB", "nvidia.com/mig.config": "all-disabled"}, None),
    ({}, None),
]


@pytest.mark.parametrize(("labels", "expected"), SLICES)
def test_a_gpu_of_some_nodes_is_a_slice(labels: dict[str, str], expected: str | None) -> None:
    found = slice_of_labels(labels)
    assert (str(found) if found else None) == expected


SHARES = [
    ("1g.5gb", "A100-40GB", "1/7"),
    ("1g.10gb", "A100-40GB", "1/4"),  # a seventh to compute with, a quarter of the memory
    ("2g.10gb", "A100-40GB", "2/7"),
    ("3g.40gb", "A100-80GB", "1/2"),  # two of them fill the memory
    ("4g.40gb", "A100-80GB", "4/7"),
    ("7g.80gb", "H100-80GB", "1"),
    ("3g.47gb", "H100-94GB", "1/2"),
    ("1g.12gb", "H100-94GB", "1/7"),
    ("1g.18gb", "H200-141GB", "1/7"),
    ("3g.71gb", "H200-141GB", "1/2"),
    ("1g.23gb", "B200-180GB", "1/7"),
    ("1g.6gb", "A30-24GB", "1/4"),
    ("4g.24gb", "A30-24GB", "1"),
    ("3g.40gb", "A100-80GB-MIG-3g.40gb", "1"),  # the card counts such slices
]


@pytest.mark.parametrize(("part", "whole", "expected"), SHARES)
def test_the_share_of_a_slice(part: str, whole: str, expected: str) -> None:
    slice_ = profile(part)
    assert slice_ is not None
    numerator, _, denominator = expected.partition("/")
    assert share(slice_, model(whole)) == Decimal(numerator) / Decimal(denominator or 1)


NO_SHARES = [
    ("1g.5gb", "V100-16GB", "no GPU that is known to have such slices"),
    ("1g.5gb", "", "no GPU that is known to have such slices"),
    ("1g.10gb", "A100-80GB-MIG-3g.40gb", "no GPU that is known to have such slices"),
    ("1g.5gb", "A100", "a GPU whose memory is not said"),
    ("1g.5gb", "A100-80GB", "a GPU that has no such slices"),
    ("3g.40gb", "A100-40GB", "a GPU that has no such slices"),
    ("5g.40gb", "A100-80GB", "a GPU that has no such slices"),
    ("3g.12gb", "A30-24GB", "a GPU that has no such slices"),
]


@pytest.mark.parametrize(("part", "whole", "why"), NO_SHARES)
def test_a_slice_of_unknown_size_says_why(part: str, whole: str, why: str) -> None:
    slice_ = profile(part)
    assert slice_ is not None
    assert share(slice_, model(whole)) == why


@given(st.sampled_from(sorted(SLICED)), st.integers(1, 7), st.integers(1, 300), st.integers(1, 300))
def test_a_share_is_at_least_that_of_compute_and_never_more_than_all(
    family: str, compute: int, memory: int, whole: int
) -> None:
    found = share(Profile(compute=compute, memory_gb=memory), Model(family=family, memory_gb=whole))
    if isinstance(found, Decimal):
        assert Decimal(compute) / max(SLICED[family]) <= found <= 1


@given(st.text(max_size=60))
def test_any_text_is_some_gpu(text: str) -> None:
    found = model(text)
    assert alike(found, found)
    assert profile(text) is None or str(profile(text))
