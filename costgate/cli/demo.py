"""`costgate demo`."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import click

from costgate import git
from costgate.cli import gating, options
from costgate.errors import InputError, WorldError
from costgate.gate import Question, ask
from costgate.shipped import PACKAGE

AS_OF = "2026-11-23"
SAMPLE = PACKAGE / "demo_repository"


@click.command("demo")
@click.option("--keep", metavar="DIR", help="Leave the sample repository in this new folder, to play with.")
@click.pass_context
def command(ctx: click.Context, keep: str | None) -> int:
    """Gate a small sample repository: a pull request doubles the GPUs of a flow that runs 500 times a month.

    Exits 0 although the check fails: failing is what it shows.

    \b
    Example:
      costgate demo
      costgate demo --keep sample && cd sample && costgate explain train-prod --rev bigger-model
    """
    with tempfile.TemporaryDirectory(prefix="costgate-demo-") as temporary:
        folder = Path(keep) if keep else Path(temporary) / "sample"
        base, head = _sample(folder)
        repo = git.open_repository(folder)
        report = ask(
            Question(
                base=git.snapshot(repo, base),
                head=git.snapshot(repo, head),
                judge=git.snapshot(repo, base),
                as_of=options.moment(AS_OF),
                earlier=lambda seconds: git.snapshot(repo, base),
            )
        )
    click.echo("$ git diff main bigger-model -- configs/prod.json")
    click.echo('-    "gpu": 4,\n+    "gpu": 8,\n')
    click.echo("$ costgate check --base main --head bigger-model")
    gating.write(report, gating.targets(()), ctx.obj)
    click.echo(f"\ncostgate check would exit 1 here: {report.decision.outcome}. This demo exits 0 on purpose.")
    return 0


def _sample(folder: Path) -> tuple[str, str]:
    """Two branches in a new repository: `main`, and `bigger-model` that doubles the GPUs."""
    if folder.exists():
        raise InputError("it exists already", where=str(folder), help="name a folder that does not exist yet")
    shutil.copytree(SAMPLE / "base", folder)
    _git(folder, "init", "--quiet", "--initial-branch=main")
    _commit(folder, "Train the ranking model on four GPUs")
    _git(folder, "checkout", "--quiet", "-b", "bigger-model")
    # A new time of change, or git takes the file of the same size for the one that it knows.
    shutil.copytree(SAMPLE / "head", folder, dirs_exist_ok=True, copy_function=shutil.copyfile)
    _commit(folder, "Train on eight GPUs")
    return "main", "bigger-model"


def _commit(folder: Path, message: str) -> None:
    _git(folder, "add", "--all")
    identity = ("-c", "user.name=costgate demo", "-c", "user.email=demo@costgate.invalid", "-c", "commit.gpgsign=false")
    _git(folder, *identity, "commit", "--quiet", "--no-verify", "--message", message)


def _git(folder: Path, *arguments: str) -> None:
    """Write the sample's history; costgate itself only ever reads a repository (`costgate.git`)."""
    try:
        subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        raise WorldError(f"git could not make the sample repository: {error}") from None
