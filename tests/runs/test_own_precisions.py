"""A file of one's own in lower precisions, measured beside the original in one run."""

import itertools
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest

import harness
from harness.measurements import paired
from harness.measurements.rows import Row
from harness.measurements.run_folder import RunFolder
from harness.runs import own_precisions
from tests.pieces.test_quantization import CASES, batches, classifier

PRECISIONS = ("float32", "float16", "bfloat16", "int8")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> harness.Run:
    """A run of one file in every precision, on examples whose labels are what the file itself says, some changed."""
    folder = tmp_path_factory.mktemp("own")
    nodes, tensors = CASES["a Clip from 1 on"]
    path = classifier(folder / "own.onnx", nodes, **tensors)
    images = np.concatenate(batches())
    labels = onnxruntime.InferenceSession(path).run(None, {"image": images})[0].argmax(1)
    labels[::7] = (labels[::7] + 1) % 5
    np.savez(folder / "examples.npz", image=images, labels=labels)
    return harness.measure_files(
        path,
        folder=folder / "run",
        data=str(folder / "examples.npz"),
        precisions=PRECISIONS,
        threads=[1],
        launches=1,
        seconds=0.01,
    )


def test_every_precision_has_a_row_beside_the_original(run: harness.Run) -> None:
    found: dict[str, Row] = {row.precision: row for row in run.rows}
    assert tuple(found) == PRECISIONS
    original = found["float32"]
    for precision, row in found.items():
        if precision == "bfloat16":
            assert (row.status, row.latency_median_s) == ("failed", None)
            continue
        assert row.status == "ok", row.reason
        assert row.latency_median_s
        assert row.total == 128
        assert row.second_opinion
        if precision == "float32":
            continue
        assert 0 < (row.equivalence_max_abs or 0) < 0.08 * (row.equivalence_scale or 0)
        assert row.onnx_sha256 != original.onnx_sha256
        assert row.file_bytes
    said = found["int8"].reason or ""
    for word in ("U8S8", "calibrated by MinMax on 128 examples of examples.npz", "the bounds of the Clip do not hold"):
        assert word in said


def test_right_answers_are_paired_image_by_image(run: harness.Run) -> None:
    kept = RunFolder(run.path).predictions("own")
    assert {"onnx", "onnx_float16", "onnx_int8", "labels"} <= kept.keys()
    for row in run.rows:
        if row.precision not in ("float16", "int8"):
            assert row.gained is None
            continue
        pairs = list(itertools.zip_longest(kept[f"onnx_{row.precision}"], kept["onnx"], kept["labels"]))
        gained, lost = sum(a == y != b for a, b, y in pairs), sum(b == y != a for a, b, y in pairs)
        assert (row.gained, row.lost, row.mcnemar_p) == (gained, lost, paired.mcnemar(gained, lost))
        assert row.correct == sum(a == y for a, _, y in pairs)


def test_changes_are_told_of_predictions_of_both_alone() -> None:
    row = Row(run="r", architecture="a", framework="onnx", precision="int8")
    labels, before, after = np.array([0, 1, 2, 3]), np.array([0, 0, 2, 0]), np.array([0, 1, 0, 0])
    kept = {"onnx": before, "labels": labels} | own_precisions.named({"onnx": after, "labels": labels}, "onnx", "int8")
    found = own_precisions.beside(row, kept)
    assert (found.gained, found.lost) == (1, 1)
    assert own_precisions.beside(replace(row, precision="float16"), kept).gained is None
