"""Judging files that a workflow names: of the judge, or outside of the workspace, where no pull request writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from costgate.action.inputs import Inputs, Runner
from costgate.errors import InputError
from costgate.gate.judging import Override, Overrides
from costgate.model import Snapshot
from costgate.shipped import policy_packs, rate_cards

OF_JUDGE = "judge:"
LARGEST = 20 * 10**6  # bytes, as for files of a repository


def overriding(inputs: Inputs, runner: Runner) -> Callable[[Snapshot], Overrides]:
    """What the inputs `rate-card`, `usage` and `policy` replace, once the judge is known."""

    def of_judge(judge: Snapshot) -> Overrides:
        return Overrides(
            rate_card=_override("rate-card", inputs.rate_card, judge, runner, rate_cards()),
            usage=_override("usage", inputs.usage, judge, runner, {}),
            policy=_override("policy", inputs.policy, judge, runner, policy_packs()),
        )

    return of_judge


def _override(name: str, value: str, judge: Snapshot, runner: Runner, shipped: dict[str, Path]) -> Override | None:
    if not value:
        return None
    if value in shipped:
        return Override(reference=value, read=judge.read)
    if value.startswith(OF_JUDGE):
        return Override(reference=value.removeprefix(OF_JUDGE), read=judge.read)
    place = Path(value).resolve() if Path(value).is_absolute() else (runner.workspace / value).resolve()
    if place.is_relative_to(runner.workspace.resolve()):
        raise InputError(
            f"the input {name} is {value[:200]!r}, a file of the workspace, which a pull request may have written",
            help=f"write {OF_JUDGE}{value} for the file of the target branch, or name a file outside of the workspace",
        )
    return Override(reference=str(place), read=_read)


def _read(path: str) -> bytes:
    """A file of the runner; what a card there extends is read beside it."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise KeyError(path) from None
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read: {error}", where=path, help="name a readable file") from None
    if len(data) > LARGEST:
        raise InputError(f"is larger than {LARGEST // 10**6} MB", where=path, help="judging files are small")
    return data
