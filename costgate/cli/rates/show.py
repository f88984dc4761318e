"""`costgate rates show`."""

from __future__ import annotations

import click

from costgate.cli.rates import cards, text
from costgate.model import Rate, RateCard, Tier
from costgate.render.fmt import plain, quantity, rate

TIERS = ("tier", ">node-hour", ">GPU-hour", ">core-hour", ">GiB-hour", "node", "price of")


@click.command("show")
@cards.card_options
@click.option("--all", "everything", is_flag=True, help="With the types of the shipped cards that it extends.")
@click.option("--provider", metavar="NAME", help="Only types of this provider: aws, azure, gcp.")
@click.option("--region", metavar="NAME", help="Only types of this region.")
def command(
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
    _, card = cards.load(rate_card, as_of)
    wanted = [t for t in card.tiers.values() if provider in (None, t.provider) and region in (None, t.region)]
    own = sorted((tier for tier in wanted if not tier.shipped), key=lambda tier: "/" in tier.name)
    shipped = [tier for tier in wanted if tier.shipped]
    whole = everything or card.shipped or provider is not None or region is not None
    lines = text.table(TIERS, (_row(tier, card) for tier in ([*own, *shipped] if whole else own)))
    if shipped and not whole:
        lines += ["", f"and {quantity(len(shipped))} shipped types: costgate rates show --all"]
    click.echo("\n".join(lines))
    return 0


def _row(tier: Tier, card: RateCard) -> tuple[str, ...]:
    from costgate.rates.split import is_units, unit_rates

    prices = {price.unit: price for price in unit_rates(tier)}
    accelerator = prices.get("GPU-Hours") or prices.get("Accelerator-Hours")
    return (
        plain(tier.name),
        "–" if is_units(tier) else rate(tier.node_hour.expected, card.currency),
        _unit_price(accelerator, card),
        _unit_price(prices.get("Core-Hours"), card),
        _unit_price(prices.get("GiB-Hours"), card),
        plain(text.node(tier)),
        f"{tier.price_date} {plain(_place(tier))}",
    )


def _unit_price(price: Rate | None, card: RateCard) -> str:
    return rate(price.unit_price.expected, card.currency) if price else "–"


def _place(tier: Tier) -> str:
    return f"shipped, {tier.provider}" if tier.shipped else tier.location.short
