"""What the honesty experiment keeps of every gate run: a line of JSON each, written before the next begins."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.errors import HarnessError

from . import json_lines
from .other_rules import Sampled

PERCENT = 5  # that a slower subject has more work, of records that do not tell


@dataclass(frozen=True, kw_only=True)
class Slowdown:
    """What is planted in a gate run: the subject that has so much more work; none has an empty name."""

    subject: str = ""
    percent: int = PERCENT


NONE = Slowdown()


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One subject of a gate run: the verdict on it, and what it and the other rules were judged by."""

    verdict: str
    launches: int
    ratio: float
    logarithms: Sequence[float]  # of the ratio, a launch
    base: Sampled
    head: Sampled


@dataclass(frozen=True, kw_only=True)
class GateRun:
    """One gate run: ``slower`` names the subject that was given more work; empty if all are identical."""

    number: int
    slower: str
    percent: int = PERCENT
    seconds: float
    subjects: Mapping[str, Compared]

    @property
    def planted(self) -> Slowdown:
        """What is slower, and by how much."""
        return Slowdown(subject=self.slower, percent=self.percent) if self.slower else NONE


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """How much slower a planted slowdown is, by a run of many launches: the ratio with its 95 % interval."""

    subject: str
    percent: int = PERCENT
    macs_ratio: float
    launches: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Change:
    """A planted change that needs no timing: what the gate said, and the checks that failed."""

    name: str
    network: str
    verdict: str
    found_by: Sequence[str]
    seconds: float


KINDS: dict[str, Any] = {"gate run": GateRun, "confirmation": Confirmation, "change": Change}
SETTINGS = "settings"
UNCHANGED = "none"  # the name of the change that is none, which the gate must pass


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """All that a file holds, in order."""

    settings: Mapping[str, Any]
    gate_runs: Sequence[GateRun]
    confirmations: Sequence[Confirmation]
    changes: Sequence[Change]


def begin(path: Path, settings: Mapping[str, Any]) -> Recorded:
    """Begin a file, or go on with one; what was being written when it was stopped is cut off.

    Raises :class:`HarnessError` where the file was begun with other settings: their runs are no sample together.
    """
    json_lines.begin(path, {"kind": SETTINGS, **settings})
    found = read(path)
    if found.settings != json.loads(json.dumps(settings)):
        raise HarnessError(f"{path} was begun with {dict(found.settings)}, not {dict(settings)}: name another --out.")
    return found


def append(path: Path, one: GateRun | Confirmation | Change) -> None:
    """Write one down."""
    kind = next(name for name, of_kind in KINDS.items() if isinstance(one, of_kind))
    json_lines.append(path, {"kind": kind, **asdict(one)})


def read(path: Path) -> Recorded:
    """What a file holds; a last line that is not whole is left out."""
    lines = json_lines.read(path)
    if not lines or lines[0].pop("kind", "") != SETTINGS:
        raise HarnessError(f"{path} is no record of this experiment: expected the settings in its first line.")
    by_kind: dict[str, list[Any]] = {kind: [] for kind in KINDS}
    for line in lines[1:]:
        kind = line.pop("kind")
        by_kind[kind].append(_gate_run(line) if kind == "gate run" else KINDS[kind](**line))
    return Recorded(
        settings=lines[0],
        gate_runs=by_kind["gate run"],
        confirmations=by_kind["confirmation"],
        changes=by_kind["change"],
    )


def _gate_run(line: dict[str, Any]) -> GateRun:
    subjects = {
        name: Compared(**{**one, "base": Sampled(**one["base"]), "head": Sampled(**one["head"])})
        for name, one in line.pop("subjects").items()
    }
    return GateRun(**line, subjects=subjects)
