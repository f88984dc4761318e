# ruff: noqa: E501
"""Whatever a flow, a module beside it or a config says: a result, in bounded time and memory, from inside the tree."""

from __future__ import annotations

import random
import resource
import sysconfig
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks import fuzz
from costgate import folder, git
from costgate.config import DeploymentSpec
from costgate.flow import evaluate as evaluator
from costgate.flow.deployments import plan, resolve_all
from costgate.flow.parse import Sources
from costgate.flow.resolve import Settings, resolve_flow
from costgate.gate.judging import read_config
from costgate.model import Deployment, Known, Snapshot, Unpriced, Unresolved
from costgate.render import resolve_v1
from tests.flow.table import HEAD, c, evaluate, flow, resolve, sources_of, step
from tests.support import Repo

SECONDS = 5  # of processor time; most take milliseconds
MEGABYTES = 700


@contextmanager
def bounded(seconds: float = SECONDS) -> Iterator[None]:
    """Fails where the block takes too much time or memory; more memory than that is not even there."""
    pages = Path("/proc/self/statm")
    _, hard = before = resource.getrlimit(resource.RLIMIT_AS)
    if pages.exists():
        now = int(pages.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + MEGABYTES * 10**6, hard))
    began = time.process_time()
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert time.process_time() - began < seconds


def deployments(files: Mapping[str, str | bytes]) -> tuple[tuple[Deployment, ...], tuple[Unpriced, ...]]:
    """All that the files deploy, and what cannot be; every flow is rendered, too."""
    sources = sources_of(files)
    config = read_config(sources.snapshot)
    specs, unplanned = plan(sources, config)
    made, unresolved = resolve_all(sources, specs, side=config, judge=config)
    assert all(resolve_v1.render_json(one.flow) for one in made[:3])
    return made, unplanned + unresolved


def is_inside(path: str) -> bool:
    """Whether a path is one of the tree; `..\\x` is a file of that name there."""
    return not path.startswith("/") and ".." not in path.split("/")


TEN_MB = "A" * 10_000_000
UNREADABLE = {
    "a literal of ten megabytes": f"x = '{TEN_MB}'",
    "a comment of ten megabytes": f"# {TEN_MB}",
    "half a million additions": "x = 1" + "+1" * 500_000,
    "half a million attributes": "x = a" + ".b" * 500_000,
    "half a million calls": "x = a" + "()" * 500_000,
    "half a million indexes": "x = a" + "[0]" * 500_000,
    "half a million brackets": "x = " + "(" * 500_000 + ")" * 500_000,
    "half a million lists": "x = " + "[" * 500_000 + "]" * 500_000,
    "half a million signs": "x = " + "-" * 500_000 + "1",
    "a hundred thousand conditions": "x = " + "1 if 1 else " * 100_000 + "1",
    "a hundred thousand branches": "if 1: pass\n" + "elif 1: pass\n" * 100_000,
    "a hundred thousand lambdas": "x = " + "lambda: " * 100_000 + "1",
    "a tower of powers": "x = " + "2**" * 100_000 + "1",
    "a thousand indents": "".join(f"{' ' * i}if 1:\n" for i in range(1500)),
    "nested f-strings": "x = f'{" + 'f"{' * 1000 + "1" + '}"}' * 500,
    "half a million statements": "x=1;" * 400_000,
    "calls in calls in calls": ("f(" * 99 + "D" + ")" * 99 + "\n") * 6000,
    "a byte of nothing": "x = 1\0",
    "half a surrogate pair": "x = '\ud800'",
    "another encoding in its second line": "#!/usr/bin/python\n# -*- coding: utf-7 -*-\nx = 1",
    "an encoding that is none": "# coding: rot13\nk = 1",
    "two encodings": "\ufeff# coding: latin-1\nx = 1",
    "wide characters": "x = 1".encode("utf-16"),
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_cannot_be_read_is_told(text: str | bytes) -> None:
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    with bounded():
        sources = sources_of({"f.py": data})
        found = sources.module("f.py")
    assert isinstance(found, Unresolved)
    assert found.reason.startswith("the file could not be read: ")
    assert len(found.reason) < 200
    # It says that it is a flow: it is not passed over.
    looks = data + b"\n" + HEAD.encode() + b"class F(FlowSpec):\n    @step\n    def start(self): pass\n"
    with bounded():
        made, problems = deployments({"f.py": looks})
    assert (made, [problem.location.path for problem in problems]) == ((), ["f.py"])


LINES = {
    "Windows line ends": flow("@resources(gpu=2)").replace("\n", "\r\n"),
    "old line ends": flow("@resources(gpu=2)").replace("\n", "\r"),
    "form feeds": flow("@resources(gpu=2)").replace("\n\n", "\n\x0c\n").replace("    @step", "\x0c    @step"),
    "continued lines": flow("@resources(gpu=2)").replace("gpu=2", "\\\n  gpu \\\n = \\\n 2"),
    "a byte order mark": "\ufeff" + flow("@resources(gpu=2)"),
    "a byte order mark and its encoding": "\ufeff# coding: utf-8-sig\n" + flow("@resources(gpu=2)"),
    "line separators in text": flow("@resources(gpu=2)", before="X = '\u2028\u2029\x85\x1c\x0b'"),
    "letters that only look different": flow("@resources(gpu=2)")
    .replace("class F", "class 𝐅")
    .replace("gpu", "ｇｐｕ"),
}


@pytest.mark.parametrize("text", LINES.values(), ids=LINES)
def test_a_file_may_be_written_in_odd_ways(text: str) -> None:
    gpu = step(resolve({"f.py": text})).resources.gpu
    assert isinstance(gpu, Known)
    assert gpu.value == 2
    lines = text.encode().replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    assert b"gpu" in lines[gpu.chain[0].line - 1] or b"2" in lines[gpu.chain[0].line - 1]


def chain(what: str, first: str, count: int = 40) -> str:
    """`a0 = first`, then each name out of the one before."""
    return f"a0 = {first}\n" + "".join(what.format(i=i, j=i - 1) + "\n" for i in range(1, count + 1))


EXPRESSIONS: dict[str, tuple[str, str, str | None]] = {  # expression, before, reason or None: either is right
    "a tower of nines": ("9**9**9", "", "is too large"),
    "a tower of tens": ("10**10**10", "", "is too large"),
    "a negative power": ("2**-99999999999", "", "is too large"),
    "a float beyond floats": ("2.0**99999", "", "Python fails here: OverflowError"),
    "a shift": ("1 << 10**9", "", "is too large"),
    "a negative shift": ("1 >> -1", "", "Python fails here: ValueError"),
    "text times a billion": ("'a' * 10**9", "", "is too large"),
    "a billion times text": ("10**9 * 'a'", "", "is too large"),
    "text that doubles forty times": ("len(a40)", chain("a{i} = a{j} + a{j}", "'a' * 999"), None),
    "lists that double forty times": ("len(a40)", chain("a{i} = a{j} + a{j}", "[1]"), None),
    "lists in lists forty times": ("a40 == a40", chain("a{i} = [a{j}, a{j}]", "[1]"), None),
    "text of lists in lists": ("str(a40)", chain("a{i} = (a{j}, a{j})", "(1,)"), None),
    "functions that call the one before twice": ("a40(1)", chain("def a{i}(x): return a{j}(a{j}(x))", "lambda x: x"), None),
    "dicts in dicts": ("a40", chain("a{i} = dict(a=a{j}, b=a{j})", "{}"), None),
    "a function that calls itself": ("f(1)", "def f(x): return f(x + 1)", "is nested too deeply"),
    "functions that call each other": ("f(1)", "def f(x): return g(x)\ndef g(x): return f(x)", "is nested too deeply"),
    "a lambda that calls itself": ("(lambda f: f(f))(lambda f: f(f))", "", "is nested too deeply"),
    "a partial of itself": ("p(1)", "from functools import partial\np = partial(p, 1)", None),
    "a name that is itself": ("N", "N = N", None),
    "an f-string field": ("f'{1:>1000000000}'", "", "very wide field"),
    "an f-string field by name": ("f'{1:>{W}}'", "W = 10**9", "very wide field"),
    "an f-string precision": ("f'{1.5:.999999999f}'", "", "very wide field"),
    "a percent field": ("'%1000000000d' % 1", "", "is too large"),
    "a percent field by argument": ("'%*d' % (10**9, 1)", "", "is too large"),
    "a percent format of long text": ("('%(a)s' * 16000) % {'a': 'b' * 99999}", "", "is too large"),
    "a percent format of nested text": (
        "'%r%r%r%r%r' % (T, T, T, T, T)", "T = ((((('a' * 99999,) * 9,) * 9,) * 9,) * 9,) * 9", "more than 10,000 elements",
    ),
    "a format field": ("'{:>1000000000}'.format(1)", "", "a format that is not evaluated"),
    "a format field by argument": ("'{0:{1}}'.format(1, 10**9)", "", "a format that is not evaluated"),
    "a wide text": ("'1'.zfill(10**9)", "", "is too large"),
    "digits by the million": ("int('9' * 10**6)", "", "is too large"),
    "digits by the thousand": ("int('9' * 5000)", "", None),
    "a long range as a list": ("list(range(10**9))", "", "more than 10,000 elements"),
    "a text in a long range": ("'a' in range(10**9)", "", "looks through a large range"),
    "a fraction that is not in a long range": ("1.5 not in range(10**9)", "", "looks through a large range"),
    "ten thousand lists of ten thousand": ("len([list(range(9999)) for i in range(9999)])", "", None),
    "ten thousand sums": ("[sum(range(9999)) for i in range(9999)][0]", "", None),
    "ten thousand sorted lists": ("len(L)", "L = [sorted(range(9999)) for i in range(9999)]", None),
    "ten thousand long texts": ("len(L)", "S = 'a' * 99999\nL = [S.upper() for i in range(9999)]", None),
    "ten thousand texts in pieces": ("len(L)", "S = 'a' * 9998\nL = [S.split('a') for i in range(9999)]", None),
    "ten thousand slices": ("len(L)", "S = 'a' * 99999\nL = [S[1:] for i in range(9999)]", None),
    "ten thousand searches": ("len(L)", "S = 'a' * 49999 + 'b'\nT = 'a' * 99998\nL = [S in T for i in range(9999)]", None),
    "ten thousand comparisons": ("len(L)", "D = [[0] * 9000]\nL = [D == D for i in range(9999)]", None),
    "ten thousand wrong sums": ("len(L)", "D = [[0] * 9000, [0] * 9000]\nL = [D - 1 for i in range(9999)]", None),
    "keys with one hash": ("[{i * (2**61 - 1): 1 for i in range(1999)} for j in range(999)]", "", None),
    "a literal set with one hash": ("{" + ",".join(str(i * (2**61 - 1)) for i in range(9000)) + "}", "", None),
    "a dict of twenty thousand": ("{" + "".join(f"{i}: 1," for i in range(20_000)) + "}", "", None),
    "ninety thousand comparisons in a row": ("1 < " * 50_000 + "1", "", None),
    "ninety thousand texts in a row": ("'a'" * 50_000, "", None),
}  # fmt: skip


@pytest.mark.parametrize(("expression", "before", "reason"), EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_an_expression_is_bounded(
    monkeypatch: pytest.MonkeyPatch, expression: str, before: str, reason: str | None
) -> None:
    monkeypatch.setattr(evaluator, "MAX_STEPS", evaluator.MAX_STEPS // 10)  # for the sake of the test's own time
    with bounded(seconds=SECONDS / 4):
        result = evaluate(expression, before)
    if reason is not None:
        assert isinstance(result, Unresolved), result
    if isinstance(result, Unresolved):
        assert (reason or "") in result.reason
        assert "MemoryError" not in result.reason
        assert len(result.reason) <= 500


def test_an_int_is_looked_for_in_a_long_range() -> None:
    result = evaluate("(10**8 in range(10**9), -1 in range(10**9), 'a' in range(9))", "")
    assert isinstance(result, Known)
    assert [part.value for part in result.value] == [True, False, False]


def test_a_reason_is_short_where_a_name_in_it_is_long() -> None:
    files = c("@resources(gpu=cfg.gpu)", body="cfg = Config('cfg', default='x' * 99_000)")
    gpu = step(resolve(files)).resources.gpu
    assert isinstance(gpu, Unresolved)
    assert (len(gpu.reason), gpu.reason[-1]) == (500, "…")


def test_a_number_of_nodes_with_an_unknown_part_is_open() -> None:
    text = flow(
        nxt="self.next(self.mid, num_parallel=(nowhere, 1))", extra="    @step\n    def mid(self, i):\n        pass\n"
    )
    width = step(resolve({"f.py": text})).num_parallel
    assert isinstance(width, Unresolved)
    assert width.reason == "nowhere is not defined in f.py"


def test_a_config_that_is_unpacked_is_told_where_it_stands() -> None:
    found = resolve(c("@resources(gpu=1)", body="a, b = Config('cfg', default='c.json')"))
    told = [(problem.expression, problem.location.short) for problem in found.unresolved]
    assert told == [("Config('cfg', default='c.json')", "f.py:6")]


MODULES = {
    "a circle": {"a.py": "from b import N", "b.py": "from a import N"},
    "a circle through a package": {"a/__init__.py": "from .b import N", "a/b.py": "from . import N"},
    "a circle through its parent": {"a/__init__.py": "from a.b import N", "a/b.py": "from .. import a\nN = a.N"},
    "a module of its own name": {"a.py": "from a import N"},
    "nine hundred in a row": {f"{f'm{i}' if i else 'a'}.py": f"from m{i + 1} import N" for i in range(900)},
    "stars of stars": {
        f"{f'm{i}' if i else 'a'}.py": "".join(f"from m{j} import *\n" for j in range(i + 1, 40)) for i in range(40)
    },
    "above the tree": {"a.py": "from ...outside import N"},
    "far above the tree": {"a.py": f"from {'.' * 9999}outside import N"},
    "the flow itself": {"a.py": "from f import N"},
    "a thousand that change each other": {
        f"{f'm{i}' if i else 'a'}.py": "".join(f"import m{j}\nm{j}.x = 1\n" for j in range(1, 120)) for i in range(120)
    },
}  # fmt: skip


@pytest.mark.parametrize("modules", MODULES.values(), ids=MODULES)
def test_imports_are_bounded(modules: dict[str, str]) -> None:
    with bounded():
        found = resolve({"f.py": flow("@resources(gpu=N)", before="from a import N"), **modules})
    assert isinstance(step(found).resources.gpu, Unresolved)
    assert all(map(is_inside, found.reads))


CONFIG_TEXTS = {
    "anchors of anchors": ("cfg", "a: &a [x]\n" + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi"))),
    "an anchor in itself": ("cfg", "a: &a [*a]"),
    "merges of merges": ("cfg", "a: &a {x: 1}\n" + "".join(f"a{i}: &a{i} {{k{i}: 1, <<: *a{'' if i < 2 else i - 1}}}\n" for i in range(1, 900))),
    "a merge of thousands": (
        "cfg", "".join(f"a{j}: &a{j} {{{', '.join(f'k{j}_{i}: 1' for i in range(20))}}}\n" for j in range(2000))
        + f"b: {{<<: [{', '.join(f'*a{j}' for j in range(2000))}]}}",
    ),
    "depth in JSON": ("cfg", "[" * 1_000_000),
    "a long number": ("cfg", '{"gpu": ' + "9" * 2_000_000 + "}"),
    "a long text": ("cfg.gpu", '{"gpu": "' + "9" * 90_000 + '"}'),
    "a number beyond floats": ("cfg.gpu", '{"gpu": 1e999}'),
    "half a surrogate pair": ("cfg.gpu", '{"gpu": "\\ud800"}'),
    "a byte of nothing": ("cfg.gpu", '{"gpu": "\0"}'),
    "a Python object": ("cfg.gpu", "gpu: !!python/object/apply:os.system [exit]"),
    "an expression of itself": ("""config_expr('config_expr("cfg.gpu")')""", "gpu: 1"),
    "a deep expression": (f"config_expr('{'(' * 190}cfg.gpu{')' * 190} + cfg.gpu.x')", "gpu: 1"),
    "a long expression": (f"config_expr('cfg.gpu{' + 1' * 50_000}')", "gpu: 1"),
    "text that is code": ("config_expr(cfg.code)", "code: __import__('os').system('exit')"),
}  # fmt: skip


@pytest.mark.parametrize(("use", "text"), CONFIG_TEXTS.values(), ids=CONFIG_TEXTS)
def test_configs_are_bounded(use: str, text: str) -> None:
    body = "cfg = Config('cfg', default='c.yml', parser='yaml.safe_load')"
    with bounded():
        found = resolve({"f.py": flow(f"@resources(gpu={use})", body=body), "c.yml": text})
        shown = resolve_v1.render_json(found) + resolve_v1.render_text(found)
    assert isinstance(step(found).resources.gpu, Unresolved)
    assert len(shown) < 20_000


def steps(count: int, then: str, inputs: int = 10**9) -> str:
    """A flow of `start`, `s0` … and `end`; `then` is what each does with its number, those from `inputs` on are joins."""
    names = "".join(
        f"    @step\n    def s{i}(self{', inputs' if i >= inputs else ''}):\n        {then.format(i=i, next=i + 1)}\n"
        for i in range(count)
    )
    start = f"    @step\n    def start(self):\n        {then.format(i=-1, next=0)}\n"
    return f"{HEAD}class F(FlowSpec):\n{start}{names}    @step\n    def s{count}(self): self.next(self.end)\n    @step\n    def end(self): pass\n"


def test_five_thousand_steps_are_read_and_more_are_refused() -> None:
    with bounded():
        found = resolve({"f.py": steps(4997, "self.next(self.s{next})")})
    assert (len(found.steps), found.unresolved) == (5000, ())
    with bounded():
        found = resolve({"f.py": steps(6000, "self.next(self.s{next})")})
    assert "more than 5000 steps" in found.unresolved[0].reason


def test_two_thousand_splits_inside_each_other_are_told() -> None:
    with bounded():
        made, _ = deployments({"f.py": steps(2000, "self.next(self.s{next}, foreach='x')")})
    assert any("more than 50 splits lie inside each other" in problem.reason for problem in made[0].flow.unresolved)


BASES = "".join(f"class C{i}: pass\n" for i in range(5000))
START = "    @resources(gpu=8)\n    @step\n    def start(self):\n        self.next(self.end)\n    @step\n    def end(self): pass\n"
TOO_MANY = {
    "five thousand bases": f"{BASES}class F({', '.join(f'C{i}' for i in range(5000))}, FlowSpec):\n{START}",
    "five thousand bases in front of the steps": (
        f"class B(FlowSpec):\n{START}{BASES}class F({', '.join(f'C{i}' for i in range(5000))}, B): pass\n"
    ),
    "a chain of a thousand": f"class C0(FlowSpec):\n{START}"
    + "".join(f"class C{i}(C{i - 1}): pass\n" for i in range(1, 1000)) + "class F(C999): pass\n",
    "five hundred with fifty bases each": f"class B(FlowSpec):\n{START}"
    + "".join(f"class C{i}({', '.join([*(f'C{j}' for j in range(max(0, i - 49), i)), 'B'])}): pass\n" for i in range(500))
    + "class F(C499): pass\n",
}  # fmt: skip


@pytest.mark.parametrize("classes", TOO_MANY.values(), ids=TOO_MANY)
def test_a_flow_with_too_many_bases_is_never_left_out(classes: str) -> None:
    with bounded():
        made, problems = deployments({"f.py": f"{HEAD}{classes}if __name__ == '__main__':\n    F()\n"})
    known = [one for one in made if one.flow.name == "F"]
    assert all(found.resources.touched_by for one in known for found in one.flow.steps)
    assert known or [problem.location.path for problem in problems] == ["f.py"]


BOTH = {"a class of itself": "class F(F):\n", "classes of each other": "class A(F): pass\nclass F(A):\n"}


@pytest.mark.parametrize("classes", BOTH.values(), ids=BOTH)
def test_classes_that_derive_from_themselves_are_told(classes: str) -> None:
    with bounded():
        made, _ = deployments({"f.py": f"{HEAD}{classes}{START}"})
    assert [one.flow.steps[0].resources.touched_by is not None for one in made] == [True]


def test_thousands_of_flows_in_a_file_are_found() -> None:
    text = "from metaflow import FlowSpec, step\n" + "".join(
        f"class C{i}(FlowSpec):\n @step\n def start(self): pass\n" for i in range(4_000)
    )
    with bounded():
        assert len(sources_of({"f.py": text}).flow_classes("f.py")) == 4_000


ALIASES = {
    "another name": "G = F\nG.start = resources(gpu=8)(G.start)",
    "letters that only look different": "setattr(𝔽, 'start', None)",
    "a loop": "for G in [F]:\n    setattr(G, 'start', None)",
    "a dict": "G = {1: F}\nsetattr(G[1], 'start', None)",
    "a function": "G = lambda: F\nsetattr(G(), 'start', None)",
    "a long way": "G = F\n" + "G.a" + ".b" * 300 + ".append(1)",
}


@pytest.mark.parametrize("after", ALIASES.values(), ids=ALIASES)
def test_a_class_that_is_changed_under_another_name_may_ask_for_anything(after: str) -> None:
    text = flow("@resources(gpu=1)").replace("\nif __name__", f"\n{after}\nif __name__")
    touched = step(resolve({"f.py": text})).resources.touched_by
    assert touched is not None
    assert touched.reason == "F may be changed after its definition"


def test_ten_thousand_configs_are_ten_thousand_deployments() -> None:
    entry = "version: 1\ndeployments:\n- {flow: f.py, configs: {cfg: 'configs/*.json'}, branch: '{cfg}'}\n"
    configs = {f"configs/c{i}.json": "{}" for i in range(10_000)}
    sources = sources_of({**c("@resources(gpu=cfg.gpu)"), **configs, "costgate.yml": entry})
    config = read_config(sources.snapshot)
    with bounded():
        specs, problems = plan(sources, config)
    assert (len(specs), problems) == (10_000, ())
    with bounded():
        made, _ = resolve_all(sources, specs[:300], side=config, judge=config)
    assert len({one.key for one in made}) == 300
    sources = sources_of({**c("@resources(gpu=cfg.gpu)"), **configs, "configs/one.json": "{}", "costgate.yml": entry})
    assert [problem.reason for problem in plan(sources, config)[1]] == ["the globs make 10,001 deployments"]


def test_many_globs_over_many_files_are_bounded() -> None:
    globs = ", ".join(f"'a/{'*x' * 9}{i}'" for i in range(100))
    files = {f"a/f{i}.py": "from metaflow import FlowSpec\n" for i in range(1000)}
    with bounded():
        assert deployments({**files, "costgate.yml": f"version: 1\nflows: [{globs}]\n"}) == ((), ())


# The tree


ESCAPES = {
    "a config above": "Config('cfg', default='../secret.json')",
    "a config far above": "Config('cfg', default='a/../../../../../../../../etc/passwd', parser='yaml.safe_load')",
    "an absolute config": "Config('cfg', default='{outside}/secret.json')",
    "a config at home": "Config('cfg', default='~/secret.json')",
    "a config by expanduser": "Config('cfg', default=os.path.expanduser('~/secret.json'))",
    "a config beside the checkout": "Config('cfg', default=os.path.join(os.path.dirname(__file__), '..', 'secret.json'))",
    "a config by pathlib": "Config('cfg', default=pathlib.Path(__file__).parent.parent / 'secret.json')",
    "a config through a link": "Config('cfg', default='link.json')",
    "a config in a linked folder": "Config('cfg', default='linked/secret.json')",
    "a config with backslashes": "Config('cfg', default='..\\\\secret.json')",
    "a config with a byte of nothing": "Config('cfg', default='../secret.json\\0')",
    "a config that is opened": "Config('cfg', default_value=open('../secret.json').read())",
    "a parser that reads files": "Config('cfg', default='good.json', parser=lambda text: json.load(open('../secret.json')))",
    "a parser of another module": "Config('cfg', default='good.json', parser='outside.parse')",
    "a parser that runs commands": "Config('cfg', default='good.json', parser='os.system')",
    "a module above": "Config('cfg', default_value=secret.VALUE)",
    "a module through a link": "Config('cfg', default_value=linked_module.VALUE)",
    "a file of the standard library": "Config('cfg', default_value=json.__file__)",
}
SECRET = '{"gpu": 4242}'
KINDS = ("revision", "index", "work tree", "folder")


def tree(kind: str, repo: Repo) -> Snapshot:
    if kind == "folder":
        return folder.snapshot(repo.path)
    opened = git.open_repository(repo.path)
    made = {"revision": lambda: git.snapshot(opened, "HEAD"), "index": lambda: git.index_snapshot(opened)}
    return made[kind]() if kind in made else git.worktree_snapshot(opened)


@pytest.fixture(scope="module")
def surrounded(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """A repository in a folder full of secrets, with links to them."""
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.json").write_text(SECRET)
    (outside / "secret.py").write_text(f"VALUE = {SECRET}\n")
    repo = Repo(outside / "repo")
    (repo.path / "link.json").symlink_to(outside / "secret.json")
    (repo.path / "linked").symlink_to(outside)
    (repo.path / "linked_module.py").symlink_to(outside / "secret.py")
    files: dict[str, str | bytes | None] = {"good.json": '{"gpu": 1}', "costgate.yml": "version: 1\n"}
    for name, config in ESCAPES.items():
        text = flow(
            "@resources(gpu=cfg.gpu)",
            before="import json, os, pathlib, sys\nsys.path.insert(0, '..')\nimport linked_module, secret",
            body=f"cfg = {config.replace('{outside}', str(outside))}",
        )
        files[f"{name.replace(' ', '_')}.py"] = text.encode()
    repo.commit(files)
    return repo


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ESCAPES)
def test_nothing_outside_of_the_tree_is_read(surrounded: Repo, kind: str, name: str) -> None:
    sources = Sources(tree(kind, surrounded))
    path = f"{name.replace(' ', '_')}.py"
    (found,) = sources.flow_classes(path)
    for cwd in (".", "linked", "..", "../..", "/"):
        resolved = resolve_flow(sources, found, DeploymentSpec(flow=path, cwd=cwd), Settings(target="local"))
        assert isinstance(step(resolved).resources.gpu, Unresolved)
        assert "4242" not in resolve_v1.render_json(resolved)
        assert all(map(is_inside, resolved.reads))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "chosen",
    ["../secret.json", "link.json", "linked/secret.json", "/etc/passwd", "~/secret.json", "a/../../secret.json"],
)
def test_no_choice_of_configs_leaves_the_tree(surrounded: Repo, kind: str, chosen: str) -> None:
    sources = Sources(tree(kind, surrounded))
    path = "a_config_above.py"
    (found,) = sources.flow_classes(path)
    spec = DeploymentSpec(flow=path, configs={"cfg": chosen})
    resolved = resolve_flow(sources, found, spec, Settings(target="local"))
    env = {"METAFLOW_FLOW_CONFIG": f'{{"cfg": "{chosen}"}}'}
    by_env = resolve_flow(sources, found, DeploymentSpec(flow=path), Settings(target="local", metaflow_env=env))
    for one in (resolved, by_env):
        assert isinstance(step(one).resources.gpu, Unresolved)
        assert "4242" not in resolve_v1.render_json(one)


# Real source, and texts that nobody would write


def test_the_modules_of_the_standard_library_are_flows_like_any_other() -> None:
    stdlib = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    chosen = random.Random(7).sample(stdlib, 15)
    with bounded():
        used = [fuzz.swept(path.read_bytes()) for path in chosen]
    assert sum(used) > 200


def test_texts_that_nobody_would_write_are_resolved() -> None:
    tally = fuzz.Tally()
    with bounded():
        for number in range(50):
            for files in fuzz.sets(0, number):
                fuzz.examine(files, tally)
    assert tally.flows > 80


def test_the_fuzzer_sees_what_is_out_of_bounds() -> None:
    files = {"f.py": flow("@resources(gpu=1)").encode()}
    (found,) = fuzz.examine(files, fuzz.Tally())
    with pytest.raises(AssertionError, match="a place outside of the files"):
        fuzz.check(found, {"other.py": b""}, fuzz.Tally())
    for value in (2**1100, object(), "x" * 100_001, [Known(value=2**2000)]):
        with pytest.raises(AssertionError):
            fuzz.bounded(value)
