"""Runs the command line in this process, as the console script would."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from costgate.cli import run


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


class Runner:
    """`runner("check", "--base", "main")` → exit code, standard output, standard error."""

    def __init__(self, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.capfd, self.monkeypatch = capfd, monkeypatch

    def __call__(self, *argv: str, cwd: Path | None = None, environ: Mapping[str, str] | None = None) -> Result:
        self.capfd.readouterr()
        if cwd is not None:
            self.monkeypatch.chdir(cwd)
        code = run(list(argv), {**os.environ, **(environ or {})})
        out, err = self.capfd.readouterr()
        return Result(code, out, err)
