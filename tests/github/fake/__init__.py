"""A GitHub on loopback: stateful, with a clock of its own, and bound to GitHub's own OpenAPI."""

from tests.github.fake.faults import Faults
from tests.github.fake.people import ACTIONS, WORKFLOW
from tests.github.fake.server import Fake
from tests.github.fake.world import World

__all__ = ["ACTIONS", "WORKFLOW", "Fake", "Faults", "World"]
