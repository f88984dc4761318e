"""`resolver: auto | metaflow` in the gate, which is handed a function that answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

import pytest

from costgate.flow.answer import Answer, Failure, Request, Told, ToldStep
from costgate.gate import Question, ask, breakdown
from costgate.gate.judging import Overrides
from costgate.gate.running import refused
from costgate.model import Report, Snapshot, Unresolved
from tests import scenario
from tests.support import snapshot

AS_OF = datetime(2026, 11, 23, tzinfo=timezone.utc)
MUTATED = scenario.TRAIN.replace("class TrainFlow", "@Mutator\n    class TrainFlow").replace(
    "from metaflow", "from elsewhere import Mutator\n    from metaflow", 1
)
TORCH = Failure(reason="ModuleNotFoundError: No module named 'torch'")


def files(resolver: str, train: str = scenario.TRAIN, **more: str) -> dict[str, str]:
    costgate = scenario.CONFIG.replace("target: local", f"target: local\n    resolver: {resolver}")
    return {**scenario.files(costgate=costgate), "flows/train.py": train, **more}


class Oracle:
    """Answers that `train` has so many GPUs; keeps what it was asked."""

    def __init__(self, answer: Callable[[Snapshot], int] | Failure) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str]] = []

    def __call__(self, snapshot: Snapshot, request: Request) -> Answer | Failure:
        self.asked.append((snapshot.name, request.flow))
        return self.answer if isinstance(self.answer, Failure) else answer(request, self.answer(snapshot))


def answer(request: Request, gpus: int) -> Answer:
    final = {"cpu": "1", "memory": "4096", "disk": "10240", "gpu": gpus, "gpu_vendor": "nvidia"}
    kubernetes = Told(name="kubernetes", given={"gpu": gpus}, final=final)

    def node(name: str, *following: str, decorators: tuple[Told, ...] = ()) -> ToldStep:
        return ToldStep(
            name=name, kind="linear", file=request.file, line=1, next=following, foreach=None, parallel=False,
            num_parallel=None, decorators=decorators,
        )  # fmt: skip

    return Answer(
        metaflow="2.19.39", flow=request.flow, start="start", end="end", decorators=(), mutators=(), configs=(),
        steps=(node("start", "train"), node("train", "end", decorators=(kubernetes,)), node("end")),
    )  # fmt: skip


def judged(base: Mapping[str, str], head: Mapping[str, str], oracle: Oracle, **more: object) -> Report:
    first, second = snapshot(base, "base"), snapshot(head, "head")
    question = Question(base=first, head=second, judge=first, as_of=AS_OF, oracle=oracle)
    return ask(question)


def test_static_asks_nobody() -> None:
    oracle = Oracle(lambda _: 8)
    found = judged(files("static", MUTATED), files("static", MUTATED + "    # more\n"), oracle)
    assert oracle.asked == []
    assert found.resolver == "static"


def test_auto_prices_what_a_mutator_hid() -> None:
    oracle = Oracle(lambda side: 4 if side.name == "base" else 8)
    found = judged(files("auto", MUTATED), files("auto", MUTATED + "    # more\n"), oracle)
    assert oracle.asked == [("base", "TrainFlow"), ("head", "TrainFlow")]
    assert round(found.delta.delta.expected, 3) == round(type(found.delta.delta.expected)(scenario.DELTA), 3)
    assert found.delta.unpriced == ()
    assert found.resolver == "auto"
    assert "resolved by running code, with Metaflow 2.19.39: TrainFlow" in found.notes


def test_a_change_that_no_source_shows_is_seen() -> None:
    """What code reads when it runs stands in no import: so nothing is narrowed down, whatever changed."""
    many = {f"lib/m{number}.py": "" for number in range(100)}
    oracle = Oracle(lambda side: int(side.read("data.txt")))
    base = files("auto", MUTATED, **many, **{"data.txt": "4"})
    found = judged(base, {**base, "data.txt": "8"}, oracle)
    assert [one.status for one in found.delta.deployments] == ["changed"]


def test_auto_leaves_alone_what_the_source_tells() -> None:
    oracle = Oracle(lambda _: 8)
    found = judged(files("auto"), {**files("auto"), "configs/prod.json": scenario.config(8)}, oracle)
    assert oracle.asked == []
    assert not any("running code" in note for note in found.notes)
    assert found.resolver == "auto"


def test_metaflow_asks_for_all_and_tells_differences() -> None:
    oracle = Oracle(lambda _: 2)
    found = judged(files("metaflow"), {**files("metaflow"), "configs/prod.json": scenario.config(8)}, oracle)
    assert len(oracle.asked) == 2
    assert found.resolver == "metaflow"
    assert "TrainFlow/train: gpu is 2 by Metaflow, 8 in the source (configs/prod.json:1)" in found.notes
    assert "TrainFlow/train: gpu is 2 by Metaflow, 4 in the source (configs/prod.json:1)" in found.notes


def test_what_fails_keeps_the_source_and_says_why() -> None:
    found = judged(files("metaflow"), {**files("metaflow"), "configs/prod.json": scenario.config(8)}, Oracle(TORCH))
    assert round(found.delta.delta.expected, 3) == round(type(found.delta.delta.expected)(scenario.DELTA), 3)
    assert f"TrainFlow: its source tells what there is; {TORCH.text}" in found.notes


def test_what_stays_open_under_auto_says_why() -> None:
    found = judged(files("auto"), files("auto", MUTATED), Oracle(TORCH))
    assert [gap.reason.endswith(TORCH.text) for gap in found.delta.unpriced] != []
    assert all(gap.reason.endswith(TORCH.text) for gap in found.delta.unpriced)
    assert not any("torch" in note for note in found.notes)


@pytest.mark.parametrize("mode", ["auto", "metaflow"])
def test_where_nobody_can_be_asked_there_is_one_note(mode: str) -> None:
    nowhere = Failure(reason="Metaflow is not installed", help="pip install it", everywhere=True)
    found = judged(files(mode, MUTATED), files(mode, MUTATED + "    # more\n"), Oracle(nowhere))
    text = f"resolver {mode} is not used, the source alone tells: Metaflow is not installed (pip install it)"
    assert [note for note in found.notes if "Metaflow" in note] == [text]
    assert found.resolver == "static"


def test_without_a_function_the_source_alone_tells() -> None:
    first = snapshot(files("auto", MUTATED), "base")
    found = ask(Question(base=first, head=first, judge=first, as_of=AS_OF))
    assert "resolver auto is not used, the source alone tells: nothing here runs flows" in found.notes


def test_a_change_cannot_ask_for_its_own_code_to_be_run() -> None:
    oracle = Oracle(lambda _: 0)
    found = judged(files("static", MUTATED), files("metaflow", MUTATED), oracle)
    assert oracle.asked == []
    assert [change.path for change in found.changed_judges] == ["costgate.yml"]


def test_nor_does_a_first_costgate_yml() -> None:
    oracle = Oracle(lambda _: 0)
    base = {path: text for path, text in files("auto").items() if path != "costgate.yml"}
    found = judged(base, files("auto", MUTATED), oracle)
    assert oracle.asked == []
    reason = "costgate.yml is not yet on the target branch"
    assert f"resolver auto is not used, the source alone tells: {reason}" in found.notes


def test_the_verdict_of_heads_own_files_may_run_code_where_the_judge_does() -> None:
    oracle = Oracle(lambda _: 4)
    judged(files("auto"), files("metaflow"), oracle)
    assert ("head", "TrainFlow") in oracle.asked


def test_many_notes_are_cut() -> None:
    oracle = Oracle(lambda side: 2)
    deployments = "".join(
        f"      - {{flow: flows/train.py, name: d{number}, branch: b{number}}}\n" for number in range(30)
    )
    costgate = f"    version: 1\n    resolver: metaflow\n    target: local\n    deployments:\n{deployments}"
    base = files("static", **{"costgate.yml": costgate})
    found = judged(base, {**base, "configs/prod.json": scenario.config(8)}, oracle)
    ran = next(note for note in found.notes if note.startswith("resolved by running code"))
    assert ran.endswith("d19, and 10 more")


def test_breakdown_says_what_was_run() -> None:
    found = breakdown(
        snapshot(files("auto", MUTATED)), as_of=AS_OF, overrides=Overrides(), oracle=Oracle(lambda _: 8)
    )  # fmt: skip
    assert found.resolver == "auto"
    assert "resolved by running code, with Metaflow 2.19.39: TrainFlow" in found.notes
    assert not any(isinstance(gap, Unresolved) for gap in found.delta.unpriced)


ACTIONS = {"GITHUB_ACTIONS": "true"}
FORK = "the pull request comes from a fork, whose code is not run"
UNREADABLE = "the event of this workflow run cannot be read, so nobody knows whose code this is"


def pull(head: Any, base: Any = 1) -> dict[str, Any]:
    return {"pull_request": {"head": {"repo": {"id": head}}, "base": {"repo": {"id": base}}}}


def under(name: str) -> str:
    return f"under the event {name} no code is run: it may be a stranger's"


REFUSED: dict[str, tuple[str, object, str | None]] = {
    "a push": ("push", {}, None),
    "a schedule": ("schedule", {}, None),
    "a release": ("release", {}, None),
    "by hand": ("workflow_dispatch", {}, None),
    "a pull request of the same repository": ("pull_request", pull(1), None),
    "a review of it": ("pull_request_review", pull(1), None),
    "a comment in a review": ("pull_request_review_comment", pull(1), None),
    "a pull request of a fork": ("pull_request", pull(2), FORK),
    "a review of one": ("pull_request_review", pull(2), FORK),
    "a fork that is gone": ("pull_request", {"pull_request": {"head": {"repo": None}, "base": {"repo": {}}}}, FORK),
    "no repositories": ("pull_request", pull(None, None), FORK),
    "no pull request": ("pull_request", {}, FORK),
    "odd types": ("pull_request", {"pull_request": [1]}, FORK),
    "a push that carries one": ("push", pull(2), FORK),
    "the rights of the target branch": ("pull_request_target", pull(1), under("pull_request_target")),
    "another workflow's end": ("workflow_run", {}, under("workflow_run")),
    "a comment": ("issue_comment", {}, under("issue_comment")),
    "a merge group": ("merge_group", {"merge_group": {}}, under("merge_group")),
    "a dispatch from elsewhere": ("repository_dispatch", {}, under("repository_dispatch")),
    "no name": ("", {}, under("without a name")),
    "no event": ("push", None, UNREADABLE),
    "an event that is a list": ("push", [], UNREADABLE),
}  # fmt: skip


@pytest.mark.parametrize(("name", "event", "expected"), REFUSED.values(), ids=REFUSED)
def test_where_no_code_is_run(name: str, event: object, expected: str | None) -> None:
    assert refused({**ACTIONS, "GITHUB_EVENT_NAME": name}, event) == expected
    assert refused({"GITHUB_EVENT_NAME": name}, event) is None
