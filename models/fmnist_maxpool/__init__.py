"""Quang-Vinh Dinh's first down-sampling example: 3×3 convolutions and max pooling."""

from harness import Architecture, Optimizer, Published, Recipe

SOURCE = "Q.-V. Dinh, Convolutional Neural Network (Draft)"

ARCHITECTURES = (
    Architecture(
        name="fmnist_maxpool",
        family="fmnist_maxpool",
        sets=("lectures",),
        source="dinh_cnn_fmnist_maxpool",
        dataset="fashion_mnist",
        input_shape=(28, 28, 1),
        outputs=10,
        params=1_588_490,
        macs=41_797_760,
        published=Published(accuracy=0.9125, dataset="fashion_mnist", split="test", source=SOURCE),
        deviations=(
            "The figure that shows the layers is missing from the lecture: they are inferred from its later listing "
            "for open sizes, which mirrors the strided example channel for channel.",
        ),
        recipes={
            "lecture": Recipe(
                dataset="fashion_mnist",
                optimizer=Optimizer(name="adam", learning_rate=0.001),
                batch=32,
                epochs=10,
                reported={"train": 0.9786, "test": 0.9125},
                source=f"{SOURCE} prints epochs and accuracies here; Adam and batch 32 are those of its 7×7 network; "
                "x / 255 assumed",
            ),
            "quick": Recipe(
                dataset="fashion_mnist_sample",
                training_images=1_000,
                optimizer=Optimizer(name="adam", learning_rate=0.001),
                batch=32,
                epochs=4,
            ),
        },
    ),
)
