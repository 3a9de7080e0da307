#!/usr/bin/env bash
# Keras' Model.export makes a required input of a constant that the network captures.
#
# Seen with keras 3.15.1, tensorflow 2.21.0, tf2onnx 1.17.0 and onnxruntime 1.31.1. A functional model multiplies its
# input by a tensor of three numbers. The file of model.export(format="onnx") has that tensor as a second input without a
# value, so that no runtime can run it on images alone. The export says nothing of it.
# Output seen: "inputs: 2" and "onnxruntime: the second is missing".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 tensorflow==2.21.0 tf2onnx==1.17.0 onnx==1.23.2 \
  onnxruntime==1.31.1 numpy==2.4.6
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - "$folder/model.onnx" 2>/dev/null <<'PYTHON'
import sys

import keras
import numpy as np
import onnxruntime

image = keras.Input((4, 4, 3))
weighted = image * keras.ops.convert_to_tensor([0.299, 0.587, 0.114])
network = keras.Model(image, keras.layers.Dense(2)(weighted))
images = np.ones((1, 4, 4, 3), np.float32)
network(images)
network.export(sys.argv[1], format="onnx", verbose=False)
session = onnxruntime.InferenceSession(sys.argv[1])
names = [value.name for value in session.get_inputs()]
print("inputs:", len(names))
try:
    session.run(None, {names[0]: images})
    refused = "nothing is missing"
except ValueError as error:
    refused = "the second is missing" if names[-1] in str(error) else str(error)
print("onnxruntime:", refused)
assert len(names) == 2 and refused == "the second is missing", "the behaviour has changed"
PYTHON
