"""The core on which those of one thread that are compared take their turns, drawn anew for each launch.

Cores are not alike, on a machine that others use least of all: where each worker keeps to a core of its own, as the
scheduler leaves it, a launch tells the cores apart and not the subjects, and no number of rounds averages that out.
Those with more threads run where the scheduler puts them: it knows which cores share a cache or a pipeline.
"""

import os
import random
from collections.abc import Sequence
from pathlib import Path

# Of the highest frequency: the favoured cores of a processor are a twentieth above their like, those that save energy
# a fifth and more below.
AS_FAST = 0.9
CORES = Path("/sys/devices/system/cpu")


def drawn(threads: Sequence[int], chance: random.Random) -> int | None:
    """One of this process' fastest cores, for all of a group; None where one is alone or has more threads.

    None either where the system does not tell or take cores (macOS, Windows): each worker then runs where it is put.
    """
    if len(threads) < 2 or max(threads) > 1 or not hasattr(os, "sched_setaffinity"):
        return None
    return chance.choice(fastest(sorted(os.sched_getaffinity(0))))


def fastest(cores: Sequence[int]) -> list[int]:
    """Those that a scheduler would choose for work: all, where they are alike or frequencies are not told."""
    hertz = {core: _highest_frequency(core) for core in cores}
    return [core for core in cores if hertz[core] >= AS_FAST * max(hertz.values())]


def _highest_frequency(core: int) -> int:
    """In kHz; 0 where the system does not tell it, as virtual machines do not."""
    told = CORES / f"cpu{core}" / "cpufreq" / "cpuinfo_max_freq"
    return int(told.read_text()) if told.is_file() else 0
