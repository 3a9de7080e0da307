"""The raw times of a profiled file: every node and whole call of every run, in order."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.machine import files
from harness.timing import node_times
from harness.timing.profiles import Profile

KINDS = {"launch": "int16", "part": "category", "node": "category", "run": "int32", "nanoseconds": "int64"}


def save(path: Path, launches: Sequence[Profile]) -> None:
    """Write a line for each run of a node and each whole call; nodes are counted in whole microseconds."""
    import pandas  # takes half a second to import

    parts = [
        pandas.DataFrame({"launch": number, "part": part, "node": node, "run": range(len(taken)), "nanoseconds": taken})
        for number, launch in enumerate(launches)
        for part, node, taken in _series(launch)
    ]
    table = pandas.concat(parts, ignore_index=True).astype(KINDS)
    files.make_folder(path.parent)
    with files.replacing(path) as unfinished:
        table.to_parquet(unfinished, compression="zstd", index=False, write_page_checksum=True)


def _series(launch: Profile) -> Iterator[tuple[str, str, Sequence[int]]]:
    """What is timed in one launch, with its nanoseconds run by run."""
    for node, taken_us in zip(launch.nodes, zip(*launch.runs_us, strict=True), strict=True):
        yield "node", node.name, [1000 * taken for taken in taken_us]
    yield node_times.WHOLE, "", launch.plain_ns
    yield node_times.PROFILED, "", launch.profiled_ns
