"""Files that are no weights of the network named, or more than weights: refused with the reason."""

import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest
import torch
from torch import nn

from harness.errors import HarnessError
from harness.frameworks import importing
from harness.networks import catalog
from tests.public_models import timm, torchvision

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def of_torchvision(name: str, **options: Any) -> Callable[[Path], Path]:
    return lambda folder: written(folder, lambda: torchvision().models.get_model(name, **options))


def of_timm(name: str) -> Callable[[Path], Path]:
    return lambda folder: written(folder, lambda: timm().create_model(name))


def of_keras(name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        options = {"weights": None, "include_top": False, "pooling": "avg"}
        getattr(keras.applications, name)(**options).save_weights(folder / "mine.weights.h5")
        return folder / "mine.weights.h5"

    return write


def written(folder: Path, build: Callable[[], nn.Module]) -> Path:
    """A state dict of the model's shapes, with one number stored a tensor."""
    with torch.device("meta"):
        state = build().state_dict()
    torch.save({name: torch.zeros(()).expand(tensor.shape) for name, tensor in state.items()}, folder / "mine.pth")
    return folder / "mine.pth"


MISSING_STEM = r"'conv1\.weight' \(stem_conv\.weight\) must be float32 of shape \(64, 3, 7, 7\), and is missing"


@pytest.mark.parametrize(
    ("name", "file", "message"),
    [
        ("resnet50", of_keras("ResNet50"), r"Keras' ResNets are .* first 1×1 convolution .* stride, and .* biases"),
        ("inception_v3", of_keras("InceptionV3"), r"average pooling does not count the zeros .* no scale"),
        ("alexnet_two_tower", of_torchvision("alexnet"), r"one tower, with other widths"),
        ("bn_alexnet", of_torchvision("alexnet"), r"Torch 7.* one tower, with other widths"),
        ("googlenet", of_torchvision("googlenet", init_weights=False), r"bvlc_.* batch norm, and 3×3 convolutions in"),
        ("bn_nin", of_torchvision("alexnet"), r"a file of Torch 7"),
        ("enet", of_torchvision("alexnet"), r"nobody is known"),
        ("efficientnet_lite0", of_timm("efficientnet_lite0"), r"the same tensors, pads otherwise"),
        ("vit_tiny", of_timm("deit_tiny_patch16_224"), r"query, key and value in one tensor"),
        ("lenet5", of_torchvision("alexnet"), r"no library publishes any\. `harness train lenet5`"),
        ("vgg16_features", of_torchvision("vgg16"), r"`harness train vgg16_features --base-weights FILE`"),
        ("resnet18", of_timm("resnet18d"), MISSING_STEM),
        ("resnet50", of_timm("resnet50d"), MISSING_STEM),
        (
            "resnet50",
            of_timm("resnet50_gn"),
            r"'bn1\.running_mean' \(stem_bn\.running_mean\) must be .*, and is missing",
        ),
        ("resnet50", of_timm("seresnet50"), r"it has 'layer1\.0\.se\.fc1\.bias' as well"),
        (
            "resnet50",
            of_torchvision("wide_resnet50_2"),
            r"'layer1\.0\.conv1.weight' .*\(64, .*and is .*\(128, 64, 1, 1\)",
        ),
        ("resnet101", of_torchvision("resnet50"), r"'layer3\.6\.conv1\.weight' .* and is missing"),
        ("resnet50", of_torchvision("resnet101"), r"it has 'layer3\.10\.bn1\.bias' as well"),
        (
            "resnet50",
            of_torchvision("resnet50", num_classes=10),
            r"'fc\.weight' .*\(1000, 2048\), and is .*\(10, 2048\)",
        ),
        ("vgg16", of_torchvision("vgg16_bn"), r"'features\.2\.weight' .*\(64, 64, 3, 3\), and is missing"),
        (
            "resnext50_32x4d",
            of_torchvision("resnet50"),
            r"'layer1\.0\.conv1\.weight' .*\(128, 64, 1, 1\), and is",
        ),
        ("densenet121", of_torchvision("densenet169"), r"'features\.transition3\.norm\.weight' .*, and is"),
        ("vgg19", of_timm("vgg16"), r"as timm has it: 'features\.16\.weight' .* and is missing"),
        ("inception_v3", of_timm("inception_v4"), r"'Conv2d_1a_3x3\.conv\.weight' .* and is missing"),
        ("inception_v4", of_timm("inception_resnet_v2"), r"'features\.0\.conv\.weight' .* and is missing"),
    ],
)
def test_another_network_is_refused_with_the_reason(
    name: str, file: Callable[[Path], Path], message: str, tmp_path: Path
) -> None:
    with pytest.raises(HarnessError, match=message):
        importing.read(file(tmp_path), catalog.get(name))


def test_a_file_with_code_is_refused_in_one_message_and_not_executed(tmp_path: Path) -> None:
    class Planted:
        def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
            return Path.touch, (tmp_path / "executed",)

    torch.save({"state_dict": {"fc.bias": torch.zeros(2)}, "beside": Planted()}, tmp_path / "checkpoint.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Planted()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, and its files are still about
        torch.jit.save(torch.jit.trace(nn.ReLU(), torch.zeros(1)), tmp_path / "script.pt")
    for file in ("checkpoint.pth", "plain.pth", "script.pt"):
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            with pytest.raises(HarnessError, match=r"no whole state dict of tensors alone; nothing in it was executed"):
                importing.read(tmp_path / file, catalog.get("resnet18"))
        assert heard == [], "of PyTorch's own code"
    assert not (tmp_path / "executed").exists()
