"""The rules by which others tell a slowdown, on the same samples: each says whether the second is slower.

The sources are those of pytest-benchmark 5 (utils.py, `PercentageRegressionCheck`), github-action-benchmark 1
(src/write.ts, `findAlerts`; action.yml) and asv 0.6 (commands/compare.py, _stats.py), whose own functions are called.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from harness.measurements.types import Launch


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """What a rule looks at of one subject: the median and the mean call, and the mean call of each turn, in seconds.

    A turn takes 15 ms, which is nearly what asv takes for a sample (10 ms of calls).
    """

    median_s: float
    mean_s: float
    turns_s: Sequence[float]


Rule = Callable[[Sampled, Sampled], bool]


def sampled(launches: Sequence[Launch]) -> Sampled:
    """The same of all launches of a subject together."""
    calls = [call for launch in launches for call in launch.call_s]
    turns = []
    for launch in launches:
        by_round: dict[int, list[float]] = {}
        for sample, number in zip(launch.samples_ns, launch.rounds, strict=True):
            if number >= 0:
                by_round.setdefault(number, []).append(sample * 1e-9 / launch.calls_per_sample)
        turns += [statistics.fmean(of_round) for of_round in by_round.values()]
    return Sampled(median_s=statistics.median(calls), mean_s=statistics.fmean(calls), turns_s=turns)


def pytest_benchmark(base: Sampled, head: Sampled, percent: int) -> bool:
    """``--benchmark-compare-fail=median:10%``: the median is higher by more than that."""
    return head.median_s / base.median_s * 100 - 100 > percent


def github_action_benchmark(base: Sampled, head: Sampled, alert_threshold: float) -> bool:
    """``alert-threshold``, by default 200 %: the operations a second, one over the mean, fell by that factor."""
    return (1 / base.mean_s) / (1 / head.mean_s) > alert_threshold


def asv_continuous(base: Sampled, head: Sampled, factor: float) -> bool:
    """``asv continuous --factor 1.1``: the medians are that far apart, and Mann and Whitney's U has p < 0.002."""
    from asv.commands.compare import _is_result_better  # here: environments that asv makes import this file without it
    from asv_runner.statistics import compute_stats

    (base_s, base_stats), (head_s, head_stats) = (compute_stats(list(one.turns_s), 1) for one in (base, head))
    of_base, of_head = (base_stats, list(base.turns_s)), (head_stats, list(head.turns_s))
    return bool(_is_result_better(base_s, head_s, of_base, of_head, factor))


# The last two are no tool's default: what would be set by whoever wants to hear of 5 %.
RULES: dict[str, Rule] = {
    "pytest-benchmark, median:10%": partial(pytest_benchmark, percent=10),
    "github-action-benchmark, 200%": partial(github_action_benchmark, alert_threshold=2.0),
    "asv continuous, factor 1.1": partial(asv_continuous, factor=1.1),
    "pytest-benchmark, median:3%": partial(pytest_benchmark, percent=3),
    "asv continuous, factor 1.03": partial(asv_continuous, factor=1.03),
}
