"""Prices both sides. What head renames, newly declares or makes unreadable does not make it cheaper than base."""

from __future__ import annotations

from collections.abc import Mapping

from costgate.errors import InputError
from costgate.estimate import estimate
from costgate.estimate.evidence import Upstream
from costgate.estimate.frequency import started_by
from costgate.flow.upstream import by_flow, starters
from costgate.gate.declared import without_discounts
from costgate.gate.judging import Judging
from costgate.gate.renamed import estimate_under, predecessors, renamed_steps, usage_under
from costgate.gate.sides import Side
from costgate.model import Deployment, DeploymentKey, Estimate, Schedule, UsageProfile

Estimates = tuple[Estimate, ...]


def price_sides(
    judging: Judging,
    base: Side,
    head: Side,
    *,
    flows: tuple[str, ...] = (),
    calibrate: bool = True,
    complete: bool = True,
) -> tuple[Estimates, Estimates, tuple[str, ...]]:
    """Base's and head's estimates, and notes about what head says that does not count.

    `flows` chooses by file, flow class or deployment name, () is all; InputError where nothing is chosen. Where head is
    not `complete`, what is gone from it cannot be told.
    """
    chosen = _chosen(base.deployments + head.deployments, flows)
    continued = predecessors(base.deployments, head.deployments, complete=complete)
    pricer = Pricer(judging, base.deployments, head.deployments, continued, calibrate=calibrate)
    after = [pricer.at_head(d) for d in head.deployments if d.key in chosen]
    return (
        tuple(pricer.at_base(d) for d in base.deployments if d.key in chosen),
        tuple(estimated for estimated, _ in after),
        tuple(note for _, notes in after for note in notes),
    )


def _chosen(deployments: tuple[Deployment, ...], wanted: tuple[str, ...]) -> frozenset[DeploymentKey]:
    """The keys that are meant: a deployment is chosen on both sides by its name or file on either."""
    found = frozenset(d.key for d in deployments if not wanted or {d.name, d.flow.name, d.flow.file} & set(wanted))
    if wanted and not found:
        known = ", ".join(sorted({d.name for d in deployments})[:20]) or "none"
        raise InputError(
            f"no deployment matches {' '.join(wanted)}",
            help=f"name a file, a flow class or a deployment; there are: {known}",
        )
    return found


class Pricer:
    """Estimates the deployments of both sides, each once; one that another starts needs that one's frequency first."""

    def __init__(
        self,
        judging: Judging,
        base: tuple[Deployment, ...],
        head: tuple[Deployment, ...],
        continued: Mapping[DeploymentKey, Deployment],
        *,
        calibrate: bool,
    ) -> None:
        self._judging, self._calibrate = judging, calibrate
        self._base, self._head = {d.key: d for d in base}, {d.key: d for d in head}
        self._continued = continued
        self._before: dict[DeploymentKey, Estimate] = {}
        self._after: dict[DeploymentKey, tuple[Estimate, tuple[str, ...]]] = {}
        self._by_flow = {"base": by_flow(base), "head": by_flow(head)}

    def at_base(self, deployment: Deployment) -> Estimate:
        """A deployment of base."""
        if deployment.key not in self._before:
            upstream = self._upstream(deployment, "base")
            self._before[deployment.key] = self._estimate(deployment, deployment, self._judging.usage, None, upstream)
        return self._before[deployment.key]

    def at_head(self, deployment: Deployment) -> tuple[Estimate, tuple[str, ...]]:
        """A deployment of head, held to the one of base that it continues, and notes about what does not count."""
        if deployment.key not in self._after:
            self._after[deployment.key] = self._at_head(deployment)
        return self._after[deployment.key]

    def _at_head(self, deployment: Deployment) -> tuple[Estimate, tuple[str, ...]]:
        before, upstream = self._continued.get(deployment.key), self._upstream(deployment, "head")
        if before is None:
            return self._estimate(deployment, None, self._judging.usage, None, upstream), ()
        same = self._base.get(deployment.key)
        if deployment == same and upstream == self._upstream(same, "base"):
            return self.at_base(same), ()
        return self._continuing(deployment, before, upstream)

    def _continuing(
        self, deployment: Deployment, before: Deployment, upstream: Upstream
    ) -> tuple[Estimate, tuple[str, ...]]:
        base = self._base[before.key]
        names = renamed_steps(before.flow, deployment.flow)
        usage = usage_under(self._judging.usage, deployment.key, before.key, names)
        known = estimate_under(names, self.at_base(base))
        found = self._estimate(deployment, base, usage, known, upstream)
        held, notes = without_discounts(before, known, deployment, found)
        return (self._estimate(held, base, usage, known, upstream) if notes else found), notes

    def _estimate(
        self,
        deployment: Deployment,
        base: Deployment | None,
        usage: UsageProfile | None,
        known: Estimate | None,
        upstream: Upstream,
    ) -> Estimate:
        schedule = base.flow.schedule if base else None
        return estimate(
            deployment,
            card=self._judging.card,
            usage=usage,
            assumptions=self._judging.config.assumptions,
            base_schedule=schedule if isinstance(schedule, Schedule) else None,
            is_new=deployment.key not in self._base,
            calibrate=self._calibrate,
            known=known,
            upstream=upstream,
            base_upstream=self._upstream(base, "base") if base else None,
        )

    def _upstream(self, deployment: Deployment, side: str) -> Upstream:
        """How often the flows run whose end starts this one."""
        found = starters(deployment, self._by_flow[side])
        if not isinstance(found, tuple):
            return found
        return started_by(deployment, [(self.at_base(d) if side == "base" else self.at_head(d)[0]).runs for d in found])
