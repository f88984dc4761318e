"""Match rules: a tier's `match` is a list of rules (or), a rule a mapping (and), a value a glob."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from costgate.errors import Problem
from costgate.model import RateCard, StepResources, Tier, Unresolved
from costgate.rates.split import Refusal, unknown

Rule = Mapping[str, Any]
MORE_SPECIFIC = "add a key to one of the rules: the more specific rule wins"


def tier_of(card: RateCard, resources: StepResources) -> tuple[Tier, Rule] | Refusal | None:
    """The tier with the most specific rule that matches this step, and the rule.

    An unknown attribute that could decide otherwise refuses, and so does a second tier that matches as well.
    """
    rules = [(tier, rule) for tier in card.tiers.values() for rule in tier.match]
    results = [(_specificity(rule), matches(rule, resources), tier, rule) for tier, rule in rules]
    top = max((specificity for specificity, result, _, _ in results if result is True), default=0)
    for specificity, result, _, _ in results:
        if isinstance(result, Refusal) and specificity >= top:
            return result
    best = [(tier, rule) for specificity, result, tier, rule in results if result is True and specificity == top]
    names = list(dict.fromkeys(tier.name for tier, _ in best))
    if len(names) > 1:
        return _tie(dict(reversed([(tier.name, (tier, rule)) for tier, rule in best])), names)
    return best[0] if best else None


def matches(rule: Rule, resources: StepResources) -> bool | Refusal:
    """Whether all of a rule holds; a Refusal where that depends on something unknown.

    Local steps cost money only by a rule that speaks of `compute`.
    """
    if resources.compute == "local" and "compute" not in rule:
        return False
    results = [_matches(key, wanted, resources) for key, wanted in rule.items()]
    if False in results:
        return False
    return next((result for result in results if isinstance(result, Refusal)), True)


def words(rule: Rule) -> str:
    """A rule for people: `node_selector pool=a100, queue ml-*`."""
    parts = []
    for key, wanted in rule.items():
        pairs = wanted.items() if isinstance(wanted, Mapping) else ()
        parts.append(f"{key} {','.join(f'{name}={value}' for name, value in pairs) if pairs else wanted}")
    return ", ".join(parts)


def _matches(key: str, wanted: Any, resources: StepResources) -> bool | Refusal:
    if key == "compute":
        return fnmatchcase(resources.compute, wanted)
    value = getattr(resources, key)
    if isinstance(value, Unresolved):
        return unknown(key, value)
    if isinstance(wanted, Mapping):
        held = value.value if isinstance(value.value, Mapping) else {}
        return all(name in held and fnmatchcase(str(held[name]), glob) for name, glob in wanted.items())
    return value.value is not None and fnmatchcase(str(value.value), wanted)


def _specificity(rule: Rule) -> int:
    """How much a rule asks: one for each key, for a node selector one for each of its labels."""
    return sum(len(wanted) if isinstance(wanted, Mapping) else 1 for wanted in rule.values())


def _tie(best: Mapping[str, tuple[Tier, Rule]], names: list[str]) -> Refusal:
    said = " and ".join(_said(*best[name]) for name in names[:2])
    return Refusal(
        reason=f"it matches two tiers alike: {said}", location=best[names[0]][0].location, help=MORE_SPECIFIC
    )  # fmt: skip


def _said(tier: Tier, rule: Rule) -> str:
    return f"'{tier.name}' by {words(rule)} ({tier.location.short})"


def clashes(card: RateCard) -> tuple[Problem, ...]:
    """Rules that two tiers have in common: no step that they match can be priced."""
    first: dict[str, tuple[Tier, Rule]] = {}
    problems = []
    for tier in card.tiers.values():
        for rule in tier.match:
            other, others_rule = first.setdefault(json.dumps(rule, sort_keys=True), (tier, rule))
            if other.name != tier.name:
                said = f"two tiers match alike: {_said(other, others_rule)} and {_said(tier, rule)}"
                problems.append(Problem(message=said, where=str(tier.location), help=MORE_SPECIFIC))
    return tuple(problems)
