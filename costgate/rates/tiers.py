"""From a merged draft to a Tier with its price per node-hour. The first thing wrong with a tier raises InputError."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from costgate.errors import InputError
from costgate.model import Component, Node, Tier
from costgate.rates.drafts import PRICES, Draft, closest
from costgate.rates.owned import components, leased, plain
from costgate.units import Interval, decimal

ZERO, ONE = Decimal(0), Decimal(1)
SIZES = ("gpus", "cpus", "memory_gib", "trainium", "inferentia")
ACCELERATORS = ("gpus", "trainium", "inferentia")
WEIGHED = {"gpu": "gpus", "cpu": "cpus", "memory": "memory_gib"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The price of a node-hour and what it is made of."""

    components: tuple[Component, ...]
    node_hour: Interval[Decimal]
    on_demand: Decimal | None = None
    spot: Interval[Decimal] | None = None


def tier(draft: Draft, known: Iterable[str]) -> Tier:
    """The priced Tier of a draft; `known` are the names to suggest where it seems to be a misspelling."""
    node = _node(draft, known)
    price = _price(draft)
    return Tier(
        name=draft.name,
        node=node,
        node_hour=price.node_hour,
        components=price.components,
        on_demand=price.on_demand,
        spot=price.spot,
        location=draft.where(),
        planned_utilization=decimal(draft.data.get("planned_utilization", 1)),
        split=_split(draft, node),
        occupancy=draft.data.get("occupancy", "shared"),
        basis=draft.data.get("basis", "occupied"),
        nodes=draft.data.get("nodes"),
        match=tuple(draft.data.get("match", ())),
        provider=draft.get("cloud", "provider"),
        region=draft.get("cloud", "region"),
        instance_type=draft.name.rpartition("/")[2] if draft.get("cloud") else None,
        price_date=draft.price_date,
        source=draft.source,
        shipped=draft.shipped,
    )


def _node(draft: Draft, known: Iterable[str]) -> Node:
    node = draft.get("node")
    if not node:
        near = closest(draft.name, (short for name in known if (short := name.rpartition("/")[2]) != draft.name))
        meant = f"; or did you mean '{near}'?" if near else ""
        raise _error(draft, "has no node", help=f"say what a node has, e.g. node: {{cpus: 32}}{meant}")
    sizes = {name: decimal(node[name]) for name in SIZES if name in node}
    return Node(gpu_model=node.get("gpu_model"), **sizes)


def _price(draft: Draft) -> Price:
    kinds = [kind for kind in PRICES if draft.get(kind) is not None]
    if len(kinds) == 1:
        return PRICERS[kinds[0]](draft)
    if not kinds:
        raise _error(draft, "has no price", help=f"give it one of {', '.join(PRICES)}")
    said = " and ".join(f"{kind} ({draft.where(kind).short})" for kind in kinds)
    hint = "a price replaces one of its own kind only; give the tier a name of its own"
    raise _error(draft, f"has more than one price: {said}", kinds[-1], help=hint)


def _owned(draft: Draft) -> Price:
    numbers = {key: decimal(value) for key, value in draft.data["owned"].items()}
    if numbers.get("cost_of_capital", ZERO) > 1:
        raise _error(draft, "has a cost of capital above 100 %", "owned", "cost_of_capital", help="0.08 is 8 % a year")
    price = numbers.get("purchase_price")
    if price is not None and "useful_life_months" not in numbers:
        hint = "add how long it is used, e.g. useful_life_months: 36"
        raise _error(draft, "has a purchase_price without useful_life_months", "owned", "purchase_price", help=hint)
    if price is not None and numbers.get("residual_value", ZERO) > price:
        hint = "residual_value is at most purchase_price"
        raise _error(draft, "is worth more at the end than it cost", "owned", "residual_value", help=hint)
    parts = components(numbers, lambda key: draft.where("owned", key))
    if all(part.missing for part in parts):
        raise _error(draft, "is owned and costs nothing", "owned", help="add what it costs, e.g. purchase_price")
    return _sum(parts)


def _leased(draft: Draft) -> Price:
    return _sum(leased(_must(draft, "leased", "per_month"), draft.where("leased", "per_month")))


def _hourly(draft: Draft) -> Price:
    price = decimal(draft.data["hourly"])
    formula = f"{plain(price)} an hour"
    return _sum((Component(name="hourly price", amount=price, formula=formula, location=draft.where("hourly")),))


def _sum(parts: tuple[Component, ...]) -> Price:
    return Price(components=parts, node_hour=Interval.exact(sum((part.amount for part in parts), ZERO)))


def _cloud(draft: Draft) -> Price:
    on_demand, spot = _on_demand(draft), _spot(draft)
    purchase = draft.get("cloud", "purchase") or "on_demand"
    amount = on_demand.amount if on_demand else None
    if purchase == "spot" and spot:
        formula = f"{plain(spot.expected)} an hour, between {plain(spot.low)} and {plain(spot.high)}"
        place = draft.where("cloud", "spot")
        part = Component(name="spot price", amount=spot.expected, formula=formula, location=place)
        return Price(components=(part,), node_hour=spot, on_demand=amount, spot=spot)
    if purchase == "on_demand" and on_demand:
        node_hour = Interval.exact(on_demand.amount)
        return Price(components=(on_demand,), node_hour=node_hour, on_demand=amount, spot=spot)
    hint = f"add cloud.{purchase}, or change cloud.purchase"
    raise _error(draft, f"is bought {purchase.replace('_', '-')} and has no such price", "cloud", help=hint)


def _on_demand(draft: Draft) -> Component | None:
    """The list price less the negotiated discount. A spot price has none: it is the market's."""
    listed, discount = _number(draft, "cloud", "on_demand"), _number(draft, "cloud", "discount")
    if listed is None:
        return None
    off = f" × (1 − {plain(discount)})" if discount else ""
    return Component(
        name="on-demand price",
        amount=listed * (1 - (discount or ZERO)),
        formula=f"{plain(listed)}{off} an hour",
        location=draft.where("cloud", "discount" if discount else "on_demand"),
    )


def _spot(draft: Draft) -> Interval[Decimal] | None:
    if draft.get("cloud", "spot") is None:
        return None
    if not isinstance(draft.data["cloud"]["spot"], Mapping):
        return Interval.exact(decimal(draft.data["cloud"]["spot"]))
    low, expected, high = (_must(draft, "cloud", "spot", key) for key in ("low", "expected", "high"))
    if not low <= expected <= high:
        hint = "low ≤ expected ≤ high; a spot price may reach on-demand"
        raise _error(draft, "has a spot price out of order", "cloud", "spot", help=hint)
    return Interval(low=low, expected=expected, high=high)


PRICERS: Mapping[str, Callable[[Draft], Price]] = {
    "owned": _owned,
    "leased": _leased,
    "cloud": _cloud,
    "hourly": _hourly,
}


def _split(draft: Draft, node: Node) -> str | Mapping[str, Decimal]:
    has_accelerators = any(getattr(node, name) for name in ACCELERATORS)
    split = draft.get("split") or ("gpu_only" if has_accelerators else "dominant")
    if isinstance(split, Mapping):
        return _weights(draft, node)
    if split == "gpu_only" and not has_accelerators:
        raise _error(draft, "is split by GPUs and has none", "split", help="split: dominant, or add node.gpus")
    if not any(getattr(node, name) for name in SIZES):
        raise _error(draft, "has a node of no size", "node", help="e.g. node: {cpus: 32, memory_gib: 128}")
    return str(split)


def _weights(draft: Draft, node: Node) -> Mapping[str, Decimal]:
    weights = {name: decimal(weight) for name, weight in draft.data["split"].items()}
    total = sum(weights.values(), ZERO)
    if total != 1:
        hint = "the weights are shares of the node: they add up to 1"
        raise _error(draft, f"has split weights that add up to {plain(total)}", "split", help=hint)
    for name, weight in weights.items():
        if weight and not getattr(node, WEIGHED[name]):
            hint = f"add node.{WEIGHED[name]}, or weigh what the node has"
            raise _error(draft, f"weighs {name} and its node has none", "split", name, help=hint)
    return {name: weight for name, weight in weights.items() if weight}


def _number(draft: Draft, *keys: str) -> Decimal | None:
    """A number; None where there is none. The schema saw to its bounds."""
    value = draft.get(*keys)
    return None if value is None else decimal(value)


def _must(draft: Draft, *keys: str) -> Decimal:
    number = _number(draft, *keys)
    if number is None:
        raise _error(draft, f"has no {'.'.join(keys)}", *keys[:-1], help=f"add {keys[-1]}")
    return number


def _error(draft: Draft, message: str, *keys: str, help: str) -> InputError:
    return InputError(f"tier '{draft.name}' {message}", where=str(draft.where(*keys)), help=help)
