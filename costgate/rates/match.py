"""Which tier a step runs on, and what an hour of it costs. The unknown is Unpriced with its reason, never $0."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from costgate.model import Known, Location, NotBilled, Quote, RateCard, StepResources, Tier, Unpriced, Unresolved
from costgate.rates import gpus
from costgate.rates.drafts import closest, find
from costgate.rates.extended import ask_all, has_accelerators, has_slices, held, vendor
from costgate.rates.rules import MORE_SPECIFIC, tier_of, words
from costgate.rates.split import (
    ACCELERATORS,
    DIMENSIONS,
    Asked,
    Refusal,
    ask_disk,
    cost,
    plain,
    price,
    said,
    unknown,
)

# AWS marks Graviton (arm64) types with a g behind the generation. Images are x86-64 unless somebody says otherwise.
ARM64 = re.compile(r"[a-z]+\d+g[a-z]*\..*")
# Labels that Kubernetes itself gives to nodes.
INSTANCE_LABELS = ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type")
REGION_LABELS = ("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region")
RULE = (
    "match that label to a tier, `match: [{node_selector: {LABEL: VALUE}}]`, or describe such a node in the rate card"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A tier and why it was chosen."""

    tier: Tier
    how: str
    assumptions: tuple[str, ...] = ()


SLICE_OF_WHAT = Refusal(
    reason="asks a slice of a GPU, and no rule or default says on which nodes it is cut",
    help="match the step to a tier whose node.gpu_model says kind and memory, e.g. A100-80GB",
)


def quote(
    card: RateCard, resources: StepResources, *, deployment: str, step: str, location: Location
) -> Quote | NotBilled | Unpriced:
    """The price of one task-hour of a step on its tier."""
    choice = _touched(resources) or _choose(card, resources, ask_all(resources, location))
    if isinstance(choice, NotBilled):
        return choice
    return _quoted(card, choice, resources, deployment, step, location)


def quote_on(
    card: RateCard, tier_name: str, resources: StepResources, *, deployment: str, step: str, location: Location
) -> Quote | Unpriced:
    """The price of the same resources on a given tier, whatever the match rules say."""
    choice = _touched(resources) or _named(card, tier_name, "this tier was asked for") or _no_tier(card, tier_name)
    return _quoted(card, choice, resources, deployment, step, location)


def _quoted(
    card: RateCard,
    choice: Choice | Refusal,
    resources: StepResources,
    deployment: str,
    step: str,
    location: Location,
) -> Quote | Unpriced:
    if isinstance(choice, Refusal):
        return _unpriced(choice, deployment, step, location)
    taken = held(choice.tier, resources, ask_all(resources, location), location)
    if isinstance(taken, Refusal):
        return _unpriced(taken, deployment, step, location)
    priced = price(choice.tier, taken.asked, ask_disk(resources, location))
    if isinstance(priced, Refusal):
        return _unpriced(priced, deployment, step, location)
    return Quote(
        tier=choice.tier.name,
        how="; ".join((choice.how, *taken.how)),
        rates=priced.rates,
        assumptions=(
            *choice.assumptions,
            *taken.assumptions,
            *priced.assumptions,
            *_volumes(resources),
            *_doubts(card, choice.tier),
        ),
        location=choice.tier.location,
        on_demand_rates=priced.on_demand_rates,
        spot_rates=priced.spot_rates,
    )


def _unpriced(refusal: Refusal, deployment: str, step: str, location: Location) -> Unpriced:
    place = refusal.location or location
    return Unpriced(deployment=deployment, step=step, reason=refusal.reason, location=place, help=refusal.help)


def _volumes(resources: StepResources) -> tuple[str, ...]:
    """Persistent volumes cost money that no flow tells: a claim has a name and no size."""
    claims = resources.persistent_volume_claims
    if isinstance(claims, Known) and not claims.value:
        return ()
    named = isinstance(claims, Known) and isinstance(claims.value, Mapping)
    names = f" ({', '.join(map(str, claims.value))})" if isinstance(claims, Known) and named else ""
    return (f"persistent volume claims{names[:100]} are not priced: their size stands in no flow",)


def _doubts(card: RateCard, tier: Tier) -> Iterator[str]:
    """What the price of a tier has that a reviewer should know."""
    day = card.day or card.as_of
    if not tier.node_hour.expected:
        yield f"{tier.name} costs nothing: its price in the rate card is 0"
    if tier.in_service and tier.in_service > day:
        yield f"{tier.name} is in service from {tier.in_service} on: priced as if it were now"
    if tier.life_ends and card.as_of < tier.life_ends <= day:
        yield f"{tier.name} is written off since {tier.life_ends}, and the card of {card.as_of} charges its capital"


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
    return _by_label(card, resources, asked) or _by_need(card, resources, asked)


def _by_instance(card: RateCard, resources: StepResources) -> Choice | Refusal | None:
    instance = resources.instance_type
    if isinstance(instance, Unresolved):
        return unknown("instance_type", instance)
    return _named(card, str(instance.value), f"instance type {instance.value}") if instance.value else None


def _named(card: RateCard, name: str, how: str, region: str | None = None) -> Choice | None:
    """The tier of a full or short name; of several regions the one asked for, else the card's first with a note."""
    found = find(card.tiers, name)
    if not found:
        return None
    found = tuple(full for full in found if region and card.tiers[full].region == region) or found
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


def _by_label(card: RateCard, resources: StepResources, asked: Asked) -> Choice | Refusal | None:
    """No rule speaks of this step, but its node selector may name an instance type or a GPU in well-known labels."""
    selector = resources.node_selector
    if isinstance(selector, Unresolved):
        return unknown("node_selector", selector)
    labels = selector.value if isinstance(selector.value, Mapping) else {}
    label = next((label for label in INSTANCE_LABELS if labels.get(label)), None)
    if label:
        name, region = str(labels[label]), next((labels[label] for label in REGION_LABELS if label in labels), None)
        asks = f"node_selector {label}={name[:100]}"
        missing = Refusal(reason=f"{asks}: the rate card has no such tier", help=_no_tier(card, name).help or RULE)
        return _named(card, name, asks, region) or missing
    found = gpus.of_labels(labels)
    return _of_model(card, *found, asked, sliced=has_slices(resources)) if found else None


def _of_model(card: RateCard, label: str, value: str, asked: Asked, *, sliced: bool) -> Choice | Refusal | None:
    """The card's tier of a GPU; of several the default; of shipped types alone the cheapest that fits."""
    asks = f"node_selector {label}={value[:100]}"
    if value.upper().endswith(gpus.SHARED):
        return Refusal(reason=f"{asks}: how much of a GPU that is shared by turns a task takes is not known", help=RULE)
    tiers = _with_model(card, gpus.model(value))
    own = tuple(tier for tier in tiers if not _is_type(tier))
    default = card.default_tier.get("gpu", "")
    chosen = own if len(own) == 1 else tuple(tier for tier in tiers if tier.name == default)
    if chosen:
        return Choice(tier=chosen[0], how=f"{asks} ({chosen[0].location.short})")
    if own:
        said = " and ".join(f"'{tier.name}' ({tier.location.short})" for tier in own[:2])
        return Refusal(reason=f"{asks}: two tiers have that GPU: {said}", help=MORE_SPECIFIC)
    if tiers:
        best = SLICE_OF_WHAT if sliced else _cheapest(card, asked, tiers)
        return replace(best, how=f"{asks}: {best.how}") if isinstance(best, Choice) else best
    if default and card.tiers[default].node.gpu_model is None:
        return None
    return Refusal(reason=f"{asks}: no tier of the rate card '{card.name}' has that GPU", help=RULE)


def _with_model(card: RateCard, wanted: gpus.Model) -> tuple[Tier, ...]:
    """The tiers whose GPUs are of this model; those that count such slices before those that have whole GPUs."""
    known = ((tier, gpus.model(tier.node.gpu_model)) for tier in card.tiers.values() if tier.node.gpu_model)
    alike = [(tier, model.profile) for tier, model in known if gpus.alike(model, wanted)]
    exact = tuple(tier for tier, profile in alike if profile == wanted.profile)
    return exact or tuple(tier for tier, profile in alike if profile is None)


def _by_need(card: RateCard, resources: StepResources, asked: Asked) -> Choice | Refusal:
    """Nothing speaks of this step: the card's default for its kind, else the cheapest shipped type that fits."""
    need = "gpu" if has_accelerators(resources) else _need(asked)
    if isinstance(need, Refusal):
        return need
    chosen = _default(card, need) or _cheapest_of_all(card, asked, need, sliced=has_slices(resources))
    return _of_vendor(chosen, resources) if need == "gpu" else chosen


def _default(card: RateCard, need: str) -> Choice | None:
    if need not in card.default_tier:
        return None
    tier = card.tiers[card.default_tier[need]]
    return Choice(tier=tier, how=f"default_tier.{need} ({tier.location.short})")


def _cheapest_of_all(card: RateCard, asked: Asked, need: str, *, sliced: bool) -> Choice | Refusal:
    key = tuple(asked.values())
    if key not in card.memo:
        card.memo[key] = _cheapest(card, asked, tuple(filter(_is_type, card.tiers.values())))
    found: Choice | Refusal | None = card.memo[key]
    return SLICE_OF_WHAT if sliced and found else found or _no_default(card, need)


def _is_type(tier: Tier) -> bool:
    """Whether it is an instance type of a shipped card, with terms of one's own or without."""
    return tier.provider is not None and tier.name.count("/") == 2


def _of_vendor(chosen: Choice | Refusal, resources: StepResources) -> Choice | Refusal:
    """A step that asks for AMD's GPUs cannot run on NVIDIA's, nor the other way round."""
    of, model = vendor(resources), None if isinstance(chosen, Refusal) else chosen.tier.node.gpu_model
    if isinstance(chosen, Refusal) or not of or not model or gpus.model(model).is_amd == (of == "amd"):
        return chosen
    hint = "match such steps to another tier, e.g. match: [{gpu_vendor: amd}]"
    return Refusal(reason=f"asks GPUs of {of}, and {chosen.tier.name} has {model}", help=hint)


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


def _cheapest(card: RateCard, asked: Asked, shipped: tuple[Tier, ...]) -> Choice | Refusal | None:
    """The one of these shipped types that costs this request least, if there are any."""
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
    devices = f", {plain(tier.node.gpus)} × {tier.node.gpu_model}" if tier.node.gpus else ""
    assumption = (
        f"cheapest fitting type of the shipped {tier.provider} card: {tier.instance_type} ({tier.region}{devices})"
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
