"""Flows that others start, told from text: a change of one flow's schedule changes how often those below it run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from costgate.gate.texts import IMPORT, LITERAL, classes, classes_of, importers, text_of
from costgate.model import Snapshot

WORD = "trigger_on_finish"
TRIGGER = re.compile(rb"\btrigger_on_finish\b")
# `@trigger_on_finish(flow="A")`, `flows=["A", …]`, `flow={"name": "A"}`: nothing computed
LITERAL_TRIGGER = re.compile(rb"@(?:\w+\.)?trigger_on_finish\(\s*flows?\s*=((?:" + LITERAL + rb"|[\[\]{},:\s])+)\)")
RENAMED = re.compile(rb"\btrigger_on_finish\b(?:[\s\\]|#[^\r\n]*)+as\b")
NAME = re.compile(rb"\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Triggers:
    """Files that write @trigger_on_finish → the words in it, which hold the names of the flows above."""

    sides: tuple[Snapshot, ...]
    named: Mapping[str, frozenset[bytes]]

    def below(self, touched: set[str]) -> set[str]:
        """The files that one of these files' flows may start."""
        if not self.named:
            return set()
        defined = {name for side in self.sides for path in touched for name in classes(side, path)}
        return {path for path, words in self.named.items() if words & defined}

    def above(self, touched: set[str]) -> set[str]:
        """Where one of these files may be started: the files of all flows that start any."""
        with_subclasses = set(self.named)
        fresh = set(self.named)
        while fresh:
            fresh = {path for side in self.sides for path in importers(side, fresh)} - with_subclasses
            with_subclasses |= fresh
        if not touched & with_subclasses:
            return set()
        names = frozenset(word for words in self.named.values() for word in words)
        return {path for side in self.sides for path in classes_of(side, names)}


def triggers(*sides: Snapshot) -> Triggers | None:
    """The triggers of both sides; None where one is computed, so that any flow may be above or below another."""
    named: dict[str, frozenset[bytes]] = {}
    for side in sides:
        for path in side.grep((WORD,)):
            text = text_of(side, path)
            if text is None or _is_computed(text):
                return None
            if words := _words(text):
                named[path] = named.get(path, frozenset()) | words
    return Triggers(sides=sides, named=named)


def _is_computed(text: bytes) -> bool:
    rest = IMPORT.sub(rb"\\", text)
    is_renamed = any(map(RENAMED.search, IMPORT.findall(text)))
    return is_renamed or len(TRIGGER.findall(rest)) > len(LITERAL_TRIGGER.findall(rest))


def _words(text: bytes) -> frozenset[bytes]:
    return frozenset(word for argument in LITERAL_TRIGGER.findall(text) for word in NAME.findall(argument))
