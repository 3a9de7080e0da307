"""DenseNet-121, the network of 2017 whose layers read all maps that were made before them."""

from harness import Architecture, Published

PAPER = "Huang, Liu, van der Maaten, Weinberger, Densely Connected Convolutional Networks, 2017"

ARCHITECTURES = (
    Architecture(
        name="densenet121",
        family="densenet",
        sets=("modern",),
        source=PAPER,
        dataset="imagenet",
        input_shape=(224, 224, 3),
        outputs=1000,
        params=7_978_856,
        macs=2_834_161_664,
        published=Published(
            accuracy=0.74434,
            dataset="imagenet",
            split="ImageNet val, central crop 224 of 256",
            source="torchvision 0.28.0: DenseNet121_Weights.IMAGENET1K_V1",
        ),
        deviations=(),
        recipes={},
    ),
)
