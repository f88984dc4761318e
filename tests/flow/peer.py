"""Flows with the circumstances of their deployment, and a Metaflow that answers questions about them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from costgate.render import resolve_v1
from tests.flow.peer_score import Score, score_resolved
from tests.flow.table import Files, resolve

CHILD = Path(__file__).parent / "metaflow_child.py"
# Read by the command line, not while Metaflow is imported.
PER_FLOW = ("METAFLOW_FLOW_CONFIG", "METAFLOW_FLOW_CONFIG_VALUE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A flow and how it is deployed; paths are relative to the root of the repository."""

    files: Files
    path: str = "f.py"
    name: str = "F"
    target: str = "argo-workflows"
    with_: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    configs: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    cwd: str = "."

    def resolved(self) -> dict[str, Any]:
        """What `costgate resolve --output json` prints."""
        found = resolve(
            self.files,
            path=self.path,
            name=self.name,
            target=self.target,
            with_=self.with_,
            env=self.env,
            configs=self.configs,
            config_values=self.values,
            cwd=self.cwd,
        )
        return dict(json.loads(resolve_v1.render_json(found)))

    def question(self, folder: Path) -> dict[str, Any]:
        """For the child process; the files must lie in the folder."""
        options: list[str] = []
        for name, path in self.configs.items():
            options += ["--config", name, str(folder / path)]
        for name, value in self.values.items():
            options += ["--config-value", name, value if isinstance(value, str) else json.dumps(value)]
        for spec in self.with_:
            options += ["--with", spec]
        return {
            "folder": str(folder), "script": self.path, "flow": self.name, "cwd": self.cwd, "options": options,
            "target": self.target, "env": {name: text for name, text in self.env.items() if name in PER_FLOW},
        }  # fmt: skip


def environment() -> dict[str, str]:
    """This process's, without settings of Metaflow's."""
    return {name: value for name, value in os.environ.items() if not name.startswith("METAFLOW")}


def write(folder: Path, files: Files) -> None:
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())


class Metaflow:
    """The installed Metaflow: a child process for each set of settings that it reads while it is imported."""

    def __init__(self, folder: Path, mode: str = "everything") -> None:
        self.folder, self.mode, self.count = folder, mode, 0
        self.children: dict[tuple[tuple[str, str], ...], subprocess.Popen[str]] = {}

    def ask(self, case: Case) -> dict[str, Any]:
        """Everything that Metaflow says about the flow, or {"error": text}."""
        self.count += 1
        folder = self.folder / str(self.count)
        write(folder, case.files)
        return self.line(json.dumps(case.question(folder)), case.env)

    def line(self, text: str, env: Mapping[str, str]) -> dict[str, Any]:
        """The answer to one line of the child's input."""
        child = self._child({name: value for name, value in env.items() if name not in PER_FLOW})
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(text + "\n")
        child.stdin.flush()
        return dict(json.loads(child.stdout.readline()))

    def _child(self, env: dict[str, str]) -> subprocess.Popen[str]:
        key = tuple(sorted(env.items()))
        if key not in self.children:
            self.children[key] = subprocess.Popen(
                [sys.executable, str(CHILD), self.mode], env=environment() | env, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )  # fmt: skip
        return self.children[key]

    def close(self) -> None:
        for child in self.children.values():
            with child:
                assert child.stdin is not None
                child.stdin.close()


@contextmanager
def metaflow(folder: Path, mode: str = "everything") -> Iterator[Metaflow]:
    """A Metaflow that writes the flows that it is asked about into the folder."""
    found = Metaflow(folder, mode)
    try:
        yield found
    finally:
        found.close()


def compared(name: str, case: Case, answer: Mapping[str, Any]) -> Score:
    """What we say of a flow that Metaflow takes against what Metaflow says."""
    return score_resolved(name, case.resolved(), answer, case.target)
