"""Two sides launch by launch, with planned looks: on planted launches, without processes."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from harness.measurements import verdicts
from harness.measurements.types import Launch
from harness.measurements.verdicts import Thresholds, Verdict
from harness.timing import sequential
from harness.timing.sequential import Found, TurnPair
from tests.timing.test_stopping import planted

LOOKS = (10, 20, 40)
FLOORS = ["a floor", "b floor"]


class Sides:
    """Launches of subjects of which B takes so many times as long as A, with a spread of their own.

    Every process takes a second on a clock of its own.
    """

    def __init__(
        self, ratios: Mapping[str, float], spread: float = 0.005, seed: int = 0, fails: Mapping[str, int] | None = None
    ) -> None:
        self.ratios, self.spread, self.fails = ratios, spread, fails or {}
        self.chance = np.random.default_rng(seed)
        self.now_s, self.turns, self.told = 0.0, list[list[tuple[str, ...]]](), list[Mapping[str, object]]()
        self.pairs = {name: TurnPair(a=f"a {name}", b=f"b {name}", again=f"a {name}, again") for name in ratios}

    def carry_out(self, number: int, groups: Sequence[Sequence[str]]) -> dict[str, Launch | Exception]:
        assert number == len(self.turns)
        self.turns.append([tuple(group) for group in groups])
        keys = [key for group in groups for key in group]
        self.now_s += len(keys)
        return {key: self.outcome(number, key) for key in keys}

    def outcome(self, number: int, key: str) -> Launch | Exception:
        if self.fails.get(key) == number:
            return RuntimeError("the worker process ended with signal 9")
        side, _, name = key.removesuffix(", again").partition(" ")
        of = self.ratios.get(name, 1.0) if side == "b" else 1.0
        return planted(number, 0.001 * of * float(np.exp(self.spread * self.chance.standard_normal())))

    def measured(self, looks: Sequence[int] = LOOKS, limit_s: float | None = None) -> Found:
        return sequential.timings(
            self.pairs, FLOORS, looks, Thresholds(), self.carry_out,
            limit_s=limit_s, clock=lambda: self.now_s, control=self.told.append,
        )  # fmt: skip

    def launches(self, key: str) -> list[int]:
        return [number for number, groups in enumerate(self.turns) for group in groups if key in group]


def test_looks_end_at_the_most_launches() -> None:
    assert [sequential.looks(most) for most in (80, 40, 20, 8, 3)] == [
        verdicts.LOOKS,
        (6, 10, 20, 40),
        (6, 10, 20),
        (6, 8),
        (3,),
    ]


def test_who_has_a_verdict_takes_no_further_turns() -> None:
    sides = Sides({"same": 1.0, "slower": 1.2, "between": 1.036}, spread=0.02)
    found = sides.measured()
    verdicts = {name: one.verdict for name, one in found.judged.items()}
    assert verdicts["same"] == Verdict.PASS
    assert verdicts["slower"] == Verdict.FAIL
    assert found.judged["slower"].ratio.value == pytest.approx(1.2, rel=0.02)
    for name in ("same", "slower"):
        assert sides.launches(f"a {name}") == sides.launches(f"b {name}") == list(range(10))
    assert len(sides.launches("b between")) == found.judged["between"].launches in LOOKS[1:]
    assert found.looks_taken == 1 + LOOKS[1:].index(found.judged["between"].launches) + 1
    assert sides.launches("a floor") == list(range(10))
    assert all(groups[0][:2] == ("a between", "b between") for groups in sides.turns[10:])


def test_a_restless_subject_goes_on_to_the_last_look() -> None:
    sides = Sides({"restless": 1.03}, spread=0.3)
    found = sides.measured()
    assert found.judged["restless"].verdict == Verdict.CANT_TELL
    assert (len(sides.turns), found.looks_taken) == (40, 3)


def test_the_control_takes_turns_in_the_first_launches_and_tells_what_can_be_found() -> None:
    """A slowdown of the size that it names is found, one of half that size is mostly not."""
    sides = Sides({"one": 1.0}, spread=0.03)
    sides.measured()
    assert sides.launches("a one, again") == list(range(6))
    (told,) = sides.told
    smallest = dict(told["one"])  # type: ignore[call-overload]
    assert list(smallest) == list(LOOKS)
    assert 1.5 > smallest[10] > smallest[20] > smallest[40] > 0.02
    found = dict.fromkeys((1.0, 0.25), 0)
    for share in found:
        for seed in range(40):
            slowed = Sides({"one": 1 + share * smallest[40]}, spread=0.03, seed=seed)
            found[share] += slowed.measured().judged["one"].verdict == Verdict.FAIL
    assert found[1.0] >= 34
    assert found[0.25] <= 20


def test_identical_sides_fail_hardly_ever() -> None:
    """Of 60 runs of four subjects: with 1 % false alarms, 4 and more come about once in 300 times."""
    alarms = 0
    for seed in range(60):
        judged = Sides(dict.fromkeys("wxyz", 1.0), spread=0.04, seed=seed).measured().judged
        alarms += any(one.verdict == Verdict.FAIL for one in judged.values())
    assert alarms < 4


def test_few_launches_are_no_evidence() -> None:
    found = Sides({"slower": 1.5}, spread=0.001).measured(looks=sequential.looks(5))
    assert (found.judged["slower"].verdict, found.judged["slower"].launches) == (Verdict.CANT_TELL, 5)


def test_the_time_limit_ends_it_after_the_first_look() -> None:
    sides = Sides({"restless": 1.03}, spread=0.3)
    found = sides.measured(limit_s=65)  # 6 launches of five, 4 of four, then two a launch
    assert sides.now_s == 64
    assert (len(sides.turns), found.looks_taken) == (19, 2)
    assert found.judged["restless"].launches == 19
    few = Sides({"restless": 1.03}, spread=0.3)
    assert few.measured(limit_s=1).looks_taken == 1
    assert len(few.turns) == 10


@pytest.mark.parametrize("at", [0, 12])
def test_a_side_that_fails_leaves_the_other_what_it_has(at: int) -> None:
    sides = Sides({"restless": 1.03, "same": 1.0}, spread=0.3, fails={"b restless": at})
    found = sides.measured()
    assert "restless" not in found.judged
    assert found.timings["b restless"].failure == "the worker process ended with signal 9"
    assert found.timings["a restless"].failure == ""
    assert sides.launches("a restless") == list(range(max(10, at + 1))), "then there is nothing to compare"
    assert len(sides.launches("b same")) == 40


def test_a_missing_side_is_not_waited_for() -> None:
    sides = Sides({"one": 1.0})
    sides.pairs["new"] = TurnPair(a=None, b="b new")
    found = sides.measured()
    assert set(found.judged) == {"one"}
    assert len(found.timings["b new"].launches) == 10


def test_an_interrupt_after_the_first_look_keeps_what_was_measured() -> None:
    """An interrupted launch is left out; before the first look there is nothing to keep."""
    sides = Sides({"one": 1.035}, spread=0.05)
    carry_out = sides.carry_out

    def interrupted(at: int) -> Callable[[int, Sequence[Sequence[str]]], Mapping[str, Launch | Exception]]:
        def launch(number: int, groups: Sequence[Sequence[str]]) -> Mapping[str, Launch | Exception]:
            if number == at:
                raise KeyboardInterrupt
            return carry_out(number, groups)

        return launch

    sides.carry_out = interrupted(14)  # type: ignore[assignment]
    found = sides.measured()
    assert found.interrupted
    assert found.judged["one"].launches == 14
    assert [len(found.timings[key].launches) for key in ("a one", "b one")] == [14, 14]
    assert found.looks_taken == 2
    sides = Sides({"one": 1.035})
    carry_out = sides.carry_out
    sides.carry_out = interrupted(9)  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        sides.measured()
    assert not Sides({"one": 1.0}).measured().interrupted
