"""Exports of torchvision's models, as a process: `python -m tests.public_exports FOLDER MODEL SIZE [MODEL SIZE ...]`.

Each becomes FOLDER/MODEL.onnx, not optimised, so that every parameter of the network is in the file. The weights have
no values and their data file is a hole: a hundred million of them take neither time nor memory. A model that is written
in capitals has values, and an optimised form in FOLDER/MODEL.optimised.onnx too.
"""

import sys
from pathlib import Path
from typing import Any

import onnx_ir
import torch

from harness.pieces.dynamo import quiet
from tests.public_models import torchvision


def export(folder: Path, name: str, size: int, *, optimised: bool) -> None:
    image = torch.zeros(1, 3, size, size)
    network = build(name, optimised or name.startswith("regnet"))  # whose widths are computed with tensors
    if not optimised:
        network, image = network.to("meta"), image.to("meta")
    with quiet():
        program = torch.onnx.export(
            network, (image,), dynamo=True, opset_version=18, optimize=False, verbose=False, input_names=["image"]
        )
    assert program is not None
    if not optimised:
        leave_out_values(program.model, folder / f"{name}.data")
    onnx_ir.save(program.model, folder / f"{name}.onnx")
    if optimised:
        with quiet():
            program.optimize()
        onnx_ir.save(program.model, folder / f"{name}.optimised.onnx")


def build(name: str, values: bool) -> torch.nn.Module:
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    with torch.device("cpu" if values else "meta"):
        network: torch.nn.Module = torchvision().models.get_model(name, **options)
    return network.eval()


def leave_out_values(model: Any, data: Path) -> None:
    """Let every tensor without values have its place in a file of that size, which takes no room on the disk."""
    offset = 0
    for value in model.graph.initializers.values():
        tensor = value.const_value
        if isinstance(tensor.raw, torch.Tensor) and tensor.raw.is_meta:
            value.const_value = onnx_ir.ExternalTensor(
                data.name, offset, tensor.nbytes, tensor.dtype, shape=tensor.shape, name=value.name
            )
            offset += tensor.nbytes
    with data.open("wb") as file:
        file.truncate(offset)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for model, side in zip(sys.argv[2::2], sys.argv[3::2], strict=True):
        export(Path(sys.argv[1]), model.lower(), int(side), optimised=model.isupper())
