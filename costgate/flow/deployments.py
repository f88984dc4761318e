"""What is deployed: every flow found once, entries of costgate.yml instead where there are any, resolved and named."""

from __future__ import annotations

import difflib
import hashlib
import itertools
import math
import posixpath
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import TypeAlias

from costgate.config import DeploymentSpec, OwnerRule, ProjectConfig
from costgate.flow.discover import Catalogue, catalogue, deployable, find_flows, unreadable
from costgate.flow.globs import is_glob, match_glob
from costgate.flow.parse import FlowClass, Sources
from costgate.flow.resolve import Settings, resolve_flow
from costgate.model import Deployment, DeploymentKey, Flow, Location, Owner, Unpriced, Unresolved

__all__ = ["match_glob", "owner_of", "plan", "resolve_all"]

MOST_PER_ENTRY = 10_000  # deployments that the globs of one entry may make
Resolve: TypeAlias = Callable[[Sources, FlowClass, DeploymentSpec, Settings], Flow]
FIELD = re.compile(r"\{([^{}]*)\}")


def plan(sources: Sources, config: ProjectConfig) -> tuple[tuple[DeploymentSpec, ...], tuple[Unpriced, ...]]:
    """The deployments of a revision: entries of `deployments:` first, then each other flow once, by path.

    What comes back has a class, a name, and files instead of globs. What cannot be planned is Unpriced.
    """
    known = catalogue(sources)
    found, problems = find_flows(sources, config, known)
    chosen = [(spec, _chosen(sources, spec, known)) for spec in map(_placed(config), config.deployments)]
    listed = {flow.location for _, flow in chosen if isinstance(flow, FlowClass)}
    expanded = [_expanded(sources, s, f) if isinstance(f, FlowClass) else f for s, f in chosen]
    specs = [spec for entry in expanded if isinstance(entry, tuple) for spec in entry]
    specs.extend(
        DeploymentSpec(flow=one.flow.path, class_name=one.flow.name, name=one.flow.name, cwd=one.cwd)
        for one in found
        if one.flow.location not in listed
    )
    return tuple(specs), problems + tuple(entry for entry in expanded if isinstance(entry, Unpriced))


def _placed(config: ProjectConfig) -> Callable[[DeploymentSpec], DeploymentSpec]:
    """An entry with a clean path and a place in costgate.yml."""
    return lambda spec: replace(
        spec, flow=posixpath.normpath(spec.flow), location=spec.location or Location(path=config.path)
    )


def _chosen(sources: Sources, spec: DeploymentSpec, known: Catalogue) -> FlowClass | Unpriced:
    """The flow class that an entry means."""
    if spec.flow not in sources.snapshot.files:
        return _unplanned(spec, f"{spec.flow} is not there", _nearest(spec.flow, known.classes))
    module = sources.module(spec.flow)
    if isinstance(module, Unresolved):
        return replace(unreadable(sources, spec.flow, module), deployment=spec.name or spec.flow)
    flows = sources.flow_classes(spec.flow)
    if spec.class_name:
        names = {flow.name: flow for flow in flows}
        reason = f"{spec.flow} defines no flow {spec.class_name}"
        return names.get(spec.class_name) or _unplanned(spec, reason, _nearest(spec.class_name, names))
    flows = deployable(spec.flow, known) or flows
    if not flows:
        return _unplanned(spec, f"{spec.flow} defines no flow", "name a file that defines a flow")
    several = ", ".join(flow.name for flow in flows[:5])
    reason = f"{spec.flow} defines several flows: {several}"
    return flows[0] if len(flows) == 1 else _unplanned(spec, reason, f"write {spec.flow}:{flows[0].name}")


def _nearest(name: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(names), n=1)
    return f"did you mean {close[0]!r}?" if close else "correct the entry or remove it"


def _unplanned(spec: DeploymentSpec, reason: str, help: str) -> Unpriced:
    place = spec.location or Location(path=spec.flow)
    return Unpriced(deployment=spec.name or spec.flow, step=None, reason=reason, location=place, help=help)


def _expanded(sources: Sources, spec: DeploymentSpec, flow: FlowClass) -> tuple[DeploymentSpec, ...] | Unpriced:
    """One deployment for each choice of files that the globs of the configs allow."""
    spec = replace(spec, class_name=flow.name)
    choices: list[Sequence[str]] = []
    for name, pattern in spec.configs.items():
        paths = _files(sources.snapshot.files, pattern)
        if not paths:
            return _unplanned(spec, f"the glob {pattern!r} of the config {name!r} matches no file", "correct the glob")
        choices.append(paths)
    total = math.prod(map(len, choices))
    if total > MOST_PER_ENTRY:
        return _unplanned(spec, f"the globs make {total:,} deployments", f"{MOST_PER_ENTRY:,} are the most")
    return _filled(spec, (dict(zip(spec.configs, paths)) for paths in itertools.product(*choices)))


def _files(files: Mapping[str, str], pattern: str) -> Sequence[str]:
    """The path itself, or the files that a glob matches; only those that begin like the glob are looked at closely."""
    path = posixpath.normpath(pattern)
    if path in files or not is_glob(pattern):
        return (path,)
    prefix = re.split(r"[*?[]", path, maxsplit=1)[0]
    return sorted(file for file in files if file.startswith(prefix) and match_glob(path, file))


def _filled(spec: DeploymentSpec, choices: Iterable[Mapping[str, str]]) -> tuple[DeploymentSpec, ...] | Unpriced:
    """`{config}` in name, branch and deployed_as becomes the stem of the file that was chosen for that config."""
    used = (name for text in (spec.name, spec.branch, spec.deployed_as) for name in FIELD.findall(text or ""))
    unknown = [name for name in used if name not in spec.configs]
    if unknown:
        return _unplanned(spec, f"{{{unknown[0]}}} is no config of the entry", _nearest(unknown[0], spec.configs))
    return tuple(_with_files(spec, configs) for configs in choices)


def _with_files(spec: DeploymentSpec, configs: Mapping[str, str]) -> DeploymentSpec:
    return replace(
        spec,
        configs=configs,
        name=_fill(spec.name or spec.class_name, configs),
        branch=_fill(spec.branch, configs),
        deployed_as=_fill(spec.deployed_as, configs),
    )


def _fill(text: str | None, configs: Mapping[str, str]) -> str | None:
    return None if text is None else FIELD.sub(lambda match: _stem(configs[match.group(1)]), text)


def _stem(path: str) -> str:
    return posixpath.splitext(posixpath.basename(path))[0]


def resolve_all(
    sources: Sources,
    specs: Iterable[DeploymentSpec],
    *,
    side: ProjectConfig,
    judge: ProjectConfig,
    resolve: Resolve = resolve_flow,
) -> tuple[tuple[Deployment, ...], tuple[Unpriced, ...]]:
    """Resolve planned deployments: target and `with` are the revision's own, owners and decorators the judge's.

    An entry whose flow is gone from the snapshot is no deployment of it. Where several have one key, none of them can
    be told from the others: they are unpriced. `resolve` may know a flow already.
    """
    settings = Settings(
        target=side.target, with_=side.with_, metaflow_env=side.metaflow_env, decorators=judge.decorators
    )
    planned: list[tuple[DeploymentSpec, Deployment]] = []
    problems: list[Unpriced] = []
    for spec in specs:
        flow = _flow_class(sources, spec)
        if isinstance(flow, FlowClass):
            made = _deployment(spec, resolve(sources, flow, spec, settings), judge.owners)
            if isinstance(made, Deployment):
                planned.append((spec, made))
            else:
                problems.append(made)
        elif flow is not None:
            problems.append(flow)
    shared = _shared_keys(planned)
    alone = [(spec, made) for spec, made in planned if made.key not in shared]
    return _named(alone), (*problems, *(problem for found in shared.values() for problem in found))


def _flow_class(sources: Sources, spec: DeploymentSpec) -> FlowClass | Unpriced | None:
    if spec.flow not in sources.snapshot.files:
        return None
    module = sources.module(spec.flow)
    if isinstance(module, Unresolved):
        return replace(unreadable(sources, spec.flow, module), deployment=spec.name or spec.flow)
    return next((flow for flow in sources.flow_classes(spec.flow) if flow.name == spec.class_name), None)


def _deployment(spec: DeploymentSpec, flow: Flow, rules: Sequence[OwnerRule]) -> Deployment | Unpriced:
    """The deployment under the flow's or the entry's own name; Unpriced where its identity is not known."""
    project = flow.project
    if isinstance(project, Unresolved):
        return Unpriced(
            deployment=spec.name or flow.name,
            step=None,
            reason=f"the identity of the deployment is unknown: @project {project.expression}: {project.reason}",
            location=project.location,
            content=_content((flow,)),
            help="write the name of the project as text, or as a config value that the repository holds",
        )
    key = DeploymentKey(
        flow=flow.name,
        project=str(project.value) if project and project.value is not None else "",
        branch=spec.branch or "",
        template=spec.deployed_as or "",
    )
    return Deployment(
        key=key, name=spec.name or flow.name, flow=flow, owner=owner_of(spec.owner, flow, rules),
        runs_per_month=spec.runs_per_month, steps=spec.steps, experiment=spec.experiment, location=spec.location,
    )  # fmt: skip


def owner_of(declared: Owner, flow: Flow, rules: Sequence[OwnerRule]) -> Owner:
    """Who pays, field by field: the entry in costgate.yml, else @costgate(...), else the first rule that matches."""
    rule = next((rule.owner for rule in rules if match_glob(rule.match, flow.file)), Owner())
    sources = (declared, flow.owner, rule)
    names = [field.name for field in fields(Owner)]
    return Owner(**{name: next((v for o in sources if (v := getattr(o, name)) is not None), None) for name in names})


def _shared_keys(planned: Sequence[tuple[DeploymentSpec, Deployment]]) -> dict[DeploymentKey, list[Unpriced]]:
    """Deployments with one key would be taken for one: history and both sides are told apart by it."""
    first: dict[DeploymentKey, str] = {}
    problems: dict[DeploymentKey, list[Unpriced]] = {}
    for spec, deployment in planned:
        place = _place(spec, deployment)
        if deployment.key in first:
            problem = _shared_key(deployment, first[deployment.key], place)
            problems.setdefault(deployment.key, []).append(problem)
        first.setdefault(deployment.key, place)
    content = {key: _content(made.flow for _, made in planned if made.key == key) for key in problems}
    return {key: [replace(problem, content=content[key]) for problem in found] for key, found in problems.items()}


def _content(flows: Iterable[Flow]) -> str:
    """All that these flows were resolved from, as one digest."""
    reads = sorted({item for flow in flows for item in flow.reads.items()})
    return hashlib.sha256(repr(reads).encode("utf-8", "surrogatepass")).hexdigest()


def _shared_key(deployment: Deployment, first: str, second: str) -> Unpriced:
    parts = (("project", deployment.key.project), ("branch", deployment.key.branch), ("as", deployment.key.template))
    key = "".join(f", {name} {value}" for name, value in parts if value)
    return Unpriced(
        deployment=deployment.name,
        step=None,
        reason=f"{deployment.key.flow}{key} is deployed twice: by {first} and by {second}",
        location=deployment.location or deployment.flow.location,
        help="leave one out with `exclude:`, or tell them apart under `deployments:` by `branch:` or `deployed_as:`",
    )


def _place(spec: DeploymentSpec, deployment: Deployment) -> str:
    """Where a deployment comes from, for people: its entry or its class, and its files if it has any."""
    configs = "".join(f" {name}={path}" for name, path in spec.configs.items())
    return (deployment.location or deployment.flow.location).short + (f" with{configs}" if configs else "")


def _named(planned: Sequence[tuple[DeploymentSpec, Deployment]]) -> tuple[Deployment, ...]:
    """Names made unique, by the first of these that tells them apart: configs, branch, template, project, flow."""
    names = [deployment.name for _, deployment in planned]
    for nth in range(5):
        count = Counter(names)
        details = [_details(spec, deployment)[nth] for spec, deployment in planned]
        names = [f"{name}-{more}" if count[name] > 1 and more else name for name, more in zip(names, details)]
    used: set[str] = set()
    for index, name in enumerate(names):
        unique = next(n for n in itertools.chain((name,), (f"{name}-{i}" for i in itertools.count(2))) if n not in used)
        used.add(unique)
        names[index] = unique
    return tuple(replace(deployment, name=name) for (_, deployment), name in zip(planned, names))


def _details(spec: DeploymentSpec, deployment: Deployment) -> tuple[str, ...]:
    key = deployment.key
    return ("-".join(map(_stem, spec.configs.values())), key.branch, key.template, key.project, key.flow)
