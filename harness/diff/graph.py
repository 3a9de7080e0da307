"""A graph by its structure: its nodes in an order that neither names nor the order of the file decide.

Constant nodes are stored tensors like initializers. An attribute that a node leaves out has its operator's default.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache as remember
from functools import cached_property
from typing import Any

import onnx
from onnx import AttributeProto, helper

from harness.cost import nodes, onnx_file
from harness.diff.tensors import Tensor
from harness.errors import HarnessError

# Operators of two inputs that may change places.
COMMUTATIVE = frozenset(
    ("Add", "Mul", "Max", "Min", "Sum", "Mean", "And", "Or", "Xor", "Equal", "BitwiseAnd", "BitwiseOr", "BitwiseXor")
)
# Attributes whose defaults ONNX gives in words, by the number that they repeat for each axis.
REPEATED = {"pads": 0, "output_padding": 0, "strides": 1, "dilations": 1}

Attributes = Mapping[str, Hashable]


@dataclass(frozen=True)
class Input:
    """The input of a graph at that place."""

    place: int


@dataclass(frozen=True)
class Stored:
    """A tensor that a graph stores."""

    name: str


@dataclass(frozen=True)
class Made:
    """An output of a node, by their places."""

    node: int
    output: int


@dataclass(frozen=True)
class Outer:
    """A value of a graph around this one."""

    name: str


Source = Input | Stored | Made | Outer | None  # None: an input that is left out


@dataclass(frozen=True, kw_only=True)
class Node:
    """A node; ``name`` is that of its first output if it has none of its own.

    ``captured`` are the values that its bodies (branches, bodies of loops) read from this graph.
    """

    name: str
    operator: str
    attributes: Attributes
    inputs: tuple[Source, ...]
    outputs: tuple[str, ...]
    bodies: Mapping[str, "Graph"]
    captured: Mapping[str, Source]

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """All that it reads."""
        return (*self.inputs, *self.captured.values())

    @property
    def commutes(self) -> bool:
        return self.operator in COMMUTATIVE and len(self.inputs) == 2


@dataclass(frozen=True, kw_only=True)
class Graph:
    """The nodes of a graph, each after those that it reads, with the names of its inputs and outputs.

    ``ends`` are what its outputs are. ``stored`` holds initializers and Constants, by name.
    """

    nodes: tuple[Node, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    ends: tuple[Source, ...]
    stored: Mapping[str, Tensor]

    @cached_property
    def readers(self) -> Mapping[Source, Sequence[tuple[int, int]]]:
        """By value that is no stored tensor: which nodes read it, and as which of their sources."""
        found: dict[Source, list[tuple[int, int]]] = {}
        for number, node in enumerate(self.nodes):
            for slot, source in enumerate(node.sources):
                if source is not None and not isinstance(source, Stored):
                    found.setdefault(source, []).append((number, slot))
        return found

    @cached_property
    def domains(self) -> frozenset[str]:
        """The domains of its operators, that of ONNX itself being empty; those in bodies included."""
        own = frozenset(node.operator.rpartition(".")[0] for node in self.nodes)
        return own.union(*(body.domains for node in self.nodes for body in node.bodies.values()))

    @cached_property
    def outer(self) -> tuple[str, ...]:
        """The names of the values that it reads from graphs around it, in its own order."""
        read = (source for sources in (*(node.sources for node in self.nodes), self.ends) for source in sources)
        return tuple(dict.fromkeys(source.name for source in read if isinstance(source, Outer)))

    def value_name(self, source: Source) -> str:
        """What the file calls a value; empty for one that is left out."""
        if isinstance(source, Made):
            return self.nodes[source.node].outputs[source.output]
        if isinstance(source, Input):
            return self.inputs[source.place]
        return source.name if source else ""


def read_graph(model: Any) -> Graph:
    """The main graph of an onnx.ModelProto whose local functions are inlined.

    Raises :class:`HarnessError` if nodes read each other in a circle.
    """
    return _graph(model.graph, read_opsets(model))


def read_opsets(model: Any) -> dict[str, int]:
    """The versions of the operators by domain, that of ONNX itself being empty."""
    return {"" if one.domain in nodes.STANDARD else one.domain: one.version for one in model.opset_import}


def _graph(proto: Any, opsets: Mapping[str, int]) -> Graph:
    stored = {tensor.name: Tensor(name=tensor.name, proto=tensor) for tensor in proto.initializer}
    stored |= {one.values.name: Tensor(name=one.values.name, proto=one) for one in proto.sparse_initializer}
    protos = []
    for node in proto.node:
        if node.op_type == "Constant" and node.domain in nodes.STANDARD and node.attribute:
            stored[node.output[0]] = _constant(node)
        else:
            protos.append(node)
    inputs = tuple(value.name for value in proto.input if value.name not in stored)
    bodies = [_bodies(node, opsets) for node in protos]
    makers = {name: (number, slot) for number, node in enumerate(protos) for slot, name in enumerate(node.output)}
    captured = [tuple(dict.fromkeys(name for body in each.values() for name in body.outer)) for each in bodies]
    reads = [
        [makers[name][0] for name in (*node.input, *more) if name and name in makers]
        for node, more in zip(protos, captured, strict=True)
    ]
    outputs = tuple(value.name for value in proto.output)
    order = _order(reads, [makers[name][0] for name in outputs if name in makers])
    places = {old: new for new, old in enumerate(order)}

    def source(name: str) -> Source:
        if not name:
            return None
        if name in makers:
            return Made(places[makers[name][0]], makers[name][1])
        if name in stored:
            return Stored(name)
        return Input(inputs.index(name)) if name in inputs else Outer(name)

    return Graph(
        nodes=tuple(
            Node(
                name=protos[old].name or next(iter(protos[old].output), ""),
                operator=nodes.operator(protos[old]),
                attributes=read_attributes(protos[old], opsets),
                inputs=_trimmed(tuple(map(source, protos[old].input))),
                outputs=tuple(protos[old].output),
                bodies=bodies[old],
                captured={name: source(name) for name in captured[old]},
            )
            for old in order
        ),
        inputs=inputs,
        outputs=outputs,
        ends=tuple(map(source, outputs)),
        stored=stored,
    )


def _trimmed(sources: tuple[Source, ...]) -> tuple[Source, ...]:
    """Without inputs at the end that are left out: some exporters name them and some do not."""
    while sources and sources[-1] is None:
        sources = sources[:-1]
    return sources


def _order(reads: Sequence[Sequence[int]], ends: Iterable[int]) -> list[int]:
    """Every node after those that it reads: from the ends backwards, depth first; then what leads to no end."""
    found: dict[int, None] = {}
    open_now: set[int] = set()
    for root in (*ends, *range(len(reads))):
        stack: list[tuple[int, Iterator[int]]] = [] if root in found else [(root, iter(reads[root]))]
        open_now.update(node for node, _ in stack)
        while stack:
            node, left = stack[-1]
            following = next((one for one in left if one not in found), None)
            if following is None:
                found[node] = None
                open_now.remove(node)
                stack.pop()
            elif following in open_now:
                raise HarnessError(
                    "nodes of the graph read each other in a circle, which ONNX forbids; export it again."
                )
            else:
                open_now.add(following)
                stack.append((following, iter(reads[following])))
    return list(found)


def _constant(node: Any) -> Tensor:
    """The tensor of a Constant node, whichever attribute holds it."""
    attribute = node.attribute[0]
    value = helper.get_attribute_value(attribute)
    if attribute.name not in ("value", "sparse_value"):
        kinds = {"i": onnx.TensorProto.INT64, "f": onnx.TensorProto.FLOAT, "s": onnx.TensorProto.STRING}
        several = isinstance(value, list)
        kind = kinds[attribute.name.removeprefix("value_")[0]]
        value = helper.make_tensor("", kind, [len(value)] if several else [], value if several else [value])
    return Tensor(name=node.output[0], proto=value)


def _bodies(node: Any, opsets: Mapping[str, int]) -> dict[str, Graph]:
    return {
        f"{attribute.name}[{number}]" if number else attribute.name: _graph(inner, opsets)
        for attribute in node.attribute
        for number, inner in enumerate(onnx_file.subgraphs(attribute))
    }


def read_attributes(node: Any, opsets: Mapping[str, int]) -> dict[str, Hashable]:
    """The attributes of a node by name, with its operator's defaults; bodies are left out."""
    found = dict(_defaults(node.op_type, node.domain, opsets.get("" if node.domain in nodes.STANDARD else node.domain)))
    for attribute in node.attribute:
        if not onnx_file.subgraphs(attribute):
            found[attribute.name] = _comparable(attribute)
    usual = (name for name, number in REPEATED.items() if name in found and set(_numbers(found[name])) == {number})
    for name in [*usual]:
        del found[name]
    return dict(sorted(found.items()))


def _numbers(value: Hashable) -> tuple[Hashable, ...]:
    return value if isinstance(value, tuple) else ()


@remember
def _defaults(operator: str, domain: str, version: int | None) -> Mapping[str, Hashable]:
    try:
        schema = onnx.defs.get_schema(operator, version or 1, "" if domain in nodes.STANDARD else domain)
    except onnx.defs.SchemaError:  # an operator that ONNX does not define
        return {}
    given = {name: attribute.default_value for name, attribute in schema.attributes.items()}
    return {name: _comparable(value) for name, value in given.items() if value.type != AttributeProto.UNDEFINED}


def _comparable(attribute: Any) -> Hashable:
    """The value of an attribute as something that can be compared and shown."""
    value = helper.get_attribute_value(attribute)
    if attribute.type in (AttributeProto.TENSOR, AttributeProto.SPARSE_TENSOR):
        return Tensor(name=attribute.name, proto=value).content
    if attribute.type == AttributeProto.STRING:
        return bytes(value).decode(errors="replace")
    if attribute.type == AttributeProto.STRINGS:
        return tuple(bytes(one).decode(errors="replace") for one in value)
    if attribute.type == AttributeProto.FLOAT and value != value:
        return "NaN"  # which is not equal to itself
    if isinstance(value, int | float):
        return value
    if attribute.type in (AttributeProto.INTS, AttributeProto.FLOATS):
        return tuple(value)
    return str(value).strip()  # types, which are seldom
