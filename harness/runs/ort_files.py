"""Files in onnxruntime's own format (.ort): their inputs and outputs, as a session tells them.

Nothing but onnxruntime reads the format, so that nodes and weights are not told, and nothing is counted.
"""

from pathlib import Path
from typing import Any

import onnx
from onnx import helper

from harness.cost.onnx_file import OnnxFile
from harness.errors import HarnessError
from harness.timing import input_values, runtime

ELEMENTS = {
    "tensor(float)": onnx.TensorProto.FLOAT,
    "tensor(double)": onnx.TensorProto.DOUBLE,
    input_values.STRINGS: onnx.TensorProto.STRING,
}


def read(path: Path) -> OnnxFile:
    """A file as :func:`harness.cost.onnx_file.read` gives one, with inputs and outputs alone.

    Raises :class:`HarnessError` if onnxruntime cannot open it.
    """
    try:
        session = runtime.session(path, threads=1)
    except HarnessError as error:
        raise HarnessError(f"{path}: {error}") from error
    known = session.get_modelmeta()
    values = [[_value(one) for one in several] for several in (session.get_inputs(), session.get_outputs())]
    model = helper.make_model(helper.make_graph([], known.graph_name or "graph", *values))
    model.producer_name = known.producer_name
    helper.set_model_props(model, dict(known.custom_metadata_map))
    return OnnxFile(path=path, model=model, initializers={}, stored_values=0, stored_bytes=0)


def _value(told: Any) -> Any:
    """An input or output with its type and its sizes, of which those that are open have a name or none."""
    if told.type.startswith(input_values.SEQUENCE):
        kind = _element(told.type.removeprefix(f"{input_values.SEQUENCE}(").removesuffix(")"))
        return helper.make_tensor_sequence_value_info(told.name, kind, None)
    return helper.make_tensor_value_info(told.name, _element(told.type), told.shape)


def _element(kind: str) -> int:
    name = kind.removeprefix("tensor(").removesuffix(")").upper()
    return ELEMENTS.get(kind) or int(onnx.TensorProto.DataType.Value(name))
