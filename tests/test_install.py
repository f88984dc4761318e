"""Shipped packs and cards are found in a wheel, in an editable install and in a plain checkout alike."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ASK = (
    "from costgate import shipped; "
    "print(sorted(shipped.policy_packs()), sorted(shipped.rate_cards()), shipped.schema('config').exists(), "
    "(shipped.PACKAGE / 'demo_repository' / 'base' / 'costgate.yml').exists())"
)
ANSWER = "['advisory', 'default', 'strict'] ['aws', 'azure', 'gcp'] True True\n"


def ask(python: str, cwd: Path, **environ: str) -> str:
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run(
        [python, "-c", ASK], cwd=cwd, env={**clean, **environ}, capture_output=True, text=True, check=True
    ).stdout


def test_an_editable_install_finds_them(tmp_path: Path) -> None:
    assert ask(sys.executable, tmp_path) == ANSWER


def test_a_plain_checkout_finds_them(tmp_path: Path) -> None:
    assert ask(sys.executable, tmp_path, PYTHONPATH=str(ROOT)) == ANSWER


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(pip, check=True, capture_output=True)
    (found,) = folder.glob("metaflow_costgate-*.whl")
    return found


@pytest.mark.peer
@pytest.mark.timeout(300)
def test_a_wheel_finds_them(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    assert ask(str(python), tmp_path, PYTHONPATH=str(tmp_path / "site")) == ANSWER


@pytest.mark.peer
@pytest.mark.timeout(300)
def test_a_wheel_carries_neither_tests_nor_caches(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert not [n for n in names if n.startswith("tests/") or "__pycache__" in n]
    assert [n for n in names if n.startswith("costgate/policies/")]
