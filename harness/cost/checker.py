"""What ONNX's own full checker says of a file: a file that it refuses may still be counted."""

from pathlib import Path

import onnx

LONGEST = 300  # characters of a reason


def refusal(path: Path) -> str:
    """Why the full checker refuses the file, shapes included; empty if it accepts it. No weight is loaded."""
    try:
        onnx.checker.check_model(str(path), full_check=True)
    except Exception as error:  # the checker, its shape inference and protobuf raise errors of their own
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return "; ".join(lines)[:LONGEST] or type(error).__name__
    return ""
