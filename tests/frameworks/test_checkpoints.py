"""A training that is killed goes on from its last epoch to the very same weights as one that is not."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.frameworks import checkpoints, training, weights
from harness.frameworks.checkpoints import Checkpoint
from harness.frameworks.training import Epoch, History
from harness.networks import catalog
from harness.networks.architecture import Architecture, Recipe
from tests.frameworks.test_training import OPTIMIZERS, WITH_DROPOUT, images_of, recipe_of

EPOCHS = 3


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads that wait for one another are slow where others work, too."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Killed(BaseException):
    """As a signal that nobody catches."""


def trained(
    framework: str,
    recipe: Recipe,
    checkpoint: Path | None = None,
    killed_at: float = 2.0,
    precision: training.Precision = "float32",
    network: Architecture = WITH_DROPOUT,
) -> tuple[weights.Weights, History]:
    def progress(share: float, epoch: Epoch | None) -> None:
        if share > killed_at:
            raise Killed

    return training.train(
        framework, network, recipe, images_of(network, recipe), seed=3, progress=progress, precision=precision,
        checkpoint=checkpoint,
    )  # fmt: skip


def same(one: tuple[weights.Weights, History], other: tuple[weights.Weights, History]) -> bool:
    epochs, others = ([replace(epoch, seconds=0) for epoch in found[1].epochs] for found in (one, other))
    equal = all(np.array_equal(one[0][name], other[0][name]) for name in one[0])
    return equal and epochs == others and one[1].test_loss == other[1].test_loss


@pytest.mark.parametrize(
    ("framework", "optimizer"),
    [*(("torch", name) for name in ("sgd", "sgd with momentum", "adam", "rmsprop", "adadelta")), ("keras", "adam")],
)
def test_a_killed_training_comes_to_the_very_same_weights(framework: str, optimizer: str, tmp_path: Path) -> None:
    """With batch norm, dropout and augmentation; killed within the second epoch, and once more as the third ends."""
    recipe = recipe_of(WITH_DROPOUT, optimizer=OPTIMIZERS[optimizer], training_images=48, batch=20, epochs=EPOCHS)
    whole = trained(framework, recipe)
    checkpoint = tmp_path / "checkpoint" / "digest.safetensors"
    for killed_at in (1.5 / EPOCHS, 2.5 / EPOCHS):
        with pytest.raises(Killed):
            trained(framework, recipe, checkpoint, killed_at)
        assert [file.name for file in checkpoint.parent.iterdir()] == [checkpoint.name]
    found = checkpoints.load(checkpoint)
    assert found is not None
    assert [epoch["epoch"] for epoch in found.epochs] == [1, 2]
    assert same(trained(framework, recipe, checkpoint), whole)


def test_so_does_one_in_a_lower_precision(tmp_path: Path) -> None:
    recipe = recipe_of(WITH_DROPOUT, training_images=48, batch=20, epochs=2)
    whole = trained("torch", recipe, precision="bfloat16")
    with pytest.raises(Killed):
        trained("torch", recipe, tmp_path / "a", 0.7, precision="bfloat16")
    assert same(trained("torch", recipe, tmp_path / "a", precision="bfloat16"), whole)


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "no file of weights"])
def test_a_damaged_checkpoint_is_none(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    checkpoints.save(path, Checkpoint(state={"a": np.arange(9.0), "b": np.array(3, np.uint32)}, epochs=[{"epoch": 1}]))
    found = checkpoints.load(path)
    assert found is not None
    assert found.state["b"].shape == ()
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    damaged = {"cut": content[:-3], "flipped": content, "empty": b"", "no file of weights": b"[" * 100}
    path.write_bytes(damaged[damage])
    assert checkpoints.load(path) is None


def test_a_checkpoint_of_which_a_bit_has_flipped_is_none_or_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    checkpoints.save(path, Checkpoint(state={"a": np.arange(3.0)}, epochs=[{"epoch": 1, "loss": 0.25}]))
    content = path.read_bytes()
    taken = 0
    for at in range(len(content)):
        flipped = bytearray(content)
        flipped[at] ^= 1 << (at % 7)
        path.write_bytes(flipped)
        found = checkpoints.load(path)
        if found is not None:
            taken += 1
            assert found.epochs == [{"epoch": 1, "loss": 0.25}]
            assert found.state["a"].tolist() == [0.0, 1.0, 2.0]
    assert taken < len(content) / 10


def test_a_checkpoint_is_kept_of_what_takes_hours_and_gone_once_it_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.machine import cache
    from harness.pieces import plan
    from harness.pieces.request import Request

    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    asked = Request(architecture=catalog.get("lenet5_1x1"), profile="quick", trained_in="torch", seed=0)
    piece = plan.train(asked)
    assert piece.checkpoint is None
    lecture = replace(piece, request=replace(asked, profile="lecture"))
    assert lecture.checkpoint is not None
    checkpoints.save(lecture.checkpoint, Checkpoint(state={"a": np.zeros(2)}, epochs=[]))
    cache.sweep()
    assert lecture.checkpoint.is_file(), "it is not trained yet"
    with cache.building(lecture.folder) as folder:
        (folder / "weights.safetensors").touch()
    cache.sweep()
    assert not lecture.checkpoint.exists()
