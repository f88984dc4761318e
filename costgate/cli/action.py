"""`costgate action`."""

from __future__ import annotations

import click

from costgate.cli import gating
from costgate.errors import CostgateError, Problem


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

    try:
        result = run(ctx.obj)
    except CostgateError as error:
        gating.echo("".join(f"{_annotation(problem)}\n" for problem in error.problems))
        return error.exit_code
    gating.echo(result.text)
    return result.exit_code


def _annotation(problem: Problem) -> str:
    """What is wrong, where GitHub shows it; one line, since a runner obeys what a file's name may spell after it."""
    from costgate.render import annotations

    text = " | ".join(str(problem).split("\nhelp: "))
    item = annotations.Annotation(level="error", rule="", title="costgate", message=text, location=None, amount=None)
    return annotations.command(item)
