"""Starting is quick because it imports little; counted in modules, since a clock would lie on a busy machine."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("jsonschema", "requests", "rich", "metaflow", "duckdb", "yaml", "decimal", "costgate.gate")


def imported(*argv: str) -> set[str]:
    code = (
        "import sys; from costgate.__main__ import main\n"
        f"code = main({list(argv)!r})\n"
        "print('\\n'.join(sys.modules), file=sys.stderr); sys.exit(code)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(result.stderr.split("\n"))


@pytest.mark.parametrize("argv", [["--version"], ["--help"]], ids=["version", "help"])
def test_version_and_help_import_nothing_heavy(argv: list[str]) -> None:
    modules = imported(*argv)
    assert "costgate.cli" in modules
    assert not {name for name in HEAVY if name in modules}


def test_python_dash_m_is_the_same_program() -> None:
    result = subprocess.run([sys.executable, "-m", "costgate", "--version"], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("costgate ")
