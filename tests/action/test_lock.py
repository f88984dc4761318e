"""What the Action installs: every base dependency but rich, every file by its hash, for every runner."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.action import bare

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
SYSTEMS = {
    "x86_64-manylinux_2_28": ("linux", "Linux", "x86_64"),
    "aarch64-manylinux_2_28": ("linux", "Linux", "aarch64"),
    "x86_64-unknown-linux-musl": ("linux", "Linux", "x86_64"),
    "x86_64-apple-darwin": ("darwin", "Darwin", "x86_64"),
    "aarch64-apple-darwin": ("darwin", "Darwin", "arm64"),
    "x86_64-pc-windows-msvc": ("win32", "Windows", "AMD64"),
    "aarch64-pc-windows-msvc": ("win32", "Windows", "ARM64"),
}
# On Windows for Arm there was no Python before 3.11, and PyYAML has wheels since 3.12; GitHub's image has 3.13.
UNSERVED = {("3.10", "aarch64-pc-windows-msvc"), ("3.11", "aarch64-pc-windows-msvc")}
RUNNERS = [(python, system) for python in PYTHONS for system in SYSTEMS if (python, system) not in UNSERVED]
NOT_FOR_RUNNERS = {"rich"}  # draws tables in terminals; a job's log has plain lines


def locked() -> Iterator[tuple[Requirement, list[str]]]:
    """Each requirement with its hashes."""
    text = re.sub(r"^\s*#.*\n", "", bare.LOCK.read_text(), flags=re.M).replace("\\\n", "")
    for line in text.splitlines():
        requirement, *hashes = line.split("--hash=")
        yield Requirement(requirement.strip()), [each.strip() for each in hashes]


def of_runner(python: str, system: str) -> dict[str, Version]:
    """What the lock installs there."""
    environment = markers(python, system)
    found = [each for each, _ in locked() if not each.marker or each.marker.evaluate(environment)]
    names = [canonicalize_name(each.name) for each in found]
    assert len(names) == len(set(names))
    return {name: Version(str(each.specifier).removeprefix("==")) for name, each in zip(names, found)}


def markers(python: str, system: str) -> dict[str, str]:
    platform, name, machine = SYSTEMS[system]
    more = {"sys_platform": platform, "platform_system": name, "platform_machine": machine, "extra": ""}
    versions = {"python_version": python, "python_full_version": f"{python}.0"}
    return {**{key: str(value) for key, value in default_environment().items()}, **more, **versions}


def base() -> list[Requirement]:
    project = tomllib.loads((bare.ROOT / "pyproject.toml").read_text())["project"]
    return [Requirement(text) for text in project["dependencies"]]


def test_every_requirement_is_one_version_with_hashes() -> None:
    for requirement, hashes in locked():
        assert re.fullmatch(r"==[0-9.]+", str(requirement.specifier)), requirement
        assert hashes, requirement
        assert all(re.fullmatch("sha256:[0-9a-f]{64}", each) for each in hashes), requirement


def test_what_is_asked_for_is_the_base_of_the_project_without_rich() -> None:
    asked = {Requirement(line).name for line in lines(bare.LOCK.with_suffix(".in"))}
    assert asked == {each.name for each in base()} - NOT_FOR_RUNNERS
    assert not {each.name for each, _ in locked()} & NOT_FOR_RUNNERS


def lines(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if not line.startswith("#")]


@pytest.mark.parametrize(("python", "system"), RUNNERS)
def test_the_lock_is_whole(python: str, system: str) -> None:
    """Every base dependency, and what these need in turn as far as they are installed here, in a version that fits."""
    found, environment = of_runner(python, system), markers(python, system)
    waiting, seen = [each for each in base() if each.name not in NOT_FOR_RUNNERS], set[str]()
    while waiting:
        need = waiting.pop()
        name = canonicalize_name(need.name)
        if need.marker and not need.marker.evaluate(environment):
            continue
        assert name in found, need
        assert found[name] in need.specifier, need
        if name not in seen and installed(name) == str(found[name]):
            waiting += [Requirement(text) for text in importlib.metadata.requires(name) or ()]
        seen.add(name)
    assert seen <= found.keys()


def installed(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


@pytest.mark.peer
@pytest.mark.timeout(300)
def test_each_runner_finds_a_wheel_with_a_locked_hash(tmp_path: Path) -> None:
    """Asked of the index by uv, which can look for other systems than its own."""
    uv = [str(Path(sys.executable).with_name("uv")), "pip", "install", "--dry-run", "--require-hashes", "--no-deps"]
    options = ["--only-binary", ":all:", "--no-python-downloads", "--target", str(tmp_path), "-r", str(bare.LOCK)]
    for python, system in RUNNERS:
        asked = [*uv, *options, "--python-version", python, "--python-platform", system]
        done = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True)
        if "error sending request" in done.stderr or "Network connectivity is disabled" in done.stderr:
            pytest.skip(f"the lock was not compared with the index: {done.stderr[-300:]}")
        assert done.returncode == 0, f"{python} {system}: {done.stderr}"
        assert {line[3:] for line in done.stderr.splitlines() if line.startswith(" + ")} == {
            f"{name}=={version}" for name, version in of_runner(python, system).items()
        }
