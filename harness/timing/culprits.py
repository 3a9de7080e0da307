"""What changes a function: the optimisers of the graph that do it, the node, the two values, and what cures it."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx

from harness.machine import temporary
from harness.measurements.session_options import ALL, SessionOptions
from harness.timing import distances, optimizers, runtime
from harness.timing.distances import Outputs
from harness.timing.opinions import Culprit, Cure, Question

ENTRIES = (("session.qdq_matmulnbits_accuracy_level", "1"),)  # that may cure, and leave every optimisation on
LEVELS = ("extended", "basic", "disable")
MOST_NODES = 16  # of those that are other ones, that are looked at
SAME = 3e-5  # of the largest value: what float32 may make of one node
TURNS, TURN_S = 15, 0.005

Run = Callable[..., Outputs]  # of options, and of another model in place of the file


@dataclass(frozen=True, kw_only=True)
class Case:
    """A file whose function the optimiser changes: how it runs with other options, and whether that is the function."""

    question: Question
    run: Run
    differs: Callable[[Outputs], bool]
    feeds: Mapping[str, Any]

    def cured_by(self, chosen: SessionOptions) -> bool:
        """Whether the runtime computes what the file says with these options."""
        try:
            return not self.differs(self.run(chosen))
        except Exception:  # options with which the file cannot be run cure nothing
            return False


def find(case: Case) -> Culprit:
    """The culprit of a file whose function the optimiser changes."""
    usual = case.question.session
    guilty = minimal(optimizers.NAMES, lambda names: case.cured_by(_without(usual, names)))
    options = [replace(usual, entries=(*usual.entries, entry)) for entry in ENTRIES]
    options += [_without(usual, guilty)] if guilty else [replace(usual, optimization=level) for level in LEVELS]
    cures = [chosen for chosen in options if case.cured_by(chosen)]
    cures = cures if guilty else cures[:1]
    return Culprit(
        optimizers=tuple(guilty),
        place=_place(case, cures[-1]) if cures else "",
        cures=tuple(Cure(options=chosen.described, slowdown=_slowdown(case, chosen)) for chosen in cures),
    )


def minimal(names: Sequence[str], cured: Callable[[Sequence[str]], bool]) -> Sequence[str]:
    """The fewest of the names that cure together: found by halves, then one by one; none if all of them do not."""
    if not cured(names):
        return ()
    while len(names) > 1:
        middle = len(names) // 2
        half = next((part for part in (names[:middle], names[middle:]) if cured(part)), None)
        if half is None:
            break
        names = half
    for name in tuple(names):
        fewer = [other for other in names if other != name]
        if fewer and cured(fewer):
            names = fewer
    return names


def _without(usual: SessionOptions, names: Sequence[str]) -> SessionOptions:
    return replace(usual, disabled_optimizers=(*usual.disabled_optimizers, *names))


def _place(case: Case, cured: SessionOptions) -> str:
    """The first node that is another in the graph that is run, what it takes the place of, and both values."""
    usual = case.question.session
    extended = replace(usual, optimization="extended")  # before the layout of this processor renames everything
    if usual.optimization == ALL and not case.cured_by(extended):
        usual = extended
        cured = replace(cured, optimization="extended") if cured.optimization == ALL else cured
    run, right = (_optimised(case.question, chosen) for chosen in (usual, cured))
    new, gone = _missing_from(right, run), _missing_from(run, right)
    for node in new[:MOST_NODES]:
        if values := _values(case, usual, node.output[0]):
            others = {other.output[0] for other in new if other is not node}
            replaced = [_named(one) for one in gone if one.output[0] not in others] or ["nothing"]
            return f"{_named(node)} in place of {' and '.join(replaced)}{values}"
    return f"in {_named(new[0])}" if new else ""


def _missing_from(graph: Sequence[onnx.NodeProto], other: Sequence[onnx.NodeProto]) -> list[onnx.NodeProto]:
    """The nodes of the second graph that the first does not have."""
    known = {_key(node) for node in graph}
    return [node for node in other if _key(node) not in known]


def _key(node: onnx.NodeProto) -> bytes:
    """What a node computes, of what, whatever it is called."""
    bare = onnx.NodeProto()
    bare.CopyFrom(node)
    bare.ClearField("name")
    bare.ClearField("doc_string")
    key: bytes = bare.SerializeToString(deterministic=True)
    return key


def _named(node: onnx.NodeProto) -> str:
    return f"{node.op_type} {node.output[0]!r}"


def _optimised(question: Question, chosen: SessionOptions) -> list[onnx.NodeProto]:
    """The nodes of the graph that is run with these options."""
    with temporary.folder() as folder:
        saved = folder / "optimised.onnx"
        options = runtime.options(question.threads, question.target, chosen=chosen)
        options.optimized_model_filepath = str(saved)
        module = runtime.load()
        module.InferenceSession(
            str(question.model),
            options,
            providers=question.target.listed(tuple(module.get_available_providers())),
            disabled_optimizers=list(chosen.disabled_optimizers),
        )
        return list(onnx.load(saved, load_external_data=False).graph.node)


def _values(case: Case, usual: SessionOptions, value: str) -> str:
    """What a value of the file is in the graph that is run, and as the file says, at the place of the difference."""
    model = onnx.load(case.question.model)
    if value not in {name for node in model.graph.node for name in node.output}:
        return ""
    if value not in {output.name for output in model.graph.output}:
        model.graph.output.append(onnx.ValueInfoProto(name=value))
    exposed = model.SerializeToString()
    plain = replace(usual, optimization="disable", disabled_optimizers=())
    found, expected = (case.run(chosen, exposed).get(value) for chosen in (usual, plain))
    if found is None or expected is None or not distances.apart(found, expected) > SAME * distances.scale(expected):
        return ""
    gap = np.nan_to_num(np.abs(found.astype(np.float64) - expected.astype(np.float64)), nan=np.inf)
    at = np.unravel_index(int(gap.argmax()), gap.shape)
    return f": at {[int(index) for index in at]} it gives {found[at]:.6g} where the file says {expected[at]:.6g}"


def _slowdown(case: Case, cured: SessionOptions) -> float:
    """How much more time a call takes with the cure, as a share: both take turns."""
    asked = case.question
    calls = []
    for chosen in (asked.session, cured):
        session = runtime.session(asked.model, threads=asked.threads, target=asked.target, chosen=chosen)
        calls.append(runtime.bind(session, dict(case.feeds), runtime.run_values(session, dict(case.feeds))))
    taken: list[list[float]] = [[], []]
    for _ in range(TURNS):
        for call, times in zip(calls, taken, strict=True):
            call()
            times.append(_call_s(call))
    before, after = map(statistics.median, taken)
    return after / before - 1


def _call_s(call: runtime.BoundCall) -> float:
    """The time of one call, from a turn of several."""
    count, spent = 0, 0
    while spent < TURN_S * 1e9:
        spent += call.sample(1)
        count += 1
    return spent / count
