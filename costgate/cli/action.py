"""`costgate action`."""

from __future__ import annotations

import click

from costgate.cli import gating


@click.command("action")
@click.pass_context
def command(ctx: click.Context, /) -> int:
    """Judge the pull request or merge group that started a GitHub Actions job, and publish the verdict.

    Everything comes from the runner's environment; action.yml calls it. Elsewhere use `costgate check`.

    \b
    Example:
      costgate action
    """
    from costgate.action.run import run

    result = run(ctx.obj)
    gating.echo(result.text)
    return result.exit_code
