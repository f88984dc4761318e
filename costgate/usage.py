"""The usage profile: what the meter learned, one JSON file, read as values."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from costgate.errors import InputError
from costgate.model import (
    CalibrationBucket,
    DeploymentKey,
    Durations,
    Location,
    SizeUsage,
    StepUsage,
    UsageDeployment,
    UsageProfile,
)
from costgate.units import Interval
from costgate.yamlfile import Document, check, load_json

FRACTION = re.compile(r"\.\d+")
REGENERATE = "write the profile again with `costgate meter usage`"


def load(data: bytes, path: str) -> UsageProfile:
    """A usage profile from the bytes of its file. Raises InputError with the place of what is wrong."""
    document = load_json(data, path)
    check(document, "usage")
    root = _Node(document=document, keys=(), value=document.data)
    window, pools = root["window"], root["pools"]
    start, end = _moment(window["from"]), _moment(window["to"])
    if start > end:
        raise window["from"].error(f"the window starts ({start.isoformat()}) after it ends ({end.isoformat()})")
    return UsageProfile(
        as_of=_moment(root["as_of"]),
        window_from=start,
        window_to=end,
        complete=tuple(source.text() for source in window["complete"].items()),
        deployments=_deployments(root["deployments"]),
        flow_pools={node.name: _step(node) for node in pools["flow"].items()},
        team_pools={node.name: _step(node) for node in pools["team"].items()},
        all_pool=_step(pools["all"]) if pools["all"] else None,
        calibration=_calibration(root["calibration"]),
        path=path,
        digest=f"sha256:{hashlib.sha256(data).hexdigest()}",
    )


def find(profile: UsageProfile, key: DeploymentKey) -> UsageDeployment | None:
    """The history of a deployment, None where the profile has none."""
    return profile.deployments.get(key)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    """A value of the file that knows where it stands; what is missing is a node too, and false."""

    document: Document
    keys: tuple[str | int, ...]
    value: Any

    def __getitem__(self, key: str) -> _Node:
        inner = self.value.get(key) if isinstance(self.value, dict) else None
        return _Node(document=self.document, keys=(*self.keys, key), value=inner)

    def __bool__(self) -> bool:
        return self.value is not None

    @property
    def name(self) -> str:
        return str(self.keys[-1])

    @property
    def location(self) -> Location:
        return self.document.where(*self.keys)

    def items(self) -> Iterator[_Node]:
        """The nodes of a list or mapping."""
        pairs = self.value.items() if isinstance(self.value, dict) else enumerate(self.value or ())
        return (_Node(document=self.document, keys=(*self.keys, key), value=value) for key, value in pairs)

    def error(self, message: str, help: str = REGENERATE) -> InputError:
        return InputError(message, where=str(self.location), help=help)

    def text(self) -> str:
        return "" if self.value is None else str(self.value)

    def number(self) -> float:
        return float(self.value)

    def maybe(self) -> float | None:
        return self.number() if self else None

    def count(self) -> int:
        return int(self.value) if self else 0


def _moment(node: _Node) -> datetime:
    """An RFC 3339 time in UTC; fractions of a second are dropped."""
    text = FRACTION.sub("", node.text()).upper().replace("Z", "+00:00")
    try:
        return datetime.fromisoformat(text).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise node.error(f"{node.name!r} is no time: {node.text()!r}", "write it like 2026-11-20T00:00:00Z") from None


def _deployments(nodes: _Node) -> dict[DeploymentKey, UsageDeployment]:
    found: dict[DeploymentKey, UsageDeployment] = {}
    for node in nodes.items():
        entry = _deployment(node)
        if entry.key in found:
            first = found[entry.key].location.short
            raise node["key"].error(f"flow {entry.key.flow!r} stands twice with one key, first at {first}")
        found[entry.key] = entry
    return found


def _deployment(node: _Node) -> UsageDeployment:
    key, runs = node["key"], node["runs"]
    count, scheduled, failed = (runs[name].count() for name in ("count", "scheduled", "failed"))
    for name, part in (("scheduled", scheduled), ("failed", failed)):
        if part > count:
            raise runs[name].error(f"{part} {name} runs of {count} in all")
    return UsageDeployment(
        key=DeploymentKey(
            flow=key["flow"].text(),
            project=key["project"].text(),
            branch=key["branch"].text(),
            template=key["template"].text(),
        ),
        last_run=_moment(node["last_run"]) if node["last_run"] else None,
        runs_count=count,
        runs_per_month=_interval(runs["per_month"]),
        scheduled=scheduled,
        failed=failed,
        steps={step.name: _step(step) for step in node["steps"].items()},
        location=node.location,
    )


def _interval(node: _Node) -> Interval[float]:
    low, expected, high = (node[name].number() for name in ("low", "expected", "high"))
    if not low <= expected <= high:
        raise node.error(f"low, expected and high must rise, not {low:g}, {expected:g}, {high:g}")
    return Interval(low=low, expected=expected, high=high)


def _step(node: _Node) -> StepUsage:
    durations, utilisation = node["duration_s"], node["gpu_util"]
    return StepUsage(
        n=node["n"].count(),
        duration_s=_durations(durations) if durations else None,
        overhead_s=node["overhead_s"].maybe(),
        tasks_per_run=node["tasks_per_run"].maybe(),
        attempts_per_task=node["attempts_per_task"].maybe(),
        gpu_util=(utilisation["mean"].number(), utilisation["n"].count()) if utilisation else None,
        sizes=tuple(map(_size, node["sizes"].items())),
        width=node["width"].maybe(),
        location=node.location,
    )


def _durations(node: _Node) -> Durations:
    return Durations(mean=node["mean"].number(), p50=node["p50"].maybe(), p90=node["p90"].maybe())


def _size(node: _Node) -> SizeUsage:
    gpu, cpu, memory_mb, seconds = (node[name].number() for name in ("gpu", "cpu", "memory_mb", "duration_s"))
    return SizeUsage(gpu=gpu, cpu=cpu, memory_mb=memory_mb, n=node["n"].count(), duration_s=seconds)


def _calibration(nodes: _Node) -> tuple[CalibrationBucket, ...]:
    found: dict[str, CalibrationBucket] = {}
    for node in nodes.items():
        entry = _bucket(node)
        if entry.bucket in found:
            raise node.error(f"bucket {entry.bucket!r} stands twice")
        found[entry.bucket] = entry
    return tuple(found.values())


def _bucket(node: _Node) -> CalibrationBucket:
    low, bias, high = (node[name].number() for name in ("low", "bias", "high"))
    if low > high:
        raise node.error(f"low must be at most high, not {low:g} and {high:g}")
    return CalibrationBucket(
        bucket=node["bucket"].text(),
        n=node["n"].count(),
        bias=bias,
        low=low,
        high=high,
        coverage=node["coverage"].number(),
        as_of=_moment(node["as_of"]),
    )
