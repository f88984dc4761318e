"""What a workflow tells the Action: its inputs, and where on the runner things are. The environment is a parameter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from costgate.errors import InputError
from costgate.policy.decide import STOPS

COMMENT = ("on-change", "always", "on-threshold", "never")
ANNOTATIONS = ("true", "false")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The inputs of action.yml."""

    token: str = field(repr=False)
    org_token: str = field(repr=False)
    comment: str
    fail_on: str
    rate_card: str
    usage: str
    policy: str
    annotations: bool
    config: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """The workflow run that asks, and its files."""

    event_name: str
    event_path: Path
    repository: str
    run_id: int
    run_attempt: int
    workspace: Path
    temporary: Path
    api_url: str
    server_url: str
    summary: Path | None  # GITHUB_STEP_SUMMARY
    outputs: Path | None  # GITHUB_OUTPUT


def inputs(environ: Mapping[str, str]) -> Inputs:
    """The inputs, from INPUT_… variables as runners name them. Raises InputError for a value that none can have."""
    return Inputs(
        token=_input(environ, "github-token") or environ.get("GITHUB_TOKEN", ""),
        org_token=_input(environ, "org-token"),
        comment=_choice(environ, "comment", COMMENT),
        fail_on=_choice(environ, "fail-on", tuple(STOPS)),
        rate_card=_input(environ, "rate-card"),
        usage=_input(environ, "usage"),
        policy=_input(environ, "policy"),
        annotations=_choice(environ, "annotations", ANNOTATIONS) == "true",
        config=_input(environ, "config"),
    )


def runner(environ: Mapping[str, str]) -> Runner:
    """The runner's facts. Raises InputError where one is missing: this is not GitHub Actions, then."""
    return Runner(
        event_name=_must(environ, "GITHUB_EVENT_NAME"),
        event_path=Path(_must(environ, "GITHUB_EVENT_PATH")),
        repository=_must(environ, "GITHUB_REPOSITORY"),
        run_id=_number(environ, "GITHUB_RUN_ID"),
        run_attempt=_number(environ, "GITHUB_RUN_ATTEMPT"),
        workspace=Path(environ.get("GITHUB_WORKSPACE") or "."),
        temporary=Path(environ.get("RUNNER_TEMP") or "."),
        api_url=environ.get("GITHUB_API_URL") or "https://api.github.com",
        server_url=(environ.get("GITHUB_SERVER_URL") or "https://github.com").rstrip("/"),
        summary=_path(environ, "GITHUB_STEP_SUMMARY"),
        outputs=_path(environ, "GITHUB_OUTPUT"),
    )


def _input(environ: Mapping[str, str], name: str) -> str:
    """Runners keep the hyphens of a name; in a composite action it is set by hand, where shells know no hyphens."""
    spelled = (f"INPUT_{name.upper().replace('-', '_')}", f"INPUT_{name.upper()}")
    return next((environ[each].strip() for each in spelled if environ.get(each, "").strip()), "")


def _choice(environ: Mapping[str, str], name: str, known: tuple[str, ...]) -> str:
    """One of the known values; the first where nothing is said."""
    value = _input(environ, name) or known[0]
    if value not in known:
        raise InputError(f"the input {name} is {value[:100]!r}", help=f"write one of {', '.join(known)}")
    return value


def _must(environ: Mapping[str, str], name: str) -> str:
    if not environ.get(name):
        raise InputError(
            f"{name} is not set", help="`costgate action` runs in GitHub Actions; elsewhere: costgate check"
        )
    return environ[name]


def _number(environ: Mapping[str, str], name: str) -> int:
    text = environ.get(name, "1")
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise InputError(f"{name} is {text[:100]!r}, no number", help="GitHub Actions sets it")
    return int(text)


def _path(environ: Mapping[str, str], name: str) -> Path | None:
    return Path(environ[name]) if environ.get(name) else None
