"""AWS: the price list of AmazonEC2, as the bulk API gives it in CSV and in JSON.

Kept: on-demand, Linux without installed software, shared tenancy, used capacity, in a region (no local or wavelength
zone), by the hour. The format: AWS Billing user guide, "Reading the service price list file for an AWS service".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from operator import itemgetter
from typing import Any, NamedTuple

from costgate.errors import InputError
from costgate.rates.importers.json_items import Items
from costgate.rates.importers.machines import accelerators, first_region
from costgate.rates.importers.source import Source
from costgate.rates.importers.values import (
    MAX_PRICES,
    Imported,
    ImportedPrice,
    Place,
    Prices,
    RefusedError,
    Skipped,
    Wanted,
    day,
    hourly,
    ordered,
    size,
)

WHAT = "an AWS price list (AmazonEC2, CSV or JSON)"
SIGNS = re.compile(r'"?(?:OfferTermCode|offerCode|OfferCode|formatVersion)"?')
COLUMNS = {  # field of an Offer → column of the CSV, attribute of the JSON
    "family": ("Product Family", "productFamily"),
    "region": ("Region Code", "regionCode"),
    "instance_type": ("Instance Type", "instanceType"),
    "vcpu": ("vCPU", "vcpu"),
    "memory": ("Memory", "memory"),
    "system": ("Operating System", "operatingSystem"),
    "tenancy": ("Tenancy", "tenancy"),
    "software": ("Pre Installed S/W", "preInstalledSw"),
    "capacity": ("CapacityStatus", "capacitystatus"),
    "gpu": ("GPU", "gpu"),
    "location": ("Location Type", "locationType"),
    "licence": ("License Model", "licenseModel"),
    "market": ("MarketOption", "marketoption"),
    "operation": ("operation", "operation"),
}
OPTIONAL = ("gpu", "location", "licence", "market", "operation")  # not in every file
TERMS = ("TermType", "Unit", "PricePerUnit", "Currency", "StartingRange", "EndingRange")
SYSTEMS = ("Windows", "RHEL", "SUSE", "Ubuntu Pro", "Red Hat Enterprise Linux with HA")
HEADER_WITHIN = 20  # rows; AWS writes five of metadata first
MEMORY = re.compile(r"([\d,]+(?:\.\d+)?) GiB", re.ASCII)
CONTAINERS = {(), ("products",), ("terms",), ("terms", "OnDemand"), ("terms", "Reserved"), ("terms", "FlatRate")}


class Offer(NamedTuple):
    """What a product is; the names of COLUMNS."""

    family: str
    region: str
    instance_type: str
    vcpu: str
    memory: str
    system: str
    tenancy: str
    software: str
    capacity: str
    gpu: str
    location: str
    licence: str
    market: str
    operation: str


class Term(NamedTuple):
    """What it costs; the names of TERMS without TermType."""

    unit: str
    price: Any
    currency: str
    start: str
    end: str


def read(source: Source, wanted: Wanted, skipped: Skipped) -> Imported:
    """The tiers of a price list. Raises InputError for a file that is none."""
    reading = _Reading(wanted, skipped)
    published = reading.json(source) if source.head().lstrip().startswith("{") else reading.csv(source)
    regions = wanted.regions or tuple(filter(None, [first_region("aws")]))
    return Imported(
        tiers=ordered(tuple(reading.priced()), regions),
        source="AWS price list of AmazonEC2" + (f", published {published}" if published else ""),
        published=published,
        regions=tuple(reading.prices.regions),
    )


class _Reading:
    """One file while it is read."""

    def __init__(self, wanted: Wanted, skipped: Skipped) -> None:
        self.wanted, self.skipped = wanted, skipped
        self.prices = Prices(skipped)
        self.offers: dict[tuple[str, str], Offer] = {}

    def csv(self, source: Source) -> date | None:
        """Every row; the file's own day."""
        rows = source.records()
        header, published = _header(source, rows)
        offer_of, term_of, kind = _picker(header, source)
        for line, row in rows:
            if len(row) < len(header):
                self.skipped.add("cut short", line)
            elif row[kind] != "OnDemand":
                self.skipped.add("of reservations", line)
            else:
                self.take(Offer._make(offer_of([*row, ""])), Term._make(term_of(row)), line)
        return published

    def json(self, source: Source) -> date | None:
        """Products come first, then what each of them costs."""
        items, published = Items(source), None
        products: dict[str, Offer] = {}
        for path, value in items.walk(CONTAINERS):
            if path == ("publicationDate",):
                published = day(value)
            elif path[:1] == ("products",):
                self.product(products, path[-1], value, items)
            elif path[:2] == ("terms", "OnDemand"):
                self.terms(products.get(path[-1]), value, items.began)
            elif path[:1] == ("terms",):
                self.skipped.add("of reservations", items.began)
        if not products and not self.skipped.counts:
            raise source.error("has no products", help="take index.json of AmazonEC2, not the index of regions")
        return published

    def product(self, products: dict[str, Offer], sku: str, value: Any, items: Items) -> None:
        """Keep a product that was asked for; count any other."""
        attributes = value.get("attributes") if isinstance(value, dict) else None
        if not isinstance(attributes, dict):
            raise items.error("a product without attributes", "take index.json of AmazonEC2")
        said = {**attributes, "productFamily": value.get("productFamily", "")}
        offer = Offer._make(str(said.get(name, "")) for _, name in COLUMNS.values())
        self.prices.see(offer.region)
        if reason := why_not(offer) or self.wanted.why_not(offer.region, offer.instance_type):
            self.skipped.add(reason, items.began)
        else:
            products[sku] = offer
            if len(products) > 4 * MAX_PRICES:
                raise items.error("more products than one rate card holds", "narrow it down with --region")

    def terms(self, offer: Offer | None, value: Any, place: Place) -> None:
        """The on-demand prices of one product; those of a product that was left out are not counted again."""
        for dimension in _dimensions(value) if offer else ():
            prices = dimension.get("pricePerUnit")
            for currency, price in (prices if isinstance(prices, dict) else {}).items():
                unit, start, end = (str(dimension.get(name, "")) for name in ("unit", "beginRange", "endRange"))
                assert offer is not None  # for the type checker
                self.keep(offer, Term(unit=unit, price=price, currency=currency, start=start, end=end), place)

    def take(self, offer: Offer, term: Term, place: Place) -> None:
        """A row of the CSV: product and price in one."""
        self.prices.see(offer.region)
        if reason := why_not(offer) or self.wanted.why_not(offer.region, offer.instance_type):
            self.skipped.add(reason, place)
        else:
            self.keep(offer, term, place)

    def keep(self, offer: Offer, term: Term, place: Place) -> None:
        """A price, if it is one by the hour in the right currency."""
        if term.unit not in ("Hrs", "Hours"):
            self.skipped.add("not by the hour", place)
        elif term.currency != self.wanted.currency:
            self.skipped.add("in another currency", place)
        elif term.start not in ("", "0") or term.end not in ("", "Inf"):
            self.skipped.add("of a volume tier", place)
        else:
            try:
                price = hourly(term.price, term.currency)
            except RefusedError as refused:
                return self.skipped.add(str(refused), place)
            self.offers[(offer.region, offer.instance_type)] = offer
            self.prices.on_demand(offer.region, offer.instance_type, price, place)
        return None

    def priced(self) -> Iterator[ImportedPrice]:
        """Every type whose node can be told."""
        for region, name, price, _, place in self.prices.each():
            try:
                node = _node(self.offers[(region, name)])
            except RefusedError as refused:
                self.skipped.add(str(refused), place)
            else:
                yield ImportedPrice(provider="aws", region=region, instance_type=name, node=node, on_demand=price)


def why_not(offer: Offer) -> str:
    """Why this product is none that a step runs on, or nothing."""
    if not offer.family.startswith("Compute Instance"):
        return "of other products"
    if offer.system != "Linux":
        return f"of {offer.system}" if offer.system in SYSTEMS else "of another operating system"
    if offer.software not in ("NA", ""):
        return "with installed software"
    if offer.tenancy != "Shared":
        return "of dedicated or host tenancy"
    if offer.capacity != "Used":
        return "of capacity reservations"
    if offer.location not in ("AWS Region", ""):
        return "of local and wavelength zones"
    if offer.licence not in ("No License required", "NA", ""):
        return "with another licence model"
    return "" if offer.market in ("OnDemand", "") and offer.operation in ("RunInstances", "") else "of another market"


def _header(source: Source, rows: Iterator[tuple[int, Sequence[str]]]) -> tuple[list[str], date | None]:
    """The names of the columns, and the day of the metadata above them."""
    published = None
    for position, (_, row) in enumerate(rows):
        if "SKU" in row:
            return list(row), published
        if row[:1] == ["Publication Date"]:
            published = day(row[1] if len(row) > 1 else "")
        if position == HEADER_WITHIN:
            break
    raise source.error("has no row with the names of the columns", help="take index.csv of AmazonEC2 as AWS gives it")


def _picker(header: Sequence[str], source: Source) -> tuple[itemgetter[Any], itemgetter[Any], int]:
    """How to take an Offer (of a row with one empty cell more), a Term, and the kind of term from a row."""
    needed = [column for name, (column, _) in COLUMNS.items() if name not in OPTIONAL]
    missing = [column for column in (*needed, *TERMS) if column not in header]
    if missing:
        raise _missing(source, missing)
    places = {column: position for position, column in enumerate(header)}
    offer = itemgetter(*(places.get(column, len(header)) for column, _ in COLUMNS.values()))
    return offer, itemgetter(*(places[column] for column in TERMS[1:])), places[TERMS[0]]


def _missing(source: Source, columns: Sequence[str]) -> InputError:
    hint = "take index.csv of AmazonEC2: price lists of savings plans and of other services have no instance prices"
    return source.error(f"has no column {', '.join(map(repr, columns))}", help=hint)


def _dimensions(value: Any) -> Iterator[Mapping[str, Any]]:
    """`{offer term: {priceDimensions: {rate: {…}}}}`."""
    for term in value.values() if isinstance(value, dict) else ():
        dimensions = term.get("priceDimensions") if isinstance(term, dict) else None
        for dimension in dimensions.values() if isinstance(dimensions, dict) else ():
            if isinstance(dimension, dict):
                yield dimension


def _node(offer: Offer) -> dict[str, Decimal | str]:
    memory = MEMORY.fullmatch(offer.memory)
    cpus, gib = size(offer.vcpu), size(memory[1].replace(",", "")) if memory else None
    if not cpus or not gib:
        raise RefusedError("without vCPUs or memory")
    return {**accelerators("aws", offer.instance_type, size(offer.gpu)), "cpus": cpus, "memory_gib": gib}
