"""The bootstrap 95 % interval of a median over launches (B. Efron, Annals of Statistics 7, 1979)."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Array = NDArray[numpy.float64]

RESAMPLES = 4999
BATCH_VALUES = 1 << 18  # drawn at once, however many things the interval is of: more are slower

# Over fewer launches a bootstrap interval would claim 95 % and hold far less.
LAUNCHES_FOR_INTERVAL = 6


def interval(*samples: "Array") -> "tuple[Array, Array] | None":
    """The low and the high end for values (launches, ...); of two samples, for the first's median less the second's.

    Launches are drawn again, whole: the things of one launch stay together. Two samples are drawn each on its own.
    NaN where a thing has one; None where a sample has too few launches to carry an interval.
    """
    import numpy as np
    from scipy.stats import bootstrap

    if min(map(len, samples)) < LAUNCHES_FOR_INTERVAL:
        return None
    arrays = [np.asarray(sample, dtype=np.float64) for sample in samples]
    unknown = np.any([np.isnan(array).any(axis=0) for array in arrays], axis=0)

    def median(first: Any, second: Any = None, *, axis: int) -> Any:
        of_first = np.median(first, axis=axis)
        return of_first if second is None else of_first - np.median(second, axis=axis)

    found = bootstrap(
        [np.where(unknown, 0.0, array) for array in arrays],  # scipy warns of NaN
        median,
        axis=0,
        n_resamples=RESAMPLES,
        batch=max(1, BATCH_VALUES // sum(array.size for array in arrays)),
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return np.where(unknown, np.nan, found.low), np.where(unknown, np.nan, found.high)
