"""Cards as OpenCost's files, and back: prices survive the way there and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costgate.errors import InputError
from costgate.export import opencost
from costgate.model import RateCard
from costgate.rates.importers.linear import summed
from tests.rates.cards import card
from tests.rates.importers.reading import read, units

CARD = """
    tiers:
      a100:
        node: {gpus: 8, cpus: 96, memory_gib: 1152}
        hourly: 5.544
        planned_utilization: 0.7
        match: [{node_selector: {pool: a100}}, {queue: "ml-*"}]
      weighed: {node: {gpus: 4, cpus: 32, memory_gib: 128}, hourly: 4, split: {gpu: 0.5, cpu: 0.25, memory: 0.25}}
      cpu: {node: {cpus: 32, memory_gib: 128}, hourly: 1.1, match: [{node_selector: {pool: cpu}}]}
      market:
        node: {cpus: 8, memory_gib: 32}
        cloud: {provider: aws, region: us-east-1, on_demand: 0.4, spot: {low: 0.1, expected: 0.2, high: 0.4}}
        split: {cpu: 0.75, memory: 0.25}
      c5.large: {node: {cpus: 2, memory_gib: 4}, cloud: {provider: aws, region: us-east-1, on_demand: 0.085}}
      desk: {node: {gpus: 1, cpus: 16}, hourly: 0.9, occupancy: whole_node}
      neuron: {node: {trainium: 16}, hourly: 21.5}
      odd: {node: {trainium: 16}, hourly: 21.5, split: dominant}
    default_tier: {gpu: a100, cpu: cpu}
    storage: {fast: {per_tb_month: 80}}
"""
MADE = card(CARD)
Golden = Callable[[str, str], None]


def exported(*names: str, made: RateCard = MADE, spot: str | None = None) -> dict[str, str]:
    text = opencost.as_json(made, [made.tiers[name] for name in names], made.tiers[spot] if spot else None).text
    return {key: value for key, value in json.loads(text).items() if key not in ("provider", "description")}


def refused(how: Callable[[], object]) -> str:
    with pytest.raises(InputError) as caught:
        how()
    return str(caught.value)


def test_json_has_what_the_tiers_charge() -> None:
    gpu = "0.99"  # 5.544 ÷ 8 ÷ 0.7
    assert exported("a100") == {"GPU": gpu, "storage": "0.000117670336877"}
    assert exported("weighed") == {"CPU": "0.03125", "RAM": "0.0078125", "GPU": "0.5", "storage": "0.000117670336877"}
    assert exported("market") == {
        "CPU": "0.0375",
        "RAM": "0.003125",
        "spotCPU": "0.01875",
        "spotRAM": "0.0015625",
        "storage": "0.000117670336877",
    }
    assert exported("a100", spot="market")["spotCPU"] == "0.0375"


def test_the_files_are_golden(golden: Golden) -> None:
    made = opencost.as_json(MADE, [MADE.tiers["a100"], MADE.tiers["cpu"]])
    golden("rates/export_opencost.json", made.text)
    assert made.notes == ("cpu is split by the largest share, which no sum can say: by OpenCost's own ratio here",)
    golden("rates/export_opencost.csv", opencost.as_csv(MADE, [MADE.tiers["cpu"], MADE.tiers["a100"]]).text)


@given(st.integers(0, 16), st.integers(0, 200), st.integers(0, 3000), st.sampled_from([Decimal(1), Decimal("0.5")]))
def test_a_dominant_node_costs_its_price_whole(gpus: int, cpus: int, gib: int, planned: Decimal) -> None:
    if gpus + cpus + gib:
        text = f"""
            tiers:
              t:
                {{node: {{gpus: {gpus}, cpus: {cpus}, memory_gib: {gib}}}, hourly: 5, split: dominant,
                planned_utilization: {planned}}}
        """
        said = exported("t", made=card(text))
        sizes = {"GPU": gpus, "CPU": cpus, "RAM": gib}
        whole = sum(Decimal(said[key]) * size for key, size in sizes.items() if size)
        assert abs(whole - 5 / planned) < Decimal("1e-8")


def test_other_currencies_and_several_kinds_of_storage() -> None:
    said = card(CARD.replace("fast: {per_tb_month: 80}", "fast: {per_tb_month: 80}, slow: {per_tb_month: 8}"))
    made = opencost.as_json(said, [said.tiers["a100"]])
    assert "storage" not in json.loads(made.text)
    assert made.notes == ("OpenCost has one price of storage and the card several: there is none in the file",)
    assert opencost.as_csv(said, []).text.count(",pv,spec.storageClassName,") == 2
    euro = card(
        "tiers: {t: {node: {gpus: 1}, hourly: 1}}", head="version: 1\nname: a\ncurrency: EUR\nas_of: 2026-10-01\n"
    )
    assert exported("t", made=euro) == {"GPU": "1", "currencyCode": "EUR"}


def test_what_opencost_cannot_say_is_refused() -> None:
    tiers = MADE.tiers
    said = refused(lambda: opencost.as_json(MADE, [tiers["a100"], tiers["weighed"]]))
    assert "'a100' and 'weighed' price GPU differently, and OpenCost has one price of it" in said
    assert "charged by Node-Hours" in refused(lambda: opencost.as_json(MADE, [tiers["desk"]]))
    assert "charged by Accelerator-Hours" in refused(lambda: opencost.as_json(MADE, [tiers["neuron"]]))
    assert "neither cores nor memory nor GPUs" in refused(lambda: opencost.as_json(MADE, [tiers["odd"]]))
    assert "'weighed' has no node label" in refused(lambda: opencost.as_csv(MADE, [tiers["weighed"]]))
    said = refused(lambda: opencost.as_csv(MADE, [tiers["a100"], tiers["c5.large"]]))
    assert "metadata.labels.node.kubernetes.io/instance-type, metadata.labels.pool" in said


def test_an_instance_type_is_found_by_its_label() -> None:
    rows = opencost.as_csv(MADE, [MADE.tiers["c5.large"]]).text.splitlines()
    assert rows[1] == ",c5.large,us-east-1,node,metadata.labels.node.kubernetes.io/instance-type,c5.large,0.085,"


PRICE = st.builds(lambda digits, places: Decimal(digits).scaleb(-places), st.integers(1, 99_999), st.integers(5, 7))


@given(st.dictionaries(st.sampled_from(["gpu", "cpu", "memory"]), PRICE, min_size=1), st.integers(1, 10**5))
def test_there_and_back_keeps_every_price(prices: dict[str, Decimal], storage: int) -> None:
    text = json.dumps({"t": summed(prices)}, default=float)
    made = card(f"tiers: {text}\nstorage: {{s: {{per_tb_month: {storage}}}}}\n")
    back = read("opencost", opencost.as_json(made, [made.tiers["t"]]).text).card()
    assert units(back, "opencost") == units(made, "t") | {
        {"gpu": "GPU-Hours", "cpu": "Core-Hours", "memory": "GiB-Hours"}[name]: price for name, price in prices.items()
    }
    assert abs(back.storage["opencost"] - storage) <= storage * Decimal("1e-11")


@given(st.integers(1, 10**5), st.integers(1, 8), st.integers(1, 96), st.integers(1, 1000))
def test_there_and_back_keeps_derived_prices_to_eleven_digits(hourly: int, gpus: int, cpus: int, gib: int) -> None:
    node = f"node: {{gpus: {gpus}, cpus: {cpus}, memory_gib: {gib}}}"
    made = card(f"tiers: {{t: {{{node}, hourly: {hourly / 10_000}, split: {{gpu: 0.85, cpu: 0.1, memory: 0.05}}}}}}")
    back = units(read("opencost", opencost.as_json(made, [made.tiers["t"]]).text).card(), "opencost")
    for unit, price in units(made, "t").items():
        assert abs(back[unit] - price) <= price * Decimal("1e-11")


def test_a_sheet_comes_back_as_tiers() -> None:
    sheet = opencost.as_csv(MADE, [MADE.tiers["cpu"], MADE.tiers["a100"]]).text
    sizes = {name: {"cpus": Decimal(1)} for name in ("cpu", "a100")}
    back = read("opencost", sheet, machines=sizes)
    assert back.prices == {"a100": "5.544", "cpu": "1.1"}
    assert abs(back.card().storage["fast"] - 80) < Decimal("1e-9")
