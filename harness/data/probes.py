"""Images that can see a difference of two networks: what real ones alone would hide.

A grey image repeated over three channels does not show that their order differs; a black border does not show how a
convolution pads. So channels come from different images, and one image in four is random over the whole domain.
"""

from typing import TYPE_CHECKING

import numpy as np

from harness.data.images import Scale

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Floats = NDArray[np.float32]

RANDOM_EACH = 4  # every fourth image is random
SEED = 0


def mix_channels(images: "Bytes") -> "Bytes":
    """Images (N, H, W, C) with different channels: where all are equal, channel c is that of the image c further on."""
    if images.shape[-1] == 1 or not (images == images[..., :1]).all():
        return images
    return np.stack([np.roll(images[..., channel], -channel, axis=0) for channel in range(images.shape[-1])], axis=-1)


def choose(images: "Bytes", count: int) -> "Bytes":
    """So many images (count, H, W, C): the first of these, with different channels, and among them random ones."""
    real = mix_channels(images[:count])
    random = np.random.default_rng(SEED).integers(0, 256, (count, *real.shape[1:]), np.uint8)
    return np.stack([random[n] if n % RANDOM_EACH == RANDOM_EACH - 1 else real[n % len(real)] for n in range(count)])


def choose_outside(shape: tuple[int, ...], scale: Scale) -> "Floats":
    """One random image (1, H, W, C) whose values reach as far again outside the domain, on either side."""
    drawn = np.random.default_rng(SEED).uniform(-255.0, 510.0, (1, *shape))
    return scale(drawn)  # type: ignore[arg-type]  # no bytes: that is what it is for
