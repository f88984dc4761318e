"""The check run on the head: the verdict where branch rules can require it, and the lines that it is about.

Whoever may push a workflow can write check runs in the name of the same app. They are never evidence: a forged one
that looks like ours is overwritten with the verdict, and one that claims to be of a later run has to prove it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from costgate.errors import WorldError
from costgate.github.client import GitHub
from costgate.github.marker import Run, is_later, read_run
from costgate.github.published import Published, refused
from costgate.github.records import CheckRun
from costgate.http import HttpError
from costgate.model import Location, Report
from costgate.policy.decide import STOPS
from costgate.render import markdown, rows, words
from costgate.render.annotations import Annotation, Level, of_unpriced, of_violation
from costgate.render.fmt import clean, plain, signed

NAME = "costgate / monthly cost"
PERMISSION = "checks: write"
MOST_ANNOTATIONS = 100
MOST_LINES = 20  # of one annotation
TITLE = 255  # characters, as is the message's 64 KB GitHub's limit
OURS = "costgate:v1 key="
LEVELS = {"error": "failure", "warning": "warning", "notice": "notice"}
RULE_LEVELS: dict[str, Level] = {
    "block": "error", "require-approval": "warning", "warn": "warning", "notify": "notice",
}  # fmt: skip

Conclusion: TypeAlias = Literal["success", "neutral", "action_required", "failure"]
Json: TypeAlias = dict[str, Any]


def publish(
    github: GitHub,
    head_sha: str,
    report: Report,
    *,
    key: str,
    run: Run,
    name: str = NAME,
    fail_on: str = "approval-required",
    annotate: bool = True,
    source_url: str = "",
    details_url: str | None = None,
) -> Published:
    """Set the one check run `name` of the gate `key` on a commit.

    It is completed at once. `run` is (id, attempt) of this workflow run: the verdict of a later one stays. Without
    `annotate` no line is annotated.
    """
    found = _annotations(report) if annotate else []
    lines = hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:12]
    values: Json = {
        "name": name,
        "conclusion": conclusion(report, fail_on),
        "title": clean(f"{words.sign(report)} {words.headline(report, plain)}", TITLE),
        "summary": markdown.render(
            report, source_url=source_url, setting=markdown.Setting(mentions=frozenset())
        ),
        "details_url": details_url,
        "external_id": f"{OURS}{key} run={run[0]}.{run[1]} lines={lines}",
    }  # fmt: skip
    try:
        return _published(github, head_sha, values, found, key=key, run=run)
    except WorldError as error:
        return refused("the check run", error, PERMISSION)


def name_of(branch: str, default_branch: str, config: str = "") -> str:
    """What the check run is called.

    It belongs to a commit, and the same commit may ask to be merged into several branches, each with its own policy,
    or be judged by several gates: what one branch lets in must not stand for another. The default branch's one gate has
    the plain name.
    """
    gate = f"{NAME}, {clean(config)}" if config else NAME
    return gate if branch == default_branch else f"{gate} ({clean(branch, 300)})"


def conclusion(report: Report, fail_on: str = "approval-required") -> Conclusion:
    """How a check run ends: a required check passes with `success` and `neutral`.

    What has no price is never waved through as `neutral`, whatever `fail_on` says.
    """
    outcome = report.decision.outcome
    if outcome == "approval-required":
        is_let_through = outcome not in STOPS[fail_on] and not report.delta.unpriced
        return "neutral" if is_let_through else "action_required"
    return "success" if outcome in ("pass", "warn", "approved") else "failure"


def _published(github: GitHub, head_sha: str, values: Json, found: Sequence[Json], *, key: str, run: Run) -> Published:
    """All of ours get the verdict: there is one, or two that two runs made at once."""
    changed: list[CheckRun] = []
    for check in _ours(github, head_sha, key, values["name"]):
        said = check.external_id or ""
        if is_later(github, read_run(said), run):
            return Published(what="skipped-newer", url=check.html_url, app=check.app)
        changed += _changed(github, check, values, found)
    if changed:
        return Published(what="updated", url=changed[0].html_url, app=changed[0].app)
    made = github.create_check_run(head_sha=head_sha, annotations=found, **values)
    return Published(what="created", url=made.html_url, app=made.app)


def _ours(github: GitHub, head_sha: str, key: str, name: str) -> list[CheckRun]:
    """What looks like ours, newest first."""
    named = [each for each in github.check_runs(head_sha, name) if (each.external_id or "").startswith(f"{OURS}{key} ")]
    return sorted(named, key=lambda each: -each.id)


def _changed(github: GitHub, check: CheckRun, values: Json, found: Sequence[Json]) -> list[CheckRun]:
    """The check run with the verdict of now; nothing where it is another app's. GitHub only ever adds annotations."""
    has_them = (check.external_id or "").rpartition(" ")[2] == values["external_id"].rpartition(" ")[2]
    more = {each: value for each, value in values.items() if each != "name"}
    try:
        return [github.update_check_run(check.id, annotations=() if has_them else found, **more)]
    except HttpError as error:
        if error.status not in (403, 404):
            raise
        return []


def _annotations(report: Report) -> list[Json]:
    """What fired, what has no price, and each line that changed the cost: the same whether it is approved or not."""
    found = (
        *_rules(report),
        *(of_unpriced(report, gap) for gap in report.delta.unpriced),
        *_drivers(report),
    )
    return [_json(item, item.location) for item in found if item.location][:MOST_ANNOTATIONS]


def _rules(report: Report) -> Iterator[Annotation]:
    for violation in words.violations(report):
        found = of_violation(report, violation)
        yield replace(found, title=f"costgate: {violation.rule}", level=RULE_LEVELS[violation.action])


def _drivers(report: Report) -> Iterator[Annotation]:
    """One annotation for each line, however many steps it drives; the largest first."""
    by_place: dict[Location, list[rows.Reason]] = {}
    for reason in rows.reasons(report):
        by_place.setdefault(reason.location, []).append(reason)
    for place, reasons in by_place.items():
        amount = sum((reason.driver.amount for reason in reasons), Decimal(0))
        texts = [_driver(reason, report.currency) for reason in reasons[:MOST_LINES]]
        more = [f"and {len(reasons) - MOST_LINES} more"] if len(reasons) > MOST_LINES else []
        yield Annotation(
            level="notice",
            rule="",
            title=f"costgate: {signed(amount, report.currency)} a month",
            message="\n".join([*texts, *more]),
            location=place,
            amount=amount,
        )


def _driver(reason: rows.Reason, currency: str) -> str:
    amount = signed(reason.driver.amount, currency)
    return f"{clean(reason.name)}: {clean(reason.what)}, by its {reason.driver.cause} {amount} a month"


def _json(item: Annotation, place: Location) -> Json:
    """An annotation as GitHub's API takes it."""
    return {
        "path": place.path.encode("utf-8", "replace").decode(),
        "start_line": place.line,
        "end_line": place.line,
        "annotation_level": LEVELS[item.level],
        "title": clean(item.title, TITLE),
        "message": "\n".join(clean(line, 1000) for line in item.message.split("\n")[: MOST_LINES + 1]),
    }
