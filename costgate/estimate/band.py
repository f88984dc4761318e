"""The calibrated factor f of the interval algebra: actual = f × estimate, with f from past estimates."""

from __future__ import annotations

import math
from decimal import Decimal

from costgate.estimate.amounts import money, number
from costgate.model import (
    Band,
    CalibrationBucket,
    Deployment,
    SizeUsage,
    Step,
    StepResources,
    StepUsage,
    UsageDeployment,
    UsageProfile,
)
from costgate.units import Interval, decimal

CALIBRATED_FROM = 9  # ⌈(n + 1) × 0.8⌉ ≤ n: fewer residuals give no finite 80 % band by split-conformal ranks
FEW_RUNS = 9  # below it one odd run moves the mean


def choose(usage: UsageProfile | None, bucket: str, *, calibrate: bool) -> Band:
    """The band of this bucket, else of `overall`, else [¼, 4] and the word uncalibrated."""
    by_name = {entry.bucket: entry for entry in usage.calibration} if usage and calibrate else {}
    for name in (bucket, "overall"):
        if name in by_name and by_name[name].n >= CALIBRATED_FROM:
            return _calibrated(by_name[name])
    n = by_name[bucket].n if bucket in by_name else 0
    return Band(low=0.25, bias=1, high=4, bucket=bucket, n=n, calibrated=False)


def bucket_of(deployment: Deployment, history: UsageDeployment | None) -> str:
    """`cold_start`, `few_runs`, `size_changed` (a step asks for a size that was never measured) or `has_history`."""
    if history is None or not history.runs_count:
        return "cold_start"
    if history.runs_count < FEW_RUNS:
        return "few_runs"
    if any(_size_changed(step, history.steps.get(step.name)) for step in deployment.flow.steps):
        return "size_changed"
    return "has_history"


def wider(one: Band, other: Band) -> Band:
    """The less certain of two bands, whichever comes first: uncalibrated, else the larger spread."""
    return max(one, other, key=_uncertainty)


def widen(raw: Interval[Decimal], band: Band) -> Interval[Decimal]:
    """Raw cost × f: corrected by the bias, widened to the band's bounds."""
    return Interval(
        low=money(raw.low * decimal(band.low)),
        expected=money(raw.expected * decimal(band.bias)),
        high=money(raw.high * decimal(band.high)),
    )


def _calibrated(entry: CalibrationBucket) -> Band:
    low, high = min(entry.low, entry.bias), max(entry.high, entry.bias)  # the corrected value lies in its own band
    return Band(low=low, bias=entry.bias, high=high, bucket=entry.bucket, n=entry.n, calibrated=True)


def _size_changed(step: Step, history: StepUsage | None) -> bool:
    sizes = history.sizes if history else ()
    return bool(sizes) and not any(_is_of_size(step.resources, size) for size in sizes)


def _is_of_size(resources: StepResources, size: SizeUsage) -> bool:
    """Compute is what changes durations; more memory alone is not another size."""
    return (number(resources.gpu) or 0, number(resources.cpu) or 0) == (size.gpu, size.cpu)


def _uncertainty(band: Band) -> tuple[bool, float, float, float, str]:
    """An order of bands; what does not widen a band is in it only to make it total."""
    spread = band.high / band.low if band.low else math.inf
    return not band.calibrated, spread, band.high, band.bias, band.bucket
