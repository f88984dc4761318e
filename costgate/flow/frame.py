"""Where an expression is evaluated: the names that it can see, and the text that it stands in."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from costgate.flow.scope import Position
from costgate.flow.source import Module, Snippet
from costgate.flow.values import Class
from costgate.model import Location, Value


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """The namespaces of one region. Python looks into them in this order: local, outer or body, module."""

    text: Module | Snippet
    module: Module | None  # its globals; None = Metaflow's own, which hold none of the flow's names
    body: Class | None = None  # the class whose body runs
    local: Mapping[str, Value] = field(default_factory=dict)  # arguments and comprehension variables
    outer: Mapping[str, Value] = field(default_factory=dict)  # the locals that `eval` was given: configs by option name
    before: Position | None = None  # names bound from here on are not bound yet; None = the file has run
    inner: bool = False  # in a comprehension or lambda, which sees neither `body` nor `outer`

    def location(self, node: ast.AST) -> Location:
        """Where the node stands."""
        return self.text.location(node)

    def inside(self, local: Mapping[str, Value]) -> Frame:
        """The frame of a comprehension."""
        return replace(self, local={**self.local, **local}, inner=True)


def module_frame(module: Module, before: Position | None = None, body: Class | None = None) -> Frame:
    """The frame of a statement of a module or of a class body."""
    return Frame(text=module, module=module, before=before, body=body)
