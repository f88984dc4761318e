"""`costgate validate`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from costgate.cli import options, revisions
from costgate.errors import InputError, Problem
from costgate.flow.deployments import plan, resolve_all
from costgate.flow.parse import Sources
from costgate.gate.judging import CONFIG, Judging, Overrides, load
from costgate.git import open_repository
from costgate.model import Snapshot, Unpriced
from costgate.rates.rules import clashes
from costgate.render.fmt import count, plain

LONGEST = 1000  # characters of a message: some list what else there is


@click.command("validate")
@click.option("--rev", metavar="REV", help="A revision (default: the work tree).")
@options.as_of_option
@options.repo_option
def command(rev: str | None, as_of: str | None, repo: str) -> int:
    """Check costgate.yml, the rate card, the usage profile and the policy that it names, and its deployments.

    Prints what is in use. Everything wrong is listed at once, with its place; then the exit code is 2.

    \b
    Example:
      costgate validate
    """
    snapshot = revisions.current(open_repository(Path(repo)), rev)
    judging = load(snapshot, options.moment(as_of), Overrides())
    problems = judging.broken + clashes(judging.card) + tuple(map(_problem, _undeployable(snapshot, judging)))
    if problems:
        raise InputError(problems=map(_printable, problems))
    click.echo("\n".join(_in_use(judging)))
    return 0


def _undeployable(snapshot: Snapshot, judging: Judging) -> tuple[Unpriced, ...]:
    sources = Sources(snapshot)
    specs, unplanned = plan(sources, judging.config)
    _, unresolved = resolve_all(sources, specs, side=judging.config, judge=judging.config)
    return unplanned + unresolved


def _problem(found: Unpriced) -> Problem:
    return Problem(message=f"{found.deployment}: {found.reason}", where=str(found.location), help=found.help)


def _printable(problem: Problem) -> Problem:
    """Names and values of the files are quoted in all three parts."""
    message, where, way_out = (plain(text, LONGEST) for text in (problem.message, problem.where, problem.help))
    return replace(problem, message=message, where=where, help=way_out)


def _in_use(judging: Judging) -> tuple[str, ...]:
    card, usage, policy = judging.card, judging.usage, judging.policy
    known = f"{count(len(usage.deployments), 'deployment')}, as of {usage.as_of:%Y-%m-%d}" if usage else "none"
    return (
        f"{CONFIG}: {'ok' if judging.config.present else 'absent, shipped defaults apply'}",
        f"rate card: {plain(card.name)}, {count(len(card.tiers), 'tier')}, {plain(card.currency)}, as of {card.as_of}",
        f"usage: {known}",
        f"policy: {plain(policy.name)}, {count(len(policy.rules), 'rule')}",
    )
