"""What PyTorch has no module for, as users write it."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class SamePadding(nn.Module):
    """Pads maps (N, C, H, W) as TensorFlow's "same" does: an odd one goes below and to the right."""

    def __init__(self, kernel: int, stride: int, value: float = 0.0) -> None:
        super().__init__()
        self.kernel, self.stride, self.value = kernel, stride, value

    def forward(self, maps: Tensor) -> Tensor:
        top, bottom = self.sides(maps.shape[2])
        left, right = self.sides(maps.shape[3])
        return functional.pad(maps, (left, right, top, bottom), value=self.value)

    def sides(self, size: int) -> tuple[int, int]:
        """How many before and behind an axis of that size."""
        missing = max((-(-size // self.stride) - 1) * self.stride + self.kernel - size, 0)
        return missing // 2, missing - missing // 2


class Crop(nn.Module):
    """Takes so many rows and columns off maps (N, C, H, W)."""

    def __init__(self, top: int, bottom: int, left: int, right: int) -> None:
        super().__init__()
        self.top, self.bottom, self.left, self.right = top, bottom, left, right

    def forward(self, maps: Tensor) -> Tensor:
        height, width = maps.shape[2:]
        return maps[:, :, self.top : height - self.bottom, self.left : width - self.right]


class Turned(nn.Module):
    """Exchanges height and width."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.transpose(2, 3)


class Flattened(nn.Module):
    """A sequence (N, C, H × W) of the places of maps (N, C, H, W)."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.flatten(2)


class Volume(nn.Module):
    """A volume (N, 1, H, W, C) of maps (N, C, H, W)."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.permute(0, 2, 3, 1).unsqueeze(1)


class Mean(nn.Module):
    """The mean along some axes."""

    def __init__(self, *axes: int) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, maps: Tensor) -> Tensor:
        return maps.mean(self.axes)


class GlobalMax(nn.Module):
    """The largest of each channel: of maps (N, C, H, W) or of sequences (N, C, L)."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.flatten(2).amax(2)


class OnChannels(nn.Linear):
    """A dense layer over the channels of maps (N, C, H, W), at each place."""

    def forward(self, maps: Tensor) -> Tensor:
        return super().forward(maps.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of maps (N, C, H, W), at each place."""

    def forward(self, maps: Tensor) -> Tensor:
        return super().forward(maps.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class PartialBatchNorm(nn.BatchNorm2d):
    """Batch norm without its "weight" or without its "bias"."""

    def __init__(self, channels: int, *, eps: float, without: str) -> None:
        super().__init__(channels, eps=eps)
        self.register_parameter(without, None)


class UnitLength(nn.Module):
    """The channels of each place, scaled to a length of one."""

    def forward(self, maps: Tensor) -> Tensor:
        return functional.normalize(maps, dim=1, eps=1e-6)


class Rescaled(nn.Module):
    """Less a mean, and divided by a deviation."""

    def __init__(self, mean: float, deviation: float) -> None:
        super().__init__()
        self.mean, self.deviation = mean, deviation

    def forward(self, maps: Tensor) -> Tensor:
        return (maps - self.mean) / self.deviation


class Exponential(nn.Module):
    def forward(self, maps: Tensor) -> Tensor:
        return torch.exp(maps)
