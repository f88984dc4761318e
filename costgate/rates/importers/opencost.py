"""OpenCost and Kubecost: custom pricing (JSON, all values text) and the CSV price sheet.

The JSON has one price of a core-hour, of a GiB-hour and of a GPU-hour, whatever the node: one tier that charges their
sum. Storage is by the GiB-hour there (cost = bytes ÷ 2³⁰ × hours × price) and by the TB-month (10¹² bytes, 730 hours)
here. The sheet has rows of nodes, GPUs and volumes. Fields: configs/ and csvprovider.go of opencost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from costgate import yamlfile
from costgate.errors import InputError
from costgate.rates.importers.linear import SYNTHETIC, summed
from costgate.rates.importers.machines import shipped
from costgate.rates.importers.source import Source
from costgate.rates.importers.values import (
    DIGITS,
    MAX_PRICES,
    Imported,
    Node,
    RefusedError,
    Skipped,
    Wanted,
    hourly,
    number,
)
from costgate.units import HOURS_PER_MONTH
from costgate.yamlfile import Document

WHAT = "OpenCost prices (custom pricing JSON, or the CSV price sheet)"
SIGNS = re.compile(r'"(?:CPU|RAM|GPU|spotCPU|spotRAM|spotGPU|customPricesEnabled)"\s*:|\bMarketPriceHourly\b')
NAME = "opencost"
UNITS = {"CPU": "cpu", "RAM": "memory", "GPU": "gpu"}
ABSURD = {"CPU": Decimal(10), "RAM": Decimal(2), "GPU": Decimal(500)}  # an hour, in dollars, euros or pounds
GIB_HOURS = Decimal(10) ** 12 / 2**30 * HOURS_PER_MONTH  # of a TB-month
HEADER = ("InstanceID", "Region", "AssetClass", "InstanceIDField", "InstanceType", "MarketPriceHourly")
ID = re.compile(r"\w[\w .:/@+-]{0,199}")
LABELS = "metadata.labels."
MANY = Decimal(1000)  # GPUs of a synthetic node


def read(source: Source, wanted: Wanted, skipped: Skipped) -> Imported:
    """The tiers of either file. Raises InputError for a price list that cannot be used as a whole."""
    if source.head().lstrip().startswith("{"):
        return _custom(source, wanted)
    return _Sheet(source, wanted, skipped).read()


def _custom(source: Source, wanted: Wanted) -> Imported:
    document = yamlfile.load_json(source.whole().encode(), source.path)
    source.rows = len(document.data)
    _check(document, wanted)
    tiers = {}
    for name, prefix in ((NAME, ""), (f"{NAME}-spot", "spot")):
        prices = dict(_unit_prices(document, prefix, wanted.currency))
        if prices:
            tiers[name] = {**_summed(document, prices), **_spot_match(document, prefix)}
    if NAME not in tiers:
        raise _error(document, "has no price of CPU, RAM or GPU", help='add e.g. "CPU": "0.031611", a core-hour')
    needs = {"gpu": "gpus", "cpu": "cpus"}
    return Imported(
        tiers=tiers,
        source="OpenCost custom pricing",
        default_tier={need: NAME for need, size in needs.items() if size in tiers[NAME]["node"]},
        storage=dict(_storage(document, wanted.currency)),
        notes=tuple(_notes(document, tiers)),
    )


def _check(document: Document, wanted: Wanted) -> None:
    said = document.data.get("currencyCode")
    if said and said != wanted.currency:
        hint = f"add --currency {str(said)[:10]}"
        raise _error(document, f"is in {str(said)[:10]}, not in {wanted.currency}", "currencyCode", help=hint)


def _unit_prices(document: Document, prefix: str, currency: str) -> Iterator[tuple[str, Decimal]]:
    """Names of linear.py and prices; what is not there, empty or 0 has none."""
    for unit, name in UNITS.items():
        price = _price(document, prefix + unit, currency, ABSURD[unit])
        if price:
            yield name, price


def _price(document: Document, key: str, currency: str, limit: Decimal) -> Decimal | None:
    value = document.data.get(key)
    if value in (None, "") or number(value) == 0:
        return None
    try:
        return hourly(value if isinstance(value, str) else str(value), currency, largest=limit)
    except RefusedError as refused:
        hint = "OpenCost's prices are per hour, as text; divide one that is per month by 730"
        raise _error(document, f"has a {key} {refused}", key, help=hint) from None


def _storage(document: Document, currency: str) -> Iterator[tuple[str, Decimal]]:
    price = _price(document, "storage", currency, Decimal(1))
    if price:
        yield NAME, DIGITS.multiply(price, GIB_HOURS)


def _summed(document: Document, prices: Mapping[str, Decimal]) -> dict[str, Any]:
    try:
        return summed(prices)
    except ValueError as error:
        raise _error(document, f"cannot be one tier: {error}", help="round the prices, or correct them") from None


def _spot_match(document: Document, prefix: str) -> dict[str, Any]:
    """The label that marks spot nodes, where the file names it."""
    label, value = document.data.get("spotLabel"), document.data.get("spotLabelValue")
    return {"match": [{"node_selector": {str(label): str(value)}}]} if prefix and label and value else {}


def _notes(document: Document, tiers: Mapping[str, Any]) -> Iterator[str]:
    yield SYNTHETIC
    for key in ("discount", "negotiatedDiscount"):
        if (value := str(document.data.get(key, ""))[:20]) and number(value.rstrip("%")) != 0:
            yield f"{key} {value} is not in the prices: OpenCost applies it to CPU and RAM of its own"
    if "gpus" not in tiers[NAME]["node"]:
        yield "there is no GPU price: work on GPUs has none here"


def _error(document: Document, message: str, *keys: str, help: str) -> InputError:
    return InputError(message, where=str(document.where(*keys)), help=help)


@dataclass(slots=True)
class _Sheet:
    """A CSV price sheet while it is read."""

    source: Source
    wanted: Wanted
    skipped: Skipped
    tiers: dict[str, dict[str, Any]] = field(default_factory=dict)
    storage: dict[str, Decimal] = field(default_factory=dict)
    clashes: set[str] = field(default_factory=set)
    gpu_nodes: dict[str, int] = field(default_factory=dict)
    gpu_rows: bool = False

    def read(self) -> Imported:
        rows = self.source.records()
        header = next(rows)[1]
        missing = [name for name in HEADER if name not in header]
        if missing:
            hint = "the first line is EndTimestamp,InstanceID,Region,AssetClass,InstanceIDField,InstanceType,…"
            raise self.source.error(f"has no column {', '.join(map(repr, missing))}", 1, help=hint)
        for line, row in rows:
            self.row(header, row, line)
        for name in self.clashes:
            self.tiers.pop(name, None)
        if self.gpu_rows:
            self.drop_gpu_nodes()
        return Imported(
            tiers=dict(sorted(self.tiers.items())),
            source="OpenCost CSV price sheet",
            storage=dict(sorted(self.storage.items())),
            notes=("a GPU row prices the GPU alone; OpenCost adds the price of its node",) if self.gpu_rows else (),
        )

    def row(self, header: Sequence[str], row: Sequence[str], line: int) -> None:
        """One asset."""
        if len(row) == 1 and row[0].startswith("#"):
            return None
        if len(row) != len(header):
            return self.skipped.add("cut short", line)
        said = dict(zip(header, row))
        try:
            self.classes().get(said["AssetClass"].strip(), _unknown_class)(said, self.name(said), line)
        except RefusedError as refused:
            self.skipped.add(str(refused), line)
        return None

    def classes(self) -> Mapping[str, Callable[[Mapping[str, str], str, int], None]]:
        """What a row of an asset class becomes."""
        return {"node": self.node, "gpu": self.gpu, "pv": self.volume}

    def name(self, said: Mapping[str, str]) -> str:
        region, name = said["Region"].strip(), said["InstanceID"].strip() or said["InstanceType"].strip()
        if not ID.fullmatch(name) or (region and not ID.fullmatch(region)):
            raise RefusedError("without a name")
        if self.wanted.regions and region not in self.wanted.regions:
            raise RefusedError("in another region")
        return f"{region}/{name}" if region else name

    def node(self, said: Mapping[str, str], name: str, line: int) -> None:
        """A node's price, if its size is known: OpenCost asks the cluster."""
        node = _size(said, self.wanted)
        if not node:
            raise RefusedError("of nodes of unknown size (give them in a card named by --against)")
        if node.get("gpus"):
            self.gpu_nodes[name] = line
        self.add(
            name, {"node": dict(node), "hourly": hourly(said["MarketPriceHourly"], self.wanted.currency)}, said, line
        )

    def gpu(self, said: Mapping[str, str], name: str, line: int) -> None:
        """A GPU's price, on a synthetic node that holds any request."""
        self.gpu_rows = True
        price = hourly(said["MarketPriceHourly"], self.wanted.currency) * MANY
        self.add(f"gpu/{name}", {"node": {"gpus": MANY}, "hourly": price, "split": "gpu_only"}, said, line)

    def volume(self, said: Mapping[str, str], name: str, line: int) -> None:
        """A volume's price by the GiB-hour."""
        price = hourly(said["MarketPriceHourly"], self.wanted.currency, largest=Decimal(1))
        self.storage[name] = DIGITS.multiply(price, GIB_HOURS)

    def add(self, name: str, tier: dict[str, Any], said: Mapping[str, str], line: int) -> None:
        """A tier; the same name with two prices is none."""
        label = said["InstanceIDField"].strip().removeprefix(LABELS)
        if ID.fullmatch(label) and not label.startswith(("metadata.", "spec.")):
            tier["match"] = [{"node_selector": {label: said["InstanceID"].strip()}}]
        if self.tiers.setdefault(name, tier) != tier:
            self.clashes.add(name)
            raise RefusedError("with two different prices for one asset")
        if len(self.tiers) > MAX_PRICES:
            raise self.source.error(f"more than {MAX_PRICES:,} prices", line, help="narrow it down with --region")

    def drop_gpu_nodes(self) -> None:
        """Where GPUs have rows of their own, the price of a node does not include them."""
        for name, line in self.gpu_nodes.items():
            if self.tiers.pop(name, None):
                self.skipped.add("of GPU nodes whose GPUs have rows of their own", line)


def _unknown_class(said: Mapping[str, str], name: str, line: int) -> None:
    raise RefusedError("of another asset class than node, gpu and pv")


def _size(said: Mapping[str, str], wanted: Wanted) -> Node | None:
    for name in (said["InstanceID"].strip(), said["InstanceType"].strip()):
        for known in (wanted.machines, shipped("aws"), shipped("azure"), shipped("gcp")):
            if name in known:
                return known[name]
    return None
