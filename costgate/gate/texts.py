"""What the gate tells from the text of Python files without parsing them: imports, classes, literals.

A search may find too many files, never too few.
"""

from __future__ import annotations

import posixpath
import re

from costgate.errors import InputError
from costgate.model import Snapshot

LARGE = 2_000_000  # bytes; no flow is as large, and text as large is not searched
# `from …`, then `import …`: names in brackets (with comments), or to the end of the statement. Nothing else may stand
# in it: what a comment says (`# taken from …`) is no statement, and must not hide the code that follows.
IMPORT = re.compile(
    rb"(?:\bfrom\b[\w.\s\\\x80-\xff]{0,1000}?)?\bimport\b\s*"
    rb"(?:\((?:[\w\s,*.\\\x80-\xff]|#[^\r\n]*){0,10000}\)|[^\r\n\\;#(]*(?:\\\r?\n[^\r\n\\;#(]*)*)"
)
PADDED = re.compile(  # longer than what IMPORT finds
    rb"\bfrom\b[\w.\s\\\x80-\xff]{1000}|\bimport\s*\((?:[\w\s,*.\\\x80-\xff]|#[^\r\n]*){10000}"
)
LITERAL = rb"""(?:"[^"\\{}\x00-\x1f\x80-\xff]*"|'[^'\\{}\x00-\x1f\x80-\xff]*'|True|False|None)"""
GAP = rb"(?:[ \t\f]|\\\r?\n)+"
CLASS = re.compile(rb"\bclass" + GAP + rb"([\w\x80-\xff]+)")
MOST_NAMES, LONGEST_NAME = 2_000, 200  # more than fits a command line is not asked for
ODD_CLASS = ("class  ", "class\t", "class \\")  # not found as `class Name`


def text_of(side: Snapshot, path: str) -> bytes | None:
    """What a file says; None for one that is too large to be a flow, which is then never left out."""
    try:
        text = side.read(path)
    except InputError:
        return None
    return text if len(text) <= LARGE else None


def importers(side: Snapshot, modules: set[str]) -> set[str]:
    """Files with an import statement that names one of the modules, or its package."""
    words = sorted({name for name in map(_module_name, modules) if name})
    ascii_words = tuple(word for word in words if word.isascii())
    # A name beyond ASCII may be written in other letters, or in another encoding.
    whole = [rb"\b%s\b" % word.encode() for word in ascii_words] + [rb"[\x80-\xff]"] * (len(words) > len(ascii_words))
    named = re.compile(b"|".join(whole))
    mentioned = side.grep(ascii_words if len(ascii_words) == len(words) else ("import",))
    return {path for path in mentioned if _imports(text_of(side, path), named)}


def _imports(text: bytes | None, named: re.Pattern[bytes]) -> bool:
    return text is None or PADDED.search(text) is not None or any(map(named.search, IMPORT.findall(text)))


def _module_name(path: str) -> str:
    """`lib/sizes.py` is imported as `sizes`, `lib/__init__.py` as `lib`; "" for what no statement can import."""
    stem = posixpath.basename(path)[:-3]
    name = posixpath.basename(posixpath.dirname(path)) if stem == "__init__" else stem
    return name if name.isidentifier() else ""


def namesakes(side: Snapshot, touched: set[str]) -> set[str]:
    """Files that define a class of the same name as a touched file: two flows of one key must both be seen."""
    return classes_of(side, frozenset(name for path in touched for name in classes(side, path)))


def classes_of(side: Snapshot, names: frozenset[bytes]) -> set[str]:
    """Files that define a class of one of these names."""
    words = [f"class {name.decode()}" for name in sorted(names) if name.isascii() and len(name) <= LONGEST_NAME]
    is_plain = len(words) == len(names) <= MOST_NAMES
    found = side.grep((*words, *ODD_CLASS) if is_plain else ("class",)) if names else ()
    return {path for path in found if names & classes(side, path)}


def classes(side: Snapshot, path: str) -> set[bytes]:
    """The names of the classes that a file defines."""
    return set(CLASS.findall((text_of(side, path) if path in side.files else None) or b""))
