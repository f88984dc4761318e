"""The process that has Metaflow imported, and the end of all that a flow starts."""

from __future__ import annotations

import contextlib
import ctypes
import glob
import json
import os
import signal
import site
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from costgate.flow.answer import Failure, one_line

# What a Python needs to start. RUNNER_TRACKING_ID is how GitHub's runner finds what a job left behind.
KEPT = frozenset(("LANG", "LANGUAGE", "LD_LIBRARY_PATH", "PATH", "PYTHONHOME", "RUNNER_TRACKING_ID", "TZ"))
# No profile, no service, no credentials; @batch and @kubernetes refuse to start with a local datastore.
SETTINGS = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "METAFLOW_DATASTORE_SYSROOT_S3": "s3://costgate/nothing",
    "METAFLOW_DEFAULT_DATASTORE": "s3",
    "METAFLOW_DEFAULT_ENVIRONMENT": "local",
    "METAFLOW_DEFAULT_EVENT_LOGGER": "nullSidecarLogger",
    "METAFLOW_DEFAULT_METADATA": "local",
    "METAFLOW_DEFAULT_MONITOR": "nullSidecarMonitor",
    "METAFLOW_USER": "costgate",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
}
MISSING = Failure(
    reason="Metaflow is not installed beside costgate",
    help='pip install "metaflow-costgate[metaflow]" in the environment in which the flows can be imported',
    everywhere=True,
)
BROKEN = Failure(reason="the flow's code broke the process that ran it")
IMMORTAL = Failure(reason="a process that a flow started could not be ended; nothing more is run", everywhere=True)
PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 4, 36
CHUNK = 2**16
QUICKLY_S = 1.0
SHORT_LINE = 10_000  # bytes of what our own process says


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one flow, and of the copy of a snapshot."""

    wall_s: float = 20
    cpu_s: int = 20
    memory: int = 2 * 2**30  # bytes of address space
    file_bytes: int = 64 * 10**6  # of one file that it writes
    open_files: int = 256
    answer_bytes: int = 4 * 10**6
    start_s: float = 60  # to import Metaflow
    end_s: float = 5  # until all that a flow started has ended
    files: int = 50_000  # of a snapshot
    total_bytes: int = 500 * 10**6  # of these

    @property
    def of_a_process(self) -> dict[str, int]:
        """What the kernel is told, by the names of oracle_child.py."""
        return {
            "memory": self.memory,
            "cpu_s": self.cpu_s + 1,
            "file_bytes": self.file_bytes,
            "open_files": self.open_files,
            "core": 0,
        }


class _SilentError(Exception):
    """A process did not say what it should have said."""


@dataclass(slots=True, kw_only=True)
class Server:
    """A process that has imported Metaflow and forks one for each flow."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    limits: Limits
    metaflow: str = ""  # its version

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self.control.fileno() >= 0 and self.process.poll() is None

    def ask(self, question: bytes) -> bytes | Failure:
        """One flow, from its start until all that it started has ended."""
        before = _children()
        child = 0
        found: bytes | Failure = BROKEN
        mine, theirs = socket.socketpair()
        with mine, _adopting():
            try:
                with theirs:
                    socket.send_fds(self.control, [b"f"], [theirs.fileno()])
                    child = int(_line(self.control, self.limits.end_s))
                found = _exchange(mine, question, self.limits)
            except (OSError, ValueError, _SilentError):
                pass
            finally:
                status = self._end(child)
                is_over = _sweep(before, self.limits.end_s)
        if not is_over:
            return IMMORTAL
        return found or Failure(reason=_ending(status, self.limits))

    def close(self) -> None:
        """End it: it ends by itself, if no flow has stopped it."""
        self.control.close()
        try:
            self.process.wait(QUICKLY_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _end(self, child: int) -> int | None:
        """End the flow's process; its status. A server that does not answer is ended, too."""
        try:
            if child:
                _kill(child)
                self.control.sendall(b"e")
                return int(_line(self.control, self.limits.end_s))
        except (OSError, ValueError, _SilentError):
            pass
        self.close()
        return None


def start(command: tuple[str, ...], cwd: Path, environ: Mapping[str, str], limits: Limits) -> Server | Failure:
    """Start the process and wait until it has imported Metaflow, with the settings that hold in `cwd`."""
    # A user's own packages lie in the home that the process does not get.
    users = [site.getusersitepackages()] if site.ENABLE_USER_SITE else []
    control, theirs = socket.socketpair()
    with theirs:
        try:
            process = subprocess.Popen(
                [*command, str(theirs.fileno()), *users],
                cwd=cwd, env=environ, pass_fds=[theirs.fileno()], start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        except (OSError, ValueError) as error:
            control.close()
            return Failure(reason=f"Python cannot be started: {error}")
    server = Server(process=process, control=control, limits=limits)
    try:
        hello = json.loads(_line(control, limits.start_s))
    except BaseException as error:
        server.close()
        if not isinstance(error, (OSError, ValueError, _SilentError)):
            raise
        return Failure(reason="the process that imports Metaflow ended or hung")
    if "error" in hello:
        server.close()
        reason = one_line(f"this Metaflow cannot be asked, 2.16 or newer can: {hello['error']}")
        return MISSING if hello["missing"] else Failure(reason=reason)
    server.metaflow = one_line(hello["metaflow"])
    return server


def scrubbed(environ: Mapping[str, str], metaflow_env: Mapping[str, str], home: Path) -> dict[str, str]:
    """An environment for code that nobody has read: no token, no credentials, a home that is not there."""
    kept = {name: value for name, value in environ.items() if name in KEPT or name.startswith("LC_")}
    settings = {name: value for name, value in metaflow_env.items() if name != "METAFLOW_PROFILE"}
    return kept | settings | SETTINGS | {"HOME": str(home), "METAFLOW_HOME": str(home)}


def hidden(yes: bool) -> None:
    """Whether other processes of this user may look into this one: its environment may hold a token."""
    _prctl(PR_SET_DUMPABLE, int(not yes))


def _prctl(option: int, value: int) -> None:
    """Linux's; elsewhere nothing."""
    getattr(ctypes.CDLL(None), "prctl", lambda *_: 0)(option, value, 0, 0, 0)


@contextlib.contextmanager
def _adopting() -> Iterator[None]:
    """A process that loses its parent becomes a child of this one, wherever it has hidden, and so it is found."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    try:
        yield
    finally:
        _prctl(PR_SET_CHILD_SUBREAPER, 0)


def _children() -> frozenset[int]:
    """The processes whose parent this one is; none are known without Linux's /proc."""
    found = set()
    for path in glob.iglob("/proc/[0-9]*/stat"):
        with contextlib.suppress(OSError):
            about = Path(path).read_bytes().rpartition(b")")[2].split()
            if int(about[1]) == os.getpid():
                found.add(int(path.split("/")[2]))
    return frozenset(found)


def _kill(pid: int) -> None:
    """A process and its group."""
    for end in (os.killpg, os.kill):
        with contextlib.suppress(OSError):
            end(pid, signal.SIGKILL)


def _sweep(before: frozenset[int], seconds: float) -> bool:
    """Kill all children but those from before, and what these leave behind, until none is left; False if one stays."""
    deadline = time.monotonic() + seconds
    while strangers := _children() - before:
        if time.monotonic() > deadline:
            return False
        for pid in strangers:
            _kill(pid)
            with contextlib.suppress(OSError):
                os.waitpid(pid, os.WNOHANG)
        time.sleep(0.002)
    return True


def _line(channel: socket.socket, seconds: float) -> bytes:
    """What our own process says next, to the end of the line."""
    found = _received(channel, time.monotonic() + seconds, SHORT_LINE)
    if not found.endswith(b"\n"):
        raise _SilentError
    return found


def _exchange(channel: socket.socket, question: bytes, limits: Limits) -> bytes | Failure:
    """A question and its answer; nothing where the process ended before it had given one."""
    deadline = time.monotonic() + limits.wall_s
    try:
        channel.settimeout(limits.wall_s)
        channel.sendall(question)
        found = _received(channel, deadline, limits.answer_bytes)
    except TimeoutError:
        return Failure(reason=f"it took longer than {limits.wall_s:g} s")
    if len(found) > limits.answer_bytes:
        return Failure(reason=f"its answer is larger than {limits.answer_bytes / 10**6:g} MB")
    return found if found.endswith(b"\n") else b""


def _received(channel: socket.socket, deadline: float, most: int) -> bytes:
    """The first line that comes; less of it where the channel is closed, a bit more than `most` bytes at most."""
    found = bytearray()
    while b"\n" not in found and len(found) <= most:
        channel.settimeout(max(deadline - time.monotonic(), 0.001))
        chunk = channel.recv(CHUNK)
        if not chunk:
            break
        found += chunk
    return bytes(found if len(found) > most else found[: found.find(b"\n") + 1])


def _ending(status: int | None, limits: Limits) -> str:
    """How a process ended that gave no answer."""
    if status is None:
        return BROKEN.reason
    if not os.WIFSIGNALED(status):
        return f"its process ended without an answer (exit code {os.WEXITSTATUS(status)})"
    if os.WTERMSIG(status) == signal.SIGXCPU:
        return f"it used more than {limits.cpu_s} s of processor time"
    if os.WTERMSIG(status) == signal.SIGKILL:
        return "its process closed its answer or was killed; it may need too much memory"
    return f"its process was ended by {signal.Signals(os.WTERMSIG(status)).name}"
