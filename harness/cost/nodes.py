"""A node of a graph with the shapes around it, as the rules of the ledger read it."""

from dataclasses import dataclass
from typing import Any

from harness.cost import branches
from harness.cost.shapes import Shapes, text

STANDARD = ("", "ai.onnx")
CONTRIB = "com.microsoft"  # onnxruntime's own operators


class UncountableError(Exception):
    """A node whose multiply-accumulates cannot be told; its message says why and what to give."""


@dataclass(frozen=True)
class Node:
    """A node of a graph with the shapes around it."""

    proto: Any  # onnx.NodeProto
    shapes: Shapes

    def has(self, index: int) -> bool:
        return len(self.proto.input) > index and bool(self.proto.input[index])

    def input(self, index: int) -> tuple[int, ...]:
        """The whole shape of an input. Raises UncountableError where a size is open."""
        if not self.has(index):
            raise UncountableError(f"it has no input {index}, which the operator needs")
        return self._whole(f"input {index}", self.proto.input[index])

    def output(self) -> tuple[int, ...]:
        """The whole shape of the first output. Raises UncountableError where a size is open."""
        if not (self.proto.output and self.proto.output[0]):
            raise UncountableError("it has no output")
        return self._whole("its output", self.proto.output[0])

    @property
    def opset(self) -> int:
        """The version of ONNX' own operators that the file is written in."""
        return self.shapes.opset

    def integers(self, index: int) -> list[int] | None:
        """The values of an input of integers that are stored, or follow from shapes; None where they are not known."""
        return branches.integers(self.shapes.stored.get(self.proto.input[index])) if self.has(index) else None

    def condition(self) -> bool | None:
        """The value of input 0 of an If, if it is known."""
        return branches.truth(self.shapes.stored.get(self.proto.input[0])) if self.has(0) else None

    def attribute(self, name: str, default: int = 0) -> int:
        """An integer attribute."""
        return next((int(found.i) for found in self.proto.attribute if found.name == name), default)

    def text(self, name: str) -> str:
        """A text attribute; "" where it is absent."""
        return next((found.s.decode(errors="replace") for found in self.proto.attribute if found.name == name), "")

    def attributes(self, name: str) -> list[Any]:
        """An attribute that is a list of numbers; empty where it is absent."""
        found = next((found for found in self.proto.attribute if found.name == name), None)
        return [*found.ints, *found.floats] if found else []

    def _whole(self, what: str, name: str) -> tuple[int, ...]:
        shape = self.shapes.of.get(name)
        sizes = tuple(size for size in shape or () if isinstance(size, int))
        if shape is None or len(sizes) < len(shape):
            known = "of unknown shape" if shape is None else text(shape)
            raise UncountableError(f"{what} ({name}) is {known}: {self.shapes.hint}")
        if any(size < 0 for size in sizes):
            raise UncountableError(f"{what} ({name}) would be {text(sizes)}: a kernel is larger than its data")
        return sizes


def operator(node: Any) -> str:
    """The operator's name, qualified where it is none of the standard: "com.microsoft.FusedConv"."""
    return str(node.op_type) if node.domain in STANDARD else f"{node.domain}.{node.op_type}"
