"""GitHub's own description of its API (tests/data/github/openapi.json): checks requests and responses, fills gaps.

DEVIATIONS are the places where GitHub is known to answer otherwise than it describes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import best_match
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

FILE = Path(__file__).parents[2] / "data" / "github" / "openapi.json"
NAME = "urn:github"
BASIC_ERROR = "/components/schemas/basic-error"
# Events without fields of their own have no schema in the list for one issue, though GitHub lists them there.
PLAIN_EVENTS = {
    "allOf": [
        {"$ref": "#/components/schemas/state-change-issue-event"},
        {"properties": {"event": {"enum": [
            "base_ref_changed", "closed", "head_ref_deleted", "head_ref_force_pushed", "merged", "reopened",
        ]}}},
    ]
}  # fmt: skip
FORMATS = FormatChecker(())


class NotLikeGitHubError(AssertionError):
    """A request that GitHub would not understand, or an answer of the fake that GitHub would not give."""


@FORMATS.checks("date-time")
def _is_time(value: object) -> bool:
    return not isinstance(value, str) or bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value))


@FORMATS.checks("uri")
def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or bool(urlsplit(value).scheme)


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    method: str
    template: str
    values: Mapping[str, str]  # of the path's {names}


class Spec:
    """The description, ready to check with."""

    def __init__(self) -> None:
        self.document = _without_nullable(_deviating(json.loads(FILE.read_text(encoding="utf-8"))))
        resource = Resource.from_contents(self.document, default_specification=DRAFT202012)
        self._registry = Registry().with_resource(NAME, resource)
        self._validators: dict[str, Draft202012Validator] = {}
        self._patterns = [(_pattern(template), template) for template in self.document["paths"]]

    def operation(self, method: str, path: str) -> Operation | None:
        """What a request asks for; None for an endpoint that is not in the slice. Fixed words win over {names}."""
        fits = [(match, template) for pattern, template in self._patterns if (match := pattern.fullmatch(path))]
        if not fits:
            return None
        match, template = min(fits, key=lambda fit: len(fit[0].groups()))
        if method.lower() not in self.document["paths"][template]:
            return None
        return Operation(method, template, {name: unquote(value) for name, value in match.groupdict().items()})

    def check_request(self, operation: Operation, query: Mapping[str, str], body: object, has_body: bool) -> list[str]:
        """What is wrong with the body (422 on GitHub). Raises for parameters that GitHub does not know: a slip here."""
        known = self._parameters(operation)
        for name, value in query.items():
            if name not in known:
                raise NotLikeGitHubError(f"{operation.method} {operation.template} has no parameter {name}")
            schema = self.at(known[name])["schema"]
            typed = int(value) if schema.get("type") == "integer" else value
            # Its schema says one moment, its description a range of them.
            for part in typed.split("..") if name == "created" and isinstance(typed, str) else (typed,):
                self._check(f"{known[name]}/schema", part, f"parameter {name}")
        pointer = f"{self._pointer(operation)}/requestBody"
        wanted = self.at(self._pointer(operation)).get("requestBody")
        if wanted is None or not has_body:
            if has_body or (wanted or {}).get("required"):
                raise NotLikeGitHubError(
                    f"{operation.method} {operation.template}: a body is {'not ' * has_body}needed"
                )
            return []
        errors = self._validator(f"{pointer}/content/application~1json/schema").iter_errors(body)
        return [error.message[-200:] for error in errors]

    def check_response(self, operation: Operation, status: int, body: object) -> None:
        """Raise where GitHub would not answer like this."""
        what = f"{status} for {operation.method} {operation.template}"
        pointer = self._response(operation, status)
        if pointer is None and status < 300:
            raise NotLikeGitHubError(f"{what} is not described")
        content = self.at(pointer).get("content", {}) if pointer else {}
        if "application/json" in content:
            self._check(f"{pointer}/content/application~1json/schema", body, what)
        elif status >= 300:
            self._check(BASIC_ERROR, body, what)
        elif body is not None:
            raise NotLikeGitHubError(f"{what} has no body")

    def fill(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """`given` as a complete object of a schema: what it requires beyond `given` is filled with empty values.

        Raises for a field that the schema does not have.
        """
        return dict(self._filled(self.at(f"/components/schemas/{name}"), given, name))

    def at(self, pointer: str) -> Any:
        """What a JSON pointer refers to."""
        value: Any = self.document
        for key in pointer.strip("/").split("/"):
            value = value[int(key)] if isinstance(value, list) else value[key.replace("~1", "/")]
        return value

    def _filled(self, schema: Any, given: Any, where: str) -> Any:
        schema = self._plain(schema)
        if not isinstance(given, Mapping) or "properties" not in schema:
            return given
        fields = schema["properties"]
        if unknown := set(given) - set(fields):
            raise NotLikeGitHubError(f"{where} has no {', '.join(sorted(unknown))}")
        # An empty object stays one: GitHub answers {} for an author whom it does not know.
        filled = {key: value and self._filled(fields[key], value, f"{where}.{key}") for key, value in given.items()}
        return filled | {key: self._empty(fields[key]) for key in schema.get("required", ()) if key not in given}

    def _empty(self, schema: Any) -> Any:
        """The least value that a schema allows."""
        while "$ref" in schema:
            schema = self.at(schema["$ref"].removeprefix("#"))
        if any(each.get("type") == "null" for each in schema.get("anyOf", ())):
            return None
        schema = self._plain(schema)
        if "enum" in schema:
            return schema["enum"][0]
        if "properties" in schema:
            return {key: self._empty(schema["properties"][key]) for key in schema.get("required", ())}
        formats = {"uri": "https://github.invalid/", "date-time": "2001-01-01T00:00:00Z"}
        values = {"integer": 0, "number": 0, "boolean": False, "array": [], "object": {}}
        return values.get(schema.get("type", ""), formats.get(schema.get("format", ""), ""))

    def _plain(self, schema: Any) -> Any:
        """A schema without reference, null and alternatives (the first of them)."""
        while True:
            if "$ref" in schema:
                schema = self.at(schema["$ref"].removeprefix("#"))
            elif "anyOf" in schema or "oneOf" in schema:
                schema = (schema.get("anyOf") or schema.get("oneOf"))[0]
            else:
                return schema

    def _parameters(self, operation: Operation) -> dict[str, str]:
        """Pointers of the query parameters, by name."""
        found = {}
        for index, each in enumerate(self.at(self._pointer(operation)).get("parameters", ())):
            pointer = (
                each["$ref"].removeprefix("#") if "$ref" in each else f"{self._pointer(operation)}/parameters/{index}"
            )
            if self.at(pointer)["in"] == "query":
                found[self.at(pointer)["name"]] = pointer
        return found

    def _response(self, operation: Operation, status: int) -> str | None:
        pointer = f"{self._pointer(operation)}/responses"
        response = self.at(pointer).get(str(status))
        if response is None:
            return None
        return str(response["$ref"]).removeprefix("#") if "$ref" in response else f"{pointer}/{status}"

    def _pointer(self, operation: Operation) -> str:
        return f"/paths/{operation.template.replace('/', '~1')}/{operation.method.lower()}"

    def _check(self, pointer: str, value: object, what: str) -> None:
        error = best_match(self._validator(pointer).iter_errors(value))
        if error is not None:
            raise NotLikeGitHubError(f"{what}: {error.json_path}: {error.message[:500]}")

    def _validator(self, pointer: str) -> Draft202012Validator:
        if pointer not in self._validators:
            schema = {"$ref": f"{NAME}#{pointer.replace('{', '%7B').replace('}', '%7D')}"}
            self._validators[pointer] = Draft202012Validator(schema, registry=self._registry, format_checker=FORMATS)
        return self._validators[pointer]


@lru_cache(maxsize=1)
def spec() -> Spec:
    """The one description of the process."""
    return Spec()


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(template)))


def _deviating(document: dict[str, Any]) -> dict[str, Any]:
    """Where GitHub is known to answer otherwise than it describes."""
    schemas = document["components"]["schemas"]
    for name in ("pull-request", "pull-request-simple"):  # a fork may have been deleted
        head = schemas[name]["properties"]["head"]["properties"]
        head["repo"] = {**head["repo"], "nullable": True}
    fields = schemas["workflow-run"]["properties"]
    fields["head_repository"] = {**fields["head_repository"], "nullable": True}
    schemas["issue-event-for-issue"]["anyOf"].append(PLAIN_EVENTS)
    return document


def _without_nullable(value: Any) -> Any:
    """OpenAPI 3.0's `nullable` in words of JSON Schema."""
    if isinstance(value, dict):
        kept = {key: _without_nullable(each) for key, each in value.items() if key != "nullable"}
        return {"anyOf": [kept, {"type": "null"}]} if value.get("nullable") is True else kept
    return [_without_nullable(each) for each in value] if isinstance(value, list) else value
