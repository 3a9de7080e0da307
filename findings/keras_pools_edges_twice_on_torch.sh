#!/usr/bin/env bash
# Keras' `same` average pooling counts the edge of a map twice on the PyTorch backend, and once on TensorFlow's.
#
# Seen with keras 3.15.1, tensorflow 2.21.0 and torch 2.13.0. TensorFlow averages over what lies inside the map. If one
# side needs more padding than the other, Keras on PyTorch repeats the edge, and averages over the repeated values too. A
# map of 4 by 4 that is pooled by 3 with a stride of 2 is such a one.
# Output seen: "tensorflow: 12.0 13.5" and "torch: 12.667 14.333", the last row of what is pooled.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 tensorflow==2.21.0 torch==2.13.0 numpy==2.4.6
cat > "$folder/pool.py" <<'PYTHON'
import keras
import numpy as np

maps = np.arange(1.0, 17.0, dtype="float32").reshape(1, 4, 4, 1)
pooled = keras.layers.AveragePooling2D(3, strides=2, padding="same")(maps)
last = keras.ops.convert_to_numpy(pooled)[0, -1, :, 0]
print(f"{keras.backend.backend()}:", *(round(float(value), 3) for value in last))
PYTHON
for backend in tensorflow torch; do
  KERAS_BACKEND=$backend TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/pool.py" 2>/dev/null
done | tee "$folder/seen"
printf 'tensorflow: 12.0 13.5\ntorch: 12.667 14.333\n' | diff - "$folder/seen" || { echo "the behaviour has changed"; exit 1; }
