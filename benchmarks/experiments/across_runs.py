"""By how much do runs of `harness run --control` differ that no launch of theirs shows?

Each run times the same files anew. The ratio of a file to the controls of its run is compared with that of the other
runs: what two differ by beyond the errors that their launches tell is `across_runs` of the gate's settings. It is told
for each control alone and for both, as the gate takes them. Each run is then judged by each other, with several
settings. The runs lie in the folder; those that are there are not repeated.

Example:
  python -m benchmarks.experiments.across_runs results/runs/across --runs 12
"""

import argparse
import itertools
import math
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from harness.gate import controls
from harness.gate.settings import GateSettings
from harness.measurements import comparison, manifest, recorded_run, verdicts
from harness.measurements.comparison import LogRatio
from harness.measurements.kept_samples import KeptSamples
from harness.measurements.rows import Row
from harness.measurements.run_folder import RunFolder
from harness.measurements.subject_key import CONTROL, CONTROLS, MEMORY_CONTROL
from harness.measurements.verdicts import Verdict
from harness.report.tables import print_table

from .exports import export

NETWORKS = ("mlp_fmnist_relu_1", "lenet5_1x1", "cifar10_bn_elu", "convnet_gmp")
SETTINGS = (0.005, 0.01, 0.02, 0.05, 0.1)
WAYS = ((CONTROL,), (MEMORY_CONTROL,), CONTROLS)
COLUMNS = ("by", "file", "scatter", "told by launches", "besides", "at most, in all", "like memory")


@dataclass(frozen=True, kw_only=True)
class Across:
    """The ratios of one file to controls, run by run, and how much of their mixture is the one bound by memory."""

    name: str
    estimates: Sequence[LogRatio]
    memory_share: float

    @property
    def scatter(self) -> float:
        """Standard deviation of the ratios' logarithms, whatever it comes from."""
        return statistics.stdev(one.centre for one in self.estimates)

    @property
    def launches(self) -> float:
        """The standard error that the launches of a run tell, root mean square."""
        return math.sqrt(statistics.fmean(one.error**2 for one in self.estimates))

    @property
    def beyond(self) -> float:
        """What two runs differ by besides, as a standard deviation (method of moments; DerSimonian and Laird 1986)."""
        return math.sqrt(2 * max(0.0, self.scatter**2 - self.launches**2))

    @property
    def furthest(self) -> float:
        """The largest change from one run to another."""
        ratios = [one.centre for one in self.estimates]
        return math.expm1(max(ratios) - min(ratios))


def main() -> int:
    """Measure so many runs, and print what they differ by and how often the gate takes that for a regression."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the runs lie")
    parser.add_argument("--networks", nargs="+", default=NETWORKS, help="default: %(default)s")
    parser.add_argument("--runs", type=int, default=12, help="default: %(default)s")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="default: %(default)s")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    runs = measured(args.folder, args.networks, args.runs, args.threads)
    kept = [KeptRun(path=run) for run in runs]
    print_table(COLUMNS, list(lines(kept)), "table")
    for setting in SETTINGS:
        judged = [verdict(*pair, setting) for pair in itertools.permutations(kept, 2)]
        failed, passed = (judged.count(one) for one in (Verdict.FAIL, Verdict.PASS))
        print(f"across_runs = {setting}: of {len(judged)} pairs of runs {failed} failed, {passed} passed")
    return 0


def lines(runs: Sequence["KeptRun"]) -> Iterator[dict[str, object]]:
    """By controls a line for each file and way, and one for all together, root mean square."""
    for names in WAYS:
        found = list(across(runs, names))
        for one in found:
            yield _line(names, one.name, one.scatter, one.launches, one.beyond, one.furthest, one.memory_share)
        together = math.sqrt(statistics.fmean(one.beyond**2 for one in found))
        yield _line(names, "all", None, None, together, max(one.furthest for one in found), None)


def _line(names: Sequence[str], file: str, *values: float | None) -> dict[str, object]:
    told = (f"{value:.2%}" if value is not None else None for value in values)
    return dict(zip(COLUMNS, (" and ".join(names), file, *told), strict=True))


def measured(folder: Path, networks: Sequence[str], count: int, threads: Sequence[int]) -> list[Path]:
    """Time the files of the networks beside the controls, in so many runs; the folders of these."""
    exported = export(networks, folder)
    files = [path for (_, framework), path in exported.items() if framework == "torch"]
    runs = [folder / f"run {number}" for number in range(count)]
    more = ["--threads", *map(str, threads), "--control"]
    for run in runs:
        command = [sys.executable, "-m", "harness", "run", *files, *more, "--out", str(run)]
        if not (run / manifest.FILE).is_file():
            again = ["--resume"] if run.exists() else []
            subprocess.run([*command, *again], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            print(f"  {run.name}", file=sys.stderr, flush=True)
    return runs


@dataclass(frozen=True, kw_only=True)
class KeptRun:
    """A run with its samples."""

    path: Path

    @cached_property
    def rows(self) -> dict[str, Row]:
        """What was timed beside controls, by a name of its own."""
        found = recorded_run.read_rows(self.path).rows
        return {f"{row.architecture}, {row.subject.setting}": row for row in found if row.control_s}

    @cached_property
    def samples(self) -> KeptSamples:
        return KeptSamples(RunFolder(self.path))

    def ratios(self, name: str, names: Sequence[str]) -> controls.Ratios:
        """What a file is to some of the controls, by launch."""
        row = self.rows[name]
        return controls.ratios(self.samples.of(row), self.samples.of_controls(row), names)


def across(runs: Sequence[KeptRun], names: Sequence[str]) -> Iterator[Across]:
    """The ratios to some of the controls of every file that all runs have timed, in one mixture."""
    for name in runs[0].rows:
        of_each = [run.ratios(name, names) for run in runs]
        share = controls.memory_share(of_each) if len(names) > 1 else float(names == (MEMORY_CONTROL,))
        estimates = [comparison.estimate(ratios) for ratios in controls.mixed(of_each)]
        yield Across(name=name, estimates=estimates, memory_share=share)


def verdict(base: KeptRun, head: KeptRun, setting: float) -> Verdict:
    """What the gate says of the latencies of two of the runs, with that ``across_runs``."""
    ratios = {}
    for name in base.rows:
        of_each = controls.mixed([run.ratios(name, CONTROLS) for run in (head, base)])
        ratios[name] = controls.compared(of_each, CONTROLS, setting)
    return verdicts.together(list(verdicts.once(ratios, GateSettings().latency).values()))


if __name__ == "__main__":
    sys.exit(main())
