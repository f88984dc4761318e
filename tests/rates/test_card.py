"""Rate cards as they are read: prices, extends, currencies, versions, and everything that can be wrong with one."""

from __future__ import annotations

import hashlib
import json
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costgate.errors import InputError
from costgate.model import Component, RateCard, Reservation, Tier
from costgate.rates.card import load
from costgate.shipped import rate_cards
from costgate.units import Interval
from tests.rates.cards import A100, AS_OF, HEAD, card, reader, refused
from tests.support import dedent

P3 = "aws/us-east-1/p3.8xlarge"
BASE = """
    version: 1
    name: base
    currency: USD
    as_of: 2026-09-01
    tiers:
      a100: {node: {gpus: 8, cpus: 96}, owned: {purchase_price: 73000, useful_life_months: 10, facility_per_hour: 1}}
      cpu: {node: {cpus: 32}, hourly: 1.1}
    default_tier: {gpu: a100, cpu: cpu}
    storage: {fast: {per_tb_month: 80}, slow: {per_tb_month: 20}}
    reservations:
      - {id: reco, tier: a100, team: reco, gpus: 16, from: 2026-01-01, to: 2026-12-31, burst_multiplier: 1.25}
"""


def only(text: str, **options: str) -> Tier:
    (tier,) = card(text, **options).tiers.values()
    return tier


def component(tier: Tier, name: str) -> Component:
    return next(part for part in tier.components if part.name == name)


def test_an_owned_tier_has_its_price_and_where_it_comes_from() -> None:
    tier = only(A100)
    assert round(tier.node_hour.expected / 8, 7) == Decimal("0.6930263")
    assert tier.node_hour.is_exact
    assert str(tier.location) == "card.yml:6:3"
    assert str(component(tier, "amortisation").location) == "card.yml:9:7"
    assert component(tier, "staff").missing
    assert (tier.split, tier.occupancy, tier.basis, tier.planned_utilization) == ("gpu_only", "shared", "occupied", 1)
    assert (tier.nodes, tier.match, tier.shipped, tier.price_date) == (None, (), False, date(2026, 10, 1))


KINDS = [
    pytest.param("{node: {cpus: 32}, hourly: 1.10}", "1.1", "1.1 an hour", id="a plain price"),
    pytest.param("{node: {cpus: 32}, hourly: 0}", "0", "0 an hour", id="a price of nothing that somebody wrote"),
    pytest.param("{node: {gpus: 8}, leased: {per_month: 21900}}", "30", "21,900 ÷ 730", id="a lease"),
    pytest.param("{node: {gpus: 4}, cloud: {on_demand: 12.24}}", "12.24", "12.24 an hour", id="a list price"),
    pytest.param(
        "{node: {gpus: 4}, cloud: {purchase: spot, spot: 3}}", "3", "3 an hour, between 3 and 3", id="one spot price"
    ),
]


@pytest.mark.parametrize(("tier", "price", "formula"), KINDS)
def test_a_price_of_every_kind(tier: str, price: str, formula: str) -> None:
    made = only(f"tiers: {{x: {tier}}}")
    assert made.node_hour == Interval.exact(Decimal(price))
    assert [part.formula for part in made.components] == [formula]


SPOT = "{on_demand: 12, discount: 0.25, spot: {low: 1, expected: 2, high: 12}"


def test_spot_bought_is_a_range_and_has_no_discount() -> None:
    tier = only(f"tiers: {{x: {{node: {{gpus: 4}}, cloud: {SPOT}, purchase: spot}}}}}}")
    assert tier.node_hour == Interval(low=Decimal(1), expected=Decimal(2), high=Decimal(12))
    assert (tier.on_demand, tier.spot) == (9, tier.node_hour)


def test_on_demand_bought_still_knows_the_spot_price() -> None:
    tier = only(f"tiers: {{x: {{node: {{gpus: 4}}, cloud: {SPOT}}}}}}}")
    assert tier.node_hour == Interval.exact(Decimal(9))
    assert tier.spot == Interval(low=Decimal(1), expected=Decimal(2), high=Decimal(12))


def test_a_tier_takes_what_its_card_says_of_it() -> None:
    tier = only("""
        tiers:
          x:
            node: {gpus: 8, cpus: 96, memory_gib: 1000}
            hourly: 8
            planned_utilization: 0.7
            split: {gpu: 0.85, cpu: 0.1, memory: 0.05}
            occupancy: whole_node
            basis: requested
            nodes: 4
            match: [{queue: a}, {compute_pool: b}]
            source: a quote of the vendor
            price_date: 2026-08-01
    """)
    assert tier.planned_utilization == Decimal("0.7")
    assert tier.split == {"gpu": Decimal("0.85"), "cpu": Decimal("0.1"), "memory": Decimal("0.05")}
    assert (tier.occupancy, tier.basis, tier.nodes) == ("whole_node", "requested", 4)
    assert tier.match == ({"queue": "a"}, {"compute_pool": "b"})
    assert (tier.source, tier.price_date) == ("a quote of the vendor", date(2026, 8, 1))


SPLITS = [
    pytest.param("{gpus: 8, cpus: 96}", "gpu_only", id="GPUs"),
    pytest.param("{trainium: 16, cpus: 96}", "gpu_only", id="Trainium"),
    pytest.param("{inferentia: 12}", "gpu_only", id="Inferentia"),
    pytest.param("{cpus: 96}", "dominant", id="no accelerator"),
]


@pytest.mark.parametrize(("node", "split"), SPLITS)
def test_the_split_follows_the_node_unless_it_is_said(node: str, split: str) -> None:
    assert only(f"tiers: {{x: {{node: {node}, hourly: 1}}}}").split == split


def test_a_weight_of_nothing_is_no_weight() -> None:
    tier = only("tiers: {x: {node: {gpus: 8}, hourly: 1, split: {gpu: 1.0, cpu: 0}}}")
    assert tier.split == {"gpu": 1}


# What a card extends


def extended(text: str, *, as_of: date = AS_OF, base: str = BASE, head: str = HEAD) -> RateCard:
    return card(f"extends: [base.yml]\n{dedent(text)}", as_of=as_of, head=head, base=base)


def test_a_card_has_all_that_it_extends() -> None:
    made = extended("")
    assert list(made.tiers) == ["a100", "cpu"]
    assert made.default_tier == {"gpu": "a100", "cpu": "cpu"}
    assert made.storage == {"fast": 80, "slow": 20}
    assert [one.id for one in made.reservations] == ["reco"]
    assert (made.name, made.as_of, made.shipped) == ("acme", date(2026, 10, 1), False)


def test_tiers_merge_deeply_and_every_number_knows_its_file() -> None:
    tier = extended("tiers: {a100: {owned: {facility_per_hour: 2}, match: [{queue: x}]}}").tiers["a100"]
    assert tier.node_hour == Interval.exact(Decimal(12))
    assert tier.node.cpus == 96
    assert component(tier, "amortisation").location == component(extended("").tiers["a100"], "amortisation").location
    assert str(component(tier, "facility").location) == "card.yml:6:24"
    assert (tier.location.path, tier.match) == ("card.yml", ({"queue": "x"},))


def test_defaults_storage_and_reservations_of_the_card_itself_win() -> None:
    made = extended("""
        default_tier: {gpu: cpu}
        storage: {fast: {per_tb_month: 90}}
        reservations: [{id: reco, tier: cpu, team: reco, cpus: 8, from: 2026-01-01, to: 2026-01-01}]
    """)
    assert made.default_tier == {"gpu": "cpu", "cpu": "cpu"}
    assert made.storage == {"fast": 90, "slow": 20}
    day = date(2026, 1, 1)
    assert made.reservations == (
        Reservation(
            id="reco", tier="cpu", team="reco", cpus=Decimal(8), start=day, to=day, burst_multiplier=Decimal(1)
        ),
    )


def test_the_last_card_extended_wins() -> None:
    other = BASE.replace("hourly: 1.1", "hourly: 3")
    made = card("extends: [base.yml, other.yml]", base=BASE, other=other)
    assert made.tiers["cpu"].node_hour.expected == 3


def test_a_path_is_relative_to_the_card_that_extends() -> None:
    files = {
        "finance/team/card.yml": f"{HEAD}extends: [../base.yml]",
        "finance/base.yml": dedent(BASE).replace("as_of: 2026-09-01\n", "as_of: 2026-09-01\nextends: [gpu/a.yml]\n"),
        "finance/gpu/a.yml": f"{HEAD}tiers: {{h100: {{node: {{gpus: 8}}, hourly: 30}}}}",
    }
    made = load("finance/team/card.yml", read=reader(files), as_of=AS_OF)
    assert list(made.tiers) == ["h100", "a100", "cpu"]


def test_the_digest_is_of_all_bytes_in_the_order_of_reading() -> None:
    own = f"{HEAD}extends: [base.yml]".encode()
    files = {"card.yml": own, "base.yml": dedent(BASE).encode()}
    expected = hashlib.sha256(own + files["base.yml"]).hexdigest()
    assert load("card.yml", read=reader(files), as_of=AS_OF).digest == f"sha256:{expected}"


def test_a_card_extended_twice_is_read_once() -> None:
    seen: list[str] = []
    files = {
        "card.yml": f"{HEAD}extends: [a.yml, b.yml]".encode(),
        "a.yml": f"{HEAD}extends: [base.yml]".encode(),
        "b.yml": f"{HEAD}extends: [base.yml]".encode(),
        "base.yml": dedent(BASE).encode(),
    }

    def read(path: str) -> bytes:
        seen.append(path)
        return files[path]

    assert len(load("card.yml", read=read, as_of=AS_OF).tiers) == 2
    assert seen == ["card.yml", "a.yml", "base.yml", "b.yml"]


# Shipped cards


def test_a_shipped_card_is_loaded_by_its_name() -> None:
    made = load("aws", read=reader({}), as_of=AS_OF)
    tier = made.tiers[P3]
    assert (made.name, made.shipped, tier.shipped) == ("aws", True, True)
    assert tier.node_hour.expected * 2 == Decimal("24.48")  # two hours
    assert (tier.provider, tier.region, tier.instance_type) == ("aws", "us-east-1", "p3.8xlarge")
    assert tier.source is not None
    lines = rate_cards()["aws"].read_text().splitlines()
    assert tier.location.path == "costgate/rates/data/aws.json"
    assert lines[tier.location.line - 1].startswith(f'"{P3}"')


def test_a_discount_alone_is_said_by_the_short_name() -> None:
    made = card("extends: [aws]\ntiers: {p3.8xlarge: {cloud: {discount: 0.1}}}")
    tier = made.tiers[P3]
    assert "p3.8xlarge" not in made.tiers
    assert tier.node_hour.expected == Decimal("11.016")
    assert (tier.node.gpus, tier.shipped, made.shipped) == (4, False, False)
    assert str(component(tier, "discount").location) == "card.yml:6:30"
    assert component(tier, "on-demand price").location == load("aws", read=reader({}), as_of=AS_OF).tiers[P3].location
    assert tier.price_date == date(2026, 7, 20)  # a discount makes no list price younger


def test_a_price_of_ones_own_is_as_old_as_the_card() -> None:
    tier = card("extends: [aws]\ntiers: {p3.8xlarge: {cloud: {on_demand: 11}}}").tiers[P3]
    assert (tier.price_date, tier.source, tier.node_hour.expected) == (date(2026, 10, 1), None, 11)


def test_a_full_name_is_merged_too() -> None:
    made = card(f"extends: [aws]\ntiers: {{{P3}: {{occupancy: whole_node}}}}\ndefault_tier: {{gpu: p3.8xlarge}}")
    assert made.tiers[P3].occupancy == "whole_node"
    assert made.default_tier == {"gpu": P3}


def test_a_region_tells_which_type_a_short_name_means() -> None:
    made = card("""
        extends: [gcp]
        tiers: {n2-standard-8: {cloud: {provider: gcp, region: europe-west4, discount: 0.5}}}
    """)
    assert not made.tiers["gcp/europe-west4/n2-standard-8"].shipped
    assert made.tiers["gcp/us-central1/n2-standard-8"].shipped


def test_another_region_makes_a_new_tier() -> None:
    made = card("""
        extends: [aws]
        tiers: {p3.8xlarge: {node: {gpus: 4}, cloud: {provider: aws, region: eu-west-1, on_demand: 13.22}}}
    """)
    assert made.tiers["p3.8xlarge"].region == "eu-west-1"
    assert made.tiers[P3].shipped


def test_shipped_prices_are_converted() -> None:
    head = HEAD.replace("USD", "EUR")
    made = card("extends: [aws]\nfx: {USD: 0.5}\ntiers: {p3.8xlarge: {cloud: {discount: 0.5}}}", head=head)
    assert made.currency == "EUR"
    assert made.tiers[P3].node_hour.expected == Decimal("3.06")
    assert made.tiers["aws/us-east-1/p3.2xlarge"].spot == Interval(
        low=Decimal("0.18535"), expected=Decimal("0.19705"), high=Decimal("1.53")
    )


def test_every_price_of_a_tier_is_converted_and_nothing_else() -> None:
    base = BASE.replace("hourly: 1.1}", "hourly: 1.1, match: [{node_selector: {low: '3'}}]}")
    made = extended("fx: {USD: 2}", head=HEAD.replace("USD", "EUR"), base=base)
    assert made.tiers["a100"].node_hour.expected == 22
    assert made.tiers["a100"].node.cpus == 96
    assert made.tiers["cpu"].match == ({"node_selector": {"low": "3"}},)
    assert made.storage["fast"] == 160
    assert made.reservations[0].burst_multiplier == Decimal("1.25")


# Versions

VERSIONED = """
    tiers: {a: {node: {cpus: 10}, hourly: 3}, b: {node: {cpus: 10}, hourly: 9}}
    default_tier: {cpu: a}
    storage: {ssd: {per_tb_month: 80}}
    versions:
      - {effective_from: 2026-01-01, tiers: {a: {hourly: 1}}, default_tier: {cpu: b}, storage: {ssd: {per_tb_month: 7}}}
      - {effective_from: 2026-06-01, tiers: {a: {hourly: 2}}}
      - {effective_from: 2027-01-01, tiers: {a: {hourly: 4}}}
"""
MOMENTS = [
    pytest.param(date(2025, 1, 1), "3", date(2026, 10, 1), id="before all of them the top level counts"),
    pytest.param(date(2026, 1, 1), "1", date(2026, 1, 1), id="the first day of a version"),
    pytest.param(date(2026, 5, 31), "1", date(2026, 1, 1), id="the last day of a version"),
    pytest.param(date(2026, 6, 1), "2", date(2026, 6, 1), id="the next version"),
    pytest.param(date(2026, 10, 1), "3", date(2026, 10, 1), id="the day of the card"),
    pytest.param(date(2027, 2, 1), "4", date(2027, 1, 1), id="a version to come"),
]


@pytest.mark.parametrize(("as_of", "price", "since"), MOMENTS)
def test_the_newest_version_in_force_counts(as_of: date, price: str, since: date) -> None:
    made = card(VERSIONED, as_of=as_of)
    assert (made.tiers["a"].node_hour.expected, made.as_of) == (Decimal(price), since)
    assert made.tiers["b"].node_hour.expected == 9


def test_a_version_has_its_own_defaults_and_storage() -> None:
    then = card(VERSIONED, as_of=date(2026, 2, 1))
    assert (then.default_tier, then.storage) == ({"cpu": "b"}, {"ssd": 7})
    assert str(then.tiers["a"].components[0].location) == "card.yml:9:46"
    now = card(VERSIONED)
    assert (now.default_tier, now.storage) == ({"cpu": "a"}, {"ssd": 80})


def test_the_days_on_which_prices_change_are_known() -> None:
    assert card(VERSIONED).effective_dates == (
        date(2026, 1, 1), date(2026, 6, 1), date(2026, 10, 1), date(2027, 1, 1),
    )  # fmt: skip
    assert card("tiers: {a: {node: {cpus: 10}, hourly: 3}}").effective_dates == ()
    assert load("aws", read=reader({}), as_of=AS_OF).effective_dates == ()


def test_the_days_of_an_extended_card_are_days_of_the_card() -> None:
    base = f"{HEAD.replace('2026-10-01', '2026-09-15')}{dedent(VERSIONED)}"
    assert card("extends: [base.yml]\ntiers: {}", base=base).effective_dates == (
        date(2026, 1, 1), date(2026, 6, 1), date(2026, 9, 15), date(2027, 1, 1),
    )  # fmt: skip


@given(st.integers(0, 900))
def test_between_two_such_days_prices_are_the_same(days: int) -> None:
    dates = card(VERSIONED).effective_dates
    day = date(2025, 6, 1) + timedelta(days=days)
    since = max((one for one in dates if one <= day), default=date(2025, 1, 1))
    assert card(VERSIONED, as_of=day).tiers["a"].node_hour == card(VERSIONED, as_of=since).tiers["a"].node_hour


# What is wrong with a card

WRONG = [
    pytest.param(
        "tiers: {x: {hourly: 1}}",
        "card.yml:5:9: tier 'x' has no node\nhelp: say what a node has, e.g. node: {cpus: 32}",
        id="no node",
    ),
    pytest.param(
        "tiers: {x: {node: {cpus: 1}}}",
        "card.yml:5:9: tier 'x' has no price\nhelp: give it one of owned, leased, cloud, hourly",
        id="no price",
    ),
    pytest.param(
        "tiers: {x: {node: {cpus: 1}, hourly: 1, leased: {per_month: 2}}}",
        "card.yml:5:30: tier 'x' has more than one price: leased (card.yml:5) and hourly (card.yml:5)\n"
        "help: a price replaces one of its own kind only; give the tier a name of its own",
        id="two prices",
    ),
    pytest.param(
        "tiers: {x: {node: {gpus: 1}, owned: {}}}",
        "card.yml:5:30: tier 'x' is owned and costs nothing\nhelp: add what it costs, e.g. purchase_price",
        id="an owned node without costs",
    ),
    pytest.param(
        "tiers: {x: {node: {gpus: 1}, owned: {purchase_price: 9}}}",
        "card.yml:5:38: tier 'x' has a purchase_price without useful_life_months\n"
        "help: add how long it is used, e.g. useful_life_months: 36",
        id="no useful life",
    ),
    pytest.param(
        "tiers: {x: {node: {gpus: 1}, owned: {purchase_price: 9, useful_life_months: 9, residual_value: 10}}}",
        "card.yml:5:80: tier 'x' is worth more at the end than it cost\nhelp: residual_value is at most purchase_price",
        id="a residual above the price",
    ),
    pytest.param(
        "tiers: {x: {node: {gpus: 1}, owned: {purchase_price: 9, useful_life_months: 9, cost_of_capital: 8}}}",
        "card.yml:5:80: tier 'x' has a cost of capital above 100 %\nhelp: 0.08 is 8 % a year",
        id="percent for a fraction",
    ),
    pytest.param(
        "tiers: {x: {node: {gpus: 1}, leased: {}}}",
        "card.yml:5:30: tier 'x' has no leased.per_month\nhelp: add per_month",
        id="a lease for nothing",
    ),
    pytest.param(
        "tiers: {x: {node: {gpus: 1}, cloud: {discount: 0.1}}}",
        "card.yml:5:30: tier 'x' is bought on-demand and has no such price\n"
        "help: add cloud.on_demand, or change cloud.purchase",
        id="a cloud type without a price",
    ),
    pytest.param(
        "tiers: {x: {node: {gpus: 1}, cloud: {on_demand: 1, purchase: spot}}}",
        "card.yml:5:30: tier 'x' is bought spot and has no such price\nhelp: add cloud.spot, or change cloud.purchase",
        id="spot without a spot price",
    ),
    pytest.param(
        "tiers: {x: {node: {gpus: 1}, cloud: {on_demand: 1, spot: {low: 2, expected: 1, high: 3}}}}",
        "card.yml:5:52: tier 'x' has a spot price out of order\n"
        "help: low ≤ expected ≤ high; a spot price may reach on-demand",
        id="spot out of order",
    ),
    pytest.param(
        "tiers: {x: {node: {gpus: 1}, cloud: {on_demand: 1, spot: {low: 2, high: 3}}}}",
        "card.yml:5:52: tier 'x' has no cloud.spot.expected\nhelp: add expected",
        id="half a spot price",
    ),
    pytest.param(
        "tiers: {x: {node: {gpus: 1, cpus: 1}, hourly: 1, split: {gpu: 0.5, cpu: 0.4}}}",
        "card.yml:5:50: tier 'x' has split weights that add up to 0.9\n"
        "help: the weights are shares of the node: they add up to 1",
        id="weights that do not add up",
    ),
    pytest.param(
        "tiers: {x: {node: {gpus: 1}, hourly: 1, split: {gpu: 0.5, cpu: 0.5}}}",
        "card.yml:5:59: tier 'x' weighs cpu and its node has none\nhelp: add node.cpus, or weigh what the node has",
        id="a weight of what is not there",
    ),
    pytest.param(
        "tiers: {x: {node: {cpus: 1}, hourly: 1, split: gpu_only}}",
        "card.yml:5:41: tier 'x' is split by GPUs and has none\nhelp: split: dominant, or add node.gpus",
        id="GPUs that are not there",
    ),
    pytest.param(
        "tiers: {x: {node: {gpus: 0}, hourly: 1}}",
        "card.yml:5:13: tier 'x' has a node of no size\nhelp: e.g. node: {cpus: 32, memory_gib: 128}",
        id="a node of no size",
    ),
    pytest.param(
        "tiers: {big: {node: {gpus: 1}, hourly: 1}}\ndefault_tier: {gpu: bag}",
        "card.yml:6:16: there is no tier 'bag'\nhelp: did you mean 'big'?",
        id="a default that is not there",
    ),
    pytest.param(
        "tiers: {big: {node: {gpus: 1}, hourly: 1}}\ndefault_tier: {gpu: other}",
        "card.yml:6:16: there is no tier 'other'\nhelp: the card's tiers are big",
        id="a default like no other",
    ),
    pytest.param(
        "extends: [gcp]\ndefault_tier: {cpu: n2-standard-8}",
        "card.yml:6:16: 'n2-standard-8' may mean several tiers\n"
        "help: write one of gcp/us-central1/n2-standard-8, gcp/europe-west4/n2-standard-8",
        id="a default of two regions",
    ),
    pytest.param(
        "extends: [gcp]\ntiers: {n2-standard-8: {cloud: {discount: 0.1}}}",
        "card.yml:6:9: 'n2-standard-8' may mean several tiers\n"
        "help: write one of gcp/us-central1/n2-standard-8, gcp/europe-west4/n2-standard-8",
        id="a discount on two regions",
    ),
    pytest.param(
        "extends: [aws]\ntiers: {p3.8xlarg: {cloud: {discount: 0.1}}}",
        "card.yml:6:9: tier 'p3.8xlarg' has no node\n"
        "help: say what a node has, e.g. node: {cpus: 32}; or did you mean 'p3.8xlarge'?",
        id="a misspelt shipped type",
    ),
    pytest.param(
        "tiers: {x: {node: {gpus: 1}, hourly: 1}}\n"
        "reservations: [{id: r, tier: x, team: t, gpus: 1, from: 2026-02-01, to: 2026-01-31}]",
        "card.yml:6:69: it ends before it begins (2026-02-01)\nhelp: `to` is the last day",
        id="a reservation that ends too early",
    ),
    pytest.param(
        "tiers: {x: {node: {gpus: 1}, hourly: 1}}\n"
        "reservations: [{id: r, tier: x, team: t, gpus: 1, from: 2026-02-30, to: 2026-03-31}]",
        "card.yml:6:51: '2026-02-30' is not a day\nhelp: write it as 2026-10-01",
        id="a day that never was",
    ),
    pytest.param(
        "tiers: {x: {node: {gpus: 1}, hourly: 1}}\n"
        "reservations: [{id: r, tier: y, team: t, gpus: 1, from: 2026-01-01, to: 2026-01-31}]",
        "card.yml:6:24: there is no tier 'y'\nhelp: the card's tiers are x",
        id="a reservation of nothing",
    ),
    pytest.param(
        "versions: [{effective_from: 2026-01-01}, {effective_from: 2026-01-01}]",
        "card.yml:5:43: two versions are in force from 2026-01-01 on: this and card.yml:5\n"
        "help: give each its own first day; the top level's is as_of",
        id="two versions of one day",
    ),
    pytest.param(
        "versions: [{effective_from: 2026-10-01}]",
        "card.yml:5:13: two versions are in force from 2026-10-01 on: this and card.yml:4\n"
        "help: give each its own first day; the top level's is as_of",
        id="a version of the day of the card",
    ),
    pytest.param(
        "versions: [{effective_from: 2026-13-01}]",
        "card.yml:5:13: '2026-13-01' is not a day\nhelp: write it as 2026-10-01",
        id="a version of no day",
    ),
    pytest.param(
        "extends: [missing.yml]",
        "card.yml:5:11: there is no rate card 'missing.yml'\n"
        "help: write its path from the folder of the card that extends it",
        id="a card that is not there",
    ),
    pytest.param(
        "extends: [awz]",
        "card.yml:5:11: there is no rate card 'awz'\nhelp: did you mean the shipped card 'aws'?",
        id="a misspelt shipped card",
    ),
    pytest.param(
        "extends: [aws, card.yml]",
        "card.yml:5:16: rate cards extend each other in a circle: card.yml → card.yml\nhelp: drop one",
        id="a card that extends itself",
    ),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_a_wrong_card_says_where_and_what_to_do(text: str, message: str) -> None:
    assert refused(text) == [message]


def test_two_reservations_of_one_name_are_one_too_many() -> None:
    one = "{id: r, tier: x, team: t, gpus: 1, from: 2026-01-01, to: 2026-01-31}"
    problems = refused(f"tiers: {{x: {{node: {{gpus: 1}}, hourly: 1}}}}\nreservations: [{one}, {one}]")
    assert problems == ["card.yml:6:87: there are two reservations 'r'\nhelp: rename one of them"]


def test_a_circle_is_named() -> None:
    loop = f"{HEAD}extends: [card.yml]\n"
    problems = refused("extends: [a.yml]", a=f"{HEAD}extends: [b.yml]\n", b=loop)
    assert problems == [
        "b.yml:5:11: rate cards extend each other in a circle: card.yml → a.yml → b.yml → card.yml\nhelp: drop one"
    ]


def test_a_missing_rate_of_exchange_is_asked_for() -> None:
    assert refused("extends: [aws]\nfx: {GBP: 2, USD: 2}") == [
        "card.yml:6:14: one USD is one USD\nhelp: fx says what other currencies are worth in USD"
    ]
    (problem,) = refused("extends: [aws]\nfx: {GBP: 2}", head=HEAD.replace("USD", "EUR"))
    assert problem == (
        "card.yml:5:11: the extended card is in USD, and fx has no rate for it\n"
        "help: add fx: {USD: …}, what one USD is in EUR"
    )


def test_a_chain_of_cards_ends() -> None:
    chain = {f"c{n}": f"{HEAD}extends: [c{n + 1}.yml]\n" for n in range(20)}
    (problem,) = refused("extends: [c0.yml]", **chain)
    assert "more than 8 deep" in problem


def test_a_crowd_of_cards_ends() -> None:
    crowd = {f"c{n}": HEAD for n in range(40)}
    (problem,) = refused(f"extends: [{', '.join(f'{name}.yml' for name in crowd)}]", **crowd)
    assert "more than 32 rate cards extend each other" in problem


def test_everything_wrong_is_said_at_once() -> None:
    problems = refused("""
        tiers: {x: {hourly: 1}, y: {node: {cpus: 1}}}
        default_tier: {gpu: z}
    """)
    assert len(problems) == 3


def test_a_card_that_is_not_there_is_named_as_it_was_asked_for() -> None:
    with pytest.raises(InputError, match=r"finance/card\.yml: there is no rate card 'finance/card\.yml'"):
        load("finance/card.yml", read=reader({}), as_of=AS_OF)


MALFORMED = [
    pytest.param(
        "tiers: {x: {node: {cpus: 1}, hourly: -1}}",
        HEAD,
        "card.yml:5:38: 'hourly' must be at least 0, not -1",
        id="negative",
    ),
    pytest.param(
        "tiers: {x: {node: {cpus: 1}, hourly: .nan}}", HEAD, "card.yml:5:38: not a finite number", id="no number"
    ),
    pytest.param(
        "tiers: {x: {node: {cpus: 1}, hourly: .inf}}", HEAD, "card.yml:5:38: not a finite number", id="infinite"
    ),
    pytest.param(
        "fx: {EUR: .nan}", HEAD, "card.yml:5:11: not a finite number", id="a rate of exchange that is no number"
    ),
    pytest.param(
        "fx: {EUR: 0}", HEAD, "card.yml:5:11: 'EUR' must be greater than 0, not 0", id="a currency worth nothing"
    ),
    pytest.param(
        "storage: {s: {per_tb_month: .nan}}",
        HEAD,
        "card.yml:5:29: not a finite number",
        id="a price of storage that is no number",
    ),
    pytest.param(
        "tiers: {x: {node: {cpus: 1}, hourly: 1 USD}}",
        HEAD,
        "card.yml:5:38: 'hourly' must be a number, not '1 USD'",
        id="a price with a unit",
    ),
    pytest.param(
        "tiers: {x: {node: {cpus: 1}, per_month: 1}}",
        HEAD,
        "card.yml:5:30: unknown key 'per_month'",
        id="a price in another unit",
    ),
    pytest.param(
        "tiers: {x: {node: {memory_mb: 1}, hourly: 1}}",
        HEAD,
        "card.yml:5:20: unknown key 'memory_mb'",
        id="a size in another unit",
    ),
    pytest.param(
        "storage: {s: {per_gb_month: 1}}",
        HEAD,
        "card.yml:5:14: 'per_tb_month' is required in 's'",
        id="storage in another unit",
    ),
    pytest.param(
        "tiers: {}", HEAD.replace("currency: USD\n", ""), "card.yml:1:1: 'currency' is required", id="no currency"
    ),
    pytest.param(
        "tiers: {}",
        HEAD.replace("USD", "usd"),
        "card.yml:3:11: 'currency' must be a currency code such as USD, not 'usd'",
        id="an odd currency",
    ),
    pytest.param(
        "tiers: {}",
        HEAD.replace("USD", "dollars"),
        "card.yml:3:11: 'currency' must be a currency code such as USD, not 'dollars'",
        id="no currency's code",
    ),
    pytest.param(
        "versions: [{tiers: {}}]",
        HEAD,
        "card.yml:5:12: 'effective_from' is required in 'versions'",
        id="a version without a day",
    ),
]


@pytest.mark.parametrize(("text", "head", "problem"), MALFORMED)
def test_a_card_that_breaks_the_schema_is_refused(text: str, head: str, problem: str) -> None:
    first, *_ = refused(text, head=head)
    assert first.splitlines()[0] == problem
    assert "\nhelp: " in first


@given(st.text(max_size=200))
def test_any_text_is_a_card_or_an_input_error(text: str) -> None:
    with pytest.raises(InputError):
        load("card.yml", read=reader({"card.yml": text.encode("utf-8", "surrogatepass")}), as_of=AS_OF)


NUMBERS = st.integers(0, 10**12) | st.floats(0, 1e12)
OWNED = st.fixed_dictionaries(
    {},
    optional={
        "purchase_price": NUMBERS,
        "useful_life_months": st.floats(1e-300, 1200),
        "residual_value": NUMBERS,
        "cost_of_capital": st.floats(0, 10),
        "power_kw": NUMBERS,
        "electricity_per_kwh": NUMBERS,
        "staff_per_hour": NUMBERS,
    },
)


@given(owned=OWNED, planned=st.floats(1e-300, 1), fx=st.floats(1e-300, 1e12))
def test_any_numbers_are_a_price_or_an_input_error(owned: dict[str, float], planned: float, fx: float) -> None:

    tier = {"node": {"gpus": 8}, "owned": owned, "planned_utilization": planned}
    base = {"version": 1, "name": "b", "currency": "EUR", "as_of": "2026-10-01", "tiers": {"x": tier}}
    top = {
        "version": 1,
        "name": "t",
        "currency": "USD",
        "as_of": "2026-10-01",
        "extends": ["b.json"],
        "fx": {"EUR": fx},
    }
    files = {"b.json": json.dumps(base), "t.json": json.dumps(top)}
    try:
        price = load("t.json", read=reader(files), as_of=AS_OF).tiers["x"].node_hour.low
    except InputError as error:
        price = Decimal(len(error.problems))
    assert price >= 0
