"""The process that measures a framework's own form of a network, in turns with the workers of onnxruntime.

It takes the same commands (:mod:`harness.timing.worker`) and times calls in the same way. Between commands
it must leave the machine to the others: PyTorch's threads spin for some 10 ms after a call, in which the
next worker would find its cores taken, so that it answers only when its own threads have come to rest.
"""

import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from harness.frameworks import forms
from harness.frameworks.forms import Form
from harness.measurements import runtimes
from harness.networks import catalog
from harness.timing import worker as latency_worker
from harness.timing.runtime import CLOCK
from harness.timing.worker import SessionWorker

REST_STEP_S = 0.004
AT_REST = 0.1  # of a core: what a process may use that rests
REST_LIMIT_S = 0.5


@dataclass(frozen=True, kw_only=True)
class FormCall:
    """One call of a form with what it is fed; timed as a session's."""

    form: Form
    held: Any

    def __call__(self) -> None:
        with self.form.within():
            self.form.run(self.held)

    def sample(self, calls: int) -> int:
        """Nanoseconds of so many calls."""
        count, run, held = range(calls), self.form.run, self.held
        with self.form.within():
            start = CLOCK()
            for _ in count:
                run(held)
            return CLOCK() - start


def open_form(
    worker: SessionWorker,
    *,
    runtime: str,
    architecture: str,
    model: str,
    shapes: dict[str, list[int]],
    threads: int,
    target: dict[str, Any],
    outputs: str | None = None,
) -> dict[str, Any]:
    """Build the network, give it its weights, and run it for the first time.

    ``outputs`` is an .npz file to write: the network's ``logits``, and the ``probabilities`` that the
    timed call gives.
    """
    kind = catalog.get(architecture).input_type if architecture else "float32"
    (shape,) = shapes.values()
    images = runtimes.images(shape, kind)
    start = CLOCK()
    form = forms.build(runtime, architecture, Path(model), threads, target["device"])
    session_s = (CLOCK() - start) * 1e-9
    held = form.held(images)
    with form.within():
        start = CLOCK()
        found = form.run(held)
        first_run_s = (CLOCK() - start) * 1e-9
        if outputs is not None:
            np.savez(outputs, probabilities=form.array(found), logits=form.array(form.logits(held)))
    worker.call = FormCall(form=form, held=held)  # type: ignore[assignment]  # is called and sampled alike
    return {
        "session_s": session_s,
        "first_run_s": first_run_s,
        "threads_in_effect": form.threads,
        "providers": [],
        "outputs": {},
    }


def memory(worker: SessionWorker, **subject: Any) -> dict[str, Any]:
    """Open a subject, and say in bytes what this process took, and of a GPU; frameworks tell of no arena."""
    taken = latency_worker.memory_taken(partial(open_form, worker, **subject), subject["target"])
    return {**taken, "arena_bytes": None}


def rest() -> None:
    """Wait until the threads of this process have stopped spinning."""
    limit = time.monotonic() + REST_LIMIT_S
    while time.monotonic() < limit:
        begun, used = time.monotonic(), time.process_time()
        time.sleep(REST_STEP_S)
        if time.process_time() - used < AT_REST * (time.monotonic() - begun):
            return


def begin(runtime: str, compiled: str = "") -> latency_worker.Answer:
    """What answers commands, once the framework is imported."""
    forms.prepare(runtime, Path(compiled) if compiled else None)
    worker = SessionWorker()
    own = {"open": partial(open_form, worker), "memory": partial(memory, worker)}

    def answer(do: str, told: dict[str, Any]) -> dict[str, Any]:
        command = own[do] if do in own else getattr(worker, do)
        reply = command(**told)
        rest()
        return dict(reply)

    return answer


if __name__ == "__main__":
    sys.exit(latency_worker.serve(partial(begin, *sys.argv[1:])))
