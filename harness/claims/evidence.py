"""What claims are checked on: a run, read as a claim asks for it, and the definitions themselves."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from harness.claims import run_files, significance
from harness.claims.significance import Comparison, Estimate
from harness.data import datasets
from harness.errors import HarnessError
from harness.frameworks import layers, torch_training
from harness.frameworks.layers import Layer
from harness.frameworks.training import History
from harness.measurements import recorded_run
from harness.measurements.recorded_run import RecordedRows
from harness.measurements.rows import Row
from harness.measurements.run_folder import RunFolder
from harness.measurements.subject_key import FLOAT32
from harness.networks import catalog
from harness.report.tables import format_percent

PROFILE = "lecture"
# What counts as the data set that a claim is about; a finding names a copy.
COPIES = {"cifar10": {"cifar10-jpeg75": "on cifar10-jpeg75, a lossy copy of cifar10"}}
# How far the test accuracy that a training ended with may be from its file's: ties, and training in bfloat16, move it.
SAME_TRAINING = 0.005


class NotMeasuredError(Exception):
    """What a check needs is not there: the reasons, and the networks that a run must train as the lectures do."""

    def __init__(self, *reasons: str, networks: Sequence[str] = ()) -> None:
        super().__init__(*reasons)
        self.reasons, self.networks = reasons, tuple(networks)


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A network that the run trained by its lecture's recipe, and tested.

    ``row`` is of the file from the framework that it was trained in. ``labels`` (N,) are the test
    images' classes, and ``right`` (N,) says which of them the file gets right; None where the run
    kept no predictions. ``remark`` is what a reader must know of the setting.
    """

    row: Row
    accuracy: Estimate
    labels: NDArray[np.integer[Any]] | None
    right: NDArray[np.bool_] | None
    remark: str

    @property
    def name(self) -> str:
        return self.row.architecture

    def compared_with(self, other: "Trained") -> Comparison:
        """Image by image where both answered the same images, else by the two shares."""
        if self.right is None or other.right is None or self.row.dataset_digest != other.row.dataset_digest:
            return significance.unpaired(self.accuracy, other.accuracy)
        if self.labels is None or other.labels is None or not np.array_equal(self.labels, other.labels):
            return significance.unpaired(self.accuracy, other.accuracy)
        return significance.paired(self.right, other.right)


@dataclass(frozen=True)
class Evidence:
    """A run, where one is given, and the definitions of the catalogue."""

    run: Path | None = None

    @property
    def folder(self) -> RunFolder | None:
        """The folder of the run."""
        return RunFolder.around(self.run) if self.run else None

    @cached_property
    def _recorded(self) -> RecordedRows:
        return recorded_run.read_rows(self.run) if self.run else RecordedRows(rows=(), cut="", unsealed="")

    @property
    def rows(self) -> tuple[Row, ...]:
        return self._recorded.rows

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know of the run: rows that are missing, no manifest that vouches for its files."""
        return tuple(filter(None, (self._recorded.cut, self._recorded.unsealed)))

    def rows_of(self, name: str) -> list[Row]:
        """The run's rows of one network."""
        return [row for row in self.rows if row.architecture == name]

    def trained(self, dataset: str, *names: str) -> list[Trained]:
        """The networks as the lecture trains them, on that data set. Raises NotMeasuredError where one is not there."""
        lacking = [f"{name} {reason}" for name in names if (reason := self._lacks(name, dataset))]
        if lacking:
            raise NotMeasuredError(*(lacking if self.rows else ()), networks=names)
        return [self._trained(self._tested(name), dataset) for name in names]

    def history(self, of: Trained) -> History:
        """How a network of the run was trained. Raises NotMeasuredError where the run kept no history of it.

        Raises :class:`HarnessError` where the history is damaged, or of another training than the row.
        """
        path = self.folder.history_file(of.name) if self.folder else None
        if path is None or not path.is_file():
            raise NotMeasuredError(f"the run kept no history of {of.name}")
        found = run_files.history(path)
        if abs(found.test_accuracy - of.accuracy.value) > SAME_TRAINING:
            raise HarnessError(
                f"the history of {of.name} is of another training than its row: its test accuracy is "
                f"{format_percent(found.test_accuracy)}, the row's {format_percent(of.accuracy.value)}."
            )
        return found

    def layers(self, name: str) -> tuple[Layer, ...]:
        """The layers of the network's PyTorch definition, counted on the definition itself."""
        return _layers(name)

    def definition(self, name: str) -> torch.nn.Module:
        """The network's PyTorch definition, without values for its weights."""
        with torch.device("meta"):
            return torch_training.build(catalog.get(name))

    def _exported(self, name: str) -> list[Row]:
        """The run's rows of the network as it was exported, in no lower precision."""
        return [row for row in self.rows_of(name) if row.precision == FLOAT32]

    def _tested(self, name: str) -> Row:
        """The row of the file whose accuracy counts: of the framework that the network was trained in, if there."""
        tested = [row for row in self._exported(name) if row.accuracy is not None]
        return next((row for row in tested if row.framework == row.trained_in), tested[0])

    def _lacks(self, name: str, dataset: str) -> str:
        """Why the run does not show the network in the lecture's setting; empty where it does."""
        found = self._exported(name)
        if not found:
            return "is not in this run"
        if all(row.accuracy is None for row in found):
            return f"has no accuracy: {found[0].reason or found[0].status}"
        row = self._tested(name)
        if not row.equivalent:
            return f"is not measured soundly: {row.reason or row.status}"
        if row.profile != PROFILE:
            return f"was trained by its profile {row.profile}"
        if row.dataset not in (dataset, *COPIES.get(dataset, {})):
            return f"was trained on {row.dataset}"
        published = datasets.FACTS[dataset].digest if row.dataset == dataset else None
        if published is not None and row.dataset_digest != published:
            return f"was tested on other images than those published as {dataset}"
        return ""

    def _trained(self, row: Row, dataset: str) -> Trained:
        correct, total = _counts(row)
        labels, right = self._answers(row)
        if right is not None and (len(right), int(right.sum())) != (total, correct):
            raise HarnessError(
                f"the predictions of {row.architecture} have {right.sum():,} of {len(right):,} right, its row "
                f"{correct:,} of {total:,}: they are not of one run."
            )
        precision = row.training_precision
        told = [
            COPIES.get(dataset, {}).get(row.dataset or "", ""),
            f"{row.architecture} trained in {precision}" if precision not in (None, "float32") else "",
        ]
        return Trained(
            row=row,
            accuracy=significance.share(correct, total),
            labels=labels,
            right=right,
            remark="; ".join(filter(None, told)),
        )

    def _answers(self, row: Row) -> tuple[NDArray[np.integer[Any]] | None, NDArray[np.bool_] | None]:
        """The test images' classes (N,), and which of them the row's file gets right; None where not kept."""
        found = run_files.predictions(self.folder, row.architecture, row.framework) if self.folder else None
        if found is None:
            return None, None
        labels, predicted = found
        return labels, predicted == labels


def remarks(*found: Trained) -> str:
    """What a reader must know of the settings, each once, as the end of a text."""
    return "".join(f"; {remark}" for remark in dict.fromkeys(one.remark for one in found) if remark)


def _counts(row: Row) -> tuple[int, int]:
    """How many test images the row's file gets right, and of how many; they must give the row's accuracy."""
    correct, total, accuracy = row.correct, row.total, row.accuracy
    if correct is None or total is None or accuracy is None or not 0 <= correct <= total or total == 0:
        raise HarnessError(f"the row of {row.architecture} has {correct} of {total} right: expected two counts.")
    if not math.isclose(accuracy, correct / total, abs_tol=1e-6):
        raise HarnessError(
            f"the row of {row.architecture} has an accuracy of {accuracy:g} and {correct} of {total} right: they are "
            "not of one run."
        )
    return correct, total


@cache
def _layers(name: str) -> tuple[Layer, ...]:
    return layers.list_layers(catalog.get(name), "torch")
