"""In which order a network's features lie: what each axis of a tensor is made of.

Keras flattens maps as H, W, C and PyTorch as C, H, W. So a dense layer behind them has the same weights in another
order. Here each axis of a tensor is a tuple of *atoms*, the slowest first: an image's height, a convolution's
channels, a dense layer's outputs. Reshaping and permuting move atoms, split them and put them together. Each axis
of a weight that reads or makes features is made of the same atoms as those features. The *canonical* order of an
axis is by role: channels first, then the spatial axes, as PyTorch flattens. Both frameworks are brought to it.

What moves values without regard to atoms (a flip, a gather) is part of the network, and changes no order here.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError

BATCH, CHANNEL, SPATIAL = -1, 0, 1  # roles; SPATIAL + 1 is the second spatial axis


@dataclass(eq=False, kw_only=True)
class Atom:
    """A run of features that keep together.

    ``role`` is what the network's readers take it for, ``default`` what it is if none says. A part's default is
    the role of the whole. ``fixed`` atoms are of the input: their role does not change. ``unknown`` names the
    operation that nothing is known of. ``joined`` are the axes that were concatenated to this one.
    """

    size: int
    role: int | None = None
    default: int | None = None
    fixed: bool = False
    part: bool = False
    unknown: str = ""
    joined: "tuple[Axis, ...]" = ()
    parts: "tuple[Atom, ...]" = ()
    same_as: "Atom | None" = None

    @property
    def taken_as(self) -> int | None:
        """The role of the atom."""
        return self.default if self.role is None else self.role


Axis = tuple[Atom, ...]  # the slowest first; () is an axis of size one
Layout = tuple[Axis, ...]  # of a tensor, the batch axis included


def axis(size: int, role: int | None = None, *, fixed: bool = False, unknown: str = "") -> Axis:
    """A new axis of one atom, of that role unless a reader says otherwise."""
    if size == 1:
        return ()
    return (Atom(size=size, role=role if fixed else None, default=role, fixed=fixed, unknown=unknown),)


def leaves(of: Axis) -> Iterator[Atom]:
    """The atoms of an axis that nothing splits further."""
    for atom in of:
        while atom.same_as is not None:
            atom = atom.same_as
        if atom.parts:
            yield from leaves(atom.parts)
        else:
            yield atom


def size(of: Axis) -> int:
    """How many features the axis has."""
    return math.prod(atom.size for atom in of)


def assign(of: Axis, role: int) -> None:
    """A layer takes the axis for channels or for a spatial axis. What is known of an atom stays.

    Part of what was channels becomes spatial, as where (H, W, r·r·C) becomes (H·r, W·r, C).
    """
    for leaf in leaves(of):
        if leaf.role is None and (leaf.default is None or (leaf.part and leaf.default == CHANNEL != role)):
            leaf.role = role


def align(one: Axis, other: Axis, where: str) -> None:
    """Feature by feature, both axes are the same: their atoms become one. Raises :class:`HarnessError` if they cannot.

    Nothing is said of an axis of size one, which is broadcast, nor of axes of different sizes.
    """
    if size(one) != size(other) or not one:
        return
    while True:
        pairs = _unequal(one, other)
        if pairs is None:
            return
        first, second = pairs
        if first.size == second.size:
            _unify(first, second)
        elif first.size > second.size:
            split(first, (second.size, first.size // second.size), where)
        else:
            split(second, (first.size, second.size // first.size), where)


def split(atom: Atom, sizes: Sequence[int], where: str) -> Axis:
    """The parts of an atom, the slowest first."""
    if math.prod(sizes) != atom.size:
        raise unfollowed(where)
    if not atom.parts:
        known = atom.taken_as
        atom.parts = tuple(
            Atom(
                size=each,
                role=known if atom.fixed else None,
                default=known,
                fixed=atom.fixed,
                part=True,
                unknown=atom.unknown or (where if atom.joined else ""),
            )
            for each in sizes
            if each > 1
        )
    return atom.parts


def join(axes: Sequence[Axis]) -> Axis:
    """The axis that concatenates several."""
    first = next((leaf for each in axes for leaf in leaves(each)), None)
    total = sum(map(size, axes))
    return (Atom(size=total, default=CHANNEL if first is None else first.taken_as, joined=tuple(axes)),)


def rearrange(of: Layout, shape: Sequence[int], strides: Sequence[int], where: str) -> Layout:
    """The layout of a view with all elements of a contiguous tensor, told by its strides in elements.

    Raises :class:`HarnessError` if an axis begins or ends inside an atom that does not divide so.
    """
    cuts = {cut for length, stride in zip(shape, strides, strict=True) for cut in (stride, stride * length)}
    for leaf, below in [*_digits(of)]:
        edges = [below, *sorted(cut for cut in cuts if below < cut < below * leaf.size), below * leaf.size]
        if len(edges) > 2:
            split(leaf, [high // low for low, high in itertools.pairwise(edges)][::-1], where)
    digits = [*_digits(of)]
    return tuple(
        tuple(leaf for leaf, below in digits if stride <= below and below * leaf.size <= stride * length)
        if length > 1
        else ()
        for length, stride in zip(shape, strides, strict=True)
    )


def cut_out(of: Layout, shape: Sequence[int], strides: Sequence[int], where: str) -> Layout:
    """The layout of a view with some elements of a contiguous tensor: axes that are whole stay.

    Others are new; they have the role of the axis that they are a part of, and none if they repeat a value.
    """
    below = math.prod(map(size, of))
    starts = []
    for each in of:
        below //= size(each)
        starts.append(below)
    found = []
    for length, stride in zip(shape, strides, strict=True):
        source = next((one for one, low in zip(of, starts, strict=True) if low <= stride < low * size(one)), ())
        whole = stride in starts and size(source) == length
        found.append(source if whole else axis(length, main_role(source), unknown="" if len(source) < 2 else where))
    return tuple(found)


def order(of: Axis, where: str) -> NDArray[np.intp] | None:
    """At which place of the axis each feature of the canonical order lies; None if it is in that order.

    Raises :class:`HarnessError` if the axis has several atoms, and one of which nothing is known.
    """
    found = [*leaves(of)]
    lost = next((leaf.unknown for leaf in found if leaf.unknown), "")
    if len(found) > 1 and lost:
        raise unfollowed(where, lost)
    roles = [leaf.taken_as for leaf in found]
    known = [role for role in roles if role is not None]
    if len(known) < len(roles):
        if known != sorted(known):
            raise unfollowed(where)
        roles = [0] * len(roles)
    inner = [_joined_order(leaf, where) for leaf in found]
    canonical = sorted(range(len(found)), key=lambda index: roles[index] or 0)
    if canonical == [*range(len(found))] and all(each is None for each in inner):
        return None
    places = np.arange(size(of)).reshape([leaf.size for leaf in found])
    for number, each in enumerate(inner):
        if each is not None:
            places = places.take(each, number)
    return places.transpose(canonical).ravel()


def refuse_reordered(kept: Sequence[tuple[Axis, str]]) -> None:
    """Raise :class:`HarnessError` if an axis that a layer reads or makes by groups is not in the canonical order."""
    for of, where in kept:
        if order(of, where) is not None:
            raise unfollowed(where)


def main_role(of: Axis) -> int | None:
    """The role of the axis as a whole: that of its first atom in the canonical order."""
    roles = [leaf.taken_as for leaf in leaves(of)]
    return None if not roles or None in roles else min(role for role in roles if role is not None)


def unfollowed(where: str, lost: str = "") -> HarnessError:
    """The error for a layer that reads features whose order is not known."""
    behind = f" behind {lost!r}" if lost else ""
    return HarnessError(
        f"{where!r} reads features whose order cannot be followed{behind}. Expected what leads there to be a reshape, "
        "a permutation, a flatten, a concatenation, an operation by element, or a layer of the vocabulary."
    )


def _unequal(one: Axis, other: Axis) -> tuple[Atom, Atom] | None:
    """The first two atoms that are not the same, from the slowest on."""
    return next(
        ((first, second) for first, second in zip(leaves(one), leaves(other), strict=False) if first is not second),
        None,
    )


def _unify(one: Atom, other: Atom) -> None:
    """Two atoms are the same from now on; what is known best of either stays."""
    kept, gone = (one, other) if _known(one) >= _known(other) else (other, one)
    told = any(each.taken_as is not None and not each.unknown for each in (one, other))
    kept.unknown = "" if told else kept.unknown or gone.unknown
    gone.same_as = kept


def _known(atom: Atom) -> tuple[bool, bool, bool, bool, bool]:
    known = atom.taken_as is not None
    return bool(atom.joined), atom.fixed, atom.role is not None, known and not atom.part, known


def _joined_order(leaf: Atom, where: str) -> NDArray[np.intp] | None:
    """The order inside an atom that was concatenated."""
    inner = [order(each, where) for each in leaf.joined]
    if all(each is None for each in inner):
        return None
    starts = np.cumsum([0, *(size(each) for each in leaf.joined)])
    return np.concatenate(
        [
            start + (np.arange(size(each)) if found is None else found)
            for start, each, found in zip(starts, leaf.joined, inner, strict=False)
        ]
    )


def _digits(of: Layout) -> Iterator[tuple[Atom, int]]:
    """Each atom of a contiguous tensor, with the number of elements from one of its values to the next."""
    below = math.prod(size(each) for each in of)
    for each in of:
        for leaf in leaves(each):
            below //= leaf.size
            yield leaf, below
