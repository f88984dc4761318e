# ruff: noqa: E501
"""Flows with Python around their decorators, and what their `start` step asks for, or (part of) the reason why not."""

from __future__ import annotations

from tests.flow.table import HEAD, c, flow

CASES = {
    "literal arguments are known": (
        c("@resources(cpu=8, gpu=1, memory=1000)"),
        {"resources": {"cpu": 8, "gpu": 1, "memory": 1000}},
    ),
    "a class constant is known": (c("@resources(gpu=NG)", body="NG = 4"), {"resources": {"gpu": 4}}),
    "a class constant set below is not used above": (
        c("@resources(gpu=NG)", before="NG = 1", extra="    NG = 4\n", body=""),
        {"resources": {"gpu": 1}},
    ),
    "a partial of a decorator is that decorator": (
        c("@big(cpu=4)", before="import functools\nbig = functools.partial(resources, memory=64000)"),
        {"resources": {"memory": 64000, "cpu": 4}},
    ),
    "a decorator kept in a variable is known": (c("@gpu", before="gpu = resources(gpu=4)"), {"resources": {"gpu": 4}}),
    "a factory that returns a decorator is known": (
        c("@mk(64000)", before="def mk(m, *, g=2):\n    'doc'\n    return resources(memory=m, gpu=g)\n"),
        {"resources": {"memory": 64000, "gpu": 2}},
    ),
    "a decorator that applies two others is known": (
        c("@gpu_step", before="def gpu_step(f):\n    return kubernetes(gpu=1)(resources(memory=5000)(f))\n"),
        {"kubernetes": {"gpu": 1}, "resources": {"memory": 5000}},
    ),
    "a wrapper with functools.wraps changes nothing": (
        c(
            "@timed\n@resources(gpu=1)",
            before="import functools\ndef timed(f):\n    @functools.wraps(f)\n    def w(*a, **k):\n        return f(*a, **k)\n    return w\n",
        ),
        {"resources": {"gpu": 1}},
    ),
    "an imported alias of a decorator is known": (
        c("@k8s(gpu=1, memory='9000')", before="from metaflow import kubernetes as k8s"),
        {"kubernetes": {"gpu": 1, "memory": "9000"}},
    ),
    "a decorator of an aliased module is known": (
        c("@mf.kubernetes(gpu=1)", before="import metaflow as mf"),
        {"kubernetes": {"gpu": 1}},
    ),
    "an unpacked constant is known": (
        c("@kubernetes(**BIG)", before="BIG = dict(cpu=4, memory=8000)"),
        {"kubernetes": {"cpu": 4, "memory": 8000}},
    ),
    "an unpacked constant can be overridden in a dict": (
        c("@kubernetes(**{**BIG, 'cpu': 8})", before="BIG = dict(cpu=4, memory=8000)"),
        {"kubernetes": {"cpu": 8, "memory": 8000}},
    ),
    "a dict changed by assignment is not known": (
        c("@kubernetes(**BIG)", before="BIG = dict(cpu=4, memory=8000)\nBIG['cpu'] = 9"),
        "BIG is changed in place",
    ),
    "a dict changed under another name is not known": (
        c("@kubernetes(**BIG)", before="BIG = dict(cpu=4, memory=8000)\nB2 = BIG\nB2.update(cpu=9)"),
        "BIG is changed in place",
    ),
    "a dict changed by a function is not known": (
        c("@kubernetes(**BIG)", before="BIG = dict(cpu=4, memory=8000)\ndef ch(d):\n    d['cpu'] = 9\nch(BIG)"),
        "BIG is handed to a call that may change it",
    ),
    "a dict changed in a loop is not known": (
        c("@kubernetes(**BIG)", before="BIG = dict(cpu=4, memory=8000)\nfor b in [BIG]:\n    b['cpu'] = 9"),
        "BIG is changed in place",
    ),
    "a name assigned twice is not known": (
        c("@kubernetes(cpu=N)", before="N = 4\nN = 5"),
        "N is assigned more than once",
    ),
    "an augmented name is not known": (
        c("@kubernetes(cpu=N)", before="N = 4\nN += 1"),
        "N is not bound by a plain assignment",
    ),
    "a name assigned under a condition is not known": (
        c("@kubernetes(cpu=N)", before="N = 4\nif True:\n    N = 6"),
        "N is assigned under a condition or in a loop",
    ),
    "a name assigned by a function is not known": (
        c("@kubernetes(cpu=N)", before="N = 4\ndef f():\n    global N\n    N = 7\nf()"),
        "N is assigned by a function or inside an expression",
    ),
    "a name set through globals is not known": (
        c("@kubernetes(cpu=N)", before="N = 4\nglobals()['N'] = 7"),
        "N may be changed: the module rewrites its own names",
    ),
    "names unpacked from a tuple are known": (
        c("@kubernetes(cpu=A, memory=B)", before="A, B = 4, 9000"),
        {"kubernetes": {"cpu": 4, "memory": 9000}},
    ),
    "the value of an Enum member is known": (
        c("@kubernetes(cpu=S.BIG.value)", before="import enum\nclass S(enum.Enum):\n    BIG = 8\n"),
        {"kubernetes": {"cpu": 8}},
    ),
    "fields of a dataclass instance are known": (
        c(
            "@kubernetes(cpu=R.cpu, memory=R.memory)",
            before="from dataclasses import dataclass, field\n@dataclass\nclass Res:\n    cpu: int = 2\n    memory: int = field(default=3000)\nR = Res(cpu=6)",
        ),
        {"kubernetes": {"cpu": 6, "memory": 3000}},
    ),
    "a dataclass instance changed later is not known": (
        c(
            "@kubernetes(cpu=R.cpu)",
            before="from dataclasses import dataclass\n@dataclass\nclass Res:\n    cpu: int = 2\nR = Res(cpu=6)\nR.cpu = 9",
        ),
        "Res is changed in place",
    ),
    "asdict of a dataclass is known": (
        c(
            "@kubernetes(**asdict(R))",
            before="from dataclasses import dataclass, asdict\n@dataclass\nclass Res:\n    cpu: int = 2\n    memory: int = 3000\nR = Res(cpu=6)",
        ),
        {"kubernetes": {"cpu": 6, "memory": 3000}},
    ),
    "fields of a NamedTuple are known": (
        c(
            "@kubernetes(cpu=R.cpu)",
            before="from typing import NamedTuple\nclass Res(NamedTuple):\n    cpu: int = 2\nR = Res(6)",
        ),
        {"kubernetes": {"cpu": 6}},
    ),
    "a class attribute is known": (
        c("@kubernetes(cpu=Settings.CPU)", before="class Settings:\n    CPU = 3\n"),
        {"kubernetes": {"cpu": 3}},
    ),
    "a class attribute assigned later is not known": (
        c("@kubernetes(cpu=Settings.CPU)", before="class Settings:\n    CPU = 3\nSettings.CPU = 5"),
        "Settings is changed in place",
    ),
    "a class attribute set by setattr is not known": (
        c("@kubernetes(cpu=Settings.CPU)", before="class Settings:\n    CPU = 3\nsetattr(Settings, 'CPU', 5)"),
        "Settings is changed in place",
    ),
    "an environment variable with a default is known": (
        c("@kubernetes(cpu=int(os.environ.get('MY_CPU', '3')))", before="import os"),
        {"kubernetes": {"cpu": 3}},
    ),
    "an environment variable that the flow sets is not known": (
        c("@kubernetes(cpu=int(os.environ.get('MY_CPU', '3')))", before="import os\nos.environ['MY_CPU'] = '7'"),
        "depends on the environment variable MY_CPU, which the code changes",
    ),
    "an environment variable set through an imported name is not known": (
        c("@kubernetes(cpu=int(environ.get('MY_CPU', '3')))", before="from os import environ\nenviron['MY_CPU'] = '7'"),
        "depends on the environment variable MY_CPU, which the code changes",
    ),
    "constants of another module are known": (
        c("@kubernetes(cpu=lib.CPU, memory=MEM)", before="import lib\nfrom lib import MEMORY as MEM")
        | {"lib.py": "CPU = 5\nMEMORY = CPU * 1000\n"},
        {"kubernetes": {"cpu": 5, "memory": 5000}},
    ),
    "a constant that the flow assigns in another module is not known": (
        c("@kubernetes(cpu=lib.CPU)", before="import lib\nlib.CPU = 6") | {"lib.py": "CPU = 5\n"},
        "is assigned or changed elsewhere in the module",
    ),
    "a constant that the flow sets in another module is not known": (
        c("@kubernetes(cpu=lib.CPU)", before="import lib\nsetattr(lib, 'CPU', 6)") | {"lib.py": "CPU = 5\n"},
        "is assigned or changed elsewhere in the module",
    ),
    "a dict of another module that the flow changes is not known": (
        c("@kubernetes(**D)", before="from lib import D\nD['cpu'] = 6") | {"lib.py": "D = {'cpu': 5}\n"},
        "D may be changed by another module",
    ),
    "relative imports and re-exports are followed": (
        c("@kubernetes(cpu=X)", before="from pkg import X")
        | {
            "pkg/__init__.py": "from .a import *\nfrom .b import Y as X\n",
            "pkg/a.py": "X = 1\nZ = 2\n",
            "pkg/b.py": "from . import a\nY = a.Z + 5\n",
        },
        {"kubernetes": {"cpu": 7}},
    ),
    "a star import of a star import is followed": (
        c("@kubernetes(cpu=X)", before="from pkg import *")
        | {"pkg/__init__.py": "from .a import *\n", "pkg/a.py": "X = 3\n_Z = 2\n"},
        {"kubernetes": {"cpu": 3}},
    ),
    "a name that a later star import binds again is not known": (
        c("@kubernetes(cpu=X)", before="X = 9\nfrom pkg import *")
        | {"pkg/__init__.py": "from .a import *\n", "pkg/a.py": "X = 3\n_Z = 2\n"},
        "X is bound again by `from pkg import *`",
    ),
    "a namespace package is followed": (
        c("@kubernetes(cpu=ns.m.X)", before="import ns.m") | {"ns/m.py": "X = 3\n"},
        {"kubernetes": {"cpu": 3}},
    ),
    "an overridden step loses the base's decorators, another keeps them": (
        {
            "f.py": HEAD
            + "from b import Base\nclass F(Base):\n    @step\n    def start(self):\n        self.next(self.end)\nif __name__=='__main__': F()\n",
            "b.py": HEAD
            + "@project(name='p')\nclass Base(FlowSpec):\n    @resources(gpu=1)\n    @step\n    def start(self):\n        self.next(self.end)\n    @kubernetes(cpu=7)\n    @step\n    def end(self): pass\n",
        },
        {},
    ),
    "a lambda with a default is called": (
        c("@resources(gpu=f(2))", before="f = lambda x, y=3: x * y"),
        {"resources": {"gpu": 6}},
    ),
    "text methods are called": (
        c(
            "@environment(vars={'a': 'x-{}'.format(N).upper(), 'b': '-'.join(['a', str(N)]), 'c': f'{N:03d}|{N!r}'})",
            before="N = 7",
        ),
        {"environment": {"vars": {"a": "X-7", "b": "a-7", "c": "007|7"}}},
    ),
    "a comprehension with a condition is known": (
        c("@kubernetes(cpu=sum([i for i in range(5) if i % 2]))"),
        {"kubernetes": {"cpu": 4}},
    ),
    "a comprehension in a class body sees the module's name": (
        c("@kubernetes(cpu=[N for _ in range(2)][0])", before="N = 3", body="N = 4"),
        {"kubernetes": {"cpu": 3}},
    ),
    "the first iterable of a comprehension sees the class's name": (
        c("@kubernetes(cpu=[n for n in NS][0])", body="NS = [4]"),
        {"kubernetes": {"cpu": 4}},
    ),
    "starred arguments are known": (
        c("@mk(*A, **K)", before="def mk(m, g): return resources(memory=m, gpu=g)\nA = (5000,)\nK = {'g': 2}"),
        {"resources": {"memory": 5000, "gpu": 2}},
    ),
    "several decorators are read together": (
        c("@card\n@retry(times=2)\n@timeout(hours=1, minutes=2)\n@kubernetes"),
        {"card": {}, "retry": {"times": 2}, "timeout": {"hours": 1, "minutes": 2}, "kubernetes": {}},
    ),
    "a flow mutator of the repository is evaluated": (
        c(
            "@resources(gpu=1)",
            before="from metaflow import FlowMutator\nclass M(FlowMutator):\n    def mutate(self, f):\n        for n, s in f.steps: s.add_decorator('kubernetes', deco_kwargs={'cpu': 5})\n",
            cls="@M\n",
        ),
        {"kubernetes": {"cpu": 5}, "resources": {"gpu": 1}},
    ),
    "a step mutator of the repository is evaluated": (
        c(
            "@M\n@resources(gpu=1)",
            before="from metaflow import StepMutator\nclass M(StepMutator):\n    def mutate(self, s):\n        s.add_decorator('kubernetes', deco_kwargs={'cpu': 5})\n",
        ),
        {"kubernetes": {"cpu": 5}, "resources": {"gpu": 1}},
    ),
    "a UserStepDecorator changes no resources": (
        c(
            "@D\n@kubernetes(cpu=3)",
            before="from metaflow import UserStepDecorator\nclass D(UserStepDecorator):\n    def pre_step(self, n, f, inputs=None): pass\n",
        ),
        {"kubernetes": {"cpu": 3}},
    ),
    "a user_step_decorator changes no resources": (
        c(
            "@d\n@kubernetes(cpu=3)",
            before="from metaflow import user_step_decorator\n@user_step_decorator\ndef d(step_name, flow, inputs):\n    yield\n",
        ),
        {"kubernetes": {"cpu": 3}},
    ),
    "a user_step_decorator with arguments changes no resources": (
        c(
            "@d(a=1)\n@kubernetes(cpu=3)",
            before="from metaflow import user_step_decorator\n@user_step_decorator\ndef d(step_name, flow, inputs, attributes):\n    yield\n",
        ),
        {"kubernetes": {"cpu": 3}},
    ),
    "a constant is known": (c("@kubernetes(cpu=N)", before="N = 4", extra="", body=""), {"kubernetes": {"cpu": 4}}),
    "a builtin is called": (c("@kubernetes(cpu=max(3, 4))", extra=""), {"kubernetes": {"cpu": 4}}),
    "a name bound by a walrus is not known": (
        c("@kubernetes(cpu=N)", before="N = 4\nif (N := 5): pass"),
        "N is assigned by a function or inside an expression",
    ),
    "a name bound by a loop is not known": (
        c("@kubernetes(cpu=N)", before="N = 4\nfor N in range(9): pass"),
        "N is not bound by a plain assignment",
    ),
    "a name bound in a try is not known": (
        c("@kubernetes(cpu=N)", before="from lib import M as N")
        | {"lib.py": "M = 2\ntry:\n    M = 3\nexcept Exception: pass\n"},
        "M is assigned under a condition or in a loop",
    ),
    "a deleted name is not known": (
        c("@kubernetes(cpu=N)", before="N = 4\nM = N\ndel N\nN = M + 1"),
        "N is not bound by a plain assignment",
    ),
    "an attribute of a base flow is known": (
        c("@kubernetes(cpu=Base.N)", before="class Base(FlowSpec):\n    N = 6\n", base="Base"),
        {"kubernetes": {"cpu": 6}},
    ),
    "a class body does not see attributes of its bases": (
        c("@kubernetes(cpu=N)", before="N = 1\nclass Base(FlowSpec):\n    N = 6\n", base="Base"),
        {"kubernetes": {"cpu": 1}},
    ),
    "a function's default is known": (
        c("@kubernetes(cpu=f())", before="N = 4\ndef f(x=N): return x\n"),
        {"kubernetes": {"cpu": 4}},
    ),
    "a second name makes a second step": (
        c("@resources(gpu=1)", extra="    start2 = start\n"),
        "step start2: no step leads here from the start",
    ),
    "lists, texts and slices are known": (
        c("@environment(vars={'a': str(len([0] * 5)), 'b': ['x', 'y'][-1], 'c': 'abc'[1:]})"),
        {"environment": {"vars": {"a": "5", "b": "y", "c": "bc"}}},
    ),
    "an unpacked class attribute is known": (
        c("@resources(**Sizes.BIG)", before="class Sizes:\n    BIG = {'cpu': 3, 'gpu': 1}\n"),
        {"resources": {"cpu": 3, "gpu": 1}},
    ),
    "a changed class attribute is not known": (
        c("@resources(**Sizes.BIG)", before="class Sizes:\n    BIG = {'cpu': 3, 'gpu': 1}\nSizes.BIG['cpu'] = 8"),
        "Sizes is changed in place",
    ),
    "a dict changed in the class body is not known": (
        c("@resources(**BIG)", body="BIG = {'cpu': 3}\nBIG['cpu'] = 7"),
        "BIG is changed in place",
    ),
    "a loop variable of the class body is not known": (
        c("@resources(cpu=n)", body="for n in range(4): pass"),
        "n is not bound by a plain assignment",
    ),
    "an unpacked dict comprehension is known": (
        c("@resources(**{k: v for k, v in (('cpu', 3), ('gpu', 2))})"),
        {"resources": {"cpu": 3, "gpu": 2}},
    ),
    "an argument given twice fails": (
        c("@resources(cpu=1, **{'cpu': 3})"),
        "the decorator resources may change any attribute (Python fails here:",
    ),
    "a helper function of another module is called": (
        c("@resources(memory=gb(4))", before="from lib import gb")
        | {"lib.py": 'K = 1024\ndef gb(n: int) -> int:\n    """doc"""\n    return n * K\n'},
        {"resources": {"memory": 4096}},
    ),
    "a property is not known": (
        c("@resources(gpu=S().g)", before="class S:\n    @property\n    def g(self): return 4\n"),
        "uses g, a method or property of S",
    ),
    "a cached function is not known": (
        c("@resources(gpu=f())", before="import functools\n@functools.cache\ndef f(): return 3\n"),
        "calls f, a function that does more than assign names, choose by `if` and return",
    ),
    "an attribute that a decorator lacks fails": (
        c("@kubernetes(queue=1)"),
        "Metaflow would refuse 'queue', which is no attribute of @kubernetes",
    ),
    "a partial of a decorator without a call is that decorator": (
        c("@big", before="import functools\nbig = functools.partial(resources, memory=64000)"),
        {"resources": {"memory": 64000}},
    ),
    "a decorator called with the step and arguments is known": (
        c("@g", before="def g(f):\n    return resources(f, gpu=3)"),
        {"resources": {"gpu": 3}},
    ),
    "what stands below @step is forgotten": (
        {
            "f.py": HEAD
            + "import functools\ndef odd(f):\n    print('x')\n    return f\nclass F(FlowSpec):\n    @kubernetes(cpu=2)\n    @step\n    @odd\n    def start(self):\n        self.next(self.end)\n    @step\n    def end(self): pass\n"
        },
        {"kubernetes": {"cpu": 2}},
    ),
    "a name that is also a module is not known": (
        c("@kubernetes(cpu=b)", before="from pkg import b")
        | {"pkg/__init__.py": "b = 5\nfrom .b import x\n", "pkg/b.py": "x = 1\n"},
        "b is both a name in pkg/__init__.py and a module of its own",
    ),
    "a name re-exported from a module of the same name is known": (
        c("@kubernetes(cpu=b)", before="from pkg import b")
        | {"pkg/__init__.py": "from .b import b\n", "pkg/b.py": "b = 7\n"},
        {"kubernetes": {"cpu": 7}},
    ),
    "FlowSpec and step from their own modules are known": (
        {
            "f.py": "from metaflow.flowspec import FlowSpec as FS\nfrom metaflow.decorators import step\nfrom metaflow import resources\nclass F(FS):\n    @resources(cpu=2)\n    @step\n    def start(self):\n        self.next(self.end)\n    @step\n    def end(self): pass\n"
        },
        {"resources": {"cpu": 2}},
    ),
    "an environment variable set as a default is not known": (
        c(
            "@kubernetes(cpu=int(os.environ.get('MY_CPU', '3')))",
            before="import os\nos.environ.setdefault('MY_CPU', '7')",
        ),
        "is assigned or changed elsewhere in the module",
    ),
    "an environment changed under another name is not known": (
        c("@kubernetes(cpu=int(os.environ.get('MY_CPU', '3')))", before="import os\ne = os.environ\ne['MY_CPU'] = '7'"),
        "is changed in place",
    ),
    "an updated environment is not known": (
        c("@kubernetes(cpu=int(os.getenv('MY_CPU', '3')))", before="import os\nos.environ.update(MY_CPU='7')"),
        "depends on the environment variable MY_CPU, which the code changes",
    ),
    "an environment variable that another module reads is not known if the flow sets it": (
        c("@kubernetes(cpu=CPU)", before="import os\nos.environ['MY_CPU'] = '8'\nfrom lib import CPU")
        | {"lib.py": "import os\nCPU = int(os.getenv('MY_CPU', '3'))\n"},
        "depends on the environment variable MY_CPU, which the code changes",
    ),
    "an environment variable that another module sets is not known": (
        c("@kubernetes(cpu=int(os.getenv('MY_CPU', '3')))", before="import os\nimport lib")
        | {"lib.py": "import os\nos.environ['MY_CPU'] = '9'\n"},
        "depends on the environment variable MY_CPU, which the code changes",
    ),
    "a dict that a third module changes is not known": (
        c("@kubernetes(**D)", before="import other\nfrom lib import D")
        | {"lib.py": "D = {'cpu': 2}\n", "other.py": "import lib\nlib.D['cpu'] = 5\n"},
        "D may be changed by another module",
    ),
    "a constant that a third module assigns is not known": (
        c("@kubernetes(cpu=N)", before="import other\nfrom lib import N")
        | {"lib.py": "N = 2\n", "other.py": "import lib\nlib.N = 5\n"},
        "N may be changed by another module",
    ),
    "a dict changed through in list is not known": (
        c("@kubernetes(**BIG)", before="BIG = {'cpu': 2}\nALL = [BIG]\nALL[0]['cpu'] = 8"),
        "BIG is changed in place",
    ),
    "a dict changed through through func is not known": (
        c("@kubernetes(**BIG)", before="BIG = {'cpu': 2}\ndef get(): return BIG\nget()['cpu'] = 8"),
        "BIG is changed in place",
    ),
    "a dict changed through via func var is not known": (
        c("@kubernetes(**BIG)", before="BIG = {'cpu': 2}\ndef get(): return BIG\nx = get()\nx['cpu'] = 8"),
        "BIG is changed in place",
    ),
    "a dict changed through through dict values is not known": (
        c("@kubernetes(**BIG)", before="BIG = {'cpu': 2}\nfor v in {'a': BIG}.values():\n    v['cpu'] = 8"),
        "BIG is changed in place",
    ),
    "a dict changed through comp is not known": (
        c("@kubernetes(**BIG)", before="BIG = {'cpu': 2}\n[v.update(cpu=8) for v in [BIG]]"),
        "BIG is changed in place",
    ),
    "a dict changed through zip is not known": (
        c("@kubernetes(**BIG)", before="BIG = {'cpu': 2}\nfor a, b in zip([BIG], [8]):\n    a['cpu'] = b"),
        "BIG is changed in place",
    ),
    "a dict changed through with is not known": (
        c(
            "@kubernetes(**BIG)",
            before="import contextlib\nBIG = {'cpu': 2}\nwith contextlib.nullcontext(BIG) as b:\n    b['cpu'] = 8",
        ),
        "BIG is changed in place",
    ),
    "a dict changed through walrus is not known": (
        c("@kubernetes(**BIG)", before="BIG = {'cpu': 2}\n(q := BIG)['cpu'] = 8"),
        "BIG is changed in place",
    ),
    "a dict changed through match is not known": (
        c("@kubernetes(**BIG)", before="BIG = {'cpu': 2}\nmatch BIG:\n    case q:\n        q['cpu'] = 8"),
        "BIG is changed in place",
    ),
    "a dict changed through star is not known": (
        c("@kubernetes(**BIG)", before="BIG = {'cpu': 2}\n*q, = [BIG]\nq[0]['cpu'] = 8"),
        "BIG is changed in place",
    ),
    "a dict changed through attr is not known": (
        c("@kubernetes(**BIG)", before="class Q: pass\nBIG = {'cpu': 2}\nQ.x = BIG\nQ.x['cpu'] = 8"),
        "BIG is changed in place",
    ),
    "a dict changed through default arg is not known": (
        c("@kubernetes(**BIG)", before="BIG = {'cpu': 2}\ndef f(d=BIG):\n    d['cpu'] = 8\nf()"),
        "BIG is changed in place",
    ),
    "a dict changed through lambda is not known": (
        c("@kubernetes(**BIG)", before="BIG = {'cpu': 2}\n(lambda d: d.update(cpu=8))(BIG)"),
        "BIG is handed to a call that may change it",
    ),
    "a dict changed through ifexp is not known": (
        c("@kubernetes(**BIG)", before="BIG = {'cpu': 2}\n(BIG if True else {})['cpu'] = 8"),
        "BIG is changed in place",
    ),
    "a dict changed through map is not known": (
        c("@kubernetes(**BIG)", before="BIG = {'cpu': 2}\nlist(map(lambda d: d.update(cpu=8), [BIG]))"),
        "BIG is handed to a call that may change it",
    ),
    "a dict changed by operator.setitem is not known": (
        c("@kubernetes(**BIG)", before="import operator\nBIG = {'cpu': 2}\noperator.setitem(BIG, 'cpu', 8)"),
        "BIG is handed to a call that may change it",
    ),
    "a dict changed by a magic method is not known": (
        c("@kubernetes(**BIG)", before="BIG = {'cpu': 2}\nBIG.__setitem__('cpu', 8)"),
        "BIG is changed in place",
    ),
    "a dict changed by |= is not known": (
        c("@kubernetes(**BIG)", before="BIG = {'cpu': 2}\nB = BIG\nB |= {'cpu': 8}"),
        "BIG is changed in place",
    ),
    "a dict changed through a kept method is not known": (
        c("@kubernetes(**BIG)", before="BIG = {'cpu': 2}\nup = BIG.update\nup(cpu=8)"),
        "BIG is changed in place",
    ),
    "a dict changed by a method is not known": (
        c("@kubernetes(**BIG)", before="BIG = {'cpu': 2}\nclass Z:\n    def m(self): BIG['cpu'] = 8\nZ().m()"),
        "BIG is changed in place",
    ),
    "a nested dict that is changed is not known": (
        c("@kubernetes(**S['big'])", before="S = {'big': {'cpu': 2}}\nS['big']['cpu'] = 8"),
        "S is changed in place",
    ),
    "a nested dict changed under another name is not known": (
        c("@kubernetes(**S['big'])", before="S = {'big': {'cpu': 2}}\nb = S['big']\nb['cpu'] = 8"),
        "S is changed in place",
    ),
    "a sorted list is not known": (c("@kubernetes(cpu=L[0])", before="L = [3, 1]\nL.sort()"), "L is changed in place"),
    "a list grown by += is not known": (
        c("@kubernetes(cpu=L[-1])", before="L = [3, 1]\nM = L\nM += [9]"),
        "L is changed in place",
    ),
    "a list handed to a heap is not known": (
        c("@kubernetes(cpu=len(L))", before="import heapq\nL = [3, 1]\nheapq.heappush(L, 3)"),
        "L is handed to a call that may change it",
    ),
    "a dict that loses an item is not known": (
        c("@kubernetes(**B)", before="B = {'cpu': 2, 'memory': 9000}\ndel B['memory']"),
        "B is changed in place",
    ),
    "a class attribute assigned through an alias is not known": (
        c("@kubernetes(cpu=S.N)", before="class S:\n    N = 3\nT = S\nT.N = 8"),
        "S is changed in place",
    ),
    "a class attribute set through type is not known": (
        c("@kubernetes(cpu=S.N)", before="class S:\n    N = 3\ntype.__setattr__(S, 'N', 8)"),
        "S is changed in place",
    ),
    "an attribute of a base class that is assigned is not known": (
        c("@kubernetes(cpu=T.N)", before="class S:\n    N = 3\nclass T(S): pass\nS.N = 8"),
        "S is changed in place",
    ),
    "a base class that changes its subclasses makes attributes unknown": (
        c(
            "@kubernetes(cpu=T.N)",
            before="class S:\n    N = 3\n    def __init_subclass__(cls): cls.N = 9\nclass T(S): pass",
        ),
        "S changes the classes that derive from it",
    ),
    "a class with a metaclass is not known": (
        c(
            "@kubernetes(cpu=T.N)",
            before="class M(type):\n    def __new__(m, n, b, d):\n        d['N'] = 9\n        return super().__new__(m, n, b, d)\nclass T(metaclass=M):\n    N = 3\n",
        ),
        "T has a metaclass",
    ),
    "a class whose base has a metaclass is not known": (
        c(
            "@kubernetes(cpu=T.N)",
            before="class M(type):\n    def __new__(m, n, b, d):\n        d['N'] = 9\n        return super().__new__(m, n, b, d)\nclass S(metaclass=M): pass\nclass T(S):\n    N = 3\n",
        ),
        "S has a metaclass",
    ),
    "a class with a decorator is not known": (
        c("@kubernetes(cpu=T.N)", before="def d(c):\n    c.N = 9\n    return c\n@d\nclass T:\n    N = 3\n"),
        "T is changed by its decorator d",
    ),
    "a class whose base has a decorator is not known": (
        c(
            "@kubernetes(cpu=T.N)",
            before="def d(c):\n    c.N = 9\n    return c\n@d\nclass S:\n    N = 3\nclass T(S): pass\n",
        ),
        "S is changed by its decorator d",
    ),
    "a class body that writes locals is not known": (
        c("@kubernetes(cpu=N)", body="N = 3\nlocals()['N'] = 7"),
        "N may be changed: the module rewrites its own names",
    ),
    "a class body that writes vars is not known": (
        c("@kubernetes(cpu=N)", body="N = 3\nvars()['N'] = 7"),
        "N may be changed: the module rewrites its own names",
    ),
    "a descriptor is not known": (
        c("@kubernetes(cpu=T.N)", before="class D:\n    def __get__(self, i, o): return 9\nclass T:\n    N = D()\n"),
        "is an instance of D, not plain data",
    ),
    "a class with __getattribute__ makes no instance": (
        c("@kubernetes(cpu=T().N)", before="class T:\n    N = 3\n    def __getattribute__(self, n): return 9\n"),
        "makes an instance of T, which has its own __getattribute__",
    ),
    "a dataclass whose default is assigned is not known": (
        c(
            "@kubernetes(cpu=R().cpu)",
            before="from dataclasses import dataclass\n@dataclass\nclass R:\n    cpu: int = 4\nR.cpu = 9\n",
        ),
        "R is changed in place",
    ),
    "a dataclass with __post_init__ is not known": (
        c(
            "@kubernetes(cpu=R().cpu)",
            before="from dataclasses import dataclass\n@dataclass\nclass R:\n    cpu: int = 4\n    def __post_init__(self): self.cpu = 9\n",
        ),
        "makes an instance of R, which has its own __post_init__",
    ),
    "a dataclass that derives from another is known": (
        c(
            "@kubernetes(cpu=R().cpu, memory=R(memory=5000).memory)",
            before="from dataclasses import dataclass\n@dataclass\nclass B:\n    cpu: int = 4\n    memory: int = 1\n@dataclass\nclass R(B):\n    cpu: int = 6\n",
        ),
        {"kubernetes": {"cpu": 6, "memory": 5000}},
    ),
    "a class that derives from a dataclass is not known": (
        c(
            "@kubernetes(cpu=R().cpu)",
            before="from dataclasses import dataclass\n@dataclass\nclass B:\n    cpu: int = 4\nclass R(B):\n    cpu: int = 6\n",
        ),
        "makes an instance of R, which is no dataclass itself",
    ),
    "a dataclass attribute without annotation is known": (
        c("@kubernetes(cpu=R().cpu)", before="from dataclasses import dataclass\n@dataclass\nclass R:\n    cpu = 4\n"),
        {"kubernetes": {"cpu": 4}},
    ),
    "a field with two defaults is not known": (
        c(
            "@kubernetes(cpu=R().cpu)",
            before="from dataclasses import dataclass\n@dataclass\nclass R:\n    cpu: int = 4\n    cpu: int = 5\n",
        ),
        "the field cpu of R is assigned more than once",
    ),
    "an IntEnum member itself is not known": (
        c("@kubernetes(cpu=S.BIG)", before="import enum\nclass S(enum.IntEnum):\n    BIG = 8\n"),
        "is a Member, not plain data",
    ),
    "a member of a text Enum by name is known": (
        c(
            "@kubernetes(cpu=S['B2'].value)",
            before="import enum\nclass S(str, enum.Enum):\n    BIG = '8'\n    B2 = '8'\n",
        ),
        {"kubernetes": {"cpu": "8"}},
    ),
    "enum.auto is not known": (
        c("@kubernetes(cpu=S.BIG.value)", before="import enum\nclass S(enum.Enum):\n    BIG = enum.auto()\n"),
        "calls enum.auto, which is not evaluated",
    ),
    "an Enum with a constructor is not known": (
        c(
            "@kubernetes(cpu=S.BIG.value)",
            before="import enum\nclass S(enum.Enum):\n    BIG = 3\n    def __init__(self, v): self._value_ = v * 2\n",
        ),
        "S.BIG is no plain member of an Enum",
    ),
    "an IntEnum member of text is not known": (
        c("@kubernetes(cpu=S.BIG.value)", before="import enum\nclass S(enum.IntEnum):\n    BIG = '3'\n"),
        "S.BIG is converted to another type",
    ),
    "a NamedTuple by keyword is known": (
        c(
            "@kubernetes(cpu=R(cpu=2).cpu)",
            before="from typing import NamedTuple\nclass R(NamedTuple):\n    cpu: int\n    memory: int = 3\n",
        ),
        {"kubernetes": {"cpu": 2}},
    ),
    "the later of two functions is called": (
        c("@kubernetes(cpu=f())", before="def f(): return 1\ndef f(): return 2\n"),
        {"kubernetes": {"cpu": 2}},
    ),
    "a function that is assigned over is not known": (
        c("@kubernetes(cpu=f())", before="def f(): return 1\nf = lambda: 2\n"),
        "f is assigned more than once",
    ),
    "a function may use names set before it is called": (
        c("@kubernetes(cpu=X)", before="def f(): return N\nN = 3\nX = f()\n"),
        {"kubernetes": {"cpu": 3}},
    ),
    "a function that reads a changed global is not known": (
        c("@kubernetes(cpu=f())", before="N = 1\ndef f(): return N\ndef g():\n    global N\n    N = 5\ng()\n"),
        "N is assigned by a function or inside an expression",
    ),
    "a decorated function is not known": (
        c("@kubernetes(cpu=f())", before="def d(g): return lambda: 9\n@d\ndef f(): return 1\n"),
        "calls f, a function that does more than assign names, choose by `if` and return",
    ),
    "a generator is not known": (
        c("@kubernetes(cpu=f())", before="def f(): yield 3\n"),
        "calls f, a function that does more than assign names, choose by `if` and return",
    ),
    "an async function is not known": (
        c("@kubernetes(cpu=f())", before="async def f(): return 3\n"),
        "calls f, a function that does more than assign names, choose by `if` and return",
    ),
    "a function without a return gives None": (
        c("@environment(vars={'a': str(f())})", before="def f():\n    'x'\n"),
        {"environment": {"vars": {"a": "None"}}},
    ),
    "an attribute of a function is not known": (
        c("@kubernetes(cpu=f.n)", before="def f(): return 1\nf.n = 4\n"),
        "is assigned or changed elsewhere in the module",
    ),
    "a lambda called at once is known": (c("@kubernetes(cpu=(lambda n: n * 2)(4))"), {"kubernetes": {"cpu": 8}}),
    "a lambda inside a lambda is not known": (
        c("@kubernetes(cpu=(lambda n: (lambda m: m + n)(1))(4))"),
        "is a lambda that may use local names",
    ),
    "a lambda's default is known": (
        c("@kubernetes(cpu=f())", before="N = 3\nf = lambda n=N: n\n"),
        {"kubernetes": {"cpu": 3}},
    ),
    "a function that hides a builtin is called": (
        c("@kubernetes(cpu=max(3, 4))", before="def max(a, b): return 9\n"),
        {"kubernetes": {"cpu": 9}},
    ),
    "an imported function that hides a builtin is called": (
        c("@kubernetes(cpu=max(3, 4))", before="from lib import max\n") | {"lib.py": "def max(a, b): return 8\n"},
        {"kubernetes": {"cpu": 8}},
    ),
    "a star import that hides a builtin is used": (
        c("@kubernetes(cpu=max(3, 4))", before="from lib import *\n") | {"lib.py": "def max(a, b): return 8\n"},
        {"kubernetes": {"cpu": 8}},
    ),
    "an environment that is replaced is not known": (
        c("@kubernetes(cpu=int(os.environ.get('Q_Q', '3')))", before="import os\nos.environ = {'Q_Q': '9'}\n"),
        "is assigned or changed elsewhere in the module",
    ),
    "a replaced path function fails": (
        c("@environment(vars={'a': os.path.join('a', 'b')})", before="import os\nos.path.join = lambda *a: 'x'\n"),
        "is assigned or changed elsewhere in the module",
    ),
    "a replaced getenv is not known": (
        c("@kubernetes(cpu=int(os.getenv('Q_Q', '3')))", before="import os\nos.getenv = lambda *a: '9'\n"),
        "is assigned or changed elsewhere in the module",
    ),
    "a replaced decorator is not known": (
        c("@metaflow.kubernetes(cpu=3)", before="import metaflow\nmetaflow.kubernetes = metaflow.batch\n"),
        "the decorator metaflow.kubernetes may change any attribute (is",
    ),
    "a function that hides a decorator after its import is not known": (
        c("@kubernetes(cpu=3)", before="def kubernetes(cpu):\n    return batch(cpu=cpu * 2)\n"),
        "the decorator kubernetes may change any attribute (kubernetes is",
    ),
    "an import that hides a decorator after its import is not known": (
        c("@resources(cpu=3)", before="from lib import resources\n")
        | {"lib.py": "from metaflow import kubernetes\ndef resources(cpu): return kubernetes(cpu=cpu)\n"},
        "the decorator resources may change any attribute (resources is",
    ),
    "a file beside the flow hides a standard module": (
        c("@kubernetes(cpu=X)", before="from colorsys import X\n") | {"colorsys.py": "X = 7\n"},
        {"kubernetes": {"cpu": 7}},
    ),
    "a mangled name is known": (c("@kubernetes(cpu=__N)", body="__N = 5"), {"kubernetes": {"cpu": 5}}),
    "an annotation alone binds nothing": (
        c("@kubernetes(cpu=N)", before="N = 3", body="N: int"),
        {"kubernetes": {"cpu": 3}},
    ),
    "an annotated constant is known": (c("@kubernetes(cpu=N)", body="N: int = 4"), {"kubernetes": {"cpu": 4}}),
    "a chained assignment is known": (
        c("@kubernetes(cpu=A, memory=B)", before="A = B = 5000"),
        {"kubernetes": {"cpu": 5000, "memory": 5000}},
    ),
    "nested unpacking is known": (
        c("@kubernetes(cpu=A, memory=B)", before="(A, (B, C)) = 2, (3000, 4)"),
        {"kubernetes": {"cpu": 2, "memory": 3000}},
    ),
    "starred unpacking is not known": (c("@kubernetes(cpu=A)", before="A, *R = 2, 3"), "A is unpacked with a star"),
    "swapped names are not known": (
        c("@kubernetes(cpu=A)", before="A, B = 2, 3\nA, B = B, A"),
        "A is assigned more than once",
    ),
    "two assignments on a line are not known": (
        c("@kubernetes(cpu=A)", before="A = 1; A = 2"),
        "A is assigned more than once",
    ),
    "integer arithmetic and % formatting are known": (
        c("@kubernetes(memory='%d' % (4 * 1024), cpu=5 // 2, disk=10 ** 4 + 1, gpu=7 % 4)"),
        {"kubernetes": {"memory": "4096", "cpu": 2, "disk": 10001, "gpu": 3}},
    ),
    "float arithmetic, round and int are known": (
        c("@kubernetes(memory=1.5 * 4096, cpu=round(2.5), gpu=int(3.9))"),
        {"kubernetes": {"memory": 6144.0, "cpu": 2, "gpu": 3}},
    ),
    "negative indexes and slices are known": (
        c("@kubernetes(cpu=[1, 2, 3][-1], memory=(5000, 6000)[0:1][0])"),
        {"kubernetes": {"cpu": 3, "memory": 5000}},
    ),
    "get of a dict is known": (
        c("@kubernetes(cpu=D.get('x', 3), memory=D.get('m'))", before="D = {'m': 5000}"),
        {"kubernetes": {"cpu": 3, "memory": 5000}},
    ),
    "merged dicts are known": (
        c("@kubernetes(**(A | B))", before="A = {'cpu': 1}\nB = {'cpu': 2, 'memory': 5000}"),
        {"kubernetes": {"cpu": 2, "memory": 5000}},
    ),
    "dict.fromkeys is not evaluated": (
        c("@kubernetes(**dict.fromkeys(['cpu'], 3))"),
        "calls dict.fromkeys, which is not evaluated",
    ),
    "items of a dict are known": (
        c("@kubernetes(**{k: v * 2 for k, v in D.items()})", before="D = {'cpu': 2}"),
        {"kubernetes": {"cpu": 4}},
    ),
    "a chain of comparisons is known": (c("@kubernetes(cpu=4 if 1 < 2 < 3 else 8)"), {"kubernetes": {"cpu": 4}}),
    "a comparison with None is known": (
        c("@kubernetes(cpu=4 if X is None else 8)", before="X = None"),
        {"kubernetes": {"cpu": 4}},
    ),
    "repeated text and f-strings are known": (
        c("@environment(vars={'a': 'ab' * 3, 'b': 'a' 'b', 'c': f'{1.5:.2f}{\"x\"!r:>5}'})"),
        {"environment": {"vars": {"a": "ababab", "b": "ab", "c": "1.50  'x'"}}},
    ),
    "% with a tuple is known": (
        c("@environment(vars={'a': '%s-%s' % ('a', 1)})"),
        {"environment": {"vars": {"a": "a-1"}}},
    ),
    "a boolean counts as a number": (c("@kubernetes(cpu=True + 2)"), {"kubernetes": {"cpu": 3}}),
    "sum, max, min and len are known": (
        c("@kubernetes(cpu=sum([1, 2], 3), memory=max([4096, 5000]), disk=min(10000, 20000), gpu=len('ab'))"),
        {"kubernetes": {"cpu": 6, "memory": 5000, "disk": 10000, "gpu": 2}},
    ),
    "sorted is known": (
        c("@kubernetes(cpu=sorted([3, 1, 2], reverse=True)[0], gpu=sorted({'b': 1, 'a': 2})[0] == 'a')"),
        "Metaflow would refuse gpu=True: it is no number",
    ),
    "any and all are known": (c("@kubernetes(cpu=1 + any([0, 1]) + all([]))"), {"kubernetes": {"cpu": 3}}),
    "steps of a mixin are steps": (
        {
            "f.py": HEAD
            + "class M:\n    @resources(gpu=5)\n    @step\n    def start(self):\n        self.next(self.end)\nclass F(M, FlowSpec):\n    @step\n    def end(self): pass\n"
        },
        {"resources": {"gpu": 5}},
    ),
    "steps follow the method resolution order": (
        {
            "f.py": HEAD
            + "class A(FlowSpec):\n    @resources(gpu=1)\n    @step\n    def start(self):\n        self.next(self.end)\n    @step\n    def end(self): pass\nclass B(A): pass\nclass C(A):\n    @resources(gpu=3)\n    @step\n    def start(self):\n        self.next(self.end)\nclass F(B, C): pass\n"
        },
        {"resources": {"gpu": 3}},
    ),
    "a step set to None is gone": (
        {
            "f.py": HEAD
            + "class A(FlowSpec):\n    @step\n    def start(self):\n        self.next(self.end)\n    @step\n    def end(self): pass\n    @step\n    def extra(self): self.next(self.end)\nclass F(A):\n    extra = None\n"
        },
        {},
    ),
    "a schedule inherited and repeated fails": (
        {
            "f.py": HEAD
            + "@schedule(daily=True)\nclass A(FlowSpec):\n    @step\n    def start(self):\n        self.next(self.end)\n    @step\n    def end(self): pass\n@schedule(hourly=True)\nclass F(A): pass\n"
        },
        "Metaflow fails: @schedule stands twice on the flow",
    ),
    "a flow in Latin-1 is read": (
        {"f.py": ("# -*- coding: latin-1 -*-\n# é\n" + flow("@resources(gpu=4)")).encode("latin-1")},
        {"resources": {"gpu": 4}},
    ),
    "a flow with a byte order mark is read": (
        {"f.py": b"\xef\xbb\xbf" + flow("@resources(gpu=4)").encode()},
        {"resources": {"gpu": 4}},
    ),
    "a form feed and repeated imports are fine": (
        {"f.py": HEAD + "\x0c\nX = 3\n" + flow("@resources(gpu=X)")},
        {"resources": {"gpu": 3}},
    ),
    "a tuple argument is known": (
        c("@kubernetes(cpu=3, tolerations=({'key': 'a'},))"),
        {"kubernetes": {"cpu": 3, "tolerations": ({"key": "a"},)}},
    ),
    "a starred list is known": (
        c("@kubernetes(tolerations=[*A, {'key': 'b'}])", before="A = [{'key': 'a'}]"),
        {"kubernetes": {"tolerations": [{"key": "a"}, {"key": "b"}]}},
    ),
    "a condition on the environment follows its default": (
        c("@kubernetes(cpu=8 if os.environ.get('STAGE', 'dev') == 'prod' else 2)", before="import os"),
        {"kubernetes": {"cpu": 2}},
    ),
    "the flow's own file name is known": (
        c("@environment(vars={'a': os.path.basename(__file__)})", before="import os"),
        {"environment": {"vars": {"a": "f.py"}}},
    ),
    "the flow's own folder is not known": (
        c("@environment(vars={'a': os.path.dirname(__file__)})", before="import os"),
        "depends on where the repository is checked out",
    ),
    "a UserStepDecorator with arguments changes no resources": (
        c(
            "@D(x=1)\n@kubernetes(cpu=3)",
            before="from metaflow import UserStepDecorator\nclass D(UserStepDecorator):\n    def init(self, x=0): self.x = x\n    def pre_step(self, n, f, inputs=None): pass\n",
        ),
        {"kubernetes": {"cpu": 3}},
    ),
    "a UserStepDecorator that reaches for decorators is not known": (
        c(
            "@D\n@kubernetes(cpu=3)",
            before="from metaflow import UserStepDecorator\nclass D(UserStepDecorator):\n    def init(self):\n        self._my_step.decorators[0].attributes['cpu'] = 9\n",
        ),
        "the decorator D may change any attribute (its effect is not known);",
    ),
    "a wrapper that reaches for decorators is not known": (
        c(
            "@d\n@kubernetes(cpu=3)",
            before="import functools\ndef d(f):\n    @functools.wraps(f)\n    def w(*a, x=f.decorators[0].attributes.update(cpu=9), **k):\n        return f(*a, **k)\n    return w\n",
        ),
        "the decorator d may change any attribute (its effect is not known)",
    ),
    "a factory of wrappers changes nothing": (
        c(
            "@d('x')\n@kubernetes(cpu=3)",
            before="import functools\ndef d(label):\n    def deco(f):\n        @functools.wraps(f)\n        def w(*a, **k):\n            return f(*a, **k)\n        return w\n    return deco\n",
        ),
        {"kubernetes": {"cpu": 3}},
    ),
    "a wrapper without functools.wraps is not known": (
        c("@d\n@kubernetes(cpu=3)", before="def d(f):\n    def w(*a, **k):\n        return f(*a, **k)\n    return w\n"),
        "the decorator d may change any attribute (its effect is not known)",
    ),
    "a function that changes decorators is not known": (
        c("@d\n@kubernetes(cpu=3)", before="def d(f):\n    f.decorators[0].attributes['cpu'] = 9\n    return f\n"),
        "the decorator d may change any attribute (calls d, a function that",
    ),
    "decorators changed after the class are not known": (
        {
            "f.py": flow("@kubernetes(cpu=3)").replace(
                "if __name__", "F.start.decorators[0].attributes['cpu'] = 9\nif __name__"
            )
        },
        "F may be changed after its definition",
    ),
    "decorators changed in a loop after the class are not known": (
        {
            "f.py": flow("@kubernetes(cpu=3)").replace(
                "if __name__", "for d in F.start.decorators:\n    d.attributes['cpu'] = 9\nif __name__"
            )
        },
        "F may be changed after its definition",
    ),
    "a step replaced after the class is not known": (
        {
            "f.py": flow("@kubernetes(cpu=3)").replace(
                "if __name__", "kubernetes(cpu=4)\nF.start = resources(cpu=9)(F.start)\nif __name__"
            )
        },
        "F may be changed after its definition",
    ),
    "steps decorated in a loop after the class are not known": (
        {
            "f.py": flow("@kubernetes(cpu=3)").replace(
                "if __name__", "for n in ('start', 'end'):\n    resources(cpu=9)(getattr(F, n))\nif __name__"
            )
        },
        "F may be changed after its definition",
    ),
    "a step decorated again in the class is not known": (
        c("@kubernetes(cpu=3)", extra="    resources(cpu=9)(start)\n"),
        "F may be changed after its definition",
    ),
    "a step changed in the class is not known": (
        c("@kubernetes(cpu=3)", extra="    start.decorators[0].attributes['cpu'] = 9\n"),
        "start may be changed after its definition",
    ),
}
