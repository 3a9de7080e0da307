"""The accuracy of any .onnx file: which class each example is taken for, from one of its outputs."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError, first_line
from harness.machine import temporary
from harness.machine.arrays import read_array
from harness.machine.interpreters import HERE, Interpreter
from harness.machine.process import Worker, WorkerFailedError
from harness.measurements import answers
from harness.measurements.providers import Target
from harness.runs.model_files import ModelFile
from harness.timing import latency, runtime

FINITE = "_finite"

Predictions = dict[str, NDArray[Any]]  # of the files of a network, by framework; and the labels
Run = Callable[[Mapping[str, NDArray[Any]]], NDArray[Any]]  # the scores of some examples, by what inputs are fed


def prepared(model: ModelFile, output: str | None, interpreter: Interpreter = HERE) -> ModelFile:
    """The file with the output that its accuracy is told from, found by running it once in a process of its own.

    A file that does not run is left as it is: its row will say why. Raises :class:`HarnessError`
    where no output fits the labels.
    """
    if model.labelled is None:
        return model
    try:
        found = latency.output_shapes(replace(subject(model, "", 1, Target()), interpreter=interpreter))
    except WorkerFailedError:
        return model
    name = _scores(model, found, output)
    _check_classes(model, found[name][1])
    return replace(model, output=name)


def subject(model: ModelFile, key: str, threads: int, target: Target) -> latency.Subject:
    """The file as something to time."""
    inputs = model.arrays if model.fed else None
    return latency.Subject(
        key=key, model=model.path, shapes=model.shapes, threads=threads, inputs=inputs, target=target
    )


def here(model: ModelFile, threads: int) -> Run:
    """The file run in this process, on the CPU."""
    session: Any = None

    def run(feeds: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        nonlocal session
        session = session or runtime.session(model.path, threads=threads)
        found: NDArray[Any] = runtime.run(session, dict(feeds))[model.output]
        return found

    return run


@contextlib.contextmanager
def in_worker(model: ModelFile, subject: latency.Subject) -> Iterator[Run]:
    """The file run by the subject's interpreter with its options, in a process that is started when needed."""
    with temporary.folder() as folder, contextlib.ExitStack() as stack:
        fed, scores = folder / "fed.npz", folder / "scores.npy"
        worker: Worker | None = None

        def run(feeds: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
            nonlocal worker
            worker = worker or stack.enter_context(latency.opened(subject))
            np.savez(fed, **feeds)  # type: ignore[arg-type]
            worker.ask(do="outputs", arrays=str(fed), output=model.output, to=str(scores))
            return read_array(scores)

        yield run


def predictions(model: ModelFile, run: Run, progress: Callable[[float], None]) -> Predictions:
    """The class of each example, by the file's framework; the labels, and of many classes whether five hold it.

    FRAMEWORK_finite says of each example whether all its scores are numbers, if some are not. The file is fed as many
    examples at once as it is while it is timed.
    """
    data = model.labelled
    assert data is not None
    step, seen = model.inputs[0].shape[0], 0
    kept: dict[str, list[Any]] = {}
    for portion in data.portions():
        count = len(next(iter(portion.values())))
        for start in range(0, count, step):
            scores = _scored(run, {name: array[start : start + step] for name, array in portion.items()}, step)
            kept.setdefault(f"{model.framework}{FINITE}", []).append(np.isfinite(scores).all(1))
            right = data.labels[seen : seen + len(scores)]
            kept.setdefault(model.framework, []).append(answers.classes(scores, threshold=0.5))
            if scores.shape[1] >= answers.MANY_CLASSES:
                kept.setdefault(f"{model.framework}_top5", []).append(answers.among_best(scores, right))
            seen += len(scores)
            progress(seen / len(data.labels))
    found = {name: np.concatenate(parts) for name, parts in kept.items()}
    if found[f"{model.framework}{FINITE}"].all():
        del found[f"{model.framework}{FINITE}"]
    return {**found, "labels": data.labels}


def _scored(run: Run, feeds: Mapping[str, NDArray[Any]], step: int) -> NDArray[Any]:
    """The scores (n, classes) of some examples; where they are fewer than the file takes, the last is repeated."""
    count = len(next(iter(feeds.values())))
    if count < step:
        feeds = {name: np.concatenate([array, *[array[-1:]] * (step - count)]) for name, array in feeds.items()}
    try:
        found = run(feeds)
    except Exception as error:  # onnxruntime's own errors share no base class
        raise HarnessError(f"the examples cannot be run: {first_line(error)}") from error
    return found.reshape(step, -1)[:count]


def _scores(model: ModelFile, shapes: Mapping[str, tuple[int, ...]], output: str | None) -> str:
    """The name of the output that holds a score for each class of each example."""
    step = model.inputs[0].shape[0]
    fitting = [
        name
        for name, shape in shapes.items()
        if len(shape) >= 2 and shape[0] == step and all(size == 1 for size in shape[2:])
    ]
    chosen = output if output in fitting else None if output else next(iter(fitting), None)
    if chosen is None:
        found = "; ".join(f"{name} {list(shape)}" for name, shape in shapes.items()) or "none"
        raise HarnessError(f"{model.path}: expected an output {output or ''} [{step}, classes], found {found}.")
    return chosen


def _check_classes(model: ModelFile, outputs: int) -> None:
    data = model.labelled
    assert data is not None
    classes = max(2, outputs)
    if data.classes is not None and data.classes != classes:
        raise HarnessError(f"{model.path} tells {classes} classes apart and {data.name} has {data.classes}.")
    if int(data.labels.max()) >= classes:
        raise HarnessError(
            f"{data.name}: expected classes from 0 to {classes - 1}, as many as {model.path} tells apart, found "
            f"{int(data.labels.max())}."
        )
