"""ENet (Paszke et al. 2016) as a classifier of ImageNet: of the accuracy-versus-operations figure of 2016."""

from harness import Architecture, Published

CANZIANI = "Canziani, Paszke, Culurciello, An Analysis of Deep Neural Network Models for Practical Applications, 2016"
PAPER = "Paszke, Chaurasia, Kim, Culurciello, ENet, 2016"

# Outputs of each bottleneck, by stage; the first of a stage halves height and width.
STAGES = ((64, 128, 128), (256, 256, 256), (512, 512, 512), (1024, 1024, 1024))

ARCHITECTURES = (
    Architecture(
        name="enet",
        family="enet",
        sets=("figure",),
        source="Canziani et al. 2016, ENet",
        dataset="imagenet",
        input_shape=(224, 224, 3),
        outputs=1000,
        params=5_861_476,
        macs=779_341_568,
        options={"stages": STAGES},
        published=Published(accuracy=0.68, dataset="imagenet", split="read off the chart", source=CANZIANI),
        deviations=(
            f"{PAPER}, segments street scenes; the figure's network classifies ImageNet with wider stages and without "
            "dilated or asymmetric convolutions, and no paper prints it.",
            "Dropout of whole maps is the segmenting network's, 1 % in the first stage and 10 % after it.",
        ),
        recipes={},
    ),
)
