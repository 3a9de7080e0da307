"""The longest common subsequence of two sequences."""

from collections.abc import Hashable, Sequence

LARGEST = 1 << 31  # of the products of two lengths: the table takes a bit for each pair, 256 MB


def align(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[tuple[int, int]]:
    """The places of a longest common subsequence, in order: pairs of a place in ``a`` and one in ``b``.

    A row of the table is one whole number of as many bits as ``a`` is long, so that a row costs a few operations
    (H. Hyyrö, Bit-parallel LCS-length computation revisited, AWOCA 2004). What both begin and end with is taken first.
    Of sequences whose table would be too large, only that is found.
    """
    begin = _common(a, b)
    end = _common(a[begin:][::-1], b[begin:][::-1])
    middle = _longest(a[begin : len(a) - end], b[begin : len(b) - end])
    return [
        *((place, place) for place in range(begin)),
        *((begin + one, begin + other) for one, other in middle),
        *((len(a) - place, len(b) - place) for place in range(end, 0, -1)),
    ]


def _common(a: Sequence[Hashable], b: Sequence[Hashable]) -> int:
    """How many elements both begin with."""
    return next(
        (place for place, (one, other) in enumerate(zip(a, b, strict=False)) if one != other), min(len(a), len(b))
    )


def _longest(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[tuple[int, int]]:
    if not a or not b or len(a) * len(b) > LARGEST:
        return []
    places = dict.fromkeys(b, 0)
    for place, element in enumerate(a):
        if element in places:
            places[element] |= 1 << place
    all_bits = (1 << len(a)) - 1
    row, table = all_bits, []
    for element in b:  # a bit is 0 where one more element of a lengthens the subsequence
        matching = row & places[element]
        row = ((row + matching) | (row - matching)) & all_bits
        table.append(row)
    return _traced(table, len(a))


def _traced(table: Sequence[int], length: int) -> list[tuple[int, int]]:
    """The pairs, read back from the last row of the table."""
    found, column, line = [], length, len(table)
    while column and line:
        if table[line - 1] >> (column - 1) & 1:
            column -= 1
        elif line > 1 and not table[line - 2] >> (column - 1) & 1:
            line -= 1
        else:
            column, line = column - 1, line - 1
            found.append((column, line))
    return found[::-1]
