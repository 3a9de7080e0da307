"""Shapes of a model's inputs as the command line takes them."""

from collections.abc import Iterator, Sequence

from harness.errors import HarnessError

BATCH = "batch"  # the first size of a shape that leaves it open


def parse(option: str, given: Sequence[str], smallest: int = 0) -> dict[str, tuple[int, ...]]:
    """``["image=1x3x224x224"]``, or with commas, as ``{"image": (1, 3, 224, 224)}``.

    Raises :class:`HarnessError`, which names the option, for anything else and for a size below the smallest.
    """
    return {name: _sizes(option, entry, parts, smallest) for name, entry, parts in _split(option, given)}


def parse_open(option: str, given: Sequence[str], smallest: int = 0) -> dict[str, tuple[int | None, ...]]:
    """The same, where a batch may be left open: ``batchx3x224x224`` has None first."""
    return {
        name: (None, *_sizes(option, entry, parts[1:], smallest))
        if parts[0] == BATCH
        else _sizes(option, entry, parts, smallest)
        for name, entry, parts in _split(option, given)
    }


def _split(option: str, given: Sequence[str]) -> Iterator[tuple[str, str, list[str]]]:
    for entry in given:
        name, _, sizes = entry.rpartition("=")
        if not name:
            raise _misread(option, entry)
        yield name, entry, sizes.lower().replace(",", "x").split("x")


def _sizes(option: str, entry: str, parts: Sequence[str], smallest: int) -> tuple[int, ...]:
    if not all(part.isascii() and part.isdecimal() and int(part) >= smallest for part in parts):
        raise _misread(option, entry)
    return tuple(map(int, parts))


def _misread(option: str, entry: str) -> HarnessError:
    return HarnessError(f"{option}: expected NAME=1x3x224x224 (batch axis included), found {entry!r}.")
