"""The LeNet of G. Marques' lecture, whose third convolution is 1×1 instead of LeNet 5's 5×5."""

from harness import Architecture, Optimizer, Published, Recipe

SOURCE = "G. Marques, An Introduction to Convolutional Neural Networks with Tensorflow-Keras"

ARCHITECTURES = (
    Architecture(
        name="lenet5_1x1",
        family="lenet5_1x1",
        sets=("lectures",),
        source="marques_lenet5_mnist",
        dataset="mnist",
        input_shape=(28, 28, 1),
        outputs=10,
        params=257_546,
        macs=658_440,
        published=Published(accuracy=0.9881, dataset="mnist", split="test", source=SOURCE),
        deviations=(
            "The third convolution is 1×1 as the lecture's code and summary print it; LeNet 5 has 5×5, "
            "and 61,706 parameters.",
            "The lecture's text describes LeNet 5's tanh, radial basis functions and learned pooling; its code has "
            "ReLU, softmax and plain average pooling, as here.",
            "The reported test accuracy, 98.81 %, is above that of validation, 97.79 %, and of training, 98.54 %, and "
            "the lecture does not say why: 97.8 to 98.8 % is the band to expect.",
        ),
        recipes={
            "lecture": Recipe(
                dataset="mnist",
                optimizer=Optimizer(name="adam", learning_rate=0.001),
                batch=1024,
                epochs=20,
                validation_split=1 / 3,  # the last 20,000
                reported={"train": 0.9854, "validation": 0.9779, "test": 0.9881},
                source=f"{SOURCE}; the rate is not printed: Keras' own",
            ),
            "quick": Recipe(
                dataset="fashion_mnist_sample",
                optimizer=Optimizer(name="adam", learning_rate=0.001),
                batch=64,
                epochs=10,
            ),
        },
    ),
)
