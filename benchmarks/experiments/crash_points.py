"""Kill the harness at every write, rename and fsync of a run, a comparison, a training and a report; then go on.

A library (crash_points.c) is preloaded that counts what a process changes below one folder and kills it at a point of
that number, in the middle of a write too. Nothing waits and nothing is left to chance. What is measured is planted, so
that a trial takes a fraction of a second; everything that is written is what the harness writes.
After each kill: what was recorded is there unchanged, nothing half-written has a final name, and the same command with
--resume, or again, ends with everything.

    python -m benchmarks.experiments.crash_points                       # all points of all four
    python -m benchmarks.experiments.crash_points --scenario ab --every 5
"""

import argparse
import contextlib
import ctypes
import importlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from .crash_scenarios import SCENARIOS, Scenario

SOURCE = Path(__file__).with_name("crash_points.c")
COLUMNS = ("scenario", "points", "killed", "losses", "seconds")
BEYOND = 10**9  # no scenario has as many points


def build(place: Path) -> Path:
    """The library to preload."""
    library = place / "crash_points.so"
    subprocess.run(["cc", "-O1", "-Wall", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)
    return library


class Child:
    """One command in a process of its own, forked from this one so that nothing is imported again."""

    def __init__(self, scenario: Scenario, folder: Path, number: int, *, resume: bool) -> None:
        told, tell = os.pipe()
        process = os.fork()
        if process == 0:
            os.close(told)
            self._run(scenario, folder, number, tell, resume=resume)
        os.close(tell)
        with os.fdopen(told, encoding="utf-8") as lines:
            self.told = [json.loads(line) for line in lines if line.endswith("\n")]
        self.status = os.waitpid(process, 0)[1]

    @property
    def killed(self) -> bool:
        return os.WIFSIGNALED(self.status) and os.WTERMSIG(self.status) == signal.SIGKILL

    @property
    def code(self) -> int:
        return os.waitstatus_to_exitcode(self.status)

    def preload(self) -> None:
        """Import here what it has imported, so that those that are forked next need not."""
        for name in self.told[-1]["modules"]:
            with contextlib.suppress(Exception):  # made in the child, or of its start alone
                importlib.import_module(name)

    @property
    def points(self) -> int:
        """How many points an unharmed command passed."""
        return int(self.told[-1]["points"])

    @staticmethod
    def _run(scenario: Scenario, folder: Path, number: int, tell: int, *, resume: bool) -> None:
        """In the child: carry out the command; tell what is recorded as it is recorded."""
        code = 99
        try:
            log = os.open(folder.parent / "said.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(log, 1)
            os.dup2(log, 2)
            library = ctypes.CDLL(os.environ["LD_PRELOAD"])
            library.crash_arm(os.fsencode(folder), ctypes.c_long(number))
            code = scenario.run(folder, lambda what: os.write(tell, f"{json.dumps(what)}\n".encode()), resume=resume)
            library.crash_seen.restype = ctypes.c_long
            finished = {"points": library.crash_seen(), "modules": list(sys.modules)}
            os.write(tell, f"{json.dumps(finished)}\n".encode())
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)


def trial(scenario: Scenario, place: Path, number: int) -> list[str] | None:
    """What is lost if the command is killed at a point, in words; None if it has fewer points."""
    folder = place / "work"
    shutil.rmtree(place, ignore_errors=True)
    folder.mkdir(parents=True)
    scenario.prepare(folder)
    first = Child(scenario, folder, number, resume=False)
    if not first.killed:
        return None if first.code == 0 else [f"point {number}: it ended with {first.code}: {_said(place)}"]
    lost = scenario.lost(folder, first.told)
    again = Child(scenario, folder, BEYOND, resume=True)
    if again.code != 0:
        lost.append(f"it did not go on: {_said(place)}")
    else:
        lost += scenario.missing(folder, first.told)
    return [f"point {number}: {what}" for what in lost]


def _said(place: Path) -> str:
    return (place / "said.txt").read_text(errors="replace").strip().rpartition("\n")[2]


def run(scenario: Scenario, place: Path, every: int, limit_s: float) -> dict[str, object]:
    """Kill one scenario at each point, or at one of so many, in random order for so long; say what was lost."""
    begun, killed = time.monotonic(), 0
    whole = place / "whole"
    (whole / "work").mkdir(parents=True)
    scenario.prepare(whole / "work")
    unharmed = Child(scenario, whole / "work", BEYOND, resume=False)
    if unharmed.code != 0:
        raise RuntimeError(f"{scenario.name} fails unharmed: {_said(whole)}")
    scenario.learn(whole / "work")
    unharmed.preload()
    losses: list[str] = []
    points = list(range(1, unharmed.points + 1, every))
    for number in random.Random(0).sample(points, len(points)):
        if time.monotonic() - begun > limit_s:
            break
        lost = trial(scenario, place / "trial", number)
        if lost is None:  # a step that takes turns with another, as removing what is not there
            continue
        killed += 1
        losses += lost
    for loss in losses:
        print(f"{scenario.name}: {loss}", file=sys.stderr)
    seconds = round(time.monotonic() - begun, 1)
    return dict(zip(COLUMNS, (scenario.name, unharmed.points, killed, len(losses), seconds), strict=True))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line for each scenario; 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", nargs="+", choices=SCENARIOS, default=list(SCENARIOS))
    parser.add_argument("--every", type=int, default=1, metavar="N", help="kill at one point of N")
    parser.add_argument("--minutes", type=float, default=60.0, help="for each scenario at most (default: 60)")
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="crash-points-") as place:
        if "LD_PRELOAD" not in os.environ:
            environment = {**os.environ, "LD_PRELOAD": str(build(Path(place)))}
            again = [sys.executable, "-m", "benchmarks.experiments.crash_points", *(arguments or sys.argv[1:])]
            return subprocess.run(again, env=environment).returncode
        print(",".join(COLUMNS), flush=True)
        lost = 0
        for name in args.scenario:
            found = run(SCENARIOS[name](), Path(place) / name, args.every, 60 * args.minutes)
            print(",".join(map(str, found.values())), flush=True)
            lost += int(str(found["losses"]))
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
