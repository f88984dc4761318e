"""Reading: positions, the same data from YAML, JSON and TOML, and bounds on what is hostile."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from costgate.errors import InputError
from costgate.model import Location
from costgate.yamlfile import Document, from_yaml, load, load_json, load_toml, load_yaml
from tests.support import dedent


def trees(scalars: st.SearchStrategy[Any], text: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Any JSON value of such scalars and keys."""
    return st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4))


TEXT = st.text(st.characters(codec="utf-8"), max_size=6)
INTEGERS = st.none() | st.booleans() | st.integers()
TREES = trees(INTEGERS | st.floats(allow_nan=False, allow_infinity=False) | TEXT, TEXT)
YAML_TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=0xFFFD, exclude_categories=["Cc", "Cs", "Cf"]))
YAML_TREES = trees(INTEGERS | YAML_TEXT, YAML_TEXT)  # whose JSON is YAML: no control characters, no exponents


def refused(data: bytes | str, path: str) -> str:
    """The whole message of the InputError."""
    with pytest.raises(InputError) as caught:
        load(data.encode() if isinstance(data, str) else data, path)
    return str(caught.value)


def at(document: Document, *keys: Any) -> tuple[int, int]:
    location = document.where(*keys)
    return location.line, location.column


def paths(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every value with its path."""
    yield above, value
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from paths(item, (*above, key))


def text_from(text: str, location: Location) -> str:
    return "\n".join(text.split("\n")[location.line - 1 :])[location.column - 1 :]


# Positions


YAML = dedent("""
    version: 1
    base: &base
      limits: [1, {deep: 2}]
    other:
      <<: *base
      'quoted key': x
    alias: *base
""")


@pytest.mark.parametrize(
    ("keys", "value", "key"),
    [
        pytest.param((), (1, 1), (1, 1), id="the file itself"),
        pytest.param(("version",), (1, 10), (1, 1), id="a scalar"),
        pytest.param(("base",), (2, 7), (2, 1), id="a value with an anchor starts at the anchor"),
        pytest.param(("base", "limits", 1, "deep"), (3, 22), (3, 16), id="a value in a flow mapping"),
        pytest.param(("base", "limits", 0), (3, 12), (3, 12), id="an item of a list has no key"),
        pytest.param(("other", "limits", 0), (3, 12), (3, 12), id="a merged value stands where it was written"),
        pytest.param(("other", "quoted key"), (6, 17), (6, 3), id="a quoted key"),
        pytest.param(("alias",), (7, 8), (7, 1), id="an alias stands where it is used"),
        pytest.param(("alias", "limits"), (3, 11), (3, 3), id="what is in an alias stands at its anchor"),
        pytest.param(("base", "nothing", "here"), (2, 7), (2, 1), id="the nearest ancestor of what is not there"),
    ],
)
def test_yaml_positions(keys: tuple[Any, ...], value: tuple[int, int], key: tuple[int, int]) -> None:
    document = load(YAML.encode(), "a.yml")
    where, key_where = document.where(*keys), document.key_where(*keys)
    assert ((where.line, where.column), (key_where.line, key_where.column)) == (value, key)
    assert where.path == "a.yml"


TOML = dedent("""
    # a comment = 1
    n = 1.5
    when = 1979-05-27 07:32:00Z # another
    text = '''a
    b = 2'''
    "quoted.\\u0061\\n" = 'x'
    list = [
      1, # one
      [2], {inner.x = 3, y = "=]}"},
    ]
    [table.'sub']
    key = "v"
    "long\\"er".dotted = \"\"\"three ""quotes\"\"\"\"
    [[items]]
    a = 1
    [[items]]
    a = 2
    [items.more]
    b = 3
""")


@pytest.mark.parametrize(
    ("keys", "value", "key"),
    [
        pytest.param(("n",), (2, 5), (2, 1), id="a number with a dot"),
        pytest.param(("when",), (3, 8), (3, 1), id="a date with a space"),
        pytest.param(("text",), (4, 8), (4, 1), id="text over two lines"),
        pytest.param(("quoted.a\n",), (6, 21), (6, 1), id="a quoted key with escapes"),
        pytest.param(("list", 0), (8, 3), (8, 3), id="an item before a comment"),
        pytest.param(("list", 1, 0), (9, 4), (9, 4), id="an item of an inner list"),
        pytest.param(("list", 2, "inner", "x"), (9, 19), (9, 9), id="a dotted key in an inline table"),
        pytest.param(("list", 2, "y"), (9, 26), (9, 22), id="text that looks like syntax"),
        pytest.param(("table", "sub", "key"), (12, 7), (12, 1), id="a key below a header"),
        pytest.param(("table", "sub", 'long"er', "dotted"), (13, 21), (13, 1), id="a key with an escaped quote"),
        pytest.param(("items", 0, "a"), (15, 5), (15, 1), id="the first of an array of tables"),
        pytest.param(("items", 1, "a"), (17, 5), (17, 1), id="the second of an array of tables"),
        pytest.param(("items", 1, "more", "b"), (19, 5), (19, 1), id="a table in the last item"),
    ],
)
def test_toml_positions(keys: tuple[Any, ...], value: tuple[int, int], key: tuple[int, int]) -> None:
    document = load(TOML.encode(), "a.toml")
    assert at(document, *keys) == value
    assert document.key_where(*keys).line == key[0]


@given(TREES, st.sampled_from([None, 2]))
def test_json_positions_point_at_the_value_and_at_its_key(data: Any, indent: int | None) -> None:
    text = json.dumps(data, indent=indent)
    document = load_json(text.encode(), "a.json")
    for keys, value in paths(data):
        assert json.JSONDecoder().raw_decode(text_from(text, document.where(*keys)))[0] == value
        if keys and isinstance(keys[-1], str):
            assert json.JSONDecoder().raw_decode(text_from(text, document.key_where(*keys)))[0] == keys[-1]


@given(YAML_TREES)
def test_yaml_positions_point_at_the_value_too(data: Any) -> None:
    text = json.dumps(data, indent=1, ensure_ascii=False).replace(
        "\x7f", ""
    )  # JSON is YAML, but for the numbers of its floats
    document = load_yaml(text.encode(), "a.yml")
    for keys, value in paths(document.data):
        assert json.JSONDecoder().raw_decode(text_from(text, document.where(*keys)))[0] == value


def test_a_document_without_text_points_at_its_first_line() -> None:
    document = Document(path="x", data={"a": 1})
    assert str(document.where("a")) == "x:1:1"
    assert document.written(document.where("a")) == ""


# Data


@given(TREES)
def test_yaml_reads_what_safe_load_reads(data: Any) -> None:
    text = yaml.safe_dump(data, allow_unicode=True)
    assert load_yaml(text.encode(), "a.yml").data == yaml.safe_load(text)


@pytest.mark.parametrize("loader", [from_yaml.LOADER, yaml.SafeLoader], ids=["with libyaml", "without libyaml"])
@pytest.mark.parametrize(
    "text",
    [
        "[NO, on, yes, ~, '', 0x1f, 0b11, 010, 1_000, 12:30, 1e3, 1.5e+3, .5, '5']",
        "[!!str 5, !!int '5', !!float 5, !!bool 'no', !!null x, ! 5, 'a']",
        "!!map {a: !!seq [1]}",
        "{2: a, on: b, ~: c, 1.5: d}",
        "{a: &x {k: 1, l: 2}, b: {<<: *x, k: 3}, c: {k: 4, <<: *x}}",
        "[&x {k: 1}, &y {k: 2, l: 3}, {<<: [*x, *y]}, {<<: [*y, *x], m: 1}, {'<<': 5}]",
        "{<<: {a: 1}, b: [&s x, *s, *s]}",
        "a: |\n  one\n  two\nb: >\n  one\n  two\n",
        "%YAML 1.1\n---\na: 1\n...\n",
    ],
)
def test_yaml_traps_are_those_of_safe_load(text: str, loader: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(from_yaml, "LOADER", loader)
    assert load_yaml(text.encode(), "a.yml").data == yaml.safe_load(text)


def test_keys_of_our_own_files_are_text() -> None:
    data = load(b"{off: 1, 1: a, 2026-10-01: b, ~: c, &k x: 1, <<: {on: 2}}", "a.yml").data
    assert data == {"off": 1, "1": "a", "2026-10-01": "b", "~": "c", "x": 1, "on": 2}


def test_dates_are_text_in_every_format() -> None:
    expected = {"day": "2026-10-01"}
    assert load(b"day: 2026-10-01", "a.yml").data == expected
    assert load(b'{"day": "2026-10-01"}', "a.json").data == expected
    assert load(b"day = 2026-10-01", "a.toml").data == expected
    assert load(b"[a]\nb = [07:32:00, 1979-05-27T07:32:00Z]", "a.toml").data == {
        "a": {"b": ["07:32:00", "1979-05-27T07:32:00+00:00"]}
    }


@pytest.mark.parametrize("path", ["a.yml", "a.json", "a.toml", "a", "b.JSON", "a.d/b"])
def test_a_byte_order_mark_is_no_content(path: str) -> None:
    text = "[a]" if path.endswith("toml") else "[1]"
    plain, marked = load(text.encode(), path), load(b"\xef\xbb\xbf" + text.encode(), path)
    assert (marked.data, marked.where()) == (plain.data, plain.where())


@pytest.mark.parametrize("text", ["", "  \n", "# only a comment\n", "---\n", "~", "null"])
def test_an_empty_yaml_file_has_no_data(text: str) -> None:
    assert load(text.encode(), "a.yml").data is None


# What is refused


YAML_REFUSED = {
    "truncated YAML": ("a: [1, 2", "1:9: not valid YAML: did not find expected ',' or ']'"),
    "an open quote": ("a: 'x", "1:6: not valid YAML: found unexpected end of stream"),
    "a tab as indent": ("a:\n\tb: 1\n", "2:1: a tab where YAML wants spaces\nhelp: indent with"),
    "a tab before a list": ("a: 1\nb:\t- x\n  - y", "2:"),
    "two colons": ("a: b: c", "1:5: not valid YAML: mapping values are not allowed"),
    "an @ unquoted": ("a: @b", "1:4: not valid YAML: found character that cannot start"),
    "an alias without an anchor": ("a: *b", "1:4: unknown alias '*b'"),
    "a list in itself": ("a: &b [*b]", "1:8: the alias '*b' contains itself"),
    "a mapping in itself": ("a: &b {c: *b}", "1:11: the alias '*b' contains itself"),
    "a duplicate key in YAML": ("a: 1\nb: 2\na: 3", "3:1: duplicate key 'a'\nhelp: keep one"),
    "a duplicate key, once quoted": ("{on: 1, 'on': 2}", "1:9: duplicate key 'on'"),
    "two merge keys": ("{<<: {a: 1}, <<: {b: 1}}", "1:14: duplicate key '<<'\nhelp: merge"),
    "a number merged": ("{<<: 5}", "1:2: only mappings can be merged"),
    "a list with a number merged": ("{<<: [{a: 1}, 5]}", "1:2: only mappings can be merged"),
    "a list as key": ("{[a]: 1}", "1:2: a key must be a single value"),
    "a mapping as key": ("? {a: 1}\n: 2", "1:3: a key must be a single value"),
    "two documents": ("a: 1\n---\nb: 2", "2:1: a second YAML document"),
    "a Python object": ("a: !!python/object:os.system x", "1:4: the YAML tag !!python/object:os.system is"),
    "a Python call": ("!!python/object/apply:os.system [x]", "1:1: the YAML tag !!python/object/apply"),
    "a private tag": ("a: !mine {b: 1}", "1:4: the YAML tag !mine is not accepted"),
    "binary": ("a: !!binary aGk=", "1:4: the YAML tag !!binary is not accepted"),
    "a set": ("a: !!set {b, c}", "1:4: the YAML tag !!set is not accepted"),
    "text tagged as a number": ("a: !!int x", "1:4: 'x' is no int\nhelp: quote it"),
    "nothing tagged as a number": ("a: !!int ''", "1:4: '' is no int"),
    "text tagged as a boolean": ("a: !!bool maybe", "1:4: 'maybe' is no bool"),
    "YAML NaN": ("a: .nan", "1:4: not a finite number"),
    "YAML infinity": ("a: [-.inf]", "1:5: not a finite number"),
    "a YAML number beyond floats": ("a: 1.0e+999", "1:4: not a finite number"),
    "5,000 digits in YAML": ("a: " + "9" * 5000, "1:4: a number of more than 300 digits"),
    "290 hexadecimal digits": ("a: 0x" + "f" * 290, "1:4: a number of more than 300 digits"),
    "5,000 base-60 digits": ("a: " + "1:" * 5000 + "1", "1:4: a number of more than 300 digits"),
    "a bell": ("a: \x07", "1:4: a control character (U+0007)"),
    "a byte order mark inside": ("a: é \ufeff", "1:6: a control character (U+FEFF)"),
    "65 levels of YAML": ("[" * 65 + "]" * 65, "1:65: nested more than 64 levels deep"),
    "two million levels of YAML": ("[" * 2_000_000, "1:66: nested more than 64 levels deep"),
    "100,000 dashes": ("- " * 100_000 + "x", "1:131: nested more than 64 levels deep"),
}
JSON_REFUSED = {
    "truncated JSON": ('{"a": [1, 2', "1:12: not valid JSON: expecting ',' delimiter"),
    "a missing comma": ('{"a": 1 "b": 2}', "1:9: not valid JSON: expecting ',' delimiter"),
    "single quotes in JSON": ("{'a': 1}", "1:2: not valid JSON: expecting property name"),
    "two JSON values": ("{}\n{}", "2:1: not valid JSON: extra data"),
    "an empty JSON file": (" \n", "1:1: the file is empty"),
    "a duplicate key in JSON": ('{"a": {"b": 1,\n "b": 2}}', "2:2: duplicate key 'b'"),
    "a duplicate key, once escaped": ('{"b": 1, "\\u0062": 2}', "1:10: duplicate key 'b'"),
    "JSON NaN": ('{"a": NaN}', "1:7: not a finite number"),
    "JSON infinity": ("[1, [-Infinity]]", "1:6: not a finite number"),
    "a JSON number beyond floats": ('{"a": 1e999}', "1:7: not a finite number"),
    "5,000 digits in JSON": ('{"a": ' + "9" * 5000 + "}", "1:7: not a finite number"),
    "half a surrogate as key": ('{"\\ud800": 1}', "1:12: half a surrogate pair"),
    "half a surrogate as value": ('["é\\udfff"]', "1:2: half a surrogate pair"),
    "65 levels of JSON": ("[" * 65 + "]" * 65, "1:65: nested more than 64 levels deep"),
    "300,000 levels of JSON": ('{"a":' * 300_000, "1:321: nested more than 64"),
}
TOML_REFUSED = {
    "truncated TOML": ("a = [1, 2", "1:10: not valid TOML: unclosed array"),
    "two equal signs": ("a = 1\nb = = 2", "2:5: not valid TOML: invalid value"),
    "a duplicate key in TOML": ("a = 1\na = 2", "2:6: not valid TOML: cannot overwrite a value"),
    "a day that is none": ("a = 2026-02-31", "1:5: not valid TOML: invalid date"),
    "TOML NaN": ("a = [nan]", "1:6: not a finite number"),
    "TOML infinity": ("a = -inf", "1:5: not a finite number"),
    "5,000 digits in TOML": ("a = " + "9" * 5000, "1:1: a number of more than 4300 digits"),
    "300 hexadecimal digits": ("a = 0x" + "f" * 300, "1:5: a number of more than 300 digits"),
    "65 levels of TOML": ("a = " + "[" * 65 + "]" * 65, "1:68: nested more than 64 levels"),
    "100,000 levels of TOML": ("a = " + "[" * 100_000, "1:1: nested more than 64 levels deep"),
    "deep dotted tables": ("a = " + "{a.a.a.a.a.a = " * 250 + "1" + "}" * 250, "1:"),
    "a key of 100,000 parts": ("a." * 100_000 + "a = 1", "1:130: nested more than 64"),
    "a header of 70 quoted parts": ("[" + '"a b" . ' * 70 + "c]", "1:520: nested more than 64"),
}
REFUSED = [
    pytest.param(text, path, message, id=name)
    for path, table in (("a.yml", YAML_REFUSED), ("a.json", JSON_REFUSED), ("a.toml", TOML_REFUSED))
    for name, (text, message) in table.items()
]


@pytest.mark.parametrize(("text", "path", "message"), REFUSED)
def test_wrong_text_is_refused_at_its_place(text: str, path: str, message: str) -> None:
    said = refused(text, path)
    assert said.startswith(f"{path}:{message}")
    assert len(said) < 400


@pytest.mark.parametrize("path", ["a.yml", "a.json", "a.toml"])
@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"a\xff", ":1:2: not UTF-8 text: byte 0xff does not belong here", id="a byte that is no text"),
        pytest.param(b"a: 1\n\xc3", ":2:1: not UTF-8 text: byte 0xc3", id="a cut character"),
        pytest.param("a: 1".encode("utf-16"), ":1:1: not UTF-8 text: byte 0xff", id="UTF-16"),
        pytest.param(b"ab\0", ":1:3: a NUL byte: this is a binary file", id="a NUL"),
        pytest.param(b"x" * 20_000_001, ": the file has 20,000,001 bytes; at most ", id="a huge file"),
    ],
)
def test_what_is_no_text_is_refused_in_every_format(data: bytes, message: str, path: str) -> None:
    assert refused(data, path).startswith(path + message)


def test_nan_as_a_key_is_refused_only_where_keys_are_typed() -> None:
    assert load(b"{.nan : 1}", "a.yml").data == {".nan": 1}
    with pytest.raises(InputError, match=r"a.yml:1:9: not a finite number"):
        load_yaml(b"{.nan : 1}", "a.yml")


def test_large_toml_is_refused_before_it_is_parsed() -> None:
    assert refused(b"a = 1\n" * 400_000, "a.toml").startswith("a.toml: the file has 2,400,000 bytes; at most 1,000,000")


def test_a_glob_without_quotes_is_understood() -> None:
    said = refused("a: **/b", "a.yml")
    assert said.startswith("a.yml:1:5: not valid YAML: did not find expected alphabetic or numeric character")
    assert said.endswith("help: quote a text that starts with *")


# Bombs


def laughs(levels: int, width: int = 10) -> str:
    lines = (f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * width)}]" for level in range(1, levels))
    return "\n".join(["l0: &l0 [x]", *lines])


BOMBS = {
    "a billion laughs": ("a.yml", laughs(30), "more than 1,000,000 values, aliases expanded"),
    "a deep alias": ("a.yml", laughs(60, 1).replace("[x]", "[[[[[[x]]]]]]"), "nested more than 64"),
    "a merge bomb": (
        "a.yml",
        "a: &a {" + ",".join(f"k{n}: 1" for n in range(2000)) + "}\nb:\n" + "  - <<: *a\n" * 2000,
        "more than 1,000,000 values",
    ),
    "many lists in JSON": ("a.json", "[" + "[]," * 1_500_000 + "[]]", "more than 1,000,000 values"),
    "many numbers in JSON": ("a.json", "[" + "1," * 1_000_000 + "1]", "a.json:1:2000000: more than 1,000,000 values"),
    "an endless string of quotes": ("a.json", '"' + '\\"' * 500_000 + "," * 1_000_000, "unterminated string"),
    "an endless string": ("a.json", '{"a":"' + "x" * 10_000_000, "unterminated string"),
    "many anchors": ("a.yml", "a: " + "&a " * 100_000, "not valid YAML"),
    "many question marks": ("a.yml", "? " * 50_000, "nested more than 64"),
    "a long list in TOML": ("a.toml", "a = [" + "1," * 50_000 + "]\nb = nan", "a.toml:2:5: not a finite number"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_are_refused_in_bounded_time(bomb: str) -> None:
    path, text, message = BOMBS[bomb]
    before = time.process_time()
    assert message in refused(text, path)
    assert time.process_time() - before < 5


def test_a_million_values_behind_strings_full_of_commas_are_read() -> None:
    text = json.dumps([",[{" * 400_000])
    assert load_json(text.encode(), "a.json").data == json.loads(text)


def test_what_many_aliases_share_is_read_once() -> None:
    document = load(laughs(5).encode(), "a.yml")
    assert document.data["l4"][9][9][9][9] == ["x"]
    assert document.data["l4"][0] is document.data["l4"][1]
    assert at(document, "l4", 3, 2, 1) == (3, 15)


# Laws


BYTES = st.binary(max_size=60) | st.text(alphabet="{}[]:,\"'&*!<-?|>#%@` \n\tab01.~=\\éu\x85", max_size=60).map(
    str.encode
)


def read_or_refused(data: bytes, path: str) -> Document | None:
    """The document, or None where it is refused in our own words."""
    try:
        return load(data, path)
    except InputError as error:
        return None if str(error).startswith(path) else pytest.fail(str(error))


@given(BYTES, st.sampled_from(["a.yml", "a.json", "a.toml"]))
def test_any_bytes_are_read_or_refused(data: bytes, path: str) -> None:
    if document := read_or_refused(data, path):
        for keys, _ in paths(document.data):
            assert document.where(*keys).line <= document.text.count("\n") + 1


@given(BYTES)
def test_any_bytes_are_read_or_refused_without_libyaml(data: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(from_yaml, "LOADER", yaml.SafeLoader)
        document = read_or_refused(data, "a.yml")
    assert document is None or document.path == "a.yml"


@given(TREES)
def test_json_reads_what_the_standard_library_reads(data: Any) -> None:
    text = json.dumps(data)
    assert load_json(text.encode(), "a.json").data == json.loads(text)


def test_a_number_at_the_bound_is_read_everywhere() -> None:
    number = 10**299
    assert load_json(b"[%d]" % number, "a.json").data == [number]
    assert load_yaml(b"[%d]" % number, "a.yml").data == [number]
    assert load_toml(b"a = %d" % number, "a.toml").data == {"a": number}
    assert math.isfinite(float(number))
