"""What a latency's evidence rests on: the end of the warm-up, doubts, intervals; on planted series alone."""

import itertools
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from harness.errors import HarnessError
from harness.measurements import bootstrap, change_point, comparison, doubts
from harness.measurements.rows import Row
from harness.measurements.types import PERCENTILE_FLOORS, Launch, Timing
from harness.runs import run_rows
from harness.timing import worker as latency_worker

# Of 63 members of a faculty: the example of J. A. Hartigan's dip test, whose dip is 0.0595 (P. M. Hartigan,
# Applied Statistics 34, 1985).
FACULTY = (
    30, 33, 35, 36, 37, 37, 39, 39, 39, 39, 39, 40, 40, 40, 40, 41, 42, 43, 43, 43, 44, 44, 45, 45, 46, 47, 47, 48,
    48, 48, 49, 50, 50, 51, 52, 52, 53, 53, 53, 53, 53, 54, 54, 57, 57, 59, 60, 60, 60, 61, 61, 61, 61, 62, 62, 62,
    62, 63, 66, 70, 72, 72, 80,
)  # fmt: skip
ROW = Row(run="r", architecture="a", framework="torch", threads=1)
FLOOR = Timing(launches=(), failure="none")

Array = np.ndarray[Any, Any]


def launch(call_s: "Sequence[float] | Array", number: int = 0, calls: int = 1) -> Launch:
    samples = tuple(round(1e9 * calls * value) for value in call_s)
    return Launch(
        launch=number, calls_per_sample=calls, samples_ns=samples, rounds=(0,) * len(samples), settled=True,
        warm_up_s=0.04 * (number + 1), session_s=0.1, first_run_s=0.01, threads_in_effect=1, providers=(),
    )  # fmt: skip


def noise(count: int, chance: np.random.Generator, share: float = 0.01) -> Array:
    return np.exp(share * chance.standard_normal(count))


def reason(*launches: Sequence[float] | Array) -> str:
    timing = Timing(launches=tuple(launch(call_s, number) for number, call_s in enumerate(launches)))
    return run_rows.timed(ROW, timing, FLOOR).reason or ""


# --- change of level ---


def found(series: Callable[[], Array], times: int = 300) -> float:
    """The share of series that are said to drift."""
    return float(np.mean([change_point.drifts(series().tolist()) for _ in range(times)]))


@pytest.mark.parametrize("count", [10, 12, 20])
def test_level_series_seldom_drift_and_planted_ones_do(count: int) -> None:
    chance = np.random.default_rng(count)
    place = np.arange(count)
    assert found(lambda: noise(count, chance)) <= 0.03  # 1 % by its making
    assert found(lambda: noise(count, chance) + 0.5 * (chance.random(count) < 0.1)) <= 0.03, "slow calls are no drift"
    assert found(lambda: np.where(place < count // 2, 1.05, 1) * noise(count, chance)) >= 0.95
    falling = found(lambda: (1.1 - 0.1 * place / count) * noise(count, chance))
    assert falling >= {10: 0.5, 12: 0.85, 20: 0.98}[count]


def test_few_or_equal_values_have_no_drift() -> None:
    assert not change_point.drifts([2.0] * 4 + [1.0] * 5)
    assert not change_point.drifts([1.0] * 20)
    assert not change_point.drifts([1.005] * 10 + [1.0] * 10), "certain, but smaller than what matters"


@given(st.lists(st.integers(1, 9), min_size=10, max_size=10))
@settings(max_examples=40)
def test_the_significance_is_that_of_all_orders(series: list[int]) -> None:
    """Against Pettitt's statistic by its definition, for shuffled values."""

    def statistic(values: Sequence[float]) -> float:
        signs = np.sign(np.subtract.outer(values, values))
        return max(abs(signs[:point, point:].sum()) for point in range(1, 10))

    chance = random.Random(0)
    asked = statistic(series)
    orders = [statistic(chance.sample(series, 10)) >= asked for _ in range(600)]
    assert not (change_point.drifts(series) and np.mean(orders) > 0.03)


def test_ten_values_drift_where_every_early_one_is_above_every_late_one() -> None:
    """2 of the 252 ways to halve ten values are as extreme, which is less than 1 %; the next ones are too many."""
    ordered = [1.0 + 0.02 * place for place in range(10)]
    for order in itertools.islice(itertools.permutations(ordered[:5]), 0, 120, 17):
        assert change_point.drifts([*ordered[5:], *order])
    assert not change_point.drifts([*ordered[6:], ordered[4], ordered[5], *ordered[:4]])


# --- warm-up ---


class Slow:
    """A call that takes as long as it is told, on a clock of its own."""

    def __init__(self, call_s: Callable[[int], float]) -> None:
        self.call_s, self.now_ns, self.made = call_s, 0, 0

    def sample(self, calls: int) -> int:
        taken = sum(round(1e9 * self.call_s(self.made + number)) for number in range(calls))
        self.made += calls
        self.now_ns += taken
        return taken


def warm_up(monkeypatch: pytest.MonkeyPatch, call_s: Callable[[int], float]) -> dict[str, Any]:
    worker, call = latency_worker.SessionWorker(), Slow(call_s)
    monkeypatch.setattr(latency_worker, "CLOCK", lambda: call.now_ns)
    monkeypatch.setattr(worker, "call", call, raising=False)
    return worker.warm_up(calls=1, window_s=0.002, limit_s=2.0)


@pytest.mark.parametrize(
    ("call_s", "calls"), [(0.0001, 400), (0.003, 20), (0.04, 20), (0.07, 12), (0.2, 12), (0.4, 12)]
)
def test_a_steady_call_of_any_length_comes_to_its_end(
    monkeypatch: pytest.MonkeyPatch, call_s: float, calls: int
) -> None:
    chance = random.Random(1)
    found = warm_up(monkeypatch, lambda _: call_s * (1 + 0.01 * chance.random()))
    assert found["settled"]
    assert len(found["samples_ns"]) == pytest.approx(calls, rel=0.02)
    assert found["warm_up_s"] == pytest.approx(sum(found["samples_ns"]) * 1e-9)


@pytest.mark.parametrize("call_s", [0.0005, 0.02, 0.1, 0.3])
def test_a_call_that_starts_slow_is_run_until_it_is_not(monkeypatch: pytest.MonkeyPatch, call_s: float) -> None:
    chance = random.Random(2)
    slow = 40 if call_s < 0.001 else 6
    found = warm_up(monkeypatch, lambda made: call_s * (1.3 if made < slow else 1) * (1 + 0.01 * chance.random()))
    assert found["settled"]
    assert len(found["samples_ns"]) > 2 * slow
    assert max(found["samples_ns"][-8:]) < 1.02 * call_s * 1e9


@pytest.mark.parametrize(("call_s", "longest_s"), [(0.001, 2.1), (0.1, 2.5), (0.4, 10.1), (3.0, 12.1)])
def test_a_warm_up_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch, call_s: float, longest_s: float) -> None:
    found = warm_up(monkeypatch, lambda made: call_s * (0.995 if call_s > 0.01 else 1.003) ** made)
    assert not found["settled"]
    assert 1.9 < found["warm_up_s"] < longest_s


# --- two speeds ---


def test_the_excess_mass_is_twice_the_dip() -> None:
    assert doubts.excess_mass(FACULTY)[0] == pytest.approx(2 * 0.0595, rel=0.02)
    assert doubts.excess_mass(list(range(50)))[0] == pytest.approx(1 / 50)  # of evenly spread values, by hand
    mass, of_first = doubts.excess_mass([*np.linspace(0, 0.001, 30), *np.linspace(1, 1.001, 70)])
    assert mass == pytest.approx(0.3, abs=0.02)
    assert of_first == 30


ONE_MODE: dict[str, Callable[[np.random.Generator, int], Array]] = {
    "normal": lambda chance, count: noise(count, chance, 0.03),
    "even": lambda chance, count: 1 + 0.2 * chance.random(count),
    "exponential": lambda chance, count: 1 + 0.2 * chance.exponential(size=count),
    "lognormal": lambda chance, count: 1 + 0.1 * np.exp(chance.standard_normal(count)),
    "slow tenth": lambda chance, count: (
        noise(count, chance) + (chance.random(count) < 0.1) * chance.exponential(2, count)
    ),
}


@pytest.mark.parametrize("count", [10, 60, 250, 3000])
@pytest.mark.parametrize("kind", ONE_MODE)
def test_one_mode_is_not_called_two(kind: str, count: int) -> None:
    chance = np.random.default_rng(count)
    wrong = sum(doubts.two_speeds(ONE_MODE[kind](chance, count)) is not None for _ in range(100))
    assert wrong <= 3


@pytest.mark.parametrize(("count", "share", "least"), [(60, 0.5, 0.95), (250, 0.3, 0.95), (3000, 0.3, 1.0)])
def test_two_modes_are_found_with_their_speeds(count: int, share: float, least: float) -> None:
    chance = np.random.default_rng(0)
    hits = []
    for _ in range(60):
        slow = chance.random(count) < share
        hits.append(doubts.two_speeds(40e-6 * np.where(slow, 1.2, 1) * noise(count, chance, 0.02)))
    speeds = [hit for hit in hits if hit]
    assert len(speeds) >= least * len(hits)
    assert np.median(speeds, axis=0) == pytest.approx([40e-6, 48e-6], rel=0.02)


def test_launches_in_two_groups_are_told_from_a_slow_few() -> None:
    chance = np.random.default_rng(0)
    groups = [doubts.two_clusters(np.where(np.arange(10) < 4, 1.5, 1) * noise(10, chance, 0.02)) for _ in range(100)]
    assert groups.count(6) >= 90
    for one in ONE_MODE.values():
        assert sum(doubts.two_clusters(one(chance, 10)) is not None for _ in range(200)) <= 6
    assert doubts.two_clusters([1.0] * 8 + [2.0] * 2) is None, "two slow launches are no group"
    assert doubts.two_clusters([1.0] * 5 + [1.04] * 5) is None, "too near one another"
    assert doubts.two_clusters([1.0] * 10) is None


# --- what a row says ---


def test_a_row_names_drift_and_two_speeds_and_nothing_else() -> None:
    chance = np.random.default_rng(0)
    steady = [50e-6 * noise(400, chance) for _ in range(10)]
    assert reason(*steady) == ""
    drifting = [np.where(np.arange(400) < 150, 1.1, 1) * one for one in steady[:4]]
    assert "drift: the level changed after the warm-up in 4 of 10 launches" in reason(*drifting, *steady[4:])
    assert reason(drifting[0], *steady[1:]) == "", "one launch in ten may be chance"
    mixed = [np.where(chance.random(400) < 0.4, 1.3, 1) * one for one in steady]
    assert re.fullmatch(r"two speeds within 10 of 10 launches, about (49|50)\.\d and (64|65)\.\d µs", reason(*mixed))
    slow = [1.3 * one for one in steady[:3]]
    assert reason(*slow, *steady[3:]) == "launches disagree: 7 take about 50.0 µs, 3 take about 65.0 µs"


def test_a_row_says_how_many_samples_a_percentile_still_needs() -> None:
    row = run_rows.timed(ROW, Timing(launches=tuple(launch([1e-3] * 10, number) for number in range(10))), FLOOR)
    assert (row.latency_p90_missing, row.latency_p99_missing) == (0, PERCENTILE_FLOORS[99.0] - 100)
    assert row.latency_p90_s == pytest.approx(1e-3)
    assert row.latency_p99_s is None
    assert row.warm_up_s == pytest.approx(0.04 * 5.5)
    sums = run_rows.timed(ROW, Timing(launches=(launch([1e-6] * 9000, calls=20),)), FLOOR)
    assert (sums.latency_p90_s, sums.latency_p90_missing, sums.latency_p99_missing) == (None, None, None)


# --- intervals ---


def test_one_bootstrap_serves_one_thing_and_many() -> None:
    chance = np.random.default_rng(0)
    values = chance.random((9, 4))
    values[2, 1] = np.nan
    low, high = bootstrap.interval(values) or (np.array(0), np.array(0))
    assert np.isnan(low).tolist() == np.isnan(high).tolist() == [False, True, False, False]
    for column in (0, 2, 3):
        alone = bootstrap.interval(values[:, column])
        assert alone is not None
        assert (float(alone[0]), float(alone[1])) == (low[column], high[column])
    assert bootstrap.interval(values[:5]) is None
    # The median of nine drawn again is at most the k-th value with a known binomial probability.
    ordered = np.sort(values[:, 0])
    below = binom.sf(4, 9, np.arange(1, 10) / 9)
    exact = [ordered[int(np.argmax(below >= share))] for share in (0.025, 0.975)]
    assert [low[0], high[0]] == pytest.approx(exact)


def test_the_interval_of_a_difference_holds_it() -> None:
    chance = np.random.default_rng(1)
    held = 0
    for _ in range(60):
        ends = bootstrap.interval(3 + chance.standard_normal(12), 1 + chance.standard_normal(15))
        assert ends is not None
        held += ends[0] <= 2 <= ends[1]
    assert 51 <= held <= 60


@given(speeds=st.lists(st.lists(st.floats(0.2, 5), min_size=1, max_size=8), min_size=2, max_size=6), data=st.data())
def test_what_changes_the_machine_from_round_to_round_changes_no_ratio(
    speeds: list[list[float]], data: st.DataObject
) -> None:
    """However fast each round is, and however many samples each subject takes in it."""

    def timing(call_s: float) -> Timing:
        found = []
        for number, of_launch in enumerate(speeds):
            counts = data.draw(st.lists(st.integers(1, 4), min_size=len(of_launch), max_size=len(of_launch)))
            samples = [speed * call_s for speed, count in zip(of_launch, counts, strict=True) for _ in range(count)]
            rounds = tuple(place for place, count in enumerate(counts) for _ in range(count))
            found.append(replace(launch(samples, number), rounds=rounds))
        return Timing(launches=tuple(found))

    assert comparison.ratio(timing(1.03), timing(1.0)).value == pytest.approx(1.03, rel=1e-6)


def test_a_ratio_pairs_the_launches_that_both_took_part_in() -> None:
    speeds = [1e-3, 2e-3, 3e-3, 4e-3, 5e-3, 6e-3]
    longer = Timing(launches=tuple(launch([2 * speed + 1e-6 * number], number) for number, speed in enumerate(speeds)))
    shorter = Timing(launches=tuple(launch([speeds[number]], number) for number in (5, 0, 2)))
    found = comparison.ratio(longer, shorter)
    assert found.value == pytest.approx(2, rel=1e-3)
    assert comparison.ratio(shorter, longer).value == pytest.approx(0.5, rel=1e-3)
    with pytest.raises(HarnessError, match="two launches"):
        comparison.ratio(longer, Timing(launches=(launch([1e-3], 17), launch([1e-3], 5))))
