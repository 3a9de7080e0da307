"""What becomes of one layer in an exporter: a file that runs, at every batch, or a refusal with cause and remedy."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import onnxruntime
import pytest

from harness.errors import HarnessError
from harness.frameworks import keras_training, torch_training, weights
from harness.networks import families
from harness.networks.architecture import Architecture
from harness.pieces import artifacts, export_keras, export_torch, trial
from tests import own_files
from tests.conftest import Harness

FACTS = """from harness.architecture import Architecture

ARCHITECTURES = (
    Architecture(
        name="layer", family="", sets=(), source="a test", dataset="fashion_mnist", input_shape=(8, 8, 3), outputs=5,
        params={params}, macs={macs}, recipes={{}},
    ),
)
"""
IN_TORCH = """import torch
import torch.nn.functional as F
from torch import nn


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.head = nn.Linear(4 * 36, 5)

    def forward(self, x):
        x = self.conv(x)
        return {body}


def build():
    return Layer()
"""
IN_KERAS = """import keras
import numpy as np
from keras import layers, ops


def build():
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same", name="conv")(image)
    {body}
    x = layers.GlobalAveragePooling2D()(x) if len(x.shape) == 4 else x
    return keras.Model(image, layers.Dense(5, name="head")(x))
"""


def definition(folder: Path, framework: str, body: str) -> Path:
    """A network of one convolution, and what is made of it."""
    folder.mkdir()
    (folder / "__init__.py").write_text(FACTS.format(params=837, macs=4608))
    template = {"torch": IN_TORCH, "keras": IN_KERAS}[framework]
    (folder / f"in_{framework}.py").write_text(template.format(body=body))
    return folder


def drawn(architecture: Architecture, framework: str) -> weights.Weights:
    """Weights that hide nothing."""
    if framework == "torch":
        state = torch_training.build(architecture).state_dict()  # as it is: from_torch would run the forward
        return {name: array.numpy() for name, array in state.items()}
    shapes = weights.shapes(weights.from_keras(keras_training.build(architecture)))
    draw = np.random.default_rng(0)
    return {name: draw.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}


def exported(folder: Path, framework: str, **options: Any) -> Path:
    (architecture,) = families.of_folder(folder)
    exporter = {"torch": export_torch, "keras": export_keras}[framework]
    exporter.export(architecture, drawn(architecture, framework), folder / "layer.onnx", {}, **options)
    return folder / "layer.onnx"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("self.head(x.reshape(len(x), -1))", r"fixes the number of images.*in_torch\.py, line 14.*expected x\.shape"),
        ("self.head(F.dropout(x).flatten(1))", r"other outputs each time.*training=self\.training"),
        ("self.head(x.flatten(1)) * (1 if x.sum() > 0 else 2)", r"values of a tensor \(in_torch\.py, line 14\)"),
        ("self.head(torch.linalg.inv(x).flatten(1))", r"no translation of aten\.linalg_inv_ex"),
        ("(self.head(x.flatten(1)), x)", "torch gives 2 outputs: expected one"),
        ("self.head(x.flatten(1)[:, 1:])", r"in torch: RuntimeError: [^\n]*in_torch\.py, line 14\)\.$"),
        ("self.head(x.flatten(1)).sum(0, keepdim=True)", "for a batch of 2: expected .* with N the size of the batch"),
    ],
)
def test_a_forward_that_no_file_can_hold_is_refused(body: str, expected: str, tmp_path: Path) -> None:
    folder = definition(tmp_path / "layer", "torch", body)
    with pytest.raises(HarnessError, match=expected):
        exported(folder, "torch")
    assert not list(folder.glob("*.onnx*")), "what is refused leaves no file"


def test_the_remedies_are_exported(tmp_path: Path) -> None:
    body = "self.head(F.dropout(x, 0.5, self.training).reshape(x.shape[0], -1))"
    model = onnx.load(exported(definition(tmp_path / "layer", "torch", body), "torch"))
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("x = ops.reshape(x, (2, 8, 8, 4))", "not run on a batch of 1.*write -1 for it"),
        ("x = layers.Lambda(lambda y: keras.random.dropout(y, 0.5))(x)", "other outputs each time.*keras.random draws"),
        ("return keras.Model(image, [x, x])", "keras gives 2 outputs: expected one"),
        ("x = layers.Resizing(9, 9, interpolation='lanczos3')(x)", "left ScaleAndTranslate, .* another exporter"),
    ],
)
def test_what_tf2onnx_cannot_export_is_refused(body: str, expected: str, tmp_path: Path) -> None:
    folder = definition(tmp_path / "layer", "keras", body)
    with pytest.raises(HarnessError, match=expected):
        exported(folder, "keras", exporter="tf2onnx")
    assert not list(folder.glob("*.onnx*"))


def keras_difference(folder: Path, file: Path) -> float:
    """How far the file is from Keras itself on three images."""
    (architecture,) = families.of_folder(folder)
    network = keras_training.build(architecture)
    weights.to_keras(network, drawn(architecture, "keras"))
    images = np.random.default_rng(1).random((3, 8, 8, 3), np.float32)
    expected = keras.ops.softmax(network(images, training=False)).numpy()
    found = onnxruntime.InferenceSession(file).run(None, {"image": images})[0]
    return float(np.abs(found - expected).max())


@pytest.mark.parametrize(
    "body",
    [
        "x = layers.Activation('gelu')(x)",
        "x = layers.Activation('celu')(x)",
        "x = layers.Resizing(5, 11, antialias=True)(x)",
        "x = layers.Resizing(5, 11, 'bicubic', antialias=True)(x)",
        "return keras.Model(image, layers.Resizing(5, 11, antialias=True)(image))",
        "x = layers.Conv2DTranspose(3, (3, 2), strides=(2, 3), output_padding=(1, 2), name='up')(x)",
        "x = layers.Conv2DTranspose(3, 1, strides=3, name='up')(x)",
        "x = x * ops.convert_to_tensor([0.3, 0.6, -0.1, 2.0])",
        "x = x * ops.convert_to_tensor(np.arange(256.0).reshape(8, 8, 4).astype('float32') / 256)",
    ],
)
def test_what_tf2onnx_leaves_is_rewritten_exactly(body: str, tmp_path: Path) -> None:
    folder = definition(tmp_path / "layer", "keras", body)
    file = exported(folder, "keras", exporter="tf2onnx")
    assert keras_difference(folder, file) < 1e-6


def test_what_tf2onnx_makes_a_loop_of_is_exported_by_torch(tmp_path: Path) -> None:
    body = "x = layers.GRU(4, name='gru')(layers.Reshape((8, 32))(x))"
    folder = definition(tmp_path / "layer", "keras", body)
    file = exported(folder, "keras")
    assert keras_difference(folder, file) < 1e-6
    assert "Loop" not in {node.op_type for node in onnx.load(file).graph.node}
    told = artifacts.read(file).metadata
    assert told["exporter"] == "torch.onnx.export(dynamo=True) of Keras on PyTorch"
    assert told["exporter_reason"].startswith("tf2onnx writes a Loop")
    assert told["layout"] == "NHWC"
    assert "Loop" in {node.op_type for node in onnx.load(exported(folder, "keras", exporter="tf2onnx")).graph.node}


def test_the_command_refuses_with_one_line(harness: Harness, tmp_path: Path) -> None:
    folder = definition(tmp_path / "layer", "torch", "self.head(x.reshape(len(x), -1))")
    done = harness("export", str(folder), "--out", str(tmp_path / "out"))
    assert done.returncode == 2
    assert "layer cannot be exported from torch: its forward fixes the number of images" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_file_must_take_the_declared_input_alone(tmp_path: Path) -> None:
    file = own_files.two_inputs(tmp_path / "two.onnx")
    with pytest.raises(HarnessError, match="wants the inputs words, numbers; expected numbers alone"):
        trial.run_file(file, {"numbers": (8,)})


def test_a_file_that_runs_at_one_batch_alone_is_refused(tmp_path: Path) -> None:
    nodes = [onnx.helper.make_node("Reshape", ["image", "shape"], ["y"])]
    model = own_files.save(
        tmp_path / "fixed.onnx",
        nodes,
        [own_files.value("image", ["batch", 4])],
        [own_files.value("y", ["batch", 4])],
        {"shape": np.array([1, 4])},
    )
    with pytest.raises(HarnessError, match=r"does not run on a batch of 3.*write -1 for it"):
        artifacts.finish(onnx.load(model), tmp_path / "made.onnx", {}, (4,))
    assert not list(tmp_path.glob("made*"))


def test_an_operator_that_onnx_does_not_have_is_named(tmp_path: Path) -> None:
    nodes = [onnx.helper.make_node("Erfc", ["image"], ["y"])]
    value = own_files.value("image", ["batch", 4]), own_files.value("y", ["batch", 4])
    model = onnx.load(own_files.save(tmp_path / "erfc.onnx", nodes, [value[0]], [value[1]], {}))
    with pytest.raises(HarnessError, match="left Erfc, which is no operator of ONNX"):
        artifacts.finish(model, tmp_path / "made.onnx", {}, (4,))
