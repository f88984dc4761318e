"""Which tier a step runs on, and what an hour of it costs. The unknown is Unpriced with its reason, never $0."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from costgate.model import Location, NotBilled, Quote, RateCard, StepResources, Tier, Unpriced, Unresolved
from costgate.rates.drafts import closest, find
from costgate.rates.rules import tier_of, words
from costgate.rates.split import (
    ACCELERATORS,
    DIMENSIONS,
    Asked,
    Refusal,
    ask,
    cost,
    plain,
    price,
    said,
    unknown,
)

# AWS marks Graviton (arm64) types with a g behind the generation. Images are x86-64 unless somebody says otherwise.
ARM64 = re.compile(r"[a-z]+\d+g[a-z]*\..*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A tier and why it was chosen."""

    tier: Tier
    how: str
    assumptions: tuple[str, ...] = ()


def quote(
    card: RateCard, resources: StepResources, *, deployment: str, step: str, location: Location
) -> Quote | NotBilled | Unpriced:
    """The price of one task-hour of a step on its tier."""
    asked = ask(resources, location)
    choice = _touched(resources) or _choose(card, resources, asked)
    if isinstance(choice, NotBilled):
        return choice
    return _quoted(choice, asked, deployment, step, location)


def quote_on(
    card: RateCard, tier_name: str, resources: StepResources, *, deployment: str, step: str, location: Location
) -> Quote | Unpriced:
    """The price of the same resources on a given tier, whatever the match rules say."""
    choice = _touched(resources) or _named(card, tier_name, "this tier was asked for") or _no_tier(card, tier_name)
    return _quoted(choice, ask(resources, location), deployment, step, location)


def _quoted(choice: Choice | Refusal, asked: Asked, deployment: str, step: str, location: Location) -> Quote | Unpriced:
    if isinstance(choice, Refusal):
        return _unpriced(choice, deployment, step, location)
    priced = price(choice.tier, asked)
    if isinstance(priced, Refusal):
        return _unpriced(priced, deployment, step, location)
    return Quote(
        tier=choice.tier.name,
        how=choice.how,
        rates=priced.rates,
        assumptions=(*choice.assumptions, *priced.assumptions),
        location=choice.tier.location,
        on_demand_rates=priced.on_demand_rates,
        spot_rates=priced.spot_rates,
    )


def _unpriced(refusal: Refusal, deployment: str, step: str, location: Location) -> Unpriced:
    place = refusal.location or location
    return Unpriced(deployment=deployment, step=step, reason=refusal.reason, location=place, help=refusal.help)


def _touched(resources: StepResources) -> Refusal | None:
    return unknown("every attribute", resources.touched_by) if resources.touched_by else None


def _choose(card: RateCard, resources: StepResources, asked: Asked) -> Choice | NotBilled | Refusal:
    """An instance type that the step names, else the match rules, else what the card says of such a need."""
    local = resources.compute == "local"
    named = None if local else _by_instance(card, resources)
    chosen = named or _by_rule(card, resources)
    if chosen or local:
        return chosen or NotBilled(reason="local")
    instance = resources.instance_type
    if not isinstance(instance, Unresolved) and instance.value:
        return _no_tier(card, str(instance.value))
    return _by_need(card, asked)


def _by_instance(card: RateCard, resources: StepResources) -> Choice | Refusal | None:
    instance = resources.instance_type
    if isinstance(instance, Unresolved):
        return unknown("instance_type", instance)
    return _named(card, str(instance.value), f"instance type {instance.value}") if instance.value else None


def _named(card: RateCard, name: str, how: str) -> Choice | None:
    """The tier of a full or short name; of several regions the card's first, with a note."""
    found = find(card.tiers, name)
    if not found:
        return None
    tier = card.tiers[found[0]]
    several = (f"{name} has prices in several regions: {tier.region} assumed",) if len(found) > 1 else ()
    return Choice(tier=tier, how=how, assumptions=several)


def _no_tier(card: RateCard, name: str) -> Refusal:
    near = closest(name, [*card.tiers, *(full.rpartition("/")[2] for full in card.tiers)])
    return Refusal(reason=f"the rate card has no tier '{name[:100]}'", help=f"did you mean '{near}'?" if near else "")


def _by_rule(card: RateCard, resources: StepResources) -> Choice | Refusal | None:
    found = tier_of(card, resources)
    if not isinstance(found, tuple):
        return found
    tier, rule = found
    return Choice(tier=tier, how=f"{words(rule)} ({tier.location.short})")


def _by_need(card: RateCard, asked: Asked) -> Choice | Refusal:
    """No rule speaks of this step: the card's default for its kind, else the cheapest shipped type that fits."""
    need = _need(asked)
    if isinstance(need, Refusal):
        return need
    if need in card.default_tier:
        tier = card.tiers[card.default_tier[need]]
        return Choice(tier=tier, how=f"default_tier.{need} ({tier.location.short})")
    key = tuple(asked.values())
    if key not in card.memo:
        card.memo[key] = _cheapest(card, asked)
    return card.memo[key] or _no_default(card, need)


def _need(asked: Asked) -> str | Refusal:
    for dimension in (*ACCELERATORS[1:], ACCELERATORS[0]):
        amount = asked[dimension.attribute]
        if isinstance(amount, Unresolved):
            return unknown(dimension.attribute, amount)
        if amount:
            return dimension.attribute
    return "cpu"


def _no_default(card: RateCard, need: str) -> Refusal:
    tiers = ", ".join(list(card.tiers)[:10])
    hint = f"add `default_tier: {{{need}: …}}` or a match rule to the rate card '{card.name}'; its tiers are {tiers}"
    return Refusal(reason=f"no tier matches and there is no default_tier.{need}", help=hint)


def _cheapest(card: RateCard, asked: Asked) -> Choice | Refusal | None:
    """The shipped type that costs this request least, if the card has shipped types at all."""
    shipped = tuple(tier for tier in card.tiers.values() if tier.provider and tier.name.count("/") == 2)
    if not shipped:
        return None
    amounts = {}
    for dimension in DIMENSIONS:  # each decides which types fit
        amount = asked[dimension.attribute]
        if isinstance(amount, Unresolved):
            return unknown(dimension.attribute, amount)
        if amount:
            amounts[dimension.attribute] = amount
    best = min(_offers(shipped, amounts), default=None)
    if best is None:
        providers = " or ".join(sorted({str(tier.provider) for tier in shipped}))
        reason = f"does not fit: no type of the shipped {providers} card has {said(asked)}"
        return Refusal(reason=reason, help="ask for less, or describe the node in a rate card of your own")
    tier = card.tiers[best[2]]
    gpus = f", {plain(tier.node.gpus)} × {tier.node.gpu_model}" if tier.node.gpus else ""
    assumption = (
        f"cheapest fitting type of the shipped {tier.provider} card: {tier.instance_type} ({tier.region}{gpus})"
    )
    return Choice(tier=tier, how="cheapest fitting type (assumed)", assumptions=(assumption,))


def _offers(shipped: Iterable[Tier], amounts: Mapping[str, Decimal]) -> Iterator[tuple[float, Decimal, str]]:
    """Cost of the request, price of the node, name: of equal costs the smaller node is the better guess."""
    regions: dict[str | None, str | None] = {}
    for tier in shipped:
        first = regions.setdefault(tier.provider, tier.region)
        charge = cost(tier, amounts) if tier.region == first else None
        if charge is not None and not _is_arm64(tier):
            yield _rounded(charge), tier.node_hour.expected, tier.name


def _rounded(charge: Decimal) -> float:
    """For comparing: the same price divided in two ways differs in its last digit."""
    return float(f"{charge:.12g}")


def _is_arm64(tier: Tier) -> bool:
    return tier.provider == "aws" and bool(ARM64.fullmatch(tier.instance_type or ""))
