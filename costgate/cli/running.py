"""Whether a command may run flows with Metaflow (`resolver: auto | metaflow`), and the one that does.

In GitHub Actions that is told from the event: see costgate.gate.running.refused. At a prompt it is what is checked out
that decides, so that no revision that is only looked at can ask for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import click

from costgate.cli import options
from costgate.errors import InputError
from costgate.flow.answer import Answer, Ask, Failure, Request
from costgate.gate.judging import CONFIG, read_config
from costgate.gate.running import refused, refusing
from costgate.model import Snapshot

if TYPE_CHECKING:
    from costgate.oracle import Oracle


class Running:
    """Asks Metaflow when the gate wants it. Nothing is imported, decided or started before."""

    def __init__(self, environ: Mapping[str, str], checked_out: Callable[[], Snapshot]) -> None:
        self._environ, self._checked_out = environ, checked_out
        self._ask: Ask | None = None
        self._oracle: Oracle | None = None

    def ask(self, snapshot: Snapshot, request: Request) -> Answer | Failure:
        """As costgate.flow.answer.Ask."""
        if self._ask is None:
            self._ask = self._chosen()
        return self._ask(snapshot, request)

    def close(self) -> None:
        """End all that was started."""
        if self._oracle is not None:
            self._oracle.close()

    def _chosen(self) -> Ask:
        reason = refused(self._environ, _event(self._environ)) or self._not_checked_out()
        if reason:
            return refusing(reason)
        from costgate.oracle import Oracle

        self._oracle = Oracle(self._environ)
        return self._oracle.ask

    def _not_checked_out(self) -> str | None:
        """At a prompt the revision that is checked out has to want it, too."""
        if self._environ.get("GITHUB_ACTIONS"):
            return None
        try:
            wanted = read_config(self._checked_out()).resolver
        except InputError:
            return f"the {CONFIG} that is checked out is broken"
        return None if wanted != "static" else f"the {CONFIG} that is checked out does not ask for it"


def running(ctx: click.Context, checked_out: Callable[[], Snapshot]) -> Ask:
    """The function for the gate; what it starts ends with the command."""
    found = Running(ctx.obj, checked_out)
    ctx.call_on_close(found.close)
    return found.ask


def _event(environ: Mapping[str, str]) -> object:
    """The event of a workflow run; None where it cannot be read."""
    try:
        return json.loads(options.read_plain(environ.get("GITHUB_EVENT_PATH", "")))
    except (InputError, KeyError, ValueError, RecursionError):
        return None
