"""What is deployed: places, snapshots, values with their origin, flows, steps and deployments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A place that a person may have to look at; line and column count from 1."""

    path: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        """`path:line:column`, the form of every message."""
        return f"{self.path}:{self.line}:{self.column}"

    @property
    def short(self) -> str:
        """`path:line`, the form of tables and reports."""
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A revision, the index or the work tree as a value. Symlinks and submodules are never followed, only named."""

    name: str  # what a person calls it: a revision as typed, "index", "work tree"
    commit: str | None  # full object id; None for index and work tree
    files: Mapping[str, str]  # path → blob id, regular files only; non-UTF-8 names are surrogate-escaped
    read: Callable[[str], bytes]  # content of a path in `files`, on demand; KeyError for any other path
    grep: Callable[[tuple[str, ...]], frozenset[str]]  # fixed words → *.py paths in `files` that hold one of them
    others: Mapping[str, str] = field(default_factory=dict)  # path → "symlink" | "submodule": there, but never followed


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A value and the chain of locations it came from: first where it is used, last where it was written."""

    value: Any
    chain: tuple[Location, ...] = ()
    notes: tuple[str, ...] = ()  # e.g. "depends on the environment variable X"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unresolved:
    """An expression that could not be resolved. It is never replaced by a default."""

    expression: str
    reason: str
    location: Location


Value: TypeAlias = Known | Unresolved
NOTHING = Known(value=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who pays. A None is unknown."""

    team: str | None = None
    project: str | None = None
    cost_center: str | None = None
    experiment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class DeploymentKey:
    """The identity of a deployment across revisions and in history; the file path is no part of it."""

    flow: str
    project: str = ""  # "" = none; None does not sort
    branch: str = ""
    template: str = ""  # the deployed `--name`


@dataclass(frozen=True, slots=True, kw_only=True)
class Decorator:
    """One decorator with evaluated arguments. `**cfg` is already merged into kwargs, where it beats explicit ones."""

    name: str  # Metaflow's name: last part of the dotted name or of the decospec
    args: tuple[Value, ...] = ()
    kwargs: Mapping[str, Value] = field(default_factory=dict)
    rest: Unresolved | None = None  # an `**expression` that is not known: any attribute may be set by it
    unpacked: frozenset[str] = frozenset()  # names in kwargs that came out of `**cfg`: Metaflow does not check those
    origin: Literal["flow", "with", "target"] = "flow"
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResources:
    """What one task of a step asks for, after Metaflow's own merge. `Known(None)` where Metaflow has none."""

    compute: str  # local | batch | kubernetes | other
    cpu: Value = NOTHING
    gpu: Value = NOTHING
    memory_mb: Value = NOTHING
    disk_mb: Value = NOTHING
    shared_memory_mb: Value = NOTHING
    trainium: Value = NOTHING
    inferentia: Value = NOTHING
    queue: Value = NOTHING
    node_selector: Value = NOTHING  # Known(dict[str, str])
    compute_pool: Value = NOTHING
    gpu_vendor: Value = NOTHING
    instance_type: Value = NOTHING
    extended_resources: Value = NOTHING  # Known(dict[str, Any]): Kubernetes' own names, e.g. nvidia.com/mig-3g.40gb
    persistent_volume_claims: Value = NOTHING
    retry_times: Value = NOTHING
    timeout_s: Value = NOTHING
    # A mutator or an unknown decorator that may have changed any attribute: then all of them are unknown ("*").
    touched_by: Unresolved | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreach:
    """`self.next(..., foreach=artifact)`; width is the number of splits where the source tells it."""

    artifact: str
    width: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step as Metaflow means it, with its merged resources and its place in the graph."""

    name: str
    location: Location
    decorators: tuple[Decorator, ...]
    resources: StepResources
    next: tuple[str, ...]
    foreach: Foreach | None = None  # declared by this step's own self.next
    num_parallel: Value | None = None  # declared by this step's own self.next
    fan_out: tuple[Value, ...] = ()  # widths (Known int or Unresolved) of the foreaches and num_parallel around it
    conditional: bool = False  # behind a switch: 0 or more tasks
    recursive: bool = False  # may call itself: 1 or more tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """`@schedule` counted over a year: runs a month (730 h) as the scheduler of the target would start them."""

    cron: str
    timezone: str | None
    runs_per_month: float
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """`@trigger_on_finish`: the flow whose end starts this one; `@trigger`: an event."""

    flow: str | None = None  # None: an event
    project: str | None = None  # None: that of this flow itself; so for the branch
    branch: str | None = None
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigSource:
    """Where the value of a Config came from."""

    name: str  # option name
    source: Literal["file", "value", "default", "default_value", "none"]  # file, value: chosen in costgate.yml or argv
    path: str | None  # repository path of the file, if one was read
    digest: str | None  # sha256 of its bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A flow class, resolved for one choice of configs, target, branch and `--with`."""

    name: str
    file: str
    location: Location
    project: Value | None  # argument of @project; None without the decorator
    schedule: Schedule | Unresolved | None
    steps: tuple[Step, ...]  # start first, then in graph order
    trigger: Trigger | Unresolved | None = None  # what starts it beside the schedule
    configs: tuple[ConfigSource, ...] = ()
    owner: Owner = Owner()  # literal arguments of @costgate(...)
    unresolved: tuple[Unresolved, ...] = ()  # what is open about the flow itself
    reads: Mapping[str, str] = field(default_factory=dict)  # path → blob id of all it was resolved from ("" = absent)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDeclaration:
    """What costgate.yml declares of a step where no history can know."""

    duration_s: float | None = None
    tasks: float | None = None
    location: Location | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What is deployed: a flow class × its configs × target × branch."""

    key: DeploymentKey
    name: str  # what people call it: `name:` in costgate.yml, else the flow class, else made unique by its configs
    flow: Flow
    owner: Owner = Owner()
    runs_per_month: float | None = None  # declared
    steps: Mapping[str, StepDeclaration] = field(default_factory=dict)  # declared
    experiment: tuple[str, int] | None = None  # (name, runs) for max-cost-per-experiment
    location: Location | None = None  # of its entry in costgate.yml; None for a flow that is not listed
