"""How long is an epoch of lenet_mnist on 60,000 images: by this harness, and by what a user would write?

Four contestants train the same definition with the lecture's optimizer and batch: the harness in
PyTorch, the plain PyTorch loop (TensorDataset, DataLoader, channels first), the harness in Keras, and
plain `model.fit`. Each epoch is timed in a fresh process after one that is not counted; contestants
take turns in random order. MNIST where it is at hand, else random images of its size.

Example:
  python -m benchmarks.experiments.training_speed --rounds 5
"""

import argparse
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from harness.data import datasets, images
from harness.errors import HarnessError
from harness.frameworks import training
from harness.machine import processors
from harness.networks import catalog

Epoch = Callable[[], object]
ARCHITECTURE = catalog.get("lenet_mnist")
RECIPE = ARCHITECTURE.recipes["lecture"]


def harness_torch(data: images.Images, precision: training.Precision) -> Epoch:
    return _harness("torch", data, precision)


def harness_keras(data: images.Images, precision: training.Precision) -> Epoch:
    return _harness("keras", data, precision)


def _harness(framework: str, data: images.Images, precision: training.Precision) -> Epoch:
    import importlib

    module = importlib.import_module(f"harness.train_{framework}")
    trainer = module.begin(ARCHITECTURE, RECIPE, 0, {}, precision)
    return lambda: training._one_epoch(trainer, RECIPE, data, 0, 0, lambda *_: None)


def plain_torch(data: images.Images, _: training.Precision) -> Epoch:
    import torch
    from torch.nn import functional
    from torch.utils.data import DataLoader, TensorDataset

    from harness.frameworks import torch_training

    model = torch_training.build(ARCHITECTURE)
    optimizer = torch.optim.SGD(model.parameters(), lr=RECIPE.optimizer.learning_rate)
    x = torch.from_numpy(data.scaled(data.x_train)).permute(0, 3, 1, 2).contiguous()
    loader = DataLoader(TensorDataset(x, torch.from_numpy(data.y_train)), batch_size=RECIPE.batch, shuffle=True)

    def epoch() -> None:
        for batch, labels in loader:
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(batch), labels)
            loss.backward()
            optimizer.step()

    return epoch


def plain_keras(data: images.Images, _: training.Precision) -> Epoch:
    import keras

    from harness.frameworks import keras_training

    model = keras_training.build(ARCHITECTURE)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(RECIPE.optimizer.learning_rate), loss, metrics=["accuracy"])
    x = data.scaled(data.x_train)
    return lambda: model.fit(x, data.y_train, batch_size=RECIPE.batch, epochs=1, verbose=0)


CONTESTANTS = {
    "harness torch": harness_torch,
    "plain torch": plain_torch,
    "harness keras": harness_keras,
    "plain keras": plain_keras,
}


def mnist() -> images.Images:
    """MNIST as the recipe feeds it; random images of its size where it is not at hand."""
    try:
        data = datasets.load("mnist")
    except HarnessError:
        random_state = np.random.default_rng(0)
        x = random_state.integers(0, 256, (70_000, 28, 28), np.uint8)
        y = random_state.integers(0, 10, 70_000).astype(np.uint8)
        data = datasets.Dataset(
            name="random", source="", genuine=False, license="", classes=10,
            x_train=x[:60_000], y_train=y[:60_000], x_test=x[60_000:], y_test=y[60_000:],
        )  # fmt: skip
    return images.prepare(data, ARCHITECTURE, RECIPE)


def once(contestant: str, precision: training.Precision) -> None:
    """In a process of its own: one epoch to warm up, one that is printed in seconds."""
    if "keras" in contestant:
        from harness.frameworks import keras_training

        keras_training.set_threads(processors.threads_available())
    epoch = CONTESTANTS[contestant](mnist(), precision)
    epoch()
    start = time.perf_counter()
    epoch()
    print(time.perf_counter() - start)


def main() -> int:
    """Measure in turns, and print each contestant's median and its ratio to the plain way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--precision", choices=training.PRECISIONS, default="float32", help="of the harness' own")
    parser.add_argument("--once", choices=CONTESTANTS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.once:
        once(args.once, args.precision)
        return 0
    seconds: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    for number in range(args.rounds):
        for name in random.Random(number).sample(list(CONTESTANTS), len(CONTESTANTS)):
            seconds[name].append(_measured(name, args.precision))
            print(f"round {number + 1}: {name} {seconds[name][-1]:.2f} s", file=sys.stderr)
    for name, found in seconds.items():
        ratios = [ours / plain for ours, plain in zip(found, seconds[f"plain {name.split()[1]}"], strict=True)]
        print(f"{name:14} median {statistics.median(found):6.2f} s  (min {min(found):.2f}, max {max(found):.2f})  "
              f"ratio to plain, by round: median {statistics.median(ratios):.3f} (max {max(ratios):.3f})")  # fmt: skip
    return 0


def _measured(contestant: str, precision: str) -> float:
    command: list[Any] = [sys.executable, "-m", "benchmarks.experiments.training_speed", "--once", contestant]
    done = subprocess.run(
        [*command, "--precision", precision],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    return float(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    sys.exit(main())
