"""Where nothing can be run, and copies of snapshots."""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from costgate.errors import InputError
from costgate.flow.answer import Failure
from costgate.model import Snapshot
from costgate.oracle import Limits, Oracle
from costgate.oracle.copies import export, fingerprint, is_inside, remove
from costgate.oracle.process import SETTINGS, scrubbed
from tests.oracle.asking import QUICK, SECRETS, ask, command, flow, reason
from tests.support import snapshot

pytestmark = [pytest.mark.peer, pytest.mark.timeout(120)]

# Where nothing can be run


def test_without_metaflow_there_is_one_way_out() -> None:
    with Oracle(os.environ, QUICK, command("import sys; sys.modules['metaflow'] = None\n")) as oracle:
        found = ask(oracle, flow())
        assert isinstance(found, Failure)
        assert (found.everywhere, found.reason) == (True, "Metaflow is not installed beside costgate")
        assert 'pip install "metaflow-costgate[metaflow]"' in found.help
        assert ask(oracle, flow("x = 2")) is found


ENDED = "the process that imports Metaflow ended or hung"
START: dict[str, tuple[tuple[str, ...], str]] = {
    "no such program": (("/gone/python",), "Python cannot be started"),
    "ends at once": ((sys.executable, "-c", "pass"), ENDED),
    "says something else": ((sys.executable, "-c", "import os, sys; os.write(int(sys.argv[1]), b'hello\\n')"), ENDED),
    "hangs": ((sys.executable, "-c", "import time; time.sleep(600)"), ENDED),
}


@pytest.mark.parametrize(("program", "expected"), START.values(), ids=START)
def test_a_python_that_does_not_start_is_a_reason(program: tuple[str, ...], expected: str) -> None:
    with Oracle(os.environ, replace(QUICK, start_s=1), program) as oracle:
        assert expected in reason(ask(oracle, flow()))


def test_a_broken_metaflow_is_a_reason() -> None:
    with Oracle(os.environ, QUICK, command("import sys; sys.modules['metaflow.decorators'] = None\n")) as oracle:
        assert "this Metaflow cannot be asked, 2.16 or newer can: ModuleNotFoundError" in reason(ask(oracle, flow()))


def test_a_full_disk_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/gone")
    with Oracle(os.environ, QUICK) as oracle:
        found = ask(oracle, flow())
    assert reason(found) == "flows cannot be run here: No such file or directory"
    assert isinstance(found, Failure)
    assert found.everywhere


# Copies


def test_a_copy_holds_the_regular_files_and_nothing_else(tmp_path: Path) -> None:
    def read(path: str) -> bytes:
        if path == "large.bin":
            raise InputError("file is 30 MB")
        return {"a/b.py": b"1", "caf\udce9": b"2"}[path]

    names = dict.fromkeys(("a/b.py", "caf\udce9", "large.bin", "gone"), "id")
    files = Snapshot(name="x", commit=None, files=names, read=read, grep=lambda words: frozenset())
    assert export(files, tmp_path / "files", Limits()) is None
    found = {os.fsencode(p.relative_to(tmp_path)): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert found == {b"files/a/b.py": b"1", b"files/caf\xe9": b"2"}


def test_a_name_that_leads_out_is_refused(tmp_path: Path) -> None:
    for path in ("../x", "/etc/x", "a/../../x", "a\0b"):
        assert not is_inside(path)
        assert "leads out" in reason(export(snapshot({path: "x"}), tmp_path / "files", Limits()) or pytest.fail(path))
        remove(tmp_path / "files")


def test_a_copy_is_bounded(tmp_path: Path) -> None:
    files = snapshot({"a": "x" * 600, "b": "y" * 600})
    many, large = (export(files, tmp_path / "f", limit) for limit in (Limits(files=1), Limits(total_bytes=1000)))
    assert many is not None
    assert many.reason == "the repository holds 2 files, more than 1: too much to copy it for a run"
    assert large is not None
    assert large.reason == "the repository holds more than 0.001 MB: too much to copy it for a run"
    with Oracle(os.environ, Limits(files=1)) as oracle:
        assert ask(oracle, flow(), {"b": "c"}) == many


def test_a_file_below_a_file_is_a_reason() -> None:
    with Oracle(os.environ, QUICK) as oracle:
        assert reason(ask(oracle, flow(), {"a": "", "a/b": ""})).startswith("flows cannot be run here: ")


def test_a_fingerprint_tells_every_change(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    before = fingerprint(tmp_path)
    assert fingerprint(tmp_path) == before
    (tmp_path / "a").write_text("2")
    assert fingerprint(tmp_path) != before
    assert fingerprint(tmp_path / "gone") is None


def test_the_environment_is_an_explicit_list() -> None:
    outer = {**SECRETS, "PATH": "/bin", "LC_ALL": "C", "TZ": "UTC", "RUNNER_TRACKING_ID": "github_1"}
    found = scrubbed(outer, {"METAFLOW_X": "1", "METAFLOW_PROFILE": "p", "METAFLOW_HOME": "/evil"}, Path("/none"))
    own = {name for name in found if name not in SETTINGS}
    assert own == {"PATH", "LC_ALL", "TZ", "RUNNER_TRACKING_ID", "METAFLOW_X", "METAFLOW_HOME", "HOME"}
    assert (found["HOME"], found["METAFLOW_HOME"]) == ("/none", "/none")
