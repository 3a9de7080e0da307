"""What tf2onnx leaves undone or does wrong, as operators of ONNX that compute the same.

TensorFlow's Erfc, Expm1 and ScaleAndTranslate stay in its graph under their own names, which no runtime knows. A
transposed convolution whose output is padded gets negative pads, which ONNX does not allow.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx

Handler = Callable[[Any, Any, str, Any], None]
# By TensorFlow's name of a kernel, as it resizes: ONNX's mode and what else it must be told.
RESIZING: dict[bytes, dict[str, object]] = {
    b"triangle": {"mode": "linear"},
    b"keyscubic": {"mode": "cubic", "cubic_coeff_a": -0.5},
}


def handlers() -> dict[str, tuple[Handler, list[object]]]:
    """The rewrites as tf2onnx takes them, by TensorFlow's name of the operator."""
    rewrites = {"Erfc": _rewrite_erfc, "Expm1": _rewrite_expm1, "ScaleAndTranslate": _rewrite_resizing}
    return {name: (rewrite, []) for name, rewrite in rewrites.items()}


def mend_pads(model: onnx.ModelProto) -> None:
    """Write negative pads of transposed convolutions as output padding, in place.

    tf2onnx spreads a negative sum over both sides; TensorFlow adds what is missing at the end alone.
    """
    for node in model.graph.node:
        if node.op_type != "ConvTranspose":
            continue
        attributes = {attribute.name: attribute for attribute in node.attribute}
        pads = list(attributes["pads"].ints) if "pads" in attributes else []
        if all(pad >= 0 for pad in pads):
            continue
        sides = len(pads) // 2
        sums = [pads[axis] + pads[axis + sides] for axis in range(sides)]
        begins = [0 if total < 0 else pads[axis] for axis, total in enumerate(sums)]
        ends = [0 if total < 0 else pads[axis + sides] for axis, total in enumerate(sums)]
        attributes["pads"].ints[:] = [*begins, *ends]
        node.attribute.append(onnx.helper.make_attribute("output_padding", [max(0, -total) for total in sums]))


def _rewrite_erfc(graph: Any, node: Any, name: str, _arguments: Any) -> None:
    """erfc(x) = 1 - erf(x)."""
    node.type = "Erf"
    _follow(graph, node, [_one(graph, node, name), node.output[0]], name)


def _rewrite_expm1(graph: Any, node: Any, name: str, _arguments: Any) -> None:
    """expm1(x) = exp(x) - 1."""
    node.type = "Exp"
    _follow(graph, node, [node.output[0], _one(graph, node, name)], name)


def _one(graph: Any, node: Any, name: str) -> str:
    kind = onnx.helper.tensor_dtype_to_np_dtype(graph.get_dtype(node.output[0]))
    one: str = graph.make_const(f"{name}_one", np.array(1, kind)).output[0]
    return one


def _follow(graph: Any, node: Any, inputs: list[str], name: str) -> None:
    """Subtract behind the node; whatever read it reads the difference."""
    result, (shape, kind) = node.output[0], (graph.get_shape(node.output[0]), graph.get_dtype(node.output[0]))
    difference = graph.insert_new_node_on_output("Sub", result, name=f"{name}_difference", inputs=inputs)
    graph.set_shape(difference.output[0], shape)
    graph.set_dtype(difference.output[0], kind)


def _rewrite_resizing(graph: Any, node: Any, name: str, _arguments: Any) -> None:
    """ScaleAndTranslate of images (N, H, W, C), without translation, is ONNX's Resize of (N, C, H, W).

    Left alone, and so refused later, if the kernel is none that ONNX has.
    """
    images, size, _, translation = node.inputs
    kernel, antialias = node.get_attr_value("kernel_type"), node.get_attr_value("antialias")
    told = size.is_const() and translation.is_const() and not translation.get_tensor_value(as_list=False).any()
    if kernel not in RESIZING or not told:
        return
    wanted = graph.make_const(f"{name}_size", size.get_tensor_value(as_list=False).astype(np.int64)).output[0]
    shape, kind = graph.get_shape(node.output[0]), graph.get_dtype(node.output[0])
    graph.remove_node(node.name)
    first = graph.make_node("Transpose", [images.output[0]], attr={"perm": [0, 3, 1, 2]})
    # All four sizes: of some of the axes, onnxruntime loads no Resize between two Transposes that cancel.
    others = graph.make_node("Shape", [first.output[0]], attr={"start": 0, "end": 2})
    sizes = graph.make_node("Concat", [others.output[0], wanted], attr={"axis": 0}).output[0]
    resize = graph.make_node(
        "Resize",
        [first.output[0], "", "", sizes],
        attr={
            **RESIZING[kernel],
            "antialias": int(antialias),
            "coordinate_transformation_mode": "half_pixel",
            "exclude_outside": 1,  # TensorFlow's weights sum to one at the edges
        },
    )
    graph.make_node(
        "Transpose",
        [resize.output[0]],
        attr={"perm": [0, 2, 3, 1]},
        outputs=[node.output[0]],
        name=name,
        shapes=[shape],
        dtypes=[kind],
    )
