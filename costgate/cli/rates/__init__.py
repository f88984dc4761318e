"""`costgate rates`: what is in a rate card, how a price comes about, and whether a card is sound."""

from __future__ import annotations

import click

from costgate.cli.rates import check, explain, exports, imports, show

# one file with a click command called `command` and one line to add a subcommand
COMMANDS = (
    show.command,
    explain.command,
    check.command,
    imports.command,
    exports.command,
)


@click.group("rates", commands=COMMANDS)
def command() -> None:
    """Show, explain, check, import and export rate cards.

    \b
    Example:
      costgate rates explain a100
    """
