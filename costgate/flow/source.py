"""One Python file or expression as text and syntax tree; reading never executes anything and never raises."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import cast

from costgate.flow.mutations import Changes
from costgate.flow.scope import Scope, rebound_names, scan
from costgate.model import Location, Unresolved

MAX_BYTES = 2_000_000
MAX_TOKENS = 400_000  # words and signs; a syntax tree takes up to 600 bytes for each
TOKEN = re.compile(rb"\w+|[^\w\s]")
MAX_SHOWN = 120  # characters of an expression in a message
NEWLINE = re.compile(r"\r\n|\r|\n")
REBINDS = re.compile(r":=|\bglobal\b|\bnonlocal\b")
REWRITES = re.compile(r"\b(?:exec|eval|globals|locals|vars|modules)\b")
CONFLICT = re.compile(rb"^(?:<{7}|>{7}) ", re.MULTILINE)
ENCODINGS = ("utf-8", "utf-8-sig", "ascii", "iso-8859-1")


class Module:
    """A parsed file. `scope` says what its names are bound to."""

    def __init__(self, path: str, text: str, tree: ast.Module) -> None:
        self.path, self.text, self.tree = path, text, tree

    @cached_property
    def lines(self) -> list[str]:
        """The lines as Python counts them."""
        return NEWLINE.split(self.text)

    @cached_property
    def scope(self) -> Scope:
        """The names of the module."""
        return scan(self.tree.body, self.rebound)

    @cached_property
    def rebound(self) -> frozenset[str]:
        """Names that are assigned in ways that no plain statement shows."""
        return rebound_names(self.tree) if REBINDS.search(self.text) else frozenset()

    @cached_property
    def changes(self) -> Changes:
        """What the module changes in place."""
        return Changes(self.tree.body)

    @cached_property
    def may_rewrite_names(self) -> bool:
        """Whether the module may change any of its names: through `exec`, `globals()` or `sys.modules`."""
        return REWRITES.search(self.text) is not None and self.changes.anything

    def location(self, node: ast.AST) -> Location:
        """Where a node starts."""
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        return Location(path=self.path, line=line, column=len(self._slice(line, 0, column)) + 1)

    def shown(self, node: ast.AST) -> str:
        """The source of a node on one line, shortened."""
        first, last = getattr(node, "lineno", 1), getattr(node, "end_lineno", 1)
        start, end = getattr(node, "col_offset", 0), getattr(node, "end_col_offset", 0)
        if first == last:
            return shorten(self._slice(first, start, end))
        middle = self.lines[first : min(last - 1, first + MAX_SHOWN)]
        return shorten(" ".join([self._slice(first, start, None), *middle, self._slice(last, 0, end)]))

    def unresolved(self, node: ast.AST, reason: str) -> Unresolved:
        """The node as an expression that could not be resolved."""
        return Unresolved(expression=self.shown(node), reason=reason, location=self.location(node))

    def _slice(self, line: int, start: int, end: int | None) -> str:
        text = self.lines[line - 1]
        return text[start:end] if text.isascii() else text.encode()[start:end].decode(errors="replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """The text of a config expression; all of it stands where the flow wrote it."""

    text: str
    place: Location

    def location(self, _: ast.AST) -> Location:
        """Where the flow wrote the expression."""
        return self.place

    def shown(self, _: ast.AST) -> str:
        """The whole expression, shortened."""
        return shorten(self.text)

    def unresolved(self, node: ast.AST, reason: str) -> Unresolved:
        """The expression as one that could not be resolved."""
        return Unresolved(expression=self.shown(node), reason=reason, location=self.place)


def shorten(text: str) -> str:
    """The text on one line of at most 120 characters."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_SHOWN else line[: MAX_SHOWN - 1] + "…"


def read_module(path: str, data: bytes) -> Module | Unresolved:
    """A file as a module, or why it is none."""
    problem = _not_python(data)
    if problem:
        return _unread(path, problem)
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        if encoding not in ENCODINGS:
            return _unread(path, f"its encoding {encoding} is not read; save it as UTF-8")
        text = data.decode("utf-8-sig" if encoding.startswith("utf-8") else encoding)
        return Module(path, text, cast(ast.Module, parse(text, "exec")))
    except SyntaxError as error:
        if (conflict := CONFLICT.search(data)) is not None:
            return _unread(path, "it holds merge-conflict markers", data.count(b"\n", 0, conflict.start()) + 1)
        return _unread(path, f"it is not valid Python: {error.msg}", error.lineno or 1, error.offset or 1)
    except UnicodeDecodeError:
        return _unread(path, "it is not UTF-8 text")
    except (RecursionError, MemoryError, ValueError):
        return _unread(path, "it is nested too deeply to be read")


def parse(text: str, mode: str) -> ast.AST:
    """`ast.parse` without the warnings that Python prints about odd code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text, mode=mode)


def _not_python(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        return f"it has {len(data):,} bytes; at most {MAX_BYTES:,} are read"
    if len(data) > MAX_TOKENS and sum(1 for _ in TOKEN.finditer(data)) > MAX_TOKENS:
        return f"it has more than {MAX_TOKENS:,} words and signs"
    return "it is a binary file" if b"\0" in data else ""


def _unread(path: str, problem: str, line: int = 1, column: int = 1) -> Unresolved:
    place = Location(path=path, line=max(line, 1), column=max(column, 1))
    return Unresolved(expression=path, reason=f"the file could not be read: {problem}", location=place)
