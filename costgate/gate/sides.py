"""The two sides of a comparison: what is deployed at base and at head, where head cannot hide what base covered."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from costgate.config import DeploymentSpec, FlowGlob, ProjectConfig
from costgate.errors import InputError
from costgate.flow.answer import Ask
from costgate.flow.deployments import plan, resolve_all
from costgate.flow.parse import FlowClass, Parsed, Sources
from costgate.flow.resolve import Settings, resolve_flow
from costgate.gate.affected import narrow
from costgate.gate.declared import hold_declarations
from costgate.gate.judging import CONFIG, read_config
from costgate.gate.running import Runner, nobody
from costgate.model import Deployment, DeploymentKey, Flow, Location, Snapshot, Unpriced


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """All deployments of one revision, and what could not even be resolved to one."""

    config: ProjectConfig
    deployments: tuple[Deployment, ...]
    unpriced: tuple[Unpriced, ...] = ()
    notes: tuple[str, ...] = ()
    resolver: str = "static"  # what was used


class Resolver:
    """Resolves what is planned, each flow once: where all that was read is equal on both sides, so is the result."""

    def __init__(self, judge: ProjectConfig, ask: Ask) -> None:
        self._judge = judge
        self.runner = Runner(judge.resolver, ask)
        self.parsed: Parsed = {}
        self._flows: dict[tuple[object, ...], list[tuple[DeploymentSpec, Settings, Flow]]] = {}

    def side(self, sources: Sources, config: ProjectConfig) -> tuple[tuple[Deployment, ...], tuple[Unpriced, ...]]:
        """All deployments of a configuration."""
        specs, unplanned = plan(sources, config)
        deployments, unresolved = self.specs(sources, specs, config)
        return deployments, unplanned + unresolved

    def specs(
        self, sources: Sources, specs: tuple[DeploymentSpec, ...], config: ProjectConfig
    ) -> tuple[tuple[Deployment, ...], tuple[Unpriced, ...]]:
        """These deployments of a configuration."""
        return resolve_all(sources, specs, side=config, judge=self._judge, resolve=self._flow)

    def _flow(self, sources: Sources, flow_class: FlowClass, spec: DeploymentSpec, settings: Settings) -> Flow:
        static = self._from_source(sources, flow_class, spec, settings)
        return self.runner.flow(sources.snapshot, static, spec, settings)

    def _from_source(self, sources: Sources, flow_class: FlowClass, spec: DeploymentSpec, settings: Settings) -> Flow:
        files = sources.snapshot.files
        # A `.metaflow` folder hides those above it even without settings in it, so the folders count beside `reads`.
        seen = self._flows.setdefault((spec.flow, spec.class_name, sources.metaflow_folders), [])
        for other, others_settings, flow in seen:
            same = _choices(other) == _choices(spec) and others_settings == settings
            if same and all(files.get(path, "") == blob for path, blob in flow.reads.items()):
                return flow
        flow = resolve_flow(sources, flow_class, spec, settings)
        seen.append((spec, settings, flow))
        return flow


def _choices(spec: DeploymentSpec) -> tuple[object, ...]:
    """What of an entry decides how its flow resolves."""
    return spec.configs, spec.config_values, spec.cwd


@dataclass(frozen=True, slots=True, kw_only=True)
class Deploy:
    """What a deploy job is about to deploy: a deployment's name and the configs that it was called with."""

    name: str
    configs: Mapping[str, str]  # config name → path in the head snapshot
    values: Mapping[str, Any]

    def choose(self, specs: tuple[DeploymentSpec, ...]) -> tuple[DeploymentSpec, ...]:
        """The one planned deployment of this name, with these configs. Raises InputError where there is none."""
        chosen = tuple(spec for spec in specs if self.name in (spec.name, spec.class_name))
        if len(chosen) != 1:
            known = ", ".join(sorted(spec.name or spec.flow for spec in specs)[:20]) or "none"
            problem = "is the name of several deployments" if chosen else "is no deployment of head"
            raise InputError(f"{self.name!r} {problem}", help=f"deployments: {known}")
        spec = chosen[0]
        configs = {name: path for name, path in spec.configs.items() if name not in self.values} | dict(self.configs)
        values = {name: value for name, value in spec.config_values.items() if name not in self.configs}
        return (replace(spec, configs=configs, config_values=values | dict(self.values)),)


def one_side(snapshot: Snapshot, judge: ProjectConfig, ask: Ask = nobody) -> Side:
    """What is deployed at a revision, by its own costgate.yml."""
    resolver = Resolver(judge, ask)
    side = _base(snapshot, *_config(snapshot, fallback=judge), resolver)
    return _as_run(side, side.deployments, resolver.runner)


def both_sides(
    base: Snapshot,
    head: Snapshot,
    judge: ProjectConfig,
    *,
    everything: bool = True,
    deploy: Deploy | None = None,
    ask: Ask = nobody,
) -> tuple[Side, Side]:
    """What is deployed at both revisions; without `everything` only what the difference of the two may touch.

    `ask` runs flows, where the judge wants that. Code that runs may read any file: then everything is looked at.
    """
    before, broken_before = _config(base, fallback=judge)
    after, broken_after = _config(head, fallback=before)
    # A side without costgate.yml is read with the other's, or adopting (and deleting) it would look like a change.
    before, after = _borrowed(before, after, base), _borrowed(after, before, head)
    if not everything and deploy is None and judge.resolver == "static":
        base, head, before, after = narrow(base, head, before, after) or (base, head, before, after)
    resolver = Resolver(judge, ask)
    first = _base(base, before, broken_before, resolver)
    second = _head(head, after, broken_after, resolver, first, deploy)
    return first, _as_run(second, first.deployments + second.deployments, resolver.runner)


def _as_run(side: Side, deployments: tuple[Deployment, ...], runner: Runner) -> Side:
    return replace(side, notes=side.notes + runner.notes(deployments), resolver=runner.resolver)


def _borrowed(config: ProjectConfig, other: ProjectConfig, side: Snapshot) -> ProjectConfig:
    """The configuration itself where it is there, else what the other side's says about flows that this side has."""
    if config.present:
        return config
    return replace(other, deployments=tuple(entry for entry in other.deployments if entry.flow in side.files))


def _base(snapshot: Snapshot, config: ProjectConfig, broken: tuple[Unpriced, ...], resolver: Resolver) -> Side:
    deployments, more = resolver.side(Sources(snapshot, resolver.parsed), config)
    return Side(config=config, deployments=deployments, unpriced=broken + more)


def _head(
    snapshot: Snapshot,
    config: ProjectConfig,
    unpriced: tuple[Unpriced, ...],
    resolver: Resolver,
    base: Side,
    deploy: Deploy | None,
) -> Side:
    """What base's costgate.yml covers and head's drops is resolved all the same."""
    sources = Sources(snapshot, resolver.parsed)
    if deploy is not None:
        specs, _ = plan(sources, config)
        only, unresolved = resolver.specs(sources, deploy.choose(specs), config)
        only, kept_remote = _still_remote(sources, config, resolver, base, only, deploy)
        held, notes = hold_declarations(base.deployments, only, complete=False)
        return Side(config=config, deployments=held, unpriced=unpriced + unresolved, notes=notes + kept_remote)
    deployments, more = resolver.side(sources, config)
    dropped = _dropped(sources, config, resolver, base, deployments)
    remote, kept_remote = _still_remote(sources, config, resolver, base, deployments)
    kept, notes = hold_declarations(base.deployments, remote + dropped)
    notes += kept_remote
    notes += tuple(
        f"{d.name}: {CONFIG} at head no longer covers {d.flow.file}; it is still counted" for d in dropped
    )  # fmt: skip
    hidden = _hidden(snapshot, base, kept)
    return Side(config=config, deployments=kept, unpriced=unpriced + more + hidden, notes=notes)


def _hidden(snapshot: Snapshot, base: Side, head: tuple[Deployment, ...]) -> tuple[Unpriced, ...]:
    """Deployments of base whose file became a symlink or went into a submodule: not read, but not gone."""
    keys = {d.key for d in head}
    places = ((d, _not_followed(snapshot, d.flow.file)) for d in base.deployments if d.key not in keys)
    return tuple(
        Unpriced(
            deployment=d.name,
            step=None,
            reason=f"{path} is a {snapshot.others[path]} at head, which is never followed",
            location=Location(path=d.flow.file),
            help="put the flow itself there",
        )
        for d, path in places
        if path
    )


def _not_followed(snapshot: Snapshot, file: str) -> str | None:
    """The symlink or submodule on the way to a file."""
    parts = file.split("/")
    ways = ("/".join(parts[: n + 1]) for n in range(len(parts)))
    return next((way for way in ways if way in snapshot.others), None)


def _config(snapshot: Snapshot, fallback: ProjectConfig) -> tuple[ProjectConfig, tuple[Unpriced, ...]]:
    """A broken costgate.yml of a side is a finding, not the end: the other side's coverage stands in for it."""
    try:
        return read_config(snapshot), ()
    except InputError as error:
        found = tuple(
            Unpriced(deployment=CONFIG, step=None, reason=p.message, location=_parse_where(p.where), help=p.help)
            for p in error.problems
        )
        return fallback, found


def _parse_where(where: str) -> Location:
    path, _, rest = where.partition(":")
    line, _, column = rest.partition(":")
    return Location(path=path, line=int(line or 1), column=int(column or 1))


def _dropped(
    sources: Sources, config: ProjectConfig, resolver: Resolver, base: Side, covered: tuple[Deployment, ...]
) -> tuple[Deployment, ...]:
    """Deployments that base covers and head would lose: through its costgate.yml, or by a move out of its globs."""
    wanted = {d.key for d in base.deployments} - {d.key for d in covered}
    if not wanted:
        return ()
    found: dict[DeploymentKey, Deployment] = {}
    renamed: dict[DeploymentKey, Deployment] = {}
    for coverage in (base.config, _following(sources, base, wanted)):
        as_before = replace(
            _as_at_base(config, base),
            flows=coverage.flows,
            exclude=coverage.exclude,
            deployments=coverage.deployments,
        )
        seen = {d.key: d for d in resolver.side(sources, as_before)[0]}
        found = {key: d for key, d in seen.items() if key in wanted} | found
        renamed = renamed or seen
    # Where something is gone, what took its place may be left out as well, under another name: it counts, too.
    known = {(d.flow.file, d.flow.name) for d in (*covered, *found.values())}
    more = (d for d in renamed.values() if (d.flow.file, d.flow.name) not in known)
    return (*found.values(), *(more if wanted - found.keys() else ()))


def _following(sources: Sources, base: Side, wanted: set[DeploymentKey]) -> ProjectConfig:
    """Base's coverage of the wanted deployments at the files of head that define their class now."""
    moves = {
        (d.flow.file, d.flow.name): path
        for d in base.deployments
        if d.key in wanted and not _defines(sources, d.flow.file, d.flow.name)
        for path in sorted(sources.snapshot.grep((f"class {d.flow.name}",)))
        if _defines(sources, path, d.flow.name)
    }
    entries = (
        replace(e, flow=path, class_name=name)
        for e in base.config.deployments
        for (file, name), path in moves.items()
        if posixpath.normpath(e.flow) == file and e.class_name in (None, name)
    )
    flows = tuple(FlowGlob(glob=path) for path in moves.values())
    nothing = FlowGlob(glob="")  # an empty tuple would mean every file
    return replace(base.config, flows=(*flows, nothing), exclude=(), deployments=tuple(entries))


def _defines(sources: Sources, file: str, name: str) -> bool:
    """Whether a file of the snapshot defines this flow."""
    return file in sources.snapshot.files and name in {flow.name for flow in sources.flow_classes(file)}


def _as_at_base(config: ProjectConfig, base: Side) -> ProjectConfig:
    """Head's configuration with what base says about where steps run; a base that says nothing leaves it to head."""
    return replace(config, target=base.config.target, with_=base.config.with_) if base.config.present else config


def _still_remote(
    sources: Sources,
    config: ProjectConfig,
    resolver: Resolver,
    base: Side,
    head: tuple[Deployment, ...],
    deploy: Deploy | None = None,
) -> tuple[tuple[Deployment, ...], tuple[str, ...]]:
    """Another `target` or `with` makes no step free that base pays for: such a deployment is resolved as at base."""
    settled = _as_at_base(config, base)
    if settled == config:
        return head, ()
    known = {d.key for d in base.deployments}
    specs, _ = plan(sources, settled)
    chosen = deploy.choose(specs) if deploy else specs
    before = {d.key: d for d in resolver.specs(sources, chosen, settled)[0] if d.key in known}
    freed = {d.key for d in head if d.key in before and _remote(before[d.key]) - _remote(d)}
    kept = tuple(replace(before[d.key], name=d.name) if d.key in freed else d for d in head)
    note = f"target or with in {CONFIG} at head makes steps local that are not at base; this is not counted"
    return kept, tuple(f"{d.name}: {note}" for d in head if d.key in freed)


def _remote(deployment: Deployment) -> set[str]:
    return {step.name for step in deployment.flow.steps if step.resources.compute != "local"}
