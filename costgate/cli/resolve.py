"""`costgate resolve`."""

from __future__ import annotations

import posixpath
from pathlib import Path
from typing import Any

import click

from costgate.cli import gating, options, places, revisions
from costgate.cli.running import running
from costgate.config import DeploymentSpec, ProjectConfig
from costgate.errors import InputError
from costgate.flow.parse import FlowClass, Sources
from costgate.flow.resolve import Settings, resolve_flow
from costgate.gate.judging import read_config
from costgate.gate.running import Runner
from costgate.git import open_repository
from costgate.model import Deployment, DeploymentKey, Flow, Snapshot
from costgate.render import resolve_v1

TARGETS = ("argo-workflows", "step-functions", "local")


@click.command("resolve")
@click.argument("flow", metavar="FLOW")
@click.option("--rev", metavar="REV", help="A revision (default: the work tree).")
@click.option("--config", "configs", multiple=True, metavar="NAME=PATH", help="A config file, as for Metaflow.")
@click.option("--config-value", "values", multiple=True, metavar="NAME=JSON", help="A config value, as for Metaflow.")
@click.option("--with", "with_", multiple=True, metavar="SPEC", help="A decorator for all steps, as for Metaflow.")
@click.option("--target", type=click.Choice(TARGETS), help="Where it is deployed (default: costgate.yml's).")
@click.option("--cwd", metavar="DIR", help="The folder that default config paths start from.")
@options.repo_option
@click.option("--output", "-o", type=click.Choice(["text", "json"]), default="text", help="Default: text.")
@click.pass_context
def command(ctx: click.Context, /, flow: str, output: str, **params: Any) -> int:
    """The resources of each step of FLOW (file or file:ClassName), as Metaflow would resolve them.

    What cannot be known is listed with its reason. Nothing of the flow is executed, unless costgate.yml says
    `resolver: auto` or `metaflow`.

    \b
    Example:
      costgate resolve flows/train.py
      costgate resolve flows/train.py:TrainFlow --config config=configs/eu.json --output json
    """
    found = _resolve(flow, params, ctx)
    text = resolve_v1.render_json(found) if output == "json" else _text(found, ctx)
    gating.echo(text)
    return 0


def _text(flow: Flow, ctx: click.Context) -> str:
    return resolve_v1.render_text(flow, color=gating.in_color(ctx.obj), width=gating.width(ctx.obj))


def _resolve(typed: str, params: dict[str, Any], ctx: click.Context) -> Flow:
    name, separator, class_name = typed.partition(".py:")
    start = Path(params["repo"])
    snapshot, path, here = places.find(start, f"{name}.py" if separator else name, params["rev"])
    sources = Sources(snapshot)
    chosen = _choose(sources.flow_classes(path), class_name, sources, path)
    config = read_config(snapshot)
    spec = DeploymentSpec(
        flow=path,
        class_name=chosen.name,
        configs={n: posixpath.normpath(posixpath.join(here, p)) for n, p in _pairs(params).items()},
        config_values=options.json_values(params["values"]),
        cwd=posixpath.normpath(posixpath.join(here, params["cwd"] or ".")),
    )
    settings = _settings(config, params)
    runner = Runner(config.resolver, running(ctx, lambda: _checked_out(snapshot, params)))
    found = runner.flow(snapshot, resolve_flow(sources, chosen, spec, settings), spec, settings)
    for note in runner.notes([Deployment(key=DeploymentKey(flow=found.name), name=found.name, flow=found)]):
        click.echo(f"costgate: {note}", err=True)
    return found


def _checked_out(snapshot: Snapshot, params: dict[str, Any]) -> Snapshot:
    """What is checked out: the snapshot itself, where no revision was named."""
    return revisions.current(open_repository(Path(params["repo"]))) if params["rev"] else snapshot


def _pairs(params: dict[str, Any]) -> dict[str, str]:
    return options.pairs(params["configs"], "--config")


def _settings(config: ProjectConfig, params: dict[str, Any]) -> Settings:
    return Settings(
        target=params["target"] or config.target,
        with_=params["with_"] or config.with_,
        metaflow_env=config.metaflow_env,
        decorators=config.decorators,
    )


def _choose(classes: tuple[FlowClass, ...], name: str, sources: Sources, path: str) -> FlowClass:
    wanted = [c for c in classes if not name or c.name == name]
    if len(wanted) == 1:
        return wanted[0]
    names = ", ".join(c.name for c in classes)
    if wanted:
        raise InputError(f"it defines {len(wanted)} flows", where=path, help=f"name one: {path}:ClassName of {names}")
    module = sources.module(path)
    reason = getattr(module, "reason", "it defines no flow")
    where = str(getattr(module, "location", path))
    raise InputError(reason, where=where, help=f"it defines: {names}" if names else "a flow is a FlowSpec with steps")
