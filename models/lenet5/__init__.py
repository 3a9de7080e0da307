"""LeNet 5 as Ted Scully's lecture tables it: 32×32 images, no padding, average pooling."""

from harness import Architecture, Optimizer, Recipe

SOURCE = "T. Scully, Convolutional Neural Networks (Part 2)"

ARCHITECTURES = (
    Architecture(
        name="lenet5",
        family="lenet5",
        sets=("lectures",),
        source="scully_lenet5_table",
        dataset="mnist",
        input_shape=(32, 32, 1),
        outputs=10,
        params=61_706,
        macs=416_520,
        deviations=(
            "The lecture's table names neither activation nor kind of pooling, and its text leaves both open: ReLU, "
            "its modern form, and average pooling, its original one, are chosen here.",
            "Its softmax row has no units: ten, the digits.",
        ),
        recipes={
            "lecture": Recipe(
                dataset="mnist",
                fitting="pad",
                optimizer=Optimizer(name="sgd", learning_rate=0.01),
                batch=128,
                epochs=100,
                source=f"{SOURCE} prints no training here: that of its LeNet on MNIST; 28×28 padded with zeros assumed",
            ),
            "quick": Recipe(
                dataset="fashion_mnist_sample",
                fitting="pad",
                optimizer=Optimizer(name="adam", learning_rate=0.001),
                batch=64,
                epochs=10,
            ),
        },
    ),
)
