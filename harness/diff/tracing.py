"""A graph run with values from inside it as outputs.

Whoever looks for the node at which two runs part (two files, two levels of optimisation, two providers) asks here for
the values of both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.message import EncodeError
from numpy.typing import NDArray

from harness.errors import HarnessError, first_line
from harness.machine import temporary
from harness.measurements.providers import Target
from harness.measurements.session_options import SessionOptions
from harness.timing import input_values, runtime
from harness.timing.input_values import Fed

Array = NDArray[Any]

PLAIN = SessionOptions(optimization="disable")  # every node is run as the file has it


@dataclass(frozen=True, kw_only=True)
class TracedFile:
    """A whole model (an onnx.ModelProto with its weights), what its inputs are fed by name, and how it is run."""

    model: Any
    feeds: Mapping[str, Fed]
    options: SessionOptions = PLAIN
    target: Target = runtime.CPU
    threads: int = 1

    def outputs_twice(self) -> tuple[dict[str, Array], dict[str, Array]]:
        """The outputs of two runs of one session, by name; those that are no arrays are left out."""
        session, names = self._session(), [value.name for value in self.model.graph.output]
        return self._run(session, names), self._run(session, names)

    def values(self, names: Sequence[str]) -> dict[str, Array]:
        """The values of these names; those that are no arrays are left out.

        A value of the main graph alone can be had. What is computed can be another value if the graph is optimised:
        onnxruntime fuses nothing across an output. Raises :class:`HarnessError` if the model cannot be run.
        """
        own = [value.name for value in self.model.graph.output]
        added = [name for name in dict.fromkeys(names) if name not in own]
        self.model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in added)
        try:
            session = self._session()
        finally:
            del self.model.graph.output[len(own) :]
        return self._run(session, list(dict.fromkeys(names)))

    def _session(self) -> Any:
        try:
            return self._opened(self.model.SerializeToString())
        except EncodeError:  # of 2 GB or more
            pass
        with temporary.folder() as folder:
            whole = onnx.ModelProto()
            whole.CopyFrom(self.model)  # to save it empties its tensors
            onnx.save(whole, folder / "model.onnx", save_as_external_data=True, location="weights")
            return self._opened(folder / "model.onnx")

    def _opened(self, source: Path | bytes) -> Any:
        return runtime.session(source, threads=self.threads, target=self.target, chosen=self.options)

    def _run(self, session: Any, names: Sequence[str]) -> dict[str, Array]:
        fed = input_values.feed_inputs(session, self.feeds)
        try:
            found = runtime.run_values(session, fed, names)
        except Exception as error:  # onnxruntime's own errors share no base class
            raise HarnessError(f"onnxruntime cannot run the model: {first_line(error)}") from error
        arrays = {name: input_values.read_value(value) for name, value in found.items()}
        return {name: array for name, array in arrays.items() if array is not None}
