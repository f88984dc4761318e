"""Workflow commands: one line each, ten of a level, and no way for a file name to give orders."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

import pytest

from costgate.render import annotations
from tests.render import builders

COMMAND = re.compile(r"::(error|warning|notice) (file=[^,:]*,line=\d+,)?title=[^,:]*::.*")


@pytest.mark.parametrize("name", sorted(builders.REPORTS))
def test_commands(name: str, golden: Callable[[str, str], None]) -> None:
    printed = annotations.render(builders.REPORTS[name]())
    golden(f"render/annotations/{name}.txt", printed)
    assert all(COMMAND.fullmatch(line) for line in printed.splitlines())


@pytest.mark.parametrize(
    ("action", "level"),
    [("block", "error"), ("require-approval", "error"), ("warn", "warning"), ("notify", "notice")],
)
def test_level_follows_the_action(action: str, level: str) -> None:
    violation = builders.dear(action=action)
    printed = annotations.render(builders.report(builders.delta(), builders.decision("blocked", violation)))
    assert printed.startswith(f"::{level} file=configs/prod.json,line=3,")


def test_what_is_not_judged_or_is_approved_is_a_notice() -> None:
    assert annotations.render(builders.informational()).startswith("::notice ")
    assert annotations.render(builders.approved()).startswith("::notice ")


def test_unpriced_is_an_error_only_where_it_stopped_the_verdict() -> None:
    found = builders.delta(gaps=(builders.unpriced(help=""),))
    for outcome, level in (("incomplete", "error"), ("warn", "warning")):
        printed = annotations.render(builders.report(found, builders.decision(outcome)))  # type: ignore[arg-type]
        assert printed.startswith(f"::{level} file=flows/etl.py,line=31,title=costgate%3A not priced::EtlFlow/load: ")


def test_ten_of_a_level_the_largest_first_and_the_rest_counted() -> None:
    errors = [builders.dear(str(n), id=f"e{n}", message=f"error {n}") for n in range(15)]
    warnings = [builders.dear(str(n), id=f"w{n}", message=f"warning {n}", action="warn") for n in range(10)]
    gap = builders.unpriced()
    found = builders.report(builders.delta(gaps=(gap,)), builders.decision("incomplete", *errors, *warnings))
    lines = annotations.render(found).splitlines()
    of_error = [line for line in lines if line.startswith("::error")]
    assert len(of_error) == 10
    assert len(lines) == 20
    assert "EtlFlow/load" in of_error[0]
    assert "::error 14 |" in of_error[1]
    assert of_error[-1].endswith("::7 more of this level are in the job summary and in the JSON report")
    assert "::warning 9 |" in lines[10]


def test_escaping() -> None:
    item = annotations.Annotation(
        level="error", rule="r", title="a:b,c%", message="50 %\r\n::warning::x", amount=Decimal(1),
        location=builders.at("a,b:c%\n.py", 7),
    )  # fmt: skip
    assert annotations.command(item) == ("::error file=a%2Cb%3Ac%25 .py,line=7,title=a%3Ab%2Cc%25::50 %25 ::warning::x")
