"""What differs between two .onnx files: what they say of themselves, store and compute, and what comes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import inliner

from harness.cost import onnx_file
from harness.cost.onnx_file import OnnxFile
from harness.diff import facts, feeding, running
from harness.diff.alignment import align_graphs
from harness.diff.facts import FactChange
from harness.diff.graph import read_graph
from harness.diff.nodes import GraphDifference, compare_graphs
from harness.diff.running import Compared, RunDifference
from harness.diff.tracing import TracedFile
from harness.errors import HarnessError
from harness.measurements.session_options import USUAL, SessionOptions

TOLERANCE = 1e-4  # of the largest value: as `harness gate` takes outputs


@dataclass(frozen=True, kw_only=True)
class Run:
    """How two files are run on the same inputs.

    ``given`` are arrays and ``shapes`` whole shapes by the inputs of A; what is not given is random.
    """

    given: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    shapes: Mapping[str, Sequence[int]] = field(default_factory=dict)
    seed: int = 0
    tolerance: float = TOLERANCE
    options: SessionOptions = USUAL
    threads: int = 1


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What differs between A and B. ``run`` is None, with the reason in ``not_run``, if they were not run."""

    a: Path
    b: Path
    facts: Sequence[FactChange]
    graph: GraphDifference
    run: RunDifference | None
    not_run: str = ""

    @property
    def same_graph(self) -> bool:
        """Whether nodes, stored tensors and all that counts of what the files say are the same."""
        return self.graph.is_none and not any(one.counts for one in self.facts)

    @property
    def same(self) -> bool:
        """Whether nothing differs that changes what is computed, as far as it could be compared."""
        return self.same_graph and (self.run is None or self.run.agree or self.run.unsteady)


def compare_files(a: Path, b: Path, run: Run | None) -> Difference:
    """What differs between two files; ``run`` None: they are not run.

    Files that cannot be run, or fed the same, are compared all the same, and the reason is told. Raises
    :class:`HarnessError` if a file cannot be read, or has no input of a name that is given.
    """
    files = onnx_file.read(a), onnx_file.read(b)  # refuses what is damaged, or has data outside its own folder
    models = _load(a), _load(b)
    graphs = read_graph(models[0]), read_graph(models[1])
    alignment = align_graphs(*graphs)
    graph = compare_graphs(*graphs, alignment)
    found, reason = None, "not asked for"
    if run is not None:
        feeding.check_named(files[0], (*run.given, *run.shapes))
        try:
            traced = _traced(files, models, run)
            both = Compared(a=traced[0], b=traced[1], graph_a=graphs[0], graph_b=graphs[1], alignment=alignment)
            found, reason = running.compare_runs(both, run.tolerance, locate=not graph.is_none), ""
        except HarnessError as error:
            reason = str(error)
    told = facts.compare_facts(*models, graphs[0].domains | graphs[1].domains)
    return Difference(a=a, b=b, facts=told, graph=graph, run=found, not_run=reason)


def _traced(files: tuple[OnnxFile, OnnxFile], models: tuple[Any, Any], run: Run) -> list[TracedFile]:
    fed = feeding.feed_both(*files, run.given, run.shapes, run.seed)
    return [
        TracedFile(model=model, feeds=feeds, options=run.options, threads=run.threads)
        for model, feeds in zip(models, fed, strict=True)
    ]


def _load(path: Path) -> Any:
    """The whole model, its weights included and its local functions inlined."""
    model = onnx.load(path, format="protobuf")
    return inliner.inline_local_functions(model) if model.functions else model
