"""What the gate takes for a regression, and how often it may be wrong: ``[tool.harness.gate]`` of a pyproject.toml."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from harness.errors import HarnessError, first_line
from harness.gate import budgets
from harness.measurements.verdicts import Thresholds

FILE, TABLE = "pyproject.toml", ("tool", "harness", "gate")
CHECKS = (
    *("status", "precision", "params", "macs", "operators", "optimised_operators", "stored_bytes", "node_providers"),
    *("equivalence", "outputs", "accuracy", "latency"),
)
# One gate run may raise a false alarm by latencies or by accuracies: each has half of the rate.
FAMILIES = 2


@dataclass(frozen=True, kw_only=True)
class GateSettings:
    """Thresholds as shares of one; 0.05 is five percent, and of accuracies five percentage points.

    ``slowdown`` and ``accuracy_loss`` are the smallest that matter, ``tolerated`` the largest slowdown that is none.
    ``outputs`` is how far outputs may be apart, relative to the largest. ``across_runs`` is the standard deviation
    of a latency's ratio to its controls between two runs of the same, which no launch of either shows.
    ``accept`` names checks that may differ, ``without`` those that are not made. ``budget`` has limits in words
    (:mod:`harness.gate.budgets`).
    """

    slowdown: float = 0.05
    tolerated: float = 0.02
    accuracy_loss: float = 0.01
    outputs: float = 1e-4
    across_runs: float = 0.05
    false_alarms: float = 0.01
    misses: float = 0.05
    accept: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    budget: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in SHARES:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
                raise HarnessError(f"{name}: expected a share between 0 and 1, like 0.05, found {value!r}.")
        if self.tolerated >= self.slowdown:
            raise HarnessError(
                f"tolerated ({self.tolerated}) must be less than slowdown ({self.slowdown}): what is tolerated is no "
                "slowdown that matters."
            )
        for name in ("accept", "without"):
            unknown = [one for one in getattr(self, name) if one not in CHECKS]
            if unknown:
                raise HarnessError(f"{name}: expected some of {', '.join(CHECKS)}, found {unknown[0]!r}.")
        for text in self.budget:
            budgets.parse(text)

    @property
    def latency(self) -> Thresholds:
        """The thresholds of the latencies of a gate run."""
        return Thresholds(
            slowdown=self.slowdown,
            tolerated=self.tolerated,
            false_alarms=self.false_alarms / FAMILIES,
            misses=self.misses,
        )


LISTS = ("accept", "without", "budget")
SHARES = tuple(field.name for field in fields(GateSettings) if field.name not in LISTS)


def read(
    start: Path, accept: Sequence[str] = (), without: Sequence[str] = (), budget: Sequence[str] = ()
) -> GateSettings:
    """The settings of the pyproject.toml in a folder or the nearest above it, with what the command line adds.

    Raises :class:`HarnessError` where it sets something that is not known, or to what cannot be.
    """
    file = next((folder / FILE for folder in (start, *start.parents) if (folder / FILE).is_file()), None)
    found = _table(file) if file else {}
    try:
        added = {"accept": accept, "without": without}
        lists = {name: (*_names(name, found.pop(name, [])), *more) for name, more in added.items()}
        lists = {name: tuple(map(check_name, names)) for name, names in lists.items()}
        lists["budget"] = (*_names("budget", found.pop("budget", [])), *budget)
        unknown = sorted(found.keys() - set(SHARES))
        if unknown:
            known = ", ".join((*SHARES, *LISTS))
            raise HarnessError(f"{unknown[0]} is not known: expected some of {known}.")
        return GateSettings(**found, **lists)  # type: ignore[arg-type]
    except HarnessError as error:
        raise HarnessError(f"{file}, [{'.'.join(TABLE)}]: {error}" if file else str(error)) from error


def _names(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise HarnessError(f"{name}: expected a list of names, found {value!r}.")
    return tuple(value)


def check_name(text: str) -> str:
    """The name of a check, which version 0.1 spelt with hyphens."""
    return text.replace("-", "_")


def _table(file: Path) -> dict[str, object]:
    try:
        found: object = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:  # the last: brackets in brackets in brackets
        raise HarnessError(f"{file} cannot be read: {first_line(error)}.") from error
    for name in TABLE:
        found = found.get(name, {}) if isinstance(found, dict) else {}
    if not isinstance(found, dict):
        raise HarnessError(f"{file}: expected a table [{'.'.join(TABLE)}], found {found!r}.")
    return dict(found)
