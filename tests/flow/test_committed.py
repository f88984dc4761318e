from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from costgate.flow.committed import read_committed
from costgate.flow.evaluate import Evaluator
from costgate.flow.parse import Sources
from costgate.flow.resources import FIELDS
from costgate.model import Known, Location
from tests.flow.cases_committed import CASES, CONFIG, SIZES, K, below, beside
from tests.flow.table import Files, flow, resolve, step
from tests.support import snapshot


@pytest.mark.parametrize(("files", "folder", "expected"), CASES.values(), ids=CASES)
def test_with_committed_settings(files: Files, folder: str, expected: dict[str, Any] | str) -> None:
    found = resolve(files, path=next(path for path in files if path.endswith("f.py")), cwd=folder)
    resources = step(found).resources
    if isinstance(expected, str):
        assert resources.touched_by is not None
        assert expected in resources.touched_by.reason
        assert found.unresolved == (resources.touched_by,)
        assert resources.touched_by.location.path == CONFIG
    else:
        assert (found.unresolved, resources.touched_by) == ((), None)
        values = {name: getattr(resources, FIELDS.get(name, name)) for name in expected}
        assert {name: value.value for name, value in values.items() if isinstance(value, Known)} == expected


def test_what_costgate_yml_says_wins() -> None:
    cpu = step(resolve(beside(SIZES, "@kubernetes"), env={f"{K}CPU": "2"})).resources.cpu
    assert isinstance(cpu, Known)
    assert (cpu.value, cpu.notes) == (2, (f"{K}CPU=2",))


def test_a_value_leads_to_the_line_of_its_setting() -> None:
    settings = {f"{K}CPU": "6", f"{K}GPU_VENDOR": "amd", "METAFLOW_DEFAULT_DECOSPECS": "kubernetes retry:times=2"}
    found = step(resolve({"f.py": flow(), CONFIG: json.dumps(settings, indent=1)})).resources
    values = [value for value in (found.cpu, found.gpu_vendor, found.retry_times) if isinstance(value, Known)]
    assert [value.chain[-1].short for value in values] == [f"{CONFIG}:{line}" for line in (2, 3, 4)]
    queue = step(resolve(beside({"METAFLOW_BATCH_JOB_QUEUE": "q"}, "@batch"))).resources.queue
    assert isinstance(queue, Known)
    assert [place.path for place in queue.chain] == ["f.py", CONFIG]


def test_configs_are_not_chosen_by_committed_settings() -> None:
    files = beside({"METAFLOW_FLOW_CONFIG": '{"nope": "c.json"}'}, "@kubernetes")
    assert resolve(files).unresolved == ()


def test_a_flow_depends_on_the_file_or_its_absence() -> None:
    files = below(beside(SIZES, "@kubernetes"))
    reads = resolve(files, path="sub/f.py", cwd="sub").reads
    assert {path: bool(blob) for path, blob in reads.items()} == {
        ".metaflow/config.json": True, "sub/.metaflow/config.json": False, "sub/f.py": True,
    }  # fmt: skip


def test_a_broken_file_is_known_by_its_place() -> None:
    found = resolve({**beside({}, "@kubernetes"), CONFIG: '{\n  "a": 1,\n]'})
    assert found.unresolved[0].location == Location(path=CONFIG, line=3, column=1)
    wrong = resolve(beside({f"{K}CPU": None}, "@kubernetes")).unresolved[0]
    assert (wrong.location.line, wrong.reason) == (
        1, f"Metaflow's settings in {CONFIG} are not known: {K}CPU is neither a text nor a number"
    )  # fmt: skip


@pytest.mark.parametrize("path", [".metaflow", CONFIG])
def test_a_symlink_is_not_followed(path: str) -> None:
    sources = Sources(replace(snapshot({"f.py": ""}), others={path: "symlink"}))
    problem = read_committed(Evaluator(sources, "f.py")).problem
    assert problem is not None
    assert problem.reason.endswith(f"{path} is a symlink, which is not followed")


def test_nothing_is_read_outside_of_the_repository() -> None:
    ev = Evaluator(Sources(snapshot({"f.py": ""})), "f.py", cwd="..")
    assert (read_committed(ev).settings, ev.reads) == ({}, {})


def test_folders_of_metaflow_are_found_at_any_depth() -> None:
    sources = Sources(snapshot({"a.metaflow/x": "", ".metaflow/x": "", "a/b/.metaflow/c/x": "", "d/.metaflow": ""}))
    assert sources.metaflow_folders == {".metaflow", "a/b/.metaflow"}
