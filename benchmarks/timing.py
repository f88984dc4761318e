"""Clocks and repositories that the benchmarks share. All that is compared is measured in turn, in one run."""

from __future__ import annotations

import atexit
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests import scenario
from tests.support import Repo

COSTGATE = [str(Path(sys.executable).with_name("costgate"))]
DIFF = [*COSTGATE, "diff", "--base", "main", "--head", "change", "--as-of", scenario.AS_OF]
# `show` loads the flow and prints its graph; @kubernetes insists on a remote datastore, which it does not touch.
METAFLOW = {
    "METAFLOW_USER": "bench",
    "METAFLOW_HOME": "/nonexistent",
    "METAFLOW_DEFAULT_DATASTORE": "s3",
    "METAFLOW_DATASTORE_SYSROOT_S3": "s3://bench/none",
    "METAFLOW_DEFAULT_METADATA": "local",
}
BARE = [sys.executable, "-c", "pass"]
CARD = scenario.CARD.replace(
    "default_tier: {gpu: a100}",
    "  cpu: {node: {cpus: 32, memory_gib: 128}, hourly: 1.1}\n    default_tier: {gpu: a100, cpu: cpu}",
)


class Used(NamedTuple):
    """What a command took: wall time and processor time with that of its children in seconds, peak memory in MB."""

    wall_s: float
    processor_s: float
    peak_mb: float  # never less than what the benchmark itself takes (about 50): a fork starts with that


def run(command: list[str], cwd: Path, *, codes: tuple[int, ...] = (0,), **environ: str) -> Used:
    """What one command takes. RuntimeError for another exit code."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=cwd, env={**environment(), **environ}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode not in codes:
        raise RuntimeError(f"{' '.join(command)}: {process.returncode}\n{errors.decode(errors='replace')}")
    wall = time.perf_counter() - start
    return Used(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


@cache
def environment() -> Mapping[str, str]:
    """The environment of the children: all of them find their modules compiled, as an installation leaves them."""
    folder = tempfile.mkdtemp(prefix="bytecode")
    atexit.register(shutil.rmtree, folder)
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": folder}


def seconds(command: list[str], cwd: Path, **environ: str) -> float:
    """Wall time of one run that must succeed."""
    return run(command, cwd, **environ).wall_s


def clock(work: Callable[[], object]) -> float:
    """Wall time of a call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def medians(rows: Mapping[str, Callable[[], float]], repeat: int) -> dict[str, float]:
    """The median of several measurements of each row; the rows take turns, so that all see the same machine."""
    for measure in rows.values():
        measure()  # compiles modules and fills the caches of the disk
    times: dict[str, list[float]] = {name: [] for name in rows}
    for _ in range(repeat):
        for name, measure in rows.items():
            times[name].append(measure())
    return {name: statistics.median(measured) for name, measured in times.items()}


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; all columns but the first are numbers."""
    names = list(head)
    rule = ["---", *["---:"] * (len(names) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in [names, rule, *map(list, rows)])


def one_flow(folder: Path) -> Path:
    """The scenario: one config line changes."""
    repo = Repo(folder)
    repo.commit(scenario.files())
    repo.git("checkout", "-q", "-b", "change")
    repo.commit({"configs/prod.json": scenario.config(8)})
    return repo.path


def many_flows(folder: Path, count: int, changed: Iterable[int] = (10,), policy: str = "") -> Repo:
    """`count` flows of twenty teams, each with a config (JSON or YAML) and the modules that its team shares.

    On the branch `change-N` N of the flows differ: half of them in their config, half in their own text.
    """
    repo = Repo(folder)
    files: dict[str, str | bytes | None] = {"finance/ratecard.yml": CARD}
    files["costgate.yml"] = "version: 1\ntarget: argo-workflows\nrate_card: finance/ratecard.yml\n" + (
        "policy: finance/policy.yml\n" if policy else ""
    )
    if policy:
        files["finance/policy.yml"] = policy
    for team in range(20):
        files[f"flows/team{team}/sizes.py"] = (
            "from common.base import GIB\n\nMEMORY = 16 * GIB\nTIMES = {'small': 1, 'big': 4}\n"
        )
        files[f"flows/team{team}/common/__init__.py"] = ""
        files[f"flows/team{team}/common/base.py"] = "GIB = 1024\n\n\ndef gib(n):\n    return n * GIB\n"
    for n in range(count):
        files.update(flow_files(n, gpu=4))
    repo.commit(files)
    for several in changed:
        repo.git("checkout", "-q", "-b", f"change-{several}", "main")
        numbers = list(range(0, count, max(count // several, 1)))[:several]
        repo.commit({path: text for n in numbers for path, text in changed_files(n).items()})
    return repo


def flow_files(n: int, gpu: int) -> dict[str, str | bytes | None]:
    """A flow and its config."""
    path, parser = (f"configs/c{n}.yml", ', parser="yaml.safe_load"') if n % 2 else (f"configs/c{n}.json", "")
    text = scenario.TRAIN.replace("TrainFlow", f"Train{n}Flow")
    text = text.replace('default="configs/prod.json"', f'default="{path}"{parser}')
    text = text.replace(
        "from metaflow", "from common.base import gib\n    from sizes import MEMORY, TIMES\n    from metaflow"
    )
    text = text.replace("gpu=config.train.gpu", "gpu=config.train.gpu, memory=MEMORY, cpu=TIMES['big'], disk=gib(100)")
    config = f"train:\n  gpu: {gpu}\n" if n % 2 else scenario.config(gpu)
    return {f"flows/team{n % 20}/train{n}.py": text, path: config}


def changed_files(n: int) -> dict[str, str | bytes | None]:
    """The flow with twice the GPUs in its config, or with more processors in its text."""
    files = flow_files(n, gpu=8 if n % 4 < 2 else 4)
    return {path: str(text).replace("TIMES['big']", "8") if n % 4 > 1 else text for path, text in files.items()}


def add_others(repo: Repo, count: int, suffix: str, branches: Iterable[str]) -> None:
    """`count` more files, on every branch from the first commit on, that have nothing to do with flows.

    They are not written to the disk. Each branch becomes one commit on top of the one before.
    """
    content = "import os\n\n\ndef helper(x):\n    return os.path.join('a', x)\n" if suffix == ".py" else "nothing\n"
    texts = (f"# {i}\n{content * 40}" for i in range(1000))
    blobs = [repo_input(repo, text, "hash-object", "-w", "--stdin") for text in texts]
    lines = "".join(f"100644 {blobs[i % 1000]}\tother/d{i % 300}/f{i}{suffix}\n" for i in range(count))
    parent: tuple[str, ...] = ()
    for branch in branches:
        repo.git("read-tree", branch)
        repo_input(repo, lines, "update-index", "--add", "--index-info")
        commit = repo.git("commit-tree", repo.git("write-tree"), *parent, "-m", "more files")
        repo.git("update-ref", f"refs/heads/{branch}", commit)
        parent = ("-p", commit)
    repo.git("repack", "-a", "-d", "-q")


def repo_input(repo: Repo, text: str, *arguments: str) -> str:
    """The output of a git command that reads text."""
    done = subprocess.run(["git", *arguments], cwd=repo.path, input=text, check=True, capture_output=True, text=True)
    return done.stdout.strip()
