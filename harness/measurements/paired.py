"""Two files' answers: whether one is right more often than the other, and by how much."""

import math

from harness.measurements.types import Accuracy


def mcnemar(only_first: int, only_second: int) -> float:
    """The exact two-sided p of McNemar's test, from the images that one alone is right on."""
    from scipy.stats import binomtest

    discordant = only_first + only_second
    return float(binomtest(only_first, discordant, 0.5).pvalue) if discordant else 1.0


def difference(gained: int, lost: int, total: int, confidence: float = 0.95) -> tuple[float, float, float]:
    """How much larger the first's share of right answers to the same images is, with its interval.

    ``gained`` images only the first is right on, ``lost`` only the second. The interval is Bonett and Price's
    adjusted Wald interval of paired shares (J. Educ. Behav. Stat. 37, 479-488, 2012).
    """
    from scipy.stats import norm

    first, second = (gained + 1) / (total + 2), (lost + 1) / (total + 2)
    half = float(norm.isf((1 - confidence) / 2)) * math.sqrt((first + second - (first - second) ** 2) / (total + 2))
    middle = first - second
    return (gained - lost) / total, max(-1.0, middle - half), min(1.0, middle + half)


def independent_difference(first: Accuracy, second: Accuracy, confidence: float = 0.95) -> tuple[float, float, float]:
    """How much larger the first's accuracy is, with its interval, as though the images of the two were different ones.

    Newcombe's interval from the two Wilson intervals (R. G. Newcombe, Statistics in Medicine 17, 873-890, 1998).
    """
    value = first.value - second.value
    (low, high), (other_low, other_high) = first.wilson(confidence), second.wilson(confidence)
    below = math.hypot(first.value - low, other_high - second.value)
    above = math.hypot(high - first.value, second.value - other_low)
    return value, value - below, value + above
