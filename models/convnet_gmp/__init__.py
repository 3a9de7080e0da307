"""Subir Varma's CNN with global max pooling in place of Flatten: a quarter of the parameters."""

from harness.architecture import Architecture, Optimizer, Recipe

SOURCE = "S. Varma, Convolutional Neural Networks: Part 2, Lecture 11"

ARCHITECTURES = (
    Architecture(
        name="convnet_gmp",
        family="convnet_gmp",
        sets=("lectures",),
        source="varma_cifar_gmp",
        dataset="cifar10",
        input_shape=(32, 32, 3),
        outputs=10,
        params=179_306,
        macs=14_751_104,
        deviations=(
            "The lecture prints only the summary: ReLU, softmax and CIFAR-10 are inferred from shapes and parameters.",
        ),
        recipes={
            "lecture": Recipe(
                dataset="cifar10",
                optimizer=Optimizer(name="adam", learning_rate=0.001),
                batch=64,
                epochs=20,
                source=f"{SOURCE} prints no training: Keras' Adam, batch 64 and 20 epochs are this project's",
            ),
            "quick": Recipe(
                dataset="fashion_mnist_sample",
                optimizer=Optimizer(name="adam", learning_rate=0.001),
                batch=64,
                epochs=5,
            ),
        },
    ),
)
