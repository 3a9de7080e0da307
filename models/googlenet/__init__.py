"""GoogLeNet, the network of 2014 that reads each map with filters of several sizes at once."""

from harness import Architecture, Published

CANZIANI = "Canziani, Paszke, Culurciello, An Analysis of Deep Neural Network Models for Practical Applications, 2016"
PAPER = "Szegedy et al., Going Deeper with Convolutions, 2014"

ARCHITECTURES = (
    Architecture(
        name="googlenet",
        family="googlenet",
        sets=("figure",),
        source="Canziani et al. 2016, GoogLeNet",
        dataset="imagenet",
        input_shape=(224, 224, 3),
        outputs=1000,
        params=6_998_552,
        macs=1_582_671_872,
        published=Published(
            accuracy=0.687,
            dataset="imagenet",
            split="ImageNet val, central crop",
            source=f"{CANZIANI}: the weights of BVLC's Caffe",
        ),
        deviations=(
            f"{PAPER}, trains two more classifiers in the middle of the network: they are no part of its answer, and "
            "are not here.",
            "The paper gives no constants of the local response normalisation: they are Caffe's, a sum over 5 maps, "
            "alpha 0.0001 (divided by 5), beta 0.75, and 1 added.",
            "Max pooling rounds sizes up, as Caffe does and as the paper's sizes of 56, 28, 14 and 7 need it.",
            "5×5 filters in the third branch and no batch norm: torchvision's GoogLeNet has 3×3 filters there and "
            "batch norm, and is another network.",
        ),
        recipes={},
    ),
)
