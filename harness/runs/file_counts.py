"""What a user's .onnx file costs at the shapes that it is fed: its ledger, or why it has none."""

import contextlib
from functools import cache as remember

from harness.cost import ledger as cost
from harness.errors import HarnessError, first_line
from harness.measurements.types import Cost
from harness.runs.model_files import ModelFile


def count(file: ModelFile, image_size: tuple[int, int] | None = None) -> tuple[Cost | None, str | None]:
    """The ledger of one example, of images of that (height, width), and why it has no multiply-accumulates.

    Where the batch is open it is counted in a batch of one: not every ledger could be divided.
    """
    return _of(file.sized(1, image_size))


@remember
def _of(file: ModelFile) -> tuple[Cost | None, str | None]:
    try:
        ledger = cost.ledger(file.path, file.shapes)
    except HarnessError as error:  # shapes that were guessed may not fit; parameters are told without
        with contextlib.suppress(HarnessError):
            return cost.ledger(file.path), first_line(error)
        return None, first_line(error)
    unknown = ledger.unknown_operators
    if not unknown:
        return ledger, None
    return ledger, f"MACs not counted, for {', '.join(unknown)}: {next(iter(unknown.values()))}"
