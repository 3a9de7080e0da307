"""What is said of an error of the system, or of a process that ended, is its true cause."""

import errno
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.errors import CannotWriteError, HarnessError
from harness.machine import cache
from harness.pieces import carrying_out


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path


def _built(error: OSError) -> Exception:
    try:
        with cache.building(cache.root() / "train" / "a") as folder:
            if error.filename == "own":
                error.filename = str(folder / "weights")
            raise error
    except (HarnessError, OSError) as caught:
        return caught


def test_an_entry_that_fails_says_whether_it_could_not_be_read_or_not_written(root: Path) -> None:
    unread = _built(PermissionError(errno.EACCES, "Permission denied", str(root / "images" / "one.png")))
    assert (
        str(unread) == f"cannot read {root}/images/one.png: Permission denied. Make it readable, or name another file."
    )
    assert not isinstance(unread, CannotWriteError)
    unwritten = _built(PermissionError(errno.EACCES, "Permission denied", "own"))
    assert isinstance(unwritten, CannotWriteError)
    assert "Set HARNESS_CACHE to a folder that can be written" in str(unwritten)
    full = _built(OSError(errno.ENOSPC, "No space left on device"))
    assert isinstance(full, CannotWriteError)
    assert "Free some space" in str(full)
    assert isinstance(_built(FileNotFoundError(errno.ENOENT, "gone", "x")), FileNotFoundError)


def test_a_log_that_cannot_be_opened_is_told_before_any_process_is_begun(root: Path) -> None:
    (root / "cache" / "log" / carrying_out.LOG).mkdir(parents=True)
    with pytest.raises(CannotWriteError, match=rf"cannot write .*{carrying_out.LOG}: Is a directory"):
        carrying_out.carry_out([], lambda *_: None)


@pytest.mark.parametrize(
    ("code", "said"),
    [(-signal.SIGKILL, "out of memory"), (-signal.SIGSEGV, "signal 11"), (3, "code 3"), (None, "ended.")],
)
def test_only_a_killed_process_may_have_lacked_memory(root: Path, code: int | None, said: str) -> None:
    worker = SimpleNamespace(started=[SimpleNamespace(exitcode=code)])
    told = carrying_out._Worker.ended(worker)  # type: ignore[arg-type]
    assert said in told
    assert ("memory" in told) == (code == -signal.SIGKILL)
    assert (carrying_out.LOG in told) == (code != -signal.SIGKILL)
