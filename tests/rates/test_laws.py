"""Laws of the rate card: what the tasks on a node pay adds up to the node, or what does not is shown."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costgate.model import Node, Tier
from costgate.rates.packing import over_recovery
from costgate.rates.split import DIMENSIONS, Priced, price
from costgate.units import Interval
from tests.rates.cards import STEP, card

DUST = Decimal("1e-20")
HOURS = st.decimals("0.0001", 1000, places=4)
PLANNED = st.decimals("0.01", 1, places=2)
SIZES = st.integers(1, 2048).map(Decimal)
NODES = st.builds(lambda gpus, cpus, memory: Node(gpus=gpus, cpus=cpus, memory_gib=memory), SIZES, SIZES, SIZES)
CORES = st.builds(lambda cpus, memory: Node(cpus=cpus, memory_gib=memory), SIZES, SIZES)
WEIGHTS = st.tuples(st.integers(1, 98), st.integers(1, 98)).filter(lambda pair: sum(pair) < 100).map(
    lambda pair: {"gpu": Decimal(pair[0]) / 100, "cpu": Decimal(pair[1]) / 100, "memory": 1 - Decimal(sum(pair)) / 100}
)  # fmt: skip
LINEAR = st.just("gpu_only") | WEIGHTS
TASKS = st.lists(st.tuples(*[st.integers(0, 9)] * 3), min_size=1, max_size=8)  # parts of each dimension
Asked = Mapping[str, Decimal]


def tier(node: Node, hour: Decimal, split: Any, planned: Decimal = Decimal(1), occupancy: str = "shared") -> Tier:
    return Tier(
        name="x",
        node=node,
        node_hour=Interval.exact(hour),
        components=(),
        location=STEP,
        split=split,
        planned_utilization=planned,
        occupancy=occupancy,
    )


def packed(node: Node, parts: list[tuple[int, ...]]) -> list[Asked]:
    """Tasks that fill a node to the brim in every dimension that any of them asks for."""
    sizes = {"gpu": node.gpus, "cpu": node.cpus, "memory_mb": node.memory_gib}
    totals = [sum(column) for column in zip(*parts)]
    nothing = {dimension.attribute: Decimal(0) for dimension in DIMENSIONS}
    return [
        nothing
        | {
            name: size * part / total
            for (name, size), part, total in zip(sizes.items(), task, totals)
            if total
        }
        for task in parts
    ]  # fmt: skip


def pays(made: Tier, task: Asked) -> Decimal:
    """What a task pays for an hour; nothing where it holds nothing that has a price."""
    found = price(made, task)
    if not isinstance(found, Priced):
        return Decimal(0)
    return sum((rate.quantity * rate.unit_price.expected for rate in found.rates), Decimal(0))


@given(node=NODES, hour=HOURS, split=LINEAR, planned=PLANNED, parts=TASKS, idle=st.integers(0, 7))
def test_tasks_and_the_idle_rest_cost_exactly_the_node(
    node: Node, hour: Decimal, split: Any, planned: Decimal, parts: list[tuple[int, ...]], idle: int
) -> None:
    """However a node is cut up, and whichever of the pieces nobody uses: the pieces are the node."""
    made = tier(node, hour, split, planned)
    pieces = packed(node, [*parts, (1, 1, 1)])
    charged = sum((pays(made, piece) for piece in pieces[idle:]), Decimal(0))
    unused = sum((pays(made, piece) for piece in pieces[:idle]), Decimal(0))
    assert abs((charged + unused) * planned - hour) < DUST
    assert charged >= 0 <= unused


@given(node=NODES, hour=HOURS, split=LINEAR, parts=TASKS)
def test_a_task_pays_exactly_its_share(node: Node, hour: Decimal, split: Any, parts: list[tuple[int, ...]]) -> None:
    weights = {"gpu": Decimal(1)} if split == "gpu_only" else split
    names = {"gpu": ("gpu", node.gpus), "cpu": ("cpu", node.cpus), "memory": ("memory_mb", node.memory_gib)}
    for task in packed(node, parts):
        share = sum((weight * task[names[key][0]] / names[key][1] for key, weight in weights.items()), Decimal(0))
        assert abs(pays(tier(node, hour, split), task) - hour * share) < DUST


@given(node=NODES | CORES, hour=HOURS, parts=TASKS)
def test_dominant_shares_recover_the_node_or_more_and_at_most_once_for_each_thing(
    node: Node, hour: Decimal, parts: list[tuple[int, ...]]
) -> None:
    made = tier(node, hour, "dominant")
    things = sum(1 for size in (node.gpus, node.cpus, node.memory_gib) if size)
    paid = sum((pays(made, piece) for piece in packed(node, [*parts, (1, 1, 1)])), Decimal(0))
    assert hour - DUST < paid < things * hour + DUST


@given(node=NODES, hour=HOURS, planned=PLANNED, split=LINEAR | st.just("dominant"), parts=TASKS)
def test_a_step_that_blocks_a_node_pays_it_whole(
    node: Node, hour: Decimal, planned: Decimal, split: Any, parts: list[tuple[int, ...]]
) -> None:
    made = tier(node, hour, split, planned, occupancy="whole_node")
    assert {pays(made, task) for task in packed(node, parts)} == {hour / planned}


@given(node=NODES | CORES, hour=HOURS, planned=PLANNED)
def test_the_surplus_that_is_shown_is_what_two_real_tasks_pay(node: Node, hour: Decimal, planned: Decimal) -> None:
    made = tier(node, hour, "dominant", planned)
    example = over_recovery(made)
    assert example is not None
    for size, attribute in ((node.gpus, "gpu"), (node.cpus, "cpu"), (node.memory_gib, "memory_mb")):
        assert sum(task[attribute] for task in example.tasks) <= size  # they fit on one node together
    assert abs(sum(pays(made, task) for task in example.tasks) - example.paid) < DUST
    assert abs(sum(example.shares) * example.node_hour - example.paid) < DUST
    assert abs(example.surplus * 2 - example.node_hour) < DUST


NO_SURPLUS = [
    pytest.param(tier(Node(gpus=Decimal(8), cpus=Decimal(8)), Decimal(1), "gpu_only"), id="GPUs alone"),
    pytest.param(tier(Node(cpus=Decimal(8)), Decimal(1), "dominant"), id="one thing to share"),
    pytest.param(
        tier(Node(cpus=Decimal(8), memory_gib=Decimal(8)), Decimal(1), "dominant", occupancy="whole_node"),
        id="whole nodes",
    ),
    pytest.param(
        tier(Node(gpus=Decimal(8), cpus=Decimal(8)), Decimal(1), {"gpu": Decimal(1)}),
        id="weights",
    ),
]


@pytest.mark.parametrize("made", NO_SURPLUS)
def test_other_splits_take_in_no_more_than_the_node(made: Tier) -> None:
    assert over_recovery(made) is None


AMOUNTS = st.decimals(0, 10**6, places=2).map(str)
SHARES = st.decimals(0, 1, places=3).map(str)
OWNED = st.fixed_dictionaries(
    {"purchase_price": st.decimals(1, 10**6, places=2).map(str), "useful_life_months": st.integers(1, 120).map(str)},
    optional={
        "network_price": AMOUNTS,
        "spares_share": SHARES,
        "cost_of_capital": SHARES,
        "power_kw": AMOUNTS,
        "pue": st.decimals(1, 3, places=2).map(str),
        "electricity_per_kwh": AMOUNTS,
        "facility_per_month": AMOUNTS,
        "support_share_per_year": SHARES,
        "staff_per_hour": AMOUNTS,
        "software_per_gpu_month": AMOUNTS,
    },
)


@given(numbers=OWNED)
def test_a_node_hour_is_the_sum_of_its_lines_and_none_lowers_it(numbers: dict[str, str]) -> None:
    said = ", ".join(f"{key}: {value}" for key, value in numbers.items())
    made = card(f"tiers: {{x: {{node: {{gpus: 8}}, owned: {{{said}}}}}}}").tiers["x"]
    amounts = [part.amount for part in made.components]
    assert made.node_hour == Interval.exact(sum(amounts, Decimal(0)))
    assert min(amounts) >= -DUST
    assert all(part.missing or part.location for part in made.components)
