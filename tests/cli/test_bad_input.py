"""Bad input gets a message with its place and a way out, and the right exit code; never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import scenario
from tests.run import Runner
from tests.support import Repo, dedent

HUGE = "x: 1\n" * 5_000_000
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(12)
)
BROKEN_TEXTS = {
    "truncated": "version: [",
    "of the wrong type": "- 1\n- 2\n",
    "with an unknown key": "version: 1\npolcy: x\n",
    "with a duplicate key": "version: 1\nversion: 1\n",
    "an alias bomb": f"version: 1\n{BOMB}",
    "huge": HUGE,
    "binary": "\0\1\2",
    "with a tab": "version: 1\n\tname: x\n",
    "empty": "",
    "with NaN": "version: .nan\n",
    "a Python object": "version: !!python/object:os.system x\n",
}
FILES = {"costgate.yml": "validate", "finance/ratecard.yml": "rates check", "finance/policy.yml": "validate"}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("text", BROKEN_TEXTS.values(), ids=BROKEN_TEXTS)
def test_a_broken_file(repo: Repo, runner: Runner, file: str, text: str) -> None:
    repo.commit({**scenario.files(), file: text})
    result = runner(*FILES[file].split(), cwd=repo.path)
    assert result.code == 2
    assert result.err.startswith(f"{file}")
    assert "help:" in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("purchase_price: 120000", "purchase_price: -1", "finance/ratecard.yml:9"),
        ("purchase_price: 120000", "purchase_price: .nan", "finance/ratecard.yml:9"),
        ("default_tier: {gpu: a100}", "default_tier: {gpu: a10}", "finance/ratecard.yml:15"),
        ("as_of: 2026-10-01", "as_of: yesterday", "finance/ratecard.yml:4"),
    ],
    ids=["negative price", "NaN", "unknown tier", "no date"],
)
def test_a_wrong_value_in_a_rate_card(repo: Repo, runner: Runner, old: str, new: str, place: str) -> None:
    repo.commit({**scenario.files(), "finance/ratecard.yml": scenario.CARD.replace(old, new)})
    result = runner("validate", cwd=repo.path)
    assert result.code == 2
    assert place in result.err


def test_two_tiers_that_match_alike_are_both_named(repo: Repo, runner: Runner) -> None:
    tiers = dedent(scenario.CARD) + "  # end\n"
    twin = tiers.replace(
        "default_tier", "  b100:\n    node: {gpus: 8}\n    hourly: 3\n    match: [{compute: kubernetes}]\ndefault_tier"
    )
    twin = twin.replace("    owned:", "    match: [{compute: kubernetes}]\n    owned:")
    repo.commit({**scenario.files(), "finance/ratecard.yml": twin})
    for command in (("rates", "check", "--rate-card", "finance/ratecard.yml"), ("validate",)):
        result = runner(*command, cwd=repo.path)
        assert result.code == 2
        assert "'a100' by compute kubernetes" in result.err
        assert "'b100' by compute kubernetes" in result.err
    shown = runner("breakdown", cwd=repo.path)
    assert shown.code == 0
    assert "matches two tiers alike" in shown.out


REVISIONS = {
    "a revision that does not exist": (("diff", "--base", "nowhere"), "nowhere"),
    "a revision that looks like an option": (("diff", "--base", "--output=x"), "--output"),
    "two kinds of head": (("diff", "--staged", "--worktree"), "exclude each other"),
    "an unknown format": (("diff", "--output", "pdf"), "pdf"),
    "a date that is none": (("diff", "--as-of", "soon"), "soon"),
    "an unknown flow": (("diff", "Nowhere"), "Nowhere"),
    "a deployment that is not there": (("explain", "Nowhere"), "TrainFlow"),
    "a flow file that is not there": (("resolve", "nowhere.py"), "nowhere.py"),
    "a flow that the file does not define": (("resolve", "flows/train.py:Other"), "TrainFlow"),
    "a config without a name": (("resolve", "flows/train.py", "--config", "x.json"), "NAME=VALUE"),
    "a config value that is not JSON": (("resolve", "flows/train.py", "--config-value", "config={"), "not JSON"),
    "a rate card that is not there": (("diff", "--rate-card", "nowhere.yml"), "nowhere.yml"),
    "a usage profile that is not there": (("diff", "--usage", "nowhere.json"), "nowhere.json"),
    "a policy that is not there": (("check", "--policy", "nowhere.yml"), "nowhere.yml"),
    "a judging file that is a folder": (("check", "--policy", "flows"), "flows"),
    "configs without a deployment": (("check", "--config", "config=x.json"), "--deployment"),
    "a deployment that head does not have": (("check", "--deployment", "other"), "TrainFlow"),
    "a config file that is not there": (("check", "--deployment", "TrainFlow", "--config", "c=x.json"), "x.json"),
}


@pytest.mark.parametrize(("argv", "named"), REVISIONS.values(), ids=REVISIONS)
def test_a_wrong_argument(repo: Repo, runner: Runner, argv: tuple[str, ...], named: str) -> None:
    repo.commit(scenario.files())
    result = runner(*argv, cwd=repo.path)
    assert result.code == 2, result
    assert named in result.err
    assert "help:" in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize("command", ["diff", "check", "breakdown", "validate", "init"])
def test_no_repository(runner: Runner, tmp_path: Path, command: str) -> None:
    result = runner(command, cwd=tmp_path)
    assert result.code == 2
    assert "help:" in result.err


@pytest.mark.parametrize("command", ["diff", "check", "breakdown", "validate"])
def test_an_empty_repository(repo: Repo, runner: Runner, command: str) -> None:
    result = runner(command, cwd=repo.path)
    assert result.code == 0, result.err


def test_a_detached_head(repo: Repo, runner: Runner) -> None:
    repo.commit(scenario.files())
    repo.git("checkout", "-q", "--detach")
    repo.write({"configs/prod.json": scenario.config(8)})
    result = runner("diff", "--as-of", scenario.AS_OF, cwd=repo.path)
    assert result.code == 0
    assert "$2,772" in result.out


UNWRITABLE = {
    "in no folder": ("nowhere/report.json", "there is no folder 'nowhere'"),
    "in a file": ("costgate.yml/report.json", "there is no folder 'costgate.yml'"),
    "a folder": ("flows", "it is a folder"),
}
WAY_OUT = "\nhelp: name a file that you may write, in a folder that exists: --output json=report.json\n"


@pytest.mark.parametrize("command", ["diff", "check"])
@pytest.mark.parametrize(("path", "reason"), UNWRITABLE.values(), ids=UNWRITABLE)
def test_an_output_that_cannot_be_written(repo: Repo, runner: Runner, command: str, path: str, reason: str) -> None:
    repo.commit(scenario.files())
    repo.write({"kept.md": "as it was"})
    result = runner(command, "--output", "markdown=kept.md", "--output", f"json={path}", cwd=repo.path)
    assert (result.code, result.out) == (3, "")
    assert result.err == f"{path}: cannot be written: {reason}{WAY_OUT}"
    assert (repo.path / "kept.md").read_text() == "as it was"
    assert repo.git("status", "--porcelain") == "?? kept.md"


def test_an_output_that_cannot_be_written_is_told_before_the_run(runner: Runner, tmp_path: Path) -> None:
    result = runner("diff", "--output", "json=nowhere/report.json", cwd=tmp_path)
    assert result.code == 3, "although there is no repository either"


@pytest.mark.parametrize("name", ["report.json", "new.json"], ids=["a file", "its folder"])
def test_an_output_without_permission(
    tmp_path: Path, runner: Runner, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "report.json").write_text("as it was")
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root, who runs the tests in a container, may all
    result = runner("diff", "--output", f"json={name}", cwd=tmp_path)
    assert result.code == 3
    assert result.err == f"{name}: cannot be written: permission denied{WAY_OUT}"
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("report.json", "as it was")]


def test_an_output_that_fails_when_it_is_written(repo: Repo, runner: Runner) -> None:
    repo.commit(scenario.files())
    name = "x" * 300
    result = runner("diff", "--output", f"json={name}", cwd=repo.path)
    assert result.code == 3
    assert result.err == f"{name}: cannot be written: File name too long{WAY_OUT}"
