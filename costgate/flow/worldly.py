"""What an expression may know of the world: paths inside the checkout, and environment variables with a default."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from costgate.flow.values import ANY, CHECKOUT, CheckoutPath, PurePath, RefusedError, known, plain
from costgate.model import Known, Value

if TYPE_CHECKING:
    from costgate.flow.evaluate import Evaluator


def repository_path(text: str, cwd: str) -> str | None:
    """The path in the repository that a program running in `cwd` opens; None outside of it."""
    absolute = posixpath.normpath(posixpath.join(CHECKOUT, cwd, text))
    path = absolute[len(CHECKOUT) + 1 :]
    return path if absolute.startswith(CHECKOUT + "/") and "\0" not in path else None


def path_text(value: Any) -> str:
    """The text of a path argument."""
    if isinstance(value, PurePath):
        return value.text
    text = value if isinstance(value, CheckoutPath) else plain(value)
    if not isinstance(text, str):
        raise RefusedError("is no path")
    return text


def _same_kind(text: str, *parts: str) -> str:
    return CheckoutPath(text) if text.startswith(CHECKOUT) and any(isinstance(p, CheckoutPath) for p in parts) else text


def join(*parts: str) -> str:
    """`os.path.join`."""
    return _same_kind(posixpath.join(*parts), *parts)


def parent(path: str) -> str:
    """`os.path.dirname`, and `Path.parent` of a path that has one."""
    return _same_kind(posixpath.dirname(path), path)


def base(path: str) -> str:
    """`os.path.basename`."""
    name = posixpath.basename(path)
    if "\0" in name:
        raise RefusedError("depends on where the repository is checked out")
    return name


def absolute(path: str, cwd: str) -> str:
    """`os.path.abspath`. No symlink is followed: snapshots have none."""
    return CheckoutPath(posixpath.normpath(posixpath.join(CHECKOUT, cwd, path)))


def environment(ev: Evaluator, key: Any, default: Value | None = None) -> Known:
    """An environment variable: known only if costgate.yml sets it or the code gives a default."""
    if not isinstance(key, str):
        raise RefusedError("names no environment variable")
    if ev.environment & {ANY, key}:
        raise RefusedError(f"depends on the environment variable {key}, which the code changes")
    if key.startswith("METAFLOW_") and key in ev.env:
        return Known(value=ev.env[key], notes=(f"{key} as set in metaflow_env",))
    if default is None:
        why = f"depends on the environment variable {key}, which has no default here"
        raise RefusedError(f"{why}; give it one: os.environ.get({key!r}, …)")
    value = known(default)
    note = f"depends on the environment variable {key}; its default is used"
    return Known(value=value.value, chain=value.chain, notes=(*value.notes, note))
