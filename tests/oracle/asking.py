"""Flows to ask about, and what a flow leaves behind."""

from __future__ import annotations

import glob
import json
import os
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from costgate.flow.answer import Answer, Failure, Request
from costgate.oracle import COMMAND, Limits, Oracle
from tests.support import snapshot

SECRETS = {
    "GITHUB_TOKEN": "ghs_leaked", "AWS_SECRET_ACCESS_KEY": "aws_leaked", "ACTIONS_RUNTIME_TOKEN": "runtime_leaked",
    "HOME": "/home/leaked", "SSH_AUTH_SOCK": "/tmp/leaked", "METAFLOW_SERVICE_AUTH_KEY": "service_leaked",
    "PYTHONPATH": "/leaked", "AWS_PROFILE": "leaked",
}  # fmt: skip
QUICK = Limits(wall_s=30, cpu_s=1, memory=2**29, answer_bytes=10**5, file_bytes=10**6, end_s=3)
LATE = "it took longer than 2 s"
MARK = "costgate-test-daemon"

MUTATOR = """
class More(FlowMutator):
    def mutate(self, flow):
        for name, step in flow.steps:
            if name == "start":
                step.add_decorator("kubernetes", deco_kwargs={"gpu": 8})
"""


def command(before: str) -> tuple[str, ...]:
    """The child, with something done before it starts."""
    child = COMMAND[1]
    text = f"import sys, os, runpy\nsys.path.insert(0, os.path.dirname({child!r}))\n"
    return (sys.executable, "-c", f"{before}\n{text}runpy.run_path({child!r}, run_name='__main__')")


def flow(top: str = "", decorators: str = "", body: str = "", cls: str = "") -> str:
    """A flow F with the steps start and end; `top` runs when its file is imported."""
    lines = [
        "from metaflow import *",
        textwrap.dedent(top),
        textwrap.dedent(cls),
        "class F(FlowSpec):",
        textwrap.indent(textwrap.dedent(body), "    "),
        textwrap.indent(textwrap.dedent(decorators), "    "),
        "    @step\n    def start(self):\n        self.next(self.end)\n    @step\n    def end(self):\n        pass",
        "if __name__ == '__main__':\n    F()\n",
    ]
    return "\n".join(lines)


def processes() -> frozenset[str]:
    """Descendants of this process, and all whose command line says that they belong here."""
    parents: dict[int, int] = {}
    marked = set()
    for path in glob.glob("/proc/[0-9]*"):
        pid = int(path.rpartition("/")[2])
        try:
            parents[pid] = int(Path(path, "stat").read_bytes().rpartition(b")")[2].split()[1])
            if MARK.encode() in Path(path, "cmdline").read_bytes():
                marked.add(f"{pid} marked")
        except OSError:
            continue
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return frozenset({f"{pid}" for pid in found} | marked)


def ask(oracle: Oracle, text: str, files: Mapping[str, str | bytes] | None = None, **request: Any) -> Answer | Failure:
    return oracle.ask(snapshot({"f.py": text, **(files or {})}), Request(file="f.py", flow="F", **request))


def seen(oracle: Oracle, expression: str, top: str = "") -> Any:
    """The value of an expression in the process of a flow, told through an attribute."""
    top = f"import glob, json, os, sys, tempfile\n{textwrap.dedent(top)}\nSEEN = json.dumps({expression})"
    found = ask(oracle, flow(top, "@resources(gpu=SEEN)"))
    assert isinstance(found, Answer), found
    return json.loads(attributes(found, "start", "resources")["gpu"])


def attributes(answer: Answer | Failure, step: str, decorator: str) -> Mapping[str, Any]:
    assert isinstance(answer, Answer), answer
    told = next(one for one in answer.steps if one.name == step)
    return next(one for one in told.decorators if one.name == decorator).given


def reason(answer: Answer | Failure) -> str:
    assert isinstance(answer, Failure), answer
    return answer.reason


def works(oracle: Oracle) -> bool:
    """Whether a harmless flow of another snapshot gets its answer."""
    return attributes(ask(oracle, flow(decorators="@resources(gpu=3)")), "start", "resources") == {"gpu": 3}
