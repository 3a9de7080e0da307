"""Carrying out a plan: pieces in worker processes, as many at once as there are cores.

Each framework has workers of its own, so that it is imported once and never shares a process with
the other. A worker's own prints go to a log; its progress comes back through a queue.
"""

import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from harness import cache, pieces, runtime
from harness.plan import Piece
from harness.training import Epoch

# Told a piece, its share done (None: it is finished) and what an epoch came to.
Report = Callable[[Piece, float | None, Epoch | None], None]
LOG = "frameworks.log"  # where the frameworks' own messages go
PRIORITY = {"prove": 0, "export": 1, "train": 2}  # finish what is begun, and the longest training first

_queue: Any = None  # in a worker process: where its progress goes


def carry_out(plan: Sequence[Piece], report: Report) -> dict[str, BaseException]:
    """Make every piece of the plan that the cache does not have; give the errors by digest.

    A piece whose needs failed is left out and has its need's error. Called again, it goes on where
    it was stopped.
    """
    cache.sweep()
    cache.open_log(LOG)
    todo = {piece.digest: piece for piece in plan if not piece.made}
    work = _Work(todo=todo, report=report, cores=runtime.threads_available())
    try:
        return work.run()
    except BaseException:
        work.kill()
        raise
    finally:
        work.stop()
        cache.sweep()


@dataclass(kw_only=True)
class _Work:
    todo: dict[str, Piece]
    report: Report
    cores: int
    errors: dict[str, BaseException] = field(default_factory=dict)
    running: dict[Future[None], Piece] = field(default_factory=dict)
    pools: dict[tuple[str, int], ProcessPoolExecutor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.context = multiprocessing.get_context("spawn")
        self.queue: Any = self.context.Queue()
        self.listener = threading.Thread(target=self._listen, args=(dict(self.todo),), daemon=True)
        self.listener.start()

    def run(self) -> dict[str, BaseException]:
        while self.todo or self.running:
            self._start_ready()
            if not self.running:
                break
            done, _ = wait(self.running, return_when=FIRST_COMPLETED)
            for future in done:
                piece = self.running.pop(future)
                if error := future.exception():
                    self.errors[piece.digest] = error
        return self.errors

    def kill(self) -> None:
        """End the workers at once, whatever they are at."""
        for pool in self.pools.values():
            for worker in list((getattr(pool, "_processes", None) or {}).values()):
                worker.terminate()

    def stop(self) -> None:
        for pool in self.pools.values():
            pool.shutdown(wait=True, cancel_futures=True)
        self.queue.put(None)
        self.listener.join()
        self.queue.close()
        self.queue.join_thread()

    def _start_ready(self) -> None:
        """Submit what can be begun, as long as a core is free."""
        for piece in sorted(self.todo.values(), key=lambda piece: (PRIORITY[piece.kind], -piece.estimate_s)):
            failed = next((need for need in piece.needs if need.digest in self.errors), None)
            if failed is not None:
                self.errors[piece.digest] = self.errors[failed.digest]
                del self.todo[piece.digest]
            elif all(need.made for need in piece.needs) and self._free(piece):
                del self.todo[piece.digest]
                self.running[self._pool(piece).submit(_make, piece, self._threads(piece))] = piece

    def _threads(self, piece: Piece) -> int:
        """The threads a piece uses. One, so that pieces run side by side and the quick weights are the
        same on every number of cores; training by the lecture's recipe takes hours, and all cores."""
        return self.cores if piece.kind == "train" and piece.request.profile == "lecture" else 1

    def _free(self, piece: Piece) -> bool:
        busy = sum(self._threads(other) for other in self.running.values())
        return busy + self._threads(piece) <= self.cores

    def _pool(self, piece: Piece) -> ProcessPoolExecutor:
        key = (piece.framework, self._threads(piece))  # TensorFlow takes a number of threads once a process
        if key not in self.pools:
            self.pools[key] = ProcessPoolExecutor(
                max_workers=self.cores, mp_context=self.context, initializer=_begin_worker, initargs=(self.queue,)
            )
        return self.pools[key]

    def _listen(self, known: dict[str, Piece]) -> None:
        while (message := self.queue.get()) is not None:
            digest, share, epoch = message
            self.report(known[digest], share, epoch)


def _begin_worker(queue: Any) -> None:
    """In a worker: remember the queue, and send what the libraries print to the log."""
    global _queue
    _queue = queue
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    log = os.open(cache.open_log(LOG), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)


def _make(piece: Piece, threads: int) -> None:
    def progress(share: float, epoch: Epoch | None) -> None:
        _queue.put((piece.digest, share, epoch))

    progress(0.0, None)
    pieces.make(piece, threads, progress)
    _queue.put((piece.digest, None, None))
