"""What onnxruntime's profiler writes of the nodes that were run, event by event."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_ENDING = "_kernel_time"


@dataclass(frozen=True, kw_only=True)
class NodeEvent:
    """One time that a node was run; bytes are of its inputs (weights left out) and of its outputs."""

    run: int  # of the session, from 0 on
    name: str
    index: str | None  # in the graph that it stands in
    operator: str
    input_type: str  # of its first input, as the profiler names it; empty without one
    provider: str  # empty where the profiler does not tell it
    microseconds: int
    activation_bytes: int
    output_bytes: int
    inputs: tuple[tuple[int, ...], ...]  # the shapes of those that are there, and tensors
    outputs: tuple[tuple[int, ...], ...]


def of_nodes(events: Sequence[Mapping[str, Any]]) -> Iterator[NodeEvent]:
    """The nodes in the order in which they were run."""
    run = 0
    for event in events:
        if _ends_run(event):
            run += 1
        elif event.get("cat") == "Node" and event["name"].endswith(_ENDING):
            told = event["args"]
            yield NodeEvent(
                run=run,
                name=event["name"].removesuffix(_ENDING),
                index=told.get("node_index"),
                operator=told["op_name"],
                input_type=next((kind for each in told.get("input_type_shape", ())[:1] for kind in each), ""),
                provider=told.get("provider", ""),
                microseconds=event["dur"],
                activation_bytes=int(told.get("activation_size", 0)),
                output_bytes=int(told.get("output_size", 0)),
                inputs=_shapes(told.get("input_type_shape", ())),
                outputs=_shapes(told.get("output_type_shape", ())),
            )


def runs(events: Sequence[Mapping[str, Any]]) -> int:
    """How many runs of the session the profile holds."""
    return sum(map(_ends_run, events))


def _shapes(told: Sequence[Mapping[str, Sequence[int]]]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(shape) for each in told for shape in each.values())


def _ends_run(event: Mapping[str, Any]) -> bool:
    return event.get("cat") == "Session" and event["name"] == "model_run"
