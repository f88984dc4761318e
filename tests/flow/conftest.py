"""Prints how the comparison with Metaflow went, where it ran."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.flow.peer_score import Score

SCORE = pytest.StashKey[Score]()


@pytest.fixture
def print_score(request: pytest.FixtureRequest) -> Callable[[Score], None]:
    """Keeps a score for the end of the run."""

    def keep(score: Score) -> None:
        request.config.stash[SCORE] = score

    return keep


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if SCORE in config.stash:
        terminalreporter.section("costgate against Metaflow")
        terminalreporter.line(str(config.stash[SCORE]))
        for name in config.stash[SCORE].wrong:
            terminalreporter.line(f"wrong: {name}")
