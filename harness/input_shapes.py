"""Shapes of a model's inputs as the command line takes them."""

from collections.abc import Sequence

from harness.errors import HarnessError


def parse(option: str, given: Sequence[str], smallest: int = 0) -> dict[str, tuple[int, ...]]:
    """``["image=1x3x224x224"]``, or with commas, as ``{"image": (1, 3, 224, 224)}``.

    Raises :class:`HarnessError`, which names the option, for anything else and for a size below the smallest.
    """
    shapes = {}
    for entry in given:
        name, _, sizes = entry.rpartition("=")
        parts = sizes.lower().replace(",", "x").split("x")
        if not name or not all(part.isascii() and part.isdecimal() and int(part) >= smallest for part in parts):
            raise HarnessError(f"{option}: expected NAME=1x3x224x224 (batch axis included), found {entry!r}.")
        shapes[name] = tuple(map(int, parts))
    return shapes
