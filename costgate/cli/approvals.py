"""`costgate approvals`."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from costgate.cli import gating, options
from costgate.errors import InputError

if TYPE_CHECKING:
    from costgate.git import Repository
    from costgate.github.records import WorkflowRun
    from costgate.model import Report

# https://github.com/acme/ml.git, git@github.com:acme/ml, ssh://git@host/acme/ml
OWNER_AND_NAME = re.compile(r"(?:.*[/:])?([\w.-]+/[\w.-]+?)(?:\.git)?/?", re.ASCII)


@click.command("approvals")
@click.argument("number", metavar="PR", type=click.IntRange(min=1))
@click.option(
    "--repository", metavar="OWNER/NAME", help="On GitHub (default: GITHUB_REPOSITORY, or the remote origin)."
)
@click.option(
    "--workflow", default="costgate.yml", show_default=True, metavar="FILE", help="The workflow that runs the gate."
)
@options.repo_option
@click.option("--output", "-o", type=click.Choice(["text", "json"]), default="text", help="Default: text.")
@click.pass_context
def command(ctx: click.Context, /, number: int, repository: str | None, workflow: str, repo: str, output: str) -> int:
    """Who approved pull request PR, what that covers, and why it holds or not, by GitHub's own records.

    The token comes from GITHUB_TOKEN or GH_TOKEN, one that may read teams from COSTGATE_ORG_TOKEN. Commits that this
    clone lacks are fetched from its remote origin.

    \b
    Example:
      costgate approvals 42
      costgate approvals 42 --repository acme/ml --output json
    """
    from costgate.git import open_repository
    from costgate.render import approvals, json_v1

    clone = open_repository(Path(repo))
    name = repository or ctx.obj.get("GITHUB_REPOSITORY") or _of_origin(clone)
    report = _judged(clone, name, number, workflow, ctx.obj)
    width, color = gating.width(ctx.obj), gating.in_color(ctx.obj)
    title = f"{name}#{number}"
    as_json = output == "json"
    gating.echo(json_v1.render(report) if as_json else approvals.render(report, title=title, color=color, width=width))
    return 0


def _judged(clone: Repository, name: str, number: int, workflow: str, environ: Mapping[str, str]) -> Report:
    from costgate import git
    from costgate.action.judged import Bench, judge_pull
    from costgate.gate.judging import CONFIG, Overrides
    from costgate.github.client import GitHub
    from costgate.http import Http

    token = environ.get("GITHUB_TOKEN") or environ.get("GH_TOKEN") or ""
    api = environ.get("GITHUB_API_URL") or "https://api.github.com"
    server = environ.get("GITHUB_SERVER_URL") or "https://github.com"
    org = environ.get("COSTGATE_ORG_TOKEN")
    github = GitHub(Http(api, token), name, org_http=Http(api, org) if org else None)

    def is_gate(run: WorkflowRun) -> bool:
        return posixpath.basename(run.path.partition("@")[0]) == workflow

    bench = Bench(
        github=github,
        repo=clone,
        fetch=lambda commits: git.fetch(clone, commits, token=token, server=server),
        config=CONFIG,
        overriding=lambda judge: Overrides(),
        is_gate=is_gate,
        as_of=github.server_time(),
    )
    return judge_pull(bench, github.pull(number))


def _of_origin(clone: Repository) -> str:
    from costgate.git import remote_url

    found = OWNER_AND_NAME.fullmatch(remote_url(clone, "origin"))
    if found is None:
        raise InputError("which repository on GitHub is meant is not known", help="name it: --repository OWNER/NAME")
    return found[1]
