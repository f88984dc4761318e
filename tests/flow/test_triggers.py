"""@trigger_on_finish and @trigger: what is read of them, as the installed Metaflow reads it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from costgate.config import DeploymentSpec
from costgate.flow.resolve import Settings, resolve_flow
from costgate.flow.upstream import MOST_LINKS, by_flow, starters
from costgate.model import Deployment, DeploymentKey, Flow, Location, Trigger, Unresolved
from tests.flow.table import J, flow, flow_class

HERE = Location(path="f.py", line=3)
Names = tuple["str | None", "str | None", "str | None"]


def read(decorator: str, target: str = "argo-workflows", before: str = "") -> Trigger | Unresolved | None:
    """The trigger of a flow with this decorator and a config beside it."""
    text = flow("", 'cfg = Config("cfg", default="c.json")', before, cls=f"{decorator}\n")
    text = text.replace("from metaflow import schedule", "from metaflow import trigger, trigger_on_finish, schedule")
    sources, cls = flow_class({"f.py": text, "c.json": J})
    return resolve_flow(sources, cls, DeploymentSpec(flow="f.py", class_name="F"), Settings(target=target)).trigger


# decorator → (flow, project, branch)
READ: dict[str, Names] = {
    '@trigger_on_finish(flow="Up")': ("Up", None, None),
    '@trigger_on_finish(flows=["Up"])': ("Up", None, None),
    '@trigger_on_finish(flow="p.prod.Up")': ("Up", "p", "prod"),
    '@trigger_on_finish(flow="p.test.of.me.Up")': ("Up", "p", "test.of.me"),
    '@trigger_on_finish(flow={"name": "Up"})': ("Up", None, None),
    '@trigger_on_finish(flow={"name": "Up", "project": "p", "project_branch": "prod"})': ("Up", "p", "prod"),
    '@trigger_on_finish(flows=[{"name": "Up", "project_branch": "prod"}])': ("Up", None, "prod"),
    '@trigger_on_finish(flow="Up", options={"x": 1})': ("Up", None, None),
}


@pytest.mark.parametrize(("decorator", "names"), READ.items(), ids=READ)
def test_which_flow_is_waited_for(decorator: str, names: Names) -> None:
    found = read(decorator)
    assert isinstance(found, Trigger)
    assert (found.flow, found.project, found.branch) == names
    assert found.location.line == 5


OPEN = {
    '@trigger_on_finish(flows=["A", "B"])': "it starts when all of A, B have finished",
    '@trigger_on_finish(flows=[{"name": "A"}, "B"])': "it starts when all of A, B have finished",
    "@trigger_on_finish(flow=lambda context: 'A')": "a function, not plain data",
    "@trigger_on_finish(flow=unknown())": "",
    "@trigger_on_finish(flows=[unknown()])": "",
    "@trigger_on_finish(**unknown())": "",
    "@trigger_on_finish()": "needs either `flow` or `flows`",
    '@trigger_on_finish(flow="A", flows=["B"])': "needs either `flow` or `flows`",
    '@trigger_on_finish(flows=("A",))': "is no list",
    '@trigger_on_finish(flow="a.b")': "is no name of a flow",
    '@trigger_on_finish(flow={"name": "p.x.A"})': "is no name of a flow",
    '@trigger_on_finish(flow={"project": "p"})': "is no name of a flow",
    "@trigger_on_finish(flow=3)": "neither a text nor a mapping",
    '@trigger_on_finish(flow={"name": "A", "project": 3})': "neither a text nor a mapping",
    '@trigger(event="e")\n@trigger_on_finish(flow="A")': "not both",
}


@pytest.mark.parametrize(("decorator", "reason"), OPEN.items(), ids=OPEN)
def test_what_is_open(decorator: str, reason: str) -> None:
    found = read(decorator, before="from elsewhere import unknown")
    assert isinstance(found, Unresolved)
    assert reason in found.reason


def test_an_event_is_no_flow() -> None:
    found = read('@trigger(event="data-arrived")')
    assert isinstance(found, Trigger)
    assert found.flow is None


def test_where_it_is_deployed_decides() -> None:
    decorator = '@trigger_on_finish(flow="Up")'
    assert read(decorator, "local") is None
    refused = read(decorator, "step-functions")
    assert isinstance(refused, Unresolved)
    assert refused.reason == "Metaflow fails: Step Functions knows no @trigger_on_finish"
    assert read("") is None


def test_a_name_may_come_from_a_config_and_is_then_a_text() -> None:
    found = read('@trigger_on_finish(flow=config_expr("cfg.which"))')
    assert isinstance(found, Trigger)
    assert found.flow == "big"


CHILD = """
import json, sys
from metaflow.plugins.events_decorator import TriggerOnFinishDecorator
def read(arguments):
    decorator = TriggerOnFinishDecorator(attributes=arguments, statically_defined=True)
    try:
        decorator.flow_init(None, None, None, None, None, None, None, {"trigger": ()})
    except Exception:
        return None
    return [[t["flow"], t.get("project"), t.get("branch")] for t in decorator.triggers]
print(json.dumps([read(each) for each in json.load(sys.stdin)]))
"""


def arguments(decorator: str) -> dict[str, Any]:
    found: dict[str, Any] = eval(decorator.rpartition("@")[2], {"trigger_on_finish": dict})
    return found


@pytest.mark.peer
def test_metaflow_reads_the_same() -> None:
    given = {text: arguments(text) for text in (*READ, *OPEN) if "unknown" not in text and "lambda" not in text}
    child = subprocess.run(
        [sys.executable, "-c", CHILD],
        input=json.dumps(list(given.values())),
        text=True,
        capture_output=True,
        check=True,
    )
    answers = dict(zip(given, json.loads(child.stdout)))
    single = {text: answer[0] if answer and len(answer) == 1 else None for text, answer in answers.items()}
    assert {text: single[text] for text in READ} == {text: list(names) for text, names in READ.items()}
    refused = [t for t in given if "Metaflow fails" in getattr(read(t), "reason", "") and "@trigger(" not in t]
    # JSON has no tuple, so that a tuple of flows reaches Metaflow as the list that it wants.
    assert [text for text in refused if answers[text] is not None] == ['@trigger_on_finish(flows=("A",))']


def deployed(flow: str, upstream: str | None = "", project: str = "", branch: str = "", to: str = "") -> Deployment:
    """A deployment in a project and branch; `to` names those of its upstream flow."""
    there = dict(zip(("project", "branch"), to.split("/"))) if to else {}
    trigger = Trigger(flow=upstream, location=HERE, **there) if upstream != "" else None
    made = Flow(name=flow, file="f.py", location=HERE, project=None, schedule=None, steps=(), trigger=trigger)
    return Deployment(key=DeploymentKey(flow=flow, project=project, branch=branch), name=flow, flow=made)


UP, DOWN = deployed("Up"), deployed("Down", "Up")
PROD, TEST = deployed("Up", project="p", branch="prod"), deployed("Up", project="p", branch="test")
NAMELESS = deployed("Up", project="p")  # costgate.yml says no branch
FOUND = {
    "by its name": (DOWN, (UP, PROD), (UP,)),
    "in its own project and branch": (deployed("Down", "Up", "p", "prod"), (UP, TEST, PROD), (PROD,)),
    "in those that it names": (deployed("Down", "Up", "q", "x", to="p/prod"), (UP, TEST, PROD), (PROD,)),
    "in those that it names, from no project": (deployed("Down", "Up", to="p/test"), (UP, TEST, PROD), (TEST,)),
    "the only one that it can be": (deployed("Down", "Up", "p"), (UP, PROD), (PROD,)),
    "one that may be in its branch": (deployed("Down", "Up", "p", "prod"), (UP, TEST, NAMELESS), (NAMELESS,)),
    "nothing without a trigger": (UP, (UP,), None),
}


@pytest.mark.parametrize(("deployment", "side", "expected"), FOUND.values(), ids=FOUND)
def test_what_starts_a_deployment(
    deployment: Deployment, side: tuple[Deployment, ...], expected: tuple[Deployment, ...] | None
) -> None:
    assert starters(deployment, by_flow((*side, deployment))) == expected


NOT_FOUND = {
    "another project": (DOWN, (PROD,), "there is no deployment of Up in this repository"),
    "another branch": (
        deployed("Down", "Up", "p", "x"), (PROD,), "there is no deployment of Up of project p of branch x in this"
    ),
    "several that it can be": (deployed("Down", "Up", "p"), (PROD, TEST), "there are several deployments of Up"),
    "a project without a branch": (deployed("Down", "Up", to="p"), (PROD,), "names no event"),
    "a branch without a project": (deployed("Down", "Up", to="/prod"), (PROD,), "names no event"),
    "an event": (deployed("Down", None), (UP,), "how often its event comes stands in no file"),
    "itself": (deployed("Up", "Up"), (), "it is started by Up, which it starts itself"),
    "one that it starts": (DOWN, (deployed("Up", "Down"),), "it is started by Up, which it starts itself"),
}  # fmt: skip


@pytest.mark.parametrize(("deployment", "side", "reason"), NOT_FOUND.values(), ids=NOT_FOUND)
def test_what_starts_a_deployment_is_open(deployment: Deployment, side: tuple[Deployment, ...], reason: str) -> None:
    found = starters(deployment, by_flow((*side, deployment)))
    assert isinstance(found, Unresolved)
    assert reason in found.reason


def test_two_templates_send_the_same_event() -> None:
    both = tuple(Deployment(key=DeploymentKey(flow="Up", template=name), name=name, flow=UP.flow) for name in "ab")
    assert starters(DOWN, by_flow((*both, DOWN))) == both


def test_a_chain_is_followed_so_far() -> None:
    links = [deployed(f"F{n}", f"F{n + 1}") for n in range(MOST_LINKS + 2)] + [deployed(f"F{MOST_LINKS + 2}")]
    side = by_flow(links)
    assert starters(links[2], side) == (links[3],)
    too_long = starters(links[0], side)
    assert isinstance(too_long, Unresolved)
    assert "more than 50 flows start one another" in too_long.reason


def test_a_circle_above_is_left_to_those_in_it() -> None:
    circle = (deployed("A", "B"), deployed("B", "A"))
    below = deployed("C", "A")
    assert starters(below, by_flow((*circle, below))) == (circle[0],)
