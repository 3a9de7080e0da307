"""The LeNet of Ted Scully's lecture, LeNet 5's plan with more filters and same padding; with and without a pooling."""

from dataclasses import replace

from harness import Architecture, Optimizer, Published, Recipe

SOURCE = "T. Scully, Convolutional Neural Networks (Part 2)"

QUICK = Recipe(
    dataset="fashion_mnist_sample",
    optimizer=Optimizer(name="adam", learning_rate=0.001),
    batch=64,
    epochs=4,
)

ARCHITECTURES = (
    Architecture(
        name="lenet_mnist",
        family="lenet",
        sets=("lectures",),
        source="scully_lenet_mnist",
        dataset="mnist",
        input_shape=(28, 28, 1),
        outputs=10,
        params=1_256_080,
        macs=6_522_000,
        options={"second_pooling": True},
        published=Published(accuracy=0.988, dataset="mnist", split="test", source=SOURCE),
        recipes={
            "lecture": Recipe(
                dataset="mnist",
                optimizer=Optimizer(name="sgd", learning_rate=0.01),
                batch=128,
                epochs=100,
                reported={"test": 0.988},
                source=f"{SOURCE}; its 99 % of validation is this same figure, of the same test images",
            ),
            "quick": QUICK,
        },
    ),
    Architecture(
        name="lenet_mnist_nopool",
        family="lenet",
        sets=("lectures",),
        source="scully_lenet_mnist_nopool2",
        dataset="mnist",
        input_shape=(28, 28, 1),
        outputs=10,
        params=4_931_080,
        macs=10_197_000,
        options={"second_pooling": False},
        deviations=(
            'The lecture calls it "without Pooling", but its summary lacks the second pooling alone, as here; '
            "without either it would have 19,631,080 parameters.",
        ),
        recipes={
            "lecture": Recipe(
                dataset="mnist",
                optimizer=Optimizer(name="sgd", learning_rate=0.01),
                batch=128,
                epochs=100,
                source=f"{SOURCE} prints no training here: that of its LeNet with both poolings",
            ),
            "quick": replace(QUICK, epochs=3),
        },
    ),
)
