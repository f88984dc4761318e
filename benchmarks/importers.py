"""Makes price files of a gigabyte in the vendors' formats and measures how long an import takes and what it holds.

    python benchmarks/importers.py [--megabytes 1000] [--folder DIR] [aws.csv aws.json skypilot.csv azure.json]

The files are made from the fixtures of the tests: every combination of type, region, system, tenancy and term, as
often as the size asks. Reported are seconds, MB a second, and the peak of resident memory of the whole process
(`ru_maxrss` of a child that does nothing else). They have to stay below 200 MB.
"""

from __future__ import annotations

import argparse
import csv
import io
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "tests" / "data" / "importers"
REGIONS = [
    f"{area}-{side}-{n}" for area in ("us", "eu", "ap", "sa", "me", "af") for side in ("east", "west") for n in (1, 2)
]
FAMILIES = [
    f"{letter}{generation}{suffix}" for letter in "cmrtx" for generation in (5, 6, 7, 8) for suffix in ("", "i", "a")
]
SIZES = {
    "large": 2,
    "xlarge": 4,
    "2xlarge": 8,
    "4xlarge": 16,
    "8xlarge": 32,
    "12xlarge": 48,
    "16xlarge": 64,
    "24xlarge": 96,
}
TYPES = {f"{family}.{size}": cpus for family in FAMILIES for size, cpus in SIZES.items()}
LEFT_OUT = [
    {"TermType": "Reserved", "LeaseContractLength": "1yr"},
    {"TermType": "Reserved", "LeaseContractLength": "3yr"},
    {"Operating System": "Windows"},
    {"Operating System": "RHEL"},
    {"Tenancy": "Dedicated"},
    {"CapacityStatus": "UnusedCapacityReservation"},
    {"Pre Installed S/W": "SQL Web"},
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--folder", type=Path, help="where the files are made; they stay there")
    parser.add_argument("kinds", nargs="*", default=list(KINDS), help=", ".join(KINDS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for kind in options.kinds:
            path = folder / kind
            KINDS[kind](path, options.megabytes * 10**6)
            measure(path)
            if not options.folder:
                path.unlink()


def measure(path: Path) -> None:
    importer = path.name.partition(".")[0]
    extra = ["--provider", "aws"] if importer == "skypilot" else []
    command = [
        sys.executable,
        "-m",
        "costgate",
        "rates",
        "import",
        importer,
        str(path),
        "--as-of",
        "2026-10-01",
        *extra,
    ]
    card = path.with_suffix(".card.yml")
    child = (
        "import resource, subprocess, sys\n"
        "code = subprocess.call(sys.argv[1:])\n"
        "print('peak', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024); sys.exit(code)"
    )
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", child, *command, "--output-file", str(card)], capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - started
    size = os.path.getsize(path) / 10**6
    said = done.stdout.splitlines()
    peak = next((line.split()[1] for line in said if line.startswith("peak ")), "?")
    print(f"{path.name}: {size:,.0f} MB in {seconds:,.0f} s ({size / seconds:,.0f} MB/s), peak {peak} MB: {said[0]}")
    sys.stdout.write(done.stderr)
    card.unlink(missing_ok=True)


def combinations() -> Iterator[tuple[int, str, str, int, dict[str, str]]]:
    """Serial number, region, type, cores, and in what a row differs from one that is kept; each kept one comes once."""
    serial = itertools.count()
    for region, (name, cpus) in itertools.product(REGIONS, TYPES.items()):
        yield next(serial), region, name, cpus, {}
    while True:
        for region, (name, cpus), other in itertools.product(REGIONS, TYPES.items(), LEFT_OUT):
            yield next(serial), region, name, cpus, other


def template() -> tuple[str, list[str], dict[str, str]]:
    """Metadata and header of the fixture, its columns, and its first row."""
    lines = (DATA / "aws.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    columns, row = csv.reader(lines[5:7])
    return "".join(lines[:6]), columns, dict(zip(columns, row))


def aws_csv(path: Path, size: int) -> None:
    head, columns, base = template()
    with path.open("w", encoding="utf-8") as file:
        file.write(head)
        for serial, region, name, cpus, other in combinations():
            own = {"SKU": f"S{serial:015d}", "Region Code": region, "Instance Type": name, "vCPU": str(cpus)}
            row = {**base, **own, "Memory": f"{cpus * 2} GiB", "PricePerUnit": f"{cpus * 0.0425:.10f}", **other}
            text = io.StringIO()
            csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow([row[column] for column in columns])
            if file.tell() + len(text.getvalue()) > size:
                break
            file.write(text.getvalue())


def aws_json(path: Path, size: int) -> None:
    """Products first, then terms: half of the size each."""
    document = json.loads((DATA / "aws.json").read_text(encoding="utf-8"))
    product = next(iter(document["products"].values()))
    term = json.dumps(next(iter(document["terms"]["OnDemand"].values())))
    names = {"Operating System": "operatingSystem", "Tenancy": "tenancy", "CapacityStatus": "capacitystatus"}
    count = 0
    with path.open("w", encoding="utf-8") as file:
        file.write(
            '{"formatVersion": "v1.0", "offerCode": "AmazonEC2", "publicationDate": "2026-09-18T17:47:47Z",\n'
            '"products": {\n'
        )
        for count, region, name, cpus, other in combinations():
            own = {"regionCode": region, "instanceType": name, "vcpu": str(cpus), "memory": f"{cpus * 2} GiB"}
            changed = {names[key]: value for key, value in other.items() if key in names} or (
                {"tenancy": "Dedicated"} if other else {}
            )
            attributes = {**product["attributes"], **own, "filler": "x" * 600, **changed}
            text = json.dumps({**product, "attributes": attributes})
            file.write(f"{',' if count else ''}{json.dumps(f'S{count:015d}')}: {text}\n")
            if file.tell() > size * 0.6:
                break
        file.write('},\n"terms": {"OnDemand": {\n')
        for serial in range(count):
            file.write(f"{',' if serial else ''}{json.dumps(f'S{serial:015d}')}: {term}\n")
        file.write('},\n"Reserved": {\n')
        for serial in itertools.count():
            file.write(f"{',' if serial else ''}{json.dumps(f'S{serial:015d}')}: {term}\n")
            if file.tell() > size:
                break
        file.write("}}}\n")


def skypilot(path: Path, size: int) -> None:
    """One row a type and zone; zones as many as the size asks."""
    dice = random.Random(1)
    with path.open("w", encoding="utf-8") as file:
        file.write(
            "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,GpuInfo,Price,SpotPrice,Region,AvailabilityZone,Arch\n"
        )
        for zone in itertools.count(1):
            for region, (name, cpus) in itertools.product(REGIONS, TYPES.items()):
                spot = f"{cpus * 0.0425 * dice.uniform(0.2, 1):.4f}" if zone < 7 else ""
                file.write(
                    f"{name},,,{cpus}.0,{cpus * 2}.0,,{cpus * 0.0425},{spot},{region},{region}-az{zone},x86_64\n"
                )
            if file.tell() > size:
                break


def azure(path: Path, size: int) -> None:
    """Pages appended to each other."""
    document, _ = json.JSONDecoder().raw_decode((DATA / "azure.json").read_text(encoding="utf-8"))
    item = document["Items"][0]
    kinds = [{}, {"productName": "Virtual Machines Dsv5 Series Windows"}, {"type": "Reservation"}]
    with path.open("w", encoding="utf-8") as file:
        for page in itertools.count():
            items = [
                {**item, "armRegionName": f"region{page % 60}", **kinds[n % 3], "skuId": f"{page}-{n}"}
                for n in range(100)
            ]
            file.write(json.dumps({**document, "Items": items}) + "\n")
            if file.tell() > size:
                break


KINDS: dict[str, Callable[[Path, int], None]] = {
    "aws.csv": aws_csv,
    "aws.json": aws_json,
    "skypilot.csv": skypilot,
    "azure.json": azure,
}


if __name__ == "__main__":
    main()
