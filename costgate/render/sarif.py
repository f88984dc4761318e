"""SARIF 2.1.0 for code scanning: one rule per kind of finding, one result per finding, on the line to blame."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from costgate.model import Location, Report, Violation
from costgate.render import words
from costgate.render.annotations import Annotation, of_unpriced, of_violation
from costgate.render.fmt import clean
from costgate.render.json_v1 import dump

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {"error": "error", "warning": "warning", "notice": "note"}
ABOUT = {
    "max-monthly-increase": "The change costs more a month than policy allows.",
    "max-monthly-increase-percent": "The change costs a larger share more than policy allows.",
    "max-monthly-total": "What is deployed costs more a month than policy allows.",
    "max-cost-per-run": "One run costs more than policy allows.",
    "max-cost-per-experiment": "One experiment costs more than policy allows.",
    "max-gpus-per-step": "A step asks for more GPUs than policy allows.",
    "min-gpu-utilization": "More GPUs for a step that does not use those it has.",
    "require-owner": "A deployment has no owner.",
    "require-timeout": "A step has no timeout.",
    "no-unpriced": "The price of a step needs something unknown.",
    "no-assumed": "A price rests on an assumption.",
    "max-rate-card-age": "The rate card is too old.",
    "max-usage-age": "The usage profile is too old.",
    "unpriced": "The price of a step needs something unknown.",
}


def render(report: Report, *, color: bool = False, width: int = 100) -> str:
    """One SARIF run."""
    fired = [(of_violation(report, v), v) for v in (*words.violations(report), *words.waived(report))]
    gaps = [of_unpriced(report, gap) for gap in report.delta.unpriced]
    found = [*(item for item, _ in fired), *gaps]
    rules = sorted({item.rule for item in found})
    results = [_result(item, rules) | _suppressions(report, violation) for item, violation in fired]
    results += [_result(item, rules) for item in gaps]
    driver = {
        "name": "costgate",
        "rules": [_rule(name) for name in rules],
    }
    run = {"tool": {"driver": driver}, "results": results, "columnKind": "unicodeCodePoints"}
    return dump({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(name: str) -> dict[str, Any]:
    # A newer policy may know rules that this table does not.
    return {"id": name, "shortDescription": {"text": ABOUT.get(name, f"The policy rule {name} fired.")}}


def _result(item: Annotation, rules: list[str]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": item.rule,
        "ruleIndex": rules.index(item.rule),
        "level": LEVELS[item.level],
        "message": {"text": clean(item.message, 1000)},
    }
    if item.location:
        result["locations"] = [{"physicalLocation": _place(item.location)}]
    return result


def _place(location: Location) -> dict[str, Any]:
    return {
        "artifactLocation": {"uri": uri(location.path)},
        "region": {"startLine": max(1, location.line), "startColumn": max(1, location.column)},
    }


def uri(path: str) -> str:
    """A path as a relative URI reference: percent-encoded bytes; a colon too, lest the first part read as a scheme."""
    return re.sub(r"^/+", "", quote(path, errors="surrogateescape"))


def _suppressions(report: Report, violation: Violation) -> dict[str, Any]:
    """A waiver or an approval accepts the finding and stays on record."""
    if violation.waived_until:
        reason = f"waived until {violation.waived_until}: {violation.waiver_reason}"
    elif words.standing(report, violation) == "approved":
        reason = f"approved ({violation.approval})"
    else:
        return {}
    return {"suppressions": [{"kind": "external", "status": "accepted", "justification": clean(reason)}]}
