"""Builders for small flows, and how tests resolve them."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from costgate.config import DecoratorRule, DeploymentSpec
from costgate.flow.evaluate import Evaluator
from costgate.flow.frame import module_frame
from costgate.flow.parse import FlowClass, Module, Sources
from costgate.flow.resolve import Settings, resolve_flow
from costgate.model import Flow, Step, Value
from tests.support import snapshot

Files = Mapping[str, str | bytes]

HEAD = (
    "from metaflow import *\n"
    "from metaflow import FlowSpec, step, Config, config_expr, resources, kubernetes, batch, Parameter, project\n"
    "from metaflow import schedule, card, retry, timeout, environment\n"
)
C = 'cfg = Config("cfg", default="c.json")'
J = (
    '{"gpu": 2, "cpu": 4, "mem": 9000, "null": null,\n'
    ' "a": {"b": 3, "some-key": 5, "items": 7, "l": [1, 2, 3], "name": 8},\n'
    ' "r": {"cpu": 8, "memory": 16000}, "name": "keyname", "sel": {"pool": "x"}, "items": 9, "str": "4",\n'
    ' "sizes": {"big": 16, "small": 1}, "which": "big"}'
)


def flow(
    decorators: str = "",
    body: str = "",
    before: str = "",
    nxt: str = "self.next(self.end)",
    cls: str = "",
    extra: str = "",
    base: str = "FlowSpec",
) -> str:
    """A flow `F` whose step `start` has these decorators; `body` and `extra` stand in the class, `before` above it."""
    lines = [f"    {line}\n" for text in (body, decorators) for line in text.splitlines()]
    start = f"    @step\n    def start(self):\n        {nxt}\n"
    end = "    @step\n    def end(self):\n        pass\n\nif __name__ == '__main__':\n    F()\n"
    return f"{HEAD}{before}\n{cls}class F({base}):\n{''.join(lines)}{start}{extra}{end}"


def c(decorators: str, before: str = "", body: str = C, **more: str) -> dict[str, str | bytes]:
    """Such a flow beside its config `c.json`."""
    return {"f.py": flow(decorators, body, before, **more), "c.json": J}


def sources_of(files: Files) -> Sources:
    """The files as they are, without the dedenting of `snapshot`."""
    return Sources(snapshot({path: text if isinstance(text, bytes) else text.encode() for path, text in files.items()}))


def flow_class(files: Files, path: str = "f.py", name: str = "F") -> tuple[Sources, FlowClass]:
    """The class of that name that running the file deploys."""
    sources = sources_of(files)
    return sources, next(found for found in sources.flow_classes(path) if found.name == name)


def resolve(
    files: Files,
    *,
    path: str = "f.py",
    name: str = "F",
    target: str = "local",
    with_: tuple[str, ...] = (),
    env: Mapping[str, str] | None = None,
    rules: Mapping[str, DecoratorRule] | None = None,
    **spec: Any,
) -> Flow:
    """The flow of these files, resolved; `spec` are fields of the DeploymentSpec."""
    sources, found = flow_class(files, path, name)
    settings = Settings(target=target, with_=with_, metaflow_env=env or {}, decorators=rules or {})
    return resolve_flow(sources, found, DeploymentSpec(flow=path, **spec), settings)


def step(found: Flow, name: str = "start") -> Step:
    return next(one for one in found.steps if one.name == name)


def evaluator(files: Files, path: str = "f.py") -> tuple[Evaluator, Module]:
    sources = sources_of(files)
    module = sources.module(path)
    assert isinstance(module, Module)
    return Evaluator(sources, path), module


def evaluate(expression: str, before: str = "", files: Files | None = None, path: str = "f.py") -> Value:
    """An expression at the end of a module."""
    ev, module = evaluator({**(files or {}), path: f"{before}\nRESULT = {expression}\n"}, path)
    last = module.tree.body[-1]
    assert isinstance(last, ast.Assign)
    return ev.evaluate(last.value, module_frame(module, before=(last.lineno, last.col_offset)))
