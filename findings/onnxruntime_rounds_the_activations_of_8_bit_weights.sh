#!/usr/bin/env bash
# onnxruntime rounds the activations of a MatMul whose weights alone are stored in 8 bits.
#
# Seen with onnxruntime 1.31.1 and onnx 1.23.2. A DequantizeLinear of a stored int8 matrix in front of a MatMul becomes a
# MatMulNBits, which rounds the float32 activations to 8 bits, too. The file quantises no activations. With the session
# entry session.qdq_matmulnbits_accuracy_level=1 it computes in float32.
# Output seen: "usual: off by more than 1e-3 True" and "accuracy level 1: off by more than 1e-5 False".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnxruntime==1.31.1 onnx==1.23.2 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

random = np.random.default_rng(0)
stored, steps = random.integers(-128, 128, (256, 64)).astype(np.int8), (random.random(64) * 0.1).astype(np.float32)
x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, 256])
y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [4, 64])
nodes = [
    helper.make_node("DequantizeLinear", ["stored", "steps"], ["weights"], axis=1),
    helper.make_node("MatMul", ["x", "weights"], ["y"]),
]
tensors = [numpy_helper.from_array(stored, "stored"), numpy_helper.from_array(steps, "steps")]
model = helper.make_model(
    helper.make_graph(nodes, "graph", [x], [y], tensors), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
)
onnx.checker.check_model(model, full_check=True)
fed = random.standard_normal((4, 256)).astype(np.float32)
exact = fed.astype(np.float64) @ (stored.astype(np.float64) * steps)


def error(options):
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return np.abs(session.run(None, {"x": fed})[0] - exact).max() / np.abs(exact).max()


usual, careful = onnxruntime.SessionOptions(), onnxruntime.SessionOptions()
careful.add_session_config_entry("session.qdq_matmulnbits_accuracy_level", "1")
print(f"usual: off by more than 1e-3 {error(usual) > 1e-3}")
print(f"accuracy level 1: off by more than 1e-5 {error(careful) > 1e-5}")
assert error(usual) > 1e-3 and not error(careful) > 1e-5, "the behaviour has changed"
PYTHON
