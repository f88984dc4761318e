"""Report → text. One file per format; nothing here reads a file, the environment or a clock."""

# No `from __future__ import annotations` here: that name is the module of a format.
from collections.abc import Callable
from typing import Protocol

from costgate.model import Report


class Renderer(Protocol):
    """A format, usually a module. `color` and `width` matter to terminals only."""

    def render(self, report: Report, *, color: bool = False, width: int = 100) -> str:
        """The whole output, with a newline at the end where it is not empty."""
        ...


def _text() -> Renderer:
    from costgate.render import text

    return text


def _markdown() -> Renderer:
    from costgate.render import markdown

    return markdown


def _json() -> Renderer:
    from costgate.render import json_v1

    return json_v1


def _sarif() -> Renderer:
    from costgate.render import sarif

    return sarif


def _annotations() -> Renderer:
    from costgate.render import annotations

    return annotations


# Functions and not modules, so that printing JSON does not import rich.
RENDERERS: dict[str, Callable[[], Renderer]] = {
    "text": _text,
    "markdown": _markdown,
    "json": _json,
    "sarif": _sarif,
    "annotations": _annotations,
}


def renderer(name: str) -> Renderer:
    """The renderer of a format in RENDERERS; KeyError for any other name."""
    return RENDERERS[name]()
