"""LeNet 5 as G. Marques' lecture describes the original: learned pooling, tanh, and digits drawn as prototypes."""

from harness import Architecture, Optimizer, Recipe
from harness.models.lenet5_1998.bitmaps import DIGITS

SOURCE = "G. Marques, An Introduction to Convolutional Neural Networks with Tensorflow-Keras"
PAPER = "LeCun, Bottou, Bengio, Haffner, Gradient-Based Learning Applied to Document Recognition, 1998"

# Which maps of S2 each of the 16 maps of C3 reads (the paper's Table I).
CONNECTIONS = (
    # three contiguous maps
    (0, 1, 2),
    (1, 2, 3),
    (2, 3, 4),
    (3, 4, 5),
    (0, 4, 5),
    (0, 1, 5),
    # four contiguous maps
    (0, 1, 2, 3),
    (1, 2, 3, 4),
    (2, 3, 4, 5),
    (0, 3, 4, 5),
    (0, 1, 4, 5),
    (0, 1, 2, 5),
    # four discontinuous maps
    (0, 1, 3, 4),
    (1, 2, 4, 5),
    (0, 2, 3, 5),
    # all of them
    (0, 1, 2, 3, 4, 5),
)

ARCHITECTURES = (
    Architecture(
        name="lenet5_1998",
        family="lenet5_1998",
        sets=("lectures",),
        source="marques_lenet5_original",
        dataset="mnist",
        input_shape=(32, 32, 1),
        outputs=10,
        params=60_000,  # 156 + 12 + 1,516 + 32 + 48,120 + 10,164; the prototypes are constants
        macs=325_680,
        options={"connections": CONNECTIONS, "digits": DIGITS},
        deviations=(
            f"The lecture describes the network, its layer figure is lost: the sizes are those of {PAPER}.",
            "The logits are minus the squared distances to the prototypes, so that softmax prefers the nearest. "
            "Their cross-entropy is the paper's second criterion without its constant.",
            "The prototypes are this project's drawings: the paper shows its own only as a picture.",
            "Pooling takes the mean of four pixels where the paper adds them: the learned factor covers both.",
            "Plain tanh; the paper scales it, 1.7159 tanh(2x / 3), so that the prototypes' ±1 lie inside its range.",
        ),
        recipes={
            "lecture": Recipe(
                dataset="mnist",
                scaling="standard",
                fitting="pad",
                optimizer=Optimizer(name="adam", learning_rate=0.001),
                batch=128,
                epochs=20,
                source=f"{SOURCE}: padded to 32×32 and normalised; it prints no training: optimizer, batch and epochs "
                "are chosen here",
            ),
            "quick": Recipe(
                dataset="fashion_mnist_sample",
                scaling="standard",
                fitting="pad",
                optimizer=Optimizer(name="adam", learning_rate=0.001),
                batch=64,
                epochs=10,
            ),
        },
    ),
)
