"""The lectures' claims: each verdict on evidence of which it is known, the statistics against others' numbers."""

import csv
import fcntl
import importlib.util
import io
import json
import math
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness import claims
from harness.claims import functional, significance
from harness.claims.claim import Claim, Outcome, judge, together, undecided
from harness.claims.evidence import Evidence
from harness.claims.figure import measured_order
from harness.claims.significance import Estimate
from harness.data import datasets
from harness.errors import HarnessError
from harness.frameworks.layers import Layer
from harness.frameworks.training import Epoch, History
from harness.measurements import rows, run_folder
from harness.measurements.rows import Row
from harness.networks import catalog
from harness.networks.architecture import Architecture
from tests import ROOT
from tests.conftest import Harness

JPEG75 = "cifar10-jpeg75"
# What the definitions and layers alone decide.
WITHOUT_RUN = {3, *range(21, 33), 34, 35, 36, 39, 40, 41, 42, 43, 45, 49}
WITHOUT_RUN_OTHERWISE = {44, 50}
ONE_THREAD = "torch file on cpu, float32, batch 1, threads 1"


class Plant:
    """A run folder written by a test: rows, predictions and histories of which the verdicts are known."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.accuracies: dict[str, float] = {}
        (folder / "predictions").mkdir()
        (folder / "histories").mkdir()

    def network(self, name: str, right: "Sequence[bool] | np.ndarray", dataset: str = JPEG75, **others: Any) -> None:
        """A network trained by its lecture's recipe that gets these test images right."""
        right = np.asarray(right, bool)
        labels = np.arange(len(right)) % 10
        predicted = np.where(right, labels, (labels + 1) % 10)
        np.savez(self.folder / "predictions" / f"{name}.npz", labels=labels, keras=predicted[::-1], torch=predicted)
        facts = datasets.FACTS.get(dataset)
        digest = facts.digest if facts else "0123"
        given: dict[str, Any] = {
            "dataset": dataset, "dataset_digest": digest, "profile": "lecture", "trained_in": "torch", "threads": 1,
            "accuracy": float(right.mean()), "correct": int(right.sum()), "total": len(right), "equivalent": True,
        }  # fmt: skip
        self.row(name, **{**given, **others})
        self.accuracies[name] = float(right.mean())

    def row(self, name: str, **values: Any) -> None:
        rows.append(
            self.folder / run_folder.ROWS,
            Row(**{"run": "planted", "architecture": name, "framework": "torch", **values}),
        )

    def history(
        self,
        name: str,
        *,
        loss: Sequence[float],
        validation_loss: Sequence[float] = (),
        training: float = 0.9,
        validation: float = 0.8,
        validated_on: Any = "test",
        seconds: float = 1.0,
        test: float | None = None,
    ) -> None:
        """A training whose accuracies are those given, on test images its network's, and whose epochs take so long."""
        epochs = tuple(
            Epoch(
                epoch=number,
                loss=value,
                accuracy=training,
                validation_loss=(validation_loss or loss)[number - 1],
                validation_accuracy=validation,
                seconds=seconds * (1 + number / 1000),
            )
            for number, value in enumerate(loss, start=1)
        )
        history = History(validated_on=validated_on, epochs=epochs, test_loss=1.0, test_accuracy=validation)
        tested = self.accuracies.get(name, validation) if test is None else test
        self.history_file(name).write_text(json.dumps(replace(history, test_accuracy=tested).to_json()))

    def history_file(self, name: str) -> Path:
        return self.folder / "histories" / f"{name}.json"

    def predictions_file(self, name: str) -> Path:
        return self.folder / "predictions" / f"{name}.npz"

    def found(self, number: int) -> Outcome:
        (claim,) = claims.select([number])
        return claim.check(Evidence(self.folder))


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    return Plant(tmp_path)


def share(right: int, total: int = 10_000, *, shuffled: int = 0) -> np.ndarray:
    """So many right answers; which of the images they are is drawn by the seed ``shuffled``."""
    answers = np.arange(total) < right
    return np.random.default_rng(shuffled).permutation(answers) if shuffled else answers


def test_claims_are_numbered_once_and_in_order() -> None:
    numbers = [claim.number for claim in claims.ALL]
    assert numbers == sorted({*range(1, 53)} - {4})
    assert all(claim.says and claim.lecture and claim.checks for claim in claims.ALL)


# --- what the definitions decide ---


def test_the_definitions_decide_without_a_run() -> None:
    found = {claim.number: finding for claim, finding in claims.check(claims.ALL, Evidence())}
    assert {number for number, finding in found.items() if finding.verdict == "holds"} == WITHOUT_RUN
    assert {number for number, one in found.items() if one.verdict == "does not hold"} == WITHOUT_RUN_OTHERWISE
    others = found.keys() - WITHOUT_RUN - WITHOUT_RUN_OTHERWISE
    assert {found[number].verdict for number in others} == {"not measured"}
    json.dumps([dict(finding.numbers) for finding in found.values()])
    assert "holds: deeper_vgg_dropout" in found[10].measured  # the part that needs no run
    assert "`harness run deeper_vgg_dropout shallow_vgg_dropout --profile lecture`" in found[10].measured
    assert found[22].numbers["lenet_mnist params"] == 1_256_080
    assert found[31].numbers["window with padding"] == 37


class Swapped(Evidence):
    """The catalogue with one network in another's place: a planted fault."""

    swap: tuple[str, str]

    def layers(self, name: str) -> tuple[Layer, ...]:
        return super().layers(self._real(name))

    def definition(self, name: str) -> Any:
        return super().definition(self._real(name))

    def _real(self, name: str) -> str:
        return self.swap[1] if name == self.swap[0] else name


@pytest.mark.parametrize(
    ("number", "network", "instead"),
    [
        (3, "alexnet", "vgg16"),
        (3, "vgg16", "alexnet"),
        (9, "shallow_vgg_dropout", "deeper_vgg_dropout"),
        (21, "vgg16_features", "mobilenet_features"),
        (22, "lenet_mnist", "lenet_mnist_nopool"),
        (23, "lenet5_1x1", "lenet5"),
        (24, "convnet_gmp", "convnet_flatten"),
        (29, "fmnist_same", "fmnist_strided"),
        (30, "fcn_1x1", "fmnist_same"),
        (34, "fmnist_maxpool", "fmnist_strided"),
        (35, "fmnist_strided", "fmnist_conv7"),
        (41, "vgg16", "alexnet"),
        (45, "enet", "alexnet"),
        (45, "googlenet", "lenet5_1x1"),
        (49, "vgg16", "convnext_tiny"),
        (49, "vit_tiny", "vgg19"),
    ],
)
def test_another_definition_does_not_hold(number: int, network: str, instead: str) -> None:
    evidence = Swapped()
    object.__setattr__(evidence, "swap", (network, instead))
    (claim,) = claims.select([number])
    finding = claim.check(evidence)
    assert finding.verdict == "does not hold", finding.measured


def test_a_layer_that_knows_where_it_stands_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    class Positional(torch.nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return image * torch.arange(image.shape[-1])

    monkeypatch.setattr(functional, "_with_weights", lambda _: iter([Positional()]))
    (claim,) = claims.select([42])
    assert claim.check(Evidence()).verdict == "does not hold"


def test_flatten_in_another_order_is_no_such_convolution(monkeypatch: pytest.MonkeyPatch) -> None:
    class ChannelsLast(torch.nn.Module):
        def forward(self, maps: torch.Tensor) -> torch.Tensor:
            return maps.permute(0, 2, 3, 1).flatten(1)

    *before, _, dense = functional._with_weights("fmnist_same")
    monkeypatch.setattr(functional, "_with_weights", lambda _: iter([*before, ChannelsLast(), dense]))
    (claim,) = claims.select([29])
    finding = claim.check(Evidence())
    assert finding.verdict == "does not hold"
    assert finding.numbers["replaced params"] == 1_818_890


@pytest.mark.parametrize(("name", "verdict"), [("vgg19", "holds"), ("larger_net", "does not hold")])
def test_another_vgg_may_cost_more(name: str, verdict: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class WithAnother(Evidence):
        def layers(self, name: str) -> tuple[Layer, ...]:
            if name not in ("vgg19", "larger_net"):
                return super().layers(name)
            more = Layer(name="more", kind="Conv2d", output_shape=(), params=5_000_000, statistics=0, macs=4 * 10**9)
            return (*super().layers("vgg16"), more)

    known = catalog.architectures()
    monkeypatch.setattr(catalog, "architectures", lambda: {**known, name: replace(known["vgg16"], name=name)})
    (claim,) = claims.select([3])
    finding = claim.check(WithAnother())
    assert finding.verdict == verdict
    assert "than any network here that is no VGG" in claim.says


def test_vgg_is_by_far_the_largest_but_not_by_far_the_slowest() -> None:
    """By the catalogue's numbers: 15.470 and 12.254 G MACs, 138.358 and 61.120 M parameters."""
    (claim,) = claims.select([44])
    finding = claim.check(Evidence())
    assert finding.numbers["vgg16 operations, times inception_v4"] == pytest.approx(1.2625, abs=1e-4)
    assert finding.numbers["vgg16 parameters, times bn_alexnet"] == pytest.approx(2.2637, abs=1e-4)
    assert "does not hold: VGG-16 and VGG-19 have 1.26 and 1.60 times the operations" in finding.measured
    assert "holds: VGG-16 and VGG-19 have 2.26 and 2.35 times the parameters" in finding.measured


def test_the_lectures_listing_needs_a_known_size_in_keras() -> None:
    import keras
    from keras.layers import Conv2D, Dense, Flatten, MaxPooling2D

    def listing(height: int | None, width: int | None) -> Any:
        """The lecture's "Dynamic input sizes", with Flatten."""
        return keras.Sequential(
            [
                keras.Input((height, width, 1)),
                Conv2D(32, 3, activation="relu"),
                Conv2D(64, 3, activation="relu"),
                MaxPooling2D(2),
                Conv2D(128, 3, activation="relu"),
                Conv2D(256, 3, activation="relu"),
                MaxPooling2D(2),
                Conv2D(512, 3, activation="relu"),
                Flatten(),
                Dense(10, activation="softmax"),
            ]
        )

    assert listing(28, 28).count_params() == catalog.get("fmnist_maxpool").params
    with pytest.raises(ValueError, match=r"must be fully-defined \(no `None` dimensions\)"):
        listing(None, None)


# --- what a run decides ---

HALF = share(5_000)


@pytest.mark.parametrize(
    ("right", "verdict"),
    [(6_500, "holds"), (5_500, "does not hold"), (6_001, "cannot tell"), (4_000, "does not hold")],
)
def test_an_amount_must_be_exceeded(plant: Plant, right: int, verdict: str) -> None:
    plant.network("mlp_cifar10_relu_1", HALF)
    plant.network("shallownet", share(right, shuffled=1))
    finding = plant.found(5)
    assert finding.verdict == verdict
    assert finding.numbers["shallownet - mlp_cifar10_relu_1"] == pytest.approx(right / 1e4 - 0.5)
    assert "a lossy copy" in finding.measured


def test_pairs_decide_where_unpaired_intervals_overlap(plant: Plant) -> None:
    plant.network("shallownet", share(800, 1_000))
    plant.network("shallow_vgg", share(810, 1_000))  # right wherever the other is, and on ten more
    finding = plant.found(7)
    assert finding.verdict == "holds"
    assert finding.numbers["shallow_vgg - shallownet p"] == pytest.approx(2 / 2**10)
    ends = [finding.numbers["shallownet accuracy high"], finding.numbers["shallow_vgg accuracy low"]]
    assert ends[0] > ends[1]

    (plant.predictions_file("shallownet")).unlink()
    assert plant.found(7).verdict == "cannot tell"


def test_the_other_way_round_does_not_hold(plant: Plant) -> None:
    plant.network("shallownet", share(810, 1_000))
    plant.network("shallow_vgg", share(800, 1_000))
    assert plant.found(7).verdict == "does not hold"


@pytest.mark.parametrize("change", [{"dataset_digest": "4567"}, {"labels": True}])
def test_different_test_images_are_not_paired(plant: Plant, change: dict[str, Any]) -> None:
    plant.network("shallownet", share(800, 1_000))
    other_labels = change.pop("labels", False)
    plant.network("shallow_vgg", share(810, 1_000), **change)
    if other_labels:
        path = plant.predictions_file("shallow_vgg")
        arrays = {name: (array + 3) % 10 for name, array in np.load(path).items()}
        np.savez(path, **arrays)
    finding = plant.found(7)
    assert finding.verdict == "cannot tell"
    assert "Newcombe" in finding.measured
    assert "McNemar" not in finding.measured


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"profile": "quick"}, "by its profile quick"),
        ({"dataset": "fashion_mnist_sample"}, "on fashion_mnist_sample"),
        ({"accuracy": None, "status": "failed", "reason": "no space"}, "no space"),
        ({"equivalent": False, "status": "not equivalent", "reason": "not one function"}, "not one function"),
        ({"correct": 6_001, "accuracy": 0.6001}, "the predictions of shallownet have 6,000 of 10,000 right"),
        ({"correct": 6_001}, "not of one run"),
        ({"accuracy": float("nan")}, "accuracy is nan: expected a finite number"),
        ({"correct": 10_001}, "correct is 10001: expected no more than all 10000"),
        ({"correct": 0, "total": 0}, "total is 0: expected more than 0"),
    ],
)
def test_only_the_lectures_experiment_counts(plant: Plant, change: dict[str, Any], reason: str) -> None:
    plant.network("mlp_cifar10_relu_1", HALF)
    plant.network("shallownet", share(6_000), **change)
    finding = plant.found(5)
    assert finding.verdict == "not measured"
    assert reason in finding.measured


def test_other_images_under_a_known_name_do_not_count(plant: Plant) -> None:
    plant.network("lenet5_1x1", share(9_850), dataset="mnist", dataset_digest="0000")
    assert "other images than those published" in plant.found(19).measured
    assert "lenet_mnist is not in this run" in plant.found(6).measured


@pytest.mark.parametrize(
    ("right", "verdicts"),
    [
        (9_950, {6: "holds", 19: "holds"}),  # better than reported
        (9_880, {6: "holds", 19: "holds"}),
        (9_800, {6: "holds", 19: "cannot tell"}),  # over the lower figure, its interval on both sides
        (9_755, {6: "cannot tell", 19: "cannot tell"}),
        (9_500, {6: "does not hold", 19: "does not hold"}),
    ],
)
def test_against_reported_figures(plant: Plant, right: int, verdicts: dict[int, str]) -> None:
    plant.network("lenet_mnist", share(right), dataset="mnist")
    plant.network("lenet5_1x1", share(right), dataset="mnist")
    assert {number: plant.found(number).verdict for number in verdicts} == verdicts


@pytest.mark.parametrize(
    ("right", "verdict"),
    [
        (6_705, "holds"),
        (6_400, "holds"),  # other first weights
        (6_205, "cannot tell"),
        (7_470, "cannot tell"),
        (6_000, "does not hold"),
        (9_800, "does not hold"),  # trained well: not what this recipe gives
    ],
)
def test_an_under_trained_figure_has_a_tolerance(plant: Plant, right: int, verdict: str) -> None:
    plant.network("mnist_cnn", share(right), dataset="mnist")
    finding = plant.found(18)
    assert finding.verdict == verdict
    assert "taken as 62.05 to 74.70 %" in finding.measured


@pytest.mark.parametrize(
    ("strided", "maxpool", "verdict"),
    [
        (share(9_095), share(9_095), "holds"),
        (share(9_060), share(9_100), "holds"),  # significantly fewer, and surely by less than a point
        (share(9_000), share(9_100), "cannot tell"),
        (share(8_950), share(9_100), "does not hold"),
        (share(905, 1_000, shuffled=2), share(910, 1_000, shuffled=1), "cannot tell"),
    ],
)
def test_no_loss_means_less_than_a_point(plant: Plant, strided: np.ndarray, maxpool: np.ndarray, verdict: str) -> None:
    plant.network("fmnist_strided", strided, dataset="fashion_mnist")
    plant.network("fmnist_maxpool", maxpool, dataset="fashion_mnist")
    finding = plant.found(11)
    assert finding.verdict == verdict, finding.measured
    assert finding.numbers["fmnist_strided macs"] == 19_679_360


RISING = [1.2, 1.0, 0.9, 0.85, 0.84, *(0.85 + 0.03 * step for step in range(20))]
FALLING = [1.5 * 0.9**step for step in range(25)]
WAVERING = [1.0 + 0.1 * (-1) ** step for step in range(25)]


@pytest.mark.parametrize(
    ("validation_loss", "verdict"),
    [(RISING, "holds"), (FALLING, "does not hold"), (WAVERING, "cannot tell")],
)
def test_overfitting_shows_in_the_history(plant: Plant, validation_loss: list[float], verdict: str) -> None:
    plant.network("shallow_vgg", HALF)
    assert "no history" in plant.found(8).measured
    plant.history("shallow_vgg", loss=FALLING, validation_loss=validation_loss)
    finding = plant.found(8)
    assert finding.verdict == verdict
    if verdict == "holds":
        assert finding.numbers["epoch of the lowest validation loss"] == 5


LATE = [2.0 - 0.1 * step for step in range(9)] + [1.3 + 0.05 * step for step in range(16)]  # lowest after epoch 9


@pytest.mark.parametrize(
    ("validation_loss", "verdict", "reason"),
    [
        (LATE, "cannot tell", "lowest after epoch 9 of 25"),
        (RISING[:8], "cannot tell", "lowest after epoch 5 of 8"),
        (RISING[:7], "not measured", "7 epochs: expected at least 8"),
        (RISING[:1], "not measured", "1 epochs: expected at least 8"),
        ([2.3] * 25, "cannot tell", "+0.00 (p = 1)"),
    ],
)
def test_overfitting_must_begin_early(
    plant: Plant, validation_loss: list[float], verdict: str, reason: str, capfd: pytest.CaptureFixture[str]
) -> None:
    plant.network("shallow_vgg", HALF)
    plant.history("shallow_vgg", loss=FALLING[: len(validation_loss)], validation_loss=validation_loss)
    finding = plant.found(8)
    assert finding.verdict == verdict, finding.measured
    assert reason in finding.measured
    json.dumps(dict(finding.numbers), allow_nan=False)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("gap", "better", "verdict"),
    [(0.02, 500, "holds"), (0.20, 500, "does not hold"), (0.10, 500, "cannot tell"), (0.02, -500, "does not hold")],
)
def test_dropout_must_raise_and_narrow(plant: Plant, gap: float, better: int, verdict: str) -> None:
    plant.network("shallow_vgg", share(7_000))
    plant.network("shallow_vgg_dropout", share(7_000 + better))
    for name, training in (("shallow_vgg", 0.80), ("shallow_vgg_dropout", 0.70 + gap)):
        plant.history(name, loss=FALLING, training=training, validation=0.70, validated_on="validation")
    finding = plant.found(9)
    assert finding.verdict == verdict, finding.measured
    narrowing = [finding.numbers[f"shallow_vgg_dropout, gap narrower by{end}"] for end in ("", " low", " high")]
    assert narrowing[0] == pytest.approx(0.10 - gap)
    # A normal approximation of four independent shares, of 45,000 and 5,000 images each.
    variances = [p * (1 - p) / n for p, n in ((0.8, 45_000), (0.7 + gap, 45_000), (0.7, 5_000), (0.7, 5_000))]
    assert narrowing[2] - narrowing[1] == pytest.approx(2 * 1.96 * math.sqrt(sum(variances)), rel=0.01)


@pytest.mark.parametrize(
    ("mlp", "cnn", "verdict"),
    [
        (0.85, 0.78, "holds"),
        (0.85, 0.90, "does not hold"),
        (0.78, 0.78, "does not hold"),
        (0.85, 0.79, "cannot tell"),
    ],
)
def test_a_gap_is_wider_than_a_point(plant: Plant, mlp: float, cnn: float, verdict: str) -> None:
    for name, training in (("mlp_cifar10_relu_5", mlp), ("cifar10_bn_elu", cnn)):
        plant.network(name, share(7_800))
        plant.history(name, loss=FALLING, training=training, validation=0.78)
    assert plant.found(17).verdict == verdict


@pytest.mark.parametrize(("two", "verdict"), [(0.6374, "holds"), (0.5300, "cannot tell"), (0.5100, "does not hold")])
def test_deeper_mlps_must_have_a_gap(plant: Plant, two: float, verdict: str) -> None:
    for name, training, right in (
        ("mlp_cifar10_relu_1", 0.5000, 4_748),
        ("mlp_cifar10_relu_2", two, 5_144),
        ("mlp_cifar10_relu_5", 0.8560, 4_845),
    ):
        plant.network(name, share(right))
        plant.history(name, loss=FALLING, training=training, validation=right / 1e4)
    plant.network("deeper_vgg_dropout", share(8_000))
    finding = plant.found(16)
    assert finding.verdict == verdict, finding.measured


@pytest.mark.parametrize(("test", "verdict"), [(0.704, "holds"), (0.706, "not measured"), (0.694, "not measured")])
def test_a_history_is_of_the_training_of_its_row(plant: Plant, test: float, verdict: str) -> None:
    plant.network("shallow_vgg", share(7_000))
    plant.history("shallow_vgg", loss=FALLING, validation_loss=RISING, test=test)
    finding = plant.found(8)
    assert finding.verdict == verdict
    assert ("of another training than its row" in finding.measured) == (verdict == "not measured")


def test_more_layers_raise_training_alone(plant: Plant) -> None:
    for name, training in (("mlp_fmnist_relu_1", 0.97), ("mlp_fmnist_relu_3", 0.99)):
        plant.network(name, share(8_870), dataset="fashion_mnist")
        plant.history(name, loss=FALLING, training=training, validation=0.887)
    assert plant.found(15).verdict == "holds"
    plant.history("mlp_fmnist_relu_3", loss=FALLING, training=0.96, validation=0.887)
    assert plant.found(15).verdict == "does not hold"


@pytest.mark.parametrize(
    ("without", "verdict"), [(2.0e-4, "holds"), (0.9e-4, "does not hold"), (1.01e-4, "cannot tell")]
)
def test_latencies_of_one_run_are_compared(plant: Plant, without: float, verdict: str) -> None:
    for name, value in (("lenet_mnist", 1e-4), ("lenet_mnist_nopool", without)):
        plant.row(name, threads=1, latency_median_s=value, latency_low_s=0.98 * value, latency_high_s=1.02 * value)
    plant.row("lenet_mnist", threads=2, latency_median_s=1e-5, latency_low_s=1e-6, latency_high_s=1e-4)
    finding = plant.found(33)
    assert finding.verdict == verdict
    ratio = [finding.numbers[f"{ONE_THREAD}: without / with{end}"] for end in ("", " low", " high")]
    spread = math.hypot(math.log(1.02), math.log(0.98))
    assert ratio[0] == pytest.approx(without / 1e-4)
    assert ratio[2] / ratio[0] == pytest.approx(math.exp(spread), rel=1e-6)


def test_latencies_of_two_providers_are_not_compared(plant: Plant) -> None:
    for name, provider in (
        ("lenet_mnist", "CUDAExecutionProvider"),
        ("lenet_mnist_nopool", "TensorrtExecutionProvider"),
    ):
        plant.row(
            name, device="gpu", provider=provider, latency_median_s=1e-4, latency_low_s=0.9e-4, latency_high_s=1.1e-4
        )
    assert plant.found(33).verdict == "not measured"


@pytest.mark.parametrize("low", [0.0, -1e-4, math.nan, math.inf])
def test_a_latency_that_cannot_be_is_a_reason(plant: Plant, low: float) -> None:
    for name in ("lenet_mnist", "lenet_mnist_nopool"):
        plant.row(name, threads=1, latency_median_s=1e-4, latency_low_s=low, latency_high_s=1.1e-4)
    finding = plant.found(33)
    assert finding.verdict == "not measured"
    assert "latency_low_s is" in finding.measured


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [
        ((570, 296, 280), "holds"),
        ((570, 200, 190), "does not hold"),  # faster than in proportion to the MACs
        ((570, 296, 300), "does not hold"),
        ((570, 296, 295.5), "cannot tell"),
    ],
)
def test_epochs_take_less_but_not_in_proportion(plant: Plant, seconds: tuple[float, ...], verdict: str) -> None:
    for name, taken in zip(("fmnist_conv7", "fmnist_maxpool", "fmnist_strided"), seconds, strict=True):
        plant.network(name, HALF, dataset="fashion_mnist")
        plant.history(name, loss=FALLING[:10], seconds=taken)
    assert plant.found(37).verdict == verdict


@pytest.mark.parametrize(
    ("change", "verdict", "text"),
    [
        (
            {"trained_in": "keras"},
            "not measured",
            "trainings are not alike: keras in bfloat16, torch in bfloat16",
        ),
        ({"training_precision": "float32"}, "not measured", "torch in bfloat16, torch in float32"),
        ({}, "holds", "fmnist_conv7 trained in bfloat16; fmnist_maxpool trained in bfloat16"),
    ],
)
def test_times_of_training_compare_in_one_setting(
    plant: Plant, change: dict[str, Any], verdict: str, text: str
) -> None:
    for name, taken in (("fmnist_conv7", 570), ("fmnist_maxpool", 296), ("fmnist_strided", 280)):
        setting = {"training_precision": "bfloat16", **(change if name == "fmnist_maxpool" else {})}
        plant.network(name, HALF, dataset="fashion_mnist", **setting)
        plant.history(name, loss=FALLING[:10], seconds=taken)
    finding = plant.found(37)
    assert finding.verdict == verdict
    assert text in finding.measured


def plant_figure(
    plant: Plant, seconds: Callable[[Architecture], float], number: int = 14, of_set: str = "figure"
) -> None:
    """A run of the figure's networks whose latencies are known, of random weights."""
    for network in catalog.select([], of_set)[:number]:
        median = seconds(network)
        plant.row(
            network.name, params=network.params, macs=network.macs, threads=2, latency_median_s=median,
            latency_low_s=0.999 * median, latency_high_s=1.001 * median,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "number", "verdict"),
    [
        (lambda network: 0.01 + network.macs / 1e11, 14, "holds"),
        (lambda network: 0.5 - network.macs / 1e11, 14, "does not hold"),
        (lambda network: 0.1 + 0.01 * (len(network.name) % 3), 14, "does not hold"),
        (lambda network: network.params / 1e9, 14, "cannot tell"),  # VGG has most of both
        (lambda network: 0.01 + network.macs / 1e11, 5, "cannot tell"),
    ],
)
def test_operations_predict_time(
    plant: Plant, seconds: Callable[[Architecture], float], number: int, verdict: str
) -> None:
    plant_figure(plant, seconds, number)
    finding = plant.found(46)
    assert finding.verdict == verdict, finding.measured
    if verdict == "holds":
        assert finding.numbers["R²"] == pytest.approx(1)
        assert finding.numbers["slope"] == pytest.approx(5)  # ms by 2 MACs, in billions
        assert "the line is off by 0 %" in finding.measured


def test_claims_of_today_need_its_networks_and_hold_or_not_by_them(plant: Plant) -> None:
    plant_figure(plant, lambda network: 0.01 + network.macs / 1e11)
    assert (plant.found(46).verdict, plant.found(51).verdict, plant.found(52).verdict) == (
        "holds", "not measured", "not measured",
    )  # fmt: skip
    assert "`harness run --set today`" in plant.found(51).measured
    plant_figure(plant, lambda network: 0.01 + network.macs / 1e11, 8, "modern")
    finding = plant.found(51)
    assert (finding.verdict, len([name for name in finding.numbers if name.endswith("residual ms")])) == ("holds", 22)


def test_the_slow_networks_of_today_take_a_claim_of_2016_down(plant: Plant) -> None:
    plant_figure(plant, lambda network: 0.01 + network.macs / 1e11)
    plant_figure(plant, lambda network: 1.0 - network.macs / 1e10, 8, "modern")
    assert (plant.found(46).verdict, plant.found(51).verdict) == ("holds", "does not hold")


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [
        (lambda accuracy: 0.02 / (0.85 - accuracy), "holds"),
        (lambda accuracy: (accuracy - 0.5) / 10, "cannot tell"),  # a straight line
        (lambda accuracy: 1 / accuracy, "cannot tell"),  # the most accurate is the fastest, and alone on the front
        (lambda accuracy: 0.001 * (1.0 if accuracy < 0.6 else 900 + 100 * accuracy), "does not hold"),
    ],
)
def test_accuracy_and_time_are_hyperbolic(plant: Plant, seconds: Callable[[float], float], verdict: str) -> None:
    def taken(network: Architecture) -> float:
        assert network.published is not None
        return seconds(network.published.accuracy)

    plant_figure(plant, taken)
    finding = plant.found(48)
    assert finding.verdict == verdict, finding.measured


@pytest.mark.parametrize(
    ("right", "verdict"),
    [((700, 800, 900), "holds"), ((700, 702, 900), "cannot tell"), ((800, 700, 900), "does not hold")],
)
def test_the_order_by_measured_accuracy(plant: Plant, right: tuple[int, ...], verdict: str) -> None:
    for name, count in zip(("resnet18", "resnet34", "resnet50"), right, strict=True):
        given = {"correct": count, "total": 1_000, "accuracy": count / 1_000, "dataset": "imagenet"}
        plant.row(name, params=1, macs=1, **given)
    finding = measured_order(Evidence(plant.folder))
    assert finding.verdict == verdict
    assert plant.found(47).verdict == ("does not hold" if verdict == "does not hold" else "cannot tell")
    assert "too close to tell: vgg16 and vgg19, resnet101 and resnet152" in plant.found(47).measured


def test_what_has_no_amount_cannot_be_told(plant: Plant) -> None:
    plant.network("shallow_vgg", HALF, training_precision="bfloat16")
    plant.history("shallow_vgg", loss=FALLING, seconds=60)
    finding = plant.found(38)
    assert finding.verdict == "cannot tell"
    assert finding.numbers["shallow_vgg seconds"] == pytest.approx(60 * 25, rel=0.02)
    assert "shallow_vgg trained in bfloat16" in finding.measured
    assert plant.found(20).verdict == "not measured"  # nothing here differs in its batch norm alone


def _change(history: dict[str, Any], name: str, value: Any) -> None:
    """Change a figure of the third epoch, or where it has none of that name, of the history."""
    third = history["epochs"][2]
    (third if name in third else history)[name] = value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", []),
        ("epochs", None),
        ("epochs", [None]),
        ("epochs", "abc"),
        ("epoch", 7),
        ("epoch", None),
        ("loss", None),
        ("loss", math.nan),
        ("validation_loss", math.inf),
        ("validation_loss", "1.0"),
        ("loss", 10**400),
        ("accuracy", 1.01),
        ("accuracy", True),
        ("validation_accuracy", -0.01),
        ("validation_accuracy", math.nan),
        ("seconds", 0),
        ("seconds", -1.0),
        ("seconds", None),
        ("test_accuracy", None),
        ("test_loss", None),
        ("validated_on", "train"),
        ("validated_on", None),
        ("more", 1),
    ],
)
def test_a_damaged_history_is_a_reason(plant: Plant, name: str, value: Any) -> None:
    for network in ("shallow_vgg", "shallownet"):
        plant.network(network, HALF)
    plant.history("shallow_vgg", loss=FALLING, validation_loss=RISING, validated_on="validation", test=0.5)
    history = json.loads(plant.history_file("shallow_vgg").read_text())
    _change(history, name, value)
    plant.history_file("shallow_vgg").write_text(json.dumps(history))
    for number in (8, 20, 38):
        finding = plant.found(number)
        assert finding.verdict == "not measured"
        assert number == 20 or "the history of shallow_vgg" in finding.measured
    assert plant.found(7).verdict == "cannot tell"  # it needs no history


def test_a_split_that_the_recipe_does_not_hold_out_is_a_reason(plant: Plant) -> None:
    plant.network("mlp_cifar10_relu_5", HALF)
    plant.history("mlp_cifar10_relu_5", loss=FALLING, validated_on="validation")
    plant.network("cifar10_bn_elu", HALF)
    plant.history("cifar10_bn_elu", loss=FALLING)
    assert "its recipe holds none out" in plant.found(17).measured


GOOD = np.arange(10_000) % 10


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"labels": GOOD, "torch": GOOD[:-1]}, "9,999 for 10,000"),
        ({"labels": np.array(3), "torch": GOOD}, "as labels, found int64 ()"),
        ({"labels": GOOD, "torch": np.array(3)}, "as torch, found int64 ()"),
        ({"labels": GOOD[:, None], "torch": GOOD[:, None]}, "(10000, 1)"),
        ({"labels": GOOD[:0], "torch": GOOD[:0]}, "(0,)"),
        ({"labels": GOOD.astype(str), "torch": GOOD}, "as labels, found <U"),
        ({"labels": GOOD, "torch": GOOD / 2}, "as torch, found float64"),
        ({"torch": GOOD}, "labels"),
        ({"labels": GOOD}, "torch"),
        ({"labels": GOOD, "torch": np.array([None] * 10_000)}, "Object arrays"),
    ],
)
def test_damaged_predictions_are_a_reason(plant: Plant, arrays: dict[str, np.ndarray], reason: str) -> None:
    plant.network("shallow_vgg", HALF)
    plant.network("shallownet", HALF)
    np.savez(plant.predictions_file("shallownet"), **arrays)
    finding = plant.found(7)
    assert finding.verdict == "not measured"
    assert "predictions" in finding.measured
    assert "shallownet" in finding.measured
    assert reason in finding.measured


def test_a_garbled_file_is_a_reason(plant: Plant) -> None:
    plant.network("shallow_vgg", HALF)
    for content in (b"[]", b"", b"\xff\xfe", b"[" * 100_000):
        plant.history_file("shallow_vgg").write_bytes(content)
        assert "the history of shallow_vgg is none" in plant.found(8).measured
    plant.network("shallownet", HALF)
    whole = plant.predictions_file("shallow_vgg").read_bytes()
    plain_array = io.BytesIO()
    np.save(plain_array, GOOD)
    with np.load(plant.predictions_file("shallow_vgg")) as arrays:
        np.savez_compressed(plant.predictions_file("shallow_vgg"), **arrays)
    compressed = bytearray(plant.predictions_file("shallow_vgg").read_bytes())
    compressed[60:160] = bytes(100)
    for content in (b"PK\x03\x04 torn", whole[: len(whole) // 2], b"", plain_array.getvalue(), bytes(compressed)):
        plant.predictions_file("shallow_vgg").write_bytes(content)
        finding = plant.found(7)
        assert finding.verdict == "not measured"
        assert "shallow_vgg.npz: expected predictions of a run" in finding.measured


def test_parts_are_told_by_the_worst_verdict() -> None:
    holds = judge("so", {"a": 1}, holds=True)
    open_one = judge("so or so", {"b": 2}, holds=False, fails=False)
    fails = judge("not so", {}, holds=False)
    claim = Claim(number=0, lecture="", says="", checks=(lambda _: holds, undecided("no way"), lambda _: open_one))
    finding = claim.check(Evidence())
    assert finding.verdict == "not measured"
    assert finding.measured == "holds: so; not measured: no way; cannot tell: so or so"
    assert finding.numbers == {"a": 1, "b": 2}
    assert together([holds, open_one, fails]).verdict == "does not hold"
    assert together([holds, holds]).measured == "so"


# --- the statistics ---


@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemar_is_a_sum_of_binomial_coefficients(one: int, other: int) -> None:
    tail = sum(math.comb(one + other, count) for count in range(min(one, other) + 1)) / 2 ** (one + other)
    assert significance.mcnemar(one, other) == pytest.approx(min(1.0, 2 * tail), rel=1e-9)


def _answers(both: int, first: int, second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    kinds = np.repeat([0, 1, 2, 3], [both, first, second, neither])
    return np.isin(kinds, (0, 1)), np.isin(kinds, (0, 2))


@pytest.mark.parametrize(
    ("table", "value", "low", "high"),
    [
        ((36, 12, 2, 0), 0.2000, 0.0569, 0.3404),  # Newcombe 1998 (paired), his table of examples
        ((59, 6, 16, 80), -0.0621, -0.1186, -0.0046),  # Cavo et al. 2012, by the R package contingencytables
    ],
)
def test_paired_intervals_are_the_published_ones(
    table: tuple[int, int, int, int], value: float, low: float, high: float
) -> None:
    found = significance.paired(*_answers(*table)).difference
    assert (found.value, found.low, found.high) == pytest.approx((value, low, high), abs=5e-5)


def test_the_unpaired_interval_is_the_published_one() -> None:
    found = significance.unpaired(significance.share(56, 70), significance.share(48, 80)).difference
    assert (found.value, found.low, found.high) == pytest.approx((0.2000, 0.0524, 0.3339), abs=5e-5)  # Newcombe 1998


def test_a_median_of_few_values_carries_no_interval() -> None:
    found = significance.median([float(value) for value in range(1, 11)])
    assert found == Estimate(value=5.5, low=2.0, high=9.0)  # the sign test's interval of ten values
    with pytest.raises(HarnessError, match="at least 6"):
        significance.median([1.0] * 5)


# --- the command line, and the documentation ---


def test_the_command_prints_findings(harness: Harness, plant: Plant) -> None:
    plant.network("mlp_cifar10_relu_1", HALF)
    plant.network("shallownet", share(4_000))
    done = harness("claims", str(plant.folder), "--only", "22", "5", "--format", "json")
    assert done.returncode == 0, done.stderr
    (first, second) = json.loads(done.stdout)
    assert (first["claim"], first["verdict"]) == (5, "does not hold")
    assert first["numbers"]["shallownet accuracy"] == 0.4
    assert (second["claim"], second["verdict"]) == (22, "holds")
    noted, counted = done.stderr.strip().splitlines()
    assert "has no manifest.json" in noted
    assert counted == "does not hold: 1, holds: 1"

    done = harness("claims", "--only", "5", "--format", "csv")
    (line,) = csv.DictReader(io.StringIO(done.stdout))
    assert list(line) == ["claim", "lecture", "says", "verdict", "measured"]
    assert line["verdict"] == "not measured"


def test_a_damaged_run_loses_one_verdict(harness: Harness, plant: Plant) -> None:
    for name, right in (("shallownet", 6_000), ("shallow_vgg", 7_000)):
        plant.network(name, share(right))
    plant.history("shallow_vgg", loss=FALLING)
    history = json.loads(plant.history_file("shallow_vgg").read_text())
    plant.history_file("shallow_vgg").write_text(json.dumps({**history, "epochs": []}))
    done = harness("claims", str(plant.folder), "--only", "7", "8", "--format", "json")
    assert (done.returncode, done.stderr.strip().splitlines()[-1]) == (0, "holds: 1, not measured: 1")
    assert [finding["verdict"] for finding in json.loads(done.stdout)] == ["holds", "not measured"]


def on_a_terminal(width: int, *arguments: str) -> str:
    """What `harness claims` shows on a terminal of so many columns."""
    near, far = pty.openpty()
    fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("4H", 50, width, 0, 0))
    told = bytearray()

    def listen() -> None:
        try:
            while part := os.read(near, 1024):
                told.extend(part)
        except OSError:  # Linux: the other end is closed
            pass

    listener = threading.Thread(target=listen)
    listener.start()
    terminal = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    command = [sys.executable, "-m", "harness", "claims", *arguments]
    subprocess.run(command, stdout=far, stderr=subprocess.DEVNULL, env={**terminal, "TERM": "xterm"}, check=True)
    os.close(far)
    listener.join()
    os.close(near)
    return re.sub(r"\x1b\[[0-9;]*m", "", told.decode()).replace("\r", "")


@pytest.mark.parametrize("width", [None, 60, 99, 120])
def test_names_and_numbers_are_whole(harness: Harness, plant: Plant, width: int | None) -> None:
    names = ("mlp_fmnist_sigmoid_sgd", "mlp_fmnist_sigmoid_sgd_normal", "mlp_fmnist_sigmoid_2")
    for name, right in zip(names, (7_480, 6_988, 8_836), strict=True):
        plant.network(name, share(right), dataset="fashion_mnist")
    arguments = (str(plant.folder), "--only", "3", "10", "13")
    shown = on_a_terminal(width, *arguments) if width else harness("claims", *arguments).stdout
    (vgg, deeper, mlps) = json.loads(harness("claims", *arguments, "--format", "json").stdout)
    words = {word for line in (vgg, deeper, mlps) for part in ("says", "measured") for word in line[part].split()}
    assert {"15,470,264,320", "mlp_fmnist_sigmoid_sgd_normal"} <= words
    assert words <= set(shown.split())
    lines = shown.splitlines()
    assert max(map(len, lines)) <= (width or 100)
    if width == 120:
        assert lines[0].split() == ["claim", "lecture", "says", "verdict", "measured"]
    else:
        assert [line for line in lines if line and line[0] != " "] == ["3  holds", "10  not measured", "13  holds"]
        assert any("74.8 % [73.9, 75.6]" in line for line in lines)


def test_the_command_refuses_bad_input(harness: Harness, tmp_path: Path) -> None:
    for arguments in (["claims", str(tmp_path / "none")], ["claims", "--only", "4"], ["claims", "--only", "x"]):
        done = harness(*arguments)
        assert done.returncode == 2
        assert done.stdout == ""
        assert "Traceback" not in done.stderr


def test_the_documented_examples_hold(tmp_path: Path) -> None:
    text = (ROOT / "docs/claims.md").read_text()
    examples = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(examples) == 2
    for number, example in enumerate(examples):
        file = tmp_path / f"example_{number}.py"
        file.write_text(example)
        spec = importlib.util.spec_from_file_location(file.stem, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        assert [claim.check(Evidence()).verdict for claim in module.CLAIMS] == ["holds"]
        assert not {claim.number for claim in module.CLAIMS} & {claim.number for claim in claims.ALL}
