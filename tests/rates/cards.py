"""Cards and steps that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import pytest

from costgate.errors import InputError
from costgate.model import NOTHING, Known, Location, RateCard, StepResources, Unresolved
from costgate.rates.card import load
from tests.support import dedent

AS_OF = date(2026, 11, 1)
STEP = Location(path="flows/train.py", line=12)
HEAD = "version: 1\nname: acme\ncurrency: USD\nas_of: 2026-10-01\n"

A100 = """
    tiers:
      a100:
        node: {gpus: 8, gpu_model: A100-80GB, cpus: 96, memory_gib: 1152}
        owned:
          purchase_price: 120000
          useful_life_months: 36
          power_kw: 6.5
          pue: 1.4
          electricity_per_kwh: 0.08
          facility_per_hour: 0.25
"""


def reader(files: Mapping[str, str | bytes]) -> Callable[[str], bytes]:
    return {name: text if isinstance(text, bytes) else text.encode() for name, text in files.items()}.__getitem__


def card(text: str, *, head: str = HEAD, as_of: date = AS_OF, **others: str) -> RateCard:
    """The card of this text; `others` are cards beside it, by stem."""
    files = {f"{stem}.yml": dedent(other) for stem, other in others.items()}
    return load("card.yml", read=reader({"card.yml": head + dedent(text), **files}), as_of=as_of)


def refused(text: str, **options: Any) -> list[str]:
    """The problems of a card, one text each."""
    with pytest.raises(InputError) as caught:
        card(text, **options)
    return [str(problem) for problem in caught.value.problems]


def resources(compute: str = "kubernetes", **said: Any) -> StepResources:
    """A step's resources from plain values."""
    values = {
        name: value if isinstance(value, (Known, Unresolved)) else Known(value=value) for name, value in said.items()
    }
    return StepResources(compute=compute, **{"cpu": NOTHING, **values})


def unresolved(expression: str = "cfg.gpu", reason: str = "it is computed at run time") -> Unresolved:
    return Unresolved(expression=expression, reason=reason, location=Location(path="flows/train.py", line=30, column=5))
