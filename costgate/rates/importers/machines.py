"""How large instance types are, for price lists that do not say it: from the shipped cards, and from files of the
providers (`az vm list-skus -o json`, `gcloud compute machine-types list --format=json`).
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from costgate.rates.importers.json_items import Items
from costgate.rates.importers.source import Source
from costgate.rates.importers.values import MAX_PRICES, Node, RefusedError, size
from costgate.shipped import rate_cards

CONTAINERS = {(), ("value",), ("items",)}  # a list, or what the APIs wrap around it
SLICE = re.compile(r"Standard_NV(6|12|18)ads_A10_v5|Standard_NV\d+as_v4|gr?6f\..+", re.ASCII)
UNSUPPORTED = re.compile(r"(dl|vt|f)\d[a-z]*\..+|Standard_NP\d+s", re.ASCII)  # Gaudi, video, FPGA
NEURON = re.compile(r"(trn|inf)\d[a-z]*\..+", re.ASCII)
WITH_GPUS = re.compile(r"(p|g|gr)\d[a-z]*\..+|Standard_N[CDGV]\w+|(a|g)\d[a-z]*-.+", re.ASCII)
GCP_MODELS = {  # gcloud's accelerator types
    "nvidia-tesla-a100": "A100-40GB",
    "nvidia-a100-80gb": "A100-80GB",
    "nvidia-h100-80gb": "H100-80GB",
    "nvidia-l4": "L4",
}


@lru_cache
def shipped(provider: str) -> Mapping[str, Node]:
    """Instance type → node, as the shipped card of this provider says it; nothing where none ships."""
    path = rate_cards().get(provider)
    tiers = json.loads(path.read_bytes(), parse_float=Decimal, parse_int=Decimal)["tiers"] if path else {}
    return {name.rpartition("/")[2]: tier["node"] for name, tier in tiers.items()}


@lru_cache
def first_region(provider: str) -> str | None:
    """The region that prices an assumed type of the shipped card."""
    path = rate_cards().get(provider)
    return next(iter(json.loads(path.read_bytes())["tiers"])).split("/")[1] if path else None


@lru_cache
def models(provider: str) -> Mapping[str, str]:
    """Family (`p5`) → GPU model, for the families of the shipped card that have one model."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, node in shipped(provider).items():
        if "gpu_model" in node:
            found[name.partition(".")[0]].add(str(node["gpu_model"]))
    return {family: next(iter(names)) for family, names in found.items() if len(names) == 1}


def accelerators(provider: str, name: str, gpus: Decimal | None) -> dict[str, Any]:
    """What a type has beside cores and memory. Raises RefusedError where the node could not be told truthfully.

    `gpus` is what the price list says: some lists are silent about GPUs, and all of them about Neuron devices. A price
    without them would make a GPU node the dearest of CPU nodes.
    """
    known = shipped(provider).get(name, {})
    if SLICE.fullmatch(name):
        raise RefusedError("with a slice of a GPU")
    if UNSUPPORTED.fullmatch(name):
        raise RefusedError("with an accelerator that Metaflow cannot ask for")
    devices = {kind: known[kind] for kind in ("trainium", "inferentia") if kind in known}
    if devices or NEURON.fullmatch(name):
        return devices or _missing("Trainium or Inferentia devices")
    count = gpus or known.get("gpus")
    if not count:
        return _missing("GPUs") if WITH_GPUS.fullmatch(name) and not known else {}
    model = known.get("gpu_model") or models(provider).get(name.partition(".")[0])
    return {"gpus": count, **({"gpu_model": model} if model else {})}


def read(source: Source) -> dict[str, Node]:
    """Instance type → node of a provider's list of machine types. Raises InputError for any other file."""
    found: dict[str, Node] = {}
    for _, item in Items(source).walk(CONTAINERS):
        if isinstance(item, dict) and isinstance(name := item.get("name"), str):
            node = _azure(item) if "capabilities" in item else _gcp(item)
            if node and len(found) < MAX_PRICES:
                found.setdefault(name, node)
    if not found:
        hint = "make it with `az vm list-skus -o json` or `gcloud compute machine-types list --format=json`"
        raise source.error("has no machine types", help=hint)
    return found


def _missing(what: str) -> dict[str, Any]:
    raise RefusedError(f"whose {what} are not in the file")


def _azure(item: Mapping[str, Any]) -> Node | None:
    said = item["capabilities"] if isinstance(item["capabilities"], list) else []
    values = {str(one.get("name")): one.get("value") for one in said if isinstance(one, dict)}
    cpus, memory, gpus = (size(values.get(name)) for name in ("vCPUs", "MemoryGB", "GPUs"))
    if not cpus or not memory:
        return None
    return {**({"gpus": gpus} if gpus else {}), "cpus": cpus, "memory_gib": memory}


def _gcp(item: Mapping[str, Any]) -> Node | None:
    cpus, memory = size(item.get("guestCpus")), size(item.get("memoryMb"))
    if not cpus or not memory or item.get("isSharedCpu") is True:
        return None
    gpus: dict[str, Any] = {}
    said = item.get("accelerators")
    for one in said if isinstance(said, list) else ():
        kind, count = (
            (one.get("guestAccelerator" + name) for name in ("Type", "Count")) if isinstance(one, dict) else ("", 0)
        )
        if not size(count):
            return None
        gpus = {"gpus": size(count), "gpu_model": GCP_MODELS.get(str(kind), str(kind)[:100])}
    return {**gpus, "cpus": cpus, "memory_gib": memory / 1024}
