"""The work tree as a snapshot: the disk where it differs from the index, and never anything but regular files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from costgate.errors import InputError
from costgate.git import disk, open_repository, process, worktree_snapshot
from costgate.model import Snapshot
from tests.git.test_snapshots import ODD_NAMES, conflict
from tests.support import Repo


def worktree(repo: Repo) -> Snapshot:
    return worktree_snapshot(open_repository(repo.path))


def contents(made: Snapshot) -> dict[str, bytes]:
    return {path: made.read(path) for path in made.files}


def test_the_work_tree_is_what_is_on_disk(repo: Repo) -> None:
    repo.commit({"kept.py": "flow", "changed.py": "old", "removed.py": "flow", "unstaged.py": "flow"})
    repo.write({"changed.py": "staged"})
    repo.git("add", "-A")
    repo.git("rm", "-q", "--cached", "unstaged.py")
    repo.write({"changed.py": "on disk: flow", "removed.py": None, "new/file.py": "new flow", "new/data.csv": "flow"})
    made = worktree(repo)
    assert contents(made) == {
        "kept.py": b"flow", "changed.py": b"on disk: flow", "unstaged.py": b"flow",
        "new/file.py": b"new flow", "new/data.csv": b"flow",
    }  # fmt: skip
    assert made.grep(("flow",)) == {"kept.py", "changed.py", "unstaged.py", "new/file.py"}
    assert made.grep(("nowhere",)) == made.grep(()) == set()


def test_blob_ids_are_those_that_git_would_give(repo: Repo) -> None:
    repo.commit({"kept.py": "x", "touched.py": "y", "changed.py": "z"})
    os.utime(repo.path / "touched.py", (1, 1))
    repo.write({"changed.py": "zz", "new.py": "n" * 3 * process.MEGABYTE, "empty.py": ""})
    made = worktree(repo)
    assert dict(made.files) == {path: repo.git("hash-object", path) for path in made.files}
    assert made.files["touched.py"] == repo.git("rev-parse", "HEAD:touched.py")
    assert len(made.files) == 5


def test_new_files_may_have_any_name(repo: Repo) -> None:
    repo.write(ODD_NAMES)
    made = worktree(repo)
    assert {path: data.decode() for path, data in contents(made).items()} == ODD_NAMES
    assert made.grep(("flow",)) == ODD_NAMES.keys()
    assert len(set(made.files.values())) == len(ODD_NAMES)


def test_ignored_files_are_left_out_unless_tracked(repo: Repo) -> None:
    repo.write({"tracked.log": "x", ".git/info/exclude": "*.tmp\n"})
    repo.git("add", "tracked.log")
    repo.write({".gitignore": "*.log\nvenv/\n", "new.log": "x", "venv/flow.py": "x", "a.tmp": "x"})
    assert worktree(repo).files.keys() == {".gitignore", "tracked.log"}


def test_what_is_only_intended_is_on_disk(repo: Repo) -> None:
    repo.commit({"a.py": "x"})
    repo.write({"intended.py": "flow", "gone.py": "flow"})
    repo.git("add", "--intent-to-add", "intended.py", "gone.py")
    repo.write({"gone.py": None})
    made = worktree(repo)
    assert contents(made) == {"a.py": b"x", "intended.py": b"flow"}
    assert made.grep(("flow",)) == {"intended.py"}


def test_a_file_in_conflict_is_read_as_it_is(repo: Repo) -> None:
    conflict(repo)
    made = worktree(repo)
    assert made.files.keys() == {"a.py", "b\n.py", "fine.py", "theirs.py"}
    assert made.read("a.py").startswith(b"<<<<<<<")
    assert made.grep(("<<<<<<<", "flow")) == {"a.py", "theirs.py"}


def test_files_that_a_sparse_checkout_leaves_out_are_unmodified(repo: Repo) -> None:
    repo.commit({"in/a.py": "flow", "out/b.py": "flow"})
    repo.git("sparse-checkout", "set", "--no-cone", "in/")
    assert not (repo.path / "out").exists()
    made = worktree(repo)
    assert contents(made) == {"in/a.py": b"flow", "out/b.py": b"flow"}
    assert made.grep(("flow",)) == {"in/a.py", "out/b.py"}


def test_line_ends_of_unmodified_files_are_those_of_the_repository(repo: Repo) -> None:
    repo.commit({".gitattributes": "*.py text eol=crlf", "a.py": "one\n", "b.py": "two\n"})
    for name in ("a.py", "b.py"):
        (repo.path / name).unlink()
    repo.git("checkout", "-q", ".")
    assert (repo.path / "a.py").read_bytes() == b"one\r\n"
    repo.write({"b.py": "changed\r\n"})
    made = worktree(repo)
    assert (made.read("a.py"), made.read("b.py")) == (b"one\n", b"changed\r\n")


def test_a_repository_inside_is_not_entered(repo: Repo) -> None:
    repo.commit({"a.py": "flow"})
    Repo(repo.path / "inner").commit({"b.py": "flow"})
    assert worktree(repo).files.keys() == {"a.py"}


# --- symlinks and other things that are no files ---------------------------------------------------------------------


def test_a_tracked_file_that_became_something_else_is_gone(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"link.py": "flow", "pipe.py": "flow", "folder.py": "flow", "moved/a.py": "flow", "kept.py": "flow"})
    for name in ("link.py", "pipe.py", "folder.py"):
        (repo.path / name).unlink()
    (repo.path / "link.py").symlink_to("/etc/passwd")
    os.mkfifo(repo.path / "pipe.py")
    (repo.path / "folder.py").mkdir()
    shutil.move(repo.path / "moved", tmp_path / "elsewhere")
    (repo.path / "moved").symlink_to(tmp_path / "elsewhere")
    made = worktree(repo)
    assert made.files.keys() == {"kept.py"}
    assert made.others == {"link.py": "symlink", "moved": "symlink"}
    assert made.grep(("flow", "root")) == {"kept.py"}
    with pytest.raises(KeyError):
        made.read("link.py")


def test_a_symlink_that_became_a_file_is_a_file(repo: Repo) -> None:
    repo.write({"real.py": "x"})
    (repo.path / "link.py").symlink_to("real.py")
    repo.commit()
    (repo.path / "link.py").unlink()
    repo.write({"link.py": "flow"})
    assert contents(worktree(repo)) == {"real.py": b"x", "link.py": b"flow"}
    assert worktree(repo).others == {}


def test_symlinks_are_named_whether_tracked_new_or_ignored_on_the_way_to_a_tracked_file(repo: Repo) -> None:
    repo.write({"real.py": "x", "flows/deep/a.py": "flow", ".gitignore": "ignored\n"})
    for name in ("tracked.py", "gone.py"):
        (repo.path / name).symlink_to("real.py")
    repo.commit()
    (repo.path / "gone.py").unlink()
    (repo.path / "flows").rename(repo.path / "ignored")
    (repo.path / "flows").symlink_to("ignored")
    repo.write({".gitignore": "ignored\nflows\n"})
    (repo.path / "new.py").symlink_to("nowhere")
    made = worktree(repo)
    assert made.files.keys() == {"real.py", ".gitignore"}
    assert made.others == {"tracked.py": "symlink", "flows": "symlink", "new.py": "symlink"}


def with_submodules(repo: Repo, *names: str) -> None:
    for name in names:
        (repo.path / name).mkdir()
        repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},{name}")
    repo.git("commit", "-q", "-m", "submodules")


def test_a_submodule_counts_while_its_folder_is_there(repo: Repo) -> None:
    with_submodules(repo, "kept", "gone", "file", "link")
    for name in ("gone", "file", "link"):
        (repo.path / name).rmdir()
    repo.write({"file": "flow"})
    (repo.path / "link").symlink_to("kept")
    made = worktree(repo)
    assert made.files.keys() == {"file"}
    assert made.others == {"kept": "submodule", "link": "symlink"}


def test_a_file_that_git_is_told_to_take_for_unchanged_is_read_from_the_index(repo: Repo) -> None:
    repo.commit({"a.py": "flow"})
    repo.git("update-index", "--assume-unchanged", "a.py")
    repo.write({"a.py": None})
    assert contents(worktree(repo)) == {"a.py": b"flow"}


def test_what_a_sparse_checkout_leaves_out_is_still_named(repo: Repo) -> None:
    repo.write({"in/a.py": "flow", "out/b.py": "flow"})
    (repo.path / "out" / "link.py").symlink_to("b.py")
    repo.commit()
    repo.git("sparse-checkout", "set", "--no-cone", "in/")
    assert not (repo.path / "out").exists()
    assert worktree(repo).others == {"out/link.py": "symlink"}


def to_symlink(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd")


def to_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def to_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def to_symlinked_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("moved"))
    path.parent.symlink_to("moved")


@pytest.mark.parametrize(
    ("swap", "reason"),
    [
        pytest.param(Path.unlink, "No such file or directory", id="deleted"),
        pytest.param(to_symlink, "Too many levels of symbolic links", id="a symlink"),
        pytest.param(to_pipe, "not a regular file", id="a pipe"),
        pytest.param(to_folder, "not a regular file", id="a folder"),
        pytest.param(to_symlinked_folder, "Not a directory", id="in a folder that is a symlink"),
    ],
)
def test_a_file_that_is_swapped_after_it_was_listed_is_not_followed(
    repo: Repo, swap: Callable[[Path], None], reason: str
) -> None:
    repo.write({"sub/new.py": "flow"})
    made = worktree(repo)
    swap(repo.path / "sub" / "new.py")
    assert "sub/new.py" in made.files
    for look in (made.read, made.files.__getitem__):
        with pytest.raises(InputError, match=f"sub/new.py: cannot be read: {reason}"):
            look("sub/new.py")
    assert made.grep(("nowhere",)) == {"sub/new.py"}, "it may hold anything: whoever reads it is told"
    assert made.grep(()) == set()


def test_a_large_file_has_an_id_but_is_not_read(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.write({"big.py": b"#" * (process.MEGABYTE + 1), "limit.py": b"#" * process.MEGABYTE})
    monkeypatch.setattr(process, "BLOB_LIMIT", process.MEGABYTE)
    monkeypatch.setattr(disk, "BLOB_LIMIT", process.MEGABYTE)
    made = worktree(repo)
    assert made.files["big.py"] == repo.git("hash-object", "big.py")
    assert len(made.read("limit.py")) == process.MEGABYTE
    with pytest.raises(InputError, match=r"big.py: file is 2 MB, the limit is 1 MB"):
        made.read("big.py")


def test_data_is_not_hashed_before_somebody_asks(repo: Repo) -> None:
    repo.write({"data.bin": "x"})
    made = worktree(repo)
    repo.write({"data.bin": "much more"})
    assert made.files["data.bin"] == repo.git("hash-object", "data.bin")
    repo.write({"data.bin": "even more"})
    assert made.files["data.bin"] != repo.git("hash-object", "data.bin"), "and then once"
