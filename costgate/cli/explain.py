"""`costgate explain`."""

from __future__ import annotations

from pathlib import Path

import click

from costgate.cli import gating, options, revisions
from costgate.cli.running import running
from costgate.errors import InputError
from costgate.gate import price
from costgate.git import open_repository
from costgate.model import Estimate
from costgate.render import explain


@click.command("explain")
@click.argument("deployment", metavar="DEPLOYMENT[/STEP]")
@click.option("--rev", metavar="REV", help="A revision (default: the work tree).")
@options.as_of_option
@options.repo_option
@options.judging_options
@click.pass_context
def command(
    ctx: click.Context,
    deployment: str,
    rev: str | None,
    as_of: str | None,
    repo: str,
    rate_card: str | None,
    usage: str | None,
    policy: str | None,
) -> int:
    """Every number of a deployment with its formula and the file:line or measurement that it came from.

    \b
    Example:
      costgate explain TrainFlow
      costgate explain train-eu/train --rev main
    """
    repository = open_repository(Path(repo))
    snapshot = revisions.current(repository, rev)
    moment = options.moment(as_of)
    named = options.overrides(rate_card, usage, policy)
    oracle = running(ctx, lambda: revisions.current(repository))
    estimates, _, judging = price(snapshot, as_of=moment, overrides=named, oracle=oracle)
    estimate, step = _find(estimates, deployment)
    width = gating.width(ctx.obj)
    gating.echo(explain.render(estimate, step=step, card=judging.card, as_of=moment, width=width))
    return 0


def _find(estimates: tuple[Estimate, ...], wanted: str) -> tuple[Estimate, str | None]:
    name, _, of_step = wanted.rpartition("/")
    for called, step in ((wanted, None), (name, of_step)):
        found = [e for e in estimates if e.name == called] or [e for e in estimates if e.key.flow == called]
        if len(found) > 1:
            names = ", ".join(sorted(e.name for e in found)[:20])
            raise InputError(f"{called} is deployed {len(found)} times", help=f"name one of them: {names}")
        if found:
            return found[0], step
    known = ", ".join(sorted(e.name for e in estimates)[:20]) or "none"
    raise InputError(f"there is no deployment {wanted!r}", help=f"deployments: {known}")
