"""Claims about whole networks that their definitions decide: parameters, operations, shapes."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from torch import nn

from harness.claims.claim import Claim, Outcome, judge
from harness.claims.counting import costs, dense_share, macs, params
from harness.claims.evidence import Evidence
from harness.claims.fragments import maps_take_memory
from harness.frameworks import training
from harness.frameworks.layers import list_module_layers
from harness.networks import catalog

# Networks of the lectures and of the figure that they show; not those that a user adds.
SETS = {"lectures", "figure"}


def vgg_is_most_expensive(evidence: Evidence) -> Outcome:
    """VGG 16 against every network of the catalogue that is no VGG, and against AlexNet."""
    names = [name for name, found in catalog.architectures().items() if SETS & set(found.sets)]
    others = [name for name in names if not name.startswith("vgg")]
    counts = {name: (macs(evidence.layers(name)), params(evidence.layers(name))) for name in ("vgg16", *others)}
    of_vgg, of_alexnet = counts.pop("vgg16"), counts["alexnet"]
    next_macs, next_params = (max(values) for values in zip(*counts.values(), strict=True))
    ratios = of_vgg[0] / of_alexnet[0], of_vgg[1] / of_alexnet[1]
    return judge(
        f"VGG-16: {of_vgg[0]:,} MACs, {of_vgg[1]:,} parameters; of the {len(others)} networks that are no VGG, none "
        f"has more than {next_macs:,} and {next_params:,}; {ratios[0]:.2f} and {ratios[1]:.2f} times AlexNet's",
        {
            "vgg16 macs": of_vgg[0],
            "vgg16 params": of_vgg[1],
            "most macs of others": next_macs,
            "most params of others": next_params,
            "macs, times alexnet": ratios[0],
            "params, times alexnet": ratios[1],
        },
        holds=of_vgg[0] > next_macs
        and of_vgg[1] > next_params
        and [round(times, 2) for times in ratios] == [13.63, 2.22],
    )


def frozen_base(evidence: Evidence) -> Outcome:
    """What of VGG 16 with a head of its own is trained while its base is frozen."""
    trained, total = _learning(evidence, "lecture"), params(evidence.layers("vgg16_features"))
    return judge(
        f"{trained:,} of {total:,} parameters are trained ({100 * trained / total:.1f} %)",
        {"trained": trained, "params": total},
        holds=(trained, total) == (3_277_313, 17_992_001),
    )


def fine_tuning(evidence: Evidence) -> Outcome:
    """What fine tuning frees of the base, and its learning rate."""
    freed = _learning(evidence, "fine_tuning") - _learning(evidence, "lecture")
    recipes = catalog.get("vgg16_features").recipes
    slower = recipes["fine_tuning"].optimizer.learning_rate / recipes["lecture"].optimizer.learning_rate
    return judge(
        f"{freed:,} more parameters are trained than with all of the base frozen, at {slower:.3g} of the learning rate",
        {"freed": freed, "learning rate, times": slower},
        holds=freed == 7_079_424 and math.isclose(slower, 0.1),
    )


def mostly_dense(evidence: Evidence) -> Outcome:
    """The share of LeNet's parameters in dense layers, by its third convolution."""
    as_coded = dense_share(evidence.layers("lenet5_1x1"))
    of_1998 = dense_share(
        list_module_layers(
            (1, 28, 28),
            nn.Conv2d(1, 6, 5, padding="same", device="meta"),
            nn.AvgPool2d(2),
            nn.Conv2d(6, 16, 5, device="meta"),
            nn.AvgPool2d(2),
            nn.Conv2d(16, 120, 5, device="meta"),
            nn.Flatten(),
            nn.Linear(120, 84, device="meta"),
            nn.Linear(84, 10, device="meta"),
        )
    )
    as_dense = dense_share(evidence.layers("lenet5"))
    return judge(
        f"{100 * as_coded:.2f} % with the 1×1 third convolution as coded; {100 * of_1998:.1f} % with LeNet-5's 5×5, or "
        f"{100 * as_dense:.1f} % "
        "where that counts as the dense layer of 120 units that it is",
        {"with 1×1": as_coded, "with 5×5": of_1998, "with 120 dense units": as_dense},
        holds=as_coded > 0.98 > as_dense > of_1998,
    )


def global_pooling(evidence: Evidence) -> Outcome:
    """The network with Flatten against the one with global max pooling."""
    flatten, pooled = evidence.layers("convnet_flatten"), evidence.layers("convnet_gmp")
    first_dense = [next(layer.params for layer in of if layer.kind == "Linear") for of in (flatten, pooled)]
    fewer, less = params(flatten) / params(pooled), 1 - macs(pooled) / macs(flatten)
    return judge(
        f"parameters {params(flatten):,} → {params(pooled):,}, {fewer:.2f} times fewer; MACs {macs(flatten):,} → "
        f"{macs(pooled):,}, {100 * less:.1f} % less; first dense layer {first_dense[0]:,} → {first_dense[1]:,}",
        {
            "convnet_flatten params": params(flatten),
            "convnet_flatten macs": macs(flatten),
            "convnet_gmp params": params(pooled),
            "convnet_gmp macs": macs(pooled),
        },
        holds=(round(fewer, 2), round(less, 3), first_dense) == (3.92, 0.034, [590_848, 66_560]),
    )


def pooling_lowers_peak(evidence: Evidence) -> Outcome:
    """The feature maps of one image in float32, at the moment when most of them are needed at once."""
    peaks = {
        "pooled": _peak_bytes(evidence, "fmnist_maxpool"),
        "without pooling": _peak_bytes(evidence, "fmnist_maxpool", without="MaxPool2d"),
        "strided": _peak_bytes(evidence, "fmnist_strided"),
    }
    return judge(
        f"fmnist_maxpool's convolutions need {peaks['pooled'] / 1e3:,.0f} kB at their peak, without their poolings "
        f"{peaks['without pooling'] / 1e3:,.0f} kB; with strides in their place {peaks['strided'] / 1e3:,.0f} kB",
        {f"peak bytes, {name}": peak for name, peak in peaks.items()},
        holds=peaks["pooled"] < peaks["without pooling"],
    )


def strides_shrink(evidence: Evidence) -> Outcome:
    """The strided network's convolutions, with their strides and with stride 1 in place of each."""
    strided = list_module_layers((1, 28, 28), *_convolutions(evidence, "fmnist_strided"))
    dense = list_module_layers((1, 28, 28), *_convolutions(evidence, "fmnist_strided", stride=1))
    values = [sum(math.prod(layer.output_shape) for layer in of) for of in (strided, dense)]
    smaller, less = values[1] / values[0], macs(dense) / macs(strided)
    return judge(
        f"with its two strides of 2, fmnist_strided's convolutions put out {smaller:.1f} times fewer values and take "
        f"{less:.1f} times fewer MACs ({macs(strided):,} against {macs(dense):,})",
        {"strided macs": macs(strided), "macs with stride 1": macs(dense), "values, times fewer": smaller},
        holds=smaller > 2 and less > 2,
    )


def one_kind_of_layer(evidence: Evidence) -> Outcome:
    """The different convolutions and poolings of VGG 16 and of AlexNet: kernel, stride, padding."""
    vgg, alexnet = (_configurations(evidence, name) for name in ("vgg16", "alexnet"))
    texts = [
        f"{name}: {len(of['Conv2d'])} configuration(s) of convolution, {len(of['MaxPool2d'])} of pooling"
        for name, of in (("vgg16", vgg), ("alexnet", alexnet))
    ]
    return judge(
        "; ".join(texts),
        {
            f"{name} {kind}": sorted(configurations)
            for name, of in (("vgg16", vgg), ("alexnet", alexnet))
            for kind, configurations in of.items()
        },
        holds=[len(configurations) for configurations in vgg.values()] == [1, 1] and len(alexnet["Conv2d"]) > 1,
    )


def _learning(evidence: Evidence, profile: str) -> int:
    """The parameters of VGG 16 with its own head that a recipe trains."""
    recipe = catalog.get("vgg16_features").recipes[profile]
    return params(
        tuple(layer for layer in evidence.layers("vgg16_features") if not training.frozen(layer.name, recipe))
    )


def _convolutions(
    evidence: Evidence, name: str, *, without: str = "", stride: int | None = None
) -> Sequence[nn.Module]:
    """A network's convolutions and poolings, less those of one kind, or all with one stride.

    Activations are left out: they are computed in place.
    """
    kinds = {"Conv2d", "MaxPool2d"} - {without}
    kept = [module for module in evidence.definition(name).children() if type(module).__name__ in kinds]
    for module in kept:
        module.stride = (stride, stride) if stride else module.stride
    return kept


def _peak_bytes(evidence: Evidence, name: str, *, without: str = "") -> int:
    """The most that a layer's input and output take together, in float32."""
    shapes = [
        layer.output_shape for layer in list_module_layers((1, 28, 28), *_convolutions(evidence, name, without=without))
    ]
    return max(4 * (math.prod(one) + math.prod(next_one)) for one, next_one in pairwise([(1, 28, 28), *shapes]))


def _configurations(evidence: Evidence, name: str) -> dict[str, set[tuple[int, int, int]]]:
    """By kind of layer, the different kernels, strides and paddings, in pixels of a side."""
    found: dict[str, set[tuple[int, int, int]]] = {"Conv2d": set(), "MaxPool2d": set()}
    for module in evidence.definition(name).modules():
        if (kind := type(module).__name__) in found:
            kernel, stride, padding = (_side(getattr(module, size)) for size in ("kernel_size", "stride", "padding"))
            found[kind].add((kernel, stride, (kernel - 1) // 2 if padding == "same" else padding))
    return found


def _side(size: Any) -> Any:
    """A size of both sides of a square, given once or twice."""
    return size[0] if isinstance(size, tuple) else size


CLAIMS = (
    Claim(
        number=3,
        lecture="T. Scully, of Canziani et al. 2016",
        says="VGG is by far the most expensive in operations and in parameters (138 million): VGG-16 has more of both "
        "than any network here that is no VGG, 13.63 and 2.22 times AlexNet's.",
        checks=(vgg_is_most_expensive,),
    ),
    Claim(
        number=21,
        lecture="S. Varma",
        says="Transfer learning cuts what is trained: 3,277,313 of 17,992,001 parameters on a frozen VGG 16. (That it "
        "avoids overfitting on few images, and saves time, comes without numbers.)",
        checks=(frozen_base,),
    ),
    Claim(
        number=22,
        lecture="T. Scully",
        says="Pooling cuts 4,931,080 parameters to 1,256,080: 3.93 times fewer, and 1.56 times fewer MACs. (Its "
        'network "without pooling" keeps the first one.)',
        checks=(costs("lenet_mnist_nopool", "lenet_mnist", params=3.93, macs=1.56),),
    ),
    Claim(
        number=23,
        lecture="G. Marques",
        says="More than 98 % of LeNet's weights are in its dense layers. Corrected: as coded, with a third convolution "
        "of 1×1; with LeNet-5's own 5×5 it is not so.",
        checks=(mostly_dense,),
    ),
    Claim(
        number=24,
        lecture="S. Varma",
        says="Global max pooling cuts 703,594 parameters to 179,306 (3.92 times), 590,848 to 66,560 in the first dense "
        "layer, while the MACs fall only 3.4 %.",
        checks=(global_pooling,),
    ),
    Claim(
        number=32,
        lecture="S. Varma",
        says="Fine tuning all but layers[:-4] frees 7,079,424 parameters of VGG 16's base, at about 1/10 of the "
        "learning rate.",
        checks=(fine_tuning,),
    ),
    Claim(
        number=34,
        lecture="G. Marques",
        says="CNNs need much memory for their maps: 100 MiB for 100 maps of a 512×512 image (the slide's 300 MiB "
        "counts each map three times), half in 16 bits; pooling lowers the peak.",
        checks=(maps_take_memory, pooling_lowers_peak),
    ),
    Claim(
        number=35,
        lecture="G. Marques",
        says="Large strides shrink the output and the work after it markedly (taken as: to less than half).",
        checks=(strides_shrink,),
    ),
    Claim(
        number=41,
        lecture="T. Scully",
        says="VGG is more regular than AlexNet: one configuration of convolution and one of pooling.",
        checks=(one_kind_of_layer,),
    ),
)
