"""Inception-v4, of 2016: Inception-v3 made deeper and more regular, with a stem of branches."""

from harness import Architecture, Published

CANZIANI = "Canziani, Paszke, Culurciello, An Analysis of Deep Neural Network Models for Practical Applications, 2016"
PAPER = "Szegedy et al., Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning, 2016"

ARCHITECTURES = (
    Architecture(
        name="inception_v4",
        family="inception_v4",
        sets=("figure",),
        source="Canziani et al. 2016, Inception-v4",
        dataset="imagenet",
        input_shape=(299, 299, 3),
        outputs=1000,
        params=42_679_816,
        macs=12_253_974_624,
        published=Published(
            accuracy=0.802,
            dataset="imagenet",
            split="ImageNet val, central crop",
            source=f"{CANZIANI}: the weights of TF-Slim",
        ),
        deviations=(
            f"{PAPER}, draws two filters of 1×7 in a row in its 17×17 modules, another order of flat and high filters "
            "in the longest branches of the stem and of the 17×17 and 8×8 modules, and no stride where the stem halves "
            "its maps last: this is the released network, TF-Slim's and timm's.",
            "Average pooling divides by the pixels inside the maps alone, as TF-Slim's and timm's do; Inception-v3's "
            "here counts the zeros that it pads.",
            "Batch norm has a scale, as in timm: TF-Slim's has none.",
        ),
        recipes={},
    ),
)
