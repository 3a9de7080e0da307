"""A folder is worked in by one process at a time, and a process that is killed leaves no lock."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.machine import locks

HOLDER = (
    "import sys, time\nfrom pathlib import Path\nfrom harness.machine import locks\n"
    "with locks.held(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(600)\n"
)


def test_a_lock_dies_with_its_process(tmp_path: Path) -> None:
    with locks.held(tmp_path):
        pass
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(HarnessError, match="another process is at work"), locks.held(tmp_path):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with locks.held(tmp_path):
        assert list(tmp_path.iterdir()) == []
    holder.stdout.close()
