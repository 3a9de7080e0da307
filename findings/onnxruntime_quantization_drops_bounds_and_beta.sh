#!/usr/bin/env bash
# onnxruntime's static quantization takes a Clip out whose bounds do not hold zero, and drops beta of a Gemm.
#
# Seen with onnxruntime 1.31.1 and onnx 1.23.2, format QDQ, unsigned activations. A Clip from 1 on is taken out, since
# the range behind it clips, too. But a range always holds zero, so values below 1 come through. A Gemm with beta = 0.1
# is given beta = 1, and the scale of its stored bias, which holds beta, is divided by and never multiplied with.
# Output seen: "a Clip from 1 on: Clip left False, off by more than 0.5 True", "beta 0.1: off by more than 0.5 True".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnxruntime==1.31.1 onnx==1.23.2 numpy==2.4.6 sympy
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import quantization

random = np.random.default_rng(0)


def model(nodes, **tensors):
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [8, 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [8, 4])
    held = [numpy_helper.from_array(np.asarray(value), name) for name, value in tensors.items()]
    graph = helper.make_graph(nodes, "graph", [x], [y], held)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(made, full_check=True)
    return made


class Reader(quantization.CalibrationDataReader):
    def __init__(self, fed):
        self.fed = iter([{"x": fed}])

    def get_next(self):
        return next(self.fed, None)


def off(made):
    fed = random.standard_normal((8, 4)).astype(np.float32)
    onnx.save(made, "float.onnx")
    quantization.quantize_static("float.onnx", "int8.onnx", Reader(fed), activation_type=quantization.QuantType.QUInt8)
    exact, found = (onnxruntime.InferenceSession(name).run(None, {"x": fed})[0] for name in ("float.onnx", "int8.onnx"))
    return float(np.abs(exact - found).max()), [node.op_type for node in onnx.load("int8.onnx").graph.node]


w = random.standard_normal((4, 4)).astype(np.float32)
clip = [helper.make_node("MatMul", ["x", "w"], ["c"]), helper.make_node("Clip", ["c", "low"], ["y"])]
clipped, operators = off(model(clip, w=w, low=np.float32(1)))
gemm = [helper.make_node("Gemm", ["x", "w", "b"], ["y"], beta=0.1)]
scaled, _ = off(model(gemm, w=w, b=np.full(4, 10, np.float32)))
print(f"a Clip from 1 on: Clip left {'Clip' in operators}, off by more than 0.5 {clipped > 0.5}")
print(f"beta 0.1: off by more than 0.5 {scaled > 0.5}")
assert "Clip" not in operators and clipped > 0.5 and scaled > 0.5, "the behaviour has changed"
PYTHON
