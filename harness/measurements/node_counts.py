"""How many nodes there are of each kind, as a row writes it: ``2 Conv, 1 Gemm``."""

from collections.abc import Mapping


def listed(counts: Mapping[str, int]) -> str:
    """In words, by name; empty where there are none."""
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))


def read(text: str) -> dict[str, int]:
    """What :func:`listed` wrote. Raises :class:`ValueError` for anything else."""
    pairs = (part.split(" ", 1) for part in text.split(", ")) if text else ()
    return {name: int(count) for count, name in pairs}


def difference(of: Mapping[str, int], to: Mapping[str, int]) -> str:
    """How many more (+) or fewer (-) of each kind there are in the first than in the second; empty where none.

    Sorted from the most to the fewest: "+4 Transpose, +1 Reshape, -2 Constant".
    """
    differences = {name: of.get(name, 0) - to.get(name, 0) for name in of.keys() | to.keys()}
    ordered = sorted(differences.items(), key=lambda entry: (-entry[1], entry[0]))
    return ", ".join(f"{difference:+d} {name}" for name, difference in ordered if difference)
