"""What the experiment keeps of every pair: a line of JSON each, written before the next begins."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.errors import HarnessError

from . import json_lines


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One pair and what was said of it: "yes", "no", "cannot tell", "refused" or "crashed".

    ``effect`` is how far the definitions are apart in float64, in units of the largest output: of a sound pair Keras
    and PyTorch, of a planted fault PyTorch with it and without. ``proof`` is the verdict, ``old_proof`` that of the
    rule before. The last four are in units of the logits.
    """

    construct: str
    size: str
    fault: str  # "" for a sound pair
    seed: int
    proof: str
    old_proof: str
    seconds: float
    effect: float | None = None
    reason: str = ""
    max_abs: float | None = None
    tolerance: float | None = None
    scale: float | None = None
    spread: float | None = None


def begin(path: Path, settings: Mapping[str, Any]) -> list[Pair]:
    """Begin a file, or go on with one; what was being written when it was stopped is cut off.

    Raises :class:`HarnessError` if the file was begun with other settings.
    """
    json_lines.begin(path, {"settings": dict(settings)})
    found, pairs = read(path)
    if found != json.loads(json.dumps(settings)):
        raise HarnessError(f"{path} was begun with {found}, not {dict(settings)}: name another --out.")
    return pairs


def append(path: Path, pair: Pair) -> None:
    """Write one down."""
    kept = {name: _rounded(value) for name, value in asdict(pair).items() if value not in (None, "")}
    json_lines.append(path, kept)


def read(path: Path) -> tuple[dict[str, Any], list[Pair]]:
    """The settings and the pairs of a file; a last line that is not whole is left out."""
    lines = json_lines.read(path)
    if not lines or "settings" not in lines[0]:
        raise HarnessError(f"{path} is no record of this experiment: expected the settings in its first line.")
    return lines[0]["settings"], [Pair(**{"fault": "", **line}) for line in lines[1:]]


def merge(paths: Sequence[Path]) -> tuple[dict[str, Any], list[Pair]]:
    """The settings and the pairs of several files, each pair once.

    Raises :class:`HarnessError` if they were begun with different settings.
    """
    found = [read(path) for path in paths]
    settings = found[0][0]
    for path, (other, _) in zip(paths, found, strict=True):
        if other != settings:
            raise HarnessError(f"{path} was begun with {other}, and {paths[0]} with {settings}: expected the same.")
    pairs = {(pair.construct, pair.size, pair.fault, pair.seed): pair for _, of_file in found for pair in of_file}
    return settings, list(pairs.values())


def _rounded(value: Any) -> Any:
    return float(f"{value:.3g}") if isinstance(value, float) else value
