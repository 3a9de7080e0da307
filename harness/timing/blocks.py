"""Who takes turns with whom: each subject has a process of its own, and not any number of them fits into memory."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

MOST = 8  # processes at once: one hardly waits longer for its turn than the state of the machine lasts
PROCESS_BYTES = 100_000_000  # of onnxruntime and numpy, whatever the model
COPIES = 3  # of a model that a process may hold while it opens it: the file, its tensors, what is packed of them
SHARE = 0.5  # of the memory that is free


def split(
    groups: Iterable[Sequence[str]], model_bytes: Mapping[str, int], free_bytes: float
) -> Iterator[list[Sequence[str]]]:
    """The groups in blocks, in their order: at most eight subjects, and no more than half of the free memory holds.

    A group stays together; one that is too large for that is a block of its own.
    """
    block: list[Sequence[str]] = []
    members, taken = 0, 0
    for group in groups:
        needed = sum(PROCESS_BYTES + COPIES * model_bytes[key] for key in group)
        if block and (members + len(group) > MOST or taken + needed > SHARE * free_bytes):
            yield block
            block, members, taken = [], 0, 0
        block.append(group)
        members += len(group)
        taken += needed
    if block:
        yield block
