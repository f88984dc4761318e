"""Commits that a clone lacks: fetched as objects only, with a token that only its own server sees."""

from __future__ import annotations

import base64
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from costgate.errors import InputError, WorldError
from costgate.git import fetch, open_repository, snapshot, temporary_repository
from costgate.git.fetch import PROTOCOLS
from tests.support import Repo

TOKEN = "ghs_secret"
NOBODY = "0" * 40


class Git(BaseHTTPRequestHandler):
    """Git's own smart HTTP server; what is below /moved is redirected."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self._body())

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length")
        assert length is not None
        return self.rfile.read(int(length))

    def _serve(self, body: bytes) -> None:
        server = self.server
        assert isinstance(server, Server)
        server.seen.append((self.path, self.headers.get("Authorization")))
        if server.moved_to:
            self._answer(302, [("Location", server.moved_to + self.path)], b"")
            return
        path, _, query = self.path.partition("?")
        environment = {
            "GIT_PROJECT_ROOT": str(server.root), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path, "QUERY_STRING": query,
            "REQUEST_METHOD": self.command, "CONTENT_TYPE": self.headers.get("Content-Type") or "",
            "CONTENT_LENGTH": str(len(body)), "GIT_PROTOCOL": self.headers.get("Git-Protocol") or "",
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or "", "PATH": "/usr/local/bin:/usr/bin:/bin",
            "GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_0": "uploadpack.allowAnySHA1InWant", "GIT_CONFIG_VALUE_0": "true",
            "GIT_CONFIG_KEY_1": "uploadpack.allowFilter", "GIT_CONFIG_VALUE_1": "true",
        }  # fmt: skip
        found = subprocess.run(["git", "http-backend"], env=environment, input=body, capture_output=True, check=True)
        head, _, content = found.stdout.partition(b"\r\n\r\n")
        lines = [line.split(": ", 1) for line in head.decode().split("\r\n")]
        status = next((int(value.split()[0]) for name, value in lines if name == "Status"), 200)
        self._answer(status, [(name, value) for name, value in lines if name != "Status"], content)

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response(status)
        for name, value in [*headers, ("Content-Length", str(len(content)))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """On a port of its own; remembers who asked for what."""

    daemon_threads = True

    def __init__(self, root: Path, moved_to: str = "") -> None:
        super().__init__(("127.0.0.1", 0), Git)
        self.root, self.moved_to = root, moved_to
        self.seen: list[tuple[str, str | None]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Repo, Server]]:
    """A repository of three commits, and the server of its folder."""
    repo = Repo(tmp_path / "served")
    for number in range(3):
        repo.commit({"a.py": f"{number}\n", "large.txt": "x" * 30 if number else "y"})
    with Server(tmp_path) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield repo, server
        server.shutdown()


def test_into_an_empty_repository_over_http_with_a_token(served: tuple[Repo, Server], tmp_path: Path) -> None:
    origin, server = served
    repo = temporary_repository(tmp_path)
    head, before = origin.git("rev-parse", "HEAD").strip(), origin.git("rev-parse", "HEAD~2").strip()
    fetch(repo, [head, before, head], source=f"{server.url}/served", token=TOKEN, server=server.url)
    assert snapshot(repo, head).read("a.py") == b"2\n"
    assert snapshot(repo, before).read("a.py") == b"0\n"
    login = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
    assert {authorization for _, authorization in server.seen} == {f"AUTHORIZATION: basic {login}".split(": ")[1]}
    assert TOKEN not in (repo.root / "config").read_text()
    assert login not in "".join(path.read_text(errors="replace") for path in repo.root.rglob("*") if path.is_file())
    asked = len(server.seen)
    fetch(repo, [head], source=f"{server.url}/served")  # it is there
    assert len(server.seen) == asked


def test_the_token_goes_to_its_own_server_only(served: tuple[Repo, Server], tmp_path: Path) -> None:
    origin, server = served
    head = origin.git("rev-parse", "HEAD").strip()
    repo = temporary_repository(tmp_path)
    fetch(repo, [head], source=f"{server.url}/served", token=TOKEN, server="https://github.example")
    assert {authorization for _, authorization in server.seen} == {None}


def test_a_redirect_is_not_followed(served: tuple[Repo, Server], tmp_path: Path) -> None:
    origin, server = served
    head = origin.git("rev-parse", "HEAD").strip()
    with Server(tmp_path, moved_to=server.url) as moved:
        threading.Thread(target=moved.serve_forever, daemon=True).start()
        with pytest.raises(WorldError, match="could not fetch") as caught:
            fetch(temporary_repository(tmp_path), [head], source=f"{moved.url}/served", token=TOKEN, server=moved.url)
        moved.shutdown()
    assert server.seen == []
    assert TOKEN not in str(caught.value)


def clone(origin: Repo, folder: Path, *options: str) -> Repo:
    origin.git("config", "uploadpack.allowAnySHA1InWant", "true")
    subprocess.run(["git", "clone", "-q", *options, f"file://{origin.path}", str(folder)], check=True)
    return Repo(folder)


def test_a_shallow_clone_stays_shallow_and_nothing_is_checked_out(served: tuple[Repo, Server], tmp_path: Path) -> None:
    origin, _ = served
    copy = clone(origin, tmp_path / "copy", "--depth=1")
    before = copy.git("for-each-ref"), copy.git("status", "--porcelain"), (copy.path / "a.py").read_text()
    parent = origin.git("rev-parse", "HEAD~2").strip()
    repo = open_repository(copy.path)
    fetch(repo, [parent])
    assert snapshot(repo, parent).read("a.py") == b"0\n"
    assert (copy.git("for-each-ref"), copy.git("status", "--porcelain"), (copy.path / "a.py").read_text()) == before
    assert not (copy.path / ".git" / "FETCH_HEAD").exists()


def test_a_whole_clone_is_not_made_shallow(served: tuple[Repo, Server], tmp_path: Path) -> None:
    origin, _ = served
    copy = clone(origin, tmp_path / "copy")
    origin.commit({"a.py": "new\n"})
    fetch(open_repository(copy.path), [origin.git("rev-parse", "HEAD").strip()])
    assert copy.git("rev-parse", "--is-shallow-repository").strip() == "false"


def test_a_partial_clone_gets_the_files_too(served: tuple[Repo, Server], tmp_path: Path) -> None:
    """What it lacked it would fetch later, file by file and without the token."""
    origin, server = served
    copy = Repo(tmp_path / "copy")
    for key, value in {"url": f"{server.url}/served", "promisor": "true", "partialclonefilter": "blob:none"}.items():
        copy.git("config", f"remote.origin.{key}", value)
    head = origin.git("rev-parse", "HEAD").strip()
    repo = open_repository(copy.path)
    fetch(repo, [head], token=TOKEN, server=server.url)
    asked = len(server.seen)
    assert snapshot(repo, head).read("a.py") == b"2\n"
    assert len(server.seen) == asked


def test_settings_that_come_by_the_environment_stay(
    served: tuple[Repo, Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate, say, or here where the server really is."""
    origin, server = served
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{server.url}/.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "https://github.example/")
    repo = temporary_repository(tmp_path)
    head = origin.git("rev-parse", "HEAD").strip()
    fetch(repo, [head], source="https://github.example/served", token=TOKEN, server="https://github.example")
    assert snapshot(repo, head).read("a.py") == b"2\n"
    assert {authorization for _, authorization in server.seen} == {None}  # it goes where its own server is, or nowhere


def test_a_commit_that_nobody_has(served: tuple[Repo, Server], tmp_path: Path) -> None:
    origin, _ = served
    copy = clone(origin, tmp_path / "copy")
    with pytest.raises(WorldError, match=f"git could not fetch {NOBODY}") as caught:
        fetch(open_repository(copy.path), [NOBODY])
    assert "contents: read" in caught.value.problems[0].help


@pytest.mark.parametrize("commit", ["main", "--upload-pack=touch pwned", "-x", "HEAD:a.py", ""])
def test_only_commit_ids_are_fetched(commit: str, served: tuple[Repo, Server], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no commit id"):
        fetch(temporary_repository(tmp_path), [commit], source="file:///nowhere")


@pytest.mark.parametrize("source", ["ext::touch pwned", "fd::3", "--upload-pack=touch pwned"])
def test_a_source_runs_nothing(source: str, tmp_path: Path) -> None:
    with pytest.raises(WorldError):
        fetch(temporary_repository(tmp_path), [NOBODY], source=source)
    assert not list(Path().glob("pwned"))
    assert "ext" not in PROTOCOLS


@pytest.mark.parametrize("server", ["", "github.com", "file:///etc", "https://"])
def test_a_token_needs_the_url_of_its_server(server: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no URL of a server"):
        fetch(temporary_repository(tmp_path), [NOBODY], source="file:///nowhere", token=TOKEN, server=server)


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", "many")
    with pytest.raises(WorldError, match="git could not make a repository"):
        temporary_repository(tmp_path)
