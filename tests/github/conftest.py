"""A fake GitHub, clients of it, and time that passes when somebody sleeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from costgate.github.client import GitHub
from costgate.http import Http, Limits
from tests.github.fake import Fake, World

TOKEN = "ghs_a-workflow's-token"


@dataclass
class Time:
    """A clock that only sleeping moves."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def fake() -> Iterator[Fake]:
    with Fake() as fake:
        fake.world.token(TOKEN)
        yield fake


@pytest.fixture
def world(fake: Fake) -> World:
    return fake.world


@pytest.fixture
def connect(time: Time) -> Iterator[Callable[..., Http]]:
    """`connect(url, token, read_s=0.2)`: a session that waits in no time."""
    made: list[Http] = []

    def new(url: str, token: str = TOKEN, **limits: float) -> Http:
        http = Http(url, token, limits=Limits(**limits), sleep=time.sleep, clock=time.clock)  # type: ignore[arg-type]
        made.append(http)
        return http

    yield new
    for http in made:
        http.close()


@pytest.fixture
def github(fake: Fake, connect: Callable[..., Http]) -> GitHub:
    """The client with a workflow's token."""
    return GitHub(connect(fake.url), fake.world.main.full_name)
