"""ResNeXt-50 (32×4d), the network of 2017 whose 3×3 convolutions work in 32 groups."""

from harness import Architecture, Published

PAPER = "Xie, Girshick, Dollár, Tu, He, Aggregated Residual Transformations for Deep Neural Networks, 2017"

ARCHITECTURES = (
    Architecture(
        name="resnext50_32x4d",
        family="resnext",
        sets=("modern",),
        source=PAPER,
        dataset="imagenet",
        input_shape=(224, 224, 3),
        outputs=1000,
        params=25_028_904,
        macs=4_230_479_872,
        published=Published(
            accuracy=0.77618,
            dataset="imagenet",
            split="ImageNet val, central crop 224 of 256",
            source="torchvision 0.28.0: ResNeXt50_32X4D_Weights.IMAGENET1K_V1",
        ),
        deviations=(),
        recipes={},
    ),
)
