"""Subir Varma's CNN for 150×150 images: four valid convolutions, each pooled, and one sigmoid output."""

from harness import Architecture, Optimizer, Recipe

SOURCE = "S. Varma, Convolutional Neural Networks: Part 2, Lecture 11"

ARCHITECTURES = (
    Architecture(
        name="convnet_150",
        family="convnet_150",
        sets=("lectures",),
        source="varma_convnet_150",
        dataset="cats_vs_dogs",
        input_shape=(150, 150, 3),
        outputs=1,
        output="sigmoid",
        params=3_453_121,
        macs=236_095_488,
        deviations=(
            "The lecture names no data set here: cats and dogs are inferred from its one sigmoid output and from F. "
            "Chollet's Deep Learning with Python, which has this network.",
        ),
        recipes={
            "lecture": Recipe(
                dataset="cats_vs_dogs",
                loss="binary_cross_entropy",
                optimizer=Optimizer(name="rmsprop", learning_rate=0.001),
                batch=32,
                epochs=100,
                source=f"{SOURCE} prints no training here: that of its head on MobileNet's features; x / 255 assumed",
            ),
            "quick": Recipe(
                dataset="cats_vs_dogs",
                training_images=200,
                loss="binary_cross_entropy",
                optimizer=Optimizer(name="rmsprop", learning_rate=0.001),
                batch=32,
                epochs=2,
            ),
        },
    ),
)
