"""The LeNet of Ted Scully's lecture: LeNet 5's plan with more filters and same padding."""

from harness.architecture import Architecture, Optimizer, Published, Recipe

SOURCE = "T. Scully, Convolutional Neural Networks (Part 2)"

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
        published=Published(accuracy=0.988, dataset="mnist", split="test", source=SOURCE),
        recipes={
            "lecture": Recipe(
                dataset="mnist",
                optimizer=Optimizer(name="sgd", learning_rate=0.01),
                batch=128,
                epochs=100,
                source=SOURCE,
            ),
            "quick": Recipe(
                dataset="fashion_mnist_sample",
                optimizer=Optimizer(name="adam", learning_rate=0.001),
                batch=64,
                epochs=4,
            ),
        },
    ),
)
