"""Running git: bounds on time and size, and what happens when the reading process does not answer."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from costgate.errors import InputError, WorldError
from costgate.git import index_snapshot, open_repository, process, snapshot
from tests.support import Repo


def blobs(folder: Path) -> process.Blobs:
    return process.Blobs(folder, process.clean_environment())


def loose(repo: Repo, blob: str) -> Path:
    """The file of an object that is not packed."""
    return repo.path / ".git" / "objects" / blob[:2] / blob[2:]


def test_a_command_that_hangs_is_ended(
    repo: Repo, fake_git: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_git("exec sleep 60")
    monkeypatch.setattr(process, "TIMEOUT_S", 0.1)
    with pytest.raises(WorldError, match=r"git rev-parse took more than 0.1 s"):
        open_repository(repo.path)


@pytest.mark.parametrize("stream", ["1", "2"], ids=["on its output", "on its error stream"])
def test_a_command_that_never_stops_talking_is_ended(
    repo: Repo, fake_git: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, stream: str
) -> None:
    fake_git(f"exec yes >&{stream}")
    monkeypatch.setattr(process, "OUTPUT_LIMIT", 3 * process.MEGABYTE)
    with pytest.raises(InputError, match="git rev-parse lists more than 3 MB of file names"):
        open_repository(repo.path)


def test_a_tree_of_ten_billion_files_is_an_error(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.commit({"a": "x"})
    tree = repo.git("rev-parse", "HEAD^{tree}")
    for level in range(10):
        folders = "".join(f"040000 tree {tree}\t{level}{number}\n" for number in range(10))
        (repo.path / "listing").write_text(folders)
        tree = repo.git("-c", "alias.make=!git mktree < listing", "make")
    bomb = repo.git("commit-tree", "-m", "bomb", tree)
    monkeypatch.setattr(process, "OUTPUT_LIMIT", process.MEGABYTE)
    with pytest.raises(InputError, match="git ls-tree lists more than 1 MB of file names"):
        snapshot(open_repository(repo.path), bomb)


def test_a_command_that_fails_is_told_with_the_reason(repo: Repo) -> None:
    repo.commit({"a.py": "x"})
    (repo.path / ".git" / "index").write_bytes(b"DIRC" + bytes(100))
    with pytest.raises(WorldError, match=r"/repo: git diff-index failed: .*(index|version|signature)"):
        index_snapshot(open_repository(repo.path))


def test_contents_of_any_size_come_back_whole(repo: Repo) -> None:
    sizes = [0, 1, 2**16 - 1, 2**16, 2**16 + 1, 3 * 10**6]
    repo.commit({f"{size}.bin": b"a\n" * (size // 2) + b"z" * (size % 2) for size in sizes})
    made = snapshot(open_repository(repo.path), "HEAD")
    for size in [*sizes, *reversed(sizes)]:
        assert made.read(f"{size}.bin") == b"a\n" * (size // 2) + b"z" * (size % 2)


def test_one_process_answers_all_threads(repo: Repo) -> None:
    repo.commit({f"{number}.py": f"number {number}" * number for number in range(200)})
    made = snapshot(open_repository(repo.path), "HEAD")
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(lambda number: made.read(f"{number}.py"), [*range(200)] * 3))
    assert read == [(f"number {number}" * number).encode() for number in range(200)] * 3


def test_the_process_starts_with_the_first_read_and_ends_with_the_repository(repo: Repo) -> None:
    blob = repo.git("rev-parse", repo.commit({"a.py": "x"}) + ":a.py")
    reader = blobs(repo.path)
    started = [reader._running]
    for _ in range(2):
        reader.read(blob, "a.py")
        started.append(reader._running)
    assert started[0] is None
    assert started[1]
    assert started[1] is started[2]
    running = started[1][0]
    del reader
    gc.collect()
    assert running.returncode == -signal.SIGKILL


def test_a_file_above_the_limit_is_not_read_and_the_next_one_is(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.commit({"big.py": b"#" * (2 * process.MEGABYTE + 1), "limit.py": b"#" * 2 * process.MEGABYTE, "small.py": "x"})
    monkeypatch.setattr(process, "BLOB_LIMIT", 2 * process.MEGABYTE)
    made = snapshot(open_repository(repo.path), "HEAD")
    with pytest.raises(InputError, match=r"big.py: file is 3 MB, the limit is 2 MB"):
        made.read("big.py")
    assert made.read("small.py") == b"x"
    assert len(made.read("limit.py")) == 2 * process.MEGABYTE


def test_an_object_that_the_clone_lacks(repo: Repo) -> None:
    commit = repo.commit({"a.py": "x", "b.py": "y"})
    blob = repo.git("rev-parse", f"{commit}:a.py")
    loose(repo, blob).unlink()
    made = snapshot(open_repository(repo.path), commit)
    with pytest.raises(WorldError, match=f"a.py: this clone lacks the object {blob}\nhelp: run `git fsck`"):
        made.read("a.py")
    assert made.read("b.py") == b"y"


def test_an_object_that_is_corrupt(repo: Repo) -> None:
    commit = repo.commit({"a.py": "x", "b.py": "y"})
    path = loose(repo, repo.git("rev-parse", f"{commit}:a.py"))
    path.chmod(0o644)
    path.write_bytes(b"garbage")
    made = snapshot(open_repository(repo.path), commit)
    with pytest.raises(WorldError, match=r"a.py: (git cat-file ended without an answer|this clone lacks the object)"):
        made.read("a.py")
    assert made.read("b.py") == b"y"


def test_a_process_that_was_killed_is_told_and_started_again(repo: Repo) -> None:
    commit = repo.commit({"a.py": "x", "b.py": "y"})
    found = open_repository(repo.path)
    made = snapshot(found, commit)
    made.read("a.py")
    assert found.blobs._running
    running = found.blobs._running[0]
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    assert made.read("a.py") == b"x"  # it is still known
    with pytest.raises(WorldError, match=r"b.py: git cat-file ended: .*Broken pipe"):
        made.read("b.py")
    assert made.read("b.py") == b"y"


def test_small_contents_are_kept_until_there_is_no_more_room(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "KEPT", 5)
    monkeypatch.setattr(process, "CHUNK", 4)
    repo.commit({"a.py": "aaa", "b.py": "bbb", "c.py": "cc", "large.py": "ddddd"})
    found = open_repository(repo.path)
    made = snapshot(found, "HEAD")
    for _ in range(2):
        assert [made.read(f"{name}.py") for name in ("a", "b", "c", "large")] == [b"aaa", b"bbb", b"cc", b"ddddd"]
    assert sorted(found.blobs._kept.values()) == [b"aaa", b"cc"]


@pytest.mark.parametrize(
    ("script", "message"),
    [
        pytest.param("read line", "ended without an answer", id="it ends without an answer"),
        pytest.param("read line; echo id blob 5; printf ab", "ended without an answer", id="it ends within the answer"),
        pytest.param("read line; printf id; exec sleep 60", "took more than 0.1 s", id="it hangs in the heading"),
        pytest.param("read line; echo id blob 5; exec sleep 60", "took more than 0.1 s", id="it hangs in the content"),
    ],
)
def test_a_process_that_does_not_answer(
    tmp_path: Path, fake_git: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, script: str, message: str
) -> None:
    fake_git(script)
    monkeypatch.setattr(process, "TIMEOUT_S", 0.1)
    reader = blobs(tmp_path)
    with pytest.raises(WorldError, match=f"flow.py: git cat-file {message}"):
        reader.read("0" * 40, "flow.py")
    assert reader._running is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("flows/train it's.py", "flows/train it's.py", id="an ordinary path stays"),
        pytest.param("ünï.py", "ünï.py", id="so does one that any terminal can print"),
        pytest.param("a\n::error::b", r"a\n::error::b", id="a newline is escaped"),
        pytest.param("caf\udce9.py", r"caf\udce9.py", id="an undecodable byte is escaped"),
    ],
)
def test_text_in_messages_is_printable(text: str, shown: str) -> None:
    assert process.shown(text) == shown
