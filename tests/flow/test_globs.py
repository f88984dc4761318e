"""Globs: what they match, what they leave alone, and that no pattern is slow."""

from __future__ import annotations

import fnmatch
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costgate.flow.globs import is_glob, match_glob

MATCHES = [
    ("a path without magic matches itself", "flows/train.py", "flows/train.py"),
    ("a star is any part of one name", "flows/*.py", "flows/train.py"),
    ("a star may be empty", "flows/train*.py", "flows/train.py"),
    ("two stars are one", "flows/**.py", "flows/train.py"),
    ("a star tries again", "*aab", "aaaab"),
    ("double star is no folder", "flows/**/*.py", "flows/train.py"),
    ("double star is one folder", "flows/**/*.py", "flows/a/train.py"),
    ("double star is many folders", "flows/**/*.py", "flows/a/b/c/train.py"),
    ("double star in front", "**/tests/**", "a/b/tests/c/d.py"),
    ("double star in front, nothing before", "**/tests/**", "tests/d.py"),
    ("double star alone", "**", "a/b.py"),
    ("double star at the end takes everything", "flows/**", "flows/a/b.py"),
    ("double star twice tries again", "**/a/**/a/*.py", "x/a/y/a/z/a/f.py"),
    ("a folder with a slash is all below it", "flows/", "flows/a/b.py"),
    ("a leading dot is the root", "./flows/*.py", "flows/a.py"),
    ("a question mark is one character", "flow?.py", "flow1.py"),
    ("a class", "flow[123].py", "flow2.py"),
    ("a range", "flow[0-9].py", "flow7.py"),
    ("a negated class", "flow[!0-9].py", "flowx.py"),
    ("a class negated the other way", "flow[^0-9].py", "flowx.py"),
    ("a bracket in a class", "a[]]b", "a]b"),
    ("a bracket in a negated class", "a[!]]b", "axb"),
    ("a dash at the end of a class", "a[x-]b", "a-b"),
    ("an open bracket is itself", "a[b", "a[b"),
    ("an exclamation mark alone in a class", "a[!]b", "a[!]b"),
    ("a name without folders", "ml-a100*", "ml-a100-spot"),
]
LEAVES_ALONE = [
    ("another name", "flows/train.py", "flows/train2.py"),
    ("another case", "flows/*.py", "Flows/train.py"),
    ("a star does not cross folders", "flows/*.py", "flows/a/train.py"),
    ("a folder is no prefix", "flows/**", "flows2/a.py"),
    ("a question mark is not nothing", "flow?.py", "flow.py"),
    ("a question mark is no slash", "a?b", "a/b"),
    ("outside of a range", "flow[0-9].py", "flowx.py"),
    ("inside of a negated range", "flow[!0-9].py", "flow7.py"),
    ("more than the pattern", "a", "ab"),
    ("less than the pattern", "ab", "a"),
    ("nothing", "a", ""),
    ("a dot is a dot", "a.py", "axpy"),
]


@pytest.mark.parametrize(("pattern", "path"), [row[1:] for row in MATCHES], ids=[row[0] for row in MATCHES])
def test_matches(pattern: str, path: str) -> None:
    assert match_glob(pattern, path)


@pytest.mark.parametrize(("pattern", "path"), [row[1:] for row in LEAVES_ALONE], ids=[row[0] for row in LEAVES_ALONE])
def test_leaves_alone(pattern: str, path: str) -> None:
    assert not match_glob(pattern, path)


@given(pattern=st.text("ab*?-[]", max_size=8), name=st.text("ab-[]", max_size=8))
def test_agrees_with_fnmatch_within_one_name(pattern: str, name: str) -> None:
    """fnmatch reads `**` as `*`, `[^` as a literal, and has no folders; in all else it is the same language."""
    if pattern == "**":
        assert match_glob(pattern, name)
    else:
        assert match_glob(pattern, name) == fnmatch.fnmatchcase(name, pattern)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [("*a" * 400 + "b", "a" * 4000), ("**/a/" * 180 + "b", "a/" * 2000 + "c"), ("[" * 1000, "[" * 999)],
    ids=["many stars in a name", "many double stars", "many open brackets"],
)
def test_no_pattern_is_slow(pattern: str, path: str) -> None:
    started = time.perf_counter()
    assert not match_glob(pattern, path)
    assert time.perf_counter() - started < 2


def test_a_glob_has_magic() -> None:
    assert [is_glob(text) for text in ("a/b.json", "a/*.json", "a?.json", "[ab].json")] == [False, True, True, True]
