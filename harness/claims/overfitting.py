"""Checks of what a training's history shows: accuracy on its own images, on others, and the gap between them.

The accuracy on the training images is the mean over the last epoch, while weights change and dropout
is on. The interval of a gap, or of a difference, is put together from the shares' Wilson intervals.
"""

from dataclasses import dataclass

from scipy.stats import kendalltau

from harness.claims import significance
from harness.claims.claim import Check, Outcome, judge
from harness.claims.comparing import NEGLIGIBLE, points
from harness.claims.evidence import PROFILE, Evidence, NotMeasuredError, Trained, remarks
from harness.claims.significance import LEVEL, Estimate
from harness.data import datasets
from harness.errors import HarnessError
from harness.frameworks.training import History
from harness.networks import catalog
from harness.report.tables import format_percent

FEWEST_EPOCHS = 8  # of fewer, no trend of the losses can be told


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How a training ended: shares of right answers on its own images, and on those that it was validated on."""

    of: Trained
    training: Estimate
    validation: Estimate

    @property
    def name(self) -> str:
        return self.of.name

    @property
    def gap(self) -> Estimate:
        return significance.difference(self.training, self.validation)

    @property
    def told(self) -> str:
        training, validation = format_percent(self.training.value), format_percent(self.validation.value)
        return f"{self.name} {training} in training, {validation} in validation: a gap of {points(self.gap)}"

    def numbers(self) -> dict[str, float]:
        """As findings keep them."""
        return {
            f"{self.name} training accuracy": self.training.value,
            f"{self.name} validation accuracy": self.validation.value,
            **self.gap.numbers(f"{self.name} gap"),
        }


def narrower_gap(first: str, second: str, *, dataset: str) -> Check:
    """That the first network's gap between training and validation is narrower than the second's."""

    def check(evidence: Evidence) -> Outcome:
        one, other = _fits(evidence, dataset, first, second)
        narrower = significance.difference(other.gap, one.gap)
        return judge(
            f"{one.told}; {other.told}; narrower by {points(narrower)}{remarks(one.of, other.of)}",
            one.numbers() | other.numbers() | narrower.numbers(f"{first}, gap narrower by"),
            holds=narrower.low > 0,
            fails=narrower.high < 0,
        )

    return check


def overfits(name: str, *, dataset: str) -> Check:
    """That a network is right more often on its training images than on others, by more than a negligible gap."""

    def check(evidence: Evidence) -> Outcome:
        (fit,) = _fits(evidence, dataset, name)
        return judge(
            fit.told + remarks(fit.of), fit.numbers(), holds=fit.gap.low > NEGLIGIBLE, fails=fit.gap.high < NEGLIGIBLE
        )

    return check


def does_not_overfit(name: str, *, dataset: str) -> Check:
    """That there is no such gap: at most a point."""

    def check(evidence: Evidence) -> Outcome:
        (fit,) = _fits(evidence, dataset, name)
        return judge(
            f"{fit.told}; up to {100 * NEGLIGIBLE:g} point counts as none{remarks(fit.of)}",
            fit.numbers(),
            holds=fit.gap.high < NEGLIGIBLE,
            fails=fit.gap.low > NEGLIGIBLE,
        )

    return check


def learns_better(first: str, second: str, *, dataset: str) -> Check:
    """That the first network ends with a higher accuracy on its training images than the second."""

    def check(evidence: Evidence) -> Outcome:
        one, other = _fits(evidence, dataset, first, second)
        more = significance.difference(one.training, other.training)
        return judge(
            f"in training {first} {format_percent(one.training.value)}, {second} "
            f"{format_percent(other.training.value)}: {points(more)} (Newcombe){remarks(one.of, other.of)}",
            one.numbers() | other.numbers() | more.numbers(f"{first} - {second}, in training"),
            holds=more.low > 0,
            fails=more.high < 0,
        )

    return check


def validation_loss_rises(name: str, *, dataset: str, after: int, lowest_by: int) -> Check:
    """That from an epoch on the validation loss rises while the training loss falls: by Kendall's tau of each.

    It holds only where the validation loss is lowest after epoch ``lowest_by`` or before.
    """

    def check(evidence: Evidence) -> Outcome:
        (found,) = evidence.trained(dataset, name)
        history = evidence.history(found)
        if len(history.epochs) < FEWEST_EPOCHS:
            raise NotMeasuredError(
                f"{name} was trained for {len(history.epochs)} epochs: expected at least {FEWEST_EPOCHS}",
                networks=[name],
            )
        validation, training = (_trend(history, loss, after) for loss in ("validation_loss", "loss"))
        lowest = min(history.epochs, key=lambda epoch: epoch.validation_loss).epoch
        return judge(
            f"{name}: validation loss lowest after epoch {lowest} of {len(history.epochs)}; from epoch {after} on its "
            f"rank correlation with the epoch is {validation[0]:+.2f} (p = {validation[1]:.2g}), the training loss' "
            f"{training[0]:+.2f} (p = {training[1]:.2g}){remarks(found)}",
            {
                "epoch of the lowest validation loss": lowest,
                "validation loss, tau": validation[0],
                "training loss, tau": training[0],
            },
            holds=lowest <= lowest_by and _rises(*validation) and _rises(-training[0], training[1]),
            fails=_rises(-validation[0], validation[1]) or _rises(*training),
        )

    return check


def _trend(history: History, loss: str, after: int) -> tuple[float, float]:
    """Kendall's rank correlation of a loss with the epoch, and its p; a loss that never changes has none: 0 and 1."""
    epochs = [epoch for epoch in history.epochs if epoch.epoch >= after]
    losses = [getattr(epoch, loss) for epoch in epochs]
    if len(set(losses)) < 2:
        return 0.0, 1.0
    found = kendalltau([epoch.epoch for epoch in epochs], losses)
    return float(found.statistic), float(found.pvalue)


def _rises(tau: float, p: float) -> bool:
    return tau > 0 and p < LEVEL


def _fits(evidence: Evidence, dataset: str, *names: str) -> list[Fit]:
    return [_fit(evidence, trained, dataset) for trained in evidence.trained(dataset, *names)]


def _fit(evidence: Evidence, trained: Trained, dataset: str) -> Fit:
    history, recipe = evidence.history(trained), catalog.get(trained.name).recipes[PROFILE]
    images = datasets.FACTS[dataset].training_images
    images = min(images, recipe.training_images or images)
    held_out = round(images * recipe.validation_split)
    validated = datasets.FACTS[dataset].test_images if history.validated_on == "test" else held_out
    if not validated:
        raise HarnessError(f"the history of {trained.name} names a validation split: its recipe holds none out.")
    last = history.epochs[-1]
    return Fit(
        of=trained,
        training=significance.share(last.accuracy * (images - held_out), images - held_out),
        validation=significance.share(last.validation_accuracy * validated, validated),
    )
