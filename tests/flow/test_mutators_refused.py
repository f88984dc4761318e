# ruff: noqa: E501
"""What mutators do that is not followed: every step that it may reach is open, with the reason."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping

import pytest

from costgate.config import DecoratorRule
from costgate.flow import operations
from costgate.flow.values import ForeignName, RefusedError
from tests.flow.cases_mutators import ADD, each, flow, flow_mutator, mutator, step_mutator
from tests.flow.peer import Case
from tests.flow.table import resolve, step

ADDS = "s.add_decorator"
REFUSED: Mapping[str, tuple[Case, str]] = {
    "removes a parameter": (flow_mutator("f.remove_parameter('x')"), "removes a parameter"),
    "wrong arguments": (flow_mutator(each("s.add_decorator('batch', x=1)")), "the arguments do not fit add_decorator"),
    "an unknown choice of duplicates": (
        flow_mutator(each("s.add_decorator('batch', duplicates=True)")), "choice of duplicates that is not known",
    ),
    "another choice of duplicates": (
        flow_mutator(each(f"{ADD}\ns.add_decorator('kubernetes', duplicates=7)")), "duplicates",
    ),
    "attributes that are no texts": (
        flow_mutator(each("s.add_decorator('batch', deco_kwargs={1: 2})")), "the name of an attribute is no text",
    ),
    "what is no mutator": (flow_mutator("f.add_decorator(object)", method="pre_mutate"), "adds builtins.object"),
    "an element of a list": (flow_mutator(each("x = [1]\nx[0] = 2\n" + ADD)), "assigns to an element of a list"),
    "too little for a star": (flow_mutator(each("a, *b, c = [1]\n" + ADD)), "too little to unpack"),
    "too much to unpack": (flow_mutator(each("a, b = [1, 2, 3]\n" + ADD)), "what is unpacked does not fit"),
    "a container changed in place by an operator": (
        flow_mutator(each("x = [1]\nx += [2]\n" + ADD)), "changes a container in place",
    ),
    "a module of the repository": (
        flow_mutator("import lib\n" + each(ADD), files={"lib.py": ""}), "imports a module of the repository",
    ),
    "a class with a decorator": (flow("def d(c):\n    return c\n@d\n" + mutator(each(ADD))), "has a decorator"),
    "a class with options": (
        flow(mutator(each(ADD)).replace("(FlowMutator)", "(FlowMutator, x=1)")), "class options",
    ),
    "a class that is changed": (flow(mutator(each(ADD)) + "M.x = 1\n"), "changed in place by code"),
    "a class that is handed on": (
        flow("from elsewhere import change\n" + mutator(each(ADD)) + "change(M)\n"), "handed to a call",
    ),
    "a call of something else": (
        flow_mutator(each("x = 1\nx.add_decorator('batch')")), "neither the flow nor a step",
    ),
    "open arguments": (
        flow_mutator(each("s.add_decorator(**unknown)"), inside=""), "",
    ),
    "an update of a list": (flow_mutator(each("x = [1]\nx.update({})\n" + ADD)), "updates"),
    "an update": (flow_mutator(each("x = {}\nx.update({}, {})\n" + ADD)), "updates in a way"),
    "pop with too much": (flow_mutator(each("x = {}\nx.pop(1, 2, 3)\n" + ADD)), "removes an element"),
    "setdefault with too little": (flow_mutator(each("x = {}\nx.setdefault(1)\n" + ADD)), "sets a default"),
    "append to a mapping": (flow_mutator(each("x = {}\nx.append(1)\n" + ADD)), "appends in a way"),
    "somebody else's container": (flow_mutator(each("SIZES.append(1)\n" + ADD)), ""),
    "an attribute of something else": (flow_mutator(each("x = getattr(s, 1)\n" + ADD)), "asks for an attribute"),
    "what is no plain name": (flow_mutator(each("s.has_decorator('a.b')\n" + ADD)), ""),
    "a flow decorator in the place of one that is there": (
        flow_mutator(
            "f.add_decorator('project', deco_kwargs={'name': 'b'}, duplicates=f.OVERRIDE)", method="pre_mutate",
            cls="@M\n@project(name='a')",
        ),
        "of which Metaflow keeps both",
    ),
    "conda for the whole flow": (
        flow("from metaflow import conda_base\n" + mutator(ADD, base="StepMutator"), cls="@conda_base(python='3.11')", train="@M"),
        "before anything is attached",
    ),
    "a decorator that the target needs is gone": (
        step_mutator("s.remove_decorator('kubernetes')", target="argo-workflows"), "",
    ),
    "an attribute that is open": (
        flow("from elsewhere import unknown\n" + mutator(each("if self.x:\n    " + ADD), init="def init(self):\n    self.x = unknown()")), "",
    ),
    "an init that raises": (
        flow_mutator(each("if self.x:\n    " + ADD), init="def init(self):\n    self.x = 1\n    raise ValueError"), "",
    ),
    "a step's mutator whose class has an own __new__": (
        step_mutator(ADD, init="def __new__(cls):\n    return None"), "has its own __new__",
    ),
    "a mutator under a metaclass": (flow(mutator(ADD, base="StepMutator").replace("(StepMutator)", "(StepMutator, metaclass=type)"), cls="", train="@M"), ""),
    "a flow's mutator made of open arguments": (flow("from elsewhere import unknown\n" + mutator(each(ADD)), cls="@M(unknown())"), ""),
    "a mutator made of open keywords": (flow("from elsewhere import unknown\n" + mutator(each(ADD)), cls="@M(**unknown())"), ""),
    "a mutator for a flow that is added": (
        flow(mutator("pass", name="N") + mutator("f.add_decorator(N)\nf.add_decorator(N, duplicates=f.ERROR)", method="pre_mutate")), "",
    ),
    "a mutator of a flow that is removed": (flow_mutator("f.remove_decorator('M')", method="pre_mutate"), "a FlowMutator cannot be removed"),
    "a decorator removed by arguments": (
        step_mutator("s.remove_decorator('kubernetes', deco_args=[], deco_kwargs={'cpu': 1})", train="@M\n@kubernetes(cpu=1)"), "",
    ),
    "a decorator removed whose name is open": (flow("from elsewhere import unknown\n" + mutator(each("s.remove_decorator(unknown())"))), ""),
    "a parameter in the place of a config": (
        flow_mutator("f.add_parameter('cfg', Parameter('cfg', default=1))", method="pre_mutate"), "adds a parameter in the place of cfg",
    ),
    "a parameter that takes another's place": (
        flow_mutator("f.add_parameter('p', Parameter('p', default=1), overwrite=True)", method="pre_mutate"), "may take the place",
    ),
    "a parameter of a step": (flow_mutator(each("s.add_parameter('p', 1)")), ""),
    "a broken decospec": (flow_mutator(each("s.add_decorator('kubernetes:cpu')")), ""),
    "a decorated method": (
        flow("from elsewhere import deco\n" + mutator(ADD, base="StepMutator").replace("    def mutate", "    @deco\n    def mutate"), cls="", train="@M"), "",
    ),
    "a config under a name that Metaflow changes": (
        flow_mutator(each("if f.big.gpu:\n    " + ADD), inside='big = Config("Big-One", default="c.json")'), "",
    ),
    "one function under two names": (
        flow_mutator(each(ADD), inside="@step\ndef twice(self):\n    self.next(self.end)\nagain = twice"), "",
    ),
    "a deploy command that attaches what nobody knows": (flow("", cls="", with_=("mystery",)), "--with mystery may change any attribute"),
    "a class that is made a mutator later": (
        flow("from elsewhere import unknown\n" + mutator(each(ADD)), cls="@unknown(M)"), "",
    ),
    "a mutator that a helper changes": (
        flow("def change(c):\n    c.x = 1\n" + mutator(each(ADD)) + "change(M)\n"), "",
    ),
    "a mutator that is only printed": (
        flow("from elsewhere import unknown\ndef show(c):\n    return unknown(c)\n" + mutator(each(ADD)) + "show(M)\n"), "",
    ),
    "a mutator that is handed round in a circle": (
        flow("def a(c):\n    b(c)\ndef b(c):\n    a(c)\n" + mutator(each(ADD)) + "a(M)\n"), "",
    ),
    "a mutator that runs code with it": (
        flow("def run(c):\n    exec('c.x = 1')\n" + mutator(each(ADD)) + "run(M)\n"), "",
    ),
    "a step's decorators that are not known": (
        flow("from elsewhere import unknown\n" + mutator(each("if s.decorator_specs:\n    pass\nfor d in s.decorator_specs:\n    pass\n" + ADD)), train="@unknown"), "",
    ),
    "a decorator removed beside a user's": (
        flow("from elsewhere import unknown\n" + mutator(each("s.remove_decorator('unknown')")), train="@unknown"), "",
    ),
    "another flow decorator ignored": (
        flow("from elsewhere import unknown\n" + mutator("f.add_decorator('project', deco_kwargs={'name': 'b'})\n" + each("s.add_decorator(unknown)"), method="pre_mutate"), cls="@M\n@project(name='a')"), "",
    ),
    "a mutator added twice": (
        flow(
            "from elsewhere import unknown\n" + mutator("pass", name="N")
            + mutator("f.add_decorator(N, duplicates=f.IGNORE)\nf.add_decorator(N, duplicates=f.IGNORE)\nf.add_decorator(N, duplicates=f.OVERRIDE)\nf.add_decorator(unknown)", method="pre_mutate")
        ), "",
    ),
    "a step mutator for the flow": (
        flow(mutator("pass", name="N", base="StepMutator") + mutator("f.add_decorator(N)", method="pre_mutate")), "",
    ),
    "a name that is no text": (flow_mutator(each("s.remove_decorator(3)")), ""),
    "what is asked is no plain name": (flow_mutator("if f.has_decorator(3):\n    pass\n" + each(ADD)), ""),
    "a choice of duplicates that is no choice": (
        flow_mutator(each(ADD + "\n" + "s.add_decorator('kubernetes', duplicates='x')")), "",
    ),
    "append with open arguments": (
        flow("from elsewhere import unknown\n" + mutator(each("x = []\nx.append(*unknown)\n" + ADD))), "",
    ),
    "a return out of a loop": (
        flow("from elsewhere import unknown\n" + mutator("for x in [1, 2]:\n    return\n", name="N") + mutator(each("s.add_decorator(unknown)")), cls="@N\n@M"), "",
    ),
    "a num_parallel that is open": (
        flow_mutator("pass", start="@M", cls=""), "",
    ),
    "an init that goes through what is open": (
        flow("from elsewhere import unknown\n" + mutator(each("if self.x:\n    " + ADD), init="def init(self):\n    self.x = 1\n    for y in unknown():\n        pass")), "",
    ),
    "a mutator made of open starred arguments": (flow("from elsewhere import unknown\n" + mutator(each(ADD)), cls="@M(*unknown())"), ""),
    "a mutator that is handed to a method": (flow(mutator(each(ADD)) + "import copy\nX = copy.deepcopy(M)\n[].append(M)\n"), ""),
    "a helper with a decorator": (
        flow("from elsewhere import deco\n@deco\ndef helper(s):\n    s.add_decorator('batch')\n" + mutator(each("helper(s)"))), "",
    ),
    "an attribute that no init assigns": (flow_mutator(each("if self.nothing:\n    " + ADD)), ""),
    "an attribute that a helper may change": (
        flow("from elsewhere import unknown\n" + mutator(each("unknown(self)\nif self.x:\n    " + ADD), init="x = 1")), "",
    ),
    "an attribute that a method may change": (
        flow("from elsewhere import unknown\n" + mutator(each("self.grow(self.y)\nif self.x:\n    " + ADD), init="x = 1\ny = []\ndef grow(self, what):\n    what.append(unknown(self.x))")), "",
    ),
    "a method that is no method": (flow(mutator(each("self.go()\n" + ADD), init="go = 3")), ""),
    "an open config in an argument": (
        flow("from elsewhere import unknown\n" + mutator(each("if self.x:\n    " + ADD), init="def init(self, x=None):\n    self.x = x"), cls='@M(config_expr("cfg.nothing"))'), "",
    ),
    "configs in a list": (
        flow("from elsewhere import unknown\n" + mutator(each("if unknown(self.x):\n    " + ADD), init="def init(self, x=None):\n    self.x = x"), cls='@M([config_expr("cfg.gpu"), {"a": config_expr("cfg.gpu")}])'), "",
    ),
    "getattr of a step by an open name": (
        flow("from elsewhere import unknown\n" + mutator(each("getattr(s, unknown)('batch')"))), "",
    ),
    "a step among what an unknown function gets": (
        flow("from elsewhere import unknown\n" + mutator(each("unknown([s])\nunknown(x=(s, 1))"))), "",
    ),
    "a logger that is made by nobody": (
        flow("from elsewhere import log\n" + mutator(each("log.info(s)\n" + ADD))), "",
    ),
    "a logger that is something else": (
        flow("from elsewhere import make\nlog = make()\nother = 3\n" + mutator(each("log.info(s)\nother.info(s)\n" + ADD))), "",
    ),
    "a helper that changes what it is given": (
        flow("def helper(s, box):\n    box['x'] = 1\n    s.y = 2\n" + mutator(each("box = {}\nhelper(s, box)\n" + ADD))), "",
    ),
    "a part of a loop that cannot be followed": (
        flow("from elsewhere import unknown\n" + mutator("box = {}\nfor name, s in f.steps:\n    if unknown():\n        box.update(x=s)\n        continue\n    " + ADD)), "",
    ),
    "a choice of duplicates under an open condition": (
        flow("from elsewhere import unknown\n" + mutator("for name, s in f.steps:\n    if unknown():\n        x = s.OVERRIDE\n    " + ADD)), "",
    ),
    "super of something else": (
        flow("from elsewhere import unknown\n" + mutator(each("unknown().mutate(f)\nsuper().other()\n" + ADD))), "",
    ),
    "append with open keywords": (
        flow("from elsewhere import unknown\n" + mutator(each("x = []\nx.append(**unknown())\n" + ADD))), "",
    ),
    "an update with what is no mapping": (flow_mutator(each("x = {}\nx.update(3)\n" + ADD)), ""),
    "arithmetic with a user's decorator": (
        flow("from elsewhere import unknown\n" + mutator(each("x = [d for d, _, a, k in s.decorator_specs]\nif x + ['a'] and x < ['b']:\n    pass\n" + ADD)), train="@unknown"), "",
    ),
    "project overridden where a mutator looks": (
        flow_mutator("f.add_decorator('project', deco_kwargs={'name': 'b'}, duplicates=f.IGNORE)\nf.add_decorator('project', deco_kwargs={'name': 'b'}, duplicates=f.OVERRIDE)", method="pre_mutate", cls="@M\n@project(name='a')"), "",
    ),
    "a flow decorator removed by its arguments": (
        flow_mutator("f.remove_decorator('schedule', deco_kwargs={'daily': True})", method="pre_mutate", cls="@M\n@schedule(daily=True)", target="argo-workflows"), "",
    ),
    "a static method": (flow(mutator(each(ADD)).replace("    def mutate", "    @staticmethod\n    def mutate")), ""),
    "a config that nobody can read": (
        flow("from elsewhere import unknown\n" + mutator(each("if self.x:\n    " + ADD), init="def init(self, x=None):\n    self.x = x"), cls='@M(config_expr("cfg.gpu"))', inside='cfg = Config("cfg", default="c.json", parser=unknown)'), "",
    ),
}  # fmt: skip


HOUSE = DecoratorRule(name="gpu_step", compute="kubernetes", attributes={"gpu": "n"})
BESIDE_HOUSE = {
    "looks": "if s.decorator_specs:\n    pass\nfor d in s.decorator_specs:\n    s.add_decorator('batch')",
    "adds": ADD,
    "removes": "s.remove_decorator('kubernetes')",
}


@pytest.mark.parametrize("body", BESIDE_HOUSE.values(), ids=BESIDE_HOUSE)
def test_beside_a_decorator_that_costgate_yml_describes(body: str) -> None:
    case = flow("from elsewhere import gpu_step\n" + mutator(each(body)), train="@gpu_step(n=2)")
    found = resolve(case.files, rules={"gpu_step": HOUSE})
    assert step(found, "train").resources.touched_by is not None


@pytest.mark.parametrize(("case", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_followed_is_open(case: Case, words: str) -> None:
    found = case.resolved()
    gaps = [*found["unresolved"], *(gap for step in found["steps"].values() for gap in step["unresolved"])]
    assert gaps
    assert words in json.dumps([gap["reason"] for gap in gaps])


def test_a_name_that_metaflow_makes_up_is_compared_with_nothing() -> None:
    name = ForeignName(name="unknown")
    assert name != 3
    for refused in (lambda: name == "lib.unknown", lambda: name == "unknown", lambda: bool(name)):
        with pytest.raises(RefusedError):
            refused()
    with pytest.raises(RefusedError):
        operations.binary(ast.BitOr, {name}, set())
    assert operations.compare(ast.In, "other", {name}) is False
    with pytest.raises(RefusedError):
        operations.compare(ast.Eq, {name}, {"x"})
