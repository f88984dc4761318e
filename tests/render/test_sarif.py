"""SARIF 2.1.0: the parts that code scanning reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from costgate.model import Report
from costgate.render import sarif
from tests.render import builders


def run_of(report: Report) -> dict[str, Any]:
    log = json.loads(sarif.render(report))
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    return dict(run)


@pytest.mark.parametrize("name", ["approval_required", "hostile", "incomplete"])
def test_log(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"render/sarif/{name}.sarif", sarif.render(builders.REPORTS[name]()))


@pytest.mark.parametrize("name", sorted(builders.REPORTS))
def test_structure(name: str) -> None:
    run = run_of(builders.REPORTS[name]())
    rules = run["tool"]["driver"]["rules"]
    ids = [rule["id"] for rule in rules]
    assert run["tool"]["driver"]["name"] == "costgate"
    assert len(set(ids)) == len(ids)
    assert all(rule["shortDescription"]["text"] for rule in rules)
    assert {result["ruleId"] for result in run["results"]} == set(ids)
    for result in run["results"]:
        assert ids[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert place["region"]["startLine"] >= 1
        assert place["region"]["startColumn"] >= 1


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        pytest.param("flows/train.py", "flows/train.py", id="a plain path stays"),
        pytest.param("my flows/größe#1.py", "my%20flows/gr%C3%B6%C3%9Fe%231.py", id="anything else is percent-encoded"),
        pytest.param("caf\udce9.py", "caf%E9.py", id="bytes that are no text keep their value"),
        pytest.param("a:b.py", "a%3Ab.py", id="a colon starts no scheme"),
        pytest.param("//evil.example/x", "evil.example/x", id="and two slashes no host"),
    ],
)
def test_uri(path: str, uri: str) -> None:
    assert sarif.uri(path) == uri


def test_waived_and_approved_findings_are_suppressed() -> None:
    waived = builders.dear(id="w", waived_until=date(2026, 12, 31), waiver_reason="migration")
    report = replace(builders.approved(), decision=replace(builders.approved().decision, violations=(waived,)))
    (result,) = run_of(report)["results"]
    assert result["suppressions"][0]["justification"] == "waived until 2026-12-31: migration"
    (result,) = run_of(builders.approved())["results"]
    assert result["suppressions"] == [{"kind": "external", "status": "accepted", "justification": "approved (finance)"}]
    (result,) = run_of(builders.needs_approval())["results"]
    assert "suppressions" not in result


def test_rules_of_a_later_policy_and_findings_without_a_place_still_show() -> None:
    odd = builders.dear(rule="max-carbon", location=None)
    run = run_of(builders.report(builders.delta(), builders.decision("blocked", odd)))
    assert run["tool"]["driver"]["rules"][0]["shortDescription"]["text"] == "The policy rule max-carbon fired."
    assert "locations" not in run["results"][0]
