"""Multi-layer perceptrons of Quang-Vinh Dinh's lecture, the networks that a CNN has to beat."""

from dataclasses import replace

from harness import Architecture, Optimizer, Published, Recipe

SOURCE = "Q.-V. Dinh, Convolutional Neural Network (Draft)"

SGD = Optimizer(name="sgd", learning_rate=0.01)
ADAM = Optimizer(name="adam", learning_rate=0.001)

# Name, end of the source's id, hidden layers, activation, optimizer, epochs, parameters, MACs, and the accuracies that
# the lecture prints of training and of its validation images, which are the test images. "normal" draws all
# kernels from N(0, 0.01); those of the others are Glorot's, which the lecture calls Xavier's.
# fmt: off
FASHION_MNIST = (
    ("mlp_fmnist_sigmoid_sgd_normal", "sigmoid_sgd_normal", 1, "sigmoid", SGD,   80, 101_770, 101_632, 0.7075, 0.6988),
    ("mlp_fmnist_sigmoid_sgd",        "sigmoid_sgd_xavier", 1, "sigmoid", SGD,   50, 101_770, 101_632, 0.7578, 0.7480),
    ("mlp_fmnist_sigmoid_2",          "sigmoid_adam_h2",    2, "sigmoid", ADAM,  50, 118_282, 118_016, 0.9185, 0.8836),
    ("mlp_fmnist_sigmoid_3",          "sigmoid_adam_h3",    3, "sigmoid", ADAM,  50, 134_794, 134_400, 0.9230, 0.8856),
    ("mlp_fmnist_sigmoid_5",          "sigmoid_adam_h5",    5, "sigmoid", ADAM,  50, 167_818, 167_168, 0.9202, 0.8686),
    ("mlp_fmnist_sigmoid_6",          "sigmoid_adam_h6",    6, "sigmoid", ADAM, 250, 184_330, 183_552, None,   None),
    ("mlp_fmnist_relu_1",             "relu_adam_h1",       1, "relu",    ADAM, 150, 101_770, 101_632, 0.9735, 0.8873),
    ("mlp_fmnist_relu_3",             "relu_adam_h3",       3, "relu",    ADAM, 150, 134_794, 134_400, 0.9914, 0.8858),
)
CIFAR10 = (
    ("mlp_cifar10_relu_1",            "relu_adam_h1",       1, "relu",    ADAM, 150, 394_634, 394_496, 0.5420, 0.4748),
    ("mlp_cifar10_relu_2",            "relu_adam_h2",       2, "relu",    ADAM, 150, 411_146, 410_880, 0.6374, 0.5144),
    ("mlp_cifar10_relu_5",            "relu_adam_h5",       5, "relu",    ADAM, 150, 460_682, 460_032, 0.8560, 0.4845),
)
# fmt: on


def _architecture(
    dataset: str,
    input_shape: tuple[int, int, int],
    name: str,
    source: str,
    hidden: int,
    activation: str,
    optimizer: Optimizer,
    epochs: int,
    params: int,
    macs: int,
    train: float | None,
    test: float | None,
) -> Architecture:
    """One line of the tables as the facts of a network."""
    lecture = Recipe(
        dataset=dataset,
        optimizer=optimizer,
        batch=1024,
        epochs=epochs,
        initialisation="normal_0.01" if source.endswith("normal") else "glorot_uniform",
        reported={"train": train, "test": test} if train and test else {},
        source=f"{SOURCE}; validated on the test images; rate and scaling are not printed: Keras' own, x / 255",
    )
    # The sample gives few steps: SGD would learn next to nothing in them at 0.01.
    faster = replace(optimizer, learning_rate=0.1) if optimizer.name == "sgd" else optimizer
    return Architecture(
        name=name,
        family="mlp",
        sets=("lectures",),
        source=f"dinh_mlp_{'fmnist' if dataset == 'fashion_mnist' else dataset}_{source}",
        dataset=dataset,
        input_shape=input_shape,
        outputs=10,
        params=params,
        macs=macs,
        options={"hidden": hidden, "activation": activation, "input_shape": input_shape},
        published=Published(accuracy=test, dataset=dataset, split="test", source=SOURCE) if test else None,
        recipes={
            "lecture": lecture,
            "quick": Recipe(
                dataset="fashion_mnist_sample",
                optimizer=faster,
                batch=64,
                epochs=15,
                initialisation=lecture.initialisation,
            ),
        },
    )


ARCHITECTURES = (
    *(_architecture("fashion_mnist", (28, 28, 1), *line) for line in FASHION_MNIST),
    *(_architecture("cifar10", (32, 32, 3), *line) for line in CIFAR10),
)
