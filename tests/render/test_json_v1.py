"""Report v1: every report fits the published schema, every digit is kept, nothing unknown becomes a number."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from costgate.model import DeploymentKey, StepResources, Unresolved
from costgate.render import json_v1
from costgate.shipped import schema
from tests.render import builders

VALIDATOR = Draft202012Validator(json.loads(schema("report").read_text(encoding="utf-8")))
OPEN = Unresolved(expression="config.gpus", reason="unknown parser", location=builders.at("flows/train.py", 9, 4))


@pytest.mark.parametrize("name", ["approved", "hostile", "incomplete", "new"])
def test_report(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"render/json/{name}.json", json_v1.render(builders.REPORTS[name]()))


@pytest.mark.parametrize("name", sorted(builders.REPORTS))
def test_every_report_fits_the_schema(name: str) -> None:
    text = json_v1.render(builders.REPORTS[name]())
    VALIDATOR.validate(json.loads(text))
    assert text.isascii()
    assert text.endswith("}\n")
    assert json.dumps(json.loads(text), sort_keys=True, indent=2) + "\n" == text


def test_the_schema_knows_no_field_that_is_not_written_and_describes_all() -> None:
    report = json_v1.report(builders.approved())
    found = VALIDATOR.schema
    assert isinstance(found, dict)
    assert set(found["properties"]) == set(report)
    side = report["deployments"][0]["steps"][1]["head"]
    assert set(found["$defs"]["side"]["properties"]) == {*side, *json_v1.OPTIONAL}
    assert set(found["$defs"]["deployment"]["properties"]) == set(report["deployments"][0])
    assert all("description" in value or "$ref" in value for value in found["properties"].values())


def test_what_only_kubernetes_knows_is_written_where_a_step_has_it() -> None:
    mig, claims = {"nvidia.com/mig-3g.40gb": 1}, {"data": "/mnt/data"}
    step = builders.side().resources
    there = builders.at("flows/train.py", 14)
    both = replace(
        step,
        extended_resources=builders.known(mig, there),
        persistent_volume_claims=builders.known(claims, there),
    )
    found = json_v1.resources(both)
    assert (found["extended_resources"], found["persistent_volume_claims"]) == (mig, claims)
    assert json_v1._locations(both).keys() - json_v1._locations(step).keys() == set(json_v1.OPTIONAL)
    unknown = replace(step, extended_resources=OPEN, persistent_volume_claims=builders.known({}))
    assert json_v1.resources(unknown).keys() - json_v1.resources(step).keys() == {"extended_resources"}
    assert json_v1.resources(unknown)["extended_resources"] is None
    assert [gap["attribute"] for gap in json_v1.unresolved(unknown)] == ["extended_resources"]
    touched = replace(both, touched_by=OPEN)
    assert json_v1.resources(touched).keys() == json_v1.resources(step).keys()
    report = json_v1.report(builders.approved())
    report["deployments"][0]["steps"][1]["head"].update(found)
    VALIDATOR.validate(report)


def test_what_stands_without_a_price_counts_where_everything_is_asked_for() -> None:
    found = builders.delta(gaps=(builders.unpriced(),), standing=(builders.unpriced(step="old"),))
    changed, everything = (json_v1.report(builders.report(found, scope=scope)) for scope in ("changed", "all"))
    assert changed["totals"]["unpriced_count"] == 1
    assert everything["totals"]["unpriced_count"] == 2


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("2772.10502500", "2772.105025"), ("1E+3", "1000"), ("-0.00", "0"), ("0", "0"), ("-12.30", "-12.3"),
        ("1E-12", "0.000000000001"), ("5544", "5544"), ("100", "100"),
    ],
)  # fmt: skip
def test_money_keeps_every_digit(amount: str, text: str) -> None:
    assert json_v1.money(Decimal(amount)) == text


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20))
def test_money_reads_back_as_the_same_amount(amount: Decimal) -> None:
    text = json_v1.money(amount)
    assert Decimal(text) == amount
    assert "E" not in text


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (4, 4), (4.0, 4), (0.5, 0.5), (True, True), (None, None), ("x", "x"), (Decimal("4.50"), 4.5),
        (float("inf"), None), (float("nan"), None),
        pytest.param(10**5000, None, id="a number that no float holds"), (10**30, 1e30),
        ({"a": [1, (2,)]}, {"a": [1, [2]]}), ({1: b"x"}, {"1": "b'x'"}),
    ],
)  # fmt: skip
def test_resolved_values_of_any_kind_are_json(value: Any, plain: Any) -> None:
    assert json_v1.plain(value) == plain
    json.dumps(json_v1.plain(value), allow_nan=False)


def test_unresolved_attributes_are_null_and_listed() -> None:
    side = builders.side(4, resources=StepResources(compute="batch", gpu=OPEN, cpu=builders.known(2)))
    report = builders.report(builders.delta(builders.deployment(builders.change(None, side, "new"))))
    found = json_v1.report(report)["deployments"][0]["steps"][0]["head"]
    assert (found["gpu"], found["cpu"], found["compute"]) == (None, 2, "batch")
    assert found["unresolved"] == [
        {"attribute": "gpu", "expression": "config.gpus", "reason": "unknown parser", "location": "flows/train.py:9"}
    ]


def test_what_a_mutator_may_have_touched_is_null_altogether() -> None:
    found = StepResources(compute="batch", cpu=builders.known(2), touched_by=OPEN)
    assert set(json_v1.resources(found).values()) == {None}
    assert [item["attribute"] for item in json_v1.unresolved(found)] == ["*"]


def test_calibration_is_that_of_the_largest_change() -> None:
    learned, guess = builders.added().delta.deployments[0], builders.many(1).delta.deployments[0]
    report = json_v1.report(builders.report(builders.delta(guess, learned)))
    assert report["calibration"] == {"bucket": "has_history", "n": 24, "bias": 1.1, "low": 0.8, "high": 1.5}
    assert json_v1.report(builders.passes())["calibration"] is None


def test_unpriced_is_null_and_not_billed_is_zero() -> None:
    deployments = {item["name"]: item for item in json_v1.report(builders.incomplete())["deployments"]}
    gap = deployments["EtlFlow"]["steps"][0]["head"]
    assert (gap["billing"], gap["monthly"], gap["tier"]) == ("unpriced", None, None)
    local = deployments["TrainFlow"]["steps"][0]["head"]
    assert (local["billing"], local["monthly"], local["tier_reason"]) == ("not-billed", "0", "local")


def test_deployments_stand_in_the_order_of_their_keys() -> None:
    names = ("Zoo", "Ant", "Mid")
    items = (builders.deployment(name=name, key=DeploymentKey(flow=name), base=None, head=None) for name in names)
    report = json_v1.report(builders.report(builders.delta(*items)))
    assert [item["name"] for item in report["deployments"]] == ["Ant", "Mid", "Zoo"]
    assert report["deployments"][0]["band"] is None


def test_times_are_utc() -> None:
    there = datetime(2026, 11, 23, 1, tzinfo=timezone(timedelta(hours=2)))
    assert json_v1.report(replace(builders.passes(), as_of=there))["as_of"] == "2026-11-22T23:00:00Z"
    assert json_v1.report(replace(builders.passes(), usage=None))["usage"] is None


@pytest.mark.parametrize(
    ("text", "read"),
    [
        pytest.param("caf\udce9", "caf\\udce9", id="a lone surrogate is spelled out"),
        pytest.param("🟢", "🟢", id="a pair stays a character"),
        pytest.param("\\udce9", "\\udce9", id="what looks like one stays as written"),
        pytest.param("\\\udce9🟢\udce9", "\\\\udce9🟢\\udce9", id="all of them in a row"),
    ],
)
def test_names_that_are_no_unicode(text: str, read: str) -> None:
    assert json.loads(json_v1.dump({"name": text})) == {"name": read}


@given(st.text(max_size=30))
def test_any_name_reads_back_as_text_that_can_be_written(text: str) -> None:
    read = json.loads(json_v1.dump({"name": text}))["name"]
    assert read == text.encode("utf-8", "backslashreplace").decode()
