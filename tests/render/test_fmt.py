"""Numbers for people, and foreign strings that must stay strings."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from costgate.render import fmt
from tests.render.builders import HOSTILE
from tests.render.inert import assert_inert, shown

D = Decimal


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        pytest.param("2772.105025", "$2,772", id="no cents from 100 on"),
        pytest.param("24.475", "$24.48", id="cents below 100, rounded half up"),
        pytest.param("-12.3", "-$12.30", id="the sign stands first"),
        pytest.param("99.996", "$100", id="rounding up to 100 drops the cents"),
        pytest.param("0", "$0", id="nothing is nothing"),
        pytest.param("0.004", "<$0.01", id="less than a cent is not nothing"),
        pytest.param("-0.004", "-<$0.01", id="nor is saving less than a cent"),
        pytest.param("1e30", "$1.0E+30", id="absurd amounts stay short"),
        pytest.param("-1e30", "-$1.0E+30", id="absurd savings too"),
    ],
)
def test_money(amount: str, text: str) -> None:
    assert fmt.money(D(amount), "USD") == text


def test_money_of_a_currency_without_a_sign_names_it() -> None:
    assert fmt.money(D("12.5"), "CHF") == "CHF 12.50"
    assert fmt.rate(D("0.693"), "CHF") == "CHF 0.6930"
    assert fmt.money(D(0), "CHF") == "CHF 0"


@pytest.mark.parametrize(
    ("amount", "text"), [("2772.1", "+$2,772"), ("-2772.1", "-$2,772"), ("0", "$0"), ("0.001", "+<$0.01")]
)
def test_signed(amount: str, text: str) -> None:
    assert fmt.signed(D(amount), "USD") == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        pytest.param("0.6930262", "$0.6930", id="four decimals"),
        pytest.param("5.54421", "$5.5442", id="also above one"),
        pytest.param("0.00004", "$0.000040", id="a tiny rate keeps two digits"),
        pytest.param("0", "$0.0000", id="no rate"),
        pytest.param("-1", "-$1.0000", id="a negative rate shows its sign"),
        pytest.param("12345.6", "$12,345.6000", id="thousands are separated"),
    ],
)
def test_rate(amount: str, text: str) -> None:
    assert fmt.rate(D(amount), "USD") == text


@pytest.mark.parametrize(
    ("base", "head", "text"),
    [
        ("100", "200", "+100 %"),
        ("100", "97.5", "-2.5 %"),
        ("100", "105", "+5 %"),
        ("100", "100.01", "±0 %"),
        ("100", "100", "±0 %"),
        ("0", "5", ""),
        ("1", "1000", "+99,900 %"),
    ],
)
def test_percent(base: str, head: str, text: str) -> None:
    assert fmt.percent(D(base), D(head)) == text


def test_span_signs_both_bounds() -> None:
    assert fmt.span(D(-5), D(11088), "USD") == "-$5.00 to +$11,088"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (4, "4"), (0.5, "0.5"), (64000, "64,000"), (12.3456, "12.35"), (0.01234, "0.01234"), (D("0.25"), "0.25"),
        (0.0, "0"), (1e20, "1.0E+20"), (float("inf"), "Infinity"), (float("nan"), "NaN"), (-3, "-3"),
    ],
)  # fmt: skip
def test_quantity(value: float, text: str) -> None:
    assert fmt.quantity(value) == text


@pytest.mark.parametrize(("value", "text"), [(1, "1 run"), (500, "500 runs"), (0.5, "0.5 runs"), (0, "0 runs")])
def test_count(value: float, text: str) -> None:
    assert fmt.count(value, "run") == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"), (0.5, "0.5s"), (9.999, "10s"), (90, "90s"), (119, "119s"), (120, "2m"), (150, "2m30s"), (300, "5m"),
        (5400, "1h30m"), (7200, "2h"), (3601, "1h1s"), (86400, "24h"), (108000, "30h"), (172800, "2d"),
        (180000, "2d2h"), (float("inf"), "Infinitys"), (1e30, "1.0E+30s"), (-5, "-5s"),
    ],
)  # fmt: skip
def test_duration(seconds: float, text: str) -> None:
    assert fmt.duration(seconds) == text


def test_short_revision_cuts_object_ids_and_leaves_names_alone() -> None:
    assert fmt.short_revision("a" * 40) == "aaaaaaa"
    assert fmt.short_revision("b" * 64) == "bbbbbbb"
    assert fmt.short_revision("release/2026-11") == "release/2026-11"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        pytest.param("a\r\nb\tc", "a b c", id="line ends become spaces"),
        pytest.param("x\x1b[31mred\x07", "x[31mred", id="escape and bell go"),
        pytest.param("exe\u202egnp\u200b\u2060\ufeff", "exegnp", id="bidi and zero-width characters go"),
        pytest.param("a\u3164b\u034fc\ue000", "abc", id="fillers and private characters go"),
        pytest.param("caf\udce9", "caf\\udce9", id="a byte that is no text is spelled out"),
        pytest.param("naïve 日本 🚀", "naïve 日本 🚀", id="languages and emoji stay"),
        pytest.param("x" * 300, "x" * 199 + "…", id="long strings end in an ellipsis"),
        pytest.param("\u200b" * 900 + "x", "…", id="hidden padding does not hide that something is missing"),
    ],
)
def test_clean(text: str, kept: str) -> None:
    assert fmt.clean(text) == kept


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("::error::x", ": :error: :x"),
        (":::", ": : :"),
        ("##[add-mask]x", "## [add-mask]x"),
        ("a:b # [c]", "a:b # [c]"),
    ],
)
def test_plain_takes_workflow_commands_apart(text: str, safe: str) -> None:
    assert fmt.plain(text) == safe


@pytest.mark.parametrize(
    "text",
    [
        "<b>x</b>", "@acme/finance", "`a` *b* _c_ **d** ~~e~~", "[a](b)", "![a](b)", "https://x.example",
        "www.x.example", "a@b.example", "#12",
        "GH-12", "acme/ml#7", "&copy;", "x.py:100:5", "- item", "+ item", "12. item", "3) item",
        "===", "---", "# title", "> quote", "a | b", "$x$", "\\", "\\*x\\*", "<!-- x", "__init__", ":--",
        "    code", "```",
        "[x]: https://x.example", "[^1]", "ftp://x", "&#64;all", "x  \ny", HOSTILE,
    ],
)  # fmt: skip
def test_markdown_shows_foreign_text_as_it_is(text: str) -> None:
    assert_inert(text)


@pytest.mark.parametrize(
    "text", ["train_step", "flows/train.py", "1.5 GPUs", "-5", "$5,000 a month", "a - b", "x (y)!"]
)
def test_markdown_leaves_harmless_text_alone(text: str) -> None:
    assert fmt.md(text) == text


@given(st.text(alphabet=st.sampled_from(list("ab1 \\`*_~[]()<>!|&#@:/.$-+=^{}'\"\n\t\u200b\udcffwGH;")), max_size=40))
@example("*a_*b_c_")
@example("&amp;lt;")
def test_no_text_becomes_markup(text: str) -> None:
    assert_inert(text)


@given(st.text(max_size=300))
def test_no_unicode_becomes_markup(text: str) -> None:
    assert_inert(text)
    line = fmt.plain(text)
    assert "\n" not in line
    assert not re.search(r"::|##\[|[\x00-\x1f\x7f\u202e]", line)
    line.encode("utf-8")


def test_code_is_safe_inside_an_html_block_too() -> None:
    text = shown(f"<div>\n{fmt.code('<script>*x*</script> & `y`')}\n</div>\n")
    assert text == "<script>*x*</script> & `y`"
