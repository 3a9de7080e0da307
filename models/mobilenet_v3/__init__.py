"""MobileNetV3-Small, the network of 2019 that was searched for phones: channels weigh one another."""

from harness import Architecture, Published

PAPER = "Howard et al., Searching for MobileNetV3, 2019"

ARCHITECTURES = (
    Architecture(
        name="mobilenet_v3_small",
        family="mobilenet_v3",
        sets=("modern",),
        source=PAPER,
        dataset="imagenet",
        input_shape=(224, 224, 3),
        outputs=1000,
        params=2_542_856,
        macs=56_510_400,
        published=Published(
            accuracy=0.67668,
            dataset="imagenet",
            split="ImageNet val, central crop 224 of 256",
            source="torchvision 0.28.0: MobileNet_V3_Small_Weights.IMAGENET1K_V1",
        ),
        deviations=(
            "Convolutions with a stride pad both sides alike, as torchvision's do: TensorFlow's pad more behind.",
        ),
        recipes={},
    ),
)
