"""The schemas that ship: valid, described to the last field, closed at every level, true to the formats' examples."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from costgate import shipped
from costgate.errors import InputError
from costgate.units import parse_duration
from costgate.yamlfile import Document, check, checked, load

DATA = Path(__file__).parent / "data"
FULL = {
    "config": "costgate.full.yml",
    "rate_card": "ratecard.full.yml",
    "policy": "policy.full.yml",
    "usage": "usage.full.json",
}
SCHEMAS = {name: json.loads(shipped.schema(name).read_text(encoding="utf-8")) for name in FULL}
each_schema = pytest.mark.parametrize("name", FULL)


def nodes(schema: Any, above: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema below a schema, with its path."""
    if isinstance(schema, dict):
        yield above, schema
        for keyword in ("properties", "$defs"):
            for name, part in schema.get(keyword, {}).items():
                yield from nodes(part, f"{above}/{name}")
        for keyword in ("items", "additionalProperties", "propertyNames", "if", "then", "else"):
            yield from nodes(schema.get(keyword), f"{above}/{keyword}")
        for keyword in ("anyOf", "oneOf", "allOf"):
            for number, part in enumerate(schema.get(keyword, ())):
                yield from nodes(part, f"{above}/{keyword}{number}")


def fields(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema of a value that a file may hold; conditions (`if`, `allOf` …) are none."""
    conditions = re.compile(r"/(if|then|else|allOf\d+|oneOf\d+|propertyNames)(/|$)|/rule/anyOf\d+$")
    return ((path, part) for path, part in nodes(schema) if not conditions.search(path))


def sample(name: str) -> Any:
    return load((DATA / FULL[name]).read_bytes(), FULL[name]).data


def mappings(value: Any, schema: Any, root: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of the mappings in a value whose keys its schema fixes."""
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    for branch in schema.get("anyOf", ()):
        yield from mappings(value, branch, root, path)
    if isinstance(value, dict) and schema.get("type") is not None and "object" in schema["type"]:
        if schema["additionalProperties"] is False:
            yield path
        for key, item in value.items():
            part = schema.get("properties", {}).get(key, schema["additionalProperties"])
            yield from mappings(item, part or {}, root, (*path, key))
    if isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            yield from mappings(item, schema["items"], root, (*path, number))


CLOSED = [(name, path) for name in FULL for path in mappings(sample(name), SCHEMAS[name], SCHEMAS[name])]


@each_schema
def test_a_schema_is_valid_json_schema(name: str) -> None:
    schema = SCHEMAS[name]
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert schema["$id"] == f"urn:costgate:schema:{name}:v1"


@each_schema
def test_a_schema_file_is_written_as_json_is_reviewed(name: str) -> None:
    text = shipped.schema(name).read_text(encoding="utf-8")
    assert text == json.dumps(SCHEMAS[name], indent=2, ensure_ascii=False) + "\n"


@each_schema
def test_every_field_is_described(name: str) -> None:
    bare = [path for path, part in fields(SCHEMAS[name]) if not re.search(r"\w.*\.$", part.get("description", ""))]
    assert bare == []


@each_schema
def test_every_mapping_says_what_may_be_in_it(name: str) -> None:
    open_ = [
        path
        for path, part in fields(SCHEMAS[name])
        if "object" in part.get("type", ()) and "additionalProperties" not in part
    ]
    assert open_ == []


@each_schema
def test_every_field_has_a_kind(name: str) -> None:
    kinds = {"type", "$ref", "enum", "const", "anyOf"}
    free = [path for path, part in fields(SCHEMAS[name]) if not kinds & part.keys()]
    any_json, by_rule = "/deployments/items/config_values/additionalProperties", "/rule/limit"
    assert free == {"config": [any_json], "policy": [by_rule]}.get(name, [])


@each_schema
def test_every_number_and_every_text_is_bounded(name: str) -> None:
    loose = [
        path
        for path, part in fields(SCHEMAS[name])
        for kinds in [part.get("type", ())]
        if ("number" in kinds and "maximum" not in part and path != "/metaflow_env/additionalProperties")
        or ("string" in kinds and not {"maxLength", "pattern", "enum"} & part.keys() and "METAFLOW" not in path)
    ]
    assert loose == (["/metaflow_env/additionalProperties"] if name == "config" else [])


@each_schema
def test_every_pattern_has_words(name: str) -> None:
    assert [path for path, part in nodes(SCHEMAS[name]) if "pattern" in part and "title" not in part] == []


@each_schema
def test_every_keyword_can_be_explained(name: str) -> None:
    silent = {
        "$schema", "$id", "$defs", "$ref", "title", "description", "examples", "properties", "items", "propertyNames",
        "allOf", "if", "then", "else",
    }  # fmt: skip
    used = {keyword for _, part in nodes(SCHEMAS[name]) for keyword in part}
    assert used - silent <= set(checked.EXPLAINED)


@each_schema
def test_its_examples_are_valid(name: str) -> None:
    assert SCHEMAS[name]["examples"]
    for example in SCHEMAS[name]["examples"]:
        check(Document(path="example", data=example), name)


@each_schema
def test_the_full_sample_is_valid_and_uses_every_field(name: str) -> None:
    data = sample(name)
    check(Document(path=FULL[name], data=data), name)
    used = set(re.findall(r'"(\w+)":', json.dumps(data)))
    named = {key for _, part in fields(SCHEMAS[name]) for key in part.get("properties", {})}
    optional = {"disk", "shared_memory", "trainium", "inferentia", "queue", "node_selector", "compute_pool",
                "instance_type", "cpu", "memory"} if name == "config" else set()  # fmt: skip
    assert named - used - optional == set()


@pytest.mark.parametrize(("name", "path"), CLOSED, ids=lambda value: str(value).replace("[", "").replace("]", ""))
def test_an_unknown_key_is_refused_at_every_level(name: str, path: tuple[Any, ...]) -> None:
    data = deepcopy(sample(name))
    inner = data
    for key in path:
        inner = inner[key]
    inner["a_key_that_nobody_knows"] = 1
    with pytest.raises(InputError, match="unknown key 'a_key_that_nobody_knows'"):
        check(Document(path="x", data=data), name)


@pytest.mark.parametrize("name", sorted(shipped.rate_cards()))
def test_a_shipped_rate_card_is_valid(name: str) -> None:
    file = shipped.rate_cards()[name]
    document = load(file.read_bytes(), file.name)
    check(document, "rate_card")
    assert document.data["name"] == name


@pytest.mark.parametrize("name", sorted(shipped.policy_packs()))
def test_a_shipped_policy_is_valid(name: str) -> None:
    file = shipped.policy_packs()[name]
    document = load(file.read_bytes(), file.name)
    check(document, "policy")
    assert document.data["version"] == 1


DURATIONS = ["90s", "30m", "1h30m", "2d", "1d2h3m4s", "0h5m"]
NO_DURATIONS = ["0s", "0h0m", "", "h", "30", "m30", "1m1h", "1.5h", "-5m", "٣m", "5m\n"]


@pytest.mark.parametrize("text", DURATIONS + NO_DURATIONS)
def test_a_duration_of_the_schema_is_a_duration_of_the_code(text: str) -> None:
    def parses() -> bool:
        try:
            return parse_duration(text) > 0
        except ValueError:
            return False

    data = {"version": 1, "assumptions": {"duration": {"gpu": text}}}
    assert checked._judge("config")(data) == parses()
