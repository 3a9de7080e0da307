"""Downloads against a server on this machine: resumed, checked, never half there."""

import errno
import hashlib
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.machine import download
from harness.machine.download import Remote

CONTENT = bytes(range(256)) * 1000


class Server:
    """A server of one file, with what it was asked for; it may honour a Range, or end early."""

    def __init__(self) -> None:
        self.honours_range = True
        self.sends_at_most: int | None = None
        self.ranges: list[str | None] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path != "/file.bin":
                    self.send_error(404)
                    return
                asked = self.headers.get("Range")
                outer.ranges.append(asked)
                first = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and outer.honours_range else 0
                if first >= len(CONTENT):
                    self.send_error(416)
                    return
                self.send_response(206 if first else 200)
                if first:
                    self.send_header("Content-Range", f"bytes {first}-{len(CONTENT) - 1}/{len(CONTENT)}")
                self.send_header("Content-Length", str(len(CONTENT) - first))
                self.end_headers()
                self.wfile.write(CONTENT[first:][: outer.sends_at_most])

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}/file.bin"

    def remote(self, content: bytes = CONTENT) -> Remote:
        checksum = f"sha256:{hashlib.sha256(content).hexdigest()}"
        return Remote(address=self.address, checksum=checksum, size_bytes=len(CONTENT))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.http.shutdown()
    thread.join()
    server.http.server_close()


def test_a_file_is_fetched_once(server: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new"
    for _ in range(2):
        assert download.fetch(server.remote(), folder).read_bytes() == CONTENT
    assert server.ranges == [None]
    assert [path.name for path in folder.iterdir()] == ["file.bin"]
    assert capfd.readouterr() == ("", ""), "no progress bar where standard error is no terminal"


@pytest.mark.parametrize("honours_range", [True, False])
def test_an_interrupted_download_goes_on(server: Server, tmp_path: Path, honours_range: bool) -> None:
    server.honours_range = honours_range
    server.sends_at_most = 100_000
    with pytest.raises(HarnessError, match=re.escape(server.address)):
        download.fetch(server.remote(), tmp_path)
    assert not (tmp_path / "file.bin").exists()
    part = tmp_path / "file.bin.part"
    received = part.stat().st_size
    assert 0 < received <= 100_000
    assert part.read_bytes() == CONTENT[:received]

    server.sends_at_most = None
    assert download.fetch(server.remote(), tmp_path).read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={received}-"]
    assert not part.exists()


def test_a_part_longer_than_the_file_is_dropped(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(CONTENT + b"more")
    assert download.fetch(server.remote(), tmp_path).read_bytes() == CONTENT


def test_a_wrong_checksum_leaves_nothing(server: Server, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=re.escape(server.address)) as caught:
        download.fetch(server.remote(b"something else"), tmp_path, advice="Set HARNESS_DATA.")
    assert list(tmp_path.iterdir()) == []
    assert "checksum" in str(caught.value)
    assert str(caught.value).endswith("\nSet HARNESS_DATA.")


def test_a_damaged_part_does_not_pass_and_does_not_stay(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(b"x" * 1000)
    with pytest.raises(HarnessError, match="checksum"):
        download.fetch(server.remote(), tmp_path)
    assert download.fetch(server.remote(), tmp_path).read_bytes() == CONTENT


def test_a_damaged_file_is_fetched_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.bin").write_bytes(CONTENT[:-1])
    assert download.fetch(server.remote(), tmp_path).read_bytes() == CONTENT


def test_a_refusal_and_a_dead_server_are_said_in_one_line(server: Server, tmp_path: Path) -> None:
    missing = Remote(address=server.address + "x", checksum="md5:00", size_bytes=1)
    with pytest.raises(HarnessError, match="404") as caught:
        download.fetch(missing, tmp_path)
    assert "\n" not in str(caught.value)
    dead = Remote(address="http://127.0.0.1:1/file.bin", checksum="md5:00", size_bytes=1)
    with pytest.raises(HarnessError, match=r"127\.0\.0\.1:1/file\.bin.*refused") as caught:
        download.fetch(dead, tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("number", "said"), [(errno.ENOSPC, "no space"), (errno.EACCES, "no permission")])
def test_a_full_or_closed_disk_is_said_with_what_to_do(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    def fail(*arguments: object) -> None:
        raise OSError(number, "as the system says it")

    monkeypatch.setattr(download, "_write", fail)
    with pytest.raises(HarnessError, match=f"{said}.*HARNESS_CACHE"):
        download.fetch(server.remote(), tmp_path)


def test_a_folder_that_cannot_be_made_is_said(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(HarnessError, match="HARNESS_CACHE"):
        download.fetch(server.remote(), tmp_path / "file" / "cache")


def test_the_cache_moves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    assert download.cache_folder() == tmp_path / "datasets"
