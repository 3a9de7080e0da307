"""A comparison that is killed at any moment goes on behind its last whole launch, to the same verdicts."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.machine.process import WorkerFailedError
from harness.measurements.types import Launch
from harness.measurements.verdicts import Thresholds
from harness.runs import kept_launches
from harness.runs.kept_launches import KeptLaunches
from harness.timing import sequential
from harness.timing.sequential import TurnPair

PAIRS = {
    "slower": TurnPair(a="a 0", b="b 0", again="a 0, again"),
    "equal": TurnPair(a="a 1", b="b 1", again="a 1, again"),
    "failing": TurnPair(a="a 2", b="b 2"),
}
THRESHOLDS = Thresholds(slowdown=0.05, tolerated=0.02, false_alarms=0.005, misses=0.05)
LOOKS = (6, 12, 24)


class Killed(BaseException):
    """As a signal that nobody catches."""


def planted(number: int, groups: Sequence[Sequence[str]]) -> Mapping[str, Launch | Exception]:
    """What a launch would come to; the same for the same number, as of a machine that repeats itself."""
    found: dict[str, Launch | Exception] = {}
    for key in (key for group in groups for key in group):
        if key == "b 2" and number == 2:
            found[key] = WorkerFailedError("it ended")
            continue
        noise = random.Random(f"{key} {number}")
        times = tuple(round((1100 if key == "b 0" else 1000) * noise.gauss(1, 0.01)) for _ in range(8))
        found[key] = Launch(
            launch=number, calls_per_sample=3, samples_ns=times, rounds=(-1, *range(7)), settled=True,
            session_s=0.1, first_run_s=0.1, threads_in_effect=1, providers=("cpu",),
        )  # fmt: skip
    return found


def measured(folder: Path, killed_in: int | None = None) -> tuple[sequential.Found, list[int]]:
    carried_out: list[int] = []

    def carry_out(number: int, groups: Sequence[Sequence[str]]) -> Mapping[str, Launch | Exception]:
        if number == killed_in:
            raise Killed
        carried_out.append(number)
        return planted(number, groups)

    found = sequential.timings(PAIRS, ["floor"], LOOKS, THRESHOLDS, KeptLaunches(folder).recorded(carry_out))
    return found, carried_out


def test_killed_in_any_launch_it_comes_to_the_same_and_repeats_none(tmp_path: Path) -> None:
    whole, launches = measured(tmp_path / "whole")
    assert launches == list(range(len(launches)))
    assert whole.timings["b 2"].failure == "it ended"
    for number in launches:
        folder = tmp_path / str(number)
        with pytest.raises(Killed):
            measured(folder, killed_in=number)
        again, rest = measured(folder)
        assert rest == launches[number:]
        assert again == whole
        assert KeptLaunches(folder).calls["a 0"] == 3


def test_launches_of_other_subjects_are_refused(tmp_path: Path) -> None:
    KeptLaunches(tmp_path).recorded(planted)(0, [("a 0", "b 0")])
    with pytest.raises(HarnessError, match="other subjects"):
        KeptLaunches(tmp_path).recorded(planted)(0, [("a 1", "b 1")])
    (tmp_path / "launches" / "0000.json").write_text('{"a 0": {"launch": 0}}')
    with pytest.raises(HarnessError, match="no launch of a comparison"):
        KeptLaunches(tmp_path).recorded(planted)(0, [("a 0",)])


def test_only_the_same_comparison_goes_on_and_none_that_is_finished(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="no comparison"):
        kept_launches.check_resumable(tmp_path, {"seed": 0})
    kept_launches.begin(tmp_path, {"seed": 0, "launches": (6, 12)})
    KeptLaunches(tmp_path).recorded(planted)(0, [("a 0", "b 0")])
    kept_launches.check_resumable(tmp_path, {"seed": 0, "launches": (6, 12)})
    with pytest.raises(HarnessError, match="other launches"):
        kept_launches.check_resumable(tmp_path, {"seed": 0, "launches": (6, 24)})
    for side in "ab":
        (tmp_path / side).mkdir()
        (tmp_path / side / "rows.csv").touch()
    kept_launches.check_resumable(tmp_path, {"seed": 0, "launches": (6, 12)})  # interrupted between two looks
    KeptLaunches(tmp_path).discard()
    with pytest.raises(HarnessError, match="finished"):
        kept_launches.check_resumable(tmp_path, {"seed": 0, "launches": (6, 12)})
    assert not list(tmp_path.glob("*.partial"))
