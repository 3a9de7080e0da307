"""Quang-Vinh Dinh's CNN for CIFAR-10: six same-padded convolutions up to 1024 maps, every other with stride 2."""

from harness import Architecture, Optimizer, Recipe

SOURCE = "Q.-V. Dinh, Convolutional Neural Network (Draft)"

ARCHITECTURES = (
    Architecture(
        name="cifar10_conv1024",
        family="cifar10_conv1024",
        sets=("lectures",),
        source="dinh_cnn_cifar10",
        dataset="cifar10",
        input_shape=(32, 32, 3),
        outputs=10,
        params=14_682_442,
        macs=202_740_736,
        deviations=("The lecture's listing leaves height and width undefined: the 32×32 of CIFAR-10 are taken.",),
        recipes={
            "lecture": Recipe(
                dataset="cifar10",
                optimizer=Optimizer(name="adam", learning_rate=0.001),
                batch=32,
                epochs=10,
                source=f"{SOURCE} prints x / 255 and no training here: that of its 7×7 network",
            ),
            "quick": Recipe(
                dataset="fashion_mnist_sample",
                training_images=800,
                optimizer=Optimizer(name="adam", learning_rate=0.001),
                batch=16,
                epochs=1,
            ),
        },
    ),
)
