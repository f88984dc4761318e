"""Workflow commands of GitHub Actions: annotations on the lines to blame, where no comment can be written too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from costgate.model import Location, Report, Unpriced, Violation
from costgate.render import words
from costgate.render.fmt import clean
from costgate.render.rows import join

Level = Literal["error", "warning", "notice"]
LEVELS: tuple[Level, ...] = ("error", "warning", "notice")
MOST = 10  # of each level: GitHub drops the rest of a step's annotations without a word
ACTION_LEVELS: dict[str, Level] = {"block": "error", "require-approval": "error", "warn": "warning", "notify": "notice"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """One finding, for any format that puts findings on lines."""

    level: Level
    rule: str
    title: str
    message: str
    location: Location | None
    amount: Decimal | None  # orders them; None first, since what is unknown may be the largest


def render(report: Report, *, color: bool = False, width: int = 100) -> str:
    """At most ten commands of each level, the largest amounts first; the tenth tells how many are left out."""
    found = [of_violation(report, v) for v in words.violations(report)]
    found += [of_unpriced(report, gap) for gap in report.delta.unpriced]
    return "".join(f"{command(item)}\n" for level in LEVELS for item in _most(found, level))


def of_violation(report: Report, violation: Violation) -> Annotation:
    """A rule that fired. What an approval covers, or what only informs, is a notice."""
    is_granted = words.standing(report, violation) == "approved"
    level = ACTION_LEVELS[violation.action] if report.judged and not is_granted else "notice"
    return Annotation(
        level=level,
        rule=violation.rule,
        title=f"costgate: {violation.rule} ({words.standing(report, violation)})",
        message=violation.message + (f" | help: {violation.help}" if violation.help else ""),
        location=violation.location,
        amount=violation.actual,
    )


def of_unpriced(report: Report, gap: Unpriced) -> Annotation:
    """A step without a price: an error where it stopped the verdict."""
    level: Level = "error" if report.decision.outcome == "incomplete" else "warning"
    return Annotation(
        level=level if report.judged else "notice",
        rule="unpriced",
        title="costgate: not priced",
        message=f"{join(gap.deployment, gap.step)}: {gap.reason}" + (f" | help: {gap.help}" if gap.help else ""),
        location=gap.location,
        amount=None,
    )


def command(item: Annotation) -> str:
    """`::error file=…,line=…,title=…::message`, one line whatever is in it."""
    place = item.location
    properties = {"file": place.path, "line": str(place.line)} if place else {}
    values = {**properties, "title": item.title}
    text = ",".join(f"{name}={_property(value)}" for name, value in values.items())
    return f"::{item.level} {text}::{_message(item.message)}"


def _most(found: Iterable[Annotation], level: Level) -> list[Annotation]:
    of_level = sorted((item for item in found if item.level == level), key=_order)
    if len(of_level) <= MOST:
        return of_level
    rest = len(of_level) - MOST + 1
    more = f"{rest} more of this level are in the job summary and in the JSON report"
    last = Annotation(level=level, rule="", title="costgate", message=more, location=None, amount=None)
    return [*of_level[: MOST - 1], last]


def _order(item: Annotation) -> tuple[bool, Decimal, str, str]:
    return item.amount is not None, -(item.amount or Decimal(0)), str(item.location or ""), item.message


def _message(text: str) -> str:
    """The runner turns %XX back; everything else of one line is text to it."""
    return clean(text, 1000).replace("%", "%25")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
