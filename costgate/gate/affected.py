"""Which Python files a change may touch, told from their text: a repository of a thousand flows is not parsed for ten.

It may name too many files, never too few. Flows read nothing but modules that they import and files of their Configs:
a module is named by an import, a config file by a literal default, and where a default is no literal the file counts
as touched by any change. What starts a flow is another flow's name in its @trigger_on_finish.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import replace

from costgate.config import ProjectConfig
from costgate.flow.globs import match_glob
from costgate.gate.texts import IMPORT, LITERAL, importers, namesakes, text_of
from costgate.gate.triggered import Triggers, triggers
from costgate.model import Snapshot

FEW_FILES = 60  # of Python: to parse them all is quicker than to search them
MOST_CHANGES = 500  # more changed files are a reorganisation: everything is looked at
CONFIG = re.compile(rb"\bConfig\b")
# `Config("config", default="configs/prod.json")`: nothing computed, so that the file name stands in the text
LITERAL_CONFIG = re.compile(
    rb"\bConfig\(\s*" + LITERAL + rb"(?:\s*,\s*(?:(?!default_value|parser)\w+\s*=\s*" + LITERAL + rb"|parser\s*=\s*"
    rb"(?:[\w.]+|" + LITERAL + rb")))*\s*,?\s*\)"
)  # fmt: skip
RENAMED_CONFIG = re.compile(rb"\bConfig\b(?:[\s\\]|#[^\r\n]*)+as\b")


def narrow(
    base: Snapshot, head: Snapshot, before: ProjectConfig, after: ProjectConfig
) -> tuple[Snapshot, Snapshot, ProjectConfig, ProjectConfig] | None:
    """Both snapshots and configurations with only what the difference may touch; None where that is everything.

    The snapshots still hold every file, so that imports and configs are found; they list fewer candidates for flows.
    """
    if sum(path.endswith(".py") for path in head.files) <= FEW_FILES:
        return None
    paths = changed_paths(base, head)
    if any("/.metaflow/" in f"/{path}" for path in paths):  # Metaflow's settings reach every flow below them
        return None
    if _deployed(before) != _deployed(after) or len(paths) > MOST_CHANGES or (paths and _chosen_by_environment(before)):
        return None
    started = triggers(base, head)
    if started is None:
        return None
    touched = _touched(base, head, paths, (before, after), started)
    return (
        _listing(base, touched), _listing(head, touched), _entries(before, touched), _entries(after, touched)
    )  # fmt: skip


def changed_paths(base: Snapshot, head: Snapshot) -> frozenset[str]:
    """Paths that are new, gone, or other content; files that only one side has are not read for that."""
    both = base.files.keys() & head.files.keys()
    return frozenset(base.files.keys() ^ head.files.keys()).union(p for p in both if base.files[p] != head.files[p])


def _deployed(config: ProjectConfig) -> tuple[object, ...]:
    """What a configuration says about what is deployed; places do not count."""
    entries = tuple(replace(entry, location=None) for entry in config.deployments)
    return (config.present, config.flows, config.exclude, config.target, config.with_, config.metaflow_env, entries)


def _chosen_by_environment(config: ProjectConfig) -> bool:
    """Whether the deploying machine chooses config files, which then stand in no flow."""
    return any(name.startswith("METAFLOW_FLOW_CONFIG") for name in config.metaflow_env)


def _touched(
    base: Snapshot, head: Snapshot, paths: frozenset[str], configs: tuple[ProjectConfig, ...], started: Triggers
) -> frozenset[str]:
    listed = {e.flow for c in configs for e in c.deployments if _names(e.configs.values(), paths)}
    touched = {path for path in paths if path.endswith(".py")} | listed
    for side in (base, head):
        touched |= _readers(side, paths) if paths else set()
    fresh = set(touched)
    while fresh:
        found = {p for side in (base, head) for p in importers(side, fresh) | namesakes(side, fresh)}
        fresh = (found | started.below(fresh)) - touched
        touched |= fresh
    return frozenset(touched | started.above(touched))


def _names(patterns: Iterable[str], paths: Iterable[str]) -> bool:
    clean = [posixpath.normpath(pattern) for pattern in patterns]
    return any(pattern == path or match_glob(pattern, path) for path in paths for pattern in clean)


def _readers(side: Snapshot, paths: frozenset[str]) -> set[str]:
    """Files that may read one of the changed files: they write its name, or compute the name of some config."""
    named = side.grep(tuple(sorted({posixpath.basename(path) for path in paths})))
    return set(named) | {path for path in side.grep(("Config",)) if _computes_a_config(text_of(side, path))}


def _computes_a_config(text: bytes | None) -> bool:
    """Whether a `Config` stands in it that is neither imported under its own name nor called with literals only."""
    if text is None:
        return True
    # The rest with a mark in the place of each import, which no literal may hold.
    rest = IMPORT.sub(rb"\\", text)
    is_renamed = any(map(RENAMED_CONFIG.search, IMPORT.findall(text)))
    return is_renamed or len(CONFIG.findall(rest)) > len(LITERAL_CONFIG.findall(rest))


def _listing(side: Snapshot, touched: frozenset[str]) -> Snapshot:
    return replace(side, grep=lambda words: side.grep(words) & touched)


def _entries(config: ProjectConfig, touched: frozenset[str]) -> ProjectConfig:
    kept = tuple(e for e in config.deployments if posixpath.normpath(e.flow) in touched)
    return replace(config, deployments=kept)
