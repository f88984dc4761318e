"""Starts the Action on a bare runner: installs what requirements.txt locks into a folder of its own, then judges.

Run by path, as `python3 -I -S start.py`, with the standard library only; imported by nothing. -I and -S leave neither
the workspace nor PYTHON… variables nor anybody's site-packages on the path. The folder is new each time, because one
that an earlier step or job could write would let it change the gate.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent
LOCK = HERE / "requirements.txt"
OLDEST = (3, 10)
OPTIONS = (
    "--require-hashes", "--only-binary", ":all:", "--no-deps", "--no-compile", "--no-input", "--quiet",
    "--disable-pip-version-check", "--no-warn-script-location",
)  # fmt: skip
# Where packages come from is the runner's to say; what is installed, and where to, is not.
KEPT = frozenset(
    f"PIP_{name}"
    for name in (
        "CACHE_DIR", "CERT", "CLIENT_CERT", "CONFIG_FILE", "DEFAULT_TIMEOUT", "EXTRA_INDEX_URL", "FIND_LINKS",
        "INDEX_URL", "KEYRING_PROVIDER", "NO_CACHE_DIR", "NO_INDEX", "PROXY", "RETRIES", "TIMEOUT", "TRUSTED_HOST",
    )
)  # fmt: skip
# As variables: they outrank pip's files, and an older pip ignores those that it does not know.
SETTINGS = {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", "PIP_ROOT_USER_ACTION": "ignore"}


def main() -> int:
    """The exit code of `costgate action`; 3 where it could not even start."""
    if sys.version_info < OLDEST:
        found = sys.version.split()[0]
        return failed(f"costgate needs Python 3.10 or newer, and {sys.executable} is {found}; add actions/setup-python")
    temporary = os.environ.get("RUNNER_TEMP") or tempfile.gettempdir()
    try:
        packages = tempfile.mkdtemp(prefix="costgate-", dir=temporary)
    except OSError as error:
        return failed(f"costgate cannot write to {temporary}: {error.strerror}")
    try:
        return installed(packages, LOCK) or judged(packages)
    finally:
        shutil.rmtree(packages, ignore_errors=True)


def failed(why: str) -> int:
    """Say it where GitHub shows it, and how to end."""
    sys.stdout.write(f"::error title=costgate::{why}\n")
    return 3


def installed(packages: str, lock: Path) -> int:
    """0 once pip has installed the locked packages; each file has to have the hash that is written down."""
    arguments = ["install", "--target", packages, *OPTIONS, "-r", str(lock)]
    code = python("-m", "pip", *arguments)
    if code and python("-c", "import importlib.util, sys; sys.exit(not importlib.util.find_spec('pip'))"):
        carried = bundled()
        if not carried:
            return failed(
                "costgate installs its packages with pip: add python3-pip to the runner, or actions/setup-python"
            )
        code = python(carried, *arguments)
    way_out = "pip says why; a runner that cannot reach pypi.org names its index in PIP_INDEX_URL or pip.conf"
    return failed(f"costgate could not install its packages: {way_out}") if code else 0


def python(*arguments: str) -> int:
    """The exit code of another Python, this time with its site-packages, where pip is."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("PIP_") or name in KEPT}
    command = [sys.executable, "-I", *arguments]
    return subprocess.run(command, check=False, stdin=subprocess.DEVNULL, env={**kept, **SETTINGS}).returncode


def bundled() -> str:
    """The pip that a Python carries to put into virtual environments, as a path that runs; "" where it has none."""
    folders = [Path(os.__file__).parent / "ensurepip" / "_bundled"]
    folders += [Path(place) for place in [sysconfig.get_config_var("WHEEL_PKG_DIR")] if place]
    wheels = sorted(wheel for folder in folders for wheel in folder.glob("pip-*.whl"))
    return str(wheels[-1] / "pip") if wheels else ""


def judged(packages: str) -> int:
    """The exit code of `costgate action`, run in this process with this checkout and those packages."""
    sys.path[:0] = [str(HERE.parents[1]), packages]
    code: int = import_module("costgate.__main__").main(["action"])
    return code


if __name__ == "__main__":
    sys.exit(main())
