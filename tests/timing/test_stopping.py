"""Further launches until intervals are narrow enough: on planted launches, without processes."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas
import pytest

from harness.commands import _measuring
from harness.errors import HarnessError
from harness.measurements import rows
from harness.measurements.types import Launch, Timing
from harness.timing import stopping
from harness.timing.stopping import Aim
from tests.conftest import Harness


def planted(number: int, median_s: float) -> Launch:
    return Launch(
        launch=number, calls_per_sample=1, samples_ns=(round(1e9 * median_s),), rounds=(0,), settled=True,
        session_s=0.1, first_run_s=0.01, threads_in_effect=1, providers=(),
    )  # fmt: skip


class Machine:
    """Launches of subjects with a spread of their own, on a clock of their own; each subject takes a second."""

    def __init__(self, seed: int = 0, fails: dict[str, int] | None = None, **spreads: float) -> None:
        self.chance, self.spreads, self.fails = np.random.default_rng(seed), spreads, fails or {}
        self.now_s, self.turns = 0.0, list[tuple[str, ...]]()

    def carry_out(self, number: int, keys: Sequence[str]) -> dict[str, Launch | Exception]:
        assert number == len(self.turns)
        self.turns.append(tuple(keys))
        self.now_s += len(keys)
        return {key: self.outcome(number, key) for key in keys}

    def outcome(self, number: int, key: str) -> Launch | Exception:
        if self.fails.get(key) == number:
            return RuntimeError("the worker process ended with signal 9")
        return planted(number, 0.001 * float(np.exp(self.spreads[key] * self.chance.standard_normal())))

    def timings(self, least: int = 10, aim: Aim | None = None, exempt: Sequence[str] = ()) -> dict[str, Timing]:
        return stopping.timings(
            list(self.spreads), least, self.carry_out, aim=aim, exempt=exempt, clock=lambda: self.now_s
        )

    def count(self, key: str) -> int:
        return sum(key in turn for turn in self.turns)


AIM = Aim(half_width=0.01, limit_s=1000)


def test_without_an_aim_there_are_so_many_launches_of_all() -> None:
    machine = Machine(a=0.1, b=0.0)
    found = machine.timings(least=4)
    assert machine.turns == [("a", "b")] * 4
    assert [one.launch for one in found["a"].launches] == [0, 1, 2, 3]
    assert found["a"].shortfall == ""


def test_launches_go_where_the_interval_is_widest() -> None:
    machine = Machine(still=0.002, restless=0.03, livelier=0.02, floor=0.5)
    found = machine.timings(aim=AIM, exempt=["floor"])
    assert machine.count("floor") == 10, "how wide the floor's interval is does not matter"
    assert machine.count("still") < machine.count("livelier") <= machine.count("restless") < 100
    assert machine.turns[:10] == [("still", "restless", "livelier", "floor")] * 10
    assert all(len(turn) >= 2 for turn in machine.turns), "a launch of one subject alone would be of another kind"
    for key in ("still", "restless", "livelier"):
        assert stopping.half_width(found[key]) <= 0.01
        assert found[key].shortfall == ""


def test_the_time_limit_ends_it_and_the_row_says_how_far_it_came() -> None:
    machine = Machine(a=0.1, b=0.1)
    found = machine.timings(aim=Aim(half_width=0.01, limit_s=60))
    assert machine.now_s == 60, "a launch that would end after the limit is not begun"
    reached = 100 * stopping.half_width(found["a"])
    assert found["a"].shortfall == f"±{reached:.2g} % after 30 launches (the time limit): ±1 % was asked for"
    assert Machine(a=0.1).timings(aim=Aim(half_width=0.01, limit_s=0))["a"].samples == 10, "the first ones always"


def test_a_time_limit_alone_cuts_off_launches_and_adds_none() -> None:
    machine = Machine(a=0.1, b=0.1)
    found = machine.timings(least=10, aim=Aim(half_width=None, limit_s=8))
    assert len(machine.turns) == len(found["a"].launches) == 4
    assert found["a"].shortfall == "4 of 10 launches: the time limit"
    whole = Machine(a=0.1).timings(least=10, aim=Aim(half_width=None, limit_s=60))
    assert (len(whole["a"].launches), whole["a"].shortfall) == (10, "")
    assert len(Machine(a=0.1).timings(least=10, aim=Aim(half_width=None, limit_s=0))["a"].launches) == 1, "never none"


def test_there_is_a_most_of_launches() -> None:
    machine = Machine(a=0.5)
    found = machine.timings(aim=AIM)
    assert len(machine.turns) == stopping.MOST_LAUNCHES
    assert "as many as are taken" in found["a"].shortfall
    few = Machine(a=0.5).timings(least=3, aim=Aim(half_width=0.01, limit_s=4))
    assert few["a"].shortfall == "no interval after 4 launches (the time limit): ±1 % was asked for"


def test_a_subject_that_fails_takes_no_further_part() -> None:
    machine = Machine(fails={"b": 3, "c": 12}, a=0.02, b=0.02, c=0.02)
    found = machine.timings(aim=AIM)
    assert machine.count("b") == 4
    assert machine.count("c") == 13
    assert (found["b"].failure, len(found["b"].launches)) == ("the worker process ended with signal 9", 3)
    assert found["c"].shortfall == ""
    assert stopping.half_width(found["a"]) <= 0.01


def test_intervals_hold_the_truth_although_it_was_looked_at_after_every_launch() -> None:
    """Of 80 runs that stopped early: 95 % would be 76, and fewer than 68 would come of 90 % in 5 of 100 tries."""
    held, launches = 0, []
    for seed in range(80):
        found = Machine(seed=seed, a=0.015).timings(aim=AIM)["a"]
        low, high = found.interval_s or (0.0, 0.0)
        held += low <= 0.001 <= high
        launches.append(len(found.launches))
    assert held >= 68
    assert 11 < np.median(launches) < 25
    assert max(launches) < stopping.MOST_LAUNCHES


REFUSED: list[tuple[list[str], str]] = [
    (["--precision-target", "1.5"], "--precision-target 1.5"),
    (["--precision-target", "0%"], "--precision-target 0%"),
    (["--precision-target", "narrow"], "--precision-target narrow"),
    (["--precision-target", "1%", "--time-limit", "soon"], "--time-limit soon"),
    (["--precision-target", "1%", "--time-limit", "-5"], "--time-limit"),
    (["--time-limit", "never"], "--time-limit never"),
]


@pytest.mark.parametrize(("asked", "said"), REFUSED, ids=[" ".join(asked) for asked, _ in REFUSED])
def test_what_cannot_be_aimed_at_is_refused(asked: list[str], said: str) -> None:
    with pytest.raises(HarnessError, match=said):
        _aimed(*asked)


def test_shares_and_limits_are_read() -> None:
    assert _aimed("--precision-target", "1%") == (0.01, None)
    assert _aimed("--precision-target", "0.5%", "--time-limit", "90") == (pytest.approx(0.005), 90)
    assert _aimed("--precision-target", "0.01", "--time-limit", "1.5m") == (0.01, 90)
    assert _aimed("--time-limit", "60") == (None, 60)
    assert _aimed() == (None, None)


def _aimed(*asked: str) -> tuple[float | None, float | None]:
    parser = argparse.ArgumentParser()
    _measuring.add_arguments(parser)
    args = parser.parse_args(asked)
    return _measuring.precision_target(args), _measuring.time_limit_s(args)


def test_a_run_with_a_target(harness: Harness, small_run: Path, tmp_path: Path) -> None:
    """A target that is out of reach takes its time and is named on the row; the plan tells of it before."""
    folder = tmp_path / "aimed"
    done = harness(
        *("run", "mlp_fmnist_relu_1", "--threads", "1", "--launches", "2", "--seconds", "0.02"),
        *("--precision-target", "0.02%", "--time-limit", "8", "--out", str(folder)),
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"then others until each interval is within ±0.02 %, \d+ s in all at most", done.stderr)
    found = rows.read(folder)
    assert any("±0.02 % was asked for" in (row.reason or "") for row in found)
    table = pandas.read_parquet(folder / "samples" / "mlp_fmnist_relu_1.parquet")
    counts = table.groupby("subject", observed=True)["launch"].nunique()
    assert counts["call floor"] == 2
    assert {row.launches for row in found} == set(counts.drop("call floor"))
    assert max(counts) > 2
    again = harness("run", "--out", str(folder), "--resume", "--precision-target", "1%")
    assert again.returncode == 2
    assert "precision target" in again.stderr
