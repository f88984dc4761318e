"""The hidden first line of a comment: which gate and which run wrote it, and what it remembers for the next one.

Whoever may write in the repository can edit it. It is a hint for where to look, never evidence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from costgate.github.client import GitHub
from costgate.http import HttpError

Run: TypeAlias = tuple[int, int]  # id and attempt of a workflow run; ids grow

START = "<!-- costgate:v1 key="
RUN = re.compile(r"\brun=([0-9]{1,19})\.([0-9]{1,6})", re.ASCII)
WORD = re.compile(r"([a-z]{1,20})=([0-9A-Za-z@:.,+-]{1,300})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """What the hidden line says."""

    key: str
    run: Run = (0, 0)  # of a line that somebody edited, perhaps
    memory: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """The line, without its end."""
        words = "".join(f" {name}={text}" for name, text in sorted(self.memory.items()))
        return f"{START}{self.key} run={self.run[0]}.{self.run[1]}{words} -->"


def read(body: str, key: str) -> Marker | None:
    """The marker of a comment of the gate `key`; None where there is none. Words that cannot be read are left out."""
    line, _, _ = body.partition("\n")
    if not line.startswith(f"{START}{key} "):
        return None
    found = [match for word in line.split() if (match := WORD.fullmatch(word))]
    memory = {match[1]: match[2] for match in found if match[1] not in ("key", "run")}
    return Marker(key=key, run=read_run(line), memory=memory)


def read_run(text: str) -> Run:
    """The run that a marker names; (0, 0) where it names none."""
    match = RUN.search(text)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def is_later(github: GitHub, claimed: Run, own: Run) -> bool:
    """Whether an attempt that is claimed to have begun after ours has, by GitHub's own records.

    Anybody can write a number. One that cannot be verified is not believed, or it would silence the gate for good. Ids
    grow from run to run, but an old run that is run again speaks of now.
    """
    if claimed == own or (claimed[0] < own[0] and claimed[1] < 2):
        return False
    try:
        found = github.workflow_run(claimed[0])
        mine = found if claimed[0] == own[0] else github.workflow_run(own[0])
    except HttpError:
        return False
    order = claimed > own if mine is found else (found.run_started_at, found.id) > (mine.run_started_at, mine.id)
    return order and found.workflow_id == mine.workflow_id and claimed[1] <= found.run_attempt
