"""Keeps one comment per pull request, whatever happens: many pages, forged markers, runs at once and out of order.

Ours is a comment with our marker of our own author. Who that is: for the workflow's token and other apps' the bot of
the app that a check run of this run names (without one, `github-actions`); for a person's token that person; and in
the end whoever is the author of the comment that this token creates.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from costgate.errors import WorldError
from costgate.github import marker
from costgate.github.client import GitHub
from costgate.github.marker import Marker, Run
from costgate.github.published import Published, refused
from costgate.github.records import App, Comment
from costgate.http import HttpError

WORKFLOWS_APP = "github-actions"
RUN_LINK = re.compile(r"/actions/runs/[0-9]+(/attempts/[0-9]+)?")
TRIES = 3  # when somebody deletes the comment meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """What a comment is to say."""

    body: str  # without the marker
    memory: Mapping[str, str] = field(default_factory=dict)  # what the next run is told, in words without blanks
    is_news: bool = False  # people are to be notified: an edit would not do that, so a new comment takes its place


Compose = Callable[
    [Mapping[str, str] | None], Text | None
]  # the memory of the comment that is there → what it is to say
IsOurs = Callable[[Comment], bool]


def publish(github: GitHub, number: int, compose: Compose, *, key: str, run: Run, app: App | None = None) -> Published:
    """Write, update or leave alone the one comment of the gate `key` on pull request `number`.

    `compose` gets None where there is no comment, and gives None where there is to be none. `run` is (id, attempt) of
    this workflow run; a later one's comment stays. `app` is whose token it is, if that is known.
    """
    try:
        desk = _Desk(github=github, number=number, key=key, run=run)
        return _published(desk, compose, _author(github, app))
    except WorldError as error:
        return refused("the comment", error, "pull-requests: write")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """Where this run writes."""

    github: GitHub
    number: int
    key: str
    run: Run

    def found(self, is_ours: IsOurs) -> list[tuple[Comment, Marker]]:
        """Our comments with their markers, oldest first. There is one, or two for a moment."""
        marked = [(each, marker.read(each.body, self.key)) for each in self.github.comments(self.number)]
        ours = [(each, mark) for each, mark in marked if mark is not None and is_ours(each)]
        return sorted(ours, key=lambda pair: pair[0].id)

    def marked(self, text: Text) -> str:
        """The whole comment."""
        return f"{Marker(key=self.key, run=self.run, memory=text.memory)}\n{text.body}"

    def delete(self, comment: Comment) -> bool:
        """Whether it is gone. One that stays is harmless: the next run finds and updates the oldest."""
        try:
            self.github.delete_comment(comment.id)
        except WorldError:
            return False
        return True


def _author(github: GitHub, app: App | None) -> IsOurs:
    """Tells comments of this token's account."""
    person = github.account() if app is None else None
    if person is not None:
        return lambda comment: comment.author is not None and comment.author.id == person.id
    slug = app.slug if app else WORKFLOWS_APP
    return lambda comment: _is_of_app(comment, slug)


def _is_of_app(comment: Comment, slug: str) -> bool:
    """An app writes as its bot; what a person does through an app is the person's."""
    if comment.author is None or comment.author.type != "Bot":
        return False
    return (comment.via_app.slug if comment.via_app else comment.author.login.removesuffix("[bot]")) == slug


def _published(desk: _Desk, compose: Compose, is_ours: IsOurs, tries: int = TRIES) -> Published:
    ours = desk.found(is_ours)
    if not ours:
        text = compose(None)
        return _created(desk, text) if text else Published(what="none")
    comment, mark = max(ours, key=lambda pair: pair[1].run)
    if marker.is_later(desk.github, mark.run, desk.run):
        return Published(what="skipped-newer", url=comment.html_url)
    text = compose(mark.memory)
    if text is None:
        return Published(what="none", url=comment.html_url)
    if text.is_news and all(desk.delete(each) for each, _ in ours):
        return _created(desk, text)
    for extra, _ in ours[1:]:
        desk.delete(extra)
    try:
        return _updated(desk, ours[0][0], text)
    except HttpError as error:
        if error.status != 404 or tries == 1:
            raise
        return _published(desk, compose, is_ours, tries - 1)


def _updated(desk: _Desk, comment: Comment, text: Text) -> Published:
    """Nothing is written where only the run differs: whether a later one is older news, the check run tells."""
    mark = marker.read(comment.body, desk.key)
    if mark is not None and mark.memory == text.memory and _visible(comment.body) == _visible(desk.marked(text)):
        return Published(what="unchanged", url=comment.html_url)
    desk.github.update_comment(comment.id, desk.marked(text))
    return Published(what="updated", url=comment.html_url)


def _visible(body: str) -> str:
    """A body without its hidden line and without the number of the run that it links to."""
    _, _, text = body.replace("\r\n", "\n").partition("\n")
    return RUN_LINK.sub("", text).strip()


def _created(desk: _Desk, text: Text) -> Published:
    """A new comment; if another run made one meanwhile, the oldest stays and gets the newest text."""
    made = desk.github.create_comment(desk.number, desk.marked(text))
    author = made.author.id if made.author else None
    ours = desk.found(lambda each: each.author is not None and each.author.id == author)
    if len(ours) < 2:
        return Published(what="created", url=made.html_url)
    (kept, _), *others = ours
    newest, _ = max(ours, key=lambda pair: (pair[1].run, pair[0].id))
    if kept.body != newest.body:
        desk.github.update_comment(kept.id, newest.body)
    for other, _ in others:
        desk.delete(other)
    return Published(what="updated" if kept.id != made.id else "created", url=kept.html_url)
