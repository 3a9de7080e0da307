"""What kind of file it is, by its first bytes: an ONNX model has no mark of its own, and others have."""

from pathlib import Path

from harness.errors import HarnessError

PROTOBUF_LIMIT = 1 << 31  # bytes
ORT_MARK = b"ORTM"  # from the fifth byte on
OTHER_KINDS = {
    b"PK\x03\x04": "a zip archive (a PyTorch or Keras file is one); export the model to ONNX, or unpack it",
    b"\x89HDF": "an HDF5 file; export the Keras model to ONNX",
    b"\x1f\x8b": "compressed by gzip; unpack it",
    b"version https://git-lfs": "a Git LFS pointer; `git lfs pull` fetches the model itself",
}


def check_kind(path: Path) -> None:
    """Refuse what is certainly something else, and say what it is."""
    if path.is_dir():
        raise HarnessError(f"{path}: is a folder; expected an .onnx file")
    if not path.is_file() and path.exists():
        raise HarnessError(f"{path}: is no regular file; expected an .onnx file")
    size = path.stat().st_size
    if size >= PROTOBUF_LIMIT:
        raise HarnessError(
            f"{path}: is {size:,} bytes, and no ONNX file can be 2 GB or more; "
            "expected the weights as external data (onnx.save(..., save_as_external_data=True))"
        )
    with path.open("rb") as file:
        start = file.read(64)
    if not start:
        raise HarnessError(f"{path}: is empty; export or download it again")
    if is_ort(path):
        raise HarnessError(
            f"{path}: is in onnxruntime's own format, whose nodes nothing else reads; "
            "expected the .onnx file that it was made of"
        )
    for beginning, kind in OTHER_KINDS.items():
        if start.startswith(beginning):
            raise HarnessError(f"{path}: is {kind}")


def is_ort(path: Path) -> bool:
    """Whether a file is in onnxruntime's own format, by the mark of its content."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(8)[4:] == ORT_MARK
