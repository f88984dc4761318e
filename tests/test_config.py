"""costgate.yml: every field arrives with its place, defaults stay defaults, paths stay in the repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costgate.config import (
    EMPTY,
    Assumptions,
    DecoratorRule,
    DeploymentSpec,
    FlowGlob,
    OwnerRule,
    ProjectConfig,
    parse,
)
from costgate.errors import InputError
from costgate.model import Location, Owner, StepDeclaration
from tests.support import dedent

FULL = (Path(__file__).parent / "data" / "costgate.full.yml").read_bytes()


def read(text: str) -> ProjectConfig:
    return parse(("version: 1\n" + dedent(text)).encode())


def refused(text: str) -> str:
    with pytest.raises(InputError) as caught:
        read(text)
    return str(caught.value)


def place(line: int, column: int) -> Location:
    return Location(path="costgate.yml", line=line, column=column)


def test_a_full_file_arrives_whole() -> None:
    assert parse(FULL) == ProjectConfig(
        path="costgate.yml",
        present=True,
        rate_card="finance/ratecard.yml",
        usage=".costgate/usage.json",
        policy="policies/ml.yml",
        resolver="static",
        assumptions=Assumptions(
            duration_gpu_s=3600,
            duration_other_s=300,
            foreach=12,
            runs_per_month=40,
            startup_overhead_s=90,
            locations={
                "duration.gpu": place(6, 31),
                "duration.other": place(6, 42),
                "foreach": place(6, 56),
                "runs_per_month": place(6, 76),
                "startup_overhead": place(6, 98),
            },
        ),
        owners=(
            OwnerRule(match="flows/reco/**", owner=Owner(team="reco", project="ranker", cost_center="CC-1204")),
        ),
        decorators={"gpu_step": DecoratorRule(name="gpu_step", attributes={"gpu": "n"}, compute="kubernetes")},
        flows=(FlowGlob(glob="flows/**/*.py"), FlowGlob(glob="services/*/flows/*.py", cwd="services/*")),
        exclude=("**/tests/**",),
        target="step-functions",
        with_=("kubernetes",),
        metaflow_env={"METAFLOW_KUBERNETES_MEMORY": "8192"},
        deployments=(
            DeploymentSpec(
                flow="flows/train.py",
                name="train-{config}",
                configs={"config": "configs/prod-*.json"},
                config_values={"tuning": {"lr": 0.1}},
                branch="prod.{config}",
                runs_per_month=500,
                steps={"train": StepDeclaration(duration_s=7200, tasks=40, location=place(24, 13))},
                experiment=("sweep-7", 200),
                owner=Owner(team="reco"),
                location=place(17, 5),
            ),
            DeploymentSpec(
                flow="flows/score.py", class_name="ScoreFlow", deployed_as="score-nightly", location=place(27, 5)
            ),
        ),
        locations={
            key: place(line, 1)
            for line, key in [
                (1, "version"), (2, "rate_card"), (3, "usage"), (4, "policy"), (5, "resolver"), (6, "assumptions"),
                (7, "owners"), (9, "decorators"), (11, "flows"), (12, "exclude"), (13, "target"), (14, "with"),
                (15, "metaflow_env"), (16, "deployments"),
            ]
        },
    )  # fmt: skip


def test_a_file_that_says_nothing_keeps_every_default() -> None:
    said = read("")
    assert said == ProjectConfig(present=True, locations={"version": place(1, 1)})
    assert ProjectConfig() == EMPTY
    assert not EMPTY.present


def test_the_file_may_be_json_and_stand_elsewhere() -> None:
    assert parse(b'{"version": 1, "with": ["batch"]}', "infra/costgate.json").with_ == ("batch",)


@pytest.mark.parametrize(
    ("text", "attribute", "expected"),
    [
        pytest.param("assumptions: {startup_overhead: 0}", "assumptions.startup_overhead_s", 0, id="no overhead"),
        pytest.param(
            "assumptions: {startup_overhead: 0s}", "assumptions.startup_overhead_s", 0, id="an overhead of 0s"
        ),
        pytest.param(
            "assumptions: {startup_overhead: '0'}", "assumptions.startup_overhead_s", 0, id="an overhead of '0'"
        ),
        pytest.param("assumptions: {duration: {gpu: 1d2h3m4s}}", "assumptions.duration_gpu_s", 93784, id="all units"),
        pytest.param(
            "assumptions: {duration: {gpu: 2h}}", "assumptions.duration_other_s", 300, id="half of the durations"
        ),
        pytest.param("assumptions: {foreach: 2.5}", "assumptions.foreach", 2.5, id="a width with a fraction"),
        pytest.param(
            "metaflow_env: {METAFLOW_X: 8192}", "metaflow_env", {"METAFLOW_X": "8192"}, id="a number as setting"
        ),
        pytest.param(
            "metaflow_env: {METAFLOW_X: 0.5}", "metaflow_env", {"METAFLOW_X": "0.5"}, id="a fraction as setting"
        ),
        pytest.param("flows: [{glob: 'a/*.py'}]", "flows", (FlowGlob(glob="a/*.py"),), id="a glob without a folder"),
        pytest.param(
            "flows: [{glob: a.py, cwd: ./a/}]", "flows", (FlowGlob(glob="a.py", cwd="a"),), id="a folder with ./"
        ),
        pytest.param(
            "decorators: {big: {cpu: c, memory: m}}",
            "decorators",
            {"big": DecoratorRule(name="big", attributes={"cpu": "c", "memory": "m"})},
            id="a decorator that says nothing of compute",
        ),
        pytest.param(
            "owners: [{match: a.py, experiment: e}]",
            "owners",
            (OwnerRule(match="a.py", owner=Owner(experiment="e")),),
            id="an owner without a team",
        ),
    ],
)
def test_a_field_means(text: str, attribute: str, expected: Any) -> None:
    value: Any = read(text)
    for name in attribute.split("."):
        value = getattr(value, name)
    assert value == expected


@pytest.mark.parametrize(
    ("text", "attribute", "expected"),
    [
        pytest.param("{flow: ./flows//train.py}", "flow", "flows/train.py", id="a path as git spells it"),
        pytest.param("{flow: 'train.py:Train'}", "class_name", "Train", id="a class"),
        pytest.param("{flow: train.py}", "class_name", None, id="no class"),
        pytest.param(
            "{flow: a.py, configs: {c: ./configs/p.json}}", "configs", {"c": "configs/p.json"}, id="a config path"
        ),
        pytest.param("{flow: a.py, cwd: services/x/}", "cwd", "services/x", id="a folder with a slash"),
        pytest.param("{flow: a.py, cwd: services/../x}", "cwd", "x", id="a folder that goes up and stays inside"),
        pytest.param(
            "{flow: a.py, config_values: {c: [1, {on: ~}]}}", "config_values", {"c": [1, {"on": None}]}, id="any JSON"
        ),
        pytest.param("{flow: a.py, runs_per_month: 0}", "runs_per_month", 0, id="declared never to run"),
        pytest.param("{flow: a.py, experiment: {name: e, runs: 3.0}}", "experiment", ("e", 3), id="whole runs"),
    ],
)
def test_a_field_of_a_deployment_means(text: str, attribute: str, expected: Any) -> None:
    (deployment,) = read(f"deployments: [{text}]").deployments
    assert getattr(deployment, attribute) == expected


def test_a_step_may_declare_one_thing_only() -> None:
    (deployment,) = read("""
        deployments:
          - flow: a.py
            steps:
              off: {tasks: 3}
              train:
                duration: 90s
    """).deployments
    assert deployment.steps == {
        "off": StepDeclaration(tasks=3, location=place(5, 7)),
        "train": StepDeclaration(duration_s=90, location=place(6, 7)),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "rate_card: /etc/card.yml", "2:12: '/etc/card.yml' is not relative to the repository", id="a root"
        ),
        pytest.param("usage: ~/usage.json", "2:8: '~/usage.json' is not relative to the repository", id="a home"),
        pytest.param("policy: ../policy.yml", "2:9: '../policy.yml' leaves the repository", id="a way up"),
        pytest.param("policy: a/../../b.yml", "2:9: 'a/../../b.yml' leaves the repository", id="a way down and up"),
        pytest.param("exclude: [a, ..]", "2:14: '..' leaves the repository", id="the parent itself"),
        pytest.param("flows: [../*.py]", "2:9: '../*.py' leaves the repository", id="a glob"),
        pytest.param("flows: [{glob: a.py, cwd: ..}]", "2:27: '..' leaves the repository", id="a glob's folder"),
        pytest.param(
            r"owners: [{match: 'a\b.py'}]", "2:18: 'a\\\\b.py' holds a backslash or a control", id="a backslash"
        ),
        pytest.param(
            'deployments: [{flow: "a\\0.py"}]', "2:22: 'a\\x00.py' holds a backslash or a control", id="a NUL"
        ),
        pytest.param(
            "deployments: [{flow: a.py, cwd: /}]", "2:33: '/' is not relative to the repository", id="a folder"
        ),
        pytest.param(
            "deployments: [{flow: a.py, configs: {c: ../x}}]", "2:41: '../x' leaves the repository", id="a config"
        ),
        pytest.param("deployments: [{flow: '../a.py:A'}]", "2:22: '../a.py:A' leaves the repository", id="a flow"),
    ],
)
def test_a_path_outside_the_repository_is_refused(text: str, message: str) -> None:
    said = refused(text)
    assert said.startswith(f"costgate.yml:{message}")
    assert said.endswith("help: write a path from the root of the repository, e.g. flows/train.py")


@pytest.mark.parametrize("path", ["...", "..a/b", "a/..b.yml", "a/./b.yml", "**/../a.yml", "a b.yml", "é.yml"])
def test_an_odd_path_inside_the_repository_is_kept(path: str) -> None:
    assert read(f"policy: '{path}'").policy == path


def test_all_problems_are_told_at_once() -> None:
    said = refused("""
        polcy: x
        usage: 5
        deployments: [{}]
    """)
    assert [line.split(": ", 1)[1] for line in said.splitlines() if not line.startswith("help")] == [
        "unknown key 'polcy'",
        "'usage' must be text, not 5",
        "'flow' is required in 'deployments'",
    ]


def test_all_paths_are_told_at_once() -> None:
    said = refused("usage: /a\npolicy: ../b")
    assert said.count("help: ") == 2


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"", "costgate.yml:1:1: the file is empty", id="an empty file"),
        pytest.param(b"\xff\xfe", "costgate.yml:1:1: not UTF-8 text", id="a binary file"),
        pytest.param(
            b"version: 1\nversion: 1", "costgate.yml:2:1: duplicate key 'version'", id="a key that stands twice"
        ),
        pytest.param(b"- 1", "costgate.yml:1:1: must be a mapping, not a list", id="a list"),
        pytest.param(
            b"with: [a]", "costgate.yml:1:1: 'version' is required\nhelp: add version: Version", id="no version"
        ),
    ],
)
def test_what_is_no_costgate_yml_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(data)
    assert str(caught.value).startswith(message)


LINES = st.lists(st.sampled_from([*FULL.decode().splitlines(), "  ", "\t", "x", "- a", "*a", "with: {"]), max_size=12)


@given(LINES)
def test_any_lines_are_read_or_refused(lines: list[str]) -> None:
    try:
        assert parse("\n".join(lines).encode()).present
    except InputError as error:
        places = {problem.where.split(":")[0] for problem in error.problems}
    else:
        places = {"costgate.yml"}
    assert places == {"costgate.yml"}
