"""Network in Network (Lin et al. 2013) with batch norm: of the accuracy-versus-operations figure of 2016."""

from harness import Architecture, Published

CANZIANI = "Canziani, Paszke, Culurciello, An Analysis of Deep Neural Network Models for Practical Applications, 2016"
PAPER = "Lin, Chen, Yan, Network in Network, 2013"

ARCHITECTURES = (
    Architecture(
        name="bn_nin",
        family="bn_nin",
        sets=("figure",),
        source="Canziani et al. 2016, BN-NIN",
        dataset="imagenet",
        input_shape=(224, 224, 3),
        outputs=1000,
        params=8_655_336,
        macs=1_259_939_840,
        published=Published(accuracy=0.6262, dataset="imagenet", split="ImageNet val, central crop", source=CANZIANI),
        deviations=(
            f"{PAPER}, has no batch norm, and averages one map a class; here the 1×1 convolutions of the last block "
            "keep 1,024 maps, whose averages a dense layer reads: the form that S. Zagoruyko trained in Torch "
            "(imagenet-multiGPU.torch).",
            "Convolutions have biases, which the batch norm behind them takes away again: the published parameters "
            "count them.",
        ),
        recipes={},
    ),
)
