"""The LeNet of Quang-Vinh Dinh's lecture: max pooling and ReLU; on 28×28 and, as its exercise asks, on 32×32."""

from dataclasses import replace

from harness import Architecture, Optimizer, Recipe

SOURCE = "Q.-V. Dinh, Convolutional Neural Network (Draft)"

QUICK = Recipe(
    dataset="fashion_mnist_sample",
    optimizer=Optimizer(name="adam", learning_rate=0.001),
    batch=64,
    epochs=10,
)
LECTURE = Recipe(
    dataset="fashion_mnist",
    optimizer=Optimizer(name="adam", learning_rate=0.001),
    batch=32,
    epochs=10,
    source=f"{SOURCE} prints no training here: that of its 7×7 network; x / 255 assumed",
)
MODERNISED = (
    'The lecture calls it "LeNet (1990s)"; its code, as here, has ReLU and max pooling, where LeNet 5 has tanh and '
    "the page it links to has sigmoid, both with average pooling."
)

ARCHITECTURES = (
    Architecture(
        name="lenet_28",
        family="lenet_28",
        sets=("lectures",),
        source="dinh_lenet_28",
        dataset="fashion_mnist",
        input_shape=(28, 28, 1),
        outputs=10,
        params=61_706,
        macs=416_520,
        options={"input_shape": (28, 28, 1)},
        deviations=(MODERNISED,),
        recipes={"lecture": LECTURE, "quick": QUICK},
    ),
    Architecture(
        name="lenet_32_cifar10",
        family="lenet_28",
        sets=("lectures",),
        source="dinh_lenet_28 (exercise 1)",
        dataset="cifar10",
        input_shape=(32, 32, 3),
        outputs=10,
        params=83_126,
        macs=886_440,
        options={"input_shape": (32, 32, 3)},
        deviations=(MODERNISED,),
        recipes={
            "lecture": replace(
                LECTURE,
                dataset="cifar10",
                source=f"{SOURCE} sets it as an exercise: trained as its 7×7 network; x / 255 as on its CIFAR-10 slide",
            ),
            "quick": QUICK,
        },
    ),
)
