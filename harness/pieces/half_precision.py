"""float16 and bfloat16 of a float32 graph: weights and arithmetic converted, inputs and outputs left in float32.

float16 is onnxruntime's own conversion. Of bfloat16 there is none: it is done here, by what each operator's
definition allows. Where an operator has no bfloat16 in the file's opset (Conv and MaxPool of opset 18 have
none), it computes in float32 between casts; its weights are stored in bfloat16 all the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from harness.errors import HarnessError

OUTPUT_TYPE = ("dtype", "output_dtype")  # attributes by which an operator's output has a type of its own


def to_float16(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with weights and arithmetic in float16; what the type cannot hold becomes its largest value."""
    from onnxruntime.transformers.onnx_model import OnnxModel

    converted = OnnxModel(model)
    converted.convert_float_to_float16(use_symbolic_shape_infer=False, keep_io_types=True)
    converted.topological_sort(is_deterministic=True)
    return converted.model


def to_bfloat16(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with weights in bfloat16, and arithmetic where the operator has it.

    Raises :class:`HarnessError` for a graph with bodies (If, Loop), whose values have types of their own.
    """
    for node in model.graph.node:
        if any(attribute.type == onnx.AttributeProto.GRAPH for attribute in node.attribute):
            raise HarnessError(f"{node.op_type} {node.output[0]!r} holds a graph of its own: branches and loops stay.")
    graph = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
    narrowing = _Narrowing(
        types=_types(graph),
        opsets={entry.domain: entry.version for entry in model.opset_import},
        results={value.name for value in graph.output},
    )
    for value in graph.input:
        if narrowing.types[value.name] == onnx.TensorProto.FLOAT:
            narrowing.renamed[value.name] = narrowing.cast(value.name, f"{value.name}_bfloat16", "BFLOAT16")
    for node in graph.node:
        narrowing.add(node)
    converted = onnx.ModelProto()
    converted.CopyFrom(model)
    del converted.graph.node[:], converted.graph.value_info[:]
    converted.graph.node.extend(narrowing.nodes)
    for tensor in converted.graph.initializer:
        _narrow(tensor)
    return converted


def _types(graph: onnx.GraphProto) -> dict[str, int]:
    """The element type of every value of a graph, by name."""
    found = {tensor.name: tensor.data_type for tensor in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        found[value.name] = value.type.tensor_type.elem_type
    return found


def _narrow(tensor: onnx.TensorProto) -> None:
    """Round a float32 tensor to bfloat16, its upper half: to the nearest, and halfway to even."""
    if tensor.data_type != onnx.TensorProto.FLOAT:
        return
    values = np.ascontiguousarray(numpy_helper.to_array(tensor), np.float32).reshape(-1)
    bits = values.view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    rounded[np.isnan(values)] = 0x7FC0  # which rounding could carry over to infinity
    narrow = onnx.TensorProto(name=tensor.name, dims=tensor.dims, data_type=onnx.TensorProto.BFLOAT16)
    narrow.raw_data = rounded.astype("<u2").tobytes()
    tensor.CopyFrom(narrow)


@dataclass(kw_only=True)
class _Narrowing:
    """The nodes of a graph with every float32 value in bfloat16, and casts around what has no bfloat16."""

    types: Mapping[str, int]  # of the values of the float32 graph
    opsets: Mapping[str, int]
    results: set[str]
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)  # by value: the one that holds it in bfloat16
    widened: dict[str, str] = field(default_factory=dict)  # by value: the one that holds it in float32

    def add(self, original: onnx.NodeProto) -> None:
        node = onnx.NodeProto()
        node.CopyFrom(original)
        narrow = self._has_bfloat16(node)
        stays_wide = self._fixed(node)
        for place, name in enumerate(node.input):
            if self._is_float(name):
                wide = not narrow or place in stays_wide
                node.input[place] = self._wide(name) if wide else self.renamed.get(name, name)
        for attribute in node.attribute if narrow else ():
            _narrow_attribute(node, attribute)
        self.nodes.append(node)
        for place, name in enumerate(node.output):
            if self._is_float(name):
                node.output[place] = self._written(name, narrow)

    def cast(self, value: str, to: str, kind: str) -> str:
        """A new value of another type, by the name of the type in TensorProto."""
        number = onnx.TensorProto.DataType.Value(kind)
        self.nodes.append(onnx.helper.make_node("Cast", [value], [to], name=f"cast_to_{to}", to=number))
        return to

    def _written(self, name: str, narrow: bool) -> str:
        """What a node writes in place of a float32 value; casts behind it make the value, and a float32 result."""
        result = name in self.results
        if result:
            self.renamed[name] = f"{name}_bfloat16"
        held = self.renamed.get(name, name)
        if narrow:
            written = held
        else:
            written = f"{name}_float32"
            self.cast(written, held, "BFLOAT16")
        if result:
            self.cast(held, name, "FLOAT")
        return written

    def _wide(self, name: str) -> str:
        if name not in self.widened:
            self.widened[name] = self.cast(self.renamed.get(name, name), f"{name}_widened", "FLOAT")
        return self.widened[name]

    def _is_float(self, name: str) -> bool:
        return bool(name) and self.types.get(name) == 1  # onnx.TensorProto.FLOAT

    def _has_bfloat16(self, node: onnx.NodeProto) -> bool:
        """Whether every variable type that the node uses for float32 may be bfloat16 instead."""
        schema = self._schema(node)
        if any(attribute.name in OUTPUT_TYPE or attribute.name.startswith("value_") for attribute in node.attribute):
            return False
        if node.op_type == "ConstantOfShape" and not node.attribute:
            return False  # float32 zeros, unsaid
        allowed = {each.type_param_str: each.allowed_type_strs for each in schema.type_constraints}
        used = {
            formal.type_str
            for names, formals in ((node.input, schema.inputs), (node.output, schema.outputs))
            for name, formal in _bound(names, formals)
            if self._is_float(name) and formal.type_str in allowed
        }
        return all("tensor(bfloat16)" in allowed[variable] for variable in used)

    def _fixed(self, node: onnx.NodeProto) -> set[int]:
        """The places of the inputs that are float32 by definition, as the scales of Resize."""
        bound = _bound(node.input, self._schema(node).inputs)
        return {place for place, (_, formal) in enumerate(bound) if formal.type_str == "tensor(float)"}

    def _schema(self, node: onnx.NodeProto) -> Any:
        try:
            return onnx.defs.get_schema(node.op_type, self.opsets.get(node.domain, 1), node.domain)
        except onnx.defs.SchemaError as error:
            raise HarnessError(f"{node.domain}.{node.op_type} is no operator of ONNX: no bfloat16 of it.") from error


def _bound(names: Any, formals: Any) -> list[tuple[str, Any]]:
    """Each value with the formal parameter it stands for; the last may stand for many."""
    return [(name, formals[min(place, len(formals) - 1)]) for place, name in enumerate(names)]


def _narrow_attribute(node: onnx.NodeProto, attribute: onnx.AttributeProto) -> None:

    if attribute.type == onnx.AttributeProto.TENSOR:
        _narrow(attribute.t)
    elif node.op_type == "Cast" and attribute.name == "to" and attribute.i == onnx.TensorProto.FLOAT:
        attribute.i = onnx.TensorProto.BFLOAT16
