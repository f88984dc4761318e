"""What a run leaves behind: on GitHub, in the job's log, in its summary, in its outputs. Nothing breaks out of them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costgate.action import outputs
from costgate.action.inputs import Inputs, Runner
from costgate.action.publish import publish
from costgate.github.checks import NAME
from costgate.github.client import GitHub
from costgate.github.events import Event, Group
from costgate.http import Http
from costgate.model import ChangedJudge, Report
from tests.github.fake import Fake, World
from tests.render import builders
from tests.render.inert import LINKED, tokens

BOT = "github-actions[bot]"
READ = {"contents": "read", "pull_requests": "read", "checks": "read", "actions": "read", "metadata": "read"}
COMMANDS = re.compile(r"^\s*(::|##\[).*$", re.MULTILINE)
INPUTS = Inputs(
    token="", org_token="", comment="on-change", fail_on="approval-required", rate_card="", usage="", policy="",
    annotations=True, config="",
)  # fmt: skip


@dataclass
class Desk:
    """A pull request, a run of the gate, and the files of its step."""

    fake: Fake
    github: GitHub
    folder: Path
    inputs: Inputs = INPUTS
    event: Event = field(default_factory=lambda: Event(name="pull_request", action="opened", repository="acme/flows"))

    def __post_init__(self) -> None:
        self.world.push("dev", "feature")
        self.number = self.world.open("dev", "feature")
        self.files: dict[str, Path | None] = {"summary": self.folder / "summary", "outputs": self.folder / "outputs"}
        self.temporary = self.folder

    @property
    def world(self) -> World:
        return self.fake.world

    def publish(self, report: Report, **inputs: Any) -> str:
        """A run of the gate that comes to this report; what it prints."""
        runner = Runner(
            event_name=self.event.name, event_path=self.folder, repository="acme/flows",
            run_id=self.world.run("dev", number=self.number), run_attempt=1, workspace=self.folder,
            temporary=self.temporary, api_url=self.fake.url, server_url="https://github.example",
            summary=self.files["summary"], outputs=self.files["outputs"],
        )  # fmt: skip
        pull = None if self.event.group else self.github.pull(self.number)
        given = replace(self.inputs, **inputs)
        return publish(self.github, runner, given, report, pull=pull, event=self.event)

    @property
    def comments(self) -> list[str]:
        return [each.body for each in self.world.main.comments.values() if each.user.login == BOT]

    @property
    def headline(self) -> str:
        (body,) = self.comments
        return body.splitlines()[1]

    @property
    def conclusions(self) -> list[Any]:
        return [check.values["conclusion"] for check in self.world.main.checks.values()]

    @property
    def values(self) -> dict[str, str]:
        assert self.files["outputs"]
        return dict(parsed(self.files["outputs"].read_text()))

    @property
    def summary(self) -> str:
        assert self.files["summary"]
        return self.files["summary"].read_text()


def parsed(text: str) -> Iterator[tuple[str, str]]:
    """GITHUB_OUTPUT as the runner reads it."""
    lines = iter(text.split("\n"))
    for line in lines:
        if line:
            name, _, delimiter = line.partition("<<")
            value = []
            while (found := next(lines)) != delimiter:
                value.append(found)
            yield name, "\n".join(value)


def desks(folder: Path, permissions: Mapping[str, str] | None) -> Iterator[Desk]:
    with Fake() as fake:
        fake.world.token("ghs_x", permissions=permissions)
        http = Http(fake.url, "ghs_x", sleep=lambda seconds: None)
        yield Desk(fake, GitHub(http, "acme/flows"), folder)
        http.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    yield from desks(tmp_path, None)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Desk]:
    """The same with a token that may only read: a fork's, under plain `pull_request`."""
    for found in desks(tmp_path, READ):
        found.event = replace(found.event, is_fork=True)
        yield found


def test_everything_is_published(desk: Desk) -> None:
    text = desk.publish(builders.needs_approval())
    assert desk.headline == "### 🔴 costgate: +$2,772/month, needs approval by finance"
    assert desk.comments[0].startswith("<!-- costgate:v1 key=")
    assert desk.conclusions == ["action_required"]
    (check,) = desk.world.main.checks.values()
    assert check.values["name"] == NAME
    assert check.values["details_url"] == f"https://github.example/acme/flows/actions/runs/{max(desk.world.main.runs)}"
    assert (
        f"https://github.example/acme/flows/blob/{desk.world.head(desk.number)}/configs/prod.json#L3"
        in desk.comments[0]
    )
    assert text.startswith("🔴 costgate: +$2,772/month, needs approval by finance\n")
    assert COMMANDS.findall(text) == []  # the check run has the annotations
    assert desk.summary.startswith("### 🔴 costgate: +$2,772/month, needs approval by finance\n")
    assert "Not published" not in desk.summary
    assert "<!--" not in desk.summary
    assert " cc @\u2060acme/finance" in desk.summary


def test_outputs(desk: Desk, tmp_path: Path) -> None:
    desk.publish(builders.approved())
    found = desk.values
    report = Path(found.pop("report"))
    assert found == {
        "verdict": "approved",
        "delta-monthly": found["delta-monthly"],
        "delta-low": "0",
        "delta-high": found["delta-high"],
        "total-monthly": found["total-monthly"],
        "unpriced-count": "0",
        "approved-by": "fiona",
        "comment-url": f"https://github.example/acme/flows/pull/1#issuecomment-{max(desk.world.main.comments)}",
    }
    assert found["delta-monthly"].startswith("2772.10")
    assert found["total-monthly"].startswith("5544.2")
    assert found["delta-high"].startswith("11088.")
    assert (report.name, report.parent.parent) == ("costgate-report.json", tmp_path)
    assert list(report.parent.iterdir()) == [report]
    data = json.loads(report.read_text())
    assert (data["version"], data["outcome"], data["approvals"][0]["by"]) == (1, "approved", "fiona")
    assert data["totals"]["delta_monthly"] == found["delta-monthly"]


def test_an_unknown_price_is_counted_beside_the_amounts(desk: Desk) -> None:
    desk.publish(builders.incomplete())
    assert (desk.values["verdict"], desk.values["unpriced-count"]) == ("incomplete", "2")


def test_a_runner_without_files(desk: Desk) -> None:
    desk.files = {"summary": None, "outputs": None}
    assert COMMANDS.findall(desk.publish(builders.needs_approval())) == []


# When there is a comment

UNCHANGED, SMALL, RED = builders.unchanged(), builders.passes(), builders.needs_approval()
JUDGES = replace(UNCHANGED, changed_judges=(ChangedJudge(path="costgate.yml", outcome_with_it="pass"),))
GAPS = replace(UNCHANGED, delta=builders.delta(gaps=(builders.unpriced(),)))
BROKEN = replace(UNCHANGED, decision=builders.decision("incomplete"))


@pytest.mark.parametrize(
    ("mode", "report", "expected"),
    [
        pytest.param("always", UNCHANGED, True, id="always: nothing changed"),
        pytest.param("on-change", UNCHANGED, False, id="on-change: nothing changed"),
        pytest.param("on-change", SMALL, True, id="on-change: a deployment changed"),
        pytest.param("on-change", JUDGES, True, id="on-change: a judging file changed"),
        pytest.param("on-change", GAPS, True, id="on-change: something has no price"),
        pytest.param("on-change", BROKEN, True, id="on-change: nothing changed, and it does not pass"),
        pytest.param("on-threshold", SMALL, False, id="on-threshold: within policy"),
        pytest.param("on-threshold", builders.warns(), True, id="on-threshold: a warning"),
        pytest.param("on-threshold", RED, True, id="on-threshold: needs approval"),
        pytest.param("never", RED, False, id="never"),
    ],
)
def test_modes(desk: Desk, mode: str, report: Report, expected: bool) -> None:
    desk.publish(report, comment=mode)
    assert len(desk.comments) == expected
    assert bool(desk.values["comment-url"]) == expected
    assert len(desk.conclusions) == 1


@pytest.mark.parametrize("mode", ["always", "on-change", "on-threshold"])
@pytest.mark.parametrize("report", [UNCHANGED, SMALL])
def test_a_comment_that_is_there_does_not_stay_red(desk: Desk, mode: str, report: Report) -> None:
    desk.publish(RED, comment=mode)
    desk.publish(report, comment=mode)
    assert desk.headline.startswith("### 🟢 costgate: ")


def test_never_asks_for_nothing(desk: Desk) -> None:
    desk.publish(RED)
    desk.fake.seen.clear()
    desk.publish(UNCHANGED, comment="never")
    assert desk.fake.count("GET", "/comments") == 0
    assert desk.headline.startswith("### 🔴")


def test_a_later_run_has_the_last_word(desk: Desk) -> None:
    desk.publish(RED)
    (check,) = desk.world.main.checks.values()
    later = desk.world.run("dev", number=desk.number)
    check.values["external_id"] = re.sub(r"run=\d+", f"run={later}", str(check.values["external_id"]))
    desk.world.main.runs[later + 100] = desk.world.main.runs.pop(later)
    check.values["external_id"] = str(check.values["external_id"]).replace(f"run={later}", f"run={later + 100}")
    desk.world.main.runs[later + 100].id = later + 100
    desk.world.main.runs[later + 100].started_at += timedelta(days=1)
    before = desk.comments
    desk.publish(builders.approved())
    assert desk.comments == before
    assert desk.conclusions == ["action_required"]


def test_two_gates_of_one_repository_do_not_share_a_comment(desk: Desk) -> None:
    desk.publish(RED)
    desk.publish(RED, config="services/costgate.yml")
    assert len(desk.comments) == 2
    assert len(desk.conclusions) == 2


def test_a_comment_and_a_check_run_are_kept_from_run_to_run(desk: Desk) -> None:
    for report in (SMALL, RED, builders.approved(), RED, SMALL):
        desk.publish(report)
    assert (len(desk.comments), len(desk.conclusions)) == (1, 1)
    assert "Was +$2,772 a month at def5678" not in desk.comments[0]  # as dear as ever, and within policy now


# A comment's life


def test_who_withdrew_is_github_s_to_say(desk: Desk) -> None:
    desk.publish(builders.approved())
    desk.world.label("fiona", desk.number, "finance-approved")
    desk.world.unlabel("fiona", desk.number, "finance-approved")
    desk.world.label("dev", desk.number, "other")
    desk.world.unlabel("dev", desk.number, "other")
    desk.publish(RED)
    assert desk.headline.endswith("needs approval by finance again: the one before was withdrawn by fiona")


@pytest.mark.parametrize("status", [None, 500])
def test_whoever_withdrew(desk: Desk, status: int | None) -> None:
    desk.publish(builders.approved())
    if status:
        desk.fake.faults.fail("/events", status, times=9)
    desk.publish(RED)
    assert desk.headline.endswith("again: the one before was withdrawn")


def test_one_that_is_merged_ends_in_one_line(desk: Desk) -> None:
    desk.publish(builders.approved())
    desk.world.merge("dev", desk.number)
    desk.publish(builders.approved())
    assert desk.headline == "### ✅ costgate: merged with +$2,772/month, approved by fiona"
    assert desk.values["report"]


def test_one_that_is_closed_ends_in_one_line(desk: Desk) -> None:
    desk.publish(RED)
    desk.world.close("dev", desk.number)
    desk.publish(RED)
    assert desk.headline == "### 🔴 costgate: closed, not merged: +$2,772/month, needs approval by finance"


def test_none_is_made_for_one_that_is_over(desk: Desk) -> None:
    desk.world.close("dev", desk.number)
    desk.publish(RED, comment="always")
    assert desk.comments == []


def test_another_target_branch_has_a_check_run_of_its_own(desk: Desk) -> None:
    desk.world.push("admin", "release/1.0")
    desk.world.retarget("dev", desk.number, "release/1.0")
    desk.publish(RED)
    (check,) = desk.world.main.checks.values()
    assert check.values["name"] == f"{NAME} (release/1.0)"


def test_a_merge_group_has_a_check_run_of_the_same_name(desk: Desk) -> None:
    sha = desk.world.head(desk.number)
    group = Group(base_sha=sha, head_sha=sha, base_ref="main", number=1)
    desk.event = Event(name="merge_group", action="checks_requested", repository="acme/flows", group=group)
    desk.publish(builders.approved())
    (check,) = desk.world.main.checks.values()
    assert (check.values["name"], check.head_sha, check.values["conclusion"]) == (NAME, sha, "success")
    assert desk.comments == []
    desk.fake.faults.fail("/repos/acme/flows", 404)  # the default branch cannot be told, and so not the name
    assert "the check run could not be published" in desk.publish(RED)


# What stands in the way


def test_a_fork_has_exit_code_annotations_and_summary(reader: Desk) -> None:
    text = reader.publish(RED)
    assert (reader.comments, reader.conclusions) == ([], [])
    commands = [match.group() for match in COMMANDS.finditer(text)]
    assert commands[0].startswith("::error file=configs/prod.json,line=3,title=costgate%3A max-monthly-increase")
    assert [each.split("::")[1] for each in commands[1:]] == ["warning title=costgate%3A not published"] * 3
    assert "the check run could not be published" in commands[1]
    assert "the token needs `checks: write`" in commands[1]
    assert "the token needs `issues: write`, or `pull-requests: write`" in commands[2]
    assert "the change cannot be approved by a label; run the gate on `pull_request_target`" in commands[3]
    for said in ("the check run could not", "checks: write", "pull-requests: write", "pull\\_request\\_target"):
        assert said.replace("\\", "") in reader.summary.replace("\\", "")
    assert reader.summary.count("> **Not published:**") == 3
    assert (reader.values["verdict"], reader.values["comment-url"]) == ("approval-required", "")


def test_a_token_without_permissions_is_no_fork(reader: Desk) -> None:
    reader.event = replace(reader.event, is_fork=False)
    assert "fork" not in reader.publish(RED)


def test_a_fork_under_pull_request_target_needs_permissions_only(reader: Desk) -> None:
    reader.event = replace(reader.event, name="pull_request_target")
    assert "comes from a fork" not in reader.publish(RED)


def test_no_annotations_where_none_are_wanted(reader: Desk) -> None:
    text = reader.publish(RED, annotations=False)
    assert "::error" not in text
    assert text.count("::warning title=costgate%3A not published::") == 3


def test_a_disk_that_refuses_hides_no_verdict(desk: Desk, tmp_path: Path) -> None:
    desk.files = {"summary": tmp_path / "none" / "summary", "outputs": tmp_path / "none" / "outputs"}
    desk.temporary = tmp_path / "none"
    text = desk.publish(RED)
    assert [match.group().split("::")[2].split(" could")[0] for match in COMMANDS.finditer(text)] == [
        "the report", "the outputs", "the job summary",
    ]  # fmt: skip
    assert "No such file or directory" in text
    assert desk.conclusions == ["action_required"]


def test_a_summary_is_never_larger_than_github_takes(desk: Desk) -> None:
    place = desk.files["summary"]
    assert place
    place.write_bytes(b" " * (2**20 - 200))
    desk.publish(builders.many(300))
    assert desk.summary.strip() == "### 🟢 costgate: +$66,323/month, within policy"
    place.write_bytes(b" " * 2**20)
    text = desk.publish(RED)
    assert "the job summary is full" in text
    assert place.stat().st_size == 2**20


# Hostile names


def test_names_of_any_kind_are_only_text(reader: Desk) -> None:
    text = reader.publish(builders.hostile())
    ours = re.compile(r"::(error|warning|notice) ((file|line|title)=[^:,\n]*,?)+::[^\n]*")
    for match in COMMANDS.finditer(text):
        assert ours.fullmatch(match.group()), match.group()
    for token in tokens(reader.summary):
        assert token.type not in ("image", "fence"), token
        if token.type.startswith("text"):
            assert not LINKED.search(token.content), token.content


def test_a_login_of_any_kind_stays_in_its_output(desk: Desk) -> None:
    report = builders.approved()
    held = (builders.approval(by="fiona\nverdict=pass\r"), builders.approval(by="paul"), builders.approval(valid=False))
    desk.publish(replace(report, decision=replace(report.decision, approvals=held)))
    assert desk.values["approved-by"] == "fiona verdict=pass,paul"
    assert desk.values["verdict"] == "approved"


@given(st.dictionaries(st.sampled_from(["verdict", "approved-by", "report"]), st.text()))
def test_no_output_breaks_out(values: dict[str, str]) -> None:
    text = "".join(outputs._block(name, value) for name, value in values.items())
    assert dict(parsed(text)) == values


@given(st.text(st.characters(min_codepoint=10, max_codepoint=126)), st.integers(0, 1))
def test_no_delimiter_can_be_guessed(value: str, which: int) -> None:
    """Not even one that an earlier block had."""
    earlier = outputs._block("a", "b").split("<<")[1].split("\n")[0]
    block = outputs._block("name", f"{value}\n{earlier}\nverdict<<{earlier}\npass\n{earlier}")
    assert [name for name, _ in parsed(block)] == ["name"]


def test_files_are_added_to(tmp_path: Path) -> None:
    place = tmp_path / "out"
    outputs.append_outputs(place, {"a": "1"})
    outputs.append_outputs(place, {"b": "\udcff"})
    assert dict(parsed(place.read_text())) == {"a": "1", "b": "\\udcff"}
    assert os.stat(outputs.write_report(tmp_path, "{}").parent).st_mode & 0o077 == 0
