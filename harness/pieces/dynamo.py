"""torch.onnx's exporter (dynamo): called without its noise, and its errors told by their cause."""

import contextlib
import io
import logging
import re
import traceback
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError, first_line
from harness.pieces import artifacts

if TYPE_CHECKING:
    import onnx
    import torch

EXAMPLE_BATCH = 2  # of one image, the tracer would take the batch for a constant
NUMBER_OF_IMAGES = re.compile(r"\blen\(\w+\)|\bint\([^)]*\b(?:shape|size)\b")  # makes a plain number of it
OPERATOR = re.compile(r"torch\.ops\.([\w.]+)|\[OpOverload\(op='([\w.:]+)'")


def export_module(
    module: "torch.nn.Module",
    example: "torch.Tensor",
    sources: Sequence[Path],
    *,
    open_axes: Sequence[int] = (),
    fold: bool = True,
) -> "onnx.ModelProto":
    """The module as an ONNX model of any batch.

    ``example`` is a batch of :data:`EXAMPLE_BATCH`; of the ``open_axes`` (counted with the batch) the size is open. The
    ``sources`` are the files of the definition. Raises :class:`HarnessError` with the cause if it cannot be exported.
    """
    import torch

    open_sizes = ({0: torch.export.Dim("batch"), **dict.fromkeys(open_axes, torch.export.Dim.DYNAMIC)},)
    try:
        with quiet():
            program = torch.onnx.export(
                module,
                (example,),
                dynamo=True,
                opset_version=artifacts.OPSET,
                input_names=[artifacts.INPUT],
                output_names=[artifacts.OUTPUT],
                dynamic_shapes=open_sizes,
                optimize=fold,
                verbose=False,
            )
    except Exception as error:  # of PyTorch, of its exporter and of the definition itself
        raise _explained(_first_failure(module, example, open_sizes) or error, sources) from error
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    if not model.graph.input[0].type.tensor_type.shape.dim[0].dim_param:  # torch.onnx tries again with a fixed batch
        raise HarnessError(_fixed_batch(sources))
    return model


def _first_failure(module: "torch.nn.Module", example: "torch.Tensor", open_sizes: Any) -> Exception | None:
    """What the exporter met first, with the lines of the definition; it reports its last try alone."""
    import torch

    try:
        with quiet():
            torch.export.export(module, (example,), dynamic_shapes=open_sizes, strict=False)
    except Exception as error:
        return error
    return None


def _explained(error: Exception, sources: Sequence[Path]) -> HarnessError:
    """The cause of a failed export in one line, and what to do."""
    causes = [error]
    while isinstance(causes[-1].__cause__, Exception):
        causes.append(causes[-1].__cause__)
    cause = causes[-1]
    if isinstance(cause, HarnessError):
        return cause
    place, text = _place(cause, sources), str(cause)
    kinds = {type(each).__name__ for each in causes}
    if "Constraints violated" in text:
        return HarnessError(_fixed_batch(sources))
    if kinds & {"GuardOnDataDependentSymNode", "GuardOnDataDependentSymNodeError"}:
        return HarnessError(
            f"its forward decides by the values of a tensor{place}, which a file cannot: expected torch.where, or a "
            "decision by shapes and options alone."
        )
    if "ConversionError" in kinds and (found := OPERATOR.search("\n".join(map(str, reversed(causes))))):
        return HarnessError(
            f"torch.onnx has no translation of {found[1] or found[2]}{place}: expected other operations that give the "
            "same."
        )
    return HarnessError(f"{type(cause).__name__}: {first_line(cause).removesuffix('.')}{place}.")


def _place(error: BaseException, sources: Sequence[Path]) -> str:
    """The last line of the definition that the error went through, in brackets; empty if it went through none."""
    names = {str(source) for source in sources}
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in names]
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""


def _fixed_batch(sources: Sequence[Path]) -> str:
    suspects = [
        f"{source.name}, line {number}: {line.strip()}"
        for source in sources
        for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), 1)
        if NUMBER_OF_IMAGES.search(line)
    ]
    return (
        "its forward fixes the number of images, so that the file would run at one batch alone"
        + (f" ({suspects[0]})" if suspects else "")
        + ". len(x), int(x.shape[0]), a loop over x and a written-out number do so: expected x.shape[0], "
        "x.flatten(1) or -1."
    )


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence what the exporter says of itself: deprecations inside PyTorch, operators of torchvision."""
    logger = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
