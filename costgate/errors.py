"""Every way costgate can fail on purpose. The exit codes are design: a too dear change is never an exception."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with an input: what, where (`path:line:column`, or a name), and the way out."""

    message: str
    where: str = ""
    help: str = ""

    def __str__(self) -> str:
        """Two lines at most: `where: message`, then `help: …`."""
        head = f"{self.where}: {self.message}" if self.where else self.message
        return f"{head}\nhelp: {self.help}" if self.help else head


class CostgateError(Exception):
    """The base of all; on its own it means a bug in costgate (exit 4)."""

    exit_code = 4

    def __init__(self, message: str = "", *, where: str = "", help: str = "", problems: Iterable[Problem] = ()) -> None:
        self.problems = tuple(problems) or (Problem(message=message, where=where, help=help),)
        super().__init__("\n".join(map(str, self.problems)))


class InputError(CostgateError):
    """Something that a user wrote, named or passed is wrong (exit 2). May carry several problems at once."""

    exit_code = 2


class WorldError(CostgateError):
    """Git, the network or a disk failed, through no fault of the input (exit 3)."""

    exit_code = 3
