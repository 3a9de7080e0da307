"""What else moves an accuracy between frameworks than the network: how far, by running both sides of each convention.

Usage:
  python -m benchmarks.experiments.accuracy_conventions
"""

import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow
import torch
from numpy.typing import NDArray
from PIL import Image

from harness.machine import installed
from harness.report.tables import print_table

VERSIONS = ("keras", "tensorflow", "torch", "pillow", "numpy")
SIZE = 224
RATE, DECAY, MOMENTUM, STEPS = 0.1, 0.1, 0.9, 10


@dataclass(frozen=True, kw_only=True)
class Convention:
    """One thing that two libraries do differently: what each gives."""

    what: str
    one: str
    other: str


def main() -> int:
    print(", ".join(f"{name} {installed.version(name)}" for name in VERSIONS))
    print_table(("what", "one", "other"), [vars(one) for one in conventions()], "table")
    return 0


def conventions() -> Iterator[Convention]:
    """Every convention that is tried."""
    yield from decoding()
    yield cropping()
    yield resizing()
    yield deep_pictures()
    yield first_weights()
    yield saturated_loss()
    yield decay()
    yield plateau()
    yield class_weights()


def decoding() -> Iterator[Convention]:
    """A photograph-like JPEG, decoded by Pillow and by TensorFlow in two ways."""
    data = _jpeg()
    pillow = np.asarray(Image.open(io.BytesIO(data))).astype(int)
    for method in ("", "INTEGER_ACCURATE"):
        other = tensorflow.io.decode_jpeg(data, dct_method=method).numpy().astype(int)
        gap = other - pillow
        yield Convention(
            what=f"JPEG, decode_jpeg({method or 'as it comes'}) beside Pillow",
            one="0 of 255",
            other=f"{(gap != 0).mean():.0%} of the values differ, by up to {np.abs(gap).max()}, mean {gap.mean():+.2f}",
        )


def _jpeg() -> bytes:
    """A smooth picture with edges and noise, with halved colours, as cameras write it."""
    random = np.random.default_rng(0)
    across, down = np.meshgrid(np.linspace(0, 1, SIZE), np.linspace(0, 1, SIZE))
    planes = [np.sin(7 * across + 3 * down), np.cos(5 * down * across), (across > down).astype(float)]
    picture = np.stack(planes, axis=-1) * 100 + 120 + random.normal(0, 12, (SIZE, SIZE, 3))
    file = io.BytesIO()
    Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=90, subsampling=2)
    return file.getvalue()


def cropping() -> Convention:
    """Where the middle of five rows begins if two are wanted."""
    rows = np.arange(5, dtype=np.float32).reshape(1, 5, 1, 1).repeat(5, axis=2)
    first = int(np.asarray(keras.layers.CenterCrop(2, 2)(rows))[0, 0, 0, 0])
    return Convention(
        what="central crop of 2 of 5 rows: its first row",
        one=f"Keras' CenterCrop: {first}",
        other=f"int(round((5 - 2) / 2)), as torchvision has it: {round((5 - 2) / 2)}",
    )


def resizing() -> Convention:
    """One white pixel, made twice as large by cubic interpolation."""
    pixel = np.zeros((9, 9), np.float32)
    pixel[4, 4] = 1
    pillow = np.asarray(Image.fromarray(pixel).resize((18, 18), Image.Resampling.BICUBIC))
    enlarged = torch.nn.functional.interpolate(torch.from_numpy(pixel)[None, None], scale_factor=2, mode="bicubic")
    apart = float(np.abs(pillow - enlarged[0, 0].numpy()).max())
    return Convention(
        what="bicubic enlargement of one pixel of 1",
        one=f"Pillow (-0.5): least {pillow.min():.3f}",
        other=f"PyTorch (-0.75): least {float(enlarged.min()):.3f}, up to {apart:.3f} apart",
    )


def deep_pictures() -> Convention:
    """A picture of 16 bits, read as one of 8."""
    picture = Image.fromarray(np.full((4, 4), 20_000, np.uint16))
    return Convention(
        what="20,000 of 65,535 in a picture of 16 bits, as 8 bits",
        one=f"by its share: {round(20_000 / 257)}",
        other=f"Pillow's convert('L'): {int(np.asarray(picture.convert('L'))[0, 0])}",
    )


def first_weights() -> Convention:
    """The spread of He's first weights of a depthwise convolution of 1,024 channels."""
    layer = keras.layers.DepthwiseConv2D(3, depthwise_initializer=keras.initializers.HeNormal(seed=0))
    layer.build((None, 8, 8, 1024))
    kernel = torch.empty(1024, 1, 3, 3)
    torch.manual_seed(0)
    torch.nn.init.kaiming_normal_(kernel)
    return Convention(
        what="He's first weights, depthwise 3x3 of 1,024 channels: standard deviation",
        one=f"Keras: {float(np.std(np.asarray(layer.kernel))):.3f}",
        other=f"PyTorch: {float(kernel.std()):.3f}",
    )


def saturated_loss() -> Convention:
    """The loss of a wrong answer that is sure of itself."""
    scores, right = np.array([[200.0, 0.0]], np.float32), np.array([1])
    probabilities = np.asarray(keras.ops.softmax(scores))
    behind = keras.losses.SparseCategoricalCrossentropy()(right, probabilities)
    logits = torch.nn.functional.cross_entropy(torch.from_numpy(scores), torch.from_numpy(right))
    return Convention(
        what=f"cross entropy of a wrong answer, 200 logits above the right one ({keras.backend.backend()})",
        one=f"Keras, behind a softmax: {float(behind):.3f}",
        other=f"PyTorch, of logits: {float(logits):.3f}",
    )


def decay() -> Convention:
    """A weight of 1 after ten steps with decay and momentum, and no gradient."""
    weight = torch.nn.Parameter(torch.ones(1))
    stepping = torch.optim.SGD([weight], lr=RATE, momentum=MOMENTUM, weight_decay=DECAY)
    variable = keras.Variable(np.ones(1, np.float32))
    optimizer = keras.optimizers.SGD(RATE, momentum=MOMENTUM, weight_decay=DECAY)
    for _ in range(STEPS):
        weight.grad = torch.zeros(1)
        stepping.step()
        optimizer.apply([keras.ops.zeros(1)], [variable])
    return Convention(
        what="a weight of 1 after ten steps of SGD with momentum 0.9, decay 0.1, rate 0.1 and no gradient",
        one=f"Keras: {float(np.asarray(variable)[0]):.3f}",
        other=f"PyTorch: {float(weight):.3f}",
    )


def plateau() -> Convention:
    """After how many epochs of an equal loss the rate is first lowered, with a patience of two."""
    weight = torch.nn.Parameter(torch.ones(1))
    stepping = torch.optim.SGD([weight], lr=RATE)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(stepping, patience=2)
    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(RATE), "mse")
    callback = keras.callbacks.ReduceLROnPlateau(monitor="loss", patience=2)
    callback.set_model(model)
    callback.on_train_begin()
    epochs: dict[str, int] = {}
    for epoch in range(10):
        schedule.step(1.0)
        callback.on_epoch_end(epoch, {"loss": 1.0})
        rates = {"Keras": float(np.asarray(model.optimizer.learning_rate)), "PyTorch": stepping.param_groups[0]["lr"]}
        for name, rate in rates.items():
            if rate < RATE * 0.99:
                epochs.setdefault(name, epoch + 1)
    return Convention(
        what="the rate is lowered on a plateau with a patience of 2, of an equal loss",
        one=f"Keras: after epoch {epochs['Keras']}",
        other=f"PyTorch: after epoch {epochs['PyTorch']}",
    )


def class_weights() -> Convention:
    """The mean loss of two examples, of classes with the weights 1 and 9."""
    scores, right = np.zeros((2, 2), np.float32), np.array([0, 1])
    weights: NDArray[np.float32] = np.array([1, 9], np.float32)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    one = float(loss(right, scores, sample_weight=weights[right]))
    other = torch.nn.functional.cross_entropy(
        torch.from_numpy(scores), torch.from_numpy(right), weight=torch.from_numpy(weights)
    )
    return Convention(
        what="mean loss of two examples of classes with weights 1 and 9, each 0.693",
        one=f"Keras, by the number of examples: {one:.3f}",
        other=f"PyTorch, by the sum of weights: {float(other):.3f}",
    )


if __name__ == "__main__":
    sys.exit(main())
