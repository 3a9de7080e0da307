"""What HEAD may cost at most, or must reach: ``latency <= 2 ms``, ``size <= 5 MB``, ``accuracy >= 90 %``.

A budget is judged on HEAD alone, with the same three answers: by the interval of what was measured. A size is exact.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from harness.errors import HarnessError
from harness.gate.findings import Finding
from harness.gate.pairs import RunPair
from harness.measurements.rows import Row
from harness.measurements.verdicts import Verdict

CHECK = "budget"
AT_MOST, AT_LEAST = "<=", ">="
# By what is limited: its direction, and its units as numbers of the row's own.
UNITS = {
    "latency": (AT_MOST, {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}),
    "size": (AT_MOST, {"B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30}),
    "accuracy": (AT_LEAST, {"%": 0.01}),
}
PATTERN = re.compile(r"\s*(latency|size|accuracy)\s*(<=|>=)\s*(\d+(?:\.\d+)?)\s*([A-Za-zµ%]+)\s*")
EXPECTED = "'latency <= 2 ms', 'size <= 5 MB' or 'accuracy >= 90 %'"


@dataclass(frozen=True, kw_only=True)
class Budget:
    """One limit, in seconds, bytes or as a share of 1."""

    text: str
    name: str
    limit: float

    @property
    def most(self) -> bool:
        """Whether less is better."""
        return UNITS[self.name][0] == AT_MOST


def parse(text: str) -> Budget:
    """A budget in words. Raises :class:`HarnessError` if it is none."""
    found = PATTERN.fullmatch(text)
    if found is None or found[2] != UNITS[found[1]][0] or found[4] not in UNITS[found[1]][1]:
        raise HarnessError(f"budget: expected something like {EXPECTED}, found {text!r}.")
    return Budget(text=text.strip(), name=found[1], limit=float(found[3]) * UNITS[found[1]][1][found[4]])


def findings(runs: RunPair, texts: tuple[str, ...]) -> Iterator[Finding]:
    """A finding for each budget and subject of HEAD."""
    for budget in map(parse, texts):
        for pair in runs.pairs:
            if pair.head is not None:
                yield _finding(pair.subject, budget, pair.head)


def _finding(subject: str, budget: Budget, row: Row) -> Finding:
    value, low, high = _measured(budget.name, row)
    if value is None:
        why = f"{budget.text}: not measured in HEAD"
        return Finding(subject=subject, check=CHECK, verdict=Verdict.CANT_TELL, detail=why)
    best, worst = (low, high) if budget.most else (high, low)
    verdict = Verdict.CANT_TELL
    if best is not None and worst is not None:
        sign = 1 if budget.most else -1
        if sign * (worst - budget.limit) <= 0:
            verdict = Verdict.PASS
        elif sign * (best - budget.limit) > 0:
            verdict = Verdict.FAIL
    told = f"{budget.text}: {_shown(budget.name, value)}{_interval(budget.name, low, high)}"
    if verdict == Verdict.CANT_TELL:
        told += ": neither kept nor broken for sure"
    return Finding(
        subject=subject, check=CHECK, verdict=verdict, base=budget.text, head=_shown(budget.name, value), detail=told
    )


def _measured(name: str, row: Row) -> tuple[float | None, float | None, float | None]:
    """What was measured, with its 95 % interval; what has none cannot be told."""
    if name == "latency":
        return row.latency_median_s, row.latency_low_s, row.latency_high_s
    if name == "accuracy":
        return row.accuracy, row.accuracy_low, row.accuracy_high
    return row.file_bytes, row.file_bytes, row.file_bytes


def _interval(name: str, low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return ", without an interval"
    return f" [{_shown(name, low)}, {_shown(name, high)}]" if low < high else ""


def _shown(name: str, value: float) -> str:
    if name == "accuracy":
        return f"{value:.2%}"
    return f"{value:,.0f} B" if name == "size" else f"{1e3 * value:.4g} ms"
