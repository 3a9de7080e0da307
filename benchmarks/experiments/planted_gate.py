"""The planted changes that need no timing, each through two runs of `harness run` and `harness gate`."""

import json
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from harness.errors import HarnessError
from harness.measurements.verdicts import Verdict

from . import planted_files
from .gate_runs import UNCHANGED, Change
from .planted_files import Planted

# Latency is left out: of two runs it could only be told by their controls, and is what the gate runs are about.
RUN = ("run", "--threads", "1", "--launches", "1", "--seconds", "0.01")
REFUSED = 2  # exit code: the gate takes the two for runs of different things, and names no check
GATE = ("--format", "json", "--without", "latency")


def judged(folder: Path, done: Collection[str]) -> Iterator[Change]:
    """Let the gate judge every change but those that are done; files and run folders lie in the folder."""
    planted = planted_files.of(folder)
    nothing = Planted(name=UNCHANGED, network=planted_files.WITH_RELU, base=planted[1].base, head=planted[1].base)
    for change in (nothing, *planted):
        if change.name not in done:
            yield judged_alone(change, folder)


def judged_alone(change: Planted, folder: Path) -> Change:
    """What the gate says of one change."""
    begun = time.monotonic()
    runs = []
    for file in change.write(folder):
        runs.append(file.parent / "run")
        _harness(*RUN, str(file), "--out", str(runs[-1]))
    told = _harness("gate", *map(str, runs), *GATE, codes=(0, 1, REFUSED, 3))
    answer = json.loads(told) if told else {"verdict": "refused", "subjects": []}
    checks = [check for subject in answer["subjects"] for check in subject["checks"]]
    found = [check["check"] for check in checks if check["verdict"] == Verdict.FAIL]
    return Change(
        name=change.name,
        network=change.network,
        verdict=answer["verdict"],
        found_by=list(dict.fromkeys(found)),
        seconds=time.monotonic() - begun,
    )


def _harness(*arguments: str, codes: Collection[int] = (0,)) -> str:
    """What the command line prints. Raises :class:`HarnessError` where it ends otherwise than it may."""
    done = subprocess.run([sys.executable, "-m", "harness", *arguments], capture_output=True, text=True)
    if done.returncode not in codes:
        raise HarnessError(f"harness {' '.join(arguments)} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout
