"""Each command as a person uses it, on real repositories."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from costgate import yamlfile
from costgate.cli import gating, options
from costgate.git import open_repository
from tests import scenario
from tests.run import Runner
from tests.support import Repo

AS_OF = ("--as-of", scenario.AS_OF)
DOUBLED = {"configs/prod.json": scenario.config(8)}


@pytest.fixture
def sample(repo: Repo) -> Repo:
    repo.commit(scenario.files(limit=2000))
    return repo


def test_diff_shows_the_work_tree_by_default(sample: Repo, runner: Runner) -> None:
    sample.write(DOUBLED)
    result = runner("diff", *AS_OF, cwd=sample.path)
    assert result.code == 0
    assert "$2,772" in result.out


def test_diff_works_from_a_subfolder(sample: Repo, runner: Runner) -> None:
    sample.write(DOUBLED)
    assert "$2,772" in runner("diff", *AS_OF, cwd=sample.path / "flows").out


def test_staged_sees_the_index_only(sample: Repo, runner: Runner) -> None:
    sample.write(DOUBLED)
    assert "$2,772" not in runner("diff", "--staged", *AS_OF, cwd=sample.path).out
    sample.git("add", "-A")
    assert "$2,772" in runner("diff", "--staged", *AS_OF, cwd=sample.path).out


def test_a_head_alone_is_compared_with_its_parent(sample: Repo, runner: Runner) -> None:
    sample.commit(DOUBLED)
    assert "$2,772" in runner("diff", "--head", "HEAD", *AS_OF, cwd=sample.path).out


def test_a_first_commit_is_compared_with_nothing(sample: Repo, runner: Runner) -> None:
    result = runner("diff", "--head", "HEAD", *AS_OF, "--output", "json", cwd=sample.path)
    assert [d["status"] for d in json.loads(result.out)["deployments"]] == ["new"]


def test_with_a_default_branch_the_merge_base_is_the_base(sample: Repo, runner: Runner) -> None:
    sample.git("update-ref", "refs/remotes/origin/main", "HEAD")
    sample.git("checkout", "-q", "-b", "feature")
    sample.commit(DOUBLED)
    result = runner("check", *AS_OF, cwd=sample.path)
    assert result.code == 1
    assert "$2,772" in result.out


def test_a_shallow_clone_is_judged_and_told_what_it_cannot_see(sample: Repo, runner: Runner, tmp_path: Path) -> None:
    sample.commit({"finance/policy.yml": "version: 1\nextends: [advisory]\ncurrency: USD\n"})
    sample.git("clone", "-q", "--depth", "1", sample.path.as_uri(), str(tmp_path / "clone"))
    clone = Repo(tmp_path / "clone")
    clone.write(DOUBLED)
    result = runner("check", *AS_OF, cwd=clone.path)
    assert result.code == 0, result.err
    assert "does not reach back" in result.out
    missing = runner("check", "--base", "HEAD~1", *AS_OF, cwd=clone.path)
    assert missing.code == 2
    assert "git fetch --unshallow" in missing.err


def test_judge_can_be_named(sample: Repo, runner: Runner) -> None:
    lax = sample.commit({"finance/policy.yml": scenario.policy(9000)})
    sample.commit(DOUBLED)
    base = ("--base", "HEAD~2", "--head", "HEAD", *AS_OF)
    assert runner("check", *base, cwd=sample.path).code == 1
    assert runner("check", *base, "--judge", lax, cwd=sample.path).code == 0


def test_flows_can_be_chosen(sample: Repo, runner: Runner) -> None:
    sample.write(DOUBLED)
    for name in ("TrainFlow", "flows/train.py"):
        assert "$2,772" in runner("diff", name, *AS_OF, cwd=sample.path).out


def test_fail_on_blocked_lets_a_missing_approval_pass_and_says_so(sample: Repo, runner: Runner) -> None:
    sample.write(DOUBLED)
    result = runner("check", "--fail-on", "blocked", *AS_OF, cwd=sample.path)
    assert result.code == 0
    assert "approval will be needed" in result.err


@pytest.mark.parametrize(
    "environ", [{"PRE_COMMIT": "1"}, {"PRE_COMMIT": "1", "PRE_COMMIT_FROM_REF": "HEAD~1", "PRE_COMMIT_TO_REF": "HEAD"}]
)
def test_under_pre_commit(sample: Repo, runner: Runner, environ: dict[str, str]) -> None:
    if "PRE_COMMIT_TO_REF" in environ:
        sample.commit(DOUBLED)
    else:
        sample.write(DOUBLED)
        sample.git("add", "-A")
        sample.write({"configs/prod.json": scenario.config(2)})
    assert "$2,772" in runner("check", *AS_OF, cwd=sample.path, environ=environ).out


def test_several_outputs_at_once(sample: Repo, runner: Runner, tmp_path: Path) -> None:
    sample.write(DOUBLED)
    target = tmp_path / "report.json"
    result = runner("diff", *AS_OF, "--output", "markdown", "--output", f"json={target}", cwd=sample.path)
    assert "$2,772" in result.out
    assert json.loads(target.read_text())["version"] == 1


def test_plain_paths_replace_the_judging_files(sample: Repo, runner: Runner, tmp_path: Path) -> None:
    sample.write(DOUBLED)
    policy = tmp_path / "policy.yml"
    policy.write_text(scenario.policy(9000).replace("\n    ", "\n"))
    assert runner("check", "--policy", str(policy), *AS_OF, cwd=sample.path).code == 0
    assert runner("check", "--policy", "advisory", *AS_OF, cwd=sample.path).code == 0
    usage = tmp_path / "usage.json"
    usage.write_text(scenario.usage())
    assert runner("check", "--usage", str(usage), *AS_OF, cwd=sample.path).code == 1


def test_a_deploy_job_gates_configs_that_met_no_pull_request(sample: Repo, runner: Runner, tmp_path: Path) -> None:
    canary = tmp_path / "canary.json"
    canary.write_text(scenario.config(8))
    deploy = ("check", "--deployment", "TrainFlow", *AS_OF)
    result = runner(*deploy, "--config", f"config={canary}", cwd=sample.path)
    assert result.code == 1
    assert "$2,772" in result.out
    assert "canary.json:1" in result.out
    value = json.dumps({"train": {"gpu": 8}})
    assert runner(*deploy, "--config-value", f"config={value}", cwd=sample.path).code == 1
    assert runner(*deploy, cwd=sample.path).code == 0


def test_a_config_of_a_deploy_job_is_shown_where_the_user_knows_it(
    sample: Repo, runner: Runner, tmp_path: Path
) -> None:
    sample.write({".deploy/x.json": scenario.config(8), "flows/notes.txt": "x"})
    deploy = ("check", "--deployment", "TrainFlow", *AS_OF)
    for folder, typed in ((".", "./.deploy/x.json"), ("flows", "../.deploy/x.json"), (tmp_path, "repo/.deploy/x.json")):
        repo = ("--repo", str(sample.path))
        result = runner(*deploy, *repo, "--config", f"config={typed}", cwd=sample.path / folder)
        assert result.code == 1, result.err
        assert " .deploy/x.json:1" in result.out
    (tmp_path / "bare").mkdir()
    sample.git("clone", "-q", "--bare", ".", str(tmp_path / "bare"))
    result = runner(*deploy, "--config", "config=../repo/.deploy/x.json", cwd=tmp_path / "bare")
    assert result.code == 1
    assert f"{sample.path}/.deploy/x.json:1".lstrip("/") in result.out


def test_configs_of_a_deploy_job_never_stand_in_for_another_file(
    sample: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = open_repository(sample.path)
    outside = str(tmp_path / "a.json").lstrip("/")
    typed = ["a.json", "./a.json", "../a.json", "/costgate.yml"]
    monkeypatch.chdir(sample.path)
    assert gating._paths(repo, typed, {"costgate.yml"}) == {
        "a.json": "a.json", "./a.json": "a.json", "../a.json": outside, "/costgate.yml": "outside/costgate.yml",
    }  # fmt: skip
    assert gating._paths(repo, ["../a.json", outside], ()) == {"../a.json": f"outside/{outside}", outside: outside}


def test_breakdown(sample: Repo, runner: Runner) -> None:
    text = runner("breakdown", *AS_OF, cwd=sample.path)
    assert text.code == 0
    assert "$2,772" in text.out
    found = json.loads(runner("breakdown", "HEAD", "--output", "json", *AS_OF, cwd=sample.path).out)
    assert found["totals"]["scope"] == "all"
    assert found["deployments"][0]["status"] == "unchanged"


def test_breakdown_of_a_broken_repository_is_bad_input(sample: Repo, runner: Runner) -> None:
    sample.write({"finance/policy.yml": "version: 2\n"})
    assert runner("breakdown", cwd=sample.path).code == 2


def test_breakdown_in_a_bare_repository_reads_head(sample: Repo, runner: Runner, tmp_path: Path) -> None:
    sample.git("clone", "-q", "--bare", ".", str(tmp_path / "bare"))
    assert "$2,772" in runner("breakdown", *AS_OF, cwd=tmp_path / "bare").out
    result = runner("resolve", "flows/train.py", "--rev", "HEAD", cwd=tmp_path / "bare")
    assert "train" in result.out


def test_explain_a_deployment_and_a_step(sample: Repo, runner: Runner) -> None:
    whole = runner("explain", "TrainFlow", *AS_OF, cwd=sample.path)
    step = runner("explain", "TrainFlow/train", *AS_OF, cwd=sample.path)
    assert (whole.code, step.code) == (0, 0)
    assert "start" in whole.out
    assert len(step.out) < len(whole.out)


def test_explain_asks_which_where_a_flow_is_deployed_more_than_once(sample: Repo, runner: Runner) -> None:
    sample.write({"costgate.yml": scenario.TWO_VARIANTS, "configs/prod-eu.json": scenario.config(2)})
    result = runner("explain", "TrainFlow", cwd=sample.path)
    assert result.code == 2
    assert result.err == "TrainFlow is deployed 2 times\nhelp: name one of them: train-prod, train-prod-eu\n"
    assert runner("explain", "train-prod-eu/train", cwd=sample.path).code == 0


def test_explain_of_an_unknown_step_names_the_steps(sample: Repo, runner: Runner) -> None:
    result = runner("explain", "TrainFlow/trian", cwd=sample.path)
    assert result.code == 2
    assert result.err == "TrainFlow has no step 'trian'\nhelp: steps: start, train, end\n"


def test_resolve_as_json_and_text(sample: Repo, runner: Runner) -> None:
    found = json.loads(runner("resolve", "flows/train.py", "--output", "json", cwd=sample.path).out)
    assert found["steps"]["train"]["gpu"] == 4
    assert "train" in runner("resolve", "flows/train.py:TrainFlow", cwd=sample.path).out


def test_resolve_takes_metaflows_own_options(sample: Repo, runner: Runner) -> None:
    sample.write({"other/big.json": scenario.config(16)})
    argv = ("resolve", "flows/train.py", "--output", "json")
    chosen = runner(*argv, "--config", "config=other/big.json", cwd=sample.path)
    assert json.loads(chosen.out)["steps"]["train"]["gpu"] == 16
    value = runner(
        *argv, "--config-value", 'config={"train": {"gpu": 2}}', "--with", "kubernetes:cpu=3", cwd=sample.path
    )
    steps = json.loads(value.out)["steps"]
    assert (steps["train"]["gpu"], steps["start"]["cpu"]) == (2, 3)
    elsewhere = runner("resolve", "train.py", "--cwd", "..", "--output", "json", cwd=sample.path / "flows")
    assert json.loads(elsewhere.out)["steps"]["train"]["gpu"] == 4
    argo = json.loads(runner(*argv, "--target", "argo-workflows", cwd=sample.path).out)
    assert argo["steps"]["start"]["compute"] == "kubernetes"


@pytest.mark.parametrize("ignored", [True, False], ids=["ignored by git", "outside a repository"])
def test_resolve_reads_files_that_no_repository_has(repo: Repo, runner: Runner, tmp_path: Path, ignored: bool) -> None:
    folder = repo.path if ignored else tmp_path / "plain"
    (folder / "configs").mkdir(parents=True)
    files = scenario.files()
    (folder / "train.py").write_text(files["flows/train.py"].replace("\n    ", "\n"))
    (folder / "configs" / "prod.json").write_text(files["configs/prod.json"])
    (folder / ".gitignore").write_text("*\n")
    result = runner("resolve", "train.py", "--output", "json", cwd=folder)
    assert json.loads(result.out)["steps"]["train"]["gpu"] == 4
    absolute = runner("resolve", str(folder / "train.py"), "--output", "json", cwd=tmp_path)
    assert absolute.code == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("class (\n", "train.py:1"),
        ("x = 1\n", "defines no flow"),
        (
            scenario.TRAIN.replace("\n    ", "\n").replace(
                'if __name__ == "__main__":\n    TrainFlow()', "class B(TrainFlow): pass"
            ),
            "2 flows",
        ),
    ],
    ids=["syntax error", "no flow", "two flows"],
)
def test_resolve_says_why_it_cannot(repo: Repo, runner: Runner, text: str, message: str) -> None:
    repo.commit({"train.py": text})
    result = runner("resolve", "train.py", cwd=repo.path)
    assert result.code == 2
    assert message in result.err


def test_resolve_at_a_revision_that_lacks_the_file(sample: Repo, runner: Runner) -> None:
    sample.write({"flows/new.py": scenario.TRAIN})
    result = runner("resolve", "flows/new.py", "--rev", "HEAD", cwd=sample.path)
    assert result.code == 2
    assert "flows/new.py" in result.err
    assert runner("resolve", "flows/new.py", "--rev", "nowhere", cwd=sample.path).code == 2


def test_validate_says_what_is_in_use(sample: Repo, runner: Runner) -> None:
    result = runner("validate", *AS_OF, cwd=sample.path)
    assert result.code == 0, result.err
    assert "acme-2026q4" in result.out
    sample.write({".costgate/usage.json": scenario.usage()})
    assert runner("validate", *AS_OF, cwd=sample.path).out == (
        "costgate.yml: ok\n"
        "rate card: acme-2026q4, 1 tier, USD, as of 2026-10-01\n"
        "usage: 1 deployment, as of 2026-11-20\n"
        "policy: finance/policy.yml, 2 rules\n"
    )


def test_validate_prints_names_of_files_as_inert_text(sample: Repo, runner: Runner) -> None:
    sample.write({"finance/ratecard.yml": scenario.CARD.replace("acme-2026q4", '"a\\u202ec\\n::error::me"')})
    result = runner("validate", *AS_OF, cwd=sample.path)
    assert result.code == 0, result.err
    assert "rate card: ac : :error: :me, 1 tier" in result.out
    broken = scenario.CONFIG.replace("flow: flows/train.py", 'flow: "flows/\\u202e\\n::error::gone.py"')
    sample.write({"costgate.yml": broken})
    result = runner("validate", *AS_OF, cwd=sample.path)
    assert result.code == 2
    assert "\u202e" not in result.err
    assert "::" not in result.err
    assert "gone.py" in result.err


def test_validate_lists_everything_that_is_wrong(sample: Repo, runner: Runner) -> None:
    costgate = scenario.CONFIG.replace("flow: flows/train.py", "flow: flows/gone.py")
    sample.write({"costgate.yml": costgate, "finance/policy.yml": "version: 2\n"})
    result = runner("validate", cwd=sample.path)
    assert result.code == 2
    assert "flows/gone.py" in result.err
    assert "finance/policy.yml:1" in result.err


def test_a_resolver_that_runs_flows_is_valid_and_runs_none_here(sample: Repo, runner: Runner) -> None:
    sample.write({"costgate.yml": scenario.CONFIG.replace("target: local", "resolver: metaflow\n    target: local")})
    assert runner("validate", cwd=sample.path).code == 0


class TestInit:
    def test_it_makes_a_repository_that_can_be_gated(self, repo: Repo, runner: Runner) -> None:
        repo.commit({"flows/train.py": scenario.TRAIN, "configs/prod.json": scenario.config(4)})
        assert runner("init", cwd=repo.path).code == 0
        assert "flows/train.py:TrainFlow" in (repo.path / "costgate.yml").read_text()
        assert ".costgate/ledger/" in (repo.path / ".gitignore").read_text().splitlines()
        assert runner("validate", cwd=repo.path).code == 0
        repo.commit()
        repo.write(DOUBLED)
        assert runner("diff", cwd=repo.path).code == 0

    def test_it_overwrites_nothing(self, repo: Repo, runner: Runner) -> None:
        repo.commit({"costgate.yml": "version: 1\n", ".gitignore": "x"})
        first = runner("init", cwd=repo.path)
        assert (repo.path / "costgate.yml").read_text() == "version: 1\n"
        assert (repo.path / ".gitignore").read_text() == "x\n.costgate/ledger/\n"
        assert "kept     costgate.yml" in first.out
        assert "kept     .gitignore" in runner("init", cwd=repo.path).out

    @pytest.mark.parametrize("target", ["argo-workflows", "step-functions"])
    def test_it_finds_the_target_in_deploy_scripts(self, repo: Repo, runner: Runner, target: str) -> None:
        repo.commit({"deploy.sh": f"python flow.py {target} create\n"})
        assert runner("init", cwd=repo.path).code == 0
        text = (repo.path / "costgate.yml").read_text()
        assert yamlfile.load(text.encode(), "costgate.yml").data["target"] == target
        assert "deploy.sh" in text

    @pytest.mark.parametrize(
        ("files", "target", "why"),
        [
            ({"flow.py": "@schedule(daily=True)\n"}, "argo-workflows", "flows are scheduled"),
            ({"flow.py": "@trigger(event='x')\n", "b.py": "@batch\n@kubernetes\n"}, "argo-workflows", "scheduled"),
            ({"flow.py": "@schedule(daily=True)\n", "b.py": "@batch\n"}, "step-functions", "flows are scheduled"),
            ({"flow.py": "@batch\n", "notes.md": "@schedule\n"}, "local", "no deploy command was found, so"),
            ({"flow.py": "@schedule\n", "ci.yml": "step-functions create"}, "step-functions", "stands in ci.yml"),
        ],
        ids=["scheduled", "both computes", "batch alone", "nothing scheduled", "a command says it"],
    )
    def test_without_a_deploy_command_decorators_tell_the_target(
        self, repo: Repo, runner: Runner, files: dict[str, str], target: str, why: str
    ) -> None:
        repo.commit(files)
        assert runner("init", cwd=repo.path).code == 0
        text = (repo.path / "costgate.yml").read_text()
        assert f"\ntarget: {target} " in text
        assert why in text

    def test_a_bare_repository_has_no_place_for_it(self, repo: Repo, runner: Runner, tmp_path: Path) -> None:
        repo.commit({"x": "y"})
        repo.git("clone", "-q", "--bare", ".", str(tmp_path / "bare"))
        assert runner("init", cwd=tmp_path / "bare").code == 2


class TestDemo:
    def test_it_shows_a_failing_check_and_exits_0(self, runner: Runner, tmp_path: Path) -> None:
        result = runner("demo", cwd=tmp_path)
        assert result.code == 0, result.err
        assert "$2,772" in result.out
        assert "exit 1" in result.out

    def test_it_leaves_a_repository_to_play_with(self, runner: Runner, tmp_path: Path) -> None:
        assert runner("demo", "--keep", "sample", cwd=tmp_path).code == 0
        result = runner("check", "--base", "main", "--head", "bigger-model", *AS_OF, cwd=tmp_path / "sample")
        assert result.code == 1
        again = runner("demo", "--keep", "sample", cwd=tmp_path)
        assert again.code == 2

    def test_without_git_the_world_failed(
        self, runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        assert runner("demo", cwd=tmp_path).code == 3


class TestOutput:
    def test_width_follows_columns_within_bounds(self) -> None:
        assert [gating.width({"COLUMNS": n}) for n in ("20", "90", "900", "x", "")] == [60, 90, 140, 100, 100]

    def test_a_terminal_gets_colour_and_its_own_width(self, sample: Repo) -> None:
        sample.write(DOUBLED)
        script = [
            "script",
            "--quiet",
            "--return",
            "--command",
            "stty cols 90; costgate diff --as-of 2026-11-23",
            "/dev/null",
        ]
        environ = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS")}
        environ |= {"TERM": "xterm-256color", "PATH": f"{Path(os.sys.executable).parent}:{environ['PATH']}"}
        result = subprocess.run(script, cwd=sample.path, env=environ, capture_output=True, text=True, check=True)
        assert "\x1b[" in result.stdout
        assert "$2,772" in result.stdout

    def test_times_are_dates_or_rfc_3339(self) -> None:
        assert options.moment("2026-11-23").isoformat() == "2026-11-23T00:00:00+00:00"
        assert options.moment("2026-11-23T01:00:00+01:00").isoformat() == "2026-11-23T00:00:00+00:00"
        assert options.moment(None).tzinfo is not None
