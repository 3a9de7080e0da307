"""Files of lower precisions: what they hold, how far they are from float32, and what their rows say."""

import csv
import hashlib
import math
from dataclasses import replace
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator

from harness.claims.evidence import Evidence
from harness.data import images
from harness.errors import HarnessError
from harness.machine import cache
from harness.measurements import paired, rows
from harness.measurements.configurations import PRECISIONS, Configuration, Way
from harness.measurements.providers import Target
from harness.measurements.rows import Row
from harness.measurements.types import Artifact
from harness.networks import catalog
from harness.pieces import calibration, evaluation, half_precision, making, plan, provenance, results
from harness.pieces.piece import Piece, Pieces
from harness.pieces.request import Request
from harness.report import figure, plots, precision_plots
from harness.runs import precision_rows, run_rows
from harness.runs.measured_network import MeasuredNetwork
from tests.conftest import Harness

MLP, LENET = "mlp_fmnist_relu_1", "lenet5_1x1"
TYPES = {"float16": TensorProto.FLOAT16, "bfloat16": TensorProto.BFLOAT16}
MULTIPLYING = ("Conv", "Gemm", "MatMul")


@pytest.fixture(scope="module")
def run(harness: Harness, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two networks in every precision."""
    folder = tmp_path_factory.mktemp("runs") / "precisions"
    effort = ("--threads", "1", "--launches", "1", "--seconds", "0.02")
    done = harness("run", MLP, LENET, *effort, "--precision", "int8", *PRECISIONS[:3], "--out", str(folder))
    assert done.returncode == 0, done.stderr
    assert "gained / lost (p)" in done.stdout
    return folder


@pytest.fixture
def found(run: Path) -> dict[tuple[str, str, str], Row]:
    """Its rows by network, framework and precision."""
    return {(row.architecture, row.framework, row.precision): row for row in rows.read(run)}


@pytest.fixture
def made(run: Path) -> Pieces:
    """The pieces of its first network, all made."""
    request = Request(architecture=catalog.get(MLP), profile="quick", trained_in="torch", seed=0)
    return plan.plan_pieces(request, PRECISIONS)


def exported(made: Pieces) -> Artifact:
    return results.artifact(made.exports["torch"])


def way(precision: str, provider: str = "cpu") -> Way:
    target = Target(provider=provider, device="cpu" if provider == "cpu" else "gpu")
    return Way(framework="torch", configuration=Configuration(target=target, threads=1, precision=precision))


def file_of(row: Row) -> Path:
    """The file of a row, found by what it holds."""
    for path in (cache.root() / "convert").glob("*/model.onnx"):
        if hashlib.sha256(path.read_bytes()).hexdigest() == row.onnx_sha256:
            return path
    raise AssertionError(f"no file of {row.architecture} in {row.precision}")


def test_every_precision_has_a_row_and_those_that_cannot_run_spoil_no_other(
    found: dict[tuple[str, str, str], Row],
) -> None:
    assert set(found) == {(name, by, kind) for name in (MLP, LENET) for by in ("keras", "torch") for kind in PRECISIONS}
    for (_, _, precision), row in found.items():
        if precision == "bfloat16":  # no provider of the CPU's has kernels for it
            assert row.status == "failed"
            assert "NOT_IMPLEMENTED" in (row.reason or "")
            assert (row.accuracy, row.latency_median_s, row.equivalence_max_abs) == (None, None, None)
        else:
            assert row.status == "ok", row.reason
            assert row.latency_median_s
        assert row.macs == catalog.get(row.architecture).macs
        assert row.params == catalog.get(row.architecture).params


def test_accuracy_and_its_change_are_counted_on_predictions_of_its_own(
    run: Path, found: dict[tuple[str, str, str], Row]
) -> None:
    for (name, framework, precision), row in found.items():
        with np.load(run / "predictions" / f"{name}.npz") as arrays:
            if precision not in ("float16", "int8"):
                assert f"{framework}_{precision}" not in arrays
                assert (row.gained, row.lost, row.mcnemar_p) == (None, None, None)
                continue
            labels, before = arrays["labels"], arrays[framework]
            after = arrays[f"{framework}_{precision}"]
        gained = sum(a == y != b for a, b, y in zip(after, before, labels, strict=True))
        lost = sum(b == y != a for a, b, y in zip(after, before, labels, strict=True))
        fewer = sum(math.comb(gained + lost, count) for count in range(min(gained, lost) + 1))
        assert (row.gained, row.lost) == (gained, lost)
        assert row.mcnemar_p == pytest.approx(min(1.0, 2 * fewer / 2 ** (gained + lost)))
        assert (row.correct, row.total) == (int((after == labels).sum()), 2000)
        assert row.accuracy_low < row.accuracy < row.accuracy_high  # type: ignore[operator]
        assert (row.equivalent, row.equivalence_tolerance) == (None, None), "no bound makes sense"
    of_int8 = [row for (_, _, precision), row in found.items() if precision == "int8"]
    assert any((row.gained or 0) + (row.lost or 0) for row in of_int8), "8 bits change no answer at all"


def test_int8_is_a_graph_of_8_bit_weights_a_quarter_of_the_size(found: dict[tuple[str, str, str], Row]) -> None:
    for (name, framework, precision), row in found.items():
        if precision != "int8":
            continue
        single = found[name, framework, "float32"]
        path = file_of(row)
        assert row.file_bytes == path.stat().st_size
        assert 0.25 < row.file_bytes / (single.file_bytes or 0) < 0.28
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        producers = {output: node for node in model.graph.node for output in node.output}
        stored = {tensor.name: tensor for tensor in model.graph.initializer}
        multiplying = [node for node in model.graph.node if node.op_type in MULTIPLYING]
        assert len(multiplying) == {MLP: 2, LENET: 5}[name]
        for node in multiplying:
            assert producers[node.input[0]].op_type == "DequantizeLinear"
            weight = producers[node.input[1]]
            kernel, scales = (numpy_helper.to_array(stored[value]) for value in weight.input[:2])
            assert kernel.dtype == np.int8
            assert np.abs(kernel).max() <= 64, "seven bits"
            assert len(scales) in kernel.shape, "a scale a channel"
        softmax = next(node for node in model.graph.node if node.op_type == "Softmax")
        assert producers[softmax.input[0]].op_type == "Gemm", "logits stay float32"
        assert "calibrated on 512 training images" in (row.reason or "")
        metadata = {entry.key: entry.value for entry in model.metadata_props}
        assert metadata["converted_from"] == single.onnx_sha256
        assert {entry.domain: entry.version for entry in model.opset_import} == {"": 18}


@pytest.mark.parametrize("precision", TYPES)
@pytest.mark.parametrize("network", [MLP, LENET])
def test_half_precisions_hold_rounded_weights_and_compute_what_they_should(
    precision: str, network: str, found: dict[tuple[str, str, str], Row]
) -> None:
    """Against numpy's rounding, and onnx's own evaluator, which knows the type where onnxruntime does not."""
    row = found[network, "torch", precision]
    request = Request(architecture=catalog.get(network), profile="quick", trained_in="torch", seed=0)
    of_network = plan.plan_pieces(request)
    single, model = onnx.load(exported(of_network).path), onnx.load(file_of(row))
    onnx.checker.check_model(model, full_check=True)
    assert 0.49 < (row.file_bytes or 0) / exported(of_network).path.stat().st_size < 0.52
    kinds = [value.type.tensor_type.elem_type for value in (*model.graph.input, *model.graph.output)]
    assert kinds == [TensorProto.FLOAT] * 2, "fed the same images"
    narrow = {"float16": np.float16, "bfloat16": ml_dtypes.bfloat16}[precision]
    before = {tensor.name: numpy_helper.to_array(tensor) for tensor in single.graph.initializer}
    for tensor in model.graph.initializer:
        if before[tensor.name].dtype == np.float32:
            assert tensor.data_type == TYPES[precision]
            held = numpy_helper.to_array(tensor).astype(np.float32)
            assert np.array_equal(held, before[tensor.name].astype(narrow).astype(np.float32))
    evaluated = evaluation.load(of_network.weights)
    fed = {"image": images.native(evaluated.compared[:20], exported(of_network).metadata["layout"])}
    expected = ReferenceEvaluator(single).run(None, fed)[0]
    scores = ReferenceEvaluator(model).run(None, fed)[0]
    assert scores.dtype == np.float32
    assert 0 < np.abs(scores - expected).max() < {"float16": 0.01, "bfloat16": 0.1}[precision]


def test_bfloat16_surrounds_what_has_none_by_casts_and_rounds_to_even() -> None:
    value = onnx.helper.make_tensor_value_info
    halfway = np.array([1 + 2**-8, 1 + 3 * 2**-8, np.nan, -np.inf, 3.4e38], np.float32)
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("Add", ["x", "c"], ["a"]),
            onnx.helper.make_node("Elu", ["a"], ["y"]),  # of opset 18 without bfloat16
            onnx.helper.make_node("Relu", ["y"], ["z"]),
        ],
        "g",
        [value("x", TensorProto.FLOAT, [5])],
        [value("y", TensorProto.FLOAT, [5]), value("z", TensorProto.FLOAT, [5])],
        [numpy_helper.from_array(halfway, "c")],
    )
    model = half_precision.to_bfloat16(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)]))
    onnx.checker.check_model(model, full_check=True)
    held = numpy_helper.to_array(model.graph.initializer[0]).astype(np.float32)
    assert np.array_equal(held, [1, 1 + 2**-6, np.nan, -np.inf, halfway.astype(ml_dtypes.bfloat16)[-1]], equal_nan=True)
    x = np.array([0.5, -3, 0, 0, 0], np.float32)
    y, z = ReferenceEvaluator(model).run(None, {"x": x})
    assert y[:2] == pytest.approx([1.5, math.expm1(-1.984375)], rel=0.01)
    assert z[:2] == pytest.approx([1.5, 0])
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    kinds = {each.name: each.type.tensor_type.elem_type for each in inferred.graph.value_info}
    (elu,) = [node for node in model.graph.node if node.op_type == "Elu"]
    assert kinds[elu.input[0]] == TensorProto.FLOAT


def planted(made: Pieces, precision: str, name: str) -> Pieces:
    """The pieces with a file of that precision of their own, yet to be made."""
    convert = replace(made.converted["torch", precision], digest=name)
    compare = replace(made.compared["torch", precision], digest=name, needs=(convert,))
    key = ("torch", precision)
    return replace(made, converted={**made.converted, key: convert}, compared={**made.compared, key: compare})


def make(piece: Piece) -> None:
    making.make(piece, 1, lambda _share, _epoch: None)


def test_wrong_calibration_shows(made: Pieces, monkeypatch: pytest.MonkeyPatch) -> None:
    """Images of zeros, as a reader of data that lost them would give."""
    sound = precision_rows.complete(run_rows.proved("r", made)["torch"], made, way("int8"), None)
    right = calibration.prepare(made.weights)
    assert (len(right.images), right.origin) == (512, "training images")
    monkeypatch.setattr(calibration, "prepare", lambda _: replace(right, images=np.zeros_like(right.images)))
    wrong = planted(made, "int8", "zeros")
    for piece in (wrong.converted["torch", "int8"], wrong.compared["torch", "int8"]):
        make(piece)
    row = precision_rows.complete(run_rows.proved("r", wrong)["torch"], wrong, way("int8"), None)
    assert row.equivalence_max_abs > 10 * sound.equivalence_max_abs  # type: ignore[operator]
    assert row.accuracy < sound.accuracy - 0.05  # type: ignore[operator]
    assert row.mcnemar_p < 1e-6 < sound.mcnemar_p  # type: ignore[operator]
    digests = [
        results.artifact(each.converted["torch", "int8"]).metadata["calibration_digest"] for each in (made, wrong)
    ]
    assert digests[0] != digests[1]


def test_logits_that_are_no_numbers_have_a_status_of_their_own(made: Pieces) -> None:
    broken = planted(made, "float16", "infinite")
    convert = broken.converted["torch", "float16"]
    model = onnx.load(results.artifact(made.converted["torch", "float16"]).path)
    bias = next(tensor for tensor in model.graph.initializer if list(tensor.dims) == [10])
    bias.CopyFrom(numpy_helper.from_array(np.full(10, np.inf, np.float16), bias.name))
    with cache.building(convert.folder) as folder:
        onnx.save(model, folder / "model.onnx")
    make(broken.compared["torch", "float16"])
    row = precision_rows.complete(run_rows.proved("r", broken)["torch"], broken, way("float16"), None)
    assert (row.status, row.equivalence_max_abs, row.accuracy) == ("not finite", None, None)
    assert "2000 of 2000 images give no finite numbers" in (row.reason or "")


def test_a_conversion_that_fails_takes_no_other_row_with_it(made: Pieces) -> None:
    lost = planted(made, "int8", "never made")
    errors = {"never made": HarnessError("calibration ran out of memory.")}
    network = MeasuredNetwork(pieces=lost)
    network.check_made(errors)
    proved = run_rows.proved("r", lost)["torch"]
    failures = {kind: network.failure(way(kind), errors) for kind in PRECISIONS}
    assert [kind for kind, error in failures.items() if error] == ["int8"]
    assert [kind for kind in PRECISIONS if not network.startable(way(kind), errors)] == ["int8"]
    row = precision_rows.complete(proved, lost, way("int8"), failures["int8"])
    assert (row.status, row.reason) == ("failed", "calibration ran out of memory.")
    assert (row.accuracy, row.file_bytes, row.onnx_sha256, row.macs) == (None, None, None, None)
    assert precision_rows.complete(proved, lost, way("float32"), None) == proved
    with pytest.raises(HarnessError, match="out of memory"):
        MeasuredNetwork(pieces=made).check_made({made.prove.digest: errors["never made"]})


def test_another_provider_is_timed_where_the_cpu_refuses_a_file(made: Pieces) -> None:
    errors = {made.compared["torch", "bfloat16"].digest: HarnessError("NOT_IMPLEMENTED")}
    network = MeasuredNetwork(pieces=made)
    assert not network.startable(way("bfloat16"), errors)
    assert network.startable(way("bfloat16", "cuda"), errors)
    row = precision_rows.complete(
        run_rows.proved("r", made)["torch"], made, way("bfloat16", "cuda"), next(iter(errors.values()))
    )
    assert (row.status, row.reason) == ("failed", "no accuracy: NOT_IMPLEMENTED")
    assert row.file_bytes


def test_a_row_says_what_the_cpu_computes_in_float32(found: dict[tuple[str, str, str], Row]) -> None:
    said = "of 2 convolutions and matrix products the CPU's provider computes 2 in float32"
    assert said in (found[MLP, "torch", "float16"].reason or "")
    assert "in float32" not in (found[MLP, "torch", "int8"].reason or "")


def test_pieces_of_other_precisions_leave_the_rest_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    request = Request(architecture=catalog.get(LENET), profile="quick", trained_in="torch", seed=0)
    before = plan.plan_pieces(request, PRECISIONS)
    assert plan.plan_pieces(request).all == before.exported
    digests = [piece.digest for piece in before.all]
    assert len(set(digests)) == len(digests)
    original = provenance.source
    monkeypatch.setattr(
        provenance, "source", lambda path: "other" if path.name == "quantization.py" else original(path)
    )
    after = plan.plan_pieces(request, PRECISIONS)
    assert after.exported == before.exported
    assert not {piece.digest for piece in after.converted.values()} & set(digests)


def test_calibration_images_are_of_training_and_few_where_they_are_large() -> None:
    network = catalog.get("vgg16")
    seen = calibration.prepare(
        plan.plan_pieces(Request(architecture=network, profile="quick", trained_in="torch", seed=0)).weights
    )
    assert seen.images.shape == (32, 224, 224, 3)
    assert sum(len(batch) for batch in seen.batches("NCHW")) == 32
    assert next(seen.batches("NCHW")).shape == (8, 3, 224, 224)
    request = Request(architecture=catalog.get(LENET), profile="quick", trained_in="torch", seed=0)
    drawn = calibration.prepare(plan.plan_pieces(request).weights)
    training = {
        image.tobytes() for image in images.prepare(request.dataset, request.architecture, request.recipe).x_train
    }
    given = np.rint(drawn.images * 255).astype(np.uint8)
    assert len(given) == 512
    assert all(image.tobytes() in training for image in given)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--precision", "int4"], "--precision int4: expected some of float32, float16, bfloat16, int8."),
    ],
)
def test_what_cannot_be_converted_is_refused(
    harness: Harness, tmp_path: Path, arguments: list[str], expected: str
) -> None:
    done = harness("run", *arguments, "--dry-run", cwd=tmp_path)
    assert done.returncode == 2
    assert expected in done.stderr
    assert len(done.stderr.splitlines()) <= 2


def test_accuracy_of_a_network_is_that_of_its_float32_file(run: Path, found: dict[tuple[str, str, str], Row]) -> None:
    """The picture, the figure and the claims take no row of a lower precision for the network, in whatever order."""
    mixed = sorted(found.values(), key=lambda row: PRECISIONS.index(row.precision), reverse=True)
    assert {row.precision for row in plots.with_accuracy(mixed)} == {"float32"}
    assert Evidence(run=run)._tested(MLP).precision == "float32"
    known = {"run": "r", "framework": "torch", "params": 7, "macs": 9, "dataset": "imagenet", "threads": 1}
    both = [
        Row(architecture="enet", precision=precision, accuracy=accuracy, latency_median_s=0.1, **known)  # type: ignore[arg-type]
        for precision, accuracy in (("int8", 0.1), ("float32", 0.6))
    ]
    (point,) = figure.gather(both).points
    assert point.measured is not None
    assert point.measured.value == 0.6


def test_the_picture_shows_each_change_against_float32(run: Path, found: dict[tuple[str, str, str], Row]) -> None:
    with (run / "precision.csv").open(newline="") as file:
        lines = {(line["architecture"], line["framework"], line["precision"]): line for line in csv.DictReader(file)}
    assert set(lines) == {key for key, row in found.items() if key[2] != "float32" and row.status == "ok"}
    assert (run / "precision.png").stat().st_size > 10_000
    for key, line in lines.items():
        row, single = found[key], found[*key[:2], "float32"]
        points = 100 * (row.accuracy - single.accuracy)  # type: ignore[operator]
        assert float(line["points"]) == pytest.approx(points)
        assert float(line["speed"]) == pytest.approx(single.latency_median_s / row.latency_median_s)  # type: ignore[operator]
        assert float(line["points_low"]) < points < float(line["points_high"])
    elsewhere = replace(found[MLP, "torch", "int8"], threads=2)
    assert precision_plots.changes([found[MLP, "torch", "float32"], elsewhere]) == [], "timed in another way"


def test_the_paired_interval_covers_as_often_as_it_says() -> None:
    """Over every outcome of 50 images, with the probability of each."""
    total, first, second = 50, 0.06, 0.12
    covered = 0.0
    for gained in range(total + 1):
        for lost in range(total + 1 - gained):
            ways = math.comb(total, gained) * math.comb(total - gained, lost)
            share = ways * first**gained * second**lost * (1 - first - second) ** (total - gained - lost)
            _, low, high = paired.difference(gained, lost, total)
            covered += share * (low <= first - second <= high)
    assert 0.94 < covered < 0.98
