"""The gate: revisions in, a judged report out. Deterministic and offline; reads like the diagram of the architecture.

snapshots → deployments → estimates → delta → decision → report
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from costgate.delta import compare
from costgate.errors import InputError
from costgate.flow.answer import Ask
from costgate.gate.judging import CONFIG, Judging, Overrides, load
from costgate.gate.pricing import Estimates, price_sides
from costgate.gate.running import nobody, refusing
from costgate.gate.sides import Deploy, Side, both_sides, one_side
from costgate.model import (
    Approval,
    ChangedJudge,
    Decision,
    Delta,
    RateCard,
    Report,
    Snapshot,
    Source,
)
from costgate.policy.decide import Facts, decide, needs_totals, windows


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the gate is asked. Everything that it may look at is in here."""

    base: Snapshot
    head: Snapshot
    judge: Snapshot
    as_of: datetime
    overrides: Overrides = Overrides()
    flows: tuple[str, ...] = ()  # file paths, flow classes or deployment names; () = all
    # seconds back → the first-parent ancestor of base as it was then; None where history does not reach back
    earlier: Callable[[int], Snapshot | None] = lambda seconds: None
    adopted: bool = False  # the default branch has a costgate.yml though the judge has none
    approvals: tuple[Approval, ...] = ()
    deploy: Deploy | None = None  # judge only this deployment, as a deploy job was called
    calibrate: bool = True
    judged: bool = True  # False: the report informs, nobody is stopped
    oracle: Ask = nobody  # runs flows with Metaflow, where the judge's `resolver` wants it


def ask(question: Question) -> Report:
    """Judge the difference of base and head. Raises InputError for what the caller named wrongly."""
    first = CONFIG not in question.judge.files and CONFIG in question.head.files and not question.adopted
    if first:  # a change does not choose by itself that its code is run
        question = replace(question, oracle=refusing(f"{CONFIG} is not yet on the target branch"))
    judge = question.head if first else question.judge
    judging = load(judge, question.as_of, question.overrides)
    everything = needs_totals(judging.policy) or bool(question.flows)
    base, head = _both_sides(question, question.base, judging, everything=everything)
    before, after, held = _estimates(question, judging, base, head)
    delta = _changed(before, after, base, head, judging.card)
    facts = Facts(
        delta=delta,
        card=judging.card,
        usage=judging.usage,
        as_of=question.as_of,
        creep={seconds: _creep(question, judging, seconds) for seconds in windows(judging.policy)},
        totals=(before, after) if needs_totals(judging.policy) else None,
        first_adoption=first,
        broken_judges=tuple(str(problem) for problem in judging.broken),
        head=question.head.commit or "",
        approvals=question.approvals,
    )
    notes = _notes(question, judging, first, delta) + head.notes + held
    report = _report(question, judging, delta, decide(judging.policy, facts), notes, head.resolver)
    if facts.totals is not None:
        report = replace(report, scope="all", delta=_with_totals(delta, before, after))
    return replace(report, changed_judges=_changed_judges(question, judging, first), creep=_crept(facts.creep))


def _both_sides(question: Question, base: Snapshot, judging: Judging, *, everything: bool) -> tuple[Side, Side]:
    return both_sides(
        base, question.head, judging.config, everything=everything, deploy=question.deploy, ask=question.oracle
    )  # fmt: skip


def price(
    snapshot: Snapshot, *, as_of: datetime, overrides: Overrides, oracle: Ask = nobody
) -> tuple[Estimates, Side, Judging]:
    """What is deployed at one revision, priced by that revision's own files. A broken one raises InputError."""
    judging = load(snapshot, as_of, overrides)
    if judging.broken:
        raise InputError(problems=judging.broken)
    side = one_side(snapshot, judging.config, oracle)
    estimates, _, _ = price_sides(judging, side, side)
    return estimates, side, judging


def breakdown(snapshot: Snapshot, *, as_of: datetime, overrides: Overrides, oracle: Ask = nobody) -> Report:
    """The report of one revision: all its deployments, compared with themselves, so that nothing is judged."""
    estimates, side, judging = price(snapshot, as_of=as_of, overrides=overrides, oracle=oracle)
    delta = compare(
        estimates, estimates, card=judging.card, base_unpriced=side.unpriced, head_unpriced=side.unpriced
    )  # fmt: skip
    question = Question(
        base=snapshot, head=snapshot, judge=snapshot, as_of=as_of, overrides=overrides, judged=False
    )  # fmt: skip
    notes = _notes(question, judging, False, delta) + side.notes
    report = _report(question, judging, delta, Decision(outcome="pass", violations=()), notes, side.resolver)
    return replace(report, scope="all")


def _estimates(
    question: Question, judging: Judging, base: Side, head: Side
) -> tuple[Estimates, Estimates, tuple[str, ...]]:
    complete = question.deploy is None
    return price_sides(
        judging, base, head, flows=question.flows, calibrate=question.calibrate, complete=complete
    )  # fmt: skip


def _changed(before: Estimates, after: Estimates, base: Side, head: Side, card: RateCard) -> Delta:
    """Compare, then keep what changed: deployments that are equal on both sides are neither listed nor summed."""
    unpriced = {"base_unpriced": base.unpriced, "head_unpriced": head.unpriced}
    everything = compare(before, after, card=card, **unpriced)
    keys = {d.key for d in everything.deployments if d.status != "unchanged"}
    changed = compare(
        tuple(e for e in before if e.key in keys), tuple(e for e in after if e.key in keys), card=card, **unpriced
    )
    return replace(changed, standing_unpriced=everything.standing_unpriced)


def _with_totals(delta: Delta, before: Estimates, after: Estimates) -> Delta:
    """The totals of all deployments, because a rule asks for them; what is listed is still what changed."""
    base, head = (sum((e.monthly.expected for e in side), Decimal(0)) for side in (before, after))
    return replace(delta, base_monthly=base, head_monthly=head)


def _crept(creep: Mapping[int, Delta | None]) -> dict[str, Decimal]:
    """Window → increase since then, where the history reaches back."""
    return {f"{seconds / 86400:g}d": delta.increase.expected for seconds, delta in creep.items() if delta}


def _creep(question: Question, judging: Judging, seconds: int) -> Delta | None:
    """The difference of head and of the target branch as it was then; small pull requests add up in it."""
    then = question.earlier(seconds)
    if then is None:
        return None
    everything = bool(question.flows)
    base, head = _both_sides(question, then, judging, everything=everything)
    before, after, _ = _estimates(question, judging, base, head)
    return _changed(before, after, base, head, judging.card)


def _changed_judges(question: Question, judging: Judging, first: bool) -> tuple[ChangedJudge, ...]:
    """Judging files that head changes, with the verdict that head's own would give. They are shown, never used."""
    if first or question.judge is question.head:
        return ()
    with_it = load(question.head, question.as_of, Overrides())
    paths = judging.paths | with_it.paths
    sides = question.base.files, question.judge.files  # what judges already is not left unused
    head = question.head.files
    changed = sorted(p for p in paths if all(files.get(p) != head.get(p) for files in sides))
    if not changed:
        return ()
    # That head asks for running code does not run any.
    oracle = nobody if judging.config.resolver == "static" else question.oracle
    try:
        outcome = ask(replace(question, judge=question.head, adopted=True, oracle=oracle)).decision.outcome
    except InputError:  # head's files do not go with those that the caller named
        outcome = "incomplete"
    return tuple(ChangedJudge(path=path, outcome_with_it=outcome) for path in changed)


def _notes(question: Question, judging: Judging, first: bool, delta: Delta) -> tuple[str, ...]:
    notes = [f"judging file broken, the strict pack judges: {problem}" for problem in judging.broken]
    if first:
        notes.append(
            f"first adoption: {CONFIG} is new here, so head's own files show what would happen; "
            "an admin merges, no label helps"
        )
    elif not judging.config.present:
        notes.append(f"no {CONFIG} at {question.judge.name}: shipped defaults judge; `costgate init` writes one")
    if judging.card.shipped:
        notes.append(f"prices are list prices of the shipped card {judging.card.name}; set rate_card to use your own")
    notes += [
        f"{d.name}: removed; Metaflow leaves it running until it is undeployed, so it offsets nothing"
        for d in delta.deployments
        if d.status == "removed"
    ]
    return tuple(notes)


def _report(
    question: Question, judging: Judging, delta: Delta, decision: Decision, notes: tuple[str, ...], resolver: str
) -> Report:
    card, policy = judging.card, judging.policy
    named = question.overrides.rate_card
    return Report(
        as_of=question.as_of,
        base=question.base.name,
        head=question.head.name,
        judge=question.judge.name,
        currency=card.currency,
        rate_card=Source(
            name=card.name,
            digest=card.digest,
            as_of=card.as_of.isoformat(),
            path=named.reference if named else judging.config.rate_card,
        ),
        usage=_usage_source(judging),
        policy=Source(name=policy.name, digest=policy.digest, path=policy.path),
        scope="changed",
        delta=delta,
        decision=decision,
        notes=notes,
        resolver=resolver,
        profile=judging.usage,
        judged=question.judged,
    )


def _usage_source(judging: Judging) -> Source | None:
    profile = judging.usage
    if profile is None:
        return None
    as_of = profile.as_of.isoformat().replace("+00:00", "Z")
    return Source(name=profile.path, digest=profile.digest, as_of=as_of, path=profile.path)
