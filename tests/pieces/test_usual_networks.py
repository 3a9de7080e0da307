"""Networks as users write them, of each kind of input: counted alike, and proved to be one function."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.data import images
from harness.errors import HarnessError
from harness.frameworks import layers, untrained
from harness.networks import catalog, data_layouts, families
from harness.networks.architecture import Architecture
from harness.pieces import artifacts, export_keras, export_torch
from harness.pieces.proof import prove_pair


@dataclass(frozen=True, kw_only=True)
class Written:
    """A network by its two definitions; without one it is of a framework alone. ``macs`` None: no rule counts them."""

    shape: tuple[int, ...]
    params: int
    macs: int | None
    vocabulary: int | None = None
    in_keras: str = ""
    in_torch: str = ""


FACTS = """
from harness.architecture import Architecture

ARCHITECTURES = (
    Architecture(
        name="usual", family="usual", sets=(), source="a test", dataset="fashion_mnist", input_shape={shape}, outputs=5,
        params={params}, macs={macs}, recipes={{}}, vocabulary={vocabulary},
    ),
)
"""
KERAS = "import keras\nfrom keras import layers, ops\n\n\n"
TORCH = "import torch\nfrom torch import nn\nfrom torch.nn import functional\n\n\n"
MODULE = """
class Network(nn.Module):
    def __init__(self):
        super().__init__()
        {layers}

    def forward(self, x):
        {forward}


def build():
    return Network()
"""


def module(layers_: str, forward: str) -> str:
    """A PyTorch definition of named layers, separated by semicolons, and of a forward."""
    return MODULE.format(layers="\n        ".join(layers_.split("; ")), forward="\n        ".join(forward.split("; ")))


def sequential(*steps: str) -> str:
    """A Keras definition of layers one after another."""
    return f"def build():\n    return keras.Sequential([{', '.join(steps)}])\n"


NETWORKS = {
    "features": Written(
        shape=(13,), params=309, macs=288,
        in_keras=sequential("keras.Input((13,))", "layers.Dense(16, 'relu', name='fc1')",
                            "layers.Dense(5, name='fc2')"),
        in_torch=module("self.fc1 = nn.Linear(13, 16); self.fc2 = nn.Linear(16, 5)",
                        "return self.fc2(torch.relu(self.fc1(x)))"),
    ),
    "a sequence": Written(
        shape=(12, 6), params=525, macs=None,
        in_keras=sequential("keras.Input((12, 6))", "layers.LSTM(8, name='rnn')", "layers.Dense(5, name='logits')"),
        in_torch=module("self.rnn = nn.LSTM(6, 8, batch_first=True); self.logits = nn.Linear(8, 5)",
                        "return self.logits(self.rnn(x)[0][:, -1])"),
    ),
    "a signal": Written(
        shape=(12, 6), params=397, macs=1968,
        in_keras=sequential("keras.Input((12, 6))",
                            "layers.Conv1D(8, 3, padding='same', activation='relu', name='conv')",
                            "layers.MaxPooling1D(2)", "layers.Flatten()", "layers.Dense(5, name='logits')"),
        in_torch=module("self.conv = nn.Conv1d(6, 8, 3, padding=1); self.logits = nn.Linear(48, 5)",
                        "x = torch.relu(self.conv(x.transpose(1, 2))); "
                        "return self.logits(functional.max_pool1d(x, 2).flatten(1))"),
    ),
    "a volume": Written(
        shape=(4, 6, 5, 2), params=2625, macs=28320,
        in_keras=sequential("keras.Input((4, 6, 5, 2))",
                            "layers.Conv3D(4, 3, padding='same', activation='relu', name='conv')", "layers.Flatten()",
                            "layers.Dense(5, name='logits')"),
        in_torch=module("self.conv = nn.Conv3d(2, 4, 3, padding=1); self.logits = nn.Linear(480, 5)",
                        "return self.logits(torch.relu(self.conv(x)).flatten(1))"),
    ),
    "tokens": Written(
        shape=(7,), vocabulary=11, params=423, macs=920,
        in_keras=sequential("keras.Input((7,), dtype='int32')", "layers.Embedding(11, 6, name='table')",
                            "layers.Conv1D(8, 3, activation='relu', name='conv')", "layers.Flatten()",
                            "layers.Dense(5, name='logits')"),
        in_torch=module("self.table = nn.Embedding(11, 6); self.conv = nn.Conv1d(6, 8, 3); "
                        "self.logits = nn.Linear(40, 5)",
                        "x = torch.relu(self.conv(self.table(x).transpose(1, 2))); "
                        "return self.logits(x.flatten(1))"),
    ),
    "a recurrence over the rows of an image": Written(
        shape=(8, 9, 1), params=653, macs=None,
        in_torch=module("self.rnn = nn.LSTM(9, 8, batch_first=True); self.logits = nn.Linear(8, 5)",
                        "return self.logits(self.rnn(x.squeeze(1))[0][:, -1])"),
    ),
    "a block of ConvNeXt": Written(
        shape=(16, 12, 3), params=1413, macs=15496,
        in_keras='''class LayerScale(layers.Layer):
    def build(self, shape):
        self.gamma = self.add_weight(shape=(shape[-1],), initializer="ones", name="gamma")

    def call(self, x):
        return x * self.gamma


def build():
    image = keras.Input((16, 12, 3))
    x = layers.Conv2D(8, 4, 4, name="stem")(image)
    y = layers.LayerNormalization(epsilon=1e-6, name="ln")(layers.DepthwiseConv2D(7, padding="same", name="dw")(x))
    y = layers.Dense(8, name="pw2")(layers.Dense(32, activation="gelu", name="pw1")(y))
    x = layers.GlobalAveragePooling2D()(x + LayerScale(name="ls")(y))
    return keras.Model(image, layers.Dense(5, name="head")(x))
''',
        in_torch='''class LayerScale(nn.Module):
    def __init__(self):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(8))

    def forward(self, x):
        return x * self.gamma

''' + module("self.stem = nn.Conv2d(3, 8, 4, 4); self.dw = nn.Conv2d(8, 8, 7, padding=3, groups=8); "
             "self.ln = nn.LayerNorm(8, eps=1e-6); self.pw1 = nn.Linear(8, 32); self.pw2 = nn.Linear(32, 8); "
             "self.ls = LayerScale(); self.head = nn.Linear(8, 5)",
             "x = self.stem(x); y = self.ln(self.dw(x).permute(0, 2, 3, 1)); "
             "y = self.ls(self.pw2(functional.gelu(self.pw1(y)))).permute(0, 3, 1, 2); "
             "return self.head((x + y).mean((2, 3)))"),
    ),
}  # fmt: skip
CHAIN = "nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)"
NAMED = module("self.conv = nn.Conv2d(3, 8, 3, padding=1); self.logits = nn.Linear(8, 5)",
               "return self.logits(torch.relu(self.conv(x)).mean((2, 3)))")  # fmt: skip
WAYS = {
    "a Sequential without an input": (
        sequential("layers.Conv2D(8, 3, padding='same', activation='relu', name='conv')",
                   "layers.GlobalAveragePooling2D()", "layers.Dense(5, name='logits')"), NAMED,
    ),
    "automatic names": (
        sequential("keras.Input((12, 12, 3))", "layers.Conv2D(8, 3, padding='same', activation='relu')",
                   "layers.GlobalAveragePooling2D()", "layers.Dense(5)"),
        f"def build():\n    return nn.Sequential({CHAIN})\n",
    ),
    "a subclass": (
        '''class Network(keras.Model):
    def __init__(self):
        super().__init__()
        self.conv = layers.Conv2D(8, 3, padding="same", activation="relu")
        self.pool = layers.GlobalAveragePooling2D()
        self.logits = layers.Dense(5)

    def call(self, x):
        return self.logits(self.pool(self.conv(x)))


def build():
    return Network()
''', NAMED,
    ),
    "rows as a sequence, flattened": (
        sequential("keras.Input((12, 12, 3))", "layers.Reshape((12, 36))", "layers.Conv1D(8, 3, name='conv')",
                   "layers.Flatten()", "layers.Dense(5, name='logits')"),
        module("self.conv = nn.Conv1d(36, 8, 3); self.logits = nn.Linear(80, 5)",
               "x = x.permute(0, 2, 3, 1).flatten(2).transpose(1, 2); return self.logits(self.conv(x).flatten(1))"),
    ),
    "maps reshaped to features": (
        sequential("keras.Input((12, 12, 3))", "layers.Conv2D(4, 3, name='conv')", "layers.Reshape((-1,))",
                   "layers.Dense(5, name='logits')"),
        module("self.conv = nn.Conv2d(3, 4, 3); self.logits = nn.Linear(400, 5)",
               "return self.logits(self.conv(x).flatten(1))"),
    ),
}  # fmt: skip


def write(folder: Path, written: Written) -> Architecture:
    folder.mkdir()
    (folder / "__init__.py").write_text(FACTS.format(**{**vars(written), "macs": written.macs or 0}))
    for name, text, lines in (("keras", written.in_keras, KERAS), ("torch", written.in_torch, TORCH)):
        if text:
            (folder / f"in_{name}.py").write_text(lines + text)
    return catalog.get(str(folder))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_counted_and_its_definitions_and_files_are_one_function(name: str, tmp_path: Path) -> None:
    written = NETWORKS[name]
    network = write(tmp_path / "usual", written)
    for framework in catalog.frameworks(network):
        table, output_shape = layers.inspect_layers(network, framework)
        assert output_shape == (5,)
        if (framework, name) != ("torch", "a sequence"):  # whose second bias Keras has not
            assert sum(layer.params for layer in table) == written.params
        if written.macs is not None:
            assert sum(layer.macs or 0 for layer in table) == written.macs
    proof = prove_pair(network)
    assert proof.verdict == "yes", proof
    assert not proof.notes


@pytest.mark.parametrize("way", WAYS)
def test_the_usual_ways_to_write_a_network_are_one_function(way: str, tmp_path: Path) -> None:
    in_keras, in_torch = WAYS[way]
    network = write(
        tmp_path / "usual", Written(shape=(12, 12, 3), params=0, macs=1_000_000, in_keras=in_keras, in_torch=in_torch)
    )
    proof = prove_pair(network, files=False)
    assert proof.verdict == "yes", proof


@pytest.mark.parametrize(("name", "layouts"), [("tokens", ("NT", "NT")), ("a volume", ("NDHWC", "NCDHW"))])
def test_a_file_says_how_its_input_lies(name: str, layouts: tuple[str, str], tmp_path: Path) -> None:
    network = write(tmp_path / "usual", NETWORKS[name])
    drawn = untrained.draw(network, images.sample(network, 2), seed=0)
    for exporter, framework, layout in ((export_keras, "keras", layouts[0]), (export_torch, "torch", layouts[1])):
        file = tmp_path / f"{framework}.onnx"
        exporter.export(network, drawn, file, {"ends_in": "softmax"})
        found = artifacts.read(file)
        assert found.metadata["layout"] == layout
        assert found.input_shape == data_layouts.arrange(network.input_shape, framework)


def test_features_are_random_on_both_sides_of_zero(tmp_path: Path) -> None:
    drawn = images.sample(write(tmp_path / "usual", NETWORKS["features"]), 8)
    assert drawn.shape == (8, 13)
    assert drawn.min() < -0.5
    assert drawn.max() > 0.5


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"shape": (13,), "recipes": "{'quick': None}"}, r"takes \(13,\), and no images: expected recipes={}"),
        ({"shape": (2, 3, 4, 5, 6)}, r"or of a volume \(D, H, W, C\), found \(2, 3, 4, 5, 6\)"),
        ({"shape": ()}, r"must be that of an image"),
        ({"shape": (1.5,)}, r"must be that of an image"),
        ({"shape": (7, 3), "vocabulary": 11}, r"takes \(7, 3\) of 11 tokens: expected input_shape=\(T,\)"),
    ],
)
def test_an_input_of_no_known_kind_is_refused(facts: dict[str, object], expected: str, tmp_path: Path) -> None:
    text = FACTS.format(**{"params": 0, "macs": 0, "vocabulary": None, **facts})
    if "recipes" in facts:
        text = text.replace("recipes={}", f"recipes={facts['recipes']}")
    (tmp_path / "__init__.py").write_text(text)
    with pytest.raises(HarnessError, match=expected):
        families.of_folder(tmp_path)
