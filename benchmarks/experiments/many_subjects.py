"""How do the time and the memory of a run grow with the number of its subjects?

One file is measured as 2 to 40 subjects of one run. The memory is that of this process and of all its
workers together, looked at every 20 ms.

Example:
  python -m benchmarks.experiments.many_subjects
"""

import argparse
import contextlib
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil

from harness.timing import latency

from . import timed_models

LOOK_S = 0.02


class Peak:
    """The largest resident set of this process with its workers so far, in bytes."""

    def __init__(self) -> None:
        self.found = 0

    def look(self) -> None:
        process, total = psutil.Process(), 0
        for each in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):  # it ended since
                total += each.memory_info().rss
        self.found = max(self.found, total)


@contextlib.contextmanager
def watched() -> Iterator[Peak]:
    """Watch the memory while the block runs."""
    peak, over = Peak(), threading.Event()

    def watch() -> None:
        while not over.wait(LOOK_S):
            peak.look()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def main() -> int:
    """Measure each number of subjects, and print the line through the times and the spread of the memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="squeezenet", help="default: %(default)s")
    parser.add_argument("--subjects", type=int, nargs="+", default=[2, 5, 10, 20, 30, 40])
    parser.add_argument("--launches", type=int, default=5, help="a subject; default: %(default)s")
    args = parser.parse_args()
    seconds, peaks = [], []
    with tempfile.TemporaryDirectory() as folder:
        model = timed_models.get(args.network, Path(folder))
        for count in args.subjects:
            subjects = [model.subject(f"subject {number}", 1) for number in range(count)]
            begun = time.monotonic()
            with watched() as peak:
                latency.measure(subjects, latency.Effort(launches=args.launches))
            seconds.append(time.monotonic() - begun)
            peaks.append(peak.found)
            print(f"{count:3} subjects: {seconds[-1]:6.1f} s, {peaks[-1] / 1e6:6.0f} MB", flush=True)
    slope, fixed = np.polyfit(args.subjects, seconds, 1)
    off = max(abs(fixed + slope * count - found) / found for count, found in zip(args.subjects, seconds, strict=True))
    print(f"time: {fixed:.1f} s + {slope:.2f} s a subject, off by {off:.0%} at most; "
          f"memory: {min(peaks) / 1e6:.0f} to {max(peaks) / 1e6:.0f} MB")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
