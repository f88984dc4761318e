"""How fast the gate is: one flow against asking Metaflow for one side, and a repository of 1,000 flows.

    .venv/bin/python benchmarks/gate.py [--flows 1000] [--repeat 5]

Prints medians of wall time measured side by side in one run, their ratios, and the peak memory of the large run.
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
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests import scenario
from tests.support import Repo

COSTGATE = [str(Path(sys.executable).with_name("costgate"))]
DIFF = [*COSTGATE, "diff", "--base", "main", "--head", "change", "--as-of", scenario.AS_OF]
# `show` loads the flow and prints its graph; @kubernetes insists on a remote datastore, which it does not touch.
METAFLOW = {
    "METAFLOW_USER": "bench",
    "METAFLOW_DEFAULT_DATASTORE": "s3",
    "METAFLOW_DATASTORE_SYSROOT_S3": "s3://bench/none",
}
BARE = [sys.executable, "-c", "pass"]


def seconds(command: list[str], cwd: Path, **environ: str) -> float:
    """Wall time of one run that must succeed."""
    start = time.perf_counter()
    subprocess.run(command, cwd=cwd, env={**os.environ, **environ}, check=True, capture_output=True)
    return time.perf_counter() - start


def one_flow(folder: Path) -> Path:
    """The scenario: one config line changes."""
    repo = Repo(folder)
    repo.commit(scenario.files())
    repo.git("checkout", "-q", "-b", "change")
    repo.commit({"configs/prod.json": scenario.config(8)})
    return repo.path


def many_flows(folder: Path, count: int) -> Path:
    """`count` flows with a config each, of which ten change."""
    repo = Repo(folder)
    files: dict[str, str | bytes | None] = {
        "costgate.yml": "version: 1\ntarget: argo-workflows\nrate_card: finance/ratecard.yml\n",
        "finance/ratecard.yml": scenario.CARD.replace(
            "default_tier: {gpu: a100}",
            "  cpu: {node: {cpus: 32, memory_gib: 128}, hourly: 1.1}\n    default_tier: {gpu: a100, cpu: cpu}",
        ),
    }
    for n in range(count):
        flow = scenario.TRAIN.replace("TrainFlow", f"Train{n}Flow").replace("configs/prod.json", f"configs/c{n}.json")
        files[f"flows/team{n % 20}/train{n}.py"] = flow
        files[f"configs/c{n}.json"] = scenario.config(4)
    repo.commit(files)
    repo.git("checkout", "-q", "-b", "change")
    repo.commit({f"configs/c{n}.json": scenario.config(8) for n in range(0, count, max(count // 10, 1))})
    return repo.path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flows", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        small, large = one_flow(Path(temporary) / "small"), many_flows(Path(temporary) / "large", args.flows)
        oracle = [sys.executable, "flows/train.py", "show"]
        rows = {
            "python -c pass": lambda: seconds(BARE, small),
            "costgate --version": lambda: seconds([*COSTGATE, "--version"], small),
            "costgate diff, one flow": lambda: seconds(DIFF, small),
            "Metaflow `show`, one side": lambda: seconds(oracle, small, **METAFLOW),
            f"costgate diff, {args.flows} flows, 10 changed": lambda: seconds(DIFF, large),
        }
        times: dict[str, list[float]] = {name: [] for name in rows}
        for _ in range(args.repeat):
            for name, measure in rows.items():
                times[name].append(measure())
    bare = statistics.median(times["python -c pass"])
    for name, measured in times.items():
        median = statistics.median(measured)
        print(f"{name:45} {median * 1000:8.0f} ms   {median / bare:6.1f} × bare python")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"peak memory of any child: {peak:.0f} MB")


if __name__ == "__main__":
    main()
