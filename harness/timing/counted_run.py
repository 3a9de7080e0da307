"""The ledger of a run: what every node multiplied as a file ran once, bodies as often as they ran.

The file runs in a fresh process under onnxruntime's profiler, which tells the shapes that each node read and gave.
Optimisations are off and weights stay as they are stored, so that the nodes are the file's own. Every node is given a
name of its own first: names may be missing, or stand twice.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from harness.cost import inputs as model_inputs
from harness.cost import ledger, macs, nodes, onnx_file, shapes
from harness.cost.inputs import Input
from harness.cost.onnx_file import OnnxFile, subgraphs
from harness.cost.shapes import Shapes
from harness.errors import HarnessError
from harness.machine import temporary
from harness.machine.arrays import save_arrays
from harness.measurements.types import ON_A_RUN, Cost, CountedInput, NodeCost
from harness.timing import input_values, profiles
from harness.timing.input_values import Fed
from harness.timing.profiles import RanNode

Tracer = Callable[[Path, Path, Path], Sequence[RanNode]]  # of a model, what it is fed, and where its data are
SEARCHES = frozenset(
    f"{nodes.CONTRIB}.{name}" for name in ("BeamSearch", "GreedySearch", "Sampling", "WhisperBeamSearch")
)
UNSEEN = "onnxruntime ran it as other nodes, and what it read there is not known"


@dataclass(frozen=True, kw_only=True)
class MarkedNode:
    """A node of a file, with the shapes around it, as far as the file tells them, and the nodes that it holds."""

    proto: Any  # onnx.NodeProto
    shapes: Shapes
    bodies: tuple[tuple[str, ...], ...]  # their marks


def count_run(
    path: Path,
    arrays: Mapping[str, NDArray[Any]] | None = None,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    *,
    batch: int | None = None,
    trace: Tracer = profiles.trace,
) -> Cost:
    """The cost of one image, counted on one run of the file.

    ``arrays`` are what inputs are fed, by name. Others are fed random numbers from 0 to 1, and zeros if they are no
    floats, of the given shapes, or of those that `harness run` guesses. Parameters and bytes are those of
    :func:`harness.cost.ledger.ledger`; ``contradictions`` are nodes for which it tells another count. Raises
    :class:`HarnessError` if the file is damaged, cannot be fed, or cannot be run.
    """
    file = onnx_file.read(path)
    fed, values = _feeds(file, arrays or {}, input_shapes or {}, batch)
    found = _infer(
        file, {name: np.shape(value) for name, value in values.items() if not isinstance(value, list)}, batch
    )
    told = ledger.cost_of(file, found)
    ran = _run(path, values, trace)
    counted = _Counts.of(file, found, ran, values)
    costs = tuple(counted.node(str(number)) for number in range(len(file.model.graph.node)))
    return replace(
        told,
        counted=ON_A_RUN,
        inputs=fed,
        nodes=costs,
        contradictions=tuple(_contradictions(told.nodes, costs)),
    )


def mark(model: Any) -> None:
    """Name every node of a model after its place: "3", and "3/0/2" in the first graph that node 3 holds."""
    _mark(model.graph, "")


def _mark(graph: Any, prefix: str) -> None:
    for number, node in enumerate(graph.node):
        node.name = f"{prefix}{number}"
        for branch, body in enumerate(body for attribute in node.attribute for body in subgraphs(attribute)):
            _mark(body, f"{node.name}/{branch}/")


def _feeds(
    file: OnnxFile, arrays: Mapping[str, NDArray[Any]], given: Mapping[str, Sequence[int]], batch: int | None
) -> tuple[tuple[CountedInput, ...], dict[str, Fed]]:
    """What each input is fed, in words and in numbers."""
    known = [value.name for value in file.inputs]
    for name in (*map(input_values.input_name, arrays), *given):
        if name not in known:
            raise HarnessError(f"{file.path}: no input {name!r}; its inputs are {', '.join(known) or 'none'}")
    tensors = {value.name for value in file.inputs if value.type.HasField("tensor_type")}
    told: dict[str, Sequence[int | None]] = {
        **given,
        **{name: array.shape for name, array in arrays.items() if name in tensors},
    }
    found = model_inputs.read(file, told)
    found = tuple(each.sized(batch, None) for each in found) if batch is not None else found
    kinds, sizes = {each.name: each.kind for each in found}, {each.name: each.shape for each in found}
    named = {input_values.input_name(name) for name in arrays}
    return tuple(
        CountedInput(
            name=each.name,
            type=each.kind,
            shape=each.shape if each.name in tensors else None,
            guessed={name: each.shape[axis] for axis, name in each.guesses},
            fed="given" if each.name in named else _made_up(each),
        )
        for each in found
    ), input_values.fill_inputs(kinds, sizes, arrays)


def _made_up(of: Input) -> str:
    """What an input is fed that nothing is given for."""
    return "random from 0 to 1" if of.floating else "random numbers as text" if of.kind == "string" else "zeros"


def _infer(file: OnnxFile, given: Mapping[str, Sequence[int]], batch: int | None) -> Shapes:
    """What the file tells without a run; onnxruntime may run what inference finds no fit."""
    try:
        return shapes.infer(file, given, batch)
    except HarnessError:
        return shapes.infer(file, batch=batch)


def _run(path: Path, values: Mapping[str, Fed], trace: Tracer) -> Sequence[RanNode]:
    model = onnx_file.inline(onnx.load(path, load_external_data=False), path)
    mark(model)
    with temporary.folder() as folder:
        save_arrays(folder / "inputs.npz", dict(_arrays(values)))
        (folder / "marked.onnx").write_bytes(model.SerializeToString())
        del model
        return trace(folder / "marked.onnx", folder / "inputs.npz", path.absolute().parent)


def _arrays(values: Mapping[str, Fed]) -> Iterator[tuple[str, NDArray[Any]]]:
    """What the inputs are fed, as an .npz file holds it: a sequence as the arrays NAME[0], NAME[1] and so on."""
    for name, value in values.items():
        if isinstance(value, list):
            yield from ((f"{name}[{place}]", array) for place, array in enumerate(value))
        else:
            yield name, value


def _contradictions(told: Iterable[NodeCost], ran: Iterable[NodeCost]) -> Iterator[str]:
    for one, other in zip(told, ran, strict=True):
        if one.macs is not None and other.macs is not None and one.macs != other.macs:
            yield f"{one.operator} {one.name}: {one.macs:,} by the file, {other.macs:,} on the run"


@dataclass(frozen=True, kw_only=True)
class _Counts:
    """The nodes of a file by their marks, and what the profiler told of each."""

    marked: Mapping[str, MarkedNode]
    events: Mapping[str, Sequence[RanNode]]
    around: Mapping[str, tuple[int, ...]]  # the shapes of values of the main graph, as they were on the run
    batch: int

    @classmethod
    def of(cls, file: OnnxFile, found: Shapes, ran: Iterable[RanNode], values: Mapping[str, Fed]) -> "_Counts":
        marked = dict(_marked(file.model.graph, found, ""))
        events: dict[str, list[RanNode]] = defaultdict(list)
        for event in ran:
            events[event.name].append(event)
        around = {name: tensor.dims for name, tensor in file.initializers.items()}
        around |= {name: array.shape for name, array in values.items() if not isinstance(array, list)}
        for mark, node in marked.items():
            if "/" not in mark and events[mark]:
                around |= _named(node.proto.output, events[mark][0].outputs)
        return cls(marked=marked, events=events, around=around, batch=found.batch)

    def node(self, mark: str) -> NodeCost:
        """The cost of a node of the main graph, with all that it holds, for one image."""
        proto = self.marked[mark].proto
        told = {"name": proto.name or next(iter(proto.output), ""), "operator": nodes.operator(proto)}
        runs = sum(event.times for event in self.events[mark])
        try:
            whole, rest = divmod(self._whole(mark), self.batch)
        except nodes.UncountableError as error:
            return NodeCost(**told, macs=None, reason=str(error), runs=runs)
        if rest:
            reason = f"its count is no multiple of the batch of {self.batch}"
            return NodeCost(**told, macs=None, reason=reason, runs=runs)
        return NodeCost(**told, macs=whole, runs=runs)

    def _whole(self, mark: str) -> int:
        node = self.marked[mark]
        if node.bodies:
            if node.proto.op_type not in macs.BODIES and nodes.operator(node.proto) not in SEARCHES:
                raise nodes.UncountableError("the ledger has no rule for this operator")
            return sum(self._body(body) for body in node.bodies)
        if macs.is_free(node.proto):
            return 0
        if self.events[mark]:
            return sum(event.times * self._once(node, event) for event in self.events[mark])
        if "/" in mark:
            raise nodes.UncountableError(UNSEEN)
        return _product(node, self.around)

    def _body(self, body: tuple[str, ...]) -> int:
        """What the nodes of a body multiplied, if it ran at all."""
        ran = any(self.events[mark] for mark in body)
        return sum(self._whole(mark) for mark in body) if ran else 0

    def _once(self, node: MarkedNode, event: RanNode) -> int:
        read, made = _named(node.proto.input, event.inputs), _named(node.proto.output, event.outputs)
        return _product(node, {**self.around, **read, **made})


def _product(node: MarkedNode, of: Mapping[str, tuple[int, ...]]) -> int:
    """What a node multiplies for the whole batch, at shapes that were seen."""
    return macs.count(node.proto, replace(node.shapes, of=of, batch=1, inner={}, hint="onnxruntime does not tell it"))


def _named(names: Sequence[str], found: Sequence[tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """The shapes by name; the profiler leaves out what is absent, and lists, so that all must be there."""
    there = [name for name in names if name]
    return dict(zip(there, found, strict=True)) if len(there) == len(found) else {}


def _marked(graph: Any, found: Shapes, prefix: str) -> Iterator[tuple[str, MarkedNode]]:
    for number, node in enumerate(graph.node):
        mark = f"{prefix}{number}"
        scopes = found.inner.get(node.output[0], ()) if node.output else ()
        held: list[tuple[str, ...]] = []
        for branch, body in enumerate(body for attribute in node.attribute for body in subgraphs(attribute)):
            inside = dict(_marked(body, scopes[branch] if branch < len(scopes) else found, f"{mark}/{branch}/"))
            held.append(tuple(f"{mark}/{branch}/{place}" for place in range(len(body.node))))
            yield from inside.items()
        yield mark, MarkedNode(proto=node, shapes=found, bodies=tuple(held))
