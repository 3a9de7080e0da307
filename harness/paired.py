"""Two answers to the same images: whether one is right more often than the other, and by how much."""

import math

NORMAL_95 = 1.959963984540054  # the quantile of the normal distribution for a two-sided 95 %


def mcnemar(only_first: int, only_second: int) -> float:
    """The exact two-sided p of McNemar's test, from the images that one alone is right on."""
    from scipy.stats import binomtest

    discordant = only_first + only_second
    return float(binomtest(only_first, discordant, 0.5).pvalue) if discordant else 1.0


def difference(gained: int, lost: int, total: int) -> tuple[float, float, float]:
    """How much larger the first's share of right answers is, with its 95 % interval.

    ``gained`` images only the first is right on, ``lost`` only the second. The interval is Bonett and Price's
    adjusted Wald interval of paired shares (J. Educ. Behav. Stat. 37, 479-488, 2012).
    """
    first, second = (gained + 1) / (total + 2), (lost + 1) / (total + 2)
    half = NORMAL_95 * math.sqrt((first + second - (first - second) ** 2) / (total + 2))
    middle = first - second
    return (gained - lost) / total, max(-1.0, middle - half), min(1.0, middle + half)
