"""What the doctor says of a machine, and how small a difference it promises to find."""

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from harness.machine import gpus, processors
from harness.measurements import comparison
from harness.timing import detectable, doctor
from tests.conftest import Harness
from tests.recorded_nvml import ANSWERS, NVMLError, nvml


def verdicts(found: Iterator[doctor.Diagnosis]) -> dict[str, tuple[str, bool]]:
    """The verdict on each subject, and whether there is advice."""
    return {one.subject: (one.verdict, bool(one.advice)) for one in found}


def test_what_disturbs_is_named_with_what_to_do() -> None:
    busy = {"busiest_other_process": {"name": "indexer", "cores": 0.8}, "load_average": [3.1, 2, 1]}
    assert verdicts(doctor.company(busy, 2)) == {"other processes": ("mind", True), "load": ("mind", True)}
    quiet = {"busiest_other_process": None, "load_average": [0.2, 2, 1]}
    assert verdicts(doctor.company(quiet, 2)) == {"other processes": ("good", False), "load": ("good", False)}


@pytest.mark.parametrize(
    ("governor", "quota", "clock", "cores"),
    [
        ("performance", None, ("good", False), ("good", False)),
        ("powersave", 2.0, ("mind", True), ("good", False)),
        (None, 1.5, ("mind", False), ("mind", True)),
    ],
)
def test_clock_and_cores(
    governor: str | None, quota: float | None, clock: tuple[str, bool], cores: tuple[str, bool]
) -> None:
    facts = {
        "processor": "one",
        "cores": {"available": 2, "logical": 4, "cgroup_quota": quota},
        "frequency_governor": governor,
    }
    found = verdicts(doctor.processor(facts))
    assert (found["clock"], found["cores"]) == (clock, cores)


def test_a_missing_package_is_to_be_mended() -> None:
    found = {one.subject: one for one in doctor.installation({"torch": "2.9", "onnxscript": None, "keras": "3"})}
    assert found["packages: torch"].found.startswith("torch 2.9")
    absent = doctor.FRAMEWORKS | {"torch": ("torch", "no-such-distribution")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(doctor, "FRAMEWORKS", absent)
        (broken,) = (one for one in doctor.installation({"torch": "2.9"}) if one.subject == "packages: torch")
    assert broken.verdict == "mend"
    assert "no no-such-distribution" in broken.found
    assert "onnx-harness[torch]" in broken.advice


def test_a_gpu_and_what_slows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pynvml", nvml(**ANSWERS))
    (gpu,), reason = gpus.find_gpus()
    assert reason == ""
    assert set(gpu) == {*gpus.LASTING, *gpus.PASSING}
    assert (gpu["name"], gpu["clock_mhz"], gpu["celsius"]) == ("H200", 1200, None)
    assert gpu["slowed_by"] == ["power limit", "temperature limit of the hardware"]
    (found,) = doctor.graphics([gpu], reason)
    assert found.verdict == "mind"
    assert "1200 of 1980 MHz" in found.found


def test_no_gpu_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = nvml(**ANSWERS | {"nvmlInit": NVMLError("library not found")})
    monkeypatch.setitem(__import__("sys").modules, "pynvml", absent)
    assert gpus.find_gpus() == ([], "no NVIDIA GPU can be asked here: library not found")
    (found,) = doctor.graphics(*gpus.find_gpus())
    assert found.verdict == "good"


def test_the_driver_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(doctor.gpus, "find_gpus", lambda: asked.append("found") or ([], "none"))
    assert [one.found for one in doctor.findings() if one.subject == "GPU"] == ["none"]
    assert asked == ["found"]


def test_the_tightest_quota_of_a_group_and_those_it_lies_in_holds(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("0::/slice/job\n")
    job = tmp_path / "root/slice/job"
    job.mkdir(parents=True)
    assert processors.cgroup_quota(own, tmp_path / "root") is None
    (job / "cpu.max").write_text("max 100000\n")
    (job.parent / "cpu.max").write_text("150000 100000\n")
    assert processors.cgroup_quota(own, tmp_path / "root") == 1.5
    (job / "cpu.max").write_text("50000 100000\n")
    assert processors.cgroup_quota(own, tmp_path / "root") == 0.5
    assert processors.cgroup_quota(tmp_path / "none", tmp_path / "root") is None


def drawn(difference: float, launches: int, random: np.random.Generator) -> comparison.LogRatio:
    """The ratio of two subjects whose launches differ by 1 % each, the first slower by that difference."""
    first, second = (np.exp(random.normal(0, 0.01, launches)) for _ in range(2))
    return comparison.estimate(np.log((1 + difference) * first / second))


def test_a_difference_of_the_promised_size_is_found() -> None:
    """Of many pairs that differ by so much, nearly all intervals leave 1 out; of less than half of it, far fewer."""
    random = np.random.default_rng(0)
    launches = 20
    promised = np.median(
        [
            detectable.Spread(
                model="drawn", threads=1, launches=launches, median_s=1.0, estimate=drawn(0, launches, random)
            ).smallest_difference(launches)
            for _ in range(40)
        ]
    )
    exact = 3.605 * 0.01 * math.sqrt(2 / launches)  # were the mean not trimmed
    assert 0.8 * exact < promised < 1.6 * exact
    found = {
        share: sum(drawn(share * promised, launches, random).ratio.low > 1 for _ in range(100)) for share in (1, 0.4)
    }
    assert found[1] >= 88
    assert found[0.4] <= 60


def test_longer_runs_find_smaller_differences() -> None:
    estimate = comparison.LogRatio(centre=0.0, error=0.0051, freedom=5)
    spread = detectable.Spread(model="small", threads=1, launches=10, median_s=1e-4, estimate=estimate)
    lengths = [spread.smallest_difference(launches) for launches in (10, 40, 160)]
    logarithms = [math.log1p(length) for length in lengths]
    assert logarithms[0] == pytest.approx(2 * logarithms[1], rel=0.3)
    assert logarithms[1] == pytest.approx(2 * logarithms[2], rel=0.1)
    assert lengths[0] == pytest.approx(0.0237, abs=0.0005)  # t of 5 degrees: 2.571 + 2.015 standard errors of 0.51 %


def test_the_command_looks_and_measures(harness: Harness) -> None:
    done = harness("doctor", "--launches", "6", "--seconds", "0.02", "--format", "json")
    assert done.returncode == 0, done.stderr
    found = {one["subject"]: one for one in json.loads(done.stdout)}
    assert {"processor", "cores", "onnxruntime", "execution providers", "GPU", "commit"} <= found.keys()
    assert "CPU" in found["execution providers"]["found"]
    assert {one["verdict"] for one in found.values()} <= {"good", "mind", "mend"}
    small = found["small model, 1 thread"]["found"]
    assert "finds differences of" in small
    assert "with 40 launches" in small


@pytest.mark.parametrize(("option", "value"), [("--launches", "5"), ("--seconds", "0")])
def test_an_effort_that_carries_nothing_is_refused(harness: Harness, option: str, value: str) -> None:
    done = harness("doctor", option, value)
    assert (done.returncode, done.stdout) == (2, "")
    assert option in done.stderr
