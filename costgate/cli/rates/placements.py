"""Which tier of a card every step of the work tree gets, and what of the card nothing uses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from costgate.cli.rates import text
from costgate.errors import InputError
from costgate.gate.judging import read_config
from costgate.gate.sides import Side, one_side
from costgate.git import open_repository, worktree_snapshot
from costgate.model import Location, NotBilled, Quote, RateCard, Step
from costgate.rates.match import quote
from costgate.rates.rules import tier_of, words
from costgate.render.fmt import count, plain

STEPS = ("step", "tier", "why")
MOST = 500  # rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A step and its tier, or why it has none; `rule` is the match rule that decided."""

    name: str
    tier: str | None
    why: str
    is_priced: bool
    rule: tuple[str, int] | None = None  # tier, position in its `match`


def side() -> Side | None:
    """What is deployed of the work tree around the current folder; None outside a repository."""
    try:
        repo = open_repository(Path())
    except InputError:
        return None
    if repo.bare:
        return None
    snapshot = worktree_snapshot(repo)
    return one_side(snapshot, read_config(snapshot))


def place(card: RateCard, found: Side) -> list[Placement]:
    """Every step that is deployed, and every file that could not be read."""
    placed = [
        _place(card, f"{item.name}/{step.name}", step, item.name)
        for item in found.deployments
        for step in item.flow.steps
    ]
    gaps = [
        Placement(name=gap.deployment, tier=None, why=_why(gap.reason, gap.location), is_priced=False)
        for gap in found.unpriced
    ]
    return placed + gaps


def _place(card: RateCard, name: str, step: Step, deployment: str) -> Placement:
    price = quote(card, step.resources, deployment=deployment, step=step.name, location=step.location)
    rule = _rule(card, step)
    if isinstance(price, Quote):
        decided = rule if rule and rule[0] == price.tier else None
        return Placement(name=name, tier=price.tier, why=price.how, is_priced=True, rule=decided)
    if isinstance(price, NotBilled):
        return Placement(name=name, tier=None, why=f"not billed ({price.reason})", is_priced=True)
    return Placement(name=name, tier=None, why=_why(price.reason, price.location), is_priced=False, rule=rule)


def _rule(card: RateCard, step: Step) -> tuple[str, int] | None:
    found = tier_of(card, step.resources)
    if not isinstance(found, tuple):
        return None
    tier, rule = found
    return tier.name, next(position for position, one in enumerate(tier.match) if one is rule)


def _why(reason: str, location: Location) -> str:
    return f"{reason} ({location.short})"


def lines(card: RateCard, placed: Sequence[Placement]) -> Iterator[str]:
    """The table of steps, then the tiers and rules of the card itself that no step has.

    Of too many steps those without a price are shown first.
    """
    listed = placed if len(placed) <= MOST else sorted(placed, key=lambda one: one.is_priced)
    rows = [(plain(one.name), _tier(one), plain(one.why, 400)) for one in listed[:MOST]]
    yield ""
    yield from text.table(STEPS, rows) if rows else ("no steps: no flow is found here",)
    if rest := listed[MOST:]:
        unpriced = sum(not one.is_priced for one in rest)
        yield f"and {count(len(rest), 'more step')}, {unpriced or 'none'} of them without a price"
    yield from _unused(card, placed)


def _tier(placed: Placement) -> str:
    return plain(placed.tier) if placed.tier else "–" if placed.is_priced else "?"


def _unused(card: RateCard, placed: Sequence[Placement]) -> Iterator[str]:
    own = [tier for tier in card.tiers.values() if not tier.shipped]
    decided = {one.rule for one in placed}
    used = {one.tier for one in placed} | {rule[0] for rule in decided if rule}
    idle = [plain(tier.name) for tier in own if tier.name not in used]
    if idle:
        yield from ("", f"no step is on {', '.join(idle)}")
    rules = [
        (plain(tier.name), plain(words(rule)), plain(tier.location.short))
        for tier in own
        for position, rule in enumerate(tier.match)
        if (tier.name, position) not in decided
    ]
    if rules:
        yield from ("", *text.table(("tier", "match rule that decides for no step", "where"), rules))
