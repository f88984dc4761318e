from __future__ import annotations

from typing import Any

import pytest

from tests.flow.peer_score import Score, score, total
from tests.flow.table import flow, resolve, step

CASES: dict[str, tuple[str, dict[str, Any], bool, tuple[int, int, list[str]]]] = {
    "the same value is equal": ("@kubernetes(cpu=2)", {"kubernetes": {"cpu": 2}}, False, (1, 0, [])),
    "a decorator without attributes is equal": ("@kubernetes", {"kubernetes": {}}, False, (1, 0, [])),
    "another value is wrong": ("@kubernetes(cpu=2)", {"kubernetes": {"cpu": 3}}, False, (0, 0, ["kubernetes.cpu"])),
    "a value too many is wrong": ("@kubernetes(cpu=2)", {"kubernetes": {}}, False, (0, 0, ["kubernetes.cpu"])),
    "a missing value is wrong": ("@kubernetes", {"kubernetes": {"cpu": 3}}, False, (0, 0, ["kubernetes.cpu"])),
    "a missing decorator is wrong": ("", {"kubernetes": {}}, False, (0, 0, ["kubernetes.itself"])),
    "a decorator too many is wrong": ("@kubernetes", {}, False, (0, 0, ["kubernetes.itself"])),
    "an open value is unresolved": ("@kubernetes(cpu=x())", {"kubernetes": {"cpu": 3}}, False, (0, 1, [])),
    "open arguments are unresolved": ("@kubernetes(**x())", {"kubernetes": {"cpu": 3}}, False, (0, 1, [])),
    "a star with a mutator is unresolved": ("@x()\n@kubernetes", {"kubernetes": {}}, True, (0, 1, [])),
    "a star that saves from a wrong value is unresolved": (
        "@x()\n@kubernetes(cpu=2)",
        {"kubernetes": {"cpu": 3}},
        False,
        (0, 1, []),
    ),
    "a star without a mutator is wrong": ("@x()\n@kubernetes", {"kubernetes": {}}, False, (0, 0, ["*"])),
}


@pytest.mark.parametrize(("decorators", "asked", "mutated", "expected"), CASES.values(), ids=CASES)
def test_an_attribute_is(
    decorators: str, asked: dict[str, Any], mutated: bool, expected: tuple[int, int, list[str]]
) -> None:
    found = score("f", step(resolve({"f.py": flow(decorators)})), asked, mutated=mutated)
    equal, unresolved, wrong = expected
    assert found == Score(flows=1, equal=equal, unresolved=unresolved, wrong=tuple(f"f: {name}" for name in wrong))


def test_a_total_says_its_shares() -> None:
    found = total([Score(flows=1, equal=6), Score(flows=1, unresolved=1, wrong=("f: *",))])
    assert str(found) == (
        "8 attributes of 2 flows that Metaflow loads: 6 equal (75.0%), 1 unresolved (12.5%), 1 wrong (12.5%)"
    )
