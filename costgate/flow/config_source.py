"""The text of a Config and the parser that reads it, with the place of every value in it."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from costgate.errors import InputError
from costgate.flow.frame import module_frame
from costgate.flow.values import External, Function, RefusedError, located
from costgate.model import Known, Location
from costgate.yamlfile import Document, load_json, load_toml, load_yaml

if TYPE_CHECKING:
    from costgate.flow.evaluate import Evaluator

Loader: TypeAlias = Callable[[bytes, str], Document]
Where: TypeAlias = Callable[..., Location]
PARSERS: Mapping[str, Loader] = {
    "json.loads": load_json,
    "metaflow.plugins.parsers.yaml_parser": load_yaml,
    "metaflow.yaml_parser": load_yaml,
    "tomli.loads": load_toml,
    "tomllib.loads": load_toml,
    "yaml.safe_load": load_yaml,
}
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def loader(ev: Evaluator, parser: Known) -> Loader | None:
    """The reader for the parser of a Config; None for the default. RefusedError for a parser that is not evaluated."""
    value = parser.value
    if value is None or value == "":
        return None
    name = ("metaflow" + value if value.startswith(".") else value) if isinstance(value, str) else _name(ev, value)
    if name not in PARSERS:
        raise RefusedError(f"its parser {name or 'function'} is not one of {', '.join(sorted(PARSERS))}")
    return PARSERS[name]


def _name(ev: Evaluator, value: Any) -> str:
    """The known parser that a function is, or that it does nothing but call: `lambda text: yaml.safe_load(text)`."""
    if isinstance(value, External):
        return value.name
    if not isinstance(value, Function):
        return ""
    call, arguments = ev.returned(value), value.node.args.args
    if not isinstance(call, ast.Call) or call.keywords or len(call.args) != 1 or len(arguments) != 1:
        return ""
    passed = call.args[0]
    inner = ev.evaluate(call.func, module_frame(value.module))
    is_passed_on = isinstance(passed, ast.Name) and passed.id == arguments[0].arg
    return inner.value.name if is_passed_on and isinstance(inner, Known) and isinstance(inner.value, External) else ""


def parsed(data: bytes, path: str, read: Loader | None, is_plain: bool, where: Where | None = None) -> Known:
    """The value of a Config from its text. RefusedError, or InputError for a broken text.

    `where` replaces the places in the text for texts that stand in no file.
    """
    if read is None and is_plain:
        return Known(value=_text(data), chain=((where or _start(path))(),))
    if data.startswith(BYTE_ORDER_MARK) and read is not load_yaml:
        raise RefusedError("Metaflow fails: the text starts with a byte order mark")
    document = (read or load_json)(data, path)
    is_null = read is None and document.data is None
    if not is_plain and not is_null and not isinstance(document.data, dict):
        raise RefusedError("Metaflow fails: the config is no mapping at its top level")
    return located(document.data, where or document.where, tree=not is_plain)


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise RefusedError("Metaflow fails: the file is not UTF-8 text") from None


def _start(path: str) -> Where:
    return lambda *keys: Location(path=path)


def constant(location: Location) -> Where:
    """The same place for every value."""
    return lambda *keys: location


def written(value: Known, place: Location) -> Where:
    """The places in a dict that stands in code; `place` is that of the Config."""

    def where(*keys: Any) -> Location:
        found = value
        for key in keys:
            part = found.value.get(key) if isinstance(found.value, dict) else None
            if isinstance(found.value, (list, tuple)) and isinstance(key, int):
                part = found.value[key]
            if not isinstance(part, Known):
                break
            found = part
        return (*found.chain, place)[0]

    return where


def as_json(data: Any) -> bytes:
    """A value as Metaflow hands it to a parser. RefusedError for what JSON cannot say."""
    try:
        return json.dumps(data).encode()
    except (TypeError, ValueError, RecursionError):
        raise RefusedError("Metaflow fails: the value cannot be written as JSON") from None


def as_text(value: Any) -> bytes:
    """A value as `--config-value` takes it: text as it is, everything else as JSON."""
    return value.encode(errors="surrogatepass") if isinstance(value, str) else as_json(value)


def broken(error: InputError, path: str) -> tuple[str, Location]:
    """Why a config text could not be read, and where."""
    problem = error.problems[0]
    place, _, column = problem.where.rpartition(":")
    name, _, line = place.rpartition(":")
    if not (name and line.isdecimal() and column.isdecimal()):
        return problem.message, Location(path=path)
    return problem.message, Location(path=name, line=int(line), column=int(column))
