"""Any bytes as flow or config give a result within bounds: a seeded fuzzer, and a sweep over real source trees.

    .venv/bin/python benchmarks/fuzz.py [--inputs 1000000] [--seed 1] [--first 0]
    .venv/bin/python benchmarks/fuzz.py --one 1234 [--seed 1]        # print the files of a round, and run it
    .venv/bin/python benchmarks/fuzz.py --sweep [FOLDER …]           # every *.py of the standard library as a flow

A round is one flow text with several sets of configs, sometimes with a module beside it and a costgate.yml. Every file
of a set is an input. The whole set goes through `plan`, `resolve_all` and both renderers of `costgate resolve` in a
worker process; the supervisor notes exceptions, what takes longer than a second of processor time, what makes the
worker's memory grow, results out of bounds, and a worker that dies or stops answering.
"""

from __future__ import annotations

import argparse
import ast
import json
import math
import mmap
import os
import posixpath
import resource
import select
import signal
import struct
import sys
import sysconfig
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.texts import Texts
from costgate.config import ProjectConfig
from costgate.errors import InputError
from costgate.flow.deployments import plan, resolve_all
from costgate.flow.evaluate import Evaluator
from costgate.flow.frame import module_frame
from costgate.flow.parse import Sources
from costgate.flow.values import MAX_TEXT
from costgate.gate.judging import read_config
from costgate.model import Flow, Known, Location, Unresolved
from costgate.render import resolve_v1
from tests.support import snapshot

SETS = 4  # of configs per flow text
SLOW_S, HANGS_S = 1.0, 30.0  # processor time of one set; wall time without a sign of life
GROWTH_MB = 64  # of the worker's peak memory by one set
MEMORY = 2 * 2**30  # bytes of address space that a worker may have
MOST_TEXT = 2_000_000  # characters of a rendered flow
Files = Mapping[str, bytes]


@dataclass
class Tally:
    """What was seen so far."""

    rounds: int = 0
    inputs: int = 0
    flows: int = 0
    steps: int = 0
    known: int = 0
    open: int = 0
    refused: int = 0
    slowest_s: float = 0
    slowest_round: int = -1
    findings: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Take over what a worker reports."""
        if other.slowest_s > self.slowest_s:
            self.slowest_s, self.slowest_round = other.slowest_s, other.slowest_round
        self.findings += other.findings
        for name in ("rounds", "inputs", "flows", "steps", "known", "open", "refused"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


def sets(seed: int, number: int) -> Iterator[dict[str, bytes]]:
    """The sets of files of a round."""
    texts = Texts(Random(f"{seed}:{number}"))
    flow = texts.flow().encode("utf-8", "surrogatepass")
    for _ in range(SETS):
        files = {"f.py": flow, "c.json": texts.config()}
        if texts.r.random() < 0.5:
            files["d/c.yml"] = texts.config()
        if texts.r.random() < 0.3:
            files["lib.py"] = texts.library().encode("utf-8", "surrogatepass")
        if texts.r.random() < 0.2:
            files["costgate.yml"] = texts.project()
        yield files


def examine(files: Files, tally: Tally) -> list[Flow]:
    """Resolve and render everything in the files; AssertionError for a result out of bounds."""
    tree = snapshot(files)
    try:
        config = read_config(tree)
    except InputError:
        config = ProjectConfig()
        tally.refused += 1
    sources = Sources(tree)
    specs, unplanned = plan(sources, config)
    deployments, unresolved = resolve_all(sources, specs, side=config, judge=config)
    for problem in (*unplanned, *unresolved):
        within(problem.location, files)
    flows = [deployment.flow for deployment in deployments]
    for flow in flows:
        check(flow, files, tally)
        text = resolve_v1.render_json(flow)
        json.loads(text, parse_constant=no_number)
        both = text + resolve_v1.render_text(flow)
        must(len(both.encode()) <= MOST_TEXT, f"{len(both)} characters of output")
    return flows


def must(ok: bool, otherwise: str) -> None:
    """A result is out of bounds."""
    if not ok:
        raise AssertionError(otherwise)


def no_number(name: str) -> None:
    raise AssertionError(f"{name} in JSON")


def check(flow: Flow, files: Files, tally: Tally) -> None:
    """Every value is a plain number or text within bounds, every place is in one of the files."""
    tally.flows += 1
    tally.steps += len(flow.steps)
    for path in flow.reads:
        must(path == posixpath.normpath(path) and path[0] != "/" and path.split("/")[0] != "..", f"reads {path!r}")
    for problem in flow.unresolved:
        within(problem, files)
    for step in flow.steps:
        within(step.location, files)
        values = [getattr(step.resources, one.name) for one in fields(step.resources)]
        for amount in (step.resources.cpu, step.resources.gpu, step.resources.memory_mb, step.resources.disk_mb):
            must(isinstance(amount, Unresolved) or math.isfinite(amount.value or 0), "an amount that is no number")
        for value in (*values, *step.fan_out, step.num_parallel):
            if isinstance(value, Known):
                tally.known += 1
                bounded(value.value)
                for place in value.chain:
                    within(place, files)
            elif isinstance(value, Unresolved):
                tally.open += 1
                within(value, files)


def bounded(value: Any) -> None:
    if isinstance(value, Mapping):
        for key, item in value.items():
            bounded(key)
            bounded(item.value if isinstance(item, Known) else None if isinstance(item, Unresolved) else item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            bounded(item.value if isinstance(item, Known) else None if isinstance(item, Unresolved) else item)
    elif isinstance(value, str):
        must(len(value) <= MAX_TEXT and "\0checkout" not in value, "text out of bounds")
    else:
        must(value is None or isinstance(value, (bool, int, float)), f"a {type(value).__name__} as a value")
        must(not isinstance(value, int) or abs(value) < 2**1100, "a number out of bounds")


def within(where: Location | Unresolved, files: Files) -> None:
    if isinstance(where, Unresolved):
        must(0 < len(where.reason) < 1500 and len(where.expression) < 1500, "a reason out of bounds")
        where = where.location
    must(where.line >= 1 and where.column >= 1, f"no place: {where}")
    must(where.path in files or where.path == "costgate.yml", f"a place outside of the files: {where}")
    lines = files.get(where.path, b"").count(b"\n") + files.get(where.path, b"").count(b"\r") + 1
    must(where.line <= lines, f"a place behind the end of the file: {where} of {lines}")


class TookTooLongError(BaseException):
    """Not an Exception, so that nothing catches it on the way."""


def alarm(*_: object) -> None:
    raise TookTooLongError


def observe(label: str, files: Files, tally: Tally) -> None:
    """One set under the watch of a clock and of the peak memory."""
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    signal.setitimer(signal.ITIMER_REAL, HANGS_S / 2)
    try:
        examine(files, tally)
    except TookTooLongError:
        tally.findings.append(f"{label}: stopped after {HANGS_S / 2} s\n{''.join(traceback.format_exc(limit=-6))}")
    except Exception:  # noqa: BLE001 whatever it is, it is a finding
        tally.findings.append(f"{label}: {''.join(traceback.format_exc(limit=-6))}")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    spent = time.process_time() - began
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    if spent > tally.slowest_s:
        tally.slowest_s, tally.slowest_round = spent, int(label.partition(":")[0])
    if spent > SLOW_S:
        tally.findings.append(f"{label}: {spent:.1f} s")
    if grown > GROWTH_MB:
        tally.findings.append(f"{label}: {grown} MB more")


def work(seed: int, numbers: range, life: mmap.mmap, pipe: int) -> None:
    """A worker: rounds in order, each noted as it begins; a report per hundred."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGALRM, alarm)
    observe("0: warm up", next(sets(seed, -1)), Tally())
    tally = Tally()
    for number in numbers:
        life[:8] = struct.pack("<q", number)
        for index, files in enumerate(sets(seed, number)):
            observe(f"{number}: set {index}", files, tally)
            tally.inputs += len(files) - (index > 0)  # the flow text is the same
        tally.rounds += 1
        if tally.rounds == 100:
            report(pipe, tally)
            tally = Tally()
    report(pipe, tally)


def report(pipe: int, tally: Tally) -> None:
    os.write(pipe, (json.dumps(vars(tally)) + "\n").encode())


def supervise(seed: int, first: int, inputs: int, progress: bool) -> Tally:
    """Start workers until that many inputs were seen; a worker that dies or hangs is a finding, and goes on behind."""
    total, life = Tally(), mmap.mmap(-1, 8)
    while total.inputs < inputs:
        read, write = os.pipe()
        child = os.fork()
        if not child:
            try:
                os.close(read)
                work(seed, range(first, first + 10_000), life, write)
                os._exit(0)
            except BaseException:  # noqa: BLE001 the fork must end here
                traceback.print_exc()
                os._exit(1)
        os.close(write)
        rounds = total.rounds
        ended = watch(child, read, life, total, inputs, progress)
        os.close(read)
        first = first + total.rounds - rounds
        if ended:
            number = struct.unpack("<q", life[:8])[0]
            total.findings.append(f"{number}: {ended}")
            first = number + 1  # up to a hundred rounds before it are not counted
    return total


def watch(child: int, read: int, life: mmap.mmap, total: Tally, inputs: int, progress: bool) -> str:
    """Take the reports of a worker; why it ended if it should not have."""
    seen, since, rest = life[:8], time.monotonic(), b""
    while True:
        ready, _, _ = select.select([read], [], [], 1)
        chunk = os.read(read, 1 << 20) if ready else None
        if chunk == b"":
            status = os.waitpid(child, 0)[1]
            return f"the worker ended with status {status}" if status else ""
        *lines, rest = (rest + (chunk or b"")).split(b"\n")
        for line in lines:
            report_of = Tally(**json.loads(line))
            total.add(report_of)
            for finding in report_of.findings:
                print(finding.strip(), file=sys.stderr, flush=True)
            if progress and total.rounds % 2000 < report_of.rounds:
                print(f"{total.inputs:,} inputs, {len(total.findings)} findings", flush=True)
        if life[:8] != seen:
            seen, since = life[:8], time.monotonic()
        if total.inputs >= inputs or time.monotonic() - since > HANGS_S:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "" if total.inputs >= inputs else f"no answer for {HANGS_S:.0f} s"


def sweep(folders: list[Path], most: int | None = None, seconds: float | None = None) -> tuple[int, float, str, int]:
    """Every *.py file of the folders as a flow: files, processor seconds, the slowest one, modules that were read.

    Each becomes the head of a file with a flow that uses the module's own names as arguments of decorators.
    """
    paths = [path for folder in folders for path in sorted(folder.rglob("*.py"))][:most]
    began, slowest, read = time.process_time(), (0.0, ""), 0
    for path in paths:
        before = time.process_time()
        read += bool(swept(path.read_bytes()))
        slowest = max(slowest, (time.process_time() - before, str(path)))
    return len(paths), time.process_time() - began, f"{slowest[0]:.2f} s for {slowest[1]}", read


def swept(data: bytes) -> int:
    """How many of the names that a source file binds were used in a flow at its end, and resolved or not."""
    sources = Sources(snapshot({"f.py": data}))
    module = sources.module("f.py")
    if isinstance(module, Unresolved):
        return 0
    names = sorted(module.scope.bindings)[:200]
    arguments = "".join(f"    @environment(vars={{'a': {name}, 'b': [{name}.x, {name}(1)]}})\n" for name in names)
    tail = (
        "\nfrom metaflow import FlowSpec, step, environment\nclass TheFlow(FlowSpec):\n"
        f"{arguments}    @step\n    def start(self): self.next(self.end)\n    @step\n    def end(self): pass\n"
    )
    files = {"f.py": module.text.encode("utf-8", "surrogatepass") + tail.encode()}
    tree = snapshot(files if not data.startswith(b"\xef\xbb\xbf") else {"f.py": data + tail.encode()})
    sources = Sources(tree)
    specs, _ = plan(sources, ProjectConfig())
    resolve_all(sources, specs, side=ProjectConfig(), judge=ProjectConfig())
    found = sources.module("f.py")
    if not isinstance(found, Unresolved):
        evaluator = Evaluator(sources, "f.py")
        for name in names:
            evaluate_name(evaluator, name)
    return len(names)


def evaluate_name(evaluator: Evaluator, name: str) -> None:
    node = ast.parse(name, mode="eval").body
    evaluator.evaluate(node, module_frame(evaluator.load("f.py")))


def grouped(findings: list[str]) -> list[str]:
    """Findings of one kind once, with their number."""
    kinds: dict[str, list[str]] = {}
    for finding in findings:
        lines = finding.strip().split("\n")
        kinds.setdefault(f"{lines[-1]} {lines[-2] if len(lines) > 1 else lines[0]}", []).append(finding)
    return [f"{len(found)} ×: {found[0]}" for found in kinds.values()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the first round")
    parser.add_argument("--one", type=int, help="show and run this round only")
    parser.add_argument("--sweep", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("--most", type=int, help="files of a sweep")
    args = parser.parse_args()
    if args.sweep is not None:
        folders = args.sweep or [Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib")]
        files, seconds, slowest, read = sweep(folders, args.most)
        print(f"{files:,} files, {read:,} of them Python with names of their own, {seconds:.0f} s, slowest {slowest}")
    elif args.one is not None:
        signal.signal(signal.SIGALRM, alarm)
        tally = Tally()
        for index, files in enumerate(sets(args.seed, args.one)):
            for path, data in files.items():
                print(f"--- {path}\n{data.decode('utf-8', 'backslashreplace')}")
            observe(f"{args.one}: set {index}", files, tally)
        print("\n".join(tally.findings) or "nothing found")
    else:
        began = time.monotonic()
        total = supervise(args.seed, args.first, args.inputs, progress=True)
        print("\n".join(grouped(total.findings)))
        print(
            f"seed {args.seed}: {total.inputs:,} inputs in {total.rounds:,} rounds, {time.monotonic() - began:,.0f} s; "
            f"{total.flows:,} flows with {total.steps:,} steps resolved, {total.known:,} values known, "
            f"{total.open:,} open, {total.refused:,} costgate.yml refused; "
            f"slowest {total.slowest_s:.2f} s (round {total.slowest_round}); "
            f"{len(total.findings)} findings"
        )


if __name__ == "__main__":
    main()
