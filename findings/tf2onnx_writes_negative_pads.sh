#!/usr/bin/env bash
# tf2onnx writes negative pads for a transposed convolution with output padding, and returns as if all were well.
#
# Seen with keras 3.15.1, tensorflow 2.21.0, tf2onnx 1.17.0 and onnxruntime 1.31.1. TensorFlow has no output padding: it
# is told the shape of the output, and adds what is missing at the end. tf2onnx writes the difference as negative pads of
# ONNX's ConvTranspose, and no output_padding. onnxruntime refuses to load the file.
# Output seen: "pads [0, 0, -1, -1]" and "onnxruntime: Attribute pads must not contain negative values".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 tensorflow==2.21.0 tf2onnx==1.17.0 onnx==1.23.2 \
  onnxruntime==1.31.1 numpy==2.4.6
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - 2>/dev/null <<'PYTHON'
import keras
import onnxruntime
import tensorflow as tf
import tf2onnx

maps = keras.Input((4, 4, 2))
network = keras.Model(maps, keras.layers.Conv2DTranspose(3, 3, strides=2, output_padding=1)(maps))
function = tf.function(lambda x: network(x, training=False))
signature = [tf.TensorSpec((None, 4, 4, 2), tf.float32, name="x")]
model, _ = tf2onnx.convert.from_function(function, signature, opset=18)
(node,) = [node for node in model.graph.node if node.op_type == "ConvTranspose"]
(pads,) = [list(attribute.ints) for attribute in node.attribute if attribute.name == "pads"]
print("pads", pads)
try:
    onnxruntime.InferenceSession(model.SerializeToString())
    refused = "nothing"
except Exception as error:
    refused = "Attribute pads must not contain negative values" if "negative values" in str(error) else str(error)
print("onnxruntime:", refused)
assert pads == [0, 0, -1, -1] and refused.startswith("Attribute pads"), "the behaviour has changed"
PYTHON
