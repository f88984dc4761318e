"""GitHub under stress: whatever goes wrong, every method ends in bounded time with an error or with the truth."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from costgate.errors import WorldError
from costgate.github.client import GitHub
from costgate.http import Http
from tests.github.conftest import Time
from tests.github.fake import Fake
from tests.github.fake.faults import ALWAYS

SHA = "c0ffee" * 6 + "beef"
READS: dict[str, Callable[[GitHub], object]] = {
    "repository": lambda github: github.repository(),
    "pull": lambda github: github.pull(1),
    "events": lambda github: github.events(1),
    "reviews": lambda github: github.reviews(1),
    "commits": lambda github: github.commits(1),
    "activity": lambda github: github.activity("refs/heads/feature"),
    "check_suites": lambda github: github.check_suites(SHA),
    "check_runs": lambda github: github.check_runs(SHA, "costgate"),
    "workflow_runs": lambda github: github.workflow_runs(head_sha=SHA),
    "workflow_run": lambda github: github.workflow_run(7),
    "jobs": lambda github: github.jobs(7),
    "comments": lambda github: github.comments(1),
    "permission": lambda github: github.permission("fiona"),
    "membership": lambda github: github.membership("acme", "finance", "fiona"),
    "pulls_of_commit": lambda github: github.pulls_of_commit(SHA),
    "merge_base": lambda github: github.merge_base("main", SHA),
    "ref": lambda github: github.ref("main"),
    "branch_rules": lambda github: github.branch_rules("main"),
}
WRITES: dict[str, Callable[[GitHub], object]] = {
    "create_check_run": lambda github: github.create_check_run(
        name="costgate", head_sha=SHA, conclusion="success", title="t", summary="s"
    ),
    "update_check_run": lambda github: github.update_check_run(8, conclusion="success", title="t", summary="s"),
    "create_comment": lambda github: github.create_comment(1, "hello"),
    "update_comment": lambda github: github.update_comment(9, "hello"),
}
DELETES: dict[str, Callable[[GitHub], object]] = {
    "delete_comment": lambda github: github.delete_comment(9),
    "remove_label": lambda github: github.remove_label(1, "finance-approved"),
}
# 404 means "no" to some methods, and is not among the faults of these; see test_client.
FAULTS = [401, 403, 409, 422, 429, 500, 502, 503, "drop", "half", "text", "empty"]


@pytest.fixture(autouse=True)
def scene(fake: Fake) -> None:
    fake.world.push("dev", "feature", sha=SHA)
    fake.world.open("dev", "feature")
    fake.world.label("fiona", 1, "finance-approved")


def bounded(fake: Fake, time: Time) -> bool:
    """One kind of trouble costs at most a call's tries and the session's time."""
    return len(fake.seen) <= 5 and sum(time.slept) <= 300


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("kind", FAULTS)
def test_reading_never_ends_well_by_mistake(github: GitHub, fake: Fake, time: Time, name: str, kind: int | str) -> None:
    fake.faults.fail("/", kind, times=ALWAYS)  # type: ignore[arg-type]
    if name == "membership" and kind in (401, 403, "text", "empty"):  # the last two with GitHub's own 403
        assert type(READS[name](github)).__name__ == "TeamUnreadable"
    else:
        with pytest.raises(WorldError, match=r"^GET /"):
            READS[name](github)
    assert bounded(fake, time)


@pytest.mark.parametrize("name", [*WRITES, *DELETES])
@pytest.mark.parametrize("kind", [*FAULTS[:8], "drop"])
def test_writing_never_ends_well_by_mistake(github: GitHub, fake: Fake, time: Time, name: str, kind: int | str) -> None:
    fake.faults.fail("/", kind, times=ALWAYS)  # type: ignore[arg-type]
    with pytest.raises(WorldError, match=r"^(POST|PATCH|DELETE) /"):
        (WRITES | DELETES)[name](github)
    assert bounded(fake, time)
    assert kind not in (500, 502, 503, "drop") or name in DELETES or len(fake.seen) == 1
    assert fake.world.main.comments == {}
    assert fake.world.main.checks == {}
    assert fake.world.main.pulls[1].labels == ["finance-approved"]


@pytest.mark.parametrize("kind", ["drop-after", "half", "text", "empty"])
def test_a_write_whose_answer_is_lost_is_no_success_and_not_repeated(github: GitHub, fake: Fake, kind: str) -> None:
    fake.faults.fail("/", kind)  # type: ignore[arg-type]
    with pytest.raises(WorldError):
        github.create_comment(1, "hello")
    assert len(fake.world.main.comments) == len(fake.seen) == 1


def test_a_label_whose_removal_was_not_heard_of_is_gone(github: GitHub, fake: Fake) -> None:
    fake.faults.fail("/labels", "drop-after")
    assert not github.remove_label(1, "finance-approved")  # the second try found none
    assert fake.world.main.pulls[1].labels == []


@pytest.mark.parametrize("name", [name for name in READS if name.endswith("s") and name != "branch_rules"])
@pytest.mark.parametrize("kind", ["endless", "loop", "elsewhere"])
def test_pages_that_lead_astray_are_no_list(fake: Fake, connect: Callable[..., Http], name: str, kind: str) -> None:
    fake.world.main.runs = {}
    github = GitHub(connect(fake.url, pages=20), fake.world.main.full_name)
    fake.world.run("dev", number=1)
    run = next(iter(fake.world.main.runs))
    fake.faults.fail("/", kind, times=ALWAYS, to="https://evil.example/")  # type: ignore[arg-type]
    with pytest.raises(WorldError, match=r"pages|another host"):
        github.jobs(run) if name == "jobs" else READS[name](github)
    assert len(fake.seen) <= 20


def test_every_page_of_a_long_list_may_fail_once(github: GitHub, fake: Fake, time: Time) -> None:
    written = [fake.world.comment("eve", 1, str(index)) for index in range(250)]
    fake.faults.fail("/comments", 503)
    fake.faults.fail("/comments", "half")
    fake.faults.limit("/comments", retry_after="3")
    assert [each.id for each in github.comments(1)] == written
    assert time.slept == [1, 2, 3]


@pytest.mark.parametrize("seconds", [-(10**6), -3600, 3600, 10**6])
def test_a_clock_that_is_off_is_the_servers_all_the_same(github: GitHub, fake: Fake, seconds: int) -> None:
    fake.faults.fail("/", "skew", seconds=seconds)
    skewed = github.server_time()
    assert (skewed - fake.world.clock.now).total_seconds() == seconds
    assert github.pull(1).created_at < fake.world.clock.now


def test_many_limits_in_a_row_end_within_the_deadline(github: GitHub, fake: Fake, time: Time) -> None:
    fake.faults.limit("/", times=ALWAYS, retry_after="100")
    with pytest.raises(WorldError, match="the next try is due in 100 s"):
        github.pull(1)
    with pytest.raises(WorldError, match="the next try is due in 100 s"):
        github.pull(1)
    assert sum(time.slept) == 200


def test_a_server_that_never_answers(fake: Fake, connect: Callable[..., Http]) -> None:
    fake.faults.fail("/", "timeout", times=ALWAYS)
    github = GitHub(connect(fake.url, read_s=0.05, tries=2), fake.world.main.full_name)
    with pytest.raises(WorldError, match="timed out"):
        github.pull(1)
    with pytest.raises(WorldError, match="not repeated"):
        github.create_comment(1, "hello")
    assert len(fake.seen) == 3


def test_trouble_in_the_middle_of_a_long_check_run_is_told(github: GitHub, fake: Fake) -> None:
    note = {"path": "f.py", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "m"}
    make = {"name": "c", "head_sha": SHA, "title": "t", "summary": "s", "annotations": [note] * 120}
    fake.faults.fail("/check-runs/", 500, method="PATCH")
    with pytest.raises(WorldError, match="not repeated"):
        github.create_check_run(conclusion="failure", **make)  # type: ignore[arg-type]
    (check,) = fake.world.main.checks.values()
    assert len(check.annotations) == 50
