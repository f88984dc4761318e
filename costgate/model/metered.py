"""What really ran: the grain of the meter. Its CSV form has these names as its header."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

EndSource = Literal["recorded", "next_attempt", "heartbeat", "timeout"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskAttempt:
    """One closed attempt of one task. (flow, run_id, step, task_id, attempt) is its key; None is not known.

    It lasts from its `attempt` record to its `attempt-done` record; queueing and waits between retries cost nothing.
    """

    flow: str
    run_id: str
    step: str
    task_id: str
    attempt: int = 0
    started_at: datetime  # aware UTC
    finished_at: datetime
    end_source: EndSource = "recorded"  # how the end is known: an attempt that was killed records none
    queued_s: float | None = None
    overhead_s: float | None = None  # image pull and bootstrap: billed, and not in Metaflow's own times
    ok: bool | None = None
    compute: str | None = None  # local | batch | kubernetes | other
    cpu: float | None = None  # as requested, after Metaflow's merge; per node
    gpu: float | None = None
    memory_mb: float | None = None
    disk_mb: float | None = None
    num_nodes: int = 1
    queue: str | None = None
    node_selector: Mapping[str, str] = field(default_factory=dict)
    compute_pool: str | None = None
    gpu_vendor: str | None = None
    instance_type: str | None = None
    pod: str | None = None
    node: str | None = None
    project: str | None = None  # of @project
    branch: str | None = None
    template: str | None = None  # the deployed `--name`
    production: bool | None = None
    trigger: str | None = None  # schedule | event | person, where that is known
    config_digest: str | None = None
    git_sha: str | None = None
    user: str | None = None
    team: str | None = None
    cost_project: str | None = None
    cost_center: str | None = None
    experiment: str | None = None
    tags: tuple[str, ...] = ()
    gpu_utilization: float | None = None  # mean share of the GPUs' time, 0 to 1
    gpu_energy_kwh: float | None = None
    source: str  # where the record came from: local, service, csv, sacct, …

    @property
    def key(self) -> tuple[str, str, str, str, int]:
        """What tells attempts apart, whoever collected them."""
        return self.flow, self.run_id, self.step, self.task_id, self.attempt

    @property
    def seconds(self) -> float:
        """How long it held its resources, without overhead."""
        return (self.finished_at - self.started_at).total_seconds()
