# ruff: noqa: E501
"""Flows, configs and costgate.yml files that nobody would write: mutations of real ones, and sentences of a grammar.

Everything is drawn from one `random.Random`, so a seed names a text for good.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from random import Random
from typing import Any

from tests import scenario
from tests.flow.cases_configs import CASES as CONFIG_CASES
from tests.flow.cases_python import CASES as PYTHON_CASES
from tests.flow.table import HEAD, J, flow
from tests.support import dedent

ROOT = Path(__file__).resolve().parent.parent
FLOWS = tuple(
    dict.fromkeys(
        text
        for files, _ in [*CONFIG_CASES.values(), *PYTHON_CASES.values()]
        for text in files.values()
        if isinstance(text, str) and "FlowSpec" in text
    )
)
CONFIGS = (
    J,
    scenario.config(4),
    *(path.read_text("utf-8") for path in sorted((ROOT / "examples").glob("*/configs/*"))),
    'title = "a"\n[train]\ngpu = 4\nlist = [1, 2.5, "x"]\n[[train.pool]]\nname = "a100"\n',
    "a: &a {gpu: 1, l: [1, 2]}\nb: {<<: *a, cpu: 0x10, t: 2026-01-01, s: 1:30}\nc: |\n  text\nd: !!str 1\n",
)
PROJECTS = (
    dedent(scenario.CONFIG),
    dedent(scenario.TWO_VARIANTS),
    (ROOT / "tests/data/costgate.full.yml").read_text("utf-8"),
    "version: 1\nflows: ['*.py']\ndeployments:\n- {flow: f.py, configs: {cfg: 'c*.json'}, branch: '{cfg}'}\n",
    'version: 1\nwith: ["kubernetes:cpu=2", "retry"]\ntarget: local\nmetaflow_env: {METAFLOW_FLOW_CONFIG: "{}"}\n',
)

NUMBERS = (
    "0", "1", "-1", "2", "8", "1024", "4096", "1.5", "1e308", "1e400", "0.1", "-0.0", "9" * 40, "0x1f",
    "1_000", "10**10", "2**63", "1j", "0b1", "True", "None", "...", "float('nan')", "float('inf')",
)  # fmt: skip
STRINGS = (
    "''", "'a'", "'8G'", "'4096'", "b'x'", "'\\ud800'", "'\\x00'", "'é'", "'a' * 10**9", "f'{1:>99999}'", "'%999999d' % 1",
    "'{0:{0}}'.format(9999)", "'../../etc/passwd'", "'/etc/passwd'", "'c.json'", "__file__", "'{cfg}'", "'a=b,c=d'",
    "rf'{1!r:>{9}}'", "int('9' * 5000)",
)  # fmt: skip
NAMES = (
    "cfg", "N", "A", "B", "nowhere", "lib", "lib.N", "os", "os.environ", "self", "F", "FlowSpec", "metaflow", "len",
    "int", "range", "__name__", "Config", "resources", "cfg.a", "cfg.a.b", "cfg.gpu", "cfg.l", "cfg['a']['b']", "N.x", "D",
)  # fmt: skip
CALLS = (
    "len", "int", "float", "str", "round", "min", "max", "sum", "sorted", "range", "list", "tuple", "dict", "set", "abs",
    "bool", "any", "all", "g", "h", "os.getenv", "os.environ.get", "os.path.join", "os.path.dirname", "config_expr",
    "functools.partial", "Config", "K", "E", "resources", "pathlib.Path", "getattr", "eval", "open", "type", "map",
    "zip", "enumerate", "reversed", "divmod", "math.ceil", "math.log2", "math.pow", "json.loads", "json.dumps", "m", "n", "K.make",
)  # fmt: skip
BINARY = (
    "+", "-", "*", "/", "//", "%", "**", "<<", ">>", "&", "|", "^", "and", "or", "==", "<", "in", "not in", "is", "@", "if",
)  # fmt: skip
METHODS = (
    "get('a', 1)", "items()", "keys()", "values()", "copy()", "upper()", "split(',')", "join(['a', 'b'])", "format(1)",
    "replace('', 'aaaa')", "parent", "append(1)", "update(x=1)", "name", "value", "a", "b", "__class__", "strip()", "_data",
    "to_dict()", "zfill(9)", "index(1)", "count('a')", "gpu", "make(2)", "removeprefix('a')", "startswith(('a', 'b'))", "as_posix()",
)  # fmt: skip
HELPERS = """
import functools, json, math, os, pathlib, dataclasses, enum
import lib
N = 4
A = [1, 2, 3]
B = {'a': 1, 'b': [1, 2]}
D = {**B, 'c': A}
def g(x, y=2): return x * y
def h(n): return h(n - 1) if n else 0
def m(x, *a, **k):
    'Several statements.'
    y = x
    if x:
        y += 1
    elif a:
        return a
    return y if k else [y, k]
def n(x=A):
    def inner(z, b=x): return [z, b, N]
    return inner
@dataclasses.dataclass
class K:
    gpu: int = 1
    l: list = dataclasses.field(default_factory=list)
    def make(self, n): return [self.gpu, n]
class E(enum.Enum):
    A = 1
    B = 'b'
"""
DECORATORS = (
    "resources", "kubernetes", "batch", "retry", "timeout", "environment", "card", "parallel", "catch", "lib.deco", "g",
    "lib.OnStep",
)  # fmt: skip
ATTRIBUTES = (
    "cpu", "gpu", "memory", "disk", "shared_memory", "queue", "node_selector", "compute_pool", "gpu_vendor", "times",
    "seconds", "vars", "trainium", "inferentia", "extended_resources", "tolerations", "image", "use_tmpfs", "minutes",
)  # fmt: skip
FLOW_LEVEL = (
    "@project(name={})\n", "@schedule(cron={})\n", "@schedule(daily={})\n", "@schedule(hourly={}, timezone={})\n",
    "@trigger(event={})\n", "@trigger_on_finish(flow={})\n", "@lib.Mutator({})\n",
    "@lib.Mutator(n={})\n", "@lib.Mutator\n", "@lib.OnStep\n", "@exit_hook(on_error=[g])\n",
)  # fmt: skip
NEXT = (
    "self.next(self.end)", "self.next(self.mid, foreach='xs')", "self.next(self.mid, num_parallel={})", "pass",
    "self.next(self.mid, self.end)", "self.next({{'a': self.mid, 'b': self.end}}, condition='xs')", "self.next()",
    "self.xs = {}; self.next(self.mid, foreach='xs')", "self.next(self.start)", "self.next(*{})", "return self.next(self.mid)",
)  # fmt: skip
MUTATOR = """from metaflow import FlowMutator, StepMutator, resources, kubernetes
N = 1
def deco(x): return x
class Mutator(FlowMutator):
    def init(self, *args, n=1, **kwargs):
        self.n, self.args = n, args
    def pre_mutate(self, flow):
        for name, found in flow.configs:
            if name == 'cfg' and found.gpu > 1:
                self.n = found['gpu'] * 2
        flow.add_parameter('q', 1)
    def mutate(self, flow):
        for name, step in flow.steps:
            if name != 'end' and self.n in (1, 2):
                step.add_decorator('kubernetes', deco_kwargs={'cpu': self.n, 'gpu': N}, duplicates=step.OVERRIDE)
            for deco in step.decorator_specs:
                if deco[0] == 'resources':
                    step.remove_decorator('resources')
                    step.add_decorator(resources, deco_kwargs=dict(deco[3], memory=4096))
class OnStep(StepMutator):
    def mutate(self, step):
        step.add_decorator('resources:cpu=3')
"""
PIECES = (
    "cfg", ".a", "[0]", "(", ")", "**", "{", "}", "lambda x: x", "for i in range(9)", "\n", "    ", "@step", "'", "\\", "\t",
    "N = N", "import f", "from f import *", "from . import lib", "class F(F): pass", "config_expr('", "\x0c", "\0", "\ud7ff",
    "\ufeff", "\r", "F.x = 1", "# coding: utf-16\n", "global N", "async ", "await ", "yield ", "*", ":", ",", "=", '"""',
    "if 1:\n", "else:", "with open('x') as f: pass", "try:\n    pass\nexcept* E: pass\n", "match N:\n    case 1: pass\n",
    "type X = int\n", "del N", "é", "𝔽", "N: int", "N += 1", "(N := 2)", "from lib import *", "&a", "*a", "<<", "- ", ": ",
    "!!python/object:os.system", "[", "]", '"', "%", "|\n", ">\n", "---\n", "...\n", "version: 2", "null", "~", "NaN",
)  # fmt: skip
WORD = re.compile(r"(?<=[=(,\[: ])\w+(?=[,)\]\n. :])")


class Texts:
    """An endless supply of texts."""

    def __init__(self, random: Random) -> None:
        self.r = random

    def expression(self, depth: int = 4) -> str:
        """An expression, mostly one that Python would accept."""
        r, kind = self.r, self.r.random()
        if depth <= 0 or kind < 0.3:
            return r.choice(r.choice((NUMBERS, STRINGS, NAMES)))
        if kind < 0.45:
            operator, left, right = r.choice(BINARY), self.expression(depth - 1), self.expression(depth - 1)
            return f"({left} if {right} else {left})" if operator == "if" else f"({left} {operator} {right})"
        if kind < 0.6:
            options = f", {r.choice(('y', 'default', 'x', 'name', 'gpu'))}={self.expression(depth - 2)}"
            arguments = ", ".join(self.expression(depth - 1) for _ in range(r.randrange(3)))
            return f"{r.choice(CALLS)}({arguments}{options if arguments and r.random() < 0.3 else ''})"
        if kind < 0.7:
            return f"{self._owner(depth)}.{r.choice(METHODS)}"
        if kind < 0.78:
            return f"{self._owner(depth)}[{self.expression(depth - 2)}{r.choice(('', '', ':', '::-1'))}]"
        return self._compound(depth)

    def _owner(self, depth: int) -> str:
        found = self.expression(depth - 1)
        return f"({found})" if found[0] in "0123456789-" else found

    def _compound(self, depth: int) -> str:
        r, e = self.r, lambda: self.expression(depth - 1)
        return r.choice((
            lambda: f"[{', '.join(e() for _ in range(r.randrange(4)))}]",
            lambda: f"{{{e()}: {e()}, **{e()}}}",
            lambda: f"{{{e()}, {e()}}}",
            lambda: f"[{e()} for x in {e()} if {e()}]",
            lambda: f"{{x: {e()} for x in {e()} for y in {e()}}}",
            lambda: f"(lambda x: {e()})",
            lambda: f"({r.choice(('-', 'not ', '~', '+'))}{e()})",
            lambda: f"({e()} < {e()} <= {e()})",
            lambda: f"(*{e()}, {e()})",
            lambda: f"config_expr({e()!r})",
            lambda: f"f'{{{r.choice(NAMES[:9])}!r:>{r.choice(('9', '99', '{N}'))}}}'",
            lambda: r.choice(("-", "~", "not ")) * r.randrange(120) + r.choice(NUMBERS),
            lambda: "(" * (n := r.randrange(80)) + e() + ")" * n,
            lambda: "[" * (n := r.randrange(50)) + e() + "]" * n,
            lambda: " + ".join(["N"] * r.randrange(1, 80)),
        ))()  # fmt: skip

    def mutated(self, text: str, others: tuple[str, ...]) -> str:
        """A text with a few edits."""
        r = self.r
        for _ in range(r.choice((1, 1, 1, 2, 5))):
            edit = r.choice((7, 7, 7, 7, 8, 8, 0, 1, 2, 3, 4, 5, 6))
            words = list(WORD.finditer(text)) if edit > 6 else []
            word = r.choice(words) if words else None
            at, end = word.span() if word else (at := r.randrange(len(text) + 1), at + int(r.expovariate(0.2)))
            if edit == 0:
                text = text[:at] + text[end:]
            elif edit == 1:
                text = text[:at] + r.choice(PIECES) + text[end:]
            elif edit == 2:
                text = text[:at] + text[at:end] * r.choice((2, 3, 20)) + text[end:]
            elif edit in (3, 7):
                text = text[:at] + self.expression() + text[end:]
            elif edit == 8 and word:
                text = text[:at] + r.choice(words)[0] + text[end:]
            elif edit == 4:
                other = r.choice(others)
                text = text[:at] + other[r.randrange(len(other)) :][: r.randrange(200)] + text[at:]
            elif edit == 5:
                lines = text.split("\n")
                lines.insert(r.randrange(len(lines)), lines.pop(r.randrange(len(lines))))
                text = "\n".join(lines)
            else:
                text = text[:at] + chr(r.choice((r.randrange(256), r.randrange(0xD800)))) + text[at + 1 :]
        return text[:20_000]

    def flow(self) -> str:
        """The text of a flow file."""
        r = self.r
        if r.random() < 0.5:
            return self.mutated(r.choice(FLOWS), FLOWS)
        text = self._generated()
        return self.mutated(text, FLOWS) if r.random() < 0.2 else text

    def _generated(self) -> str:
        r = self.r
        decorators = "\n".join(self._decorator() for _ in range(r.randrange(4)))
        levels = "".join(r.choice(FLOW_LEVEL).format(*[self.expression(2)] * 2) for _ in range(r.choice((0, 0, 1, 2))))
        body = f"cfg = Config('cfg', {self._config_options()})\nM = {self.expression()}\n"
        body += f"p = Parameter('p', default={self.expression(2)})"
        middle = f"    {self._decorator()}\n    @step\n    def mid(self, inputs=None):\n        self.next(self.end)\n"
        base = r.choice(("FlowSpec", "FlowSpec", "lib.Base", "FlowSpec, lib.Mixin", "F", self.expression(1)))
        before = HELPERS + "".join(f"{r.choice('NABDX')} = {self.expression()}\n" for _ in range(r.randrange(3)))
        target = r.choice(NEXT).format(self.expression(2))
        return flow(decorators, body, before, target, levels, middle, base)

    def _decorator(self) -> str:
        r = self.r
        chosen = [f"{name}={self.expression(3)}" for name in r.sample(ATTRIBUTES, r.randrange(4))]
        if r.random() < 0.2:
            chosen.append(f"**{self.expression(2)}")
        return f"@{r.choice(DECORATORS)}({', '.join(chosen)})"

    def _config_options(self) -> str:
        r = self.r
        default = r.choice(("default", "default", "default_value"))
        value = r.choice(("'c.json'", "'c.json'", "'d/c.yml'", self.expression(2), "'../c.json'"))
        parser = r.choice(
            ("", "", ", parser='yaml.safe_load'", ", parser='tomllib.loads'", f", parser={self.expression(1)}")
        )
        return f"{default}={value}{parser}{r.choice(('', '', ', plain=True', ', required=True'))}"

    def data(self, depth: int = 4) -> Any:
        """A value that a config may hold."""
        r = self.r
        if depth and r.random() < 0.6:
            items = [self.data(depth - 1) for _ in range(r.randrange(4))]
            return (
                items
                if r.random() < 0.4
                else dict(zip(r.sample(("a", "b", "gpu", "l", "r", "é", "name", "0"), 4), items))
            )
        return r.choice((
            0, 1, -1, 4, 1.5, 1e308, 10**30, 10**400, True, None, "", "8G", "\x00", "\ud800", "x" * 300, "[" * 99, "é",
            "${x}", float("inf"), float("nan"), "2026-01-01", "a: b", "{}", "c.json",
        ))  # fmt: skip

    def config(self) -> bytes:
        """The text of a config: JSON, YAML or TOML, or something that looks like it."""
        r, kind = self.r, self.r.random()
        if kind < 0.35:
            text = json.dumps({"gpu": self.data(2), "a": {"b": self.data(2)}, "l": self.data(3), "r": self.data(2)})
        elif kind < 0.95:
            text = self.mutated(r.choice(CONFIGS), CONFIGS)
        else:
            text = r.choice(("[", "{'a':", "- ", "&a [*a, ")) * r.randrange(300)
        return text.encode("utf-8", "surrogatepass") if r.random() < 0.98 else r.randbytes(r.randrange(100))

    def project(self) -> bytes:
        """The text of a costgate.yml."""
        return self.mutated(self.r.choice(PROJECTS), PROJECTS).encode("utf-8", "surrogatepass")

    def library(self) -> str:
        """A module that the flows import as `lib`."""
        name, value = self.r.choice("NABD"), self.expression()
        return self.r.choice((
            f"from metaflow import *\nN = 3\nclass Base(FlowSpec):\n    {name} = {value}\nclass Mixin: pass\n",
            f"N = {value}\nfrom f import *\nclass Base(F): pass\n",
            f"import f\nf.N = {value}\ndef deco(**k): return resources(**k)\n",
            self.mutated(MUTATOR, (MUTATOR, *FLOWS)),
            self.mutated(MUTATOR, (MUTATOR, *FLOWS)),
            HEAD + self.mutated("N = 1\ndef deco(x): return x\nclass Mutator(FlowMutator): pass\n", FLOWS),
        ))  # fmt: skip
