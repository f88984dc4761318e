"""The registry of formats."""

from __future__ import annotations

import subprocess
import sys

import pytest

from costgate.render import RENDERERS, renderer
from tests.render import builders


def test_formats() -> None:
    assert sorted(RENDERERS) == ["annotations", "json", "markdown", "sarif", "text"]


@pytest.mark.parametrize("name", sorted(RENDERERS))
@pytest.mark.parametrize("report", sorted(builders.REPORTS))
def test_every_format_renders_every_report_twice_alike(name: str, report: str) -> None:
    found = builders.REPORTS[report]()
    once = renderer(name).render(found, color=False, width=90)
    assert once == renderer(name).render(builders.REPORTS[report](), color=False, width=90)
    assert once.endswith("\n") or (name == "annotations" and not once)
    once.encode("utf-8")


def test_unknown_format() -> None:
    with pytest.raises(KeyError):
        renderer("html")


def test_json_does_not_wait_for_rich() -> None:
    program = (
        "import sys, costgate.render as r; r.renderer('json'); r.renderer('markdown'); print('rich' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
