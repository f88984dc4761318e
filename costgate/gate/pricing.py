"""Prices both sides. What head renames, newly declares or makes unreadable does not make it cheaper than base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from costgate.errors import InputError
from costgate.estimate import estimate
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
    pricer = _Pricer(judging=judging, base={d.key: d for d in base.deployments}, calibrate=calibrate)
    before = {d.key: pricer.alone(d) for d in base.deployments if d.key in chosen}
    continued = predecessors(base.deployments, head.deployments, complete=complete)
    after = [pricer.head(d, continued.get(d.key), before) for d in head.deployments if d.key in chosen]
    return (
        tuple(before.values()),
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pricer:
    judging: Judging
    base: Mapping[DeploymentKey, Deployment]
    calibrate: bool

    def alone(self, deployment: Deployment) -> Estimate:
        """A deployment without one that it continues."""
        return self._estimate(deployment, deployment.key, self.judging.usage, None)

    def head(
        self, deployment: Deployment, before: Deployment | None, priced: Mapping[DeploymentKey, Estimate]
    ) -> tuple[Estimate, tuple[str, ...]]:
        """A deployment of head: base's estimate where it is the very same, else held to the one that it continues."""
        if before is None:
            return self.alone(deployment), ()
        if deployment == self.base.get(deployment.key):
            return priced[deployment.key], ()
        return self._continuing(deployment, before, priced.get(before.key) or self.alone(self.base[before.key]))

    def _continuing(
        self, deployment: Deployment, before: Deployment, known: Estimate
    ) -> tuple[Estimate, tuple[str, ...]]:
        names = renamed_steps(before.flow, deployment.flow)
        usage = usage_under(self.judging.usage, deployment.key, before.key, names)
        known = estimate_under(names, known)
        found = self._estimate(deployment, before.key, usage, known)
        held, notes = without_discounts(before, known, deployment, found)
        return (self._estimate(held, before.key, usage, known) if notes else found), notes

    def _estimate(
        self, deployment: Deployment, at_base: DeploymentKey, usage: UsageProfile | None, known: Estimate | None
    ) -> Estimate:
        schedule = self.base[at_base].flow.schedule if at_base in self.base else None
        return estimate(
            deployment,
            card=self.judging.card,
            usage=usage,
            assumptions=self.judging.config.assumptions,
            base_schedule=schedule if isinstance(schedule, Schedule) else None,
            is_new=deployment.key not in self.base,
            calibrate=self.calibrate,
            known=known,
        )
