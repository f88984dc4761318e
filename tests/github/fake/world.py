"""The stage: a world that tests set up and move, each change with the server's time. No HTTP here."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from tests.github.fake import graph
from tests.github.fake.people import ACTIONS, People
from tests.github.fake.state import (
    ActivityEntry,
    AppIdentity,
    Clock,
    CommentEntry,
    Commit,
    Event,
    Pull,
    Repo,
    ReviewEntry,
    Run,
    RunJob,
    Suite,
    User,
)

NOTHING = "0" * 40


class World(People):
    """Repositories, people and what they do. The first repository is the one that methods mean by default."""

    def __init__(self, repository: str = "acme/flows", *, private: bool = False, default_branch: str = "main") -> None:
        super().__init__()
        self.clock = Clock()
        self.commits: dict[str, Commit] = {}
        self.repositories: dict[str, Repo] = {}
        self.repository(repository, private=private, default_branch=default_branch)

    @property
    def main(self) -> Repo:
        """The first repository."""
        return next(iter(self.repositories.values()))

    def role(self, login: str, permission: str, role_name: str | None = None) -> None:
        """What somebody may do in the first repository: admin, write, read, none."""
        self.user(login)
        self.main.roles[login] = (permission, role_name or permission)

    # Code

    def repository(self, full_name: str, *, private: bool = False, default_branch: str = "main") -> Repo:
        """A repository with one commit."""
        owner = self.user(full_name.split("/")[0], type="Organization")
        repo = Repo(
            id=next(self._ids), full_name=full_name, owner=owner, private=private, default_branch=default_branch
        )
        self.repositories[full_name] = repo
        self.push(owner.login, default_branch, repository=full_name)
        return repo

    def fork(self, login: str) -> Repo:
        """Somebody's fork of the first repository, named `login/…`, with its branches."""
        self.user(login)
        name = f"{login}/{self.main.full_name.split('/')[1]}"
        repo = Repo(
            id=next(self._ids),
            full_name=name,
            owner=self.user(login),
            private=self.main.private,
            default_branch=self.main.default_branch,
            fork_of=self.main.full_name,
            branches=dict(self.main.branches),
        )
        self.repositories[name] = repo
        return repo

    def delete_repository(self, full_name: str) -> None:
        """A fork that goes away while its pull request stays: the head's repository is null from then on."""
        for pull in self.main.pulls.values():
            if pull.head_repository == full_name:
                pull.frozen = pull.frozen or (self.head(pull.number), self.main.branches[pull.base_ref])
        del self.repositories[full_name]

    def push(
        self,
        login: str,
        branch: str,
        *,
        sha: str | None = None,
        parents: Iterable[str] | None = None,
        author: str | None = None,
        committer: str | None = None,
        repository: str | None = None,
    ) -> str:
        """A new commit on a branch, which is made if need be (off the default branch); its id.

        `sha` and `parents` for commits of a real git repository. Parents other than the tip make it a forced push.
        `author` and `committer` are the pusher by default; "" for an e-mail address that GitHub does not know.
        """
        repo = self.repositories[repository] if repository else self.main
        before = repo.branches.get(branch)
        start = before or repo.branches.get(repo.default_branch)
        parents = tuple(parents) if parents is not None else (start,) if start else ()
        sha = sha or self._new_sha()
        names = (login if name is None else name for name in (author, committer))
        written, committed = (self.user(name) if name else None for name in names)
        self.commits[sha] = Commit(sha=sha, parents=parents, author=written, committer=committed)
        self.move(login, branch, sha, repository=repository)
        return sha

    def move(self, login: str, branch: str, sha: str, *, repository: str | None = None) -> None:
        """Put a branch on a commit that is there: activity, check suite, an event where it was forced."""
        repo = self.repositories[repository] if repository else self.main
        before = repo.branches.get(branch)
        forced = before is not None and before not in graph.ancestors(self.commits, sha)
        repo.branches[branch] = sha
        kind = "branch_creation" if before is None else "force_push" if forced else "push"
        self._moved(repo, branch, before, sha, kind, self.user(login))
        self.suite(sha)
        for pull in self.main.pulls.values():
            if (pull.state, pull.head_repository, pull.head_ref) == ("open", repo.full_name, branch):
                pull.updated_at = self.clock.now
                if forced:
                    self._event(pull, "head_ref_force_pushed", login)

    def suite(self, sha: str, app: AppIdentity = ACTIONS) -> Suite:
        """The check suite of an app for a commit, made now if there is none."""
        suites = self.main.suites
        found = [each for each in suites if (each.head_sha, each.app) == (sha, app)]
        if not found:
            found = [Suite(id=next(self._ids), head_sha=sha, app=app, created_at=self.clock.now)]
            suites += found
        return found[0]

    def protect(self, branch: str, checks: Iterable[tuple[str, int | None]]) -> None:
        """Require checks (name, app id or None) by a ruleset."""
        self.main.required[branch] = list(checks)

    # Pull requests of the first repository

    def open(
        self, login: str, head: str, *, base: str | None = None, title: str = "Change", repository: str | None = None
    ) -> int:
        """Open a pull request from a branch, of a fork if `repository` is given; its number."""
        number, at = max(self.main.pulls, default=0) + 1, self.clock.stamp()
        source = repository or self.main.full_name
        self.main.pulls[number] = Pull(
            number=number,
            title=title,
            author=self.user(login),
            head_repository=source,
            head_ref=head,
            head_label=f"{source.split('/')[0]}:{head}",
            base_ref=base or self.main.default_branch,
            created_at=at,
            updated_at=at,
        )
        return number

    def head(self, number: int) -> str:
        """The commit that a pull request is at."""
        pull = self.main.pulls[number]
        return pull.frozen[0] if pull.frozen else self.repositories[pull.head_repository].branches[pull.head_ref]

    def base(self, number: int) -> str:
        """The tip of the branch that a pull request goes to."""
        pull = self.main.pulls[number]
        return pull.frozen[1] if pull.frozen else self.main.branches[pull.base_ref]

    def label(self, login: str, number: int, label: str, *, via_app: AppIdentity | None = None) -> None:
        """Put a label on; nothing happens if it is there."""
        pull = self.main.pulls[number]
        if label not in pull.labels:
            pull.labels.append(label)
            self._event(pull, "labeled", login, via_app=via_app, label=label)

    def unlabel(self, login: str, number: int, label: str, *, via_app: AppIdentity | None = None) -> None:
        """Take a label off."""
        pull = self.main.pulls[number]
        pull.labels.remove(label)
        self._event(pull, "unlabeled", login, via_app=via_app, label=label)

    def retitle(self, login: str, number: int, title: str) -> None:
        """Give a pull request another title."""
        pull = self.main.pulls[number]
        pull.title, old = title, pull.title
        self._event(pull, "renamed", login, rename=(old, title))

    def retarget(self, login: str, number: int, base: str, *, event: str = "base_ref_changed") -> None:
        """Point a pull request at another base branch; GitHub does so by itself where the one below is merged."""
        self.main.pulls[number].base_ref = base
        self._event(self.main.pulls[number], event, login)

    def review(
        self, login: str | None, number: int, state: str = "APPROVED", *, body: str = "", commit_id: str | None = None
    ) -> int:
        """Review a pull request at its head (or `commit_id`); None for an account that was deleted since."""
        entry = ReviewEntry(
            id=next(self._ids),
            user=self.user(login) if login else None,
            state=state,
            body=body,
            commit_id=commit_id or self.head(number),
            at=self.clock.stamp(),
        )
        self.main.pulls[number].reviews.append(entry)
        return entry.id

    def dismiss(self, number: int, review: int) -> None:
        """Dismiss a review; GitHub keeps it with another state."""
        reviews = self.main.pulls[number].reviews
        reviews[:] = [replace(each, state="DISMISSED") if each.id == review else each for each in reviews]

    def comment(self, login: str, number: int, body: str, *, via_app: AppIdentity | None = None) -> int:
        """Write a comment; its id."""
        at = self.clock.stamp()
        entry = CommentEntry(
            id=next(self._ids),
            number=number,
            user=self.user(login),
            via_app=via_app,
            body=body,
            created_at=at,
            updated_at=at,
        )
        self.main.comments[entry.id] = entry
        return entry.id

    def close(self, login: str, number: int) -> None:
        """Close without merging."""
        pull = self.main.pulls[number]
        pull.frozen, pull.state = (self.head(number), self.base(number)), "closed"
        self._event(pull, "closed", login)

    def merge(self, login: str, number: int, *, sha: str | None = None) -> str:
        """Merge with a merge commit; its id (`sha` for one of a real git repository)."""
        pull, base = self.main.pulls[number], self.base(number)
        pull.frozen, pull.state = (self.head(number), base), "closed"
        sha = sha or self._new_sha()
        self.commits[sha] = Commit(sha=sha, parents=pull.frozen[::-1], author=self.user(login), committer=None)
        self.main.branches[pull.base_ref] = sha
        self._moved(self.main, pull.base_ref, base, sha, "pr_merge", self.user(login))
        self._event(pull, "merged", login)
        pull.merged_at, pull.merge_commit_sha = self.clock.now, sha
        self._event(pull, "closed", login)
        return sha

    # Workflow runs

    def run(
        self,
        login: str,
        *,
        head_sha: str | None = None,
        number: int | None = None,
        path: str = ".github/workflows/costgate.yml",
        event: str = "pull_request",
        title: str = "",
        conclusion: str | None = "success",
        job: str = "costgate",
        duration_s: float = 30,
    ) -> int:
        """A run of a workflow on a commit (or the head of pull request `number`); its id.

        It starts now; with a conclusion it has ended `duration_s` later, and that much time has passed.
        """
        pull = self.main.pulls[number] if number else None
        sha = head_sha or self.head(number or 0)
        branch = pull.head_ref if pull else next((b for b, tip in self.main.branches.items() if tip == sha), "main")
        at, made = self.clock.stamp(), next(self._ids)
        own = pull is not None and pull.head_repository == self.main.full_name  # GitHub leaves it empty for forks
        self.main.runs[made] = Run(
            id=made,
            path=path,
            name=job,
            title=title or (pull.title if pull else "a commit"),
            event=event,
            head_sha=sha,
            head_branch=branch,
            head_repository=pull.head_repository if pull else self.main.full_name,
            actor=self.user(login),
            triggering_actor=self.user(login),
            attempt=0,
            suite=self.suite(sha).id,
            conclusion=None,
            created_at=at,
            started_at=at,
            updated_at=at,
            pulls=(pull.number,) if pull and own else (),
        )
        self.rerun(login, made, conclusion=conclusion, job=job, duration_s=duration_s)
        return made

    def rerun(
        self, login: str, run: int, *, conclusion: str | None = "success", job: str = "costgate", duration_s: float = 30
    ) -> None:
        """Another attempt of a run."""
        entry, at = self.main.runs[run], self.clock.stamp()
        entry.attempt += 1
        entry.triggering_actor, entry.started_at, entry.updated_at, entry.conclusion = self.user(login), at, at, None
        entry.jobs.append(
            RunJob(
                id=next(self._ids), name=job, attempt=entry.attempt, conclusion=None, started_at=at, completed_at=None
            )
        )
        if conclusion:
            self.clock.now += timedelta(seconds=duration_s)
            self.finish(run, conclusion)

    def finish(self, run: int, conclusion: str) -> None:
        """End a run that goes on."""
        entry = self.main.runs[run]
        entry.conclusion = entry.jobs[-1].conclusion = conclusion
        entry.updated_at = entry.jobs[-1].completed_at = self.clock.now

    # Below: helpers

    def id(self) -> int:
        """A number that nothing else has."""
        return next(self._ids)

    def _new_sha(self) -> str:
        return hashlib.sha1(str(next(self._ids)).encode()).hexdigest()

    def _moved(self, repo: Repo, branch: str, before: str | None, after: str, kind: str, actor: User) -> None:
        entry = ActivityEntry(
            id=next(self._ids),
            ref=f"refs/heads/{branch}",
            before=before or NOTHING,
            after=after,
            at=self.clock.stamp(),
            kind=kind,
            actor=actor,
        )
        repo.activity.append(entry)

    def _event(
        self,
        pull: Pull,
        event: str,
        login: str,
        *,
        via_app: AppIdentity | None = None,
        label: str | None = None,
        rename: tuple[str, str] | None = None,
    ) -> None:
        at = self.clock.stamp()
        pull.updated_at = at
        pull.events.append(
            Event(
                id=next(self._ids),
                event=event,
                actor=self.user(login),
                at=at,
                via_app=via_app,
                label=label,
                rename=rename,
            )
        )
