"""AlexNet in the narrower form of Krizhevsky's One Weird Trick, with batch norm: of the figure of 2016."""

from harness import Architecture, Published

CANZIANI = "Canziani, Paszke, Culurciello, An Analysis of Deep Neural Network Models for Practical Applications, 2016"
PAPER = "Krizhevsky, One weird trick for parallelizing convolutional neural networks, 2014"

ARCHITECTURES = (
    Architecture(
        name="bn_alexnet",
        family="bn_alexnet",
        sets=("figure",),
        source="Canziani et al. 2016, BN-AlexNet",
        dataset="imagenet",
        input_shape=(224, 224, 3),
        outputs=1000,
        params=61_119_528,
        macs=714_188_480,
        published=Published(accuracy=0.566, dataset="imagenet", split="ImageNet val, central crop", source=CANZIANI),
        deviations=(
            f"No paper has this network: it is the one tower of {PAPER}, with a batch norm before every ReLU, as "
            "S. Zagoruyko trained it in Torch (imagenet-multiGPU.torch).",
            "Convolutions and dense layers have biases, which the batch norm behind them takes away again: the "
            "published parameters count them.",
        ),
        recipes={},
    ),
)
