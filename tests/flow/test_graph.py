"""The graph of a flow: every form of self.next, what splits enclose, and what Metaflow would refuse."""

from __future__ import annotations

import ast
import itertools
import textwrap
import time
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costgate.flow.graph import DEEPEST, MOST_STEPS, Graph, read_graph
from costgate.model import Location


@dataclass(frozen=True, kw_only=True)
class StepStandIn:
    name: str
    path: str
    node: ast.FunctionDef


def graph(source: str) -> Graph:
    """The graph of steps written as plain functions; every function is a step."""
    functions = [n for n in ast.parse(textwrap.dedent(source)).body if isinstance(n, ast.FunctionDef)]
    return read_graph({f.name: StepStandIn(name=f.name, path="flow.py", node=f) for f in functions})


def flow(**steps: str) -> Graph:
    """`start="self.next(self.end)"`; a name that begins with `join` takes inputs."""
    lines = []
    for name, body in steps.items():
        lines += [f"def {name}(self{', inputs' if name.startswith('join') else ''}):", textwrap.indent(body, "    ")]
    return graph("\n".join(lines))


def problems(found: Graph) -> dict[str, str]:
    return {name: node.problem for name, node in found.nodes.items() if node.problem}


FOREACH = flow(
    start="self.xs = [1, 2]\nself.next(self.work, foreach='xs')",
    work="self.next(self.more)",
    more="self.next(self.join)",
    join="self.next(self.end)",
    end="pass",
)


def test_a_foreach_encloses_all_steps_up_to_its_join() -> None:
    assert FOREACH.order == ("start", "work", "more", "join", "end")
    assert {name: node.around for name, node in FOREACH.nodes.items()} == {
        "start": (), "work": ("start",), "more": ("start",), "join": (), "end": (),
    }  # fmt: skip
    assert FOREACH.nodes["start"].foreach == "xs"
    assert problems(FOREACH) == {}


def test_a_node_knows_its_place_and_its_next() -> None:
    node = FOREACH.nodes["work"]
    assert (node.location, node.next) == (Location(path="flow.py", line=4, column=1), ("more",))


def test_joins_inside_a_foreach_close_their_own_split() -> None:
    """A static split in a foreach in a static split: each join closes the innermost."""
    found = flow(
        start="self.next(self.a, self.b)",
        a="self.next(self.fan, foreach='xs')",
        b="self.next(self.join_all)",
        fan="self.next(self.left, self.right)",
        left="self.next(self.join_sides)",
        right="self.next(self.join_sides)",
        join_sides="self.next(self.tail)",
        tail="self.next(self.join_fan)",
        join_fan="self.next(self.join_all)",
        join_all="self.next(self.end)",
        end="pass",
    )
    assert problems(found) == {}
    assert found.order == (
        "start", "a", "fan", "left", "right", "join_sides", "tail", "join_fan", "b", "join_all", "end"
    )  # fmt: skip
    inside = {name for name, node in found.nodes.items() if node.around == ("a",)}
    assert inside == {"fan", "left", "right", "join_sides", "tail"}


def test_nested_foreaches_multiply_outermost_first() -> None:
    found = flow(
        start="self.next(self.middle, foreach='xs')",
        middle="self.next(self.inner, foreach='ys')",
        inner="self.next(self.join_inner)",
        join_inner="self.next(self.join_outer)",
        join_outer="self.next(self.end)",
        end="pass",
    )
    assert found.nodes["inner"].around == ("start", "middle")
    assert found.nodes["join_inner"].around == ("start",)
    assert problems(found) == {}


def test_num_parallel_encloses_like_a_foreach() -> None:
    found = flow(
        start="self.next(self.train, num_parallel=4)",
        train="self.next(self.join)",
        join="self.next(self.end)",
        end="pass",
    )
    value = found.nodes["start"].num_parallel
    assert isinstance(value, ast.Constant)
    assert value.value == 4
    assert found.nodes["train"].around == ("start",)
    assert problems(found) == {}


def test_only_one_case_of_a_switch_runs() -> None:
    found = flow(
        start="self.next({'a': self.a, 1: self.b, self.config.kind: self.c}, condition='mode')",
        a="self.next(self.extra)",
        extra="self.next(self.end)",
        b="self.next(self.end)",
        c="self.next(self.end)",
        end="pass",
    )
    assert found.nodes["start"].next == ("a", "b", "c")
    assert {name for name, node in found.nodes.items() if node.conditional} == {"a", "extra", "b", "c"}
    assert problems(found) == {}


def test_what_all_cases_of_a_switch_lead_to_always_runs() -> None:
    found = flow(
        start="self.next({'a': self.a, 'b': self.b}, condition='mode')",
        a="self.next(self.both)",
        b="self.next(self.both)",
        both="self.next(self.end)",
        end="pass",
    )
    assert {name for name, node in found.nodes.items() if node.conditional} == {"a", "b"}


def test_a_step_that_a_split_reaches_beside_a_switch_always_runs() -> None:
    """One branch may skip `c` by its switch; the other one runs it in any case."""
    found = flow(
        start="self.next(self.a, self.b)",
        a="self.next({'x': self.c, 'y': self.d}, condition='mode')",
        b="self.next(self.c)",
        c="self.next(self.join)",
        d="self.next(self.join)",
        join="self.next(self.end)",
        end="pass",
    )
    assert [name for name, node in found.nodes.items() if node.conditional] == ["d"]


def test_a_switch_may_repeat_its_own_step() -> None:
    found = flow(
        start="self.next(self.loop)",
        loop="self.next({'again': self.loop, 'done': self.end}, condition='state')",
        end="pass",
    )
    assert {name: (n.recursive, n.conditional) for name, n in found.nodes.items()} == {
        "start": (False, False), "loop": (True, False), "end": (False, False),
    }  # fmt: skip
    assert problems(found) == {}


def test_the_last_case_of_a_name_counts() -> None:
    found = flow(
        start="self.next({'a': self.b, 'c': self.end, 'a': self.end}, condition='mode')",
        b="self.next(self.end)",
        end="pass",
    )
    assert found.nodes["start"].next == ("end",)
    assert problems(found) == {"b": "no step leads here from the start"}


@pytest.mark.parametrize("mark", ["@step(start=True)", "@metaflow.step(start=True)"])
def test_start_and_end_may_have_other_names(mark: str) -> None:
    found = graph(f"{mark}\ndef first(self):\n  self.next(self.last)\n@step(end=True)\ndef last(self):\n  pass")
    assert found.order == ("first", "last")
    assert problems(found) == {}


@pytest.mark.parametrize("mark", ["@step", "@step(start=False)", "@other(start=True)", "@step(end=True)", "@a[0]()"])
def test_no_other_decorator_marks_a_start(mark: str) -> None:
    found = graph(f"{mark}\ndef first(self):\n  self.next(self.last)\ndef last(self):\n  pass")
    assert found.nodes["last"].problem == "the flow has no start step, or more than one"
    assert found.order == ("first", "last")


def test_a_single_step_is_start_and_end() -> None:
    found = flow(only="pass")
    assert (found.order, problems(found)) == (("only",), {})


def test_steps_that_no_run_reaches_come_last() -> None:
    found = flow(lost="self.next(self.end)", start="self.next(self.end)", end="pass")
    assert found.order == ("start", "end", "lost")
    assert problems(found) == {"lost": "no step leads here from the start"}


def test_an_async_step_is_read_too() -> None:
    tree = ast.parse("async def start(self):\n  self.next(self.end)\ndef end(self):\n  pass").body
    found = read_graph({n.name: StepStandIn(name=n.name, path="f.py", node=n) for n in tree})  # type: ignore[attr-defined,arg-type]
    assert found.order == ("start", "end")


def test_a_foreach_over_a_name_that_only_a_run_knows() -> None:
    found = flow(
        start="self.next(self.a, foreach=VARIABLE)", a="self.next(self.b)", b="self.next(self.c, foreach=name())",
        c="self.next(self.join_c)", join_c="self.next(self.join)", join="self.next(self.end)", end="pass",
    )  # fmt: skip
    assert (found.nodes["start"].foreach, found.nodes["b"].foreach) == ("VARIABLE", "(an expression)")
    assert found.nodes["c"].around == ("start", "b")
    assert problems(found) == {}


REFUSED = [
    ("no self.next", {"start": "x = 1"}, "start", "the last statement is no self.next(...)"),
    ("self.next inside an if", {"start": "if x:\n  self.next(self.end)"}, "start", "the last statement is no"),
    ("something after self.next", {"start": "self.next(self.end)\nprint()"}, "start", "the last statement is no"),
    ("next of something else", {"start": "flow.next(self.end)"}, "start", "the last statement is no"),
    ("a call of a call", {"start": "f()()"}, "start", "the last statement is no"),
    ("no target", {"start": "self.next()"}, "start", "no form that Metaflow knows"),
    ("a target that is no step name", {"start": "self.next('end')"}, "start", "no form that Metaflow knows"),
    ("unpacked targets", {"start": "self.next(*steps)"}, "start", "no form that Metaflow knows"),
    ("a foreach with two targets", {"start": "self.next(self.a, self.b, foreach='x')"}, "start", "no form that"),
    ("an unknown keyword", {"start": "self.next(self.end, each='x')"}, "start", "keywords that Metaflow does not"),
    ("two keywords", {"start": "self.next(self.end, foreach='x', num_parallel=2)"}, "start", "keywords that"),
    ("a condition without a switch", {"start": "self.next(self.end, condition='x')"}, "start", "keywords that"),
    ("a switch without a condition", {"start": "self.next({'a': self.end})"}, "start", "no form that Metaflow"),
    ("a case that is a variable", {"start": "self.next({k: self.end}, condition='x')"}, "start", "is no literal"),
    ("a case that is None", {"start": "self.next({None: self.end}, condition='x')"}, "start", "is no literal"),
    ("cases from elsewhere", {"start": "self.next({**cases}, condition='x')"}, "start", "is no literal"),
    ("a case of another object", {"start": "self.next({a.b: self.end}, condition='x')"}, "start", "is no literal"),
    ("a case that leads nowhere", {"start": "self.next({'a': end}, condition='x')"}, "start", "is no literal"),
    ("a condition that is no text", {"start": "self.next({'a': self.end}, condition=x)"}, "start", "is no literal"),
    ("an empty switch", {"start": "self.next({}, condition='x')"}, "start", "is no literal"),
    ("a switch with one case", {"start": "self.next({'a': self.end}, condition='x')"}, "start", "needs two cases"),
    ("an unknown target", {"start": "self.next(self.nowhere)"}, "start", "names 'nowhere', which is no step"),
    ("a foreach over a number", {"start": "self.next(self.a, foreach=3)"}, "start", "foreach names no artifact"),
    ("a step named twice", {"start": "self.next(self.a, self.a)", "a": "pass"}, "start", "names a step twice"),
    ("an end that goes on", {"start": "self.next(self.end)", "end": "self.next(self.end)"}, "end", "must not call"),
    ("a split that ends", {"start": "self.next(self.a, foreach='x')", "a": "self.next(self.end)"}, "end", "split of"),
    ("a join without a split", {"start": "self.next(self.join)", "join": "self.next(self.end)"}, "join", "no split is"),
    (
        "a foreach without a step", {"start": "self.next(self.join, foreach='x')", "join": "self.next(self.end)"},
        "join", "no step lies between",
    ),
    (
        "a branch that is not joined",
        {"start": "self.next(self.a, self.b)", "a": "self.next(self.join)", "b": "x", "join": "self.next(self.end)"},
        "join", "does not join all branches of 'start'",
    ),
    (
        "branches that meet without a join",
        {**dict.fromkeys("ab", "self.next(self.c)"), "start": "self.next(self.a, self.b)", "c": "self.next(self.end)"},
        "c", "reached from several branches",
    ),
    (
        "a join of different splits",
        {
            "start": "self.next(self.a, self.b)", "a": "self.next(self.c, self.d)", "b": "self.next(self.join)",
            "c": "self.next(self.join)", "d": "self.next(self.join)", "join": "self.next(self.end)",
        },
        "join", "joins branches of different splits",
    ),
    (
        "a loop", {"start": "self.next(self.a)", "a": "self.next(self.b)", "b": "self.next(self.a)"},
        "a", "it is in a loop",
    ),
    ("a step that follows itself", {"start": "self.next(self.a)", "a": "self.next(self.a)"}, "a", "it is in a loop"),
    (
        "a start that is repeated", {"start": "self.next({1: self.start, 2: self.end}, condition='x')"},
        "start", "the start step is in a loop",
    ),
    ("a join that splits", {"start": "self.next(self.join)", "join": "self.next(self.a, self.b)"}, "join", "splits;"),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "name", "why"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_metaflow_would_refuse_is_a_problem_of_the_step(steps: dict[str, str], name: str, why: str) -> None:
    found = flow(**{"end": "pass", **steps})
    assert why in problems(found)[name]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [("", "no argument `self`"), ("self, a, b", "more arguments than `self` and `inputs`")],
)
def test_a_step_takes_self_and_perhaps_inputs(arguments: str, why: str) -> None:
    found = graph(f"def start({arguments}):\n  self.next(self.end)\ndef end(self):\n  pass")
    assert why in problems(found)["start"]


def test_an_end_is_no_join() -> None:
    found = graph("def start(self):\n  self.next(self.end)\ndef end(self, inputs):\n  pass")
    assert problems(found) == {"end": "the end step must not be a join"}


def test_a_loop_that_a_switch_leaves_is_recursive_even_where_it_is_refused() -> None:
    found = flow(
        start="self.next(self.a)",
        a="self.next(self.b)",
        b="self.next({1: self.a, 2: self.end}, condition='x')",
        end="pass",
    )
    assert {name for name, node in found.nodes.items() if node.recursive} == {"a", "b"}
    assert set(problems(found)) == {"a", "b"}


def test_two_marked_starts_are_none() -> None:
    found = graph("@step(start=True)\ndef a(self):\n  pass\n@step(start=True)\ndef b(self):\n  pass")
    assert set(problems(found)) == {"a", "b"}


def test_no_steps_are_an_empty_graph() -> None:
    assert read_graph({}) == Graph(order=(), nodes={})


def test_a_deep_nest_of_splits_is_bounded() -> None:
    steps = {f"s{n}": f"self.next(self.s{n + 1}, foreach='x')" for n in range(DEEPEST + 5)}
    found = flow(start="self.next(self.s0)", **steps, **{f"s{DEEPEST + 5}": "self.next(self.end)"}, end="pass")
    assert problems(found)[f"s{DEEPEST}"] == f"more than {DEEPEST} splits lie inside each other"
    assert max(len(node.around) for node in found.nodes.values()) == DEEPEST


def test_a_flow_of_absurd_size_is_refused_as_a_whole() -> None:
    function = ast.parse("def start(self):\n  self.next(self.end)").body[0]
    steps = {f"s{n}": StepStandIn(name=f"s{n}", path="f.py", node=function) for n in range(MOST_STEPS)}  # type: ignore[arg-type]
    found = read_graph({"start": StepStandIn(name="start", path="f.py", node=function), **steps})  # type: ignore[arg-type]
    assert found.nodes["s1"].problem == f"more than {MOST_STEPS} steps"


def test_a_long_chain_is_no_recursion() -> None:
    names = ["start", *(f"s{n}" for n in range(3000)), "end"]
    steps = {a: f"self.next(self.{b})" for a, b in itertools.pairwise(names)}
    started = time.perf_counter()
    found = flow(**steps, end="pass")
    assert found.order == tuple(names)
    assert problems(found) == {}
    assert time.perf_counter() - started < 3


@given(st.data())
def test_any_graph_is_read_without_an_exception(data: st.DataObject) -> None:
    """Every step is in the order once; what is enclosed is enclosed by splitting steps."""
    names = ["start", "a", "b", "join", "join2", "end"]
    step = st.sampled_from(names)
    forms = st.one_of(
        st.builds("self.next(self.{})".format, step),
        st.builds("self.next(self.{}, self.{})".format, step, step),
        st.builds("self.next(self.{}, foreach='x')".format, step),
        st.builds("self.next({{1: self.{}, 2: self.{}}}, condition='c')".format, step, step),
    )
    found = flow(**{name: data.draw(forms) for name in names[:-1]}, end="pass")
    assert sorted(found.order) == sorted(names)
    assert all(found.nodes[s].foreach for node in found.nodes.values() for s in node.around)


# What `self.xs` is when the step ends.
KNOWN = [
    ("a literal", "self.xs = [1, 2, 3]", "[1, 2, 3]"),
    ("an annotated assignment", "self.xs: list[int] = [1, 2]", "[1, 2]"),
    ("a call", "self.xs = list(range(N))", "list(range(N))"),
    ("a comprehension with its own names", "self.xs = [i for i in range(3)]", "[i for i in range(3)]"),
    ("a lambda with its own names", "self.xs = sorted(ITEMS, key=lambda n: n)", "sorted(ITEMS, key=lambda n: n)"),
    ("a list of something else that is changed", "self.xs = [1]\nos.path.things.append(2)", "[1]"),
    ("other statements around", "import os\nself.xs = [1]\nself.y = 2\nprint(self.y)", "[1]"),
    ("a look at it", "self.xs = [1]\nprint(self.xs, len(self.xs), f'{self.xs}')", "[1]"),
    ("a loop over it", "self.xs = [1]\nfor x in self.xs:\n  print(x)\ny = [x for x in self.xs]", "[1]"),
    ("a comparison and an item", "self.xs = [1]\nassert self.xs == [1]\ny = self.xs[0]", "[1]"),
    ("methods before it", "self.prepare()\nself.xs = [1]", "[1]"),
    ("a local variable used nowhere else", "items = [1, 2]\nself.xs = items", "[1, 2]"),
]
UNKNOWN = [
    ("no assignment", "pass"),
    ("an annotation only", "self.xs: list"),
    ("two assignments", "self.xs = [1]\nself.xs = [1, 2]"),
    ("an assignment in a branch", "if y:\n  self.xs = [1]"),
    ("one more in a branch", "self.xs = [1]\nif y:\n  self.xs = [2, 3]"),
    ("a loop that sets it", "self.xs = [1]\nfor self.xs in y:\n  pass"),
    ("two targets", "self.xs = self.ys = [1]"),
    ("unpacking", "self.xs, y = [1], 2"),
    ("an augmentation", "self.xs = [1]\nself.xs += [2]"),
    ("an append", "self.xs = [1]\nself.xs.append(2)"),
    ("an append in a nested function", "self.xs = [1]\ndef f():\n  self.xs.append(2)\nf()"),
    ("an item that is set", "self.xs = {}\nself.xs['a'] = 1"),
    ("an item that is deleted", "self.xs = [1]\ndel self.xs[0]"),
    ("another artifact", "self.ys = [1, 2]\nself.xs = self.ys"),
    ("deletion", "self.xs = [1]\ndel self.xs"),
    ("an alias", "self.xs = [1]\ny = self.xs"),
    ("given away", "self.xs = [1]\nf(self.xs)"),
    ("given away by a method", "self.xs = [1]\na.b(self.xs)"),
    ("a method of the flow afterwards", "self.xs = [1]\nself.prepare()"),
    ("self given away afterwards", "self.xs = [1]\nprepare(self)"),
    ("self given away by keyword", "self.xs = [1]\nprepare(flow=self)"),
    ("an alias of self", "self.xs = [1]\nme = self\nme.xs = []"),
    ("an alias of self in a list", "self.xs = [1]\nf([self])"),
    ("a local variable that is read twice", "items = [1]\nself.xs = items\nitems.append(2)"),
    ("a local variable that is set twice", "items = [1]\nitems = [1, 2]\nself.xs = items"),
    ("a local variable out of a local variable", "n = 2\nitems = range(n)\nself.xs = items"),
    ("a local variable of a branch", "if y:\n  items = [1]\nself.xs = items"),
    ("an expression of local variables", "n = 2\nself.xs = range(n)"),
    ("an expression of artifacts set here", "self.n = 2\nself.xs = range(self.n)"),
    ("a loop variable", "for n in y:\n  pass\nself.xs = range(n)"),
    ("an argument of a nested function", "def f(n):\n  return n\nself.xs = n"),
    ("an import in the step", "from x import ITEMS\nself.xs = ITEMS"),
    ("a function defined in the step", "def f():\n  return 1\nself.xs = f()"),
    ("an exception", "try:\n  pass\nexcept E as e:\n  pass\nself.xs = e.args"),
    ("a module's list that is changed here", "ITEMS.append(1)\nself.xs = ITEMS"),
    ("a module's mapping that is changed here", "ITEMS['a'] = 1\nself.xs = ITEMS"),
    ("a name of a pattern", "match y:\n  case [*rest]:\n    pass\nself.xs = rest"),
    ("a call of a call", "self.xs = [1]\nf()(self.xs)"),
]  # fmt: skip


def expression(body: str) -> str | None:
    found = flow(start=f"{body}\nself.next(self.end, foreach='xs')", end="pass").nodes["start"].foreach_expr
    return None if found is None else ast.unparse(found)


@pytest.mark.parametrize(("body", "value"), [row[1:] for row in KNOWN], ids=[row[0] for row in KNOWN])
def test_the_only_assignment_tells_the_artifact(body: str, value: str) -> None:
    assert expression(body) == value


@pytest.mark.parametrize("body", [row[1] for row in UNKNOWN], ids=[row[0] for row in UNKNOWN])
def test_what_may_change_the_artifact_leaves_it_unknown(body: str) -> None:
    assert expression(body) is None


def test_inputs_of_a_join_are_local() -> None:
    found = flow(
        start="self.next(self.join, foreach='xs')", join="self.xs = list(inputs)\nself.next(self.end, foreach='xs')"
    )
    assert found.nodes["join"].foreach_expr is None


PARALLEL = [
    ("a literal", "", "4", "4"),
    ("a module constant", "", "NODES", "NODES"),
    ("a parameter", "", "self.nodes", "self.nodes"),
    ("a local variable", "n = 4\nprint(n)", "n", "4"),
    ("a local variable with a type", "n: int = 4", "n", "4"),
    ("an artifact set in the step", "self.n = 4\nprint(self.n)", "self.n", "4"),
    ("a local variable set twice", "n = 4\nn = 5", "n", "n (set in the step)"),
    ("a local variable of a loop", "for n in x:\n  pass", "n", "n (set in the step)"),
    ("an artifact set in a branch", "if x:\n  self.n = 4", "self.n", "self.n (set in the step)"),
    ("an expression of local variables", "n = 4", "n + 1", "n (set in the step)"),
    ("an import in the step", "from x import n", "n", "n (set in the step)"),
    ("a variable and a function of one name", "def n():\n  pass\nn = 4", "n", "n (set in the step)"),
]


@pytest.mark.parametrize(("body", "written", "read"), [row[1:] for row in PARALLEL], ids=[row[0] for row in PARALLEL])
def test_num_parallel_is_followed_within_the_step(body: str, written: str, read: str) -> None:
    """What is set in the step must not be mistaken for a constant of the module or a parameter of the flow."""
    found = flow(start=f"{body}\nself.next(self.end, num_parallel={written})", end="pass").nodes["start"].num_parallel
    assert found is not None
    assert ast.unparse(found) == read
