"""The table of a run: one :class:`Row` a subject and way of timing it, told apart by :attr:`Row.key`.

``rows.csv`` grows row by row. A row is one line, written at once and synchronised; a last line
without its line end is a row that was being written when the run was killed, and is not read.
"""

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from harness.errors import HarnessError
from harness.machine import csv_cells, files
from harness.measurements.providers import SHORT_NAMES
from harness.measurements.row_versions import ADDED, OLDEST
from harness.measurements.row_versions import SCHEMA_VERSION as SCHEMA_VERSION
from harness.measurements.run_folder import ROWS
from harness.measurements.subject_key import CPU, ONNXRUNTIME, SubjectKey

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measured subject. An empty value means: not measured, or not applicable; never zero.

    Times are seconds (``_s``), sizes bytes (``_bytes``); ``reason`` says why ``status`` is not
    "ok", or what a reader must know of a row that is.
    """

    schema_version: int = SCHEMA_VERSION
    run: str
    architecture: str
    framework: str  # whose exporter made the file: keras or torch; onnx: a file of the user's
    dataset: str | None = None
    dataset_digest: str | None = None  # of the test images and labels
    adaptation: str | None = None  # what was done to the images to fit the network
    profile: str | None = None  # the recipe it was trained by; empty for random weights
    weights: str | None = None  # digest of what made the weights
    base_weights: str | None = None  # the file that imported weights, or an ImageNet base's, come from; or "random"
    trained_in: str | None = None
    training_precision: str | None = None  # of the arithmetic of training: float32 or bfloat16
    params: int | None = None  # learnable, of the definition; of a file of the user's, as the file stores them
    macs: int | None = None  # of one image, counted on the exported graph
    accuracy: float | None = None
    accuracy_low: float | None = None  # Wilson 95 % interval
    accuracy_high: float | None = None
    correct: int | None = None
    total: int | None = None
    top5: float | None = None
    published_accuracy: float | None = None
    published_on: str | None = None
    published_source: str | None = None
    equivalence_max_abs: float | None = None  # between the four forms, on logits
    equivalence_scale: float | None = None  # max |logit|
    equivalence_tolerance: float | None = None
    equivalent: bool | None = None  # empty if that cannot be told
    graph_difference: str | None = None  # operators this file has more or fewer of than its twin
    mcnemar_p: float | None = None  # of equal accuracy in float32, by McNemar's exact test on the same images
    gained: int | None = None  # images that are right here and wrong in float32
    lost: int | None = None  # images that are right in float32 and wrong here
    file_bytes: int | None = None  # on disk, external data included
    exporter: str | None = None  # what made the file of the definition, as the file says
    stored_bytes: int | None = None  # of weights and constants alone
    operators: str | None = None  # of the file, as "2 Conv, 1 Gemm"
    optimised_operators: str | None = None  # of the graph that onnxruntime runs
    node_providers: str | None = None  # what ran each of its nodes
    runtime: str = "onnxruntime"  # what ran it: else keras, keras.eager, torch or torch.compile, without a file
    output_max_abs: float | None = None  # of such a one, from the file's logits and outputs, on what it is fed
    second_opinion: str | None = None  # whether other ways of running the file give the same
    opinion_max_abs: float | None = None  # of its outputs, from those without optimisation on the CPU
    opinion_scale: float | None = None
    opinion_tolerance: float | None = None
    device: str = "cpu"
    provider: str | None = None  # onnxruntime's name of it
    options: str | None = None  # what the provider was told
    precision: str = "float32"
    input_shape: str | None = None  # of one image, HxWxC, or of one other input of a network; empty for other files
    batch: int = 1
    threads: int | None = None
    threads_in_effect: int | None = None
    latency_median_s: float | None = None
    latency_low_s: float | None = None  # bootstrap 95 % interval over process launches
    latency_high_s: float | None = None
    latency_p90_s: float | None = None  # empty under the floor of samples it needs
    latency_p99_s: float | None = None
    latency_p90_missing: int | None = None  # samples that it still needs; 0 where it is there
    latency_p99_missing: int | None = None
    call_floor_s: float | None = None  # an Identity model, measured the same way
    control_s: float | None = None  # a model that is the same in every run, measured in turns with this one
    session_s: float | None = None
    first_run_s: float | None = None
    warm_up_s: float | None = None  # after the first run, until it found its end or was given up
    upload_s: float | None = None  # of the inputs to the memory of a GPU, which a latency does not contain
    download_s: float | None = None  # of the outputs from there
    peak_rss_bytes: int | None = None  # of a fresh process that opens and runs it
    baseline_rss_bytes: int | None = None  # of the same process without the model
    arena_bytes: int | None = None  # that the runtime's allocator took from the host
    device_memory_bytes: int | None = None  # that the process took from the GPU
    energy_j: float | None = None  # of one call, of the whole processor or GPU
    energy_source: str | None = None  # whose counter it is, or why there is none
    launches: int | None = None  # fresh worker processes
    samples: int | None = None
    sampled_as: str | None = None  # "NAME/SUBJECT": under that name in samples/NAME.parquet
    calls_per_sample: int | None = None
    settled: bool | None = None  # the warm-up found an end in every launch
    rows_in_run: int | None = None  # once it is whole: a table that has fewer was cut, or its run was stopped
    status: str = "ok"
    reason: str | None = None
    onnx_sha256: str | None = None

    @property
    def proof(self) -> str | None:
        """What the twin proof says: "yes", "NO" or "cannot tell"; None if there was none.

        A run of before has told by its status alone that it could not tell.
        """
        if self.status == "cannot tell" or (self.equivalent is None and self.equivalence_tolerance is not None):
            return "cannot tell"
        return {True: "yes", False: "NO", None: None}[self.equivalent]

    @property
    def key(self) -> tuple[object, ...]:
        """What tells this row from every other row of a run."""
        return (
            self.architecture,
            self.framework,
            self.runtime,
            self.device,
            self.provider,
            self.options,
            self.precision,
            self.input_shape,
            self.batch,
            self.threads,
        )

    @property
    def subject(self) -> SubjectKey:
        """How it was timed, the size of its images and the options apart, which other rows of a run may share."""
        own_device = "cuda" if self.runtime != ONNXRUNTIME and self.device == "gpu" else CPU
        return SubjectKey(
            made_by=self.framework,
            runtime=self.runtime,
            threads=self.threads,
            provider=SHORT_NAMES.get(self.provider or "", own_device),
            precision=self.precision,
            batch=self.batch,
        )

    @property
    def image_size(self) -> tuple[int, int] | None:
        """(height, width) of the images that it is fed; None if its input is none."""
        sizes = (self.input_shape or "").split("x")
        return (int(sizes[0]), int(sizes[1])) if len(sizes) == 3 and all(map(str.isdecimal, sizes)) else None

    @property
    def kept_as(self) -> tuple[str, str]:
        """The names under which a run keeps what it has of it: of the network or file, then of the subject.

        Rows of a schema version under 5 do not tell; it is then as these versions did.
        """
        if self.sampled_as is None:
            return self.architecture, self.subject.older_text
        name, _, subject = self.sampled_as.partition("/")
        return name, subject


COLUMNS = tuple(field.name for field in fields(Row))


def append(path: Path, *new: Row) -> None:
    """Add rows to a table, with the header if they are the first; on disk when this returns."""
    if path.exists():
        _drop_unfinished_line(path)
        _bring_up_to_date(path)
    beginning = not path.exists() or path.stat().st_size == 0
    with path.open("ab") as file:
        file.write(_to_csv(new, header=beginning))
        file.flush()
        os.fsync(file.fileno())


def is_begun(path: Path) -> bool:
    """Whether there is a table with a whole line: a run may be killed in the middle of its first."""
    return path.is_file() and b"\n" in path.read_bytes()


def write(path: Path, rows: Sequence[Row]) -> None:
    """Write a table of these rows, whole or not at all, in place of what was there."""
    with files.replacing(path) as partial:
        partial.write_bytes(_to_csv(rows, header=True))


@dataclass(frozen=True, kw_only=True)
class Table:
    """The rows of a table, and why it has fewer than its run; empty if it has all, or does not tell how many."""

    rows: list[Row]
    cut: str


def read(path: Path) -> list[Row]:
    """The rows of a run folder or of a ``rows.csv``; of an older version, with what it lacks empty.

    Raises :class:`HarnessError` where there is no table, or one that this version cannot read.
    """
    return read_table(path).rows


def read_table(path: Path) -> Table:
    """The same with what is missing of it."""
    file = path / ROWS if path.is_dir() else path
    if not file.is_file():
        raise HarnessError(f"{path} is no run: expected a folder that holds {ROWS}, made by `harness run --out`.")
    content = file.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]  # before decoding: a torn line may end inside a character
    try:
        lines = csv_cells.read_lines(whole)
    except (UnicodeDecodeError, csv.Error) as error:
        raise HarnessError(f"{file} is no table of a run: expected CSV in UTF-8, found {error}.") from error
    if not lines:
        raise HarnessError(f"{file} is empty: the run was stopped before its first row; start it again with --resume.")
    header, *others = lines
    _check_header(file, header, others)
    found = [_row(file, number, header, line) for number, line in enumerate(others, start=2)]
    return Table(rows=found, cut=_cut(file, found, torn=len(whole) < len(content)))


def _cut(file: Path, found: Sequence[Row], *, torn: bool) -> str:
    """Why a table has fewer rows than its run."""
    expected = max((row.rows_in_run or 0 for row in found), default=0)
    if len(found) < expected:
        return f"{file} has {len(found)} of the {expected} rows of its run: it was cut, or the run was stopped"
    if torn:
        return f"{file} ends in the middle of a line, which is left out: it was cut, or the run was stopped"
    return ""


def to_frame(rows: list[Row]) -> "pandas.DataFrame":
    """The rows as a pandas table, one column a field."""
    import pandas

    return pandas.DataFrame([[getattr(row, name) for name in COLUMNS] for row in rows], columns=list(COLUMNS))


def _to_csv(rows: Sequence[Row], *, header: bool) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if header:
        writer.writerow(COLUMNS)
    writer.writerows([csv_cells.to_text(getattr(row, name)) for name in COLUMNS] for row in rows)
    # A file name that is no text must not stop a run.
    return text.getvalue().encode(errors="backslashreplace")


def _drop_unfinished_line(path: Path) -> None:
    with path.open("rb+") as file:
        content = file.read()
        whole = content.rfind(b"\n") + 1
        if whole != len(content):
            file.truncate(whole)


def _bring_up_to_date(path: Path) -> None:
    """Write a table of an older version with the columns of this one: rows are to be added to it."""
    with path.open("rb") as file:
        first = file.readline()
    if first.strip() and first != _to_csv((), header=True):
        write(path, read(path))


def _check_header(file: Path, header: list[str], lines: list[list[str]]) -> None:
    version = SCHEMA_VERSION
    told = dict(zip(header, lines[0] if lines else (), strict=False)).get("schema_version")
    if told is not None:  # first: another version has other columns
        version = _check_version(file, told)
    missing = [name for name in COLUMNS if name not in header and ADDED.get(name, OLDEST) <= version]
    if missing:
        raise HarnessError(f"{file} lacks the column {missing[0]!r}: expected a rows.csv of `harness run`.")


def _check_version(file: Path, version: str) -> int:
    known = range(OLDEST, SCHEMA_VERSION + 1)
    if version not in map(str, known):
        raise HarnessError(
            f"{file} has schema version {version}, this version reads {OLDEST} to {SCHEMA_VERSION}: update "
            "onnx-harness, or measure again."
        )
    return int(version)


def _row(file: Path, number: int, header: list[str], line: list[str]) -> Row:
    if len(line) != len(header):
        raise HarnessError(f"{file}, line {number}: expected {len(header)} values, found {len(line)}.")
    texts = dict(zip(header, line, strict=True))
    _check_version(file, texts["schema_version"])
    texts["schema_version"] = str(SCHEMA_VERSION)
    values: dict[str, Any] = {}
    for name in texts.keys() & _TYPES.keys():
        try:
            values[name] = csv_cells.from_text(texts[name], _TYPES[name])
        except ValueError as error:
            raise HarnessError(
                f"{file}, line {number}: {name}: {error}. A spreadsheet that saves a table writes its numbers anew: "
                "take the table as it was measured."
            ) from error
    return Row(**values)


def _plain_type(annotation: Any) -> type:
    """``int`` of ``int | None``."""
    kind: type = next((part for part in get_args(annotation) if part is not type(None)), annotation)
    return kind


_TYPES = {field.name: _plain_type(field.type) for field in fields(Row)}
