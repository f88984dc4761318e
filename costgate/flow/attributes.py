"""Attributes of Metaflow's resource decorators: defaults, and what of a value Metaflow would refuse."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from costgate.model import Decorator, Known, Location, Unresolved, Value

BY_DEFAULT = "Metaflow's default"

# In metaflow/plugins: resources_, kubernetes_, batch_, retry_ and timeout_decorator.py.
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "resources": {"cpu": "1", "gpu": None, "disk": None, "memory": "4096", "shared_memory": None},
    "kubernetes": {
        "cpu": "1", "memory": "4096", "disk": "10240", "gpu": None, "shared_memory": None, "node_selector": None,
        "compute_pool": None, "gpu_vendor": None, "extended_resources": None, "persistent_volume_claims": None,
    },
    "batch": {
        "cpu": None, "gpu": None, "memory": None, "shared_memory": None, "inferentia": None, "trainium": None,
        "queue": None,
    },
    "retry": {"times": "3", "minutes_between_retries": "2"},
    "timeout": {"seconds": 0, "minutes": 0, "hours": 0},
}  # fmt: skip

# Attributes that are none of ours.
OTHERS: Mapping[str, frozenset[str]] = {
    "kubernetes": frozenset((
        "image", "image_pull_policy", "image_pull_secrets", "service_account", "secrets", "namespace", "tolerations",
        "labels", "annotations", "use_tmpfs", "tmpfs_tempdir", "tmpfs_size", "tmpfs_path", "port", "executable",
        "hostname_resolution_timeout", "qos", "security_context",
    )),
    "batch": frozenset((
        "image", "iam_role", "execution_role", "max_swap", "swappiness", "efa", "host_volumes", "efs_volumes",
        "use_tmpfs", "aws_batch_tags", "tmpfs_tempdir", "tmpfs_size", "tmpfs_path", "ephemeral_storage", "log_driver",
        "log_options", "executable", "privileged",
    )),
}  # fmt: skip


def refused(expression: str, why: str, location: Location) -> Unresolved:
    """The value of something that cannot be deployed as it stands."""
    return Unresolved(expression=expression[:200], reason=f"Metaflow would refuse {why}", location=location)


def misused(decorator: Decorator) -> Unresolved | None:
    """Why Metaflow would refuse the decorator itself: a positional argument or an attribute that it does not have."""
    if decorator.args:
        return refused(f"@{decorator.name}", f"@{decorator.name} with a positional argument", decorator.location)
    known = DEFAULTS[decorator.name].keys() | OTHERS.get(decorator.name, frozenset())
    unknown = [name for name in decorator.kwargs if name not in known and name not in decorator.unpacked]
    if unknown:
        return refused(unknown[0], f"{unknown[0]!r}, which is no attribute of @{decorator.name}", decorator.location)
    return None


def attributes(decorator: Decorator) -> dict[str, Value]:
    """All resource attributes of a decorator: as written, else Metaflow's default."""
    defaults = DEFAULTS[decorator.name]
    unknown = decorator.rest or misused(decorator)
    if unknown:
        return dict.fromkeys(defaults, unknown)
    return {name: decorator.kwargs.get(name, default(value, decorator)) for name, value in defaults.items()}


def default(value: Any, decorator: Decorator) -> Known:
    """What Metaflow takes where the decorator says nothing."""
    return Known(value=value, chain=(decorator.location,), notes=(BY_DEFAULT,))


def text(name: str, value: Known) -> str:
    """`memory='8G'`, for messages."""
    return f"{name}={value.value!r}"


def refused_value(name: str, value: Known, why: str, decorator: Decorator) -> Unresolved:
    """A value that Metaflow would refuse, at the place where it is used."""
    return refused(text(name, value), f"{text(name, value)[:60]}: {why}", (*value.chain, decorator.location)[0])


def number(name: str, value: Value, decorator: Decorator) -> Value:
    """The value as int or float (4.0 is 4); None stays None. Text is read as `float()` does."""
    if isinstance(value, Unresolved) or value.value is None:
        return value
    raw = value.value
    try:
        found = math.nan if isinstance(raw, bool) or not isinstance(raw, (int, float, str)) else float(raw)
    except (ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        return refused_value(name, value, "it is no number", decorator)
    return replace(value, value=int(found) if found.is_integer() else found)


def larger(name: str, mine: Value, theirs: Value, decorator: Decorator) -> Value:
    """The larger number of two attributes, nothing being 0; of two equal ones the one that somebody wrote."""
    ours = [number(name, or_zero(value), decorator) for value in (mine, theirs)]
    for value in ours:
        if isinstance(value, Unresolved):
            return value
    first, second = (value for value in ours if isinstance(value, Known))
    if second.value > first.value or (second.value == first.value and BY_DEFAULT in first.notes):
        return second
    return first


def or_zero(value: Value) -> Value:
    """Metaflow's `value or 0`: None, an empty text and False are 0."""
    return value if isinstance(value, Unresolved) or value.value else replace(value, value=0)


def positive(name: str, value: Value, decorator: Decorator) -> Value:
    """A number that must be above 0."""
    value = number(name, value, decorator)
    if isinstance(value, Known) and (value.value is None or value.value <= 0):
        return refused_value(name, value, "it must be greater than 0", decorator)
    return value


def whole(name: str, value: Value, decorator: Decorator) -> Value:
    """A count of devices: None, 0 or a whole number."""
    value = number(name, value, decorator)
    if isinstance(value, Known) and value.value is not None and (isinstance(value.value, float) or value.value < 0):
        return refused_value(name, value, "it must be a whole number", decorator)
    return value
