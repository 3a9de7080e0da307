"""Subir Varma's CNN, with Flatten and with global max pooling in its place: a quarter of the parameters."""

from harness import Architecture, Optimizer, Recipe

SOURCE = "S. Varma, Convolutional Neural Networks: Part 2, Lecture 11"

ADAM = Optimizer(name="adam", learning_rate=0.001)
LECTURE = Recipe(
    dataset="cifar10",
    optimizer=ADAM,
    batch=64,
    epochs=20,
    source=f"{SOURCE} prints no training: Keras' Adam, batch 64, 20 epochs and x / 255 are this project's",
)
INFERRED = "The lecture prints only the summary: ReLU, softmax and CIFAR-10 are inferred from shapes and parameters."

ARCHITECTURES = (
    Architecture(
        name="convnet_flatten",
        family="convnet",
        sets=("lectures",),
        source="varma_cifar_flatten",
        dataset="cifar10",
        input_shape=(32, 32, 3),
        outputs=10,
        params=703_594,
        macs=15_275_392,
        options={"global_pooling": False},
        deviations=(INFERRED,),
        recipes={
            "lecture": LECTURE,
            "quick": Recipe(dataset="fashion_mnist_sample", training_images=2_000, optimizer=ADAM, batch=32, epochs=5),
        },
    ),
    Architecture(
        name="convnet_gmp",
        family="convnet",
        sets=("lectures",),
        source="varma_cifar_gmp",
        dataset="cifar10",
        input_shape=(32, 32, 3),
        outputs=10,
        params=179_306,
        macs=14_751_104,
        options={"global_pooling": True},
        deviations=(INFERRED,),
        recipes={
            "lecture": LECTURE,
            "quick": Recipe(dataset="fashion_mnist_sample", optimizer=ADAM, batch=64, epochs=5),
        },
    ),
)
