#!/usr/bin/env bash
# onnxruntime moves a padding with zeros into the MaxPool behind it, which pads with minus infinity.
#
# Seen with onnxruntime 1.31.1 and onnx 1.23.2. A Pad of zeros in front of a MaxPool puts zeros into the windows at the
# border. From the level "basic" on the two become one MaxPool, and negative values win there. Without the rule
# Pad_Fusion, and without optimisation, the zeros are there.
# Output seen: "disable: [0, 0, 0, -6]", "all: [-1, -2, -5, -6]" and "all without Pad_Fusion: [0, 0, 0, -6]".
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

x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 3, 3])
y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 2, 2])
nodes = [
    helper.make_node("Pad", ["x", "pads"], ["padded"]),
    helper.make_node("MaxPool", ["padded"], ["y"], kernel_shape=[2, 2], strides=[2, 2]),
]
pads = numpy_helper.from_array(np.array([0, 0, 1, 1, 0, 0, 0, 0]), "pads")
model = helper.make_model(
    helper.make_graph(nodes, "graph", [x], [y], [pads]), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
)
onnx.checker.check_model(model, full_check=True)
fed = {"x": -np.array([[[[1, 2, 3], [5, 6, 7], [8, 9, 10]]]], np.float32)}
levels = onnxruntime.GraphOptimizationLevel
asked = {
    "disable": (levels.ORT_DISABLE_ALL, []),
    "all": (levels.ORT_ENABLE_ALL, []),
    "all without Pad_Fusion": (levels.ORT_ENABLE_ALL, ["Pad_Fusion"]),
}
seen = {}
for name, (level, without) in asked.items():
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, disabled_optimizers=without)
    seen[name] = session.run(None, fed)[0].astype(int).ravel().tolist()
    print(f"{name}: {seen[name]}")
defined, changed = [0, 0, 0, -6], [-1, -2, -5, -6]
assert seen == {"disable": defined, "all": changed, "all without Pad_Fusion": defined}, "the behaviour has changed"
PYTHON
