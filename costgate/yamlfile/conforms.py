"""Whether data conforms to a JSON Schema, yes or no, fast: the answer for every file that is in order.

Compiles the keywords that costgate's schemas use into functions. jsonschema, which takes ten times as long and a
twentieth of a second to import, explains what is wrong when the answer is no (checked.py); tests hold the two together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sized
from typing import Any, TypeAlias

Judge: TypeAlias = Callable[[Any], bool]
Compile: TypeAlias = Callable[[Any], Judge]
Factory: TypeAlias = Callable[[Any, Mapping[str, Any], Compile], Judge]


def compiled(schema: Mapping[str, Any]) -> Judge:
    """The judge of a whole schema. KeyError for a keyword that is not known here."""
    return _Compiler(schema).judge(schema)


def pattern_of(text: str) -> re.Pattern[str]:
    """A schema's pattern as Python means it, where `$` would also match before a last newline."""
    return re.compile(re.sub(r"\$(?=$|\|)", r"\\Z", text))


class _Compiler:
    """Compiles each `$defs` entry once; entries may not refer to themselves."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.definitions = root.get("$defs", {})
        self.done: dict[str, Judge] = {}

    def judge(self, schema: Any) -> Judge:
        if isinstance(schema, bool):
            return lambda value: schema
        parts = [FACTORIES[key](value, schema, self.judge) for key, value in schema.items() if key not in SILENT]
        if "properties" in schema or "additionalProperties" in schema:
            parts.append(_members(schema, self.judge))
        if "$ref" in schema:
            parts.append(self.reference(schema["$ref"].rpartition("/")[2]))
        if len(parts) == 1:
            return parts[0]
        return lambda value: all(part(value) for part in parts)

    def reference(self, name: str) -> Judge:
        if name not in self.done:
            self.done[name] = self.judge(self.definitions[name])
        return self.done[name]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


KINDS: dict[str, Judge] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "number": _is_number,
    "integer": lambda value: _is_number(value) and value == value // 1,
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}


def _type(kinds: Any, _: Mapping[str, Any], __: Compile) -> Judge:
    if isinstance(kinds, str):
        return KINDS[kinds]
    judges = [KINDS[kind] for kind in kinds]
    return lambda value: any(judge(value) for judge in judges)


def _same(value: Any, wanted: Any) -> bool:
    return bool(value == wanted) and isinstance(value, bool) == isinstance(wanted, bool)


def _number(compare: Callable[[Any, Any], bool]) -> Factory:
    return lambda bound, _, __: lambda value: not _is_number(value) or compare(value, bound)


def _size(kind: type[Sized], compare: Callable[[int, int], bool]) -> Factory:
    return lambda bound, _, __: lambda value: not isinstance(value, kind) or compare(len(value), bound)


def _pattern(text: str, _: Mapping[str, Any], __: Compile) -> Judge:
    search = pattern_of(text).search
    return lambda value: not isinstance(value, str) or search(value) is not None


def _required(names: list[str], _: Mapping[str, Any], __: Compile) -> Judge:
    return lambda value: not isinstance(value, dict) or all(name in value for name in names)


def _members(schema: Mapping[str, Any], judge: Compile) -> Judge:
    named = {name: judge(part) for name, part in schema.get("properties", {}).items()}
    other = judge(schema.get("additionalProperties", True))
    return lambda value: not isinstance(value, dict) or all(named.get(key, other)(value[key]) for key in value)


def _items(schema: Any, _: Mapping[str, Any], judge: Compile) -> Judge:
    item = judge(schema)
    return lambda value: not isinstance(value, list) or all(map(item, value))


def _names(schema: Any, _: Mapping[str, Any], judge: Compile) -> Judge:
    name = judge(schema)
    return lambda value: not isinstance(value, dict) or all(map(name, value))


def _branches(decide: Callable[[int, int], bool]) -> Factory:
    def factory(schemas: list[Any], _: Mapping[str, Any], judge: Compile) -> Judge:
        judges = [judge(schema) for schema in schemas]
        return lambda value: decide(sum(branch(value) for branch in judges), len(judges))

    return factory


def _not(schema: Any, _: Mapping[str, Any], judge: Compile) -> Judge:
    refused = judge(schema)
    return lambda value: not refused(value)


def _if(schema: Any, parent: Mapping[str, Any], judge: Compile) -> Judge:
    condition, then, otherwise = judge(schema), judge(parent.get("then", True)), judge(parent.get("else", True))
    return lambda value: then(value) if condition(value) else otherwise(value)


SILENT = {
    "$schema", "$id", "$defs", "$ref", "title", "description", "examples", "then", "else",
    "properties", "additionalProperties",
}  # fmt: skip
FACTORIES: dict[str, Factory] = {
    "type": _type,
    "const": lambda wanted, _, __: lambda value: _same(value, wanted),
    "enum": lambda names, _, __: lambda value: any(_same(value, name) for name in names),
    "minimum": _number(lambda value, bound: value >= bound),
    "exclusiveMinimum": _number(lambda value, bound: value > bound),
    "maximum": _number(lambda value, bound: value <= bound),
    "minLength": _size(str, lambda size, bound: size >= bound),
    "maxLength": _size(str, lambda size, bound: size <= bound),
    "minItems": _size(list, lambda size, bound: size >= bound),
    "maxItems": _size(list, lambda size, bound: size <= bound),
    "minProperties": _size(dict, lambda size, bound: size >= bound),
    "pattern": _pattern,
    "required": _required,
    "propertyNames": _names,
    "items": _items,
    "allOf": _branches(lambda passed, count: passed == count),
    "anyOf": _branches(lambda passed, _: passed > 0),
    "oneOf": _branches(lambda passed, _: passed == 1),
    "not": _not,
    "if": _if,
}
