"""Quang-Vinh Dinh's first CNN: 7×7 convolutions without padding, and nothing else to shrink the maps."""

from harness import Architecture, Optimizer, Published, Recipe

SOURCE = "Q.-V. Dinh, Convolutional Neural Network (Draft)"

ARCHITECTURES = (
    Architecture(
        name="fmnist_conv7",
        family="fmnist_conv7",
        sets=("lectures",),
        source="dinh_cnn_fmnist_7x7",
        dataset="fashion_mnist",
        input_shape=(28, 28, 1),
        outputs=10,
        params=2_150_410,
        macs=92_320_896,
        published=Published(accuracy=0.8858, dataset="fashion_mnist", split="test", source=SOURCE),
        recipes={
            "lecture": Recipe(
                dataset="fashion_mnist",
                optimizer=Optimizer(name="adam", learning_rate=0.001),
                batch=32,
                epochs=10,
                reported={"train": 0.9495, "test": 0.8858},
                source=f"{SOURCE}; rate, batch and scaling are not printed: Keras' own and x / 255",
            ),
            "quick": Recipe(
                dataset="fashion_mnist_sample",
                training_images=1_000,
                optimizer=Optimizer(name="adam", learning_rate=0.001),
                batch=32,
                epochs=2,
            ),
        },
    ),
)
