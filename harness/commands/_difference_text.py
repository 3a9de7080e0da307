"""What differs between two files, for people and as JSON."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from harness.diff.difference import Difference
from harness.diff.distance import Distance
from harness.diff.running import NodeParting, RunDifference
from harness.diff.tensors import TensorChange
from harness.report.tables import print_table

METADATA = "metadata "
SHOWN = 20  # lines of a table: a program reads all


def print_difference(found: Difference) -> None:
    """Print a line that says whether they are the same, and tables of what differs."""
    print(headline(found))
    graph = found.graph
    facts: list[dict[str, object]] = [{"of the files": one.what, "A": one.a, "B": one.b} for one in found.facts]
    nodes: list[dict[str, object]] = [
        {
            "node in A": one.name_a,
            "node in B": one.name_b,
            "operator": one.operator,
            "what": one.what,
            "A": one.a,
            "B": one.b,
        }
        for one in graph.changed
    ]
    alone: list[dict[str, object]] = [
        {"node": one.name, "operator": one.operator, "only in": side}
        for side, nodes_alone in (("A", graph.only_a), ("B", graph.only_b))
        for one in nodes_alone
    ]
    for table in (facts, nodes, alone, [_tensor_line(one) for one in graph.tensors]):
        _print(table)
    if found.run is not None:
        _print_run(found.run)


def headline(found: Difference) -> str:
    """In one line, whether the files are the same and what differs."""
    names = f"{found.a.name} and {found.b.name}" if found.a.name != found.b.name else f"{found.a} and {found.b}"
    outputs = outputs_text(found.run) if found.run else f"outputs not compared: {found.not_run}"
    if found.same_graph:
        told = f"{found.graph.of_a} nodes and all stored tensors alike"
        return f"{names} {'are the same' if found.same else 'differ'}: {told}; {outputs}"
    return f"{names} differ: {', '.join(_counts(found))}; {outputs}"


def outputs_text(run: RunDifference) -> str:
    """In words, whether the outputs agree."""
    if run.unsteady:
        return f"outputs not compared: {run.note}"
    unknown = next((one for one in run.outputs if one.distance is None), None)
    if unknown is not None:
        return f"output {unknown.name_a} not compared: {unknown.reason}"
    apart = max((one.distance.relative for one in run.outputs if one.distance), default=0.0)
    share = f"{apart:.2g} of the largest value"
    return f"the outputs agree ({share})" if run.agree else f"THE OUTPUTS DIFFER by {share}"


def _counts(found: Difference) -> Iterator[str]:
    graph = found.graph
    facts = [one.what for one in found.facts if one.counts]
    yield from (one for one in facts if not one.startswith(METADATA))
    metadata = sum(one.startswith(METADATA) for one in facts)
    if metadata:
        yield f"{metadata} {'entries' if metadata > 1 else 'entry'} of metadata"
    changed = len({(one.name_a, one.name_b) for one in graph.changed})
    for count, what in (
        (changed, "changed"),
        (len(graph.only_a), "only in A"),
        (len(graph.only_b), "only in B"),
    ):
        if count:
            yield f"{count} node{'s' if count > 1 else ''} {what}"
    if graph.tensors:
        yield f"{len(graph.tensors)} stored tensor{'s' if len(graph.tensors) > 1 else ''}"


def _print(lines: Sequence[Mapping[str, object]]) -> None:
    if lines:
        print()
        print_table(list(lines[0]), lines[:SHOWN], "table")
    if len(lines) > SHOWN:
        print(f"and {len(lines) - SHOWN} more: --json has all")


def _tensor_line(one: TensorChange) -> dict[str, object]:
    apart = one.distance
    return {
        "stored in A": one.name_a or None,
        "stored in B": one.name_b or None,
        "type": one.a if one.a == one.b else f"{one.a or 'absent'} → {one.b or 'absent'}",
        "values that differ": f"{apart.differing:,} of {apart.values:,}" if apart else one.layout or None,
        **_distance_cells(apart),
    }


def _distance_cells(apart: Distance | None) -> dict[str, object]:
    return {
        "largest |Δ|": f"{apart.largest:.3g}" if apart else None,
        "of the largest value": f"{apart.relative:.2g}" if apart else None,
        "cosine": _cosine(apart),
    }


def _cosine(apart: Distance | None) -> str | None:
    if apart is None or apart.cosine is None:
        return None
    missing = 1 - apart.cosine
    return f"1 - {missing:.1g}" if 1e-15 < missing < 1e-5 else f"{apart.cosine:.6f}"


def _print_run(run: RunDifference) -> None:
    _print(
        [{"output of A": one.name_a, "output of B": one.name_b, **_distance_cells(one.distance)} for one in run.outputs]
    )
    if run.parting:
        print()
        print("\n".join(_parting_lines(run.parting)))
    if run.note:
        print(f"\n{run.note}")


def _parting_lines(found: NodeParting) -> Iterator[str]:
    value = found.value
    apart = value.after
    before = "" if value.before is None else f"What it reads is {value.before:.2g} of the largest value apart, "
    after = f"{'its' if before else 'Its'} output {apart.relative:.2g}."
    node = f"{found.node_a} ({found.operator_a})"
    twin = f"{found.node_b} ({found.operator_b})"
    yield f"They part at {node}{'' if node == twin else f' in A, {twin} in B'}. {before}{after}"
    place = f"[{', '.join(map(str, apart.place))}]"
    yield f"  at {place} of {value.value_a}: A {_number(apart.a)}, B {_number(apart.b)}"
    for side, values in (("A", value.around_a), ("B", value.around_b)):
        yield f"  around it in {side}: {', '.join(map(_number, values))}"


def _number(value: float | str) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def as_json(found: Difference) -> dict[str, Any]:
    """All that was found, as JSON holds it; a number that is infinite or none is its name as text."""
    graph, run = found.graph, found.run
    told = {
        "a": str(found.a),
        "b": str(found.b),
        "same": found.same,
        "facts": [asdict(one) for one in found.facts],
        "nodes": {
            "a": graph.of_a,
            "b": graph.of_b,
            "same": graph.same,
            "changed": [asdict(one) for one in graph.changed],
            "only_a": [asdict(one) for one in graph.only_a],
            "only_b": [asdict(one) for one in graph.only_b],
        },
        "tensors": [{**asdict(one), "distance": _distance_json(one.distance)} for one in graph.tensors],
        "not_run": found.not_run,
        "run": _run_json(run) if run else None,
    }
    return {name: _finite(value) for name, value in told.items()}


def _run_json(run: RunDifference) -> dict[str, Any]:
    parting = run.parting
    return {
        "tolerance": run.tolerance,
        "agree": run.agree,
        "outputs": [{**asdict(one), "distance": _distance_json(one.distance)} for one in run.outputs],
        "parting": {**asdict(parting), "value": {**asdict(parting.value), "after": _distance_json(parting.value.after)}}
        if parting
        else None,
        "note": run.note,
    }


def _distance_json(apart: Distance | None) -> dict[str, Any] | None:
    return {**asdict(apart), "relative": apart.relative} if apart else None


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
