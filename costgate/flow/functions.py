"""The functions and methods that an expression may call, by full name."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from costgate.flow import elements, metaflow_names, worldly
from costgate.flow.frame import Frame
from costgate.flow.operations import format_method, python
from costgate.flow.values import (
    MAX_ITEMS,
    MAX_KEYS,
    MAX_TEXT,
    Arguments,
    CheckoutPath,
    Delayed,
    Instance,
    MetaflowObject,
    Method,
    Partial,
    PurePath,
    RefusedError,
    Tree,
    checked,
    is_plain_leaf,
    known,
    made,
    plain,
    results,
)
from costgate.model import Known, Location, Value

if TYPE_CHECKING:
    from costgate.flow.evaluate import Evaluator

MAX_DIGITS = 100
# On plain data; every one of them is bounded by the size of its arguments.
PURE: dict[str, Callable[..., Any]] = {
    "builtins.abs": abs,
    "builtins.all": all,
    "builtins.any": any,
    "builtins.divmod": divmod,
    "builtins.float": float,
    "builtins.int": int,
    "builtins.max": max,
    "builtins.min": min,
    "builtins.range": range,
    "builtins.set": set,
    "builtins.sorted": sorted,
    "builtins.sum": sum,
    "math.ceil": math.ceil,
    "math.floor": math.floor,
    "math.log10": math.log10,
    "math.log2": math.log2,
    "math.pow": math.pow,
    "math.sqrt": math.sqrt,
    "math.trunc": math.trunc,
}
ALLOWED_KEYWORDS = {"builtins.max": {"default"}, "builtins.min": {"default"}, "builtins.sorted": {"reverse"}}
PATH_TYPES = frozenset({"pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath", "pathlib.PurePosixPath"})
Special: TypeAlias = "Callable[[Evaluator, Arguments], Known]"


def external(ev: Evaluator, name: str, given: Arguments, node: ast.Call, frame: Frame) -> Known:
    """The result of a function that is not in the repository. RefusedError for all but a few."""
    if name.startswith("metaflow."):
        return metaflow_names.call(ev, name, given, node, frame)
    if given.unpacked or given.rest:
        raise RefusedError("has arguments that are not known")
    if name in SPECIAL:
        return SPECIAL[name](ev, given)
    if name not in PURE:
        raise RefusedError(f"calls {name.removeprefix('builtins.')}, which is not evaluated; a constant or a config is")
    if given.kwargs.keys() - ALLOWED_KEYWORDS.get(name, set()):
        raise RefusedError(f"calls {name.removeprefix('builtins.')} with options that are not evaluated")
    parts = [known(value) for value in (*given.args, *given.kwargs.values())]
    args = [ev.plain(part.value) for part in parts[: len(given.args)]]
    kwargs = {key: ev.plain(known(value).value) for key, value in given.kwargs.items()}
    with python():
        most = MAX_KEYS if name == "builtins.set" else MAX_ITEMS
        if any(hasattr(arg, "__len__") and len(arg) > most for arg in args):
            raise RefusedError(f"has more than {most:,} elements")
        ev.steps += sum(len(arg) for arg in args if isinstance(arg, range))
        return made(results(checked(PURE[name](*args, **kwargs))), *parts)


def _one(given: Arguments) -> Known:
    if len(given.args) != 1 or given.kwargs:
        raise RefusedError("is called with arguments that are not evaluated")
    return known(given.args[0])


def _bool(ev: Evaluator, given: Arguments) -> Known:
    part = _one(given)
    if isinstance(part.value, (Delayed, MetaflowObject, Tree)):
        raise RefusedError("asks whether a config is true")
    value = part.value if isinstance(part.value, (list, tuple, dict)) else ev.plain(part.value)
    return made(bool(value), part)


def _str(ev: Evaluator, given: Arguments) -> Known:
    part = _one(given)
    if isinstance(part.value, PurePath):
        return made(part.value.text, part)
    if isinstance(part.value, CheckoutPath):
        return part
    value = ev.plain(part.value)
    if not isinstance(value, (str, int, float, type(None))):
        raise RefusedError(f"makes text of a {type(value).__name__}")
    return made(str(value), part)


def _round(ev: Evaluator, given: Arguments) -> Known:
    parts = [known(value) for value in (*given.args, *given.kwargs.values())]
    values = [ev.plain(part.value) for part in parts]
    if len(values) > 1 and not (isinstance(values[1], (int, type(None))) and abs(values[1] or 0) <= MAX_DIGITS):
        raise RefusedError("rounds to too many digits")
    with python():
        return made(checked(round(*values)), *parts)


def _len(ev: Evaluator, given: Arguments) -> Known:
    part = _one(given)
    value = part.value.data if isinstance(part.value, Tree) else part.value
    sized = value if isinstance(value, (list, tuple, dict)) else ev.plain(value)
    with python():
        return made(len(sized), part)


def _list(ev: Evaluator, given: Arguments) -> Known:
    return made(elements.iterate(_one(given)), _one(given)) if given.args else Known(value=[])


def _tuple(ev: Evaluator, given: Arguments) -> Known:
    return made(tuple(elements.iterate(_one(given))), _one(given)) if given.args else Known(value=())


def _dict(ev: Evaluator, given: Arguments) -> Known:
    if len(given.args) > 1:
        raise RefusedError("is called with arguments that are not evaluated")
    parts = [known(value) for value in given.args]
    entries: dict[Any, Value] = {}
    for part in parts:
        if isinstance(part.value, (dict, Tree)):
            entries |= elements.mapping(part)
        else:
            entries |= _pairs(part)
    return Known(value=checked({**entries, **given.kwargs}), chain=parts[0].chain if parts else ())


def _pairs(source: Known) -> dict[Any, Value]:
    pairs = [elements.iterate(known(pair)) for pair in elements.iterate(source)]
    if any(len(pair) != 2 for pair in pairs):
        raise RefusedError("is no mapping")
    with python():
        return {plain(known(key).value): value for key, value in pairs}


def _partial(ev: Evaluator, given: Arguments) -> Known:
    if not given.args:
        raise RefusedError("is a partial of nothing")
    rest = Arguments(args=given.args[1:], kwargs=given.kwargs)
    return Known(value=Partial(function=known(given.args[0]), arguments=rest))


def _getenv(ev: Evaluator, given: Arguments) -> Known:
    if not given.args or len(given.args) > 2 or given.kwargs.keys() - {"default"}:
        raise RefusedError("is called with arguments that are not evaluated")
    default = given.args[1] if len(given.args) == 2 else given.kwargs.get("default")
    return worldly.environment(ev, ev.plain(known(given.args[0]).value), default)


def _asdict(ev: Evaluator, given: Arguments) -> Known:
    part = _one(given)
    if not isinstance(part.value, Instance) or any(
        isinstance(v, Known) and not is_plain_leaf(v.value) for v in part.value.fields.values()
    ):
        raise RefusedError("makes a dict of more than a dataclass with plain fields")
    return made(dict(part.value.fields), part)


def _json_text(ev: Evaluator, given: Arguments) -> Known:
    part = _one(given)
    with python():
        return made(checked(json.dumps(ev.plain(part.value))), part)


def _json_data(ev: Evaluator, given: Arguments) -> Known:
    part = _one(given)
    text = ev.plain(part.value)
    if not isinstance(text, str):
        raise RefusedError("reads JSON out of something that is no text")
    with python():
        return made(results(json.loads(text)), part)


def _paths(function: Callable[[Evaluator, list[str]], str]) -> Special:
    def wrapped(ev: Evaluator, given: Arguments) -> Known:
        parts = [known(value) for value in given.args]
        if not parts or given.kwargs:
            raise RefusedError("is called with arguments that are not evaluated")
        text = function(ev, [worldly.path_text(part.value) for part in parts])
        return made(checked(text), *parts)

    return wrapped


def _absolute(ev: Evaluator, paths: list[str]) -> str:
    return worldly.absolute(paths[0], ev.cwd)


def _pathlib(ev: Evaluator, given: Arguments) -> Known:
    parts = [known(value) for value in given.args]
    text = worldly.join(*(worldly.path_text(part.value) for part in parts)) if parts else "."
    return Known(value=PurePath(text=text), chain=parts[0].chain if parts else ())


def _only(function: Callable[[str], str]) -> Special:
    def one(ev: Evaluator, paths: list[str]) -> str:
        if len(paths) != 1:
            raise RefusedError("takes one path")
        return function(paths[0])

    return _paths(one)


SPECIAL: dict[str, Special] = {
    "builtins.bool": _bool,
    "builtins.dict": _dict,
    "builtins.len": _len,
    "builtins.list": _list,
    "builtins.round": _round,
    "builtins.str": _str,
    "builtins.tuple": _tuple,
    "dataclasses.asdict": _asdict,
    "functools.partial": _partial,
    "json.dumps": _json_text,
    "json.loads": _json_data,
    "os.environ.get": _getenv,
    "os.getenv": _getenv,
    "os.path.abspath": _paths(_absolute),
    "os.path.basename": _only(worldly.base),
    "os.path.dirname": _only(worldly.parent),
    "os.path.join": _paths(lambda ev, paths: worldly.join(*paths)),
    "os.path.realpath": _paths(_absolute),
    **dict.fromkeys(PATH_TYPES, _pathlib),
}


def method(ev: Evaluator, called: Method, given: Arguments, place: Location, shown: str) -> Known:
    """The result of a method of plain data or of a config value."""
    owner, name = called.owner, called.name
    if given.unpacked or given.rest:
        raise RefusedError("has arguments that are not known")
    if isinstance(owner, (MetaflowObject, Delayed)):
        if name != "get" or not given.args:
            raise RefusedError(f"Metaflow fails: {name} of a config gives no value outside of config_expr")
        # Mapping.get of a config expression never sees a missing key: the default is dead.
        return elements.item(ev, Known(value=owner), known(given.args[0]), place, shown)
    if isinstance(owner, PurePath):
        return _path_method(ev, owner, name, given)
    if isinstance(owner, (dict, Tree)):
        return _mapping_method(ev, owner, name, given)
    if isinstance(owner, (list, tuple)):
        return _sequence_method(ev, owner, name, given)
    return _text_method(ev, owner, name, given)


def _path_method(ev: Evaluator, owner: PurePath, name: str, given: Arguments) -> Known:
    if name in ("resolve", "absolute"):
        return Known(value=PurePath(text=worldly.absolute(owner.text, ev.cwd)))
    if name == "joinpath":
        return Known(
            value=PurePath(text=worldly.join(owner.text, *(worldly.path_text(known(a).value) for a in given.args)))
        )
    return Known(value=owner.text)


def _mapping_method(ev: Evaluator, owner: dict[Any, Value] | Tree, name: str, given: Arguments) -> Known:
    entries = (
        elements.mapping(Known(value=owner)) if name in ("get", "items", "keys", "values", "copy", "to_dict") else None
    )
    if entries is None or given.kwargs:
        raise RefusedError(f"calls {name} of a config, which Metaflow refuses or which gives no value")
    if name == "get":
        if len(given.args) not in (1, 2):
            raise RefusedError("is called with arguments that are not evaluated")
        key = ev.plain(known(given.args[0]).value)
        with python():
            return known(entries.get(key, given.args[1] if len(given.args) == 2 else Known(value=None)))
    if name == "copy" or name == "to_dict":
        return Known(value=owner if name == "copy" else results(ev.plain(owner)))
    if name == "values":
        return Known(value=tuple(entries.values()))
    keys = [Known(value=results(key)) for key in entries]
    return Known(value=tuple(keys if name == "keys" else (Known(value=pair) for pair in zip(keys, entries.values()))))


def _sequence_method(ev: Evaluator, owner: list[Value] | tuple[Value, ...], name: str, given: Arguments) -> Known:
    if name == "copy":
        return Known(value=list(owner))
    parts = [known(value) for value in given.args]
    items, args = ev.plain(owner), [ev.plain(part.value) for part in parts]
    with python():
        return made(getattr(items, name)(*args, **given.kwargs), *parts)


def _text_method(ev: Evaluator, owner: str, name: str, given: Arguments) -> Known:
    text = ev.plain(owner)
    parts = [known(value) for value in given.args]
    args = [ev.plain(part.value) for part in parts]
    kwargs = {key: ev.plain(known(value).value) for key, value in given.kwargs.items()}
    others = [*parts, *(known(value) for value in given.kwargs.values())]
    if name == "format":
        return made(format_method(text, args, kwargs), *others)
    if any(isinstance(a, set) and len(a) > 1 for a in args):
        raise RefusedError("depends on the order of a set")
    longest = max((len(a) for a in args if isinstance(a, str)), default=0)
    if name == "replace" and len(text) + (len(text) + 1) * longest > MAX_TEXT:
        raise RefusedError("is too large")
    if name == "zfill" and any(isinstance(width, int) and width > MAX_TEXT for width in args):
        raise RefusedError("is too large")
    if name == "join" and args and sum(len(str(a)) + len(text) for a in args[0]) > MAX_TEXT:
        raise RefusedError("is too large")
    with python():
        return made(results(checked(getattr(text, name)(*args, **kwargs))), *others)
