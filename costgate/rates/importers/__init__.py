"""Importers: price files of clouds, catalogues and clusters → tiers of a rate card."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Protocol

from costgate.errors import InputError
from costgate.rates.importers import aws, azure, gcp, opencost, skypilot, slurm
from costgate.rates.importers.source import Source
from costgate.rates.importers.values import Imported, Skipped, Wanted


class Importer(Protocol):
    """A module that reads one kind of file."""

    @property
    def WHAT(self) -> str:  # noqa: N802  # modules name their constants so
        """What the file is, for people."""
        ...

    @property
    def SIGNS(self) -> re.Pattern[str]:  # noqa: N802
        """What stands in the first 256 KB of such a file and of no other."""
        ...

    def read(self, source: Source, wanted: Wanted, skipped: Skipped) -> Imported:
        """The prices of a file; what it leaves out goes to `skipped`. Raises InputError for a broken file."""
        ...


# one file and one line to add one
IMPORTERS: Mapping[str, Importer] = {
    "aws": aws,
    "azure": azure,
    "gcp": gcp,
    "skypilot": skypilot,
    "opencost": opencost,
    "slurm": slurm,
}


def find(name: str) -> Importer:
    """The importer of this name. InputError with the nearest one where there is none."""
    if name not in IMPORTERS:
        near = difflib.get_close_matches(name[:100], IMPORTERS, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"one of {', '.join(IMPORTERS)}"
        raise InputError(f"there is no importer '{name}'", help=hint)
    return IMPORTERS[name]


def read(name: str, source: Source, wanted: Wanted, skipped: Skipped) -> Imported:
    """What the importer of this name finds in a file. Raises InputError, also where another importer should read it."""
    importer, head = find(name), source.head()
    if not importer.SIGNS.search(head):
        others = (other for other, module in IMPORTERS.items() if module.SIGNS.search(head))
        other = next(others, None)
        hint = (
            f"this looks like {IMPORTERS[other].WHAT}: costgate rates import {other} {source.path}"
            if other
            else "docs/rate-cards.md says where each file comes from"
        )
        raise source.error(f"this is not {importer.WHAT}", help=hint)
    return importer.read(source, wanted, skipped)
