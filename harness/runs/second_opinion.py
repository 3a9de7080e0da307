"""The second opinions of a run: each measured file is asked once for each place and precision, then its rows tell.

They come after the timing and never in a timed process. A file whose optimised form computes something else is not
ok; its latency stays, beside the reason.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import HarnessError
from harness.machine import temporary
from harness.machine.interpreters import HERE, Interpreter
from harness.machine.process import WorkerFailedError
from harness.measurements.configurations import Way
from harness.measurements.rows import Row
from harness.measurements.subject_key import ONNXRUNTIME
from harness.runs.folder import Settings
from harness.runs.run_rows import CHANGED
from harness.timing import opinions
from harness.timing.latency import Subject
from harness.timing.opinions import ELSEWHERE, OPTIMISED, Culprit, Opinions, Question

OTHER = "the provider computes something else"
UNASKED = "not asked for (--no-second-opinion)"
JUDGED = ("ok", "not equivalent", "cannot tell", CHANGED)  # other statuses say more than an opinion

REFERENCE_S = 1.0  # that onnx's reference evaluator may take
REFERENCE_MACS = 2e6  # of the largest file that it is given
PROCESS_S, CALLS = 0.7, 40  # of a process, and how many calls the opinions on a file are worth: for estimates

Asked = Callable[[Way, Path], Question]  # about a way; what the question needs is written to the folder
_Key = tuple[object, ...]


def added(rows: Mapping[Way, Row], question: Asked, interpreter: Interpreter = HERE) -> dict[Way, Row]:
    """The rows of a network or file, with the second opinions on what onnxruntime was timed on, by its interpreter."""
    keys = {way: _key(way) for way, row in rows.items() if _measured(row)}
    first = {key: way for way, key in reversed(keys.items())}
    with temporary.folder() as folder:
        found = _answers(first, lambda way: question(way, folder), interpreter)
    return {way: noted(row, found[keys[way]]) if way in keys else row for way, row in rows.items()}


def unasked(rows: Mapping[Way, Row]) -> dict[Way, Row]:
    """The rows of a network or file that no second opinion is asked of."""
    return {way: replace(row, second_opinion=UNASKED) if _measured(row) else row for way, row in rows.items()}


def about(subject: Subject) -> Question:
    """What is asked about a subject on what it is timed on."""
    return Question(
        model=subject.model,
        shapes=subject.shapes,
        inputs=subject.inputs,
        threads=subject.threads,
        target=subject.target,
        session=subject.session,
    )


def reference_s(macs: float) -> float:
    """How long the reference evaluator may take for a file of so many multiply-accumulates; 0: it is not asked."""
    return REFERENCE_S if macs <= REFERENCE_MACS else 0.0


def expected_s(calls: Sequence[float], subjects: int, settings: Settings) -> float:
    """About how long the opinions take on so many networks and files, whose calls take so many seconds."""
    return subjects * PROCESS_S + CALLS * sum(calls) if settings.second_opinion else 0.0


def noted(row: Row, found: Opinions | str) -> Row:
    """The row with the second opinions, or with why there are none."""
    if isinstance(found, str):
        return replace(row, second_opinion=f"not told: {found}")
    own = found.distances.get(OPTIMISED)
    if own is None:
        return replace(row, second_opinion=f"not told: {found.missing[OPTIMISED]}")
    told = tuple(_told(found))
    row = replace(
        row,
        second_opinion="; ".join(told),
        opinion_max_abs=own.max_abs,
        opinion_scale=own.scale,
        opinion_tolerance=own.tolerance,
    )
    if not any(distance.beyond for distance in found.distances.values()):
        return row
    if not own.beyond:
        return _noted_first(row, f"second opinions differ: {row.second_opinion}")
    status = OTHER if found.culprit is None else CHANGED
    told = (f"its outputs are {own.described} from the unoptimised ones, beyond {own.tolerance:.2g}", *told[1:])
    row = replace(row, status=status if row.status in JUDGED else row.status)
    return _noted_first(row, "; ".join((*told, *_blamed(found.culprit))))


def _measured(row: Row) -> bool:
    return row.runtime == ONNXRUNTIME and row.latency_median_s is not None


def _key(way: Way) -> _Key:
    """What two ways have in common that one answer is for: threads, batches and sizes change no function."""
    configuration = way.configuration
    return way.framework, configuration.precision, configuration.target, configuration.session


def _answers(
    asked: Mapping[_Key, Way], question: Callable[[Way], Question], interpreter: Interpreter
) -> dict[_Key, Opinions | str]:
    """By key, what a process answers; after one that failed the next is asked of a fresh one."""
    todo, found = dict(asked), dict[_Key, Opinions | str]()
    while todo:
        key = next(iter(todo))
        try:
            with opinions.started(interpreter) as worker:
                for key in tuple(todo):
                    found[key] = opinions.ask(worker, question(todo[key]))
                    del todo[key]
        except (WorkerFailedError, HarnessError, OSError) as error:
            found[key] = " ".join(str(error).split())
            del todo[key]
    return found


def _told(found: Opinions) -> Iterator[str]:
    """What each opinion says beside the file as it is written, the optimised first."""
    own = found.distances[OPTIMISED]
    yield f"unoptimised {'differs by ' + own.described if own.beyond else 'agrees'}"
    for name, distance in found.distances.items():
        if name not in (OPTIMISED, ELSEWHERE):
            agrees = "agrees with the unoptimised" if own.beyond else "agrees"
            yield f"{name} {f'is {distance.described} from the unoptimised' if distance.beyond else agrees}"
        elif name == ELSEWHERE and distance.beyond:
            yield f"unoptimised on its own provider it differs by {distance.described}"
    yield from (f"{name} cannot run it" for name in found.missing)


def _blamed(culprit: Culprit | None) -> Iterator[str]:
    """The culprit and its cures, in words."""
    if culprit is None:
        return
    if culprit.optimizers:
        yield f"{' and '.join(culprit.optimizers)} does it"
    if culprit.place:
        yield culprit.place
    for cure in culprit.cures:
        yield f"--options {cure.options} cures it, and a call takes {1 + cure.slowdown:.2f} times as long"


def _noted_first(row: Row, note: str) -> Row:
    """The row with what matters more than the rest of its reason."""
    return replace(row, reason="; ".join(filter(None, (note, row.reason))))
