"""The fake GitHub of tests/github, asked without the client."""

from tests.github.conftest import connect, fake, time

__all__ = ["connect", "fake", "time"]
