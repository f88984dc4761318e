"""Makes the rate cards that ship with costgate from a CSV of list prices.

    python scripts/make_rate_cards.py scripts/prices.csv

One tier a line, so that a price can be traced to `costgate/rates/data/aws.json:LINE`, and a change of prices reads well
in a diff. Rows are left out where a node cannot be described truthfully; the script says how many and why.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parent.parent / "costgate" / "rates" / "data"
FIRST_REGION = {"aws": "us-east-1", "azure": "eastus", "gcp": "us-central1"}  # the region that prices an assumed type
ACCELERATORS = {"Trainium": "trainium", "Inferentia": "inferentia"}
# Machines whose "one GPU" is a slice of one, or whose GPU the source does not know.
SLICES = {"Standard_NV6ads_A10_v5", "Standard_NV12ads_A10_v5", "Standard_NV18ads_A10_v5"}
NO_GPU_LISTED = re.compile(r"g4-standard-\d+|Standard_NC\d+ads_A10_v4")  # RTX PRO 6000 and A10 machines
SPOT_RANGE = re.compile(r"\(min ([0-9.]+) max ([0-9.]+)\)")


def main() -> None:
    """Write one card per provider of the CSV."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prices", type=Path, help="the CSV of list prices")
    parser.add_argument("--output", type=Path, default=DATA, help="the folder of the cards")
    options = parser.parse_args()
    cards, left_out = make(options.prices.read_text(encoding="utf-8"))
    for name, text in cards.items():
        (options.output / f"{name}.json").write_text(text, encoding="utf-8")
        sys.stdout.write(f"{name}.json: {text.count('on_demand')} types\n")
    for reason, count in sorted(left_out.items()):
        sys.stdout.write(f"left out, {reason}: {count}\n")


def make(prices: str) -> tuple[dict[str, str], Counter[str]]:
    """Text of a CSV → card name → text of its JSON, and how many rows were left out for which reason."""
    rows = list(csv.DictReader(io.StringIO(prices)))
    left_out = Counter(reason for row in rows if (reason := why_not(row)))
    kept = [row for row in rows if not why_not(row)]
    providers = sorted({row["provider"] for row in kept})
    return {name: card(name, [row for row in kept if row["provider"] == name]) for name in providers}, left_out


def why_not(row: dict[str, str]) -> str:
    """Why this row cannot be a tier, or nothing."""
    if not row["vcpus"] or not row["memory_gib"]:
        return "no vCPUs or memory in the source"
    if NO_GPU_LISTED.fullmatch(row["instance_type"]):
        return "its GPU is missing in the source"
    if row["instance_type"] in SLICES or (row["accelerator"] and row["accelerator_count"] == "0"):
        return "a slice of a GPU"
    if row["accelerator"].startswith("Gaudi"):
        return "an accelerator that Metaflow cannot ask for"
    return ""


def card(name: str, rows: list[dict[str, str]]) -> str:
    """One provider's card; its first region comes first."""
    rows = sorted(rows, key=lambda row: (row["region"] != FIRST_REGION[name], row["region"], row["instance_type"]))
    (as_of,) = {row["price_date"] for row in rows}
    (source,) = {row["source"] for row in rows}
    head = {"version": 1, "name": name, "currency": "USD", "as_of": as_of, "source": source}
    lines = [f"{json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    tiers = ",\n".join(f"{json.dumps(tier_name(row))}: {json.dumps(tier(row))}" for row in rows)
    return "\n".join(["{", *lines, '"tiers": {', tiers, "}", "}", ""])


def tier_name(row: dict[str, str]) -> str:
    """`aws/us-east-1/p3.8xlarge`."""
    return f"{row['provider']}/{row['region']}/{row['instance_type']}"


def tier(row: dict[str, str]) -> dict[str, Any]:
    """A row as a tier of a rate card."""
    cloud: dict[str, Any] = {"provider": row["provider"], "region": row["region"]}
    cloud["on_demand"] = number(row["on_demand_usd_hr"])
    if row["spot_usd_hr"]:
        cloud["spot"] = spot(row)
    return {"node": node(row), "cloud": cloud}


def node(row: dict[str, str]) -> dict[str, Any]:
    """The machine: GPUs with their model, or Trainium and Inferentia devices, and what surrounds them."""
    model, count = row["accelerator"], number(row["accelerator_count"])
    devices = next((kind for prefix, kind in ACCELERATORS.items() if model.startswith(prefix)), None)
    if devices:
        accelerators: dict[str, Any] = {devices: count}
    else:
        accelerators = {"gpus": count, "gpu_model": model} if model else {}
    return {**accelerators, "cpus": number(row["vcpus"]), "memory_gib": number(row["memory_gib"])}


def spot(row: dict[str, str]) -> dict[str, float]:
    """A range: the lowest price seen, the usual one, and on-demand, which a spot price may reach at any moment."""
    usual, on_demand = number(row["spot_usd_hr"]), number(row["on_demand_usd_hr"])
    seen = SPOT_RANGE.search(row["spot_source"])
    return {"low": number(seen.group(1)) if seen else usual, "expected": usual, "high": on_demand}


def number(text: str) -> float:
    """A number without a needless `.0`."""
    value = float(text)
    return int(value) if value.is_integer() else value


if __name__ == "__main__":
    main()
