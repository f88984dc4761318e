# ruff: noqa: E501
"""Every open value tells what it is, why it is open and where; `resolve` and `explain` show it."""

from __future__ import annotations

import json

import pytest

from tests.flow.table import flow
from tests.run import Runner
from tests.support import Repo

CONFIG = "version: 1\nmetaflow_env: {}\ntarget: argo-workflows\n"
OPEN: dict[str, tuple[str, str, str]] = {  # decorator, what stands above the flow, the reason
    "a call": ("@kubernetes(gpu=measured(3))", "from acme import measured", "calls acme.measured, which is not evaluated; a constant"),
    "a foreign constant": ("@kubernetes(gpu=N)", "from acme import N", "comes from acme.N, which is not in the repository; a constant"),
    "an environment variable": (
        "@kubernetes(gpu=int(os.environ['GPUS']))",
        "import os",
        "which has no default here; give it one: os.environ.get('GPUS', …)",
    ),
    "a condition": ("@kubernetes(gpu=N)", "if True:\n    N = 1\nelse:\n    N = 2", "N is assigned under a condition or in a loop; assign it once"),
    "a changed list": ("@kubernetes(gpu=L[0])", "L = [1]\nL.append(2)", "L is changed in place by code in f.py; make a new value"),
}  # fmt: skip


@pytest.mark.parametrize(("decorator", "before", "reason"), OPEN.values(), ids=OPEN)
def test_a_user_sees_why_and_where(decorator: str, before: str, reason: str, repo: Repo, runner: Runner) -> None:
    text = flow(decorator, before=before)
    repo.commit({"f.py": text, "costgate.yml": CONFIG})
    line = next(number for number, row in enumerate(text.splitlines(), 1) if decorator in row)
    resolved = runner("resolve", "f.py", "--output", "json", cwd=repo.path)
    (gap,) = json.loads(resolved.out)["steps"]["start"]["unresolved"]
    assert gap["attribute"] == "gpu"
    assert reason in gap["reason"]
    assert gap["location"].startswith("f.py:")
    explained = runner("explain", "F/start", "--as-of", "2026-11-23T00:00:00Z", cwd=repo.path)
    assert explained.code == 0
    assert reason in " ".join(explained.out.split())
    assert f"f.py:{line}" in explained.out or gap["location"] in explained.out
