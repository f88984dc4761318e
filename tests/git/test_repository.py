"""Finding the repository: work trees, subfolders, bare ones, hooks, and what git refuses."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from costgate.errors import InputError, WorldError
from costgate.git import has_commits, index_snapshot, open_repository, snapshot, worktree_snapshot
from tests.support import GIT_ENV, Repo

ROOT = Path(__file__).parents[2]


def test_the_root_is_found_from_a_subfolder(repo: Repo) -> None:
    repo.commit({"flows/reco/train.py": "x"})
    found = open_repository(repo.path / "flows" / "reco")
    assert (found.root, found.git_dir) == (repo.path, repo.path / ".git")
    assert (found.prefix, found.bare, found.object_format) == ("flows/reco/", False, "sha1")
    assert open_repository(repo.path).prefix == ""


def test_a_symlink_to_a_subfolder_leads_to_its_repository(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"flows/train.py": "x"})
    (tmp_path / "link").symlink_to(repo.path / "flows")
    found = open_repository(tmp_path / "link")
    assert (found.root, found.prefix) == (repo.path, "flows/")


@pytest.mark.parametrize("name", ['it\'s "quoted"', "new\nline", "ünïcode", "-dash"])
def test_a_root_may_have_any_name(tmp_path: Path, name: str) -> None:
    repo = Repo(tmp_path / name)
    commit = repo.commit({"sub/a.py": "x"})
    found = open_repository(tmp_path / name / "sub")
    assert found.root == tmp_path / name
    assert snapshot(found, "HEAD").commit == commit
    assert worktree_snapshot(found).files.keys() == {"sub/a.py"}


def test_a_linked_work_tree_has_its_own_index_and_head(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"a.py": "x"})
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"))
    (tmp_path / "linked" / "new.py").write_text("y")
    subprocess.run(["git", "add", "new.py"], cwd=tmp_path / "linked", check=True)
    linked = open_repository(tmp_path / "linked")
    assert linked.root == tmp_path / "linked"
    assert linked.git_dir == repo.path / ".git" / "worktrees" / "linked"
    assert index_snapshot(linked).files.keys() == {"a.py", "new.py"}
    assert index_snapshot(open_repository(repo.path)).files.keys() == {"a.py"}


def test_a_bare_repository_has_commits_only(repo: Repo, clone: Callable[..., Path]) -> None:
    repo.commit({"a.py": "x"})
    bare = open_repository(clone("--bare"))
    assert bare.bare
    assert bare.root == bare.git_dir
    assert snapshot(bare, "main").read("a.py") == b"x"
    assert snapshot(bare, "main").grep(("x",)) == {"a.py"}
    for make in (index_snapshot, worktree_snapshot):
        with pytest.raises(InputError, match="has no index and no work tree\nhelp: name a revision"):
            make(bare)


def test_the_inside_of_a_git_folder_counts_as_bare(repo: Repo) -> None:
    repo.commit({"a.py": "x"})
    inside = open_repository(repo.path / ".git" / "refs")
    assert (inside.bare, inside.root, inside.prefix) == (True, repo.path / ".git", "")
    assert snapshot(inside, "HEAD").files.keys() == {"a.py"}


def test_a_repository_without_commits(repo: Repo) -> None:
    empty = open_repository(repo.path)
    assert not has_commits(empty)
    assert index_snapshot(empty).files == {}
    repo.write({"a.py": "x"})
    assert worktree_snapshot(empty).files.keys() == {"a.py"}
    repo.commit()
    assert has_commits(empty)


def test_repositories_are_values(repo: Repo) -> None:
    assert open_repository(repo.path) == open_repository(repo.path)
    assert "PATH" not in repr(open_repository(repo.path))


def test_no_repository(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not in a git repository\nhelp: name one with --repo, or make one"):
        open_repository(tmp_path)


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such folder: .*/nowhere\nhelp: "):
        open_repository(tmp_path / "nowhere")


def test_git_is_not_installed(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repo.path))
    with pytest.raises(WorldError, match=r"git cannot be run: .*\nhelp: install git 2.30 or newer"):
        open_repository(repo.path)


def test_the_files_belong_to_somebody_else(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(WorldError, match="dubious ownership") as caught:
        open_repository(repo.path)
    assert caught.value.problems[0].help == (
        f"if you trust the owner of its files: `git config --global --add safe.directory {repo.path}`"
    )


def test_git_cannot_read_its_settings(repo: Repo) -> None:
    (repo.path / ".git" / "config").write_text("[")
    with pytest.raises(WorldError, match=r"git does not open .*: bad config line"):
        open_repository(repo.path)


# --- hooks -----------------------------------------------------------------------------------------------------------

LOOK = """
import json, sys
from pathlib import Path
from costgate.git import index_snapshot, open_repository
staged = index_snapshot(open_repository(Path(sys.argv[1])))
print(json.dumps({path: staged.read(path).decode() for path in sorted(staged.files)}), file=open(sys.argv[2], "w"))
"""


def hook(git_dir: Path, name: str, script: str, *arguments: object) -> None:
    """Install a hook that runs a Python script."""
    path = git_dir / "hooks" / name
    path.parent.mkdir(exist_ok=True)
    (git_dir / "script.py").write_text(script)
    words = " ".join(f"'{argument}'" for argument in arguments)
    path.write_text(f"#!/bin/sh\nPYTHONPATH='{ROOT}' exec '{sys.executable}' '{git_dir / 'script.py'}' {words}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("command", "seen"),
    [
        pytest.param(("commit",), '{"a.py": "old", "b.py": "staged"}', id="commit sees what is staged"),
        pytest.param(("commit", "-a"), '{"a.py": "new", "b.py": "new"}', id="commit -a sees all that is tracked"),
        pytest.param(("commit", "a.py"), '{"a.py": "new", "b.py": "old"}', id="commit PATH sees that path alone"),
    ],
)
def test_a_hook_sees_the_index_that_is_about_to_be_committed(
    repo: Repo, tmp_path: Path, command: tuple[str, ...], seen: str
) -> None:
    repo.commit({"a.py": "old", "b.py": "old"})
    repo.commit({"b.py": "staged"})
    repo.git("reset", "-q", "--soft", "HEAD^")
    repo.write({"a.py": "new", "b.py": "new"})
    hook(repo.path / ".git", "pre-commit", LOOK, ".", tmp_path / "seen")
    repo.git(command[0], "-q", "-m", "change", *command[1:])
    assert (tmp_path / "seen").read_text().strip() == seen


def test_a_hook_that_looks_at_another_repository_sees_that_ones_index(repo: Repo, tmp_path: Path) -> None:
    other = Repo(tmp_path / "other")
    other.commit({"other.py": "theirs"})
    hook(repo.path / ".git", "pre-commit", LOOK, other.path, tmp_path / "seen")
    repo.commit({"a.py": "ours"})
    assert (tmp_path / "seen").read_text().strip() == '{"other.py": "theirs"}'


def test_a_server_hook_sees_commits_that_are_not_accepted_yet(
    repo: Repo, clone: Callable[..., Path], tmp_path: Path
) -> None:
    repo.commit({"a.py": "old"})
    server = clone("--bare")
    look = """
    import sys
    from pathlib import Path
    from costgate.git import open_repository, snapshot
    pushed = snapshot(open_repository(Path()), sys.stdin.read().split()[1])
    Path(sys.argv[1]).write_bytes(pushed.read("a.py"))
    """
    hook(server, "pre-receive", "\n".join(line.strip() for line in look.splitlines()), tmp_path / "seen")
    repo.commit({"a.py": "pushed"})
    repo.git("push", "-q", str(server), "main")
    assert (tmp_path / "seen").read_text() == "pushed"


@pytest.fixture
def two_indexes(repo: Repo) -> Repo:
    """A repository with `a.py` in its index and `b.py` in another one, `.git/next`."""
    repo.commit({"a.py": "x"})
    repo.write({"b.py": "x"})
    repo.git("add", "b.py", GIT_INDEX_FILE=str(repo.path / ".git" / "next"))
    return repo


@pytest.mark.parametrize(
    ("index", "folder"),
    [
        pytest.param(".git/next", ".", id="a relative index, from the root"),
        pytest.param(".git/next", "sub", id="a relative index counts from the root, not from the subfolder"),
        pytest.param("{root}/.git/next", "sub", id="an absolute index"),
    ],
)
def test_the_environment_of_a_hook_counts_for_its_repository(
    two_indexes: Repo, monkeypatch: pytest.MonkeyPatch, index: str, folder: str
) -> None:
    (two_indexes.path / "sub").mkdir()
    monkeypatch.chdir(two_indexes.path / folder)
    monkeypatch.setenv("GIT_INDEX_FILE", index.format(root=two_indexes.path))
    assert index_snapshot(open_repository(Path())).files.keys() == {"b.py"}


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        pytest.param("GIT_INDEX_FILE", ".git/next", id="an index"),
        pytest.param("GIT_DIR", "{root}/.git", id="a git folder"),
        pytest.param("GIT_OBJECT_DIRECTORY", "{root}/nowhere", id="objects"),
        pytest.param("GIT_DIR", "/nowhere", id="a git folder that is not there"),
        pytest.param("GIT_LITERAL_PATHSPECS", "1", id="an odd reading of patterns"),
    ],
)
def test_the_environment_of_a_hook_is_nothing_to_other_repositories(
    two_indexes: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    other = Repo(tmp_path / "other")
    other.commit({"sub/other.py": "flow"})
    monkeypatch.chdir(two_indexes.path)
    monkeypatch.setenv(variable, value.format(root=two_indexes.path))
    found = open_repository(other.path)
    assert found.root == other.path
    assert index_snapshot(found).files.keys() == {"sub/other.py"}
    assert snapshot(found, "HEAD").grep(("flow",)) == {"sub/other.py"}


# --- a repository is read and nothing else ---------------------------------------------------------------------------


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_nothing_in_the_repository_is_changed_or_started(repo: Repo, tmp_path: Path) -> None:
    marker = tmp_path / "started"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch '{marker}'\n")
    program.chmod(0o755)
    repo.commit({"a.py": "flow", "b.py": "flow", ".gitattributes": "*.py diff=evil"})
    repo.commit({"b.py": "other flow"})
    for setting in ("core.fsmonitor", "diff.evil.textconv", "diff.evil.command", "diff.external", "core.pager"):
        repo.git("config", setting, str(program))
    os.utime(repo.path / "a.py", (1, 1))  # an index refresh would be tempting
    repo.write({"b.py": "changed flow", "c.py": "new flow"})
    before = contents(repo.path)

    found = open_repository(repo.path)
    for made in (snapshot(found, "HEAD^"), index_snapshot(found), worktree_snapshot(found)):
        assert "a.py" in made.grep(("flow",))
        assert all(made.read(path) for path in made.files)
    assert not marker.exists()
    assert contents(repo.path) == before


def test_reading_leaves_no_process_and_no_warning_behind(repo: Repo) -> None:
    repo.commit({"a.py": "x"})
    script = "from costgate.git import *; from pathlib import Path; repo = open_repository(Path()); "
    script += "print(snapshot(repo, 'HEAD').read('a.py'))"
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", script],
        cwd=repo.path, env={**os.environ, **GIT_ENV, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("b'x'\n", "")
