"""Files that a user names: a pipe is refused at once, whatever it is named for; it would be waited for without end."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.cost import onnx_file
from harness.errors import HarnessError
from harness.frameworks import tensor_files
from harness.runs import model_files
from harness.runs.model_files import FileSettings

READERS: dict[str, Callable[[Path], object]] = {
    "weights": tensor_files.sha256,
    "model": onnx_file.read,
    "inputs": lambda path: model_files.digests(FileSettings(models=(), inputs=str(path)), None),
    "labels": lambda path: model_files.digests(FileSettings(models=(), labels=str(path)), None),
    "data": lambda path: model_files.digests(FileSettings(models=()), str(path)),
}


@pytest.mark.parametrize("reader", READERS)
def test_a_pipe_is_refused_at_once(reader: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.npz")
    with pytest.raises(HarnessError, match=r"pipe\.npz"):
        READERS[reader](tmp_path / "pipe.npz")
