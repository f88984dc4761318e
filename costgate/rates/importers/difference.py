"""What a new card changes in the one that it replaces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from costgate.model import RateCard, Tier

FACTS = ("gpus", "gpu_model", "cpus", "memory_gib", "trainium", "inferentia")


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A tier that both cards have, with another price or another node."""

    before: Tier
    after: Tier

    @property
    def node(self) -> tuple[str, ...]:
        """What differs in the node, e.g. `cpus 96 → 192`."""
        pairs = ((name, getattr(self.before.node, name), getattr(self.after.node, name)) for name in FACTS)
        return tuple(f"{name} {_shown(old)} → {_shown(new)}" for name, old, new in pairs if old != new)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Tiers by what happened to them, in order of their names; `within` moved by no more than the threshold."""

    added: tuple[Tier, ...]
    removed: tuple[Tier, ...]
    changed: tuple[Changed, ...]
    within: int
    same: int


def compare(
    before: RateCard, after: RateCard, threshold: Decimal, asked: Callable[[Tier], bool] = lambda tier: True
) -> Difference:
    """Prices are of a node-hour and of its spot market, `threshold` in percent; only what is `asked` for is missed."""
    common = sorted(before.tiers.keys() & after.tiers.keys())
    pairs = [Changed(before=before.tiers[name], after=after.tiers[name]) for name in common]
    moved = [pair for pair in pairs if pair.node or _moved(pair, Decimal(0))]
    changed = tuple(pair for pair in moved if pair.node or _moved(pair, threshold))
    gone = (before.tiers[name] for name in sorted(before.tiers.keys() - after.tiers.keys()))
    return Difference(
        added=tuple(after.tiers[name] for name in sorted(after.tiers.keys() - before.tiers.keys())),
        removed=tuple(tier for tier in gone if asked(tier)),
        changed=changed,
        within=len(moved) - len(changed),
        same=len(pairs) - len(moved),
    )


def _moved(pair: Changed, threshold: Decimal) -> bool:
    """Whether the node-hour or the usual spot price differs by more than so many percent."""
    return any(
        abs(new - old) * 100 > threshold * abs(old)
        for old, new in zip(_prices(pair.before), _prices(pair.after))
        if old != new
    )


def _prices(tier: Tier) -> tuple[Decimal, Decimal]:
    return tier.node_hour.expected, tier.spot.expected if tier.spot else Decimal(0)


def _shown(value: Decimal | str | None) -> str:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value or "–")
