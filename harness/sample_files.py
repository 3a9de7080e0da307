"""The raw samples of a run: a table for each network or file, one line a sample, in order."""

from collections.abc import Mapping
from pathlib import Path

from harness import files
from harness.measurements import Timing

FOLDER = "samples"


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
        table.to_parquet(unfinished, compression="zstd", index=False)
