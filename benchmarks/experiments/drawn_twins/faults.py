"""Faults as people make them, each planted in a PyTorch network: which differ from its twin in Keras then."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from . import faulty_layers as wrong
from .torch_layers import ChannelNorm, Crop, GlobalMax, Mean, OnChannels, Rescaled, SamePadding
from .torch_structures import Attention, AverageOfTwo, DenseBlock, Gated, Inception, Projected, Residual

Network = nn.Sequential
Plant = Callable[[Network], bool]  # whether the network has what the fault is about
Fits = Callable[[Any], bool]


def _any(_: Any) -> bool:
    return True


def _convs(network: Network) -> list[Any]:
    """The two-dimensional convolutions behind the stem, with a kernel of more than one place first."""
    found = [module for module in network.modules() if type(module) is nn.Conv2d][1:]
    return sorted(found, key=lambda conv: max(conv.kernel_size) == 1)


def _of_kind(network: Network, *kinds: type[nn.Module]) -> list[Any]:
    return [module for module in network.modules() if type(module) in kinds]


def _conv_becomes(kind: type[nn.Module], fits: Fits = _any) -> Plant:
    """The first convolution behind the stem that fits becomes a faulty one."""

    def plant(network: Network) -> bool:
        chosen = [conv for conv in _convs(network) if fits(conv)][:1]
        for conv in chosen:
            wrong.becomes(conv, kind)
        return bool(chosen)

    return plant


def _becomes(kind: type[nn.Module], faulty: type[nn.Module], fits: Fits = _any) -> Plant:
    """Every module of a kind that fits becomes a faulty one."""

    def plant(network: Network) -> bool:
        found = [module for module in _of_kind(network, kind) if fits(module)]
        for module in found:
            wrong.becomes(module, faulty)
        return bool(found)

    return plant


def _set(*kinds: type[nn.Module], fits: Fits = _any, **values: Any) -> Plant:
    """Other attributes of every module of some kinds that fits."""

    def plant(network: Network) -> bool:
        found = [module for module in _of_kind(network, *kinds) if fits(module)]
        for module in found:
            for name, value in values.items():
                setattr(module, name, value)
        return bool(found)

    return plant


def _replaced(kind: type[nn.Module], make: Callable[[Any], nn.Module], fits: Fits = _any) -> Plant:
    """Another module, without weights, in place of every one of a kind that fits."""

    def plant(network: Network) -> bool:
        places = [
            (parent, name, child)
            for parent in network.modules()
            for name, child in parent.named_children()
            if type(child) is kind and fits(child)
        ]
        for parent, name, child in places:
            setattr(parent, name, make(child))
        return bool(places)

    return plant


def _before(name: str, make: Callable[[], nn.Module]) -> Plant:
    """One module more, before that of a name."""

    def plant(network: Network) -> bool:
        modules = dict(network.named_children())
        if name not in modules:
            return False
        for each in modules:
            delattr(network, each)
        for each, module in modules.items():
            if each == name:
                network.add_module("fault", make())
            network.add_module(each, module)
        return True

    return plant


def _joined(kind: type[nn.Module], join: Callable[..., Tensor], method: str = "join") -> Plant:
    """A block whose branches come together in another way."""
    return _becomes(kind, type(f"Faulty{kind.__name__}", (kind,), {method: lambda _self, *parts: join(*parts)}))


def _exchange(first: str, second: str) -> Plant:
    """Two modules take each other's place; their names, and so their weights, stay."""

    def plant(network: Network) -> bool:
        modules = dict(network.named_children())
        if first not in modules or second not in modules:
            return False
        order = list(modules)
        one, other = order.index(first), order.index(second)
        order[one], order[other] = order[other], order[one]
        for name in modules:
            delattr(network, name)
        for name in order:
            network.add_module(name, modules[name])
        return True

    return plant


def _stride_first(network: Network) -> bool:
    """The stride of a bottleneck is taken by its first convolution."""
    if not hasattr(network, "reduce"):
        return False
    network.reduce.stride, network.spatial.stride = (2, 2), (1, 1)
    return True


def _closing(network: Network) -> bool:
    """The large map's mean is a maximum."""
    for name in ("flat", "mean", "pool"):
        if type(getattr(network, name, None)) is Mean:
            setattr(network, name, wrong.Pool("max"))
            return True
    return False


FAULTS: dict[str, Plant] = {
    "epsilon of batch norm": _set(nn.BatchNorm2d, eps=0.01),
    "epsilon 1e-5 for 1e-3": _set(nn.BatchNorm2d, fits=lambda norm: norm.eps == 1e-3, eps=1e-5),
    "epsilon of another normalisation": _set(nn.GroupNorm, nn.InstanceNorm2d, ChannelNorm, eps=1e-2),
    "epsilon outside the root": _becomes(nn.BatchNorm2d, wrong.EpsilonOutside),
    "variance by n - 1": _becomes(ChannelNorm, wrong.UnbiasedVarianceNorm),
    "statistics of the batch": _becomes(nn.BatchNorm2d, wrong.BatchStatistics),
    "padding on the other side": _becomes(SamePadding, wrong.OtherSide),
    "padding on all sides": _becomes(SamePadding, wrong.AllSides, lambda pad: pad.kernel == 3),
    "padding with edges": _set(nn.Conv2d, fits=lambda conv: conv.padding == (1, 1), padding_mode="replicate"),
    "form of GELU": _replaced(nn.GELU, lambda gelu: nn.GELU("none" if gelu.approximate == "tanh" else "tanh")),
    "activation of another kind": _replaced(nn.ReLU, lambda _: nn.SiLU()),
    "slope of the leaky ReLU": _set(nn.LeakyReLU, negative_slope=0.01),
    "one slope for all channels": _becomes(nn.PReLU, wrong.OneSlope),
    "alpha of ELU": _replaced(nn.ELU, lambda elu: nn.ELU(elu.alpha * 1.1)),
    "bound of ReLU6": _replaced(nn.ReLU6, lambda _: nn.Hardtanh(0.0, 2.0)),
    "old hard sigmoid": _replaced(nn.Hardsigmoid, lambda _: wrong.OldHardSigmoid()),
    "beta of softplus": _replaced(nn.Softplus, lambda _: nn.Softplus(beta=1.1)),
    "axis of softmax": _replaced(nn.Softmax, lambda _: nn.Softmax(2)),
    "order of flattened maps": _replaced(nn.Flatten, lambda _: wrong.FlattenedLast()),
    "activation before normalisation": _exchange("norm", "relu"),
    "equal-shaped layers exchanged": _exchange("first", "second"),
    "blue first": _before("stem", wrong.BlueFirst),
    "gates swapped": _joined(Gated, lambda first, second: second * first.sigmoid(), "multiply"),
    "dropout left on": _before("logits", wrong.AlwaysDropout),
    "noise left on": _before("logits", wrong.Noise),
    "depends on the batch": _before("logits", wrong.LessBatchMean),
    "kernel flipped": _conv_becomes(wrong.FlippedConv, lambda conv: max(conv.kernel_size) > 1),
    "kernel turned": _conv_becomes(wrong.TurnedConv, lambda conv: conv.kernel_size in ((2, 2), (3, 3), (4, 4), (5, 5))),
    "kernel of a transposed one flipped": _becomes(nn.ConvTranspose2d, wrong.FlippedTransposed),
    "scale off by 1e-3": _conv_becomes(wrong.ScaledConv),
    "bias dropped": _conv_becomes(wrong.UnbiasedConv, lambda conv: conv.bias is not None),
    "one channel off by 1e-2": _conv_becomes(wrong.OneChannelConv),
    "two channels exchanged": _conv_becomes(wrong.SwappedChannelsConv),
    "groups exchanged": _conv_becomes(wrong.ReversedGroupsConv, lambda conv: conv.groups == 2),
    "multiplier before channel": _conv_becomes(
        wrong.MultiplierFirstConv, lambda conv: conv.groups == 6 < conv.out_channels
    ),
    "kernel rounded to bfloat16": _conv_becomes(wrong.HalfPrecisionConv),
    "moved by one column": _conv_becomes(wrong.ShiftedConv),
    "crop off by one": _set(Crop, fits=lambda crop: crop.right == 3, left=1, right=2),
    "crop at the other end": _set(Crop, fits=lambda crop: crop.top == 0, top=1, left=1, bottom=0, right=0),
    "pads counted": _set(nn.AvgPool2d, fits=lambda pool: not pool.count_include_pad, count_include_pad=True),
    "pads not counted": _set(
        nn.AvgPool2d, fits=lambda pool: pool.padding == 1 and pool.count_include_pad, count_include_pad=False
    ),
    "maximum for mean": _replaced(nn.AvgPool2d, lambda pool: nn.MaxPool2d(pool.kernel_size, pool.stride, pool.padding)),
    "mean for maximum": _replaced(
        nn.MaxPool2d,
        lambda pool: nn.AvgPool2d(pool.kernel_size, pool.stride, pool.padding),
        lambda pool: pool.kernel_size == 3,  # the others read what is padded with the least number
    ),
    "zeros before a maximum": _set(SamePadding, fits=lambda pad: pad.value < 0, value=0.0),
    "global maximum for mean": _closing,
    "global mean for maximum": _replaced(GlobalMax, lambda _: wrong.Pool("mean")),
    "stride of another layer": _stride_first,
    "square dense kernel transposed": _becomes(
        nn.Linear, wrong.TransposedLinear, lambda dense: dense.in_features == dense.out_features
    ),
    "features of a dense layer reversed": _becomes(OnChannels, wrong.ReversedOnChannels),
    "shortcut missing": _joined(Residual, lambda _maps, branch: branch),
    "shortcut of a projection missing": _joined(Projected, lambda _maps, branch: branch),
    "order of joined branches": _joined(Inception, lambda *branches: torch.cat(branches[::-1], dim=1)),
    "order in a dense block": _joined(DenseBlock, lambda maps, grown: torch.cat([grown, maps], dim=1)),
    "sum for mean of branches": _joined(AverageOfTwo, lambda left, right: left + right),
    "attention not scaled": _set(Attention, scale=1.0),
    "attention over the wrong axis": _set(Attention, axis=1),
    "corners aligned": _set(nn.Upsample, fits=lambda up: up.mode == "bilinear", align_corners=True),
    "other interpolation": _replaced(
        nn.Upsample, lambda up: nn.Upsample(scale_factor=2, mode="nearest" if up.mode == "bilinear" else "bilinear")
    ),
    "channels not shuffled": _replaced(nn.ChannelShuffle, lambda _: nn.Identity()),
    "deviation of the scaling": _set(Rescaled, deviation=0.225),
}  # fmt: skip
