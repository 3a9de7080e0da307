"""The report of some runs as one HTML page that opens from a file and fetches nothing.

It is made from the rows, and from what else the folders of the runs hold; nothing is measured for it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.machine import files
from harness.report.page import (
    document,
    findings,
    overview,
    row_texts,
    run_files,
    sweeping,
    timing,
    training_curves,
    where_time_goes,
)
from harness.report.page.run_files import RunFiles
from harness.report.runs import CombinedRuns
from harness.report.tables import plain

FILE_NAME = "report.html"


def write(runs: CombinedRuns, folder: Path, claims: Sequence[Mapping[str, Any]] | None = None) -> Path:
    """Write the page of some runs into a folder, whole or not at all; gives its path.

    ``claims`` are the claims as `harness claims --format json` has them; None where they were not checked.
    Raises :class:`HarnessError` where a row lacks what every row has, or a library is not installed.
    """
    path = folder / FILE_NAME
    files.write(path, text(runs, claims))
    return path


def text(runs: CombinedRuns, claims: Sequence[Mapping[str, Any]] | None = None) -> str:
    """The page of some runs, before it is written anywhere."""
    run_contents: list[RunFiles] = []
    for run in runs.runs:
        run_contents.append(run_files.read(run, first=sum(len(content.rows) for content in run_contents)))
    rows = [row for run in run_contents for row in run.rows]
    sections = [
        overview.section(rows),
        timing.latency(rows),
        timing.twins(run_contents),
        timing.runtimes(run_contents),
        sweeping.precisions(rows),
        sweeping.batches(rows),
        sweeping.threads(rows),
        sweeping.sizes(rows),
        where_time_goes.section(run_contents),
        training_curves.section(run_contents),
        findings.claims(claims),
        findings.not_measured(rows, run_contents),
        findings.environment(run_contents),
    ]
    title = plain(f"onnx-harness: {' and '.join(dict.fromkeys(row.run for row in rows))}")
    return document.render(title, runs.notes, rows, sections, findings.every_row(rows), row_texts.differing(rows)[1])
