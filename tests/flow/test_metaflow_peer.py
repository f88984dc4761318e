"""The tables of flows against the installed Metaflow: what costgate knows is what Metaflow uses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.flow.cases_configs import CASES as CONFIGS
from tests.flow.cases_python import CASES as PYTHON

CHILD = Path(__file__).parent / "metaflow_child.py"
KNOWN = {name: case for name, case in {**CONFIGS, **PYTHON}.items() if isinstance(case[1], dict)}


def ask(folder: Path) -> dict[str, Any]:
    """Case → what Metaflow says, from two processes side by side."""
    folders = {}
    for number, (name, (files, _)) in enumerate(KNOWN.items()):
        folders[name] = folder / str(number)
        for path, text in files.items():
            file = folders[name] / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text if isinstance(text, bytes) else text.encode())
    names = list(folders)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("METAFLOW")}
    halves = [names[::2], names[1::2]]
    children = [
        subprocess.Popen(
            [sys.executable, str(CHILD)], env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in halves
    ]
    for child, half in zip(children, halves):
        assert child.stdin is not None
        child.stdin.write("".join(f"{folders[name]}\n" for name in half))
        child.stdin.close()
    answers: dict[str, Any] = {}
    for child, half in zip(children, halves):
        assert child.stdout is not None
        answers |= {name: json.loads(line) for name, line in zip(half, child.stdout)}
        child.stdout.close()
        assert child.wait() == 0
    return answers


@pytest.mark.peer
@pytest.mark.timeout(300)
def test_metaflow_uses_the_arguments_that_we_know(tmp_path: Path) -> None:
    answers = ask(tmp_path)
    expected = {name: json.loads(json.dumps(case[1])) for name, case in KNOWN.items()}
    different = {name: (expected[name], answers[name]) for name in expected if answers[name] != expected[name]}
    assert len(answers) > 100
    assert different == {}
