"""Revisions and the index as snapshots: which files, under which names, with what content."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from costgate.errors import InputError
from costgate.git import (
    empty_snapshot,
    index_snapshot,
    open_repository,
    process,
    snapshot,
    snapshots,
    worktree_snapshot,
)
from costgate.model import Snapshot
from tests.support import GIT_ENV, Repo

ODD_NAMES = {
    "with space.py": "flow 1",
    'it\'s "quoted" `twice`.py': "flow 2",
    "new\nline.py": "flow 3",
    "tab\tand\\backslash.py": "flow 4",
    "ünïcode.py": "flow 5",
    "no text caf\udce9.py": "flow 6",
    ":colon.py": "flow 7",
    "-dash.py": "flow 8",
    "*.py": "flow 9",
    ".hidden/..dots../.github.py": "flow 10",
    "100644 blob 0.py": "flow 11",
}

MAKERS: dict[str, Callable[..., Snapshot]] = {
    "a revision": lambda repo: snapshot(open_repository(repo.path), "HEAD"),
    "the index": lambda repo: index_snapshot(open_repository(repo.path)),
    "the work tree": lambda repo: worktree_snapshot(open_repository(repo.path)),
}
everywhere = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def blob(repo: Repo, content: bytes) -> str:
    done = subprocess.run(["git", "hash-object", "-w", "--stdin"], input=content, cwd=repo.path, capture_output=True)
    return done.stdout.decode().strip()


def tree(repo: Repo, *entries: tuple[bytes, bytes, str]) -> str:
    """A tree object of these (mode, name, id) as they are; git itself would refuse some of the names."""
    raw = b"".join(mode + b" " + name + b"\0" + bytes.fromhex(blob_id) for mode, name, blob_id in entries)
    command = ["git", "hash-object", "-t", "tree", "-w", "--literally", "--stdin"]
    return subprocess.run(command, input=raw, cwd=repo.path, check=True, capture_output=True).stdout.decode().strip()


@everywhere
def test_files_have_paths_blob_ids_and_content(repo: Repo, make: Callable[..., Snapshot]) -> None:
    repo.commit({"a.py": "one", "deep/er/b.json": "{}", "bin.py": bytes(range(256)), "empty.py": ""})
    (repo.path / "a.py").chmod(0o755)
    repo.commit()
    made = make(repo)
    assert {path: made.read(path) for path in made.files} == {
        "a.py": b"one", "deep/er/b.json": b"{}", "bin.py": bytes(range(256)), "empty.py": b"",
    }  # fmt: skip
    assert made.files["a.py"] == repo.git("rev-parse", "HEAD:a.py")


def test_snapshots_say_what_they_are(repo: Repo) -> None:
    commit = repo.commit({"a.py": "one"})
    repo.git("tag", "v1")
    described = [(made.name, made.commit) for made in (make(repo) for make in MAKERS.values())]
    assert described == [("HEAD", commit), ("index", None), ("work tree", None)]
    assert snapshot(open_repository(repo.path), "v1").name == "v1"


@everywhere
def test_names_may_hold_any_byte(repo: Repo, make: Callable[..., Snapshot]) -> None:
    repo.commit(ODD_NAMES)
    made = make(repo)
    assert {path: made.read(path).decode() for path in made.files} == ODD_NAMES
    assert made.grep(("flow",)) == ODD_NAMES.keys()


@everywhere
def test_a_path_that_is_not_there_is_a_key_error(repo: Repo, make: Callable[..., Snapshot]) -> None:
    repo.commit({"sub/a.py": "one"})
    made = make(repo)
    for path in ("b.py", "sub", "../repo/sub/a.py", ""):
        assert path not in made.files
        with pytest.raises(KeyError):
            made.read(path)
        with pytest.raises(KeyError):
            made.files[path]


@everywhere
def test_symlinks_and_submodules_are_left_out(repo: Repo, tmp_path: Path, make: Callable[..., Snapshot]) -> None:
    other = Repo(tmp_path / "other")
    other.commit({"inner.py": "flow"})
    repo.commit({"real/a.py": "flow"})
    for name, target in {
        "file.py": "real/a.py", "outside.py": "/etc/passwd", "loop.py": "loop.py", "folder": "real", "up": "..",
    }.items():  # fmt: skip
        (repo.path / name).symlink_to(target)
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", other.path.as_uri(), "module")
    repo.git("config", "submodule.recurse", "true")
    repo.commit()
    made = make(repo)
    assert made.files.keys() == {"real/a.py", ".gitmodules"}
    assert made.grep(("flow", "root", "real")) == {"real/a.py"}
    links = ("file.py", "outside.py", "loop.py", "folder", "up")
    assert made.others == {**dict.fromkeys(links, "symlink"), "module": "submodule"}


@everywhere
def test_where_all_are_files_there_are_no_others(repo: Repo, make: Callable[..., Snapshot]) -> None:
    repo.commit({"a.py": "x", "deep/b.py": "y"})
    assert make(repo).others == {}


@everywhere
def test_no_setting_hides_a_submodule(repo: Repo, make: Callable[..., Snapshot]) -> None:
    repo.write({".gitmodules": '[submodule "m"]\n\tpath = m\n\turl = ./m\n\tignore = all\n', "kept.py": "x"})
    (repo.path / "m").mkdir()
    repo.git("add", ".gitmodules", "kept.py")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},m")
    repo.git("config", "diff.ignoreSubmodules", "all")
    repo.git("commit", "-q", "-m", "a submodule")
    made = make(repo)
    assert made.others == {"m": "submodule"}
    assert made.files.keys() == {".gitmodules", "kept.py"}


@everywhere
def test_words_are_looked_for_as_they_are_in_python_files(repo: Repo, make: Callable[..., Snapshot]) -> None:
    repo.commit(
        {
            "spec.py": "class A(FlowSpec): pass",
            "deep/er/decorator.py": "@gpu_step(n=4)",
            "both.py": "FlowSpec gpu_step",
            "none.py": "flowspec gpu.step",
            "latin.py": "# caf\udce9 FlowSpec".encode("utf-8", "surrogateescape"),
            "nul.py": b"\0\0 FlowSpec",
            "attribute.py": "FlowSpec",
            "notes.md": "FlowSpec",
            "x.py/readme": "FlowSpec",
            ".gitattributes": "attribute.py binary -diff",
        }
    )
    repo.git("config", "grep.patternType", "perl")
    repo.git("config", "color.ui", "always")
    made = make(repo)
    spec = {"spec.py", "both.py", "latin.py", "nul.py", "attribute.py"}
    assert made.grep(("FlowSpec",)) == spec
    assert made.grep(("FlowSpec", "gpu_step")) == {*spec, "deep/er/decorator.py"}
    assert made.grep(("gpu.step",)) == {"none.py"}
    assert made.grep(("A(",)) == {"spec.py"}
    assert made.grep(("-step", "nowhere to be found")) == set()
    assert made.grep(()) == set()
    assert made.grep(("\0", "\ud800", "a\nb")) == set()


@everywhere
def test_object_ids_may_be_sha256(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[..., Snapshot]
) -> None:
    monkeypatch.setenv("GIT_DEFAULT_HASH", "sha256")
    repo = Repo(tmp_path / "repo")
    repo.commit({"a.py": "one"})
    made = make(repo)
    assert made.files == {"a.py": repo.git("rev-parse", "HEAD:a.py")}
    assert len(made.files["a.py"]) == 64
    assert made.read("a.py") == b"one"


def test_a_revision_does_not_see_what_came_later(repo: Repo) -> None:
    repo.commit({"a.py": "old flow"})
    repo.commit({"a.py": "new", "b.py": "flow"})
    repo.write({"a.py": None})
    old = snapshot(open_repository(repo.path), "HEAD^")
    assert old.files.keys() == {"a.py"}
    assert old.read("a.py") == b"old flow"
    assert old.grep(("flow",)) == {"a.py"}


def test_a_shallow_clone_has_the_files_of_its_tip(repo: Repo, clone: Callable[..., Path]) -> None:
    repo.commit({"a.py": "old"})
    repo.commit({"a.py": "new"})
    assert snapshot(open_repository(clone("--depth=1")), "HEAD").read("a.py") == b"new"


def test_made_up_trees_cannot_name_what_is_elsewhere(repo: Repo) -> None:
    repo.commit({"a.py": "x"})
    evil = blob(repo, b"evil")
    inner = tree(repo, (b"100644", b"evil.py", evil))
    names = [b"..", b".", b".git", b".GIT", b"/etc", b"a/../../b"]
    top = tree(
        repo,
        *((b"40000", name, inner) for name in names),
        *((b"100644", name + b"/evil.py", evil) for name in names),
        *((b"120000", name + b"/link", evil) for name in names),
        (b"120000", b"good-link", evil),
        (b"100644", b"..", evil),
        (b"100664", b"group-writable.py", evil),
        (b"100644", b"..good..py", evil),
    )
    made = snapshot(open_repository(repo.path), repo.git("commit-tree", "-m", "evil", top))
    assert made.files == {"group-writable.py": evil, "..good..py": evil}
    assert made.others == {"good-link": "symlink"}
    assert made.grep(("evil",)) == {"group-writable.py", "..good..py"}


def test_replaced_objects_are_read_as_they_were(repo: Repo) -> None:
    repo.commit({"a.py": "true"})
    repo.git("replace", "-f", repo.git("rev-parse", "HEAD:a.py"), blob(repo, b"false"))
    assert snapshot(open_repository(repo.path), "HEAD").read("a.py") == b"true"


# --- the index -------------------------------------------------------------------------------------------------------


def test_the_index_is_what_is_staged(repo: Repo) -> None:
    repo.commit({"kept.py": "old flow", "changed.py": "old", "removed.py": "flow", "left.py": "flow"})
    repo.write({"changed.py": "staged flow", "new.py": "flow", "removed.py": None})
    repo.git("add", "-A")
    repo.write({"changed.py": "not staged", "untracked.py": "flow", "left.py": None})
    made = index_snapshot(open_repository(repo.path))
    assert made.files.keys() == {"kept.py", "changed.py", "new.py", "left.py"}
    assert made.read("changed.py") == b"staged flow"
    assert made.grep(("flow",)) == {"kept.py", "changed.py", "new.py", "left.py"}


def test_a_symlink_counts_when_it_is_staged(repo: Repo) -> None:
    repo.commit({"staged.py": "x", "later.py": "x"})
    for name in ("staged.py", "later.py"):
        (repo.path / name).unlink()
        (repo.path / name).symlink_to("elsewhere")
    repo.git("add", "staged.py")
    made = index_snapshot(open_repository(repo.path))
    assert (made.files.keys(), made.others) == ({"later.py"}, {"staged.py": "symlink"})


@pytest.mark.parametrize("on_disk", [True, False], ids=["still on disk", "deleted since"])
def test_what_is_only_intended_is_not_staged(repo: Repo, on_disk: bool) -> None:
    repo.commit({"a.py": "x"})
    repo.write({"intended.py": "flow", "empty.py": ""})
    repo.git("add", "empty.py")
    repo.git("add", "--intent-to-add", "intended.py")
    if not on_disk:
        repo.write({"intended.py": None})
    made = index_snapshot(open_repository(repo.path))
    assert made.files.keys() == {"a.py", "empty.py"}


def conflict(repo: Repo) -> None:
    """Leave a merge with conflicts in two files."""
    repo.commit({"a.py": "base", "b\n.py": "base", "fine.py": "base"})
    repo.git("checkout", "-q", "-b", "side")
    repo.commit({"a.py": "theirs", "b\n.py": "theirs", "theirs.py": "flow"})
    repo.git("checkout", "-q", "main")
    repo.commit({"a.py": "ours", "b\n.py": None})
    subprocess.run(["git", "merge", "-q", "side"], cwd=repo.path, env={**os.environ, **GIT_ENV})


def test_an_index_in_conflict_names_the_files(repo: Repo) -> None:
    conflict(repo)
    with pytest.raises(InputError) as caught:
        index_snapshot(open_repository(repo.path))
    assert str(caught.value) == (
        "a.py: has a merge conflict\nhelp: resolve the conflict, then `git add` the file\n"
        "b\\n.py: has a merge conflict\nhelp: resolve the conflict, then `git add` the file"
    )


def test_no_files() -> None:
    nothing = empty_snapshot("before the first commit")
    assert (nothing.name, nothing.commit, nothing.files) == ("before the first commit", None, {})
    assert nothing.grep(("flow",)) == frozenset()
    with pytest.raises(KeyError):
        nothing.read("a.py")


def test_a_search_of_one_commit_answers_for_the_next(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    same = {f"same{n}.py": "flow" if n % 2 else "other" for n in range(10)}
    repo.commit({**same, "changed.py": "flow", "gone.py": "flow", "was.py": "flow", "notes.txt": "flow"})
    repo.commit(
        {"changed.py": "x = 1", "gone.py": None, "new.py": "a flow", "was.py": "flow ", "big.py": "# " + "x" * 99}
    )
    monkeypatch.setattr(process, "BLOB_LIMIT", 50)
    shared, searches = open_repository(repo.path), []
    grep = snapshots._grep
    monkeypatch.setattr(snapshots, "_grep", lambda *args: searches.append(args) or grep(*args))
    for words in (("flow",), ("flow", "other"), ("class\nF",), ("nothing",)):
        searches.clear()
        answers = [snapshot(shared, revision).grep(words) for revision in ("HEAD~1", "HEAD", "HEAD~1")]
        assert len(searches) == 1
        fresh = [
            snapshot(open_repository(repo.path), revision).grep(words) for revision in ("HEAD~1", "HEAD", "HEAD~1")
        ]
        assert [found - {"big.py"} for found in answers] == [found - {"big.py"} for found in fresh]
        assert "big.py" in answers[1]  # it is too large to be read, so it may hold any word
    monkeypatch.setattr(snapshots, "FEW", 2)
    assert snapshot(shared, "HEAD").grep(("x",)) >= {"changed.py"}
    assert snapshot(shared, "HEAD~1").grep(("x",)) == set()


def test_a_commit_is_listed_once(repo: Repo) -> None:
    repo.commit({"a.py": "flow"})
    opened = open_repository(repo.path)
    assert snapshot(opened, "HEAD").files is snapshot(opened, "main").files
