"""Files of the user's in lower precisions, as a run measures them beside the originals: made once, and kept."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from harness.machine import cache, import_graph
from harness.machine.installed import ROOT, version
from harness.measurements import paired
from harness.measurements.rows import Row
from harness.networks.architecture import Scaling
from harness.pieces import provenance
from harness.runs import model_files, own_conversion, run_rows
from harness.runs.file_accuracy import Predictions
from harness.runs.model_files import ModelFile

FILE, TOLD = "model.onnx", "told.json"  # of an entry of the cache
ACTIVATIONS = "uint8"
CODE = ("harness.pieces.file_conversion", "harness.runs.calibration_data", "harness.runs.own_conversion")


@dataclass(frozen=True, kw_only=True)
class Lower:
    """A file in a lower precision; ``data`` and ``scaling`` are what it is calibrated on, as of the run."""

    original: ModelFile
    precision: str
    data: str | None
    scaling: Scaling | None

    @property
    def entry(self) -> Path:
        """The folder of the cache in which it lies once it is made."""
        labelled = self.original.labelled
        facts = {
            "of": self.original.sha256,
            "precision": self.precision,
            "data": (self.data, labelled.digest if labelled else None, self.scaling),
            "shapes": dict(self.original.shapes),
            "versions": {name: version(name) for name in ("onnx", "onnxruntime", "numpy")},
            "code": {str(path.relative_to(ROOT)): provenance.source(path) for path in import_graph.closure(CODE)},
        }
        return cache.root() / "convert" / cache.digest(facts)

    @property
    def planned(self) -> ModelFile:
        """The file as it is to be measured; it need not be made yet."""
        return replace(self.original, path=self.entry / FILE, precision=self.precision, producer="")

    def make(self) -> ModelFile:
        """The file, made if it is missing. Raises :class:`HarnessError` if it cannot be converted."""
        if not cache.whole(self.entry):
            with cache.building(self.entry) as folder:
                told = own_conversion.write(
                    self.original,
                    self.precision,
                    folder / FILE,
                    data=self.data,
                    scaling=self.scaling,
                    activations=ACTIVATIONS,
                )
                (folder / TOLD).write_text(json.dumps({**asdict(told), "path": FILE}))
        return replace(self.planned, sha256=model_files.digest(self.entry / FILE))

    def noted(self, row: Row) -> Row:
        """The row with how the file was made, what stays in float32, and how far it is from the original."""
        told: Mapping[str, Any] = json.loads((self.entry / TOLD).read_text())
        left = [f"{node} stays in float32: {why}" for node, why in told["left"].items()]
        more = [f"and {len(left) - 1} more nodes do"] if len(left) > 1 else []
        row = replace(
            row,
            equivalence_max_abs=told["max_abs"],
            equivalence_scale=told["scale"],
            status="not equivalent" if told["fault"] else row.status,
        )
        return run_rows.noted(row, told["fault"], told["how"], *left[:1], *more)


def named(found: Predictions, framework: str, precision: str) -> Predictions:
    """Predictions under the names that a run keeps them by, those of a lower precision beside the original's."""
    name = f"{framework}_{precision}"
    return {
        key.replace(framework, name, 1) if key.startswith(framework) else key: value for key, value in found.items()
    }


def beside(row: Row, kept: Predictions) -> Row:
    """The row with the images that are right in this precision alone, and in the original alone."""
    name = f"{row.framework}_{row.precision}"
    if not {"labels", name, row.framework} <= kept.keys():
        return row
    before, after = kept[row.framework] == kept["labels"], kept[name] == kept["labels"]
    gained, lost = int((after & ~before).sum()), int((before & ~after).sum())
    return replace(row, gained=gained, lost=lost, mcnemar_p=paired.mcnemar(gained, lost))
