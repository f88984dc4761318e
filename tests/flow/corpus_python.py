# ruff: noqa: E501
"""Flows with the Python that users write around their decorators, and with every form of graph."""

from __future__ import annotations

import json
from itertools import product
from textwrap import dedent, indent

from tests.flow.corpus import TARGETS, chain
from tests.flow.peer import Case
from tests.flow.table import HEAD

# What stands above the flow, and expressions for an amount of memory that it allows.
MODULES: dict[str, tuple[str, tuple[str, ...]]] = {
    "constants": (
        ("GB = 1024\nSMALL, LARGE = 4 * GB, 64 * GB\nSIZES = {'s': 1000, 'l': 64_000, 'n': {'deep': [1, 2, 300]}}\n"
        "MODE: str = 'l'\nTIERS = [1000, 2000, 4000]\nTOTAL = sum(TIERS)\nNOTHING = None\nIS_PROD = True"),
        (
            "GB", "16 * GB", "LARGE", "SMALL + 512", "SIZES['l']", "SIZES[MODE]", "SIZES['n']['deep'][-1]", "SIZES.get('x', 5000)",
            "SIZES.get('s', 1)", "TIERS[1]", "TIERS[-1] // 3", "max(TIERS)", "min(*TIERS)", "TOTAL", "len(TIERS) * GB",
            "2 ** 14", "1 << 13", "-(-7000 // 2)", "round(1234.5678, 1)", "int(2.5 * GB)", "float('8000')", "str(9000)", "int('12000')",
            "abs(-500)", "10_000 % 4096", "GB if IS_PROD else 1", "1 if not IS_PROD else LARGE", "NOTHING or 2048", "IS_PROD and 4096",
            "3000 if 1 < len(TIERS) <= 3 else 1", "3000 if MODE in SIZES else 1", "3000 if MODE == 's' else 2000", "3000 if NOTHING is None else 1",
            "sorted(TIERS, reverse=True)[0]", "list(SIZES)[0] and 700", "[t * 2 for t in TIERS][2]", "{k: v for k, v in zip('ab', TIERS)}['b']",
            "sum(t for t in TIERS if t > 1000)", "dict(a=3000)['a']", "{**SIZES, 's': 4444}['s']", "(lambda g: g * GB)(3)", "range(0, 5000, 1000)[-1]",
            "TIERS[:2][-1]", "sum([*TIERS, 1])", "any(TIERS) + 4096", "max(TIERS, key=lambda t: -t)", "divmod(9000, 8)[0]", "tuple(TIERS)[0]",
            "int(SIZES['l'] / 3)", "max([t for t in TIERS], default=1)", "next(iter(TIERS))", "[t for ts in (TIERS, [1]) for t in ts][2]",
        ),
    ),
    "text": (
        "import os\nNAME, SIZE = 'train', 16\nTEXT = ' 64G '",
        (
            "f'{SIZE}000'", "f'{SIZE * 2:d}' + '00'", "'%d000' % SIZE", "'{}500'.format(SIZE)", "'{n}000'.format(n=4)", "TEXT.strip()[:-1] + '000'",
            "int(TEXT.strip().rstrip('G')) * 1024", "'8,000'.replace(',', '')", "'4000;5000'.split(';')[1]", "str(SIZE) + '00'", "'9' * 4",
            "f'{NAME}'.startswith('tr') and 6000", "len(NAME) * 1000", "f'{8:02d}00'.lstrip('0')", "'7000' if NAME.endswith('n') else 1", "''.join(['1', '000'])",
            "int('0x1000', 16)", "int(os.path.basename('a/5000'))", "int(os.path.splitext('5000.json')[0])", "os.environ.get('NOT_SET_HERE', '3000')",
            "int(os.environ.get('NOT_SET_HERE', 3)) * 1024", "os.getenv('NOT_SET_HERE', 2500)", "os.getenv('NOT_SET_HERE') or 1234",
            "4000 if os.environ.get('NOT_SET_HERE') else 2000", "4000 if 'NOT_SET_HERE' in os.environ else 2000", "'5000'.zfill(5)", "'a-6000'.partition('-')[2]",
            "int(f'{1e3:.0f}')", "'500' + f'{0!s}'", "4000 if NAME.isalpha() else 1", "'8000'.isdigit() and '8000'", "NAME.upper() == 'TRAIN' and 3333",
            "int('4000'.encode().decode())", "'x=900'.rsplit('=', 1)[-1]", "4000 if os.path.exists('/nowhere/at/all') else 500",
        ),
    ),
    "functions": (
        dedent(
            '''
            import functools
            import math
            GB = 1000
            def gigabytes(n):
                """Megabytes."""
                return n * GB
            def pick(kind, *, factor=1):
                return {"small": 2000, "large": 64000}[kind] * factor
            def unit_convert(number, base_unit, convert_unit):
                return number * 1000 ** (["MB", "GB", "TB"].index(base_unit) - ["MB", "GB", "TB"].index(convert_unit))
            def typed(n: int = 4, more: "int" = 0) -> int:
                return n * GB + more
            def stepwise(n):
                doubled = n * 2
                return doubled * GB
            def chosen(kind):
                if kind == "large":
                    return 64000
                return 2000
            def branching(kind):
                if kind == "a":
                    return 1
                elif kind == "b":
                    return 3000
                else:
                    return 2
            def nested(n):
                return gigabytes(gigabytes(1) // 100 + n)
            def limited(n, low=1000, high=8000):
                return max(low, min(n, high))
            def power(*, exponent):
                """A constant inside."""
                base = 2
                size: int = base ** exponent
                return size
            double = lambda n: n * 2
            half = functools.partial(lambda a, b: b // a, 2)
            memory_of = functools.partial(pick, factor=2)
            '''
        ),
        (
            "gigabytes(16)", "gigabytes(n=8)", "pick('large')", "pick('small', factor=3)", "typed()", "typed(more=5)", "typed(2, 3)", "stepwise(4)",
            "chosen('large')", "chosen('small')", "branching('b')", "branching('c') * 1000", "nested(1)", "limited(20000)", "limited(10, high=9)", "power(exponent=12)",
            "double(700)", "half(9000)", "memory_of('small')", "math.ceil(1023.2)", "math.floor(4000.9)", "int(math.pow(2, 12))", "math.prod([10, 20, 30])",
            "unit_convert(100, 'GB', 'MB')", "int(math.sqrt(1_000_000)) * 4",
        ),
    ),
    "dataclasses": (
        dedent(
            '''
            import enum
            from collections import namedtuple
            from dataclasses import asdict, dataclass, field, replace
            from types import SimpleNamespace
            from typing import NamedTuple
            @dataclass
            class Size:
                cpu: int = 4
                memory: int = 16000
                tags: list = field(default_factory=list)
            @dataclass(frozen=True)
            class Limits:
                memory: int
                extra: int = 24
                def total(self):
                    return self.memory + self.extra
                @property
                def doubled(self):
                    return self.memory * 2
            class Plain:
                memory = 7000
                class Inner:
                    memory = 7500
                @staticmethod
                def of(n):
                    return n * 1000
                @classmethod
                def scaled(cls, n):
                    return cls.memory * n
            class Tier(enum.Enum):
                SMALL = 1000
                LARGE = 64000
            class Level(enum.IntEnum):
                LOW = 2048
            class Name(str, enum.Enum):
                BIG = "9000"
            class Row(NamedTuple):
                cpu: int
                memory: int = 3000
            SIZE, BIG, LIMITS, ROW = Size(), Size(cpu=8, memory=64000), Limits(4000), Row(1)
            PAIR = namedtuple("Pair", "cpu memory")(2, 5000)
            SPACE = SimpleNamespace(memory=4500)
            '''
        ),
        (
            "SIZE.memory", "BIG.memory", "Size.memory", "Size(memory=500).memory", "LIMITS.memory + LIMITS.extra", "Plain.memory", "Plain.Inner.memory",
            "Plain().memory", "Tier.SMALL.value", "Tier['LARGE'].value", "Level.LOW.value", "ROW.memory", "ROW[1]", "asdict(SIZE)['memory']", "LIMITS.total()",
            "LIMITS.doubled", "Plain.of(3)", "Plain.scaled(2)", "Tier(64000).value", "[t.value for t in Tier][0]", "Level.LOW + 0", "Name.BIG.value",
            "PAIR.memory", "SPACE.memory", "replace(LIMITS, memory=900).memory",
        ),
    ),
}  # fmt: skip
# What stands above the flow, and decorators of a step that it allows.
DECORATORS: dict[str, tuple[str, tuple[str, ...]]] = {
    "partials and factories": (
        dedent(
            """
            import functools
            import metaflow
            from functools import partial
            from metaflow import kubernetes as k8s, resources as res
            BIG = dict(cpu=8, memory=64000)
            GPU = {"gpu": 1, "node_selector": {"pool": "a100"}}
            big = functools.partial(resources, memory=64000)
            huge = partial(big, cpu=32)
            gpu_box = kubernetes(gpu=4)
            def sized(memory, gpu=None):
                return resources(memory=memory, gpu=gpu)
            def gpu_step(function):
                return kubernetes(gpu=1)(resources(memory=5000)(function))
            def both(n):
                def decorate(function):
                    return retry(times=1)(kubernetes(cpu=n)(function))
                return decorate
            def timed(function):
                @functools.wraps(function)
                def inner(*args, **kwargs):
                    return function(*args, **kwargs)
                return inner
            def standard(function):
                function = retry(times=2)(function)
                return timeout(hours=1)(function)
            compute = kubernetes if BIG["cpu"] > 4 else batch
            """
        ),
        (
            "@big()", "@big(cpu=4)", "@huge(gpu=1)", "@gpu_box", "@sized(32000)", "@sized(32000, gpu=2)", "@gpu_step", "@both(6)", "@timed\n@resources(cpu=2)",
            "@standard", "@metaflow.kubernetes(cpu=2)", "@k8s(gpu=2)", "@res(cpu=5)", "@kubernetes(**BIG)", "@resources(**{**BIG, 'cpu': 2})", "@kubernetes(**GPU)",
            "@kubernetes(**dict(BIG, gpu=2))", "@compute(cpu=3)", "@k8s(**GPU, **BIG)", "@resources(**(BIG | {'gpu': 1}))", "@card(type='blank')\n@res(cpu=3)",
            "@environment(vars={'OMP': '1'})\n@kubernetes(memory=int(64e3))", "@secrets(sources=['s'])\n@resources(gpu=1)", "@pypi(packages={'a': '1'})\n@resources(cpu=7)",
        ),
    ),
}  # fmt: skip


def python() -> dict[str, Case]:
    """An expression per flow, so that one that stays open hides no other."""
    targets = dict(enumerate(TARGETS))
    found = {}
    for name, (before, expressions) in MODULES.items():
        for number, expression in enumerate(expressions):
            files = {"f.py": chain([f"@resources(memory={expression})"], before=before)}
            found[f"{name}: {expression}"] = Case(files=files, target=targets[number % 3])
    for name, (before, decorators) in DECORATORS.items():
        for number, decorator in enumerate(decorators):
            files = {"f.py": chain([decorator], before=before)}
            found[f"{name}: {decorator}"] = Case(files=files, target=targets[number % 2 * 2])
    return found


STEP = "@step\ndef {0}(self):\n    {1}\n"
START, END = STEP.format("start", "self.next(self.end)"), STEP.format("end", "pass")
MIDDLE = STEP.format("start", "self.next(self.train)") + "{0}" + STEP.format("train", "self.next(self.end)") + END


def classes_(text: str) -> str:
    """Flow classes after the usual imports. START and END stand for steps, TRAIN for three of which one is decorated."""
    return HEAD + "\n".join(_expanded(line) for line in text.splitlines()) + "\n"


def _expanded(line: str) -> str:
    content = line.strip()
    space = line[: len(line) - len(line.lstrip())]
    if content.startswith("TRAIN"):
        return indent(MIDDLE.format(content.removeprefix("TRAIN").strip() + "\n"), space)
    return indent({"START": START, "END": END}[content], space) if content in ("START", "END") else line


INHERITED = {
    "a base with steps": "class Base(FlowSpec):\n    TRAIN @resources(gpu=2)\nclass F(Base):\n    pass",
    "an overridden step": "class Base(FlowSpec):\n    TRAIN @kubernetes(gpu=8)\nclass F(Base):\n    @resources(cpu=3)\n    @step\n    def train(self):\n        self.next(self.end)",
    "an overridden step without decorators": "class Base(FlowSpec):\n    TRAIN @kubernetes(gpu=8)\nclass F(Base):\n    @step\n    def train(self):\n        self.next(self.end)",
    "an abstract base": "class Base(FlowSpec):\n    cfg = Config('cfg', default_value={'gpu': 1})\n    SIZE = 4000\nclass F(Base):\n    START\n    @resources(memory=Base.SIZE)\n    @step\n    def end(self):\n        pass",
    "a redefined config": "class Base(FlowSpec):\n    cfg = Config('cfg', default_value={'gpu': 4})\n    TRAIN @resources(gpu=cfg.gpu)\nclass F(Base):\n    cfg = Config('cfg', default_value={'gpu': 16})",
    "a mixin with a step": "class Mixin:\n    @resources(cpu=12)\n    @step\n    def end(self):\n        pass\nclass F(Mixin, FlowSpec):\n    START",
    "a mixin of two": "class A:\n    @resources(cpu=1)\n    @step\n    def end(self):\n        pass\nclass B:\n    @resources(cpu=2)\n    @step\n    def end(self):\n        pass\nclass F(B, A, FlowSpec):\n    START",
    "a diamond": "class Top(FlowSpec):\n    START\n    END\nclass Left(Top):\n    @resources(cpu=5)\n    @step\n    def end(self):\n        pass\nclass Right(Top):\n    @resources(cpu=6)\n    @step\n    def end(self):\n        pass\nclass F(Left, Right):\n    pass",
    "three generations": "class A(FlowSpec):\n    cfg = Config('cfg', default_value={'gpu': 1})\nclass B(A):\n    TRAIN @kubernetes(**cfg_of('k'))\nclass F(B):\n    other = Config('k', default_value={'gpu': 3, 'memory': 9000})",
    "an inherited project": "@project(name='base')\nclass Base(FlowSpec):\n    TRAIN @resources(gpu=2)\nclass F(Base):\n    pass",
    "an inherited schedule and an own project": "@schedule(hourly=True)\nclass Base(FlowSpec):\n    TRAIN @resources(gpu=2)\n@project(name='own')\nclass F(Base):\n    pass",
    "a class constant": "class F(FlowSpec):\n    GPUS = 4\n    MEMORY = GPUS * 8000\n    TRAIN @resources(gpu=GPUS, memory=MEMORY)",
    "a constant of the base": "class Base(FlowSpec):\n    GPUS = 4\nclass F(Base):\n    TRAIN @resources(gpu=Base.GPUS)",
    "a constant that the subclass changes": "class Base(FlowSpec):\n    GPUS = 4\n    TRAIN @resources(gpu=GPUS)\nclass F(Base):\n    GPUS = 8",
    "a generic base": "from typing import Generic, TypeVar\nT = TypeVar('T')\nclass Base(FlowSpec, Generic[T]):\n    TRAIN @resources(gpu=2)\nclass F(Base[int]):\n    pass",
    "an ABC": "import abc\nclass Base(abc.ABC):\n    SIZE = 2000\n    @abc.abstractmethod\n    def work(self):\n        ...\nclass F(FlowSpec):\n    TRAIN @resources(memory=Base.SIZE)",
    "methods, properties and parameters": "class F(FlowSpec):\n    n = Parameter('n', default=3, type=int)\n    data = IncludeFile('data', required=False)\n    def helper(self):\n        return 1\n    @property\n    def shown(self):\n        return 2\n    TRAIN @resources(gpu=2)",
    "a decorator in a class attribute": "class F(FlowSpec):\n    big = resources(memory=9000)\n    TRAIN @big",
    "two flows in a file": "class Other(FlowSpec):\n    TRAIN @resources(gpu=9)\nclass F(FlowSpec):\n    TRAIN @resources(gpu=1)",
}  # fmt: skip


def inheritance() -> dict[str, Case]:
    """Bases, mixins and overridden steps on every target."""
    before = "def cfg_of(name):\n    return config_expr(name)\n"
    return {
        f"{name}, {target}": Case(files={"f.py": classes_(before + text)}, target=target)
        for (name, text), target in product(INHERITED.items(), ("argo-workflows", "local"))
    }


USE = "@resources(memory={0})"
IMPORTS: dict[str, tuple[dict[str, str], str, str]] = {  # files, what stands above the flow, memory
    "a module": ({"sizes.py": "BIG = 64000\n"}, "import sizes", "sizes.BIG"),
    "a name of a module": ({"sizes.py": "BIG = 64000\n"}, "from sizes import BIG", "BIG"),
    "a renamed name": ({"sizes.py": "BIG = 64000\n"}, "from sizes import BIG as LARGE", "LARGE"),
    "a renamed module": ({"sizes.py": "BIG = 64000\n"}, "import sizes as s", "s.BIG"),
    "a star": ({"sizes.py": "BIG = 64000\n"}, "from sizes import *", "BIG"),
    "a star with __all__": ({"sizes.py": "__all__ = ['BIG']\nBIG = 64000\n"}, "from sizes import *", "BIG"),
    "a package": ({"lib/__init__.py": "", "lib/sizes.py": "BIG = 500 * 2\n"}, "from lib.sizes import BIG", "BIG"),
    "a package by its path": ({"lib/__init__.py": "", "lib/sizes.py": "BIG = 5000\n"}, "import lib.sizes", "lib.sizes.BIG"),
    "a namespace package": ({"lib/sizes.py": "BIG = 5000\n"}, "from lib import sizes", "sizes.BIG"),
    "a package's __init__": ({"lib/__init__.py": "from .sizes import BIG\n", "lib/sizes.py": "BIG = 5000\n"}, "from lib import BIG", "BIG"),
    "a relative import": ({"lib/__init__.py": "", "lib/base.py": "GB = 1000\n", "lib/sizes.py": "from .base import GB\nBIG = 5 * GB\n"}, "from lib.sizes import BIG", "BIG"),
    "a chain of modules": ({"a.py": "from b import N\n", "b.py": "import c\nN = c.N * 2\n", "c.py": "N = 2500\n"}, "import a", "a.N"),
    "a dataclass": ({"sizes.py": "from dataclasses import dataclass\n@dataclass\nclass Size:\n    memory: int = 3000\nSIZE = Size()\n"}, "from sizes import SIZE", "SIZE.memory"),
    "a function": ({"sizes.py": "GB = 1000\ndef gb(n):\n    return n * GB\n"}, "from sizes import gb", "gb(4)"),
    "a dict": ({"sizes.py": "SIZES = {'big': {'memory': 8000}}\n"}, "from sizes import SIZES", "SIZES['big']['memory']"),
    "an import that may fail": ({"sizes.py": "BIG = 64000\n"}, "try:\n    from sizes import BIG\nexcept ImportError:\n    BIG = 1000", "BIG"),
    "an import for types only": ({"sizes.py": "BIG = 64000\n"}, "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import numpy\nfrom sizes import BIG", "BIG"),
    "a constant by condition": ({}, "import os\nif os.environ.get('NOT_SET_HERE'):\n    BIG = 1000\nelse:\n    BIG = 64000", "BIG"),
    "logging on the way": ({"sizes.py": "import logging\nlog = logging.getLogger(__name__)\nBIG = 64000\nlog.debug('%s', BIG)\n"}, "from sizes import BIG", "BIG"),
    "sys.path on the way": ({"lib/sizes.py": "BIG = 64000\n"}, "import os, sys\nsys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))\nfrom sizes import BIG", "BIG"),
    "an enum": ({"sizes.py": "from enum import Enum\nclass Size(Enum):\n    BIG = 64000\n"}, "from sizes import Size", "Size.BIG.value"),
    "a json file": ({"sizes.json": '{"big": 64000}'}, "import json, os\nwith open(os.path.join(os.path.dirname(__file__), 'sizes.json')) as f:\n    SIZES = json.load(f)", "SIZES['big']"),
}  # fmt: skip
LIBRARY = {
    "a decorator": ("from metaflow import kubernetes\ndef gpu(n):\n    return kubernetes(gpu=n, cpu=8 * n)\n", "from lib import gpu", "@gpu(2)"),
    "a partial": ("import functools\nfrom metaflow import resources\nbig = functools.partial(resources, memory=64000)\n", "import lib", "@lib.big(cpu=2)"),
    "a wrapper": ("import functools\ndef logged(f):\n    @functools.wraps(f)\n    def inner(self, *args):\n        print('step')\n        return f(self, *args)\n    return inner\n", "from lib import logged", "@logged\n@resources(cpu=4)"),
    "settings": ("GPU = dict(gpu=1, memory=32000)\nTIMES = 3\n", "from lib import *", "@retry(times=TIMES)\n@resources(**GPU)"),
    "Metaflow's names": ("from metaflow import kubernetes, resources as r\n", "import lib", "@lib.kubernetes(cpu=3)\n@lib.r(cpu=4)"),
}  # fmt: skip
BASE = """
from metaflow import *
class Base(FlowSpec):
    cfg = Config("cfg", default="c.json")
    SIZE = 3000
    @kubernetes(gpu=cfg.gpu)
    @step
    def train(self):
        self.next(self.end)
    @step
    def end(self):
        pass
"""


def imports() -> dict[str, Case]:
    """What modules of the repository hold."""
    found = {
        f"{name} in {folder or 'the root'}": Case(
            files={f"{folder}{path}": text for path, text in files.items()}
            | {f"{folder}f.py": chain([USE.format(memory)], before=before)},
            path=f"{folder}f.py",
        )
        for (name, (files, before, memory)), folder in product(IMPORTS.items(), ("", "flows/"))
        if not (folder and name == "a json file")
    }
    for name, (text, before, decorators) in LIBRARY.items():
        found[f"{name} of a library"] = Case(files={"lib.py": text, "f.py": chain([decorators], before=before)})
    derived = (
        HEAD + "from base import Base\nclass F(Base):\n    @step\n    def start(self):\n        self.next(self.train)\n"
    )
    files = {
        "flows/base.py": BASE,
        "flows/f.py": derived,
        "c.json": json.dumps({"gpu": 2}),
        "o.json": json.dumps({"gpu": 7}),
    }
    found["a base class of a library"] = Case(files=files, path="flows/f.py")
    found["a base class of a library, another config"] = Case(files=files, path="flows/f.py", configs={"cfg": "o.json"})
    return found
