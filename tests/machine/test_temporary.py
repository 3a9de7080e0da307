"""Temporary folders: gone with their process, or with the next one if it was killed; those at work stay."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from harness.machine import temporary

HOLDER = (
    "import tempfile, time\nfrom harness.machine import temporary\n"
    "with temporary.folder() as folder:\n    (folder / 'file').touch()\n"
    "    print(folder, flush=True)\n    time.sleep(600)\n"
)


def test_what_a_killed_process_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)}
    )
    assert holder.stdout is not None
    left = Path(holder.stdout.readline().strip())
    assert left.parent == tmp_path
    (tmp_path / "of-somebody-else").mkdir()
    (tmp_path / f"{temporary.PREFIX}file").write_text("no folder")
    (tmp_path / f"{temporary.PREFIX}link").symlink_to(tmp_path / "of-somebody-else", target_is_directory=True)
    temporary.sweep(tmp_path, new_s=0.0)
    assert (left / "file").is_file(), "its process is at work"
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    temporary.sweep(tmp_path, new_s=60.0)
    assert left.is_dir(), "it is too young to be told from one that is being made"
    temporary.sweep(tmp_path, new_s=0.0)
    assert {path.name for path in tmp_path.iterdir()} == {
        "of-somebody-else", f"{temporary.PREFIX}file", f"{temporary.PREFIX}link",
    }  # fmt: skip


def test_a_folder_is_gone_when_its_block_is_left() -> None:
    with temporary.folder() as folder:
        (folder / "file").touch()
    assert not folder.exists()
