"""Carrying out a plan: pieces in worker processes, as many at once as there are cores.

Each framework has workers of its own, so that it is imported once and never shares a process with
the other. A worker's own prints go to a log; its progress comes back through a queue. A worker that
is killed fails its piece alone.
"""

import itertools
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from harness.errors import CannotWriteError, HarnessError
from harness.frameworks.training import Epoch
from harness.machine import cache, processors
from harness.machine.process import exit_status
from harness.pieces import making
from harness.pieces.piece import Piece

# Told a piece, its share done (None: it is finished) and what an epoch came to.
Report = Callable[[Piece, float | None, Epoch | None], None]
LOG = "frameworks.log"  # where the frameworks' own messages go
# Finish what is begun, and the longest training first.
PRIORITY = {"prove": 0, "compare": 0, "convert": 1, "export": 1, "check": 2, "draw": 2, "train": 2}

_queue: Any = None  # in a worker process: where its progress goes


def carry_out(plan: Sequence[Piece], report: Report) -> dict[str, BaseException]:
    """Make every piece of the plan that the cache does not have; give the errors by digest.

    A piece whose needs failed is left out and has its need's error. Called again, it goes on where
    it was stopped.
    """
    cache.sweep()
    cache.open_log(LOG)
    todo = {piece.digest: piece for piece in plan if not piece.made}
    work = _Work(todo=todo, report=report, cores=processors.threads_available())
    try:
        return work.run()
    except BaseException:
        work.kill()
        raise
    finally:
        work.stop()
        cache.sweep()


def first_failure(errors: Mapping[str, BaseException]) -> HarnessError:
    """The first of the errors as one that people can read."""
    error = next(iter(errors.values()))
    if isinstance(error, HarnessError):
        return error
    return HarnessError(
        f"{type(error).__name__}: {error}. What the framework said is at the end of {cache.open_log(LOG)}."
    )


class _Worker:
    """One process that makes pieces, and the thread that hears of its progress.

    Its queue is its own: a worker that is killed while it holds a shared one would silence the rest.
    """

    def __init__(self, report: Callable[[str, float | None, Epoch | None], None]) -> None:
        context = multiprocessing.get_context("spawn")
        self.report = report
        self.queue: Any = context.Queue()
        self.process = ProcessPoolExecutor(1, mp_context=context, initializer=_begin_worker, initargs=(self.queue,))
        self.started: list[Any] = []
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()

    def kill(self) -> None:
        """End the process at once, whatever it is at."""
        for process in list((getattr(self.process, "_processes", None) or {}).values()):
            process.terminate()

    def submit(self, piece: Piece, threads: int) -> Future[None]:
        """Begin to make a piece."""
        future = self.process.submit(_make, piece, threads)
        self.started = list((getattr(self.process, "_processes", None) or {}).values())
        return future

    def ended(self) -> str:
        """In words, how its process came to its end."""
        codes = [process.exitcode for process in self.started if process.exitcode]
        if codes and codes[0] == -signal.SIGKILL:
            return "was killed: out of memory? `dmesg` may tell."
        how = f"ended with {exit_status(codes[0])}" if codes else "ended"
        return f"{how}. What it said is at the end of {cache.open_log(LOG)}."

    def stop(self) -> None:
        self.process.shutdown(wait=True, cancel_futures=True)
        self.queue.put(None)
        self.listener.join(timeout=5)

    def _listen(self) -> None:
        while (message := self.queue.get()) is not None:
            self.report(*message)


@dataclass(kw_only=True)
class _Work:
    todo: dict[str, Piece]
    report: Report
    cores: int
    errors: dict[str, BaseException] = field(default_factory=dict)
    running: dict[Future[None], tuple[Piece, _Worker]] = field(default_factory=dict)
    idle: dict[tuple[str, int], list[_Worker]] = field(default_factory=dict)  # by framework and threads

    def __post_init__(self) -> None:
        self.known = dict(self.todo)

    def run(self) -> dict[str, BaseException]:
        while self.todo or self.running:
            self._give_up()
            self._start_ready()
            if not self.running:
                self._give_up_gone()
                continue
            done, _ = wait(self.running, return_when=FIRST_COMPLETED)
            for future in done:
                self._finish(*self.running.pop(future), future.exception())
        return self.errors

    def kill(self) -> None:
        for worker in self._workers():
            worker.kill()

    def stop(self) -> None:
        for worker in self._workers():
            worker.stop()

    def _workers(self) -> list[_Worker]:
        return [*(worker for _, worker in self.running.values()), *itertools.chain(*self.idle.values())]

    def _finish(self, piece: Piece, worker: _Worker, error: BaseException | None) -> None:
        if isinstance(error, CannotWriteError):
            worker.stop()
            raise error
        if isinstance(error, BrokenExecutor):
            worker.stop()
            self.errors[piece.digest] = HarnessError(f"the process that was to {piece.title} {worker.ended()}")
            return
        if self._alone(piece):
            worker.stop()
        else:
            self.idle.setdefault((piece.framework, self._threads(piece)), []).append(worker)
        if error is not None:
            self.errors[piece.digest] = error

    def _give_up(self) -> None:
        """Leave out the pieces whose needs failed, and those that need them in turn."""
        while doomed := {
            piece.digest: self.errors[need.digest]
            for piece in self.todo.values()
            for need in piece.needs
            if need.digest in self.errors
        }:
            self.errors |= doomed
            for digest in doomed:
                del self.todo[digest]

    def _give_up_gone(self) -> None:
        """Leave out the pieces that nothing that runs will make ready: what they need was there, and is no more."""
        for digest, piece in self.todo.items():
            self.errors[digest] = HarnessError(
                f"what it takes to {piece.title} is gone: was the cache emptied meanwhile? Begin again, or --resume."
            )
        self.todo.clear()

    def _start_ready(self) -> None:
        """Submit what can be begun, as long as a core is free."""
        for piece in sorted(self.todo.values(), key=lambda piece: (PRIORITY[piece.kind], -piece.estimate_s)):
            if self._ready(piece) and self._free(piece):
                del self.todo[piece.digest]
                worker = self._worker(piece)
                self.running[worker.submit(piece, self._threads(piece))] = (piece, worker)

    def _ready(self, piece: Piece) -> bool:
        return all(need.digest not in self.todo and need.made for need in piece.needs)

    def _threads(self, piece: Piece) -> int:
        """The threads a piece uses. One, so that pieces run side by side and the quick weights are the
        same on every number of cores; what takes hours gets all cores."""
        return self.cores if piece.takes_hours else 1

    def _alone(self, piece: Piece) -> bool:
        """Whether the piece gets a process of its own: a large export must not add to what another has left."""
        return piece.kind in ("export", "convert") and piece.request.architecture.large

    def _free(self, piece: Piece) -> bool:
        busy = sum(self._threads(other) for other, _ in self.running.values())
        return busy + self._threads(piece) <= self.cores

    def _worker(self, piece: Piece) -> _Worker:
        """An idle worker of the piece's framework, or a new one; TensorFlow takes its threads once a process."""
        idle = self.idle.get((piece.framework, self._threads(piece)))
        return idle.pop() if idle and not self._alone(piece) else _Worker(self._hear)

    def _hear(self, digest: str, share: float | None, epoch: Epoch | None) -> None:
        self.report(self.known[digest], share, epoch)


def _begin_worker(queue: Any) -> None:
    """In a worker: remember the queue, and send what the libraries print to the log."""
    global _queue
    _queue = queue
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    log = os.open(cache.open_log(LOG), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)


def _end_with_parent() -> None:
    """In a worker: an orphan would go on training beside the next run's measurement."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    multiprocessing.connection.wait([parent.sentinel])
    os._exit(1)


def _make(piece: Piece, threads: int) -> None:
    def progress(share: float, epoch: Epoch | None) -> None:
        _queue.put((piece.digest, share, epoch))

    progress(0.0, None)
    making.make(piece, threads, progress)
    _queue.put((piece.digest, None, None))
