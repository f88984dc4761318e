"""`costgate rates explain`: a price to hand to a controller, every number with the numbers that it is made of.

Sums and quotients are exact; amounts that are calculated with are shown to six decimals, the rates that result to four.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal

import click

from costgate.cli import options
from costgate.cli.rates import cards, explain_json, explain_use, text
from costgate.model import Component, Rate, RateCard, Tier
from costgate.render.fmt import money, plain, quantity, rate

COMPONENTS = ("component", ">per node-hour", "formula", "where")
WEIGHTS = {"GPU-Hours": "gpu", "Core-Hours": "cpu", "GiB-Hours": "memory"}  # of a Rate → its split weight
SPLITS = {
    "gpu_only": "split gpu_only: a step pays its accelerators; cores and memory have no price of their own, and work "
    "without any accelerator is unpriced here",
    "dominant": "split dominant: a step pays its largest share of the node, whichever that is",
}
BASES = {
    "requested": "basis requested: the meter charges what a task asked for",
    "utilised": "basis utilised: the meter charges what a task made use of; the rest of what it held is idle",
}


@click.command("explain")
@click.argument("name", metavar="TIER")
@cards.card_options
@click.option("--output", "-o", type=click.Choice(["text", "json"]), default="text", help="Default: text.")
def command(name: str, rate_card: str | None, as_of: str | None, output: str) -> int:
    """How the price of a tier comes about: every component with its formula and the line it stands on.

    For hardware of one's own also what an hour of use costs at 40 to 100 % utilization, beside the nearest cloud tier
    of the card, and where the two break even.

    \b
    Example:
      costgate rates explain a100 --rate-card finance/ratecard.yml
      costgate rates explain p3.8xlarge --rate-card aws --output json
    """
    _, card = cards.load(rate_card, as_of)
    tier = cards.find(card, name)
    if output == "json":
        click.echo(explain_json.render(card, tier), nl=False)
        return 0
    today = options.moment(as_of).date()
    parts = [_facts(card, tier, today), *_derived(card, tier), *explain_use.sections(card, tier)]
    click.echo("\n\n".join("\n".join(part) for part in parts))
    return 0


def _derived(card: RateCard, tier: Tier) -> Iterator[Iterable[str]]:
    """The components of a node-hour and what a unit of it costs; prices of units stand for themselves."""
    from costgate.rates.split import is_units

    if is_units(tier):
        yield _units(card, tier)
        return
    rows = [_component_row(component, card) for component in tier.components]
    rows.append(("a node-hour", _exact(tier.node_hour.expected, card), _sum_of(tier), ""))
    yield text.table(COMPONENTS, rows)
    yield _prices(card, tier)


def _units(card: RateCard, tier: Tier) -> Iterator[str]:
    from costgate.rates.split import unit_rates

    for price in unit_rates(tier):
        yield f"{text.one(price.unit)}: {_exact(price.unit_price.expected, card)}"
    yield f"a step pays {'the dearest' if tier.split == 'dominant' else 'the sum'} of what it holds"
    yield (
        f"the card writes these prices as a node of {money(tier.node_hour.expected, card.currency)} an hour "
        "that is so large that every request fits"
    )


def _exact(amount: Decimal, card: RateCard) -> str:
    return rate(amount, card.currency, explain_use.DECIMALS)


def _sum_of(tier: Tier) -> str:
    return "the sum" if len(tier.components) > 1 else ""


def _facts(card: RateCard, tier: Tier, today: date) -> Iterator[str]:
    from costgate.rates.rules import words

    yield f"{plain(tier.name)}: {plain(text.node(tier))}"
    yield f"card: {plain(card.name)}, price of {tier.price_date}, {plain(tier.location.short)}"
    if tier.source:
        yield f"source: {plain(tier.source, 400)}"
    yield from _life(card, tier, today)
    for rule in tier.match:
        yield f"for steps with {plain(words(rule))}"
    for need, name in card.default_tier.items():
        if name == tier.name:
            yield f"for {need} steps that no rule matches"


def _life(card: RateCard, tier: Tier, today: date) -> Iterator[str]:
    """When the capital of this tier costs something, and whether the card in force knows that it is over."""
    if tier.in_service is None or tier.life_ends is None:
        return
    yield f"in service from {tier.in_service}, written off from {tier.life_ends}"
    if tier.in_service > card.as_of:
        yield f"warning: not yet in service on {card.as_of}, the day of the card; priced as if it were"
    if card.as_of < tier.life_ends <= today:
        yield (
            f"warning: written off since {tier.life_ends}, but the card in force is of {card.as_of} and charges its "
            f"capital until a version with a later day does not"
        )


def _component_row(component: Component, card: RateCard) -> tuple[str, ...]:
    amount = "missing" if component.missing else _exact(component.amount, card)
    place = component.location.short if component.location else ""
    return component.name, amount, plain(component.formula, 400), plain(place)


def _prices(card: RateCard, tier: Tier) -> Iterator[str]:
    from costgate.rates.split import unit_rates

    prices = unit_rates(tier)
    for price in prices:
        yield f"{text.one(price.unit)}: {_formula(tier, price, card)}"
    if prices[0].unit == "Node-Hours":
        yield "occupancy whole_node: a step pays the node that it blocks"
    else:
        yield SPLITS.get(str(tier.split), "split by weights: a step pays its share of each")
    if tier.basis in BASES:
        yield BASES[tier.basis]
    yield from _over_recovery(card, tier)
    if tier.spot:
        on_demand = f", on-demand {rate(tier.on_demand, card.currency)}" if tier.on_demand is not None else ""
        low, high = (rate(bound, card.currency) for bound in (tier.spot.low, tier.spot.high))
        yield f"spot {low} to {high}{on_demand} a node-hour"


def _formula(tier: Tier, price: Rate, card: RateCard) -> str:
    """`$5.544210 ÷ 8 ÷ 0.7 = $0.9900`."""
    capacity = {
        "GPU-Hours": tier.node.gpus,
        "Accelerator-Hours": tier.node.trainium or tier.node.inferentia,
        "Core-Hours": tier.node.cpus,
        "GiB-Hours": tier.node.memory_gib,
        "Node-Hours": Decimal(1),
    }[price.unit]
    weight = WEIGHTS.get(price.unit, "")
    weighted = f" × {tier.split[weight]}" if isinstance(tier.split, Mapping) and weight in tier.split else ""
    planned = f" ÷ {tier.planned_utilization}" if tier.planned_utilization != 1 else ""
    node_hour = _exact(tier.node_hour.expected, card)
    return f"{node_hour}{weighted} ÷ {quantity(capacity)}{planned} = {rate(price.unit_price.expected, card.currency)}"


def _over_recovery(card: RateCard, tier: Tier) -> Iterator[str]:
    """The surplus of dominant shares, in words."""
    from costgate.rates.packing import over_recovery
    from costgate.rates.split import said

    packing = over_recovery(tier)
    if packing is None:
        return
    one, other = (said(task) for task in packing.tasks)
    shares = " + ".join(quantity(share) for share in packing.shares)
    node, paid, surplus = (_exact(sum_, card) for sum_ in (packing.node_hour, packing.paid, packing.surplus))
    yield (
        f"over-recovery: tasks with {one} and with {other} fit on one node and pay ({shares}) × {node} = {paid}, "
        f"{surplus} more than it costs; the meter books such a surplus on a line of its own"
    )
