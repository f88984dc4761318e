# ruff: noqa: E501
"""Flows with mutators, and what their steps ask for: the attributes of resolve v1 that count, step by step.

A text stands for what must stay open, and is (part of) the reason; `*` is a step of which anything may have changed.
The step `flow` is the flow itself, with `cron` and `project`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.flow.peer import Case
from tests.flow.table import HEAD, J

Expected = Mapping[str, Mapping[str, Any]]
IMPORTS = (
    "import logging\nimport os\nfrom metaflow import FlowMutator, StepMutator, UserStepDecorator, user_step_decorator\n"
)
CONFIG = 'cfg = Config("cfg", default="c.json")'
LOOP = "for name, s in f.steps:\n"


def indented(text: str, depth: int) -> str:
    return "".join(f"{'    ' * depth}{line}\n" for line in text.splitlines())


def mutator(body: str, *, method: str = "mutate", base: str = "FlowMutator", init: str = "", name: str = "M") -> str:
    """A mutator's class; the flow is `f` in its methods, the step `s`."""
    argument = "f" if base != "StepMutator" else "s"
    head = f"class {name}({base}):\n" + (indented(init, 1) if init else "")
    return head + f"    def {method}(self, {argument}):\n" + indented(body, 2)


def flow(
    before: str,
    *,
    cls: str = "@M",
    start: str = "",
    train: str = "",
    end: str = "",
    inside: str = CONFIG,
    bases: str = "FlowSpec",
    target: str = "local",
    **more: Any,
) -> Case:
    """The steps start, train and end, each with its decorators; `inside` is the class's, `before` stands above it."""
    text = HEAD + IMPORTS + before + "\n" + "".join(f"{line}\n" for line in cls.splitlines())
    text += f"class F({bases}):\n" + indented(inside, 1)
    for name, decorators, after in (("start", start, "self.next(self.train)"), ("train", train, "self.next(self.end)")):
        text += f"{indented(decorators, 1)}    @step\n    def {name}(self):\n        {after}\n"
    text += f"{indented(end, 1)}    @step\n    def end(self):\n        pass\n"
    files = {"f.py": text + "if __name__ == '__main__':\n    F()\n", "c.json": J, **more.pop("files", {})}
    return Case(files=files, target=target, **more)


def flow_mutator(body: str, *, method: str = "mutate", init: str = "", before: str = "", **more: Any) -> Case:
    return flow(f"{before}\n" + mutator(body, method=method, init=init), **more)


def step_mutator(body: str, *, method: str = "mutate", init: str = "", train: str = "@M", **more: Any) -> Case:
    return flow(mutator(body, method=method, init=init, base="StepMutator"), cls="", train=train, **more)


def each(body: str) -> str:
    """One round of a loop over the steps."""
    return LOOP + indented(body, 1)


ADD = "s.add_decorator('kubernetes', deco_kwargs={'cpu': 5})"
BIG = "class M(FlowMutator):\n    SIZE = 4\n    def init(self, factor=1, only=None, **more):\n        'doc'\n        self.factor, self.only = factor, only\n        self.sizes = more.get('sizes', {'train': 3})\n        self.double = self.factor * 2\n"

EVALUATED: Mapping[str, tuple[Case, Expected]] = {
    "a decorator for every step": (
        flow_mutator(each(ADD)),
        {"start": {"compute": "kubernetes", "cpu": 5}, "end": {"cpu": 5, "memory_mb": 4096}},
    ),
    "a condition on the name": (
        flow_mutator(each("if name == 'train':\n    " + ADD)),
        {"start": {"compute": "local", "cpu": None}, "train": {"cpu": 5}},
    ),
    "a condition on several names": (
        flow_mutator(each("if name in ('start', 'end'):\n    continue\n" + ADD)),
        {"start": {"cpu": None}, "train": {"cpu": 5}, "end": {"cpu": None}},
    ),
    "a condition on the start of the name": (
        flow_mutator(each("if name.startswith('t') and not name.endswith('x'):\n    " + ADD)),
        {"start": {"cpu": None}, "train": {"cpu": 5}},
    ),
    "elif and else": (
        flow_mutator(
            each(
                "if name == 'start':\n    n = 1\nelif name == 'train':\n    n = 2\nelse:\n    n = 3\ns.add_decorator(resources, deco_kwargs=dict(cpu=n))"
            )
        ),
        {"start": {"cpu": 1}, "train": {"cpu": 2}, "end": {"cpu": 3}},
    ),
    "break leaves the loop": (
        flow_mutator(each("if name == 'start':\n    break\n" + ADD)),
        {"end": {"cpu": 5}, "start": {"cpu": None}, "train": {"cpu": None}},
    ),
    "return leaves the mutator": (
        flow_mutator("if f.cfg.gpu == 2:\n    return\n" + each(ADD)),
        {"start": {"cpu": None}},
    ),
    "the existing decorator wins": (
        flow_mutator(each(ADD), start="@kubernetes(cpu=2)"),
        {"start": {"cpu": 2}, "end": {"cpu": 5}},
    ),
    "an override wins over the existing one, attributes and all": (
        flow_mutator(
            each("s.add_decorator('kubernetes', deco_kwargs={'cpu': 5}, duplicates=s.OVERRIDE)"),
            start="@kubernetes(cpu=2, gpu=1)",
        ),
        {"start": {"cpu": 5, "gpu": None}},
    ),
    "an override by its number": (
        flow_mutator(each("s.add_decorator('kubernetes', None, {'cpu': 5}, 3)"), start="@kubernetes(cpu=2)"),
        {"start": {"cpu": 5}},
    ),
    "an override by Metaflow's class": (
        flow_mutator(
            "from metaflow.user_decorators.mutable_step import MutableStep\n"
            + each("s.add_decorator('kubernetes', deco_kwargs={'cpu': 5}, duplicates=MutableStep.OVERRIDE)"),
            start="@kubernetes(cpu=2)",
        ),
        {"start": {"cpu": 5}},
    ),
    "a choice to fail adds where nothing is": (
        flow_mutator(each("s.add_decorator('kubernetes', deco_kwargs={'cpu': 5}, duplicates=s.ERROR)")),
        {"start": {"cpu": 5}},
    ),
    "a decospec": (
        flow_mutator(each('s.add_decorator(\'kubernetes:cpu=2,memory=8192,node_selector={"pool": "a"}\')')),
        {"start": {"cpu": 2, "memory_mb": 8192, "node_selector": {"pool": "a"}}},
    ),
    "a decospec made of parts": (
        flow_mutator(each("s.add_decorator(f'resources:cpu={len(name)},memory={2 * 1000}')")),
        {"start": {"cpu": 5, "memory_mb": 2000}, "end": {"cpu": 3}},
    ),
    "decospecs out of a config": (
        flow_mutator(
            "for spec in f.cfg.specs:\n" + indented(each("s.add_decorator(spec)"), 1),
            files={"c.json": '{"specs": ["resources:gpu=3", "kubernetes:cpu=4"]}'},
        ),
        {"train": {"cpu": 4, "gpu": 3, "compute": "kubernetes"}},
    ),
    "the decorator itself": (
        flow_mutator(each("s.add_decorator(kubernetes, deco_kwargs={'gpu': 1})")),
        {"start": {"gpu": 1}},
    ),
    "a decorator imported where it is used": (
        flow_mutator(
            "from metaflow import resources as res, kubernetes\nimport metaflow.plugins as p\nimport json as j\n"
            + each("s.add_decorator(res, deco_kwargs={'gpu': 1})\ns.add_decorator(kubernetes)")
        ),
        {"start": {"gpu": 1, "compute": "kubernetes"}},
    ),
    "resources merge with kubernetes": (
        flow_mutator(
            each("s.add_decorator('resources', deco_kwargs={'cpu': 8, 'gpu': 4})"),
            train="@kubernetes(cpu=2, gpu=1, memory=9000)",
        ),
        {"train": {"cpu": 8, "gpu": 4, "memory_mb": 9000}},
    ),
    "resources merge with what Argo attaches": (
        flow_mutator(
            each("s.add_decorator('resources', deco_kwargs={'cpu': 8, 'memory': 100})"), target="argo-workflows"
        ),
        {"train": {"cpu": 8, "memory_mb": 4096, "compute": "kubernetes"}},
    ),
    "resources merge with what Step Functions attaches": (
        flow_mutator(
            each("s.add_decorator('resources', deco_kwargs={'cpu': 8, 'memory': 100})"), target="step-functions"
        ),
        {"train": {"cpu": 8, "memory_mb": 100, "compute": "batch"}},
    ),
    "what the command line attaches comes before mutate": (
        flow_mutator(each(ADD), with_=("kubernetes:cpu=7",)),
        {"start": {"cpu": 7}},
    ),
    "what the command line attaches comes after pre_mutate": (
        flow_mutator(each(ADD), method="pre_mutate", with_=("kubernetes:cpu=7",)),
        {"start": {"cpu": 5}},
    ),
    "so does what Metaflow is set to attach": (
        flow_mutator(
            each(
                "if s.has_decorator('resources'):\n    s.add_decorator('resources', deco_kwargs={'gpu': 1}, duplicates=s.OVERRIDE)"
            ),
            env={"METAFLOW_DEFAULT_DECOSPECS": "resources:cpu=3"},
        ),
        {"start": {"gpu": 1, "cpu": 1}},
    ),
    "what the command line attaches can be removed": (
        flow_mutator(each("s.remove_decorator('retry')"), with_=("retry:times=2",)),
        {"start": {"retry_times": None}},
    ),
    "removed and added again": (
        flow_mutator(
            each("s.remove_decorator('kubernetes')\ns.add_decorator('kubernetes', deco_kwargs={'cpu': 6})"),
            train="@kubernetes(cpu=2)",
        ),
        {"train": {"cpu": 6}},
    ),
    "removed if it was there": (
        flow_mutator(
            each(
                "if s.remove_decorator('resources'):\n    s.add_decorator('resources', deco_kwargs={'gpu': 6})\nif not s.remove_decorator('batch'):\n    s.add_decorator('retry', deco_kwargs={'times': 1})"
            ),
            train="@resources(cpu=2)",
        ),
        {"train": {"cpu": 1, "gpu": 6, "retry_times": 1}, "end": {"gpu": None, "retry_times": 1}},
    ),
    "added twice, the first one wins": (
        flow_mutator(each(ADD + "\ns.add_decorator('kubernetes', deco_kwargs={'cpu': 9})")),
        {"train": {"cpu": 5}},
    ),
    "memory doubled": (
        flow_mutator(
            each(
                "for deco, _, _, kw in s.decorator_specs:\n    if deco == 'resources':\n        kw['memory'] = int(kw['memory']) * 2\n        s.add_decorator(deco, deco_kwargs=kw, duplicates=s.OVERRIDE)\n        break"
            ),
            train="@resources(cpu=2, memory=3000)",
            start="@resources(gpu=1)",
        ),
        {"train": {"cpu": 2, "memory_mb": 6000}, "start": {"memory_mb": 8192, "gpu": 1}, "end": {"memory_mb": None}},
    ),
    "attributes taken over": (
        flow_mutator(
            each(
                "for deco, *_, kw in list(s.decorator_specs):\n    if deco != 'kubernetes':\n        continue\n    s.remove_decorator(deco)\n    s.add_decorator(deco, deco_kwargs={**kw, 'cpu': 7})"
            ),
            train="@kubernetes(memory=9000, gpu=1)",
        ),
        {"train": {"cpu": 7, "memory_mb": 9000, "gpu": 1}},
    ),
    "a decorator removed by what it says": (
        flow_mutator(
            each("for deco, _, args, kw in s.decorator_specs:\n    s.remove_decorator(deco, args, kw)"),
            method="pre_mutate",
            train="@kubernetes(memory=9000)\n@resources(cpu=3)",
        ),
        {"train": {"compute": "local", "cpu": None}},
    ),
    "arguments without positional ones match nothing": (
        flow_mutator(
            each(
                "s.remove_decorator('resources', deco_kwargs={'cpu': 3})\ns.remove_decorator('retry', [1])\ns.remove_decorator('retry', [])"
            ),
            train="@resources(cpu=3)\n@retry(times=2)",
        ),
        {"train": {"cpu": 3, "retry_times": 2}},
    ),
    "queries": (
        flow_mutator(
            each(
                "if s.has_decorator('resources') and len(s.get_decorator_specs('retry')) == 1:\n    s.add_decorator('kubernetes')\nif any(d[0] == 'retry' for d in s.decorator_specs):\n    s.add_decorator('timeout:hours=2')\nif 'kubernetes' not in [d[0] for d in s.decorator_specs]:\n    s.add_decorator('resources', deco_kwargs={'gpu': 1})"
            ),
            train="@resources(cpu=3)\n@retry(times=2)",
        ),
        {
            "train": {"compute": "kubernetes", "timeout_s": 7200, "gpu": None},
            "end": {"compute": "local", "gpu": 1, "timeout_s": None},
        },
    ),
    "a list of steps": (
        flow_mutator("todo = [s for name, s in f.steps if name != 'end']\nfor s in todo:\n    " + ADD),
        {"train": {"cpu": 5}, "end": {"cpu": None}},
    ),
    "steps by name": (
        flow_mutator(
            "steps = dict(f.steps)\nsteps['train'].add_decorator('resources', deco_kwargs={'cpu': 2})\nf.start.add_decorator('resources', deco_kwargs={'cpu': 3})\nfor n in ['end']:\n    getattr(f, n).add_decorator('resources', deco_kwargs={'cpu': 4})"
        ),
        {"train": {"cpu": 2}, "start": {"cpu": 3}, "end": {"cpu": 4}},
    ),
    "names and sizes out of a config": (
        flow_mutator(
            "for name, size in f.cfg.sizes.items():\n    dict(f.steps)[name].add_decorator('resources', deco_kwargs={'cpu': size})",
            files={"c.json": '{"sizes": {"train": 16, "end": 2}}'},
        ),
        {"train": {"cpu": 16}, "end": {"cpu": 2}, "start": {"cpu": None}},
    ),
    "attributes out of a config": (
        flow_mutator(
            each(
                "s.add_decorator(resources, deco_kwargs=f.cfg.r)\nif f.cfg['gpu'] > 1:\n    s.add_decorator('kubernetes', deco_kwargs={'node_selector': f.cfg.sel})"
            ),
            method="pre_mutate",
        ),
        {"train": {"cpu": 8, "memory_mb": 16000, "node_selector": {"pool": "x"}}},
    ),
    "configs by their name": (
        flow_mutator(
            "cfg = dict(f.configs)['cfg']\nfor key, value in f.configs:\n    assert key == 'cfg'\n    gpu = value.gpu\n"
            + each("s.add_decorator(resources, deco_kwargs={'cpu': cfg.cpu, 'gpu': gpu})")
        ),
        {"train": {"cpu": 4, "gpu": 2}},
    ),
    "a config whose option is called otherwise": (
        flow_mutator(
            each("s.add_decorator(resources, deco_kwargs={'cpu': f.sizes.cpu})"),
            inside='sizes = Config("cfg", default="c.json")',
        ),
        {"train": {"cpu": 4}},
    ),
    "a null in a config": (
        flow_mutator(
            each("if f.cfg.null is None:\n    s.add_decorator(resources, deco_kwargs={'cpu': 2, 'gpu': f.cfg.null})")
        ),
        {"train": {"cpu": 2, "gpu": None}},
    ),
    "arguments of the decorator": (
        flow(
            BIG
            + indented(
                "def mutate(self, f):\n"
                + indented(
                    each(
                        "if self.only in (None, name):\n    s.add_decorator(resources, deco_kwargs={'cpu': self.factor * self.SIZE, 'gpu': self.double, 'memory': self.sizes.get(name, 1) * 1000})"
                    ),
                    1,
                ),
                1,
            ),
            cls="@M(3, only='train')",
        ),
        {"train": {"cpu": 12, "gpu": 6, "memory_mb": 3000}, "end": {"cpu": None}},
    ),
    "arguments out of a config": (
        flow(
            BIG
            + indented(
                "def mutate(self, f):\n"
                + indented(
                    each("s.add_decorator(resources, deco_kwargs={'cpu': self.factor, 'memory': self.sizes.small})"), 1
                ),
                1,
            ),
            cls="@M(config_expr('cfg.a.b'), sizes=config_expr('cfg.sizes'))",
        ),
        {"train": {"cpu": 3, "memory_mb": 1}},
    ),
    "a config in the arguments of a step's mutator": (
        flow(
            mutator(
                "s.add_decorator(resources, deco_kwargs={'cpu': self.n, 'gpu': self.more['x'][0]})",
                base="StepMutator",
                init="def init(self, n, **more):\n    self.n = n\n    self.more = more",
            ),
            cls="",
            train="@M(n=cfg.cpu, **cfg.r, x=[cfg.gpu])",
        ),
        {"train": {"cpu": 4, "gpu": 2}, "end": {"cpu": None}},
    ),
    "a bare config in the arguments": (
        flow(
            mutator(
                "s.add_decorator(resources, deco_kwargs={'cpu': self.c.cpu})",
                base="StepMutator",
                init="def init(self, c):\n    self.c = c",
            ),
            cls="",
            train="@M(cfg)",
        ),
        {"train": {"cpu": 4}},
    ),
    "init of the class alone runs": (
        flow(
            "class B(FlowMutator):\n    N = 2\n    def init(self):\n        self.n = 3\n"
            + mutator(each("s.add_decorator(resources, deco_kwargs={'cpu': self.N})"), base="B")
        ),
        {"train": {"cpu": 2}},
    ),
    "init of the base class by super": (
        flow(
            "class B(FlowMutator):\n    def init(self, n):\n        super().init()\n        self.n = n\n    def mutate(self, f):\n"
            + indented(each("s.add_decorator(resources, deco_kwargs={'cpu': self.n})"), 2)
            + "class M(B):\n    def init(self, k):\n        super().init(k + 1)\n    def mutate(self, f):\n        super().mutate(f)\n",
            cls="@M(4)",
        ),
        {"train": {"cpu": 5}},
    ),
    "methods and functions that do the work": (
        flow(
            "def attach(step, cpu, *, memory=2000):\n    if step.has_decorator('resources'):\n        return False\n    step.add_decorator('resources', deco_kwargs={'cpu': cpu, 'memory': memory})\n    return True\n"
            "class M(FlowMutator):\n    def size(self, name):\n        if name == 'train':\n            return 9\n        return 1\n    def apply(self, step, name):\n        attach(step, self.size(name))\n    def mutate(self, f):\n        for name, s in f.steps:\n            self.apply(s, name)\n            done = attach(s, 99, memory=1)\n            if done:\n                s.add_decorator('retry')\n"
        ),
        {"train": {"cpu": 9, "memory_mb": 2000, "retry_times": None}, "end": {"cpu": 1}},
    ),
    "a dict changed before it is used": (
        flow_mutator(
            each(
                "kw = dict(cpu=2)\nkw['gpu'] = 1\nkw['cpu'] += 1\nkw.update(memory=5000)\nkw.setdefault('disk', 20000)\nkw.pop('disk')\nmore = kw.copy()\nmore['cpu'] = 99\nnames = []\nnames.append(name)\nif 'end' in names:\n    kw.pop('gpu', None)\ns.add_decorator('resources', deco_kwargs=kw)"
            )
        ),
        {"train": {"cpu": 3, "gpu": 1, "memory_mb": 5000}, "end": {"cpu": 3, "gpu": None}},
    ),
    "module constants, arithmetic and text": (
        flow(
            "GB = 1024\nSIZES = {'train': 16}\n"
            + mutator(
                each(
                    "gb: int = SIZES.get(name, 4)\nmemory = gb * GB if gb > 4 else 4 * GB\nless = 24\nless -= 1\nmemory = memory - less\nx: int\na, (b, *rest) = 1, [2, 3]\ns.add_decorator(resources, deco_kwargs={'cpu': b, 'memory': f'{memory}'})"
                )
            )
        ),
        {"train": {"cpu": 2, "memory_mb": 16361}, "end": {"memory_mb": 4073}},
    ),
    "printing and logging": (
        flow(
            "logger = logging.getLogger(__name__)\n"
            + mutator(
                each(
                    "'a text'\nprint('step', name, s, sep=' ')\nlogger.info('%s', name)\nlogging.warning(name)\npass\n"
                    + ADD
                )
            )
        ),
        {"train": {"cpu": 5}},
    ),
    "a step's mutator and itself": (
        step_mutator(
            "for deco, _, _, kw in s.decorator_specs:\n    if deco in {'kubernetes', 'batch'}:\n        s.add_decorator('retry', deco_kwargs={'times': 1})\nif s.has_decorator('kubernetes') and not any(d[0] == 'resources' for d in s.decorator_specs):\n    s.add_decorator('resources', deco_kwargs={'gpu': 2})",
            train="@M\n@kubernetes",
        ),
        {"train": {"gpu": 2, "retry_times": 1}, "start": {"gpu": None}},
    ),
    "a step's mutator below its other decorators sees all of them": (
        step_mutator(
            "if s.has_decorator('kubernetes'):\n    s.add_decorator('resources', deco_kwargs={'gpu': 2})",
            train="@kubernetes\n@M\n@retry",
        ),
        {"train": {"gpu": 2}},
    ),
    "a step's mutator reaches the flow and other steps": (
        step_mutator(
            "for name, other in s.flow.steps:\n    if name in s.flow.cfg.sizes:\n        other.add_decorator('resources', deco_kwargs={'cpu': s.flow.cfg.sizes[name]})\ns.flow.start.add_decorator('resources', deco_kwargs={'cpu': 9})",
            files={"c.json": '{"sizes": {"train": 16, "end": 2}}'},
        ),
        {"train": {"cpu": 16}, "end": {"cpu": 2}, "start": {"cpu": 9}},
    ),
    "the flow's mutators come before the steps'": (
        flow(
            mutator(each("s.add_decorator('resources', deco_kwargs={'cpu': 1})"), name="A", method="pre_mutate")
            + mutator(
                "s.add_decorator('resources', deco_kwargs={'cpu': 2})",
                name="B",
                base="StepMutator",
                method="pre_mutate",
            ),
            cls="@A",
            train="@B",
        ),
        {"train": {"cpu": 1}},
    ),
    "every pre_mutate comes before every mutate": (
        flow(
            mutator(each("s.add_decorator('resources', deco_kwargs={'cpu': 1})"), name="A")
            + mutator(
                "s.add_decorator('resources', deco_kwargs={'cpu': 2})",
                name="B",
                base="StepMutator",
                method="pre_mutate",
            ),
            cls="@A",
            train="@B",
        ),
        {"train": {"cpu": 2}, "end": {"cpu": 1}},
    ),
    "the lower mutator comes first": (
        flow(
            mutator(each("s.add_decorator('resources', deco_kwargs={'cpu': 1})"), name="A")
            + mutator(each("s.add_decorator('resources', deco_kwargs={'cpu': 2})"), name="B"),
            cls="@A\n@B()",
        ),
        {"train": {"cpu": 2}},
    ),
    "inherited mutators come first": (
        flow(
            mutator(each("s.add_decorator('resources', deco_kwargs={'cpu': 1})"), name="A")
            + mutator(each("s.add_decorator('resources', deco_kwargs={'cpu': 2})"), name="B")
            + "@A()\nclass Base(FlowSpec):\n    pass\n",
            cls="@B",
            bases="Base",
        ),
        {"train": {"cpu": 1}},
    ),
    "a mutator of a base class and a step that the flow overrides": (
        flow(
            mutator(
                each("if s.has_decorator('retry'):\n    s.add_decorator('resources', deco_kwargs={'cpu': 1})"), name="A"
            )
            + "@A\nclass Base(FlowSpec):\n    @retry\n    @step\n    def train(self):\n        self.next(self.end)\n",
            cls="",
            bases="Base",
            start="@retry",
        ),
        {"train": {"cpu": None}, "start": {"cpu": 1}},
    ),
    "a mutator of another module": (
        flow(
            "from lib.mutators import M",
            cls="@M(2)",
            files={
                "lib/__init__.py": "",
                "lib/mutators.py": "from metaflow import FlowMutator\nfrom lib.sizes import CPU\nclass M(FlowMutator):\n    def init(self, n):\n        self.n = n * CPU\n    def mutate(self, f):\n        for name, s in f.steps:\n            s.add_decorator('resources', deco_kwargs={'cpu': self.n})\n",
                "lib/sizes.py": "CPU = 8\n",
            },
        ),
        {"train": {"cpu": 16}},
    ),
    "a mutator adds a mutator to a step": (
        flow(
            mutator(
                "s.add_decorator('resources', deco_kwargs={'cpu': self.n})",
                name="S",
                base="StepMutator",
                init="def init(self, n=1):\n    self.n = n",
            )
            + mutator(each("if name == 'train':\n    s.add_decorator(S, deco_kwargs={'n': 7})"), method="pre_mutate")
        ),
        {"train": {"cpu": 7}, "end": {"cpu": None}},
    ),
    "a mutator that is there already is not added, unless it replaces": (
        flow(
            mutator(
                "s.add_decorator('resources', deco_kwargs={'cpu': self.n})",
                name="S",
                base="StepMutator",
                init="def init(self, n=1):\n    self.n = n",
            )
            + mutator(
                "f.train.add_decorator(S, deco_args=[7])\nf.start.add_decorator(S, [7], duplicates=f.OVERRIDE)",
                method="pre_mutate",
            ),
            train="@S",
            start="@S(2)",
        ),
        {"train": {"cpu": 1}, "start": {"cpu": 7}},
    ),
    "a mutator adds a mutator to the flow": (
        flow(
            mutator(each("s.add_decorator('resources', deco_kwargs={'cpu': 7})"), name="N", method="pre_mutate")
            + mutator("f.add_decorator(N)\nf.add_decorator(N)", method="pre_mutate")
        ),
        {"train": {"cpu": 7}},
    ),
    "a wrapper has no effect but is seen": (
        flow(
            "class timed(UserStepDecorator):\n    pass\n@user_step_decorator\ndef traced(step_name, flow, inputs=None):\n    yield\n"
            + mutator(
                each(
                    "if name == 'end':\n    s.add_decorator(timed)\n    s.add_decorator(traced)\nfor deco, *_ in s.decorator_specs:\n    if deco == 'resources':\n        s.add_decorator('retry', deco_kwargs={'times': 1})\nif len(list(s.decorator_specs)) > 1:\n    s.add_decorator('timeout', deco_kwargs={'minutes': 5})"
                )
            ),
            train="@timed\n@traced()\n@resources(cpu=2)",
        ),
        {
            "train": {"cpu": 2, "retry_times": 1, "timeout_s": 300},
            "end": {"timeout_s": 300},
            "start": {"timeout_s": None},
        },
    ),
    "a mutator runs again when Argo has attached": (
        step_mutator(
            "if s.has_decorator('kubernetes'):\n    s.add_decorator('resources', deco_kwargs={'cpu': 4}, duplicates=s.OVERRIDE)",
            target="argo-workflows",
            train="@M\n@resources(gpu=1)",
        ),
        {"train": {"cpu": 4, "gpu": None, "compute": "kubernetes"}},
    ),
    "what it added before is taken away then": (
        step_mutator(
            "if s.has_decorator('kubernetes'):\n    return\ns.add_decorator('resources', deco_kwargs={'gpu': 1})",
            target="argo-workflows",
        ),
        {"train": {"gpu": None, "compute": "kubernetes"}, "start": {"gpu": None}},
    ),
    "a mutator of the flow does not": (
        flow_mutator(
            each("if not s.has_decorator('kubernetes'):\n    s.add_decorator('resources', deco_kwargs={'gpu': 1})"),
            target="argo-workflows",
        ),
        {"train": {"gpu": 1, "compute": "kubernetes"}},
    ),
    "a parameter that is new": (
        flow_mutator("f.add_parameter('extra', Parameter('extra', default=3))\n" + each(ADD), method="pre_mutate"),
        {"train": {"cpu": 5}},
    ),
    "an attribute that Metaflow does not check": (
        flow_mutator(each("s.add_decorator('resources', deco_kwargs={'cpu': 2, 'gpus': 8})")),
        {"train": {"cpu": 2, "gpu": None}},
    ),
    "harmless decorators under an unknown condition": (
        flow_mutator(
            each(
                "if os.path.exists('/x'):\n    s.add_decorator('environment', deco_kwargs={'vars': {}})\n    s.add_decorator(card)"
            ),
            train="@kubernetes(cpu=2)",
        ),
        {"train": {"cpu": 2, "compute": "kubernetes"}},
    ),
    "tuples, configs and rows": (
        flow(
            "import socket\nBIG = {'gpu': 1}\n"
            + mutator(
                each(
                    "pair = (1, 2)\nhost = socket.inet_aton('1.2.3.4')\nmore = f.cfg.copy()\nkw = {'cpu': max(pair)}\nkw.update(BIG)\ns.add_decorator('resources', deco_kwargs=kw)\nfor deco in f.decorator_specs:\n    pass\nfor z in []:\n    break"
                )
            )
        ),
        {"train": {"cpu": 2, "gpu": 1}},
    ),
    "names that a set holds": (
        step_mutator(
            "names = {d[0] for d in s.decorator_specs}\nif 'retry' in names and 'kubernetes' not in names:\n    s.add_decorator('resources', deco_kwargs={'cpu': 2})",
            train="@M\n@retry",
        ),
        {"train": {"cpu": 2}},
    ),
    "a mutator that does nothing": (
        flow("class M(FlowMutator):\n    'nothing'\n", train="@resources(cpu=2)"),
        {"train": {"cpu": 2}},
    ),
    "the flow's own decorators are seen": (
        flow_mutator(
            "if f.has_decorator('schedule') and not f.has_decorator('project'):\n"
            + indented(each(ADD), 1)
            + "names = [d[0] for d in f.decorator_specs]\nif 'project' in names:\n    f.train.add_decorator('retry')",
            cls="@schedule(daily=True)\n@M",
        ),
        {"train": {"cpu": 5, "retry_times": None}},
    ),
}

FLOW_LEVEL: Mapping[str, tuple[Case, Expected]] = {
    "a schedule and a project that are added": (
        flow_mutator(
            "f.add_decorator('schedule:hourly=true')\nf.add_decorator(project, deco_kwargs={'name': f.cfg.which})",
            method="pre_mutate",
            target="argo-workflows",
        ),
        {"flow": {"cron": "0 * * * ? *", "project": "big"}},
    ),
    "a schedule that is there wins": (
        flow_mutator(
            "f.add_decorator('schedule', deco_kwargs={'cron': '5 4 * * ? *'})",
            method="pre_mutate",
            cls="@M\n@schedule(hourly=True)",
            target="argo-workflows",
        ),
        {"flow": {"cron": "0 * * * ? *"}},
    ),
    "a schedule that is removed": (
        flow_mutator(
            "if f.remove_decorator('schedule'):\n    f.add_decorator('schedule:weekly=true')\nf.remove_decorator('project')",
            method="pre_mutate",
            cls="@M\n@schedule(hourly=True)",
            target="argo-workflows",
        ),
        {"flow": {"cron": "0 0 ? * SUN *", "project": None}},
    ),
    "a mutator of the flow in the place of one that is there": (
        flow(
            mutator(
                "f.add_decorator(self.spec)",
                name="N",
                method="pre_mutate",
                init="def init(self, spec):\n    self.spec = spec",
            )
            + mutator("f.add_decorator(N, ['schedule:weekly=true'], duplicates=f.OVERRIDE)", method="pre_mutate"),
            cls="@N('schedule:hourly=true')\n@M",
            target="argo-workflows",
        ),
        {"flow": {"cron": "0 0 ? * SUN *"}},
    ),
    "a schedule under a condition that is not known": (
        flow_mutator(
            "if os.path.exists('/x'):\n    f.add_decorator('schedule')",
            method="pre_mutate",
            train="@resources(cpu=2)",
            target="argo-workflows",
        ),
        {"flow": {"cron": "the mutator M may change @schedule"}, "train": {"cpu": 2}},
    ),
    "any decorator of the flow under a condition that is not known": (
        flow_mutator(
            "if os.path.exists('/x'):\n    f.add_decorator(f.cfg.which)",
            method="pre_mutate",
            target="argo-workflows",
        ),
        {"flow": {"cron": "may change @schedule", "project": "may change @project"}, "train": {"*": "M"}},
    ),
}

COUNT = "n = 1\nbox = {'cpu': 4}\ndef count(self):\n    for _ in [1]:\n        pass\n    return 2\n"
SIZE = each("x = self.count()\ns.add_decorator('resources', deco_kwargs={'cpu': self.n, 'gpu': 1})")
UNFOLLOWED: Mapping[str, tuple[Case, Expected]] = {  # `count` runs, and what else the class may do by it
    "that changes nothing": (flow_mutator(SIZE, init=COUNT), {"train": {"cpu": 1, "gpu": 1}}),
    "that hands attributes where they are copied": (
        flow_mutator(
            SIZE,
            init=COUNT
            + "def more(self, s):\n    s.add_decorator('card', deco_kwargs=self.box)\n    print(self.n)\n    return tell(self.n)",
            before="def tell(n):\n    for _ in [1]:\n        print(n)\n    return n\n",
        ),
        {"train": {"cpu": 1, "gpu": 1}},
    ),
    "that changes an attribute": (
        flow_mutator(SIZE, init=COUNT + "def more(self):\n    self.n += 1"),
        {"train": {"cpu": "self.n may be changed while M runs", "gpu": 1}},
    ),
    "that changes the value of an attribute": (
        flow_mutator(SIZE, init=COUNT + "def more(self):\n    self.n.x['y'] = 2"),
        {"train": {"cpu": "self.n may be changed"}},
    ),
    "that changes itself": (
        flow_mutator(SIZE, init=COUNT + "def more(self):\n    me = self\n    me.n = 2"),
        {"train": {"cpu": "M.more may change M itself"}},
    ),
    "that hands itself on": (
        flow_mutator(
            SIZE,
            init=COUNT + "def more(self):\n    setattr(self, 'n', 2)\n    change(self)",
            before="def change(me):\n    me.n = 2\n",
        ),
        {"train": {"cpu": "M.more may change M itself"}},
    ),
    "that hands an attribute to who changes it": (
        flow_mutator(
            SIZE,
            init=COUNT + "def more(self):\n    change(self.box)",
            before="def change(box):\n    hand(box)\ndef hand(box):\n    box['cpu'] = 2\n",
        ),
        {"train": {"cpu": "self.n may be changed"}},
    ),
    "that hands an attribute in a circle": (
        flow_mutator(
            SIZE, init=COUNT + "def more(self):\n    change(self.box)", before="def change(box):\n    change(box)\n"
        ),
        {"train": {"cpu": "self.n may be changed"}},
    ),
    "that hands an attribute to a method that changes it": (
        flow_mutator(
            SIZE, init=COUNT + "def more(self):\n    self.change(self.box)\ndef change(self, box):\n    box['cpu'] = 2"
        ),
        {"train": {"cpu": "self.n may be changed"}},
    ),
    "that calls init": (
        flow_mutator(
            SIZE,
            init="def init(self, k=1):\n    self.n = k\n    self.k = 3\n" + COUNT + "def more(self):\n    self.init(5)",
        ),
        {"train": {"cpu": "self.n may be changed"}},
    ),
    "with a field of init that a method changes": (
        flow_mutator(
            SIZE.replace("self.n", "self.k"),
            init="def init(self, k=1):\n    self.k = k\n" + COUNT + "def more(self):\n    change(self.k)",
            before="def change(box):\n    box['cpu'] = 2\n",
        ),
        {"train": {"cpu": "self.k may be changed"}},
    ),
    "a method without self": (
        flow_mutator(SIZE, init=COUNT + "def more():\n    pass"),
        {"train": {"cpu": "may change M itself"}},
    ),
}

OPEN: Mapping[str, tuple[Case, Expected]] = {
    "a method that is no function of the class": (
        flow(
            "def change(me, f):\n    f.train.add_decorator('kubernetes')\nclass M(FlowMutator):\n    mutate = len\n    other = change\n"
        ),
        {"train": {"*": "M.mutate is no plain method"}},
    ),
    "a decorator of the flow that is removed by what it says": (
        flow_mutator(
            "f.remove_decorator('schedule', [], {'daily': True})",
            method="pre_mutate",
            cls="@M\n@schedule",
            target="argo-workflows",
        ),
        {"flow": {"cron": "removes a flow decorator by its arguments"}, "train": {"compute": "kubernetes"}},
    ),
    "an attribute that nobody assigns": (
        flow_mutator(each("s.add_decorator('resources', deco_kwargs={'cpu': self.nothing})")),
        {"train": {"cpu": "M has no attribute nothing that its init assigns"}},
    ),
    "a call of what a step does not have": (
        flow_mutator(each("x = s.nothing.call()\n" + ADD)),
        {"train": {"*": "hands a step, the flow or a container to s.nothing.call"}},
    ),
    "a step handed to code of elsewhere under a name that asks": (
        flow_mutator(each("x = acme.get(s)\n" + ADD), before="import acme"),
        {"train": {"*": "to acme.get"}},
    ),
    "the same for a list of steps": (
        flow_mutator(
            "x = acme.get([s for name, s in f.steps if name.startswith('t')])\n" + each(ADD), before="import acme"
        ),
        {"train": {"*": "to acme.get"}},
    ),
    "a step handed to what the mutator was given": (
        flow_mutator(
            each("self.tune(s)"),
            init="def init(self, tune):\n    self.tune = tune",
            before="import acme",
            cls="@M(acme.tune)",
        ),
        {"train": {"*": "a call whose effect is not known"}},
    ),
    "a step logged by what is no logger": (
        flow_mutator(each("logger.info(s)\n" + ADD), before="logger = 3"),
        {"train": {"*": "a call whose effect is not known"}},
    ),
    "a container that one round hands to the next": (
        flow_mutator(
            "seen = {}\n" + each("if name == 'end' and os.path.exists('/x'):\n    pass\nattach(s, seen)"),
            before="def attach(s, seen):\n    if s.has_decorator('retry'):\n        s.add_decorator('kubernetes', deco_kwargs=seen)\n",
        ),
        {"train": {"*": "any attribute of any step"}, "end": {"*": "M"}},
    ),
    "a container of the flow that one round changes": (
        flow_mutator(
            "seen = {}\n"
            + each(
                "if name == 'end' and os.path.exists('/x'):\n    seen['x'] = 1\ns.add_decorator('kubernetes', deco_kwargs=seen, duplicates=f.OVERRIDE)"
            )
        ),
        {"train": {"*": "any attribute of any step"}},
    ),
    "a choice of duplicates of the flow's keeps the rounds apart": (
        flow_mutator(
            each(
                "if name == 'end' and os.path.exists('/x'):\n    pass\ns.add_decorator('kubernetes', duplicates=f.OVERRIDE)"
            )
        ),
        {"end": {"*": "the mutator M may change any attribute (calls"}, "train": {"compute": "kubernetes"}},
    ),
    "a list that grows while it is gone through": (
        flow_mutator(
            "todo = ['start']\nfor name in todo:\n    if len(todo) < 2:\n        todo.append('train')\n    getattr(f, name).add_decorator('kubernetes')"
        ),
        {"train": {"*": "that may be used elsewhere, too"}},
    ),
    "attributes of the mutator that change while they are gone through": (
        flow_mutator(
            "for name, size in self.sizes.items():\n    self.sizes['train'] = 9\n    getattr(f, name).add_decorator('resources', deco_kwargs={'cpu': size})",
            init="def init(self):\n    self.sizes = {'start': 1, 'train': 2}",
        ),
        {"train": {"*": "that may be used elsewhere, too"}},
    ),
    "a method of the base class": (
        flow(
            "class B(FlowMutator):\n    def help(self, f):\n        f.train.add_decorator('kubernetes')\nclass M(B):\n    def mutate(self, f):\n        super().help(f)\n"
        ),
        {"train": {"*": "a call whose effect is not known"}},
    ),
    "a dict that is updated by what is not known": (
        flow_mutator(each("kw = {}\nkw.update(**nowhere)\n" + ADD)),
        {"train": {"*": "has arguments that are not known"}},
    ),
    "a dict of the module": (
        flow_mutator(each("SIZES['cpu'] = 3\n" + ADD), before="SIZES = {}"),
        {"train": {"*": "SIZES"}},
    ),
    "arguments of the flow's mutator that are not known": (
        flow_mutator(each(ADD), cls="@M(*nowhere)"),
        {"train": {"*": "the flow decorator M may change"}},
    ),
    "arguments of the flow's mutator that Python refuses": (
        flow_mutator(each(ADD), cls="@M(n=1, **{'n': 2})", init="def init(self, n):\n    pass"),
        {"train": {"*": "multiple values for n"}},
    ),
    "attributes that a set holds": (
        step_mutator(
            "names = {d[0] for d in s.decorator_specs}\nif names & {'retry'}:\n    s.add_decorator('kubernetes')"
        ),
        {"train": {"*": "depends on what Metaflow calls"}},
    ),
    "a set that is compared": (
        step_mutator(
            "names = {d[0] for d in s.decorator_specs}\nif names == {'retry'}:\n    s.add_decorator('kubernetes')"
        ),
        {"train": {"*": "depends on what Metaflow calls"}},
    ),
    "a decorator of the user's by its name": (
        step_mutator("for d in s.decorator_specs:\n    if d[0] == 'M':\n        s.add_decorator('kubernetes')"),
        {"train": {"*": "depends on what Metaflow calls"}},
    ),
    "a decorator of the user's that has a name": (
        step_mutator("for d in s.decorator_specs:\n    if d[0]:\n        s.add_decorator('kubernetes')"),
        {"train": {"*": "depends on what Metaflow calls"}},
    ),
    "a decorator of the command line that is not Metaflow's": (
        flow_mutator(each(ADD), with_=("acme.big:cpu=2",)),
        {"train": {"*": "--with acme.big may change any attribute"}},
    ),
    "an attribute that is not known leaves the others": (
        flow(
            mutator(
                each(
                    "s.add_decorator('resources', deco_kwargs={'cpu': 3, 'gpu': self.compute(), 'memory': os.cpu_count()})"
                ),
                init="def compute(self):\n    import socket\n    return len(socket.gethostname())",
            )
        ),
        {"train": {"cpu": 3, "gpu": "more than assign names", "memory_mb": "os.cpu_count"}},
    ),
    "attributes that are not known at all": (
        flow_mutator(each("s.add_decorator('resources', deco_kwargs=load())"), train="@resources(cpu=2)"),
        {"train": {"cpu": 2}, "end": {"cpu": "load is not defined", "gpu": "load is not defined"}},
    ),
    "a condition that is not known leaves the other steps": (
        flow_mutator(
            each(
                "if name == 'start':\n    s.add_decorator('resources', deco_kwargs={'cpu': 2})\nelif name == 'train' and os.path.exists('/x'):\n    s.add_decorator('resources', deco_kwargs={'cpu': 3})"
            ),
            train="@kubernetes",
        ),
        {
            "start": {"cpu": 2},
            "train": {"*": "the mutator M may change any attribute (calls os.path.exists"},
            "end": {"cpu": None},
        },
    ),
    "a condition that is not known and ends the loop": (
        flow_mutator(each("if os.path.exists('/x'):\n    break\n" + ADD)),
        {"start": {"*": "the mutator M may change any attribute of any step"}, "train": {"*": "M"}},
    ),
    "a condition that is not known and ends the mutator": (
        flow_mutator(each("if name == 'end' and os.path.exists('/x'):\n    return\n" + ADD)),
        {"start": {"*": "os.path.exists"}},
    ),
    "a name that may have another value": (
        flow_mutator(
            "n = 1\n"
            + each(
                "if name == 'end' and os.path.exists('/x'):\n    n = 2\ns.add_decorator('resources', deco_kwargs={'cpu': n})"
            )
        ),
        {"end": {"*": "os.path.exists"}, "start": {"cpu": "os.path.exists"}},
    ),
    "retries under an unknown condition": (
        flow_mutator(
            each("if os.path.exists('/x'):\n    s.add_decorator('retry', deco_kwargs={'times': 2})"),
            train="@kubernetes(cpu=2)",
        ),
        {"train": {"cpu": 2, "retry_times": "the mutator M may change @retry", "timeout_s": "M"}},
    ),
    "a decorator that is not known": (
        flow_mutator(each("s.add_decorator(name)")),
        {"train": {"*": "which is none of Metaflow's decorators"}},
    ),
    "a decorator by its name in a config that is not read": (
        flow_mutator(each("s.add_decorator(f.cfg.kind)"), files={"c.json": '{"kind": "nothing.of_mine"}'}),
        {"train": {"*": "none of Metaflow's decorators"}},
    ),
    "try": (
        flow_mutator("try:\n" + indented(each(ADD), 1) + "except Exception:\n    pass"),
        {"train": {"*": "a Try statement"}},
    ),
    "while": (flow_mutator("while True:\n    break\n" + each(ADD)), {"train": {"*": "a While statement"}}),
    "with": (flow_mutator("with open('x') as x:\n    pass\n" + each(ADD)), {"train": {"*": "a With statement"}}),
    "exec": (flow_mutator("exec('x = 1')\n" + each(ADD)), {"train": {"*": "a call whose effect is not known"}}),
    "a lambda": (
        flow_mutator("list(map(lambda x: x[1].add_decorator('kubernetes'), f.steps))"),
        {"train": {"*": "a Lambda"}},
    ),
    "a comprehension with effects": (
        flow_mutator("done = [s.add_decorator('kubernetes') for n, s in f.steps]"),
        {"train": {"*": "uses add_decorator inside of an expression"}},
    ),
    "a method kept for later": (
        flow_mutator("add = f.train.add_decorator\nadd('kubernetes')"),
        {"train": {"*": "uses add_decorator inside"}},
    ),
    "a method looked up by its name": (
        flow_mutator("getattr(f.train, 'add_decorator')('kubernetes')"),
        {"train": {"*": "a call whose effect is not known"}},
    ),
    "a step handed to code that is not read": (
        flow_mutator("import acme\n" + each("acme.tune(s)")),
        {"train": {"*": "M"}},
    ),
    "a step handed on in a value": (
        flow(
            "import copy\ndef tune(x):\n    for y in [x]:\n        y.add_decorator('kubernetes')\n    return 3\n"
            + mutator(each("s.add_decorator('retry', deco_kwargs={'times': len([tune(s)])})"))
        ),
        {"train": {"*": "hands a step, the flow or a container to tune"}},
    ),
    "an attribute of a step": (
        flow_mutator(each("if s.name == 'train':\n    " + ADD)),
        {"train": {"*": "name of a MutableStep"}},
    ),
    "the decorators behind Metaflow's back": (
        flow_mutator(each("s._my_step.decorators.clear()")),
        {"train": {"*": "M may change"}},
    ),
    "an attribute stored on a decorator": (
        flow_mutator(each("d = s.add_decorator('kubernetes')\nd.attributes['cpu'] = 5")),
        {"train": {"*": "uses attributes of a decorator that it added"}},
    ),
    "an attribute stored on the flow": (
        flow_mutator("f.train.x = 1\n" + each(ADD)),
        {"train": {"*": "assigns to more than names"}},
    ),
    "an attribute of the mutator that changes": (
        flow(mutator(each("self.n += 1\ns.add_decorator('resources', deco_kwargs={'cpu': self.n})"), init="n = 0")),
        {"train": {"*": "assigns to more than names"}},
    ),
    "an attribute that another method changes": (
        flow(
            mutator(
                each("s.add_decorator('resources', deco_kwargs={'cpu': self.n, 'gpu': self.next()})"),
                init="n = 0\ndef next(self):\n    self.n += 1\n    return self.n",
            )
        ),
        {"train": {"cpu": "self.n may be changed while M runs", "gpu": "more than"}},
    ),
    "what init takes from elsewhere": (
        flow(
            mutator(
                each("s.add_decorator('resources', deco_kwargs={'cpu': self.n, 'gpu': self.k})"),
                init="def init(self, k):\n    self.n = os.cpu_count()\n    self.k = k",
            ),
            cls="@M(2)",
        ),
        {"train": {"cpu": "os.cpu_count", "gpu": 2}},
    ),
    "what init may not have reached": (
        flow(
            mutator(
                each("s.add_decorator('resources', deco_kwargs={'cpu': self.n, 'gpu': 2})"),
                init="def init(self):\n    self.n = 1\n    if os.path.exists('/x'):\n        self.n = 2",
            )
        ),
        {"train": {"cpu": "os.path.exists", "gpu": 2}},
    ),
    "a class with a constructor": (
        flow(
            "class M(FlowMutator):\n    def __init__(self, *a):\n        super().__init__(*a)\n    def mutate(self, f):\n        f.train.add_decorator('kubernetes')\n"
        ),
        {"train": {"*": "M has its own __init__"}},
    ),
    "a class that is changed afterwards": (
        flow(mutator("pass") + "def other(self, f):\n    f.train.add_decorator('kubernetes')\nM.mutate = other\n"),
        {"train": {"*": "the flow decorator M may change"}},
    ),
    "a method that is decorated": (
        flow(
            "import functools\nclass M(FlowMutator):\n    @functools.lru_cache(None)\n    def mutate(self, f):\n        f.train.add_decorator('kubernetes')\n"
        ),
        {"train": {"*": "M.mutate is decorated"}},
    ),
    "a parameter that is there already": (
        flow_mutator("f.add_parameter('cfg', Parameter('cfg'), overwrite=True)", method="pre_mutate"),
        {"train": {"*": "may take the place of another"}},
    ),
    "parameters": (
        flow_mutator(
            "for name, p in f.parameters:\n    f.train.add_decorator('kubernetes')",
            inside=CONFIG + "\np = Parameter('p', default=1)",
        ),
        {"train": {"*": "parameters of a MutableFlow"}},
    ),
    "the decorators of a step that another one leaves open": (
        flow(
            mutator(each("if os.path.exists('/x'):\n    s.add_decorator('resources')"), name="A", method="pre_mutate")
            + mutator(each("if s.has_decorator('resources'):\n    s.add_decorator('kubernetes')"), name="B"),
            cls="@A\n@B",
        ),
        {"train": {"*": "the mutator A may change"}},
    ),
    "a step's mutator that is not certain leaves the others": (
        step_mutator("if os.path.exists('/x'):\n    s.add_decorator('kubernetes')", start="@resources(cpu=2)"),
        {"start": {"cpu": 2}, "train": {"*": "the mutator M may change any attribute (calls os.path.exists"}},
    ),
    "unless it looks at the flow": (
        step_mutator(
            "if os.path.exists('/x'):\n    s.flow.start.add_decorator('kubernetes')", start="@resources(cpu=2)"
        ),
        {"start": {"*": "any attribute of any step"}, "train": {"*": "M"}},
    ),
    "a mutator that loops for long": (
        flow_mutator("for i in range(9999):\n    for j in range(9999):\n        n = i\n" + each(ADD)),
        {"train": {"*": "takes too long to evaluate"}},
    ),
    "a kubernetes that is merged twice": (
        step_mutator(
            "if s.has_decorator('environment'):\n    return\ns.add_decorator('resources', deco_kwargs={'cpu': 16})",
            target="argo-workflows",
            train="@M\n@kubernetes(cpu=2)",
        ),
        {"train": {"*": "@resources changed after it was merged"}},
    ),
    "attributes that Metaflow has merged by then": (
        step_mutator(
            "for deco, *_, kw in s.decorator_specs:\n    if deco == 'kubernetes':\n        s.add_decorator('retry', deco_kwargs={'times': int(kw['cpu'])})",
            target="argo-workflows",
            train="@M\n@kubernetes(cpu=2)",
        ),
        {"train": {"cpu": 2, "retry_times": "@kubernetes is merged with @resources by then"}},
    ),
    "a mutator from elsewhere": (
        flow("import acme", cls="@acme.M(1)"),
        {"train": {"*": "the flow decorator acme.M may change any attribute of any step"}},
    ),
    "a mutator of a module that is not there": (
        flow("from lib.nowhere import M", files={"lib/__init__.py": ""}),
        {"train": {"*": "the flow decorator M may change"}},
    ),
    "a mutator of the old kind": (
        flow(
            "from metaflow import CustomFlowDecorator\nclass M(CustomFlowDecorator):\n    def evaluate(self, f):\n        f.train.add_decorator('kubernetes')\n"
        ),
        {"train": {"*": "the flow decorator M may change"}},
    ),
}

REFUSED: Mapping[str, tuple[Case, Expected]] = {
    "a config taken by what is no name": (
        step_mutator(
            "s.add_decorator('resources', deco_kwargs={'cpu': self.n})",
            init="def init(self, n):\n    self.n = n",
            train="@M(n=cfg[config_expr('len')])",
        ),
        {"train": {"cpu": "not plain data"}},
    ),
    "a mutator that calls itself": (
        flow(
            mutator(
                "self.again(f)", init="def again(self, f):\n    self.again(f)\n    f.train.add_decorator('kubernetes')"
            )
        ),
        {"train": {"*": "calls again, a function, which is not evaluated"}},
    ),
    "arguments that do not fit init": (
        flow(
            mutator(
                each("s.add_decorator('resources', deco_kwargs={'cpu': self.n})"),
                init="def init(self):\n    self.n = 1",
            ),
            cls="@M(1, 2)",
        ),
        {"train": {"cpu": "the arguments do not fit"}},
    ),
    "a config that is no mapping, unpacked": (
        step_mutator(
            "s.add_decorator('resources', deco_kwargs={'cpu': self.n})",
            init="def init(self, **k):\n    self.n = 1",
            train="@M(**cfg.gpu)",
        ),
        {"train": {"cpu": "unpacks"}},
    ),
    "a config expression that cannot be one": (
        step_mutator(
            "s.add_decorator('resources', deco_kwargs={'cpu': self.n})",
            init="def init(self, n):\n    self.n = n['x'][0]",
            train="@M(n={'x': [config_expr('cfg.nothing')]})",
        ),
        {"train": {"cpu": "no key 'nothing'"}},
    ),
    "a step's mutator below step": (
        Case(
            files={
                **(one := flow(mutator("pass", base="StepMutator"), cls="")).files,
                "f.py": str(one.files["f.py"]).replace("@step\n    def train", "@step\n    @M\n    def train"),
            },
            target="local",
        ),
        {"train": {"*": None}},
    ),
    "an error where the decorator is there": (
        flow_mutator(each("s.add_decorator('kubernetes', duplicates=s.ERROR)"), train="@kubernetes(cpu=2)"),
        {"train": {"*": "Metaflow fails: @kubernetes is there already"}},
    ),
    "the flow's decorators in mutate": (
        flow_mutator("f.add_decorator('schedule')"),
        {"train": {"*": "only be changed in pre_mutate"}},
    ),
    "a decospec and arguments": (
        flow_mutator(each("s.add_decorator('kubernetes:cpu=2', deco_kwargs={'cpu': 3})")),
        {"train": {"*": "both in the decospec and beside it"}},
    ),
    "positional arguments": (
        flow_mutator(each("s.add_decorator('kubernetes', [1])")),
        {"train": {"*": "no positional arguments"}},
    ),
    "an attribute that the decorator does not have": (
        flow_mutator(each("s.add_decorator(resources, deco_kwargs={'gpus': 1})")),
        {"train": {"cpu": "'gpus', which is no attribute of @resources"}},
    ),
    "arguments without init": (
        flow(mutator(each(ADD)), cls="@M(1)"),
        {"train": {"*": "has arguments but no init of its own"}},
    ),
    "an assertion that fails": (
        flow_mutator("assert f.cfg.gpu == 3, 'no'\n" + each(ADD)),
        {"train": {"*": "the assertion does not hold"}},
    ),
    "an exception": (
        flow_mutator("if f.cfg.gpu == 2:\n    raise ValueError('no')\n" + each(ADD)),
        {"train": {"*": "the mutator raises an exception"}},
    ),
    "a config that is empty": (
        flow_mutator(each("s.add_decorator('resources', deco_kwargs=f.cfg)"), files={"c.json": "{}"}),
        {"train": {"cpu": "a Config that is empty or plain"}},
    ),
    "a step that is not there": (
        flow_mutator("f.nothing.add_decorator('kubernetes')"),
        {"train": {"*": "no step or Config nothing"}},
    ),
    "a flow's mutator on a step": (
        flow(mutator(each(ADD)), cls="", train="@M"),
        {"train": {"*": "no decorator of a step"}},
    ),
    "a config where Metaflow takes a step": (
        flow(mutator("pass", base="StepMutator", init="def init(self, n):\n    pass"), cls="", train="@M(cfg.cpu)"),
        {"train": {"*": "takes a config as first positional argument"}},
    ),
}
