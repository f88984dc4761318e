"""Which deployments of a side start another one when they finish."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from costgate.flow.triggers import HINT
from costgate.model import Deployment, DeploymentKey, Trigger, Unresolved

MOST_LINKS = 50  # deployments above one that are followed
ByFlow = Mapping[str, "tuple[Deployment, ...]"]


def by_flow(side: Iterable[Deployment]) -> ByFlow:
    """The deployments of a side by the name of their flow."""
    found: dict[str, tuple[Deployment, ...]] = {}
    for deployment in side:
        found[deployment.key.flow] = (*found.get(deployment.key.flow, ()), deployment)
    return found


def starters(deployment: Deployment, side: ByFlow) -> tuple[Deployment, ...] | Unresolved | None:
    """The deployments whose every end starts this one; Unresolved where they cannot be told, None without a trigger."""
    found = _starters(deployment, side)
    trigger = deployment.flow.trigger
    if not isinstance(found, tuple) or not isinstance(trigger, Trigger):
        return found
    seen: set[DeploymentKey] = set()
    waiting = list(found)
    while waiting and len(seen) <= MOST_LINKS:
        above = waiting.pop()
        if above.key == deployment.key:
            return _open(trigger, f"it is started by {trigger.flow}, which it starts itself; {HINT}")
        more = () if above.key in seen else _starters(above, side)
        seen.add(above.key)
        waiting += more if isinstance(more, tuple) else ()
    return _open(trigger, f"more than {MOST_LINKS} flows start one another; {HINT}") if waiting else found


def _starters(deployment: Deployment, side: ByFlow) -> tuple[Deployment, ...] | Unresolved | None:
    """The next ones above. The event that Argo waits for is named by project, branch and flow: two templates of these
    send the same. A branch that costgate.yml does not name is unknown, and may be any.
    """
    trigger = deployment.flow.trigger
    if not isinstance(trigger, Trigger):
        return trigger
    if trigger.flow is None:
        return _open(trigger, f"how often its event comes stands in no file; {HINT}")
    project, branch = trigger.project or deployment.key.project, trigger.branch or deployment.key.branch
    if bool(project) != bool(trigger.branch or deployment.key.project):  # @project gives both
        return _open(trigger, "Metaflow fails: a project without a branch, or a branch without one, names no event")
    named = [d for d in side.get(trigger.flow, ()) if d.key.project == project]
    same = tuple(d for d in named if d.key.branch == branch)
    possible = same or tuple(d for d in named if not d.key.branch or not branch)
    if same or len(possible) == 1:
        return possible
    where = "".join(f" of {kind} {value}" for kind, value in (("project", project), ("branch", branch)) if value)
    how_many = "are several deployments" if possible else "is no deployment"
    return _open(trigger, f"there {how_many} of {trigger.flow}{where} in this repository; {HINT}")


def _open(trigger: Trigger, reason: str) -> Unresolved:
    expression = f"@trigger_on_finish(flow={trigger.flow!r})" if trigger.flow else "@trigger"
    return Unresolved(expression=expression, reason=reason, location=trigger.location)
