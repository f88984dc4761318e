"""How the Action starts on a bare runner: what it installs, what it never imports, and what it says when it cannot."""

from __future__ import annotations

import ast
import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import threading
import venv
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from costgate.action import start
from tests.action import bare
from tests.action.scene import NAME, TOKEN, Scene
from tests.github.fake import Fake, World

STEP = yaml.safe_load((bare.ROOT / "action.yml").read_text())["runs"]["steps"][0]["run"]
TRAP = "from pathlib import Path\nPath({place!r}).touch()\nraise SystemExit('a module of the workspace was imported')\n"
TRAPS = (
    "yaml.py", "click.py", "rich.py", "requests/__init__.py", "jsonschema.py", "costgate/__init__.py", "json.py",
    "pip/__init__.py", "pip/__main__.py", "sitecustomize.py", "usercustomize.py", "runpy.py", "start.py", "os.py",
)  # fmt: skip


def tiny(folder: Path, name: str = "tiny", content: str = "FOUND = True\n") -> str:
    """A wheel with one module, and the line of a lock for it."""
    place = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": content,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    sums = {path: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()) for path, text in files.items()}
    record = "".join(f"{path},sha256={digest.decode().rstrip('=')},\n" for path, digest in sums.items())
    with zipfile.ZipFile(place, "w") as archive:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(path, text)
    return f"{name}==1.0 --hash=sha256:{hashlib.sha256(place.read_bytes()).hexdigest()}\n"


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock of one package that pip finds in a folder, without any other setting of this machine's."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    (tmp_path / "wheels").mkdir()
    place = tmp_path / "requirements.txt"
    place.write_text(tiny(tmp_path / "wheels"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return place


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.suffix != ".dist-info"}


@pytest.mark.peer
def test_what_the_lock_names_is_installed(lock: Path, tmp_path: Path) -> None:
    assert start.installed(str(tmp_path / "packages"), lock) == 0
    assert names(tmp_path / "packages") == {"tiny.py"}


@pytest.mark.peer
def test_a_file_with_another_hash_is_refused(lock: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    tiny(tmp_path / "wheels", content="FOUND = 'something else'\n")
    assert start.installed(str(tmp_path / "packages"), lock) == 3
    output, errors = capfd.readouterr()
    assert "DO NOT MATCH THE HASHES" in errors
    assert output.startswith("::error title=costgate::costgate could not install its packages: pip says why")
    assert not (tmp_path / "packages").exists()


SETTINGS = {
    "PIP_TARGET": "elsewhere", "PIP_PREFIX": "elsewhere", "PIP_ROOT": "elsewhere", "PIP_USER": "1", "PIP_DRY_RUN": "1",
    "PIP_REQUIRE_VIRTUALENV": "1", "PIP_NO_BINARY": ":all:", "PIP_PLATFORM": "win32", "PIP_PYTHON": "/nowhere/python",
    "PIP_REQUIREMENT": "evil.txt", "PIP_CONSTRAINT": "evil.txt", "PYTHONPATH": "workspace", "PYTHONHOME": "/nowhere",
}  # fmt: skip


@pytest.mark.peer
@pytest.mark.parametrize("settings", [SETTINGS, {"PIP_CONFIG_FILE": "pip.conf"}], ids=["variables", "file"])
def test_settings_of_the_runner_change_neither_what_nor_where(
    settings: dict[str, str], lock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("evil.txt").write_text(tiny(tmp_path / "wheels", "evil"))
    Path("pip.conf").write_text("[global]\nuser = true\nrequire-virtualenv = true\n")
    Path("workspace").mkdir()
    Path("workspace/sitecustomize.py").write_text(TRAP.format(place=str(tmp_path / "trapped")))
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert start.installed(str(tmp_path / "packages"), lock) == 0
    assert names(tmp_path / "packages") == {"tiny.py"}
    assert not Path("trapped").exists()
    assert not Path("elsewhere").exists()


class Index(SimpleHTTPRequestHandler):
    """A package index: folders of files are what pip reads."""

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "index" / "tiny").mkdir(parents=True)
    tiny(tmp_path / "index" / "tiny")
    handler = partial(Index, directory=str(tmp_path / "index"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


@pytest.mark.peer
@pytest.mark.parametrize("by", ["variable", "file"])
def test_an_index_of_ones_own(by: str, index: str, lock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {index}\n")
    if by == "variable":
        monkeypatch.setenv("PIP_INDEX_URL", index)
    else:
        monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert start.installed(str(tmp_path / "packages"), lock) == 0
    assert names(tmp_path / "packages") == {"tiny.py"}


@pytest.mark.peer
def test_no_index_can_be_reached(lock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_FIND_LINKS")
    assert start.installed(str(tmp_path / "packages"), lock) == 3


# A Python without pip


@pytest.mark.peer
def test_the_pip_that_python_carries(lock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venv.create(tmp_path / "venv", with_pip=False)
    python = next(path for path in (tmp_path / "venv").glob("*/python*") if path.stem == "python")
    monkeypatch.setattr(sys, "executable", str(python))
    assert start.installed(str(tmp_path / "packages"), lock) == 0
    assert names(tmp_path / "packages") == {"tiny.py"}


def test_a_distributions_python_has_it_in_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start.os, "__file__", str(tmp_path / "lib" / "os.py"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pip-99.0-py3-none-any.whl").touch()  # of the workspace
    assert start.bundled() == ""
    monkeypatch.setattr(start.sysconfig, "get_config_var", {"WHEEL_PKG_DIR": str(tmp_path / "share")}.get)
    (tmp_path / "share").mkdir()
    (tmp_path / "share" / "pip-24.0-py3-none-any.whl").touch()
    assert start.bundled() == str(tmp_path / "share" / "pip-24.0-py3-none-any.whl" / "pip")


@pytest.mark.peer
def test_no_pip_at_all(
    lock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    venv.create(tmp_path / "venv", with_pip=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv" / "bin" / "python"))
    monkeypatch.setattr(start.os, "__file__", str(tmp_path / "lib" / "os.py"))
    assert start.installed(str(tmp_path / "packages"), lock) == 3
    assert "add python3-pip to the runner, or actions/setup-python" in capfd.readouterr().out


# From the start to the command


@pytest.fixture
def job(lock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files of a job, whose lock is the small one."""
    monkeypatch.setattr(start, "LOCK", lock)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "temp").mkdir()
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path / "temp"))
    return tmp_path / "temp"


@pytest.mark.peer
def test_it_ends_as_the_command_does_and_leaves_no_packages(job: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert start.main() == 2
    assert capfd.readouterr().out.startswith("::error title=costgate::GITHUB_EVENT_NAME is not set | ")
    assert list(job.iterdir()) == []
    assert sys.path[0] == str(bare.ROOT)


@pytest.mark.peer
def test_what_an_earlier_step_left_is_not_used(job: Path, tmp_path: Path) -> None:
    for name in ("costgate-packages", "costgate-"):
        (job / name).mkdir()
        (job / name / "complete").touch()
        (job / name / "click.py").write_text(TRAP.format(place=str(tmp_path / "trapped")))
    assert start.main() == 2
    assert not (tmp_path / "trapped").exists()
    assert sys.path[1] not in {str(job / "costgate-packages"), str(job / "costgate-")}


@pytest.mark.peer
def test_packages_that_cannot_be_had_end_it(job: Path, lock: Path) -> None:
    lock.write_text("absent==1.0 --hash=sha256:" + "0" * 64 + "\n")
    assert start.main() == 3
    assert list(job.iterdir()) == []


def test_a_folder_that_cannot_be_written(
    job: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RUNNER_TEMP", str(job / "none"))
    assert start.main() == 3
    said = capfd.readouterr().out
    assert said == f"::error title=costgate::costgate cannot write to {job / 'none'}: No such file or directory\n"


def test_a_python_that_is_too_old(
    job: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(start, "OLDEST", (99, 0))
    assert start.main() == 3
    assert "costgate needs Python 3.10 or newer, and " in capfd.readouterr().out


def test_an_older_python_can_read_the_start() -> None:
    """Else a syntax error would stand where the sentence should."""
    ast.parse((bare.ROOT / bare.START).read_text(), feature_version=(3, 7))


def test_a_runner_without_python(tmp_path: Path) -> None:
    bash = subprocess.run(["bash", "-c", "command -v bash"], capture_output=True, text=True, check=True).stdout.strip()
    environ = {"PATH": str(tmp_path), "GITHUB_ACTION_PATH": str(bare.ROOT)}
    done = subprocess.run(
        [bash, "--noprofile", "--norc", "-eo", "pipefail", "-c", STEP], env=environ, capture_output=True
    )
    assert done.returncode == 3
    assert done.stdout.startswith(b"::error title=costgate::costgate needs Python 3.10 or newer")


# The real thing, in a workspace full of traps


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Fake(world=World(NAME), prefix="/api/v3") as fake:  # as on GitHub Enterprise Server
        yield Scene(tmp_path / "scene", fake)


def prepared(scene: Scene, folder: Path) -> dict[str, str]:
    """A pull request that needs approval, its event, a clone of its base, and the variables of the job."""
    number = scene.open()
    run = scene.world.run("dev", number=number, conclusion=None)
    (folder / "temp").mkdir()
    (folder / "event.json").write_text(json.dumps(scene.payload(number, "opened")))
    clone = ["git", "clone", "-q", "--depth=1", f"file://{scene.origin.path}", str(folder / "workspace")]
    subprocess.run(clone, check=True, capture_output=True)
    return {
        "GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(folder / "event.json"), "GITHUB_REPOSITORY": NAME,
        "GITHUB_RUN_ID": str(run), "GITHUB_RUN_ATTEMPT": "1", "GITHUB_WORKSPACE": str(folder / "workspace"),
        "GITHUB_API_URL": scene.fake.url, "GITHUB_SERVER_URL": "https://ghe.example", "INPUT_GITHUB_TOKEN": TOKEN,
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"), "GITHUB_OUTPUT": str(folder / "output"),
        "RUNNER_TEMP": str(folder / "temp"), "GITHUB_ACTION_PATH": str(bare.ROOT), "NO_PROXY": "127.0.0.1",
    }  # fmt: skip


def set_traps(workspace: Path, place: Path) -> None:
    for name in TRAPS:
        (workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (workspace / name).write_text(TRAP.format(place=str(place)))


def step(environ: dict[str, str], workspace: Path) -> subprocess.CompletedProcess[str]:
    """The step of action.yml, in the shell that a runner starts for it."""
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEP]
    return subprocess.run(command, cwd=workspace, env=environ, capture_output=True, text=True, timeout=100)


@pytest.mark.peer
@pytest.mark.timeout(300)
def test_nothing_of_the_workspace_is_imported(scene: Scene, tmp_path: Path) -> None:
    workspace, trapped = tmp_path / "workspace", tmp_path / "trapped"
    job = prepared(scene, tmp_path)
    set_traps(workspace, trapped)
    user = tmp_path / "home" / ".local" / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    set_traps(user, trapped)
    earlier = {  # as an earlier step may have written them to GITHUB_ENV
        "PYTHONPATH": str(workspace), "PYTHONSTARTUP": str(workspace / "start.py"), "PYTHONUSERBASE": str(workspace),
        "PYTHONHOME": str(workspace), "PYTHONINSPECT": "1", "PYTHONBREAKPOINT": "yaml.x", "PYTHONWARNINGS": "error",
    }  # fmt: skip
    environ = bare.environment(tmp_path / "home", **job, **bare.offline(), **earlier)
    done = step(environ, workspace)
    assert done.returncode == 1, done.stderr
    assert not trapped.exists()
    assert "costgate: +$1,386/month, needs approval by finance" in done.stdout
    assert done.stderr == ""
    (report,) = (tmp_path / "temp").rglob("costgate-report.json")
    assert json.loads(report.read_text())["outcome"] == "approval-required"
    assert "verdict<<" in (tmp_path / "output").read_text()
    # Enterprise Server: the API below a prefix, links to the server's own host
    (comment,) = scene.comments
    assert f'href="https://ghe.example/{NAME}/blob/' in comment
    assert f'href="https://ghe.example/{NAME}/actions/runs/' in comment
    assert "github.com" not in comment
    assert {seen.headers["Host"] for seen in scene.fake.seen} == {scene.fake.url.split("/")[2]}


def test_the_traps_work(tmp_path: Path) -> None:
    """Without isolation they would be imported."""
    set_traps(tmp_path, tmp_path / "trapped")
    environ = bare.environment(tmp_path / "home", PYTHONPATH=str(tmp_path))
    done = subprocess.run(["python3", "-c", "import yaml"], cwd=tmp_path, env=environ, capture_output=True)
    assert done.returncode != 0
    assert (tmp_path / "trapped").exists()


def test_the_outputs_are_those_that_action_yml_lets_through(scene: Scene) -> None:
    declared: dict[str, Any] = yaml.safe_load((bare.ROOT / "action.yml").read_text())["outputs"]
    scene.act(scene.open())
    written = re.findall(r"^([a-z-]+)<<", (scene.job / "output").read_text(), re.M)
    assert set(declared) <= set(written)
    assert {name: entry["value"] for name, entry in declared.items()} == {
        name: f"${{{{ steps.costgate.outputs.{name} }}}}" for name in declared
    }
