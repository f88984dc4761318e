"""Judging files that a workflow names: never ones that the pull request may have written."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from costgate.action.files import LARGEST, overriding
from costgate.action.inputs import inputs, runner
from costgate.errors import InputError
from costgate.gate.judging import Overrides
from tests.support import snapshot

JUDGE = snapshot({"finance/card.yml": "of the judge"})


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    (folder / "finance").mkdir(parents=True)
    (folder / "finance" / "card.yml").write_text("of the pull request")
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / "card.yml").write_text("of another checkout")
    return folder


def read(workspace: Path, **values: str) -> Overrides:
    environ = {
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_EVENT_PATH": "event.json",
        "GITHUB_REPOSITORY": "acme/flows",
        "GITHUB_WORKSPACE": str(workspace),
        **{f"INPUT_{name.upper()}": value for name, value in values.items()},
    }
    return overriding(inputs(environ), runner(environ))(JUDGE)


def test_nothing_is_named(workspace: Path) -> None:
    assert read(workspace) == Overrides()


def test_a_file_of_the_judge(workspace: Path) -> None:
    card = read(workspace, rate_card="judge:finance/card.yml").rate_card
    assert card is not None
    assert card.read(card.reference) == b"of the judge"


@pytest.mark.parametrize("path", ["../second/card.yml", "ABSOLUTE"])
def test_a_file_outside_of_the_workspace(path: str, workspace: Path) -> None:
    path = path.replace("ABSOLUTE", str(workspace.parent / "second" / "card.yml"))
    card = read(workspace, rate_card=path).rate_card
    assert card is not None
    assert card.read(card.reference) == b"of another checkout"


def test_shipped_names(workspace: Path) -> None:
    found = read(workspace, rate_card="gcp", policy="strict")
    assert found.rate_card is not None
    assert found.policy is not None
    assert (found.rate_card.reference, found.policy.reference) == ("gcp", "strict")


@pytest.mark.parametrize("name", ["rate_card", "usage", "policy"])
@pytest.mark.parametrize(
    "path", ["finance/card.yml", "./finance/../finance/card.yml", "ABSOLUTE", "LINK", "aws.yml", "x/y"]
)
def test_a_file_of_the_workspace_is_refused(name: str, path: str, workspace: Path, tmp_path: Path) -> None:
    os.symlink(workspace / "finance" / "card.yml", tmp_path / "link")
    path = path.replace("ABSOLUTE", str(workspace / "finance" / "card.yml")).replace("LINK", str(tmp_path / "link"))
    with pytest.raises(InputError, match="a file of the workspace") as caught:
        read(workspace, **{name: path})
    assert "judge:" in caught.value.problems[0].help


def test_what_cannot_be_read(workspace: Path) -> None:
    folder = read(workspace, usage=str(workspace.parent / "second")).usage
    missing = read(workspace, usage=str(workspace.parent / "nothing.json")).usage
    (workspace.parent / "large").write_bytes(b"x" * (LARGEST + 1))
    large = read(workspace, usage=str(workspace.parent / "large")).usage
    assert folder is not None
    assert missing is not None
    assert large is not None
    with pytest.raises(InputError, match="cannot be read"):
        folder.read(folder.reference)
    with pytest.raises(InputError, match="larger than 20 MB"):
        large.read(large.reference)
    with pytest.raises(KeyError):
        missing.read(missing.reference)


MUST = {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": "e.json", "GITHUB_REPOSITORY": "acme/flows"}


@pytest.mark.parametrize("name", MUST)
def test_outside_of_github_actions(name: str) -> None:
    with pytest.raises(InputError, match=f"{name} is not set"):
        runner({**MUST, name: ""})


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"INPUT_COMMENT": "sometimes"}, "the input comment is 'sometimes'"),
        ({"INPUT_FAIL_ON": "never"}, "the input fail-on is 'never'"),
        ({"INPUT_ANNOTATIONS": "yes"}, "the input annotations is 'yes'"),
    ],
)
def test_inputs_that_none_can_have(environ: dict[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        inputs(environ)


@pytest.mark.parametrize("text", ["x", "-1", "١", "1" * 20, ""])
def test_a_run_id_is_a_number(text: str) -> None:
    with pytest.raises(InputError, match="GITHUB_RUN_ID is"):
        runner({**MUST, "GITHUB_RUN_ID": text})


def test_defaults_and_both_spellings() -> None:
    found = inputs({"GITHUB_TOKEN": "t"})
    assert (found.token, found.comment, found.fail_on, found.annotations) == (
        "t",
        "on-change",
        "approval-required",
        True,
    )
    spelled = {"INPUT_FAIL-ON": "blocked", "INPUT_ORG-TOKEN": "o", "INPUT_GITHUB-TOKEN": " t2 ", "GITHUB_TOKEN": "t"}
    assert (inputs(spelled).fail_on, inputs(spelled).org_token, inputs(spelled).token) == ("blocked", "o", "t2")
    assert "t2" not in repr(inputs(spelled))
    where = runner({**MUST, "GITHUB_SERVER_URL": "https://ghe.example/"})
    assert (where.server_url, where.api_url, where.summary) == ("https://ghe.example", "https://api.github.com", None)
    assert replace(where, summary=Path("x")).summary == Path("x")
