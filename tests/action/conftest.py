"""A scene for each test: nothing of one is seen by another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.action.scene import NAME, Scene
from tests.github.fake import Fake, World


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Fake(world=World(NAME)) as fake:
        yield Scene(tmp_path, fake)
