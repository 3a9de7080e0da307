"""Random small graphs of images: convolutions, paddings, pools, sums, products, activations, and quantised twins."""

import random
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SIZE, CHANNELS, CLASSES = 12, 4, 5
LEAST = 5  # pixels, below which nothing is made smaller
ACTIVATIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Relu", {}),
    ("LeakyRelu", {"alpha": 0.1}),
    ("Sigmoid", {}),
    ("Tanh", {}),
    ("Identity", {}),
)


class Drawing:
    """A graph that is drawn step by step; ``value`` is the name of the last image and ``size`` its height and width."""

    def __init__(self, seed: int, *, quantised: bool) -> None:
        self.chance, self.numbers = random.Random(seed), np.random.default_rng(seed)
        self.quantised = quantised
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: list[onnx.TensorProto] = []
        self.value, self.size = "x", SIZE

    def model(self) -> onnx.ModelProto:
        """Three to seven steps, then scores of classes."""
        self._quantised()
        for _ in range(self.chance.randint(3, 7)):
            steps = [self._conv, self._pad, self._pool, self._sum, self._product, self._activation, self._norm]
            self.chance.choice(steps)()
            self._quantised()
        self._head()
        graph = helper.make_graph(
            self.nodes,
            "drawn",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, CHANNELS, SIZE, SIZE])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, CLASSES])],
            self.tensors,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
        onnx.checker.check_model(model, full_check=True)
        return model

    def _node(self, operator: str, *more: str, **told: Any) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, [self.value, *more], [name], name=f"{operator}_{name}", **told))
        self.value = name
        return name

    def _tensor(self, array: NDArray[Any]) -> str:
        name = f"t{len(self.tensors)}"
        self.tensors.append(numpy_helper.from_array(array, name))
        return name

    def _floats(self, *shape: int, scale: float = 1.0) -> NDArray[np.float32]:
        return (self.numbers.standard_normal(shape) * scale).astype(np.float32)

    def _weights(self, array: NDArray[np.float32], axis: int) -> str:
        """A tensor, in a quantised graph as 8 bits with a scale a channel."""
        if not self.quantised:
            return self._tensor(array)
        rest = tuple(place for place in range(array.ndim) if place != axis)
        step = (np.abs(array).max(rest) / 64 + 1e-6).astype(np.float32)
        shaped = step.reshape([-1 if place == axis else 1 for place in range(array.ndim)])
        whole = self._tensor(np.rint(array / shaped).astype(np.int8))
        name = f"w{len(self.nodes)}"
        inputs = [whole, self._tensor(step), self._tensor(np.zeros(len(step), np.int8))]
        self.nodes.append(helper.make_node("DequantizeLinear", inputs, [name], name=name, axis=axis))
        return name

    def _quantised(self) -> None:
        """A quantised graph rounds behind every step to 8 bits of a range that is about what comes."""
        if self.quantised:
            pair = self._tensor(np.array(8 / 255, np.float32)), self._tensor(np.array(128, np.uint8))
            self._node("QuantizeLinear", *pair)
            self._node("DequantizeLinear", *pair)

    def _conv(self) -> None:
        kernel = self.chance.choice([1, 3])
        side, stride = (self.chance.choice([0, kernel // 2]), self.chance.choice([1, 1, 2]))
        after = (self.size + 2 * side - kernel) // stride + 1
        if after < LEAST:
            side, stride, after = kernel // 2, 1, self.size
        group = self.chance.choice([1, 1, CHANNELS])
        weights = self._floats(CHANNELS, CHANNELS // group, kernel, kernel, scale=1.5 / kernel)
        more = [self._weights(weights, 0)]
        if self.chance.random() < 0.7:
            more.append(self._tensor(self._floats(CHANNELS) - np.float32(self.chance.choice([0, 1]))))
        self._node("Conv", *more, pads=[side] * 4, strides=[stride] * 2, group=group)
        self.size = after

    def _pad(self) -> None:
        mode = self.chance.choice(["constant", "constant", "reflect", "edge"])
        more = [self._tensor(np.array([0, 0, 1, 1, 0, 0, 1, 1]))]
        if mode == "constant" and self.chance.random() < 0.3:
            more.append(self._tensor(np.array(self.chance.choice([0.0, 0.5]), np.float32)))
        self._node("Pad", *more, mode=mode)
        self.size += 2

    def _pool(self) -> None:
        if self.size < 2 * LEAST:
            return
        kernel, side = 3, self.chance.choice([0, 1])
        told: dict[str, Any] = {"kernel_shape": [kernel] * 2, "strides": [2, 2], "pads": [side] * 4}
        if self.chance.random() < 0.6:
            if self.chance.random() < 0.5:  # as the stems of many networks
                self._zeros()
            self._node("MaxPool", **told)
        else:
            self._node("AveragePool", **told, count_include_pad=self.chance.choice([0, 1]))
        self.size = (self.size + 2 * side - kernel) // 2 + 1

    def _zeros(self) -> None:
        self._node("Pad", self._tensor(np.array([0, 0, 1, 1, 0, 0, 1, 1])), mode="constant")
        self.size += 2

    def _sum(self) -> None:
        before = self.value
        if self.chance.random() < 0.5:
            self._node("Add", self._tensor(self._floats(1, CHANNELS, 1, 1)))
            return
        self._activation()
        self._node("Add", before)

    def _product(self) -> None:
        self._node("Mul", self._tensor(self._floats(1, CHANNELS, 1, 1)))

    def _activation(self) -> None:
        if self.chance.random() < 0.3:
            low = self.chance.choice([-1.0, 0.0, 0.25])
            self._node("Clip", self._tensor(np.array(low, np.float32)), self._tensor(np.array(3.0, np.float32)))
            return
        operator, told = self.chance.choice(ACTIVATIONS)
        self._node(operator, **told)

    def _norm(self) -> None:
        tensors = [self._floats(CHANNELS), self._floats(CHANNELS), self._floats(CHANNELS)]
        self._node("BatchNormalization", *map(self._tensor, tensors), self._tensor(np.abs(self._floats(CHANNELS)) + 1))

    def _head(self) -> None:
        """Averages, then a product with the classes: plain, as Gemm, or with weights of 8 bits."""
        self._node("GlobalAveragePool")
        self._node("Flatten")
        weights, kind = (
            self._floats(CHANNELS, CLASSES),
            self.chance.choice(["MatMul", "MatMul", "Gemm", "Gemm", "stored"]),
        )
        if kind == "Gemm":
            bias = self._tensor(self._floats(CLASSES))
            self._node("Gemm", self._weights(weights, 1), bias, beta=self.chance.choice([1.0, 0.5]))
        else:
            self.quantised = self.quantised or kind == "stored"
            self._node("MatMul", self._weights(weights, 1))
        if self.chance.random() < 0.5:
            self._node("Softmax", axis=-1)
        self.nodes[-1].output[0] = "y"
