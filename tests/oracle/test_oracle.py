"""What Metaflow says, and what a flow gets to see when it is asked."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import pytest

from costgate.flow.answer import Answer, Request
from costgate.oracle import Oracle
from costgate.oracle.process import KEPT
from tests.oracle.asking import MUTATOR, QUICK, SECRETS, ask, flow, reason, seen
from tests.support import snapshot

pytestmark = [pytest.mark.peer, pytest.mark.timeout(120)]

# What Metaflow says


def test_mutators_configs_and_targets_are_metaflows(oracle: Oracle) -> None:
    text = flow(
        MUTATOR,
        "@resources(memory=cfg.memory)",
        'cfg = Config("cfg", default="c.json")',
        '@More\n@project(name="shop")\n@schedule(hourly=True)',
    )
    found = ask(oracle, text, {"c.json": '{"memory": 9000}'}, target="argo-workflows")
    assert isinstance(found, Answer), found
    start, end = (next(one for one in found.steps if one.name == name) for name in ("start", "end"))
    assert [(d.name, d.origin, d.given) for d in start.decorators] == [
        ("resources", "flow", {"memory": 9000}), ("kubernetes", "flow", {"gpu": 8}),
    ]  # fmt: skip
    assert start.decorators[1].final["memory"] == "9000.0"
    assert [(d.name, d.origin) for d in end.decorators] == [("kubernetes", "target")]
    assert {d.name: d.given for d in found.decorators} == {"project": {"name": "shop"}, "schedule": {"hourly": True}}
    assert (found.mutators, found.configs, found.start, found.end) == (("More",), ("cfg",), "start", "end")
    assert (start.next, start.file) == (("end",), "f.py")


def test_configs_values_decospecs_and_settings_reach_metaflow(oracle: Oracle) -> None:
    body = 'a = Config("a")\nb = Config("b")\n'
    text = flow(decorators="@resources(gpu=a.gpu, memory=b.memory)", body=body)
    found = ask(
        oracle, text, {"conf/x.json": '{"gpu": 5}'}, configs=(("a", "conf/./x.json"),),
        config_values=(("b", '{"memory": 7}'),), with_=("kubernetes:disk=20000",), target="step-functions",
        metaflow_env=(("METAFLOW_KUBERNETES_CPU", "6"), ("METAFLOW_PROFILE", "none")),
    )  # fmt: skip
    assert isinstance(found, Answer), found
    start = next(one for one in found.steps if one.name == "start")
    assert [(one.name, one.origin) for one in start.decorators] == [
        ("resources", "flow"), ("kubernetes", "with"), ("batch", "target"),
    ]  # fmt: skip
    assert start.decorators[1].final["cpu"] == "6.0"
    assert start.decorators[0].given == {"gpu": 5, "memory": 7}


def test_the_committed_settings_next_to_the_folder_count(oracle: Oracle) -> None:
    files = {"sub/.metaflow/config.json": '{"METAFLOW_KUBERNETES_MEMORY": "7777"}', "sub/x": "", "other/x": ""}
    text = flow(decorators="@kubernetes")
    found = {cwd: ask(oracle, text, files, cwd=cwd) for cwd in ("sub", "other", ".", "gone", "../x")}
    memory = {cwd: final(answer)["memory"] for cwd, answer in found.items() if isinstance(answer, Answer)}
    assert memory == {"sub": "7777", "other": "4096", ".": "4096"}
    assert reason(found["gone"]) == "there is no folder 'gone' in the repository"
    assert reason(found["../x"]) == "there is no folder '../x' in the repository"


def final(answer: Answer) -> Mapping[str, Any]:
    return next(one for one in answer.steps if one.name == "start").decorators[0].final


def test_broken_settings_fail_the_flows_below_them_alone(oracle: Oracle) -> None:
    files = {"sub/.metaflow/config.json": "{", "sub/x": ""}
    text = flow(decorators="@kubernetes")
    assert "cannot be asked" in reason(ask(oracle, text, files, cwd="sub"))
    assert isinstance(ask(oracle, text, files), Answer)


FAILS: dict[str, tuple[str, str]] = {
    "a missing package": (flow("import torch_of_ours"), "ModuleNotFoundError: No module named 'torch_of_ours'"),
    "an error of its own": (flow("1 / 0"), "ZeroDivisionError: division by zero"),
    "an exit": (flow("raise SystemExit(3)"), "SystemExit: 3"),
    "a missing file": (flow("open('data.csv')"), "FileNotFoundError: [Errno 2] No such file or directory: 'data.csv'"),
    "a missing default config": (
        flow(body='cfg = Config("cfg", default="gone.json")'),
        (
            "UsageError: Bad values passed for configuration options: default configuration file 'gone.json' could "
            "not be read for 'cfg'"
        ),
    ),
    "no such flow": ("from metaflow import *\nG = 1\n", "LookupError: importing the file defines no flow F"),
    "no syntax": ("def", "SyntaxError: invalid syntax (f.py, line 1)"),
    "an address in a message": (flow("raise ValueError(object())"), "ValueError: <object object>"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), FAILS.values(), ids=FAILS)
def test_a_flow_that_does_not_load_says_why(oracle: Oracle, text: str, expected: str) -> None:
    assert reason(ask(oracle, text)) == expected


def test_what_metaflow_refuses_and_what_is_no_data_is_told(oracle: Oracle) -> None:
    found = ask(oracle, flow(decorators="@kubernetes(gpu=1.5, executable=object, persistent_volume_claims={3, 1})"))
    assert isinstance(found, Answer)
    (kubernetes,) = next(one for one in found.steps if one.name == "start").decorators
    assert kubernetes.given == {"gpu": 1.5, "persistent_volume_claims": [1, 3]}
    assert kubernetes.odd == {"executable": "<class 'object'>"}
    assert kubernetes.refused is not None
    assert "Invalid GPU value *1.5*" in kubernetes.refused


def test_decorators_that_look_for_services_are_left_alone(oracle: Oracle) -> None:
    decorators = "@card\n@conda(libraries={'x': '1'})\n@secrets(sources=['s'])\n@environment(vars={'A': 'b'})"
    found = ask(oracle, flow(decorators=decorators, cls="@pypi_base(packages={'x': '1'})"))
    assert isinstance(found, Answer), found
    assert all(one.refused is None for step in found.steps for one in step.decorators)


def test_a_bare_flow_mutator_and_an_imported_flow_are_found(oracle: Oracle) -> None:
    assert isinstance(ask(oracle, flow(MUTATOR, cls="@More")), Answer)
    assert isinstance(ask(oracle, "from lib import F as G\n", {"lib.py": flow()}), Answer)


def test_an_equal_question_is_run_once_and_equal_files_are_one_copy(oracle: Oracle) -> None:
    text = flow("import random", "@resources(gpu=random.SystemRandom().random())")
    first, again = (ask(oracle, text) for _ in range(2))
    assert first == again
    assert ask(oracle, text, {"more.txt": "x"}) != first
    one = snapshot({"f.py": text})
    assert oracle.ask(one, Request(file="f.py", flow="F")) == oracle.ask(one, Request(file="f.py", flow="F")) == first


def test_one_hash_seed_and_no_trace_of_where_the_copy_lies(oracle: Oracle) -> None:
    where = seen(oracle, "[os.getcwd(), os.path.abspath('c/d.json'), __file__, hash('x')]")
    with Oracle(os.environ, QUICK) as other:
        assert seen(other, "[os.getcwd(), os.path.abspath('c/d.json'), __file__, hash('x')]")[1:] == where[1:]
    assert where[1:3] == ["c/d.json", "f.py"]


# What a flow gets to see


def test_a_flow_sees_no_secret_and_no_home(oracle: Oracle) -> None:
    environ = seen(oracle, "dict(os.environ)")
    assert "leaked" not in json.dumps(environ)
    settings = {name for name in environ if name.startswith(("METAFLOW_", "PYTHON"))}
    assert set(environ) - settings <= {*KEPT, "HOME", "TMPDIR", "AWS_EC2_METADATA_DISABLED", "LC_ALL", "LC_CTYPE"}
    assert seen(oracle, "os.listdir(os.environ['HOME'])") == []
    assert seen(oracle, "os.path.expanduser('~') == os.environ['HOME'] == tempfile.gettempdir()") is True


def test_a_flow_cannot_look_into_the_processes_around_it(oracle: Oracle, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    top = f"""
    def look(path):
        try:
            with open(path, "rb") as file:
                return repr(file.read(100))
        except OSError as error:
            return error.strerror
    ours = [os.getppid(), {os.getpid()}]
    PLACES = [f"/proc/{{pid}}/{{what}}" for pid in ours for what in ("environ", "mem", "fd/3", "fd/0")]
    """
    found = seen(oracle, "{path: look(path) for path in PLACES}", top)
    assert {found[path] for path in found if path.endswith(("environ", "mem"))} == {"Permission denied"}
    assert set(found.values()) <= {"Permission denied", "No such file or directory"}


def test_a_flow_has_no_descriptor_but_its_own(oracle: Oracle) -> None:
    top = """
    links = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
    SOCKETS = [link for link in links if os.path.lexists(link) and os.readlink(link).startswith("socket:")]
    """
    assert len(seen(oracle, "SOCKETS", top)) == 1
    assert seen(oracle, "[os.getsid(0) == os.getpid(), sys.stdin.read(), os.isatty(1)]") == [True, "", False]


def test_a_flow_cannot_import_costgates_modules_as_its_own(oracle: Oracle) -> None:
    assert seen(oracle, "[path for path in sys.path if path.endswith('/costgate')]") == []
