"""The comment as people get it, inert whatever a pull request holds, and never too long for GitHub."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from costgate.model import ChangedJudge, Report
from costgate.render import markdown
from tests.render import builders
from tests.render.inert import LINKED, OURS, tokens

FRAME = {
    "heading", "paragraph", "strong", "em", "table", "thead", "tbody", "tr", "th", "td", "bullet_list", "list_item",
    "inline", "text", "text_special", "softbreak", "hardbreak", "html_block", "html_inline", "code_inline",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(builders.REPORTS))
def test_comment(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"render/markdown/{name}.md", markdown.render(builders.REPORTS[name]()))


@pytest.mark.parametrize("name", sorted(builders.REPORTS))
def test_same_report_same_bytes(name: str) -> None:
    assert markdown.render(builders.REPORTS[name]()) == markdown.render(builders.REPORTS[name]())


@pytest.mark.parametrize("name", sorted(builders.REPORTS))
def test_only_our_own_markup_is_in_it(name: str) -> None:
    for token in tokens(markdown.render(builders.REPORTS[name]()).replace(" cc @acme/finance", "")):
        assert token.type.removesuffix("_open").removesuffix("_close") in FRAME, token
        if token.type.startswith("html"):
            assert not OURS.sub("", token.content), token.content
        if token.type.startswith("text"):
            assert not LINKED.search(token.content), token.content


def test_headings_are_ours_alone() -> None:
    opened = [token.tag for token in tokens(markdown.render(builders.hostile())) if token.type == "heading_open"]
    assert opened == ["h3"]


def test_details_are_closed_where_they_were_opened() -> None:
    text = markdown.render(builders.many(500))
    assert text.count("<details>") == text.count("</details>") == 2


@pytest.mark.parametrize("size", [11, 300, 5000])
def test_a_long_report_loses_rows_and_not_the_verdict(size: int) -> None:
    text = markdown.render(builders.many(size))
    assert len(text.encode("utf-16-le")) // 2 <= 60_000
    assert text.startswith("### 🟢 costgate: +$")
    assert f"{size - 10:,} more changed step" in text
    assert "judged by main" in text


def evil(count: int) -> Report:
    """Every list of a report long, and every entry as long as it may be."""
    found = builders.hostile()
    gap, item = found.delta.unpriced[0], found.delta.deployments[0]
    verdict = found.decision
    return replace(
        found,
        delta=replace(found.delta, unpriced=(gap,) * count, deployments=(item,) * count),
        decision=replace(
            verdict,
            violations=tuple(v for v in verdict.violations for _ in range(count)),
            required_approvals=verdict.required_approvals * count,
            approvals=verdict.approvals * count,
        ),
        notes=found.notes * count,
        changed_judges=found.changed_judges * count,
        creep={f"{builders.HOSTILE}{number}": Decimal(number) for number in range(count)},
    )


@pytest.mark.parametrize("limit", [60_000, 20_000, 9_000])
def test_lists_of_any_kind_give_way(limit: int) -> None:
    text = markdown.render(evil(400), limit=limit)
    assert markdown.units(text) <= limit
    assert text.startswith("### 🔴 costgate: +$2,772/month plus 400 unknown prices, needs approval")


def test_where_nothing_else_fits_the_headline_stays() -> None:
    assert markdown.render(builders.needs_approval(), limit=90) == (
        "### 🔴 costgate: +$2,772/month, needs approval by finance\n"
    )


def test_length_counts_as_utf_16_does() -> None:
    assert markdown.units("a🟢") == 3


def test_places_link_where_the_files_can_be_read() -> None:
    text = markdown.render(builders.hostile(), source_url="https://github.com/acme/ml/blob/def5678/")
    links = set(re.findall(r'<a href="([^"]*)">', text))
    assert links
    for link in links:
        assert re.fullmatch(r"https://github\.com/acme/ml/blob/def5678/[\w.%~/-]*#L3", link), link
    plain = markdown.render(builders.passes(), source_url="https://github.com/acme/ml/blob/def5678")
    assert '<a href="https://github.com/acme/ml/blob/def5678/configs/prod.json#L3"><code>configs/prod.json:3' in plain


@pytest.mark.parametrize(
    ("notify", "shown"),
    [
        pytest.param("@acme/finance", " cc @acme/finance", id="a team is mentioned"),
        pytest.param("@fiona @paul", " cc @fiona @paul", id="so are people"),
        pytest.param("", "a month.\n", id="nobody is nobody"),
        pytest.param("@all <b>", " cc @\u2060all &lt;b&gt;", id="anything else is only text"),
    ],
)
def test_who_is_told(notify: str, shown: str) -> None:
    report = builders.needs_approval()
    verdict = replace(report.decision, required_approvals=(builders.need(notify=notify),))
    assert shown in markdown.render(replace(report, decision=verdict))


def test_approval_that_does_not_hold_says_why() -> None:
    verdict = replace(
        builders.needs_approval().decision,
        approvals=(builders.approval(valid=False, why="fiona pushed a commit of it"),),
    )
    text = markdown.render(replace(builders.needs_approval(), decision=verdict))
    assert "**Does not count:** finance by fiona: fiona pushed a commit of it" in text


def test_approval_without_reason_or_ceiling_is_short() -> None:
    cover = builders.approval().covers[0]
    verdict = replace(
        builders.approved().decision,
        approvals=(builders.approval(reason="", covers=(replace(cover, ceiling=None),)),),
    )
    text = markdown.render(replace(builders.approved(), decision=verdict))
    assert "**Approved** (finance) by fiona for def5678 on 2026-11-23.\n" in text


def test_assumptions_of_many_steps_are_one_line() -> None:
    steps = [
        builders.change(None, builders.side(1, step=f"s{n}", assumptions=("overhead: 2m to start",)), "new")
        for n in range(3)
    ]
    text = markdown.render(builders.report(builders.delta(builders.deployment(*steps))))
    assert "- overhead: 2m to start: 3 steps, such as <code>TrainFlow/s0</code>\n" in text


def test_waivers_creep_and_changed_judges_are_shown() -> None:
    waived = builders.dear(id="require-timeout", waiver_reason="migration", waived_until=builders.card().as_of)
    report = builders.report(
        builders.delta(builders.doubled()),
        builders.decision("pass", waived),
        creep={"30d": Decimal(9000)},
        changed_judges=(ChangedJudge(path="costgate.yml", outcome_with_it="warn"),),
    )
    text = markdown.render(report)
    assert "- waived until 2026-10-01: <code>require-timeout</code>, migration" in text
    assert "- Increase in the last 30d: +$9,000" in text
    assert "- costgate.yml changed in this pull request and not used; with it the outcome would be warn" in text
    assert "needs approval" not in text


def test_hidden_rows_are_counted_where_none_fit() -> None:
    text = markdown.render(builders.many(30), limit=1_500)
    assert "30 more changed steps: see the JSON report." in text
