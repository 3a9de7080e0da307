"""Second opinions: files whose function the optimiser changes are found, with culprit and cure; others are not."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from harness.measurements.configurations import Configuration, Way
from harness.measurements.providers import Target
from harness.measurements.rows import Row
from harness.measurements.session_options import SessionOptions
from harness.pieces import half_precision, quantization
from harness.runs import second_opinion
from harness.timing import culprits, distances, opinion_worker, opinions
from harness.timing.distances import OutputDistance
from harness.timing.opinions import OPTIMISED, REFERENCE, Opinions, Question

RANDOM = np.random.default_rng(0)
WAY = Way(framework="onnx", configuration=Configuration(target=Target(), threads=1))
ROW = Row(run="r", architecture="a", framework="onnx", latency_median_s=1e-4, reason="input x")


def floats(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape).astype(np.float32)


def save(path: Path, nodes: list[onnx.NodeProto], shape: list[int], weights: Mapping[str, np.ndarray]) -> Path:
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "graph",
        [value("x", TensorProto.FLOAT, shape)],
        [onnx.ValueInfoProto(name="y", type=helper.make_tensor_type_proto(TensorProto.FLOAT, None))],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    return path


def zeros_before_maximum(path: Path) -> Path:
    """A stem like that of many networks: zero padding, then the largest of each window."""
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], pads=[1] * 4),
        helper.make_node("Pad", ["c", "p"], ["d"]),
        helper.make_node("MaxPool", ["d"], ["e"], kernel_shape=[3, 3], strides=[2, 2]),
        helper.make_node("GlobalAveragePool", ["e"], ["y"]),
    ]
    weights = {
        "w": floats(4, 3, 3, 3) * np.float32(0.05),
        "b": np.full(4, -2, np.float32),
        "p": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
    }
    return save(path, nodes, [1, 3, 12, 12], weights)


def stored_in_8_bits(path: Path) -> Path:
    """A product with stored int8 weights, whose activations are float32."""
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "s"], ["w"], axis=1),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    weights = {
        "q": RANDOM.integers(-128, 128, (256, 64)).astype(np.int8),
        "s": (RANDOM.random(64) * 0.1).astype(np.float32),
    }
    return save(path, nodes, [4, 256], weights)


def sound(path: Path) -> Path:
    """What the optimiser fuses without another function: convolution, sum and ReLU; a product, its bias, softmax."""
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], pads=[1] * 4),
        helper.make_node("Conv", ["x", "w2"], ["c2"]),
        helper.make_node("Add", ["c", "c2"], ["a"]),
        helper.make_node("Relu", ["a"], ["r"]),
        helper.make_node("MaxPool", ["r"], ["m"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["m"], ["f"]),
        helper.make_node("MatMul", ["f", "v"], ["p"]),
        helper.make_node("Add", ["p", "u"], ["s"]),
        helper.make_node("Softmax", ["s"], ["y"]),
    ]
    weights = {"w": floats(8, 3, 3, 3), "b": floats(8), "w2": floats(8, 3, 1, 1), "v": floats(288, 5), "u": floats(5)}
    return save(path, nodes, [1, 3, 12, 12], weights)


def judged(path: Path, shape: tuple[int, ...], **more: object) -> Opinions:
    """The opinions on a file, in this process."""
    question = Question(model=path, shapes={"x": shape}, **more)  # type: ignore[arg-type]
    return opinions.from_reply(opinion_worker.Examination(question).judge())


@pytest.fixture(scope="module")
def padded(tmp_path_factory: pytest.TempPathFactory) -> Opinions:
    path = zeros_before_maximum(tmp_path_factory.mktemp("files") / "padded.onnx")
    return judged(path, (1, 3, 12, 12), reference_s=5.0)


def test_zero_padding_before_a_maximum_is_found_with_its_culprit_node_values_and_cure(padded: Opinions) -> None:
    """By hand: every value is negative, so the zeros of the padding are the largest of each window that has one."""
    assert padded.distances[OPTIMISED].beyond
    assert not padded.distances[REFERENCE].beyond, "onnx's own evaluator agrees with the file as it is written"
    assert padded.culprit is not None
    assert padded.culprit.optimizers == ("Pad_Fusion",)
    assert padded.culprit.place.startswith("MaxPool 'e' in place of Pad 'd' and MaxPool 'e': at [0, ")
    assert padded.culprit.place.endswith(" where the file says 0")
    assert [cure.options for cure in padded.culprit.cures] == ["disabled_optimizers=Pad_Fusion"]
    assert padded.culprit.cures[0].slowdown > -1


def test_weights_stored_in_8_bits_are_multiplied_by_rounded_activations(tmp_path: Path) -> None:
    found = judged(stored_in_8_bits(tmp_path / "stored.onnx"), (4, 256))
    assert found.distances[OPTIMISED].beyond
    assert found.culprit is not None
    assert found.culprit.optimizers == ("QDQSelectorActionTransformer",)
    assert "MatMulNBits 'y' in place of DequantizeLinear 'w' and MatMul 'y'" in found.culprit.place
    assert found.culprit.cures[0].options == "session.qdq_matmulnbits_accuracy_level=1"
    for cure in found.culprit.cures:
        key, _, value = cure.options.partition("=")
        entries = (
            SessionOptions(entries=((key, value),)) if "." in key else SessionOptions(disabled_optimizers=(value,))
        )
        cured = judged(tmp_path / "stored.onnx", (4, 256), session=entries)
        assert not cured.distances[OPTIMISED].beyond, cure.options


@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_what_the_optimiser_fuses_rightly_raises_no_alarm(tmp_path: Path, precision: str) -> None:
    path = sound(tmp_path / "sound.onnx")
    model = onnx.load(path)
    if precision == "float16":
        model = half_precision.to_float16(model)
    if precision == "int8":
        for node in model.graph.node:
            node.input[:] = ["image" if name == "x" else name for name in node.input]
        model.graph.input[0].name = "image"
        onnx.save(model, path)
        model = quantization.to_int8(path, [floats(4, 3, 12, 12)[place : place + 1] for place in range(4)])
    onnx.save(model, path)
    shapes = {model.graph.input[0].name: (1, 3, 12, 12)}
    found = opinions.from_reply(opinion_worker.Examination(Question(model=path, shapes=shapes)).judge())
    assert list(found.distances) == [OPTIMISED]
    assert not found.distances[OPTIMISED].beyond, found
    assert found.culprit is None
    assert found.distances[OPTIMISED].scale > 0


def test_the_tolerance_of_the_proof_decides_if_there_was_one(tmp_path: Path) -> None:
    path = zeros_before_maximum(tmp_path / "padded.onnx")
    wide = judged(path, (1, 3, 12, 12), tolerance=100.0, scale=1.0)
    assert not wide.distances[OPTIMISED].beyond
    assert wide.distances[OPTIMISED].tolerance >= 100


def test_distances_count_nan_and_infinities_in_the_same_places_as_equal() -> None:
    odd = np.array([np.nan, np.inf, -np.inf, 1.0])
    assert distances.apart(odd, odd) == 0
    assert distances.apart(odd, np.array([np.nan, np.inf, -np.inf, 1.5])) == 0.5
    assert OutputDistance(output="y", max_abs=distances.apart(odd, np.ones(4)), scale=1.0, tolerance=1.0).beyond
    assert distances.apart(np.ones(3), np.ones((3, 1))) == np.inf
    both = {"near": np.array([1.0]), "far": np.array([1.0])}
    found = distances.furthest({"near": np.array([1.1]), "far": np.array([1.2])}, both, {"near": 1e-3, "far": 1.0})
    assert found.output == "near", "as a multiple of its tolerance"


@pytest.mark.parametrize("guilty", [{"c"}, {"a", "f"}, {"b", "c", "g"}, set()])
def test_the_fewest_names_that_cure_together_are_found(guilty: set[str]) -> None:
    asked: list[Sequence[str]] = []

    def cured(names: Sequence[str]) -> bool:
        asked.append(names)
        return bool(guilty) and guilty <= set(names)

    assert set(culprits.minimal("abcdefgh", cured)) == guilty
    assert len(asked) < 24


def answered(distance: float, culprit: object = None, reference: float | None = None) -> Opinions:
    found = {OPTIMISED: OutputDistance(output="y", max_abs=distance, scale=2.0, tolerance=0.1)}
    if reference is not None:
        found[REFERENCE] = OutputDistance(output="y", max_abs=reference, scale=2.0, tolerance=0.1)
    return Opinions(distances=found, missing={}, culprit=culprit)  # type: ignore[arg-type]


def test_a_row_tells_its_opinions_and_is_not_ok_if_the_optimiser_changes_the_function(padded: Opinions) -> None:
    agreed = second_opinion.noted(ROW, answered(0.01, reference=0.02))
    assert (agreed.status, agreed.reason) == ("ok", "input x")
    assert agreed.second_opinion == "unoptimised agrees; onnx's reference evaluator agrees"
    assert (agreed.opinion_max_abs, agreed.opinion_scale, agreed.opinion_tolerance) == (0.01, 2.0, 0.1)
    changed = second_opinion.noted(ROW, padded)
    assert changed.status == "the optimiser changes the function"
    assert changed.latency_median_s == ROW.latency_median_s
    for word in (
        "Pad_Fusion",
        "MaxPool 'e'",
        "--options disabled_optimizers=Pad_Fusion",
        "agrees with the unoptimised",
    ):
        assert word in (changed.reason or "")
    doubted = second_opinion.noted(ROW, answered(0.01, reference=0.5))
    assert doubted.status == "ok", "the reference is no oracle"
    assert (doubted.reason or "").startswith(
        "second opinions differ: unoptimised agrees; onnx's reference evaluator is"
    )
    failed = second_opinion.noted(replace(ROW, status="not finite"), padded)
    assert failed.status == "not finite"


def test_a_question_that_fails_costs_no_other_its_answer(tmp_path: Path) -> None:
    sound(tmp_path / "sound.onnx")
    good = Question(model=tmp_path / "sound.onnx", shapes={"x": (1, 3, 12, 12)})
    missing = replace(good, model=tmp_path / "none.onnx")
    ways = [replace(WAY, framework=name) for name in ("a", "b", "c")]
    asked = dict(zip(ways, (missing, good, missing), strict=True))
    found = second_opinion.added(dict.fromkeys(ways, ROW), lambda way, _: asked[way])
    told = [row.second_opinion or "" for row in found.values()]
    assert [text.split(":")[0] for text in told] == ["not told", "unoptimised agrees", "not told"]
    assert {row.status for row in found.values()} == {"ok"}
    (unasked,) = second_opinion.unasked({WAY: ROW}).values()
    assert unasked.second_opinion == "not asked for (--no-second-opinion)"
