"""`costgate explain`: every number of a deployment with its formula and the line or measurement that it came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from itertools import zip_longest

from costgate.errors import InputError
from costgate.model import (
    Component,
    Estimate,
    Input,
    Known,
    Location,
    NotBilled,
    Quote,
    Rate,
    RateCard,
    StepEstimate,
    Tier,
)
from costgate.render import formula, words
from costgate.render.fmt import duration, money, plain, quantity, rate
from costgate.render.json_v1 import attributes
from costgate.render.rows import ATTRIBUTES, shown
from costgate.render.terminal import Canvas, paint

WIDTH = 120  # file:line at the end of a row should stay on it
CLOSE = Decimal("0.000001")  # of a unit price: a derivation that ends elsewhere is not shown as one
CAPACITIES = {  # end of a SKU → attribute of Node, its name in a formula, its name in split weights
    "GPU-hour": ("gpus", "GPUs", "gpu"),
    "Trainium-hour": ("trainium", "Trainium devices", ""),
    "Inferentia-hour": ("inferentia", "Inferentia devices", ""),
    "core-hour": ("cpus", "cores", "cpu"),
    "GiB-hour": ("memory_gib", "GiB", "memory"),
}
INPUTS = (
    ("runs", "runs", " a month"),
    ("tasks", "tasks", " a run"),
    ("attempts", "attempts", " a task"),
    ("duration_s", "duration", " an attempt"),
    ("overhead_s", "overhead", " an attempt"),
)


def render(estimate: Estimate, *, step: str | None, card: RateCard, as_of: datetime, width: int = WIDTH) -> str:
    """The derivation of one step, or of the deployment where `step` is None. Raises InputError for an unknown step."""
    chosen = _chosen(estimate, step)
    canvas = Canvas(color=False, width=width)
    _headline(canvas, estimate, chosen if step else None, card.currency)
    for name in dict.fromkeys(side.quote.tier for side in chosen if isinstance(side.quote, Quote)):
        if name in card.tiers:
            rates = {found.sku: found for side in chosen for found in _rates(side, name)}
            _tier_section(canvas, card.tiers[name], tuple(rates.values()), card.currency)
    for side in chosen:
        _step_section(canvas, estimate, side, card.currency)
    _range_section(canvas, estimate)
    canvas.gap()
    digest = plain(card.digest.removeprefix("sha256:")[:12])
    source = f"rate card {plain(card.name)} of {card.as_of.isoformat()}, digest {digest}"
    canvas.line(paint(f"{source} · as of {as_of:%Y-%m-%d}"))
    return canvas.text()


def _chosen(estimate: Estimate, step: str | None) -> tuple[StepEstimate, ...]:
    chosen = tuple(side for side in estimate.steps if step in (None, side.step))
    if not chosen and step is not None:
        known = ", ".join(plain(side.step) for side in estimate.steps) or "none"
        raise InputError(f"{plain(estimate.name)} has no step {plain(step)!r}", help=f"steps: {known}")
    return chosen


def _headline(canvas: Canvas, estimate: Estimate, chosen: tuple[StepEstimate, ...] | None, currency: str) -> None:
    side = chosen[0] if chosen else None
    name = f"{plain(estimate.name)}/{plain(side.step)}" if side else plain(estimate.name)
    place = f" ({plain(estimate.file)})"
    cost = side.monthly if side else estimate.monthly
    if side and not isinstance(side.quote, Quote):
        canvas.line(paint(f"{name}{place}"))
        return
    gaps = f", without {len(estimate.unpriced)} steps that have no price" if estimate.unpriced and not side else ""
    bounds = f"{money(cost.low, currency)} to {money(cost.high, currency)}"
    likely = "" if cost.is_exact else f", likely {bounds}{'' if estimate.band.calibrated else ' (uncalibrated)'}"
    per_run = "" if side else f", {money(estimate.cost_per_run, currency)} a run"
    canvas.line(paint(f"{name}{place}: {money(cost.expected, currency)} a month{per_run}{likely}{gaps}"))


def _tier_section(canvas: Canvas, tier: Tier, rates: tuple[Rate, ...], currency: str) -> None:
    canvas.heading(f"Tier {plain(tier.name)} ({plain(tier.location.short)})")
    table = [_component(part, currency) for part in tier.components if not part.missing]
    table.append(("node-hour", "sum =", rate(tier.node_hour.expected, currency), _node_bounds(tier, currency)))
    table += [(formula.per_unit(found), *_derived(tier, found, currency)) for found in rates]
    canvas.columns([tuple(map(paint, row)) for row in table], align="<<><")
    missing = ", ".join(plain(part.name) for part in tier.components if part.missing)
    if missing:
        canvas.block(paint(f"not given and counted as nothing: {missing}"))


def _component(part: Component, currency: str) -> tuple[str, str, str, str]:
    place = plain(part.location.short) if part.location else ""
    return plain(part.name), f"{plain(part.formula)} =", rate(part.amount, currency), place


def _node_bounds(tier: Tier, currency: str) -> str:
    cost = tier.node_hour
    return "" if cost.is_exact else f"{rate(cost.low, currency)} to {rate(cost.high, currency)}"


def _derived(tier: Tier, found: Rate, currency: str) -> tuple[str, str, str]:
    """From the node's hour to one unit of it; a price that other rules made is only stated."""
    node, price = tier.node_hour.expected, found.unit_price.expected
    capacity, noun, weight = _capacity(tier, found)
    parts = [rate(node, currency)]
    if weight != 1:
        parts.append(f"× {quantity(weight)} (split)")
    if noun:
        parts.append(f"÷ {quantity(capacity)} {noun}")
    if tier.planned_utilization != 1:
        parts.append(f"÷ {quantity(tier.planned_utilization)} planned utilization")
    is_derived = abs(node * weight / capacity / tier.planned_utilization - price) <= CLOSE
    return f"{' '.join(parts)} =" if is_derived else "priced at", rate(price, currency), plain(found.sku)


def _capacity(tier: Tier, found: Rate) -> tuple[Decimal, str, Decimal]:
    attribute, noun, weight = CAPACITIES.get(found.sku.rpartition(" ")[2], ("", "", ""))
    capacity = getattr(tier.node, attribute) if attribute else Decimal(0)
    share = tier.split.get(weight, Decimal(1)) if isinstance(tier.split, Mapping) else Decimal(1)
    return (capacity, noun, share) if capacity else (Decimal(1), "", Decimal(1))


def _step_section(canvas: Canvas, estimate: Estimate, side: StepEstimate, currency: str) -> None:
    canvas.heading(f"Step {plain(side.step)}")
    table = [*_inputs(side), *_resources(side)]
    canvas.columns([tuple(map(paint, row)) for row in table], align="<<<")
    if isinstance(side.quote, NotBilled):
        canvas.block(paint(f"not billed: {plain(side.quote.reason)}"))
        return
    if not isinstance(side.quote, Quote):
        place = plain(side.quote.location.short)
        canvas.block(paint(f"not priced: {plain(side.quote.reason, 400)} ({place})"))
        if side.quote.help:
            canvas.block(paint(f"help: {plain(side.quote.help, 400)}"))
        return
    canvas.block(paint(f"tier {plain(side.quote.tier)}: {plain(side.quote.how)}"))
    canvas.gap()
    for text in formula.lines(side, estimate.band, currency):
        canvas.block(paint(plain(text, 400)))
    for text in side.assumptions:
        canvas.block(paint(f"assumed: {plain(text)}"))


def _inputs(side: StepEstimate) -> Iterator[tuple[str, str, str]]:
    for name, label, unit in INPUTS:
        if name in side.inputs:
            entry = side.inputs[name]
            yield label, _amount(name, entry) + unit, _origin(entry)


def _amount(name: str, entry: Input) -> str:
    def text(value: float) -> str:
        return duration(value) if name.endswith("_s") else quantity(value)

    value = entry.value
    bounds = "" if value.is_exact else f" ({text(value.low)} to {text(value.high)})"
    return text(value.expected) + bounds


def _origin(entry: Input) -> str:
    """Where an input came from: its source, what was measured and when, and the line."""
    until = entry.as_of.isoformat() if entry.as_of else ""
    is_told = bool(until) and until in entry.detail  # the detail of what was measured has both
    sample = f"n={entry.n}" if entry.n is not None and not is_told else ""
    date = f"of {until}" if until and not is_told else ""
    place = f"({plain(entry.location.short)})" if entry.location else ""
    source = " ".join(filter(None, (plain(entry.source), sample, date, place)))
    says_more = entry.detail and not entry.detail.startswith(entry.source)
    return f"{source}: {plain(entry.detail)}" if says_more else source


def _resources(side: StepEstimate) -> Iterator[tuple[str, str, str]]:
    if side.resources.touched_by:
        found = side.resources.touched_by
        yield "resources", "?", f"{plain(found.expression)}: {plain(found.reason)} ({plain(found.location.short)})"
        return
    for name in attributes(side.resources):
        value = getattr(side.resources, name)
        label, unit = ATTRIBUTES[name]
        if isinstance(value, Known):
            chain = " ← ".join(plain(place.short) for place in _trail(value.chain))
            notes = "; ".join(plain(note) for note in value.notes)
            if value.value is not None:
                yield label, plain(shown(name, value)) + unit, "; ".join(filter(None, (chain, notes)))
        else:
            yield label, "?", f"{plain(value.expression)}: {plain(value.reason)} ({plain(value.location.short)})"


def _trail(chain: tuple[Location, ...]) -> Iterator[Location]:
    """The places of a value; of those within one file of data the last alone, since the others only contain it."""
    for place, following in zip_longest(chain, chain[1:]):
        if following is None or following.path != place.path or place.path.endswith(".py"):
            yield place


def _range_section(canvas: Canvas, estimate: Estimate) -> None:
    canvas.gap()
    canvas.line(paint(words.band(estimate.band, plain)))


def _rates(side: StepEstimate, tier: str) -> tuple[Rate, ...]:
    return side.quote.rates if isinstance(side.quote, Quote) and side.quote.tier == tier else ()
