"""`@batch` and `@resources` merged as compute_resource_attributes of metaflow/plugins/aws/aws_utils.py does it."""

from __future__ import annotations

from collections.abc import Mapping

from costgate.flow import attributes as at
from costgate.model import Decorator, Known, Unresolved, Value

# Used only where neither decorator says anything; with @resources its own defaults are a floor instead.
DEFAULTS = {"cpu": "1", "gpu": "0", "memory": "4096"}


def merged(decorator: Decorator, asked: Decorator | None, env: Mapping[str, Known]) -> dict[str, Value]:
    """Attributes of the job: the larger value of both decorators where both have one.

    `env` holds the METAFLOW_* settings of the deploying machine.
    """
    mine = at.attributes(decorator)
    theirs = at.attributes(asked) if asked else {}
    found = {name: _either(name, mine[name], theirs.get(name), decorator) for name in (*DEFAULTS, "shared_memory")}
    found["cpu"] = at.positive("cpu", found["cpu"], decorator)
    found["memory"] = at.positive("memory", found["memory"], decorator)
    found["gpu"] = at.whole("gpu", found["gpu"], decorator)  # Metaflow itself would cut 1.5 to 1 without a word
    found["shared_memory"] = _shared(found["shared_memory"], decorator)
    found["queue"] = _queue(mine["queue"], decorator, env)
    found.update(_neuron(mine["trainium"], mine["inferentia"], decorator))
    return found


def _either(name: str, mine: Value, theirs: Value | None, decorator: Decorator) -> Value:
    if isinstance(mine, Unresolved):
        return mine
    if isinstance(theirs, Unresolved):
        return theirs
    if theirs is not None and theirs.value is not None:
        return at.or_zero(theirs) if mine.value is None else _both(name, mine, theirs, decorator)
    return at.default(DEFAULTS.get(name), decorator) if mine.value is None else at.or_zero(mine)


def _both(name: str, mine: Known, theirs: Known, decorator: Decorator) -> Value:
    """Two texts that are no numbers must be equal; then neither counts and the default stays, odd as it is."""
    value = at.larger(name, mine, theirs, decorator)
    if (
        isinstance(value, Unresolved)
        and name in DEFAULTS
        and isinstance(mine.value, str)
        and mine.value == theirs.value
    ):
        return at.default(DEFAULTS[name], decorator)
    return value


def _shared(value: Value, decorator: Decorator) -> Value:
    """Nothing, or a number above 0."""
    nothing = isinstance(value, Known) and value.value is None
    return value if nothing else at.positive("shared_memory", value, decorator)


def _queue(value: Value, decorator: Decorator, env: Mapping[str, Known]) -> Value:
    """METAFLOW_BATCH_JOB_QUEUE is the attribute's default: an explicit None stays None."""
    variable = "METAFLOW_BATCH_JOB_QUEUE"
    if "queue" in decorator.kwargs or isinstance(value, Unresolved) or variable not in env:
        return value
    found = env[variable]
    return Known(value=found.value, chain=(*value.chain, *found.chain), notes=(f"{variable}={found.value}",))


def _neuron(trainium: Value, inferentia: Value, decorator: Decorator) -> dict[str, Value]:
    """Metaflow hands both on as Neuron devices; here each keeps its name, since their nodes differ in price."""
    if isinstance(trainium, Known) and isinstance(inferentia, Known) and None not in (trainium.value, inferentia.value):
        refused = at.refused_value("trainium", trainium, "inferentia is given too", decorator)
        return {"trainium": refused, "inferentia": refused}
    return {
        "trainium": at.whole("trainium", trainium, decorator),
        "inferentia": at.whole("inferentia", inferentia, decorator),
    }
