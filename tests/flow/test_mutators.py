"""Mutators: what is evaluated is right, what is not certain is open; and the installed Metaflow agrees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.flow.cases_mutators import EVALUATED, FLOW_LEVEL, OPEN, REFUSED, UNFOLLOWED, Expected
from tests.flow.peer import Case, compared, metaflow
from tests.flow.peer_score import Score, total

ALL = {**EVALUATED, **FLOW_LEVEL, **OPEN, **UNFOLLOWED, **REFUSED}


def told(step: Mapping[str, Any], attribute: str) -> Any:
    """The value of an attribute, or why it is open; `*` is open or None."""
    reasons = {gap["attribute"]: gap["reason"] for gap in step["unresolved"]}
    return reasons.get(attribute, reasons.get("*", step.get(attribute)))


def fits(found: Any, expected: Any) -> bool:
    return found == expected or (isinstance(expected, str) and isinstance(found, str) and expected in found)


@pytest.mark.parametrize(("case", "expected"), ALL.values(), ids=ALL)
def test_steps_ask_for(case: Case, expected: Expected) -> None:
    whole = case.resolved()
    cron = (whole["schedule"] or {}).get("cron")
    gaps = [
        gap | {"attribute": {"schedule": "cron"}.get(gap["attribute"], gap["attribute"])} for gap in whole["unresolved"]
    ]
    steps = {**whole["steps"], "flow": {"cron": cron, "project": whole["project"], "unresolved": gaps}}
    found = {name: {key: told(steps[name], key) for key in attributes} for name, attributes in expected.items()}
    assert {
        (name, key): (found[name][key], value)
        for name, attributes in expected.items()
        for key, value in attributes.items()
        if not fits(found[name][key], value)
    } == {}


@pytest.mark.parametrize("case", [case for case, _ in EVALUATED.values()], ids=EVALUATED)
def test_nothing_is_left_open_where_all_is_certain(case: Case) -> None:
    found = case.resolved()
    assert found["unresolved"] == []
    assert [step["unresolved"] for step in found["steps"].values()] == [[]] * 3


@pytest.mark.peer
@pytest.mark.timeout(300)
def test_metaflow_agrees(tmp_path: Path, print_score: Callable[[str, Score], None]) -> None:
    with metaflow(tmp_path) as peer:
        answers = {name: peer.ask(case) for name, (case, _) in ALL.items()}
    refused = {name for name, answer in answers.items() if "error" in answer}
    assert {name: answers[name] for name in refused & EVALUATED.keys()} == {}
    assert REFUSED.keys() - refused == set()
    scores = {name: compared(name, ALL[name][0], answers[name]) for name in ALL.keys() - refused}
    found = total(scores.values())
    print_score("mutators", found)
    assert found.wrong == ()
    assert total(scores[name] for name in EVALUATED).unresolved == ()
