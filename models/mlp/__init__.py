"""Multi-layer perceptrons of Quang-Vinh Dinh's lecture, the networks that a CNN has to beat."""

from harness.architecture import Architecture, Optimizer, Published, Recipe

SOURCE = "Q.-V. Dinh, Convolutional Neural Network (Draft)"

ARCHITECTURES = (
    Architecture(
        name="mlp_fmnist_relu_1",
        family="mlp",
        sets=("lectures",),
        source="dinh_mlp_fmnist_relu_adam_h1",
        dataset="fashion_mnist",
        input_shape=(28, 28, 1),
        outputs=10,
        params=101_770,
        macs=101_632,
        options={"hidden": 1, "activation": "relu", "input_shape": (28, 28, 1)},
        published=Published(accuracy=0.8873, dataset="fashion_mnist", split="test", source=SOURCE),
        recipes={
            "lecture": Recipe(
                dataset="fashion_mnist",
                optimizer=Optimizer(name="adam", learning_rate=0.001),
                batch=1024,
                epochs=150,
                source=f"{SOURCE}; the scaling is not printed: x / 255 assumed",
            ),
            "quick": Recipe(
                dataset="fashion_mnist_sample",
                optimizer=Optimizer(name="adam", learning_rate=0.001),
                batch=64,
                epochs=15,
            ),
        },
    ),
)
