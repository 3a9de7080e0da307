"""What ONNX's own full checker says of a file: a file that it refuses may still be counted."""

from pathlib import Path

import onnx

from harness.cost import onnx_file, skimming

LONGEST = 300  # characters of a reason


def refusal(path: Path) -> str:
    """Why the full checker refuses the file, shapes included; empty if it accepts it. No large weight is loaded."""
    try:
        onnx.checker.check_model(_checked(path), full_check=True)
    except Exception as error:  # the checker, its shape inference and protobuf raise errors of their own
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return "; ".join(lines)[:LONGEST] or type(error).__name__
    return ""


def _checked(path: Path) -> onnx.ModelProto | str:
    """A large file without its weights, whose values the checker does not look at; of another its path.

    Of data beside the model the checker looks whether they are there.
    """
    if path.stat().st_size < skimming.SKIMMED:
        return str(path)
    model = onnx_file.open_whole(path)
    external = any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in onnx_file.tensors(model))
    return str(path) if external else model
