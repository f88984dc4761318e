"""Checking: every problem in words, at its place, with the way out; and the fast judge agrees with jsonschema."""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from costgate import shipped
from costgate.errors import InputError
from costgate.yamlfile import Document, check, checked, load
from costgate.yamlfile.conforms import compiled
from tests.support import dedent

DATA = Path(__file__).parent / "data"
FULL = {
    "config": "costgate.full.yml",
    "rate_card": "ratecard.full.yml",
    "policy": "policy.full.yml",
    "usage": "usage.full.json",
}
SAMPLES = {name: load((DATA / file).read_bytes(), file).data for name, file in FULL.items()}
RULES = json.loads(shipped.schema("policy").read_text())["$defs"]["rule"]["properties"]["rule"]["enum"]


def problems(text: str, schema: str, path: str = "f.yml") -> list[str]:
    """`line:column: message`, and ` | help` where it is more than what the schema says belongs there."""
    with pytest.raises(InputError) as caught:
        check(load(dedent(text).encode(), path), schema)
    return [
        str(problem.where).removeprefix(f"{path}:")
        + f": {problem.message}"
        + ("" if problem.help.startswith(("here belongs", "correct it")) else f" | {problem.help}")
        for problem in caught.value.problems
    ]


def test_every_problem_has_a_way_out() -> None:
    with pytest.raises(InputError) as caught:
        check(load(b"version: 2\nassumptions: {foreach: 0}\nflows: []\n", "f.yml"), "config")
    assert [problem.help for problem in caught.value.problems][:1] == ["here belongs: Version of this format."]
    assert all(problem.help for problem in caught.value.problems)


CONFIG = {
    "unknown key": ("polcy: x", "1:1: unknown key 'polcy' | did you mean 'policy'?"),
    "unknown key far from any": (
        "owner: {}\nexclude: [a]\nzzz: 1",
        "3:1: unknown key 'zzz' | known here: version, rate_card,",
    ),
    "unknown key inside": ("flows: [{globb: x, glob: y}]", "1:10: unknown key 'globb' | did you mean 'glob'?"),
    "text read as a base-60 number": (
        "rate_card: 12:30",
        "1:12: 'rate_card' must be text, not 750 | quote it: \"12:30\"",
    ),
    "text read as a boolean": ("with: [NO]", "1:8: 'with' must be text, not false | quote it: \"NO\""),
    "text read as a number": ("exclude: [1, b]", "1:11: 'exclude' must be text, not 1 | quote it: \"1\""),
    "on where a name is meant": ("resolver: on", "1:11: 'resolver' must be one of static, auto, metaflow, not true"),
    "an abbreviated name": (
        "target: argo",
        "must be one of argo-workflows, step-functions, local, not 'argo' | did you mean 'argo-w",
    ),
    "a misspelt name": (
        "resolver: sttic",
        "1:11: 'resolver' must be one of static, auto, metaflow, not 'sttic' | did you mean 'static'?",
    ),
    "an empty name": ("target: ''", "1:9: 'target' must be one of argo-workflows, step-functions, local, not ''"),
    "one value where a list is meant": (
        "with: kubernetes",
        "1:7: 'with' must be a list, not 'kubernetes' | write a list: [...]",
    ),
    "a list where a mapping is meant": ("assumptions: [1]", "1:14: 'assumptions' must be a mapping, not a list"),
    "a mapping where text is meant": ("policy: {a: 1}", "1:9: 'policy' must be text, not a mapping"),
    "nothing where text is meant": ("policy:", "1:8: 'policy' must be text, not null"),
    "a quoted number": (
        "assumptions: {foreach: '5'}",
        "'foreach' must be a number, not '5' | write the number without quotes",
    ),
    "an exponent that YAML reads as text": (
        "assumptions: {foreach: 1e3}",
        "not '1e3' | write the number without quotes and without",
    ),
    "a word where a number is meant": ("assumptions: {foreach: many}", "1:24: 'foreach' must be a number, not 'many'"),
    "zero where more is needed": ("assumptions: {foreach: 0}", "1:24: 'foreach' must be greater than 0, not 0"),
    "a negative number": ("assumptions: {runs_per_month: -1}", "'runs_per_month' must be at least 0, not -1"),
    "a number beyond sense": ("assumptions: {runs_per_month: 1.0e+99}", "must be at most 1000000000, not 1e+99"),
    "a duration without a unit": (
        "assumptions: {duration: {gpu: 90}}",
        "'gpu' must be a duration such as 90s, 30m, 1h30m or 2d, not 90",
    ),
    "a duration of words": (
        "assumptions: {duration: {gpu: soon}}",
        "'gpu' must be a duration such as 90s, 30m, 1h30m or 2d, not 'soon'",
    ),
    "a duration of zero": (
        "assumptions: {duration: {gpu: 0h0m}}",
        "'gpu' must be a duration such as 90s, 30m, 1h30m or 2d, not '0h0m'",
    ),
    "a duration and a line break": ('assumptions: {duration: {gpu: "1h\\n"}}', "'gpu' must be a duration such as"),
    "a number that only 0 may be": (
        "assumptions: {startup_overhead: 5}",
        "must be a duration such as 90s or 2m, or 0s for none, not 5",
    ),
    "none of several kinds": ("flows: [5]", "1:9: 'flows' must be a glob or a mapping, not 5 | quote it: \"5\""),
    "an empty list": ("flows: []", "1:8: 'flows' must not be empty"),
    "an empty text": ("policy: ''", "1:9: 'policy' must not be empty"),
    "a text without an end": (f"policy: {'x' * 2000}", "1:9: 'policy' must have at most 1000 characters, not 'xxxxxx"),
    "an environment key of another": (
        "metaflow_env: {PATH: x}",
        "1:16: the key 'PATH' must be a name such as METAFLOW_KUBERNETES",
    ),
    "an environment value of on": (
        "metaflow_env: {METAFLOW_X: on}",
        'must be text or a number, not true | quote it: "on"',
    ),
    "a notebook as flow": (
        "deployments: [{flow: a.ipynb}]",
        "1:22: 'flow' must be a flow file such as flows/train.py or",
    ),
    "a deployment without a flow": (
        "deployments: [{name: x}]",
        "1:15: 'flow' is required in 'deployments' | add flow: The flow file,",
    ),
    "a branch and a name": (
        "deployments: [{flow: a.py, branch: b, deployed_as: c}]",
        "1:15: 'branch' and 'deployed_as' exclude each",
    ),
    "a name for a deployment": ("deployments: [train]", "1:15: 'deployments' must be a mapping, not 'train'"),
    "half an experiment": (
        "deployments: [{flow: a.py, experiment: {name: x}}]",
        "'runs' is required in 'experiment' | add runs: Number",
    ),
    "a part of a run": (
        "deployments: [{flow: a.py, experiment: {name: x, runs: 1.5}}]",
        "'runs' must be a whole number, not 1.5",
    ),
    "a decorator that sets nothing": ("decorators: {a: {}}", "1:17: 'a' must not be empty"),
    "a compute that is none": (
        "decorators: {a: {compute: cloud}}",
        "must be one of kubernetes, batch, local, not 'cloud'",
    ),
}


@pytest.mark.parametrize("name", CONFIG)
def test_each_problem_of_costgate_yml_has_its_words(name: str) -> None:
    text, message = CONFIG[name]
    found = problems(f"{text}\nversion: 1", "config")
    assert any(message in line for line in found), found


OTHERS = {
    "a version of the future": ("config", "version: 2", ["1:10: 'version' must be 1, not 2"]),
    "a version as text": ("config", "version: '1'", ["1:10: 'version' must be 1, not '1'"]),
    "a list as a file": ("config", "[1]", ["1:1: must be a mapping, not a list"]),
    "a word as a file": ("config", "hello", ["1:1: must be a mapping, not 'hello'"]),
    "an empty file": ("config", "", ["1:1: the file is empty | write at least 'version: 1'"]),
    "a card that says nothing": (
        "rate_card",
        "version: 1",
        [
            "1:1: 'as_of' is required | add as_of: Day of the prices.",
            "1:1: 'currency' is required | add currency: Currency of every price.",
            "1:1: 'name' is required | add name: Name of the card, shown in reports.",
        ],
    ),
    "several problems, by position": (
        "rate_card",
        """
        version: 1
        name: x
        currency: usd
        as_of: 1.10.2026
        tiers:
          a: {node: {gpus: -8}, split: gpu, planned_utilization: 0, match: [{}], cloud: {discount: 20}}
          b: {split: {x: 1}, cloud: {spot: cheap}}
          c: {split: 4}
        fx: {usd: 1}
        """,
        [
            "3:11: 'currency' must be a currency code such as USD, not 'usd'",
            "4:8: 'as_of' must be a day such as 2026-10-01, not '1.10.2026'",
            "6:20: 'gpus' must be at least 0, not -8",
            "6:32: 'split' must be one of gpu_only, dominant, not 'gpu' | did you mean 'gpu_only'?",
            "6:58: 'planned_utilization' must be greater than 0, not 0",
            "6:69: 'match' must not be empty",
            "6:92: 'discount' must be at most 1, not 20",
            "7:15: unknown key 'x' | known here: gpu, cpu, memory",
            "7:36: 'spot' must be a number or a mapping {low, expected, high}, not 'cheap'",
            "8:14: 'split' must be gpu_only, dominant or weights {gpu, cpu, memory}, not 4",
            "9:6: the key 'usd' must be a currency code such as USD",
        ],
    ),
    "reservations of nothing, of two things, of no kind": (
        "rate_card",
        """
        {version: 1, name: x, currency: USD, as_of: 2026-10-01, reservations: [
          {id: a, tier: b, team: c, from: 2026-01-01, to: 2026-01-01},
          {id: a, tier: b, team: c, from: 2026-01-01, to: 2026-01-01, gpus: 1, nodes: 2},
          everything]}
        """,
        [
            "2:3: needs one of 'gpus', 'cpus', 'nodes'",
            "3:3: may have only one of 'gpus', 'cpus', 'nodes'",
            "4:3: 'reservations' must be a mapping, not 'everything'",
        ],
    ),
    "rules": (
        "policy",
        """
        version: 1
        rules:
          - {rule: max-montly-increase, limit: 3, action: warn}
          - {rule: nonsense, action: warn}
          - {rule: max-monthly-increase, action: require-approval}
          - {rule: max-usage-age, limit: 3, action: warn}
          - {rule: require-owner, limit: 3, window: 30d, action: warn}
          - {limit: 5}
          - {off: true}
          - {rule: max-gpus-per-step, limit: 1.5, action: stop}
          - max
        """,
        [
            "3:12: unknown rule 'max-montly-increase' | did you mean 'max-monthly-increase'?",
            f"4:12: unknown rule 'nonsense' | one of {', '.join(RULES)}",
            "5:5: 'approval' is required in 'rules' | add approval",
            "5:5: 'limit' is required in 'rules' | add limit",
            "6:34: 'limit' must be a duration such as 90s, 30m, 1h30m or 2d, not 3",
            "7:27: 'limit' has no meaning here | delete it",
            "7:37: 'window' has no meaning here | delete it",
            "8:5: 'action' is required in 'rules' | add action",
            "8:5: 'rule' is required in 'rules' | add rule",
            "9:5: needs one of 'rule', 'id'",
            "10:38: 'limit' must be a whole number, not 1.5",
            "10:51: 'action' must be one of notify, warn, require-approval, block, not 'stop'",
            "11:5: 'rules' must be a mapping, not 'max'",
        ],
    ),
    "approvals": (
        "policy",
        "{version: 1, approvals: {a: {users: [5, {loginn: x}], via: [], teams: [x], count: 0}}, extends: ["
        + "a, " * 50
        + "b]}",
        [
            "1:38: 'users' must be a login or a mapping {login, id}, not 5 | quote it: \"5\"",
            "1:41: 'login' is required in 'users' | add login: Login.",
            "1:42: unknown key 'loginn' | did you mean 'login'?",
            "1:60: 'via' must not be empty",
            "1:72: 'teams' must be a team such as acme/finance, not 'x'",
            "1:83: 'count' must be at least 1, not 0",
            "1:97: 'extends' must have at most 50 entries, not a list",
        ],
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_each_problem_of_the_other_files_has_its_words(name: str) -> None:
    schema, text, expected = OTHERS[name]
    assert problems(text, schema) == expected


def test_a_time_and_nothing_are_alternatives() -> None:
    usage = copy.deepcopy(SAMPLES["usage"])
    usage["deployments"][0]["last_run"] = 5
    usage["deployments"][1]["last_run"] = "yesterday"
    text = json.dumps(usage)
    columns = [text.index(value) + 1 for value in ('5, "runs"', '"yesterday"')]
    assert problems(text, "usage", "u.json") == [
        f"1:{columns[0]}: 'last_run' must be a time such as 2026-11-20T00:00:00Z or nothing, not 5",
        f"1:{columns[1]}: 'last_run' must be a time such as 2026-11-20T00:00:00Z, not 'yesterday'",
    ]


def test_at_most_fifty_problems_are_told() -> None:
    found = problems("version: 1\nwith: [" + "1, " * 5000 + "x]", "config")
    assert len(found) == 50
    assert found[-1] == "2:155: 'with' must be text, not 1 | quote it: \"1\""


def test_hostile_keys_and_values_are_cut() -> None:
    found = problems(f"version: 1\n? '{'k' * 100_000}'\n: 1\ntarget: {'v' * 100_000}", "config")
    assert len(found) == 2
    assert all(len(line) < 400 for line in found)


@pytest.mark.parametrize("name", FULL)
def test_a_document_without_text_is_checked_as_well(name: str) -> None:
    check(Document(path="x", data=SAMPLES[name]), name)
    with pytest.raises(InputError, match=r"^x:1:1: unknown key 'polcy'"):
        check(Document(path="x", data=SAMPLES[name] | {"polcy": 1}), name)


@pytest.mark.parametrize("name", FULL)
def test_keys_that_are_no_text_are_unknown(name: str) -> None:
    with pytest.raises(InputError, match="unknown key"):
        check(Document(path="x", data=SAMPLES[name] | {1: 1}), name)


# The fast judge and jsonschema


VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(-1, 2)
    | st.text("a1d0\n", max_size=3)
    | st.sampled_from(
        ["30d", "USD", "static", "a.py", "2026-01-01", "dominant", [], {}, [1], ["a"], {"a": 1}, 1.0, 10**400]
    )
)


def containers(value: Any) -> list[Any]:
    """Every mapping and list in a value, itself included."""
    if not isinstance(value, (dict, list)):
        return []
    inner = value.values() if isinstance(value, dict) else value
    return [value, *(found for item in inner for found in containers(item))]


@given(st.data(), st.sampled_from(sorted(FULL)))
def test_judge_and_jsonschema_agree_on_every_broken_file(draw: st.DataObject, name: str) -> None:
    data = copy.deepcopy(SAMPLES[name])
    for _ in range(draw.draw(st.integers(1, 2))):
        target = draw.draw(st.sampled_from([found for found in containers(data) if found]))
        keys = sorted(target) if isinstance(target, dict) else range(len(target))
        key = draw.draw(st.sampled_from([*keys, "extra"] if isinstance(target, dict) else keys))
        if draw.draw(st.booleans()):
            target[key] = draw.draw(VALUES)
        else:
            target.pop(key, None) if isinstance(target, dict) else target.pop(key)
    valid = not list(checked._errors(data, name))
    assert checked._judge(name)(data) == valid
    if valid:
        check(Document(path="x", data=data), name)
    else:
        with pytest.raises(InputError) as caught:
            check(Document(path="x", data=data), name)
        assert all(problem.message and problem.where == "x:1:1" for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("schema", "accepted", "refused"),
    [
        ({"const": 1}, [1, 1.0], [True, "1", None]),
        ({"enum": ["a", True]}, ["a", True], [1, "b"]),
        ({"type": "integer"}, [1, -1, 2.0, 10**400], [True, 1.5, "1"]),
        ({"type": ["number", "null"], "minimum": 0}, [0, None, 1.5], [-1, False, ""]),
        ({"pattern": "^a$|^b$"}, ["a", "b", 1], ["a\n", "c"]),
        ({"additionalProperties": {"type": "string"}}, [{}, {"a": "b"}, 5], [{"a": 1}]),
        ({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}, [{"a": 1}], [{}, {"a": 1, "b": 2}, 5]),
        ({"if": {"required": ["a"]}, "then": {"required": ["b"]}}, [{}, {"a": 1, "b": 1}], [{"a": 1}]),
        ({"not": {}}, [], [1, {}]),
        ({"items": True, "additionalProperties": False}, [[1], {}], [{"a": 1}]),
    ],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else "",
)
def test_a_keyword_means_what_json_schema_means(schema: Any, accepted: list[Any], refused: list[Any]) -> None:
    judge = compiled(schema)
    assert [judge(value) for value in accepted + refused] == [True] * len(accepted) + [False] * len(refused)


def test_a_keyword_that_the_judge_does_not_know_is_an_error() -> None:
    with pytest.raises(KeyError, match="unevaluatedProperties"):
        compiled({"unevaluatedProperties": False})


def test_a_file_in_order_needs_no_jsonschema(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    check(load(yaml.safe_dump(SAMPLES["policy"]).encode(), "p.yml"), "policy")
    with pytest.raises(ImportError):
        check(load(b"version: 2", "p.yml"), "policy")
