"""The public Python API: everything that ``harness`` itself offers, and nothing else.

What can be imported from ``harness`` is public and changes only with a note in CHANGELOG.md; every other module is
private and may change at any time. Import the names from ``harness``: each part is loaded when it is first used.

Example:
    >>> import harness
    >>> harness.count_cost("x.onnx").macs
    101632
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.architecture import Architecture, Augmentation, Optimizer, Published, Recipe
from harness.errors import HarnessError, NothingMeasuredError
from harness.gate.findings import Finding, Judgement
from harness.gate.settings import GateSettings
from harness.machine import progress
from harness.measurements import recorded_run, subject_key
from harness.measurements.recorded_run import Run
from harness.measurements.rows import Row
from harness.measurements.types import Accuracy, Cost, Equivalence, Launch, NodeCost, Timing
from harness.measurements.verdicts import Verdict
from harness.networks import catalog
from harness.networks.architecture import Scaling
from harness.steps import (
    PreparedNetwork,
    TimedFile,
    count_optimised_operators,
    draw_weights,
    export_network,
    list_providers,
    measure_memory,
    prepare_networks,
    time_files,
)

__all__ = [
    "Accuracy",
    "Architecture",
    "Augmentation",
    "Cost",
    "Equivalence",
    "Finding",
    "GateSettings",
    "HarnessError",
    "Judgement",
    "Launch",
    "NodeCost",
    "NothingMeasuredError",
    "Optimizer",
    "PreparedNetwork",
    "Published",
    "Recipe",
    "Row",
    "Run",
    "TimedFile",
    "Timing",
    "Verdict",
    "count_cost",
    "count_optimised_operators",
    "draw_weights",
    "export_network",
    "get_network",
    "judge_runs",
    "list_networks",
    "list_providers",
    "measure_files",
    "measure_memory",
    "prepare_networks",
    "read_run",
    "time_files",
]


def list_networks(patterns: str | Sequence[str] = (), *, of_set: str = "all") -> list[Architecture]:
    """The networks of the catalogue, in alphabetical order; no framework is imported.

    Args:
        patterns: Names or globs to choose; none: all of the set.
        of_set: "default" (the eight of the README), "lectures", "figure", "modern", "today" or "all".

    Raises:
        HarnessError: A name or glob matches nothing, or there is no such set.

    Example:
        >>> import harness
        >>> [network.name for network in harness.list_networks("lenet5*")]
        ['lenet5', 'lenet5_1998', 'lenet5_1x1']
    """
    if of_set not in catalog.SETS:
        raise HarnessError(f"of_set {of_set!r}: expected one of {', '.join(catalog.SETS)}.")
    return catalog.select([patterns] if isinstance(patterns, str) else patterns, of_set)


def get_network(name: str) -> Architecture:
    """The facts of one network: of the catalogue by its name, or of your own by its folder, DIR or DIR:NAME.

    Raises:
        HarnessError: There is none; the message names the nearest ones.

    Example:
        >>> import harness
        >>> network = harness.get_network("lenet5_1x1")
        >>> network.input_shape, network.macs  # H, W, C; multiply-accumulates of one image
        ((28, 28, 1), 658440)
    """
    return catalog.get(name)


def count_cost(
    file: str | Path, shapes: Mapping[str, Sequence[int]] | None = None, *, batch: int | None = None
) -> Cost:
    """Count the parameters, multiply-accumulates and bytes of an .onnx file; nothing is run.

    Args:
        file: The model; its external data are found beside it.
        shapes: Whole shapes by input, the batch axis included, for sizes that the file leaves open.
        batch: How many images one call takes; None: one if it is open, else what the file fixes.

    Returns:
        The cost of one image. ``macs`` is None if a node cannot be counted. ``unknown_operators`` says why. ``inputs``
        says which sizes were guessed.

    Raises:
        HarnessError: The file is missing, damaged or no model, or a shape does not fit it.

    Example:
        >>> import harness
        >>> cost = harness.count_cost("x.onnx")
        >>> cost.params, cost.macs_by_operator
        (101770, {'Gemm': 101632})
    """
    from harness.cost.ledger import ledger

    return ledger(Path(file), shapes, batch=batch)


def read_run(folder: str | Path) -> Run:
    """Read a run that ``harness run``, ``harness ab`` or :func:`measure_files` made; older versions' runs too.

    Args:
        folder: The folder of the run, or the rows.csv in it.

    Raises:
        HarnessError: There is no run, or a file of it is damaged.

    Example:
        >>> import harness
        >>> row = harness.read_run("runs/base").rows[0]
        >>> row.architecture, row.status, row.latency_low_s <= row.latency_median_s
        ('cifar10_bn_elu', 'ok', True)
    """
    return recorded_run.read_run(Path(folder))


def judge_runs(
    base: str | Path, head: str | Path, *, settings: GateSettings | None = None, any_order: bool = False
) -> Judgement:
    """Judge whether one run is worse than another, as ``harness gate`` does.

    Args:
        base: The folder of the run that is compared with.
        head: The folder of the run that is judged.
        settings: Thresholds; None: those of [tool.harness.gate] in the pyproject.toml of the current folder, if any.
        any_order: Compare although ``head`` was begun before ``base``.

    Returns:
        The verdict over all, and every finding.

    Raises:
        HarnessError: A run cannot be read, or they have no subject in common.
        NothingMeasuredError: Nothing was measured that could be compared.

    Example:
        >>> import harness
        >>> found = harness.judge_runs("runs/base", "runs/head", settings=harness.GateSettings(without=("latency",)))
        >>> found.verdict is harness.Verdict.PASS
        True
        >>> found.findings[0].check, found.findings[0].verdict.value
        ('status', 'PASS')
    """
    from harness.gate import judging, pairs
    from harness.gate import settings as gate_settings

    chosen = gate_settings.read(Path.cwd()) if settings is None else settings
    return judging.judge(pairs.read(Path(base), Path(head), any_order=any_order), chosen)


def measure_files(
    files: str | Path | Sequence[str | Path],
    *,
    folder: str | Path | None = None,
    data: str | None = None,
    labels: str | Path | None = None,
    scaling: Scaling | None = None,
    output: str | None = None,
    shapes: Mapping[str, Sequence[int | None]] | None = None,
    inputs: str | Path | None = None,
    threads: Sequence[int] | None = None,
    providers: Sequence[str] = (),
    batches: Sequence[int] = (1,),
    image_sizes: Sequence[tuple[int, int]] = (),
    precisions: Sequence[str] = (subject_key.FLOAT32,),
    launches: int = 10,
    seconds: float = 0.15,
    control: bool = False,
    second_opinion: bool = True,
    energy: bool = False,
    nodes: bool = False,
    seed: int = 0,
    verbose: bool = False,
) -> Run:
    """Measure .onnx files as ``harness run FILE`` does, and record the run; needs the machine to itself.

    Every parameter means what the option of ``harness run`` means. The run has no pictures and no page yet:
    ``harness report`` makes them.

    Args:
        files: One model or several, which take turns.
        folder: Where the run is recorded, new or empty; None: results/runs/<time>-<commit>.
        data: What accuracies are measured on: a data set, folder:DIR, imagenet:DIR, or FILE.npz.
        labels: The classes of FILE.npz, if they are not its array "labels".
        scaling: How the images of ``data`` become numbers; None: x / 255, or as they are for whole numbers.
        output: The output that classes are told from; None: the first of shape (N, classes).
        shapes: Whole shapes by input; a first size of None is the batch.
        inputs: An .npz file with the arrays that are fed while timing; None: random numbers, or zeros.
        threads: Thread counts, a row each; None: 1 and all.
        providers: Execution providers by short name, a row each; none: the CPU's.
        batches: Examples per call, a row each.
        image_sizes: (H, W) of the images that are fed, a row each; none: the file's own.
        precisions: Of each file, converted as ``harness convert`` does, a row each; float32 is the file as it is.
        launches: Fresh processes per subject.
        seconds: Measured per launch and subject.
        control: Time two models beside each file that are the same in every run, so that the gate can compare runs.
        second_opinion: Then whether the optimiser changes what a file computes.
        energy: Then the energy of a call, where it can be read.
        nodes: Then the time of every node.
        seed: Of the order of turns.
        verbose: Tell the plan and the progress on standard error.

    Returns:
        The run; a file that failed has a row with the reason.

    Raises:
        HarnessError: A file or a choice is no good, or ``folder`` is not empty.
        NothingMeasuredError: No file could be timed.

    Example:
        >>> import harness
        >>> run = harness.measure_files("x.onnx", folder="runs/mine", threads=[1], launches=2, seconds=0.02)
        >>> row = run.rows[0]
        >>> row.macs, row.threads, row.latency_median_s > row.call_floor_s > 0
        (101632, 1, True)
    """
    from harness.runs import choices, whole_run
    from harness.runs.folder import Settings

    paths = [files] if isinstance(files, str | Path) else files
    own = [choices.whole_path(path) for path in paths]
    if not own:
        raise HarnessError("files: expected at least one .onnx file.")
    known = choices.choose_data(data, (), own)
    settings = Settings(
        architectures=(),
        data=known,
        seed=seed,
        threads=choices.choose_threads(threads),
        providers=tuple(target.provider for target in choices.choose_targets(providers, None)),
        batches=choices.choose_batches(batches),
        image_sizes=choices.choose_image_sizes(image_sizes, ()),
        precisions=choices.choose_precisions(precisions),
        second_opinion=second_opinion,
        energy=energy,
        control=control,
        nodes=nodes,
        effort=choices.choose_effort(launches, seconds),
        files=choices.choose_files(
            own,
            known,
            shapes={name: tuple(shape) for name, shape in (shapes or {}).items()},
            inputs=inputs,
            labels=labels,
            scaling=scaling,
            output=output,
        ),
    )
    with progress.shown(verbose):
        run = whole_run.plan_run(settings)
        whole_run.announce(run)
        place = whole_run.begin(settings, None if folder is None else Path(folder))
        whole_run.check_measured(whole_run.carry_out(run, place))
    return read_run(place)
