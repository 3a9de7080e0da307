"""ShallowNet of Ted Scully's lecture: the smallest CNN that beats a dense network on CIFAR-10."""

from harness import Architecture, Optimizer, Published, Recipe

SOURCE = "T. Scully, Convolutional Neural Networks (Part 2)"

ARCHITECTURES = (
    Architecture(
        name="shallownet",
        family="shallownet",
        sets=("lectures",),
        source="scully_shallownet_cifar10",
        dataset="cifar10",
        input_shape=(32, 32, 3),
        outputs=10,
        params=657_162,
        macs=2_424_832,
        published=Published(accuracy=0.61, dataset="cifar10", split="test", source=SOURCE),
        recipes={
            "lecture": Recipe(
                dataset="cifar10",
                optimizer=Optimizer(name="sgd", learning_rate=0.01),
                batch=32,
                epochs=60,
                reported={"test": 0.61},
                source=f"{SOURCE}; it names no split: its code validates on the test images",
            ),
            "quick": Recipe(
                dataset="fashion_mnist_sample",
                optimizer=Optimizer(name="adam", learning_rate=0.001),
                batch=64,
                epochs=3,
            ),
        },
    ),
)
