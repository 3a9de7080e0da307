"""Run folders made up for the gate: what a run writes, with nothing measured."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas

from harness.measurements import rows, run_folder
from harness.measurements.rows import Row
from harness.measurements.subject_key import CONTROLS

ENVIRONMENT = {
    "processor": "a processor",
    "cores": {"available": 2},
    "versions": {"onnxruntime": "1.30.0"},
    "moments": [{"before": "one", "time": "2026-01-01T00:00:00+00:00"}],
}
ROW = Row(
    run="r", architecture="one", framework="torch", provider="CPUExecutionProvider", threads=1, input_shape="28x28x1",
    dataset="digits", dataset_digest="abc", weights="w", params=100, macs=1000, accuracy=0.9, correct=900, total=1000,
    equivalence_max_abs=1e-6, equivalence_scale=1.0, equivalence_tolerance=1e-5, equivalent=True,
    file_bytes=500, stored_bytes=400, operators="2 Conv, 2 Relu", optimised_operators="2 FusedConv",
    node_providers="2 CPUExecutionProvider", latency_median_s=1e-4, control_s=1e-4, launches=12,
    sampled_as="one/torch, 1 threads", onnx_sha256="0" * 64,
)  # fmt: skip
LABELS = np.arange(1000) % 10
OUTPUTS = np.array([0.1, 0.2, 0.7], np.float32)
SPREAD = 0.005  # of the launches of a subject


def environment(**others: Any) -> dict[str, Any]:
    return {**ENVIRONMENT, **others}


def write(
    folder: Path,
    found: Sequence[Row] = (ROW,),
    *,
    told: Mapping[str, Any] = ENVIRONMENT,
    slower: float = 1.0,
    wrong: int = 100,
    outputs: "np.ndarray[Any, Any]" = OUTPUTS,
    seed: int = 0,
    launches: int = 12,
    spread: float = SPREAD,
    controls: Sequence[str] = CONTROLS,
) -> Path:
    """A run folder with these rows; each subject takes 100 µs, as its controls do, or ``slower`` times that.

    What was measured on the rows is what the samples and predictions give, as in every run.
    """
    random, table = np.random.default_rng(seed), []
    for name in dict.fromkeys(row.kept_as[0] for row in found):
        rows_of_name = [row for row in found if row.kept_as[0] == name]
        own = [row.kept_as[1] for row in rows_of_name]
        parts = {
            key: _samples(key, 100_000 * (slower if key in own else 1), launches, spread, random)
            for key in (*own, *(f"{control}, 1 threads" for control in controls))
        }
        pandas.concat(parts.values()).to_parquet(folder_of(folder / "samples") / f"{name}.parquet")
        answers = np.where(np.arange(1000) < wrong, (LABELS + 1) % 10, LABELS)
        kinds = {f"{row.framework}_{row.precision}".removesuffix("_float32"): answers for row in rows_of_name}
        np.savez(folder_of(folder / "predictions") / f"{name}.npz", labels=LABELS, **kinds)
        np.savez(folder_of(folder / "outputs") / f"{name}.npz", **{f"{key}/probabilities": outputs for key in own})
        table += [_measured(row, parts[row.kept_as[1]], wrong) for row in rows_of_name]
    (folder_of(folder) / "environment.json").write_text(json.dumps(told))
    rows.append(folder / run_folder.ROWS, *sorted(table, key=lambda row: [one.key for one in found].index(row.key)))
    return folder


def _measured(row: Row, samples: pandas.DataFrame, wrong: int) -> Row:
    """The row with what was measured of it, if anything was."""
    by_launch = samples.groupby("launch")["nanoseconds"].median()
    if row.latency_median_s is not None:
        row = replace(row, latency_median_s=float(by_launch.median()) / 1e9, launches=len(by_launch))
    if row.accuracy is not None and row.total == len(LABELS):
        row = replace(row, correct=1000 - wrong, accuracy=1 - wrong / 1000)
    return row


def folder_of(folder: Path) -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    return folder


def _samples(
    subject: str, nanoseconds: float, launches: int, spread: float, random: np.random.Generator
) -> pandas.DataFrame:
    """Ten rounds of each launch; what a launch has of its own is shared by all of its rounds."""
    of_launch = np.repeat(random.normal(0, spread, launches), 10)
    calls = nanoseconds * np.exp(of_launch + random.normal(0, 0.002, 10 * launches))
    return pandas.DataFrame(
        {
            "subject": subject,
            "launch": np.repeat(np.arange(launches), 10),
            "round": np.tile(np.arange(10), launches),
            "calls": 1,
            "nanoseconds": calls.round().astype("int64"),
        }
    )
