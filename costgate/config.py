"""costgate.yml as a value: what is deployed, what judges, what is assumed."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from costgate import yamlfile
from costgate.errors import InputError, Problem
from costgate.model import Location, Owner, StepDeclaration
from costgate.units import parse_duration
from costgate.yamlfile import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """What is used where nothing better is known; always shown."""

    duration_gpu_s: float = 3600
    duration_other_s: float = 300
    foreach: float = 10
    runs_per_month: float = 30
    startup_overhead_s: float = 120
    locations: Mapping[str, Location] = field(default_factory=dict)  # key path such as "duration.gpu" → where it is set


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowGlob:
    """Files that may hold flows, and the folder they are deployed from (`services/*`: the matching parent folder)."""

    glob: str
    cwd: str = "."


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerRule:
    """`owners:` entry: files that match belong to this owner."""

    match: str
    owner: Owner


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoratorRule:
    """An in-house decorator: resource attribute → name of its argument; `compute` is a literal."""

    name: str
    attributes: Mapping[str, str]
    compute: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentSpec:
    """A `deployments:` entry. As written its config paths may be globs; after planning they are paths."""

    flow: str  # file path
    class_name: str | None = None
    name: str | None = None  # may hold {config}-style fields before planning
    configs: Mapping[str, str] = field(default_factory=dict)  # config name → path or glob, relative to the root
    config_values: Mapping[str, Any] = field(default_factory=dict)
    cwd: str = "."
    branch: str | None = None
    deployed_as: str | None = None
    runs_per_month: float | None = None
    steps: Mapping[str, StepDeclaration] = field(default_factory=dict)
    experiment: tuple[str, int] | None = None
    owner: Owner = Owner()
    location: Location | None = None  # None: not listed, deployed by default


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectConfig:
    """costgate.yml, checked. The defaults are those of a repository without one."""

    path: str = "costgate.yml"
    present: bool = False  # False: there is no costgate.yml
    rate_card: str = "aws"
    usage: str | None = None  # None: `.costgate/usage.json` if it is there
    policy: str = "default"
    resolver: str = "static"
    assumptions: Assumptions = Assumptions()
    owners: tuple[OwnerRule, ...] = ()
    decorators: Mapping[str, DecoratorRule] = field(default_factory=dict)
    flows: tuple[FlowGlob, ...] = ()  # (): every *.py that defines a flow, deployed from the root
    exclude: tuple[str, ...] = ()
    target: str = "argo-workflows"
    with_: tuple[str, ...] = ()
    metaflow_env: Mapping[str, str] = field(default_factory=dict)
    deployments: tuple[DeploymentSpec, ...] = ()
    locations: Mapping[str, Location] = field(default_factory=dict)  # top-level key → where it stands


EMPTY = ProjectConfig()
PLAIN = ("rate_card", "usage", "policy", "resolver", "target")  # text that is taken as it is
SECONDS = {  # assumptions that are durations → field of Assumptions
    "duration.gpu": "duration_gpu_s",
    "duration.other": "duration_other_s",
    "startup_overhead": "startup_overhead_s",
}


def parse(data: bytes, path: str = "costgate.yml") -> ProjectConfig:
    """costgate.yml as a value. Raises InputError with every problem that it has."""
    document = yamlfile.load(data, path)
    yamlfile.check(document, "config")
    if problems := tuple(_path_problems(document)):
        raise InputError(problems=problems)
    said: dict[str, Any] = document.data
    return ProjectConfig(
        path=path,
        present=True,
        **{key: said[key] for key in PLAIN if key in said},
        assumptions=_assumptions(document, said.get("assumptions", {})),
        owners=tuple(OwnerRule(match=rule["match"], owner=_owner(rule)) for rule in said.get("owners", ())),
        decorators={name: _decorator(name, rule) for name, rule in said.get("decorators", {}).items()},
        flows=tuple(_flow_glob(entry) for entry in said.get("flows", ())),
        exclude=tuple(said.get("exclude", ())),
        with_=tuple(said.get("with", ())),
        metaflow_env={name: str(value) for name, value in said.get("metaflow_env", {}).items()},
        deployments=tuple(
            _deployment(entry, document, index) for index, entry in enumerate(said.get("deployments", ()))
        ),
        locations={key: document.key_where(key) for key in said},
    )


def _assumptions(document: Document, said: Mapping[str, Any]) -> Assumptions:
    flat = {key: value for key, value in said.items() if key != "duration"}
    flat |= {f"duration.{kind}": value for kind, value in said.get("duration", {}).items()}
    values = {SECONDS.get(key, key): _seconds(value) if key in SECONDS else value for key, value in flat.items()}
    locations = {key: document.where("assumptions", *key.split(".")) for key in flat}
    return Assumptions(**values, locations=locations)


def _seconds(duration: str | int) -> int:
    return 0 if duration in (0, "0", "0s") else parse_duration(str(duration))


def _owner(said: Mapping[str, str]) -> Owner:
    return Owner(**{key: said.get(key) for key in ("team", "project", "cost_center", "experiment")})


def _decorator(name: str, said: Mapping[str, str]) -> DecoratorRule:
    attributes = {key: argument for key, argument in said.items() if key != "compute"}
    return DecoratorRule(name=name, attributes=attributes, compute=said.get("compute"))


def _flow_glob(said: str | Mapping[str, str]) -> FlowGlob:
    if isinstance(said, str):
        return FlowGlob(glob=said)
    return FlowGlob(glob=said["glob"], cwd=posixpath.normpath(said.get("cwd", ".")))


def _deployment(said: Mapping[str, Any], document: Document, index: int) -> DeploymentSpec:
    flow, _, class_name = said["flow"].partition(":")
    experiment = said.get("experiment")
    copied = ("name", "config_values", "branch", "deployed_as", "runs_per_month")
    return DeploymentSpec(
        flow=posixpath.normpath(flow),
        class_name=class_name or None,
        **{key: said[key] for key in copied if key in said},
        configs={name: posixpath.normpath(chosen) for name, chosen in said.get("configs", {}).items()},
        cwd=posixpath.normpath(said.get("cwd", ".")),
        steps={
            name: StepDeclaration(
                duration_s=_seconds(step["duration"]) if "duration" in step else None,
                tasks=step.get("tasks"),
                location=document.key_where("deployments", index, "steps", name),
            )
            for name, step in said.get("steps", {}).items()
        },
        experiment=(experiment["name"], int(experiment["runs"])) if experiment else None,
        owner=_owner(said.get("owner", {})),
        location=document.where("deployments", index),
    )


def _path_problems(document: Document) -> Iterator[Problem]:
    """Paths that leave the repository, or that git could not hold."""
    for keys, path in _paths(document.data):
        if reason := _path_problem(path):
            yield Problem(
                message=f"{path!r} {reason}",
                where=str(document.where(*keys)),
                help="write a path from the root of the repository, e.g. flows/train.py",
            )


def _path_problem(path: str) -> str:
    if any(ord(character) < 32 or character == "\\" for character in path):
        return "holds a backslash or a control character"
    if path.startswith(("/", "~")):
        return "is not relative to the repository"
    return "leaves the repository" if posixpath.normpath(path).split("/")[0] == ".." else ""


def _paths(said: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every path or glob in the file, with its keys."""
    for key in ("rate_card", "usage", "policy"):
        if key in said:
            yield (key,), said[key]
    for index, rule in enumerate(said.get("owners", ())):
        yield ("owners", index, "match"), rule["match"]
    for key in ("flows", "exclude"):
        for index, entry in enumerate(said.get(key, ())):
            parts = {"glob": entry} if isinstance(entry, str) else entry
            yield from (((key, index, name), path) for name, path in parts.items())
    for index, entry in enumerate(said.get("deployments", ())):
        yield from ((("deployments", index, name), entry[name]) for name in ("flow", "cwd") if name in entry)
        for name, path in entry.get("configs", {}).items():
            yield ("deployments", index, "configs", name), path
