"""Make the sample of Fashion-MNIST that is installed with the harness.

    python -m harness.data.make_fashion_mnist_sample harness/data/fashion_mnist_sample.npz

6,000 training and 2,000 test images, each class equally often, drawn from the training and the
test split of Fashion-MNIST (https://github.com/zalandoresearch/fashion-mnist, Zalando SE, MIT
licence) and kept in their order.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.data import datasets
from harness.errors import HarnessError

Bytes = NDArray[np.uint8]


SEED = 2017


def make(full: datasets.Dataset) -> dict[str, Bytes]:
    """The four arrays of the sample, taken from the full data set."""
    random = np.random.RandomState(SEED)  # NumPy promises its stream, unlike that of a Generator
    facts = datasets.FACTS[datasets.SAMPLE]
    arrays = {}
    for split, images, labels, wanted in (
        ("train", full.x_train, full.y_train, facts.training_images),
        ("test", full.x_test, full.y_test, facts.test_images),
    ):
        drawn = [
            random.permutation(np.flatnonzero(labels == label))[: wanted // datasets.CLASSES]
            for label in range(datasets.CLASSES)
        ]
        chosen = np.sort(np.concatenate(drawn))
        arrays[f"x_{split}"], arrays[f"y_{split}"] = images[chosen], labels[chosen]
    return arrays


def main() -> None:
    """Write the sample to the path given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="the .npz file to write")
    output: Path = parser.parse_args().output
    try:
        full = datasets.load("fashion_mnist")
    except HarnessError as error:
        parser.error(str(error))
    if not full.genuine:
        parser.error(f"expected the published Fashion-MNIST, found other content in {full.source}")
    np.savez_compressed(output, allow_pickle=False, **make(full))


if __name__ == "__main__":
    main()
