"""Which class an example is taken for, and whether it is among the best five: one rule for ties and for NaN."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.measurements import answers

LEVELS = st.sampled_from([0.0, 0.25, 0.5, 1.0, -np.inf, np.inf, np.nan])


@st.composite
def examples(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Scores of few levels, so that most are ties, and a label for each example."""
    count, outputs = draw(st.integers(1, 6)), draw(st.integers(5, 12))
    scores = draw(st.lists(st.lists(LEVELS, min_size=outputs, max_size=outputs), min_size=count, max_size=count))
    labels = draw(st.lists(st.integers(0, outputs - 1), min_size=count, max_size=count))
    return np.array(scores, np.float32), np.array(labels)


@given(examples())
def test_the_lowest_index_wins_and_nan_is_never_right(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    """Against plain sorting, one example after the other."""
    scores, labels = drawn
    first, five = answers.classes(scores, threshold=0.5), answers.among_best(scores, labels)
    for number, (row, label) in enumerate(zip(scores, labels, strict=True)):
        if np.isnan(row).any():
            assert (first[number], five[number]) == (answers.NO_CLASS, False)
            continue
        ordered = sorted(range(len(row)), key=lambda place: (-row[place], place))
        assert first[number] == ordered[0]
        assert five[number] == (label in ordered[:5])
    assert (five >= (first == labels)).all(), "who is right at first is right among five"


def test_scores_that_tell_nothing_are_told_by_their_index() -> None:
    """All equal, and 1,000 classes at 16 levels: no accuracy may come from how a library breaks ties."""
    labels = np.arange(1000)
    equal = np.zeros((1000, 1000), np.float32)
    assert (answers.classes(equal, threshold=0.5) == labels).mean() == 0.001
    assert answers.among_best(equal, labels).mean() == 0.005
    levels = np.random.default_rng(0).integers(0, 15, (1000, 1000)).astype(np.float32)
    levels[labels, labels] = 15
    assert answers.among_best(levels, labels).all()


def test_a_single_score_is_above_the_threshold_or_not_and_nan_is_neither() -> None:
    found = answers.classes(np.array([[0.4], [0.5], [0.6], [np.nan]], np.float32), threshold=0.5)
    assert found.tolist() == [0, 0, 1, answers.NO_CLASS]
