"""Flows that mean harm. What they leave behind is looked for in /proc and on disk."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from costgate.flow.answer import Answer, Request
from costgate.oracle import Oracle, process
from tests.oracle.asking import LATE, MARK, QUICK, ask, attributes, command, flow, processes, reason, works
from tests.support import snapshot

pytestmark = [pytest.mark.peer, pytest.mark.timeout(120)]

# What a flow does to others

DAEMON = f"""
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(600)", "{MARK}"])
    os._exit(0)
os.wait()
time.sleep(0.2)
"""
STUBBORN = """
import signal
for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
"""
FLOOD = """
import os, stat
def channel():
    for fd in range(3, 200):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                return fd
        except OSError:
            pass
"""
HOSTILE: dict[str, tuple[str, str]] = {
    "sleeps": ("import time; time.sleep(600)", LATE),
    "loops and ignores every signal": (f"{STUBBORN}\nwhile True: pass", "(processor time|its process closed)"),
    "loops": ("while True: pass", "it used more than 1 s of processor time"),
    "sleeps and ignores every signal": (f"{STUBBORN}\nimport time; time.sleep(600)", LATE),
    "takes memory": ("x = bytearray(2**31)", "it needs more than 0.5 GiB of memory"),
    "opens many files": ("import os\nx = [os.open('/dev/null', 0) for _ in range(1000)]", "Too many open files"),
    "writes a large file": ("open('big', 'wb').write(bytes(10**7))", "File too large"),
    "ends itself": ("import os; os._exit(7)", "ended without an answer \\(exit code 7\\)"),
    "crashes": ("import os, signal; os.kill(os.getpid(), signal.SIGABRT)", "ended by SIGABRT"),
    "leaves a daemon and sleeps": (f"{DAEMON}\nimport time; time.sleep(600)", LATE),
    "leaves a daemon and fails": (f"{DAEMON}\n1 / 0", "ZeroDivisionError"),
    "leaves a daemon and dies": (f"{DAEMON}\nos._exit(0)", "ended without an answer"),
    "ends the process above": ("import os, time\nos.kill(os.getppid(), 9)\ntime.sleep(600)", "broke the process"),
    "leaves a daemon and ends the process above": (f"{DAEMON}\nos.kill(os.getppid(), 9)", "broke the process"),
    "stops the process above": ("import os, time; os.kill(os.getppid(), 19); time.sleep(600)", LATE),
    "closes its answer": (f"{FLOOD}\nos.close(channel())\nimport time; time.sleep(600)", "its process closed"),
    "floods its answer": (f"{FLOOD}\nwhile True: os.write(channel(), b'x' * 65536)", "larger than 0.1 MB"),
    "answers with rubbish": (f"{FLOOD}\nos.write(channel(), b'{{}}\\n')", "broke into the answer"),
    "answers with a huge number": (f"{FLOOD}\nos.write(channel(), b'1' * 9000 + b'\\n')", "broke into the answer"),
    "answers with depth": (f"{FLOOD}\nos.write(channel(), b'[' * 90000 + b'\\n')", "broke into the answer"),
    "tells a huge answer": ("X = 'x' * 10**6", "its answer is larger than 0.1 MB"),
}  # fmt: skip


@pytest.mark.parametrize(("top", "expected"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_flow_fails_alone_and_leaves_nothing(top: str, expected: str) -> None:
    decorators = "@resources(gpu=X)" if top.startswith("X") else ""
    before = processes()
    limits = replace(QUICK, wall_s=2) if expected == LATE else QUICK
    with Oracle(os.environ, limits) as oracle:
        start = time.monotonic()
        found = ask(oracle, flow(top, decorators), {"hostile": top})
        assert time.monotonic() - start < 20
        assert re.search(expected, reason(found)), reason(found)
        started = processes() - before
        assert not [name for name in started if "marked" in name]
        assert len(started) <= 1  # the process that waits for the next flow
        same = Request(file="other.py", flow="F")
        assert isinstance(oracle.ask(snapshot({"f.py": "", "other.py": flow()}), same), Answer)
        assert works(oracle)


def test_a_flow_that_answers_leaves_no_daemon_either(oracle: Oracle) -> None:
    before = processes()
    assert isinstance(ask(oracle, flow(DAEMON)), Answer)
    assert len(processes() - before) == 1


def test_prints_cost_nothing(oracle: Oracle) -> None:
    top = "import os, sys\nfor _ in range(500): os.write(1, b'x' * 10**6); os.write(2, b'y' * 10**6)\nprint('{}')"
    assert isinstance(ask(oracle, flow(top)), Answer)


def test_a_forged_answer_speaks_for_its_own_flow_only(oracle: Oracle) -> None:
    forged = {"flow": "F", "start": "start", "end": "end", "decorators": [], "mutators": [], "configs": [], "steps": []}
    line = json.dumps(json.dumps(forged) + "\n")
    files = snapshot({
        "f.py": flow(f"{FLOOD}\nos.write(channel(), {line}.encode() * 3)"),
        "g.py": flow(decorators="@resources(gpu=3)"),
    })  # fmt: skip
    assert oracle.ask(files, Request(file="f.py", flow="F")) == Answer(
        metaflow=importlib.metadata.version("metaflow"), flow="F", start="start", end="end", steps=(), decorators=(),
        mutators=(), configs=(),
    )  # fmt: skip
    assert attributes(oracle.ask(files, Request(file="g.py", flow="F")), "start", "resources") == {"gpu": 3}


SPOILS = {
    "rewrites the next flow": "open('g.py', 'a').write('\\n1 / 0\\n')",
    "rewrites it and sets the times back": """
        import os
        about = os.stat('g.py')
        text = open('g.py').read()
        open('g.py', 'w').write(text.replace('gpu=3', 'gpu=1'))
        os.utime('g.py', ns=(about.st_atime_ns, about.st_mtime_ns))
        """,
    "removes all": "import shutil; shutil.rmtree('.')",
    "adds a module": "open('metaflow.py', 'w').write('1 / 0')",
    "adds settings above": "open('../.metaflow/config.json', 'w').write('{\"METAFLOW_KUBERNETES_CPU\": \"99\"}')",
    "moves it all away": "import os; os.rename('../files', '../elsewhere')",
    "leaves a deep and locked tree": """
        import os
        for _ in range(1500):
            os.mkdir('d'); os.chdir('d')
        os.chmod('.', 0)
        """,
}


@pytest.mark.parametrize("top", SPOILS.values(), ids=SPOILS)
def test_a_flow_that_spoils_the_copy_does_not_reach_the_next_one(oracle: Oracle, top: str) -> None:
    files = snapshot({"f.py": flow(top), "g.py": flow(decorators="@resources(gpu=3)\n@kubernetes")})
    oracle.ask(files, Request(file="f.py", flow="F"))
    found = oracle.ask(files, Request(file="g.py", flow="F"))
    assert isinstance(found, Answer), found
    start = next(one for one in found.steps if one.name == "start")
    assert {one.name: one.given for one in start.decorators} == {"resources": {"gpu": 3}, "kubernetes": {}}
    assert next(one for one in start.decorators if one.name == "kubernetes").final["cpu"] == "1.0"


def test_the_home_of_a_flow_is_gone_with_it(oracle: Oracle) -> None:
    top = "import os; open(os.path.join(os.environ['HOME'], 'note'), 'w').write('x')"
    count = flow("import os\nN = len(os.listdir(os.environ['HOME']))", "@resources(gpu=N)")
    files = snapshot({"f.py": flow(top), "g.py": count})
    oracle.ask(files, Request(file="f.py", flow="F"))
    assert attributes(oracle.ask(files, Request(file="g.py", flow="F")), "start", "resources") == {"gpu": 0}


def test_what_cannot_be_ended_ends_the_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("costgate.oracle.process._sweep", lambda before, seconds: False)
    with Oracle(os.environ, QUICK) as oracle:
        assert reason(ask(oracle, flow())).startswith("a process that a flow started could not be ended")
        assert reason(ask(oracle, flow("x = 1"))).startswith("a process that a flow started could not be ended")


def test_a_sweep_gives_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_kill", lambda pid: None)
    child = os.fork()
    if not child:
        time.sleep(600)
        os._exit(0)  # pragma: no cover
    try:
        assert not process._sweep(process._children() - {child}, 0.05)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_an_interrupt_ends_and_removes_everything(tmp_path: Path) -> None:
    timer = threading.Timer(2, os.kill, [os.getpid(), signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt), Oracle(os.environ, QUICK) as oracle:
        ask(oracle, flow(f"{DAEMON}\ntime.sleep(600)"))
    timer.join()


def test_an_interrupt_while_metaflow_is_imported_does_so_too() -> None:
    timer = threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGINT])
    timer.start()
    slow = command("import time; time.sleep(600)\n")
    with pytest.raises(KeyboardInterrupt), Oracle(os.environ, QUICK, slow) as oracle:
        ask(oracle, flow())
    timer.join()


def test_a_process_that_was_stopped_or_ended_meanwhile_is_replaced() -> None:
    before = processes()
    with Oracle(os.environ, replace(QUICK, end_s=1)) as oracle:
        files = snapshot({f"{name}.py": flow() for name in "abc"})
        answers = []
        for name, number in (("a", signal.SIGKILL), ("b", signal.SIGSTOP), ("c", signal.SIGKILL)):
            answers.append(oracle.ask(files, Request(file=f"{name}.py", flow="F")))
            for pid in processes() - before:
                os.kill(int(pid), number)
            time.sleep(0.1)
        assert [isinstance(answer, Answer) for answer in answers] == [True, True, False]
        assert reason(answers[2]) == "the flow's code broke the process that ran it"
