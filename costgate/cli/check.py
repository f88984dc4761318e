"""`costgate check`."""

from __future__ import annotations

from typing import Any

import click

from costgate.cli import gating, options
from costgate.errors import InputError
from costgate.policy.decide import STOPS


@click.command("check")
@options.revision_options
@click.option(
    "--fail-on",
    type=click.Choice(list(STOPS)),
    default="approval-required",
    show_default=True,
    help="`blocked` lets a change pass that only waits for an approval, where no label can exist: on a laptop.",
)
@click.option("--deployment", metavar="NAME", help="Judge only this deployment, as a deploy job is about to deploy it.")
@click.option("--config", "configs", multiple=True, metavar="NAME=PATH", help="With --deployment: a config file.")
@click.option("--config-value", "values", multiple=True, metavar="NAME=JSON", help="With --deployment: a config value.")
@click.pass_context
def command(ctx: click.Context, /, output: tuple[str, ...], fail_on: str, **params: Any) -> int:
    """Judge a change by policy. Exit code 0: pass, warn, approved; 1: approval required, blocked, incomplete.

    Bad input exits 2, a failing git or network 3.

    \b
    Example:
      costgate check --base main --head HEAD
      costgate check --staged --fail-on blocked
      costgate check --deployment train --config config=configs/canary.json
    """
    if not params["deployment"] and (params["configs"] or params["values"]):
        raise InputError("--config and --config-value need --deployment", help="name what the deploy job deploys")
    targets = gating.targets(output)
    report = gating.ask_gate(params, ctx, judged=True)
    gating.write(report, targets, ctx.obj)
    outcome = report.decision.outcome
    if outcome == "approval-required" and fail_on == "blocked":
        click.echo("costgate: finance's approval will be needed on the pull request; this hook lets it pass", err=True)
    return int(outcome in STOPS[fail_on])
