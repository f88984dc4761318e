"""Names of revisions → commits, and the way out where a clone does not have them."""

from __future__ import annotations

import difflib
import re
import shlex
from datetime import datetime

from costgate.errors import InputError
from costgate.git.process import call
from costgate.git.repository import Repository, git, is_shallow

REVISION = re.compile(r"(?!-)[^\0-\x1f\ud800-\udc7f\udd00-\udfff]{1,1000}")  # what can be an argument, and no option
OBJECT_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def resolve(repo: Repository, revision: str) -> str:
    """Full commit id of a revision, tags peeled. InputError for an unknown one, with the way out."""
    if not REVISION.fullmatch(revision):
        raise InputError(
            f"{revision[:100]!r} is not the name of a revision",
            help="name a branch, a tag or a commit, e.g. origin/main",
        )
    commit = _commit(repo, revision)
    if not commit:
        raise InputError(f"no revision {revision!r}", help=_way_to(repo, revision))
    return commit


def has_commits(repo: Repository) -> bool:
    """Whether HEAD is a commit; false in a repository without one."""
    return is_commit(repo, "HEAD")


def is_commit(repo: Repository, revision: str) -> bool:
    """Whether a name or id is a commit that this clone holds."""
    return bool(REVISION.fullmatch(revision) and _commit(repo, revision))


def default_branch(repo: Repository) -> str | None:
    """What origin/HEAD points to, else origin/main, else origin/master: the shortest name that is unambiguous."""
    names = [f"refs/remotes/origin/{name}" for name in ("HEAD", "main", "master")]
    form = "--format=%(refname) %(if)%(symref)%(then)%(symref:short)%(else)%(refname:short)%(end)"
    found = dict(line.split(" ", 1) for line in git(repo, "for-each-ref", form, *names).splitlines())
    return next((found[name] for name in names if name in found), None)


def merge_base(repo: Repository, a: str, b: str) -> str:
    """The commit where two revisions parted. InputError if there is none, with the fetch that a shallow clone needs."""
    base = git(repo, "merge-base", resolve(repo, a), resolve(repo, b), ok=(0, 1)).strip()
    if not base:
        raise InputError(f"{a!r} and {b!r} have no common history{_here(repo)}", help=_deepen(repo))
    return base


def first_parent_before(repo: Repository, revision: str, moment: datetime) -> str | None:
    """The newest first-parent ancestor (the revision included) committed at or before an aware moment.

    None where the history is younger than that; InputError where a shallow clone cannot tell.
    """
    commit = resolve(repo, revision)
    latest = f"--min-age={max(int(moment.timestamp()), 0)}"
    found = git(repo, "rev-list", "--first-parent", "--max-count=1", latest, commit).strip()
    if not found and is_shallow(repo):
        message = f"the history of {revision!r} does not go back to {moment:%Y-%m-%d}{_here(repo)}"
        raise InputError(message, help=_deepen(repo))
    return found or None


def first_commit(repo: Repository, revision: str) -> str:
    """The oldest first-parent ancestor: in a shallow clone, the oldest that is here."""
    return git(repo, "rev-list", "--first-parent", "--max-parents=0", resolve(repo, revision)).strip()


def _commit(repo: Repository, revision: str) -> str:
    """The full commit id of a revision, or ""."""
    command = ("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    code, output, _ = call(command, repo.root, repo.environment)
    commit = output.decode("ascii", "replace").strip()
    return commit if not code and OBJECT_ID.fullmatch(commit) else ""  # `^main` is verified, too: as `^` and an id


def _remotes(repo: Repository) -> list[str]:
    """Names of the remotes, origin first."""
    return sorted(git(repo, "remote").splitlines(), key=lambda name: name != "origin")


def _here(repo: Repository) -> str:
    return " in this shallow clone" if is_shallow(repo) else ""


def _deepen(repo: Repository) -> str:
    """The fetch that gives a shallow clone its history; "" for a whole clone."""
    fetch = shlex.join(["git", "fetch", "--unshallow", *_remotes(repo)[:1]])
    return f"run `{fetch}` (actions/checkout: `fetch-depth: 0`)" if is_shallow(repo) else ""


def _way_to(repo: Repository, revision: str) -> str:
    """Help for a revision that this clone does not have."""
    base = re.split("[~^@:]", revision)[0]
    if base not in ("", revision) and _commit(repo, base):
        return _deepen(repo) or f"{base!r} is known, but not what is asked of it"
    names = git(repo, "for-each-ref", "--count=2000", "--format=%(refname:short)").splitlines()
    names = [name for name in names if not name.endswith("/HEAD")]  # the same branch by another name
    near = " or ".join(map(repr, difflib.get_close_matches(revision, names)))
    hints = [f"did you mean {near}?" if near else "", _missing_fetch(repo, revision)]
    return " ".join(filter(None, hints)) or "`git branch --all` lists the branches that this clone knows"


def _missing_fetch(repo: Repository, revision: str) -> str:
    """The fetch that may bring a commit or a branch; "" where nothing hints at a remote."""
    depth = ["--depth=1"] if is_shallow(repo) else []
    remotes = _remotes(repo)
    named = [name for name in remotes if revision.startswith(f"{name}/")]
    if OBJECT_ID.fullmatch(revision):
        wanted = [*remotes[:1], revision]
    elif named or (depth and remotes):
        remote = (named or remotes)[0]
        branch = revision.removeprefix(f"{remote}/")
        wanted = [remote, f"+refs/heads/{branch}:refs/remotes/{remote}/{branch}"]
    else:
        return ""
    return f"run `{shlex.join(['git', 'fetch', *depth, *wanted])}`"
