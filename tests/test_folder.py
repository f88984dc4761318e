"""A plain folder as a Snapshot."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from costgate import folder
from costgate.errors import InputError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "train.py").write_text("class TrainFlow(FlowSpec): ...")
    (tmp_path / "notes.txt").write_text("FlowSpec")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "x.py").write_text("FlowSpec")
    (tmp_path / "link.py").symlink_to(tmp_path / "notes.txt")
    (tmp_path / "linked").symlink_to(tmp_path / "flows")
    return tmp_path


def test_it_lists_regular_files_outside_hidden_folders(root: Path) -> None:
    files = folder.snapshot(root).files
    assert sorted(files) == ["flows/train.py", "notes.txt"]
    assert len(files) == 2


@pytest.mark.parametrize(
    "path",
    ["link.py", "linked/train.py", "flows", "../x", "flows/../notes.txt", "", "/etc/passwd", "a\0b", "flows//train.py"],
)
def test_what_is_no_regular_file_below_the_root_is_not_there(root: Path, path: str) -> None:
    snapshot = folder.snapshot(root)
    assert path not in snapshot.files
    with pytest.raises(KeyError):
        snapshot.read(path)


def test_other_things_than_paths_are_not_in_it(root: Path) -> None:
    assert 1 not in folder.snapshot(root).files


def test_blobs_are_named_as_git_names_them(root: Path) -> None:
    name = subprocess.run(
        ["git", "hash-object", "notes.txt"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.strip()
    assert folder.snapshot(root).files["notes.txt"] == name


def test_grep_finds_words_in_python_files(root: Path) -> None:
    snapshot = folder.snapshot(root)
    assert snapshot.grep(("FlowSpec",)) == {"flows/train.py"}
    assert snapshot.grep(("Nothing",)) == frozenset()


def test_a_large_file_is_refused(root: Path) -> None:
    with (root / "big.json").open("wb") as file:
        file.truncate(folder.LIMIT + 1)
    with pytest.raises(InputError, match="larger than 20 MB"):
        folder.snapshot(root).read("big.json")


def test_a_file_that_cannot_be_opened_is_bad_input(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # root may read everything, so a mode bit would not do
    with pytest.raises(InputError, match="Permission denied"):
        folder.snapshot(root).read("notes.txt")
