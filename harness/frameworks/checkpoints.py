"""What a training keeps after each epoch: its whole state, so that it goes on to the very same weights.

One .safetensors file holds the arrays and, in its metadata, the history as JSON and a digest of the arrays. Nothing in
it is executed. It is written whole or not at all.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError
from harness.frameworks import weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

State = dict[str, "NDArray[Any]"]  # weights, optimizer and random numbers of a trainer, by names of its own


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The state behind the last of some epochs, and what each of them came to."""

    state: State
    epochs: Sequence[Mapping[str, Any]]


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Keep a checkpoint in place of the one before, in a folder that is made if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    epochs = json.dumps(list(map(dict, checkpoint.epochs)))
    weights.save(path, checkpoint.state, {"epochs": epochs, "digest": _digest(checkpoint.state, epochs)})


def load(path: Path) -> Checkpoint | None:
    """What was kept last; None if there is none, or if the file has been damaged: the training begins anew."""
    if not path.is_file():
        return None
    try:
        state, facts = weights.load(path), weights.metadata(path)
        whole = facts["digest"] == _digest(state, facts["epochs"])
        return Checkpoint(state=state, epochs=json.loads(facts["epochs"])) if whole else None
    except (HarnessError, ValueError, KeyError):
        return None


def _digest(state: State, epochs: str) -> str:
    """What identifies all that is kept."""
    return f"{weights.digest(state)}{hashlib.sha256(epochs.encode()).hexdigest()[:16]}"
