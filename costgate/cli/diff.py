"""`costgate diff`."""

from __future__ import annotations

from typing import Any

import click

from costgate.cli import gating, options


@click.command("diff")
@options.revision_options
@click.pass_context
def command(ctx: click.Context, /, output: tuple[str, ...], **params: Any) -> int:
    """What a change costs per month. Exits 0 whatever it costs; `costgate check` judges.

    Compares the work tree with the merge base of the default branch, unless options say otherwise.
    FLOW is a file, a flow class or a deployment name; without one, all that changed is shown.

    \b
    Example:
      costgate diff --base main --head feature
      costgate diff --staged flows/train.py
      costgate diff --base main --output markdown=comment.md --output text
    """
    targets = gating.targets(output)
    gating.write(gating.ask_gate(params, ctx, judged=False), targets, ctx.obj)
    return 0
