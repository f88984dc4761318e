"""How fast the gate is: one flow against asking Metaflow for one side, and a repository of 1,000 flows.

    .venv/bin/python benchmarks/gate.py [--flows 1000] [--repeat 5]

Prints medians of wall time measured side by side in one run, their ratios, and the peak memory of the large run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.timing import BARE, COSTGATE, DIFF, METAFLOW, many_flows, medians, one_flow, run, seconds, table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flows", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        small, large = one_flow(Path(temporary) / "small"), many_flows(Path(temporary) / "large", args.flows).path
        oracle = [sys.executable, "flows/train.py", "show"]
        of_many = ["change-10" if word == "change" else word for word in DIFF]
        rows = {
            "`python -c pass`": lambda: seconds(BARE, small),
            "`costgate --version`": lambda: seconds([*COSTGATE, "--version"], small),
            "`costgate diff`, one flow": lambda: seconds(DIFF, small),
            "Metaflow's `show`, one side of that flow": lambda: seconds(oracle, small, **METAFLOW),
            f"`costgate diff`, {args.flows:,} flows, 10 changed": lambda: seconds(of_many, large),
        }
        times = medians(rows, args.repeat)
        peak = run(of_many, large).peak_mb
    bare, *_ = times.values()
    print(table(("", "ms", "× bare Python"), ([n, f"{t * 1000:,.0f}", f"{t / bare:.1f}"] for n, t in times.items())))
    print(f"\nPeak memory of the last row: {peak:.0f} MB")


if __name__ == "__main__":
    main()
