"""The usage profile: read as values, refused with a place."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costgate.errors import InputError
from costgate.model import (
    CalibrationBucket,
    DeploymentKey,
    Durations,
    Location,
    SizeUsage,
    StepUsage,
    UsageDeployment,
)
from costgate.units import Interval
from costgate.usage import find, load
from tests.scenario import usage as scenario_usage

TRAIN = {
    "n": 41,
    "duration_s": {"mean": 7200, "p50": 7000, "p90": 9000.5},
    "overhead_s": 95.5,
    "tasks_per_run": 12,
    "attempts_per_task": 1.25,
    "gpu_util": {"mean": 0.38, "n": 900},
    "sizes": [{"gpu": 4, "cpu": 8, "memory_mb": 65536, "n": 30, "duration_s": 7300}],
    "width": 10,
}
BUCKET = {
    "bucket": "overall",
    "n": 12,
    "bias": 0.9,
    "low": 0.5,
    "high": 2,
    "coverage": 0.8,
    "as_of": "2026-11-01T00:00:00Z",
}
DEPLOYMENT = {
    "key": {"flow": "TrainFlow", "project": "ranker", "branch": "prod", "template": None},
    "last_run": "2026-11-19T22:30:00.125-02:00",
    "runs": {"count": 41, "per_month": {"low": 10, "expected": 13.5, "high": 20}, "scheduled": 30, "failed": 2},
    "steps": {"train": TRAIN},
}
WHOLE = {
    "version": 1,
    "as_of": "2026-11-20T00:00:00Z",
    "window": {"from": "2026-08-22T00:00:00Z", "to": "2026-11-20T00:00:00Z", "complete": ["service", "sacct"]},
    "deployments": [DEPLOYMENT],
    "pools": {
        "flow": {"TrainFlow": {"n": 80}},
        "team": {"reco": {"n": 200, "duration_s": {"mean": 60}}},
        "all": {"n": 900},
    },
    "calibration": [BUCKET],
}


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.utc)  # type: ignore[misc,arg-type]


def encode(document: Any) -> bytes:
    return json.dumps(document, indent=2).encode()


def test_a_whole_profile_is_read():
    profile = load(encode(WHOLE), ".costgate/usage.json")
    assert (profile.as_of, profile.window_from, profile.window_to) == (
        utc(2026, 11, 20),
        utc(2026, 8, 22),
        utc(2026, 11, 20),
    )
    assert profile.complete == ("service", "sacct")
    assert profile.path == ".costgate/usage.json"
    assert profile.calibration == (
        CalibrationBucket(bucket="overall", n=12, bias=0.9, low=0.5, high=2, coverage=0.8, as_of=utc(2026, 11, 1)),
    )
    assert profile.flow_pools["TrainFlow"].n == 80
    assert profile.team_pools["reco"].duration_s == Durations(mean=60)
    assert profile.all_pool
    assert profile.all_pool.n == 900
    assert not profile.all_pool.sizes


def test_history_finds_its_deployment_by_the_whole_key():
    profile = load(encode(WHOLE), "usage.json")
    key = DeploymentKey(flow="TrainFlow", project="ranker", branch="prod")
    assert find(profile, key) == UsageDeployment(
        key=key,
        last_run=utc(2026, 11, 20, 0, 30),
        runs_count=41,
        runs_per_month=Interval(low=10, expected=13.5, high=20),
        scheduled=30,
        failed=2,
        location=Location(path="usage.json", line=13, column=5),
        steps={
            "train": StepUsage(
                n=41,
                duration_s=Durations(mean=7200, p50=7000, p90=9000.5),
                overhead_s=95.5,
                tasks_per_run=12,
                attempts_per_task=1.25,
                gpu_util=(0.38, 900),
                sizes=(SizeUsage(gpu=4, cpu=8, memory_mb=65536, n=30, duration_s=7300),),
                width=10,
                location=Location(path="usage.json", line=32, column=18),
            )
        },
    )
    assert find(profile, DeploymentKey(flow="TrainFlow")) is None


def test_the_least_profile_is_read():
    least = {"key": {"flow": "F"}, "runs": {"count": 0, "per_month": {"low": 0, "expected": 0, "high": 0}}}
    document = {k: v for k, v in WHOLE.items() if k in ("version", "as_of", "window")} | {"deployments": [least]}
    profile = load(encode(document), "usage.json")
    entry = find(profile, DeploymentKey(flow="F"))
    assert entry
    assert (entry.last_run, entry.scheduled, entry.failed, entry.steps) == (None, 0, 0, {})
    assert (profile.flow_pools, profile.team_pools, profile.all_pool, profile.calibration) == ({}, {}, None, ())


def test_null_is_not_measured():
    nothing = dict.fromkeys(("duration_s", "overhead_s", "tasks_per_run", "attempts_per_task", "gpu_util", "width"))
    steps = {"train": {"n": 3, **nothing}}
    profile = load(encode({**WHOLE, "deployments": [{**DEPLOYMENT, "steps": steps}]}), "usage.json")
    (entry,) = profile.deployments.values()
    step = entry.steps["train"]
    assert [getattr(step, name) for name in nothing] == [None] * 6


def test_the_profile_of_the_scenario_is_valid():
    profile = load(scenario_usage().encode(), "usage.json")
    assert [key.flow for key in profile.deployments] == ["TrainFlow"]


def test_the_digest_is_that_of_the_bytes():
    one, other = load(encode(WHOLE), "a.json"), load(encode(WHOLE) + b"\n", "a.json")
    assert one.digest.startswith("sha256:")
    assert len(one.digest) == 71
    assert one.digest != other.digest


def test_offsets_are_times_in_utc():
    profile = load(encode({**WHOLE, "as_of": "2026-11-20t02:00:00.999999999+02:00"}), "usage.json")
    assert profile.as_of == utc(2026, 11, 20)
    assert profile.as_of.utcoffset() == utc(2026, 1, 1).utcoffset()


def changed(*keys: Any, to: Any) -> Callable[[dict[str, Any]], None]:
    """Set one value of a profile."""

    def apply(document: dict[str, Any]) -> None:
        inner: Any = document
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = to

    return apply


RUNS = ("deployments", 0, "runs")
STEP = ("deployments", 0, "steps", "train")
LATE, LATER = "2026-12-01T00:00:00Z", "2026-13-45T00:00:00Z"

# what is wrong → (the change that makes it wrong, the message, what stands at the place that is named)
REFUSED = {
    "a window that ends before it starts": (changed("window", "from", to=LATE), "the window starts", f'"{LATE}"'),
    "a month that does not exist": (changed("as_of", to=LATER), "'as_of' is no time", f'"{LATER}"'),
    "a time before all time": (changed("as_of", to="0001-01-01T00:00:00+14:00"), "'as_of' is no time", '"0001'),
    "a time without a zone": (changed("as_of", to="2026-11-20T00:00:00"), "must be a time", '"2026-11-20T00:00:00"'),
    "a bound above the expected": (changed(*RUNS, "per_month", "low", to=14), "must rise", '{\n          "low": 14'),
    "a bound below the expected": (changed(*RUNS, "per_month", "high", to=13), "must rise", '{\n          "low": 10'),
    "more scheduled runs than runs": (changed(*RUNS, "scheduled", to=42), "42 scheduled runs of 41", "42,"),
    "more failed runs than runs": (changed(*RUNS, "failed", to=43), "43 failed runs of 41", "43\n"),
    "a negative count": (changed(*RUNS, "count", to=-1), "at least 0", "-1"),
    "one deployment twice": (changed("deployments", to=[DEPLOYMENT] * 2), "twice with one key, first at", "{"),
    "one bucket twice": (changed("calibration", to=[BUCKET] * 2), "bucket 'overall' stands twice", "{"),
    "a band upside down": (changed("calibration", 0, "low", to=3), "at most high", '{\n      "bucket"'),
    "a utilisation in percent": (changed(*STEP, "gpu_util", "mean", to=38), "at most 1", "38"),
    "an unknown key": (changed("pool", to={}), "unknown key 'pool'", '"pool"'),
    "a step without attempts": (changed(*STEP, "n", to=None), "must be a whole number", "null"),
}


@pytest.mark.parametrize(("change", "message", "there"), REFUSED.values(), ids=REFUSED)
def test_refuses(change: Callable[[dict[str, Any]], None], message: str, there: str):
    document = json.loads(json.dumps(WHOLE))
    change(document)
    with pytest.raises(InputError) as caught:
        load(encode(document), "usage.json")
    problem = caught.value.problems[0]
    assert message in problem.message
    path, line, column = problem.where.split(":")
    assert path == "usage.json"
    rest = "".join(encode(document).decode().splitlines(keepends=True)[int(line) - 1 :])
    assert rest[int(column) - 1 :].startswith(there)


def test_every_refusal_tells_the_way_out():
    with pytest.raises(InputError, match="costgate meter usage"):
        load(encode({**WHOLE, "deployments": [DEPLOYMENT, DEPLOYMENT]}), "usage.json")


@pytest.mark.parametrize(
    "data", [b"", b"null", b"[]", b"{", b"\xff", b'{"version": 1, "version": 1}', b"NaN", b"[" * 9999]
)
def test_hostile_bytes_are_input_errors(data: bytes):
    with pytest.raises(InputError, match=r"usage\.json"):
        load(data, "usage.json")


NAMES = st.sampled_from([*WHOLE, *DEPLOYMENT, *TRAIN])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 10**20) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


def outcome(data: bytes) -> str:
    try:
        return load(data, "usage.json").path
    except InputError as error:
        return str(error)


@given(key=st.sampled_from([*WHOLE]), value=JSON)
def test_any_value_anywhere_is_read_or_refused_with_its_place(key: str, value: Any):
    assert outcome(encode({**WHOLE, key: value})).startswith("usage.json")
