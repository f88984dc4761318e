"""What the tests of importers share: reading a fixture or a text, and the card that comes of it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from costgate.errors import InputError
from costgate.model import RateCard
from costgate.rates import importers
from costgate.rates.card import load
from costgate.rates.importers import written
from costgate.rates.importers.source import Source
from costgate.rates.importers.values import Imported, Skipped, Wanted
from costgate.rates.split import unit_rates

DATA = Path(__file__).parent.parent.parent / "data" / "importers"
AS_OF = date(2026, 10, 1)


@dataclass(frozen=True)
class Result:
    imported: Imported
    skipped: Mapping[str, int]
    places: Mapping[str, Any]

    @property
    def prices(self) -> dict[str, str]:
        """Tier → on-demand or plain price, as text."""
        return {
            name: f"{Decimal(tier.get('hourly', tier.get('cloud', {}).get('on_demand'))).normalize():f}"
            for name, tier in self.imported.tiers.items()
        }

    def nodes(self) -> dict[str, dict[str, str]]:
        return {n: {k: str(v) for k, v in tier["node"].items()} for n, tier in self.imported.tiers.items()}

    def card(self, as_json: bool = False) -> RateCard:
        """The written card, read again."""
        text = (written.as_json if as_json else written.as_yaml)(card(self.imported))
        name = "card.json" if as_json else "card.yml"
        return load(name, read={name: text.encode()}.__getitem__, as_of=AS_OF)


def card(imported: Imported, **said: Any) -> written.Card:
    given = {"name": "made", "currency": "USD", "as_of": AS_OF, "source": imported.source, "command": "costgate rates"}
    return written.Card(imported=imported, **{**given, **said})


def source(content: str | bytes, path: str = "prices") -> Source:
    data = content.encode() if isinstance(content, str) else content
    return Source(path, io.BufferedReader(io.BytesIO(data)))  # type: ignore[arg-type]


def read(kind: str, content: str | bytes | Path, **wanted: Any) -> Result:
    """What an importer makes of a file or a text."""
    skipped = Skipped()
    path = str(content.relative_to(DATA)) if isinstance(content, Path) else "prices"
    data = content.read_bytes() if isinstance(content, Path) else content
    imported = importers.read(kind, source(data, path), Wanted(**{"as_of": AS_OF, **wanted}), skipped)
    return Result(imported, dict(skipped.counts), dict(skipped.places))


def refused(kind: str, content: str | bytes | Path, **wanted: Any) -> str:
    with pytest.raises(InputError) as caught:
        read(kind, content, **wanted)
    return str(caught.value)


def units(card: RateCard, tier: str) -> dict[str, Decimal]:
    """Price of a unit-hour by unit."""
    return {rate.unit: rate.unit_price.expected for rate in unit_rates(card.tiers[tier])}
