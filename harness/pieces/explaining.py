"""Why a network is not equivalent, asked once that is known: of definitions layer by layer, of files once more."""

from collections.abc import Mapping
from dataclasses import dataclass

from harness.errors import reason
from harness.frameworks import weights
from harness.measurements.session_options import SessionOptions
from harness.measurements.types import Artifact
from harness.networks.architecture import Architecture
from harness.pieces import form_outputs, parting
from harness.pieces.evaluation import Evaluation
from harness.pieces.form_outputs import FormOutputs

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

    def unoptimised(self) -> dict[str, FormOutputs]:
        """What the files give without onnxruntime's optimisations, as forms."""
        plain = SessionOptions(optimization="disable")
        files = self.files.items()
        return {f"onnx from {name}": form_outputs.of_file(file, self.on, 1, plain) for name, file in files}
