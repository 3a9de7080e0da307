"""Subir Varma's fast feature extraction (Method 1): a small head on what MobileNet makes of each image, once."""

from dataclasses import replace

from harness import Architecture, Optimizer, Recipe

SOURCE = "S. Varma, Convolutional Neural Networks: Part 2, Lecture 11, Method 1"

LECTURE = Recipe(
    dataset="cats_vs_dogs",
    scaling="minus_one_to_one",
    loss="binary_cross_entropy",
    optimizer=Optimizer(name="rmsprop", learning_rate=0.001),
    batch=32,
    epochs=100,
    frozen=("conv*",),
    features_once=True,
    source=SOURCE,
)

ARCHITECTURES = (
    Architecture(
        name="mobilenet_features",
        family="mobilenet_features",
        sets=("lectures",),
        source="varma_mobilenet_m1",
        dataset="cats_vs_dogs",
        input_shape=(160, 160, 3),
        outputs=1,
        output="sigmoid",
        base="mobilenet",
        params=9_761_089,  # Keras' summary adds 21,888 running statistics: 9,782,977
        macs=296_205_056,
        deviations=(
            "The dense layer of 256 units has no activation, as the lecture prints it: the head is one affine map.",
            "The lecture names no data set: its folders are those of Chollet's cats and dogs.",
        ),
        recipes={
            "lecture": LECTURE,
            "quick": replace(LECTURE, training_images=200, epochs=3, source=""),
        },
    ),
)
