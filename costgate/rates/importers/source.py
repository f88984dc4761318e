"""A price file as a stream of rows or items.

gzip is unpacked on the way. Nothing is ever held whole: hostile input meets a bound, not the memory.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import zlib
from collections.abc import Callable, Iterator, Sequence
from io import BufferedIOBase, BufferedReader

from costgate.errors import InputError
from costgate.model import Location

CHUNK = 2**18  # bytes read at once
MAX_BYTES = 2**37  # after unpacking; the largest real file has less than a tenth of it
MAX_ROW = 2**20  # characters of a CSV row or a line of text
MAX_WHOLE = 2**20  # characters of a file that is read as one
GZIP = b"\x1f\x8b"
OTHER_KINDS = {  # how files begin that people pass by mistake
    b"PK\x03\x04": ("a zip or Excel file", "unpack it, or save the sheet as CSV"),
    b"PAR1": ("a Parquet file", "pass the CSV or JSON that it was made from"),
    b"\xff\xfe": ("UTF-16 text", "save it as UTF-8"),
    b"\xfe\xff": ("UTF-16 text", "save it as UTF-8"),
    b"BZh": ("a bzip2 file", "unpack it first; gzip is read as it is"),
    b"\xfd7zXZ": ("an xz file", "unpack it first; gzip is read as it is"),
    b"(\xb5/\xfd": ("a zstd file", "unpack it first; gzip is read as it is"),
}


def _nothing(position: int) -> None:
    """Nobody watches."""


class Source:
    """An open file and its name. It can be read once; `advance` hears how many bytes of it have been read."""

    def __init__(self, path: str, stream: BufferedReader, advance: Callable[[int], None] = _nothing) -> None:
        self.path = path
        self.rows = 0  # that a person would count: CSV rows, JSON items
        self._raw = stream
        self._advance = advance
        self._pieces = self._decoded()
        self._head: str | None = None

    def head(self) -> str:
        """The beginning of the text, which can still be read. Raises InputError for an empty file."""
        if self._head is None:
            self._head = next(self._pieces, "")
        if not self._head.strip():
            raise self.error("the file is empty", help="download it again")
        return self._head

    def texts(self) -> Iterator[str]:
        """The text in pieces."""
        yield self.head()
        yield from self._pieces

    def whole(self) -> str:
        """The text of a small file. Raises InputError for one of more than a million characters."""
        parts, size = [], 0
        for text in self.texts():
            parts.append(text)
            size += len(text)
            if size > MAX_WHOLE:
                raise self.error(f"has more than {MAX_WHOLE:,} characters", help="is it the right file?")
        return "".join(parts)

    def lines(self) -> Iterator[str]:
        """Lines with their ends. Raises InputError for one without end."""
        rest, number = "", 1
        for text in self.texts():
            *complete, rest = (rest + text).split("\n")
            for line in complete:
                yield line + "\n"
            number += len(complete)
            if len(rest) > MAX_ROW:
                raise self.error(f"a line of more than {MAX_ROW:,} characters", number, help="is it the right file?")
        if rest:
            yield rest

    def records(self) -> Iterator[tuple[int, Sequence[str]]]:
        """CSV rows with the number of their last line. Raises InputError for what is no CSV."""
        size = 0

        def counted() -> Iterator[str]:
            nonlocal size
            for line in self.lines():
                size += len(line)
                if size > MAX_ROW:
                    message = f"a row of more than {MAX_ROW:,} characters"
                    raise self.error(message, reader.line_num + 1, help="is a quote missing before it?")
                yield line

        reader = csv.reader(counted(), strict=True)
        try:
            for row in reader:
                size = 0
                self.rows += 1
                yield reader.line_num, row
        except csv.Error as error:
            message = f"not valid CSV: {error}"
            raise self.error(message, reader.line_num, help="is a quote missing? download the file again") from None

    def error(self, message: str, line: int | None = None, column: int = 1, *, help: str) -> InputError:
        """Something wrong with this file, at a line or as a whole."""
        where = str(Location(path=self.path, line=line, column=column)) if line is not None else self.path
        return InputError(message, where=where, help=help)

    def _decoded(self) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8-sig")()
        line = 1
        for data in self._unpacked():
            if b"\0" in data:
                broken = line + data.count(b"\n", 0, data.index(b"\0"))
                raise self.error("a NUL byte: this is a binary file", broken, help="is it the right file?")
            if text := self._text(decoder, data, line):
                yield text
            line += data.count(b"\n")
        self._text(decoder, b"", line)

    def _text(self, decoder: codecs.IncrementalDecoder, data: bytes, line: int) -> str:
        try:
            return decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            broken = line + error.object.count(b"\n", 0, error.start)
            what = f"not UTF-8 text: byte 0x{error.object[error.start]:02x} does not belong here"
            raise self.error(what, broken, help="save the file as UTF-8; a binary file cannot be read here") from None

    def _unpacked(self) -> Iterator[bytes]:
        stream, total = self._opened(), 0
        while data := self._read(stream):
            total += len(data)
            if total > MAX_BYTES:
                raise self.error(f"has more than {MAX_BYTES:,} bytes unpacked", help="is it the right file?")
            self._advance(self._raw.tell() if self._raw.seekable() else total)
            yield data

    def _opened(self) -> BufferedIOBase:
        magic = self._raw.peek(8)
        for begin, (what, way_out) in OTHER_KINDS.items():
            if magic.startswith(begin):
                raise self.error(f"this is {what}", help=way_out)
        return gzip.GzipFile(fileobj=self._raw, mode="rb") if magic.startswith(GZIP) else self._raw

    def _read(self, stream: BufferedIOBase) -> bytes:
        try:
            return stream.read(CHUNK)
        except EOFError:
            raise self.error("the gzip file ends in the middle", help="download it again") from None
        except (zlib.error, gzip.BadGzipFile) as error:
            raise self.error(f"not a sound gzip file: {error}", help="download it again") from None
