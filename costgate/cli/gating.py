"""What `diff` and `check` have in common: ask the gate, write the outputs."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from costgate.cli import options, revisions
from costgate.errors import InputError
from costgate.gate import Question, ask
from costgate.gate.sides import Deploy
from costgate.git import open_repository
from costgate.model import Report
from costgate.render import renderer


def ask_gate(params: Mapping[str, Any], environ: Mapping[str, str], *, judged: bool) -> Report:
    """The report for the revisions that the options name."""
    as_of = options.moment(params["as_of"])
    repo = open_repository(Path(params["repo"]))
    wanted = revisions.Wanted(**{key: params[key] for key in ("base", "head", "staged", "worktree", "judge")})
    chosen = revisions.choose(repo, wanted, environ, as_of)
    question = Question(
        base=chosen.base,
        head=chosen.head,
        judge=chosen.judge,
        as_of=as_of,
        overrides=options.overrides(params["rate_card"], params["usage"], params["policy"]),
        flows=params["flows"],
        earlier=chosen.earlier,
        adopted=chosen.adopted,
        calibrate=not params["no_calibration"],
        judged=judged,
    )
    return ask(_as_deployed(question, params) if params.get("deployment") else question)


def _as_deployed(question: Question, params: Mapping[str, Any]) -> Question:
    """Head with the config files of the deploy job laid over it, and the deployment that uses them."""
    configs = options.pairs(params["configs"], "--config")
    files = {path.lstrip("./"): _content(path) for path in configs.values()}
    deploy = Deploy(
        name=params["deployment"],
        configs={name: path.lstrip("./") for name, path in configs.items()},
        values=options.json_values(params["values"]),
    )
    return replace(question, head=revisions.overlay(question.head, files), deploy=deploy, flows=(deploy.name,))


def _content(path: str) -> bytes:
    try:
        return options.read_plain(path)
    except KeyError:
        raise InputError(f"there is no config file {path!r}", help="name a file of this machine") from None


def targets(outputs: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """(format, path or "" for standard output) of the `--output` options; InputError for an unknown format."""
    found = tuple((name, path) for name, _, path in (output.partition("=") for output in outputs or ("text",)))
    for name, _ in found:
        if name not in options.FORMATS:
            raise InputError(f"--output {name!r} is not a format", help=f"choose from {', '.join(options.FORMATS)}")
    return found


def write(report: Report, outputs: tuple[tuple[str, str], ...], environ: Mapping[str, str]) -> None:
    """Each output to its place; text in colour where a terminal reads it."""
    for name, path in outputs:
        render = renderer(name).render
        if path:
            Path(path).write_text(render(report), encoding="utf-8", errors="backslashreplace")
        else:
            echo(render(report, color=in_color(environ), width=width(environ)))


def echo(text: str) -> None:
    """To standard output; names that are not UTF-8 are shown escaped, never an error."""
    click.echo(text.encode("utf-8", "backslashreplace"), nl=not text.endswith("\n"), color=True)


def in_color(environ: Mapping[str, str]) -> bool:
    """A terminal that wants it: NO_COLOR and TERM=dumb turn it off."""
    return _is_terminal() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def _is_terminal() -> bool:
    """Whether a person reads standard output; it may have been closed before the start."""
    return sys.stdout is not None and sys.stdout.isatty()


def width(environ: Mapping[str, str]) -> int:
    """Columns to fill: COLUMNS, else the terminal's, else 100; between 60 and 140."""
    wish = environ.get("COLUMNS", "")
    columns = int(wish) if wish.isascii() and wish.isdigit() else 0
    if not columns:
        columns = os.get_terminal_size().columns if _is_terminal() else 100
    return max(60, min(columns, 140))
