"""The graph that onnxruntime runs, node by node: what it was made of, what it multiplies, which weights it reads.

onnxruntime names what it lays out for one processor after the value that it computes ("relu_1_nchwc"),
and saves the same graph before that step; so such a node is counted where the ledger can read it. A
scaling of channels that it runs as a convolution ("mul_1_mul_nchwc") counts as the scaling that it is.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.cost import layer_names, macs, nodes, onnx_file, shapes
from harness.cost.onnx_file import OnnxFile

BLOCKED = "com.microsoft.nchwc"
REORDERS = ("ReorderInput", "ReorderOutput")
ADDED = "added by onnxruntime"
UNTRACED = "of which nodes of the file it was made cannot be told"
_LAID_OUT = re.compile(r"(.+)_nchwc(_token_\d+)?")


@dataclass(frozen=True, kw_only=True)
class OptimisedNode:
    """A node that is run. ``macs`` are of one call, the whole batch; None, with the reason, where they are unknown."""

    name: str  # empty where it has none
    operator: str
    originals: tuple[str, ...]  # nodes of the file that it does the work of
    origin: str  # what is to be known of them; empty where nothing is
    macs: int | None
    reason: str
    weight_bytes: int
    layer: str = ""  # of the network, as the file names it


@dataclass(frozen=True, kw_only=True)
class OptimisedGraph:
    """The nodes in order, and the nodes of the file that none of them does the work of: folded or dropped."""

    nodes: tuple[OptimisedNode, ...]
    vanished: tuple[str, ...]

    @property
    def has_bodies(self) -> bool:
        """Whether some nodes hold others, whose times are inside theirs."""
        return any(node.operator in macs.BODIES for node in self.nodes)

    @property
    def macs(self) -> int | None:
        """Multiply-accumulates of one call; None where any node's are unknown."""
        counts = [node.macs for node in self.nodes]
        return None if None in counts else sum(count or 0 for count in counts)


def read(original: Path, optimised: Path, countable: Path, given: Mapping[str, Sequence[int]]) -> OptimisedGraph:
    """Read what :func:`harness.timing.profiles.save_graphs` saved, for inputs of the given shapes.

    Raises :class:`HarnessError` where the shapes do not fit, or a file is damaged.
    """
    file, run = onnx_file.read(original), onnx_file.read(optimised)
    count = _Counter.of(onnx_file.read(countable), given)
    names = _values(run, count.by_value)
    traced, layers = _Traced.of(file, run, names), layer_names.read_layers(file.model)
    found = []
    for node in run.model.graph.node:
        originals, origin = traced.originals(node)
        number, reason = count(node, names.get(node.output[0], node.output[0]) if node.output else "")
        found.append(
            OptimisedNode(
                name=node.name,
                operator=nodes.operator(node),
                originals=originals,
                origin=origin,
                macs=number,
                reason=reason,
                layer=next((layers[name] for name in originals if layers.get(name)), ""),
                weight_bytes=sum(run.initializers[name].bytes for name in {*node.input} & run.initializers.keys()),
            )
        )
    taken = {name for node in found for name in node.originals}
    left = [_named(node) for node in file.model.graph.node if node.op_type != "Constant"]
    return OptimisedGraph(nodes=tuple(found), vanished=tuple(name for name in left if name not in taken))


def _laid_out(node: Any, known: Collection[str]) -> str | None:
    """The value of the graph before that a node laid out for a processor computes; None where that is not told."""
    named = _LAID_OUT.fullmatch(node.name) if node.domain == BLOCKED and node.op_type not in REORDERS else None
    if named is None:
        return None
    return next((name for name in (named[1], named[1].rpartition("_")[0]) if name in known), None)


def _values(run: OnnxFile, known: Collection[str]) -> dict[str, str]:
    """By the name of a value in a processor's layout: that of the same value in the file's."""
    found: dict[str, str] = {}
    blocked = [node for node in run.model.graph.node if node.domain == BLOCKED]
    for node in blocked:
        before = node.input[0] if node.op_type == "ReorderInput" else _laid_out(node, known)
        if before is not None:
            found[node.output[0]] = before
    for node in blocked:  # where a later node was fused in, the value is that one's
        if node.op_type == "ReorderOutput":
            found[node.input[0]] = node.output[0]
    return found


def _named(node: Any) -> str:
    return str(node.name or next(iter(node.output), ""))


@dataclass(frozen=True)
class _Counter:
    """The ledger of the graph before it was laid out, by the value that a node computes."""

    found: shapes.Shapes
    by_value: Mapping[str, tuple[int | None, str]]

    @classmethod
    def of(cls, countable: OnnxFile, given: Mapping[str, Sequence[int]]) -> "_Counter":
        found = shapes.infer(countable, given)
        by_value = {node.output[0]: _count(node, found) for node in countable.model.graph.node if node.output}
        return cls(found, by_value)

    def __call__(self, node: Any, value: str) -> tuple[int | None, str]:
        """The multiply-accumulates of a node of the graph that is run, or why they are not known."""
        if (node.domain == BLOCKED and node.op_type in REORDERS) or macs.is_free(node):
            return 0, ""
        return self.by_value.get(_laid_out(node, self.by_value) or value) or _count(node, self.found)


def _count(node: Any, found: shapes.Shapes) -> tuple[int | None, str]:
    try:
        return macs.count(node, found) * found.batch, ""
    except nodes.UncountableError as error:
        return None, str(error)


@dataclass(frozen=True)
class _Traced:
    """The nodes of the file behind each value of the graph that is run."""

    producers: Mapping[str, Any]
    kept: frozenset[str]  # values that exist in the graph that is run: no node of it reaches beyond them
    names: Mapping[str, str]

    @classmethod
    def of(cls, file: OnnxFile, run: OnnxFile, names: Mapping[str, str]) -> "_Traced":
        producers = {name: node for node in file.model.graph.node for name in node.output if name}
        values = [name for node in run.model.graph.node for name in node.output]
        kept = frozenset(names.get(name, name) for name in values) | {value.name for value in file.inputs}
        return cls(producers, kept, names)

    def originals(self, node: Any) -> tuple[tuple[str, ...], str]:
        """The nodes of the file that a node does the work of, and what is to be known of that."""
        if node.domain == BLOCKED and node.op_type in REORDERS:
            return (), ADDED
        starts = [self.names.get(name, name) for name in node.output if name]
        found: dict[str, None] = {}
        pending = [name for name in starts if name in self.producers]
        while pending:
            maker = self.producers[pending.pop()]
            if _named(maker) in found:
                continue
            if maker.op_type != "Constant":
                found[_named(maker)] = None
            pending += [name for name in maker.input if name in self.producers and name not in self.kept]
        return tuple(reversed(found)), "" if found else UNTRACED
