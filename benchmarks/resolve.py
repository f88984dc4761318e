"""How fast resources are resolved: single flows beside Metaflow, monorepos of growing size, many other files.

    .venv/bin/python benchmarks/resolve.py [--flows 1000] [--others 100000] [--repeat 5]

Everything that is compared is measured in turn, in this one run; figures are medians of wall time. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.timing import (
    COSTGATE,
    DIFF,
    METAFLOW,
    Used,
    add_others,
    clock,
    environment,
    many_flows,
    medians,
    one_flow,
    run,
    seconds,
    table,
)  # fmt: skip
from costgate import folder, git
from costgate.config import DeploymentSpec
from costgate.flow import parse
from costgate.flow.parse import Sources
from costgate.flow.resolve import Settings, resolve_flow
from costgate.gate import sides
from costgate.gate.judging import read_config
from tests.support import Repo

ROOT = Path(__file__).resolve().parent.parent
ASK = [sys.executable, str(ROOT / "benchmarks/ask_metaflow.py")]
TOTAL = "version: 1\ncurrency: USD\nrules:\n- {id: total, rule: max-monthly-total, limit: 100000000, action: warn}\n"


def collected(into: Path) -> list[Path]:
    """The tutorials of the installed Metaflow and the flows of the example, each in its own tree, as flows/NAME.py."""
    import metaflow

    paths = []
    tutorials = Path(metaflow.__file__).parent / "tutorials"
    for source in sorted(tutorials.glob("*/*.py")):
        target = into / source.parent.name / "flows"
        shutil.copytree(source.parent, target)
        paths.append(target / source.name)
    shutil.copytree(ROOT / "examples/ml-repo", into / "ml-repo")
    return paths + sorted((into / "ml-repo/flows").glob("*.py"))


def resolved(path: Path) -> int:
    """Resolve the flow of a file from nothing; its number of steps."""
    root = path.parent.parent
    sources = Sources(folder.snapshot(root))
    name = path.relative_to(root).as_posix()
    found = sources.flow_classes(name)[0]
    return len(resolve_flow(sources, found, DeploymentSpec(flow=name), Settings(target="argo-workflows")).steps)


def asked(paths: Iterable[Path]) -> dict[str, tuple[float, int | None]]:
    """What Metaflow says of these files, forked from one process that has imported it."""
    command = [*ASK, *map(str, paths)]
    done = subprocess.run(command, env={**environment(), **METAFLOW}, capture_output=True, check=True)
    found: dict[str, tuple[float, int | None]] = json.loads(done.stdout)["flows"]
    return found


def single_flows(into: Path, repeat: int) -> str:
    """Each flow: in process, by command, and by Metaflow in three ways."""
    paths = collected(into)
    loads = {path: count for path, (_, count) in asked(paths).items()}
    lines = []
    for path in paths:
        root, name = path.parent.parent, path.relative_to(path.parent.parent).as_posix()
        show = [sys.executable, name, "show"]
        rows = {
            "in process": lambda path=path: clock(lambda: resolved(path)),
            "command": lambda root=root, name=name: seconds([*COSTGATE, "resolve", name], root),
            "show": lambda root=root, show=show: run(show, root, codes=(0, 1), **METAFLOW).wall_s,
            "cold": lambda root=root, path=path: seconds([*ASK, str(path)], root, **METAFLOW),
            "forked": lambda path=path: asked([path])[str(path)][0],
        }
        times = medians(rows, repeat)
        steps = f"{resolved(path)} / {loads[str(path)] or 'not loaded'}"
        shown = f"{path.parent.parent.name}/{path.name}"
        ratios = [f"{times['show'] / times['command']:.1f}", f"{times['forked'] / times['in process']:.0f}"]
        lines.append([shown, steps, *(f"{t * 1000:.1f}" for t in times.values()), *ratios])
    columns = (
        "flow", "steps: costgate / Metaflow", "in process, ms", "`costgate resolve`, ms", "`show`, ms",
        "oracle, cold, ms", "oracle, forked, ms", "`show` ÷ `costgate resolve`", "forked ÷ in process",
    )  # fmt: skip
    return table(columns, lines)


def diff(branch: str) -> list[str]:
    return [branch if word == "change" else word for word in DIFF]


def of_changed(into: Path, count: int, repeat: int) -> str:
    """`diff` of a monorepo with 1, 10 and 100 changed flows."""
    changed = (1, 10, 100)
    path = many_flows(into / "changed", count, changed).path
    rows = {f"{n} changed": lambda n=n: seconds(diff(f"change-{n}"), path) for n in changed}
    used = [run(diff(f"change-{n}"), path) for n in changed]
    return timed(f"{count:,} flows,", medians(rows, repeat), changed, used)


def of_total(into: Path, counts: Iterable[int], repeat: int) -> str:
    """`diff` with a rule over the total of all flows, ten of which changed."""
    sizes = tuple(counts)
    paths = {n: many_flows(into / f"total{n}", n, policy=TOTAL).path for n in sizes}
    rows = {f"{n:,} flows": lambda n=n: seconds(diff("change-10"), paths[n]) for n in sizes}
    used = [run(diff("change-10"), paths[n]) for n in sizes]
    return timed("with a total rule,", medians(rows, repeat), sizes, used)


def timed(prefix: str, times: dict[str, float], sizes: Iterable[int], used: Iterable[Used]) -> str:
    """Rows of a table, and what one more flow costs between them."""
    lines = []
    before: tuple[int, float] | None = None
    for (name, wall), size, one in zip(times.items(), sizes, used):
        more = f"{(wall - before[1]) / (size - before[0]) * 1000:.1f}" if before else ""
        lines.append([f"{prefix} {name}", f"{wall:.2f}", more, f"{one.processor_s:.2f}", f"{one.peak_mb:.0f}"])
        before = (size, wall)
    head = ("`costgate diff`", "s", "ms per flow more than above", "processor, s", "peak memory, MB at most")
    return table(head, lines)


def of_others(into: Path, count: int, others: int, repeat: int) -> str:
    """The same difference, alone and among many files that have nothing to do with flows."""
    lines = []
    for name, make in {
        "one flow": one_flow,
        f"{count:,} flows, 10 changed": lambda path: many_flows(path, count).path,
    }.items():
        rows: dict[str, Callable[[], float]] = {}
        commands: dict[str, tuple[list[str], Path]] = {}
        for kind in ("", ".txt", ".py"):
            path = into / f"others{len(name)}{kind}"
            make(path)
            branch = "change" if name == "one flow" else "change-10"
            if kind:
                add_others(Repo(path), others, kind, ("main", branch))
            title = f"{name}, with {others:,} {kind} files" if kind else f"{name}, alone"
            commands[title] = (diff(branch), path)
            rows[title] = partial(seconds, diff(branch), path)
        times = medians(rows, repeat)
        alone = next(iter(times.values()))
        for title, wall in times.items():
            used = run(*commands[title])
            shown = [f"{wall:.2f}", f"{wall / alone:.2f}", f"{used.processor_s:.2f}", f"{used.peak_mb:.0f}"]
            lines.append([title, *shown])
    return table(("`costgate diff`", "s", "÷ alone", "processor, s", "peak memory, MB at most"), lines)


def counted(into: Path, count: int) -> str:
    """How often files are parsed and flows resolved for both sides together."""
    repo = git.open_repository(many_flows(into / "counted", count).path)
    base, head = git.snapshot(repo, "main"), git.snapshot(repo, "change-10")
    blobs = {(path, blob) for side in (base, head) for path, blob in side.files.items() if path.endswith(".py")}
    lines = []
    for title, everything in (("changed flows", False), ("all flows", True)):
        with calls_of(parse, "read_module") as parsed, calls_of(sides, "resolve_flow") as found:
            took = clock(partial(sides.both_sides, base, head, read_config(base), everything=everything))
        lines.append([title, f"{parsed[0]:,}", f"{found[0]:,}", f"{took:.2f}"])
    title = f"{count:,} flows, 10 changed; {len(blobs):,} Python blobs on both sides together"
    return table((title, "files parsed", "flows resolved", "s"), lines)


@contextmanager
def calls_of(module: ModuleType, name: str) -> Iterator[list[int]]:
    """Counts the calls of a function of a module."""
    function, count = getattr(module, name), [0]

    def counting(*args: object) -> object:
        count[0] += 1
        return function(*args)

    setattr(module, name, counting)
    try:
        yield count
    finally:
        setattr(module, name, function)


def variants(into: Path, count: int) -> str:
    """One flow with many configs: what a variant costs."""
    text = "from metaflow import *\nclass F(FlowSpec):\n    cfg = Config('cfg', default='c.json')\n"
    text += "    @kubernetes(gpu=cfg.gpu)\n    @step\n    def start(self): self.next(self.end)\n"
    text += "    @step\n    def end(self): pass\n"
    (into / "variants").mkdir()
    (into / "variants/f.py").write_text(text)
    for n in range(count):
        (into / f"variants/c{n}.json").write_text(json.dumps({"gpu": n}))
    sources = Sources(folder.snapshot(into / "variants"))
    (found,) = sources.flow_classes("f.py")
    specs = [DeploymentSpec(flow="f.py", configs={"cfg": f"c{n}.json"}) for n in range(count)]
    took = clock(lambda: [resolve_flow(sources, found, spec, Settings(target="local")) for spec in specs])
    return f"{count:,} configs of one flow: {took / count * 1000:.2f} ms each, in process."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flows", type=int, default=1000)
    parser.add_argument("--others", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--only", choices=["single", "changed", "total", "others", "counted"])
    args = parser.parse_args()
    sizes = (args.flows // 4, args.flows // 2, args.flows)
    parts = {
        "single": ("Single flows", lambda into: single_flows(into, args.repeat)),
        "changed": ("Changed flows of a monorepo", lambda into: of_changed(into, args.flows, args.repeat)),
        "total": ("A rule over all flows", lambda into: of_total(into, sizes, args.repeat)),
        "others": ("Other files", lambda into: of_others(into, args.flows, args.others, args.repeat)),
        "counted": (
            "Work",
            lambda into: f"{counted(into, args.flows)}\n\n{variants(into, args.flows)}",
        ),
    }
    load = statistics.fmean(os.getloadavg())
    print(f"{os.cpu_count()} cores, load before the run {load:.1f}; medians of {args.repeat}.")
    for key, (title, measure) in parts.items():
        if args.only in (None, key):
            with tempfile.TemporaryDirectory() as temporary:
                print(f"\n### {title}\n\n{measure(Path(temporary))}", flush=True)


if __name__ == "__main__":
    main()
