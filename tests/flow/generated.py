# ruff: noqa: E501
"""Random flows: decorators and values of every type, expressions, configs, inheritance, graphs, settings, targets."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from tests.flow.corpus import ENVS, B, K
from tests.flow.peer import Case
from tests.flow.table import HEAD

Draw = Any
CONSTANTS = """
import functools
import os
GB, SMALL, TEXT, HALF, NONE, BIG_ONE = 1024, 2, "16", 0.5, None, True
SIZES = {"cpu": 4, "memory": 8000, "n": {"deep": [1, 2, 3]}}
LIST = [1, 2, 4, 8]
CPUS = dict(cpu=3)
def scaled(n, factor=2):
    return n * factor
def pick(big):
    if big:
        return 16
    n = LIST[1]
    return n
"""
SETTINGS = (
    {}, *ENVS.values(), {f"{K}CPU": "2", f"{B}JOB_QUEUE": "q", f"{K}NODE_SELECTOR": "a=b"},
    {"METAFLOW_DEFAULT_DECOSPECS": "resources:gpu=1 retry"},
)  # fmt: skip
WITH = (
    (), (), (), ("kubernetes",), ("kubernetes:cpu=2,memory=512,gpu=2",), ("batch:cpu=5,queue=x",), ("resources:memory=9999",),
    ("retry:times=1", "timeout:minutes=5"), ("batch", "resources:gpu=1"),
)  # fmt: skip
TARGETS = ("argo-workflows", "step-functions", "local")

whole = st.sampled_from((1, 2, 3, 4, 8, 16, 500, 4096, 8192, 64000))
literals = st.one_of(
    whole,
    whole,
    st.sampled_from((0.5, 1.5, 2.0, 1024.5)),
    whole.map(str),
    st.sampled_from(("0.5", "4096", "1", "10240")),
)
ODD = (
    "0",
    "-1",
    "True",
    "''",
    "'x'",
    "'8G'",
    "None",
    "[1]",
    "{'a': 1}",
    "cfg.list",
    "cfg.missing",
    "cfg.none",
    "0.1",
    "cfg.odd",
    "1e3",
)
config_values = st.fixed_dictionaries({
    "a": literals, "b": whole, "text": whole.map(str), "none": st.none(), "list": st.lists(whole, min_size=1, max_size=4), "odd": st.sampled_from((None, 0, -1, "x", "", [], True)),
    "r": st.dictionaries(st.sampled_from(("cpu", "memory", "gpu")), whole, max_size=2), "deep": st.fixed_dictionaries({"x": whole}),
})  # fmt: skip
ATTRIBUTES = {
    "resources": ("cpu", "memory", "gpu", "disk", "shared_memory"),
    "kubernetes": ("cpu", "memory", "gpu", "disk", "shared_memory", "node_selector", "compute_pool", "gpu_vendor"),
    "batch": ("cpu", "memory", "gpu", "shared_memory", "queue", "trainium", "inferentia"),
    "retry": ("times",),
    "timeout": ("seconds", "minutes", "hours"),
}
SPECIAL: dict[str, tuple[str, ...]] = {
    "node_selector": ("'a=b'", "{'p': 'x'}", "{'p': cfg.text}", "None", "'a=b,c=d'", "{}"),
    "compute_pool": ("'pool'", "cfg.text", "None", "''"), "gpu_vendor": ("'amd'", "'nvidia'", "None", "'AMD'"),
    "queue": ("'q'", "cfg.text", "None", "f'q-{SMALL}'"), "times": ("1", "2", "'3'", "0", "cfg.deep.x", "SMALL", "4"),
    "seconds": ("60", "90", "GB"), "minutes": ("5", "'10'", "SMALL"), "hours": ("1", "2", "cfg.b", "SMALL * 3"),
    "gpu": ("1", "2", "4", "'2'", "0", "None", "SMALL", "cfg.b", "LIST[1]", "scaled(2)", "config_expr('cfg.b * 2')"),
    "shared_memory": ("64", "1024", "None", "GB", "cfg.b"), "trainium": ("1", "16", "None"), "inferentia": ("1", "None"),
}  # fmt: skip
EXPRESSIONS = (
    "GB", "SMALL", "TEXT", "HALF", "NONE", "SIZES['cpu']", "SIZES['n']['deep'][-1]", "SIZES.get('zz', 7)", "LIST[2]", "len(LIST)",
    "OWN", "scaled(GB)", "scaled(SMALL, factor=3)", "pick(BIG_ONE)", "pick(not BIG_ONE)", "int(TEXT) * GB", "f'{SMALL}000'", "GB if BIG_ONE else 1",
    "NONE or 3", "max(LIST)", "sum(LIST[:2])", "int(os.environ.get('NOT_SET_HERE', '12'))", "[x * GB for x in LIST][1]", "SMALL ** 3", "GB // 3 + 1",
    "cfg.a", "cfg['b']", "cfg.deep.x", "cfg.text", "cfg.get('b', 3)", "config_expr('cfg.b + 1')", "config_expr('max(cfg.list)')",
    "config_expr('scaled(cfg.b)')", "config_expr('cfg.a or 2')", "config_expr(\"cfg.get('zz', GB)\")", "config_expr('len(cfg.r) + 1')", "(cfg.none and 5)",
    "config_expr('int(cfg.text)')", "1000 if cfg.none else 2000",
)  # fmt: skip
ITEMS = (
    "[1, 2, 3]", "range(4)", "LIST", "list(SIZES)", "self.cfg.list", "range(self.n)", "'abc'", "[x for x in LIST if x > 1]", "self.cfg['list']",
    "range(self.cfg.b)", "{1: 2}", "LIST[:3]", "list(enumerate(LIST))", "self.OWN", "[]", "load()", "list(zip(LIST, 'ab'))", "range(pick(False))",
)  # fmt: skip
NODES = (
    "2",
    "SMALL",
    "self.n",
    "len(LIST)",
    "self.cfg.b",
    "self.cfg.deep.x",
    "self.OWN",
    "1",
    "SMALL + 1",
    "pick(False)",
)


@st.composite
def decorators(draw: Draw, place: str) -> list[str]:
    """The decorators of a step: up to three different ones, each with a few attributes."""
    if not draw(st.integers(0, 99)):
        place = "batch"  # on a flow that goes elsewhere, perhaps
    kinds = draw(
        st.lists(st.sampled_from(("resources", "resources", place, "retry", "timeout")), max_size=3, unique=True)
    )
    return [draw(decorator(kind)) for kind in kinds]


def elsewhere(place: str) -> st.SearchStrategy[list[str]]:
    """The decorators of a step in a class that does not hold the config."""
    return decorators(place).filter(
        lambda found: not any("cfg" in text.replace("config_expr('cfg", "") for text in found)
    )


@st.composite
def decorator(draw: Draw, kind: str) -> str:
    names = draw(st.lists(st.sampled_from(ATTRIBUTES[kind]), max_size=3, unique=True))
    if kind == "timeout" and not names:
        names = ["minutes"]
    given = [f"{name}={draw(value(name))}" for name in names]
    if kind in ("resources", "kubernetes", "batch") and not draw(st.integers(0, 3)):
        unpacked = ["**cfg.r", "**config_expr('cfg.r')", "**{}"] + ([] if "cpu" in names else ["**CPUS"])
        given.append(draw(st.sampled_from(unpacked)))
    if not given and draw(st.booleans()):
        return f"@{kind}"
    return f"@{kind}({', '.join(given)})"


@st.composite
def value(draw: Draw, name: str) -> str:
    if name in SPECIAL and draw(st.integers(0, 9)):
        return str(draw(st.sampled_from(SPECIAL[name])))
    if not draw(st.integers(0, 49)):
        return str(draw(st.sampled_from(ODD)))
    if draw(st.integers(0, 2)):
        return str(draw(st.sampled_from(EXPRESSIONS)))
    return repr(draw(literals))


@st.composite
def blocks(draw: Draw, prefix: str, then: str, depth: int) -> list[tuple[str, str, list[str]]]:
    """Steps from `<prefix>` on as (name, arguments, body), the last of which goes to `then`."""
    shapes = ("linear", "linear", "split", "foreach", "foreach", "nodes", "switch") if depth < 2 else ("linear",)
    shape = draw(st.sampled_from(shapes))
    inner, join = f"{prefix}i", f"{prefix}j"
    if shape == "linear":
        return [(prefix, "", [f"self.next(self.{then})"])]
    steps: list[tuple[str, str, list[str]]]
    if shape == "split":
        names = [f"{inner}{number}" for number in range(draw(st.integers(2, 3)))]
        steps = [(prefix, "", [f"self.next({', '.join(f'self.{name}' for name in names)})"])]
        for name in names:
            steps += draw(blocks(name, join, depth + 1))
    elif shape == "foreach":
        items = draw(st.sampled_from(ITEMS))
        steps = [(prefix, "", [f"self.xs{depth} = {items}", f"self.next(self.{inner}, foreach='xs{depth}')"])]
        steps += draw(blocks(inner, join, depth + 1))
    elif shape == "nodes":
        nodes = draw(st.sampled_from(NODES))
        steps = [
            (prefix, "", [f"self.next(self.{inner}, num_parallel={nodes})"]),
            (inner, "@", [f"self.next(self.{join})"]),
        ]
    else:
        cases = f"{{'a': self.{inner}a, 'b': self.{inner}b}}"
        steps = [(prefix, "", ["self.kind = 'a'", f"self.next({cases}, condition='kind')"])]
        return steps + [(f"{inner}{case}", "", [f"self.next(self.{then})"]) for case in "ab"]
    return [*steps, (join, "inputs", [f"self.next(self.{then})"])]


@st.composite
def cases(draw: Draw) -> Case:
    """A flow and how it is deployed."""
    target = draw(st.sampled_from(TARGETS))
    place = {"argo-workflows": "kubernetes", "step-functions": "batch"}.get(target) or draw(
        st.sampled_from(("kubernetes", "batch"))
    )
    shape = draw(st.sampled_from(("plain", "plain", "base", "override", "mixin")))
    steps = draw(blocks("start", "middle", 0)) + draw(blocks("middle", "end", 0)) + [("end", "", ["pass"])]
    texts = []
    for name, arguments, body in steps:
        own = draw(decorators(place)) if shape != "mixin" or name != "end" else draw(elsewhere(place))
        lines = [*own, *(["@parallel"] if arguments == "@" else []), "@step"]
        lines += [f"def {name}(self{', inputs' if arguments == 'inputs' else ''}):", *(f"    {line}" for line in body)]
        texts.append("".join(f"    {line}\n" for line in lines))
    data = draw(config_values)
    config, files, more = draw(sources(data))
    fields = f"    cfg = {config}\n    n = Parameter('n', default={draw(st.sampled_from(('3', 'SMALL', 'cfg.b')))})\n    OWN = 6\n"
    end = "if __name__ == '__main__':\n    F()\n"
    above = "".join(
        draw(st.sampled_from(("", "@project(name='p')\n", "@schedule\n", "@schedule(cron='0 3 * * ? *')\n")))
        for _ in "1"
    )
    if shape == "plain":
        classes = f"{above}class F(FlowSpec):\n{fields}{''.join(texts)}"
    elif shape == "mixin":
        classes = f"class Mixin:\n{texts[-1]}{above}class F(Mixin, FlowSpec):\n{fields}{''.join(texts[:-1])}"
    else:
        own = draw(
            st.sampled_from(
                (
                    "    pass\n",
                    "    OWN = 2\n",
                    "    cfg = Config('cfg', default_value={'b': 5, 'list': [1], 'a': 3, 'text': '7', 'r': {}, 'deep': {'x': 1}, 'none': 8})\n",
                )
            )
        )
        if shape == "override":
            redone = "".join(
                f"    {line}\n" for line in [*draw(elsewhere(place)), "@step", "def end(self):", "    pass"]
            )
            own = own.replace("    pass\n", "") + redone
        classes = f"{above}class Base(FlowSpec):\n{fields}{''.join(texts)}class F(Base):\n{own}"
    return Case(
        files={"f.py": HEAD + CONSTANTS + classes + end, **files},
        target=target,
        with_=draw(st.sampled_from([specs for specs in WITH if fits(specs, place)])),
        **{**more, "env": {**draw(st.sampled_from(SETTINGS)), **more.get("env", {})}},
    )


def fits(specs: tuple[str, ...], place: str) -> bool:
    """Whether decospecs name no other place to run."""
    return {spec.partition(":")[0] for spec in specs} & {"kubernetes", "batch"} <= {place}


@st.composite
def sources(draw: Draw, data: dict[str, Any]) -> tuple[str, dict[str, str], dict[str, Any]]:
    """The Config, the files that it needs, and what the deployment chooses."""
    text, file = json.dumps(data), "Config('cfg', default='c.json')"
    return draw(st.sampled_from((
        (file, {"c.json": text}, {}),
        (f"Config('cfg', default_value={data!r})", {}, {}),
        (f"Config('cfg', default_value={text!r})", {}, {}),
        ("Config('cfg', default='c.yml', parser='yaml.safe_load')", {"c.yml": text}, {}),
        (file, {"c.json": "{}", "o.json": text}, {"configs": {"cfg": "o.json"}}),
        (file, {"c.json": "{}"}, {"values": {"cfg": data}}),
        (file, {"c.json": "{}"}, {"env": {"METAFLOW_FLOW_CONFIG_VALUE": json.dumps({"cfg": data})}}),
        (file, {"c.json": "{}", "o.json": text}, {"env": {"METAFLOW_FLOW_CONFIG": '{"cfg": "o.json"}'}}),
    )))  # fmt: skip
