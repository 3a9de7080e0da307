"""ConvNeXt-Tiny, the network of 2022 of convolutions alone, built as transformers are."""

from harness import Architecture, Published

PAPER = "Liu, Mao, Wu, Feichtenhofer, Darrell, Xie, A ConvNet for the 2020s, 2022"

ARCHITECTURES = (
    Architecture(
        name="convnext_tiny",
        family="convnext",
        sets=("modern",),
        source=PAPER,
        dataset="imagenet",
        input_shape=(224, 224, 3),
        outputs=1000,
        params=28_589_128,
        macs=4_455_531_264,
        published=Published(
            accuracy=0.8252,
            dataset="imagenet",
            split="ImageNet val, central crop 224 of 236",
            source="torchvision 0.28.0: ConvNeXt_Tiny_Weights.IMAGENET1K_V1",
        ),
        deviations=(
            "The paper leaves out whole blocks at random while it trains; that has no weights and is not here.",
        ),
        recipes={},
    ),
)
