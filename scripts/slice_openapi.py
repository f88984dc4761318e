"""Cuts GitHub's OpenAPI description down to the endpoints that costgate uses, for the tests' fake GitHub.

    python scripts/slice_openapi.py [api.github.com.json]

Without a file it takes the npm package @octokit/openapi (29 MB) with `npm pack`. What it keeps is what decides whether
a request or a response conforms; texts and examples go. Writes openapi.json and the package's licence to
tests/data/github/.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PACKAGE = "@octokit/openapi@23.0.2"
DATA = Path(__file__).resolve().parent.parent / "tests" / "data" / "github"
REPOSITORY, TEAM = "/repos/{owner}/{repo}", "/orgs/{org}/teams/{team_slug}"
KEPT = {
    "/user": ("get",),
    REPOSITORY: ("get",),
    f"{REPOSITORY}/actions/runs": ("get",),
    f"{REPOSITORY}/actions/runs/{{run_id}}": ("get",),
    f"{REPOSITORY}/actions/runs/{{run_id}}/jobs": ("get",),
    f"{REPOSITORY}/activity": ("get",),
    f"{REPOSITORY}/check-runs": ("post",),
    f"{REPOSITORY}/check-runs/{{check_run_id}}": ("get", "patch"),
    f"{REPOSITORY}/check-runs/{{check_run_id}}/annotations": ("get",),
    f"{REPOSITORY}/collaborators/{{username}}/permission": ("get",),
    f"{REPOSITORY}/commits/{{commit_sha}}/pulls": ("get",),
    f"{REPOSITORY}/commits/{{ref}}/check-runs": ("get",),
    f"{REPOSITORY}/commits/{{ref}}/check-suites": ("get",),
    f"{REPOSITORY}/compare/{{basehead}}": ("get",),
    f"{REPOSITORY}/git/ref/{{ref}}": ("get",),
    f"{REPOSITORY}/issues/comments/{{comment_id}}": ("get", "patch", "delete"),
    f"{REPOSITORY}/issues/{{issue_number}}/comments": ("get", "post"),
    f"{REPOSITORY}/issues/{{issue_number}}/events": ("get",),
    f"{REPOSITORY}/issues/{{issue_number}}/labels": ("get", "post"),
    f"{REPOSITORY}/issues/{{issue_number}}/labels/{{name}}": ("delete",),
    f"{REPOSITORY}/pulls/{{pull_number}}": ("get",),
    f"{REPOSITORY}/pulls/{{pull_number}}/commits": ("get",),
    f"{REPOSITORY}/pulls/{{pull_number}}/reviews": ("get",),
    f"{REPOSITORY}/rules/branches/{{branch}}": ("get",),
    TEAM: ("get",),
    f"{TEAM}/memberships/{{username}}": ("get",),
}
# Not referred to by the paths: the shape of events that are of no kind with fields of its own; the error of every path.
ALSO = ("#/components/schemas/state-change-issue-event", "#/components/schemas/basic-error")
TEXTS = {"description", "summary", "example", "examples", "externalDocs", "tags", "title", "operationId"}


def main() -> None:
    """Write the slice and the licence."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?", help="api.github.com.json of the package")
    file = parser.parse_args().file
    DATA.mkdir(parents=True, exist_ok=True)
    if file:
        text = file.read_text(encoding="utf-8")
    else:
        text, licence = download()
        (DATA / "LICENSE.octokit-openapi").write_text(licence, encoding="utf-8")
    sliced = cut(json.loads(text))
    (DATA / "openapi.json").write_text(json.dumps(sliced, separators=(",", ":"), sort_keys=True) + "\n")
    schemas = sliced["components"]["schemas"]
    sys.stdout.write(f"{len(sliced['paths'])} paths, {len(schemas)} schemas\n")


def download() -> tuple[str, str]:
    """The description and the licence out of the package."""
    with tempfile.TemporaryDirectory() as folder:
        npm = ["npm", "pack", PACKAGE, "--silent", "--ignore-scripts"]
        name = subprocess.run(npm, cwd=folder, check=True, capture_output=True, text=True).stdout.split()[-1]
        with tarfile.open(Path(folder) / name) as package:
            members = (package.extractfile(f"package/{each}") for each in ("generated/api.github.com.json", "LICENSE"))
            description, licence = (member.read().decode() for member in members if member)
    return description, licence


def cut(description: dict[str, Any]) -> dict[str, Any]:
    """The kept paths and all components that they reach."""
    paths = {
        path: {key: value for key, value in description["paths"][path].items() if key in (*methods, "parameters")}
        for path, methods in KEPT.items()
    }
    found: dict[str, Any] = {}
    waiting = [*ALSO, *references(paths)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = at(description, name)
            waiting += references(found[name])
    components: dict[str, Any] = {}
    for name, value in found.items():
        _, _, kind, key = name.split("/")
        components.setdefault(kind, {})[key] = bare(value)
    about = {"title": description["info"]["title"], "version": description["info"]["version"], "x-source": PACKAGE}
    return {"openapi": description["openapi"], "info": about, "paths": bare(paths), "components": components}


def references(value: Any) -> Iterator[str]:
    """All `$ref` below a value."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def at(description: dict[str, Any], reference: str) -> Any:
    """What `#/components/…` refers to."""
    value: Any = description
    for key in reference.removeprefix("#/").split("/"):
        value = value[key]
    return value


def bare(value: Any, names: bool = False) -> Any:
    """Without texts and examples; `names` says that the keys are names of fields, which may well be `description`."""
    if isinstance(value, dict):
        kept = {key: each for key, each in value.items() if names or not (key in TEXTS or key.startswith("x-"))}
        return {key: bare(each, key == "properties" and not names) for key, each in kept.items()}
    return [bare(each) for each in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main()
