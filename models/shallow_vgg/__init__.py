"""Ted Scully's small VGGs for CIFAR-10: two blocks, two blocks with dropout, three blocks with dropout."""

from dataclasses import replace

from harness import Architecture, Optimizer, Published, Recipe

SOURCE = "T. Scully, Convolutional Neural Networks (Part 2)"

LECTURE = Recipe(
    dataset="cifar10",
    optimizer=Optimizer(name="sgd", learning_rate=0.01),
    batch=16,
    epochs=25,
    validation_split=0.1,
    reported={"validation": 0.70},
    source=SOURCE,
)
QUICK = Recipe(
    dataset="fashion_mnist_sample",
    training_images=1_500,
    optimizer=Optimizer(name="sgd", learning_rate=0.05),
    batch=8,
    epochs=3,
)

ARCHITECTURES = (
    Architecture(
        name="shallow_vgg",
        family="shallow_vgg",
        sets=("lectures",),
        source="scully_shallowvgg_cifar10",
        dataset="cifar10",
        input_shape=(32, 32, 3),
        outputs=10,
        params=2_168_362,
        macs=26_579_968,
        options={"filters": (32, 64), "dropout": False},
        published=Published(accuracy=0.70, dataset="cifar10", split="validation", source=SOURCE),
        recipes={"lecture": LECTURE, "quick": QUICK},
    ),
    Architecture(
        name="shallow_vgg_dropout",
        family="shallow_vgg",
        sets=("lectures",),
        source="scully_shallowvgg_dropout_cifar10",
        dataset="cifar10",
        input_shape=(32, 32, 3),
        outputs=10,
        params=2_168_362,
        macs=26_579_968,
        options={"filters": (32, 64), "dropout": True},
        published=Published(accuracy=0.76, dataset="cifar10", split="validation", source=SOURCE),
        recipes={
            "lecture": replace(
                LECTURE,
                reported={"validation": 0.76},
                source=f"{SOURCE} prints no training here: that of its network without dropout; "
                "nor the split of its 0.76: by what it is compared with, validation",
            ),
            "quick": QUICK,
        },
    ),
    Architecture(
        name="deeper_vgg_dropout",
        family="shallow_vgg",
        sets=("lectures",),
        source="scully_deepervgg_dropout_cifar10",
        dataset="cifar10",
        input_shape=(32, 32, 3),
        outputs=10,
        params=1_341_226,
        macs=39_687_168,
        options={"filters": (32, 64, 128), "dropout": True},
        published=Published(accuracy=0.80, dataset="cifar10", split="split not named", source=SOURCE),
        recipes={
            "lecture": replace(
                LECTURE,
                reported={},
                source=f"{SOURCE} prints no training here: that of its network of two blocks; "
                "it reports 0.80 and does not name the split",
            ),
            "quick": QUICK,
        },
    ),
)
