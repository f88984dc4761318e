"""State → GitHub's JSON. Only what the state knows is written here; what else a schema requires is filled empty."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tests.github.fake import graph
from tests.github.fake.spec import spec
from tests.github.fake.state import (
    ActivityEntry,
    AppIdentity,
    Check,
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
from tests.github.fake.world import World

Json = dict[str, Any]
SITE = "https://github.example"


def moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def user(of: User | None) -> Json | None:
    return None if of is None else spec().fill("simple-user", {"id": of.id, "login": of.login, "type": of.type})


def app(of: AppIdentity | None) -> Json | None:
    if of is None:
        return None
    return spec().fill("integration", {"id": of.id, "slug": of.slug, "name": of.slug, "owner": user(OWNER)})


OWNER = User(id=9919, login="github", type="Organization")


def repository(of: Repo, schema: str = "repository") -> Json:
    given = {
        "id": of.id,
        "full_name": of.full_name,
        "name": of.full_name.split("/")[1],
        "owner": user(of.owner),
        "private": of.private,
        "fork": of.fork_of is not None,
        "default_branch": of.default_branch,
        "html_url": f"{SITE}/{of.full_name}",
    }
    return spec().fill(schema, given)


def label(name: str) -> Json:
    return {
        "id": sum(name.encode()), "node_id": "", "url": f"{SITE}/labels", "name": name, "description": "",
        "color": "ededed", "default": False,
    }  # fmt: skip


def pull(world: World, of: Pull, schema: str = "pull-request") -> Json:
    source = world.repositories.get(of.head_repository)
    head = {
        "label": of.head_label,
        "ref": of.head_ref,
        "sha": world.head(of.number),
        "repo": source and repository(source),
    }
    base = {
        "label": f"{world.main.owner.login}:{of.base_ref}",
        "ref": of.base_ref,
        "sha": world.base(of.number),
        "repo": repository(world.main),
        "user": user(world.main.owner),
    }
    given = {
        "number": of.number,
        "state": of.state,
        "title": of.title,
        "user": user(of.author),
        "head": head | {"user": user(source.owner if source else of.author)},
        "base": base,
        "labels": [label(name) for name in of.labels],
        "html_url": f"{SITE}/{world.main.full_name}/pull/{of.number}",
        "created_at": moment(of.created_at),
        "updated_at": moment(of.updated_at),
        "merged_at": of.merged_at and moment(of.merged_at),
        "merge_commit_sha": of.merge_commit_sha,
        "author_association": "CONTRIBUTOR",
    }
    if schema == "pull-request":
        commits = graph.between(world.commits, world.base(of.number), world.head(of.number))
        given |= {"merged": of.merged_at is not None, "commits": len(commits)}
    return spec().fill(schema, given)


def event(of: Event) -> Json:
    given: Json = {
        "id": of.id,
        "event": of.event,
        "actor": user(of.actor),
        "created_at": moment(of.at),
        "performed_via_github_app": app(of.via_app),
    }
    if of.label is not None:
        return spec().fill(f"{of.event}-issue-event", given | {"label": {"name": of.label, "color": "ededed"}})
    if of.rename is not None:
        names = {"from": of.rename[0], "to": of.rename[1]}
        return spec().fill("renamed-issue-event", given | {"rename": names})
    return spec().fill("state-change-issue-event", given | {"state_reason": None})


def review(of: ReviewEntry) -> Json:
    given = {
        "id": of.id,
        "user": user(of.user),
        "state": of.state,
        "body": of.body,
        "commit_id": of.commit_id,
        "author_association": "MEMBER",
    }
    submitted = {} if of.state == "PENDING" else {"submitted_at": moment(of.at)}
    return spec().fill("pull-request-review", given | submitted)


def commit(of: Commit) -> Json:
    parents = [{"sha": sha, "url": f"{SITE}/commit/{sha}"} for sha in of.parents]
    given = {"sha": of.sha, "author": user(of.author), "committer": user(of.committer), "parents": parents}
    return spec().fill("commit", given)


def activity(of: ActivityEntry) -> Json:
    given = {
        "id": of.id,
        "ref": of.ref,
        "before": of.before,
        "after": of.after,
        "timestamp": moment(of.at),
        "activity_type": of.kind,
        "actor": user(of.actor),
    }
    return spec().fill("activity", given)


def suite(world: World, of: Suite) -> Json:
    given = {
        "id": of.id,
        "head_sha": of.head_sha,
        "status": of.status,
        "conclusion": of.conclusion,
        "created_at": moment(of.created_at),
        "updated_at": moment(of.created_at),
        "app": app(of.app),
        "repository": repository(world.main, "minimal-repository"),
    }
    return spec().fill("check-suite", given)


def check(of: Check) -> Json:
    output: Mapping[str, Any] = of.values.get("output") or {}  # type: ignore[assignment]
    shown = {
        "title": output.get("title"),
        "summary": output.get("summary"),
        "text": output.get("text"),
        "annotations_count": len(of.annotations),
    }
    given = {
        "id": of.id,
        "name": of.values["name"],
        "head_sha": of.head_sha,
        "status": of.values.get("status", "queued"),
        "conclusion": of.values.get("conclusion"),
        "external_id": of.values.get("external_id", ""),
        "details_url": of.values.get("details_url", f"{SITE}/apps"),
        "html_url": f"{SITE}/runs/{of.id}",
        "started_at": moment(of.started_at),
        "completed_at": of.completed_at and moment(of.completed_at),
        "app": app(of.app),
        "check_suite": {"id": of.suite},
        "output": shown,
    }
    return spec().fill("check-run", given)


def annotation(of: Mapping[str, object]) -> Json:
    return spec().fill("check-annotation", dict(of))


def run(world: World, of: Run) -> Json:
    source = world.repositories.get(of.head_repository)
    pulls = [spec().fill("pull-request-minimal", {"number": number}) for number in of.pulls]
    given = {
        "id": of.id,
        "name": of.name,
        "display_title": of.title,
        "path": of.path,
        "event": of.event,
        "head_sha": of.head_sha,
        "head_branch": of.head_branch,
        "head_repository": source and repository(source, "minimal-repository"),
        "repository": repository(world.main, "minimal-repository"),
        "run_attempt": of.attempt,
        "workflow_id": sum(of.path.encode()),
        "check_suite_id": of.suite,
        "status": "completed" if of.conclusion else "in_progress",
        "conclusion": of.conclusion,
        "created_at": moment(of.created_at),
        "run_started_at": moment(of.started_at),
        "updated_at": moment(of.updated_at),
        "actor": user(of.actor),
        "triggering_actor": user(of.triggering_actor),
        "pull_requests": pulls,
        "referenced_workflows": [],
        "html_url": f"{SITE}/{world.main.full_name}/actions/runs/{of.id}",
    }
    return spec().fill("workflow-run", given)


def job(of: Run, one: RunJob) -> Json:
    given = {
        "id": one.id,
        "run_id": of.id,
        "run_attempt": one.attempt,
        "name": one.name,
        "head_sha": of.head_sha,
        "status": "completed" if one.conclusion else "in_progress",
        "conclusion": one.conclusion,
        "created_at": moment(one.started_at),
        "started_at": moment(one.started_at),
        "completed_at": one.completed_at and moment(one.completed_at),
    }
    return spec().fill("job", given)


def comment(of: CommentEntry, repo: Repo) -> Json:
    given = {
        "id": of.id,
        "user": user(of.user),
        "performed_via_github_app": app(of.via_app),
        "body": of.body,
        "created_at": moment(of.created_at),
        "updated_at": moment(of.updated_at),
        "author_association": "NONE",
        "html_url": f"{SITE}/{repo.full_name}/pull/{of.number}#issuecomment-{of.id}",
    }
    return spec().fill("issue-comment", given)


def rule(checks: list[tuple[str, int | None]]) -> Json:
    listed = [{"context": name} | ({} if app_id is None else {"integration_id": app_id}) for name, app_id in checks]
    parameters = {"required_status_checks": listed, "strict_required_status_checks_policy": False}
    source = {"ruleset_source_type": "Repository", "ruleset_source": "acme/flows", "ruleset_id": 1}
    return {"type": "required_status_checks", "parameters": parameters, **source}
