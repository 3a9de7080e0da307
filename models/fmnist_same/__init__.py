"""Quang-Vinh Dinh's padding example: stride-2 `same` convolutions on even sizes."""

from harness import Architecture, Optimizer, Recipe

SOURCE = "Q.-V. Dinh, Convolutional Neural Network (Draft)"

ARCHITECTURES = (
    Architecture(
        name="fmnist_same",
        family="fmnist_same",
        sets=("lectures",),
        source="dinh_cnn_fmnist_same",
        dataset="fashion_mnist",
        input_shape=(28, 28, 1),
        outputs=10,
        params=1_818_890,
        macs=90_793_472,
        recipes={
            "lecture": Recipe(
                dataset="fashion_mnist",
                optimizer=Optimizer(name="adam", learning_rate=0.001),
                batch=32,
                epochs=10,
                source=f"{SOURCE} prints no training here: that of its 7×7 network; x / 255 assumed",
            ),
            "quick": Recipe(
                dataset="fashion_mnist_sample",
                optimizer=Optimizer(name="adam", learning_rate=0.001),
                batch=64,
                epochs=1,
            ),
        },
    ),
)
