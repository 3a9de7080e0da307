"""What every network must be before it is exported: one output, and the same each time."""

from collections.abc import Callable
from typing import Any

import numpy as np

from harness.errors import HarnessError
from harness.frameworks import endings

ROUNDING = 1e-3  # of the largest output: far above what two runs of the same arithmetic differ by


def check_outputs(run: Callable[[], Any], framework: str, images: int) -> None:
    """Run the network of a framework twice, on the same images.

    Raises :class:`HarnessError` with the cause and the remedy for several outputs, for one without a row per image,
    and for others the second time.
    """
    first, second = (endings.arrange(run(), framework, images) for _ in range(2))
    if not np.allclose(first, second, rtol=0, atol=ROUNDING * np.abs(first).max(), equal_nan=True):
        raise HarnessError(
            "it gives other outputs each time, since dropout or noise is on in evaluation: expected it in training "
            "alone. PyTorch's F.dropout drops unless it is told training=self.training; nn.Dropout does. In Keras, "
            "keras.random draws in every call, and a layer drops if it is called with training=True."
        )
