"""`costgate rates import`."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from costgate.cli import options
from costgate.errors import InputError, WorldError

if TYPE_CHECKING:
    from costgate.model import RateCard, Tier
    from costgate.rates.importers.difference import Difference
    from costgate.rates.importers.values import Imported, Skipped, Wanted
    from costgate.rates.importers.written import Card

F = TypeVar("F", bound=Callable[..., Any])
SOURCES = "aws|azure|gcp|skypilot|opencost|slurm"
LONG = 2**24  # bytes of a file from which on a progress bar is shown on a terminal
TYPES = "types "  # how reasons begin that speak of types and not of rows
COLUMNS = ("change", "tier", ">before", ">after", ">change in price", "node")
DECIDING = (  # options that decide what is in the card
    "region", "instance_type", "name", "as_of", "currency", "provider", "machine_types", "price_per_billing_unit",
    "max_tres",
)  # fmt: skip
FILE = click.Path(exists=True, dir_okay=False)


def _filters(function: F) -> F:
    """What is taken from the file."""
    for option in (
        click.option("--max-tres", is_flag=True, help="slurm: PriorityFlags has MAX_TRES (slurm.conf says so itself)."),
        click.option("--price-per-billing-unit", metavar="PRICE", help="slurm: of one billing unit for an hour."),
        click.option("--machine-types", metavar="FILE", type=FILE, help="azure, gcp: sizes, from az or gcloud."),
        click.option("--provider", metavar="NAME", help="skypilot: the cloud of the catalogue. Default: its folder."),
        click.option("--currency", default="USD", metavar="CODE", help="Default: USD."),
        click.option("--instance-type", multiple=True, metavar="GLOB", help="Only these types; repeat it for several."),
        click.option("--region", multiple=True, metavar="NAME", help="Only this region; the first one prices guesses."),
    ):  # fmt: skip
        function = option(function)
    return function


@click.command("import")
@click.argument("kind", metavar=SOURCES)
@click.argument("file", type=FILE)
@_filters
@click.option("--name", metavar="NAME", help="Of the card. Default: KIND and day.")
@click.option("--as-of", metavar="DAY", help="Day of the prices. Default: the file's own, where it has one.")
@click.option("--output-file", "-f", metavar="FILE", help="YAML, or JSON by suffix. Default: YAML on standard output.")
@click.option("--against", metavar="PATH|NAME", help="Show what differs from this card, e.g. the one it replaces.")
@click.option("--threshold", default="5", metavar="PERCENT", help="With --against: show changes above it. Default: 5.")
@click.pass_context
def command(ctx: click.Context, /, kind: str, file: str, **given: Any) -> int:
    """A rate card from a price file: gzip or plain, of any size. What is left out is counted by reason.

    Kept are on-demand prices (and spot, where the file has them) of Linux machines by the hour. docs/rate-cards.md says
    where each file comes from.

    \b
    Example:
      costgate rates import aws index.csv.gz --region us-east-1 --output-file finance/aws.yml --against aws
      costgate rates import slurm slurm.conf --price-per-billing-unit 0.012 --as-of 2026-10-01
    """
    from costgate.rates.importers import find, written
    from costgate.rates.importers.values import Skipped

    find(kind)
    as_of = options.moment(given["as_of"]).date() if given["as_of"] else None
    threshold = _positive(given["threshold"], "--threshold", zero=True) or Decimal(0)
    before = _against(given["against"], as_of)
    wanted, skipped = _wanted(given, as_of, before), Skipped()
    imported = _read(kind, file, wanted, skipped)
    card = _card(ctx, imported, as_of or imported.published)
    as_json = (given["output_file"] or "").endswith(".json")
    text = written.as_json(card) if as_json else written.as_yaml(card)
    after = _checked(text, card.as_of, as_json)
    _write(given["output_file"], text)
    to_stderr = given["output_file"] is None
    for line in _report(file, imported, skipped, wanted):
        click.echo(line, err=to_stderr)
    if before:
        for line in _compared(before, after, threshold, wanted):
            click.echo(line, err=to_stderr)
    return 0


def _wanted(given: Mapping[str, Any], as_of: date | None, before: RateCard | None) -> Wanted:
    from costgate.rates.importers.values import Wanted

    currency = given["currency"]
    if not (len(currency) == 3 and currency.isascii() and currency.isupper()):
        raise InputError(f"--currency {currency!r} is no currency code", help="write e.g. --currency EUR")
    return Wanted(
        regions=tuple(dict.fromkeys(given["region"])),
        instance_types=given["instance_type"],
        currency=currency,
        as_of=as_of,
        provider=given["provider"],
        price_per_billing_unit=_positive(given["price_per_billing_unit"], "--price-per-billing-unit"),
        max_tres=given["max_tres"],
        machines={**_known(before), **_machines(given["machine_types"])},
    )


def _positive(text: str | None, flag: str, *, zero: bool = False) -> Decimal | None:
    """A number above 0 (or 0 itself), or None where there is none. Raises InputError for anything else."""
    from costgate.rates.importers.values import number

    amount = number(text) if text is not None else None
    if text is not None and (amount is None or amount < 0 or not (amount or zero)):
        raise InputError(f"{flag} {text!r} is not a number above 0", help=f"write e.g. {flag} 0.01")
    return amount


def _known(card: RateCard | None) -> dict[str, Any]:
    """Sizes that the card to be replaced gives, by the full and the short name of its tiers."""
    from costgate.rates.importers.difference import FACTS

    found: dict[str, Any] = {}
    for tier in card.tiers.values() if card else ():
        node = {name: value for name in FACTS if (value := getattr(tier.node, name))}
        found.update({tier.name: node, tier.name.rpartition("/")[2]: node})
    return found


def _machines(path: str | None) -> Mapping[str, Any]:
    from costgate.rates.importers import machines

    if path is None:
        return {}
    with _opened(path) as source:
        return machines.read(source)


def _read(kind: str, path: str, wanted: Wanted, skipped: Skipped) -> Imported:
    from costgate.rates import importers

    with _opened(path) as source:
        imported = importers.read(kind, source, wanted, skipped)
        rows = source.rows
    if not imported.tiers:
        raise InputError(
            f"no price is left of {rows:,} rows", where=path, help="; ".join(_left_out(path, imported, skipped, wanted))
        )
    return imported


@contextmanager
def _opened(path: str) -> Iterator[Any]:
    """The file as a source; a long one moves a bar on a terminal."""
    from costgate.rates.importers.source import Source

    size = os.path.getsize(path)
    with Path(path).open("rb") as stream:
        if size < LONG or not sys.stderr.isatty():
            yield Source(path, stream)
            return
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task(os.path.basename(path), total=size)
            yield Source(path, stream, lambda position: progress.update(task, completed=position))


def _card(ctx: click.Context, imported: Imported, as_of: date | None) -> Card:
    from costgate.rates.importers.written import Card
    from costgate.render.fmt import clean

    given, path = ctx.params, ctx.params["file"]
    if as_of is None:
        hint = "add e.g. --as-of 2026-10-01"
        raise InputError("the file does not say of which day its prices are", where=path, help=hint)
    return Card(
        name=clean(given["name"] or f"{given['kind']}-{as_of}"),
        currency=given["currency"],
        as_of=as_of,
        source=clean(f"{imported.source} ({os.path.basename(path)})", 400),
        command=shlex.join(_words(ctx)),
        imported=imported,
    )


def _words(ctx: click.Context) -> Iterator[str]:
    """The command that makes the same card again."""
    yield from ("costgate", "rates", "import", ctx.params["kind"], ctx.params["file"])
    for option in ctx.command.params:
        value = ctx.params[str(option.name)]
        if option.name in DECIDING and value and value != option.default:
            for one in value if isinstance(value, tuple) else (value,):
                yield from (option.opts[0],) if value is True else (option.opts[0], one)


def _checked(text: str, as_of: date, as_json: bool) -> RateCard:
    """The card as everybody will read it: what is written has been loaded."""
    from costgate.rates import card

    name = "imported.json" if as_json else "imported.yml"
    return card.load(name, read={name: text.encode()}.__getitem__, as_of=as_of)


def _against(reference: str | None, as_of: date | None) -> RateCard | None:
    from costgate.rates import card

    if reference is None:
        return None
    return card.load(reference, read=options.read_plain, as_of=as_of or options.moment(None).date())


def _write(path: str | None, text: str) -> None:
    """Whole or not at all."""
    if path is None:
        click.echo(text, nl=False)
        return
    folder = os.path.dirname(path) or "."
    try:
        handle, beside = tempfile.mkstemp(dir=folder, prefix=".costgate-")
    except OSError as error:
        raise WorldError(
            f"cannot be written: {error.strerror}", where=path, help="name a folder that is there"
        ) from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(beside, 0o644)
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise


def _report(path: str, imported: Imported, skipped: Skipped, wanted: Wanted) -> Iterator[str]:
    from costgate.render.fmt import count

    kinds = [count(len(imported.tiers), "tier")]
    if imported.storage:
        kinds.append(count(len(imported.storage), "kind") + " of storage")
    yield f"{' and '.join(kinds)} from {imported.source}"
    yield from _left_out(path, imported, skipped, wanted)


def _left_out(path: str, imported: Imported, skipped: Skipped, wanted: Wanted) -> Iterator[str]:
    """What was not taken, the most frequent reason first, and what to know about the rest."""
    from costgate.render.fmt import count, plain

    for reason, number in sorted(skipped.counts.items(), key=lambda item: (-item[1], item[0])):
        places = ", ".join(_place(path, place) for place in skipped.places[reason])
        more = ", …" if number > len(skipped.places[reason]) else ""
        what = count(number, "type" if reason.startswith(TYPES) else "row")
        yield f"left out {what} {reason.removeprefix(TYPES)}: {plain(places, 400)}{more}"
    for region in wanted.regions:
        if not any(f"/{region}/" in name or name.startswith(f"{region}/") for name in imported.tiers):
            has = f"; the file has {', '.join(sorted(imported.regions)[:10])}" if imported.regions else ""
            yield plain(f"no price of region '{region}'{has}", 400)
    yield from (plain(note, 400) for note in imported.notes)


def _place(path: str, place: int | tuple[int, int]) -> str:
    line, column = place if isinstance(place, tuple) else (place, 1)
    return f"{path}:{line}:{column}"


def _compared(before: RateCard, after: RateCard, threshold: Decimal, wanted: Wanted) -> Iterator[str]:
    """What a reviewer has to look at."""
    from costgate.cli.rates import text
    from costgate.rates.importers.difference import compare
    from costgate.render.fmt import plain

    found = compare(before, after, threshold, asked=lambda tier: _asked(tier, wanted))
    sizes = f"{len(found.added)} added, {len(found.removed)} removed, {len(found.changed)} changed by more than"
    yield ""
    yield f"against {plain(before.name)} of {before.as_of}: {sizes} {threshold} %,"
    yield f"{found.within} changed by less, {found.same} the same"
    if before.currency != after.currency:
        yield f"the prices are not comparable: {before.currency} before, {after.currency} after"
    if rows := list(_rows(found, before.currency, after.currency)):
        yield ""
        yield from text.table(COLUMNS, rows)


def _asked(tier: Tier, wanted: Wanted) -> bool:
    """A type that --region or --instance-type leave out is not removed."""
    return not tier.instance_type or not wanted.why_not(tier.region or "", tier.instance_type)


def _rows(found: Difference, before: str, after: str) -> Iterator[tuple[str, ...]]:
    from costgate.cli.rates import text
    from costgate.render.fmt import percent, plain, rate

    for pair in found.changed:
        if pair.units:
            yield from (("changed", plain(pair.after.name), "", "", "", what) for what in pair.node)
            units = ((old, new, text.one(unit)) for unit, old, new in pair.units if old != new)
            yield from (_moved("changed", pair.after.name, before, after, *each) for each in units)
            continue
        old, new = pair.before.node_hour.expected, pair.after.node_hour.expected
        what = ", ".join((*pair.node, *_spot(pair.before, pair.after, after)))
        moved = percent(old, new) if before == after else ""
        yield "changed", plain(pair.after.name), rate(old, before), rate(new, after), moved, plain(what)
    for kind, was, now in found.storage:
        change = "added" if was is None else "removed" if now is None else "changed"
        yield _moved(change, f"storage {kind}", before, after, was, now, "a TB-month")
    for tier in found.added:
        yield "added", plain(tier.name), "", _node_hour(tier, after), "", plain(_what(tier, after))
    for tier in found.removed:
        yield "removed", plain(tier.name), _node_hour(tier, before), "", "", plain(_what(tier, before))


def _moved(
    change: str, name: str, before: str, after: str, old: Decimal | None, new: Decimal | None, what: str
) -> tuple[str, ...]:
    """One price before and after, each in its currency."""
    from costgate.render.fmt import percent, plain, rate

    cells = ("" if amount is None else rate(amount, code) for amount, code in ((old, before), (new, after)))
    moved = percent(old, new) if old is not None and new is not None and before == after else ""
    return change, plain(name), *cells, moved, what


def _node_hour(tier: Tier, currency: str) -> str:
    from costgate.rates.split import is_units
    from costgate.render.fmt import rate

    return "" if is_units(tier) else rate(tier.node_hour.expected, currency)


def _what(tier: Tier, currency: str) -> str:
    from costgate.cli.rates import text
    from costgate.rates.split import is_units

    return text.units(tier, currency) if is_units(tier) else text.node(tier)


def _spot(before: Tier, after: Tier, currency: str) -> Iterator[str]:
    from costgate.render.fmt import rate

    old, new = (rate(tier.spot.expected, currency) if tier.spot else "none" for tier in (before, after))
    if old != new:
        yield f"spot {old} → {new}"
