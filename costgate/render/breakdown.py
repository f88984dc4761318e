"""`costgate breakdown`: what is deployed costs a month and a run, spot against on-demand, and what nobody knows yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from costgate.model import Estimate, Quote, Rate, Report, StepEstimate, Unpriced
from costgate.render import formula, words
from costgate.render.assumed import gather
from costgate.render.fmt import count, money, plain, quantity
from costgate.render.rows import ABSENT, UNKNOWN, tier
from costgate.render.terminal import Canvas, paint
from costgate.units import Interval

if TYPE_CHECKING:
    from rich.text import Text

MOST = 500  # deployments in the table
FEW = 20  # entries of the lists below it
HEADER = ("Deployment / step", "Team / tier", ">Runs/mo", ">Per run", ">Per month")
MARKET = (">On-demand", ">Spot", ">Spot saves")  # a month too; the last one where there is room
ROOM = 96  # columns


def render(report: Report, *, color: bool = False, width: int = 100) -> str:
    """The head of a report of scope `all`, dearest deployment first."""
    found = [item.head for item in report.delta.deployments if item.head]
    found.sort(key=lambda estimate: (-estimate.monthly.expected, estimate.key))
    canvas = Canvas(color=color, width=width)
    canvas.line(paint(_headline(found, report), "bold"))
    if found:
        _table(canvas, found, report.currency, width)
    _debt(canvas, found, report)
    if report.notes:
        canvas.heading("Notes")
    for note in report.notes:
        canvas.block(paint(plain(note, 400)))
    canvas.gap()
    canvas.line(paint(" · ".join(_sources(report)), "dim"))
    return canvas.text()


def _headline(found: Sequence[Estimate], report: Report) -> str:
    total = sum((estimate.monthly for estimate in found), Interval.exact(Decimal(0)))
    currency, gaps = report.currency, _gaps(report)
    words_ = f"costgate: {money(total.expected, currency)} a month for {count(len(found), 'deployment')}"
    if not total.is_exact:
        words_ += f", likely {money(total.low, currency)} to {money(total.high, currency)}"
        words_ += " (uncalibrated)" if any(not estimate.band.calibrated for estimate in found) else ""
    return words_ + (f", and {count(len(gaps), 'unknown')}" if gaps else "")


def _table(canvas: Canvas, found: Sequence[Estimate], currency: str, width: int) -> None:
    has_market = any(_rates(side)[1] for estimate in found for side in estimate.steps)
    rows = [row for estimate in found[:MOST] for row in _deployment(estimate, currency)]
    size = len(HEADER) + ((len(MARKET) if width >= ROOM else len(MARKET) - 1) if has_market else 0)
    canvas.gap()
    canvas.table((*HEADER, *MARKET)[:size], [row[:size] for row in rows])
    if len(found) > MOST:
        canvas.line(paint(f"{count(len(found) - MOST, 'more deployment')} in the JSON report", "dim"))


def _deployment(estimate: Estimate, currency: str) -> Iterator[tuple[Text, ...]]:
    market = _market(estimate.steps, currency)
    yield (
        paint(plain(estimate.name), "bold"),
        paint(plain(estimate.owner.team or ""), "dim"),
        paint(quantity(estimate.runs.value.expected)),
        paint(_sum(estimate, estimate.cost_per_run, currency)),
        paint(_sum(estimate, estimate.monthly.expected, currency), "bold"),
        *map(paint, market),
    )
    for side in estimate.steps:
        yield _step(side, estimate.runs.value.expected, currency)


def _sum(estimate: Estimate, amount: Decimal, currency: str) -> str:
    """`$347 + ?` where some step has no price, which is not nothing."""
    if not estimate.unpriced:
        return money(amount, currency)
    return f"{money(amount, currency)} + {UNKNOWN}" if amount else UNKNOWN


def _step(side: StepEstimate, runs: float, currency: str) -> tuple[Text, ...]:
    market = _market((side,), currency)
    cost = side.monthly.expected
    is_priced = isinstance(side.quote, Quote)
    none = UNKNOWN if isinstance(side.quote, Unpriced) else ABSENT
    per_run = money(cost / Decimal(repr(runs)), currency) if is_priced and runs else none
    month = money(cost, currency) if is_priced else none
    cells = (f"  {plain(side.step)}", plain(tier(side)), "", per_run, month, *market)
    return tuple(paint(cell, "" if is_priced else "dim") for cell in cells)


def _rates(side: StepEstimate) -> tuple[tuple[Rate, ...], tuple[Rate, ...], tuple[Rate, ...]]:
    quote = side.quote
    return (quote.rates, quote.on_demand_rates, quote.spot_rates) if isinstance(quote, Quote) else ((), (), ())


def _market(steps: Sequence[StepEstimate], currency: str) -> tuple[str, str, str]:
    """What the steps would cost on-demand and on the spot market, and the difference, where their tier has both."""
    on_demand, spot = (_at(steps, index) for index in (1, 2))
    if on_demand is None or spot is None:
        return ABSENT, ABSENT, ABSENT
    return money(on_demand, currency), money(spot, currency), money(on_demand - spot, currency)


def _at(steps: Sequence[StepEstimate], index: int) -> Decimal | None:
    """The sum at on-demand (1) or spot (2) prices of the steps whose tier has both."""
    known = [amount for amount in (_cost(side, index) for side in steps) if amount is not None]
    return sum(known, Decimal(0)) if known else None


def _cost(side: StepEstimate, index: int) -> Decimal | None:
    rates = _rates(side)
    now = formula.total(rates[0])
    return side.monthly.expected * formula.total(rates[index]) / now if rates[index] and now else None


def _gaps(report: Report) -> tuple[Unpriced, ...]:
    """At head; a report of one revision has them all on both sides."""
    return tuple(dict.fromkeys((*report.delta.unpriced, *report.delta.standing_unpriced)))


def _debt(canvas: Canvas, found: Sequence[Estimate], report: Report) -> None:
    gaps, assumptions = _gaps(report), gather(found)
    if gaps:
        canvas.heading("Not priced")
    for gap in gaps[:FEW]:
        name = f"{plain(gap.deployment)}{'/' + plain(gap.step) if gap.step else ''}"
        canvas.block(paint(f"{plain(gap.location.short)}: {name}: {plain(gap.reason, 400)}"))
        if gap.help:
            canvas.block(paint(f"help: {plain(gap.help, 400)}"), indent=4)
    _rest(canvas, len(gaps))
    if assumptions:
        canvas.heading("Assumed")
    for entry in assumptions[:FEW]:
        names = plain(entry.steps[0]) if len(entry.steps) == 1 else count(len(entry.steps), "step")
        place = f" ({plain(entry.location.short)})" if entry.location else ""
        canvas.block(paint(f"{plain(entry.text)}{place}: {names}"))
    _rest(canvas, len(assumptions))


def _rest(canvas: Canvas, total: int) -> None:
    if total > FEW:
        canvas.block(paint(f"{count(total - FEW, 'more line')} in the JSON report", "dim"))


def _sources(report: Report) -> Iterator[str]:
    yield plain(report.head)
    yield from list(words.sources(report, plain))[2:]
