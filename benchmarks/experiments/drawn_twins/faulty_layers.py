"""Layers of PyTorch that do something wrong. A sound layer is made one of these in place, with its weights."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .torch_layers import ChannelNorm, OnChannels, SamePadding


def becomes(module: Any, kind: type[nn.Module]) -> None:
    """Make a module, with all that it holds, one of another class."""
    module.__class__ = kind


class FlippedConv(nn.Conv2d):
    """A true convolution: its kernel is flipped."""

    def forward(self, maps: Tensor) -> Tensor:
        return self._conv_forward(maps, self.weight.flip(2, 3), self.bias)


class TurnedConv(nn.Conv2d):
    """Height and width of the kernel are exchanged."""

    def forward(self, maps: Tensor) -> Tensor:
        return self._conv_forward(maps, self.weight.transpose(2, 3), self.bias)


class UnbiasedConv(nn.Conv2d):
    def forward(self, maps: Tensor) -> Tensor:
        return self._conv_forward(maps, self.weight, None)


class ScaledConv(nn.Conv2d):
    """What it gives is too large by a thousandth."""

    def forward(self, maps: Tensor) -> Tensor:
        return 1.001 * super().forward(maps)


class OneChannelConv(nn.Conv2d):
    """The kernel of its first channel is too large by a hundredth."""

    def forward(self, maps: Tensor) -> Tensor:
        factor = torch.ones(len(self.weight), dtype=self.weight.dtype)
        factor[0] = 1.01
        return self._conv_forward(maps, self.weight * factor.view(-1, 1, 1, 1), self.bias)


class SwappedChannelsConv(nn.Conv2d):
    """Its first two output channels are exchanged."""

    def forward(self, maps: Tensor) -> Tensor:
        found = super().forward(maps)
        return torch.cat([found[:, 1:2], found[:, :1], found[:, 2:]], dim=1)


class ReversedGroupsConv(nn.Conv2d):
    """What the groups read is exchanged: the last group reads the first channels."""

    def forward(self, maps: Tensor) -> Tensor:
        return super().forward(torch.cat(maps.chunk(self.groups, dim=1)[::-1], dim=1))


class MultiplierFirstConv(nn.Conv2d):
    """A depthwise one whose output channels are ordered by multiplier, then by channel."""

    def forward(self, maps: Tensor) -> Tensor:
        found = super().forward(maps)
        batch, channels, height, width = found.shape
        split = found.view(batch, self.groups, channels // self.groups, height, width)
        return split.transpose(1, 2).reshape(batch, channels, height, width)


class HalfPrecisionConv(nn.Conv2d):
    """Its kernel is rounded to bfloat16."""

    def forward(self, maps: Tensor) -> Tensor:
        return self._conv_forward(maps, self.weight.to(torch.bfloat16).to(self.weight.dtype), self.bias)


class ShiftedConv(nn.Conv2d):
    """Its maps are moved by one column."""

    def forward(self, maps: Tensor) -> Tensor:
        return super().forward(maps).roll(1, dims=3)


class FlippedTransposed(nn.ConvTranspose2d):
    def forward(self, maps: Tensor, output_size: Any = None) -> Tensor:  # noqa: ARG002
        return functional.conv_transpose2d(maps, self.weight.flip(2, 3), self.bias, self.stride, self.padding)


class OtherSide(SamePadding):
    """An odd row or column is padded above and to the left."""

    def sides(self, size: int) -> tuple[int, int]:
        before, after = super().sides(size)
        return after, before


class AllSides(SamePadding):
    """Pads one on every side, as ``padding=1`` does."""

    def sides(self, size: int) -> tuple[int, int]:  # noqa: ARG002
        return 1, 1


class TransposedLinear(nn.Linear):
    """A square kernel, (in, out) for (out, in)."""

    def forward(self, features: Tensor) -> Tensor:
        return functional.linear(features, self.weight.T, self.bias)


class ReversedOnChannels(OnChannels):
    """Its features are reversed."""

    def forward(self, maps: Tensor) -> Tensor:
        return super().forward(maps.flip(1))


class UnbiasedVarianceNorm(ChannelNorm):
    """Its variance is divided by n - 1."""

    def forward(self, maps: Tensor) -> Tensor:
        deviation = (maps.var(1, unbiased=True, keepdim=True) + self.eps).sqrt()
        scaled = (maps - maps.mean(1, keepdim=True)) / deviation
        return scaled * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)


class EpsilonOutside(nn.BatchNorm2d):
    """Epsilon is added to the deviation, not to the variance."""

    def forward(self, maps: Tensor) -> Tensor:
        variance = (self.running_var.sqrt() + self.eps) ** 2
        return functional.batch_norm(maps, self.running_mean, variance, self.weight, self.bias, eps=0.0)


class BatchStatistics(nn.BatchNorm2d):
    """Normalises by the statistics of the batch, as in training."""

    def forward(self, maps: Tensor) -> Tensor:
        return functional.batch_norm(maps, None, None, self.weight, self.bias, training=True, eps=self.eps)


class OneSlope(nn.PReLU):
    """The slope of the first channel for all."""

    def forward(self, maps: Tensor) -> Tensor:
        return functional.prelu(maps, self.weight[:1])


class OldHardSigmoid(nn.Module):
    """The hard sigmoid of Keras 2."""

    def forward(self, maps: Tensor) -> Tensor:
        return (0.2 * maps + 0.5).clamp(0, 1)


class AlwaysDropout(nn.Module):
    """Drops values whatever the mode, as ``F.dropout`` does by default."""

    def forward(self, values: Tensor) -> Tensor:
        return functional.dropout(values, 0.2, training=True)


class Noise(nn.Module):
    """Adds noise whatever the mode."""

    def forward(self, values: Tensor) -> Tensor:
        return values + 0.05 * torch.randn_like(values)


class LessBatchMean(nn.Module):
    """Takes off the mean of the batch, so that each image depends on the others."""

    def forward(self, values: Tensor) -> Tensor:
        return values - values.mean(0, keepdim=True)


class BlueFirst(nn.Module):
    """Reverses the channels."""

    def forward(self, images: Tensor) -> Tensor:
        return images.flip(1)


class FlattenedLast(nn.Module):
    """Flattens maps in TensorFlow's order, by a gather, in front of a kernel that is carried in PyTorch's."""

    def forward(self, maps: Tensor) -> Tensor:
        order = torch.arange(maps[0].numel()).view(maps.shape[1:]).permute(1, 2, 0).flatten()
        return maps.flatten(1)[:, order]


class Pool(nn.Module):
    """A reduction of maps (N, C, H, W) or of sequences to (N, C) that another one should be."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, maps: Tensor) -> Tensor:
        places = maps.flatten(2)
        return {"max": places.amax(2), "mean": places.mean(2), "sum": places.sum(2)}[self.kind]
