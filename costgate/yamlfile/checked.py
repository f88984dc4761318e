"""A document against its JSON Schema, every problem in our own words with its place and the way out."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

from costgate import shipped
from costgate.errors import InputError, Problem
from costgate.model import Location
from costgate.yamlfile.conforms import Judge, compiled, pattern_of
from costgate.yamlfile.document import Document, refusal, shown

MAX_PROBLEMS = 50
FEW = 6  # names that fit into a message
KINDS = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "nothing",
}
NUMBER = re.compile(r"[-+]?[0-9.]+(e[-+]?[0-9]+)?", re.IGNORECASE)
Error: TypeAlias = Any  # jsonschema's ValidationError, imported only where something is wrong


class Found(NamedTuple):
    """A problem before it is sorted."""

    where: Location
    message: str
    help: str = ""


def check(document: Document, schema: str) -> None:
    """Raise InputError with the first 50 problems of a document, by position, if it breaks the schema of this name."""
    data = document.data
    if data is None:
        raise refusal(document.where(), "the file is empty", "write at least 'version: 1'")
    if not _judge(schema)(data):
        errors = islice(_errors(data, schema), 20 * MAX_PROBLEMS)
        raise InputError(problems=_problems(found for error in errors for found in _helped(document, error)))


def _problems(found: Iterable[Found]) -> list[Problem]:
    ordered = sorted(set(found), key=lambda item: (item.where.line, item.where.column, item.message))
    return [Problem(message=i.message, where=str(i.where), help=i.help) for i in ordered[:MAX_PROBLEMS]]


def _helped(document: Document, error: Error) -> Iterator[Found]:
    """Where the way out is not obvious from the mistake, the help says what belongs there."""
    purpose = error.schema.get("description") if isinstance(error.schema, dict) else None
    for found in _explain(document, error):
        yield found if found.help else found._replace(help=f"here belongs: {purpose}" if purpose else "correct it")


@lru_cache
def _schema(name: str) -> dict[str, Any]:
    return dict(json.loads(shipped.schema(name).read_text(encoding="utf-8")))


@lru_cache
def _judge(name: str) -> Judge:
    return compiled(_schema(name))


def _errors(data: Any, schema: str) -> Iterator[Error]:
    from jsonschema import Draft202012Validator, ValidationError
    from jsonschema.validators import extend

    def pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[Error]:
        if isinstance(instance, str) and not pattern_of(pattern).search(instance):
            yield ValidationError(f"{instance!r} does not match {pattern!r}")

    validator: Any = extend(Draft202012Validator, {"pattern": pattern})  # type: ignore[no-untyped-call]
    yield from validator(_schema(schema)).iter_errors(data)


def _explain(document: Document, error: Error) -> Iterator[Found]:
    return EXPLAINED[str(error.validator)](document, error)


def _type(document: Document, error: Error) -> Iterator[Found]:
    return _wrong_kind(document, error, [error.schema])


def _wrong_kind(document: Document, error: Error, schemas: Sequence[Any]) -> Iterator[Found]:
    where, value = _where(document, error), error.instance
    kinds = {kind for schema in schemas for kind in _kinds(schema)}
    wanted = " or ".join(dict.fromkeys(_wanted(schema) for schema in schemas))
    way_out = ""
    if isinstance(value, (bool, int, float)) and any(_is_free_text(schema) for schema in schemas):
        way_out = f"quote it: {json.dumps(document.written(where))}"
    elif isinstance(value, str) and {"number", "integer"} & kinds and NUMBER.fullmatch(value):
        way_out = "write the number without quotes and without an exponent"
    elif kinds == {"array"}:
        way_out = "write a list: [...]"
    yield Found(where, f"{_subject(error)}must be {wanted}, not {shown(value)}", way_out)


def _is_free_text(schema: Any) -> bool:
    return "string" in _kinds(schema) and not {"pattern", "enum"} & schema.keys()


def _any_of(document: Document, error: Error) -> Iterator[Found]:
    """Explain the alternative that the author meant: the one whose kind fits."""
    branches: dict[Any, list[Error]] = defaultdict(list)
    for cause in error.context or ():
        branches[cause.relative_schema_path[0]].append(cause)
    meant = [causes for causes in branches.values() if not any(map(_is_kind, causes))]
    if all("required" in branch for branch in error.validator_value):
        if not isinstance(error.instance, dict):
            return  # its type is the problem, and said
        names = ", ".join(repr(name) for branch in error.validator_value for name in branch["required"])
        yield Found(_where(document, error), f"{'needs' if branches else 'may have only'} one of {names}")
    elif meant:
        for cause in min(meant, key=len):
            yield from _explain(document, cause)
    else:
        kinds = [cause.schema for causes in branches.values() for cause in causes if _is_kind(cause)]
        yield from _wrong_kind(document, error, kinds)


def _is_kind(cause: Error) -> bool:
    return cause.validator == "type" and not cause.relative_path


def _unknown(document: Document, error: Error) -> Iterator[Found]:
    known = list(error.schema["properties"])
    for key in error.instance.keys() - known:
        where = document.key_where(*error.absolute_path, key)
        yield Found(where, f"unknown key {shown(key)}", _nearest(str(key), known) or f"known here: {', '.join(known)}")


def _required(document: Document, error: Error) -> Iterator[Found]:
    inside = f" in {_name(error)!r}" if _name(error) else ""
    for name in error.validator_value:
        if name not in error.instance:
            purpose = error.schema.get("properties", {}).get(name, {}).get("description", "")
            yield Found(_where(document, error), f"{name!r} is required{inside}", f"add {name}: {purpose}".rstrip(": "))


def _enum(document: Document, error: Error) -> Iterator[Found]:
    names, value = [str(name) for name in error.validator_value], shown(error.instance)
    listed, help_line = ", ".join(names), _nearest(str(error.instance), names)
    if len(names) <= FEW:
        yield Found(_where(document, error), f"{_subject(error)}must be one of {listed}, not {value}", help_line)
    else:
        yield Found(
            _where(document, error), f"unknown {_name(error) or 'value'} {value}", help_line or f"one of {listed}"
        )


def _pattern(document: Document, error: Error) -> Iterator[Found]:
    wanted, value = error.schema["title"], shown(error.instance)
    if "propertyNames" in error.absolute_schema_path:
        where = document.key_where(*error.absolute_path, error.instance)
        yield Found(where, f"the key {value} must be {wanted}")
    else:
        yield Found(_where(document, error), f"{_subject(error)}must be {wanted}, not {value}")


def _not(document: Document, error: Error) -> Iterator[Found]:
    names = error.validator_value.get("required", ())
    if not names:
        where, name = document.key_where(*error.absolute_path), error.absolute_path[-1]
        yield Found(where, f"{name!r} has no meaning here", "delete it")
    elif isinstance(error.instance, dict):
        yield Found(_where(document, error), f"{' and '.join(map(repr, names))} exclude each other", "keep one of them")


def _bound(words: str) -> Explain:
    def explain(document: Document, error: Error) -> Iterator[Found]:
        title = error.schema.get("title")
        wanted = f"be {title}" if title else words.format(shown(error.validator_value))
        yield Found(_where(document, error), f"{_subject(error)}must {wanted}, not {shown(error.instance)}")

    return explain


def _empty(document: Document, error: Error) -> Iterator[Found]:
    yield Found(_where(document, error), f"{_subject(error)}must not be empty")


def _where(document: Document, error: Error) -> Location:
    return document.where(*error.absolute_path)


def _name(error: Error) -> str:
    """The nearest key above a value, or nothing, so that a message can be read without the file."""
    return next((part for part in reversed(error.absolute_path) if isinstance(part, str)), "")


def _subject(error: Error) -> str:
    name = _name(error)
    return f"{name!r} " if name else ""


def _kinds(schema: Any) -> list[str]:
    kinds = schema["type"]
    return [kinds] if isinstance(kinds, str) else list(kinds)


def _wanted(schema: Any) -> str:
    """What a schema asks for, in words: its title, unless that names the whole file."""
    title = None if "$schema" in schema else schema.get("title")
    return str(title or " or ".join(KINDS[kind] for kind in _kinds(schema)))


def _nearest(name: str, names: Sequence[str]) -> str:
    close = [other for other in names if name and other.startswith(name)] or get_close_matches(name[:100], names, n=1)
    return f"did you mean {close[0]!r}?" if close else ""


Explain: TypeAlias = Callable[[Document, Error], Iterator[Found]]
EXPLAINED: dict[str, Explain] = {
    "additionalProperties": _unknown,
    "anyOf": _any_of,
    "const": _bound("be {}"),
    "enum": _enum,
    "exclusiveMinimum": _bound("be greater than {}"),
    "maxItems": _bound("have at most {} entries"),
    "maxLength": _bound("have at most {} characters"),
    "maximum": _bound("be at most {}"),
    "minItems": _empty,
    "minLength": _empty,
    "minProperties": _empty,
    "minimum": _bound("be at least {}"),
    "not": _not,
    "oneOf": _any_of,
    "pattern": _pattern,
    "required": _required,
    "type": _type,
}
