"""Reads a rate card, what it extends and its versions, and gives the prices in force on a day."""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any, TypeAlias, cast

from costgate import yamlfile
from costgate.errors import InputError, Problem
from costgate.model import Location, RateCard, Reservation, Tier
from costgate.rates import drafts, tiers
from costgate.rates.discounts import Discount, discounted
from costgate.rates.drafts import Draft, Layer, Where
from costgate.shipped import rate_cards
from costgate.units import decimal

MAX_FILES = 32  # of a card with all that it extends
MAX_DEPTH = 8
CAPACITIES = ("gpus", "cpus", "nodes")
INCLUDED = "included"  # disk_storage: a task's disk is part of the node and costs nothing beside it

Keys: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One card as it was read."""

    path: str
    data: Mapping[str, Any]
    where: Where
    shipped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """A card with all that it extends, in its own currency, not yet priced."""

    currency: str
    effective: date
    drafts: Mapping[str, Draft] = field(default_factory=dict)
    default_tier: Mapping[str, str] = field(default_factory=dict)
    storage: Mapping[str, Decimal] = field(default_factory=dict)
    disk_storage: tuple[str, Location] | None = None  # the kind that disks are, and where a card says so
    reservations: Mapping[str, Reservation] = field(default_factory=dict)


def load(reference: str, *, read: Callable[[str], bytes], as_of: date) -> RateCard:
    """The card of a shipped name (aws, azure, gcp) or of a path given to `read` (KeyError: no such file).

    Of its versions the newest in force on `as_of` counts; before the first of them, the top level does. Raises
    InputError with everything that is wrong.
    """
    loading = Loading(read, as_of)
    file = loading.open(reference, None)
    merged = loading.merged(file, (file.path,))
    priced = _priced(merged, loading.problems)
    if loading.problems:
        raise InputError(problems=loading.problems)
    return RateCard(
        name=str(file.data["name"]),
        currency=merged.currency,
        as_of=merged.effective,
        day=as_of,
        digest=f"sha256:{loading.digest.hexdigest()}",
        tiers=priced,
        default_tier=merged.default_tier,
        storage=merged.storage,
        effective_dates=_boundaries(loading.files.values()),
        reservations=tuple(merged.reservations.values()),
        shipped=all(draft.shipped for draft in merged.drafts.values()),
    )


def drafts_of(reference: str, *, read: Callable[[str], bytes], as_of: date) -> Mapping[str, Draft]:
    """The tiers of the same card as its files say them, in its currency; for a card that `load` finds sound."""
    loading = Loading(read, as_of)
    file = loading.open(reference, None)
    return loading.merged(file, (file.path,)).drafts


class Loading:
    """One call of `load`: files are read once, and what is wrong with the cards' content gathers in `problems`."""

    def __init__(self, read: Callable[[str], bytes], as_of: date) -> None:
        self.read = read
        self.as_of = as_of
        self.problems: list[Problem] = []
        self.digest = hashlib.sha256()
        self.files: dict[str, File] = {}
        self.cards: dict[str, Merged] = {}

    def open(self, reference: str, place: Location | None) -> File:
        """A shipped card or a file; `place` is the `extends` entry that names it."""
        if reference in self.files:
            return self.files[reference]
        where = str(place) if place else reference
        if len(self.files) >= MAX_FILES:
            raise InputError(f"more than {MAX_FILES} rate cards extend each other", where=where, help="merge some")
        shipped = rate_cards()
        content = shipped[reference].read_bytes() if reference in shipped else self._content(reference, place)
        self.digest.update(content)
        file = _shipped(reference, content) if reference in shipped else _own(reference, content)
        self.files[reference] = file
        return file

    def _content(self, path: str, place: Location | None) -> bytes:
        try:
            return self.read(path)
        except KeyError:
            near = drafts.closest(path, rate_cards())
            hint = f"did you mean the shipped card '{near}'?" if near else f"write its path from {_start(place)}"
            raise InputError(f"there is no rate card '{path}'", where=str(place or path), help=hint) from None

    def merged(self, file: File, trail: tuple[str, ...]) -> Merged:
        """A card over everything that it extends, in order; its own words come last."""
        if file.path not in self.cards:
            self.cards[file.path] = self._merge(file, trail)
        return self.cards[file.path]

    def _merge(self, file: File, trail: tuple[str, ...]) -> Merged:
        currency, (effective, version) = _currency(file), _in_force(file, self.as_of)
        card = Merged(currency=currency, effective=effective)
        for position, reference in enumerate(file.data.get("extends") or ()):
            below = self._extended(file, position, str(reference), trail)
            card = _stack(card, _exchanged(below, file, position))
        parts: tuple[Keys, ...] = ((), ("versions", version)) if version >= 0 else ((),)
        names = discounted(card.drafts, _discounts(file, parts), self.problems)
        for keys in parts:
            names = drafts.combine(names, _drafts(file, keys, effective), self.problems)
        for keys in parts:
            own = Merged(
                currency=currency,
                effective=effective,
                drafts=names,
                default_tier=self._default_tier(file, keys, names),
                storage={kind: decimal(said["per_tb_month"]) for kind, said in _said(file, keys, "storage").items()},
                disk_storage=_disk_storage(file, keys),
            )
            card = _stack(card, own)
        return replace(card, reservations={**card.reservations, **self._reservations(file, names)})

    def _extended(self, file: File, position: int, reference: str, trail: tuple[str, ...]) -> Merged:
        place = file.where("extends", position)
        if reference not in rate_cards():
            reference = posixpath.normpath(posixpath.join(posixpath.dirname(file.path), reference))
        if reference in trail:
            chain = " → ".join((*trail[trail.index(reference) :], reference))
            raise InputError(f"rate cards extend each other in a circle: {chain}", where=str(place), help="drop one")
        if len(trail) >= MAX_DEPTH:
            message = f"rate cards extend each other more than {MAX_DEPTH} deep"
            raise InputError(message, where=str(place), help="extend the last of them directly")
        return self.merged(self.open(reference, place), (*trail, reference))

    def _default_tier(self, file: File, keys: Keys, names: Mapping[str, Draft]) -> dict[str, str]:
        said = _said(file, keys, "default_tier")
        found = {need: self._named(tier, names, file.where(*keys, "default_tier", need)) for need, tier in said.items()}
        return {need: tier for need, tier in found.items() if tier}

    def _named(self, name: str, names: Mapping[str, Draft], place: Location) -> str:
        """The full name of a tier; what is wrong with it becomes a problem."""
        found = drafts.find(names, name)
        if len(found) > 1:
            self.problems.append(drafts.ambiguous(name, found, str(place)))
        elif not found:
            hint = drafts.nearest(name, names)
            self.problems.append(Problem(message=f"there is no tier '{name}'", where=str(place), help=hint))
        return found[0] if len(found) == 1 else ""

    def _reservations(self, file: File, names: Mapping[str, Draft]) -> dict[str, Reservation]:
        made: dict[str, Reservation] = {}
        for position, said in enumerate(file.data.get("reservations") or ()):
            where = partial(file.where, "reservations", position)
            tier = self._named(str(said["tier"]), names, where("tier"))
            try:
                reservation = _reservation(said, tier, where)
                if reservation.id in made:
                    message = f"there are two reservations '{reservation.id}'"
                    raise InputError(message, where=str(where("id")), help="rename one of them")
                made[reservation.id] = reservation
            except InputError as error:
                self.problems.extend(error.problems)
        return made


def _start(place: Location | None) -> str:
    """The folder that paths of cards begin at: those of `extends`, or those of costgate.yml and the command line."""
    if place:
        return "the folder of the card that extends it"
    return "the repository's root in costgate.yml, from the current folder on the command line"


def _own(path: str, content: bytes) -> File:
    document = yamlfile.load(content, path)
    yamlfile.check(document, "rate_card")
    return File(path=path, data=document.data, where=document.key_where, shipped=False)


def _shipped(name: str, content: bytes) -> File:
    """A card of ours: one tier a line (a test sees to it), so that lines need no parser with positions."""
    path = f"costgate/rates/data/{name}.json"
    data = json.loads(content, parse_float=Decimal)
    first = content[: content.index(b'"tiers"')].count(b"\n") + 2
    lines: dict[str | int, int] = {tier: first + position for position, tier in enumerate(data["tiers"])}

    def where(*keys: str | int) -> Location:
        return Location(path=path, line=lines.get(keys[1], 1) if len(keys) > 1 else 1)

    return File(path=name, data=data, where=where, shipped=True)


def _in_force(file: File, as_of: date) -> tuple[date, int]:
    """The first day and the position of the version that counts; -1 is the top level."""
    starts = _starts(file)
    top = next(iter(starts.items()))
    return max((start for start in starts.items() if start[0] <= as_of), default=top)


def _currency(file: File) -> str:
    """The currency of a card; one that is worth something else in itself is a mistake that would change nothing."""
    currency = str(file.data["currency"])
    if decimal(_said(file, (), "fx").get(currency, 1)) != 1:
        hint = f"fx says what other currencies are worth in {currency}"
        raise InputError(f"one {currency} is one {currency}", where=str(file.where("fx", currency)), help=hint)
    return currency


def _starts(file: File) -> dict[date, int]:
    """First day → position of the version that is in force from then on; first the top level, -1."""
    places = {-1: file.where("as_of")}
    starts = {_day(file.data["as_of"], places[-1]): -1}
    for position, said in enumerate(file.data.get("versions") or ()):
        place = places[position] = file.where("versions", position, "effective_from")
        other = starts.setdefault(_day(said["effective_from"], place), position)
        if other != position:
            message = f"two versions are in force from {said['effective_from']} on: this and {places[other].short}"
            raise InputError(message, where=str(place), help="give each its own first day; the top level's is as_of")
    return starts


def _boundaries(files: Iterable[File]) -> tuple[date, ...]:
    """The days on which another version comes into force; before the first of a card its top level counts."""
    return tuple(sorted({day for file in files if file.data.get("versions") for day in _starts(file)}))


def _disk_storage(file: File, keys: Keys) -> tuple[str, Location] | None:
    kind = _part(file, keys).get("disk_storage")
    return (str(kind), file.where(*keys, "disk_storage")) if kind else None


def _said(file: File, keys: Keys, name: str) -> Mapping[str, Any]:
    """A section of a card, or of one of its versions."""
    section: Mapping[str, Any] = _part(file, keys).get(name, {})
    return section


def _part(file: File, keys: Keys) -> Mapping[str, Any]:
    part: Any = file.data
    for key in keys:
        part = part[key]
    return cast(Mapping[str, Any], part)


def _day(value: Any, place: Location) -> date:
    """A day of the calendar."""
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise InputError(f"{value!r} is not a day", where=str(place), help="write it as 2026-10-01") from None


def _discounts(file: File, parts: tuple[Keys, ...]) -> Iterator[Discount]:
    """Of the version in force first."""
    for keys in reversed(parts):
        listed: Any = _said(file, keys, "discounts")
        for position, said in enumerate(listed):
            place = file.where(*keys, "discounts", position)
            yield Discount(match=said["match"], share=decimal(said["discount"]), location=place)


def _drafts(file: File, keys: Keys, effective: date) -> Iterator[Draft]:
    for name, data in _said(file, keys, "tiers").items():
        where = partial(file.where, *keys, "tiers", name)
        yield Draft(
            name=name,
            data=data,
            layers=(Layer(data=data, where=where),),
            shipped=file.shipped,
            price_date=_day(data["price_date"], where("price_date")) if "price_date" in data else effective,
            source=data.get("source", file.data.get("source")),
        )


def _exchanged(below: Merged, file: File, position: int) -> Merged:
    """What a card extends, in the card's own currency."""
    currency = str(file.data["currency"])
    if below.currency == currency:
        return below
    rate = _said(file, (), "fx").get(below.currency)
    if rate is None:
        hint = f"add fx: {{{below.currency}: …}}, what one {below.currency} is in {currency}"
        message = f"the extended card is in {below.currency}, and fx has no rate for it"
        raise InputError(message, where=str(file.where("extends", position)), help=hint)
    factor = decimal(rate)
    return Merged(
        currency=currency,
        effective=below.effective,
        drafts={name: drafts.converted(draft, factor) for name, draft in below.drafts.items()},
        default_tier=below.default_tier,
        storage={kind: price * factor for kind, price in below.storage.items()},
        disk_storage=below.disk_storage,
        reservations=below.reservations,
    )


def _stack(below: Merged, above: Merged) -> Merged:
    return Merged(
        currency=below.currency,
        effective=below.effective,
        drafts={**below.drafts, **above.drafts},
        default_tier={**below.default_tier, **above.default_tier},
        storage={**below.storage, **above.storage},
        disk_storage=above.disk_storage or below.disk_storage,
        reservations={**below.reservations, **above.reservations},
    )


def _reservation(said: Mapping[str, Any], tier: str, where: Where) -> Reservation:
    start, to = _day(said["from"], where("from")), _day(said["to"], where("to"))
    if to < start:
        raise InputError(f"it ends before it begins ({start})", where=str(where("to")), help="`to` is the last day")
    given = {name: decimal(said[name]) for name in CAPACITIES if name in said}
    multiplier = decimal(said.get("burst_multiplier", 1))
    return Reservation(
        id=str(said["id"]), tier=tier, team=str(said["team"]), start=start, to=to, burst_multiplier=multiplier, **given
    )


def _priced(merged: Merged, problems: list[Problem]) -> dict[str, Tier]:
    priced: dict[str, Tier] = {}
    everywhere = INCLUDED
    try:
        everywhere = _known_kind(*merged.disk_storage, merged.storage) if merged.disk_storage else INCLUDED
    except InputError as error:
        problems.extend(error.problems)
    for name, draft in merged.drafts.items():
        try:
            tier = tiers.tier(draft, merged.drafts, merged.effective)
            priced[name] = _with_disk(tier, draft, everywhere, merged.storage)
        except InputError as error:
            problems.extend(error.problems)
    return priced


def _with_disk(tier: Tier, draft: Draft, everywhere: str, storage: Mapping[str, Decimal]) -> Tier:
    said = draft.get("disk_storage")
    kind = _known_kind(str(said), draft.where("disk_storage"), storage) if said else everywhere
    return tier if kind == INCLUDED else replace(tier, disk_storage=kind, disk_tb_month=storage[kind])


def _known_kind(kind: str, place: Location, storage: Mapping[str, Decimal]) -> str:
    if kind in storage or kind == INCLUDED:
        return kind
    near = drafts.closest(kind, storage)
    hint = f"did you mean '{near}'?" if near else f"add storage: {{{kind}: {{per_tb_month: …}}}}"
    raise InputError(f"there is no storage '{kind}'", where=str(place), help=hint)
