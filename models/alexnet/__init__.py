"""AlexNet as Ted Scully's lecture tables it, in one tower: no groups, no local response normalisation, no dropout."""

from harness import Architecture

ARCHITECTURES = (
    Architecture(
        name="alexnet",
        family="alexnet",
        sets=("lectures",),
        source="scully_alexnet",
        dataset="imagenet",
        input_shape=(227, 227, 3),
        outputs=1000,
        params=62_378_344,
        macs=1_135_256_096,
        deviations=(
            "The lecture's table makes 6×6×384 of the last pooling; its convolution has 256 filters, and only 6×6×256 "
            "gives the 9,216 of the next row.",
            'The table\'s row "Fully Connected 9216" is that flattening, not a layer of its own; the layers after it '
            "are 4096, 4096 and 1000.",
            "The table names no activation and leaves its softmax row empty: ReLU is assumed, and the lecture's text "
            "has 1000 classes.",
        ),
        recipes={},  # the lecture prints no training
    ),
)
