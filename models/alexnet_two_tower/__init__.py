"""AlexNet (Krizhevsky et al. 2012) in two towers, as the accuracy-versus-operations figure of 2016 has it."""

from harness import Architecture, Published

CANZIANI = "Canziani, Paszke, Culurciello, An Analysis of Deep Neural Network Models for Practical Applications, 2016"
PAPER = "Krizhevsky, Sutskever, Hinton, ImageNet Classification with Deep Convolutional Neural Networks, 2012"

ARCHITECTURES = (
    Architecture(
        name="alexnet_two_tower",
        family="alexnet_two_tower",
        sets=("figure",),
        source="Canziani et al. 2016, AlexNet",
        dataset="imagenet",
        input_shape=(227, 227, 3),
        outputs=1000,
        params=60_965_224,
        macs=724_406_816,
        published=Published(accuracy=0.5461, dataset="imagenet", split="ImageNet val, central crop", source=CANZIANI),
        deviations=(
            "The figure's AlexNet is Caffe's replication (bvlc_alexnet, validated by S. Zagoruyko). Its layers come in "
            f"the order of {PAPER}, each local response normalisation before its pooling (in Caffe's other "
            "replication, CaffeNet, behind it); its constants are Caffe's.",
            "Local response normalisation divides by (1 + 0.0001 / 5 × the sum of squares)^0.75; the paper, by "
            "(2 + 0.0001 × the sum)^0.75.",
            "The input is 227×227, as in Caffe; the paper prints 224×224, of which its first convolution does not make "
            "its 55×55 maps.",
            "Each pair of towers is one convolution of two groups: the same sums, and no GPUs to send them to.",
        ),
        recipes={},
    ),
)
