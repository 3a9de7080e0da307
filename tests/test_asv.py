"""The asv suite runs, and keeps the samples that it was handed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness import catalog

ROOT = Path(__file__).parents[1]
ASV = Path(sys.executable).with_name("asv")


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="asv names results by commit: this is no checkout")
def test_the_suite_runs_in_this_environment(tmp_path: Path) -> None:
    configuration = json.loads((ROOT / "asv.conf.json").read_text())
    assert configuration["results_dir"] == "results/asv", "asv's default would be results/ itself"
    places = {"repo": ROOT, "results_dir": tmp_path / "results", "env_dir": tmp_path / "env"}
    local = tmp_path / "asv.conf.json"
    shutil.copytree(ROOT / "benchmarks", tmp_path / "benchmarks")
    local.write_text(json.dumps(configuration | {key: str(place) for key, place in places.items()}))

    def asv(*arguments: str) -> str:
        done = subprocess.run(
            [ASV, *arguments, "--config", str(local)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "HOME": str(tmp_path), "TF_CPP_MIN_LOG_LEVEL": "3"},
            timeout=600,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    asv("machine", "--yes", "--machine", "here")
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True, cwd=ROOT)
    commit = head.stdout.strip()
    asv("run", "--quick", "-E", f"existing:{sys.executable}", "--set-commit-hash", commit, "--record-samples",
        "--machine", "here")  # fmt: skip
    (stored,) = [file for file in (tmp_path / "results" / "here").glob("*.json") if file.name != "machine.json"]
    columns, results = json.loads(stored.read_text())["result_columns"], json.loads(stored.read_text())["results"]

    def column(benchmark: str, name: str) -> list[object]:
        found: list[object] = results[benchmark][columns.index(name)]
        return found

    macs = column("cost.Cost.track_macs", "result")
    assert sorted(macs) == sorted(2 * [catalog.get(name).macs for name in catalog.DEFAULT])  # type: ignore[type-var]
    samples = column("latency.Latency.track_latency", "samples")
    assert len(samples) >= 4
    assert all(isinstance(found, list) and len(found) == 10 for found in samples)
    medians = column("latency.Latency.track_latency", "result")
    assert all(isinstance(median, float) and 0 < median < 1 for median in medians)
