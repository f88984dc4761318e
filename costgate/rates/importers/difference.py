"""What a new card changes in the one that it replaces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal

from costgate.model import RateCard, Tier
from costgate.rates.split import is_units, unit_rates

ZERO = Decimal(0)
DIGITS = Context(prec=12)  # of the price of a unit, which was divided by a capacity
FACTS = ("gpus", "gpu_model", "cpus", "memory_gib", "trainium", "inferentia")


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A tier that both cards have, with another price or another node."""

    before: Tier
    after: Tier

    @property
    def node(self) -> tuple[str, ...]:
        """What differs in the node, e.g. `cpus 96 → 192`, and in how it is split; prices of units have no node."""
        how = tuple(map(_split, (self.before, self.after)))
        split = () if how[0] == how[1] else (f"split {how[0]} → {how[1]}",)
        if self.units:
            return split
        pairs = ((name, getattr(self.before.node, name), getattr(self.after.node, name)) for name in FACTS)
        return (*(f"{name} {_shown(old)} → {_shown(new)}" for name, old, new in pairs if old != new), *split)

    @property
    def units(self) -> tuple[tuple[str, Decimal, Decimal], ...]:
        """Unit and its price before and after, 0 for none, where both tiers are prices of units."""
        if not (is_units(self.before) and is_units(self.after)):
            return ()
        old, new = _by_unit(self.before), _by_unit(self.after)
        return tuple((unit, old.get(unit, ZERO), new.get(unit, ZERO)) for unit in dict.fromkeys((*old, *new)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Tiers by what happened to them, in order of their names; `within` moved by no more than the threshold."""

    added: tuple[Tier, ...]
    removed: tuple[Tier, ...]
    changed: tuple[Changed, ...]
    within: int
    same: int
    storage: tuple[tuple[str, Decimal | None, Decimal | None], ...] = ()  # kind, price before and after


def compare(
    before: RateCard, after: RateCard, threshold: Decimal, asked: Callable[[Tier], bool] = lambda tier: True
) -> Difference:
    """Prices are of a node-hour and of its spot market, `threshold` in percent; only what is `asked` for is missed."""
    common = sorted(before.tiers.keys() & after.tiers.keys())
    pairs = [Changed(before=before.tiers[name], after=after.tiers[name]) for name in common]
    moved = [pair for pair in pairs if pair.node or _moved(pair, ZERO)]
    changed = tuple(pair for pair in moved if pair.node or _moved(pair, threshold))
    gone = (before.tiers[name] for name in sorted(before.tiers.keys() - after.tiers.keys()))
    return Difference(
        added=tuple(after.tiers[name] for name in sorted(after.tiers.keys() - before.tiers.keys())),
        removed=tuple(tier for tier in gone if asked(tier)),
        changed=changed,
        within=len(moved) - len(changed),
        same=len(pairs) - len(moved),
        storage=tuple(_storage(before.storage, after.storage, threshold)),
    )


def _storage(
    before: Mapping[str, Decimal], after: Mapping[str, Decimal], threshold: Decimal
) -> Iterator[tuple[str, Decimal | None, Decimal | None]]:
    for kind in sorted(before.keys() | after.keys()):
        old, new = before.get(kind), after.get(kind)
        if old is None or new is None or _differ(old, new, threshold):
            yield kind, old, new


def _moved(pair: Changed, threshold: Decimal) -> bool:
    """Whether a unit, or the node-hour or its usual spot price, differs by more than so many percent."""
    prices = [(old, new) for _, old, new in pair.units] or zip(_prices(pair.before), _prices(pair.after))
    return any(_differ(old, new, threshold) for old, new in prices)


def _differ(old: Decimal, new: Decimal, threshold: Decimal) -> bool:
    return old != new and abs(new - old) * 100 > threshold * abs(old)


def _prices(tier: Tier) -> tuple[Decimal, Decimal]:
    return tier.node_hour.expected, tier.spot.expected if tier.spot else ZERO


def _by_unit(tier: Tier) -> dict[str, Decimal]:
    return {each.unit: DIGITS.plus(each.unit_price.expected) for each in unit_rates(tier)}


def _split(tier: Tier) -> str:
    return "weights" if isinstance(tier.split, Mapping) else tier.split


def _shown(value: Decimal | str | None) -> str:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value or "–")
