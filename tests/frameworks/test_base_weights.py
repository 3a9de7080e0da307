"""ImageNet weights from files as Keras and torchvision write them, and files that are refused."""

import hashlib
import pickle
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from harness.errors import HarnessError
from harness.frameworks import base_weights

# Keras itself calls NumPy in a way that NumPy 2 calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CONVOLUTIONS = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}  # a block
SCALINGS = {"vgg16": "imagenet_bgr", "mobilenet": "minus_one_to_one"}
NEUTRAL = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}

Planted = Callable[[h5py.File, Path], None]


def built(base: str, **options: Any) -> keras.Model:
    application = {"vgg16": keras.applications.VGG16, "mobilenet": keras.applications.MobileNet}[base]
    return application(**{"weights": None, "include_top": False, "input_shape": (32, 32, 3), **options})


@pytest.fixture(scope="module")
def models() -> dict[str, keras.Model]:
    """Both bases, with no two weights alike: biases and statistics are not left at 0 and 1."""
    random = np.random.default_rng(0)
    found = {base: built(base) for base in SCALINGS}
    for model in found.values():
        model.set_weights([random.random(array.shape, np.float32) for array in model.get_weights()])
    return found


@pytest.fixture(scope="module")
def keras_files(
    models: dict[str, keras.Model], tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str], Path]:
    """A file by base and form."""
    folder = tmp_path_factory.mktemp("keras")
    files = {}
    for base, model in models.items():
        files[base, "keras 2"] = written_as_keras_2(folder / f"{base}_notop.h5", model)
        files[base, "keras 3"] = folder / f"{base}.weights.h5"
        model.save_weights(files[base, "keras 3"])
        files[base, "whole model"] = folder / f"{base}_model.h5"
        model.save(files[base, "whole model"])
    return files


def written_as_keras_2(path: Path, model: keras.Model) -> Path:
    """A file as keras.applications downloads it: VGG16's was made by Keras 1, MobileNet's by Keras 2."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        for layer in model.layers:
            group = file.create_group(layer.name)
            names = {variable.name: f"{layer.name}/{variable.name}:0" for variable in layer.weights}
            if "vgg" in model.name:
                names = {name: f"{layer.name}_{'W' if name == 'kernel' else 'b'}_1:0" for name in names}
            elif isinstance(layer, keras.layers.DepthwiseConv2D):
                names = {"kernel": f"{layer.name}/depthwise_kernel:0"}
            group.attrs["weight_names"] = np.array([name.encode() for name in names.values()], "S")
            for variable in layer.weights:
                group[names[variable.name]] = variable.numpy()
    return path


def neutral(model: keras.Model) -> dict[str, np.ndarray]:
    """What must be read, by a rule of the test's own."""
    found = {}
    for layer in model.layers:
        axes = "hwcm->cmhw" if isinstance(layer, keras.layers.DepthwiseConv2D) else "hwio->oihw"
        for variable in layer.weights:
            array = variable.numpy()
            found[f"{layer.name}.{NEUTRAL[variable.name]}"] = np.einsum(axes, array) if array.ndim == 4 else array
    return found


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert set(found) == set(expected)
    for name, array in expected.items():
        assert found[name].dtype == np.float32
        assert np.array_equal(found[name], array), name


@pytest.mark.parametrize("form", ["keras 2", "keras 3", "whole model"])
@pytest.mark.parametrize("base", SCALINGS)
def test_a_file_of_keras_gives_the_arrays_of_its_model(
    base: str, form: str, models: dict[str, keras.Model], keras_files: dict[tuple[str, str], Path]
) -> None:
    path = keras_files[base, form]
    read = base_weights.read(path, base)
    assert_same(read.weights, neutral(models[base]))
    assert (read.layout, read.scaling) == ("keras", SCALINGS[base])
    assert read.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert read.description == f"{path.name} (keras layout, sha256 {read.sha256[:8]}…)"


@pytest.mark.parametrize("base", SCALINGS)
def test_the_file_of_keras_2_is_one_to_keras(
    base: str, models: dict[str, keras.Model], keras_files: dict[tuple[str, str], Path]
) -> None:
    other = built(base)
    other.load_weights(keras_files[base, "keras 2"])
    for found, expected in zip(other.get_weights(), models[base].get_weights(), strict=True):
        assert np.array_equal(found, expected)


def test_kernels_make_pytorch_compute_what_keras_does(
    models: dict[str, keras.Model], keras_files: dict[tuple[str, str], Path]
) -> None:
    weights = base_weights.read(keras_files["mobilenet", "keras 2"], "mobilenet").weights
    for layer, groups, channels in (("conv1", 1, 3), ("conv_dw_1", 32, 32), ("conv_pw_1", 1, 32)):
        images = np.random.default_rng(1).random((2, 5, 6, channels), np.float32)
        kernel = models["mobilenet"].get_layer(layer).kernel
        convolve = keras.ops.depthwise_conv if groups > 1 else keras.ops.conv
        expected = np.asarray(convolve(images, kernel)).transpose(0, 3, 1, 2)
        inputs, weight = torch.from_numpy(images.transpose(0, 3, 1, 2)), torch.from_numpy(weights[f"{layer}.weight"])
        assert np.allclose(nn.functional.conv2d(inputs, weight, groups=groups), expected, atol=1e-5), layer


@pytest.mark.parametrize("base", SCALINGS)
def test_the_classifier_is_ignored(base: str, models: dict[str, keras.Model], tmp_path: Path) -> None:
    hidden = models[base].output
    if base == "vgg16":
        for name in ("fc1", "fc2", "predictions"):
            hidden = keras.layers.Dense(2, name=name)(hidden)
    else:
        hidden = keras.layers.Conv2D(7, 1, name="conv_preds")(keras.layers.Dropout(0.5)(hidden))
    whole = keras.Model(models[base].input, hidden)
    whole.save_weights(tmp_path / "whole.weights.h5")
    whole.save(tmp_path / "whole.h5")
    for path in tmp_path.iterdir():
        assert_same(base_weights.read(path, base).weights, neutral(models[base]))
    keras.Model(whole.input, keras.layers.Dense(2, name="mine")(whole.layers[-1].output)).save(tmp_path / "whole.h5")
    with pytest.raises(HarnessError, match=r"it has 'mine/0' as well"):
        base_weights.read(tmp_path / "whole.h5", base)


def features(depth: int = 16, *, norms: bool = False) -> nn.Sequential:
    """The layers of torchvision's VGG ``features``, in its order."""
    layers: list[nn.Module] = []
    inputs = 3
    for outputs, count in zip((64, 128, 256, 512, 512), CONVOLUTIONS[depth], strict=True):
        for _ in range(count):
            norm = [nn.BatchNorm2d(outputs)] if norms else []
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), *norm, nn.ReLU()]
            inputs = outputs
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


@pytest.fixture(scope="module")
def torchvision_model() -> nn.Module:
    torch.manual_seed(0)
    return nn.ModuleDict({"features": features(), "classifier": nn.Sequential(nn.Linear(3, 2))}).eval()


@pytest.mark.parametrize("name", ["vgg16.safetensors", "vgg16.pth", "vgg16_of_2017.pt"])
def test_torchvision_weights_compute_the_same(torchvision_model: nn.ModuleDict, tmp_path: Path, name: str) -> None:
    path, state = tmp_path / name, torchvision_model.state_dict()
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:  # torchvision's own file is older than PyTorch's zip format
        torch.save(state, path, _use_new_zipfile_serialization="2017" not in name)
    read = base_weights.read(path, "vgg16")
    assert (read.layout, read.scaling) == ("torchvision", "imagenet_rgb")
    assert read.description.startswith(f"{name} (torchvision layout, sha256 ")
    left = {key: torch.from_numpy(array) for key, array in read.weights.items()}
    images = hidden = torch.rand(2, 3, 32, 32)
    for block, count in enumerate(CONVOLUTIONS[16], 1):
        for place in range(1, count + 1):
            weight, bias = (left.pop(f"block{block}_conv{place}.{kind}") for kind in ("weight", "bias"))
            hidden = nn.functional.conv2d(hidden, weight, bias, padding=1).relu()
        hidden = nn.functional.max_pool2d(hidden, 2)
    assert not left
    assert torch.equal(hidden, torchvision_model["features"](images))


def empty_state(depth: int = 16, *, norms: bool = False) -> dict[str, torch.Tensor]:
    """A state dict of true shapes that stores one number a tensor."""
    with torch.device("meta"):
        shapes = {
            f"features.{name}": tensor.shape for name, tensor in features(depth, norms=norms).state_dict().items()
        }
    return {name: torch.zeros(()).expand(shape) for name, shape in shapes.items()}


def empty_keras_2(path: Path, depth: int) -> Path:
    """A file of VGG's true shapes that stores no number."""
    convolutions = [tensor.shape for tensor in empty_state(depth).values() if tensor.ndim == 4]
    names = [f"block{b}_conv{p}" for b, count in enumerate(CONVOLUTIONS[depth], 1) for p in range(1, count + 1)]
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = names
        for name, (outputs, inputs, *_) in zip(names, convolutions, strict=True):
            group = file.create_group(name)
            group.attrs["weight_names"] = ["kernel", "bias"]
            group.create_dataset("kernel", (3, 3, inputs, outputs), np.float32)
            group.create_dataset("bias", (outputs,), np.float32)
    return path


def test_files_of_true_shapes_are_read(tmp_path: Path) -> None:
    """What the refusals below are changed from."""
    torch.save(empty_state(), tmp_path / "a.pth")
    for path in (tmp_path / "a.pth", empty_keras_2(tmp_path / "a.h5", 16)):
        assert len(base_weights.read(path, "vgg16").weights) == 26


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (empty_state(19), r"'features\.17\.weight' \(block4_conv1\.weight\)"),
        (
            empty_state(norms=True),
            r"'features\.2\.weight' \(block1_conv2\.weight\) must be .*\(64, 64, 3, 3\), and is missi",
        ),
        ({**empty_state(), "features.28.bias": torch.zeros(511)}, r"'features\.28\.bias'.*\(512,\), and is .*\(511,\)"),
        ({**empty_state(), "features.0.bias": torch.zeros(64).half()}, r"must be float32 .* is float16"),
        ({**empty_state(), "features.0.bias": torch.zeros(64).to_sparse()}, r"'features\.0\.bias'.*is missing"),
        ({**empty_state(), "features.30.bias": torch.zeros(2)}, r"it has 'features\.30\.bias' as well"),
        ({"model": empty_state()}, r"'features\.0\.weight'.*is missing"),
        ([torch.zeros(2)], r"'features\.0\.weight'.*is missing"),
        ({**empty_state(), "classifier.6.bias": torch.full((1000,), torch.nan)}, r"IMAGENET1K_FEATURES.*IMAGENET1K_V1"),
    ],
    ids=["VGG19", "norms", "misshapen", "half", "sparse", "extra", "nested", "list", "other scaling"],
)
def test_a_state_dict_that_does_not_fit_is_refused(state: Any, message: str, tmp_path: Path) -> None:
    torch.save(state, tmp_path / "vgg16.pth")
    with pytest.raises(HarnessError, match=message):
        base_weights.read(tmp_path / "vgg16.pth", "vgg16")


def test_a_file_of_another_network_is_refused(keras_files: dict[tuple[str, str], Path], tmp_path: Path) -> None:
    built("mobilenet", alpha=0.5).save_weights(tmp_path / "half.weights.h5")
    torch.save({"features.0.0.weight": torch.zeros(32, 3, 3, 3)}, tmp_path / "mobilenet_v2.pth")
    shutil.copy(keras_files["mobilenet", "keras 3"], tmp_path / "mobilenet.keras")
    for path, base, message in (
        (tmp_path / "half.weights.h5", "mobilenet", r"\(3, 3, 3, 32\), and is float32 of shape \(3, 3, 3, 16\)"),
        (empty_keras_2(tmp_path / "vgg19.h5", 19), "vgg16", r"it has 'block3_conv4/0' as well"),
        (keras_files["vgg16", "keras 2"], "mobilenet", r"'conv1/0' \(conv1\.weight\).*and is missing"),
        (keras_files["mobilenet", "keras 3"], "vgg16", r"conv2d/vars/0'.*\(3, 3, 3, 64\), and is .*\(3, 3, 3, 32\)"),
        (tmp_path / "mobilenet_v2.pth", "mobilenet", r"torchvision has no MobileNet v1"),
        (tmp_path / "mobilenet.keras", "mobilenet", r"ends in '\.keras': expected a file of weights, \.h5"),
        (keras_files["vgg16", "keras 2"], "vgg19", r"no ImageNet weights are known for a base 'vgg19'"),
        (tmp_path / "absent.h5", "vgg16", r"cannot read .*absent\.h5: No such file"),
        (tmp_path, "vgg16", r"cannot read .*: it is no regular file"),
    ):
        with pytest.raises(HarnessError, match=message):
            base_weights.read(path, base)


def test_a_damaged_file_is_refused(keras_files: dict[tuple[str, str], Path], tmp_path: Path) -> None:
    torch.save(empty_state(), tmp_path / "whole.pth")
    save_file({"features.0.bias": torch.zeros(64)}, tmp_path / "whole.safetensors")
    keras_3 = keras_files["mobilenet", "keras 3"]
    for whole in (
        empty_keras_2(tmp_path / "whole.h5", 16),
        keras_3,
        tmp_path / "whole.pth",
        tmp_path / "whole.safetensors",
    ):
        content, path = whole.read_bytes(), tmp_path / f"cut{whole.suffix}"
        for cut in (
            b"",
            content[:5],
            content[: len(content) // 2],
            content[:-1],
            b"PK\3\4" * 9,
            b"\x80\2" + content,
            b"ok",
        ):
            path.write_bytes(cut)
            with pytest.raises(HarnessError, match=r"cut\.\w+ is no whole (HDF5 file|state dict|\.safetensors file)"):
                base_weights.read(path, "mobilenet" if whole == keras_3 else "vgg16")


class Executes:
    """Unpickled, makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("form", ["zip", "of 2017", "pickle"])
def test_nothing_in_a_file_is_executed(form: str, tmp_path: Path) -> None:
    path, made = tmp_path / "vgg16.pth", tmp_path / "made"
    state = {**empty_state(), "classifier.extra": Executes(made)}
    if form == "pickle":
        path.write_bytes(pickle.dumps(Executes(made)))
    else:
        torch.save(state, path, _use_new_zipfile_serialization=form == "zip")
    if form == "pickle":
        pickle.loads(path.read_bytes())
    else:
        torch.load(path, weights_only=False)
    assert made.exists(), "the plant does nothing"
    made.unlink()
    with pytest.raises(HarnessError, match=r"tensors alone; nothing in it was executed"):
        base_weights.read(path, "vgg16")
    assert not made.exists()


def external_link(name: str) -> Planted:
    def plant(file: h5py.File, good: Path) -> None:
        del file[name]
        file[name] = h5py.ExternalLink(good, name)

    return plant


def soft_link(file: h5py.File, _: Path) -> None:
    file["elsewhere"] = file["block1_conv1/bias"][()]
    del file["block1_conv1/bias"]
    file["block1_conv1/bias"] = h5py.SoftLink("/elsewhere")


def whole_model_link(file: h5py.File, good: Path) -> None:
    file["model_weights"] = h5py.ExternalLink(good, "/")


def external_values(file: h5py.File, good: Path) -> None:
    del file["block1_conv1/bias"]
    file["block1_conv1"].create_dataset("bias", (64,), np.float32, external=[(good, 0, 256)])


def virtual_values(file: h5py.File, good: Path) -> None:
    del file["block1_conv1/bias"]
    layout = h5py.VirtualLayout((64,), np.float32)
    layout[:] = h5py.VirtualSource(good, "block1_conv1/bias", (64,))
    file["block1_conv1"].create_virtual_dataset("bias", layout)


@pytest.mark.parametrize(
    ("plant", "message"),
    [
        (external_link("block1_conv1"), r"'block1_conv1' is a link to elsewhere, which is not followed"),
        (external_link("block1_conv1/bias"), r"'block1_conv1/bias' is a link to elsewhere"),
        (soft_link, r"'block1_conv1/bias' is a link to elsewhere"),
        (whole_model_link, r"'model_weights' is a link to elsewhere"),
        (external_values, r"the values of 'block1_conv1/bias' lie in another file, which is not read"),
        (virtual_values, r"the values of 'block1_conv1/bias' lie in another file"),
    ],
    ids=["group", "dataset", "soft", "whole model", "external values", "virtual values"],
)
def test_nothing_outside_the_file_is_read(plant: Planted, message: str, tmp_path: Path) -> None:
    good, path = empty_keras_2(tmp_path / "good.h5", 16), empty_keras_2(tmp_path / "planted.h5", 16)
    with h5py.File(path, "a") as file:
        plant(file, good)
        assert file["block1_conv1/bias"].shape == (64,), "h5py itself follows it"
    with pytest.raises(HarnessError, match=message):
        base_weights.read(path, "vgg16")


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    torch.save(empty_state(), tmp_path / "vgg16.pth")
    for path, module, extra in (
        (empty_keras_2(tmp_path / "vgg16.h5", 16), "h5py", "keras"),
        (tmp_path / "vgg16.pth", "torch", "torch"),
    ):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, module, None)
            with pytest.raises(HarnessError, match=rf"cannot be read without {module}: .*onnx-harness\[{extra}\]"):
                base_weights.read(path, "vgg16")
