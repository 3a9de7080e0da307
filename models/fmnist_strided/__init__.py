"""Quang-Vinh Dinh's second down-sampling example: convolutions with stride 2 in place of max pooling."""

from harness import Architecture, Optimizer, Published, Recipe

SOURCE = "Q.-V. Dinh, Convolutional Neural Network (Draft)"

ARCHITECTURES = (
    Architecture(
        name="fmnist_strided",
        family="fmnist_strided",
        sets=("lectures",),
        source="dinh_cnn_fmnist_strided",
        dataset="fashion_mnist",
        input_shape=(28, 28, 1),
        outputs=10,
        params=1_588_490,
        macs=19_679_360,
        published=Published(accuracy=0.9055, dataset="fashion_mnist", split="test", source=SOURCE),
        recipes={
            "lecture": Recipe(
                dataset="fashion_mnist",
                optimizer=Optimizer(name="adam", learning_rate=0.001),
                batch=32,
                epochs=10,
                reported={"train": 0.9797, "test": 0.9055},
                source=f"{SOURCE} prints epochs and accuracies here; Adam and batch 32 are those of its 7×7 network; "
                "x / 255 assumed",
            ),
            "quick": Recipe(
                dataset="fashion_mnist_sample",
                training_images=2_000,
                optimizer=Optimizer(name="adam", learning_rate=0.001),
                batch=32,
                epochs=4,
            ),
        },
    ),
)
