"""What of two runs is deterministic, and is compared exactly: counts, graphs, providers, whether forms are equivalent.

Any difference is one: fewer operations may be a network that lost a layer. What is meant to change is
accepted by its name.
"""

from collections.abc import Callable, Iterator

from harness.gate.findings import Finding
from harness.gate.pairs import RunPair, SubjectPair
from harness.measurements import node_counts
from harness.measurements.rows import Row
from harness.measurements.verdicts import Verdict

UNMEASURED = ("failed", "skipped")
DOUBTFUL = ("skipped", "cannot tell")

Value = int | str | None
# By check: what is compared.
EXACT: dict[str, Callable[[Row], Value]] = {
    "precision": lambda row: row.precision,
    "params": lambda row: row.params,
    "macs": lambda row: row.macs,
    "operators": lambda row: row.operators,
    "optimised_operators": lambda row: row.optimised_operators,
    "stored_bytes": lambda row: row.stored_bytes,
    "node_providers": lambda row: row.node_providers,
}
COUNTED = ("operators", "optimised_operators", "node_providers")


def measured(pair: SubjectPair) -> bool:
    """Whether both runs have measured the subject."""
    return all(row is not None and row.status not in UNMEASURED for row in (pair.base, pair.head))


def findings(runs: RunPair) -> Iterator[Finding]:
    """The findings of all subjects, of those that were measured in both runs every check."""
    for pair in runs.pairs:
        yield _status(pair)
        if measured(pair):
            assert pair.base is not None
            assert pair.head is not None
            for check, value in EXACT.items():
                yield _exact(pair.subject, check, value(pair.base), value(pair.head), runs.forbidden(check))
            yield _equivalence(pair.subject, pair.base, pair.head)


def _status(pair: SubjectPair) -> Finding:
    base, head = (row.status if row else "absent" for row in (pair.base, pair.head))
    told = {"subject": pair.subject, "check": "status", "base": base, "head": head}
    if pair.base is None or pair.head is None:
        verdict = None if pair.base is None else Verdict.CANT_TELL
        return Finding(**told, verdict=verdict, detail="new in HEAD" if pair.base is None else "not measured in HEAD")
    if head == "ok" or head == base:
        verdict = None if head in UNMEASURED else Verdict.PASS
        return Finding(**told, verdict=verdict, detail="" if verdict else f"{head} in both: {pair.head.reason}")
    worse = Verdict.CANT_TELL if head in DOUBTFUL else Verdict.FAIL
    return Finding(**told, verdict=worse, detail=f"was {base}, is {head}: {pair.head.reason}")


def _exact(subject: str, check: str, base: Value, head: Value, forbidden: str) -> Finding:
    told = {"subject": subject, "check": check, "base": _text(base), "head": _text(head)}
    if base is None and head is None:
        return Finding(**told, verdict=None, detail="in neither run")
    if base is None:
        return Finding(**told, verdict=None, detail="not recorded in BASE")
    if forbidden:
        return Finding(**told, verdict=None, detail=forbidden)
    if head is None:
        return Finding(**told, verdict=Verdict.CANT_TELL, detail="not recorded in HEAD")
    if base == head:
        return Finding(**told, verdict=Verdict.PASS)
    return Finding(**told, verdict=Verdict.FAIL, detail=_difference(check, base, head))


def _text(value: Value) -> str:
    return f"{value:,}" if isinstance(value, int) else value or ""


def _difference(check: str, base: Value, head: Value) -> str:
    if isinstance(base, int) and isinstance(head, int):
        return f"{check}: {base:,}, now {head:,} ({head - base:+,})"
    try:
        return f"{check}: {node_counts.difference(node_counts.read(str(head)), node_counts.read(str(base)))}"
    except ValueError:  # written by another hand: no counts, but different all the same
        return f"{check}: {base}, now {head}"


def _equivalence(subject: str, base: Row, head: Row) -> Finding:
    told = {"subject": subject, "check": "equivalence", "base": _apart(base), "head": _apart(head)}
    if base.equivalent is None:
        return Finding(**told, verdict=None, detail=f"{_untold(base)} in BASE")
    if head.equivalent is None:
        return Finding(**told, verdict=Verdict.CANT_TELL, detail=f"{_untold(head)} in HEAD")
    if base.equivalent and not head.equivalent:
        return Finding(**told, verdict=Verdict.FAIL, detail=f"the forms of the network were equivalent: {head.reason}")
    return Finding(**told, verdict=Verdict.PASS)


def _untold(row: Row) -> str:
    if row.proof is None:
        return "the forms of the network were not compared"
    return "whether the forms of the network are equivalent could not be told"


def _apart(row: Row) -> str:
    if row.equivalent is None:
        return ""
    return f"{'equivalent' if row.equivalent else 'not equivalent'}, {row.equivalence_max_abs:.2g} apart"
