"""The tables of flows against the installed Metaflow: what costgate knows is what Metaflow uses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.flow.cases_committed import CASES as COMMITTED
from tests.flow.cases_configs import CASES as CONFIGS
from tests.flow.cases_python import CASES as PYTHON
from tests.flow.peer_score import Score, score, total
from tests.flow.table import Files, resolve, step

CHILD = Path(__file__).parent / "metaflow_child.py"
CORPUS = {**CONFIGS, **PYTHON}


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("METAFLOW")}


def write(folder: Path, files: Files) -> None:
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())


def ask(folder: Path) -> dict[str, Any]:
    """Case → what Metaflow says, from two processes side by side."""
    folders = {name: folder / str(number) for number, name in enumerate(CORPUS)}
    for name in folders:
        write(folders[name], CORPUS[name][0])
    names = list(folders)
    halves = [names[::2], names[1::2]]
    children = [
        subprocess.Popen(
            [sys.executable, str(CHILD)], env=environment(), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
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
def test_metaflow_uses_the_arguments_that_we_know(tmp_path: Path, print_score: Callable[[Score], None]) -> None:
    answers = ask(tmp_path)
    expected = {name: json.loads(json.dumps(case[1])) for name, case in CORPUS.items() if isinstance(case[1], dict)}
    used = {name: answers[name].get("asked", answers[name]) for name in expected}
    assert {name: (expected[name], used[name]) for name in expected if used[name] != expected[name]} == {}
    loaded = {name: answer for name, answer in answers.items() if "error" not in answer}
    found = total(
        score(name, step(resolve(CORPUS[name][0])), answer["asked"], mutated=answer["mutated"])
        for name, answer in loaded.items()
    )
    print_score(found)
    assert len(loaded) > 300
    assert found.wrong == ()


def merged(folder: Path) -> dict[str, Any] | None:
    """What the place to run of a step ends up with, from a process that starts in the folder; None where it fails."""
    child = subprocess.run(
        [sys.executable, str(CHILD), "merged"],
        cwd=folder, env=environment(), input=f"{folder}\n", text=True, capture_output=True, check=False,
    )  # fmt: skip
    answer = json.loads(child.stdout) if child.returncode == 0 else {}
    return next(iter(answer["merged"].values())) if "merged" in answer else None


def as_number(value: Any) -> Any:
    return float(value) if isinstance(value, str) and value.replace(".", "").isdigit() else value


@pytest.mark.peer
@pytest.mark.parametrize(("files", "folder", "expected"), COMMITTED.values(), ids=COMMITTED)
def test_metaflow_uses_the_settings_that_are_committed(
    files: Files, folder: str, expected: dict[str, Any] | str, tmp_path: Path
) -> None:
    write(tmp_path, files)
    found = merged(tmp_path / folder)
    if isinstance(expected, str):
        assert found is None
    else:
        assert found is not None
        assert {name: as_number(found[name]) for name in expected} == expected
