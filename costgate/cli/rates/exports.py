"""`costgate rates export`."""

from __future__ import annotations

import click

from costgate.cli.rates import cards
from costgate.errors import InputError
from costgate.model import RateCard, Tier


@click.command("export")
@click.argument("kind", metavar="opencost", type=click.Choice(["opencost"]))
@click.argument("names", metavar="[TIER]...", nargs=-1)
@cards.card_options
@click.option("--format", "form", type=click.Choice(["json", "csv"]), default="json", help="Default: json.")
@click.option("--spot", metavar="TIER", help="json: the tier that spot nodes are.")
def command(
    kind: str, names: tuple[str, ...], rate_card: str | None, as_of: str | None, form: str, spot: str | None
) -> int:
    """The prices of a card for OpenCost or Kubecost: custom pricing (json), or the price sheet (csv).

    Without TIER: json takes the card's default tiers, csv all tiers of the card itself.

    \b
    Example:
      costgate rates export opencost a100 cpu > opencost.json
      costgate rates export opencost --format csv > prices.csv
    """
    from costgate.export import opencost
    from costgate.render.fmt import plain

    _, card = cards.load(rate_card, as_of)
    tiers = [cards.find(card, name) for name in names] or _usual(card, form)
    if form == "csv":
        if spot:
            raise InputError(
                "a price sheet has no spot prices", help="leave --spot out: a spot tier is a row of its own"
            )
        exported = opencost.as_csv(card, tiers)
    else:
        exported = opencost.as_json(card, tiers, cards.find(card, spot) if spot else None)
    click.echo(exported.text, nl=False)
    for note in exported.notes:
        click.echo(f"note: {plain(note, 400)}", err=True)
    return 0


def _usual(card: RateCard, form: str) -> list[Tier]:
    names = dict.fromkeys(card.default_tier.values())
    own = [tier for tier in card.tiers.values() if not tier.shipped]
    found = own if form == "csv" else [card.tiers[name] for name in names] or (own if len(own) == 1 else [])
    if not found:
        raise InputError(
            f"the rate card '{card.name}' does not say which tiers", help="name them: one GPU, one CPU tier"
        )
    return found
