"""Asks real Metaflow what it makes of a flow: runs the flow's own code, in processes that are given nothing.

For each snapshot a copy of its files and a process that has imported Metaflow; for each flow a fork of that, with a
time limit and other bounds. Whatever a flow starts has ended before the next one is asked. This is no sandbox: the code
runs as the same user, on the same machine and network. See SECURITY.md.
"""

from __future__ import annotations

import json
import posixpath
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from costgate.flow.answer import Answer, Failure, Request, read_answer
from costgate.model import Snapshot
from costgate.oracle.copies import export, fingerprint, is_inside, is_same, remove
from costgate.oracle.process import Limits, Server, hidden, scrubbed, start

__all__ = ["Limits", "Oracle"]

CHILD = Path(__file__).parent.with_name("oracle_child.py")
COMMAND = (sys.executable, str(CHILD))


class Oracle:
    """Ask with `ask`; to be left with `close`, or as a context. What is asked twice is run once."""

    def __init__(
        self, environ: Mapping[str, str], limits: Limits | None = None, command: tuple[str, ...] = COMMAND
    ) -> None:
        self._environ, self._limits, self._command = environ, limits or Limits(), command
        self._root: Path | None = None
        self._copies: list[_Copy] = []
        self._answers: dict[tuple[int, Request], Answer | Failure] = {}
        self._hopeless: Failure | None = None

    def __enter__(self) -> Oracle:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, snapshot: Snapshot, request: Request) -> Answer | Failure:
        """What Metaflow makes of a flow of a snapshot, or why that is not known. Raises only what interrupts."""
        if self._hopeless is not None:
            return self._hopeless
        try:
            found = self._ask(snapshot, request)
        except OSError as error:
            found = Failure(reason=f"flows cannot be run here: {error.strerror or error}", everywhere=True)
        if isinstance(found, Failure) and found.everywhere:
            self._hopeless = found
        return found

    def _ask(self, snapshot: Snapshot, request: Request) -> Answer | Failure:
        copy = self._copy(snapshot)
        key = (id(copy), request)
        if key not in self._answers:
            self._answers[key] = copy.ask(request)
        return self._answers[key]

    def close(self) -> None:
        """End every process and remove every file."""
        while self._copies:
            self._copies.pop().close()
        if self._root is not None:
            remove(self._root)
            hidden(False)
            self._root = None

    def _copy(self, snapshot: Snapshot) -> _Copy:
        """The copy of these very files, whatever the snapshot is called: code may read any of them."""
        for copy in self._copies:
            if is_same(copy.snapshot, snapshot):
                return copy
        if self._root is None:
            self._root = Path(tempfile.mkdtemp(prefix="costgate-")).resolve()
            hidden(True)
        self._copies.append(_Copy(snapshot, self._root, self._environ, self._limits, self._command))
        return self._copies[-1]


class _Copy:
    """A snapshot's files on disk, and the processes that have Metaflow imported in them."""

    def __init__(
        self, snapshot: Snapshot, root: Path, environ: Mapping[str, str], limits: Limits, command: tuple[str, ...]
    ) -> None:
        self.snapshot = snapshot
        self._root, self._environ, self._limits, self._command = root, environ, limits, command
        self._place: Path | None = None
        self._seen: object = None
        self._servers: dict[tuple[object, ...], Server] = {}

    def ask(self, request: Request) -> Answer | Failure:
        """Ask the process that fits, about files that nobody has touched."""
        place = self._untouched()
        if isinstance(place, Failure):
            return place
        files = place / "files"
        if not is_inside(request.cwd) or not (files / request.cwd).is_dir():
            return Failure(reason=f"there is no folder {request.cwd!r:.100} in the repository")
        server = self._server(request, place)
        if isinstance(server, Failure):
            return server
        home = Path(tempfile.mkdtemp(dir=self._root))
        try:
            found = server.ask(_question(request, files, home, self._limits))
        finally:
            remove(home)
        if isinstance(found, Failure):
            return found
        # Where the copy lies is chance, and no part of the answer.
        answer = read_answer(found.replace(f"{files}/".encode(), b""), server.metaflow)
        return _in_words(answer, self._limits) if isinstance(answer, Failure) else answer

    def close(self) -> None:
        """End the processes."""
        while self._servers:
            self._servers.popitem()[1].close()

    def _untouched(self) -> Path | Failure:
        """The folder of the copy; a new one if a flow has changed anything in it."""
        if self._place is not None and fingerprint(self._place) == self._seen:
            return self._place
        self.close()
        place = Path(tempfile.mkdtemp(dir=self._root))
        # Metaflow looks for its settings in the folders above, and no further than the first of this name.
        (place / ".metaflow").mkdir()
        problem = export(self.snapshot, place / "files", self._limits)
        if problem is not None:
            return problem
        self._place, self._seen = place, fingerprint(place)
        return place

    def _server(self, request: Request, place: Path) -> Server | Failure:
        """Metaflow reads its settings once, from the environment and from the nearest `.metaflow`: a process each."""
        cwd = place / "files" / request.cwd
        settings = next(folder for folder in (cwd, *cwd.parents) if (folder / ".metaflow").is_dir())
        key = (settings, request.metaflow_env)
        known = self._servers.get(key)
        if known is not None:
            if known.alive:
                return known
            known.close()
        environ = scrubbed(self._environ, dict(request.metaflow_env), place / "nowhere")
        found = start(self._command, cwd, environ, self._limits)
        if isinstance(found, Server):
            self._servers[key] = found
        return found


def _question(request: Request, files: Path, home: Path, limits: Limits) -> bytes:
    """The line that a flow's process reads."""
    options = [
        *(part for name, path in request.configs for part in ("--config", name, str(files / posixpath.normpath(path)))),
        *(part for name, value in request.config_values for part in ("--config-value", name, value)),
        *(part for spec in request.with_ for part in ("--with", spec)),
    ]
    question: dict[str, Any] = {
        "file": str(files / request.file),
        "flow": request.flow,
        "cwd": str(files / request.cwd),
        "home": str(home),
        "options": options,
        "target": request.target,
        "limits": limits.of_a_process,
    }
    return json.dumps(question).encode() + b"\n"


def _in_words(failure: Failure, limits: Limits) -> Failure:
    """Python has no words for a memory limit."""
    if not failure.reason.startswith("MemoryError"):
        return failure
    return replace(failure, reason=f"it needs more than {limits.memory / 2**30:g} GiB of memory")
