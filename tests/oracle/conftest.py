"""Every test here asks real Metaflow, and has to leave the machine as it was."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from costgate.oracle import Oracle
from tests.oracle.asking import QUICK, SECRETS, processes


@pytest.fixture(autouse=True)
def _nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a test does: no process, no folder, and this process as it was."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = processes()
    yield
    assert processes() - before == frozenset()
    assert [name for name in os.listdir(tmp_path) if name.startswith("costgate-")] == []
    assert os.access(f"/proc/{os.getpid()}/environ", os.R_OK)


@pytest.fixture
def oracle() -> Iterator[Oracle]:
    with Oracle({**os.environ, **SECRETS}, QUICK) as found:
        yield found
