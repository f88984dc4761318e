"""Which Python files a change may touch, told from their text: a repository of a thousand flows is not parsed for ten.

It may name too many files, never too few. Flows read nothing but modules that they import and files of their Configs:
a module is named by an import, a config file by a literal default, and where a default is no literal the file counts
as touched by any change of data.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import replace

from costgate.config import ProjectConfig
from costgate.errors import InputError
from costgate.flow.globs import match_glob
from costgate.model import Snapshot

MOST_CHANGES = 500  # more changed files are a reorganisation: everything is looked at
LARGE = 2_000_000  # bytes; no flow is as large, and text as large is not searched
IMPORT = re.compile(rb"(?:\bfrom\b[^;]{0,1000}?)?\bimport\s*(?:\([^)]{0,10000}\)|[^\n\\]*(?:\\\r?\n[^\n\\]*)*)")
CONFIG = re.compile(rb"\bConfig\b")
LITERAL = rb"""(?:"[^"\\{}\n]*"|'[^'\\{}\n]*'|True|False|None)"""
# `Config("config", default="configs/prod.json")`: nothing computed, so that the file name stands in the text
LITERAL_CONFIG = re.compile(
    rb"\bConfig\(\s*" + LITERAL + rb"(?:\s*,\s*(?:(?!default_value|parser)\w+\s*=\s*" + LITERAL + rb"|parser\s*=\s*"
    rb"(?:[\w.]+|" + LITERAL + rb")))*\s*,?\s*\)"
)  # fmt: skip
IMPORTED_CONFIG = re.compile(rb"\bConfig\b(?!\s+as\b)")
CLASS = re.compile(rb"^[ \t]*class[ \t]+(\w+)", re.MULTILINE)


def narrow(
    base: Snapshot, head: Snapshot, before: ProjectConfig, after: ProjectConfig
) -> tuple[Snapshot, Snapshot, ProjectConfig, ProjectConfig] | None:
    """Both snapshots and configurations with only what the difference may touch; None where that is everything.

    The snapshots still hold every file, so that imports and configs are found; they list fewer candidates for flows.
    """
    paths = changed_paths(base, head)
    if _deployed(before) != _deployed(after) or len(paths) > MOST_CHANGES:
        return None
    touched = _touched(base, head, paths, (before, after))
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


def _touched(
    base: Snapshot, head: Snapshot, paths: frozenset[str], configs: tuple[ProjectConfig, ...]
) -> frozenset[str]:
    code = {path for path in paths if path.endswith(".py")}
    data = paths - code
    listed = {e.flow for c in configs for e in c.deployments if _names(e.configs.values(), data)}
    touched = set(code | listed)
    for side in (base, head):
        touched |= _readers(side, data) if data else set()
    fresh = set(touched)
    while fresh:
        fresh = {path for side in (base, head) for path in _importers(side, fresh)} - touched
        touched |= fresh
    return frozenset(touched | {path for side in (base, head) for path in _namesakes(side, touched)})


def _names(patterns: Iterable[str], paths: Iterable[str]) -> bool:
    clean = [posixpath.normpath(pattern) for pattern in patterns]
    return any(match_glob(pattern, path) for path in paths for pattern in clean)


def _readers(side: Snapshot, data: frozenset[str]) -> set[str]:
    """Files that may read one of the data files: they write its name, or compute the name of some config."""
    named = side.grep(tuple(sorted({posixpath.basename(path) for path in data})))
    return set(named) | {path for path in side.grep(("Config",)) if _computes_a_config(_text(side, path))}


def _text(side: Snapshot, path: str) -> bytes | None:
    """What a file says; None for one that is too large to be a flow, which is then never left out."""
    try:
        text = side.read(path)
    except InputError:
        return None
    return text if len(text) <= LARGE else None


def _computes_a_config(text: bytes | None) -> bool:
    """Whether a `Config` stands in it that is neither imported under its own name nor called with literals only."""
    if text is None:
        return True
    imported = sum(len(IMPORTED_CONFIG.findall(statement)) for statement in IMPORT.findall(text))
    return len(CONFIG.findall(text)) > imported + len(LITERAL_CONFIG.findall(text))


def _importers(side: Snapshot, modules: set[str]) -> set[str]:
    """Files with an import statement that names one of the modules, or its package."""
    words = tuple(sorted({name for name in map(_module_name, modules) if name}))
    if not words:
        return set()
    # Whole words; the edges of names beyond ASCII are none to a pattern of bytes, so these match anywhere.
    whole = (rb"\b%s\b" if word.isascii() else rb"%s" for word in words)
    named = re.compile(b"|".join(form % re.escape(word.encode()) for form, word in zip(whole, words)))
    return {path for path in side.grep(words) if _imports(_text(side, path), named)}


def _imports(text: bytes | None, named: re.Pattern[bytes]) -> bool:
    return text is None or any(map(named.search, IMPORT.findall(text)))


def _module_name(path: str) -> str:
    """`lib/sizes.py` is imported as `sizes`, `lib/__init__.py` as `lib`; "" for what no statement can import."""
    stem = posixpath.basename(path)[:-3]
    name = posixpath.basename(posixpath.dirname(path)) if stem == "__init__" else stem
    return name if name.isidentifier() else ""


def _namesakes(side: Snapshot, touched: set[str]) -> frozenset[str]:
    """Files that define a class of the same name as a touched file: two flows of one key must both be seen."""
    texts = (_text(side, path) for path in touched if path in side.files and path.endswith(".py"))
    names = sorted({name.decode() for text in texts for name in CLASS.findall(text or b"")})
    return side.grep(tuple(f"class {name}" for name in names)) if names else frozenset()


def _listing(side: Snapshot, touched: frozenset[str]) -> Snapshot:
    return replace(side, grep=lambda words: side.grep(words) & touched)


def _entries(config: ProjectConfig, touched: frozenset[str]) -> ProjectConfig:
    kept = tuple(e for e in config.deployments if posixpath.normpath(e.flow) in touched)
    return replace(config, deployments=kept)
