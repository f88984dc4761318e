"""What we know of flows against the installed Metaflow: nothing wrong, and little left open.

- traps: single decorators, most of them about what must not be resolved; open is right where the reason is
- corpus: flows as users write them, deployed in every way
- tutorials: those of the installed Metaflow
- generated: random flows; one that Metaflow refuses must at least not upset us
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.flow import corpus, corpus_graphs, corpus_python, generated
from tests.flow.cases_committed import CASES as COMMITTED
from tests.flow.cases_configs import CASES as CONFIGS
from tests.flow.cases_python import CASES as PYTHON
from tests.flow.peer import CHILD, Case, compared, environment, metaflow, write
from tests.flow.peer_score import Score, score, total
from tests.flow.table import Files, resolve, step

TRAPS = {**CONFIGS, **PYTHON}
CORPUS: dict[str, Callable[[], Mapping[str, Case]]] = {
    "layers": corpus.layers,
    "decospecs": corpus.with_specs,
    "attempts and schedules": corpus.attempts,
    "configs": corpus.configs,
    "python": corpus_python.python,
    "inheritance": corpus_python.inheritance,
    "imports": corpus_python.imports,
    "widths": corpus_graphs.widths,
    "shapes": corpus_graphs.shapes,
}
EXAMPLES = 200
MOST_OPEN = 0.03
Keep = Callable[[str, Score], None]

pytestmark = pytest.mark.peer


@pytest.mark.timeout(300)
def test_metaflow_uses_the_arguments_that_we_know(tmp_path: Path, print_score: Keep) -> None:
    folders = {name: tmp_path / str(number) for number, name in enumerate(TRAPS)}
    for name, folder in folders.items():
        write(folder, TRAPS[name][0])
    with metaflow(tmp_path, mode="arguments") as peer:
        answers = {name: peer.line(str(folder), {}) for name, folder in folders.items()}
    expected = {name: json.loads(json.dumps(case[1])) for name, case in TRAPS.items() if isinstance(case[1], dict)}
    used = {name: answers[name].get("asked", answers[name]) for name in expected}
    assert {name: (expected[name], used[name]) for name in expected if used[name] != expected[name]} == {}
    loaded = {name: answer for name, answer in answers.items() if "error" not in answer}
    found = total(
        score(name, step(resolve(TRAPS[name][0])), answer["asked"], mutated=answer["mutated"])
        for name, answer in loaded.items()
    )
    print_score("traps", found)
    assert len(loaded) > 300
    assert found.wrong == ()


@pytest.mark.timeout(300)
def test_flows_resolve_as_metaflow_deploys_them(tmp_path: Path, print_score: Keep) -> None:
    scores = {}
    with metaflow(tmp_path) as peer:
        for part, cases in CORPUS.items():
            found = cases()
            answers = {name: peer.ask(case) for name, case in found.items()}
            assert {name: answer["error"] for name, answer in answers.items() if "error" in answer} == {}
            scores[part] = total(compared(f"{part}: {name}", case, answers[name]) for name, case in found.items())
            print_score(f"corpus: {part}", scores[part])
    whole = total(scores.values())
    assert whole.flows > 500
    assert whole.wrong == ()
    for found_ in scores.values():  # each part, since parts of many attributes would hide those of few
        assert len(found_.unresolved) <= MOST_OPEN * found_.attributes


@pytest.mark.timeout(120)
def test_the_tutorials_resolve_as_metaflow_deploys_them(tmp_path: Path, print_score: Keep) -> None:
    with metaflow(tmp_path) as peer:
        found = total(compared(name, case, peer.ask(case)) for name, case in corpus_graphs.tutorials().items())
    print_score("tutorials", found)
    assert found.flows >= 18
    assert found.wrong == ()
    assert len(found.unresolved) <= MOST_OPEN * found.attributes


@pytest.mark.timeout(300)
def test_random_flows_resolve_as_metaflow_deploys_them(tmp_path: Path, print_score: Keep) -> None:
    scores: list[Score] = []
    quiet = tuple(HealthCheck)
    with metaflow(tmp_path) as peer:

        @settings(derandomize=True, max_examples=EXAMPLES, database=None, deadline=None, suppress_health_check=quiet)
        @given(generated.cases())
        def check(case: Case) -> None:
            answer = peer.ask(case)
            if "error" in answer:
                case.resolved()
                return
            scores.append(compared("generated", case, answer))
            assert scores[-1].wrong == ()

        check()
    found = total(scores)
    print_score("generated", found)
    assert found.flows > EXAMPLES / 2
    assert len(found.unresolved) <= MOST_OPEN * found.attributes


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
