"""Quang-Vinh Dinh's fully convolutional network: no Flatten, so that it accepts any input size."""

from harness import Architecture, Optimizer, Recipe

SOURCE = "Q.-V. Dinh, Convolutional Neural Network (Draft)"

ARCHITECTURES = (
    Architecture(
        name="fcn_1x1",
        family="fcn_1x1",
        sets=("lectures",),
        source="dinh_fcn_1x1_28 and dinh_fcn_1x1_dynamic",
        dataset="fashion_mnist",
        input_shape=(28, 28, 1),
        outputs=10,
        any_size=True,
        params=6_816_010,
        macs=39_167_488,
        deviations=(
            "The lecture presents it as fmnist_same with its dense layer replaced; it also changes the last "
            "3×3 same convolution to 7×7 valid, so the two are different networks.",
        ),
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
