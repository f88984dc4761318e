"""The one comment of a pull request through its life: what it says when the state changes, and what it remembers.

Whoever may write in the repository can edit what a comment remembers. It is display and cache, never evidence: every
word of it has a strict form, and what does not read is forgotten.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias

from costgate import __version__
from costgate.model import Approval, Report, RequiredApproval
from costgate.render import markdown, words
from costgate.render.fmt import code, md, money, short_revision, signed

Ended: TypeAlias = Literal["", "merged", "closed"]
Note: TypeAlias = Literal["", "withdrawn", "retargeted", "policy"]

RESERVED = 1_000  # UTF-16 units for the hidden line
DIGEST = 8  # hex digits
MOST_TOLD = 20  # approvals whose people are told by one comment and another
SHAPES = {
    "outcome": r"blocked|incomplete|approval-required|approved|warn|pass",
    "head": r"[0-9a-f]{7,64}",
    "branch": r"[0-9a-f]{8}",
    "policy": r"[0-9a-f]{8}",
    "note": r"withdrawn|retargeted|policy",
    "peak": r"(?P<amount>[0-9]{1,15}\.[0-9]{2})(?P<currency>[A-Z]{3})@(?P<at>[0-9a-f]{7})",
    "told": r"[0-9a-f]{8}(,[0-9a-f]{8}){0,19}",
    "cc": r"[0-9a-f]{8}(,[0-9a-f]{8}){0,19}",
}
CALLS_FOR_SOMEBODY = ("blocked", "incomplete", "approval-required", "approved")
WITHOUT = {"blocked": "although policy blocked it", "incomplete": "although it is incomplete"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """The dearest state of a pull request that was stopped or needed an approval."""

    amount: Decimal
    currency: str
    head: str  # seven digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What a comment remembers for the next one."""

    outcome: str
    head: str
    branch: str  # digest of the name of the branch that judges
    policy: str  # digest of its policy
    note: Note = ""  # what changed last, as long as it is worth a line
    peak: Peak | None = None
    told: frozenset[str] = frozenset()  # digests of approvals whose people an earlier comment has told
    cc: frozenset[str] = frozenset()  # … and of those whom this comment told when it was made


def recall(said: Mapping[str, str]) -> Memory | None:
    """What a comment remembered; None unless every word is as `words_of` writes it."""
    matches = {name: re.fullmatch(SHAPES.get(name, "(?!)"), text, re.ASCII) for name, text in said.items()}
    if not all(matches.values()) or not {"outcome", "head", "branch", "policy"} <= matches.keys():
        return None
    peak, note = matches.get("peak"), said.get("note", "")
    return Memory(
        outcome=said["outcome"],
        head=said["head"],
        branch=said["branch"],
        policy=said["policy"],
        note=next(known for known in ("withdrawn", "retargeted", "policy", "") if known == note),
        peak=Peak(amount=Decimal(peak["amount"]), currency=peak["currency"], head=peak["at"]) if peak else None,
        told=_set(said.get("told", "")),
        cc=_set(said.get("cc", "")),
    )


def words_of(memory: Memory) -> dict[str, str]:
    """A memory as words without blanks; what does not fit their strict form is left out."""
    peak = memory.peak
    said = {
        "outcome": memory.outcome,
        "head": memory.head,
        "branch": memory.branch,
        "policy": memory.policy,
        "note": memory.note,
        "peak": f"{peak.amount:.2f}{peak.currency}@{peak.head}" if peak else "",
        "told": ",".join(sorted(memory.told)),
        "cc": ",".join(sorted(memory.cc)),
    }
    return {name: text for name, text in said.items() if re.fullmatch(SHAPES[name], text, re.ASCII)}


def remember(report: Report, before: Memory | None, *, is_new: bool, ended: Ended = "") -> tuple[Memory, bool]:
    """What the next comment is to remember, and whether it has to be a new one, because an edit tells nobody.

    People are told once: by the comment that first asks for their approval. `is_new`: there is no comment yet.
    """
    now = Memory(
        outcome=report.decision.outcome,
        head=report.head,
        branch=_digest(report.judge),
        policy=_digest(report.policy.digest),
    )
    asked = frozenset() if ended else frozenset(_digest(need.name, need.notify) for need in _asking(report))
    old_told, old_cc = (before.told, before.cc) if before else (frozenset[str](), frozenset[str]())
    news = frozenset(sorted(asked - old_told - old_cc)[: MOST_TOLD - len(old_told | old_cc)])
    is_due = bool(news) and (is_new or before is not None)
    told, cc = (old_told | old_cc, news) if is_due else (old_told, old_cc)
    if before is None and not is_new:  # it cannot be read any more: whoever was told is not told again
        told = asked
    note, peak = _note(report, now, before), _peak(report, before.peak if before else None)
    made = Memory(
        outcome=now.outcome, head=now.head, branch=now.branch, policy=now.policy, note=note, peak=peak, told=told, cc=cc
    )
    return made, is_due and not is_new


def render(
    report: Report,
    memory: Memory,
    *,
    ended: Ended = "",
    withdrawn_by: str = "",
    source_url: str = "",
    run_url: str = "",
) -> str:
    """The text of the comment. `memory` is what `remember` made; `withdrawn_by` the login for its note `withdrawn`."""
    run = (f'<a href="{html.escape(run_url)}">run</a>',) if run_url else ()
    setting = markdown.Setting(
        headline=_over(report, ended) if ended else _headline(report, memory, withdrawn_by),
        history=tuple(_was(report, memory.peak)),
        advice=tuple(_advice(report)),
        foot=(f"costgate {__version__}", *run, *(() if ended else ("updated on every push",))),
        mentions=frozenset(need.name for need in _asking(report) if _digest(need.name, need.notify) in memory.cc),
        is_over=bool(ended),
    )
    return markdown.render(report, limit=markdown.LIMIT - RESERVED, source_url=source_url, setting=setting)


def _asking(report: Report) -> list[RequiredApproval]:
    """The approvals that are missing and whose people want to be told."""
    return [need for need in words.missing_approvals(report) if need.notify and need.label]


def _note(report: Report, now: Memory, before: Memory | None) -> Note:
    """What changed since the comment was written, kept while nothing else does."""
    if before is None:
        return ""
    if before.branch != now.branch:
        return "retargeted"
    if before.policy != now.policy:
        return "policy"
    if before.outcome == "approved" and now.outcome == "approval-required" and not report.decision.approvals:
        return "withdrawn"
    return before.note if (before.outcome, before.head) == (now.outcome, now.head) else ""


def _peak(report: Report, before: Peak | None) -> Peak | None:
    amount, head = _cents(report), short_revision(report.head)
    calls = report.decision.outcome in CALLS_FOR_SOMEBODY and amount > 0
    if not calls or (before and before.currency == report.currency and before.amount >= amount):
        return before
    return Peak(amount=amount, currency=report.currency, head=head)


def _headline(report: Report, memory: Memory, withdrawn_by: str) -> str:
    text = _story(report, memory, withdrawn_by) or words.headline(report, md)
    if memory.note == "retargeted":
        return f"{text}; judged again under the policy of {code(report.judge)}"
    if memory.note == "policy":
        return f"{text}; judged again under the changed policy of {code(report.judge)}"
    return text


def _cents(report: Report) -> Decimal:
    """The difference, as far as it is remembered."""
    return Decimal(f"{report.delta.delta.expected:.2f}")


def _story(report: Report, memory: Memory, withdrawn_by: str) -> str:
    """The verdict where there is more to say than the verdict; "" where there is not."""
    if report.decision.outcome == "approved":
        return _approved(report)
    if report.decision.outcome != "approval-required":
        return ""
    wanted = f"approval{_by(need.name for need in words.missing_approvals(report))}"
    if memory.note == "withdrawn":
        return f"{words.amount(report)} needs {wanted} again: the one before was withdrawn{_by([withdrawn_by])}"
    given = _last(approval for approval in report.decision.approvals if not approval.valid)
    if given is None:
        return ""
    if _is_outgrown(given, report):
        head, old = (md(short_revision(name)) for name in (report.head, given.head))
        return f"{words.amount(report)} at {head} needs {wanted} again: the one{_by([given.by])} was for {old}"
    return f"{words.amount(report)} still needs {wanted}: the one{_by([given.by])} does not count"


def _approved(report: Report) -> str:
    held = [approval for approval in report.decision.approvals if approval.valid]
    last = _last(held)
    if last is None:
        return ""
    older = _last(approval for approval in held if approval.head != report.head)
    if older is None:
        people, head = _by(dict.fromkeys(approval.by for approval in held)), md(short_revision(report.head))
        return f"{words.amount(report)}, approved{people} for {head} on {last.at:%Y-%m-%d}"
    now, then = (md(short_revision(name)) for name in (report.head, older.head))
    ceiling = _ceiling(report, older)
    return f"{words.amount(report)} at {now}, within {ceiling or 'what was'} approved{_by([older.by])} for {then}"


def _ceiling(report: Report, approval: Approval) -> str:
    """`the +$2,772`: up to where the increase was approved."""
    rules = {violation.id: violation.rule for violation in report.decision.violations}
    increases = [cover for cover in approval.covers if rules.get(cover.rule) == "max-monthly-increase"]
    amounts = [cover.ceiling for cover in increases if cover.ceiling is not None]
    return f"the {signed(max(amounts), report.currency)}" if amounts else ""


def _over(report: Report, ended: str) -> str:
    """`merged with +$2,772/month, without approval by finance`."""
    outcome = report.decision.outcome
    if ended == "closed":
        return f"closed, not merged: {words.headline(report, md)}"
    if outcome == "approval-required":
        missing = _by(need.name for need in words.missing_approvals(report))
        return f"merged with {words.amount(report)}, without approval{missing}"
    if outcome in WITHOUT:
        return f"merged with {words.amount(report)}, {WITHOUT[outcome]}"
    return f"merged with {words.headline(report, md)}"


def _was(report: Report, peak: Peak | None) -> Iterator[str]:
    """What the pull request once would have cost, where it is within policy now."""
    if peak is None or peak.currency != report.currency or report.decision.outcome in CALLS_FOR_SOMEBODY:
        return
    saved = peak.amount - _cents(report)
    if saved > 0:
        less = "" if report.delta.unpriced else f", {money(saved, report.currency)} a month more than now"
        yield f"Was {signed(peak.amount, report.currency)} a month at {peak.head}{less}."


def _advice(report: Report) -> Iterator[str]:
    """How to give again what does not count: GitHub does not add a label twice."""
    refused = [approval.name for approval in report.decision.approvals if not approval.valid]
    for need in words.missing_approvals(report):
        if need.name in refused and need.label:
            label = code(need.label)
            yield f"Where {label} is on already, an approver takes it off and adds it again."


def _is_outgrown(approval: Approval, report: Report) -> bool:
    """Whether it was good for another commit: what never could count covers nothing."""
    return bool(approval.covers) and approval.head != report.head


def _last(approvals: Iterable[Approval]) -> Approval | None:
    return max(approvals, key=lambda approval: (approval.at, approval.by), default=None)


def _by(names: Iterable[str]) -> str:
    """` by fiona, paul`; nothing for nobody."""
    found = [md(name) for name in names if name][: words.MOST_NAMES]
    return f" by {', '.join(found)}" if found else ""


def _set(text: str) -> frozenset[str]:
    return frozenset(filter(None, text.split(",")))


def _digest(*texts: str) -> str:
    joined = "\0".join(texts).encode("utf-8", "surrogateescape")
    return hashlib.sha256(joined).hexdigest()[:DIGEST]
