"""MobileNetV2, the network of 2018 that is wide inside its blocks and narrow between them."""

from harness import Architecture, Published

PAPER = "Sandler, Howard, Zhu, Zhmoginov, Chen, MobileNetV2: Inverted Residuals and Linear Bottlenecks, 2018"

ARCHITECTURES = (
    Architecture(
        name="mobilenet_v2",
        family="mobilenet_v2",
        sets=("modern",),
        source=PAPER,
        dataset="imagenet",
        input_shape=(224, 224, 3),
        outputs=1000,
        params=3_504_872,
        macs=300_774_272,
        published=Published(
            accuracy=0.71878,
            dataset="imagenet",
            split="ImageNet val, central crop 224 of 256",
            source="torchvision 0.28.0: MobileNet_V2_Weights.IMAGENET1K_V1",
        ),
        deviations=(
            "Convolutions with a stride pad both sides alike, as torchvision's do: TensorFlow's pad more behind.",
        ),
        recipes={},
    ),
)
