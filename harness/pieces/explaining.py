"""Why a network is not equivalent, asked once that is known: of definitions layer by layer, of files once more."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import reason
from harness.frameworks import weights
from harness.measurements.session_options import SessionOptions
from harness.measurements.types import Artifact
from harness.networks.architecture import Architecture
from harness.pieces import evaluation, parting
from harness.pieces.evaluation import Evaluation

SHOWN = slice(2, 4)  # of the images that are compared: a real one and a random one


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What is needed to look again: the network, its weights, its files by framework, and the images."""

    architecture: Architecture
    made: weights.Weights
    files: Mapping[str, Artifact]
    on: Evaluation

    def of_definitions(self) -> str:
        """Where the two definitions part."""
        try:
            return parting.locate(self.architecture, self.made, self.on.compared[SHOWN])
        except Exception as error:  # the verdict stands, whatever keeps this from being told
            return f"where they part cannot be told ({reason(error)})"

    def of_file(self, framework: str, exact: NDArray[Any], tolerance: float) -> str:
        """Whether onnxruntime's optimisations make the difference; empty if not."""
        plain = SessionOptions(optimization="disable")
        run = evaluation.file_runner(self.files[framework], threads=1, options=plain)
        apart = float(np.abs(run(self.on.compared[: len(exact)], None) - exact).max())
        if not apart <= tolerance:
            return ""
        return f"without onnxruntime's optimisations it is {apart:.2g}: they change the network, not the exporter"
