"""A change touches what it may touch: too much is slow, too little would be wrong."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costgate.config import DeploymentSpec, ProjectConfig
from costgate.errors import InputError
from costgate.gate import affected, texts
from costgate.gate.affected import changed_paths, narrow
from costgate.gate.sides import both_sides
from costgate.model import Deployment, Snapshot
from tests.support import snapshot

FLOW = """
from metaflow import Config, FlowSpec, kubernetes, step
{imports}

class {name}Flow(FlowSpec):
    cfg = Config({config})

    @kubernetes(gpu={gpu})
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def flow(name: str, config: str = '"cfg", default="configs/a.json"', gpu: str = "cfg.gpu", imports: str = "") -> str:
    return FLOW.format(name=name, config=config, gpu=gpu, imports=imports)


BASE = {
    "flows/a.py": flow("A"),
    "flows/b.py": flow("B", '"cfg", default="configs/b.yaml", parser="yaml.safe_load"'),
    "flows/c.py": flow("C", '"cfg", default=PATH', imports='PATH = "configs/" + "c" + ".json"'),
    "flows/d.py": flow("D", gpu="SIZE", imports="from lib.sizes import SIZE"),
    "flows/lib/__init__.py": "",
    "flows/lib/sizes.py": "from .deep import SIZE\n",
    "flows/lib/deep.py": "SIZE = 2\n",
    "flows/größe.py": "N = 1\n",
    "flows/e.py": flow("E", gpu="N", imports="from größe import N"),
    "configs/a.json": '{"gpu": 1}',
    "configs/b.yaml": "gpu: 1\n",
    "configs/c.json": '{"gpu": 1}',
    "README.md": "hello",
    **{f"elsewhere/module_{n}.py": "" for n in range(affected.FEW_FILES)},
}


def touched(head: Mapping[str, str | None]) -> set[str]:
    """The flow files that are looked at when these files change."""
    narrowed = narrow(*sides(head), ProjectConfig(), ProjectConfig())
    assert narrowed is not None
    return {path for side in narrowed[:2] for path in side.grep(("FlowSpec",))}


def sides(head: Mapping[str, str | None]) -> tuple[Snapshot, Snapshot]:
    after = {path: text for path, text in {**BASE, **head}.items() if text is not None}
    return snapshot(BASE), snapshot(after)


A = "flows/a.py"
C = "flows/c.py"  # computes the name of its config, so that any data may be its own
CASES = {
    "a flow": ({"flows/a.py": flow("A", gpu="2")}, {"flows/a.py"}),
    "a config by its literal name": ({"configs/a.json": '{"gpu": 2}'}, {"flows/a.py", "flows/d.py", "flows/e.py", C}),
    "a config with a parser": ({"configs/b.yaml": "gpu: 2\n"}, {"flows/b.py", C}),
    "a computed config": ({"configs/c.json": '{"gpu": 2}'}, {C}),
    "a file that is no config": ({"README.md": "bye"}, {C}),
    "a module, through a package and another module": ({"flows/lib/deep.py": "SIZE = 4\n"}, {"flows/d.py"}),
    "a package": ({"flows/lib/__init__.py": "X = 1\n"}, {"flows/d.py"}),
    "a module whose name is not ASCII": ({"flows/größe.py": "N = 2\n"}, {"flows/e.py"}),
    "a module that disappears": ({"flows/lib/deep.py": None}, {"flows/d.py"}),
    "a copy of a flow, and its original": ({"copies/a.py": flow("A")}, {"copies/a.py", "flows/a.py"}),
    "a module that is imported in an odd way": (
        {"flows/odd.py": "X = 1\n", "flows/f.py": "from odd \\\n import X; FlowSpec\n"},
        {"flows/f.py"},
    ),
    "a module after a comment with a bracket": (
        {"flows/odd.py": "X = 1\n", "flows/f.py": "from . import (  # :)\n    odd,\n)\nFlowSpec\n"},
        {"flows/f.py"},
    ),
    "a module in an import too long to search": (
        {"flows/odd.py": "X = 1\n", "flows/f.py": f"from . import (\n# {'x' * 99}\n{' ' * 10_001}\nodd)\nFlowSpec\n"},
        {"flows/f.py"},
    ),
    "a config that is named like code": (
        {"configs/a.py": "{}", "flows/f.py": flow("F", '"cfg", default="configs/a.py"')},
        {"flows/f.py"},
    ),
    "a copy whose class is written apart": ({"copies/a.py": "FlowSpec\nclass \\\n AFlow: pass\n"}, {"copies/a.py", A}),
    "a copy of a class beyond ASCII": (
        {"x/a.py": "FlowSpec\nclass Größe: 1\n", "y/b.py": "FlowSpec\nclass Größe: 2\n"},
        {"x/a.py", "y/b.py"},
    ),
    "a script that nothing can import": ({"flows/a-script.py": "import a\n"}, set()),
    "nothing": ({}, set()),
}


@pytest.mark.parametrize(("head", "expected"), CASES.values(), ids=CASES)
def test_what_a_change_touches(head: dict[str, str | None], expected: set[str]) -> None:
    assert touched(head) == (expected | {C} if head else expected)


CONFIG_CALLS = {
    "imported and called with literals": ('from metaflow import Config\nConfig("a", default="x.json")', False),
    "with a parser by name": ('Config("a", default="x.toml", parser=tomllib.loads)', False),
    "required": ("metaflow.Config('a', required=True)", False),
    "with a computed default": ('Config("a", default=f"{x}.json")', True),
    "with braces, which format() may fill": ('Config("a", default="{x}.json".format(x=1))', True),
    "with a default value": ('Config("a", default_value="{}")', True),
    "under another name": ("from metaflow import Config as C", True),
    "handed on": ("make(Config)", True),
    "in an import that spans lines": ("from metaflow import (\n    Config,\n    step,\n)", False),
    "under another name, with a comment between": ("from metaflow import (Config  # the class\n as C)", True),
    "after a comment that reads like an import": ('# read from disk\nConfig("a", default=X)\nimport os', True),
    "after a comment that calls it": ('# import Config("x")\nConfig("a", default=X)', True),
    "on the line of an import": ('import os; Config("a", default=X)', True),
    "with an import in its default": ('Config("a", default="x import (" + y + ")")', True),
    "with a name beyond ASCII, in any encoding": ('Config("a", default="größe.json")', True),
}


@pytest.mark.parametrize(("text", "computes"), CONFIG_CALLS.values(), ids=CONFIG_CALLS)
def test_which_configs_are_computed(text: str, computes: bool) -> None:
    assert affected._computes_a_config(text.encode()) is computes


def test_entries_of_deployments_are_touched_through_their_configs() -> None:
    entries = (
        DeploymentSpec(flow="flows/b.py", configs={"cfg": "configs/c*.json"}),
        DeploymentSpec(flow="flows/d.py", configs={"cfg": "configs/a.json"}),
    )
    config = ProjectConfig(deployments=entries)
    before, after = sides({"configs/c.json": '{"gpu": 3}'})
    narrowed = narrow(before, after, config, config)
    assert narrowed is not None
    assert [entry.flow for entry in narrowed[2].deployments] == ["flows/b.py"]


def test_a_path_with_brackets_is_a_path_and_no_glob() -> None:
    config = ProjectConfig(deployments=(DeploymentSpec(flow="flows/b.py", configs={"cfg": "configs/[a].json"}),))
    narrowed = narrow(*sides({"configs/[a].json": "{}"}), config, config)
    assert narrowed is not None
    assert len(narrowed[2].deployments) == 1


def test_a_small_repository_is_read_whole() -> None:
    base = {"flows/a.py": BASE["flows/a.py"]}
    assert narrow(snapshot(base), snapshot({**base, "x": "y"}), ProjectConfig(), ProjectConfig()) is None


def test_everything_is_touched_where_the_environment_names_configs() -> None:
    config = ProjectConfig(metaflow_env={"METAFLOW_FLOW_CONFIG": '{"cfg": "configs/a.json"}'})
    assert narrow(*sides({"configs/a.json": "{}"}), config, config) is None
    assert narrow(*sides({}), config, config) is not None


def test_everything_is_touched_where_deployments_change_or_very_many_files() -> None:
    before, after = sides({})
    assert narrow(before, after, ProjectConfig(), ProjectConfig(target="local")) is None
    _, settings = sides({".metaflow/config.json": "{}"})
    assert narrow(before, settings, ProjectConfig(), ProjectConfig()) is None
    _, many = sides({f"data/{n}.txt": "x" for n in range(affected.MOST_CHANGES + 1)})
    assert narrow(before, many, ProjectConfig(), ProjectConfig()) is None


def test_a_file_that_is_too_large_to_search_is_never_left_out() -> None:
    text = flow("A") + "#" * texts.LARGE
    base = snapshot({**BASE, "flows/huge.py": text})
    head = snapshot({**BASE, "flows/huge.py": text, "flows/lib/deep.py": "SIZE = 9\n", "README.md": "deep"})
    narrowed = narrow(base, head, ProjectConfig(), ProjectConfig())
    assert narrowed is not None
    assert "flows/huge.py" not in BASE
    assert "flows/huge.py" in narrowed[1].grep(("FlowSpec",))


def test_a_file_that_cannot_be_read_is_never_left_out() -> None:
    base, head = sides({"README.md": "bye"})

    def read(path: str) -> bytes:
        if path == "flows/a.py":
            raise InputError("file is 25 MB, the limit is 20 MB")
        return head.read(path)

    broken = Snapshot(name="head", commit=None, files=head.files, read=read, grep=head.grep)
    narrowed = narrow(base, broken, ProjectConfig(), ProjectConfig())
    assert narrowed is not None
    assert "flows/a.py" in narrowed[1].grep(("FlowSpec",))


def test_files_of_one_side_are_not_read_to_be_compared() -> None:
    base, head = sides({"data.bin": "x"})
    assert changed_paths(base, head) == {"data.bin"}


EDITS = {
    "flows/a.py": (flow("A", gpu="3"), flow("A2"), None),
    "flows/c.py": (flow("C", '"cfg", default="configs/a.json"'), None),
    "flows/lib/deep.py": ("SIZE = 8\n", None),
    "flows/lib/sizes.py": ("SIZE = 1\n", "from ..größe import N as SIZE\n"),
    "flows/größe.py": ("N = 4\n",),
    "configs/a.json": ('{"gpu": 7}', "{", None),
    "configs/b.yaml": ("gpu: 9\n", None),
    "configs/c.json": ('{"gpu": 5}', None),
    "flows/new.py": (flow("New"),),
}


@given(st.dictionaries(st.sampled_from(sorted(EDITS)), st.integers(0, 2), max_size=4))
def test_narrowing_loses_no_change(picks: dict[str, int]) -> None:
    head = {path: EDITS[path][pick % len(EDITS[path])] for path, pick in picks.items()}
    found = [changes(head, everything=everything) for everything in (True, False)]
    assert found[0] == found[1]


def changes(head: Mapping[str, str | None], *, everything: bool) -> set[tuple[str, str]]:
    """What differs between the two sides, as (flow, resources of both)."""
    before, after = both_sides(*sides(head), ProjectConfig(), everything=everything)
    old, new = ({d.key: gist(d) for d in side.deployments} for side in (before, after))
    return {
        (key.flow, f"{old.get(key)} {new.get(key)}") for key in old.keys() | new.keys() if old.get(key) != new.get(key)
    }


def gist(deployment: Deployment) -> tuple[object, ...]:
    return tuple((step.name, step.resources) for step in deployment.flow.steps)
