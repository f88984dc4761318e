"""What an expression can be while it is resolved: plain data, containers of results, and references to code.

A list, tuple or dict holds results (`Known` or `Unresolved`), so that one open element leaves the others known and
every element keeps the place where it was written. Sets and ranges hold plain data.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from costgate.model import Known, Location, Unresolved, Value

if TYPE_CHECKING:
    from costgate.flow.source import Module

ANY = "*"  # any name, module or environment variable
MAX_ITEMS = 10_000  # elements of a container, nested ones counted
MAX_KEYS = 2_000  # elements of a set or mapping; equal hashes make them quadratic
MAX_TEXT = 100_000  # characters of a string
MAX_BITS = 1024  # of an integer
MAX_CHAIN = 10  # places that a value remembers
TOO_LONG = "takes too long to evaluate"
MAX_REASON = 500  # characters; a path or key in it may be as long as any text

# The checkout's folder, which no revision knows. NUL keeps it from being mistaken for anything that a person wrote.
CHECKOUT = "/\0checkout"


class RefusedError(Exception):
    """An expression that is not resolved, with the reason; it becomes Unresolved at the expression at hand."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason if len(reason) <= MAX_REASON else f"{reason[: MAX_REASON - 1]}…"


class OpenError(Exception):
    """Carries an Unresolved from where it arose to whoever asked for the value."""

    def __init__(self, unresolved: Unresolved) -> None:
        super().__init__(unresolved.reason)
        self.unresolved = unresolved


class CheckoutPath(str):
    """An absolute path inside the checkout. Only path functions may take it; it is never a value of its own."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PurePath:
    """A `pathlib.Path`."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class External:
    """Something that is not in the repository, by its full dotted name: `metaflow.kubernetes`, `builtins.len`."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepoModule:
    """A module or package of the repository; a namespace package has a folder only."""

    path: str | None
    folder: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Class:
    """A class of the repository, at module level."""

    node: ast.ClassDef
    module: Module

    @property
    def name(self) -> str:
        """As the class statement spells it."""
        return self.node.name


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Function:
    """A function or lambda of the repository."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    module: Module
    body: Class | None = None  # the class body that defines it: its defaults see that, its own body does not
    closure: Mapping[str, Value] = field(default_factory=dict)  # what it sees of the function that defines it


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Instance:
    """An instance of a dataclass, of a NamedTuple, or of a class without a constructor of its own."""

    cls: Class
    fields: Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Member:
    """A member of an Enum."""

    name: str
    value: Value


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Method:
    """A bound method of plain data or of a config value."""

    owner: Any
    name: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Native:
    """A method of Metaflow's that changes nothing and whose result can be told here."""

    name: str
    result: Callable[[Arguments], Known]


@dataclass(frozen=True, slots=True, eq=False)
class ForeignName:
    """What Metaflow calls a decorator of the user's: its own name, or as much of its path as makes that unique."""

    name: str  # of the class or function

    def __eq__(self, other: object) -> bool:
        name = other.name if isinstance(other, ForeignName) else other
        if isinstance(name, str) and f".{name}".endswith(f".{self.name}"):
            raise RefusedError("depends on what Metaflow calls a decorator of the user's")
        return False

    def __hash__(self) -> int:
        return hash(self.name)

    def __bool__(self) -> bool:
        raise RefusedError("depends on what Metaflow calls a decorator of the user's")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Arguments:
    """Evaluated arguments of a call. `unpacked` are `**config` expressions, `rest` is a `**` that stays open."""

    args: tuple[Value, ...] = ()
    kwargs: Mapping[str, Value] = field(default_factory=dict)
    unpacked: tuple[Known, ...] = ()
    rest: Unresolved | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Partial:
    """`functools.partial(function, …)`."""

    function: Known
    arguments: Arguments


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MetaflowObject:
    """The result of calling Metaflow's `Config`, `Parameter` or one of its decorators."""

    kind: str  # Config | Parameter | the decorator's name
    arguments: Arguments
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Delayed:
    """Metaflow's DelayEvaluator: text that is evaluated over the config values once these are known."""

    text: str
    access: tuple[Any, ...] | None  # names and nested Delayed after `.`; None for text that is no single name
    module: Module | None  # its globals; None = Metaflow's own
    location: Location
    shown: str  # the expression as the flow's author wrote it


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tree:
    """Metaflow's ConfigValue: a mapping out of a config file that knows where each of its values stands."""

    data: Mapping[Any, Any]
    where: Callable[..., Location]
    keys: tuple[Any, ...] = ()

    def entry(self, key: Any) -> Known:
        """The value of a key (KeyError if there is none)."""
        return located(self.data[key], self.where, (*self.keys, key))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Applied:
    """A FlowMutator or StepMutator of the repository, as it stands on a flow or step."""

    cls: Class
    arguments: Arguments
    location: Location
    shown: str  # the decorator as the flow's author wrote it


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decorated:
    """A step function on its way through its decorators, bottom up."""

    specs: tuple[MetaflowObject, ...] = ()
    mutators: tuple[Applied, ...] = ()
    wrappers: tuple[str, ...] = ()  # UserStepDecorators, which change no attribute
    touched: tuple[Unresolved, ...] = ()  # decorators that may have changed any attribute
    is_step: bool = False
    start: bool = False
    end: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Myself:
    """`self` in a step."""

    attribute: Callable[[str], Known]


def located(data: Any, where: Callable[..., Location], keys: tuple[Any, ...] = (), tree: bool = True) -> Known:
    """Parsed data as a value whose parts know their places; mappings become `Tree` or, for plain configs, dict."""
    return _located(data, where, keys, tree, [MAX_ITEMS])


def _located(data: Any, where: Callable[..., Location], keys: tuple[Any, ...], tree: bool, budget: list[int]) -> Known:
    _spend(budget)
    value = data
    if isinstance(data, Mapping) and tree:
        value = Tree(data=data, where=where, keys=keys)
    elif isinstance(data, Mapping):
        value = {key: _located(item, where, (*keys, key), tree, budget) for key, item in data.items()}
    elif isinstance(data, (list, tuple)):
        value = type(data)(_located(item, where, (*keys, i), tree, budget) for i, item in enumerate(data))
    return Known(value=value, chain=(where(*keys),))


def _spend(budget: list[int]) -> None:
    budget[0] -= 1
    if budget[0] < 0:
        raise RefusedError(f"has more than {MAX_ITEMS:,} elements")


def is_mutable(value: Any) -> bool:
    """Whether code elsewhere could change the value without assigning its name."""
    return isinstance(value, (list, dict, set, tuple, Instance, Class)) or value == External(name="os.environ")


def plain(value: Any, budget: list[int] | None = None) -> Any:
    """The value as ordinary Python data. RefusedError for what is none or is too large, OpenError for an open part.

    `budget` holds how many parts it may have, and afterwards how many are left.
    """
    return _plain(value, [MAX_ITEMS] if budget is None else budget)


def _plain(value: Any, budget: list[int]) -> Any:
    _spend(budget)
    if isinstance(value, CheckoutPath):
        raise RefusedError("depends on where the repository is checked out")
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(known(item).value, budget) for item in value)
    if isinstance(value, dict):
        return {key: _plain(known(item).value, budget) for key, item in value.items()}
    if isinstance(value, Tree):
        return _data(value.data, budget)
    if is_plain_leaf(value):
        return value
    if isinstance(value, External) and not value.name.startswith(("builtins.", "metaflow.", "os.")):
        raise RefusedError(
            f"comes from {value.name}, which is not in the repository; a constant or a config can be read"
        )
    raise RefusedError(f"is {describe(value)}, not plain data")


def is_plain_leaf(value: Any) -> bool:
    """Data without results inside: numbers, text, sets, ranges, and what TOML and YAML can hold (dates, times)."""
    return value is None or type(value).__module__ in ("builtins", "datetime") or isinstance(value, ForeignName)


def _data(value: Any, budget: list[int]) -> Any:
    _spend(budget)
    if isinstance(value, Mapping):
        return {key: _data(item, budget) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_data(item, budget) for item in value)
    return value


def known(value: Value) -> Known:
    """The value if it is known; else OpenError."""
    if isinstance(value, Unresolved):
        raise OpenError(value)
    return value


def describe(value: Any) -> str:
    """What a reference is, for reasons."""
    if isinstance(value, Delayed):
        return "a config expression, which Metaflow resolves only as (part of) an argument of a decorator"
    if isinstance(value, MetaflowObject):
        return f"a bare {value.kind} object"
    if isinstance(value, Instance):
        return f"an instance of {value.cls.name}"
    name = value_name(value)
    kind = type(value).__name__
    article = "an" if kind[0] in "AEIOaeio" else "a"
    return f"{name}, {article} {kind.lower()}" if name else f"{article} {kind}"


def value_name(value: Any) -> str:
    """The name of something that was defined or imported under one; else ""."""
    if isinstance(value, Function):
        return "a lambda" if isinstance(value.node, ast.Lambda) else value.node.name
    return value.name if isinstance(value, (External, Class, Method)) else ""


def work(value: Any) -> int:
    """What making a value, or going through it, costs: in steps of the evaluator."""
    if isinstance(value, str):
        return len(value) // 100
    return len(value) if isinstance(value, (list, tuple, dict, set)) else 0


def characters(value: Any) -> int:
    """How much text plain data holds; of more than MAX_TEXT only that it is more."""
    found, stack = 0, [value]
    while stack and found <= MAX_TEXT:
        part = stack.pop()
        if isinstance(part, (list, tuple, set, dict)):
            found += 2 * len(part)
            stack += [*part, *part.values()] if isinstance(part, dict) else part
        else:
            found += len(part) if isinstance(part, str) else 20
    return found


def checked(value: Any) -> Any:
    """The result of an operation if it is within bounds; else RefusedError."""
    if isinstance(value, str):
        _check_text(value)
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise RefusedError(f"is larger than {MAX_BITS} bits")
    if isinstance(value, (list, tuple, dict, set)) and len(value) > MAX_ITEMS:
        raise RefusedError(f"has more than {MAX_ITEMS:,} elements")
    return value


def _check_text(text: str) -> None:
    if len(text) > MAX_TEXT:
        raise RefusedError(f"is longer than {MAX_TEXT:,} characters")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise RefusedError("holds half a surrogate pair")


def results(value: Any) -> Any:
    """Plain data that an operation returned, as containers of results."""
    if isinstance(value, (list, tuple)):
        return type(value)(Known(value=results(item)) for item in value)
    if isinstance(value, dict):
        return {key: Known(value=results(item)) for key, item in value.items()}
    return value


def made(value: Any, *parts: Known) -> Known:
    """A value made out of others: it remembers their places and notes."""
    chain = [place for part in parts for place in part.chain]
    notes = dict.fromkeys(note for part in parts for note in part.notes)
    return Known(value=value, chain=distinct(chain), notes=tuple(notes))


def derive(value: Any, location: Location, *parts: Known) -> Known:
    """A value made at a location out of others."""
    return made(value, Known(value=None, chain=(location,)), *parts)


def used(value: Known, location: Location) -> Known:
    """The same value as used at a location."""
    return replace(value, chain=distinct([location, *value.chain]))


def distinct(chain: list[Location]) -> tuple[Location, ...]:
    """The chain with one entry per line: the first ones, and always the last, where the value was written."""
    lines: dict[tuple[str, int], Location] = {}
    for place in chain:
        lines.setdefault((place.path, place.line), place)
    places = tuple(lines.values())
    return places if len(places) <= MAX_CHAIN else (*places[: MAX_CHAIN - 1], places[-1])
