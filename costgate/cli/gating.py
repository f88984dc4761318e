"""What `diff` and `check` have in common: ask the gate, write the outputs."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from costgate.cli import options, places, revisions
from costgate.cli.running import running
from costgate.errors import InputError, WorldError
from costgate.gate import Question, ask
from costgate.gate.sides import Deploy
from costgate.git import Repository, open_repository
from costgate.model import Report
from costgate.render import renderer


def ask_gate(params: Mapping[str, Any], ctx: click.Context, *, judged: bool) -> Report:
    """The report for the revisions that the options name."""
    as_of = options.moment(params["as_of"])
    repo = open_repository(Path(params["repo"]))
    wanted = revisions.Wanted(**{key: params[key] for key in ("base", "head", "staged", "worktree", "judge")})
    chosen = revisions.choose(repo, wanted, ctx.obj, as_of)
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
        oracle=running(ctx, lambda: revisions.current(repo)),
    )
    return ask(_as_deployed(repo, question, params) if params.get("deployment") else question)


def _as_deployed(repo: Repository, question: Question, params: Mapping[str, Any]) -> Question:
    """Head with the config files of the deploy job laid over it, and the deployment that uses them."""
    configs = options.pairs(params["configs"], "--config")
    paths = _paths(repo, configs.values(), question.head.files.keys())
    files = {paths[typed]: _content(typed) for typed in configs.values()}
    deploy = Deploy(
        name=params["deployment"],
        configs={name: paths[typed] for name, typed in configs.items()},
        values=options.json_values(params["values"]),
    )
    return replace(question, head=revisions.overlay(question.head, files), deploy=deploy, flows=(deploy.name,))


def _paths(repo: Repository, typed: Iterable[str], known: Collection[str]) -> dict[str, str]:
    """Each file as typed → its path in the overlaid head: where it is in the repository, else where on this machine."""
    absolute = {path: os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path)) for path in typed}
    inside = {
        file: places.in_repository(repo, file, Path())
        for file in absolute.values()
        if not repo.bare and Path(file).is_relative_to(repo.root.resolve())
    }
    found = dict(inside)
    for file in sorted(set(absolute.values()) - inside.keys()):
        path = file.lstrip("/")
        while path in known or path in found.values():  # it must not stand in for a file of the repository
            path = f"outside/{path}"
        found[file] = path
    return {path: found[file] for path, file in absolute.items()}


def _content(path: str) -> bytes:
    try:
        return options.read_plain(path)
    except KeyError:
        raise InputError(f"there is no config file {path!r}", help="name a file of this machine") from None


def targets(outputs: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """(format, path or "" for standard output) of the `--output` options.

    Raises InputError for an unknown format, WorldError for a path that cannot be written: before anything is computed.
    """
    found = tuple((name, path) for name, _, path in (output.partition("=") for output in outputs or ("text",)))
    for name, _ in found:
        if name not in options.FORMATS:
            raise InputError(f"--output {name!r} is not a format", help=f"choose from {', '.join(options.FORMATS)}")
    for _, path in found:
        if path and (obstacle := _obstacle(path)):
            raise _unwritable(path, obstacle)
    return found


def _obstacle(path: str) -> str:
    """Why a file cannot be written, as far as one can tell without touching it; "" where nothing is in the way."""
    folder = os.path.dirname(path) or "."
    if os.path.isdir(path):
        return "it is a folder"
    if not os.path.isdir(folder):
        return f"there is no folder {folder!r}"
    return "" if os.access(path if os.path.exists(path) else folder, os.W_OK) else "permission denied"


def _unwritable(path: str, reason: str) -> WorldError:
    way_out = "name a file that you may write, in a folder that exists: --output json=report.json"
    return WorldError(f"cannot be written: {reason}", where=path, help=way_out)


def write(report: Report, outputs: tuple[tuple[str, str], ...], environ: Mapping[str, str]) -> None:
    """Each output to its place; text in colour where a terminal reads it."""
    for name, path in outputs:
        render = renderer(name).render
        if path:
            _save(path, render(report))
        else:
            echo(render(report, color=in_color(environ), width=width(environ)))


def _save(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from None


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
