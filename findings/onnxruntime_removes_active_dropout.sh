#!/usr/bin/env bash
# onnxruntime takes a Dropout away that the file says is on.
#
# Seen with onnxruntime 1.31.1 and onnx 1.23.2. A Dropout of opset 13 whose input training_mode is true drops values.
# Without optimisation onnxruntime does so: two runs differ. From the level "basic" on it removes the node: two runs
# are equal, and equal to the input. So the usual session hides that dropout was left on in an export.
# Output seen: "disable: dropped True, runs differ True" and "basic: dropped False, runs differ False".
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

x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1000]) for name in "xy")
constants = [numpy_helper.from_array(np.array(0.5, np.float32), "ratio"), numpy_helper.from_array(np.array(True), "on")]
nodes = [
    helper.make_node("Relu", ["x"], ["positive"]),
    helper.make_node("Dropout", ["positive", "ratio", "on"], ["dropped"]),
    helper.make_node("Neg", ["dropped"], ["y"]),
]
graph = helper.make_graph(nodes, "graph", [x], [y], constants)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
onnx.checker.check_model(model, full_check=True)
levels = onnxruntime.GraphOptimizationLevel
seen = {}
for name, level in {"disable": levels.ORT_DISABLE_ALL, "basic": levels.ORT_ENABLE_BASIC}.items():
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    fed = {"x": np.ones(1000, np.float32)}
    first, second = session.run(None, fed)[0], session.run(None, fed)[0]
    seen[name] = bool((first == 0).any()), not np.array_equal(first, second)
    print(f"{name}: dropped {seen[name][0]}, runs differ {seen[name][1]}")
assert seen == {"disable": (True, True), "basic": (False, False)}, "the behaviour has changed"
PYTHON
