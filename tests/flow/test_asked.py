"""Answers as data: read, joined to what the source tells. Only the last tests run Metaflow."""

from __future__ import annotations

import importlib.metadata
import json
import os
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costgate.config import DecoratorRule, DeploymentSpec
from costgate.flow.answer import Answer, Failure, Request, read_answer
from costgate.flow.asked import Joined, joined, left_open, request, unanswered
from costgate.flow.parse import Sources
from costgate.flow.resolve import Settings, resolve_flow
from costgate.model import Flow, Known, Schedule, Step, Trigger, Unresolved
from costgate.oracle import Oracle
from tests.flow.cases_configs import CASES as CONFIGS
from tests.flow.cases_python import CASES as PYTHON
from tests.flow.table import flow, resolve, step
from tests.support import snapshot

Raw = dict[str, Any]
MUTATED = "from elsewhere import Mutator\n"
LOCAL = Settings(target="local")


def told(name: str, given: Raw | None = None, final: Raw | None = None, **more: Any) -> Raw:
    return {"name": name, "given": given or {}, "final": final or {}, "odd": {}, "refused": None, **more}


def node(name: str, *following: str, decorators: tuple[Raw, ...] = (), **more: Any) -> Raw:
    plain = {"kind": "linear", "file": "f.py", "line": 9, "foreach": None, "parallel": False, "num_parallel": None}
    return {"name": name, "next": list(following), "decorators": list(decorators), **plain, **more}


def raw(*start: Raw, steps: tuple[Raw, ...] = (), **more: Any) -> Raw:
    """An answer about the flow of `flow()`, whose step `start` has these decorators."""
    plain = (node("start", "end", decorators=start), node("end", kind="end"))
    found = {"flow": "F", "start": "start", "end": "end", "decorators": [], "mutators": [], "configs": []}
    return {**found, "steps": list(steps or plain), **more}


def read(found: object, version: str = "2.19.39") -> Answer | Failure:
    return read_answer(json.dumps(found).encode(), version)


def answer(*start: Raw, **more: Any) -> Answer:
    found = read(raw(*start, **more))
    assert isinstance(found, Answer), found
    return found


def join(source: Flow, found: Answer, settings: Settings = LOCAL) -> tuple[Step, Joined]:
    done = joined(source, found, settings)
    return step(done.flow), done


def kubernetes(given: Raw, **final: Any) -> Raw:
    """@kubernetes as Metaflow ends with it."""
    plain = {"cpu": "1", "memory": "4096", "disk": "10240", "gpu": None, "shared_memory": None, "node_selector": None}
    return told("kubernetes", given, {**plain, "compute_pool": None, "gpu_vendor": "nvidia", **given, **final})


# Reading


def test_an_answer_is_read() -> None:
    found = answer(told("resources", {"gpu": 2}, {"gpu": 2, "cpu": "1"}, odd={"image": "<object  at 0x7f00>"}))
    assert found.steps[0].decorators[0].given == {"gpu": 2}
    assert found.steps[0].decorators[0].odd == {"image": "<object >"}
    assert found.metaflow == "2.19.39"


def test_an_error_is_a_failure_on_one_line() -> None:
    found = read({"error": "ValueError: a\n  <x object at 0x7fcd0> " + "b" * 1000})
    assert isinstance(found, Failure)
    assert found.reason.startswith("ValueError: a <x object> bbb")
    assert len(found.reason) == 300
    assert found.text.startswith("running it with Metaflow failed: ValueError")
    assert Failure(reason="no", everywhere=True).text == "Metaflow was not asked: no"


ODD: dict[str, Any] = {
    "no mapping": [1],
    "a step twice": raw(steps=(node("start"), node("start"))),
    "a way to nowhere": raw(steps=(node("start", "gone"),)),
    "a name that is code": raw(steps=(node("start): import os #"),)),
    "a line that is no number": raw(steps=(node("start", line="1"),)),
    "a line that is true": raw(steps=(node("start", line=True),)),
    "a line out of bounds": raw(steps=(node("start", line=10**9),)),
    "a negative num_parallel": raw(steps=(node("start", num_parallel=-1),)),
    "a name that is too long": raw(mutators=["x" * 301]),
    "a name that is a number": raw(flow=1),
    "too many decorators": raw(*[told("x")] * 1001),
    "too many attributes": raw(told("x", {f"a{i}": 1 for i in range(1001)})),
    "an attribute that is too long": raw(told("x", {"a" * 301: 1})),
    "an attribute list": raw(told("x", [1])),  # type: ignore[arg-type]
    "an unknown origin": raw(told("x", origin="heaven")),
    "a missing key": {key: value for key, value in raw().items() if key != "steps"},
    "no list": raw(configs={"a": 1}),
}


@pytest.mark.parametrize("found", ODD.values(), ids=ODD)
def test_an_odd_answer_is_none(found: object) -> None:
    assert read(found) == Failure(reason="the flow's code broke into the answer")


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[" * 100_000, b"1" * 5000, b'{"error": 1}', b"NaN", b"null"])
def test_bytes_that_are_no_answer_are_none(text: bytes) -> None:
    assert read_answer(text, "1") == Failure(reason="the flow's code broke into the answer")


def test_numbers_that_are_none_are_refused() -> None:
    text = json.dumps(raw(told("resources", {"gpu": "HERE"})))
    for number in ("1e999", "NaN", "Infinity"):
        assert isinstance(read_answer(text.replace('"HERE"', number).encode(), "1"), Failure)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda x: st.lists(x) | st.dictionaries(st.text(max_size=5), x),
)


@given(st.sampled_from(sorted(raw())), JSON)
def test_whatever_stands_in_an_answer_it_is_read_or_refused(key: str, value: object) -> None:
    assert isinstance(read({**raw(), key: value}), (Answer, Failure))


# What is asked


def test_a_request_tells_all_that_decides() -> None:
    spec = DeploymentSpec(flow="f.py", configs={"a": "x.json"}, config_values={"b": {"n": 1}, "c": "text"}, cwd="d")
    settings = Settings(target="local", with_=("kubernetes",), metaflow_env={"METAFLOW_B": "2", "METAFLOW_A": "1"})
    assert request(resolve({"f.py": flow()}), spec, settings) == Request(
        file="f.py", flow="F", cwd="d", configs=(("a", "x.json"),), config_values=(("b", '{"n": 1}'), ("c", "text")),
        with_=("kubernetes",), target="local", metaflow_env=(("METAFLOW_A", "1"), ("METAFLOW_B", "2")),
    )  # fmt: skip


OPEN: dict[str, tuple[str, bool]] = {
    "nothing": (flow("@resources(gpu=2)"), False),
    "an attribute": (flow("@resources(gpu=load())"), True),
    "a mutator": (flow(before=MUTATED, cls="@Mutator\n"), True),
    "the project": (flow(cls="@project(name=load())\n"), True),
    "the schedule": (flow(cls="@schedule(cron=load())\n"), True),
    "a width, which Metaflow does not know either": (
        flow(
            nxt="self.next(self.a, foreach='xs')",
            extra="    @step\n    def a(self):\n        self.next(self.b)\n"
            "    @step\n    def b(self, inputs):\n        self.next(self.end)\n",
        ),
        False,
    ),
}


@pytest.mark.parametrize(("text", "expected"), OPEN.values(), ids=OPEN)
def test_what_is_left_open(text: str, expected: bool) -> None:
    found = resolve({"f.py": text}, target="argo-workflows")
    assert left_open(found) is expected
    assert left_open(unanswered(found, Failure(reason="no"))) is expected


def test_without_an_answer_the_reason_is_added() -> None:
    before = resolve({"f.py": flow("@resources(gpu=load())", before=MUTATED, cls="@Mutator\n@project(name=load())\n")})
    found = unanswered(before, Failure(reason="ModuleNotFoundError: No module named 'torch'"))
    why = "running it with Metaflow failed: ModuleNotFoundError: No module named 'torch'"
    resources = step(found).resources
    texts = [resources.touched_by, resources.gpu, found.project, *found.unresolved]
    assert all(isinstance(text, Unresolved) and text.reason.endswith(f"; {why}") for text in texts)
    assert isinstance(resources.cpu, Known)


# Joining


def test_where_both_agree_the_places_of_the_source_stay() -> None:
    source = resolve({"f.py": flow("@resources(gpu=G)", before="G = 2\n")})
    found, done = join(source, answer(told("resources", {"gpu": 2}, {"gpu": 2})))
    assert (found.resources, done.differences) == (step(source).resources, ())
    assert found.resources.gpu.chain[-1].short == "f.py:4"


def test_what_only_metaflow_knows_says_so() -> None:
    source = resolve({"f.py": flow("@kubernetes(gpu=load())", before=MUTATED, cls="@Mutator\n")})
    found, done = join(source, answer(kubernetes({"gpu": 8, "node_selector": {}}, memory="9000.0")))
    assert done.differences == ()
    assert found.resources.touched_by is None
    assert found.resources.gpu == Known(
        value=8, chain=(step(source).decorators[0].location,),
        notes=("resolved by running the flow with Metaflow 2.19.39",),
    )  # fmt: skip
    assert isinstance(found.resources.memory_mb, Known)
    assert (found.resources.memory_mb.value, found.resources.node_selector.value) == (9000, None)
    assert not left_open(done.flow)
    assert done.flow.unresolved == ()


def test_where_they_differ_metaflows_value_counts_and_both_are_told() -> None:
    source = resolve({"f.py": flow("@kubernetes(gpu=2)")})
    found, done = join(source, answer(kubernetes({"gpu": 4})))
    assert found.resources.gpu.value == 4
    assert found.resources.gpu.notes[-1] == "it is 2 in the source (f.py:6)"
    assert done.differences == ("F/start: gpu is 4 by Metaflow, 2 in the source (f.py:6)",)


def test_another_place_to_run_is_told() -> None:
    source = resolve({"f.py": flow()})
    found, done = join(source, answer(kubernetes({})))
    assert found.resources.compute == "kubernetes"
    assert done.differences[0] == "F/start: it runs on kubernetes by Metaflow, on local in the source"


def test_what_metaflow_refuses_is_open() -> None:
    source = resolve({"f.py": flow("@kubernetes(gpu=2)")})
    found, done = join(source, answer({**kubernetes({"gpu": 2}), "refused": "KubernetesException: no"}))
    assert found.resources.touched_by is not None
    assert found.resources.touched_by.reason == "Metaflow refuses @kubernetes: KubernetesException: no"
    assert len(done.differences) == 1
    source = resolve({"f.py": flow("@kubernetes(gpu=load())")})
    assert join(source, answer({**kubernetes({"gpu": 2}), "refused": "x"}))[1].differences == ()


def test_what_is_no_plain_data_is_open() -> None:
    source = resolve({"f.py": flow("@resources(gpu=load())")})
    found, _ = join(source, answer(told("resources", odd={"gpu": "<bound method>"})))
    assert isinstance(found.resources.gpu, Unresolved)
    assert found.resources.gpu.reason == "gpu is no plain data for Metaflow"
    source = resolve({"f.py": flow("@resources(gpu=1)")})
    _, done = join(source, answer(told("resources", odd={"gpu": "<bound method>"})))
    assert done.differences == (
        "F/start: gpu is unknown (gpu is no plain data for Metaflow) by Metaflow, 1 in the source (f.py:6)",
    )


RULES = {"gpu_step": DecoratorRule(name="gpu_step", attributes={"gpu": "n"}, compute="kubernetes")}


def test_an_in_house_decorator_that_metaflow_does_not_see_keeps_its_meaning() -> None:
    text = flow("@gpu_step(n=4)\n@resources(memory=load())", before="from house import gpu_step\n")
    source = resolve({"f.py": text}, rules=RULES)
    settings = Settings(target="local", decorators=RULES)
    found, done = join(source, answer(told("resources", {"memory": 9000}, {"memory": 9000})), settings)
    assert (found.resources.compute, found.resources.gpu.value, found.resources.memory_mb.value) == (
        "kubernetes",
        4,
        9000,
    )
    assert [one.name for one in found.decorators] == ["gpu_step", "resources"]
    assert done.differences == ()


def test_an_in_house_decorator_that_metaflow_sees_is_translated() -> None:
    source = resolve({"f.py": flow(before=MUTATED, cls="@Mutator\n")}, rules=RULES)
    settings = Settings(target="local", decorators=RULES)
    found, _ = join(source, answer(told("gpu_step", {"n": 3}, {"n": 3})), settings)
    assert (found.resources.compute, found.resources.gpu.value) == ("kubernetes", 3)


def test_project_schedule_and_trigger_are_metaflows() -> None:
    source = resolve({"f.py": flow(cls="@project(name=load())\n@schedule(cron=load())\n")}, target="argo-workflows")
    more = [
        told("project", {"name": "p"}),
        told("schedule", {"hourly": True}),
        told("trigger_on_finish", {"flow": "G"}),
    ]
    done = joined(source, answer(decorators=more), Settings(target="argo-workflows")).flow
    assert isinstance(done.project, Known)
    assert done.project.value == "p"
    assert isinstance(done.schedule, Schedule)
    assert done.schedule.cron == "0 * * * ? *"
    assert isinstance(done.trigger, Trigger)
    assert done.trigger.flow == "G"
    assert joined(source, answer(), Settings(target="argo-workflows")).flow.schedule is None


def test_project_and_schedule_of_the_source_keep_their_places() -> None:
    source = resolve({"f.py": flow(cls="@project(name='p')\n@schedule(hourly=True)\n")}, target="argo-workflows")
    more = [told("project", {"name": "p"}), told("schedule", {"hourly": True})]
    done = joined(source, answer(decorators=more), Settings(target="argo-workflows")).flow
    assert (done.project, done.schedule) == (source.project, source.schedule)
    more = [told("project", {"name": "q"}), told("schedule", {"weekly": True})]
    other = joined(source, answer(decorators=more), Settings(target="argo-workflows")).flow
    assert other.project != source.project
    assert isinstance(other.schedule, Schedule)
    assert other.schedule.cron == "0 0 ? * SUN *"


# Graphs


def graph(*steps: Raw, start: str = "start", end: str = "end", text: str | None = None) -> Joined:
    source = resolve({"f.py": text or flow()})
    return joined(source, answer(steps=steps, start=start, end=end), LOCAL)


def test_steps_of_a_base_class_elsewhere_are_metaflows() -> None:
    done = graph(
        node("start", "wide"), node("wide", "many", foreach="xs", kind="foreach", file="/site/base.py", line=70),
        node("many", "nodes"), node("nodes", "each", parallel=True, foreach="x", num_parallel=3, kind="foreach"),
        node("each", "back"), node("back", "join", kind="join"), node("join", "pick", kind="join"),
        node("pick", "a", "b", kind="split-switch"), node("a", "end"), node("b", "end"), node("end", kind="end"),
    )  # fmt: skip
    steps = {one.name: one for one in done.flow.steps}
    assert done.differences[0] == "F: Metaflow sees other steps, or other ways between them, than the source"
    assert done.flow.unresolved == ()
    width, nodes = steps["each"].fan_out
    assert isinstance(width, Unresolved)
    assert width.reason == "the number of items in self.xs is known at run time only"
    assert isinstance(nodes, Known)
    assert nodes.value == 3
    assert steps["a"].conditional
    assert not steps["end"].conditional
    assert steps["wide"].location.short == "f.py:5"
    assert steps["nodes"].location.short == "f.py:9"
    assert steps["start"].location == resolve({"f.py": flow()}).steps[0].location
    assert not left_open(done.flow)


def test_widths_that_the_source_tells_stay() -> None:
    extra = (
        "    @step\n    def a(self):\n        self.next(self.b, num_parallel=4)\n"
        "    @step\n    def b(self):\n        self.next(self.c)\n"
        "    @step\n    def c(self, inputs):\n        self.next(self.d)\n"
        "    @step\n    def d(self, inputs):\n        self.next(self.end)\n"
    )
    text = flow(nxt="self.xs = [1, 2]\n        self.next(self.a, foreach='xs')", extra=extra)
    steps = (
        node("start", "a", foreach="xs", kind="foreach"), node("a", "b", parallel=True, kind="foreach"), node("b", "c"),
        node("c", "d", kind="join"), node("d", "more", kind="join"), node("more", "end"), node("end", kind="end"),
    )  # fmt: skip
    found = {one.name: one for one in graph(*steps, text=text).flow.steps}
    assert [value.value for value in found["b"].fan_out if isinstance(value, Known)] == [2, 4]


def test_a_graph_that_cannot_run_says_so() -> None:
    done = graph(node("start", "x", parallel=True), node("x"), node("end", kind="end"))
    assert {one.reason for one in done.flow.unresolved} >= {"step end: no step leads here from the start"}
    start = step(done.flow)
    assert isinstance(start.num_parallel, Unresolved)


def test_a_flow_may_be_one_step() -> None:
    done = graph(node("only", kind="start-end"), start="only", end="only")
    assert [one.name for one in done.flow.steps] == ["only"]
    assert done.flow.unresolved == ()


def test_problems_of_an_equal_graph_stay() -> None:
    source = resolve({"f.py": flow(nxt="print(1)")})
    done = joined(source, answer(steps=(node("start"), node("end", kind="end"))), LOCAL)
    assert done.flow.unresolved == source.unresolved != ()


# With Metaflow

CORPUS = {**CONFIGS, **PYTHON}


@pytest.mark.peer
@pytest.mark.timeout(300)
@pytest.mark.parametrize("target", ["argo-workflows", "step-functions"])
def test_metaflow_and_the_source_agree_on_what_the_source_knows(target: str) -> None:
    """One copy of a third of the tables, a folder for each case."""
    third = list(CORPUS.items())[:: 3 if target == "argo-workflows" else 5]
    cases = {f"case{number}": files for number, (_, (files, _)) in enumerate(third)}
    files: Mapping[str, str | bytes] = {
        f"{folder}/{path}": text.encode() if isinstance(text, str) else text
        for folder, some in cases.items()
        for path, text in some.items()
    }
    sources, settings = Sources(snapshot(files)), Settings(target=target)
    compared, closed = 0, 0
    with Oracle(os.environ) as oracle:
        for folder in cases:
            spec = DeploymentSpec(flow=f"{folder}/f.py", cwd=folder)
            flow_class = next((one for one in sources.flow_classes(spec.flow) if one.name == "F"), None)
            if flow_class is None:
                continue
            source = resolve_flow(sources, flow_class, spec, settings)
            found = oracle.ask(sources.snapshot, request(source, spec, settings))
            if isinstance(found, Answer):
                done = joined(source, found, settings)
                refused = all("refuses" in text or "other steps" in text for text in done.differences)
                assert refused, (folder, done.differences)
                compared += 1
                closed += left_open(source) and not left_open(done.flow)
    assert compared > 30
    assert closed > 3


@pytest.mark.peer
def test_a_gpu_that_a_mutator_adds_is_known() -> None:
    text = flow(
        before="class Add(FlowMutator):\n    def mutate(self, flow):\n        for name, step in flow.steps:\n"
        "            step.add_decorator('kubernetes', deco_kwargs={'gpu': len(__import__('string').digits) - 2})\n\n",
        cls="@Add\n",
    )
    sources = Sources(snapshot({"f.py": text}))
    (flow_class,) = sources.flow_classes("f.py")
    spec = DeploymentSpec(flow="f.py")
    source = resolve_flow(sources, flow_class, spec, LOCAL)
    with Oracle(os.environ) as oracle:
        found = oracle.ask(sources.snapshot, request(source, spec, LOCAL))
    assert isinstance(found, Answer)
    start, done = join(source, found)
    assert start.resources.gpu.value == 8
    assert start.resources.gpu.notes == (
        f"resolved by running the flow with Metaflow {importlib.metadata.version('metaflow')}",
    )
    assert done.differences == ()
