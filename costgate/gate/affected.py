"""Which Python files a change may touch, told from their text: a repository of a thousand flows is not parsed for ten.

It may name too many files, never too few. Flows read nothing but modules that they import and files of their Configs:
a module is named by an import, a config file by a literal default, and where a default is no literal the file counts
as touched by any change.
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

FEW_FILES = 60  # of Python: to parse them all is quicker than to search them
MOST_CHANGES = 500  # more changed files are a reorganisation: everything is looked at
LARGE = 2_000_000  # bytes; no flow is as large, and text as large is not searched
# `from …`, then `import …`: names in brackets (with comments), or to the end of the statement. Nothing else may stand
# in it: what a comment says (`# taken from …`) is no statement, and must not hide the code that follows.
IMPORT = re.compile(
    rb"(?:\bfrom\b[\w.\s\\\x80-\xff]{0,1000}?)?\bimport\b\s*"
    rb"(?:\((?:[\w\s,*.\\\x80-\xff]|#[^\r\n]*){0,10000}\)|[^\r\n\\;#(]*(?:\\\r?\n[^\r\n\\;#(]*)*)"
)
PADDED = re.compile(  # longer than what IMPORT finds
    rb"\bfrom\b[\w.\s\\\x80-\xff]{1000}|\bimport\s*\((?:[\w\s,*.\\\x80-\xff]|#[^\r\n]*){10000}"
)
CONFIG = re.compile(rb"\bConfig\b")
LITERAL = rb"""(?:"[^"\\{}\x00-\x1f\x80-\xff]*"|'[^'\\{}\x00-\x1f\x80-\xff]*'|True|False|None)"""
# `Config("config", default="configs/prod.json")`: nothing computed, so that the file name stands in the text
LITERAL_CONFIG = re.compile(
    rb"\bConfig\(\s*" + LITERAL + rb"(?:\s*,\s*(?:(?!default_value|parser)\w+\s*=\s*" + LITERAL + rb"|parser\s*=\s*"
    rb"(?:[\w.]+|" + LITERAL + rb")))*\s*,?\s*\)"
)  # fmt: skip
RENAMED_CONFIG = re.compile(rb"\bConfig\b(?:[\s\\]|#[^\r\n]*)+as\b")
GAP = rb"(?:[ \t\f]|\\\r?\n)+"
CLASS = re.compile(rb"\bclass" + GAP + rb"([\w\x80-\xff]+)")
MOST_NAMES, LONGEST_NAME = 2_000, 200  # more than fits a command line is not asked for
ODD_CLASS = ("class  ", "class\t", "class \\")  # not found as `class Name`


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


def _chosen_by_environment(config: ProjectConfig) -> bool:
    """Whether the deploying machine chooses config files, which then stand in no flow."""
    return any(name.startswith("METAFLOW_FLOW_CONFIG") for name in config.metaflow_env)


def _touched(
    base: Snapshot, head: Snapshot, paths: frozenset[str], configs: tuple[ProjectConfig, ...]
) -> frozenset[str]:
    listed = {e.flow for c in configs for e in c.deployments if _names(e.configs.values(), paths)}
    touched = {path for path in paths if path.endswith(".py")} | listed
    for side in (base, head):
        touched |= _readers(side, paths) if paths else set()
    fresh = set(touched)
    while fresh:
        found = {p for side in (base, head) for p in _importers(side, fresh) | _namesakes(side, fresh)}
        fresh = found - touched
        touched |= fresh
    return frozenset(touched)


def _names(patterns: Iterable[str], paths: Iterable[str]) -> bool:
    clean = [posixpath.normpath(pattern) for pattern in patterns]
    return any(pattern == path or match_glob(pattern, path) for path in paths for pattern in clean)


def _readers(side: Snapshot, paths: frozenset[str]) -> set[str]:
    """Files that may read one of the changed files: they write its name, or compute the name of some config."""
    named = side.grep(tuple(sorted({posixpath.basename(path) for path in paths})))
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
    # The rest with a mark in the place of each import, which no literal may hold.
    rest = IMPORT.sub(rb"\\", text)
    is_renamed = any(map(RENAMED_CONFIG.search, IMPORT.findall(text)))
    return is_renamed or len(CONFIG.findall(rest)) > len(LITERAL_CONFIG.findall(rest))


def _importers(side: Snapshot, modules: set[str]) -> set[str]:
    """Files with an import statement that names one of the modules, or its package."""
    words = sorted({name for name in map(_module_name, modules) if name})
    ascii_words = tuple(word for word in words if word.isascii())
    # A name beyond ASCII may be written in other letters, or in another encoding.
    whole = [rb"\b%s\b" % word.encode() for word in ascii_words] + [rb"[\x80-\xff]"] * (len(words) > len(ascii_words))
    named = re.compile(b"|".join(whole))
    mentioned = side.grep(ascii_words if len(ascii_words) == len(words) else ("import",))
    return {path for path in mentioned if _imports(_text(side, path), named)}


def _imports(text: bytes | None, named: re.Pattern[bytes]) -> bool:
    return text is None or PADDED.search(text) is not None or any(map(named.search, IMPORT.findall(text)))


def _module_name(path: str) -> str:
    """`lib/sizes.py` is imported as `sizes`, `lib/__init__.py` as `lib`; "" for what no statement can import."""
    stem = posixpath.basename(path)[:-3]
    name = posixpath.basename(posixpath.dirname(path)) if stem == "__init__" else stem
    return name if name.isidentifier() else ""


def _namesakes(side: Snapshot, touched: set[str]) -> set[str]:
    """Files that define a class of the same name as a touched file: two flows of one key must both be seen."""
    names = {name for path in touched if path in side.files for name in _classes(_text(side, path))}
    words = [f"class {name.decode()}" for name in sorted(names) if name.isascii() and len(name) <= LONGEST_NAME]
    is_plain = len(words) == len(names) <= MOST_NAMES
    found = side.grep((*words, *ODD_CLASS) if is_plain else ("class",)) if names else ()
    return {path for path in found if names & _classes(_text(side, path))}


def _classes(text: bytes | None) -> set[bytes]:
    return set(CLASS.findall(text or b""))


def _listing(side: Snapshot, touched: frozenset[str]) -> Snapshot:
    return replace(side, grep=lambda words: side.grep(words) & touched)


def _entries(config: ProjectConfig, touched: frozenset[str]) -> ProjectConfig:
    kept = tuple(e for e in config.deployments if posixpath.normpath(e.flow) in touched)
    return replace(config, deployments=kept)
