"""What the documents say is true: every example validates, every command exists, the demo prints what README shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from costgate import config, usage, yamlfile
from costgate.cli import COMMANDS, SUMMARIES
from tests.run import Runner

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SCHEMAS = {"ratecard.yml": "rate_card", "policy.yml": "policy"}


def blocks(*languages: str) -> list[tuple[str, str, str]]:
    return [
        (f"{path.name}-{n}", language, text)
        for path in DOCUMENTS
        for n, (language, text) in enumerate(BLOCK.findall(path.read_text(encoding="utf-8")))
        if language in languages
    ]


YAML = [(name, text.splitlines()[0].removeprefix("# "), text) for name, _, text in blocks("yaml")]


@pytest.mark.parametrize(("name", "kind", "text"), YAML, ids=[name for name, _, _ in YAML])
def test_every_yaml_example_is_valid(name: str, kind: str, text: str) -> None:
    if kind == "costgate.yml":
        assert config.parse(text.encode(), name).present
    elif kind in SCHEMAS:
        yamlfile.check(yamlfile.load(text.encode(), f"{name}.yml"), SCHEMAS[kind])
    else:
        assert kind == ".pre-commit-config.yaml"
        assert yamlfile.load(text.encode(), f"{name}.yml").data["repos"]


def test_there_are_examples_of_every_file() -> None:
    assert {kind for _, kind, _ in YAML} == {"costgate.yml", "ratecard.yml", "policy.yml", ".pre-commit-config.yaml"}


def test_the_usage_profile_example_is_valid() -> None:
    examples = blocks("json")
    assert examples
    for name, _, text in examples:
        assert usage.load(text.encode(), name).deployments


def test_every_command_in_a_shell_example_exists() -> None:
    called = {word for _, _, text in blocks("sh") for word in re.findall(r"^costgate ([a-z]+)", text, re.MULTILINE)}
    assert called
    assert called <= set(COMMANDS)


def test_every_command_has_a_summary() -> None:
    assert list(COMMANDS) == list(SUMMARIES)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_help_has_an_example(runner: Runner, command: str) -> None:
    result = runner(command, "--help")
    assert result.code == 0
    assert f"costgate {command}" in result.out.replace("Usage: costgate", "")


def test_readme_shows_what_the_demo_prints(runner: Runner, request: pytest.FixtureRequest) -> None:
    printed = runner("demo", environ={"COLUMNS": "100"}).out
    readme = ROOT / "README.md"
    before, _, rest = readme.read_text(encoding="utf-8").partition("<!-- demo -->\n```\n")
    shown, _, after = rest.partition("```\n")
    if request.config.getoption("--update-golden"):
        readme.write_text(f"{before}<!-- demo -->\n```\n{printed}```\n{after}", encoding="utf-8")
        shown = printed
    assert shown == printed


def test_links_between_documents_lead_somewhere() -> None:
    for path in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
            assert target.startswith("https://") or (path.parent / target).exists(), f"{path.name}: {target}"
