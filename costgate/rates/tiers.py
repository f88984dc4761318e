"""From a merged draft to a Tier with its price per node-hour. The first thing wrong with a tier raises InputError."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from costgate.errors import InputError
from costgate.model import Component, Node, Tier
from costgate.rates.drafts import PRICES, Draft, closest
from costgate.rates.owned import CAPITAL, Use, components, idle_saving, leased, life_ends, plain
from costgate.units import Interval, decimal

ZERO, ONE = Decimal(0), Decimal(1)
SIZES = ("gpus", "cpus", "memory_gib", "trainium", "inferentia")
ACCELERATORS = ("gpus", "trainium", "inferentia")
WEIGHED = {"gpu": "gpus", "cpu": "cpus", "memory": "memory_gib"}
ONE_OF = (  # ways to say the same cost
    ("facility_per_hour", "facility_per_month", "rack_units"),
    ("support_per_hour", "support_share_per_year"),
)
NEEDS = {  # a key → what it is nothing without, and how to say that
    "purchase_price": ("useful_life_months", "add how long it is used, e.g. useful_life_months: 36"),
    "network_price": ("purchase_price", "it is amortised with the node: add its purchase_price"),
    "spares_share": ("purchase_price", "it is a share of the purchase_price: add that"),
    "support_share_per_year": ("purchase_price", "it is a share of the purchase_price: add that"),
    "in_service": ("purchase_price", "it begins the useful life of what was bought: add its purchase_price"),
    "idle_power_kw": ("power_kw", "add what a busy node draws, e.g. power_kw: 6.5"),
    "rack_units": ("rack_unit_per_month", "add what one costs, e.g. rack_unit_per_month: 25"),
    "rack_unit_per_month": ("rack_units", "add how many a node takes, e.g. rack_units: 4"),
}
POWER = {  # likewise; owned hardware that lacks it has power listed as missing, a lease may include it
    "power_kw": ("electricity_per_kwh", "add its price, e.g. electricity_per_kwh: 0.08, if the lease has no power"),
    "electricity_per_kwh": ("power_kw", "add what a node draws, e.g. power_kw: 6.5, if the lease has no power"),
    "pue": ("power_kw", "add what a node draws, e.g. power_kw: 6.5, if the lease has no power"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The price of a node-hour and what it is made of."""

    components: tuple[Component, ...]
    node_hour: Interval[Decimal]
    on_demand: Decimal | None = None
    spot: Interval[Decimal] | None = None
    in_service: date | None = None
    life_ends: date | None = None
    idle_saving: Decimal = ZERO


def tier(draft: Draft, known: Iterable[str], as_of: date) -> Tier:
    """The priced Tier of a draft; `known` are the names to suggest where it seems to be a misspelling.

    `as_of` is the first day of the card in force: it decides whether owned hardware is past its useful life.
    """
    node = _node(draft, known)
    price = _price(draft, node, as_of)
    return Tier(
        name=draft.name,
        node=node,
        node_hour=price.node_hour,
        components=price.components,
        on_demand=price.on_demand,
        spot=price.spot,
        location=draft.where(),
        in_service=price.in_service,
        life_ends=price.life_ends,
        idle_saving=price.idle_saving,
        planned_utilization=_planned(draft),
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


def _planned(draft: Draft) -> Decimal:
    return decimal(draft.data.get("planned_utilization", 1))


def _price(draft: Draft, node: Node, as_of: date) -> Price:
    kinds = [kind for kind in PRICES if draft.get(kind) is not None]
    if len(kinds) == 1:
        return PRICERS[kinds[0]](draft, node, as_of)
    if not kinds:
        raise _error(draft, "has no price", help=f"give it one of {', '.join(PRICES)}")
    said = " and ".join(f"{kind} ({draft.where(kind).short})" for kind in kinds)
    hint = "a price replaces one of its own kind only; give the tier a name of its own"
    raise _error(draft, f"has more than one price: {said}", kinds[-1], help=hint)


def _owned(draft: Draft, node: Node, as_of: date) -> Price:
    numbers = _numbers(draft, "owned", node)
    _check_capital(draft, numbers)
    in_service, end = _life(draft, numbers)
    written_off = end if end and end <= as_of else None
    use = Use(gpus=node.gpus, utilization=_planned(draft), written_off=written_off)
    parts = components(numbers, lambda key: draft.where("owned", key), use)
    _check_not_free(draft, parts, written_off)
    return _sum(parts, in_service=in_service, life_ends=end, idle_saving=idle_saving(numbers))


def _check_capital(draft: Draft, numbers: Mapping[str, Decimal]) -> None:
    if numbers.get("cost_of_capital", ZERO) > 1:
        raise _error(draft, "has a cost of capital above 100 %", "owned", "cost_of_capital", help="0.08 is 8 % a year")
    price = numbers.get("purchase_price")
    if price is not None and numbers.get("residual_value", ZERO) > price:
        hint = "residual_value is at most purchase_price"
        raise _error(draft, "is worth more at the end than it cost", "owned", "residual_value", help=hint)


def _check_not_free(draft: Draft, parts: tuple[Component, ...], written_off: date | None) -> None:
    """Nothing costs nothing: a price of 0 takes somebody who writes it."""
    if all(part.missing for part in parts):
        raise _error(draft, "is owned and costs nothing", "owned", help="add what it costs, e.g. purchase_price")
    if written_off and all(part.missing for part in parts if part.name not in CAPITAL):
        hint = "add what running it costs, e.g. power_kw and electricity_per_kwh, or delete in_service"
        message = f"costs nothing since {written_off}, the end of its useful life"
        raise _error(draft, message, "owned", "in_service", help=hint)


def _leased(draft: Draft, node: Node, as_of: date) -> Price:
    _must(draft, "leased", "per_month")
    numbers = _numbers(draft, "leased", node)
    use = Use(gpus=node.gpus, utilization=_planned(draft))
    parts = leased(numbers, lambda key: draft.where("leased", key), use)
    return _sum(parts, idle_saving=idle_saving(numbers))


def _numbers(draft: Draft, kind: str, node: Node) -> dict[str, Decimal]:
    """The numbers of owned or leased hardware, once they make sense together."""
    _check_keys(draft, kind)
    numbers = {key: decimal(value) for key, value in draft.data[kind].items() if key != "in_service"}
    if numbers.get("idle_power_kw", ZERO) > numbers.get("power_kw", ZERO):
        hint = "power_kw is what a busy node draws, idle_power_kw what it draws at rest"
        raise _error(draft, "draws more power idle than busy", kind, "idle_power_kw", help=hint)
    if "software_per_gpu_month" in numbers and not node.gpus:
        hint = "add node.gpus, or say staff_per_hour or support_per_hour instead"
        raise _error(draft, "pays software by the GPU and has none", kind, "software_per_gpu_month", help=hint)
    return numbers


def _check_keys(draft: Draft, kind: str) -> None:
    """Each cost said in one way, and with all that it takes."""
    said = draft.data[kind]
    for ways in ONE_OF:
        given = [key for key in ways if key in said]
        if len(given) > 1:
            places = " and ".join(f"{key} ({draft.where(kind, key).short})" for key in given)
            raise _error(draft, f"says one cost twice: {places}", kind, given[-1], help="keep one of them")
    for key, (needed, hint) in {**NEEDS, **(POWER if kind == "leased" else {})}.items():
        if key in said and needed not in said:
            article = "an" if key[0] in "aeiou" else "a"
            raise _error(draft, f"has {article} {key} without {needed}", kind, key, help=hint)


def _life(draft: Draft, numbers: Mapping[str, Decimal]) -> tuple[date | None, date | None]:
    """The first day in service and the first day after the useful life, where the card says when that began."""
    said = draft.get("owned", "in_service")
    if said is None:
        return None, None
    try:
        start = date.fromisoformat(str(said))
    except ValueError:
        message = f"is in service from {said!r}, which is not a day"
        raise _error(draft, message, "owned", "in_service", help="write it as 2026-10-01") from None
    months = numbers["useful_life_months"]
    if months != months.to_integral_value():
        hint = "with in_service a useful life is whole months, e.g. 36"
        raise _error(draft, f"is used for {plain(months)} months", "owned", "useful_life_months", help=hint)
    return start, life_ends(start, int(months))


def _hourly(draft: Draft, node: Node, as_of: date) -> Price:
    price = decimal(draft.data["hourly"])
    formula = f"{plain(price)} an hour"
    return _sum((Component(name="hourly price", amount=price, formula=formula, location=draft.where("hourly")),))


def _sum(
    parts: tuple[Component, ...],
    *,
    in_service: date | None = None,
    life_ends: date | None = None,
    idle_saving: Decimal = ZERO,
) -> Price:
    total = sum((part.amount for part in parts), ZERO)
    return Price(
        components=parts,
        node_hour=Interval.exact(total),
        in_service=in_service,
        life_ends=life_ends,
        idle_saving=idle_saving,
    )


def _cloud(draft: Draft, node: Node, as_of: date) -> Price:
    on_demand, spot = _on_demand(draft), _spot(draft)
    purchase = draft.get("cloud", "purchase") or "on_demand"
    amount = sum((part.amount for part in on_demand), ZERO) if on_demand else None
    if purchase == "spot" and spot:
        formula = f"{plain(spot.expected)} an hour, between {plain(spot.low)} and {plain(spot.high)}"
        place = draft.where("cloud", "spot")
        part = Component(name="spot price", amount=spot.expected, formula=formula, location=place)
        return Price(components=(part,), node_hour=spot, on_demand=amount, spot=spot)
    if purchase == "on_demand" and amount is not None:
        return Price(components=on_demand, node_hour=Interval.exact(amount), on_demand=amount, spot=spot)
    hint = f"add cloud.{purchase}, or change cloud.purchase"
    raise _error(draft, f"is bought {purchase.replace('_', '-')} and has no such price", "cloud", help=hint)


def _on_demand(draft: Draft) -> tuple[Component, ...]:
    """The list price and the negotiated discount on it. A spot price has none: it is the market's."""
    listed, discount = _number(draft, "cloud", "on_demand"), _number(draft, "cloud", "discount")
    if listed is None:
        return ()
    place, formula = draft.where("cloud", "on_demand"), f"{plain(listed)} an hour"
    price = Component(name="on-demand price", amount=listed, formula=formula, location=place)
    if not discount:
        return (price,)
    place, formula = draft.where("cloud", "discount"), f"−{plain(discount)} × {plain(listed)}"
    return (price, Component(name="discount", amount=-listed * discount, formula=formula, location=place))


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


PRICERS: Mapping[str, Callable[[Draft, Node, date], Price]] = {
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
