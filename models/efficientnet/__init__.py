"""EfficientNet-B0, the network of 2019 from which a family is made by growing depth, width and image together."""

from harness import Architecture, Published

PAPER = "Tan, Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, 2019"

ARCHITECTURES = (
    Architecture(
        name="efficientnet_b0",
        family="efficientnet",
        sets=("modern",),
        source=PAPER,
        dataset="imagenet",
        input_shape=(224, 224, 3),
        outputs=1000,
        params=5_288_548,
        macs=385_814_752,
        published=Published(
            accuracy=0.77692,
            dataset="imagenet",
            split="ImageNet val, central crop 224 of 256",
            source="torchvision 0.28.0: EfficientNet_B0_Weights.IMAGENET1K_V1",
        ),
        deviations=(
            "Convolutions with a stride pad both sides alike, as torchvision's do: TensorFlow's pad more behind.",
            "Batch norm adds 0.00001 to a variance, as torchvision's does: TensorFlow's adds 0.001.",
            "The paper leaves out blocks at random while it trains; that has no weights and is not here.",
        ),
        recipes={},
    ),
)
