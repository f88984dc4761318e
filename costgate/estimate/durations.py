"""How long one attempt of a step takes: measured, scaled to another size, pooled when few, capped by its timeout."""

from __future__ import annotations

import math
from dataclasses import replace

from costgate.estimate.amounts import number, plain, span
from costgate.estimate.evidence import Evidence, assumed, declared, exact, measured
from costgate.model import Input, Known, SizeUsage, Step, StepResources, StepUsage
from costgate.rates.extended import has_accelerators

FEW = 9  # attempts from which a step speaks for itself
PRIOR = 4  # attempts that a pool counts for: the weight of n own attempts is n ÷ (n + 4)
PER_SIZE = 3  # attempts a size needs to say anything about scaling
STEEPEST, FLATTEST = (
    -1.0,
    0.5,
)  # twice the size: from half the time (perfect scaling) to 1.4 × (bigger machine, bigger job)


def duration_s(evidence: Evidence, step: Step) -> Input:
    """Metered for this step · declared · assumption; never longer than a known `@timeout`."""
    return _capped(_uncapped(evidence, step), step.resources)


def _uncapped(evidence: Evidence, step: Step) -> Input:
    history, plan = evidence.of_step(step.name), evidence.deployment.steps.get(step.name)
    if history and history.duration_s:
        return _metered(evidence, step, history, history.duration_s.mean)
    if plan and plan.duration_s is not None:
        return declared(plan.duration_s, plan.location)
    kind = "gpu" if _is_accelerated(step.resources) else "other"
    seconds = evidence.assumptions.duration_gpu_s if kind == "gpu" else evidence.assumptions.duration_other_s
    what = "a step with accelerators" if kind == "gpu" else "a step without accelerators"
    return assumed(evidence, f"duration.{kind}", seconds, f"{span(seconds)} for {what}, no measured duration")


def _is_accelerated(resources: StepResources) -> bool:
    counted = any(number(value) for value in (resources.gpu, resources.trainium, resources.inferentia))
    return counted or has_accelerators(resources)


def _capped(duration: Input, resources: StepResources) -> Input:
    limit = number(resources.timeout_s)
    if not limit or limit < 0 or duration.value.expected <= limit:
        return duration
    assert isinstance(resources.timeout_s, Known)
    return replace(
        duration,
        value=exact(limit),
        source=f"{duration.source}, timeout",
        detail=f"{duration.detail}; {span(duration.value.expected)} is cut at the timeout of {span(limit)}",
        location=resources.timeout_s.chain[0] if resources.timeout_s.chain else duration.location,
    )


def _metered(evidence: Evidence, step: Step, history: StepUsage, mean: float) -> Input:
    scaled = _at_size(evidence, step.resources, history)
    if scaled:
        return scaled
    found = measured(evidence, exact(mean), history.n, "attempts", history.location)
    name, pool = _pool(evidence)
    if history.n >= FEW or pool is None or not mean > 0:
        return found
    weight = history.n / (history.n + PRIOR)
    seconds = math.exp(weight * math.log(mean) + (1 - weight) * math.log(pool))
    detail = f"{found.detail} averaging {span(mean)}, few, so drawn towards {span(pool)} of {name}"
    return replace(found, value=exact(seconds), source=f"metered, pooled with {name}", detail=detail)


def _pool(evidence: Evidence) -> tuple[str, float | None]:
    """The nearest pool that has a duration: the flow's steps, the team's, all."""
    usage, deployment = evidence.usage, evidence.deployment
    assert usage is not None
    flow, team = deployment.key.flow, deployment.owner.team
    pools = (
        (f"flow {flow}", usage.flow_pools.get(flow)),
        (f"team {team}", usage.team_pools.get(team or "")),
        ("all flows", usage.all_pool),
    )
    for name, pool in pools:
        if pool and pool.duration_s and pool.duration_s.mean > 0:
            return name, pool.duration_s.mean
    return "", None


def _at_size(evidence: Evidence, resources: StepResources, history: StepUsage) -> Input | None:
    """Duration at this size, where the step was seen at two sizes or more, each often enough.

    duration(x) = duration(nearest) × (x ÷ nearest)^slope, with the slope of log duration on log GPUs (log cores where
    the sizes have the same GPUs) by least squares weighted with attempts, clipped to [-1, 0.5].
    """
    sizes = [size for size in history.sizes if size.n >= PER_SIZE and size.duration_s > 0]
    axis = next((axis for axis in ("gpu", "cpu") if len({getattr(size, axis) for size in sizes}) > 1), None)
    now = number(getattr(resources, axis)) if axis else None
    points = _points(sizes, axis) if axis else {}
    if not axis or not now or now <= 0 or len(points) < 2:
        return None
    nearest = min(points, key=lambda x: (abs(math.log(now / x)), x))
    n, seconds = points[nearest]
    unit = "GPUs" if axis == "gpu" else "cores"
    found = measured(evidence, exact(seconds), n, "attempts", history.location)
    if now == nearest:
        return replace(found, detail=f"{found.detail} at {plain(now)} {unit}")
    slope = _slope(points)
    return replace(
        found,
        value=exact(seconds * (now / nearest) ** slope),
        source="metered, scaled",
        detail=f"{found.detail} at {plain(nearest)} {unit}, scaled to {plain(now)} by the measured power {slope:.2f}",
    )


def _points(sizes: list[SizeUsage], axis: str) -> dict[float, tuple[int, float]]:
    """Size → (attempts, mean seconds), over all that differ in something else."""
    points: dict[float, tuple[int, float]] = {}
    for size in sizes:
        x = getattr(size, axis)
        n, mean = points.get(x, (0, 0.0))
        if x > 0:
            points[x] = (n + size.n, (n * mean + size.n * size.duration_s) / (n + size.n))
    return points


def _slope(points: dict[float, tuple[int, float]]) -> float:
    """Weighted least squares of log seconds on log size, clipped to what is plausible."""
    weight = sum(n for n, _ in points.values())
    x_mean = sum(n * math.log(x) for x, (n, _) in points.items()) / weight
    y_mean = sum(n * math.log(seconds) for n, seconds in points.values()) / weight
    above = sum(n * (math.log(x) - x_mean) * (math.log(seconds) - y_mean) for x, (n, seconds) in points.items())
    below = sum(n * (math.log(x) - x_mean) ** 2 for x, (n, _) in points.items())
    return min(max(above / below, STEEPEST), FLATTEST)
