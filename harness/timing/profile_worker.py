"""The process that profiles one session: one request on standard input, one reply on standard output, in JSON.

It imports onnxruntime and numpy and nothing heavier. Profiling slows what it profiles, so that a plain
session takes turns with the profiled one: what the profiler adds is measured, never guessed.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, reason
from harness.measurements.providers import Target
from harness.measurements.session_options import SessionOptions
from harness.timing import input_values, profile_events, runtime
from harness.timing.runtime import CLOCK

WARM_UP_S = 0.05
MOST_EVENTS = 1_000_000  # after which the profiler stops recording
LEAST_RUNS, MOST_RUNS = 5, 400


def graphs(*, model: str, optimised: str, countable: str) -> dict[str, Any]:
    """Save the graph as it is run, and as it was before it was laid out for this processor."""
    levels = runtime.load().GraphOptimizationLevel
    for path, level in ((optimised, levels.ORT_ENABLE_ALL), (countable, levels.ORT_ENABLE_EXTENDED)):
        options = runtime.options(1)
        options.optimized_model_filepath = path
        options.graph_optimization_level = level
        runtime.load().InferenceSession(model, options, providers=[runtime.CPU.name])
    return {}


def trace(*, model: str, inputs: str, data_folder: str) -> dict[str, Any]:
    """Run a model once, node by node as it stands: which nodes ran, on which shapes, and how often.

    ``inputs`` is an .npz file with an array for each input, ``data_folder`` where external data are looked for.
    """
    entries = (
        ("session.disable_prepacking", "1"),
        ("session.model_external_initializers_file_folder_path", data_folder),
    )
    plain = SessionOptions(optimization="disable", entries=entries)
    content = Path(model).read_bytes()
    session = runtime.session(content, threads=1, profile=Path("trace"), chosen=plain)
    runtime.run_values(session, input_values.make_inputs(session, {}, inputs))
    events = json.loads(Path(session.end_profiling()).read_text())
    if len(events) >= MOST_EVENTS:
        raise HarnessError(f"a run of {MOST_EVENTS:,} nodes and more is too long for onnxruntime's profiler.")
    found = Counter((event.name, event.inputs, event.outputs) for event in profile_events.of_nodes(events))
    return {
        "nodes": [
            {"name": name, "inputs": read, "outputs": made, "times": times}
            for (name, read, made), times in found.items()
        ]
    }


def profile(
    *,
    model: str,
    shapes: dict[str, list[int]],
    threads: int,
    inputs: str | None,
    target: dict[str, Any],
    seconds: float,
    turn_s: float,
) -> dict[str, Any]:
    """Run a plain and a profiled session in turns, each for so many seconds; the times of every node and call."""
    # The profile is written to the working directory, which the caller removes.
    create = partial(runtime.session, Path(model), threads=threads, target=Target(**target))
    profiled = create(profile=Path("profile"))
    calls = {"plain": _call(create(), shapes, inputs), "profiled": _call(profiled, shapes, inputs)}
    before = 1 + _warm_up(calls)  # the first run of all was recorded too
    samples: dict[str, list[int]] = {"plain": [], "profiled": []}
    kept = [False] * before
    rounds = max(1, round(seconds / turn_s))
    for _ in range(rounds):
        for name, call in calls.items():
            call()  # untimed: the other session has had the caches since
            taken = _turn(call, turn_s, -(-LEAST_RUNS // rounds), MOST_RUNS // rounds)
            samples[name] += taken
            kept += [False, *[True] * len(taken)] if name == "profiled" else []
    events = json.loads(Path(profiled.end_profiling()).read_text())
    return {"samples_ns": samples, **by_node(events, kept)}


def by_node(events: list[dict[str, Any]], kept: list[bool]) -> dict[str, Any]:
    """The nodes that a profile tells of, and how long each took in every run that is kept, in microseconds.

    A node that runs several times in one run (in the body of a loop) has the sum of them.
    """
    ended = profile_events.runs(events)
    if ended != len(kept):
        raise HarnessError(f"the profile holds {ended} runs, and {len(kept)} were made.")
    nodes: dict[str, dict[str, Any]] = {}
    times: list[Counter[str]] = [Counter() for _ in range(ended + 1)]  # the last of a run that did not end
    for event in profile_events.of_nodes(events):
        times[event.run][event.name] += event.microseconds
        if event.name not in nodes:
            fields = ("name", "operator", "provider", "activation_bytes", "output_bytes")
            nodes[event.name] = {name: getattr(event, name) for name in fields}
    chosen = [run for run, keep in zip(times, kept, strict=False) if keep]
    return {"nodes": list(nodes.values()), "runs_us": [[run[name] for name in nodes] for run in chosen]}


def _call(session: Any, shapes: dict[str, list[int]], inputs: str | None) -> Callable[[], None]:
    """The session with inputs and outputs bound, after its first run."""
    feeds = input_values.make_inputs(session, shapes, inputs)
    return runtime.bind(session, feeds, runtime.run_values(session, feeds))


def _warm_up(calls: dict[str, Callable[[], None]]) -> int:
    """Run both for a while; how often each was run."""
    end, count = CLOCK() + int(2 * WARM_UP_S * 1e9), 0
    while count < 2 or (CLOCK() < end and count < MOST_RUNS):
        for call in calls.values():
            call()
        count += 1
    return count


def _turn(call: Callable[[], None], seconds: float, least: int, most: int) -> list[int]:
    samples: list[int] = []
    end = CLOCK() + int(seconds * 1e9)
    while len(samples) < least or (CLOCK() < end and len(samples) < most):
        start = CLOCK()
        call()
        samples.append(CLOCK() - start)
    return samples


WORK: Mapping[str, Callable[..., dict[str, Any]]] = {"profile": profile, "graphs": graphs, "trace": trace}


def main() -> int:
    """Answer one request."""
    replies = sys.stdout
    sys.stdout = sys.stderr  # whatever a library prints must not be taken for a reply
    request = json.load(sys.stdin)
    try:
        reply = WORK[request.pop("do")](**request)
    except Exception as error:  # onnxruntime's own errors share no base class
        reply = {"error": reason(error)}
    json.dump(reply, replies)
    return 0


if __name__ == "__main__":
    sys.exit(main())
