"""How long the command line takes to answer what needs no framework."""

import random
import subprocess
import sys
import time
from typing import Any

from . import outcomes

COMMANDS = ("--help", "list")
STARTS = 15


class StartUp:
    """Seconds of one `harness` process, from its start to its end; the commands take turns."""

    params = (COMMANDS,)
    param_names = ("command",)
    version = "1"

    def setup_cache(self) -> dict[str, list[float]]:
        seconds: dict[str, list[float]] = {command: [] for command in COMMANDS}
        for number in range(1 + STARTS):
            for command in random.sample(COMMANDS, len(COMMANDS)):
                taken = _seconds(command)
                if number > 0:  # the first reads its files from the disk
                    seconds[command].append(taken)
        return seconds

    def track_start_up(self, seconds: dict[str, list[float]], command: str) -> dict[str, Any]:
        return outcomes.samples(seconds[command])

    track_start_up.unit = "seconds"  # type: ignore[attr-defined]


def _seconds(command: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-P", "-m", "harness", command], check=True, capture_output=True)
    return time.perf_counter() - start
