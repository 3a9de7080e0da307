"""The tables of sweeps that people read after a run: a line a batch or a size of the images."""

from collections.abc import Iterator, Sequence

from harness.measurements.rows import Row
from harness.report import sweeps
from harness.report.sweeps import Knee
from harness.report.tables import format_count, format_percent, format_seconds, print_table

Line = dict[str, object]


def print_sweeps(rows: Sequence[Row], format: str) -> None:  # noqa: A002
    """Print what batches and sizes came to, for people alone: programs read the rows."""
    if format != "table":
        return
    for lines in (batch_lines(rows), size_lines(rows)):
        if lines:
            print_table(list(lines[0]), lines, format)


def batch_lines(rows: Sequence[Row]) -> list[Line]:
    """One a batch of each file: the latency of a call, images a second, and where the knee is."""
    every = sweeps.by_batch(rows)
    return [
        {
            **known,
            "batch": row.batch,
            "a call": format_seconds(row.latency_median_s, row.latency_low_s, row.latency_high_s),
            "images/s": format_count(sweeps.throughput(row)[0]),
            "of the best": format_percent(sweeps.throughput(row)[0] / max(map(sweeps.throughput, series))[0]),
            "knee": _knee(row, series, sweeps.knee(series)),
        }
        for series in every
        for known, row in zip(_known(series, every), series, strict=True)
    ]


def size_lines(rows: Sequence[Row]) -> list[Line]:
    """One a size of each file: what an image of it costs, and how fast it is."""
    every = sweeps.by_image_size(rows)
    return [
        {
            **known,
            "image": sweeps.size(row),
            "MACs": format_count(row.macs),
            "a call": format_seconds(row.latency_median_s, row.latency_low_s, row.latency_high_s),
            "images/s": format_count(sweeps.throughput(row)[0]),
            "GMAC/s": f"{speed[0]:.3g}" if (speed := sweeps.giga_macs_per_s(row)) else None,
        }
        for series in every
        for known, row in zip(_known(series, every), series, strict=True)
    ]


def _known(series: Sequence[Row], every: Sequence[Sequence[Row]]) -> Iterator[Line]:
    """What each line begins with: the file, its threads, and what else differs between the files."""
    rows = [row for one in every for row in one]
    names = ("run", "runtime", "provider", "precision")
    differing = [name for name in names if len({getattr(row, name) for row in rows}) > 1]
    for row in series:
        named = {"network": row.architecture, "file": row.framework, "threads": row.threads}
        yield named | {name: getattr(row, name) for name in differing}


def _knee(row: Row, series: Sequence[Row], found: Knee) -> str | None:
    """Beside the knee itself, with the batches that it may be; beside the last batch where there is none, why."""
    if found.batch is None:
        return f"none: {found.reason}" if row is series[-1] else None
    if row.batch != found.batch:
        return None
    sure = found.earliest == found.latest  # or no intervals tell
    return "here" if sure else f"here (between {found.earliest} and {found.latest})"
