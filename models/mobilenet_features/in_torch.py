"""A head on MobileNet (Howard et al. 2017), in PyTorch: depthwise-separable convolutions, then two dense layers."""

from collections import OrderedDict

from torch import nn

# Filters and stride of each block, a depthwise 3×3 and a pointwise 1×1 convolution.
BLOCKS = (
    (64, 1),  # (N, 64, 80, 80)
    (128, 2),  # (N, 128, 40, 40)
    (128, 1),
    (256, 2),  # (N, 256, 20, 20)
    (256, 1),
    (512, 2),  # (N, 512, 10, 10)
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (1024, 2),  # (N, 1024, 5, 5)
    (1024, 1),
)


def build() -> nn.Module:
    """An untrained network that turns images (N, 3, 160, 160) into logits (N, 1)."""
    network = OrderedDict(
        # On an even size, Keras' `same` with stride 2 pads nothing before and one pixel after.
        conv1_pad=nn.ZeroPad2d((0, 1, 0, 1)),  # (N, 3, 161, 161)
        conv1=nn.Conv2d(3, 32, 3, stride=2, bias=False),  # (N, 32, 80, 80)
        **norm_and_relu("conv1", 32),
    )
    channels = 32
    for block, (filters, stride) in enumerate(BLOCKS, start=1):
        depthwise, pointwise = f"conv_dw_{block}", f"conv_pw_{block}"
        if stride == 2:
            # (N, 64, 81, 81), (N, 128, 41, 41), (N, 256, 21, 21) and (N, 512, 11, 11)
            network[f"conv_pad_{block}"] = nn.ZeroPad2d((0, 1, 0, 1))
        padding = 1 if stride == 1 else 0
        # (N, 32, 80, 80) to (N, 1024, 5, 5): channels stay, a stride of 2 halves height and width.
        network[depthwise] = nn.Conv2d(channels, channels, 3, stride, padding, groups=channels, bias=False)
        network |= norm_and_relu(depthwise, channels)
        network[pointwise] = nn.Conv2d(channels, filters, 1, bias=False)  # (N, 64, 80, 80) to (N, 1024, 5, 5)
        network |= norm_and_relu(pointwise, filters)
        channels = filters
    network |= {
        "flatten": nn.Flatten(),  # (N, 25600)
        "dense1": nn.Linear(25600, 256),  # (N, 256); linear, as the lecture prints it
        "dropout1": nn.Dropout(0.5),
        "logits": nn.Linear(256, 1),  # (N, 1)
    }
    return nn.Sequential(network)


def norm_and_relu(name: str, channels: int) -> dict[str, nn.Module]:
    """What follows every convolution."""
    # Keras' momentum 0.99 weighs the old statistics, PyTorch's 0.01 the new ones: the same average.
    return {
        f"{name}_bn": nn.BatchNorm2d(channels, momentum=0.01, eps=1e-3),
        f"{name}_relu": nn.ReLU6(),
    }
