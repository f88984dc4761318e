"""`costgate rates`: what is in a rate card, how a price comes about, and whether a card is sound."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import click

from costgate.cli import options
from costgate.errors import InputError
from costgate.model import Component, Rate, RateCard, Tier
from costgate.render.fmt import count, plain, quantity, rate

CONFIG = "costgate.yml"
TIERS = ("tier", ">node-hour", ">GPU-hour", ">core-hour", "node", "price of")
COMPONENTS = ("component", ">per node-hour", "formula", "where")
UTILIZATIONS = tuple(Decimal(share) / 100 for share in (100, 90, 80, 70, 60, 50, 40))
UNITS = {  # of a Rate → how people say it
    "GPU-Hours": "a GPU-hour",
    "Accelerator-Hours": "an accelerator-hour",
    "Core-Hours": "a core-hour",
    "GiB-Hours": "a GiB-hour",
    "Node-Hours": "a node-hour",
}
WEIGHTS = {"GPU-Hours": "gpu", "Core-Hours": "cpu", "GiB-Hours": "memory"}  # of a Rate → its split weight
SPLITS = {
    "gpu_only": "split gpu_only: a step pays its accelerators; work without any is unpriced here",
    "dominant": "split dominant: a step pays its largest share of the node, whichever that is",
}


@click.group("rates")
def command() -> None:
    """Show, explain and check rate cards.

    \b
    Example:
      costgate rates explain a100
    """


def card_options(function: Any) -> Any:
    """`--rate-card` and `--as-of`."""
    function = options.as_of_option(function)
    return click.option(
        "--rate-card",
        metavar="PATH|NAME",
        help="A path or shipped name. Default: what costgate.yml in the current folder names, or aws if it names none "
        "or is not there. That is the file on disk, in a bare repository too: never one of a revision.",
    )(function)


@command.command("show")
@card_options
@click.option("--all", "everything", is_flag=True, help="With the types of the shipped cards that it extends.")
@click.option("--provider", metavar="NAME", help="Only types of this provider: aws, azure, gcp.")
@click.option("--region", metavar="NAME", help="Only types of this region.")
def show(
    rate_card: str | None,
    as_of: str | None,
    everything: bool,
    provider: str | None,
    region: str | None,
) -> int:
    """The tiers of a card and what an hour of them costs, its own first.

    \b
    Example:
      costgate rates show --rate-card finance/ratecard.yml
      costgate rates show --rate-card gcp --region europe-west4
    """
    _, card = _load(rate_card, as_of)
    wanted = [t for t in card.tiers.values() if provider in (None, t.provider) and region in (None, t.region)]
    own = sorted((tier for tier in wanted if not tier.shipped), key=lambda tier: "/" in tier.name)
    shipped = [tier for tier in wanted if tier.shipped]
    whole = everything or card.shipped or provider is not None or region is not None
    lines = table(TIERS, (_tier_row(tier, card) for tier in ([*own, *shipped] if whole else own)))
    if shipped and not whole:
        lines += ["", f"and {quantity(len(shipped))} shipped types: costgate rates show --all"]
    click.echo("\n".join(lines))
    return 0


@command.command("explain")
@click.argument("name", metavar="TIER")
@card_options
def explain(name: str, rate_card: str | None, as_of: str | None) -> int:
    """How the price of a tier comes about: every component with its formula and the line it stands on.

    \b
    Example:
      costgate rates explain a100 --rate-card finance/ratecard.yml
      costgate rates explain p3.8xlarge --rate-card aws
    """
    _, card = _load(rate_card, as_of)
    tier = _find(card, name)
    rows = [_component_row(component, card) for component in tier.components]
    rows.append(("a node-hour", rate(tier.node_hour.expected, card.currency), "", ""))
    parts = (_facts(card, tier), table(COMPONENTS, rows), _prices(card, tier))
    click.echo("\n\n".join("\n".join(part) for part in parts))
    return 0


@command.command("check")
@card_options
def check(rate_card: str | None, as_of: str | None) -> int:
    """Whether a card and all that it extends are sound. Everything wrong is listed with its place; then exit code 2.

    \b
    Example:
      costgate rates check --rate-card finance/ratecard.yml
    """
    from costgate.rates.rules import clashes

    reference, card = _load(rate_card, as_of)
    if problems := clashes(card):
        raise InputError(problems=problems)
    own = sum(not tier.shipped for tier in card.tiers.values())
    counts = f"{count(own, 'tier')} of its own and {len(card.tiers) - own} shipped types"
    click.echo(f"{plain(reference)}: OK, {plain(card.name)}: {counts}, {card.currency}, as of {card.as_of}")
    return 0


def _load(rate_card: str | None, as_of: str | None) -> tuple[str, RateCard]:
    """The card that was named, or the one that costgate.yml in this folder names."""
    from costgate import config
    from costgate.rates.card import load

    if rate_card is None:
        try:
            rate_card = config.parse(options.read_plain(CONFIG), CONFIG).rate_card
        except KeyError:
            rate_card = config.EMPTY.rate_card
    return rate_card, load(rate_card, read=options.read_plain, as_of=options.moment(as_of).date())


def _find(card: RateCard, name: str) -> Tier:
    from costgate.rates import drafts

    found = drafts.find(card.tiers, name)
    if not found:
        hint = drafts.nearest(name, card.tiers)
        raise InputError(f"the rate card '{card.name}' has no tier '{name}'", help=hint)
    if len(found) > 1:
        raise InputError(problems=[drafts.ambiguous(name, found, "")])
    return card.tiers[found[0]]


def table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Lines of aligned columns, one line a row however long; a column whose name starts with `>` holds numbers."""
    cells = [tuple(name.removeprefix(">") for name in columns), *rows]
    widths = [max(len(row[index]) for row in cells) for index in range(len(columns))]
    return [
        "  ".join(
            cell.rjust(width) if name.startswith(">") else cell.ljust(width)
            for cell, width, name in zip(row, widths, columns)
        ).rstrip()
        for row in cells
    ]


def _tier_row(tier: Tier, card: RateCard) -> tuple[str, ...]:
    from costgate.rates.split import unit_rates

    prices = {price.unit: price for price in unit_rates(tier)}
    accelerator = prices.get("GPU-Hours") or prices.get("Accelerator-Hours")
    return (
        plain(tier.name),
        rate(tier.node_hour.expected, card.currency),
        _unit_price(accelerator, card),
        _unit_price(prices.get("Core-Hours"), card),
        plain(_node(tier)),
        f"{tier.price_date} {plain(_place(tier))}",
    )


def _unit_price(price: Rate | None, card: RateCard) -> str:
    return rate(price.unit_price.expected, card.currency) if price else "–"


def _place(tier: Tier) -> str:
    return f"shipped, {tier.provider}" if tier.shipped else tier.location.short


def _node(tier: Tier) -> str:
    """`8 × A100-80GB, 96 CPUs, 1,152 GiB`."""
    node = tier.node
    parts = (
        (node.gpus, f"× {node.gpu_model or 'GPU'}"),
        (node.trainium, "× Trainium"),
        (node.inferentia, "× Inferentia"),
        (node.cpus, "CPUs"),
        (node.memory_gib, "GiB"),
    )
    return ", ".join(f"{quantity(amount)} {what}" for amount, what in parts if amount)


def _facts(card: RateCard, tier: Tier) -> Iterator[str]:
    from costgate.rates.rules import words

    yield f"{plain(tier.name)}: {plain(_node(tier))}"
    yield f"card: {plain(card.name)}, price of {tier.price_date}, {plain(tier.location.short)}"
    if tier.source:
        yield f"source: {plain(tier.source, 400)}"
    for rule in tier.match:
        yield f"for steps with {plain(words(rule))}"
    for need, name in card.default_tier.items():
        if name == tier.name:
            yield f"for {need} steps that no rule matches"


def _component_row(component: Component, card: RateCard) -> tuple[str, ...]:
    amount = "missing" if component.missing else rate(component.amount, card.currency)
    place = component.location.short if component.location else ""
    return component.name, amount, plain(component.formula), plain(place)


def _prices(card: RateCard, tier: Tier) -> Iterator[str]:
    from costgate.rates.split import unit_rates

    prices = unit_rates(tier)
    for price in prices:
        yield f"{UNITS[price.unit]}: {_formula(tier, price, card)}"
    if prices[0].unit == "Node-Hours":
        yield "occupancy whole_node: a step pays the node that it blocks"
    else:
        yield SPLITS.get(str(tier.split), "split by weights: a step pays its share of each")
    if tier.spot:
        on_demand = f", on-demand {rate(tier.on_demand, card.currency)}" if tier.on_demand is not None else ""
        low, high = (rate(bound, card.currency) for bound in (tier.spot.low, tier.spot.high))
        yield f"spot {low} to {high}{on_demand} a node-hour"
    if tier.instance_type is None:  # a cloud node that is not used is given back
        yield from _utilization(card, tier, prices[0])


def _formula(tier: Tier, price: Rate, card: RateCard) -> str:
    """`$5.5442 ÷ 8 ÷ 0.7 = $0.9900`."""
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
    node_hour = rate(tier.node_hour.expected, card.currency)
    return f"{node_hour}{weighted} ÷ {quantity(capacity)}{planned} = {rate(price.unit_price.expected, card.currency)}"


def _utilization(card: RateCard, tier: Tier, price: Rate) -> Iterator[str]:
    full = price.unit_price.expected * tier.planned_utilization
    if tier.planned_utilization == 1:
        yield "planned_utilization 1: as if the nodes were busy around the clock; 0.7 is realistic"
    else:
        yield f"planned_utilization {tier.planned_utilization}: idle hours are paid by the hours that are used"
    shares = ", ".join(f"{share:.0%} {rate(full / share, card.currency)}".replace("%", " %") for share in UTILIZATIONS)
    yield f"{UNITS[price.unit]} by utilization: {shares}"
