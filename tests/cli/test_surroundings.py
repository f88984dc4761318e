"""Odd surroundings: closed streams, far dates, symlinks and file names in a fresh repository."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path

import pytest

from costgate.cli import gating, options, revisions
from costgate.errors import InputError
from tests import scenario
from tests.run import Runner
from tests.support import Repo, snapshot


def test_standard_output_that_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    assert not gating.in_color({})
    assert gating.width({}) == 100


def test_a_window_that_reaches_back_before_all_dates(repo: Repo, runner: Runner) -> None:
    repo.commit(
        {**scenario.files(), "finance/policy.yml": scenario.policy(1).replace("limit: 1,", "limit: 1, window: 30d,")}
    )
    result = runner("check", "--base", "main", "--as-of", "0001-01-02", cwd=repo.path)
    assert result.code == 0, result.err
    moment = datetime(2026, 11, 23, tzinfo=timezone.utc)
    assert revisions._ago(moment, 86400).day == 22


def test_a_file_of_the_command_line_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "LARGEST", 3)
    (tmp_path / "small").write_text("abc")
    (tmp_path / "large").write_text("abcd")
    assert options.read_plain(str(tmp_path / "small")) == b"abc"
    with pytest.raises(InputError, match="larger than"):
        options.read_plain(str(tmp_path / "large"))


def test_a_file_that_is_laid_over_a_symlink_is_a_file() -> None:
    head = snapshot({"a.py": "x"}, others={"config.json": "symlink", "module": "submodule"})
    laid = revisions.overlay(head, {"config.json": b"{}"})
    assert laid.read("config.json") == b"{}"
    assert laid.others == {"module": "submodule"}


def test_init_writes_through_no_symlink(repo: Repo, runner: Runner, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "ignored").write_text("mine\n")
    repo.commit({"flow.py": scenario.TRAIN})
    os.symlink(outside, repo.path / "finance")
    os.symlink(outside / "ignored", repo.path / ".gitignore")
    result = runner("init", cwd=repo.path)
    assert result.code == 0, result.err
    assert "skipped  finance/policy.yml" in result.out
    assert "skipped  .gitignore" in result.out
    assert [(path.name, path.read_text()) for path in outside.iterdir()] == [("ignored", "mine\n")]


def test_init_keeps_odd_names_in_comments_and_passes_over_what_it_cannot_read(repo: Repo, runner: Runner) -> None:
    repo.commit(
        {
            "a\nrate_card: evil.yml\n#.py": scenario.TRAIN,
            "x\r\u2028y.sh": "argo-workflows create",
            "data.yml": b"a" * 20_000_001,
            ".gitignore": b"\xff\n",
        }
    )
    assert runner("init", cwd=repo.path).code == 0
    text = (repo.path / "costgate.yml").read_text()
    assert "#   - flow: a?rate_card: evil.yml?#.py:TrainFlow\n" in text
    assert "`argo-workflows create` stands in x??y.sh" in text
    assert (repo.path / ".gitignore").read_bytes().startswith(b"\xff\n")
