"""Where an 8-bit file loses what no rounding loses: layer by layer beside the float32 file that it was made from.

A layer of 8 bits is off by a few steps of its scale, and a little more than what it reads is. If it is off by far more,
the conversion has changed what the layer computes: that is no loss of precision.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from harness.diff.tracing import TracedFile

FAULT = "conversion_fault"  # in a file's metadata: what :func:`find_fault` found
DEQUANTIZED = "_DequantizeLinear_Output"  # what onnxruntime calls a value behind its 8 bits
LARGE = 0.25  # of the spread of a layer's values: more than 8 bits lose in a layer
JUMP = 5.0  # times as much as what the layer reads is off by
FLAT = 20  # values whose spread is less than their largest by more than this lose by that one
STEP = 0.02  # of the spread: what a layer may be off by if what it reads is exact

Values = Mapping[str, NDArray[Any]]


def find_fault(exact: Path, quantized: onnx.ModelProto, fed: Mapping[str, NDArray[np.float32]]) -> str:
    """The first layer that is off by far more than what it reads, in words; empty if there is none.

    Both are run without optimisation on the same images; ``exact`` is the float32 file that was quantised.
    """
    expected, found = _values(onnx.load(exact), fed), _values(quantized, fed)
    # A ReLU may be gone, and what it did be done by the range of 8 bits: the value behind them counts.
    pairs = {name: found.get(f"{name}{DEQUANTIZED}", found.get(name)) for name in expected}
    off = {name: _off(value, expected[name]) for name, value in pairs.items() if value is not None}
    for node in onnx.load(exact, load_external_data=False).graph.node:
        before = max((off[name] for name in node.input if name in off), default=0.0)
        for name in node.output:
            if off.setdefault(name, before) > max(LARGE, JUMP * max(before, STEP)):
                return (
                    f"conversion, not precision: {node.op_type} {name!r} is off by {off[name]:.2g} of the spread of "
                    f"its values, and what it reads by {before:.2g}"
                )
    return ""


def _off(found: NDArray[Any], expected: NDArray[Any]) -> float:
    """The root mean square of the differences, of the spread of what is expected."""
    if found.shape != expected.shape or not expected.size:
        return 0.0
    error = float(np.sqrt(np.mean((found - expected) ** 2)))
    spread = max(float(np.std(expected)), float(np.abs(expected).max()) / FLAT)  # a step is of the largest value
    return error / spread if error else 0.0


def _values(model: onnx.ModelProto, fed: Mapping[str, NDArray[np.float32]]) -> Values:
    """Every float32 value of a graph, by name."""
    exposed = onnx.ModelProto()
    exposed.CopyFrom(model)
    del exposed.graph.value_info[:]  # the quantization leaves those of values that are gone
    inferred = onnx.shape_inference.infer_shapes(exposed)
    floats = [
        value.name
        for value in (*inferred.graph.value_info, *inferred.graph.output)
        if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    ]
    return TracedFile(model=exposed, feeds=fed).values(floats)
