"""What is measured: raw samples and counts. Statistics are derived from them, never stored instead."""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from harness.measurements import bootstrap

FROM_THE_FILE, ON_A_RUN = "from the file", "on a run"  # how a graph was counted


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """An .onnx file and what made it."""

    path: Path
    architecture: str
    framework: str
    input_shape: tuple[int, ...]  # without the batch axis, in the file's own layout
    sha256: str
    metadata: Mapping[str, str]

    def sized(self, image_size: tuple[int, int] | None) -> tuple[int, ...]:
        """The shape of its input for images of that height and width; None: of its own size."""
        if image_size is None:
            return self.input_shape
        channels_first = self.metadata["layout"] == "NCHW"
        return (self.input_shape[0], *image_size) if channels_first else (*image_size, self.input_shape[-1])


@dataclass(frozen=True, kw_only=True)
class NodeCost:
    """One node of a graph: its multiply-accumulates, or None where the ledger cannot tell."""

    name: str
    operator: str
    macs: int | None
    reason: str = ""  # why macs is None
    runs: int | None = None  # how often it ran; None if nothing was run


@dataclass(frozen=True, kw_only=True)
class CountedInput:
    """An input of a graph at the sizes that it was counted at, the batch included.

    A size that is not known is its name; ``shape`` is None of an input without rank, and of one that is no tensor.
    ``guessed`` are the axes whose size nobody told, by what they are called, with the size that was taken.
    """

    name: str
    type: str
    shape: tuple[int | str, ...] | None
    guessed: Mapping[str, int]
    fed: str = ""  # what it was fed on a run: "given", "zeros" …


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The ledger of one graph, for one image.

    ``batch`` is how many images the graph was counted with, which the counts are divided by, and ``inputs`` are the
    sizes of its inputs, what was guessed of them included. ``counted`` is :data:`FROM_THE_FILE` or :data:`ON_A_RUN`;
    ``contradictions`` are nodes for which the two tell different counts.

    ``params`` are float weights that reach operators, less batch-norm running statistics;
    ``stored_values`` is how many numbers the file stores, whatever for. ``folded_batch_norm`` says
    whether the exporter folded batch norm, so that ``params`` may be fewer than the definition's; None if the file
    does not tell.
    ``peak_activation_bytes`` is the largest total of activations alive at one moment, in the file's
    order of nodes, and None where a size is unknown: ``peak_activation_reason`` says which.
    """

    params: int
    batch: int
    inputs: tuple[CountedInput, ...]
    stored_values: int
    stored_bytes: int
    folded_batch_norm: bool | None
    peak_activation_bytes: int | None
    peak_activation_reason: str
    nodes: tuple[NodeCost, ...]
    counted: str = FROM_THE_FILE
    contradictions: tuple[str, ...] = ()

    @property
    def macs(self) -> int | None:
        """Multiply-accumulates of one image; None where any node's count is unknown."""
        if self.unknown_operators:
            return None
        return sum(node.macs or 0 for node in self.nodes)

    @property
    def macs_by_operator(self) -> dict[str, int]:
        totals: dict[str, int] = {}
        for node in self.nodes:
            if node.macs:
                totals[node.operator] = totals.get(node.operator, 0) + node.macs
        return totals

    @property
    def operators(self) -> dict[str, int]:
        """How many nodes of each operator the graph has."""
        counts: dict[str, int] = {}
        for node in self.nodes:
            counts[node.operator] = counts.get(node.operator, 0) + 1
        return counts

    @property
    def unknown_operators(self) -> dict[str, str]:
        """Operators that could not be counted, with the reason (that of the first such node)."""
        found: dict[str, str] = {}
        for node in self.nodes:
            if node.macs is None:
                found.setdefault(node.operator, node.reason)
        return found

    @property
    def unknown_nodes(self) -> dict[str, int]:
        """How many nodes of each operator could not be counted."""
        counts: dict[str, int] = {}
        for node in self.nodes:
            if node.macs is None:
                counts[node.operator] = counts.get(node.operator, 0) + 1
        return counts


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Right answers on a test split."""

    correct: int
    total: int

    @property
    def value(self) -> float:
        return self.correct / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """The Wilson 95 % interval (E. B. Wilson, JASA 22, 1927)."""
        return self.wilson(0.95)

    def wilson(self, confidence: float) -> tuple[float, float]:
        """The Wilson interval of another confidence."""
        from scipy.stats import binomtest

        found = binomtest(self.correct, self.total).proportion_ci(confidence, method="wilson")
        return float(found.low), float(found.high)


ProofVerdict = Literal["yes", "no", "cannot tell"]


@dataclass(frozen=True, kw_only=True)
class Equivalence:
    """How far the forms of one network are apart, on logits of the same images, and what that proves.

    ``spread`` is how much the logits differ across images. ``doubt`` says why equivalence cannot be told,
    ``difference`` what differs; at most one of them is filled. ``notes`` do not decide. ``optimiser`` says how the
    files differ as onnxruntime optimises them, if all forms are equal without; ``changed`` are the frameworks whose
    files it changes.
    """

    max_abs: float
    scale: float
    tolerance: float
    spread: float
    disagreements: int = 0  # images on which the predictions of the forms differ
    ties: int = 0  # those of them whose two best logits lie within the tolerance
    doubt: str = ""
    difference: str = ""
    notes: tuple[str, ...] = ()
    optimiser: str = ""
    changed: tuple[str, ...] = ()

    @property
    def verdict(self) -> ProofVerdict:
        return "cannot tell" if self.doubt else "no" if self.difference else "yes"

    @property
    def equivalent(self) -> bool:
        return self.verdict == "yes"


@dataclass(frozen=True, kw_only=True)
class Launch:
    """What one fresh worker process measured of one subject.

    ``samples_ns`` are in order, each the time of ``calls_per_sample`` calls; ``rounds`` gives the
    round each was taken in, -1 for the warm-up.
    """

    launch: int
    calls_per_sample: int
    samples_ns: tuple[int, ...]
    rounds: tuple[int, ...]
    settled: bool  # the warm-up found an end
    warm_up_s: float | None = None  # until then, or until it was given up
    session_s: float
    first_run_s: float
    threads_in_effect: int | None
    providers: tuple[str, ...]
    upload_s: float | None = None  # of the inputs to the device that they are bound on; None on the host
    download_s: float | None = None

    @property
    def call_s(self) -> list[float]:
        """Seconds a call, warm-up left out."""
        scale = 1e-9 / self.calls_per_sample
        pairs = zip(self.samples_ns, self.rounds, strict=True)
        return [sample * scale for sample, number in pairs if number >= 0]

    @property
    def round_medians_s(self) -> dict[int, float]:
        """The median of a call by round, warm-up left out."""
        calls: dict[int, list[float]] = {}
        for sample, number in zip(self.samples_ns, self.rounds, strict=True):
            if number >= 0:
                calls.setdefault(number, []).append(sample * 1e-9 / self.calls_per_sample)
        return {number: statistics.median(of_round) for number, of_round in calls.items()}


# How many samples a percentile needs before it is shown: MLPerf LoadGen's early-stopping floors at
# 99 % confidence.
PERCENTILE_FLOORS = {90.0: 64, 95.0: 130, 99.0: 662, 99.9: 6636}


@dataclass(frozen=True, kw_only=True)
class Timing:
    """One subject's latency: its launches, and why there are no more of them where one failed.

    ``nodes`` counts those of the graph that is run, by provider and operator; ``shortfall`` says how far the
    interval is from the width that was asked for.

    Iterations of one process are correlated and share an offset of their own, so that statistics
    are over launches: the estimate is the median of the launches' medians.
    """

    launches: tuple[Launch, ...]
    failure: str = ""
    nodes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    shortfall: str = ""

    @property
    def launch_medians_s(self) -> list[float]:
        return [statistics.median(launch.call_s) for launch in self.launches]

    @property
    def median_s(self) -> float:
        return statistics.median(self.launch_medians_s)

    @property
    def interval_s(self) -> tuple[float, float] | None:
        """The bootstrap 95 % interval over launches; None where they are too few to carry one."""
        import numpy as np

        found = bootstrap.interval(np.array(self.launch_medians_s))
        return None if found is None else (float(found[0]), float(found[1]))

    def percentile_s(self, percent: float) -> float | None:
        """That percentile of single calls; None where there are too few, or where a sample is of several."""
        import numpy as np

        if self.percentile_missing(percent) != 0:
            return None
        pooled = [call for launch in self.launches for call in launch.call_s]
        return float(np.percentile(pooled, percent))

    def percentile_missing(self, percent: float) -> int | None:
        """How many samples that percentile still needs; None where a sample is of several calls: none would help."""
        if any(launch.calls_per_sample > 1 for launch in self.launches):
            return None
        return max(0, PERCENTILE_FLOORS[percent] - self.samples)

    @property
    def samples(self) -> int:
        return sum(len(launch.call_s) for launch in self.launches)

    @property
    def session_s(self) -> float:
        return statistics.median(launch.session_s for launch in self.launches)

    @property
    def first_run_s(self) -> float:
        return statistics.median(launch.first_run_s for launch in self.launches)

    @property
    def warm_up_s(self) -> float | None:
        return _median_known(launch.warm_up_s for launch in self.launches)

    @property
    def upload_s(self) -> float | None:
        return _median_known(launch.upload_s for launch in self.launches)

    @property
    def download_s(self) -> float | None:
        return _median_known(launch.download_s for launch in self.launches)

    @property
    def settled(self) -> bool:
        """Whether the warm-up found an end in every launch."""
        return all(launch.settled for launch in self.launches)


def _median_known(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
