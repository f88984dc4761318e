"""`@kubernetes` and `@resources` merged as metaflow/plugins/kubernetes/kubernetes_decorator.py does it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from costgate.flow import attributes as at
from costgate.model import Decorator, Known, Unresolved, Value

POOL = "outerbounds.co/compute-pool"


def merged(decorator: Decorator, asked: Decorator | None, env: Mapping[str, Known]) -> dict[str, Value]:
    """Attributes of the pod: the larger cpu, memory and disk; gpu and shared_memory of @resources replace.

    `env` holds the METAFLOW_* settings of the deploying machine.
    """
    mine = at.attributes(decorator)
    theirs = at.attributes(asked) if asked else {}
    found = {name: _size(name, mine[name], theirs.get(name), decorator, env) for name in ("cpu", "memory", "disk")}
    found["gpu"] = _gpu(mine["gpu"], theirs.get("gpu"), decorator)
    found["shared_memory"] = _shared(mine["shared_memory"], theirs.get("shared_memory"), decorator, env)
    found["gpu_vendor"] = _vendor(mine["gpu_vendor"], decorator, env)
    found["compute_pool"] = mine["compute_pool"]
    found["extended_resources"] = _extended(mine["extended_resources"], decorator)
    found["persistent_volume_claims"] = _claims(mine["persistent_volume_claims"], decorator, env)
    found["node_selector"] = selector(mine["node_selector"], mine["compute_pool"], decorator, env)
    return found


def _setting(name: str, env: Mapping[str, Known], decorator: Decorator) -> Known | None:
    """METAFLOW_KUBERNETES_<NAME>, where it is set and not empty."""
    variable = f"METAFLOW_KUBERNETES_{name.upper()}"
    found = env.get(variable)
    if found is None or not found.value:
        return None
    return Known(value=found.value, chain=(decorator.location, *found.chain), notes=(f"{variable}={found.value}",))


def _size(name: str, mine: Value, theirs: Value | None, decorator: Decorator, env: Mapping[str, Known]) -> Value:
    """The setting counts only where the attribute equals the text of the default: cpu=1 is kept, cpu="1" is not."""
    if isinstance(mine, Known) and mine.value == at.DEFAULTS["kubernetes"][name]:
        mine = _setting(name, env, decorator) or mine
    if theirs is not None and not _nothing(mine, theirs):
        mine = at.larger(name, mine, theirs, decorator)
    return at.positive(name, mine, decorator)


def _nothing(mine: Value, theirs: Value) -> bool:
    return all(isinstance(value, Known) and value.value is None for value in (mine, theirs))


def _replaced(mine: Value, theirs: Value | None) -> Value:
    """What @resources says replaces, unless it says None; that is no maximum."""
    if theirs is None or (isinstance(theirs, Known) and theirs.value is None):
        return mine
    return theirs


def _gpu(mine: Value, theirs: Value | None, decorator: Decorator) -> Value:
    value = _replaced(mine, theirs)
    if isinstance(value, Known) and isinstance(value.value, float):
        return at.refused_value("gpu", value, "it must be an integer", decorator)
    return at.whole("gpu", value, decorator)


def _shared(mine: Value, theirs: Value | None, decorator: Decorator, env: Mapping[str, Known]) -> Value:
    if isinstance(mine, Known) and not mine.value:
        mine = _setting("shared_memory", env, decorator) or replace(mine, value=None)
    value = _replaced(mine, theirs)
    if isinstance(value, Known) and value.value and not (type(value.value) is int and value.value > 0):
        return at.refused_value("shared_memory", value, "it must be an integer greater than 0", decorator)
    if isinstance(value, Known) and not value.value and type(value.value) is not int:  # nothing, such as ""
        return replace(value, value=None)
    return value


def _vendor(value: Value, decorator: Decorator, env: Mapping[str, Known]) -> Value:
    if isinstance(value, Unresolved):
        return value
    if not value.value:
        variable = "METAFLOW_KUBERNETES_GPU_VENDOR"
        found = env.get(variable)
        value = at.default("nvidia", decorator)
        if found is not None:
            value = Known(value=found.value, chain=(decorator.location, *found.chain), notes=(variable,))
    if not isinstance(value.value, str) or value.value.lower() not in ("amd", "nvidia"):
        return at.refused_value("gpu_vendor", value, "it must be amd or nvidia", decorator)
    return value


def _extended(value: Value, decorator: Decorator) -> Value:
    """Requests and limits under Kubernetes' own names, e.g. `{"nvidia.com/mig-3g.40gb": 1}`; nothing is None."""
    if isinstance(value, Unresolved) or (isinstance(value.value, dict) and value.value):
        return value
    if value.value:
        return at.refused_value("extended_resources", value, "it must be a mapping", decorator)
    return replace(value, value=None)


def _claims(value: Value, decorator: Decorator, env: Mapping[str, Known]) -> Value:
    """`{"claim": "/path"}`; the setting is the same as JSON."""
    if isinstance(value, Unresolved) or value.value:
        return value
    found = _setting("persistent_volume_claims", env, decorator) or replace(value, value="null")
    try:
        return replace(found, value=json.loads(found.value))
    except (ValueError, TypeError, RecursionError):
        return at.refused_value("persistent_volume_claims", found, "it must be JSON", decorator)


def selector(value: Value, pool: Value, decorator: Decorator, env: Mapping[str, Known]) -> Value:
    """`{"a": "b"}` or `"a=b,c=d"`; a compute pool is one more label."""
    if isinstance(value, Unresolved):
        return value
    if isinstance(pool, Unresolved):
        return pool
    if not value.value:
        value = _setting("node_selector", env, decorator) or value
    labels = _labels(value.value)
    if labels is None:
        return at.refused_value("node_selector", value, 'it must be a mapping or a text like "a=b,c=d"', decorator)
    if pool.value:
        labels = {**labels, POOL: str(pool.value)}
        value = value if value.value else pool
    return replace(value, value=labels or None)


def _labels(raw: object) -> dict[str, str] | None:
    """None for what Metaflow could not read: text without `=`, a label twice, another type."""
    if raw is None:
        return {}
    if isinstance(raw, dict):
        return {str(key): "" if label is None else str(label) for key, label in raw.items()}
    if not isinstance(raw, str):
        return None
    pairs = [part.partition("=") for part in raw.split(",")]
    labels = {key: label for key, _, label in pairs}
    return labels if all(equals for _, equals, _ in pairs) and len(labels) == len(pairs) else None
