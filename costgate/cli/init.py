"""`costgate init`."""

from __future__ import annotations

from pathlib import Path

import click

from costgate import git
from costgate.errors import InputError
from costgate.flow.deployments import plan
from costgate.flow.parse import Sources
from costgate.gate.judging import CONFIG
from costgate.model import Snapshot

POLICY = "finance/policy.yml"
LEDGER = ".costgate/ledger/"
# what a deploy job of the repository calls → the target that it deploys to
DEPLOY_COMMANDS = {"argo-workflows create": "argo-workflows", "step-functions create": "step-functions"}
DEPLOY_FILES = (".yml", ".yaml", ".sh", "Makefile", ".md", ".toml")

CONFIG_TEXT = """\
# What costgate prices and how; every key: `costgate validate` checks it.
version: 1
rate_card: aws                # a path to your own card, or a shipped one: aws, azure, gcp
policy: {policy}
target: {target}        # argo-workflows | step-functions | local: {why}
{deployments}"""

POLICY_TEXT = """\
# What may change without asking, and who says yes to the rest. The shipped pack asks finance above +$5,000 a month.
version: 1
extends: [default]
currency: USD
approvals:
  finance:
    label: finance-approved
    users: []                 # GitHub logins that may approve; nobody can until you name them
"""

HOOK_TEXT = """\
repos:
  - repo: local
    hooks:
      - id: costgate
        name: costgate
        entry: costgate check --fail-on blocked
        language: system
        pass_filenames: false
        always_run: true
"""


@click.command("init")
@click.option("--repo", default=".", metavar="DIR", help="A folder of the repository.")
def command(repo: str) -> int:
    """Write costgate.yml, a policy and the pre-commit hook, and keep the ledger out of git. Overwrites nothing.

    \b
    Example:
      costgate init && costgate diff
    """
    repository = git.open_repository(Path(repo))
    if repository.bare:
        raise InputError("a bare repository has no files to write", help="run it in a checkout")
    snapshot = git.worktree_snapshot(repository)
    target, why = detect_target(snapshot)
    config = CONFIG_TEXT.format(policy=POLICY, target=target, why=why, deployments=_deployments(snapshot))
    for path, text in ((CONFIG, config), (POLICY, POLICY_TEXT), (".pre-commit-config.yaml", HOOK_TEXT)):
        click.echo(_write(repository.root, path, text))
    click.echo(_ignore_ledger(repository.root))
    click.echo(
        f"\nnext: name the approvers in {POLICY}, run `costgate diff`, and let finance own the judging files:\n"
        f"  .github/CODEOWNERS:  /{CONFIG} /{POLICY.partition('/')[0]}/ @your-org/finance"
    )
    return 0


def detect_target(snapshot: Snapshot) -> tuple[str, str]:
    """The deploy target that scripts and workflows of the repository name, else the likely one, and why it is that."""
    for path in sorted(p for p in snapshot.files if p.endswith(DEPLOY_FILES)):
        try:
            text = snapshot.read(path).decode("utf-8", "replace")
        except InputError:  # too large for a script
            continue
        for call, target in DEPLOY_COMMANDS.items():
            if call in text:
                return target, _line(f"`{call}` stands in {path}")
    return _by_decorators(snapshot)


def _by_decorators(snapshot: Snapshot) -> tuple[str, str]:
    """What starts flows by itself runs on an orchestrator, even where another repository holds the deploy command."""
    if not snapshot.grep(("@schedule", "@trigger")):
        return "local", "no deploy command was found, so steps without @kubernetes or @batch cost nothing"
    on_batch = snapshot.grep(("@batch",)) and not snapshot.grep(("@kubernetes",))
    target = "step-functions" if on_batch else "argo-workflows"
    return target, "flows are scheduled, no deploy command was found"


def _deployments(snapshot: Snapshot) -> str:
    """An entry to uncomment for each flow that was found."""
    from costgate.config import ProjectConfig

    specs, _ = plan(Sources(snapshot), ProjectConfig())
    if not specs:
        return '# no flow was found; `flows: ["glob/**/*.py"]` says where they are\n'
    lines = ["# Each flow is deployed once with its default configs, unless it is listed:", "# deployments:"]
    for spec in specs[:50]:
        lines += [_line(f"#   - flow: {spec.flow}:{spec.class_name}"), "#     runs_per_month: 30"]
    return "\n".join(lines) + "\n"


def _line(text: str) -> str:
    """Text that stays in its comment, whatever a file is called."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _write(root: Path, path: str, text: str) -> str:
    file = root / path
    if file.is_symlink() or file.exists():
        return f"kept     {path} (it is there already)"
    if file.parent.is_symlink():
        return f"skipped  {path} (its folder is a symlink)"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return f"wrote    {path}"


def _ignore_ledger(root: Path) -> str:
    file = root / ".gitignore"
    if file.is_symlink():
        return f"skipped  .gitignore (it is a symlink; let it name {LEDGER})"
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.is_file() else []
    if LEDGER in lines:
        return f"kept     .gitignore (it names {LEDGER})"
    with file.open("a", encoding="utf-8") as out:
        out.write(("\n" if lines and lines[-1] else "") + f"{LEDGER}\n")
    return f"added    {LEDGER} to .gitignore"
