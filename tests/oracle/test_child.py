"""The child without the one that ends it at once: it ends by itself, so that all of it can be measured."""

from __future__ import annotations

import importlib.metadata
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import coverage
import pytest

from costgate.oracle import COMMAND
from costgate.oracle.process import scrubbed
from tests.oracle.asking import MUTATOR, QUICK, command, flow

pytestmark = [pytest.mark.peer, pytest.mark.timeout(120)]

MEASURED = """
import os, runpy, sys
import coverage
measured = coverage.Coverage(data_file={data!r}, data_suffix=True, branch=True, source=["costgate"])
measured.start()
leave = os._exit
def keep_and_leave(code):
    measured.stop()
    measured.save()
    leave(code)
os._exit = keep_and_leave
sys.argv[0] = {child!r}
sys.path.insert(0, os.path.dirname({child!r}))
runpy.run_path({child!r}, run_name="__main__")
"""


def measured(before: str = "") -> tuple[str, ...]:
    """The child, measured if this process is."""
    current = coverage.Coverage.current()
    if current is None:
        return command(before)
    text = MEASURED.format(data=os.path.abspath(current.config.data_file), child=COMMAND[1])
    return (sys.executable, "-c", f"{before}\n{text}")


def line(channel: socket.socket) -> Any:
    with channel.makefile("rb") as lines:
        return json.loads(lines.readline())


def conversation(folder: Path, program: tuple[str, ...], *targets: str) -> list[dict[str, Any]]:
    """Hello, and the answers for the flow in a folder, each from a process that ends by itself."""
    control, theirs = socket.socketpair()
    process = subprocess.Popen(
        [*program, str(theirs.fileno()), str(folder / "packages")],
        pass_fds=[theirs.fileno()], env=scrubbed(os.environ, {}, folder / "none"),
    )  # fmt: skip
    theirs.close()
    said = [line(control)]
    for target in targets:
        mine, other = socket.socketpair()
        socket.send_fds(control, [b"f"], [other.fileno()])
        other.close()
        assert line(control) > 0
        question = {
            "file": str(folder / "f.py"), "flow": "F", "cwd": str(folder), "home": str(folder), "options": [],
            "target": target, "limits": {**QUICK.of_a_process, "cpu_s": 60, "file_bytes": 10**8},
        }  # fmt: skip
        mine.sendall(json.dumps(question).encode() + b"\n")
        said.append(line(mine))
        assert mine.recv(1) == b""
        mine.close()
        control.sendall(b"e")
        assert line(control) == 0
    control.close()
    assert process.wait(30) == 0
    return said


def test_it_answers_and_ends_by_itself(tmp_path: Path) -> None:
    decorators = "@conda\n@timeout(seconds=1)\n@kubernetes(gpu=2, executable=object, persistent_volume_claims={2, 1})"
    (tmp_path / "f.py").write_text(flow(MUTATOR, decorators, cls="@More"))
    hello, *answers = conversation(tmp_path, measured(), "local", "argo-workflows")
    assert hello == {"metaflow": importlib.metadata.version("metaflow")}
    steps = [{step["name"]: step["decorators"] for step in answer["steps"]} for answer in answers]
    assert [[one["name"] for one in each["end"]] for each in steps] == [[], ["kubernetes"]]
    kubernetes = next(one for one in steps[0]["start"] if one["name"] == "kubernetes")
    assert kubernetes["odd"] == {"executable": "<class 'object'>"}
    assert "at least 60 seconds" in kubernetes["refused"]
    assert kubernetes["given"]["persistent_volume_claims"] == [1, 2]


@pytest.mark.parametrize(("text", "error"), [("G = 1", "LookupError"), ("raise SystemExit", "SystemExit")])
def test_it_tells_what_went_wrong(tmp_path: Path, text: str, error: str) -> None:
    (tmp_path / "f.py").write_text(text)
    _, answer = conversation(tmp_path, measured(), "local")
    assert answer["error"].startswith(error)


def test_it_tells_that_metaflow_is_not_there(tmp_path: Path) -> None:
    (hello,) = conversation(tmp_path, measured("import sys; sys.modules['metaflow'] = None"))
    assert hello["missing"] is True
