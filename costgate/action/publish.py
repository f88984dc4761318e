"""Publishes a verdict: check run, comment, annotations, job summary, outputs. What cannot be published is said."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from costgate.action import log, outputs
from costgate.action.inputs import Inputs, Runner
from costgate.errors import WorldError
from costgate.github import checks, comment
from costgate.github.client import GitHub
from costgate.github.comment import Text
from costgate.github.events import Event
from costgate.github.published import Published, refused
from costgate.github.records import PullRequest
from costgate.model import Report
from costgate.render import comment as conversation
from costgate.render import json_v1, markdown, renderer, words
from costgate.render.annotations import Annotation, command
from costgate.render.comment import Ended
from costgate.render.fmt import clean, md

NOTHING = Published(what="none")
FORK = (
    "this pull request comes from a fork, and a run for `pull_request` may only read there: the verdict is this job's "
    "result, its annotations and its summary, and the change cannot be approved by a label; run the gate on "
    "`pull_request_target`, where it reads the fork's files as data only"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """What is published, and where."""

    github: GitHub
    runner: Runner
    inputs: Inputs
    report: Report
    pull: PullRequest | None
    event: Event

    @property
    def head_sha(self) -> str:
        if self.pull is not None:
            return self.pull.head.sha
        assert self.event.group is not None  # an event is of a pull request or of a merge group
        return self.event.group.head_sha

    @property
    def branch(self) -> str:
        """The target branch."""
        if self.pull is not None:
            return self.pull.base.ref
        assert self.event.group is not None  # as above
        return self.event.group.base_ref

    @property
    def key(self) -> str:
        """Tells the gates of one repository apart, where there are several."""
        return hashlib.sha256(f"{self.runner.repository}\0{self.inputs.config}".casefold().encode()).hexdigest()[:12]

    @property
    def run(self) -> tuple[int, int]:
        return self.runner.run_id, self.runner.run_attempt

    @property
    def site(self) -> str:
        return f"{self.runner.server_url}/{self.runner.repository}"

    @property
    def run_url(self) -> str:
        return f"{self.site}/actions/runs/{self.runner.run_id}"

    @property
    def source_url(self) -> str:
        return f"{self.site}/blob/{self.head_sha}"


def publish(
    github: GitHub, runner: Runner, inputs: Inputs, report: Report, *, pull: PullRequest | None, event: Event
) -> str:
    """Tell everybody who asks: the text for the job's log, in which nothing of the change is a workflow command.

    A comment needs `pull`; a merge group has none. Nothing here raises for what GitHub or the runner's disk refuses.
    """
    case = _Case(github=github, runner=runner, inputs=inputs, report=report, pull=pull, event=event)
    check = _check(case)
    said = NOTHING if pull is None else _comment(case, pull, check)
    notes = [note for each in (check, said) if (note := each.problem)]
    if notes and event.is_fork and event.name != "pull_request_target":
        notes.append(FORK)
    notes += _left_behind(case, said, tuple(notes))
    return "".join(_log(case, check, notes))


def _check(case: _Case) -> Published:
    try:
        name = checks.name_of(case.branch, case.github.repository().default_branch, case.inputs.config)
    except WorldError as error:
        return refused("the check run", error, checks.PERMISSION)
    return checks.publish(
        case.github,
        case.head_sha,
        case.report,
        key=case.key,
        run=case.run,
        name=name,
        fail_on=case.inputs.fail_on,
        annotate=case.inputs.annotations,
        source_url=case.source_url,
        details_url=case.run_url,
    )


def _comment(case: _Case, pull: PullRequest, check: Published) -> Published:
    """A later run that has set the check on this head has also seen the comment."""
    if check.what == "skipped-newer":
        return Published(what="skipped-newer")
    if case.inputs.comment == "never":
        return NOTHING
    compose = _composer(case, pull)
    return comment.publish(case.github, pull.number, compose, key=case.key, run=case.run, app=check.app)


def _composer(case: _Case, pull: PullRequest) -> comment.Compose:
    ended: Ended = "" if pull.state == "open" else "merged" if pull.merged else "closed"

    def compose(said: Mapping[str, str] | None) -> Text | None:
        if said is None and (ended or not WANTED[case.inputs.comment](case.report)):
            return None
        before = conversation.recall(said or {})
        memory, is_news = conversation.remember(case.report, before, is_new=said is None, ended=ended)
        body = conversation.render(
            case.report,
            memory,
            ended=ended,
            withdrawn_by=_withdrawn_by(case, pull) if memory.note == "withdrawn" else "",
            source_url=case.source_url,
            run_url=case.run_url,
        )
        return Text(body=body, memory=conversation.words_of(memory), is_news=is_news)

    return compose


def _changes(report: Report) -> bool:
    """Whether there is anything to talk about."""
    is_changed = any(deployment.status != "unchanged" for deployment in report.delta.deployments)
    return is_changed or bool(report.delta.unpriced or report.changed_judges) or _fires(report)


def _fires(report: Report) -> bool:
    return report.decision.outcome != "pass"


# When a first comment is written; one that is there is kept up to date, so that no old verdict stays.
WANTED: dict[str, Callable[[Report], bool]] = {
    "always": lambda report: True,
    "on-change": _changes,
    "on-threshold": _fires,
}


def _withdrawn_by(case: _Case, pull: PullRequest) -> str:
    """Who took an approval's label off last; "" where that is not known."""
    labels = {need.label.casefold() for need in words.missing_approvals(case.report)}
    try:
        events = case.github.events(pull.number)
    except WorldError:
        return ""
    taken = [e for e in events if e.event == "unlabeled" and (e.label or "").casefold() in labels]
    last = max(taken, key=lambda each: (each.created_at, each.id), default=None)
    return last.actor.login if last and last.actor else ""


def _left_behind(case: _Case, said: Published, notes: tuple[str, ...]) -> Iterator[str]:
    """Write the files of the step: one line for each that the disk refuses."""
    runner, place = case.runner, ""
    try:
        place = str(outputs.write_report(runner.temporary, json_v1.render(case.report)))
    except OSError as error:
        yield f"the report could not be written to {runner.temporary}: {error.strerror}"
    try:
        if runner.outputs:
            outputs.append_outputs(runner.outputs, _values(case.report, place, said.url or ""))
    except OSError as error:
        yield f"the outputs could not be written to {runner.outputs}: {error.strerror}"
    try:
        if runner.summary and not outputs.append_summary(runner.summary, _summaries(case, notes)):
            yield "the job summary is full"
    except OSError as error:
        yield f"the job summary could not be written to {runner.summary}: {error.strerror}"


def _values(report: Report, place: str, comment_url: str) -> dict[str, str]:
    """The outputs. Amounts count what has a price, as in the report; `unpriced-count` says how much has none."""
    delta = report.delta
    people = dict.fromkeys(clean(approval.by) for approval in report.decision.approvals if approval.valid)
    return {
        "verdict": report.decision.outcome,
        "delta-monthly": json_v1.money(delta.delta.expected),
        "delta-low": json_v1.money(delta.delta.low),
        "delta-high": json_v1.money(delta.delta.high),
        "total-monthly": json_v1.money(delta.head_monthly),
        "unpriced-count": str(len(delta.unpriced)),
        "approved-by": ",".join(people),
        "report": place,
        "comment-url": comment_url,
    }


def _summaries(case: _Case, notes: tuple[str, ...]) -> tuple[str, ...]:
    """The job summary, and a short one for a step that has filled its own."""
    problems = "".join(f"\n> **Not published:** {md(note, 1000)}\n" for note in notes)
    setting = markdown.Setting(mentions=frozenset())
    limits = (markdown.LIMIT, 0)
    texts = (markdown.render(case.report, limit=n, source_url=case.source_url, setting=setting) for n in limits)
    return tuple(text + problems for text in texts)


def _log(case: _Case, check: Published, notes: list[str]) -> Iterator[str]:
    """The report, and annotations where no check run carries them."""
    yield log.render(case.report)
    if case.inputs.annotations and check.problem:
        yield renderer("annotations").render(case.report)
    for note in notes:
        item = Annotation(
            level="warning", rule="", title="costgate: not published", message=note, location=None, amount=None
        )
        yield f"{command(item)}\n"
