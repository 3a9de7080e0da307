"""The networks of today against libraries that others wrote: their counts, their accuracies, and what they compute."""

import csv
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from harness.networks import catalog
from harness.networks.architecture import Architecture
from tests import ROOT
from tests.public_models import timm, torchvision

MODERN = catalog.select([], "modern")
OF_TIMM = {"efficientnet_lite0": "tf_efficientnet_lite0", "vit_tiny": "deit_tiny_patch16_224"}
PUBLISHED = {
    row["name"]: row for row in csv.DictReader((ROOT / "tests/published_today.csv").read_text("utf-8").splitlines())
}
FIRST_OF_TIMM = 4  # tensors of its ViT before the blocks: class token, positions, and the two of the patches


def of_library(name: str) -> nn.Module:
    """The same network as torchvision or timm makes it, untrained."""
    if name in OF_TIMM:
        return timm().create_model(OF_TIMM[name]).eval()
    return torchvision().models.get_model(name).eval()


def in_torch(name: str) -> nn.Module:
    found = catalog.get(name)
    network: nn.Module = catalog.definition(found, "torch").build(**found.options).eval()
    return network


@pytest.mark.parametrize("found", MODERN, ids=lambda found: found.name)
def test_the_accuracy_is_the_published_one_with_its_weights_and_crop(found: Architecture) -> None:
    row, published = PUBLISHED[found.name], found.published
    assert published is not None
    assert published.accuracy == float(row["top1"])
    assert found.params == int(row["params"])
    assert published.split.startswith("ImageNet val, central crop 224")
    if "torchvision" in row["weights_and_crop"]:
        weights = torchvision().models.get_model_weights(found.name).IMAGENET1K_V1
        assert published.source.endswith(f": {weights}")
        assert published.accuracy == pytest.approx(weights.meta["_metrics"]["ImageNet-1K"]["acc@1"] / 100)
        transforms = weights.transforms()
        assert published.split.endswith(f"crop {transforms.crop_size[0]} of {transforms.resize_size[0]}")


@pytest.mark.parametrize("found", MODERN, ids=lambda found: found.name)
def test_parameters_and_macs_are_the_librarys(found: Architecture) -> None:
    """As PyTorch counts the products of the library's own network, attention included."""
    with torch.device("meta"):
        network = of_library(found.name)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 3, 224, 224, device="meta"))
    assert found.params == sum(parameter.numel() for parameter in network.parameters())
    assert found.macs == counter.get_total_flops() / 2


@torch.no_grad()
def enlivened(model: nn.Module, seed: int = 0) -> nn.Module:
    """With weights of which none is zero or one, and statistics that are no longer those of a normal distribution."""
    torch.manual_seed(seed)
    for name, tensor in model.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5)
        elif name.endswith(("bias", "token", "running_mean")):
            tensor.normal_(0, 0.1)
        elif tensor.ndim == 1:
            tensor.uniform_(0.5, 1.5)
        elif tensor.ndim < 4:  # of dense layers, which timm begins so small that an attention sees all alike
            tensor *= 4
    return model


def tensors(model: nn.Module) -> Iterator[torch.Tensor]:
    """What timm's network stores, in the order of our definition."""
    stored = [tensor for name, tensor in model.state_dict().items() if not name.endswith("num_batches_tracked")]
    if hasattr(model, "cls_token"):
        token, positions, *patches = stored[:FIRST_OF_TIMM]
        stored = [*patches, token, positions, *stored[FIRST_OF_TIMM:]]
    yield from stored


@pytest.mark.parametrize("name", OF_TIMM)
def test_our_network_computes_what_timms_does(name: str) -> None:
    theirs, ours = enlivened(of_library(name)), in_torch(name)
    names = [each for each in ours.state_dict() if not each.endswith("num_batches_tracked")]
    paired = zip(names, tensors(theirs), strict=True)
    shapes = {each: tensor.shape for each, tensor in ours.state_dict().items()}
    ours.load_state_dict({each: tensor.reshape(shapes[each]) for each, tensor in paired}, strict=False)
    patches = np.random.default_rng(1).normal(size=(2, 3, 14, 14)).astype(np.float32)
    images = torch.from_numpy(patches.repeat(16, axis=2).repeat(16, axis=3))
    with torch.no_grad():
        found, expected = ours(images), theirs(images)
    scale = expected.abs().max()
    assert (expected[0] - expected[1]).abs().max() > 0.05 * scale, "blind: the images look alike to the network"
    assert (found - expected).abs().max() < 1e-4 * scale
