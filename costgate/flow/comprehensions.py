"""Comprehensions: one frame per round, within bounds on the number of rounds."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from costgate.flow import elements, iterators, operations
from costgate.flow.frame import Frame
from costgate.flow.values import MAX_ITEMS, MAX_KEYS, RefusedError, known
from costgate.model import Known, Value

if TYPE_CHECKING:
    from costgate.flow.evaluate import Evaluator


def comprehension(ev: Evaluator, node: ast.ListComp | ast.SetComp | ast.DictComp, frame: Frame) -> Known:
    """The list, set or dict that a comprehension makes. RefusedError or OpenError where that is not known."""
    value: Any
    most = MAX_ITEMS if isinstance(node, ast.ListComp) else MAX_KEYS
    frames = list(islice(_rounds(ev, node.generators, frame, is_first=True), most + 1))
    if len(frames) > most:
        raise RefusedError(f"has more than {most:,} elements")
    if isinstance(node, ast.ListComp):
        value = [ev.evaluate(node.elt, inner) for inner in frames]
    elif isinstance(node, ast.SetComp):
        with operations.python():
            value = {ev.plain(ev.known(node.elt, inner).value) for inner in frames}
    else:
        with operations.python():
            value = {ev.plain(ev.known(node.key, inner).value): ev.evaluate(node.value, inner) for inner in frames}
    return Known(value=value, chain=(frame.location(node),))


def _rounds(ev: Evaluator, generators: list[ast.comprehension], frame: Frame, is_first: bool) -> Iterator[Frame]:
    """The frames in which the element of a comprehension is evaluated, one per round."""
    generator, *rest = generators
    if generator.is_async:
        raise RefusedError("is asynchronous")
    for item in iterators.read(ev, generator.iter, frame if is_first else frame.inside({})):
        inner = frame.inside(_unpacked(generator.target, item))
        if all(ev.truth(test, inner)[0] for test in generator.ifs):
            yield from _rounds(ev, rest, inner, is_first=False) if rest else [inner]


def _unpacked(target: ast.expr, item: Value) -> dict[str, Value]:
    """The names that a comprehension's target binds."""
    if isinstance(target, ast.Name):
        return {target.id: item}
    if not isinstance(target, (ast.Tuple, ast.List)):
        raise RefusedError("assigns to more than names")
    parts = elements.iterate(known(item))
    if len(parts) != len(target.elts):
        raise RefusedError("does not unpack evenly")
    pairs = [_unpacked(element, part) for element, part in zip(target.elts, parts)]
    return {name: value for pair in pairs for name, value in pair.items()}
