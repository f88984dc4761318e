"""What a deployment costs a month.

runs × Σ steps (tasks × attempts × (duration + overhead) × Σ quantity × unit price), with the source of every input.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from costgate.config import Assumptions
from costgate.estimate.amounts import total
from costgate.estimate.band import bucket_of, choose, widen
from costgate.estimate.cost import cost_lines, cost_per_run, raw_cost
from costgate.estimate.evidence import Evidence, Upstream, gather
from costgate.estimate.frequency import runs_per_month
from costgate.estimate.inputs import not_less, step_inputs
from costgate.model import (
    Band,
    Deployment,
    Estimate,
    Input,
    Quote,
    RateCard,
    Schedule,
    Step,
    StepEstimate,
    Unpriced,
    Unresolved,
    UsageProfile,
)
from costgate.rates.match import quote

__all__ = ["estimate"]

LABELS = {"runs": "runs", "tasks": "tasks", "attempts": "attempts", "duration_s": "duration", "overhead_s": "overhead"}


def estimate(
    deployment: Deployment,
    *,
    card: RateCard,
    usage: UsageProfile | None,
    assumptions: Assumptions,
    base_schedule: Schedule | None = None,
    calibrate: bool = True,
    is_new: bool = False,
    known: Estimate | None = None,
    upstream: Upstream = None,
    base_upstream: Upstream = None,
) -> Estimate:
    """Monthly cost of a deployment in the card's currency.

    `base_schedule` is the schedule of the same deployment at base, for both sides of a comparison (for a single
    revision its own): metered runs beyond it count on top of this side's schedule. `is_new` says that the deployment
    does not exist at base, so that its absence from the usage profile means nothing.
    `upstream` says how often the flows run whose end starts this one, `base_upstream` how often they do at base.
    `known` is the estimate of the same deployment at base: what head makes unreadable is not assumed to be less.
    """
    evidence = gather(deployment, usage, assumptions, base_schedule, is_new, upstream, base_upstream)
    band = choose(usage, bucket_of(deployment, evidence.history), calibrate=calibrate)
    before = {step.step: step.inputs for step in known.steps} if known else {}
    unreadable = isinstance(deployment.flow.schedule, Unresolved) or isinstance(upstream, Unresolved)
    runs = not_less(runs_per_month(evidence), known.runs if known and unreadable else None)
    steps = tuple(_step(evidence, step, card, runs, band, before.get(step.name, {})) for step in deployment.flow.steps)
    return Estimate(
        key=deployment.key,
        name=deployment.name,
        file=deployment.flow.file,
        owner=deployment.owner,
        runs=runs,
        steps=steps,
        monthly=total(step.monthly for step in steps),
        raw_monthly=sum((step.raw_monthly for step in steps), Decimal(0)),
        cost_per_run=cost_per_run(steps, band),
        band=band,
        experiment=deployment.experiment,
        unpriced=tuple(step.quote for step in steps if isinstance(step.quote, Unpriced)),
    )


def _step(
    evidence: Evidence, step: Step, card: RateCard, runs: Input, band: Band, before: Mapping[str, Input]
) -> StepEstimate:
    price = quote(card, step.resources, deployment=evidence.deployment.name, step=step.name, location=step.location)
    inputs = step_inputs(evidence, step, runs)
    inputs = {**inputs, "tasks": not_less(inputs["tasks"], before.get("tasks"))}
    if not isinstance(price, Quote):  # no cost rests on its inputs, so nothing is assumed for it
        inputs = {name: replace(entry, assumed=False) for name, entry in inputs.items()}
    rates = price.rates if isinstance(price, Quote) else ()
    assumptions = (*price.assumptions, *_assumptions(inputs)) if isinstance(price, Quote) else ()
    raw = raw_cost(inputs, rates)
    history = evidence.of_step(step.name)
    return StepEstimate(
        step=step.name,
        resources=step.resources,
        quote=price,
        inputs=inputs,
        lines=cost_lines(step.name, inputs, rates, assumptions),
        monthly=widen(raw, band),
        raw_monthly=raw.expected,
        assumptions=assumptions,
        gpu_util=history.gpu_util if history else None,
    )


def _assumptions(inputs: Mapping[str, Input]) -> tuple[str, ...]:
    return tuple(f"{LABELS[name]}: {entry.detail}" for name, entry in inputs.items() if entry.assumed)
