"""Tiers before they are priced: layers of raw data merged deeply by name, every value knowing its file and line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

from costgate.errors import Problem
from costgate.model import Location
from costgate.units import decimal

PRICES = ("owned", "leased", "cloud", "hourly")  # the ways to say what a node costs; a tier has exactly one
MONEY = {
    "purchase_price", "residual_value", "electricity_per_kwh", "facility_per_hour", "support_per_hour",
    "staff_per_hour", "per_month", "on_demand", "spot", "low", "expected", "high", "hourly", "network_price",
    "facility_per_month", "rack_unit_per_month", "software_per_gpu_month",
}  # fmt: skip


class Where(Protocol):
    """Keys below some place of a file → location."""

    def __call__(self, *keys: str | int) -> Location: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What one file says of a tier."""

    data: Mapping[str, Any]
    where: Where


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A tier as its files say it together; a later layer beats an earlier one, key by key."""

    name: str
    data: Mapping[str, Any]
    layers: tuple[Layer, ...]
    shipped: bool  # only shipped cards speak of it
    price_date: date
    source: str | None

    def where(self, *keys: str | int) -> Location:
        """Where the last file that has this key says so; the tier's own place when none has it."""
        layer = next((layer for layer in reversed(self.layers) if has(layer.data, keys)), None)
        return layer.where(*keys) if layer else self.layers[-1].where()

    def get(self, *keys: str) -> Any:
        """The merged value at these keys, or None."""
        value: Any = self.data
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value


def has(data: Any, keys: Iterable[str | int]) -> bool:
    """Whether these keys lead to something."""
    for key in keys:
        if not isinstance(data, Mapping) or key not in data:
            return False
        data = data[key]
    return True


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings merge key by key; anything else, lists included, is replaced."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def combine(below: Mapping[str, Draft], above: Iterable[Draft], problems: list[Problem]) -> dict[str, Draft]:
    """Drafts by name, with those of the next card laid over them; a short name finds the one shipped type it means."""
    drafts = dict(below)
    index = short_names(below)
    for draft in above:
        meant = [draft.name] if draft.name in below else _meant(draft, index.get(draft.name, ()), below)
        if len(meant) > 1:
            problems.append(ambiguous(draft.name, meant, str(draft.where())))
            continue
        name = meant[0] if meant else draft.name
        drafts[name] = _over(drafts[name], draft) if name in drafts else draft
    return drafts


def short_names(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Short name → the full names that end in it: `p3.8xlarge` → (`aws/us-east-1/p3.8xlarge`,)."""
    index: dict[str, tuple[str, ...]] = {}
    for name in names:
        if "/" in name:
            short = name.rpartition("/")[2]
            index[short] = (*index.get(short, ()), name)
    return index


def find(names: Mapping[str, object], name: str) -> tuple[str, ...]:
    """The full names that a full or short name may mean: one, several, or none."""
    return (name,) if name in names else tuple(full for full in names if full.endswith(f"/{name}"))


def ambiguous(name: str, candidates: Iterable[str], where: str) -> Problem:
    """A short name that several tiers end in."""
    listed = ", ".join(candidates)
    return Problem(message=f"'{name}' may mean several tiers", where=where, help=f"write one of {listed}")


def nearest(name: str, names: Iterable[str]) -> str:
    """The help line for a tier name that is not there."""
    known = list(names)
    if near := closest(name, [*known, *(full.rpartition("/")[2] for full in known)]):
        return f"did you mean '{near}'?"
    own = [full for full in known if "/" not in full]
    return f"the card's tiers are {', '.join(own[:10])}" if own else "`costgate rates show --all` lists the tiers"


def closest(name: str, names: Iterable[str]) -> str:
    """The most similar of these names, or nothing."""
    return next(iter(difflib.get_close_matches(name[:100], list(names), n=1)), "")


def converted(draft: Draft, factor: Decimal) -> Draft:
    """The same tier with its prices in another currency."""
    layers = tuple(replace(layer, data=_scaled(layer.data, factor)) for layer in draft.layers)
    return replace(draft, data=_scaled(draft.data, factor), layers=layers)


def _meant(draft: Draft, candidates: tuple[str, ...], below: Mapping[str, Draft]) -> list[str]:
    provider, region = draft.get("cloud", "provider"), draft.get("cloud", "region")
    return [
        name
        for name in candidates
        if provider in (None, below[name].get("cloud", "provider"))
        and region in (None, below[name].get("cloud", "region"))
    ]


def _over(below: Draft, above: Draft) -> Draft:
    dated = above if _states_price(above) else below  # a discount alone leaves the price as old as it is
    return Draft(
        name=below.name,
        data=merge(below.data, above.data),
        layers=below.layers + above.layers,
        shipped=below.shipped and above.shipped,
        price_date=dated.price_date,
        source=dated.source,
    )


def _states_price(draft: Draft) -> bool:
    cloud = draft.data.get("cloud", {})
    return any(kind in draft.data for kind in ("owned", "leased", "hourly")) or "on_demand" in cloud or "spot" in cloud


def _scaled(tier: Mapping[str, Any], factor: Decimal) -> dict[str, Any]:
    return {key: _scale(key, value, factor) if key in PRICES else value for key, value in tier.items()}


def _scale(key: str, value: Any, factor: Decimal) -> Any:
    if isinstance(value, Mapping):
        return {inner: _scale(inner, below, factor) for inner, below in value.items()}
    return decimal(value) * factor if key in MONEY else value
