"""Names of revisions, where histories part, and the fetch that is missing in a shallow clone."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from costgate.errors import InputError
from costgate.git import (
    Repository,
    default_branch,
    first_commit,
    first_parent_before,
    merge_base,
    open_repository,
    resolve,
)
from tests.support import Repo

NOVEMBER = datetime(2026, 11, 1, tzinfo=timezone.utc)


@pytest.fixture
def copy_of(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Callable[[Repo], None]], Repo]:
    """A copy of what a function makes of an empty repository; each function runs once for all tests."""

    def copy(build: Callable[[Repo], None]) -> Repo:
        original = tmp_path_factory.getbasetemp() / build.__name__
        if not original.exists():
            build(Repo(original))
        shutil.copytree(original, tmp_path / "repo")
        return Repo(tmp_path / "repo")

    return copy


def three_commits(repo: Repo) -> None:
    """The second one is tagged and has a branch."""
    repo.commit({"a.py": "1"})
    repo.commit({"a.py": "2"})
    repo.git("tag", "-m", "a release", "v1")
    repo.git("branch", "release/2026")
    repo.commit({"a.py": "3"})


@pytest.fixture
def history(copy_of: Callable[[Callable[[Repo], None]], Repo]) -> Repo:
    return copy_of(three_commits)


def run(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize(
    ("revision", "commit"),
    [
        pytest.param("main", "HEAD", id="a branch"),
        pytest.param("@", "HEAD", id="an at sign"),
        pytest.param("main~1", "HEAD~1", id="an ancestor"),
        pytest.param("v1", "HEAD~1", id="an annotated tag is peeled"),
        pytest.param("release/2026^", "HEAD~2", id="a branch with a slash"),
        pytest.param("main@{0}", "HEAD", id="an entry of the reflog"),
        pytest.param("HEAD^{/change}", "HEAD", id="a search by message"),
    ],
)
def test_a_revision_is_a_commit(history: Repo, revision: str, commit: str) -> None:
    assert resolve(open_repository(history.path), revision) == history.git("rev-parse", commit)


def test_a_commit_by_its_id_whole_or_short_and_a_detached_head(history: Repo) -> None:
    commit = history.git("rev-parse", "HEAD~2")
    history.git("checkout", "-q", "--detach", commit)
    found = open_repository(history.path)
    assert {resolve(found, name) for name in (commit, commit[:10], "HEAD")} == {commit}


def test_object_ids_may_be_sha256(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DEFAULT_HASH", "sha256")
    repo = Repo(tmp_path / "repo")
    commit = repo.commit({"a.py": "x"})
    assert len(resolve(open_repository(repo.path), "main")) == 64
    assert resolve(open_repository(repo.path), commit) == commit


@pytest.mark.parametrize(
    "revision",
    ["", "-h", "--all", "--output=/tmp/x", "a\0b", "a\nb", "\ud800", "x" * 1001],
    ids=["empty", "option", "long option", "writing option", "nul", "newline", "lone surrogate", "too long"],
)
def test_what_cannot_name_a_revision_is_refused(history: Repo, revision: str) -> None:
    with pytest.raises(InputError, match="is not the name of a revision\nhelp: name a branch, a tag or a commit"):
        resolve(open_repository(history.path), revision)


@pytest.mark.parametrize(
    ("revision", "help"),
    [
        pytest.param("mian", "did you mean 'main'?", id="a slip of the keys"),
        pytest.param("release/2025", "did you mean 'release/2026'?", id="a similar branch"),
        pytest.param("zzz", "`git branch --all` lists the branches that this clone knows", id="like nothing there is"),
        pytest.param("main~9", "'main' is known, but not what is asked of it", id="before the first commit"),
        pytest.param("main@{9}", "'main' is known, but not what is asked of it", id="before the first reflog entry"),
        pytest.param("HEAD:a.py", "'HEAD' is known, but not what is asked of it", id="a file"),
        pytest.param("zzz~1", "`git branch --all` lists the branches that this clone knows", id="ancestor of nothing"),
        pytest.param("@{u}", "`git branch --all` lists the branches that this clone knows", id="no upstream"),
        pytest.param("^main", "did you mean 'main'?", id="an exclusion"),
        pytest.param("main..v1", "did you mean 'main'?", id="a range"),
        pytest.param("caf\udce9", "`git branch --all` lists the branches that this clone knows", id="no text"),
        pytest.param("f" * 40, f"run `git fetch {'f' * 40}`", id="a commit that is not here, without a remote"),
    ],
)
def test_an_unknown_revision_comes_with_a_way_out(history: Repo, revision: str, help: str) -> None:
    with pytest.raises(InputError) as caught:
        resolve(open_repository(history.path), revision)
    assert caught.value.problems[0].message == f"no revision {revision!r}"
    assert caught.value.problems[0].help == help
    str(caught.value).encode()


def test_a_branch_may_have_a_name_that_is_no_text(history: Repo) -> None:
    commit = history.git("rev-parse", "HEAD~1")
    refs = history.path / ".git" / "packed-refs"
    refs.write_bytes(b"%s refs/heads/caf\xe9\n" % commit.encode())
    assert resolve(open_repository(history.path), "caf\udce9") == commit


@pytest.mark.parametrize(
    ("revision", "help"),
    [
        pytest.param(
            "main~1", "run `git fetch --unshallow origin` (actions/checkout: `fetch-depth: 0`)", id="ancestor"
        ),
        pytest.param("f" * 40, f"run `git fetch --depth=1 origin {'f' * 40}`", id="commit"),
        pytest.param(
            "release/2026",
            "run `git fetch --depth=1 origin +refs/heads/release/2026:refs/remotes/origin/release/2026`",
            id="branch",
        ),
        pytest.param(
            "origin/mainz",
            "did you mean 'origin/main'? run `git fetch --depth=1 origin +refs/heads/mainz:refs/remotes/origin/mainz`",
            id="branch of the remote",
        ),
        pytest.param(
            "x;$(reboot)",
            "run `git fetch --depth=1 origin '+refs/heads/x;$(reboot):refs/remotes/origin/x;$(reboot)'`",
            id="commands are quoted for the shell",
        ),
    ],
)
def test_a_shallow_clone_says_which_fetch_is_missing(
    history: Repo, clone: Callable[..., Path], revision: str, help: str
) -> None:
    with pytest.raises(InputError) as caught:
        resolve(open_repository(clone("--depth=1")), revision)
    assert caught.value.problems[0].help == help


def test_the_fetch_that_is_named_brings_the_branch(history: Repo, clone: Callable[..., Path]) -> None:
    folder = clone("--depth=1")
    run(folder, "fetch", "-q", "--depth=1", "origin", "+refs/heads/release/2026:refs/remotes/origin/release/2026")
    assert resolve(open_repository(folder), "origin/release/2026") == history.git("rev-parse", "release/2026")


def test_a_whole_clone_is_not_made_shallow_by_the_fetch(history: Repo, clone: Callable[..., Path]) -> None:
    found = open_repository(clone())
    run(found.root, "remote", "rename", "origin", "upstream")
    for revision, way_out in [
        ("f" * 40, f"run `git fetch upstream {'f' * 40}`"),
        ("upstream/zzz", "run `git fetch upstream +refs/heads/zzz:refs/remotes/upstream/zzz`"),
    ]:
        with pytest.raises(InputError) as caught:
            resolve(found, revision)
        assert caught.value.problems[0].help.endswith(way_out)


def test_a_shallow_clone_that_lost_its_remote(history: Repo, clone: Callable[..., Path]) -> None:
    found = open_repository(clone("--depth=1"))
    run(found.root, "remote", "remove", "origin")
    for revision, way_out in [
        ("main~1", "run `git fetch --unshallow` (actions/checkout: `fetch-depth: 0`)"),
        ("zzz", "`git branch --all` lists the branches that this clone knows"),
    ]:
        with pytest.raises(InputError) as caught:
            resolve(found, revision)
        assert caught.value.problems[0].help == way_out


# --- where histories part --------------------------------------------------------------------------------------------


def test_the_merge_base_of_two_branches(history: Repo) -> None:
    history.git("checkout", "-q", "release/2026")
    history.commit({"b.py": "x"})
    assert merge_base(open_repository(history.path), "main", "release/2026") == history.git("rev-parse", "main~1")


def test_histories_without_a_common_commit(history: Repo) -> None:
    history.git("checkout", "-q", "--orphan", "island")
    history.commit({"b.py": "x"})
    with pytest.raises(InputError) as caught:
        merge_base(open_repository(history.path), "main", "island")
    assert str(caught.value) == "'main' and 'island' have no common history"


def test_histories_that_were_cut_off_too_early(history: Repo, clone: Callable[..., Path]) -> None:
    with pytest.raises(InputError) as caught:
        merge_base(open_repository(clone("--depth=1", "--no-single-branch")), "main", "origin/release/2026")
    assert str(caught.value) == (
        "'main' and 'origin/release/2026' have no common history in this shallow clone\n"
        "help: run `git fetch --unshallow origin` (actions/checkout: `fetch-depth: 0`)"
    )


# --- the default branch ----------------------------------------------------------------------------------------------


def references(found: Repository, *names: str) -> None:
    for name in names:
        run(found.root, "update-ref", f"refs/{name}", "HEAD")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param((), None, id="no remote"),
        pytest.param(("remotes/origin/develop",), None, id="none of the usual names"),
        pytest.param(("remotes/origin/master",), "origin/master", id="master"),
        pytest.param(("remotes/origin/main", "remotes/origin/master"), "origin/main", id="main before master"),
        pytest.param(("heads/main", "remotes/upstream/main"), None, id="another remote is not asked"),
        pytest.param(
            ("remotes/origin/main", "tags/origin/main"), "remotes/origin/main", id="a tag cannot take the name"
        ),
    ],
)
def test_the_default_branch_is_looked_for(repo: Repo, names: tuple[str, ...], expected: str | None) -> None:
    commit = repo.commit({"a.py": "x"})
    found = open_repository(repo.path)
    references(found, *names)
    repo.commit({"a.py": "y"})
    assert default_branch(found) == expected
    assert expected is None or resolve(found, expected) == commit


def test_the_default_branch_is_what_the_remote_says(repo: Repo, clone: Callable[..., Path]) -> None:
    repo.commit({"a.py": "x"})
    repo.git("branch", "-m", "trunk/now")
    found = open_repository(clone())
    references(found, "remotes/origin/main")
    assert default_branch(found) == "origin/trunk/now"


def test_a_remote_head_that_points_nowhere_is_passed_over(repo: Repo) -> None:
    repo.commit({"a.py": "x"})
    found = open_repository(repo.path)
    references(found, "remotes/origin/master")
    run(found.root, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/gone")
    assert default_branch(found) == "origin/master"


# --- some time ago ---------------------------------------------------------------------------------------------------


def five_days(repo: Repo) -> None:
    """A commit on each of the first five days of November, and a merge of a branch that was begun on the 2nd."""
    for day in range(1, 6):
        repo.commit({"a.py": str(day)}, GIT_COMMITTER_DATE=f"2026-11-{day:02}T00:00:00Z")
    repo.git("checkout", "-q", "-b", "side", "HEAD~3")
    repo.commit({"b.py": "x"}, GIT_COMMITTER_DATE="2026-11-04T12:00:00Z")
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "-m", "merge", "side", GIT_COMMITTER_DATE="2026-11-06T00:00:00Z")


@pytest.fixture
def month(copy_of: Callable[[Callable[[Repo], None]], Repo]) -> Repo:
    return copy_of(five_days)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        pytest.param(NOVEMBER + timedelta(days=2), "main~3", id="a moment at which one was made"),
        pytest.param(NOVEMBER + timedelta(days=2, seconds=-1), "main~4", id="a second earlier"),
        pytest.param(NOVEMBER + timedelta(days=3, hours=13), "main~2", id="side branches are no part of it"),
        pytest.param(NOVEMBER + timedelta(days=99), "main", id="the future"),
        pytest.param(datetime(2026, 11, 1, 2, tzinfo=timezone(timedelta(hours=2))), "main~5", id="another time zone"),
        pytest.param(NOVEMBER - timedelta(seconds=1), None, id="before all"),
        pytest.param(datetime(1960, 1, 1, tzinfo=timezone.utc), None, id="before time"),
    ],
)
def test_the_newest_commit_before_a_moment(month: Repo, moment: datetime, expected: str | None) -> None:
    commit = first_parent_before(open_repository(month.path), "main", moment)
    assert commit == (expected and month.git("rev-parse", expected))


def test_a_shallow_clone_tells_where_its_history_reaches(month: Repo, clone: Callable[..., Path]) -> None:
    found = open_repository(clone("--depth=3"))
    assert first_parent_before(found, "main", NOVEMBER + timedelta(days=4)) == month.git("rev-parse", "main~1")
    with pytest.raises(InputError) as caught:
        first_parent_before(found, "main", NOVEMBER)
    assert str(caught.value) == (
        "the history of 'main' does not go back to 2026-11-01 in this shallow clone\n"
        "help: run `git fetch --unshallow origin` (actions/checkout: `fetch-depth: 0`)"
    )


def test_the_first_commit_is_the_root_of_the_first_parents(repo: Repo):
    first = repo.commit({"a": "1"})
    repo.commit({"a": "2"})
    assert first_commit(open_repository(repo.path), "HEAD") == first
