"""What is done to an image before a network sees it."""

from dataclasses import dataclass
from typing import Literal, get_args

from harness.networks.architecture import Scaling

Interpolation = Literal["bilinear", "bicubic"]
INTERPOLATIONS: tuple[Interpolation, ...] = get_args(Interpolation)


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """What is done to an image before the network sees it: resized, cropped in the middle, scaled.

    ``resize`` is the length in pixels that the shorter side is brought to, with antialiasing; ``crop``
    is the side of the square in the middle.
    """

    scaling: Scaling
    resize: int
    crop: int
    interpolation: Interpolation

    @property
    def described(self) -> str:
        """What is done to the size of an image, for a row."""
        return f"shorter side resized to {self.resize} ({self.interpolation}), central crop of {self.crop}"
