"""The trial of an exported file: it is run before it is called made.

A file that loads may still want inputs that nobody feeds, or run at one batch alone.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError, first_line
from harness.timing import input_values, runtime

BATCHES = (1, 3)  # none of them is the batch of an exporter's example
REMEDY = (
    "If its definition fixes the number of images, take it from the input (x.shape[0] in PyTorch, ops.shape(x)[0] in "
    "Keras), or write -1 for it."
)


def run_file(path: Path, shapes: Mapping[str, Sequence[int]]) -> None:
    """Run a file on random numbers, at batches of 1 and 3.

    ``shapes`` are those of one image, by the name of the input. Raises :class:`HarnessError` with the cause and the
    remedy if the file wants other inputs, does not run, or gives no line per image.
    """
    session = runtime.session(path, threads=1)
    wanted = [value.name for value in session.get_inputs()]
    if wanted != list(shapes):
        raise HarnessError(
            f"the file wants the inputs {', '.join(wanted)}; expected {', '.join(shapes)} alone. A constant that the "
            "network captures may have become an input: make it a weight of a layer (add_weight, register_buffer)."
        )
    draw = np.random.default_rng(0)
    for count in BATCHES:
        fed = {
            value.name: draw.random((count, *shapes[value.name])).astype(input_values.ELEMENT_TYPES[value.type])
            for value in session.get_inputs()
        }  # zeros of whole numbers: a token that every vocabulary has
        output = _output(session, fed, count)
        if output.shape[:1] != (count,):
            raise HarnessError(
                f"the file gives an output of shape {output.shape} for a batch of {count}: expected {count} along the "
                f"first axis. {REMEDY}"
            )


def _output(session: Any, fed: Mapping[str, NDArray[Any]], count: int) -> NDArray[np.float32]:
    try:
        output: NDArray[np.float32] = session.run(None, fed)[0]
    except Exception as error:  # onnxruntime's own kinds, which share no base
        raise HarnessError(f"the file does not run on a batch of {count}: {first_line(error)}. {REMEDY}") from error
    return output
