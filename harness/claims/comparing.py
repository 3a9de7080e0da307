"""Checks of test accuracies: of two networks, or of one and a reported figure.

A comparison holds only where it is significant at 5 %: by McNemar's exact test on the same images,
else by Newcombe's interval. An amount holds, or fails, where the interval of the difference lies
wholly on one side of it.
"""

from harness.claims import significance
from harness.claims.claim import Check, Outcome, judge
from harness.claims.evidence import Evidence, Trained, remarks
from harness.claims.significance import Comparison, Estimate
from harness.report.tables import format_percent

# What a claim of "no loss", "no gain" or "no gap" allows: no lecture names an amount.
NEGLIGIBLE = 0.01


def more_accurate(first: str, second: str, *, dataset: str, by: float = 0.0) -> Check:
    """That the first network is right more often than the second, by more than an amount."""

    def check(evidence: Evidence) -> Outcome:
        first_trained, second_trained = evidence.trained(dataset, first, second)
        compared = first_trained.compared_with(second_trained)
        ends = compared.difference
        return judge(
            _told(first_trained, second_trained, compared),
            _numbers(first_trained, second_trained, compared),
            holds=ends.low > by if by else compared.significant and ends.value > 0,
            fails=ends.high < by if by else compared.significant and ends.value < 0,
        )

    return check


def not_less_accurate(first: str, second: str, *, dataset: str) -> Check:
    """That the first network loses nothing against the second, or at most a point."""

    def check(evidence: Evidence) -> Outcome:
        first_trained, second_trained = evidence.trained(dataset, first, second)
        compared = first_trained.compared_with(second_trained)
        return judge(
            f"{_told(first_trained, second_trained, compared)}; up to {100 * NEGLIGIBLE:g} point counts as none",
            _numbers(first_trained, second_trained, compared),
            holds=compared.difference.low > -NEGLIGIBLE,
            fails=compared.difference.high < -NEGLIGIBLE,
        )

    return check


def reaches(name: str, *, dataset: str, reported: float) -> Check:
    """That a network's test accuracy is a reported figure or more, by its whole interval; it fails by its whole one."""

    def check(evidence: Evidence) -> Outcome:
        (found,) = evidence.trained(dataset, name)
        return judge(
            f"{_counted(found)}; reported {100 * reported:.2f} %{remarks(found)}",
            found.accuracy.numbers(f"{name} accuracy"),
            holds=found.accuracy.low >= reported,
            fails=found.accuracy.high < reported,
        )

    return check


def gives_about(name: str, *, dataset: str, low: float, high: float, tolerance: float) -> Check:
    """That a recipe gives a test accuracy of about low to high: the whole interval within a tolerance of them.

    It fails where the whole interval lies outside. The tolerance stands for other first weights.
    """

    def check(evidence: Evidence) -> Outcome:
        (found,) = evidence.trained(dataset, name)
        least, most = low - tolerance, high + tolerance
        return judge(
            f"{_counted(found)}; reported {100 * low:.2f} to {100 * high:.2f} %, taken as {100 * least:.2f} to "
            f"{100 * most:.2f} %{remarks(found)}",
            found.accuracy.numbers(f"{name} accuracy"),
            holds=found.accuracy.low >= least and found.accuracy.high <= most,
            fails=found.accuracy.high < least or found.accuracy.low > most,
        )

    return check


def beats_reported(name: str, *, dataset: str, reported: float, total: int) -> Check:
    """That a network is right more often than a figure that stands in a lecture to two digits, of so many images.

    The figure is taken at the end of its rounding that is worse for the verdict.
    """

    def check(evidence: Evidence) -> Outcome:
        (found,) = evidence.trained(dataset, name)
        ends = [significance.share((reported + rounding) * total, total) for rounding in (0.005, -0.005)]
        over_best, over_worst = (significance.difference(found.accuracy, end) for end in ends)
        return judge(
            f"{_accuracy(found)} against the reported {100 * reported:g} %: {points(over_best)} over the best figure "
            f"that rounds to it, {points(over_worst)} over the worst (Newcombe){remarks(found)}",
            found.accuracy.numbers(f"{name} accuracy")
            | over_best.numbers("difference to best")
            | over_worst.numbers("difference to worst"),
            holds=over_best.low > 0,
            fails=over_worst.high < 0,
        )

    return check


def points(difference: Estimate) -> str:
    """A difference of shares for people: ``+3.1 points [1.2, 5.0]``."""
    return f"{100 * difference.value:+z.1f} points [{100 * difference.low:z.1f}, {100 * difference.high:z.1f}]"


def _told(first: Trained, second: Trained, compared: Comparison) -> str:
    method = "Newcombe" if compared.p is None else f"paired; McNemar p = {compared.p:.2g}"
    accuracies = f"{_accuracy(first)} against {_accuracy(second)}"
    return f"{accuracies}: {points(compared.difference)} ({method}){remarks(first, second)}"


def _counted(found: Trained) -> str:
    return f"{_accuracy(found)}, {found.row.correct:,} of {found.row.total:,}"


def _accuracy(found: Trained) -> str:
    return f"{found.name} {format_percent(found.accuracy.value, found.accuracy.low, found.accuracy.high)}"


def _numbers(first: Trained, second: Trained, compared: Comparison) -> dict[str, object]:
    name = f"{first.name} - {second.name}"
    return {
        **first.accuracy.numbers(f"{first.name} accuracy"),
        **second.accuracy.numbers(f"{second.name} accuracy"),
        **compared.difference.numbers(name),
        **({f"{name} p": compared.p} if compared.p is not None else {}),
    }
