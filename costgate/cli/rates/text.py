"""Tables and phrases that the commands on rate cards share."""

from __future__ import annotations

from collections.abc import Iterable

from costgate.model import Tier
from costgate.render.fmt import quantity


def table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Lines of aligned columns, one line a row however long; a column whose name starts with `>` holds numbers."""
    cells = [tuple(name.removeprefix(">") for name in columns), *rows]
    widths = [max(len(row[index]) for row in cells) for index in range(len(columns))]
    return [
        "  ".join(
            cell.rjust(width) if name.startswith(">") else cell.ljust(width)
            for cell, width, name in zip(row, widths, columns)
        ).rstrip()
        for row in cells
    ]


def node(tier: Tier) -> str:
    """`8 × A100-80GB, 96 CPUs, 1,152 GiB`."""
    size = tier.node
    parts = (
        (size.gpus, f"× {size.gpu_model or 'GPU'}"),
        (size.trainium, "× Trainium"),
        (size.inferentia, "× Inferentia"),
        (size.cpus, "CPUs"),
        (size.memory_gib, "GiB"),
    )
    return ", ".join(f"{quantity(amount)} {what}" for amount, what in parts if amount)
