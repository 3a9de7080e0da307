"""A worker that measures like any other until, in one launch of the file called victim, something happens in a turn.

python faulty_worker.py WHAT COUNT: WHAT is killed, hung or vanished; COUNT a file that counts the victim's launches.
"""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from harness.timing import worker

LAUNCH = 2  # in which it happens
# What onnxruntime says when a driver has lost its GPU.
CUDA_ERROR = (
    "[ONNXRuntimeError] : 1 : FAIL : CUDA failure 999: unknown error ; GPU=0 ; hostname=here ; "
    "expr=cudaStreamSynchronize(static_cast<cudaStream_t>(stream_));"
)


class FaultyCall:
    """A session that is there no more."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __call__(self) -> None:
        if self.what == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.what == "hung":
            time.sleep(3600)
        raise RuntimeError(CUDA_ERROR)


class FaultyWorker(worker.SessionWorker):
    """The session is exchanged in the second turn of its launch."""

    doomed, turns = False, 0

    def open(self, *, model: str, **others: Any) -> dict[str, Any]:
        reply = super().open(model=model, **others)
        if Path(model).stem == "victim":
            with Path(sys.argv[2]).open("a+") as count:
                count.write("launch\n")
                count.seek(0)
                self.doomed = len(count.readlines()) == LAUNCH
        return reply

    def turn(self, *, seconds: float) -> dict[str, Any]:
        self.turns += 1
        if self.doomed and self.turns == 2:
            self.call = FaultyCall(sys.argv[1])  # type: ignore[assignment]
        return super().turn(seconds=seconds)


if __name__ == "__main__":
    worker.SessionWorker = FaultyWorker  # type: ignore[misc]
    sys.exit(worker.main())
