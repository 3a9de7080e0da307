"""The raw samples of a run, as they lie in its folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import RunFileError, first_line
from harness.machine import files
from harness.measurements.types import Timing

if TYPE_CHECKING:
    import pandas

COLUMNS = ("subject", "launch", "round", "calls", "nanoseconds")

Medians = dict[str, dict[int, dict[int, float]]]  # by subject, launch and round: the median of a call, in nanoseconds


def round_medians(path: Path) -> Medians:
    """What a file of samples holds, warm-up left out. Raises :class:`RunFileError` for one that no run can have."""
    return by_round(read_table(path))


def by_round(table: "pandas.DataFrame") -> Medians:
    """The medians of rounds."""
    found: Medians = {}
    medians = _calls(table).groupby(["subject", "launch", "round"], observed=True)["call"].median().reset_index()
    for subject, launch, number, value in medians.itertuples(index=False, name=None):
        found.setdefault(str(subject), {}).setdefault(int(launch), {})[int(number)] = float(value)
    return found


def by_launch(table: "pandas.DataFrame") -> dict[str, list[float]]:
    """The median of a call in nanoseconds in each launch of a subject."""
    found: dict[str, list[float]] = {}
    medians = _calls(table).groupby(["subject", "launch"], observed=True)["call"].median().reset_index()
    for subject, _, value in medians.itertuples(index=False, name=None):
        found.setdefault(str(subject), []).append(float(value))
    return found


def _calls(table: "pandas.DataFrame") -> "pandas.DataFrame":
    """The samples without the warm-up, each with the time of one call."""
    table = table[table["round"] >= 0].copy()
    table["call"] = table["nanoseconds"] / table["calls"]
    return table


def read_table(path: Path) -> "pandas.DataFrame":
    """The table of a file, one line a sample. Raises :class:`RunFileError` for one that no run can have.

    A call takes some time, and every sample holds at least one call.
    """
    import pandas

    try:
        table = pandas.read_parquet(path, columns=list(COLUMNS), page_checksum_verification=True)
        table = table[list(COLUMNS)]  # one that its damaged description takes for an index is none
        possible = bool(((table["nanoseconds"] > 0) & (table["calls"] > 0)).all())
        kinds = {name: table[name].dtype.kind for name in COLUMNS[1:]}
    except Exception as error:  # pyarrow and pandas each have their own for a garbled file
        raise RunFileError(f"{path}: expected samples of a run, found: {first_line(error)}.") from error
    if not possible or set(kinds.values()) - {"i", "u"}:
        raise RunFileError(f"{path}: expected samples of a run, found a sample without calls or without time.")
    return table


def save(path: Path, timings: Mapping[str, Timing]) -> None:
    """Write the samples of subjects that took turns; no file where there are none."""
    import pandas

    parts = [
        pandas.DataFrame(
            {
                "subject": subject,
                "launch": launch.launch,
                "round": launch.rounds,
                "calls": launch.calls_per_sample,
                "nanoseconds": launch.samples_ns,
            }
        ).astype({"subject": "category", "launch": "int16", "round": "int16", "calls": "int32", "nanoseconds": "int64"})
        for subject, timing in timings.items()
        for launch in timing.launches
    ]
    if not parts:
        return
    table = pandas.concat(parts, ignore_index=True)
    table["subject"] = table["subject"].astype("category")
    files.make_folder(path.parent)
    with files.replacing(path) as unfinished:
        table.to_parquet(unfinished, compression="zstd", index=False, write_page_checksum=True)
