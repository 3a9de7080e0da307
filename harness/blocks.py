"""Who takes turns with whom: each subject has a process of its own, and not any number of them fits into memory."""

from collections.abc import Iterable, Iterator, Mapping

MOST = 8  # processes at once: one hardly waits longer for its turn than the state of the machine lasts
PROCESS_BYTES = 100_000_000  # of onnxruntime and numpy, whatever the model
COPIES = 3  # of a model that a process may hold while it opens it: the file, its tensors, what is packed of them
SHARE = 0.5  # of the memory that is free


def split(keys: Iterable[str], model_bytes: Mapping[str, int], free_bytes: float) -> Iterator[list[str]]:
    """The subjects in blocks, in their order: at most eight, and no more than half of the free memory holds.

    A subject that is too large for that is a block of its own.
    """
    block: list[str] = []
    taken = 0
    for key in keys:
        needed = PROCESS_BYTES + COPIES * model_bytes[key]
        if block and (len(block) == MOST or taken + needed > SHARE * free_bytes):
            yield block
            block, taken = [], 0
        block.append(key)
        taken += needed
    if block:
        yield block
