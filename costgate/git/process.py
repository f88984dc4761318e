"""Runs git: bounded in time and output, and so that nothing in the repository starts a program or is changed."""

from __future__ import annotations

import os
import select
import selectors
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen

from costgate.errors import InputError, WorldError

MEGABYTE = 10**6
BLOB_LIMIT = 20 * MEGABYTE  # the largest file that is read
OUTPUT_LIMIT = 256 * MEGABYTE  # of one command, two million file names: folders that share one tree can list for ever
TIMEOUT_S = 120
CHUNK = 2**16  # bytes; what a pipe holds
KEPT = 32 * MEGABYTE  # of contents up to CHUNK that stay in memory

# Off: what a repository's settings would start. A blob above the limit is streamed by git, too, and not loaded.
GIT = (
    "git", "--no-pager", "--no-optional-locks",
    "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "protocol.ext.allow=never",
    "-c", f"core.bigFileThreshold={BLOB_LIMIT}",
)  # fmt: skip
SETTINGS = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_REPLACE_OBJECTS": "1"}
# Git sets these for a hook, about the repository of the hook; the first three say what is being committed or pushed.
CONTENT_VARIABLES = ("GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES")
LOCAL_VARIABLES = (
    *CONTENT_VARIABLES, "GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_PREFIX", "GIT_NAMESPACE", "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE", "GIT_IMPLICIT_WORK_TREE", "GIT_INTERNAL_SUPER_PREFIX",
)  # fmt: skip
PATHSPEC_VARIABLES = ("GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS")


class Blobs:
    """One `git cat-file --batch`, started by the first read and ended with the repository or the interpreter."""

    def __init__(self, root: Path, environment: Mapping[str, str]) -> None:
        self._root, self._environment = root, environment
        self._lock = threading.Lock()
        self._running: tuple[Popen[bytes], Callable[[], object]] | None = None
        self._kept: dict[str, bytes] = {}  # small contents: most blobs of base are those of head
        self._room = KEPT

    def read(self, blob: str, path: str) -> bytes:
        """The content of a blob; `path` is for messages. InputError above BLOB_LIMIT, WorldError if it is not there."""
        with self._lock:
            if blob in self._kept:
                return self._kept[blob]
            process, end = self._running = self._running or self._start()
            try:
                content = _ask(process, blob, path)
            except BaseException:  # an interrupt too: what is left in the pipe is not the next answer
                self._running = None
                end()
                raise
            if len(content) <= min(CHUNK, self._room):
                self._kept[blob] = content
                self._room -= len(content)
            return content

    def _start(self) -> tuple[Popen[bytes], Callable[[], object]]:
        process = popen(("cat-file", "--batch"), self._root, self._environment, stdin=PIPE, stderr=DEVNULL)
        return process, weakref.finalize(self, _end, process)


def clean_environment() -> dict[str, str]:
    """The environment of this process, for a git that speaks English, asks nothing and knows of no hook."""
    dropped = {*LOCAL_VARIABLES, *PATHSPEC_VARIABLES}
    return {name: value for name, value in os.environ.items() if name not in dropped} | SETTINGS


def call(arguments: tuple[str, ...], folder: Path, environment: Mapping[str, str]) -> tuple[int, bytes, str]:
    """Exit code, output and messages of one command, bounded in time and size."""
    with popen(arguments, folder, environment, stdin=DEVNULL, stderr=PIPE) as process:
        try:
            output, errors = _streams(process, arguments[0])
        except BaseException:  # leaving waits for the process, so it has to end
            process.kill()
            raise
    return process.returncode, output, errors.decode("utf-8", "replace")


def popen(
    arguments: tuple[str, ...], folder: Path, environment: Mapping[str, str], *, stdin: int, stderr: int
) -> Popen[bytes]:
    """Start a git; WorldError where there is none."""
    command: list[str | bytes] = [*GIT, *(argument.encode("utf-8", "surrogateescape") for argument in arguments)]
    try:
        return Popen(command, cwd=folder, env=environment, stdin=stdin, stdout=PIPE, stderr=stderr, bufsize=0)
    except OSError as error:
        raise WorldError(f"git cannot be run: {error}", help="install git 2.30 or newer, and put it on PATH") from error


def _streams(process: Popen[bytes], name: str) -> tuple[bytes, bytes]:
    """What a process writes to its output and to its error stream until it closes both."""
    written = {process.stdout: bytearray(), process.stderr: bytearray()}
    end = time.monotonic() + TIMEOUT_S
    with selectors.DefaultSelector() as open_streams:
        for stream in written:
            assert stream
            open_streams.register(stream, selectors.EVENT_READ, stream)
        while open_streams.get_map():
            ready = open_streams.select(end - time.monotonic())
            if not ready:
                raise WorldError(f"git {name} took more than {TIMEOUT_S} s")
            for key, _ in ready:
                chunk = key.data.read(CHUNK)
                written[key.data] += chunk
                if not chunk:
                    open_streams.unregister(key.data)
            if sum(map(len, written.values())) > OUTPUT_LIMIT:
                raise InputError(f"git {name} lists more than {OUTPUT_LIMIT // MEGABYTE} MB of file names")
    return bytes(written[process.stdout]), bytes(written[process.stderr])


def _ask(process: Popen[bytes], blob: str, path: str) -> bytes:
    """One question and answer: `id`, then `id type size` and the content. Above the limit the content is not taken."""
    assert process.stdin
    try:
        process.stdin.write(f"{blob}\n".encode())
    except OSError as error:
        raise WorldError(f"git cat-file ended: {error}", where=shown(path)) from error
    answer = b""
    while b"\n" not in answer:
        answer += _receive(process, path)
    head, _, content = answer.partition(b"\n")
    if head.endswith(b" missing"):
        raise WorldError(f"this clone lacks the object {blob}", where=shown(path), help="run `git fsck`")
    size = int(head.rpartition(b" ")[2])
    if size > BLOB_LIMIT:
        raise too_large(path, size)
    buffer = bytearray(content)
    while len(buffer) <= size:
        buffer += _receive(process, path)
    return bytes(buffer[:size])


def _receive(process: Popen[bytes], path: str) -> bytes:
    """The next bytes of an answer."""
    assert process.stdout
    poll = select.poll()
    poll.register(process.stdout, select.POLLIN)
    if not poll.poll(TIMEOUT_S * 1000):
        raise WorldError(f"git cat-file took more than {TIMEOUT_S} s", where=shown(path))
    received = process.stdout.read(CHUNK)
    if not received:
        raise WorldError("git cat-file ended without an answer", where=shown(path), help="run `git fsck`")
    return received


def _end(process: Popen[bytes]) -> None:
    with process:
        process.kill()


def too_large(path: str, size: int) -> InputError:
    """The error of a file that is above BLOB_LIMIT."""
    limit = BLOB_LIMIT // MEGABYTE
    return InputError(
        f"file is {-(-size // MEGABYTE)} MB, the limit is {limit} MB",
        where=shown(path),
        help="what costgate reads is small: keep data in files that no flow, config or costgate.yml names",
    )


def first_line(errors: str) -> str:
    """What git says first, without its `fatal:`."""
    return shown(errors.strip().partition("\n")[0].removeprefix("fatal: "))


def shown(text: str | Path) -> str:
    """Text that any terminal can print: control characters and undecodable bytes are escaped."""
    return str(text) if str(text).isprintable() else ascii(str(text))[1:-1]
