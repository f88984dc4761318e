"""Negotiated discounts of a card: one line for every cloud type whose name it matches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fnmatch import fnmatchcase

from costgate.errors import Problem
from costgate.model import Location
from costgate.rates.drafts import Draft, Layer, closest, merge


@dataclass(frozen=True, slots=True, kw_only=True)
class Discount:
    """A share off the list price of each tier whose full name matches a glob such as `aws/*`."""

    match: str
    share: Decimal
    location: Location

    def covers(self, draft: Draft) -> bool:
        """Whether this tier has a list price and such a name."""
        return draft.get("cloud", "on_demand") is not None and fnmatchcase(draft.name, self.match)


def discounted(
    below: Mapping[str, Draft], discounts: Iterable[Discount], problems: list[Problem]
) -> Mapping[str, Draft]:
    """The tiers with the first discount that matches each; one that matches none is a problem: it would lower nothing.

    A discount alone leaves a shipped tier shipped, and its price as old as it is.
    """
    rules = tuple(discounts)
    problems += [_of_nothing(rule, below) for rule in rules if not any(map(rule.covers, below.values()))]
    return {name: _less(draft, rules) for name, draft in below.items()} if rules else below


def _less(draft: Draft, rules: tuple[Discount, ...]) -> Draft:
    rule = next((rule for rule in rules if rule.covers(draft)), None)
    if rule is None:
        return draft
    data, place = {"cloud": {"discount": rule.share}}, rule.location
    layer = Layer(data=data, where=lambda *keys: place)
    # Below the other layers: the tier stands where it stood. Their own discounts, if any, are dropped, so that the
    # place of this one is found.
    layers = (layer, *(replace(below, data=_without(below.data)) for below in draft.layers))
    return replace(draft, data=merge(draft.data, data), layers=layers)


def _without(data: Mapping[str, object]) -> Mapping[str, object]:
    cloud = data.get("cloud")
    if not isinstance(cloud, Mapping) or "discount" not in cloud:
        return data
    return {**data, "cloud": {key: value for key, value in cloud.items() if key != "discount"}}


def _of_nothing(rule: Discount, below: Mapping[str, Draft]) -> Problem:
    """Name the providers there are."""
    listed = [name for name, draft in below.items() if draft.get("cloud", "on_demand") is not None]
    if near := closest(rule.match, listed):
        hint = f"did you mean '{near}'?"
    else:
        folders = ", ".join(f"'{folder}/*'" for folder in dict.fromkeys(name.partition("/")[0] for name in listed))
        hint = f"discounts are for the cloud types of the cards that this one extends: {folders or 'there are none'}"
    message = f"no extended cloud tier is named '{rule.match}'"
    return Problem(message=message, where=str(rule.location), help=hint)
