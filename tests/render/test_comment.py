"""The comment through the life of a pull request, and what it remembers from one state to the next."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costgate.model import Approval, Cover, Report, Source
from costgate.render import comment, markdown
from costgate.render.comment import Memory, Peak, recall, remember, words_of
from tests.render import builders
from tests.render.inert import LINKED, OURS, tokens

D = Decimal
OLD, NEW = "abc1234" + "0" * 33, "def5678" + "0" * 33
LINKS = re.compile(r'</?a( href="https://github\.example/[\w./#-]*")?>')


@dataclass
class Thread:
    """One pull request: each report becomes the comment, or the next text of it."""

    memory: Memory | None = None
    is_new: bool = True
    body: str = ""
    replaced: bool = False

    def says(self, report: Report, **scene: Any) -> str:
        ended = scene.get("ended", "")
        made, self.replaced = remember(report, self.memory, is_new=self.is_new, ended=ended)
        self.memory, self.is_new = recall(words_of(made)), False
        assert self.memory == made
        self.body = comment.render(report, made, **scene)
        return self.body


def asks(gpus: float = 8, head: str = OLD, **more: Any) -> Report:
    """4 GPUs become `gpus`: above $2,000 that needs finance."""
    found = builders.delta(builders.deployment(builders.change(builders.side(4), builders.side(gpus))))
    amount = found.delta.expected
    violation = builders.dear(str(amount), message=f"the change adds ${amount:,.0f} a month, more than $2,000")
    if amount <= 2000:
        return builders.report(found, head=head, **more)
    needs = (builders.need(given="approved" in more, notify=more.pop("notify", "@acme/finance")),)
    outcome = "approved" if more.pop("approved", None) else "approval-required"
    held = more.pop("held", ())
    verdict = builders.decision(outcome, violation, required_approvals=needs, approvals=held)
    return builders.report(found, verdict, head=head, **more)


def yes(head: str = OLD, ceiling: str = "2772.105", **more: Any) -> Approval:
    cover = Cover(rule="max-monthly-increase", scope={}, ceiling=D(ceiling))
    return builders.approval(head=head, covers=(cover,), **more)


def no(**more: Any) -> Approval:
    given = {"covers": (), "valid": False, "by": "dev", "reason": "", "why": "dev opened the pull request"}
    return builders.approval(head=OLD, **{**given, **more})


def outgrown(**more: Any) -> Approval:
    return yes(valid=False, why="max-monthly-increase is now $4,158, approved was $2,772", **more)


# Name → the reports that came before, the one that is shown, and its scene.
STATES: dict[str, tuple[list[Report], Report, dict[str, Any]]] = {
    "first": ([], asks(), {}),
    "approved": ([asks()], asks(approved=True, held=(yes(),)), {}),
    "not_allowed": ([asks()], asks(held=(no(),)), {}),
    "within_ceiling": ([asks(), asks(approved=True, held=(yes(),))], asks(7, NEW, approved=True, held=(yes(),)), {}),
    "above_ceiling": ([asks(), asks(approved=True, held=(yes(),))], asks(10, NEW, held=(outgrown(),)), {}),
    "fell_below": ([asks()], asks(5, NEW), {}),
    "withdrawn": ([asks(approved=True, held=(yes(),))], asks(), {"withdrawn_by": "fiona"}),
    "retargeted": ([asks()], asks(judge="release/1"), {}),
    "policy_changed": ([asks()], asks(policy=Source(name="policies/ml.yml", digest="sha256:0ther")), {}),
    "merged": ([asks()], asks(approved=True, held=(yes(),)), {"ended": "merged"}),
    "merged_without_approval": ([asks()], asks(), {"ended": "merged"}),
    "merged_below": ([asks()], asks(5, NEW), {"ended": "merged"}),
    "closed": ([asks()], builders.incomplete(), {"ended": "closed"}),
}


def told(name: str) -> str:
    before, last, scene = STATES[name]
    thread = Thread()
    for report in before:
        thread.says(report)
    run, source = "https://github.example/acme/flows/actions/runs/77", "https://github.example/acme/flows/blob/def5678"
    return thread.says(last, run_url=run, source_url=source, **scene)


@pytest.mark.parametrize("name", STATES)
def test_states(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"render/comment/{name}.md", told(name))


@pytest.mark.parametrize("name", STATES)
def test_only_our_own_markup_is_in_them(name: str) -> None:
    opened = []
    for token in tokens(told(name).replace(" cc @acme/finance", "")):
        opened += [token.tag] if token.type == "heading_open" else []
        if token.type.startswith("html"):
            assert not OURS.sub("", LINKS.sub("", token.content)), token.content
        if token.type.startswith("text"):
            assert not LINKED.search(token.content), token.content
    assert opened == ["h3"]


@pytest.mark.parametrize("name", STATES)
def test_details_are_closed_where_they_were_opened(name: str) -> None:
    assert told(name).count("<details>") == told(name).count("</details>")


@pytest.mark.parametrize("ended", ["", "merged", "closed"])
@pytest.mark.parametrize("valid", [True, False])
def test_names_of_any_kind_are_only_text(ended: Any, valid: bool) -> None:
    evil, found = builders.HOSTILE, builders.hostile()
    held = tuple(replace(each, head=evil, covers=yes().covers, valid=valid) for each in found.decision.approvals)
    outcome = "approved" if valid else "approval-required"
    report = replace(found, decision=replace(found.decision, approvals=held, outcome=outcome))
    memory = remember(report, None, is_new=True)[0]
    for note in ("", "withdrawn", "retargeted", "policy"):
        body = comment.render(report, replace(memory, note=note), ended=ended, withdrawn_by=evil)
        for token in tokens(body):
            assert token.type not in ("link_open", "image", "fence", "code_block"), body
            if token.type.startswith("html"):
                assert not OURS.sub("", token.content), token.content
            if token.type.startswith("text"):
                assert not LINKED.search(token.content), token.content
        assert [each.tag for each in tokens(body) if each.type == "heading_open"] == ["h3"]


@pytest.mark.parametrize("name", STATES)
def test_the_same_state_again_is_the_same_text(name: str) -> None:
    before, last, scene = STATES[name]
    thread = Thread()
    for report in before:
        thread.says(report)
    first, remembered = thread.says(last, **scene), thread.memory
    assert (thread.says(last, **scene), thread.memory, thread.replaced) == (first, remembered, False)


def test_a_withdrawal_is_told_until_something_else_happens() -> None:
    thread = Thread()
    thread.says(asks(approved=True, held=(yes(),)))
    assert "the one before was withdrawn by fiona" in thread.says(asks(), withdrawn_by="fiona")
    assert "the one before was withdrawn by fiona" in thread.says(asks(), withdrawn_by="fiona")
    assert "the one before was withdrawn\n" in thread.says(asks())  # whoever it was
    assert "withdrawn" not in thread.says(asks(head=NEW), withdrawn_by="fiona")


def test_a_stale_approval_is_no_withdrawal() -> None:
    thread = Thread()
    thread.says(asks(approved=True, held=(yes(),)))
    body = thread.says(asks(10, NEW, held=(outgrown(),)))
    assert "needs approval by finance again: the one by fiona was for abc1234" in body
    assert thread.memory is not None
    assert thread.memory.note == ""


def test_people_are_told_once() -> None:
    thread = Thread()
    assert " cc @acme/finance" in thread.says(asks())
    assert " cc @acme/finance" in thread.says(asks(9, NEW))  # an edit tells nobody again
    assert not thread.replaced
    thread.says(asks(5))
    assert " cc @acme/finance" in thread.says(asks(9))
    assert not thread.replaced


def test_a_green_comment_that_turns_red_makes_way_for_one_that_tells() -> None:
    thread = Thread()
    thread.says(asks(5))
    assert " cc @acme/finance" in thread.says(asks())
    assert thread.replaced
    thread.says(asks(10))
    assert not thread.replaced


def test_a_second_approval_tells_its_own_people_only() -> None:
    thread = Thread()
    thread.says(asks())
    report = asks(40)
    vp = builders.need(name="vp", label="vp-approved", notify="@vera", users=("vera",), teams=())
    needs = (*report.decision.required_approvals, vp)
    body = thread.says(replace(report, decision=replace(report.decision, required_approvals=needs)))
    assert thread.replaced
    assert " cc @vera" in body
    assert " cc @\u2060acme/finance" in body


@pytest.mark.parametrize("notify", ["", "@acme/finance"])
def test_nobody_is_told_where_nobody_is_asked_for_or_it_is_over(notify: str) -> None:
    thread = Thread()
    thread.says(asks(5))
    thread.says(asks(notify=notify), ended="closed" if notify else "")
    assert not thread.replaced


def test_a_comment_that_forgot_tells_nobody_again() -> None:
    thread = Thread(is_new=False)
    assert " cc @\u2060acme/finance" in thread.says(asks())
    assert not thread.replaced


def test_most_of_a_hundred_approvals_are_told() -> None:
    report = asks()
    needs = tuple(builders.need(name=f"n{number}") for number in range(100))
    report = replace(report, decision=replace(report.decision, required_approvals=needs))
    thread = Thread()
    thread.says(report)
    thread.says(report)
    assert not thread.replaced


def test_the_peak_is_the_dearest_state_that_called_for_somebody() -> None:
    thread = Thread()
    thread.says(asks(5))
    assert thread.memory is not None
    assert thread.memory.peak is None
    thread.says(asks(10, NEW))
    thread.says(asks(8))
    assert thread.memory.peak == Peak(amount=D("4158.16"), currency="USD", head="def5678")
    assert "Was +$4,158 a month at def5678, $3,465 a month more than now." in thread.says(asks(5))
    assert "Was" not in thread.says(replace(asks(5), currency="EUR"))


def test_what_was_saved_is_not_known_beside_an_unknown_price() -> None:
    thread = Thread()
    thread.says(asks())
    report = asks(5)
    body = thread.says(replace(report, delta=replace(report.delta, unpriced=(builders.unpriced(),))))
    assert "Was +$2,772 a month at abc1234.\n" in body


def test_an_approval_without_an_amount_covers_all_the_same() -> None:
    held = replace(yes(), covers=(Cover(rule="no-unpriced", scope={}, ceiling=None),))
    body = Thread().says(asks(8, NEW, approved=True, held=(held,)))
    assert "at def5678, within what was approved by fiona for abc1234" in body


@pytest.mark.parametrize(
    ("report", "end"),
    [
        pytest.param(builders.passes(), "merged with +$2,772/month, within policy", id="pass"),
        pytest.param(builders.incomplete(),
                     "merged with +$2,772/month plus 2 unknown prices, although it is incomplete", id="incomplete"),
        pytest.param(replace(asks(), decision=builders.decision("blocked", builders.dear(action="block"))),
                     "merged with +$2,772/month, although policy blocked it", id="blocked"),
        pytest.param(replace(asks(), decision=builders.decision("approved")),
                     "merged with +$2,772/month, approved", id="approved by nobody"),
    ],
)  # fmt: skip
def test_what_is_said_at_the_end(report: Report, end: str) -> None:
    assert Thread().says(report, ended="merged").splitlines()[0].endswith(f"costgate: {end}")


@pytest.mark.parametrize("outcome", ["approved", "approval-required"])
def test_a_verdict_without_approvals_is_its_own_headline(outcome: Any) -> None:
    report = replace(asks(), decision=builders.decision(outcome))
    assert Thread().says(report).startswith(markdown.render(report).splitlines()[0])


def test_there_is_room_for_the_hidden_line() -> None:
    report = builders.many(3000)
    assert markdown.units(Thread().says(report)) <= 59_000


WORDS = words_of(
    Memory(
        outcome="pass", head=OLD, branch="0123abcd", policy="4567cdef", note="policy",
        peak=Peak(amount=D("12.30"), currency="USD", head="abc1234"),
        told=frozenset({"00000000"}), cc=frozenset({"11111111", "22222222"}),
    )
)  # fmt: skip


def test_words_are_what_they_are() -> None:
    assert WORDS == {
        "outcome": "pass", "head": OLD, "branch": "0123abcd", "policy": "4567cdef", "note": "policy",
        "peak": "12.30USD@abc1234", "told": "00000000", "cc": "11111111,22222222",
    }  # fmt: skip
    assert words_of(recall(WORDS)) == WORDS  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "great"}, {"head": "main"}, {"head": ""}, {"branch": "0"}, {"policy": "xyz"}, {"note": "@all"},
        {"peak": "1.5USD@abc1234"}, {"peak": "-1.50USD@abc1234"}, {"peak": "1.50usd@abc1234"}, {"peak": "9USD@abc"},
        {"peak": "1" * 16 + ".00USD@abc1234"}, {"told": "0000"}, {"told": ","}, {"cc": "@all"}, {"more": "1"},
    ],
)  # fmt: skip
def test_a_memory_that_somebody_edited_is_none(change: dict[str, str]) -> None:
    assert recall({**WORDS, **change}) is None


@pytest.mark.parametrize("name", ["outcome", "head", "branch", "policy"])
def test_a_memory_that_lacks_something_is_none(name: str) -> None:
    assert recall({key: text for key, text in WORDS.items() if key != name}) is None


@given(st.dictionaries(st.sampled_from([*comment.SHAPES, "x"]), st.text() | st.sampled_from([*WORDS.values()])))
def test_whatever_is_recalled_is_what_we_write(said: dict[str, str]) -> None:
    memory = recall(said)
    assert memory is None or words_of(memory).items() <= said.items()


def test_a_head_that_is_no_commit_is_not_remembered() -> None:
    made, _ = remember(asks(head="work tree"), None, is_new=True)
    assert "head" not in words_of(made)
    assert "peak" not in words_of(made)


def test_time_of_an_approval_is_a_day() -> None:
    late = datetime(2026, 12, 1, tzinfo=timezone.utc)
    held = (yes(), replace(yes(), by="paul", at=late))
    assert "approved by fiona, paul for abc1234 on 2026-12-01\n" in Thread().says(asks(approved=True, held=held))
