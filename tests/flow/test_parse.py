from __future__ import annotations

import pytest

from costgate.errors import InputError
from costgate.flow.parse import Module, Parsed, Sources
from costgate.model import Location, Snapshot, Unresolved
from tests.flow.table import flow, sources_of
from tests.support import snapshot

UNREADABLE: dict[str, tuple[bytes, str, int]] = {
    "broken syntax": (b"x = 1\ny = = 2\n", "it is not valid Python: invalid syntax", 2),
    "merge-conflict markers": (b"x = 1\n<<<<<<< HEAD\ny = 2\n=======\n", "it holds merge-conflict markers", 2),
    "a binary": (b"\x00\x01", "it is a binary file", 1),
    "a large file": (b"#" * 2_000_001, "it has 2,000,001 bytes; at most 2,000,000 are read", 1),
    "an unknown encoding": (b"# coding: klingon\n", "it is not valid Python: unknown encoding: klingon", 1),
    "an unusual encoding": (b"# coding: utf-16\n", "its encoding utf-16 is not read; save it as UTF-8", 1),
    "no UTF-8": (b"# coding: ascii\nx = '\xe4'\n", "it is not UTF-8 text", 1),
    "a deep expression": (b"x = " + b"-" * 100_000 + b"1\n", "it is nested too deeply to be read", 1),
}


@pytest.mark.parametrize(("data", "reason", "line"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_cannot_be_read(data: bytes, reason: str, line: int) -> None:
    sources = sources_of({"f.py": data})
    found = sources.module("f.py")
    assert isinstance(found, Unresolved)
    assert found.reason.startswith(f"the file could not be read: {reason}")
    assert found.location.line == line
    assert (sources.flow_classes("f.py"), sources.module("f.py")) == ((), found)


READABLE: dict[str, bytes] = {
    "UTF-8": "x = 'ä'\n".encode(),
    "a byte order mark": b"\xef\xbb\xbfx = 1\n",
    "Latin-1": b"# coding: latin-1\nx = '\xe4'\n",
    "odd escapes": b"x = '\\d'\n",
    "Windows line ends": b"x = 1\r\ny = 2\r\n",
    "nothing": b"",
}


@pytest.mark.parametrize("data", READABLE.values(), ids=READABLE)
def test_a_file_that_can_be_read(data: bytes) -> None:
    assert isinstance(sources_of({"f.py": data}).module("f.py"), Module)


def test_a_module_is_parsed_once() -> None:
    sources = sources_of({"f.py": "x = 1\n"})
    assert sources.module("f.py") is sources.module("f.py")


def test_a_blob_is_parsed_once_for_all_snapshots_that_hold_it_there() -> None:
    parsed: Parsed = {}
    files = {"f.py": "x = 1\n", "g.py": "x = 1\n"}
    base = Sources(snapshot(files), parsed)
    head = Sources(snapshot({**files, "g.py": "x = 2\n"}), parsed)
    assert base.module("f.py") is head.module("f.py")
    found = [base.module("f.py"), base.module("g.py"), head.module("g.py")]
    assert [getattr(module, "text", None) for module in found] == ["x = 1\n", "x = 1\n", "x = 2\n"]
    assert [getattr(module, "path", None) for module in found] == ["f.py", "g.py", "g.py"]


def test_a_file_that_is_not_there_is_told() -> None:
    found = sources_of({}).module("f.py")
    assert isinstance(found, Unresolved)
    assert found.reason == "the file is not a regular file in the repository"


def test_a_file_that_the_snapshot_refuses_is_told() -> None:
    def read(path: str) -> bytes:
        raise InputError(f"{path} is too large")

    files = {"f.py": "1"}
    snapshot = Snapshot(name="x", commit=None, files=files, read=read, grep=lambda words: frozenset())
    found = Sources(snapshot).module("f.py")
    assert found == Unresolved(expression="f.py", reason="f.py is too large", location=Location(path="f.py"))


STEPS = "    @step\n    def start(self): self.next(self.end)\n    @step\n    def end(self): pass\n"
IMPORT = "from metaflow import FlowSpec, step\n"
DEPLOYED: dict[str, tuple[dict[str, str], list[str]]] = {
    "a flow": ({"f.py": f"{IMPORT}class A(FlowSpec):\n{STEPS}"}, ["A"]),
    "a flow by module alias": (
        {"f.py": f"import metaflow as mf\nfrom metaflow import step\nclass A(mf.FlowSpec):\n{STEPS}"},
        ["A"],
    ),
    "a flow by import alias": (
        {"f.py": f"from metaflow import FlowSpec as FS, step\nclass A(FS):\n{STEPS}"},
        ["A"],
    ),
    "all flows of a file that starts none": (
        {"f.py": f"{IMPORT}class A(FlowSpec):\n{STEPS}class B(A): pass\n"},
        ["A", "B"],
    ),
    "the flow that the file starts": (
        {"f.py": f"{IMPORT}class A(FlowSpec):\n{STEPS}class B(A): pass\nif __name__ == '__main__':\n    B()\n"},
        ["B"],
    ),
    "the flow that a function starts": (
        {"f.py": f"{IMPORT}class A(FlowSpec):\n{STEPS}class B(A): pass\ndef main():\n    A(use_cli=True)\nmain()\n"},
        ["A"],
    ),
    "all flows where none is started from the command line": (
        {"f.py": f"{IMPORT}class A(FlowSpec):\n{STEPS}class B(A): pass\nA(use_cli=False), B(False), A(1, 2), A(x=1)\n"},
        ["A", "B"],
    ),
    "a flow of another file that is started here": (
        {"f.py": "from g import A\nA()\n", "g.py": f"{IMPORT}class A(FlowSpec):\n{STEPS}"},
        ["A"],
    ),
    "a flow of a module that is started here": (
        {"f.py": "import g\ng.A()\n", "g.py": f"{IMPORT}class A(FlowSpec):\n{STEPS}"},
        ["A"],
    ),
    "no flow of another file that is only imported": (
        {"f.py": "from g import A\nlen(A)\n", "g.py": f"{IMPORT}class A(FlowSpec):\n{STEPS}"},
        [],
    ),
    "a flow whose steps are another file's": (
        {
            "f.py": "from pkg.base import Base\nclass A(Base): pass\n",
            "pkg/base.py": f"{IMPORT}class Base(FlowSpec):\n{STEPS}",
        },
        ["A"],
    ),
    "no flow without steps": ({"f.py": f"{IMPORT}class A(FlowSpec):\n    def f(self): pass\n"}, []),
    "no class without FlowSpec": ({"f.py": f"{IMPORT}class A:\n{STEPS}"}, []),
    "no class that a later one replaces": (
        {"f.py": f"{IMPORT}class A(FlowSpec):\n{STEPS}class A: pass\n"},
        [],
    ),
    "no attribute of a class that looks like one": (
        {"f.py": f"{IMPORT}class A(FlowSpec):\n{STEPS}class B(A): pass\nA.B()\n"},
        ["A", "B"],
    ),
    "a flow whose base is not known": ({"f.py": f"{IMPORT}from x import Base\nclass A(Base):\n{STEPS}"}, ["A"]),
    "no class whose base is not known without steps": ({"f.py": "from x import Base\nclass A(Base): pass\n"}, []),
    "a flow whose step is hidden in a helper": (
        {"f.py": f"{IMPORT}def gpu(f): return step(f)\nclass A(FlowSpec):\n    @gpu\n    def start(self): pass\n"},
        ["A"],
    ),
    "a flow under a condition": (
        {"f.py": f"{IMPORT}if X:\n    class A(FlowSpec):\n" + STEPS.replace("    ", "        ")},
        ["A"],
    ),
    "no class under a condition without steps": ({"f.py": "if X:\n    class A: pass\n"}, []),
    "no file without Python": ({"f.py": "class A(FlowSpec:\n"}, []),
}


@pytest.mark.parametrize(("files", "names"), DEPLOYED.values(), ids=DEPLOYED)
def test_running_the_file_deploys(files: dict[str, str], names: list[str]) -> None:
    assert [found.name for found in sources_of(files).flow_classes("f.py")] == names


def test_steps_are_those_of_the_final_class() -> None:
    base = f"{IMPORT}class Base(FlowSpec):\n{STEPS}"
    own = "from base import Base, step\nclass A(Base):\n    @step\n    def start(self): pass\n"
    own += "    end = None\n    extra = start\n"
    (found,) = sources_of({"f.py": own, "base.py": base}).flow_classes("f.py")
    assert {name: (step.path, step.node.lineno) for name, step in found.steps.items()} == {
        "extra": ("f.py", 4),
        "start": ("f.py", 4),
    }
    assert found.location == Location(path="f.py", line=2, column=1)
    assert [base.name for base in found.bases] == ["A", "Base"]
    assert {path for path, blob in found.reads.items() if blob} == {"f.py", "base.py"}


def test_folders_are_those_with_python() -> None:
    sources = sources_of({"a/b/c.py": "", "a/b/d.py": "", "e/f.txt": "", "g.py": ""})
    assert sources.folders == {"a", "a/b"}


def test_the_flow_of_a_builder_is_found() -> None:
    (found,) = sources_of({"f.py": flow()}).flow_classes("f.py")
    assert (found.name, found.path, list(found.steps), found.problem) == ("F", "f.py", ["end", "start"], None)


HIDING = ("from acme import *", "from lib import *", "from acme.tools import *\nfrom lib import *")


@pytest.mark.parametrize("line", HIDING)
def test_a_star_that_may_hide_metaflow_hides_no_flow(line: str) -> None:
    sources = sources_of({"f.py": flow("@resources(gpu=1)", before=line), "lib.py": "__all__ = names()\n"})
    (found,) = sources.flow_classes("f.py")
    assert (found.name, sorted(found.steps)) == ("F", ["end", "start"])
    assert found.problem is not None
