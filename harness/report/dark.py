"""Pictures for pages that are dark: the same PNG with light and dark exchanged, its hues kept.

A README shows it by ``<picture>`` with ``prefers-color-scheme``.
"""

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from harness.machine import files

Pixels = np.ndarray[Any, np.dtype[np.uint8]]


ENDING = "_dark.png"
GROUND = (13, 17, 23)  # what white becomes
LUMINANCE = (0.2126, 0.7152, 0.0722)  # of red, green and blue in sRGB (Rec. 709)


def write(png: Path) -> Path:
    """Write the dark form of a picture beside it, and say where."""
    with Image.open(png, formats=("PNG",)) as opened:
        light = np.asarray(opened.convert("RGB"))
    content = io.BytesIO()
    Image.fromarray(dark(light)).save(content, format="PNG", optimize=True)
    target = png.with_name(png.stem + ENDING)
    with files.replacing(target) as partial:
        partial.write_bytes(content.getvalue())
    return target


def dark(light: Pixels) -> Pixels:
    """An image (H, W, 3) whose luminance is turned about, so that white is :data:`GROUND` and black white.

    It is inverted, and its hue turned by half a circle, which brings each hue back.
    """
    colours = light / 255.0
    turned = np.clip(1.0 - 2.0 * (colours @ np.array(LUMINANCE))[..., None] + colours, 0.0, 1.0)
    ground = np.array(GROUND) / 255.0
    return np.asarray(np.rint(255.0 * (ground + (1.0 - ground) * turned)), np.uint8)
