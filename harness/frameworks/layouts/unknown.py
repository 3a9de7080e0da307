"""Files that people may try, of networks that are not ours, and networks of ours that no library publishes."""

from harness.networks.architecture import Architecture

_RESNET_OF_KERAS = (
    "Keras' ResNets are the paper's, another network than this: the first 1×1 convolution of a block has the stride, "
    "and convolutions have biases."
)
_OF_KERAS = {
    "resnet50": _RESNET_OF_KERAS,
    "resnet101": _RESNET_OF_KERAS,
    "resnet152": _RESNET_OF_KERAS,
    "inception_v3": "Keras' Inception-v3 is another network than this: its average pooling does not count the zeros "
    "that it pads, and its batch norm has no scale.",
}

_ALEXNET_OF_TORCHVISION = "torchvision's AlexNet is another network: one tower, with other widths."
_OF_NO_LIBRARY = {
    "alexnet": "torchvision's AlexNet is another network, with other widths. `harness train alexnet` trains this one.",
    "alexnet_two_tower": "its weights are published for Caffe (bvlc_alexnet.caffemodel), in a form that is not read "
    f"here. {_ALEXNET_OF_TORCHVISION}",
    "bn_alexnet": "the weights behind its published accuracy are a file of Torch 7, a form that is not read here. "
    f"{_ALEXNET_OF_TORCHVISION}",
    "bn_nin": "the weights behind its published accuracy are a file of Torch 7, a form that is not read here.",
    "efficientnet_lite0": "timm's efficientnet_lite0 has the same tensors, pads otherwise and adds another epsilon, so "
    "that a file does not show which of the two it is of.",
    "enet": "nobody is known to have published weights of its ImageNet form.",
    "googlenet": "its weights are published for Caffe (bvlc_googlenet.caffemodel), in a form that is not read here. "
    "torchvision's GoogLeNet is another network: it has batch norm, and 3×3 convolutions in place of 5×5.",
    "vit_tiny": "timm and the authors keep query, key and value in one tensor, a form that is not read here.",
}


def of_keras(name: str) -> str:
    """Why a file of Keras has no weights for a network that other libraries publish, as a sentence."""
    return _OF_KERAS.get(name, f"Keras has no {name}.")


def of_no_library(architecture: Architecture) -> str:
    """Why there are no weights to import for a network, as one or two sentences."""
    if architecture.base is not None:
        return (
            f"it takes those of its {architecture.base} base alone, by "
            f"`harness train {architecture.name} --base-weights FILE`."
        )
    named = _OF_NO_LIBRARY.get(architecture.name)
    return named or f"no library publishes any. `harness train {architecture.name}` trains it."
