"""Writes what a workflow step leaves behind: outputs, the job summary, the report as a file. No value breaks out."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path

LARGEST_SUMMARY = 2**20  # bytes, of one step
REPORT = "costgate-report.json"


def append_outputs(path: Path, values: Mapping[str, str]) -> None:
    """Add `name<<delimiter` blocks to the file GITHUB_OUTPUT. Raises OSError."""
    blocks = (_block(name, value) for name, value in values.items())
    _append(path, "".join(blocks))


def append_summary(path: Path, texts: tuple[str, ...]) -> bool:
    """Add the first of these texts that fits to the file GITHUB_STEP_SUMMARY; whether one did. Raises OSError."""
    left = LARGEST_SUMMARY - (path.stat().st_size if path.exists() else 0)
    fitting = next((text for text in texts if len(_bytes(text)) <= left), None)
    if fitting is not None:
        _append(path, fitting)
    return fitting is not None


def write_report(temporary: Path, text: str) -> Path:
    """The report in a folder of its own, ready to be uploaded. Raises OSError."""
    place = Path(tempfile.mkdtemp(prefix="costgate-", dir=temporary)) / REPORT
    place.write_bytes(_bytes(text))
    return place


def _block(name: str, value: str) -> str:
    """The runner reads lines up to one that is the delimiter: nobody can write it who does not know it."""
    delimiter = f"costgate_{secrets.token_hex(16)}"
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"


def _append(path: Path, text: str) -> None:
    with path.open("ab") as file:
        file.write(_bytes(text))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")
