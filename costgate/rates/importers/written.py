"""Tiers as the text of a rate card: one tier a line, sorted, so that a new price list reads well in a diff."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from costgate.rates.importers.values import Imported

PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.+/-]*", re.ASCII)
MEANT_OTHERWISE = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}  # by YAML 1.1
SAFE = re.compile(r"[^ -~\xa0-\u2027\u202a-\ud7ff]")  # for comments: no line breaks of any kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """An imported card before it is written."""

    name: str
    currency: str
    as_of: date
    source: str
    command: str
    imported: Imported

    @property
    def head(self) -> Mapping[str, Any]:
        """What stands above the tiers."""
        texts = {"name": self.name, "currency": self.currency, "as_of": self.as_of.isoformat(), "source": self.source}
        return {"version": 1, **texts}

    @property
    def tail(self) -> Mapping[str, Any]:
        """What stands below them."""
        storage = {kind: {"per_tb_month": price} for kind, price in self.imported.storage.items()}
        parts = {"default_tier": dict(self.imported.default_tier), "storage": storage}
        return {name: part for name, part in parts.items() if part}


def as_yaml(card: Card) -> str:
    """A YAML card, with where it comes from in a comment."""
    command = SAFE.sub("?", card.command)
    lines = [f"# Imported from {SAFE.sub('?', card.source)}, prices of {card.as_of}:", f"#   {command}"]
    lines += [f"# {note}" for note in card.imported.notes]
    lines += [f"{key}: {_day(value) if key == 'as_of' else _flow(value)}" for key, value in card.head.items()]
    lines += ["tiers:", *(f"  {_flow(name)}: {_flow(tier)}" for name, tier in card.imported.tiers.items())]
    lines += [f"{key}: {_flow(value)}" for key, value in card.tail.items()]
    return "\n".join(lines) + "\n"


def as_json(card: Card) -> str:
    """A JSON card, as the shipped ones look. It has no comments: the name of its source says where it is from."""
    head = [f"{json.dumps(key)}: {_json(value)}," for key, value in card.head.items()]
    tiers = [f"{json.dumps(name)}: {_json(tier)}" for name, tier in card.imported.tiers.items()]
    tail = "".join(f",\n{json.dumps(key)}: {_json(value)}" for key, value in card.tail.items())
    return "\n".join(["{", *head, '"tiers": {', ",\n".join(tiers), "}" + tail, "}", ""])


def _day(value: str) -> str:
    return value


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return _braces(f"{_flow(key)}: {_flow(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return f"[{', '.join(_flow(inner) for inner in value)}]"
    if isinstance(value, str):
        return value if PLAIN.fullmatch(value) and value.lower() not in MEANT_OTHERWISE else json.dumps(value)
    return _number(value)


def _json(value: Any) -> str:
    if isinstance(value, Mapping):
        return _braces(f"{json.dumps(key)}: {_json(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return f"[{', '.join(_json(inner) for inner in value)}]"
    return json.dumps(value) if isinstance(value, str) else _number(value)


def _braces(parts: Iterable[str]) -> str:
    return f"{{{', '.join(parts)}}}"


def _number(value: int | Decimal) -> str:
    """Without exponent, and without needless zeros."""
    text = f"{Decimal(value):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
