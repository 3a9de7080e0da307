"""The verdict on latencies: its interval beside another's, Holm's procedure, the looks, and how often it is wrong."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp, ttest_ind

from harness.errors import HarnessError
from harness.measurements import comparison, verdicts
from harness.measurements.comparison import LogRatio
from harness.measurements.verdicts import Thresholds, Verdict

logarithms = st.lists(st.floats(-0.5, 0.5, width=32), min_size=2, max_size=50)


@given(logarithms, logarithms)
def test_the_quotient_of_two_estimates_is_yuens_test(first: list[float], second: list[float]) -> None:
    estimates = [comparison.estimate(values) for values in (first, second)]
    assume(all(one.error > 1e-4 for one in estimates))
    found = comparison.quotient(*estimates)
    yuen = ttest_ind(first, second, equal_var=False, trim=0.2, alternative="greater")
    assert (found.freedom, found.above(1.0)) == pytest.approx((yuen.df, yuen.pvalue), abs=1e-9)
    interval = ttest_ind(first, second, equal_var=False, trim=0.2).confidence_interval(0.95)
    assert math.log(found.ratio.low) == pytest.approx(interval.low)


def test_of_four_launches_it_is_students_t() -> None:
    values = [0.01, -0.02, 0.03, 0.015]
    found = comparison.estimate(values)
    assert found.above(1.0) == pytest.approx(ttest_1samp(values, 0.0, alternative="greater").pvalue)
    assert found.below(1.05) == pytest.approx(ttest_1samp(values, math.log(1.05), alternative="less").pvalue)


def test_a_quotient_of_two_runs_is_welchs_t() -> None:
    first, second = [0.10, 0.13, 0.09, 0.12], [0.02, 0.01, 0.06, 0.03]
    found = comparison.quotient(comparison.estimate(first), comparison.estimate(second))
    welch = ttest_ind(first, second, equal_var=False, alternative="greater")
    assert (found.freedom, found.above(1.0)) == pytest.approx((welch.df, welch.pvalue))
    wider = comparison.quotient(comparison.estimate(first), comparison.estimate(second), further=0.03)
    assert wider.error == pytest.approx(math.hypot(found.error, 0.03))


def test_one_launch_carries_no_ratio() -> None:
    with pytest.raises(HarnessError, match="two launches"):
        comparison.estimate([0.0])


@pytest.mark.parametrize(
    ("p", "rejected"),
    [
        ({"a": 0.01, "b": 0.04, "c": 0.03}, {"a"}),  # worked: 0.01 <= 0.05/3, then 0.03 > 0.05/2
        ({"a": 0.01, "b": 0.04, "c": 0.02}, {"a", "b", "c"}),
        ({"a": 0.02, "b": 0.02, "c": 0.02}, set()),
        ({}, set()),
    ],
)
def test_holms_procedure(p: dict[str, float], rejected: set[str]) -> None:
    assert verdicts.holm(p, 0.05) == rejected


def launches(random: np.random.Generator, ratio: float, spread: float, count: int = 80) -> list[float]:
    return list(random.normal(math.log(ratio), spread, count))


@pytest.mark.parametrize(
    ("ratio", "verdict"), [(1.0, Verdict.PASS), (0.5, Verdict.PASS), (1.1, Verdict.FAIL), (2.0, Verdict.FAIL)]
)
def test_what_is_plain_is_judged_at_the_first_look(ratio: float, verdict: Verdict) -> None:
    found = verdicts.judge({"one": launches(np.random.default_rng(0), ratio, 0.01)}, Thresholds())["one"]
    assert (found.verdict, found.launches) == (verdict, 10)
    assert found.ratio.low < ratio < found.ratio.high


def test_what_is_noisy_cannot_be_told() -> None:
    found = verdicts.judge({"one": launches(np.random.default_rng(0), 1.03, 0.3)}, Thresholds())["one"]
    assert (found.verdict, found.launches) == (Verdict.CANT_TELL, 80)


@given(st.lists(logarithms, min_size=1, max_size=4), st.sampled_from([1, 4]))
def test_faster_is_slower_the_other_way_round(values: list[list[float]], looks: int) -> None:
    estimates = {str(number): comparison.estimate(each) for number, each in enumerate(values)}
    turned = {name: replace(one, centre=-one.centre) for name, one in estimates.items()}
    slower = {name for name, verdict in verdicts.once(turned, Thresholds(), looks).items() if verdict == Verdict.FAIL}
    assert verdicts.find_faster(estimates, Thresholds(), looks) == slower


def test_a_verdict_stands_whatever_others_do_later() -> None:
    """Judged again from all launches, as a gate does, each subject has the verdict at which it stopped."""
    random = np.random.default_rng(1)
    plain, noisy = launches(random, 1.2, 0.01), launches(random, 1.03, 0.1)
    at_first = verdicts.judge({"plain": plain[:10], "noisy": noisy[:10]}, Thresholds())
    after_all = verdicts.judge({"plain": plain[:10], "noisy": noisy}, Thresholds())
    assert at_first["noisy"].verdict == Verdict.CANT_TELL
    assert at_first["plain"] == after_all["plain"]
    assert after_all["noisy"].launches > 10


def test_equal_launches_are_judged_without_spread() -> None:
    assert verdicts.judge({"same": [0.0] * 10}, Thresholds())["same"].verdict == Verdict.PASS
    assert verdicts.judge({"more": [0.1] * 10}, Thresholds())["more"].verdict == Verdict.FAIL


def test_false_alarms_and_misses_are_as_rare_as_they_are_to_be() -> None:
    """At the edges of what is tolerated and what matters, over four subjects together, in drawn gate runs."""
    random = np.random.default_rng(2)
    strict, runs = Thresholds(false_alarms=0.1, misses=0.1), 150

    def verdict(ratio: float) -> Verdict:
        subjects = {str(key): launches(random, ratio, 0.02) for key in range(4)}
        return verdicts.together([one.verdict for one in verdicts.judge(subjects, strict).values()])

    alarms = sum(verdict(1 + strict.tolerated) == Verdict.FAIL for _ in range(runs))
    assert alarms <= 0.1 * runs + 3 * math.sqrt(0.09 * runs)
    missed = sum(
        verdicts.judge({"one": launches(random, 1.05, 0.02)}, strict)["one"].verdict == Verdict.PASS
        for _ in range(runs)
    )
    assert missed <= 0.1 * runs + 3 * math.sqrt(0.09 * runs)


def test_what_is_detectable_is_detected() -> None:
    random = np.random.default_rng(3)
    spread, subjects = 0.02, 3
    control = comparison.estimate(launches(random, 1.0, spread, 1000))
    promised = verdicts.detectable(control, 1000, subjects, Thresholds())
    assert promised[10] > promised[20] > promised[40] > promised[80] > Thresholds().tolerated

    def found(count: int, excess: float) -> int:
        estimates = [
            {
                str(key): comparison.estimate(launches(random, 1 + excess * (key == 0), spread, count))
                for key in range(subjects)
            }
            for _ in range(100)
        ]
        return sum(verdicts.once(one, Thresholds(), 4)["0"] == Verdict.FAIL for one in estimates)

    assert found(20, promised[20]) >= 86
    assert found(20, (promised[20] + Thresholds().tolerated) / 2) <= 60


def test_the_worst_stands_for_all() -> None:
    assert verdicts.together([Verdict.PASS, Verdict.CANT_TELL, Verdict.PASS]) == Verdict.CANT_TELL
    assert verdicts.together([Verdict.CANT_TELL, Verdict.FAIL]) == Verdict.FAIL
    assert verdicts.together([Verdict.PASS]) == Verdict.PASS


def test_an_interval_of_two_launches_may_be_wider_than_any_number() -> None:
    assert LogRatio(centre=0.0, error=100.0, freedom=1).ratio.high == math.inf
