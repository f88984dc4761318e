"""`@schedule` as the scheduler of the deploy target reads it: when a flow runs, and how often that is."""

from __future__ import annotations

from costgate.flow import cron
from costgate.model import NOTHING, Decorator, Known, Schedule, Unresolved, Value
from costgate.units import HOURS_PER_MONTH

# metaflow/plugins/aws/step_functions/schedule_decorator.py: the first that is true wins; daily is on unless turned off.
ATTRIBUTES = {"cron": None, "weekly": False, "hourly": False, "daily": True, "timezone": None}
SHORTHANDS = {"weekly": "0 0 ? * SUN *", "hourly": "0 * * * ? *", "daily": "0 0 * * ? *"}
HOURS_PER_YEAR = 8760


def schedule(decorator: Decorator, target: str) -> Schedule | Unresolved | None:
    """The schedule that the target deploys; None where it deploys none (`daily=False`, or a run on one's machine)."""
    if target == "local":
        return None
    refused = decorator.rest or _refused(decorator)
    if refused:
        return refused
    chosen = _expression(decorator)
    if chosen is None or isinstance(chosen, Unresolved):
        return chosen
    timezone = decorator.kwargs.get("timezone", NOTHING)
    if isinstance(timezone, Unresolved):
        return timezone
    return _counted(decorator, chosen, timezone.value, target)


def _refused(decorator: Decorator) -> Unresolved | None:
    unknown = [name for name in decorator.kwargs if name not in ATTRIBUTES]
    if decorator.args:
        return _unresolved(decorator, "@schedule", "Metaflow would refuse @schedule with a positional argument")
    if unknown:
        return _unresolved(decorator, unknown[0], f"Metaflow would refuse {unknown[0]!r}, no attribute of @schedule")
    return None


def _expression(decorator: Decorator) -> Known | Unresolved | None:
    """The expression in Metaflow's own form; anything true turns a shorthand on, the string "false" included."""
    for name in ("cron", *SHORTHANDS):
        value: Value = decorator.kwargs.get(name, Known(value=ATTRIBUTES[name], chain=(decorator.location,)))
        if isinstance(value, Unresolved):
            return value
        if value.value:
            return value if name == "cron" else Known(value=SHORTHANDS[name], chain=value.chain)
    return None


def _counted(decorator: Decorator, chosen: Known, timezone: object, target: str) -> Schedule | Unresolved:
    text = chosen.value
    if not isinstance(text, str) or not text.split():
        return _unresolved(decorator, f"cron={text!r:.100}", "Metaflow would refuse a cron expression that is no text")
    if timezone is not None and target == "step-functions":
        return _unresolved(decorator, "timezone", "Metaflow would refuse a timezone on Step Functions")
    if timezone is not None and not isinstance(timezone, str):
        return _unresolved(decorator, "timezone", "Metaflow would refuse a timezone that is no text")
    try:
        runs = _runs(text, target)
    except cron.CronError as error:
        scheduler = "EventBridge" if target == "step-functions" else "Argo"
        return _unresolved(decorator, text[:100], f"{scheduler} would refuse the cron expression: it {error}")
    if runs == 0 and target == "step-functions" and text.split()[5] != "*":
        return _unresolved(decorator, text, f"the schedule runs only in the year {text.split()[5]}")
    return Schedule(
        cron=text, timezone=timezone, runs_per_month=runs * int(HOURS_PER_MONTH) / HOURS_PER_YEAR,
        location=chosen.chain[-1] if chosen.chain else decorator.location,
    )  # fmt: skip


def _runs(text: str, target: str) -> float:
    if target == "step-functions":
        return cron.runs_in_year(text, "eventbridge")
    # Argo gets the first five fields, without the year: metaflow/plugins/argo/argo_workflows.py, _get_schedule.
    return cron.runs_in_year(" ".join(text.split()[:5]), "argo")


def _unresolved(decorator: Decorator, expression: str, reason: str) -> Unresolved:
    return Unresolved(expression=expression, reason=reason, location=decorator.location)
