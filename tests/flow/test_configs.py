from __future__ import annotations

import hashlib
from typing import Any

import pytest

from costgate.config import DeploymentSpec
from costgate.errors import InputError
from costgate.flow.config_source import broken, written
from costgate.flow.parse import Sources
from costgate.flow.resolve import Settings, resolve_flow
from costgate.model import ConfigSource, Flow, Known, Location, Snapshot, Unresolved
from tests.flow.table import C, J, flow, flow_class, resolve, sources_of, step
from tests.flow.test_resolve import open_reasons

FILES = {"f.py": flow("@resources(gpu=cfg.gpu)", C), "c.json": J, "configs/prod.json": '{\n  "gpu": 7\n}\n'}


def gpu(found: Flow) -> object:
    value = step(found).resources.gpu
    return value.value if isinstance(value, Known) else value.reason


CHOSEN: dict[str, tuple[dict[str, Any], dict[str, str], object, ConfigSource]] = {
    "the default file": (
        {},
        {},
        2,
        ConfigSource(name="cfg", source="default", path="c.json", digest=hashlib.sha256(J.encode()).hexdigest()),
    ),
    "a file of the deployment": (
        {"configs": {"cfg": "configs/prod.json"}},
        {},
        7,
        ConfigSource(
            name="cfg",
            source="file",
            path="configs/prod.json",
            digest=hashlib.sha256(FILES["configs/prod.json"].encode()).hexdigest(),
        ),
    ),
    "a value of the deployment": (
        {"config_values": {"cfg": {"gpu": 5}}},
        {},
        5,
        ConfigSource(name="cfg", source="value", path=None, digest=None),
    ),
    "a text of the deployment": (
        {"config_values": {"cfg": '{"gpu": 6}'}},
        {},
        6,
        ConfigSource(name="cfg", source="value", path=None, digest=None),
    ),
    "a value of the environment": (
        {},
        {"METAFLOW_FLOW_CONFIG_VALUE": '{"cfg": {"gpu": 8}}'},
        8,
        ConfigSource(name="cfg", source="value", path=None, digest=None),
    ),
    "a file of the environment, relative to the working directory": (
        {"cwd": "configs"},
        {"METAFLOW_FLOW_CONFIG": '{"cfg": "prod.json"}'},
        7,
        ConfigSource(
            name="cfg",
            source="file",
            path="configs/prod.json",
            digest=hashlib.sha256(FILES["configs/prod.json"].encode()).hexdigest(),
        ),
    ),
}


@pytest.mark.parametrize(("spec", "env", "value", "source"), CHOSEN.values(), ids=CHOSEN)
def test_config_comes_from(spec: dict[str, Any], env: dict[str, str], value: object, source: ConfigSource) -> None:
    found = resolve(FILES, env=env, **spec)
    assert (gpu(found), found.configs, found.unresolved) == (value, (source,), ())


def test_a_value_of_the_deployment_replaces_all_values_of_the_environment() -> None:
    body = C + "\nother = Config('other', default_value={'x': 1})"
    files = {**FILES, "f.py": flow("@resources(gpu=cfg.gpu, cpu=other.x)", body)}
    env = {"METAFLOW_FLOW_CONFIG_VALUE": '{"cfg": {"gpu": 8}}'}
    found = resolve(files, env=env, config_values={"other": {"x": 3}})
    cpu = step(found).resources.cpu
    assert isinstance(cpu, Known)
    assert (gpu(found), cpu.value, [place.short for place in cpu.chain]) == (2, 3, ["f.py:8", "f.py:7", "f.py:5"])


def test_a_value_of_costgate_yml_stands_there() -> None:
    place = Location(path="costgate.yml", line=9, column=5)
    value = step(resolve(FILES, config_values={"cfg": {"gpu": 5}}, location=place)).resources.gpu
    assert isinstance(value, Known)
    assert value.chain[-1] == place


def test_a_default_path_starts_at_the_working_directory() -> None:
    files = {"flows/f.py": flow("@resources(gpu=cfg.gpu)", C), "services/c.json": '{"gpu": 3}'}
    found = resolve(files, path="flows/f.py", cwd="services")
    assert (gpu(found), found.configs[0].path) == (3, "services/c.json")


REFUSED: dict[str, tuple[str, dict[str, Any], dict[str, str], str]] = {
    "a missing default file": (
        C.replace("c.json", "x.json"),
        {"cwd": "sub"},
        {},
        "default configuration file 'x.json' could not be read (from cwd 'sub'): it is not a regular file",
    ),
    "a missing default file beside the flow": (
        'cfg = Config("cfg", default=os.path.join(os.path.dirname(__file__), "x.json"))',
        {},
        {},
        "default configuration file 'x.json' could not be read (from cwd '.')",
    ),
    "a missing default by pathlib": (
        'cfg = Config("cfg", default=Path("x.json"))',
        {},
        {},
        "default configuration file 'x.json' could not be read",
    ),
    "a missing file of the deployment": (
        C,
        {"configs": {"cfg": "x.json"}},
        {},
        "configuration file 'x.json' could not be read for 'cfg'",
    ),
    "a file above the repository": (
        C,
        {"configs": {"cfg": "../x.json"}},
        {},
        "'../x.json' could not be read for 'cfg': it is outside of the repository",
    ),
    "an absolute path": (C.replace("c.json", "/etc/x.json"), {}, {}, "it is outside of the repository"),
    "a path that is no text": (C.replace('"c.json"', "4"), {}, {}, "is no path"),
    "a value and a file": (
        C,
        {"configs": {"cfg": "c.json"}, "config_values": {"cfg": {}}},
        {},
        "both a value and a file are given for the config 'cfg'",
    ),
    "a config that the flow lacks": (
        C,
        {"configs": {"cgf": "c.json"}},
        {},
        "the flow has no Config 'cgf' (it has: cfg)",
    ),
    "a config that a flow without configs lacks": ("", {"configs": {"cfg": "c.json"}}, {}, "(it has: none)"),
    "an environment that is no JSON": (
        C,
        {},
        {"METAFLOW_FLOW_CONFIG": "cfg=c.json"},
        "METAFLOW_FLOW_CONFIG is no JSON object",
    ),
    "an environment that is a list": (
        C,
        {},
        {"METAFLOW_FLOW_CONFIG_VALUE": "[]"},
        "METAFLOW_FLOW_CONFIG_VALUE is no JSON object",
    ),
    "an environment with a path that is no text": (C, {}, {"METAFLOW_FLOW_CONFIG": '{"cfg": 3}'}, "could not be read"),
    "an unknown parser": (C[:-1] + ', parser="acme.load")', {}, {}, "its parser acme.load is not one of json.loads"),
    "a parser of the repository": (C[:-1] + ", parser=mine)", {}, {}, "its parser function is not one of"),
    "a parser that does more": (C[:-1] + ", parser=lambda t: json.loads(t.x))", {}, {}, "its parser function is"),
    "a parser that is a number": (C[:-1] + ", parser=4)", {}, {}, "its parser function is not one of"),
    "a parser that is not defined": (C[:-1] + ", parser=nowhere)", {}, {}, "nowhere is not defined"),
    "a broken file": (
        C,
        {"config_values": {"cfg": "{"}, "location": Location(path="costgate.yml", line=3)},
        {},
        "the config 'cfg' could not be read: not valid JSON",
    ),
    "a config without a name": ("cfg = Config(default='c.json')", {}, {}, "a Config needs a name"),
    "a config whose name is a number": ("cfg = Config(4)", {}, {}, "its name is no text"),
    "a config whose name is open": ("cfg = Config(nowhere)", {}, {}, "nowhere is not defined"),
    "a config of open options": ("cfg = Config('cfg', **nowhere)", {}, {}, "the arguments of the Config are not known"),
    "a default_value that is a number": ("cfg = Config('cfg', default_value=4)", {}, {}, "neither text nor a dict"),
    "a default_value that holds a config": (
        C + "\nother = Config('other', default_value={'x': cfg.gpu})",
        {},
        {},
        "is a config expression",
    ),
    "a default_value that is computed at length": (
        "cfg = Config('cfg', default_value=mine)",
        {},
        {},
        "does more than assign names, choose by `if` and return",
    ),
    "a plain config that is not UTF-8": (
        'cfg = Config("cfg", default="latin.txt", plain=True)',
        {},
        {},
        "the file is not UTF-8 text",
    ),
}
BEFORE = "import os, json\nfrom pathlib import Path\ndef mine(t):\n    print(t)\n    return {}\n"


@pytest.mark.parametrize(("body", "spec", "env", "reason"), REFUSED.values(), ids=REFUSED)
def test_config_is_refused(body: str, spec: dict[str, Any], env: dict[str, str], reason: str) -> None:
    files = {**FILES, "f.py": flow("@card", body, BEFORE), "latin.txt": b"\xe4"}
    assert reason in open_reasons(resolve(files, env=env, **spec))[0]


def test_what_uses_a_broken_config_says_why() -> None:
    files = {**FILES, "c.json": '{\n  "gpu": oops\n}'}
    found = resolve(files)
    value = step(found).resources.gpu
    assert isinstance(value, Unresolved)
    assert value.expression == "cfg.gpu"
    assert value.location.short == "f.py:7"
    assert "(c.json:2:10)" in value.reason
    assert [problem.location for problem in found.unresolved] == [Location(path="c.json", line=2, column=10)]


def test_a_file_that_git_cannot_give_is_told() -> None:
    sources, found = flow_class(FILES)

    def read(path: str) -> bytes:
        if path == "c.json":
            raise InputError("c.json is too large", where="c.json")
        return sources_of(FILES).snapshot.read(path)

    snapshot = Snapshot(name="x", commit=None, files=sources.snapshot.files, read=read, grep=sources.snapshot.grep)
    flow_found = resolve_flow(Sources(snapshot), found, DeploymentSpec(flow="f.py"), Settings(target="local"))
    assert flow_found.unresolved[0].reason == "the config 'cfg' could not be read: c.json is too large (c.json:1:1)"


def test_a_value_in_code_stands_at_its_line() -> None:
    body = 'cfg = Config("cfg", default_value={"a": [1, {"b": 2}],\n  "gpu": 3})'
    files = {"f.py": flow("@resources(gpu=cfg.gpu, cpu=config_expr('cfg.a[1].b'))", body)}
    resources = step(resolve(files)).resources
    assert isinstance(resources.gpu, Known)
    assert isinstance(resources.cpu, Known)
    assert (resources.gpu.value, resources.gpu.chain[-1].short) == (3, "f.py:7")
    assert (resources.cpu.value, resources.cpu.chain[-1].short) == (2, "f.py:6")


def test_a_value_in_code_that_is_not_there_stands_at_its_nearest_ancestor() -> None:
    place = Location(path="f.py", line=3)
    where = written(Known(value={"a": Known(value=[Known(value=1)], chain=(place,))}), Location(path="g.py"))
    assert (where("a", "x"), where("a", 0)) == (place, Location(path="g.py"))


def test_a_text_in_code_stands_at_its_line() -> None:
    body = "cfg = Config('cfg', default_value='{\"gpu\": 3}')"
    value = step(resolve({"f.py": flow("@resources(gpu=cfg.gpu)", body)})).resources.gpu
    assert isinstance(value, Known)
    assert value.chain[-1].short == "f.py:6"


@pytest.mark.parametrize("where", ["", "x.json", "x:y:z"], ids=["nowhere", "a name", "an odd place"])
def test_an_error_without_a_place_is_the_files(where: str) -> None:
    assert broken(InputError("no", where=where), "c.json") == ("no", Location(path="c.json"))


def test_a_file_may_lie_deep_and_odd() -> None:
    found = resolve({**FILES, "a/../c.json": "{}"}, configs={"cfg": "./configs/../configs/prod.json"})
    assert found.configs[0].path == "configs/prod.json"


def test_attributes_that_metaflow_does_not_look_at_are_no_configs() -> None:
    body = C + "\n_hidden = Config('hidden', required=True)\nname = Config('name', required=True)\nodd = nowhere"
    assert resolve({**FILES, "f.py": flow("", body)}).unresolved == ()
