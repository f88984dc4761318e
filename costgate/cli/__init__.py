"""The command line. Commands import what they need when they run, so that `costgate --version` is quick."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping

import click

from costgate import __version__
from costgate.errors import CostgateError

# name → module with a click command called `command`; one file and one line to add a command
COMMANDS = {
    "action": "costgate.cli.action",
    "approvals": "costgate.cli.approvals",
    "breakdown": "costgate.cli.breakdown",
    "check": "costgate.cli.check",
    "demo": "costgate.cli.demo",
    "diff": "costgate.cli.diff",
    "explain": "costgate.cli.explain",
    "init": "costgate.cli.init",
    "rates": "costgate.cli.rates",
    "resolve": "costgate.cli.resolve",
    "validate": "costgate.cli.validate",
}
SUMMARIES = {
    "action": "The entry of the GitHub Action: judge the event, publish the verdict.",
    "approvals": "Who approved a pull request, what that covers, and why it holds or not.",
    "breakdown": "What is deployed costs per month, run and step.",
    "check": "Judge a change by policy; the exit code is the verdict.",
    "demo": "Gate a small sample repository that doubles the GPUs of a busy flow.",
    "diff": "What a change costs per month; exits 0 whatever it costs.",
    "explain": "Every number of a deployment with its formula and its source.",
    "init": "Write costgate.yml, a policy and the pre-commit hook for this repository.",
    "rates": "Show, explain, check, import and export rate cards.",
    "resolve": "The resources of each step of a flow, as Metaflow would resolve them.",
    "validate": "Check costgate.yml and every file that it names.",
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = importlib.import_module(COMMANDS[cmd_name]).command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """From SUMMARIES, so that `--help` imports no command."""
        with formatter.section("Commands"):
            formatter.write_dl(list(SUMMARIES.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="costgate", message="%(prog)s %(version)s")
def cli() -> None:
    """The cost gate for Metaflow: see and approve what a change costs before it is deployed.

    \b
    Example:
      costgate diff --base main
      costgate check --base main --head HEAD
    """


def run(argv: list[str], environ: Mapping[str, str]) -> int:
    """Run one command. Whatever goes wrong ends as a message on stderr and the right exit code."""
    try:
        result = cli.main(argv, prog_name="costgate", standalone_mode=False, obj=environ)
        return result if isinstance(result, int) else 0
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        return 130
    except CostgateError as error:
        _say(str(error))
        return error.exit_code
    except BrokenPipeError:
        return _closed_pipe()
    except OSError as error:
        _say(f"{error.filename or 'the system'}: {error.strerror or error}")
        return 3
    except Exception as error:  # noqa: BLE001  # the last line of defence: a person gets a sentence, not a traceback
        return _bug(error, environ)


def _say(text: str) -> None:
    click.echo("".join(c if c.isprintable() or c == "\n" else "�" for c in text), err=True)


def _closed_pipe() -> int:
    """`costgate diff | head` ends quietly: what is still buffered has nowhere to go."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _bug(error: Exception, environ: Mapping[str, str]) -> int:
    if environ.get("COSTGATE_DEBUG"):
        raise error
    _say(f"a bug in costgate: {type(error).__name__}: {error}\nhelp: run again with COSTGATE_DEBUG=1 and report it")
    return 4
