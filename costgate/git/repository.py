"""Finds the repository that a folder is in, whatever hook, linked work tree or git folder costgate was started from."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from costgate.errors import InputError, WorldError
from costgate.git.process import (
    CONTENT_VARIABLES,
    LOCAL_VARIABLES,
    Blobs,
    call,
    clean_environment,
    first_line,
    shown,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """Where a repository is, and the one process that reads its blobs."""

    root: Path  # of the work tree; the git folder where there is none
    git_dir: Path
    bare: bool  # no work tree and no index: a bare repository, or the inside of a .git folder
    prefix: str = ""  # of the folder it was opened from: "" or "sub/folder/"
    object_format: str = "sha1"  # or sha256
    environment: Mapping[str, str] = field(repr=False, compare=False)
    blobs: Blobs = field(repr=False, compare=False)
    # Known of commits: commit → (files, others, *.py files); words → (files that were searched, those with a word).
    trees: dict[str, tuple[dict[str, str], dict[str, str], dict[str, str]]] = field(
        default_factory=dict, repr=False, compare=False
    )
    searches: dict[tuple[str, ...], tuple[Mapping[str, str], frozenset[str]]] = field(
        default_factory=dict, repr=False, compare=False
    )


def open_repository(folder: Path) -> Repository:
    """The repository that `folder` is in. The variables that git sets for a hook count for that hook's repository only.

    Raises InputError where there is none, WorldError where git is missing or refuses the repository.
    """
    folder = Path(os.path.realpath(folder))
    if not folder.is_dir():
        raise InputError(f"no such folder: {shown(folder)}", help="name a folder of a git repository with --repo")
    environment = clean_environment()
    facts = ("--show-object-format", "--is-inside-work-tree", "--show-cdup", "--absolute-git-dir")
    code, output, errors = call(("rev-parse", *facts), folder, environment)
    if code:
        _refused(folder, errors)
    object_format, inside, places = os.fsdecode(output).removesuffix("\n").split("\n", 2)
    bare = inside == "false"  # then there is no way up, not even an empty line for it
    up, git_dir = ("", places) if bare else places.split("\n", 1)
    root = Path(git_dir) if bare else Path(os.path.normpath(folder / up))
    environment |= _hook_variables(git_dir)
    return Repository(
        root=root,
        git_dir=Path(git_dir),
        bare=bare,
        prefix="" if bare or folder == root else f"{folder.relative_to(root)}/",
        object_format=object_format,
        environment=environment,
        blobs=Blobs(root, environment),
    )


def _hook_variables(git_dir: str) -> dict[str, str]:
    """The index and the object folders that a hook is to look at, if the process runs as a hook of this repository."""
    local = {name: os.environ[name] for name in LOCAL_VARIABLES if name in os.environ}
    if not local:
        return {}
    where = ("rev-parse", "--absolute-git-dir", "--git-path", "index")
    code, output, _ = call(where, Path(), clean_environment() | local)
    if code or not os.fsdecode(output).startswith(f"{git_dir}\n"):
        return {}
    index = os.path.abspath(os.fsdecode(output).removeprefix(f"{git_dir}\n").removesuffix("\n"))
    return {name: local[name] for name in CONTENT_VARIABLES if name in local} | {"GIT_INDEX_FILE": index}


def _refused(folder: Path, errors: str) -> NoReturn:
    """Say why git does not open a repository."""
    if "not a git repository" in errors:
        way_out = "name one with --repo, or make one with `git init`"
        raise InputError(f"{shown(folder)} is not in a git repository", help=way_out)
    trust = re.search("git config --global --add safe.directory .*", errors)
    way_out = f"if you trust the owner of its files: `{shown(trust.group())}`" if trust else ""
    raise WorldError(f"git does not open {shown(folder)}: {first_line(errors)}", help=way_out)


def git(repo: Repository, *arguments: str, ok: tuple[int, ...] = (0,)) -> str:
    """What a command prints, undecodable bytes surrogate-escaped. WorldError for any other exit code."""
    code, output, errors = call(arguments, repo.root, repo.environment)
    if code not in ok:
        raise WorldError(f"git {arguments[0]} failed: {first_line(errors)}", where=shown(repo.root))
    return output.decode("utf-8", "surrogateescape")


def is_shallow(repo: Repository) -> bool:
    """Whether the history was cut off when it was fetched."""
    return git(repo, "rev-parse", "--is-shallow-repository").strip() == "true"
