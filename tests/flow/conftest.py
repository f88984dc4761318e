"""Prints how the comparison with Metaflow went, where it ran."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.flow.peer_score import Score, total

SCORES = pytest.StashKey[dict[str, Score]]()


@pytest.fixture
def print_score(request: pytest.FixtureRequest) -> Callable[[str, Score], None]:
    """Keeps the score of a part for the end of the run."""

    def keep(part: str, score: Score) -> None:
        request.config.stash.setdefault(SCORES, {})[part] = score

    return keep


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    scores = config.stash.get(SCORES, {})
    if scores:
        terminalreporter.section("costgate against Metaflow")
        for part, score in scores.items():
            terminalreporter.line(f"{part}: {score}")
            for name in score.wrong:
                terminalreporter.line(f"  wrong: {name}")
        rest = total(score for part, score in scores.items() if part != "traps")
        if rest.flows:
            terminalreporter.line(f"all but traps: {rest}")
