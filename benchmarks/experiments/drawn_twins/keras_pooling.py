"""Pooling and normalisation in Keras, behind a convolution: from maps (N, H, W, 6) on."""

from typing import Any

from keras import layers

from .keras_convolutions import Body, follow


def _normalised(*normalisation: Any) -> Body:
    """A normalisation between a convolution and a ReLU."""
    return lambda maps: follow(
        maps, layers.Conv2D(8, 3, padding="same", name="conv"), *(make() for make in normalisation), layers.ReLU()
    )


POOLINGS: dict[str, Body] = {
    "max_2": lambda maps: layers.MaxPooling2D(2, name="pool")(maps),
    "max_3_stride_2": lambda maps: layers.MaxPooling2D(3, strides=2, name="pool")(maps),
    "max_same_odd": lambda maps: layers.MaxPooling2D(2, padding="same", name="pool")(maps),
    "max_same_3": lambda maps: layers.MaxPooling2D(3, strides=1, padding="same", name="pool")(maps),
    "average_2": lambda maps: layers.AveragePooling2D(2, name="pool")(maps),
    "average_same_3": lambda maps: layers.AveragePooling2D(3, strides=1, padding="same", name="pool")(maps),
    "average_same_odd": lambda maps: layers.AveragePooling2D(3, strides=2, padding="same", name="pool")(maps),
    "average_padded": lambda maps: follow(
        maps, layers.ZeroPadding2D(1, name="pad"), layers.AveragePooling2D(3, strides=2, name="pool")
    ),
    "global_max": lambda maps: follow(
        maps, layers.Conv2D(8, 1, name="conv"), layers.GlobalMaxPooling2D(name="pool")
    ),
    "global_mean": lambda maps: follow(
        maps, layers.Conv2D(8, 1, name="conv"), layers.ReLU(), layers.GlobalAveragePooling2D(name="pool")
    ),
    "global_mean_kept": lambda maps: follow(
        maps, layers.GlobalAveragePooling2D(keepdims=True, name="pool"), layers.Conv2D(8, 1, name="conv"),
        layers.Flatten(name="vector"),
    ),
}  # fmt: skip

NORMALISATIONS: dict[str, Body] = {
    "batch_norm": _normalised(lambda: layers.BatchNormalization(epsilon=1e-3, name="norm")),
    "batch_norm_1e-5": _normalised(lambda: layers.BatchNormalization(epsilon=1e-5, momentum=0.9, name="norm")),
    "batch_norm_no_scale": _normalised(lambda: layers.BatchNormalization(scale=False, name="norm")),
    "batch_norm_no_shift": _normalised(lambda: layers.BatchNormalization(center=False, name="norm")),
    "batch_norm_plain": _normalised(lambda: layers.BatchNormalization(scale=False, center=False, name="norm")),
    "batch_norm_first": lambda maps: follow(
        maps,
        layers.BatchNormalization(name="norm"),
        layers.ReLU(name="relu"),
        layers.Conv2D(8, 3, name="conv"),
    ),
    "batch_norm_after_relu": lambda maps: follow(
        maps,
        layers.Conv2D(8, 3, use_bias=False, activation="relu", name="conv"),
        layers.BatchNormalization(name="norm"),
    ),
    "layer_norm": _normalised(lambda: layers.LayerNormalization(epsilon=1e-6, name="norm")),
    "group_norm": _normalised(lambda: layers.GroupNormalization(2, epsilon=1e-5, name="norm")),
    "instance_norm": _normalised(lambda: layers.GroupNormalization(-1, epsilon=1e-5, name="norm")),
    "unit_norm": _normalised(lambda: layers.UnitNormalization(name="norm")),
    "rescaled": _normalised(lambda: layers.Rescaling(1 / 0.229, offset=-0.485 / 0.229, name="norm")),
}
