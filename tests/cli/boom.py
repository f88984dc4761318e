"""A command that goes wrong as it is told, to see what a person would see."""

from __future__ import annotations

import click

from costgate.errors import WorldError

ERRORS = {
    "world": WorldError("the disk is gone", help="plug it in"),
    "bug": ZeroDivisionError("division by zero"),
    "interrupt": KeyboardInterrupt(),
    "pipe": BrokenPipeError(),
    "os": PermissionError(13, "Permission denied", "/etc/shadow"),
    "os without a name": OSError("no space left"),
    "hostile": WorldError("\x1b[31mred\x07 \u202eevil"),
}


@click.command("boom")
@click.argument("kind")
def command(kind: str) -> int:
    """Go wrong."""
    raise ERRORS[kind]
