"""What base has under another name: a new name for a flow, a project or a step does not shed what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from costgate.model import Deployment, DeploymentKey, Estimate, Flow, UsageProfile


def predecessors(
    base: tuple[Deployment, ...], head: tuple[Deployment, ...], *, complete: bool = True
) -> Mapping[DeploymentKey, Deployment]:
    """Deployment of head → the one of base that it continues, with head's names for its steps.

    That is the one of the same key, else one that is gone at head and is of the same flow or file. Where head is not
    `complete`, what is gone cannot be told.
    """
    before, kept = {d.key: d for d in base}, {d.key for d in head}
    gone = sorted((d for d in base if complete and d.key not in kept), key=lambda d: d.key)
    found = ((d, before.get(d.key) or _continued(gone, d)) for d in head)
    return {after.key: _under_new_names(known, after) for after, known in found if known}


def _continued(gone: list[Deployment], head: Deployment) -> Deployment | None:
    same_flow = [d for d in gone if d.flow.name == head.flow.name]
    same_file = [d for d in gone if d.flow.file == head.flow.file]
    return next(iter((*same_flow, *same_file)), None)


def _under_new_names(base: Deployment, head: Deployment) -> Deployment:
    names = {old: new for new, old in renamed_steps(base.flow, head.flow).items()}
    return replace(base, steps={names.get(step, step): said for step, said in base.steps.items()}) if names else base


def renamed_steps(base: Flow, head: Flow) -> Mapping[str, str]:
    """Step of head → step of base, where the graphs are equal but for these names; else nothing."""
    old, new = ({step.name: step.next for step in flow.steps} for flow in (base, head))
    pairs = dict(zip((name for name in new if name not in old), (name for name in old if name not in new)))
    as_before = {pairs.get(name, name): tuple(pairs.get(n, n) for n in following) for name, following in new.items()}
    return pairs if as_before == old else {}


def estimate_under(names: Mapping[str, str], before: Estimate) -> Estimate:
    """Base's estimate with the steps under head's names."""
    new = {old: name for name, old in names.items()}
    return replace(before, steps=tuple(replace(s, step=new.get(s.step, s.step)) for s in before.steps))


def usage_under(
    usage: UsageProfile | None, key: DeploymentKey, before: DeploymentKey, names: Mapping[str, str]
) -> UsageProfile | None:
    """The profile with the history of `before` for a deployment that has none of its own, by head's step names."""
    history = (usage.deployments.get(key) or usage.deployments.get(before)) if usage else None
    if usage is None or history is None or (key == before and not names):
        return usage
    more = {new: history.steps[old] for new, old in names.items() if old in history.steps}
    known = replace(history, steps={**more, **history.steps})
    return replace(usage, deployments={**usage.deployments, key: known})
