"""Salha Alzahrani's CIFAR-10 network: batch norm, ELU, dropout and augmentation."""

from harness import Architecture, Augmentation, Optimizer, Published, Recipe

SOURCE = "S. Alzahrani, Deep Learning, Lecture Notes for MSc. in Data Science"

ARCHITECTURES = (
    Architecture(
        name="cifar10_bn_elu",
        family="cifar10_bn_elu",
        sets=("lectures",),
        source="alzahrani_cnn_cifar10",
        dataset="cifar10",
        input_shape=(32, 32, 3),
        outputs=10,
        params=293_034,  # Keras' summary adds 896 running statistics: 293,930
        macs=29_496_320,
        published=Published(accuracy=0.7846, dataset="cifar10", split="test", source=SOURCE),
        recipes={
            "lecture": Recipe(
                dataset="cifar10",
                scaling="standard",
                optimizer=Optimizer(name="adam", learning_rate=0.001),
                batch=50,
                epochs=100,
                augmentation=Augmentation(rotation_degrees=90, shift_fraction=0.1, horizontal_flip=True),
                reported={"train": 0.7812, "test": 0.7846},
                source=f"{SOURCE}; validated on the test images; the rate is not printed: Keras' own",
            ),
            "quick": Recipe(
                dataset="fashion_mnist_sample",
                scaling="standard",
                optimizer=Optimizer(name="adam", learning_rate=0.001),
                batch=32,
                epochs=3,
                # A quarter turn makes a trouser of a dress in three epochs: flips and shifts only.
                augmentation=Augmentation(shift_fraction=0.05, horizontal_flip=True),
            ),
        },
    ),
)
