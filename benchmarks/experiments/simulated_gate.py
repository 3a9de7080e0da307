"""How often would the verdict be wrong? Gate runs drawn from the launches that a run folder recorded.

A network's two exports took turns in the same launches. What each launch's ratio is off by from that of the others is
the noise of that machine, heavy tails included: launches drawn from it again are an A/A, and with a slowdown added a
planted one. No process is started, so that thousands of gate runs take seconds. Launches are drawn one by one, so that
what lasts over several of them is not in it.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from harness.errors import HarnessError
from harness.measurements import comparison, run_folder, samples, verdicts
from harness.measurements.verdicts import LOOKS, Thresholds, Verdict
from harness.report.tables import print_table

from .confusion import share

SUBJECTS = (1, 3, 8)  # of a gate run
COLUMNS = ("subjects", "slower", "FAIL", "PASS", "CAN'T TELL", "launches")

Noise = Mapping[str, Sequence[float]]


def print_report(run: Path, thresholds: Thresholds, runs: int) -> None:
    """Print how the gate does on subjects that are as noisy as those of a run folder."""
    found = noise(run)
    deviations = [float(np.std(numbers)) for numbers in found.values()]
    print(
        f"{len(found)} ratios of {run}: the standard deviation of a launch is {min(deviations):.1%} to "
        f"{max(deviations):.1%}, {np.median(deviations):.1%} in the median"
    )
    lines = []
    for subjects in SUBJECTS:
        for slowdown in (0.0, thresholds.tolerated, thresholds.slowdown):
            verdict, launches = drawn(found, subjects, slowdown, thresholds, runs)
            shares = (share(verdict[one], runs) for one in (Verdict.FAIL, Verdict.PASS, Verdict.CANT_TELL))
            slower = f"one by {slowdown:.0%}" if slowdown else "none"
            lines.append(dict(zip(COLUMNS, (subjects, slower, *shares, f"{launches:.0f}"), strict=True)))
    print_table(COLUMNS, lines, "table")


def noise(run: Path) -> dict[str, list[float]]:
    """By network and threads: what the logarithm of each launch's ratio is off by from that of all of them.

    Raises :class:`HarnessError` where the run folder has no two exports that took turns.
    """
    found = {}
    for path in sorted((run / run_folder.SAMPLES).glob("*.parquet")):
        medians = samples.round_medians(path)
        for subject, own in medians.items():
            twin = medians.get(subject.replace("keras, ", "torch, ", 1))
            if subject.startswith("keras, ") and twin:
                found[f"{path.stem}, {subject.removeprefix('keras, ')}"] = centred(comparison.logarithms(own, twin))
    if not found:
        raise HarnessError(f"{run} has no samples of a network that both frameworks exported: name another run.")
    return found


def centred(logarithms: Sequence[float]) -> list[float]:
    """The same around zero; few numbers lie nearer to their own middle than to the true one, which is made up for."""
    centre, count = comparison.estimate(logarithms).centre, len(logarithms)
    return [(one - centre) * math.sqrt(count / (count - 1)) for one in logarithms]


def drawn(
    noise: Noise, subjects: int, slowdown: float, thresholds: Thresholds, runs: int
) -> tuple[Counter[Verdict], float]:
    """The verdicts of so many gate runs, and after how many launches they fell, in the mean.

    Without a slowdown it is that on all subjects together, with one that on the slower subject.
    """
    random = np.random.default_rng(0)
    found: Counter[Verdict] = Counter()
    launches = []
    for _ in range(runs):
        chosen = random.choice(sorted(noise), subjects, replace=subjects > len(noise))
        numbers = {place: random.choice(noise[key], LOOKS[-1]) for place, key in enumerate(chosen)}
        numbers[0] = numbers[0] + math.log1p(slowdown)
        judged = verdicts.judge({str(place): list(values) for place, values in numbers.items()}, thresholds)
        counted = [judged["0"]] if slowdown else list(judged.values())
        found[verdicts.together([one.verdict for one in counted])] += 1
        launches.append(max(one.launches for one in counted))
    return found, float(np.mean(launches))
