#!/usr/bin/env bash
# tf2onnx leaves TensorFlow's Erfc in the file of an exact gelu, and returns as if all were well.
#
# Seen with keras 3.15.1, tensorflow 2.21.0 and tf2onnx 1.17.0. Keras computes the exact gelu by erfc. tf2onnx has no
# translation of Erfc and of Expm1 (celu): it logs "is not supported" and keeps the operator under TensorFlow's name.
# ONNX has no such operator, so that the checker and every runtime refuse the file. 1 - Erf(x) and Exp(x) - 1 would do.
# Output seen: "gelu: Erfc" and "celu: Expm1".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 tensorflow==2.21.0 tf2onnx==1.17.0 onnx==1.23.2 numpy==2.4.6
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - 2>/dev/null <<'PYTHON'
import keras
import onnx
import tensorflow as tf
import tf2onnx

seen = {}
for name in ("gelu", "celu"):
    image = keras.Input((4, 4, 3))
    network = keras.Model(image, keras.layers.Activation(name)(image))
    function = tf.function(lambda x, network=network: network(x, training=False))
    signature = [tf.TensorSpec((None, 4, 4, 3), tf.float32, name="x")]
    model, _ = tf2onnx.convert.from_function(function, signature, opset=18)
    seen[name] = [node.op_type for node in model.graph.node if not onnx.defs.has(node.op_type)]
    print(f"{name}: {', '.join(seen[name])}")
assert seen == {"gelu": ["Erfc"], "celu": ["Expm1"]}, "the behaviour has changed"
PYTHON
