# ruff: noqa: E501
"""Flows of every form of graph, with the widths that their authors may give; and the tutorials of Metaflow."""

from __future__ import annotations

import json
from importlib.util import find_spec
from itertools import product
from pathlib import Path

from tests.flow.peer import Case
from tests.flow.table import HEAD

METAFLOW = find_spec("metaflow")
assert METAFLOW is not None
TUTORIALS = Path(str(METAFLOW.origin)).parent / "tutorials"
CONFIG = {
    "n": 4,
    "xs": [1, 2, 3],
    "grid": {"lr": [0.1, 0.2], "depth": [3, 4, 5]},
    "regions": {"eu": 1, "us": 2},
    "one": 1,
}
ABOVE = """
import itertools
import json
import math
import os
N, WIDTH = 5, {"small": 2, "large": 7}
NAMES = ["a", "b", "c", "d"]
GRID = {"lr": [0.1, 0.2, 0.3], "depth": [1, 2]}
def shards(n):
    return list(range(n * 2))
"""
BODY = """
    cfg = Config("cfg", default="c.json")
    n = Parameter("n", default=3)
    text = Parameter("text", default="6", type=int)
    share = Parameter("share", default=0.5)
    names = Parameter("names", default='["x", "y"]', type=JSONType)
    files = Parameter("files", default="a,b,c", separator=",")
    from_config = Parameter("from_config", default=cfg.n)
    WORKERS = 8
    REGIONS = ["eu", "us", "ap"]
"""


def graph(*steps: str) -> Case:
    """A flow of steps written as `name(arguments): statements; transition`; `train` works on Kubernetes."""
    lines = [HEAD, ABOVE, "class F(FlowSpec):", BODY]
    for text in steps:
        head, _, rest = text.partition(": ")
        name, arguments = [*head.rstrip(")").split("("), ""][:2]
        decorators = {"train": ["@kubernetes(gpu=2)"], "nodes": ["@parallel", "@kubernetes(gpu=8)"]}.get(name, [])
        lines += [f"    {line}" for line in (*decorators, "@step")]
        lines += [f"    def {name}(self{', ' + arguments if arguments else ''}):"]
        lines += [f"        {statement.strip()}" for statement in rest.split("; ")]
    return Case(
        files={"f.py": "\n".join([*lines, "if __name__ == '__main__':", "    F()", ""]), "c.json": json.dumps(CONFIG)}
    )


END = "end: pass"
JOINED = ("train: self.next(self.join)", "join(inputs): self.next(self.end)", END)
# What a step assigns, and how many items that is.
ITEMS = (
    "[1, 2, 3]", "(1, 2)", "{'a': 1, 'b': 2}", "{1, 2, 3}", "range(5)", "list(range(2, 9))", "'abc'", "NAMES", "sorted(NAMES)", "NAMES[1:]",
    "list(GRID)", "GRID['lr']", "range(N)", "range(WIDTH['large'])", "[x for x in range(N) if x % 2]", "{k: v for k, v in GRID.items()}",
    "self.cfg.xs", "self.cfg['xs']", "self.cfg.grid.lr", "range(self.cfg.n)", "list(self.cfg.regions)", "list(self.cfg.regions.keys())", "self.names",
    "range(self.n)", "list(range(self.text))", "self.REGIONS", "range(self.WORKERS)", "range(self.from_config)", "[None] * N", "NAMES + ['e']",
    "[(a, b) for a in NAMES for b in range(2)]", "shards(3)", "'a b c'.split()", "[[1], [2]]", "list(range(0, 10, 3))", "[*NAMES, 'z']", "range(len(NAMES))",
    "[dict(lr=lr, depth=d) for lr in GRID['lr'] for d in GRID['depth']]", "list(zip(NAMES, range(9)))", "list(enumerate(NAMES))", "self.files",
    "list(itertools.product(GRID['lr'], GRID['depth']))", "[x.upper() for x in NAMES]", "math.ceil(7 / 2) * [0]", "range(int(self.share * 10))",
    "list(map(str, NAMES))", "list(reversed(NAMES))", "json.loads('[1, 2]')", "[i for i, _ in enumerate(NAMES)]",
)  # fmt: skip
NODES = (
    "2", "N", "self.n", "self.text", "self.WORKERS", "self.cfg.n", "WIDTH['small']", "len(NAMES)", "N * 2", "self.n + 1", "int(self.share * 4)", "max(N, 2)",
    "self.from_config", "self.cfg['n']", "len(self.REGIONS)", "1", "self.cfg.n * 2", "min(self.n, 2)",
)  # fmt: skip


def widths() -> dict[str, Case]:
    """A foreach over everything whose length a reader can tell, and num_parallel by everything that is a number."""
    found = {
        f"foreach over {items}": graph(f"start: self.xs = {items}; self.next(self.train, foreach='xs')", *JOINED)
        for items in ITEMS
    }
    for nodes in NODES:
        start = f"start: self.next(self.nodes, num_parallel={nodes})"
        found[f"num_parallel={nodes}"] = graph(start, "nodes: self.next(self.join)", *JOINED[1:])
    return found


SHAPES = {
    "linear": ("start: self.next(self.a)", "a: self.next(self.train)", "train: self.next(self.end)", END),
    "a split": ("start: self.next(self.train, self.b)", "train: self.next(self.join)", "b: self.next(self.join)", *JOINED[1:]),
    "a split of three with a tail": (
        "start: self.next(self.train, self.b, self.c)", "train: self.next(self.t2)", "t2: self.next(self.join)", "b: self.next(self.join)",
        "c: self.next(self.join)", "join(inputs): self.merge_artifacts(inputs, exclude=['x']); self.next(self.end)", END,
    ),
    "a split in a split": (
        "start: self.next(self.a, self.train)", "a: self.next(self.b, self.c)", "b: self.next(self.inner)", "c: self.next(self.inner)",
        "inner(inputs): self.next(self.join)", *JOINED,
    ),
    "a foreach in a foreach": (
        "start: self.xs = [1, 2]; self.next(self.mid, foreach='xs')", "mid: self.ys = range(3); self.next(self.train, foreach='ys')",
        "train: self.z = self.input; self.next(self.inner)", "inner(inputs): self.zs = [i.z for i in inputs]; self.next(self.join)", *JOINED[1:],
    ),
    "a split in a foreach": (
        "start: self.xs = NAMES; self.next(self.mid, foreach='xs')", "mid: self.next(self.train, self.b)", "train: self.next(self.inner)",
        "b: self.next(self.inner)", "inner(inputs): self.next(self.join)", *JOINED[1:],
    ),
    "a foreach in a split": (
        "start: self.next(self.a, self.b)", "a: self.xs = range(6); self.next(self.train, foreach='xs')", "train: self.next(self.inner)",
        "inner(inputs): self.next(self.join)", "b: self.next(self.join)", *JOINED[1:],
    ),
    "one foreach after another": (
        "start: self.xs = NAMES; self.next(self.a, foreach='xs')", "a: self.next(self.j)", "j(inputs): self.next(self.b)",
        "b: self.ys = self.cfg.xs; self.next(self.train, foreach='ys')", *JOINED,
    ),
    "a switch": (
        "start: self.kind = 'gpu'; self.next({'gpu': self.train, 'cpu': self.b}, condition='kind')", "train: self.next(self.c)", "b: self.next(self.c)",
        "c: self.next(self.end)", END,
    ),
    "a switch by numbers": (
        "start: self.kind = 1; self.next({1: self.train, 2: self.b}, condition='kind')", "train: self.next(self.end)", "b: self.next(self.end)", END,
    ),
    "a recursion": (
        "start: self.i = 0; self.next(self.train)", "train: self.i += 1; self.more = 'no'; self.next({'yes': self.train, 'no': self.end}, condition='more')", END,
    ),
    "a switch in a foreach": (
        "start: self.xs = [1, 2]; self.next(self.a, foreach='xs')", "a: self.k = 'x'; self.next({'x': self.train, 'y': self.b}, condition='k')",
        "train: self.next(self.c)", "b: self.next(self.c)", "c: self.next(self.join)", *JOINED[1:],
    ),
    "num_parallel in a foreach": (
        "start: self.xs = [1, 2]; self.next(self.a, foreach='xs')", "a: self.next(self.nodes, num_parallel=N)", "nodes: self.next(self.inner)",
        "inner(inputs): self.next(self.join)", *JOINED[1:],
    ),
    "a long step": (
        "start: import random; self.seed = random.random(); rows = [1, 2, 3]; self.xs = rows; print(len(self.xs)); self.next(self.train, foreach='xs')", *JOINED,
    ),
    "a variable": ("start: k = N * 2; self.next(self.nodes, num_parallel=k)", "nodes: self.next(self.join)", *JOINED[1:]),
    "an artifact of nodes": ("start: self.k = 6; self.next(self.nodes, num_parallel=self.k)", "nodes: self.next(self.join)", *JOINED[1:]),
    "items of a variable": ("start: rows = [r for r in NAMES if r != 'a']; self.xs = rows; self.next(self.train, foreach='xs')", *JOINED),
    "items of an artifact": ("start: self.rows = NAMES; self.xs = self.rows; self.next(self.train, foreach='xs')", *JOINED),
    "items of a step before": ("start: self.xs = NAMES; self.next(self.a)", "a: self.next(self.train, foreach='xs')", *JOINED),
    "a docstring and a log": ('start: """Splits."""; self.xs = list(range(3)); print("go"); self.next(self.train, foreach="xs")', *JOINED),
}  # fmt: skip


def shapes() -> dict[str, Case]:
    """Every form of graph on every target."""
    built = {name: graph(*steps) for name, steps in SHAPES.items()}
    return {
        f"{name}, {target}": Case(files=case.files, target=target)
        for (name, case), target in product(built.items(), ("argo-workflows", "local"))
    }


def tutorials() -> dict[str, Case]:
    """The tutorials of the installed Metaflow, as they are, on every target."""
    found = {}
    for path in sorted(TUTORIALS.glob("*/*.py")):
        text = path.read_text()
        name = text.partition("\nclass ")[2].partition("(")[0]
        others = {other.name: other.read_bytes() for other in path.parent.iterdir() if other.suffix in (".py", ".csv")}
        for target in ("argo-workflows", "step-functions", "local"):
            found[f"{path.parent.name}, {target}"] = Case(files=others, path=path.name, name=name, target=target)
    return found
