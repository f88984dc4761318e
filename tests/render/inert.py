"""Proof by an independent Markdown parser that foreign text is only text, in every place where renderers put it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

from costgate.render import fmt

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
OURS = re.compile(r"<details><summary>[^<]*</summary>|</?(code|span|sub|details|div)>|\s")
# What GitHub links in text once Markdown is done.
LINKED = re.compile(
    r"(?<![\w/])@\w|\#\d|\bGH-\d|\bwww\.\w|\w+://\w|[\w.+-]+@[\w-]+|:[\w+-]+:", re.VERBOSE | re.IGNORECASE | re.ASCII
)
PLACES = ("{}", "before {} after", "- {}", "**bold:** {}", "<sub>{}</sub>", "a ({})")


def tokens(markdown: str) -> Iterator[Token]:
    for token in PARSER.parse(markdown):
        yield token
        yield from token.children or ()


def shown(markdown: str) -> str:
    """The text that a reader sees."""
    found = (token for token in tokens(markdown) if token.type in ("text", "text_special", "html_block", "html_inline"))
    parts = (
        token.content if token.type.startswith("text") else html.unescape(OURS.sub(_space, token.content))
        for token in found
    )
    return "".join(parts).strip()


def _space(found: re.Match[str]) -> str:
    return " " if found.group().isspace() and found.group() != "\n" else ""


def assert_inert(text: str) -> None:
    """Through md and code, in a paragraph, a list, a table cell: shown literally, and nothing else."""
    expected = " ".join(fmt.clean(text).split())
    for escape in (fmt.md, fmt.code):
        safe = escape(text)
        for place in PLACES:
            _assert_only_text(place.format(safe), {"list_item_open", "bullet_list_open", "strong_open"})
        if expected:
            assert _seen(f"x {safe}") == f"x {expected}"
        cells = [
            token for token in tokens(f"| a | b |\n| --- | --- |\n| {safe} | {safe} |\n") if token.type == "td_open"
        ]
        assert len(cells) == 2


def _seen(markdown: str) -> str:
    return shown(markdown).replace(fmt.JOINER, "")


def _assert_only_text(markdown: str, ours: set[str]) -> None:
    harmless = {"paragraph_open", "paragraph_close", "inline", "text", "text_special", *ours}
    harmless |= {name.replace("_open", "_close") for name in ours}
    for token in tokens(markdown):
        if token.type == "html_inline":
            assert OURS.fullmatch(token.content), markdown
        else:
            assert token.type in harmless, (token.type, markdown)
        if token.type.startswith("text"):
            assert not LINKED.search(token.content), (token.content, markdown)
