"""A file of the user's in a lower precision: read, converted, checked by the runtime, written, and told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from harness.errors import HarnessError, first_line
from harness.machine import files
from harness.networks.architecture import Scaling
from harness.pieces import file_conversion, layer_losses
from harness.pieces.file_conversion import PRECISIONS as PRECISIONS
from harness.pieces.file_conversion import Conversion
from harness.runs import calibration_data, model_files
from harness.runs.model_files import FileSettings, ModelFile
from harness.timing import distances, input_values, runtime

FROM = "converted_from"  # in the metadata: the digest of the original


@dataclass(frozen=True, kw_only=True)
class ConvertedFile:
    """A file that was written, and how far its outputs are from the original's on what both were fed.

    ``max_abs`` is None if the runtime cannot run the file; ``left`` are the nodes in float32, with the reason.
    """

    path: Path
    precision: str
    how: str
    left: Mapping[str, str]
    fault: str
    file_bytes: int
    original_bytes: int
    max_abs: float | None
    scale: float


def read(path: Path, shapes: Mapping[str, tuple[int | None, ...]]) -> ModelFile:
    """The file that is to be converted. Raises :class:`HarnessError` if it is none."""
    settings = FileSettings(models=(str(path),), shapes=shapes)
    (file,) = model_files.read(replace(settings, digests=model_files.digests(settings, None)), None, 1, ())
    return file


def write(
    file: ModelFile, precision: str, target: Path, *, data: str | None, scaling: Scaling | None, activations: str
) -> ConvertedFile:
    """Convert a file and write what comes of it, whole or not at all.

    Raises :class:`HarnessError` for a file that cannot be converted, or whose conversion is no valid model.
    """
    seen = calibration_data.prepare(file, data, scaling) if data else None
    made = file_conversion.convert(file.path, precision, seen.feeds if seen else (), activations)
    how = f"{made.how} on {seen.origin}" if seen else made.how
    _finish(made, file, how)
    with files.replacing(target) as partial:
        partial.write_bytes(made.model.SerializeToString(deterministic=True))
        max_abs, scale = _apart(file, partial, seen.feeds if seen else ())
    return ConvertedFile(
        path=target,
        precision=precision,
        how=how,
        left=made.left,
        fault=made.fault,
        file_bytes=target.stat().st_size,
        original_bytes=model_files.size(file.path),
        max_abs=max_abs,
        scale=scale,
    )


def _finish(made: Conversion, file: ModelFile, how: str) -> None:
    """Record in the file what was done, and have ONNX check it."""
    del made.model.graph.value_info[:]  # types and shapes of the original
    known = {entry.key: entry.value for entry in made.model.metadata_props}
    facts = {FROM: file.sha256, "conversion": how, layer_losses.FAULT: made.fault}
    onnx.helper.set_model_props(made.model, {**known, **facts})
    try:
        onnx.checker.check_model(made.model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise HarnessError(f"{file.path}: the conversion is no model that ONNX allows: {first_line(error)}.") from error


def _apart(file: ModelFile, made: Path, feeds: Sequence[Mapping[str, NDArray[Any]]]) -> tuple[float | None, float]:
    """How far the outputs of both are apart on the first examples, or on random inputs, and their scale."""
    original = runtime.session(file.path, threads=1)
    kinds = {value.name: input_values.ELEMENT_TYPES.get(value.type, value.type) for value in original.get_inputs()}
    arrays = feeds[0] if feeds else input_values.fill_inputs(kinds, file.shapes, {})
    expected = runtime.run(original, dict(input_values.feed_inputs(original, arrays)))
    scale = max((distances.scale(np.asarray(array)) for array in expected.values()), default=0.0)
    try:
        session = runtime.session(made, threads=1)
        found = runtime.run(session, dict(input_values.feed_inputs(session, arrays)))
    except Exception:  # the CPU's provider runs no bfloat16, and the file is for others
        return None, scale
    return max(distances.apart(np.asarray(found[name]), np.asarray(expected[name])) for name in expected), scale
