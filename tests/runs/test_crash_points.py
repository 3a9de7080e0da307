"""Killed at some of the points at which they write, a run, a comparison and a training lose nothing and go on.

All points, and those of a report: python -m benchmarks.experiments.crash_points
"""

import csv
import shutil
import subprocess
import sys

import pytest

from tests import ROOT

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("cc") is None, reason="points are counted by a library that is preloaded"
)


@pytest.mark.parametrize(("scenario", "every"), [("run", 13), ("ab", 17), ("train", 17)])
def test_nothing_is_lost(scenario: str, every: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.experiments.crash_points", "--scenario", scenario, "--every", str(every)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    (found,) = csv.DictReader(done.stdout.splitlines())
    assert int(found["killed"]) == len(range(1, int(found["points"]) + 1, every))
    assert found["losses"] == "0"
