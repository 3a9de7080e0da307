"""Two runs to compare: their rows in pairs, what differs in their environments, and what that forbids."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import HarnessError
from harness.gate import agreement
from harness.measurements import recorded_run, run_folder
from harness.measurements.kept_samples import KeptSamples
from harness.measurements.rows import Row
from harness.measurements.run_folder import RunFolder
from harness.measurements.subject_key import either

# Of an environment: what tells of the moment or the side, not of the machine or its software.
PASSING = ("moments", "measurement", "side", "label", "looks")
# By field of an environment: what cannot be compared of two runs that differ in it.
FORBIDDEN = {
    "machine": ("latency", "optimised_operators", "node_providers"),
    "processor": ("latency", "optimised_operators", "node_providers"),
    "cores": ("latency",),
    "frequency_governor": ("latency",),
    "gpus": ("latency", "optimised_operators", "node_providers"),
    "session_config": ("latency",),
}


@dataclass(frozen=True, kw_only=True)
class JudgedRun:
    """One of the two runs; ``folder`` is None and ``environment`` empty where only a table of rows was given."""

    name: str
    path: Path
    rows: tuple[Row, ...]
    folder: RunFolder | None
    environment: Mapping[str, object]
    samples: KeptSamples
    cut: str  # why rows are missing; empty if all are there
    unsealed: str  # what it means that the run has no manifest; empty if it has one

    @property
    def begun(self) -> str:
        """When it was begun, as ISO 8601; empty where it does not tell."""
        return run_folder.begun(self.environment)


@dataclass(frozen=True, kw_only=True)
class SubjectPair:
    """What was measured of one subject: a row of each run, None where a run has none.

    ``subject`` is what it is, in words that no other subject of the two runs has.
    """

    base: Row | None
    head: Row | None
    subject: str


@dataclass(frozen=True, kw_only=True)
class RunPair:
    """BASE and HEAD. ``interleaved`` says that their subjects took turns with one another, in one measurement."""

    base: JudgedRun
    head: JudgedRun
    pairs: tuple[SubjectPair, ...]
    interleaved: bool
    differences: Mapping[str, tuple[object, object]]  # of their environments, by field

    @property
    def doubts(self) -> tuple[str, ...]:
        """What forbids that the whole passes: rows that are missing."""
        return tuple(f"{side.name}: {side.cut}" for side in (self.base, self.head) if side.cut)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know of both runs."""
        return (*self.doubts, *(f"{side.name}: {side.unsealed}" for side in (self.base, self.head) if side.unsealed))

    def forbidden(self, check: str) -> str:
        """Why something cannot be compared of these two; empty where it can."""
        if self.interleaved:
            return ""
        unknown = [side.name for side in (self.base, self.head) if not side.environment]
        if unknown and check == "latency":
            told = " and ".join(unknown)
            return f"refused: {told} has no {run_folder.ENVIRONMENT}, and may be of another machine or other software"
        fields = [name for name in self.differences if check in FORBIDDEN.get(name.split(".")[0], ())]
        return f"refused: the runs differ in {', '.join(fields)}" if fields else ""


def read(base: Path, head: Path, *, any_order: bool = False) -> RunPair:
    """Two runs, each a folder or a rows.csv.

    Raises :class:`HarnessError` where one cannot be read or holds what is no number, where they have no subject in
    common, and where they stand in the wrong order.
    """
    first, second = _side("BASE", base), _side("HEAD", head)
    if not any_order:
        if base.resolve() == head.resolve():
            raise HarnessError(f"{base} is named twice: expected two runs, BASE and then HEAD.")
        _check_order(first, second)
    interleaved = _interleaved(first, second)
    differences = dict(_differences(first.environment, second.environment))
    pairs = tuple(_named(list(_paired(first.rows, second.rows, in_order=interleaved))))
    if not any(pair.base and pair.head for pair in pairs):
        held = " and ".join(f"{side.path} holds {_subjects(side.rows)}" for side in (first, second))
        raise HarnessError(f"{held}: expected two runs of the same networks, with a subject in common.")
    return RunPair(base=first, head=second, pairs=pairs, interleaved=interleaved, differences=differences)


def find_sides(folder: Path) -> tuple[Path, Path]:
    """Both runs of a comparison by `harness ab`. Raises :class:`HarnessError` if the folder is none."""
    both = folder / "a", folder / "b"
    if not all((side / run_folder.ROWS).is_file() for side in both):
        raise HarnessError(
            f"{folder} alone: expected the folder of a comparison by `harness ab`, with runs in a and b; else name "
            "BASE and HEAD."
        )
    return both


def _side(name: str, path: Path) -> JudgedRun:
    if not path.exists():
        raise HarnessError(f"{name}: {path} does not exist: expected a run folder or a rows.csv.")
    if path.suffix == ".onnx":
        raise HarnessError(
            f"{name}: {path} is a model, and runs are judged: `harness ab BASE.onnx HEAD.onnx --out DIR` measures two "
            "in turns, and `harness gate DIR` judges them."
        )
    run = recorded_run.read_rows(path)
    if not run.rows:
        raise HarnessError(f"{name}: {path} holds no rows: expected a run of `harness run` or `harness ab`.")
    folder = RunFolder(path) if path.is_dir() else None
    side = JudgedRun(
        name=name,
        path=path,
        rows=run.rows,
        folder=folder,
        environment=folder.environment if folder else {},
        samples=KeptSamples(folder),
        cut=run.cut,
        unsealed=run.unsealed,
    )
    if folder:
        for row in run.rows:
            agreement.check(row, folder, side.samples)
    return side


def _interleaved(base: JudgedRun, head: JudgedRun) -> bool:
    measured = base.environment.get("measurement")
    return measured is not None and measured == head.environment.get("measurement")


def _check_order(base: JudgedRun, head: JudgedRun) -> None:
    if _interleaved(base, head):
        wrong = (base.environment.get("side"), head.environment.get("side")) != ("a", "b")
        told = f"{base.path} is side {base.environment.get('side')} and {head.path} side {head.environment.get('side')}"
    else:
        wrong = bool(head.begun) and base.begun > head.begun
        told = f"{base.path} was begun at {base.begun} and {head.path} at {head.begun}"
    if wrong:
        raise HarnessError(
            f"{told}: are they in the wrong order? Expected BASE, then HEAD; --any-order compares them all the same."
        )


def _differences(
    base: Mapping[str, object], head: Mapping[str, object], before: str = ""
) -> Iterator[tuple[str, tuple[object, object]]]:
    """The fields that differ, those inside others by "field.field"; none where one of the two is not known."""
    if not base or not head:
        return
    for name in sorted(base.keys() | head.keys()):
        one, other = base.get(name), head.get(name)
        if name in PASSING or one == other:
            continue
        if isinstance(one, dict) and isinstance(other, dict):
            yield from _differences(one, other, f"{before}{name}.")
        else:
            yield f"{before}{name}", (one, other)


def _paired(base: Sequence[Row], head: Sequence[Row], *, in_order: bool) -> Iterator[tuple[Row | None, Row | None]]:
    """By what tells rows apart; rows of one measurement line by line, since an option may be what differs."""
    if in_order and len(base) == len(head):
        yield from zip(base, head, strict=True)
        return
    partners = _partners(base, head)
    yield from ((row, head[partners[at]] if at in partners else None) for at, row in enumerate(base))
    taken = set(partners.values())
    yield from ((None, row) for at, row in enumerate(head) if at not in taken)


def _named(rows_of_each: Sequence[tuple[Row | None, Row | None]]) -> Iterator[SubjectPair]:
    """The pairs by name: where two would have one name with what else tells them apart, at last with a number."""
    usual = Counter(subject_name(base, head) for base, head in rows_of_each)
    seen: Counter[str] = Counter()
    for base, head in rows_of_each:
        name = subject_name(base, head)
        if usual[name] > 1:
            further = next(row for row in (head, base) if row is not None)
            name = ", ".join(filter(None, (name, further.input_shape, further.options)))
        seen[name] += 1
        yield SubjectPair(base=base, head=head, subject=f"{name} ({seen[name]})" if seen[name] > 1 else name)


def subject_name(base: Row | None, head: Row | None) -> str:
    """What a row of each run is of, in words; where the two differ as BASE/HEAD."""
    one, other = base or head, head or base
    assert one is not None
    assert other is not None
    precision = one.precision  # another one is a change of the same subject
    key = replace(other.subject, precision=precision) if base and head else other.subject
    return f"{either(one.architecture, other.architecture)}, {one.subject.beside(key)}"


def _partners(base: Sequence[Row], head: Sequence[Row]) -> dict[int, int]:
    """By place in the first table: the place in the second of the row of the same subject.

    Rows that have none are looked for again whatever their precision: a file that was quantised is still the same.
    """
    sized = all(any(row.input_shape for row in one) for one in (base, head))  # older runs do not tell
    found: dict[int, int] = {}
    for precise in (True, False):
        ours = _places(base, set(found), sized=sized, precise=precise)
        theirs = _places(head, set(found.values()), sized=sized, precise=precise)
        found |= {at[0]: theirs[key][0] for key, at in ours.items() if len(at) == 1 == len(theirs.get(key, []))}
    return found


def _places(
    found: Sequence[Row], taken: Collection[int], *, sized: bool, precise: bool
) -> dict[tuple[object, ...], list[int]]:
    """By what tells a row apart: where in the table such rows stand that are not taken."""
    places: dict[tuple[object, ...], list[int]] = {}
    for at, row in enumerate(found):
        if at not in taken:
            places.setdefault(_key(row, sized=sized, precise=precise), []).append(at)
    return places


def _key(row: Row, *, sized: bool, precise: bool) -> tuple[object, ...]:
    row = row if sized else replace(row, input_shape=None)
    return row.key if precise else replace(row, precision="").key


def _subjects(found: Sequence[Row]) -> str:
    names = list(dict.fromkeys(f"{row.architecture} ({row.framework})" for row in found))
    return ", ".join(names[:3]) + (f" and {len(names) - 3} others" if len(names) > 3 else "")
