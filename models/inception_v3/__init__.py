"""Inception-v3, GoogLeNet's successor of 2015: large filters are split into small and flat ones, with batch norm."""

from harness import Architecture, Published

CANZIANI = "Canziani, Paszke, Culurciello, An Analysis of Deep Neural Network Models for Practical Applications, 2016"
PAPER = "Szegedy et al., Rethinking the Inception Architecture for Computer Vision, 2015"

ARCHITECTURES = (
    Architecture(
        name="inception_v3",
        family="inception_v3",
        sets=("figure",),
        source="Canziani et al. 2016, Inception-v3",
        dataset="imagenet",
        input_shape=(299, 299, 3),
        outputs=1000,
        params=23_834_568,
        macs=5_713_216_096,
        published=Published(accuracy=0.7853, dataset="imagenet", split="ImageNet val, central crop", source=CANZIANI),
        deviations=(
            f"{PAPER}, gives few numbers of filters, and a stem that was not released (64, 80, 192 and 288 maps by "
            "3×3 convolutions alone): the numbers and the stem are the released network's.",
            "Average pooling counts the zeros that it pads, as torchvision's and timm's do: TF-Slim's and Keras' do "
            "not and divide by 4 or 6 at the edges, which is another network of the same size.",
            "The paper trains one more classifier in the middle of the network: it is no part of the answer, and is "
            "not here.",
            "Batch norm has a scale, as in torchvision: TF-Slim's and Keras' have none.",
            "Dropout of 0.5, as in torchvision: the paper does not say how much.",
        ),
        recipes={},
    ),
)
