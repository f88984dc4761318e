"""The card and the tier that a command was asked about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from costgate.cli import options
from costgate.errors import InputError
from costgate.model import RateCard, Tier

F = TypeVar("F", bound=Callable[..., Any])
CONFIG = "costgate.yml"


def card_options(function: F) -> F:
    """`--rate-card` and `--as-of`."""
    function = options.as_of_option(function)
    return click.option(
        "--rate-card",
        metavar="PATH|NAME",
        help="A path or shipped name. Default: what costgate.yml in the current folder names, or aws if it names none "
        "or is not there. That is the file on disk, in a bare repository too: never one of a revision.",
    )(function)


def load(rate_card: str | None, as_of: str | None) -> tuple[str, RateCard]:
    """The reference and the card that was named, or the ones that costgate.yml in this folder names."""
    from costgate import config
    from costgate.rates import card

    if rate_card is None:
        try:
            rate_card = config.parse(options.read_plain(CONFIG), CONFIG).rate_card
        except KeyError:
            rate_card = config.EMPTY.rate_card
    return rate_card, card.load(rate_card, read=options.read_plain, as_of=options.moment(as_of).date())


def find(card: RateCard, name: str) -> Tier:
    """The tier of a full or short name. InputError with the nearest name where there is none or more than one."""
    from costgate.rates import drafts

    found = drafts.find(card.tiers, name)
    if not found:
        hint = drafts.nearest(name, card.tiers)
        raise InputError(f"the rate card '{card.name}' has no tier '{name}'", help=hint)
    if len(found) > 1:
        raise InputError(problems=[drafts.ambiguous(name, found, "")])
    return card.tiers[found[0]]
