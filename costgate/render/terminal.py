"""A sheet of terminal text: lines, tables and indented blocks of one width. The only user of rich."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import StringIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

NARROWEST = 40  # below it nothing is readable, and wrapping costs time
NARROW_COLUMN = 8  # cells; a column of words may wrap down to it
GAP = 2  # cells between columns


def paint(text: str, style: str = "") -> Text:
    """Text that is no markup, whatever is in it."""
    from rich.text import Text

    return Text(text, style=style)


class Canvas:
    """Collects what is printed; knows nothing of the real terminal, so that the same report gives the same bytes."""

    def __init__(self, *, color: bool, width: int) -> None:
        self._out = StringIO()
        self._color = color
        self._console = self._of_width(max(NARROWEST, width))

    def _of_width(self, width: int) -> Console:
        from rich.console import Console

        return Console(
            file=self._out,
            width=width,
            force_terminal=self._color,
            color_system="standard" if self._color else None,
            no_color=not self._color,
            highlight=False,
            markup=False,
            emoji=False,
            legacy_windows=False,
            _environ={},
        )

    def line(self, text: Text) -> None:
        """A paragraph, wrapped at the width."""
        self._console.print(text)

    def gap(self) -> None:
        """An empty line."""
        self._console.print()

    def heading(self, text: str) -> None:
        """A title of a section, after an empty line."""
        self.gap()
        self.line(paint(text, "bold"))

    def block(self, text: Text, indent: int = 2) -> None:
        """A paragraph, all its lines indented."""
        from rich.padding import Padding

        self._console.print(Padding(text, (0, 0, 0, indent), expand=False))

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[Text]]) -> None:
        """A table; a column whose name starts with `>` is right-aligned and never wrapped.

        On a terminal that is too narrow the table is wider than it: a number that is cut reads as another number.
        """
        from rich.table import Table

        labels = [name.removeprefix(">") for name in columns]
        widest = [max((len(label), *(row[index].cell_len for row in rows))) for index, label in enumerate(labels)]
        least = [
            wide if name.startswith(">") else len(name) if index == 0 else min(wide, NARROW_COLUMN)
            for index, (name, wide) in enumerate(zip(columns, widest))
        ]
        gaps = GAP * (len(columns) - 1)
        widths = fit(widest, least, self._console.width - gaps)
        table = Table(box=None, padding=(0, GAP, 0, 0), header_style="bold", pad_edge=False)
        for name, label, width in zip(columns, labels, widths):
            is_number = name.startswith(">")
            table.add_column(
                label, justify="right" if is_number else "left", no_wrap=is_number, overflow="fold", width=width
            )
        for row in rows:
            table.add_row(*row)
        self._of_width(max(self._console.width, sum(widths) + gaps)).print(table)

    def columns(self, cells: Iterable[Sequence[Text]], align: str) -> None:
        """Indented columns without a header, aligned as in `><<`; a right-aligned column is never wrapped."""
        from rich.padding import Padding
        from rich.table import Table

        grid = Table.grid(padding=(0, 2, 0, 0))
        for side in align:
            is_number = side == ">"
            grid.add_column(justify="right" if is_number else "left", no_wrap=is_number, overflow="fold")
        for row in cells:
            grid.add_row(*row)
        self._console.print(Padding(grid, (0, 0, 0, 2), expand=False))

    def text(self) -> str:
        """Everything printed; without colour also without blanks at line ends."""
        printed = self._out.getvalue()
        return printed if self._color else "".join(f"{line.rstrip()}\n" for line in printed.splitlines())


def fit(widest: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Widths of columns: as wanted, the widest narrowed first until they fit, none below its least."""
    widths = list(widest)
    while sum(widths) > room:
        shrinkable = [index for index, width in enumerate(widths) if width > least[index]]
        if not shrinkable:
            break
        widths[max(shrinkable, key=widths.__getitem__)] -= 1
    return widths
