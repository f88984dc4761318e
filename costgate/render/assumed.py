"""What an estimate takes for granted, gathered so that one guess made for forty steps is one line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from costgate.model import Estimate, Location, Report, StepEstimate
from costgate.render.rows import join


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """One assumption and the steps that rest on it."""

    text: str
    steps: tuple[str, ...]  # DEPLOYMENT/STEP
    location: Location | None = None


def of_changes(report: Report) -> tuple[Assumption, ...]:
    """Assumptions behind the changed deployments: at head, or at base where they are removed."""
    changed = (deployment for deployment in report.delta.deployments if deployment.status != "unchanged")
    return gather(deployment.head or deployment.base for deployment in changed)


def gather(estimates: Iterable[Estimate | None]) -> tuple[Assumption, ...]:
    """One entry per text, the most widespread first."""
    found: dict[str, list[str]] = {}
    places: dict[str, Location] = {}
    for estimate in filter(None, estimates):
        for step in estimate.steps:
            for text in dict.fromkeys(step.assumptions):
                found.setdefault(text, []).append(join(estimate.name, step.step))
                place = _place(text, step)
                if place:
                    places.setdefault(text, place)
    entries = (Assumption(text=text, steps=tuple(steps), location=places.get(text)) for text, steps in found.items())
    return tuple(sorted(entries, key=lambda entry: (-len(entry.steps), entry.text)))


def _place(text: str, step: StepEstimate) -> Location | None:
    """Where the assumption is set: an assumption about an input ends with that input's detail."""
    entries = (entry for entry in step.inputs.values() if entry.assumed and entry.location)
    return next((entry.location for entry in entries if text.endswith(f": {entry.detail}")), None)
