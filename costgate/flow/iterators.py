"""`zip`, `enumerate` and the like where a loop or another function reads them at once.

An iterator that has a name may have been read before, so that one is never evaluated.
"""

from __future__ import annotations

import ast
import itertools
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from costgate.flow import elements
from costgate.flow.frame import Frame
from costgate.flow.values import MAX_ITEMS, Arguments, External, RefusedError, known, plain
from costgate.model import Known, Value

if TYPE_CHECKING:
    from costgate.flow.evaluate import Evaluator

Rows: TypeAlias = "Callable[[Evaluator, Arguments], list[Value]]"
READERS = frozenset(
    f"builtins.{name}" for name in ("all", "any", "dict", "list", "max", "min", "set", "sorted", "sum", "tuple")
)


def read(ev: Evaluator, node: ast.expr, frame: Frame) -> list[Value]:
    """What a loop over the expression sees. OpenError or RefusedError where that is not known."""
    found = rows(ev, node, frame)
    return elements.iterate(ev.known(node, frame)) if found is None else found


def rows(ev: Evaluator, node: ast.expr, frame: Frame) -> list[Value] | None:
    """What an iterator that is made here yields; None for another expression."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, (ast.Name, ast.Attribute)):
        return None
    function = ev.evaluate(node.func, frame)
    name = function.value.name if isinstance(function, Known) and isinstance(function.value, External) else ""
    if name not in ITERATORS:
        return None
    given = ev.arguments(node, frame)
    if given.kwargs or given.unpacked or given.rest:
        raise RefusedError(f"calls {name.removeprefix('builtins.')} with options that are not evaluated")
    found = ITERATORS[name](ev, given)
    ev.steps += len(found)
    return found


def _sequences(given: Arguments) -> list[list[Value]]:
    return [elements.iterate(known(value)) for value in given.args]


def _enumerate(ev: Evaluator, given: Arguments) -> list[Value]:
    items = elements.iterate(known(given.args[0])) if given.args else []
    start = plain(known(given.args[1]).value) if len(given.args) > 1 else 0
    if not isinstance(start, int) or not 1 <= len(given.args) <= 2:
        raise RefusedError("enumerates in a way that is not evaluated")
    return [Known(value=(Known(value=number), item)) for number, item in enumerate(items, start)]


def _reversed(ev: Evaluator, given: Arguments) -> list[Value]:
    items = _sequences(given)
    if len(items) != 1:
        raise RefusedError("reverses more than one thing")
    return items[0][::-1]


def _zip(ev: Evaluator, given: Arguments) -> list[Value]:
    return [Known(value=row) for row in zip(*_sequences(given))]


def _chain(ev: Evaluator, given: Arguments) -> list[Value]:
    return list(itertools.chain(*_sequences(given)))


def _product(ev: Evaluator, given: Arguments) -> list[Value]:
    sequences = _sequences(given)
    if math.prod(len(sequence) for sequence in sequences) > MAX_ITEMS:
        raise RefusedError(f"has more than {MAX_ITEMS:,} elements")
    return [Known(value=row) for row in itertools.product(*sequences)]


ITERATORS: Mapping[str, Rows] = {
    "builtins.enumerate": _enumerate,
    "builtins.reversed": _reversed,
    "builtins.zip": _zip,
    "itertools.chain": _chain,
    "itertools.product": _product,
}
