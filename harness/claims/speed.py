"""Claims about time: of a forward pass by the run's latencies, of training by its histories."""

import math
from itertools import pairwise

from harness.claims import significance
from harness.claims.claim import Claim, Outcome, judge, together
from harness.claims.counting import macs
from harness.claims.evidence import Evidence, NotMeasuredError, Trained, remarks
from harness.claims.significance import Estimate
from harness.errors import HarnessError
from harness.measurements.providers import PROVIDERS
from harness.measurements.rows import Row
from harness.measurements.subject_key import ONNXRUNTIME
from harness.report import sweeps
from harness.report.tables import format_seconds

FASHION = "fashion_mnist"
# By falling MACs.
SHRINKING = ("fmnist_conv7", "fmnist_maxpool", "fmnist_strided")


def pooling_is_faster(evidence: Evidence) -> Outcome:
    """LeNet with both poolings against the one without the second, file by file and thread count by thread count."""
    pooled, other = (_latencies(evidence, name) for name in ("lenet_mnist", "lenet_mnist_nopool"))
    both = [subject for subject in pooled if subject in other]
    if not both:
        raise NotMeasuredError("needs latencies with intervals: `harness run lenet_mnist lenet_mnist_nopool`")
    return together([_faster(subject, pooled[subject], other[subject]) for subject in both])


def pooling_drops_values(evidence: Evidence) -> Outcome:
    """What a 2×2 pooling with stride 2 leaves of its input."""
    layers = {layer.name: layer.output_shape for layer in evidence.layers("lenet_mnist")}
    before, after = layers["conv2"], layers["pool2"]
    dropped = 1 - (after[1] * after[2]) / (before[1] * before[2])
    return judge(
        f"pool2 of lenet_mnist drops {100 * dropped:g} % of its input's values: {before} → {after}",
        {"share dropped": dropped},
        holds=dropped == 0.75,
    )


def time_falls_less_than_work(evidence: Evidence) -> Outcome:
    """Seconds an epoch of the three networks, each with the one before it, beside their MACs."""
    trained = _trained_alike(evidence, FASHION, *SHRINKING)
    seconds = {of.name: significance.median([e.seconds for e in evidence.history(of).epochs]) for of in trained}
    work = {name: macs(evidence.layers(name)) for name in SHRINKING}
    steps = [(a, b, significance.ratio(seconds[a], seconds[b]), work[a] / work[b]) for a, b in pairwise(SHRINKING)]
    told = [f"{name} {format_seconds(of.value, of.low, of.high)}" for name, of in seconds.items()]
    told += [
        f"{a} / {b} {times.value:.2f} times [{times.low:.2f}, {times.high:.2f}] at {more:.2f} times the MACs"
        for a, b, times, more in steps
    ]
    numbers = {key: value for name in SHRINKING for key, value in seconds[name].numbers(f"{name} s an epoch").items()}
    return judge(
        f"median epochs: {'; '.join(told)}{remarks(*trained)}",
        numbers | {key: value for a, b, times, _ in steps for key, value in times.numbers(f"{a} / {b}").items()},
        holds=all(times.low > 1 and times.high < more for _, _, times, more in steps),
        fails=any(times.high < 1 or times.low > more for _, _, times, more in steps),
    )


def training_takes_long(evidence: Evidence) -> Outcome:
    """How long ShallowVGG trained, and what VGG 16 computes beside it."""
    (trained,) = _trained_alike(evidence, "cifar10", "shallow_vgg")
    seconds = sum(epoch.seconds for epoch in evidence.history(trained).epochs)
    more = macs(evidence.layers("vgg16")) / macs(evidence.layers("shallow_vgg"))
    return Outcome(
        verdict="cannot tell",
        measured=f"shallow_vgg trained for {seconds / 3600:.2f} h; an image costs VGG 16 {more:,.0f} times its MACs; "
        f"the lecture names no amount{remarks(trained)}",
        numbers={"shallow_vgg seconds": seconds, "vgg16 macs, times": more},
    )


def _trained_alike(evidence: Evidence, dataset: str, *names: str) -> list[Trained]:
    """The trained networks, if one framework trained all of them, in one precision: else their times do not compare."""
    trained = evidence.trained(dataset, *names)
    settings = {f"{of.row.trained_in} in {of.row.training_precision or 'a precision not told'}" for of in trained}
    if len(settings) > 1:
        raise NotMeasuredError(f"their trainings are not alike: {', '.join(sorted(settings))}", networks=names)
    return trained


def _latencies(evidence: Evidence, name: str) -> dict[str, Estimate]:
    """The latencies of a network's files in onnxruntime that carry an interval, by what was timed.

    In the smallest batch, at its own size.
    """
    sound = [row for row in evidence.rows_of(name) if row.status == "ok" and row.runtime == ONNXRUNTIME]
    return {
        f"{row.framework} file on {_place(row)}, {row.precision}, batch {row.batch}, threads {row.threads}": found
        for row in sweeps.usual(sound)
        if (found := _latency(row))
    }


def _place(row: Row) -> str:
    """The device, and the provider where it is not the CPU's own: latencies of two are not comparable."""
    if row.provider in (None, PROVIDERS["cpu"]):
        return row.device
    return f"{row.device} ({', '.join(filter(None, (row.provider, row.options)))})"


def _latency(row: Row) -> Estimate | None:
    """A row's latency, if it has one with its interval. Raises :class:`HarnessError` where no latency can be so."""
    value, low, high = row.latency_median_s, row.latency_low_s, row.latency_high_s
    if value is None or low is None or high is None:
        return None
    if not (low <= high and all(math.isfinite(time) and time > 0 for time in (value, low, high))):
        raise HarnessError(f"a row of {row.architecture} has a latency of {value:g} s [{low:g}, {high:g}].")
    return Estimate(value=value, low=low, high=high)


def _faster(subject: str, pooled: Estimate, other: Estimate) -> Outcome:
    times = significance.ratio(other, pooled)
    return judge(
        f"{subject}: {format_seconds(pooled.value, pooled.low, pooled.high)} with the second pooling, "
        f"{format_seconds(other.value, other.low, other.high)} without: {times.value:.2f} times "
        f"[{times.low:.2f}, {times.high:.2f}]",
        times.numbers(f"{subject}: without / with"),
        holds=times.low > 1,
        fails=times.high < 1,
    )


CLAIMS = (
    Claim(
        number=33,
        lecture="T. Scully, G. Marques",
        says="Pooling speeds up the computation; 2×2 with stride 2 drops 75 % of the values. (Of memory see 34.)",
        checks=(pooling_drops_values, pooling_is_faster),
    ),
    Claim(
        number=37,
        lecture="Q.-V. Dinh",
        says="The time of an epoch falls with the MACs, but less than in proportion: about 570 s, 296 s, 199 to 291 s "
        "at 92.3, 41.8, 19.7 million MACs.",
        checks=(time_falls_less_than_work,),
    ),
    Claim(
        number=38,
        lecture="T. Scully",
        says="VGG 16 takes very long to train even on a GPU; ShallowVGG can take a long time too.",
        checks=(training_takes_long,),
    ),
)
