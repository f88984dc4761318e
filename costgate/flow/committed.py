"""Metaflow's settings that a repository commits: `.metaflow/config.json`, found as metaflow_config_funcs.py does."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from costgate.errors import InputError
from costgate.flow.config_source import BYTE_ORDER_MARK, broken
from costgate.flow.worldly import repository_path
from costgate.model import Known, Location, Unresolved
from costgate.yamlfile import Document, load_json

if TYPE_CHECKING:
    from costgate.flow.evaluate import Evaluator

FOLDER, FILE = ".metaflow", "config.json"
# What enters a price, and whether Metaflow makes a text of a number: it does where its own default is a text.
SETTINGS: Mapping[str, bool] = {
    "METAFLOW_BATCH_JOB_QUEUE": False,
    "METAFLOW_DEFAULT_DECOSPECS": True,
    "METAFLOW_KUBERNETES_CPU": False,
    "METAFLOW_KUBERNETES_DISK": False,
    "METAFLOW_KUBERNETES_GPU_VENDOR": True,
    "METAFLOW_KUBERNETES_MEMORY": False,
    "METAFLOW_KUBERNETES_NODE_SELECTOR": True,
    "METAFLOW_KUBERNETES_SHARED_MEMORY": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """The settings, or why they are not known: then any attribute of any step may be another one."""

    settings: Mapping[str, Known] = field(default_factory=dict)
    problem: Unresolved | None = None


def read_committed(ev: Evaluator) -> Committed:
    """The settings of the nearest `.metaflow` at or above the folder that the flow is deployed from. Never raises."""
    for folder in _upwards(ev.cwd):
        path = posixpath.normpath(posixpath.join(folder, FOLDER, FILE))
        found = ev.exists(path)
        linked = next((p for p in (posixpath.dirname(path), path) if p in ev.sources.snapshot.others), None)
        if linked:
            return _failed(path, f"{linked} is a {ev.sources.snapshot.others[linked]}, which is not followed")
        if found:
            return _read(ev, path)
        if posixpath.dirname(path) in ev.sources.metaflow_folders:
            break  # Metaflow looks no further than the first folder of that name
    return Committed()


def _upwards(cwd: str) -> Iterator[str]:
    """The folder and all above it, to the root of the repository."""
    if repository_path(FOLDER, cwd) is None:
        return
    folder = posixpath.normpath(cwd)
    while folder != ".":
        yield folder
        folder = posixpath.dirname(folder) or "."
    yield "."


def _read(ev: Evaluator, path: str) -> Committed:
    try:
        data = ev.sources.snapshot.read(path)
        document = load_json(data, path)
    except InputError as error:
        message, place = broken(error, path)
        return _failed(path, message, place)
    if data.startswith(BYTE_ORDER_MARK):
        return _failed(path, "Metaflow fails: the text starts with a byte order mark")
    if not isinstance(document.data, dict):
        return _failed(path, "Metaflow fails: it is no mapping at its top level")
    return _settings(document, path)


def _settings(document: Document, path: str) -> Committed:
    settings: dict[str, Known] = {}
    for name, is_text in SETTINGS.items():
        value = document.data.get(name, "")
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            return _failed(path, f"{name} is neither a text nor a number", document.where(name))
        if name in document.data:
            settings[name] = Known(value=str(value) if is_text else value, chain=(document.where(name),))
    return Committed(settings=settings)


def _failed(path: str, why: str, place: Location | None = None) -> Committed:
    reason = f"Metaflow's settings in {path} are not known: {why}"
    return Committed(problem=Unresolved(expression=path, reason=reason, location=place or Location(path=path)))
