"""Resolve v1: what Metaflow would run, null and named where nobody can know."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator
from rich.cells import cell_len

from costgate.model import Known, Trigger, Unresolved
from costgate.render import resolve_v1
from costgate.shipped import schema
from tests.render import builders

VALIDATOR = Draft202012Validator(json.loads(schema("resolve").read_text(encoding="utf-8")))
OPEN = Unresolved(expression="name()", reason="a function", location=builders.at("flows/train.py", 5))
BARE = {"project": None, "schedule": None, "configs": ()}


def test_json(golden: Callable[[str, str], None]) -> None:
    printed = resolve_v1.render_json(builders.flow())
    golden("render/resolve/flow.json", printed)
    VALIDATOR.validate(json.loads(printed))


@pytest.mark.parametrize("width", [80, 120])
def test_text(width: int, golden: Callable[[str, str], None]) -> None:
    printed = resolve_v1.render_text(builders.flow(), width=width)
    golden(f"render/resolve/flow_{width}.txt", printed)
    assert all(cell_len(line) <= width for line in printed.splitlines())


def test_colour_is_asked_for() -> None:
    assert "\x1b[1m" in resolve_v1.render_text(builders.flow(), color=True)


def test_a_plain_flow() -> None:
    bare = builders.flow(**BARE, steps=builders.flow().steps[:2])
    found = resolve_v1.resolve(bare)
    VALIDATOR.validate(found)
    assert (found["project"], found["schedule"], found["configs"], found["unresolved"]) == (None, None, {}, [])
    assert resolve_v1.render_text(bare).startswith("TrainFlow (flows/train.py:6)\n\nStep")


def test_trainium_goes_by_the_name_that_metaflow_gives_it() -> None:
    """@batch pops `trainium` into `inferentia` when it is initialised (metaflow/plugins/aws/batch)."""
    step = builders.flow().steps[0]
    step = replace(step, resources=replace(step.resources, trainium=Known(value=16)))
    found = resolve_v1.resolve(builders.flow(**BARE, steps=(step,)))["steps"][step.name]
    assert (found["trainium"], found["inferentia"]) == (None, 16)


@pytest.mark.parametrize(
    ("flow", "words"), [("Up", "starts: when Up finishes"), (None, "starts: on an event")], ids=["a flow", "an event"]
)
def test_what_starts_a_flow(flow: str | None, words: str) -> None:
    found = builders.flow(trigger=Trigger(flow=flow, location=builders.at("flows/train.py", 4)))
    data = resolve_v1.resolve(found)
    VALIDATOR.validate(data)
    assert data["trigger"] == {"flow": flow, "project": None, "branch": None}
    assert words in resolve_v1.render_text(found)


def test_what_only_kubernetes_knows_is_named_where_a_step_has_it() -> None:
    step = builders.flow().steps[0]
    mig = builders.known({"nvidia.com/mig-3g.40gb": 1})
    step = replace(step, resources=replace(step.resources, extended_resources=mig, persistent_volume_claims=OPEN))
    found = builders.flow(**BARE, steps=(step,))
    data = resolve_v1.resolve(found)
    VALIDATOR.validate(data)
    assert data["steps"][step.name]["extended_resources"] == {"nvidia.com/mig-3g.40gb": 1}
    assert data["steps"][step.name]["persistent_volume_claims"] is None
    assert "persistent_volume_claims" in [gap["attribute"] for gap in data["steps"][step.name]["unresolved"]]
    text = resolve_v1.render_text(found, width=400)
    assert "extended resources nvidia.com/mig-3g.40gb=1, volume claims ?" in text


def test_what_is_open_about_the_flow_is_named() -> None:
    schedule = replace(OPEN, expression="cron")
    other = replace(OPEN, expression="**extra")
    found = builders.flow(project=OPEN, schedule=schedule, unresolved=(OPEN, other))
    data = resolve_v1.resolve(found)
    VALIDATOR.validate(data)
    assert (data["project"], data["schedule"]) == (None, None)
    assert [(item["attribute"], item["expression"]) for item in data["unresolved"]] == [
        ("project", "name()"), ("schedule", "cron"), ("*", "**extra"),
    ]  # fmt: skip
    assert "  flows/train.py:5: project: a function: name()\n" in resolve_v1.render_text(found)
    assert "  project: ?\n" in resolve_v1.render_text(found)


def test_foreach_and_num_parallel_are_those_of_the_step_itself() -> None:
    steps = resolve_v1.resolve(builders.flow())["steps"]
    assert steps["start"]["foreach"] == {"artifact": "shards", "width": 40}
    assert steps["train"]["num_parallel"] == 2
    assert steps["train"]["foreach"] is None
    assert steps["join"]["foreach"] == {"artifact": "files", "width": None}
    assert [item["attribute"] for item in steps["join"]["unresolved"]] == ["gpu", "num_parallel", "foreach"]
    assert [item["attribute"] for item in steps["end"]["unresolved"]] == ["*"]
    assert steps["end"]["compute"] is None


def test_a_schedule_without_a_zone() -> None:
    schedule = builders.flow().schedule
    found = builders.flow(schedule=replace(schedule, timezone=None))  # type: ignore[type-var]
    assert "  schedule: 0 6 * * *, 30.42 runs a month\n" in resolve_v1.render_text(found)


def test_hostile_names_stay_names() -> None:
    evil = builders.HOSTILE
    step = replace(builders.flow().steps[0], name=evil, next=(evil,))
    found = builders.flow(name=evil, file=evil, project=builders.known(evil), steps=(step,))
    printed = resolve_v1.render_text(found)
    assert "\x1b" not in printed
    assert "::error" not in printed
    assert resolve_v1.render_json(found).isascii()
