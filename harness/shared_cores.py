"""The cores on which those that are compared take their turns: the same for all of a group, drawn anew for each launch.

Cores are not alike, on a machine that others use least of all: where each worker keeps to a core of its own, as the
scheduler leaves it, a launch tells the cores apart and not the subjects, and no number of rounds averages that out.
"""

import os
import random
from collections.abc import Sequence


def drawn(threads: Sequence[int], chance: random.Random) -> tuple[int, ...]:
    """As many of this process' cores as the most threads of a group; none where that is all of them, or one is alone.

    None either where the system does not tell or take cores (macOS, Windows): each worker then runs where it is put.
    """
    if len(threads) < 2 or not hasattr(os, "sched_setaffinity"):
        return ()
    cores = sorted(os.sched_getaffinity(0))
    return tuple(sorted(chance.sample(cores, max(threads)))) if max(threads) < len(cores) else ()
