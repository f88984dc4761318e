"""What is deployed: flows found, entries of costgate.yml, globs, owners, names, and keys that must differ."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Mapping
from typing import Any

import pytest

from costgate.config import DeploymentSpec, FlowGlob, OwnerRule, ProjectConfig
from costgate.errors import InputError
from costgate.flow.deployments import match_glob, owner_of, plan, resolve_all
from costgate.flow.parse import Sources
from costgate.model import Deployment, DeploymentKey, Flow, Known, Location, Owner, Snapshot, StepDeclaration, Unpriced
from tests.support import snapshot

ENTRY = Location(path="costgate.yml", line=4, column=5)


def flow(
    name: str = "TrainFlow", *more: str, base: str = "FlowSpec", head: str = "", decorators: str = "", tail: str = ""
) -> str:
    """The source of a flow file; each flow has one step."""
    source = f"""
        from metaflow import Config, FlowSpec, config_expr, kubernetes, project, step
        {head}
        {decorators}
        class {name}({base}):
            cfg = Config("cfg", default_value={{"gpu": 1, "project": "reco"}})
            @kubernetes(gpu=cfg.gpu)
            @step
            def start(self):
                pass
        {tail}
    """
    classes = [f"class {other}({base}):\n    @step\n    def start(self):\n        pass\n" for other in more]
    return "\n".join([textwrap.dedent(source), *classes])


MAIN = "if __name__ == '__main__':\n            TrainFlow()"


def entry(path: str = "train.py", **given: Any) -> DeploymentSpec:
    return DeploymentSpec(flow=path, location=ENTRY, **given)


def planned(files: Mapping[str, str | bytes], **config: Any) -> tuple[tuple[DeploymentSpec, ...], tuple[Unpriced, ...]]:
    return plan(Sources(snapshot(files)), ProjectConfig(**config))


def found(files: Mapping[str, str | bytes], **config: Any) -> list[tuple[str, str | None]]:
    """(file, class) of what is planned, where nothing is wrong."""
    specs, problems = planned(files, **config)
    assert problems == ()
    return [(spec.flow, spec.class_name) for spec in specs]


def resolved(
    files: Mapping[str, str | bytes], judge: ProjectConfig | None = None, **config: Any
) -> tuple[tuple[Deployment, ...], tuple[Unpriced, ...]]:
    sources, side = Sources(snapshot(files)), ProjectConfig(**config)
    specs, problems = plan(sources, side)
    assert problems == ()
    return resolve_all(sources, specs, side=side, judge=judge or ProjectConfig())


def test_each_flow_is_deployed_once() -> None:
    files = {"b.py": flow("B"), "a.py": flow("A", "Z"), "note.txt": "FlowSpec", "lib.py": "x = 'FlowSpec'"}
    assert found(files) == [("a.py", "A"), ("a.py", "Z"), ("b.py", "B")]


def test_a_planned_flow_has_class_name_and_folder() -> None:
    specs, _ = planned({"flows/a.py": flow("A")})
    assert specs == (DeploymentSpec(flow="flows/a.py", class_name="A", name="A", cwd="."),)


def test_flows_are_found_through_base_classes_in_other_files() -> None:
    """Neither base nor team mentions FlowSpec in the file that is run; abstract classes are no deployments."""
    files = {
        "base.py": "from metaflow import FlowSpec\nclass Base(FlowSpec):\n    pass\n",
        "team.py": "from base import Base as Common\nclass Team(Common):\n    pass\n",
        "run.py": "import team\nfrom metaflow_steps import step\nclass Run(team.Team):\n    x = 1\n",
        "train.py": flow("Train", base="Team", head="from team import Team"),
    }
    assert found(files) == [("train.py", "Train")]


def test_a_base_class_with_steps_is_no_deployment_of_its_own() -> None:
    files = {"base.py": flow("Base"), "train.py": flow("Train", base="Base", head="from base import Base")}
    assert found(files) == [("train.py", "Train")]


def test_a_base_class_that_its_file_starts_is_deployed() -> None:
    files = {
        "base.py": flow("TrainFlow", tail=MAIN),
        "more.py": flow("More", base="TrainFlow", head="from base import TrainFlow"),
    }
    assert found(files) == [("base.py", "TrainFlow"), ("more.py", "More")]


def test_a_class_that_another_file_starts_is_deployed_from_there() -> None:
    files = {"train.py": flow(), "run.py": "from train import TrainFlow\nTrainFlow()\n"}
    assert found(files) == [("run.py", "TrainFlow")]


def test_a_class_that_both_files_start_is_deployed_from_both() -> None:
    files = {"train.py": flow(tail=MAIN), "run.py": "from train import TrainFlow\nTrainFlow()\n"}
    assert found(files) == [("run.py", "TrainFlow"), ("train.py", "TrainFlow")]


FOUR = {path: flow(path[-4].upper()) for path in ("flows/a.py", "flows/x/b.py", "tests/c.py", "d.py")}


@pytest.mark.parametrize(
    ("config", "paths"),
    [
        ({"flows": (FlowGlob(glob="flows/*.py"),)}, ["flows/a.py"]),
        ({"flows": (FlowGlob(glob="flows/**/*.py"),)}, ["flows/a.py", "flows/x/b.py"]),
        ({"exclude": ("**/tests/**",)}, ["d.py", "flows/a.py", "flows/x/b.py"]),
        ({"flows": (FlowGlob(glob="**"),), "exclude": ("flows/**", "d.py")}, ["tests/c.py"]),
        ({}, ["d.py", "flows/a.py", "flows/x/b.py", "tests/c.py"]),
    ],
    ids=["one folder", "folders below", "without tests", "both", "all"],
)
def test_flows_and_exclude_select(config: dict[str, Any], paths: list[str]) -> None:
    assert [path for path, _ in found(FOUR, **config)] == paths


@pytest.mark.parametrize(
    ("path", "cwd", "expected"),
    [
        ("services/a/flows/f.py", "services/*", "services/a"),
        ("services/a/flows/f.py", "**/flows", "services/a/flows"),
        ("services/a/flows/f.py", "deploy", "deploy"),
        ("services/a/flows/f.py", "services/*/*/*", None),
        ("f.py", "*", None),
    ],
    ids=["a folder above", "the nearest", "a fixed folder", "none matches", "no folder above"],
)
def test_the_folder_of_a_flow_is_the_parent_that_matches(path: str, cwd: str, expected: str | None) -> None:
    specs, problems = planned({path: flow("F")}, flows=(FlowGlob(glob="**/*.py", cwd=cwd),))
    assert [spec.cwd for spec in specs] == ([expected] if expected else [])
    assert [p.reason for p in problems] == ([] if expected else [f"no folder above the file matches cwd {cwd!r}"])


def test_a_folder_that_is_missing_matters_only_for_flows() -> None:
    assert planned({"a.py": "import metaflow\n"}, flows=(FlowGlob(glob="**/*.py", cwd="x/*"),)) == ((), ())


LOST = """
from metaflow import FlowSpec
from {0} import step
import {0} as x
class Lost(FlowSpec):
    {1}
    def start(self):
        pass
"""


@pytest.mark.parametrize("decorator", ["@step", "@step()", "@x.step"])
def test_a_flow_whose_steps_cannot_be_told_is_unpriced(decorator: str) -> None:
    specs, (problem,) = planned({"a.py": LOST.format("odd", decorator)})
    assert specs == ()
    assert (problem.deployment, problem.location.line) == ("a.py", 4)
    assert "could not be read as a flow" in problem.reason


@pytest.mark.parametrize("decorator", ["", "@other", "@f()()"])
def test_an_abstract_base_class_is_no_lost_flow(decorator: str) -> None:
    assert planned({"a.py": LOST.format("odd", decorator)}) == ((), ())


BROKEN = [
    ("a syntax error", "class A(FlowSpec):\n  def (", "not valid Python"),
    ("a conflict", "from metaflow import step\n<<<<<<< ours\n@step\ndef f(self): pass\n=======\n", "merge-conflict"),
    ("zero bytes", b"class A(metaflow.FlowSpec):\n\0", "binary"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "why"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_broken_file_that_looks_like_a_flow_is_unpriced(source: str | bytes, why: str) -> None:
    specs, problems = planned({"a.py": source, "b.py": flow("B")})
    assert [spec.class_name for spec in specs] == ["B"]
    assert [(p.deployment, p.step, p.location.path) for p in problems] == [("a.py", None, "a.py")]
    assert why in problems[0].reason
    assert problems[0].help


@pytest.mark.parametrize(
    ("source", "config"),
    [
        ("import metaflow\n)", {}),
        ("class A(FlowSpec:\n", {"exclude": ("a.py",)}),
        ("class A(FlowSpec:\n", {"flows": (FlowGlob(glob="b.py"),)}),
    ],
    ids=["no flow", "excluded", "not selected"],
)
def test_other_broken_files_are_left_alone(source: str, config: dict[str, Any]) -> None:
    assert planned({"a.py": source}, **config) == ((), ())


def test_a_file_that_is_too_large_to_read_is_not_passed_over() -> None:
    def read(path: str) -> bytes:
        raise InputError("is too large", where=path)

    large = Snapshot(name="large", commit=None, files={"a.py": "1"}, read=read, grep=lambda _: frozenset({"a.py"}))
    specs, problems = plan(Sources(large), ProjectConfig())
    assert (specs, [p.deployment for p in problems]) == ((), ["a.py"])


def test_an_entry_replaces_the_default_of_its_flow() -> None:
    files = {"train.py": flow(), "other.py": flow("Other")}
    specs, problems = planned(files, deployments=(entry(branch="a", cwd="x"), entry(branch="b", name="second")))
    assert problems == ()
    assert [(s.flow, s.class_name, s.name, s.branch, s.cwd) for s in specs] == [
        ("train.py", "TrainFlow", "TrainFlow", "a", "x"),
        ("train.py", "TrainFlow", "second", "b", "."),
        ("other.py", "Other", "Other", None, "."),
    ]
    assert [spec.location for spec in specs] == [ENTRY, ENTRY, None]


def test_an_entry_may_name_what_is_not_found_by_default() -> None:
    files = {"base.py": flow("Base"), "t.py": flow("T", base="Base", head="from base import Base"), "x/u.py": flow("U")}
    chosen = (entry("base.py"), entry("./x/u.py:U".partition(":")[0], class_name="U"))
    assert found(files, deployments=chosen, exclude=("x/**",)) == [("base.py", "Base"), ("x/u.py", "U"), ("t.py", "T")]


def test_an_entry_for_a_class_that_another_file_starts_replaces_that_too() -> None:
    files = {"train.py": flow(), "run.py": "from train import TrainFlow\nTrainFlow()\n"}
    assert found(files, deployments=(entry(),)) == [("train.py", "TrainFlow")]


TWO = {"train.py": flow("TrainFlow", "Other")}
UNPLANNED = [
    ("a file that is not there", {"train.py": flow()}, entry("trian.py"), "trian.py is not there", "'train.py'"),
    ("a file unlike any other", {"train.py": flow()}, entry("z"), "z is not there", "correct the entry"),
    ("a class that is not there", {"train.py": flow()}, entry(class_name="TrainFlwo"), "no flow TrainFlwo", "'TrainF"),
    ("several flows", TWO, entry(), "defines several flows: TrainFlow, Other", "train.py:TrainFlow"),
    ("no flow", {"train.py": "x = 1"}, entry(), "train.py defines no flow", "name a file"),
    ("a broken file", {"train.py": "x = ("}, entry(), "not valid Python", "repair the file"),
    ("a glob without files", {"train.py": flow()}, entry(configs={"cfg": "c/*"}), "'c/*' of the config 'cfg'", "glob"),
    ("an unknown field", {"train.py": flow()}, entry(branch="{cgf}", configs={"cfg": "a"}), "{cgf} is no", "'cfg'"),
    ("a field without configs", {"train.py": flow()}, entry(name="x-{config}"), "{config} is no config", "correct"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("files", "spec", "reason", "help_"), [row[1:] for row in UNPLANNED], ids=[row[0] for row in UNPLANNED]
)
def test_an_entry_that_cannot_be_planned_is_unpriced(
    files: Mapping[str, str | bytes], spec: DeploymentSpec, reason: str, help_: str
) -> None:
    _, problems = planned(files, deployments=(spec,))
    problem = problems[-1]
    assert problem.deployment == (spec.name or spec.flow)
    assert reason in problem.reason
    assert help_ in problem.help


def test_an_entry_is_to_blame_where_it_stands() -> None:
    _, (problem,) = planned({}, deployments=(entry(name="nightly"),))
    assert (problem.deployment, problem.location) == ("nightly", ENTRY)
    _, (problem,) = planned({}, path="x/costgate.yml", deployments=(DeploymentSpec(flow="a.py"),))
    assert problem.location == Location(path="x/costgate.yml")


CONFIGS = {"configs/prod-eu.json": "{}", "configs/prod-us.json": "{}", "configs/dev.json": "{}", "tuning/a.b.yml": "{}"}


def test_a_glob_is_one_deployment_per_file() -> None:
    spec = entry(name="train-{cfg}", branch="prod.{cfg}", configs={"cfg": "configs/prod-*.json"})
    specs, _ = planned({"train.py": flow(), **CONFIGS}, deployments=(spec,))
    assert [(s.name, s.branch, s.configs) for s in specs] == [
        ("train-prod-eu", "prod.prod-eu", {"cfg": "configs/prod-eu.json"}),
        ("train-prod-us", "prod.prod-us", {"cfg": "configs/prod-us.json"}),
    ]


def test_several_globs_are_a_product_and_paths_have_stems_too() -> None:
    spec = entry(deployed_as="{cfg}-{tune}", configs={"cfg": "./configs/*.json", "tune": "tuning/a.b.yml"})
    specs, _ = planned({"train.py": flow(), **CONFIGS}, deployments=(spec,))
    assert [s.deployed_as for s in specs] == ["dev-a.b", "prod-eu-a.b", "prod-us-a.b"]
    assert [s.name for s in specs] == ["TrainFlow"] * 3
    both = entry(configs={"cfg": "configs/*.json", "tune": "configs/*.json"})
    assert len(planned({"train.py": flow(), **CONFIGS}, deployments=(both,))[0]) == 9


def test_a_file_whose_name_looks_like_a_glob_is_itself() -> None:
    specs, problems = planned(
        {"train.py": flow(), "c[1].json": "{}"}, deployments=(entry(configs={"cfg": "c[1].json"}),)
    )
    assert ([s.configs for s in specs], problems) == ([{"cfg": "c[1].json"}], ())


def test_an_explosion_of_globs_is_refused() -> None:
    files = {"train.py": flow(), **{f"c/{n}.json": "{}" for n in range(101)}}
    spec = entry(configs={"a": "c/*", "b": "c/*"})
    assert planned(files, deployments=(spec,))[1][0].reason == "the globs make 10,201 deployments"


PROJECT = "@project(name='reco')"


def test_the_key_is_flow_project_branch_and_template() -> None:
    spec = entry(branch="prod", deployed_as="nightly")
    (deployment,), problems = resolved({"train.py": flow(decorators=PROJECT)}, deployments=(spec,))
    assert problems == ()
    assert deployment.key == DeploymentKey(flow="TrainFlow", project="reco", branch="prod", template="nightly")


def test_a_flow_without_project_has_a_short_key() -> None:
    (deployment,), _ = resolved({"train.py": flow()})
    assert (deployment.key, deployment.name) == (DeploymentKey(flow="TrainFlow"), "TrainFlow")
    assert deployment.location is None


def test_a_project_out_of_a_config_is_known_after_configs() -> None:
    files = {
        "train.py": flow(decorators="@project(name=config_expr('cfg.project'))"),
        "c.json": '{"gpu": 1, "project": "ads"}',
    }
    (deployment,), _ = resolved(files, deployments=(entry(configs={"cfg": "c.json"}),))
    assert deployment.key.project == "ads"


def test_an_unknown_project_leaves_the_deployment_without_identity() -> None:
    files = {"train.py": flow(decorators="@project(name=config_expr('cfg.nowhere'))")}
    deployments, (problem,) = resolved(files)
    assert deployments == ()
    assert problem.deployment == "TrainFlow"
    assert problem.reason.startswith("the identity of the deployment is unknown: @project ")
    assert problem.location.path == "train.py"


def test_what_an_entry_declares_is_the_deployments() -> None:
    steps = {"start": StepDeclaration(duration_s=60.0)}
    spec = entry(runs_per_month=500.0, steps=steps, experiment=("sweep", 200), owner=Owner(team="ads"))
    (d,), _ = resolved({"train.py": flow()}, deployments=(spec,))
    assert (d.runs_per_month, d.steps, d.experiment, d.owner, d.location) == (
        500.0, steps, ("sweep", 200), Owner(team="ads"), ENTRY,
    )  # fmt: skip


def test_target_and_with_are_the_sides_and_decorators_the_judges() -> None:
    source = "from metaflow import FlowSpec, step\nclass F(FlowSpec):\n    @step\n    def start(self): pass\n"
    files: Mapping[str, str | bytes] = {"train.py": source}
    computes = {}
    for target in ("local", "argo-workflows", "step-functions"):
        (deployment,), _ = resolved(files, judge=ProjectConfig(target="local"), target=target)
        computes[target] = deployment.flow.steps[0].resources.compute
    assert computes == {"local": "local", "argo-workflows": "kubernetes", "step-functions": "batch"}
    (deployment,), _ = resolved(
        files, target="local", with_=("batch:cpu=3",), metaflow_env={"METAFLOW_BATCH_JOB_QUEUE": "q"}
    )
    found_ = deployment.flow.steps[0].resources
    assert [v.value for v in (found_.cpu, found_.queue) if isinstance(v, Known)] == [3, "q"]


def test_configs_choose_resources() -> None:
    files = {"train.py": flow(), "a.json": '{"gpu": 4}', "b.json": '{"gpu": 8}'}
    deployments, _ = resolved(files, deployments=(entry(branch="{cfg}", configs={"cfg": "*.json"}),))
    gpus = [d.flow.steps[0].resources.gpu for d in deployments]
    assert [gpu.value for gpu in gpus if isinstance(gpu, Known)] == [4, 8]


def test_an_entry_of_the_other_side_whose_flow_is_gone_is_no_deployment() -> None:
    sources = Sources(snapshot({"train.py": flow("Other"), "broken.py": "x = ("}))
    specs = (
        entry("gone.py", class_name="TrainFlow"), entry("train.py", class_name="TrainFlow"),
        entry("broken.py", class_name="TrainFlow", name="nightly"),
    )  # fmt: skip
    deployments, problems = resolve_all(sources, specs, side=ProjectConfig(), judge=ProjectConfig())
    assert deployments == ()
    assert [(p.deployment, p.location.path) for p in problems] == [("nightly", "broken.py")]


def test_two_files_with_one_flow_are_an_error_that_names_both() -> None:
    files = {"flows/train.py": flow(), "examples/train.py": flow()}
    deployments, (problem,) = resolved({**files, "flows/other.py": flow("Other")})
    assert [deployment.name for deployment in deployments] == ["Other"]
    assert problem.reason == "TrainFlow is deployed twice: by examples/train.py:4 and by flows/train.py:4"
    assert str(problem.location) == "flows/train.py:4:1"
    assert "exclude:" in problem.help
    assert "deployed_as:" in problem.help


def test_excluding_one_of_two_files_settles_it() -> None:
    (deployment,), _ = resolved({"flows/train.py": flow(), "examples/train.py": flow()}, exclude=("examples/**",))
    assert deployment.flow.file == "flows/train.py"


def test_files_of_a_glob_without_a_branch_share_their_key() -> None:
    files = {"train.py": flow(decorators=PROJECT), **CONFIGS}
    _, problems = resolved(files, deployments=(entry(branch="prod", configs={"cfg": "configs/*.json"}),))
    assert [p.reason for p in problems] == [
        "TrainFlow, project reco, branch prod is deployed twice: by costgate.yml:4 with cfg=configs/dev.json "
        f"and by costgate.yml:4 with cfg=configs/prod-{where}.json"
        for where in ("eu", "us")
    ]


def test_names_are_made_unique_by_what_tells_deployments_apart() -> None:
    by_project = flow(decorators="@project(name=config_expr('cfg.project'))")
    files = {"train.py": by_project, "other.py": flow("Other"), "a.json": '{"gpu": 1, "project": "one"}'}
    specs = (
        entry(branch="x", configs={"cfg": "a.json"}),
        entry(branch="y"),
        entry(branch="z", name="nightly"),
        entry(branch="z", name="nightly", config_values={"cfg": {"gpu": 1, "project": "two"}}),
        entry("other.py", deployed_as="nightly", name="nightly"),
        entry("other.py", deployed_as="more", name="nightly-more"),
        entry("other.py", deployed_as="most", name="nightly-more"),
    )
    deployments, _ = resolved(files, deployments=specs)
    assert [d.name for d in deployments] == [
        "TrainFlow-a", "TrainFlow", "nightly-z-reco", "nightly-z-two", "nightly", "nightly-more-more",
        "nightly-more-most",
    ]  # fmt: skip


def test_names_that_nothing_tells_apart_are_numbered() -> None:
    specs = (entry(branch="a-b"), entry(branch="a", deployed_as="b"), entry(name="TrainFlow-a-b"))
    deployments, _ = resolved({"train.py": flow()}, deployments=specs)
    names = [d.name for d in deployments]
    assert len(set(names)) == 3
    assert all(name.startswith("TrainFlow-a") for name in names)


RULES = (
    OwnerRule(match="flows/reco/**", owner=Owner(team="reco", cost_center="CC-1")),
    OwnerRule(match="flows/**", owner=Owner(team="all", project="p")),
)


@pytest.mark.parametrize(
    ("file", "declared", "written", "expected"),
    [
        ("flows/reco/a.py", Owner(), Owner(), Owner(team="reco", cost_center="CC-1")),
        ("flows/a.py", Owner(), Owner(), Owner(team="all", project="p")),
        ("a.py", Owner(), Owner(), Owner()),
        ("flows/a.py", Owner(), Owner(team="flow"), Owner(team="flow", project="p")),
        ("flows/a.py", Owner(team="entry"), Owner(team="flow"), Owner(team="entry", project="p")),
    ],
    ids=["the first rule that matches", "the next rule", "no rule", "the flow beats rules", "the entry beats the flow"],
)  # fmt: skip
def test_the_owner_is_found_field_by_field(file: str, declared: Owner, written: Owner, expected: Owner) -> None:
    given = Flow(
        name="F", file=file, location=Location(path=file), project=None, schedule=None, steps=(), owner=written
    )
    assert owner_of(declared, given, RULES) == expected


def test_owners_come_from_the_judge() -> None:
    judge = ProjectConfig(owners=(OwnerRule(match="train.py", owner=Owner(team="judged")),))
    side = (OwnerRule(match="train.py", owner=Owner(team="own")),)
    (deployment,), _ = resolved({"train.py": flow()}, judge=judge, owners=side)
    assert deployment.owner == Owner(team="judged")


def test_planning_is_quick_with_many_other_files() -> None:
    files: Mapping[str, str | bytes] = {f"data/{n}/x.json": "" for n in range(20_000)}
    content = snapshot({**files, "train.py": flow(), "configs/prod.json": "{}"})
    started = time.perf_counter()
    specs, _ = plan(Sources(content), ProjectConfig(deployments=(entry(configs={"cfg": "configs/*.json"}),)))
    assert len(specs) == 1
    assert time.perf_counter() - started < 1


def test_globs_are_exported() -> None:
    assert match_glob("flows/**", "flows/a.py")
