# ruff: noqa: E501
from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costgate.config import DecoratorRule, DeploymentSpec
from costgate.flow.resolve import Settings, resolve_flow
from costgate.model import Flow, Known, Location, Owner, Step, Unresolved
from tests.flow.cases_configs import CASES as CONFIGS
from tests.flow.cases_python import CASES as PYTHON
from tests.flow.table import HEAD, C, Files, c, flow, flow_class, resolve, sources_of, step


def open_reasons(found: Flow) -> list[str]:
    """Why anything about the flow or its start step is not known, worst first."""
    one = step(found)
    reasons = [u.reason for u in found.unresolved]
    reasons += [one.resources.touched_by.reason] if one.resources.touched_by else []
    for decorator in one.decorators:
        values = [*decorator.kwargs.values(), *([decorator.rest] if decorator.rest else [])]
        reasons += [value.reason for value in values if isinstance(value, Unresolved)]
    values = [one.resources.cpu, one.resources.gpu]
    return reasons + [value.reason for value in values if isinstance(value, Unresolved)]


def arguments(one: Step) -> dict[str, dict[str, Any]]:
    return {
        decorator.name: {name: value.value for name, value in decorator.kwargs.items() if isinstance(value, Known)}
        for decorator in one.decorators
    }


@pytest.mark.parametrize(("files", "expected"), {**CONFIGS, **PYTHON}.values(), ids={**CONFIGS, **PYTHON})
def test_start_step_asks_for(files: Files, expected: dict[str, Any] | str) -> None:
    found = resolve(files)
    if isinstance(expected, dict):
        assert (open_reasons(found), arguments(step(found))) == ([], expected)
    else:
        assert expected in open_reasons(found)[0]


def test_a_value_remembers_its_way_from_use_to_file() -> None:
    files = c("@kubernetes(gpu=config_expr('SIZES[cfg.which]'), memory=cfg.mem)", before="SIZES = {'big': 4}\n")
    found = step(resolve(files))
    gpu, memory = found.resources.gpu, found.resources.memory_mb
    assert isinstance(gpu, Known)
    assert isinstance(memory, Known)
    assert [place.short for place in gpu.chain] == ["f.py:8", "f.py:4", "c.json:4"]
    assert [str(place) for place in memory.chain] == ["f.py:8:61", "f.py:7:11", "c.json:1:29"]


def test_environment_dependence_is_noted() -> None:
    found = step(resolve(c("@kubernetes(cpu=int(os.environ.get('CPUS', '3')))", before="import os\n")))
    assert isinstance(found.resources.cpu, Known)
    assert found.resources.cpu.notes == ("depends on the environment variable CPUS; its default is used",)


def test_metaflow_settings_of_the_deploying_machine_are_known() -> None:
    files = c("@kubernetes(cpu=int(os.environ.get('METAFLOW_X', '3')))", before="import os\n")
    found = step(resolve(files, env={"METAFLOW_X": "5"}))
    assert isinstance(found.resources.cpu, Known)
    assert (found.resources.cpu.value, found.resources.cpu.notes) == (5, ("METAFLOW_X as set in metaflow_env",))


FAN_OUT: dict[str, tuple[str, str, str, object]] = {
    "a list literal is as wide as it is long": ("self.xs = [1, 2, load()]", "", "foreach='xs'", 3),
    "a range is as wide as it says": ("self.xs = list(range(N * 2))", "N = 5", "foreach='xs'", 10),
    "a dict is as wide as its keys": ("self.xs = {'a': 1}", "", "foreach='xs'", 1),
    "a comprehension of unknown elements has a known width": (
        "self.xs = [load(i) for i in range(7)]",
        "",
        "foreach='xs'",
        7,
    ),
    "a config list is as wide as the file says": ("self.xs = self.cfg.a.l", "", "foreach='xs'", 3),
    "a config mapping is as wide as its keys": ("self.xs = self.cfg.a", "", "foreach='xs'", 5),
    "a parameter's default gives the width": (
        "self.xs = range(self.n)",
        "",
        "foreach='xs'",
        (4, "default of Parameter n"),
    ),
    "nothing is refused": ("self.xs = []", "", "foreach='xs'", "a foreach needs at least one item"),
    "a number is refused": ("self.xs = 3", "", "foreach='xs'", "foreach over an int"),
    "a path is refused": ("self.xs = __file__", "", "foreach='xs'", "foreach over a CheckoutPath"),
    "a function's result is open": ("self.xs = load()", "", "foreach='xs'", "load is not defined"),
    "an artifact from elsewhere is open": ("pass", "", "foreach='xs'", "known at run time only"),
    "a literal number of nodes is known": ("pass", "", "num_parallel=2", 2),
    "a constant number of nodes is known": ("pass", "N = 3", "num_parallel=N", 3),
    "a parameter's number of nodes is known": ("pass", "", "num_parallel=self.n", (4, "default of Parameter n")),
    "a config's number of nodes is known": ("pass", "", "num_parallel=self.cfg.gpu", 2),
    "a class constant's number of nodes is known": ("pass", "", "num_parallel=self.K", 6),
    "an artifact's number of nodes is open": ("self.K = load()", "", "num_parallel=self.K", "load is not defined"),
    "an artifact of another step is open": ("pass", "", "num_parallel=self.late", "self.late is assigned by a step"),
    "an attribute that nobody sets is open": ("pass", "", "num_parallel=self.nope", "F has no attribute nope"),
    "a text as number of nodes is refused": ("pass", "", "num_parallel='2'", "no number of nodes"),
    "a truth as number of nodes is refused": ("pass", "", "num_parallel=True", "no number of nodes"),
    "zero nodes are refused": ("pass", "", "num_parallel=0", "no number of nodes"),
    "an object as number of nodes is refused": ("pass", "", "num_parallel=len", "not plain data"),
    "a text parameter of type int is a number": ("pass", "", "num_parallel=self.t", (5, "default of Parameter t")),
    "a parameter without default is open": ("pass", "", "num_parallel=self.none", "the Parameter none has no default"),
    "a parameter of an odd type is open": ("pass", "", "num_parallel=self.odd", "the type of the Parameter"),
    "a parameter of a separated text is open": ("pass", "", "num_parallel=self.sep", "options that are not evaluated"),
    "a parameter that cannot be converted is open": ("pass", "", "num_parallel=self.bad", "Python fails here"),
    "a parameter from a config is known": ("pass", "", "num_parallel=self.c", (2, "default of Parameter c")),
    "a JSON parameter is as wide as its list": ("self.xs = self.j", "", "foreach='xs'", (2, "default of Parameter j")),
    "a JSON parameter may be data": ("self.xs = self.d", "", "foreach='xs'", (1, "default of Parameter d")),
}
PARAMETERS = """\
cfg = Config("cfg", default="c.json")
n = Parameter("n", default=4)
t = Parameter("t", default="5", type=int)
none = Parameter("none")
odd = Parameter("odd", default=1, type=list)
sep = Parameter("sep", default="1,2", separator=",")
bad = Parameter("bad", default="x", type=int)
c = Parameter("c", default=cfg.gpu, type=bool)
j = Parameter("j", default="[1, 2]", type=JSONType)
d = Parameter("d", default=[1], type=JSONType)
K = 6
"""
LATER = """\
    @resources(gpu=1)
    @step
    def mid(self):
        self.late = 5
        self.next(self.join)
    @step
    def join(self, inputs):
        self.next(self.end)
"""


@pytest.mark.parametrize(("statement", "before", "how", "expected"), FAN_OUT.values(), ids=FAN_OUT)
def test_fan_out(statement: str, before: str, how: str, expected: object) -> None:
    nxt = f"{statement}\n        self.next(self.mid, {how})"
    found = resolve(c("", before=before, body=PARAMETERS, nxt=nxt, extra=LATER))
    (width,) = step(found, "mid").fan_out
    start = step(found)
    assert width == (start.foreach.width if start.foreach else start.num_parallel)
    value, note = expected if isinstance(expected, tuple) else (expected, None)
    if isinstance(value, str):
        assert isinstance(width, Unresolved)
        assert value in width.reason
    else:
        assert isinstance(width, Known)
        assert (width.value, width.notes) == (value, (note,) if note else ())


def test_a_switch_around_a_broken_split_keeps_the_flow_readable() -> None:
    found = resolve(c("", nxt="self.next(self.mid, foreach=1, num_parallel=2)", extra=LATER))
    assert {one.name for one in found.steps} == {"start", "mid", "join", "end"}
    assert any("start" in problem.reason for problem in found.unresolved)


def test_steps_come_in_the_order_of_the_graph() -> None:
    files = c("", nxt="self.xs = [1]; self.next(self.mid, foreach='xs')", extra=LATER)
    assert [one.name for one in resolve(files).steps] == ["start", "mid", "join", "end"]


def test_the_target_and_with_attach_decorators() -> None:
    argo = step(resolve(c("@resources(gpu=2)"), target="argo-workflows"))
    assert (argo.resources.compute, [d.origin for d in argo.decorators]) == ("kubernetes", ["flow", "target"])
    batch = step(resolve(c("@resources(gpu=2)"), with_=("batch:cpu=3",)))
    assert (batch.resources.compute, [d.name for d in batch.decorators]) == ("batch", ["resources", "batch"])


def test_a_with_that_metaflow_cannot_read_is_told() -> None:
    found = resolve(c("@resources(gpu=2)"), with_=("batch:cpu",))
    assert [problem.location for problem in found.unresolved] == [Location(path="costgate.yml")]


def test_project_schedule_and_owner_of_the_flow() -> None:
    cls = '@costgate(team="reco", cost_center=CC, experiment=1)\n@project(name=config_expr("cfg.which"))\n@schedule(hourly=True)\n'
    found = resolve(c("", before="from metaflow import costgate\nCC = 'CC-1'\n", cls=cls), target="argo-workflows")
    assert found.owner == Owner(team="reco", cost_center="CC-1")
    assert isinstance(found.project, Known)
    assert found.project.value == "big"
    assert found.schedule
    assert not isinstance(found.schedule, Unresolved)
    assert found.schedule.cron == "0 * * * ? *"
    assert (found.unresolved, step(found).resources.touched_by) == ((), None)


PROJECTS = {
    "no @project, no project": ("", None),
    "a bare @project is refused": ("@project\n", "@project needs a name"),
    "an open @project is open": ("@project(name=nowhere)\n", "nowhere is not defined"),
    "an open ** makes the project open": ("@project(**nowhere)\n", "nowhere is not defined"),
}


@pytest.mark.parametrize(("cls", "reason"), PROJECTS.values(), ids=PROJECTS)
def test_project(cls: str, reason: str | None) -> None:
    project = resolve(c("", cls=cls)).project
    assert project is None if reason is None else isinstance(project, Unresolved) and reason in project.reason


TOUCHED = {
    "an unknown decorator from Metaflow": ("@titus(gpu=1)\n@step", "from metaflow import titus"),
    "an unknown bare decorator": ("@checkpoint\n@step", "from metaflow import checkpoint"),
    "a decorator from elsewhere": ("@acme.gpu\n@step", "import acme"),
    "a decorator called with the step and more": ("@d\n@step", "import acme\ndef d(f): return acme.gpu(f, x=1)"),
    "a decorator with arguments in a helper": ("@d\n@step", "import acme\ndef d(f): return acme.gpu(f)"),
    "a decorator of flows": ("@project(name='x')\n@step", ""),
    "a decorator that is no decorator": ("@N\n@step", "N = 4"),
    "a decorator that returns something else": ("@d\n@step", "def d(f): return 4"),
    "a decorator that is looked up": ("@table['x']\n@step", "table = {}"),
    "a decorator whose arguments do not fit": ("@d(1)\n@step", "def d(): return resources()"),
    "a lambda that changes the step": ("@(lambda f: f.x)\n@step", ""),
    "a class with methods": ("@D\n@step", "class D:\n    def __call__(self, f): return f"),
    "a wrapper of another function": ("@d\n@step", "import functools\ndef d(f):\n    @functools.wraps(d)\n    def w(): pass\n    return w"),
    "a wrapper of no function": ("@d\n@step", "import functools\ndef d(f):\n    @functools.wraps\n    def w(): pass\n    return w"),
    "a wrapper with a loop": ("@d\n@step", "def d(f):\n    for x in y: pass\n    return f"),
    "a wrapper that returns a call": ("@d\n@step", "def d(f):\n    def w(): pass\n    return w()"),
    "a wrapper by something else": ("@d\n@step", "import acme\ndef d(f):\n    @acme.wraps(f)\n    def w(): pass\n    return w"),
    "a decorated factory": ("@d(1)\n@step", "@cache\ndef d(x):\n    def w(f): pass\n    return w"),
}  # fmt: skip


@pytest.mark.parametrize(("decorators", "before"), TOUCHED.values(), ids=TOUCHED)
def test_may_change_any_attribute(decorators: str, before: str) -> None:
    text = flow("", before=before).replace(
        "    @step\n    def start", textwrap.indent(decorators, "    ") + "\n    def start"
    )
    touched = step(resolve({"f.py": text})).resources.touched_by
    assert touched is not None
    assert "may change any attribute" in touched.reason
    assert touched.location.path == "f.py"


def test_step_with_start_and_end_is_a_step() -> None:
    text = flow().replace("@step\n    def start", "@step(start=True, node_info={})\n    def start")
    assert step(resolve({"f.py": text})).resources.touched_by is None


def test_below_step_no_decorator_is_allowed() -> None:
    text = flow().replace("    @step\n    def start", "    @resources(gpu=1)\n    def start")
    assert [found.steps.keys() for found in sources_of({"f.py": text}).flow_classes("f.py")] == [{"end"}]


RULE = DecoratorRule(name="gpu_step", attributes={"gpu": "n"}, compute="kubernetes")
IN_HOUSE = {
    "imported from elsewhere": "from acme import gpu_step",
    "defined in the repository": "def gpu_step(n):\n    print(n)\n    return lambda f: f",
    "made by something that cannot be read": "import acme\ngpu_step = acme.make()",
    "a class": "class gpu_step:\n    def __init__(self, n): pass",
}


@pytest.mark.parametrize("before", IN_HOUSE.values(), ids=IN_HOUSE)
def test_in_house_decorators_are_taken_by_name(before: str) -> None:
    found = step(resolve(c("@gpu_step(n=cfg.gpu)", before=before), rules={"gpu_step": RULE}))
    assert (found.resources.compute, found.resources.touched_by) == ("kubernetes", None)
    assert isinstance(found.resources.gpu, Known)
    assert found.resources.gpu.value == 2


@pytest.mark.parametrize("before", IN_HOUSE.values(), ids=IN_HOUSE)
def test_bare_in_house_decorators_are_taken_by_name(before: str) -> None:
    found = step(resolve(c("@gpu_step", before=before), rules={"gpu_step": RULE}))
    assert ([d.name for d in found.decorators], found.resources.touched_by) == (["gpu_step"], None)


def test_in_house_decorators_inside_helpers_are_taken_by_name() -> None:
    before = "from acme import gpu_step\ndef both(f): return gpu_step(n=3)(resources(cpu=8)(f))"
    found = step(resolve(c("@both", before=before), rules={"gpu_step": RULE}))
    assert [d.name for d in found.decorators] == ["gpu_step", "resources"]


def test_a_rule_does_not_replace_metaflows_own_decorator() -> None:
    rule = DecoratorRule(name="resources", attributes={"gpu": "n"})
    found = step(resolve(c("@resources(gpu=3)"), rules={"resources": rule}))
    assert found.decorators[0].kwargs["gpu"] == Known(value=3, chain=(Location(path="f.py", line=7, column=20),))


FLOW_LEVEL = {
    "a mutator of steps": ("@M\n", "class M(StepMutator): pass", "the flow decorator M may change"),
    "an imported mutator": ("@acme.M(1)\n", "import acme", "the flow decorator acme.M may change"),
    "a decorator that is looked up": ("@D['x']\n", "D = {}", "the flow decorator D may change"),
    "a decorator out of nothing": ("@(lambda c: c)\n", "", "the flow decorator a decorator may change"),
    "a schedule twice": ("@schedule\n@schedule\n", "", "@schedule stands twice"),
}


@pytest.mark.parametrize(("cls", "before", "reason"), FLOW_LEVEL.values(), ids=FLOW_LEVEL)
def test_flow_decorators_that_are_not_known(cls: str, before: str, reason: str) -> None:
    assert reason in resolve(c("", before=before, cls=cls)).unresolved[0].reason


def test_exit_hooks_may_be_repeated() -> None:
    assert resolve(c("", cls="@exit_hook(on_error=[])\n@exit_hook(on_success=[])\n")).unresolved == ()


CLASSES = {
    "a hook of a base class": ("class B(FlowSpec):\n    def __init_subclass__(cls): pass\n", "B", "B.__init_subclass__"),
    "a metaclass": ("", "FlowSpec, metaclass=Meta", "F has a metaclass or class options"),
    "a base class from elsewhere": ("from acme import ProjectFlow\n", "ProjectFlow", "the base class acme.ProjectFlow"),
    "a mixin from elsewhere": ("from acme import Mixin\n", "Mixin, FlowSpec", "the base class acme.Mixin"),
    "a base class that is not defined": ("", "Nowhere", "Nowhere is not defined"),
    "a base class that is a number": ("N = 3\n", "N", "is no class"),
    "bases that contradict each other": (
        "class A(FlowSpec): pass\nclass B(A): pass\n", "A, B", "the bases of F contradict each other",
    ),
    "a base class that derives from itself": (
        "class A(B): pass\nclass B(A): pass\n", "A", "B is only assigned further down",
    ),
    "too many bases": ("", ", ".join(["FlowSpec"] * 51), "F has too many bases"),
    "steps under a condition": (
        "class B(FlowSpec):\n    if X:\n        @step\n        def extra(self): pass\n", "B", "extra is defined under a condition",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("before", "base", "reason"), CLASSES.values(), ids=CLASSES)
def test_classes_that_make_every_step_unknown(before: str, base: str, reason: str) -> None:
    found = resolve({"f.py": flow(before=before, base=base)})
    assert reason in found.unresolved[0].reason
    assert all(one.resources.touched_by for one in found.steps)


def test_deep_inheritance_is_bounded() -> None:
    before = "class B0(FlowSpec): pass\n" + "".join(f"class B{i + 1}(B{i}): pass\n" for i in range(300))
    found = resolve({"f.py": flow(before=before, base="B300")})
    assert "has too many bases" in found.unresolved[0].reason


QUIET = {
    "a runner may be handed the class": "Runner(F)",
    "a function of a library may be handed the class": "print(F)",
    "a decorator with keywords leaves a base alone": "resources(gpu=F.x)",
}


@pytest.mark.parametrize("code", QUIET.values(), ids=QUIET)
def test_code_after_the_class_that_changes_nothing(code: str) -> None:
    text = flow(before="from metaflow import Runner\n") + f"\n{code}\n"
    assert resolve({"f.py": text}).unresolved == ()


def test_code_after_the_class_in_the_repository_may_change_it() -> None:
    text = flow(before="def change(cls): cls.x = 1\n") + "\nchange(F)\n"
    assert "F may be changed after its definition" in resolve({"f.py": text}).unresolved[0].reason


def test_reads_names_every_file_that_decided() -> None:
    files = c("@resources(cpu=lib.N)", before="import lib\nimport numpy\nfrom pkg import sub\n")
    files |= {"lib.py": "N = 2\n", "pkg/__init__.py": "", "pkg/sub.py": "", "other.py": ""}
    reads = resolve(files).reads
    present = {path for path, blob in reads.items() if blob}
    absent = {path for path, blob in reads.items() if not blob}
    assert present == {"f.py", "c.json", "lib.py", "pkg/__init__.py", "pkg/sub.py"}
    assert absent >= {"numpy.py", "numpy/__init__.py", "lib/__init__.py"}


def test_equal_reads_give_equal_flows() -> None:
    files = c("@resources(cpu=cfg.cpu)")
    assert resolve(files) == resolve({**files, "unrelated.py": "x = 1"})


def test_modules_that_are_imported_twice_or_from_nowhere_are_read_once() -> None:
    files = c("@resources(cpu=a.N)", before="import a, b\nfrom .... import lost\nlost.N = 2\n")
    files |= {"a.py": "import b\nN = 1\n", "b.py": "import a\n"}
    found = resolve(files)
    assert isinstance(step(found).resources.cpu, Known)
    assert {"a.py", "b.py"} <= found.reads.keys()


def test_too_many_imports_leave_everything_open() -> None:
    names = [f"m{i}" for i in range(1001)]
    files = c("@resources(cpu=N)", before=f"import {', '.join(names)}\nN = 1")
    files |= {f"{name}.py": "" for name in names}
    assert "may be changed by another module" in open_reasons(resolve(files))[0]


def test_too_much_source_leaves_everything_open() -> None:
    names = [f"m{i}" for i in range(7)]
    files = c("@resources(cpu=N)", before=f"import {', '.join(names)}\nN = 1")
    files |= {f"{name}.py": "# " + "x" * 1_999_000 for name in names}
    assert "may be changed by another module" in open_reasons(resolve(files))[0]


@pytest.mark.parametrize(
    "use", ["cfg.l", "config_expr('cfg')", "config_expr('dict(cfg.d)')"], ids=["list", "all", "dict"]
)
def test_huge_configs_are_not_copied(use: str) -> None:
    huge = json.dumps({"l": list(range(20_000)), "d": dict.fromkeys(map(str, range(20_000)), 1), "gpu": 2})
    found = step(resolve({**c(f"@resources(gpu=cfg.gpu)\n@environment(vars={{'a': {use}}})"), "c.json": huge}))
    value = next(d for d in found.decorators if d.name == "environment").kwargs["vars"]
    assert isinstance(value, Unresolved)
    assert "has more than 10,000 elements" in value.reason
    assert isinstance(found.resources.gpu, Known)


def test_what_modules_do_is_remembered_for_the_flows_of_a_folder() -> None:
    text = flow("@resources(cpu=lib.N)", before="import lib\nfrom other import D\nlib.N = 2\nD['x'] = 1")
    sources = sources_of({"f.py": text, "lib.py": "N = 1\n", "other.py": "D = {}\n"})
    settings = Settings(target="local")
    (found,) = sources.flow_classes("f.py")
    first, second = (resolve_flow(sources, found, DeploymentSpec(flow="f.py"), settings) for _ in range(2))
    assert first == second
    assert open_reasons(first)[0].startswith("is assigned or changed elsewhere in the module;")


ELSEWHERE = {
    "through vars": "import lib\nvars(lib)['N'] = 7",
    "through its dict": "import lib\nlib.__dict__['N'] = 7",
    "through setattr of an unknown name": "import lib\nsetattr(lib, key, 7)",
    "through importlib": "import importlib\nimportlib.import_module('lib').N = 7",
    "through a class": "from lib import S\nS.n = 7",
}


@pytest.mark.parametrize("code", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_module_that_a_third_one_changes_is_not_known(code: str) -> None:
    files = c("@resources(cpu=N, gpu=S.n)", before="import third\nfrom lib import N, S")
    files |= {"lib.py": "N = 1\nclass S:\n    n = 2\n", "third.py": code}
    assert "may be changed by another module" in open_reasons(resolve(files))[0]


UNPACKED = {
    "a missing key": ("**cfg.nope", C, "the config has no key 'nope'"),
    "a number": ("**cfg.gpu", C, "unpacks an int"),
    "keys that are no names": (
        "**odd",
        "odd = Config('odd', default_value='{1: 2}', parser='yaml.safe_load')",
        "no names",
    ),
    "something unknown": ("**nowhere", "", "nowhere is not defined"),
}


@pytest.mark.parametrize(("argument", "body", "reason"), UNPACKED.values(), ids=UNPACKED)
def test_unpacking_that_leaves_every_attribute_open(argument: str, body: str, reason: str) -> None:
    found = step(resolve(c(f"@resources(gpu=1, {argument})", body=body)))
    rest = found.decorators[0].rest
    assert rest is not None
    assert reason in rest.reason
    assert isinstance(found.resources.gpu, Unresolved)


def test_a_huge_argument_is_open() -> None:
    found = step(resolve(c("@environment(vars=[A, A])", before="A = [1] * 9000\n")))
    value = found.decorators[0].kwargs["vars"]
    assert isinstance(value, Unresolved)
    assert (value.expression, value.reason) == ("@environment(vars=[A, A])", "has more than 10,000 elements")


def test_a_class_constant_that_is_assigned_later_is_no_number_of_nodes() -> None:
    text = flow("", body="K = 6", nxt="self.next(self.mid, num_parallel=self.K)", extra=LATER) + "\nF.K = 7\n"
    width = step(resolve({"f.py": text})).num_parallel
    assert isinstance(width, Unresolved)
    assert width.reason == "F.K is assigned elsewhere in f.py"


def test_a_loop_over_a_config_sees_its_keys() -> None:
    found = step(resolve(c("@environment(vars={'a': config_expr('[k for k in cfg.sizes]')})")))
    value = found.decorators[0].kwargs["vars"]
    assert isinstance(value, Known)
    assert value.value == {"a": ["big", "small"]}


def test_a_class_started_by_another_file_is_that_files_flow() -> None:
    files: Mapping[str, str | bytes] = {
        "flows/train.py": flow("@resources(gpu=N)", before="from shared import N").replace("F()", "pass"),
        "flows/shared.py": "N = 3\n",
        "shared.py": "N = 9\n",
        "run.py": "from flows.train import F\nif __name__ == '__main__':\n    F()\n",
    }
    found = resolve(files, path="run.py")
    assert (found.file, found.location.path) == ("run.py", "flows/train.py")
    gpu = step(found).resources.gpu
    assert isinstance(gpu, Known)
    assert gpu.value == 9


def test_a_script_that_disappeared_is_no_traceback() -> None:
    _, found = flow_class({"f.py": flow("@resources(gpu=1)")})
    other = resolve_flow(sources_of({}), found, DeploymentSpec(flow="f.py"), Settings(target="local"))
    assert other.name == "F"


TEXTS = [text for files, _ in [*CONFIGS.values(), *PYTHON.values()] for text in files.values() if isinstance(text, str)]
PIECES = st.sampled_from(
    ["cfg", ".a", "[0]", "(", ")", "**", "{", "}", "lambda x: x", "for i in range(9)", "\n", "    ", "@step", "'", "\\",
     "N = N", "import f", "from f import *", "class F(F): pass", "config_expr('", "\x0c", "\ud7ff", "9" * 50, "F.x = 1"]
)  # fmt: skip


@settings(max_examples=60)
@given(st.sampled_from(TEXTS), st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 30), PIECES), max_size=6))
def test_no_flow_raises(text: str, edits: list[tuple[int, int, str]]) -> None:
    for place, length, piece in edits:
        text = text[:place] + piece + text[place + length :]
    sources = sources_of({"f.py": text, "c.json": text})
    for found in sources.flow_classes("f.py"):
        resolved = resolve_flow(sources, found, DeploymentSpec(flow="f.py"), Settings(target="argo-workflows"))
        assert len(resolved.steps) == len(found.steps)


@given(st.binary(max_size=300))
def test_no_bytes_raise(data: bytes) -> None:
    sources = sources_of({"f.py": data, "g.py": HEAD.encode() + data})
    assert sources.flow_classes("f.py") == ()
    assert all(found.path == "g.py" for found in sources.flow_classes("g.py"))
