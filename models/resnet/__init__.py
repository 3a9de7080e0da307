"""ResNet (He et al. 2015) with 18 to 152 layers: five networks of the accuracy-versus-operations figure of 2016."""

from harness import Architecture, Published

CANZIANI = "Canziani, Paszke, Culurciello, An Analysis of Deep Neural Network Models for Practical Applications, 2016"
PAPER = "He, Zhang, Ren, Sun, Deep Residual Learning for Image Recognition, 2015"

SHORTCUTS = (
    "A shortcut is a 1×1 convolution where a block changes the size or the number of maps, and nothing elsewhere: "
    f"option B of {PAPER}."
)
STRIDE = (
    f"{PAPER}, takes the stride of 2 in the first 1×1 convolution of a block; here it is in the 3×3 one (called "
    "v1.5), as in fb.resnet.torch and torchvision: 6 % more operations in ResNet-50, and the weights behind the "
    "figure. Keras' own ResNet-50, -101 and -152 are the paper's, with biases: their weights belong to other networks."
)


def resnet(
    layers: int,
    *,
    stages: tuple[int, ...],
    block: str,
    params: int,
    macs: int,
    accuracy: float,
    accuracy_source: str = CANZIANI,
) -> Architecture:
    """The facts of ResNet-``layers``: ``stages`` are the blocks of each stage, ``block`` is "basic" or "bottleneck"."""
    published = Published(
        accuracy=accuracy, dataset="imagenet", split="ImageNet val, central crop", source=accuracy_source
    )
    return Architecture(
        name=f"resnet{layers}",
        family="resnet",
        sets=("figure",),
        source=f"Canziani et al. 2016, ResNet-{layers}",
        dataset="imagenet",
        input_shape=(224, 224, 3),
        outputs=1000,
        params=params,
        macs=macs,
        options={"stages": stages, "block": block},
        published=published,
        deviations=(SHORTCUTS, STRIDE) if block == "bottleneck" else (SHORTCUTS,),
        recipes={},
    )


ARCHITECTURES = (
    resnet(18, stages=(2, 2, 2, 2), block="basic", params=11_689_512, macs=1_814_073_344, accuracy=0.6931),
    resnet(34, stages=(3, 4, 6, 3), block="basic", params=21_797_672, macs=3_663_761_408, accuracy=0.7294),
    resnet(50, stages=(3, 4, 6, 3), block="bottleneck", params=25_557_032, macs=4_089_184_256, accuracy=0.7576),
    resnet(101, stages=(3, 4, 23, 3), block="bottleneck", params=44_549_160, macs=7_801_405_440, accuracy=0.7734),
    resnet(
        152,
        stages=(3, 8, 36, 3),
        block="bottleneck",
        params=60_192_808,
        macs=11_513_626_624,
        accuracy=0.7784,
        accuracy_source=f"{CANZIANI}: the weights of fb.resnet.torch",
    ),
)
