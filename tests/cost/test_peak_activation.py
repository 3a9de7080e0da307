"""The largest total of activations alive at one moment."""

import numpy as np
import onnx
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from tests.onnx_models import FLOAT, KERNEL, count, integers, node, weight

SIDE = 4 * 8 * 8 * 4  # bytes of a map of 4 channels, 8 by 8, in float32


def test_a_skip_connection_keeps_a_tensor_alive():
    chain = [node("Relu", "x", "a"), node("Relu", "a", "b"), node("Relu", "b", "c"), node("Relu", "c")]
    around = [*chain[:3], node("Add", "a c")]
    image = {"x": ["N", 4, 8, 8]}
    assert count(chain, image).peak_activation_bytes == 2 * SIDE
    assert count(around, image).peak_activation_bytes == 3 * SIDE  # at the third: a, b, c
    assert count(chain, {"x": [5, 4, 8, 8]}).peak_activation_bytes == 2 * SIDE  # the batch is divided out


def test_weights_and_what_is_made_of_them_do_not_count():
    kernel = numpy_helper.from_array(np.ones((4, 3, 3, 3), np.int8), "w8")
    nodes = [
        node("DequantizeLinear", "w8 scale", "w"),
        node("ConstantOfShape", "large", "unused"),
        node("Conv", "x w", "c"),
        node("Cast", "c", "h", to=TensorProto.FLOAT16),
        node("Cast", "h", to=TensorProto.FLOAT),
    ]
    found = count(nodes, {"x": ["N", 3, 8, 8]}, [kernel, weight("scale"), integers("large", [1000, 1000])])
    assert found.peak_activation_bytes == 4 * 3 * 64 + 4 * 4 * 36
    half = count([*nodes[:2], *nodes[3:]], {"x": ["N", 3, 2, 2], "c": ["N", 4, 36]}, [kernel, weight("scale")])
    assert half.peak_activation_bytes == (4 + 2) * 4 * 36  # nothing reads x; 16 bits a value after the first Cast


@given(data=st.data())
def test_random_graphs_against_counting_at_every_step(data):
    """The oracle asks of each tensor at each node whether it has been made and is still to be read."""
    sizes = {"x": data.draw(st.integers(1, 9))}
    nodes: list[onnx.NodeProto] = []
    for number in range(data.draw(st.integers(1, 8))):
        read = data.draw(st.lists(st.sampled_from(sorted(sizes)), min_size=1, max_size=3))
        name = "y" if data.draw(st.booleans()) and "y" not in sizes else f"t{number}"
        nodes.append(node("Concat", " ".join(read), name, axis=1))
        sizes[name] = sum(sizes[one] for one in read)
    if "y" not in sizes:
        nodes.append(node("Identity", "x", "y"))
        sizes["y"] = sizes["x"]
    made = {"x": -1, **{one.output[0]: number for number, one in enumerate(nodes)}}
    until = {name: max((n for n, one in enumerate(nodes) if name in one.input), default=-1) for name in sizes}
    until["y"] = len(nodes)
    moments = [
        sum(size for name, size in sizes.items() if made[name] <= number <= until[name]) for number in range(len(nodes))
    ]
    assert count(nodes, {"x": [1, sizes["x"]]}).peak_activation_bytes == 4 * max(moments)


def test_what_cannot_be_told_is_none_with_a_reason():
    unknown = count([node("Conv", "x w")], {"x": None}, [KERNEL])
    assert unknown.peak_activation_bytes is None
    assert "--input x=1x3x224x224" in unknown.peak_activation_reason
    output = onnx.ValueInfoProto(name="b", type=helper.make_tensor_type_proto(FLOAT, None))
    branch = helper.make_graph([node("Relu", "x", "b")], "branch", [], [output])
    condition = numpy_helper.from_array(np.array(True), "yes")
    inside = count([node("If", "yes", then_branch=branch, else_branch=branch)], {"x": [1, 4]}, [condition])
    assert inside.peak_activation_bytes is None
    assert "inside If" in inside.peak_activation_reason
    listed = count([node("SequenceConstruct", "x", "s"), node("ConcatFromSequence", "s", axis=0)], {"x": [1, 4]})
    assert listed.peak_activation_bytes is None
    assert listed.peak_activation_reason
    disordered = count([node("Relu", "a"), node("Relu", "x", "a")], {"x": [1, 4]})
    assert disordered.peak_activation_bytes is None
    assert "before the node that makes a" in disordered.peak_activation_reason
