"""What a comparison has measured so far, launch by launch: kept as each ends, and found again by one that goes on."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.machine import files
from harness.machine.process import WorkerFailedError
from harness.measurements.run_folder import ROWS, read_object
from harness.measurements.types import Launch
from harness.timing.sequential import CarryOut

ASKED, LAUNCHES = "comparison.json", "launches"


def begin(folder: Path, asked: Mapping[str, object]) -> None:
    """Write down what is compared, so that nothing else is gone on with."""
    files.write(folder / ASKED, json.dumps(asked, indent=2) + "\n")


def check_resumable(folder: Path, asked: Mapping[str, object]) -> None:
    """Raise :class:`HarnessError` if the folder holds no comparison, a finished one, or one of something else."""
    if not (folder / ASKED).is_file():
        raise HarnessError(f"{folder} is no comparison that could be gone on with: it holds no {ASKED}.")
    begun, now = read_object(folder / ASKED), json.loads(json.dumps(dict(asked)))
    other = [name for name in now if begun.get(name) != now[name]]
    if other:
        raise HarnessError(
            f"{folder} was begun with other {other[0]}: expected the same command and files with --resume; "
            "else begin another comparison."
        )
    if not (folder / LAUNCHES).is_dir() and all((folder / side / ROWS).is_file() for side in "ab"):
        files.sweep(folder)  # what was left of its launches by one that was killed at the very end
        raise HarnessError(f"{folder} is finished: harness gate {folder / 'a'} {folder / 'b'}")


class KeptLaunches:
    """The launches that lie in the folder of a comparison, one file each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / LAUNCHES

    @property
    def calls(self) -> dict[str, int]:
        """The calls a sample, by key, that the launches so far were made with."""
        found = [launch for outcomes in map(_read, sorted(self.folder.glob("*.json"))) for launch in outcomes.items()]
        return {key: launch.calls_per_sample for key, launch in found if isinstance(launch, Launch)}

    def recorded(self, carry_out: CarryOut) -> CarryOut:
        """The same, which keeps what each launch came to, and carries none out twice."""

        def once(number: int, groups: Sequence[Sequence[str]]) -> Mapping[str, Launch | Exception]:
            path = self.folder / f"{number:04d}.json"
            if path.is_file():
                kept = _read(path)
                if kept.keys() != {key for group in groups for key in group}:
                    raise HarnessError(f"{path} is of other subjects than those that can be timed now: begin anew.")
                return kept
            outcomes = carry_out(number, groups)
            files.write(path, json.dumps({key: _plain(outcome) for key, outcome in outcomes.items()}))
            return outcomes

        return once

    def discard(self) -> None:
        """Remove them once the rows and samples of both sides are written; at once, so that no part is left."""
        if self.folder.is_dir():
            done = self.folder.with_suffix(files.PARTIAL)
            self.folder.rename(done)
            shutil.rmtree(done, ignore_errors=True)


def _plain(outcome: Launch | Exception) -> dict[str, Any]:
    return asdict(outcome) if isinstance(outcome, Launch) else {"error": str(outcome)}


def _read(path: Path) -> dict[str, Launch | Exception]:
    try:
        return {key: _outcome(told) for key, told in read_object(path).items()}
    except (TypeError, AttributeError) as error:
        raise HarnessError(f"{path} is no launch of a comparison by this version: {error}.") from error


def _outcome(told: dict[str, Any]) -> Launch | Exception:
    if "error" in told:
        return WorkerFailedError(told["error"])
    whole: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
    return Launch(**whole)
