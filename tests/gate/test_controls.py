"""Runs compared by their controls: a machine that does one kind of work slower than before is no regression."""

import math

import numpy as np
import pytest

from harness.gate import controls
from harness.gate.controls import Ratios
from harness.measurements.subject_key import CONTROL, CONTROLS, MEMORY_CONTROL

SHARES = (0.0, 0.3, 0.7, 1.0)


def planted(random: np.random.Generator, share: float, arithmetic: float, memory: float) -> Ratios:
    """A run in which both kinds of work are slower by so much, which scatters from launch to launch."""
    states = np.array([arithmetic, memory]) + random.normal(0, 0.02, (20, 2))
    subject = states @ (1 - share, share) + random.normal(0, 0.004, 20)
    return subject[:, None] - states - random.normal(0, 0.002, (20, 2))


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize(("arithmetic", "memory"), [(0.1, 0.0), (0.0, 0.15), (-0.1, 0.1)])
def test_what_one_kind_of_work_is_slower_by_is_no_regression(share: float, arithmetic: float, memory: float) -> None:
    random = np.random.default_rng(round(10 * share))
    runs = [planted(random, share, arithmetic, memory), planted(random, share, 0.0, 0.0)]
    assert controls.memory_share(runs) == pytest.approx(share, abs=0.15)
    found = controls.compared(controls.mixed(runs), CONTROLS, 0.001)
    assert found.centre == pytest.approx(0.0, abs=0.02)
    alone = controls.compared(controls.mixed([run[:, :1] for run in runs]), (CONTROL,), 0.001)
    assert alone.centre == pytest.approx(share * (memory - arithmetic), abs=0.01)
    assert alone.error >= controls.ONE_CONTROL


@pytest.mark.parametrize("share", SHARES)
def test_what_is_slower_itself_shows(share: float) -> None:
    random = np.random.default_rng(round(10 * share))
    runs = [planted(random, share, 0.1, 0.0) + math.log(1.1), planted(random, share, 0.0, 0.0)]
    assert controls.compared(controls.mixed(runs), CONTROLS, 0.001).ratio.value == pytest.approx(1.1, abs=0.025)


def test_launches_that_a_control_did_not_take_part_in_are_left_out() -> None:
    rounds = {launch: {0: 1e-4, 1: 1e-4} for launch in range(4)}
    beside = {CONTROL: {launch: rounds[launch] for launch in (0, 1, 2)}, MEMORY_CONTROL: {1: {1: 2e-4}, 2: {5: 1e-4}}}
    found = controls.ratios(rounds, beside, CONTROLS)
    assert found.tolist() == [[0.0, pytest.approx(-math.log(2))]]
    assert controls.common(beside, {CONTROL: rounds}) == (CONTROL,)
    assert controls.ratios(rounds, {}, CONTROLS).shape == (0, 2)
