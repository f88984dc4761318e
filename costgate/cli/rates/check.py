"""`costgate rates check`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import click

from costgate.cli import options
from costgate.cli.rates import cards, text
from costgate.errors import InputError, Problem
from costgate.model import RateCard
from costgate.render.fmt import count, plain


@click.command("check")
@cards.card_options
def command(rate_card: str | None, as_of: str | None) -> int:
    """Whether a card and all that it extends are sound, and which tier every step of the work tree gets.

    Everything wrong is listed with its place; then exit code 2. What only looks odd is asked about.

    \b
    Example:
      costgate rates check --rate-card finance/ratecard.yml
    """
    from costgate.cli.rates import placements
    from costgate.rates.rules import clashes

    reference, card = cards.load(rate_card, as_of)
    if problems := dict.fromkeys((*clashes(card), *_of_versions(reference, card))):
        raise InputError(problems=problems)
    own = sum(not tier.shipped for tier in card.tiers.values())
    counts = f"{count(own, 'tier')} of its own and {len(card.tiers) - own} shipped types"
    click.echo(f"{plain(reference)}: OK, {plain(card.name)}: {counts}, {card.currency}, as of {card.as_of}")
    found = placements.side()
    lines = list(placements.lines(card, placements.place(card, found))) if found else []
    for line in (*lines, *_questions(reference, card, options.moment(as_of).date())):
        click.echo(line)
    return 0


def _of_versions(reference: str, card: RateCard) -> Iterator[Problem]:
    """What is wrong with other versions: the meter needs earlier ones, the gate those that are to come."""
    from costgate.rates.rules import clashes

    for day in card.effective_dates:
        try:
            yield from clashes(cards.load(reference, day.isoformat())[1])
        except InputError as error:
            yield from error.problems


def _questions(reference: str, card: RateCard, as_of: date) -> Iterator[str]:
    from costgate.cli.rates import questions
    from costgate.rates.card import drafts_of

    asked = list(questions.ask(card, drafts_of(reference, read=options.read_plain, as_of=as_of), as_of))
    if asked:
        rows = ((plain(one.where), plain(one.message, 400), one.help) for one in asked)
        yield from ("", *text.table(("where", "question", ""), rows))
