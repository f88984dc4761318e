"""`costgate breakdown`."""

from __future__ import annotations

from pathlib import Path

import click

from costgate.cli import gating, options, revisions
from costgate.cli.running import running
from costgate.gate import breakdown
from costgate.git import open_repository
from costgate.render import breakdown as text
from costgate.render import json_v1


@click.command("breakdown")
@click.argument("revision", required=False, metavar="[REV]")
@options.as_of_option
@options.repo_option
@options.judging_options
@click.option("--output", "-o", type=click.Choice(["text", "json"]), default="text", help="Default: text.")
@click.pass_context
def command(
    ctx: click.Context,
    revision: str | None,
    as_of: str | None,
    repo: str,
    output: str,
    rate_card: str | None,
    usage: str | None,
    policy: str | None,
) -> int:
    """What is deployed costs per month, run and step; spot against on-demand; standing debt.

    Reads the work tree, or REV.

    \b
    Example:
      costgate breakdown
      costgate breakdown main --output json
    """
    repository = open_repository(Path(repo))
    snapshot = revisions.current(repository, revision)
    named = options.overrides(rate_card, usage, policy)
    oracle = running(ctx, lambda: revisions.current(repository))
    report = breakdown(snapshot, as_of=options.moment(as_of), overrides=named, oracle=oracle)
    if output == "json":
        gating.echo(json_v1.render(report))
    else:
        gating.echo(text.render(report, color=gating.in_color(ctx.obj), width=gating.width(ctx.obj)))
    return 0
