"""What goes wrong ends as a sentence and an exit code."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from costgate import __main__
from costgate.cli import COMMANDS, cli
from tests.run import Runner


@pytest.mark.parametrize(
    ("kind", "code", "message"),
    [
        ("world", 3, "the disk is gone\nhelp: plug it in"),
        ("bug", 4, "a bug in costgate: ZeroDivisionError"),
        ("interrupt", 130, ""),
        ("pipe", 0, ""),
        ("os", 3, "/etc/shadow: Permission denied"),
        ("os without a name", 3, "the system: no space left"),
        ("hostile", 3, "�[31mred� �evil"),
    ],
)
def test_each_failure_has_its_code(
    runner: Runner, monkeypatch: pytest.MonkeyPatch, kind: str, code: int, message: str
) -> None:
    monkeypatch.setitem(COMMANDS, "boom", "tests.cli.boom")
    result = runner("boom", kind)
    assert result.code == code
    assert result.err.startswith(message)
    assert "Traceback" not in result.err


def test_a_bug_shows_its_traceback_on_demand(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "boom", "tests.cli.boom")
    with pytest.raises(ZeroDivisionError):
        runner("boom", "bug", environ={"COSTGATE_DEBUG": "1"})


def test_a_reader_that_stops_reading_is_no_failure(tmp_path: Path) -> None:
    code = "; ".join(
        (
            "import sys",
            "from costgate.cli import COMMANDS, run",
            "COMMANDS['boom'] = 'tests.cli.boom'",
            "sys.exit(run(['boom', 'pipe'], {}))",
        )
    )
    root = str(Path(__file__).parents[2])
    result = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": root}, capture_output=True)
    assert (result.returncode, result.stderr) == (0, b"")


def test_unknown_commands_and_options_are_bad_input(runner: Runner) -> None:
    assert runner("chekc").code == 2
    assert runner("check", "--no-such-option").code == 2
    assert "Usage" in runner().err + runner().out


def test_the_list_of_commands_is_what_completion_offers() -> None:
    assert cli.list_commands(click.Context(cli)) == list(COMMANDS)


def test_the_console_script_reads_argv(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["costgate", "--version"])
    monkeypatch.setattr(gc, "set_threshold", lambda *counts: None)  # this process lives on
    assert __main__.main() == 0
    assert capsys.readouterr().out == "costgate 0.1.0\n"
