"""Tables and phrases that the commands on rate cards share."""

from __future__ import annotations

from collections.abc import Iterable
from unicodedata import combining, east_asian_width

from costgate.model import Tier
from costgate.render.fmt import quantity, rate

NOUNS = {  # unit of a Rate → how people say it
    "GPU-Hours": "GPU-hour",
    "Accelerator-Hours": "accelerator-hour",
    "Core-Hours": "core-hour",
    "GiB-Hours": "GiB-hour",
    "Node-Hours": "node-hour",
}


def table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Lines of aligned columns, one line a row however long; a column whose name starts with `>` holds numbers."""
    cells = [tuple(name.removeprefix(">") for name in columns), *rows]
    widths = [max(_width(row[index]) for row in cells) for index in range(len(columns))]
    return ["  ".join(map(_padded, row, widths, columns)).rstrip() for row in cells]


def _padded(cell: str, width: int, column: str) -> str:
    blanks = " " * (width - _width(cell))
    return blanks + cell if column.startswith(">") else cell + blanks


def _width(text: str) -> int:
    """Columns of a terminal that a text takes: Chinese and the like take two, accents of their own none."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def node(tier: Tier) -> str:
    """`8 × A100-80GB, 96 CPUs, 1,152 GiB`."""
    from costgate.rates.split import is_units

    if is_units(tier):
        return "no node: prices of units"
    size = tier.node
    parts = (
        (size.gpus, f"× {size.gpu_model or 'GPU'}"),
        (size.trainium, "× Trainium"),
        (size.inferentia, "× Inferentia"),
        (size.cpus, "CPUs"),
        (size.memory_gib, "GiB"),
    )
    return ", ".join(f"{quantity(amount)} {what}" for amount, what in parts if amount)


def one(unit: str) -> str:
    """`a GPU-hour`, `an accelerator-hour`."""
    return f"{'an' if NOUNS[unit][0] == 'a' else 'a'} {NOUNS[unit]}"


def units(tier: Tier, currency: str) -> str:
    """`GPU-hour $0.9500, core-hour $0.0316, GiB-hour $0.0042`."""
    from costgate.rates.split import unit_rates

    return ", ".join(f"{NOUNS[each.unit]} {rate(each.unit_price.expected, currency)}" for each in unit_rates(tier))
