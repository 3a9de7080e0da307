"""Small networks, each of one construct of the vocabulary, in Keras and in PyTorch: what the twin proof is tried on.

Each begins with a convolution, ``stem``, and ends in five logits, behind a Flatten on small maps and behind the mean
of large ones. What stands between is the construct. A fault is planted in the PyTorch definition alone.
"""

from harness.networks.architecture import Architecture

SIZES = {"small": (11, 13, 3), "large": (49, 51, 3)}  # H, W, C; behind the stem 9 by 11 and 47 by 49
CLASSES = 5

ARCHITECTURES = ()  # none of the catalogue: `describe` makes one for each pair


def describe(construct: str, size: str, fault: str = "") -> Architecture:
    """The facts of one network; ``fault`` is what its PyTorch definition does wrong."""
    return Architecture(
        name=f"{construct}_{size}{'_' + fault if fault else ''}",
        family=__name__,
        sets=(),
        source="the vocabulary of the experiment",
        dataset="fashion_mnist",
        input_shape=SIZES[size],
        outputs=CLASSES,
        params=0,  # not checked here
        macs=0,
        recipes={},
        options={"construct": construct, "size": size, "fault": fault},
    )
