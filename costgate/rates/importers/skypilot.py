"""SkyPilot: a catalogue of one cloud (`catalogs/v8/aws/vms.csv`).

One row for a type and zone. On-demand prices are the same in all zones of a region; spot prices are not, so they become
a range. Columns may stand in any order, and older catalogues lack some.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

from costgate.rates.importers.machines import SLICE, UNSUPPORTED, first_region
from costgate.rates.importers.source import Source
from costgate.rates.importers.values import (
    NAME,
    Imported,
    ImportedPrice,
    Prices,
    RefusedError,
    Skipped,
    Wanted,
    hourly,
    number,
    ordered,
    size,
)

WHAT = "a SkyPilot catalogue (vms.csv)"
SIGNS = re.compile(r"(?m)^[^\n]*\bInstanceType\b[^\n]*\bvCPUs\b|^[^\n]*\bvCPUs\b[^\n]*\bInstanceType\b")
COLUMNS = ("InstanceType", "vCPUs", "MemoryGiB", "Price", "Region", "AcceleratorName", "AcceleratorCount", "SpotPrice")
LONGEST_CELL = 100  # characters that matter; a longer one is neither a number nor a model
SIZES = ("vCPUs", "MemoryGiB", "AcceleratorName", "AcceleratorCount")
OPTIONAL = ("AcceleratorName", "AcceleratorCount", "SpotPrice")
NEURON = {"Trainium": "trainium", "Inferentia": "inferentia"}  # how names begin
OTHER = re.compile(r"Gaudi.*|tpu-.*|.*FPGA.*|Qualcomm.*|U\d+|VU\d+P?", re.IGNORECASE)
MODELS = {"A100": "A100-40GB", "V100": "V100-16GB", "H100": "H100-80GB", "H200": "H200-141GB"}  # as shipped cards say
GPU_APART = re.compile(r"[ag]\d[a-z]*-.+")  # Google's GPU types: the catalogue prices their GPUs in rows of their own


def read(source: Source, wanted: Wanted, skipped: Skipped) -> Imported:
    """The tiers of a catalogue. Raises InputError for what is none, or where its cloud is not known."""
    provider = _provider(source, wanted)
    prices, nodes = Prices(skipped), dict[tuple[str, str], Mapping[str, Any]]()
    rows = source.records()
    header = next(rows)[1]
    places = _places(header, source)
    for line, row in rows:
        if len(row) < len(header):
            skipped.add("cut short", line)
            continue
        said = {name: row[place] if place >= 0 else "" for name, place in places.items()}
        try:
            _take(provider, said, line, prices, nodes, wanted)
        except RefusedError as refused:
            skipped.add(str(refused), line)
    regions = wanted.regions or tuple(filter(None, [first_region(provider)]))
    priced = tuple(_priced(provider, prices, nodes))
    return Imported(
        tiers=ordered(priced, regions), source=f"SkyPilot catalogue of {provider}", regions=tuple(prices.regions)
    )


def _provider(source: Source, wanted: Wanted) -> str:
    """As a person said it, else the folder of `vms.csv`, as the catalogue lays them out."""
    folder, name = posixpath.split(source.path.replace("\\", "/"))
    provider = wanted.provider or (posixpath.basename(folder) if name.startswith("vms.csv") else "")
    if not NAME.fullmatch(provider):
        raise source.error("the catalogue does not say which cloud it is of", help="add e.g. --provider aws")
    return provider


def _places(header: Sequence[str], source: Source) -> dict[str, int]:
    missing = [name for name in COLUMNS if name not in header and name not in OPTIONAL]
    if missing:
        hint = "take vms.csv of a cloud from skypilot-catalog"
        raise source.error(f"has no column {', '.join(map(repr, missing))}", 1, help=hint)
    return {name: header.index(name) if name in header else -1 for name in COLUMNS}


def _take(
    provider: str,
    said: Mapping[str, str],
    line: int,
    prices: Prices,
    nodes: dict[tuple[str, str], Mapping[str, Any]],
    wanted: Wanted,
) -> None:
    """Keep the prices and the node of a row. Raises RefusedError."""
    region, name = said["Region"], said["InstanceType"]
    prices.see(region)
    if not name:
        raise RefusedError("of an accelerator without a machine")
    if reason := wanted.why_not(region, name):
        raise RefusedError(reason)
    if wanted.currency != "USD":
        raise RefusedError("in another currency")
    node = _node(provider, name, *(said[column].strip()[:LONGEST_CELL] for column in SIZES))
    if not said["Price"].strip():
        raise RefusedError("without an on-demand price")
    prices.on_demand(region, name, _price(said["Price"]), line)
    nodes.setdefault((region, name), node)
    if said["SpotPrice"].strip():
        prices.spot(region, name, hourly(said["SpotPrice"], "USD", kind="spot price"), line)


# A catalogue says the same of a type for every zone and region: what is read of it is kept.
@lru_cache(maxsize=2**14)
def _price(text: str) -> Decimal:
    return hourly(text, "USD")


@lru_cache(maxsize=2**14)
def _node(provider: str, name: str, cores: str, memory: str, model: str, count: str) -> Mapping[str, Decimal | str]:
    cpus, gib = size(cores), size(memory)
    if not cpus or not gib:
        raise RefusedError("without vCPUs or memory")
    return {**_accelerators(provider, name, model, number(count or 0)), "cpus": cpus, "memory_gib": gib}


def _accelerators(provider: str, name: str, model: str, count: Decimal | None) -> dict[str, Any]:
    if provider == "gcp" and GPU_APART.fullmatch(name):
        raise RefusedError("whose GPUs the catalogue prices apart")
    if not model:
        return {}
    if UNSUPPORTED.fullmatch(name) or OTHER.fullmatch(model):
        raise RefusedError("with an accelerator that Metaflow cannot ask for")
    if not count or count != count.to_integral_value() or count < 0 or SLICE.fullmatch(name):
        raise RefusedError("with a slice of a GPU")
    neuron = next((kind for begin, kind in NEURON.items() if model.startswith(begin)), None)
    devices = count.quantize(Decimal(1))
    return {neuron: devices} if neuron else {"gpus": devices, "gpu_model": MODELS.get(model, model)[:100]}


def _priced(
    provider: str, prices: Prices, nodes: Mapping[tuple[str, str], Mapping[str, Any]]
) -> Iterator[ImportedPrice]:
    for region, name, price, spot, _ in prices.each():
        yield ImportedPrice(
            provider=provider,
            region=region,
            instance_type=name,
            node=nodes[(region, name)],
            on_demand=price,
            spot=spot,
        )
