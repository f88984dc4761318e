"""costgate.yml as a value: what is deployed, what judges, what is assumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from costgate.model import Location, Owner, StepDeclaration


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
