"""`@trigger_on_finish` and `@trigger`: what starts a flow beside its schedule.

Read as metaflow/plugins/events_decorator.py and Argo's `_process_triggers` do: one upstream flow by name, in the
project and branch of the flow itself unless it says others. How often an event comes, no file of the repository tells.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from costgate.model import NOTHING, Decorator, Trigger, Unresolved

FLOW_NAME = re.compile(r"[A-Za-z0-9_]+")
HINT = "declare runs_per_month for it under `deployments:` in costgate.yml"


def trigger(decorators: Mapping[str, Decorator], target: str) -> Trigger | Unresolved | None:
    """What starts the deployed flow; None where nothing does, as on one's own machine. Never raises."""
    by_event, on_finish = decorators.get("trigger"), decorators.get("trigger_on_finish")
    found = on_finish or by_event
    if found is None or target == "local":
        return None
    if target == "step-functions":
        return _open(found, f"Metaflow fails: Step Functions knows no @{found.name}")
    if by_event is not None and on_finish is not None:
        return _open(found, "Metaflow fails: Argo takes @trigger or @trigger_on_finish, not both")
    if by_event is not None:
        return Trigger(location=by_event.location)
    return _on_finish(found)


def _on_finish(decorator: Decorator) -> Trigger | Unresolved:
    if decorator.rest is not None:
        return decorator.rest
    flow, flows = _argument(decorator, "flow"), _argument(decorator, "flows")
    for value in (flow, flows):
        if isinstance(value, Unresolved):
            return value
    if bool(flow) == bool(flows):
        return _open(decorator, "Metaflow fails: @trigger_on_finish needs either `flow` or `flows`")
    upstream = [flow] if flow else flows
    if not isinstance(upstream, list):
        return _open(decorator, "Metaflow fails: `flows` is no list")
    if len(upstream) > 1:
        names = ", ".join(str(_name(one)) for one in upstream[:5])
        return _open(decorator, f"it starts when all of {names} have finished, and how often that is, is open; {HINT}")
    return _upstream(decorator, upstream[0])


def _argument(decorator: Decorator, name: str) -> Any:
    """The plain value of an argument, None without one, Unresolved where it is open."""
    value = decorator.kwargs.get(name, NOTHING)
    return value if isinstance(value, Unresolved) else value.value


def _name(one: Any) -> Any:
    return one.get("name") if isinstance(one, Mapping) else one


def _upstream(decorator: Decorator, given: Any) -> Trigger | Unresolved:
    """`Flow`, `project.branch.Flow`, or a mapping with name, project and project_branch."""
    fields = {"name": given} if isinstance(given, str) else given
    if not isinstance(fields, Mapping) or any(not isinstance(value, str) for value in fields.values()):
        return _open(decorator, "Metaflow fails: `flow` is neither a text nor a mapping of texts")
    project, branch, name = fields.get("project"), fields.get("project_branch"), fields.get("name", "")
    if isinstance(given, str) and name.count(".") > 1:
        project, _, rest = name.partition(".")
        branch, _, name = rest.rpartition(".")
    if not FLOW_NAME.fullmatch(name):
        return _open(decorator, f"Metaflow fails: {name!r:.100} is no name of a flow")
    return Trigger(flow=name, project=project, branch=branch, location=decorator.location)


def _open(decorator: Decorator, reason: str) -> Unresolved:
    return Unresolved(expression=f"@{decorator.name}", reason=reason, location=decorator.location)
