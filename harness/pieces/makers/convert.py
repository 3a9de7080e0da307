"""Make a file of a lower precision from an exported one.

Inputs and outputs stay float32, so that every file of a network is fed the same images.
"""

from pathlib import Path

import onnx

from harness.frameworks.training import Progress
from harness.pieces import artifacts, calibration, half_precision, layer_losses, quantization
from harness.pieces.piece import Piece


def make(piece: Piece, folder: Path, _threads: int, _progress: Progress) -> None:
    """Write the file of a lower precision, with what was done to it in its metadata."""
    (export,) = piece.needs
    source = artifacts.read(export.folder / artifacts.FILE)
    facts = {"precision": piece.precision, "converted_from": source.sha256}
    if piece.precision == "float16":
        model = half_precision.to_float16(onnx.load(source.path))
        facts["conversion"] = "onnxruntime.transformers, float32 inputs and outputs"
    elif piece.precision == "bfloat16":
        model = half_precision.to_bfloat16(onnx.load(source.path))
        facts["conversion"] = "rounded to nearest, float32 where an operator has no bfloat16"
    else:
        seen = calibration.prepare(export.needs[0])
        layout = source.metadata["layout"]
        model = quantization.to_int8(source.path, seen.batches(layout))
        fed = {artifacts.INPUT: next(seen.batches(layout))}
        facts[layer_losses.FAULT] = layer_losses.find_fault(source.path, model, fed)
        facts |= {
            "conversion": quantization.DESCRIPTION,
            "calibration": f"{len(seen.images)} {seen.origin}",
            "calibration_digest": seen.digest,
        }
    artifacts.finish(model, folder / artifacts.FILE, {**source.metadata, **facts})
