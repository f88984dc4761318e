"""Price files are streams: bounded whatever they hold, and every refusal says where and what to do."""

from __future__ import annotations

import gzip
import io
import tracemalloc
from pathlib import Path

import pytest

from costgate.errors import InputError
from costgate.rates.importers import source as module
from costgate.rates.importers.json_items import MAX_ITEM, Items
from costgate.rates.importers.source import MAX_ROW, Source
from tests.rates.importers.reading import source


def rows(content: str | bytes) -> list[list[str]]:
    return [list(row) for _, row in source(content).records()]


def items(content: str | bytes, *containers: tuple[str, ...]) -> list[object]:
    return [value for _, value in Items(source(content)).walk({(), *containers})]


def refused(content: str | bytes, how: object = rows, *more: object) -> str:
    with pytest.raises(InputError) as caught:
        how(content, *more)  # type: ignore[operator]
    return str(caught.value)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_rows_come_with_the_line_they_end_on(pack: object) -> None:
    data = pack(b'\xef\xbb\xbfa,b\r\n1,"two\nlines"\n\xc3\xa4,4')  # type: ignore[operator]
    assert [(line, list(row)) for line, row in source(data).records()] == [
        (1, ["a", "b"]),
        (3, ["1", "two\nlines"]),
        (4, ["ä", "4"]),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "prices: the file is empty"),
        (b"  \n ", "prices: the file is empty"),
        (b"a,b\n1,\0\n", "prices:2:1: a NUL byte: this is a binary file"),
        (b"a,b\n1,\xff\n", "prices:2:1: not UTF-8 text: byte 0xff does not belong here"),
        (b"a,b\n1,\xc3", "prices:2:1: not UTF-8 text: byte 0xc3 does not belong here"),
        (b'a,b\n1,"2', "prices:2:1: not valid CSV: unexpected end of data"),
        (b'a,b\n1,"2"x\n', "prices:2:1: not valid CSV: ',' expected after '\"'"),
        (b"PK\x03\x04...", "prices: this is a zip or Excel file"),
        (b"PAR1....", "prices: this is a Parquet file"),
        ("a,b".encode("utf-16"), "prices: this is UTF-16 text"),
        (gzip.compress(b"a,b\n" * 9999, mtime=0)[:40], "prices: the gzip file ends in the middle"),
        (b"\x1f\x8bnothing of the kind", "prices: not a sound gzip file"),
        (gzip.compress(b"a,b\n", mtime=0)[:-8] + b"\0" * 8, "prices: not a sound gzip file: CRC check failed"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + b"\x07" * 20, "prices: not a sound gzip file: Error -3"),
        (b"x" * (MAX_ROW + 2**18 + 1), "prices:1:1: a line of more than 1,048,576 characters"),
        (b"a\n" + b'"x\n",' * 2**19, "a row of more than 1,048,576 characters"),
        (b"a\n" + b"x" * 200_000, "prices:2:1: not valid CSV: field larger than field limit (131072)"),
    ],
)
def test_hostile_rows_are_refused_with_the_way_out(content: bytes, message: str) -> None:
    said = refused(content)
    assert message in said
    assert "\nhelp: " in said


def test_a_bomb_meets_a_bound_and_not_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 2**21)
    bomb = gzip.compress(b"a,b\n" * 2**20)
    assert "has more than 2,097,152 bytes unpacked" in refused(bomb)


def test_memory_does_not_grow_with_the_file() -> None:
    data = gzip.compress(b",".join([b"a cell"] * 50) + b"\n", mtime=0) * 2**14
    tracemalloc.start()
    count = sum(1 for _ in source(data).records())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 2**14
    assert peak < 2**21


def test_a_watcher_hears_how_far_the_file_is_read() -> None:
    heard: list[int] = []
    stream = io.BufferedReader(io.BytesIO(b"a,b\n" * 2**17))  # type: ignore[arg-type]
    assert sum(1 for _ in Source("prices", stream, heard.append).records()) == 2**17
    assert heard == [2**18, 2**19]


def test_a_pipe_is_read_as_well(tmp_path: Path) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    heard: list[int] = []
    stream = io.BufferedReader(Pipe(b"a,b\n"))  # type: ignore[arg-type]
    assert [list(row) for _, row in Source("prices", stream, heard.append).records()] == [["a", "b"]]
    assert heard == [4]


def test_a_small_file_is_read_whole_and_a_large_one_is_not() -> None:
    assert source("x" * 100).whole() == "x" * 100
    assert "has more than 1,048,576 characters" in refused("x" * (2**20 + 1), lambda content: source(content).whole())


def test_items_of_containers_come_one_at_a_time() -> None:
    text = '{"a": 1, "list": [1, {"b": [2]}], "deep": {"x": {"y": "z"}}, "none": {}}{"a": 2} [3]'
    found = list(Items(source(text)).walk({(), ("list",), ("deep",)}))
    assert [path for path, _ in found] == [
        ("a",),
        ("list", "*"),
        ("list", "*"),
        ("deep", "x"),
        ("none",),
        ("a",),
        ("*",),
    ]
    assert [value for _, value in found] == [1, 1, {"b": [2]}, {"y": "z"}, {}, 2, 3]


def test_an_item_knows_where_it_begins() -> None:
    reader = Items(source('{\n "a": 1,\n "b":\n  {"c": 2},\n "d": [\n]}'))
    assert [(path, reader.began) for path, _ in reader.walk({()})] == [
        (("a",), (2, 7)),
        (("b",), (4, 3)),
        (("d",), (5, 7)),
    ]


def test_values_that_the_reader_meets_in_two_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 8)
    text = '{"number": 12345678901234567890, "text": "a longer one, \\"quoted\\"", "ä": [true, null, 1.50]}'
    assert [str(value) for value in items(text)] == [
        "12345678901234567890",
        'a longer one, "quoted"',
        "[True, None, Decimal('1.50')]",
    ]
    assert items("12345678901") == [12345678901]
    monkeypatch.setattr(module, "CHUNK", 1)  # half a character is no end of the file
    assert items('["ä", 12]') == ["ä", 12]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": 1', "prices:1:8: the file ends in the middle"),
        ('{"a": 1 "b"', "prices:1:9: not valid JSON: ',' or '}' belongs here"),
        ('{"a": {"b"', "prices:1:11: the file ends in the middle"),
        ('{"a": nope}', "prices:1:7: not valid JSON: expecting value"),
        ('{"a": [1 2]}', "prices:1:10: not valid JSON: expecting ',' delimiter"),
        ('{"a" 1}', "not valid JSON: a key in quotes and ':' belongs here"),
        ("{1: 2}", "not valid JSON: a key in quotes and ':' belongs here"),
        ('{"a": NaN}', "NaN is not a number"),
        ('{"a": ' + "1" * 301 + "}", "a number of more than 300 digits"),
        ('{"a": ' + "[" * 200_000, "JSON that is nested too deep"),
        ('{"a": "' + "x" * (MAX_ITEM + 2**18), "one item of more than 4,194,304 characters"),
    ],
)
def test_hostile_items_are_refused_with_the_way_out(content: str, message: str) -> None:
    said = refused(content, items)
    assert message in said
    assert "\nhelp: " in said
