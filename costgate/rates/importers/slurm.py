"""Slurm: TRESBillingWeights of partitions, from slurm.conf or `scontrol show partition`.

A job's billing is the sum of weight × what it holds (with PriorityFlags=MAX_TRES the largest of them), times hours. The
tier of a partition charges just that at the price of a billing unit. Memory counts in MB unless its weight has a
suffix: 0.25G is 0.25 for 1024 MB. A partition without weights bills its cores. Source: slurm.conf(5), the page "TRES".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from costgate.errors import InputError
from costgate.rates.importers.linear import SYNTHETIC, largest, summed
from costgate.rates.importers.source import MAX_ROW, Source
from costgate.rates.importers.values import MAX_PRICES, Imported, RefusedError, Skipped, Wanted, hourly, number

WHAT = "Slurm partitions (slurm.conf, or `scontrol show partition`)"
SIGNS = re.compile(r"(?im)^\s*(?:PartitionName|SlurmctldHost|NodeName|ClusterName)=")
TOKEN = re.compile(r'([^\s=]+)=("[^"]*"|\S*)')
WEIGHT = re.compile(r"(?P<tres>[^=,]+)=(?P<amount>[0-9.]+)(?P<suffix>[KMGTkmgt]?)", re.ASCII)
NAME = re.compile(r"[A-Za-z0-9_][\w.+-]{0,99}", re.ASCII)
PER_GIB = {"": Decimal(1024), "K": Decimal(1024**2), "M": Decimal(1024), "G": Decimal(1), "T": Decimal(1) / 1024}
FREE = ("license/", "bb/", "energy", "vmem", "pages", "fs/", "ic/")  # a step asks for none of them
DEFAULT = "DEFAULT"


def read(source: Source, wanted: Wanted, skipped: Skipped) -> Imported:
    """A tier for each partition. Raises InputError without the price of a billing unit."""
    if wanted.price_per_billing_unit is None:
        hint = "add --price-per-billing-unit, what one unit of billing costs an hour, e.g. 0.01"
        raise InputError("Slurm's weights are no prices", where=source.path, help=hint)
    partitions, max_tres = _partitions(source)
    max_tres = max_tres or wanted.max_tres
    tiers: dict[str, dict[str, Any]] = {}
    for line, said in partitions:
        try:
            tiers.update(_tiers(said, wanted.price_per_billing_unit, wanted.currency, max_tres))
        except RefusedError as refused:
            skipped.add(str(refused), line)
    how = "the largest" if max_tres else "the sum"
    return Imported(
        tiers=dict(sorted(tiers.items())),
        source=f"Slurm TRESBillingWeights at {wanted.price_per_billing_unit} a billing unit and hour",
        notes=(
            f"a step pays {how} of what it holds, weighed (PriorityFlags {'with' if max_tres else 'without'} MAX_TRES)",
            SYNTHETIC,
        ),
    )


def _partitions(source: Source) -> tuple[list[tuple[int, dict[str, str]]], bool]:
    """Line and keys (lower case) of every partition with those of DEFAULT before it; whether MAX_TRES is set."""
    found: list[tuple[int, dict[str, str]]] = []
    defaults: dict[str, str] = {}
    max_tres = False
    for line, said in _records(source):
        max_tres = max_tres or "MAX_TRES" in said.get("priorityflags", "").upper().split(",")
        name = said.get("partitionname", "")
        if name.upper() == DEFAULT:
            defaults.update(said)
        elif name:
            source.rows += 1
            found.append((line, {**defaults, **said}))
        if len(found) > MAX_PRICES:
            raise source.error(f"more than {MAX_PRICES:,} partitions", line, help="is it the right file?")
    if not found:
        raise source.error(
            "has no PartitionName=", help="pass the file that defines partitions; Include is not followed"
        )
    return found, max_tres


def _records(source: Source) -> Iterator[tuple[int, dict[str, str]]]:
    """Line and keys of each record: a line with those that it continues on, or that are indented below it."""
    start, parts, size = 0, [""], 0
    for position, raw in enumerate(source.lines(), start=1):
        line = raw.partition("#")[0].rstrip()
        if parts[-1].endswith("\\") or (parts != [""] and line and raw[0] in " \t"):
            parts[-1] = parts[-1].removesuffix("\\")
            parts.append(line)
            size += len(line)
            if size > MAX_ROW:
                raise source.error(f"a record of more than {MAX_ROW:,} characters", start, help="is it the right file?")
        else:
            yield start, _keys(" ".join(parts))
            start, parts, size = position, [line], len(line)
    yield start, _keys(" ".join(parts))


def _keys(text: str) -> dict[str, str]:
    return {key.lower(): value.strip('"') for key, value in TOKEN.findall(text)}


def _tiers(
    said: Mapping[str, str], unit: Decimal, currency: str, max_tres: bool
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The tier of a partition; one more for each type of GPU that has a weight of its own."""
    name = said["partitionname"]
    if not NAME.fullmatch(name):
        raise RefusedError("without a name")
    prices, typed = _prices(said.get("tresbillingweights", "CPU=1"), unit, currency)
    make = largest if max_tres else summed
    if "gpu" not in prices and len(typed) == 1:  # whatever GPU a step gets, it is of this type
        prices, typed = {**prices, "gpu": next(iter(typed.values()))}, {}
    if not prices and not typed:
        raise RefusedError("of partitions that bill nothing")
    try:
        if prices:
            yield name, {**make(prices), "match": [{"queue": name}]}
        for kind, price in typed.items():  # Slurm bills `gres/gpu` and the type; no step says which type it gets
            yield f"{name}/{kind}", make({**prices, "gpu": prices.get("gpu", Decimal(0)) + price})
    except ValueError as error:
        raise RefusedError(f"of partitions that cannot be one tier: {error}") from None


def _prices(weights: str, unit: Decimal, currency: str) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """Price of a core-hour, GiB-hour and GPU-hour, and what a GPU of each type adds."""
    prices, typed = {}, {}
    for text in filter(None, (part.strip() for part in weights.split(","))):
        name, weight = _weight(text)
        if not weight or name.startswith(FREE):
            continue
        price = hourly(weight * unit, currency)
        if name in ("cpu", "mem", "gres/gpu"):
            prices[{"cpu": "cpu", "mem": "memory", "gres/gpu": "gpu"}[name]] = price
        elif name.startswith("gres/gpu:") and NAME.fullmatch(name.removeprefix("gres/gpu:")):
            typed[name.removeprefix("gres/gpu:")] = price
        else:
            raise RefusedError("of partitions that weigh what a step does not say (nodes, other GRES)")
    return prices, typed


def _weight(text: str) -> tuple[str, Decimal]:
    match = WEIGHT.fullmatch(text)
    amount = number(match["amount"]) if match else None
    if match is None or amount is None:
        raise RefusedError("of partitions with a weight that is no number")
    name = match["tres"].strip().lower()
    if name == "mem":
        return name, amount * PER_GIB[match["suffix"].upper()]
    if match["suffix"]:
        raise RefusedError("of partitions with a suffix on another weight than memory")
    return name, amount
