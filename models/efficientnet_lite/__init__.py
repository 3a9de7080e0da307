"""EfficientNet-Lite0, EfficientNet of 2020 for phones: nothing weighs channels, and every activation ends at 6."""

from harness import Architecture, Published

SOURCE = "Liu, Higher accuracy on vision models with EfficientNet-Lite, TensorFlow blog, 2020"

ARCHITECTURES = (
    Architecture(
        name="efficientnet_lite0",
        family="efficientnet_lite",
        sets=("modern",),
        source=SOURCE,
        dataset="imagenet",
        input_shape=(224, 224, 3),
        outputs=1000,
        params=4_652_008,
        macs=385_187_552,
        published=Published(
            accuracy=0.751,
            dataset="imagenet",
            split="ImageNet val, central crop 224",
            source="tensorflow/tpu, efficientnet/lite/README.md: EfficientNet-lite0, FP32",
        ),
        deviations=("Its training leaves out blocks at random; that has no weights and is not here.",),
        recipes={},
    ),
)
