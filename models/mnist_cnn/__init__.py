"""Salha Alzahrani's MNIST network: two convolutions, one max pooling, two dense layers, fed with raw pixels."""

from harness import Architecture, Optimizer, Published, Recipe

SOURCE = "S. Alzahrani, Deep Learning, Lecture Notes for MSc. in Data Science"

ARCHITECTURES = (
    Architecture(
        name="mnist_cnn",
        family="mnist_cnn",
        sets=("lectures",),
        source="alzahrani_cnn_mnist",
        dataset="mnist",
        input_shape=(28, 28, 1),
        outputs=10,
        params=305_194,
        macs=5_798_656,
        published=Published(accuracy=0.6705, dataset="mnist", split="test", source=SOURCE),
        deviations=(
            "The lecture feeds 0 to 255 against its own advice, to Adadelta with Keras' rate of 0.001: its 0.67 is of "
            "five epochs of that, not what the network can do.",
        ),
        recipes={
            "lecture": Recipe(
                dataset="mnist",
                scaling="raw",
                optimizer=Optimizer(name="adadelta", learning_rate=0.001, decay=0.95),
                batch=100,
                epochs=5,
                validation_split=0.1,
                reported={"train": 0.6263, "validation": 0.6970, "test": 0.6705},
                source=f"{SOURCE}; Adadelta's rate and decay are not printed: Keras' own",
            ),
            "quick": Recipe(
                dataset="fashion_mnist_sample",
                optimizer=Optimizer(name="adadelta", learning_rate=1.0, decay=0.95),
                batch=64,
                epochs=4,
            ),
        },
    ),
)
