"""The Action from nothing to verdict: the step of action.yml on a bare runner, against a fake GitHub on loopback.

    .venv/bin/python benchmarks/action.py [--repeat 7]

Needs a package index. Prints medians of wall and processor time measured side by side in one run, beyond bare Python,
and ends with 1 where the cold start misses its bar.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.action import bare
from tests.action.scene import NAME, Scene
from tests.action.test_start import STEP, prepared
from tests.github.fake import Fake, World

BAR_S = 5.0
SHELL = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"]


def spent(command: list[str], cwd: Path, environ: Mapping[str, str], code: int) -> tuple[float, float]:
    """Seconds of wall and of processor time of one run that must end with `code`."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, check=False, cwd=cwd, env=dict(environ), capture_output=True, text=True)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == code, done.stdout + done.stderr
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=7)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, Fake(world=World(NAME)) as fake:
        folder = Path(temporary)
        (folder / "job").mkdir()
        index = {name: text for name, text in os.environ.items() if name.startswith("PIP_") or name == "HTTPS_PROXY"}
        job = bare.environment(folder / "home", **{**prepared(Scene(folder / "scene", fake), folder / "job"), **index})
        workspace = folder / "job" / "workspace"
        step = [*SHELL, STEP]
        judge = [*SHELL, "python3 -m costgate action"]
        rows = {
            "python3 -c pass": ([*SHELL, "python3 -c pass"], {}, 0),
            "nothing cached": (step, {"PIP_NO_CACHE_DIR": "1"}, 1),
            "pip's cache of an earlier job": (step, {"PIP_CACHE_DIR": str(folder / "cache")}, 1),
            "wheels on the runner's disk": (step, bare.offline(), 1),
            "the verdict alone, packages there": (judge, {"PYTHONPATH": str(bare.ROOT)}, 1),
        }
        spent(step, workspace, {**job, "PIP_CACHE_DIR": str(folder / "cache")}, 1)  # fills it
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in rows}
        for _ in range(args.repeat):
            for name, (command, more, code) in rows.items():
                times[name].append(spent(command, workspace, {**job, **more}, code))
    walls, cpus = ({name: statistics.median(t[n] for t in each) for name, each in times.items()} for n in (0, 1))
    print(f"beyond bare Python ({walls['python3 -c pass'] * 1000:.0f} ms)      wall    processor     all walls")
    for name in list(rows)[1:]:
        wall, cpu = (found[name] - found["python3 -c pass"] for found in (walls, cpus))
        print(
            f"{name:34} {wall:6.2f} s     {cpu:6.2f} s     {' '.join(f'{each:.1f}' for each, _ in sorted(times[name]))}"
        )
    cold = walls["nothing cached"] - walls["python3 -c pass"]
    print(f"bar: {BAR_S:.0f} s; load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return int(cold > BAR_S)


if __name__ == "__main__":
    sys.exit(main())
