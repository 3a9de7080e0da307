"""ViT-Tiny as DeiT trains it (DeiT-Ti/16), the transformer of 2021 that reads an image as 196 words."""

from harness import Architecture, Published

PAPER = "Touvron, Cord, Douze, Massa, Sablayrolles, Jégou, Training Data-Efficient Image Transformers, 2021"

ARCHITECTURES = (
    Architecture(
        name="vit_tiny",
        family="vit",
        sets=("modern",),
        source=PAPER,
        dataset="imagenet",
        input_shape=(224, 224, 3),
        outputs=1000,
        params=5_717_416,
        macs=1_253_683_200,
        published=Published(
            accuracy=0.722,
            dataset="imagenet",
            split="ImageNet val, central crop 224",
            source=f"{PAPER}: DeiT-Ti without distillation",
        ),
        deviations=(
            "The paper leaves out whole blocks at random while it trains; that has no weights and is not here.",
        ),
        recipes={},
    ),
)
