"""Python's operators and formatting on plain data, within bounds that no source text can exceed."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from costgate.flow.values import MAX_BITS, MAX_ITEMS, MAX_TEXT, ForeignName, RefusedError, characters, checked

FAILURES = (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError)
NESTED = re.compile(r"\{[^{}]*\{")  # a field whose width is an argument, too
WIDE = re.compile(r"\d{4}")  # a field of 1,000 characters or more

BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}
UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Invert: operator.invert,
}
COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: _contains(right, left),
    ast.NotIn: lambda left, right: not _contains(right, left),
}


def _contains(container: Any, item: Any) -> bool:
    if isinstance(container, range) and type(item) not in (int, bool) and len(container) > MAX_ITEMS:
        raise RefusedError("looks through a large range")  # one by one, for what is no int
    if isinstance(item, ForeignName) or _has_foreign_names(container):  # a set would look for their hashes
        return any(item == other for other in container)
    return item in container


def _has_foreign_names(value: Any) -> bool:
    return isinstance(value, (set, dict)) and any(isinstance(part, ForeignName) for part in value)


@contextmanager
def python() -> Iterator[None]:
    """What Python would raise here, as the reason that there is no value."""
    try:
        yield
    except FAILURES as error:
        raise RefusedError(f"Python fails here: {type(error).__name__}: {str(error)[:200]}") from None


def binary(kind: type[ast.operator], left: Any, right: Any) -> Any:
    """`left kind right`. RefusedError where Python would fail or the result would be too large."""
    function = BINARY.get(kind)
    if _has_foreign_names(left) or _has_foreign_names(right):
        raise RefusedError("depends on what Metaflow calls a decorator of the user's")
    if function is None or _is_too_large(kind, left, right):
        raise RefusedError("is too large or no operation of plain data")
    with python():
        return checked(function(left, right))


def _is_too_large(kind: type[ast.operator], left: Any, right: Any) -> bool:
    if isinstance(left, str) and kind is ast.Mod:
        longest = len(left) + left.count("%") * characters(right)
        return longest > MAX_TEXT or "*" in left or bool(WIDE.search(left))
    if isinstance(left, int) and isinstance(right, int):
        if kind is ast.LShift:
            return right > MAX_BITS
        return kind is ast.Pow and abs(right) * max(left.bit_length(), 1) > MAX_BITS
    if kind is ast.Mult:
        return any(_repeats(a, b) for a, b in ((left, right), (right, left)))
    return False


def _repeats(sequence: Any, times: Any) -> bool:
    is_sequence = isinstance(sequence, (str, list, tuple)) and isinstance(times, int)
    return is_sequence and len(sequence) * times > (MAX_TEXT if isinstance(sequence, str) else MAX_ITEMS)


def unary(kind: type[ast.unaryop], value: Any) -> Any:
    """`-x`, `+x` or `~x`."""
    with python():
        return checked(UNARY[kind](value))


def compare(kind: type[ast.cmpop], left: Any, right: Any) -> bool:
    """One comparison of plain data; identity only with None, True and False."""
    if kind in (ast.Is, ast.IsNot):
        if not any(side is None or isinstance(side, bool) for side in (left, right)):
            raise RefusedError("compares the identity of values")
        return (left is right) == (kind is ast.Is)
    if kind not in (ast.In, ast.NotIn) and (_has_foreign_names(left) or _has_foreign_names(right)):
        raise RefusedError("depends on what Metaflow calls a decorator of the user's")
    with python():
        return bool(COMPARE[kind](left, right))


def formatted(value: Any, conversion: int, spec: str) -> str:
    """One field of an f-string; conversion as in `ast.FormattedValue`."""
    if not isinstance(value, (str, int, float, type(None))):
        raise RefusedError(f"formats a {type(value).__name__}")
    if WIDE.search(spec):
        raise RefusedError("formats a very wide field")
    with python():
        shown = repr(value) if conversion in (ord("r"), ord("a")) else str(value) if conversion == ord("s") else value
        return str(checked(format(shown, spec)))


def format_method(template: str, args: list[Any], kwargs: dict[str, Any]) -> str:
    """`template.format(…)` of numbers and text, without attributes and items in its fields."""
    fields = re.findall(r"\{([^{}]*)\}?", template)
    is_odd = any(re.search(r"[.\[]", field.partition(":")[0]) for field in fields)
    if is_odd or WIDE.search(template) or NESTED.search(template):
        raise RefusedError("has a format that is not evaluated")
    if not all(isinstance(value, (str, int, float, type(None))) for value in [*args, *kwargs.values()]):
        raise RefusedError("formats more than numbers and text")
    if sum(len(str(value)) for value in [*args, *kwargs.values()]) * max(template.count("{"), 1) > MAX_TEXT:
        raise RefusedError("is too large")
    with python():
        return str(checked(template.format(*args, **kwargs)))


def sliced(owner: Any, key: Any) -> Any:
    """`owner[key]` for text and ranges."""
    with python():
        return checked(owner[key])
