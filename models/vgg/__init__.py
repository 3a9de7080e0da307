"""VGG 16 (Simonyan, Zisserman 2014), from Ted Scully's lecture, Subir Varma's transfer learning on it, and VGG 19."""

from dataclasses import replace

from harness import Architecture, Augmentation, Optimizer, Published, Recipe

SCULLY = "T. Scully, Convolutional Neural Networks (Part 2)"
VARMA = "S. Varma, Convolutional Neural Networks: Part 2, Lecture 11"
PAPER = "Simonyan, Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, 2014"
CANZIANI = "Canziani, Paszke, Culurciello, An Analysis of Deep Neural Network Models for Practical Applications, 2016"

# Filters and convolutions of each block. The lecture's filters double after each block: the last block's do not.
VGG16 = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
VGG19 = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))

NO_DROPOUT = (
    f"{PAPER}, drops out half of the outputs of the first two dense layers while it trains; nothing trains this "
    "network here, and dropout changes nothing else."
)

LECTURE = Recipe(
    dataset="cats_vs_dogs",
    scaling="imagenet_bgr",
    loss="binary_cross_entropy",
    optimizer=Optimizer(name="rmsprop", learning_rate=0.001),
    batch=32,
    epochs=20,
    # RandomRotation(0.1) is a tenth of a full turn; RandomZoom(0.2) and it reflect at the edges.
    augmentation=Augmentation(rotation_degrees=36, zoom_fraction=0.2, horizontal_flip=True, outside="reflect"),
    frozen=("block*",),
    source=f"{VARMA}, Method 2; batch and epochs are not printed: 32 and 20 are chosen here",
)

ARCHITECTURES = (
    Architecture(
        name="vgg16",
        family="vgg",
        sets=("lectures", "figure"),
        source="scully_vgg16; Canziani et al. 2016 VGG-16",
        dataset="imagenet",
        input_shape=(224, 224, 3),
        outputs=1000,
        params=138_357_544,
        macs=15_470_264_320,
        options={"blocks": VGG16, "head": "classifier", "input_shape": (224, 224, 3)},
        published=Published(accuracy=0.7062, dataset="imagenet", split="ImageNet val, central crop", source=CANZIANI),
        deviations=(
            f"{SCULLY} prints pooling of 3×3 with stride 2; the paper's 2×2 gives the 138 million parameters that "
            "the lecture also prints.",
            "The lecture says that the filters double after each block; the last block's do not, as in the paper.",
            "Filters and dense layers are the paper's: the lecture's layer figure is lost.",
            NO_DROPOUT,
        ),
        recipes={},
    ),
    Architecture(
        name="vgg16_features",
        family="vgg",
        sets=("lectures",),
        source="varma_vgg16_m2 and varma_vgg16_finetune",
        dataset="cats_vs_dogs",
        input_shape=(180, 180, 3),
        outputs=1,
        output="sigmoid",
        base="vgg16",
        params=17_992_001,  # 14,714,688 of them in the frozen convolutions
        macs=9_742_404_864,
        options={"blocks": VGG16, "head": "features", "input_shape": (180, 180, 3)},
        deviations=(
            "The dense layer of 256 units has no activation, as the lecture prints it: the head is one affine map.",
            "The fine-tuning slide does not say which base it tunes: it follows Method 2, and leaving out the last "
            "four layers isolates a block of VGG 16 alone.",
        ),
        recipes={
            "lecture": LECTURE,
            "fine_tuning": replace(
                LECTURE,
                begins_with="lecture",
                frozen=("block1_*", "block2_*", "block3_*", "block4_*"),
                optimizer=Optimizer(name="rmsprop", learning_rate=0.0001),
                source=f"{VARMA}, Transfer Learning with Fine Tuning: the last block learns too, at a tenth of the "
                "rate; batch and epochs are not printed: 32 and 20 are chosen here",
            ),
            "quick": replace(LECTURE, training_images=200, epochs=1, augmentation=None, features_once=True, source=""),
        },
    ),
    Architecture(
        name="vgg19",
        family="vgg",
        sets=("figure",),
        source="Canziani et al. 2016, VGG-19",
        dataset="imagenet",
        input_shape=(224, 224, 3),
        outputs=1000,
        params=143_667_240,
        macs=19_632_062_464,
        options={"blocks": VGG19, "head": "classifier", "input_shape": (224, 224, 3)},
        published=Published(accuracy=0.7074, dataset="imagenet", split="ImageNet val, central crop", source=CANZIANI),
        deviations=(NO_DROPOUT,),
        recipes={},
    ),
)
