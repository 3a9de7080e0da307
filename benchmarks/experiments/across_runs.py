"""By how much do runs of `harness run --control` differ that no launch of theirs shows?

Each run times the same files anew. The ratio of a file to the control of its run is compared with that of the other
runs: what two differ by beyond the errors that their launches tell is `across_runs` of the gate's settings. Each run
is then judged by each other, with several of these. The runs lie in the folder; those that are there are not repeated.

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
from pathlib import Path

from harness.gate.settings import GateSettings
from harness.measurements import comparison, run_folder, samples, verdicts
from harness.measurements.comparison import LogRatio
from harness.measurements.subject_key import CONTROL
from harness.measurements.verdicts import Verdict
from harness.runs.places import FLOOR

from .exports import export

NETWORKS = ("mlp_fmnist_relu_1", "lenet5_1x1", "cifar10_bn_elu", "convnet_gmp")
SETTINGS = (0.005, 0.02, 0.05, 0.1)


@dataclass(frozen=True, kw_only=True)
class Across:
    """The ratios of one file to the control, run by run."""

    name: str
    estimates: Sequence[LogRatio]

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
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    runs = measured(args.folder, args.networks, args.runs)
    found = list(across(runs))
    for one in found:
        print(
            f"{one.name}: ratio to the control off by {one.scatter:.2%} from run to run, of which its launches tell "
            f"{one.launches:.2%}; two runs differ by {one.beyond:.2%} besides; at most by {one.furthest:.1%} in all"
        )
    together = math.sqrt(statistics.fmean(one.beyond**2 for one in found))
    print(f"two of {len(runs)} runs differ besides by, root mean square over {len(found)} subjects: {together:.2%}")
    for setting in SETTINGS:
        judged = [verdict(found, base, head, setting) for base, head in itertools.permutations(range(len(runs)), 2)]
        failed, passed = (judged.count(one) for one in (Verdict.FAIL, Verdict.PASS))
        print(f"across_runs = {setting}: of {len(judged)} pairs of runs {failed} failed, {passed} passed")
    return 0


def measured(folder: Path, networks: Sequence[str], count: int) -> list[Path]:
    """Time the files of the networks beside a control, in so many runs; the folders of these."""
    exported = export(networks, folder)
    files = [path for (_, framework), path in exported.items() if framework == "torch"]
    runs = [folder / f"run {number}" for number in range(count)]
    for run in runs:
        command = [sys.executable, "-m", "harness", "run", *files, "--control", "--out", str(run)]
        if not (run / run_folder.ROWS).is_file():
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            print(f"  {run.name}", file=sys.stderr, flush=True)
    return runs


def across(runs: Sequence[Path]) -> Iterator[Across]:
    """The ratios to the control of every subject that all runs have timed."""
    for file in sorted((runs[0] / run_folder.SAMPLES).iterdir()):
        medians = [samples.round_medians(one / run_folder.SAMPLES / file.name) for one in runs]
        for subject in sorted(medians[0]):
            name, _, way = subject.partition(", ")
            control = f"{CONTROL}, {way}"
            if name not in (CONTROL, FLOOR) and control in medians[0]:
                ratios = [comparison.logarithms(one[subject], one[control]) for one in medians]
                yield Across(name=f"{file.stem}, {way}", estimates=[comparison.estimate(one) for one in ratios])


def verdict(found: Sequence[Across], base: int, head: int, setting: float) -> Verdict:
    """What the gate says of the latencies of two of the runs, with that ``across_runs``."""
    ratios = {one.name: comparison.quotient(one.estimates[head], one.estimates[base], further=setting) for one in found}
    return verdicts.together(list(verdicts.once(ratios, GateSettings().latency).values()))


if __name__ == "__main__":
    sys.exit(main())
