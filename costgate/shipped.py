"""Finds the data that ships with costgate: policy packs beside the package or in it, schemas and rate cards in it.

`policies/` is a folder of the repository; a wheel carries it as `costgate/policies`. An editable install and a plain
checkout have it one folder up.
"""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def policies_folder() -> Path:
    """The folder of the shipped policy packs, wherever this costgate was installed from."""
    inside = PACKAGE / "policies"
    return inside if inside.is_dir() else PACKAGE.parent / "policies"


def policy_packs() -> dict[str, Path]:
    """Pack name → file."""
    return {path.stem: path for path in sorted(policies_folder().glob("*.yml"))}


def rate_cards() -> dict[str, Path]:
    """Shipped card name → file."""
    return {path.stem: path for path in sorted((PACKAGE / "rates" / "data").glob("*.json"))}


def schema(name: str) -> Path:
    """The JSON Schema of a file format, e.g. `config`."""
    return PACKAGE / "schemas" / f"{name}.schema.json"
