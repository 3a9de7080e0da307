"""The facts of a network as a reader wants them: in words, and only what differs from the ordinary."""

from dataclasses import fields

from harness.networks.architecture import Architecture, Augmentation, Optimizer, Recipe

SCALINGS = {
    "unit": "x / 255",
    "standard": "(x / 255 - mean) / std",
    "raw": "unscaled 0 to 255",
    "minus_one_to_one": "x / 127.5 - 1",
    "imagenet_bgr": "BGR less ImageNet's mean",
    "imagenet_rgb": "(x / 255 - mean) / std of ImageNet",
}
# The name of each optimizer, and which of the values of a recipe it uses beside the rate.
OPTIMIZERS = {
    "sgd": ("SGD", ("momentum",)),
    "adam": ("Adam", ("beta_1", "beta_2", "epsilon")),
    "rmsprop": ("RMSprop", ("decay", "epsilon")),
    "adadelta": ("Adadelta", ("decay", "epsilon")),
}


def describe(architecture: Architecture) -> list[tuple[str, str]]:
    """Labels and texts; of several deviations only the first has a label."""
    size = "x".join(map(str, architecture.input_shape))
    options = [f"{name}={value}" for name, value in architecture.options.items() if isinstance(value, str | int)]
    published = architecture.published
    said = [
        ("name", architecture.name),
        ("sets", ", ".join(architecture.sets)),
        ("source", architecture.source),
        ("dataset", architecture.dataset),
        ("input", size + (", or any other height and width" if architecture.any_size else "")),
        (
            "outputs",
            f"{architecture.outputs:,}" + (f", by {architecture.output}" if architecture.output != "none" else ""),
        ),
        ("parameters", f"{architecture.params:,}"),
        ("MACs", f"{architecture.macs:,}"),
        ("options", ", ".join(options)),
        (
            "base",
            f"{architecture.base} of ImageNet, whose weights its first layers can take" if architecture.base else "",
        ),
    ]
    if published:
        text = f"{_percent(published.accuracy)} on {published.dataset}, {published.split}; {published.source}"
        said.append(("published", text))
    said += [("" if number else "deviates", text) for number, text in enumerate(architecture.deviations)]
    return [(label, text) for label, text in said if text]


def describe_recipe(recipe: Recipe) -> str:
    """A recipe in one line: "mnist, x / 255, SGD 0.01, batch 128, 100 epochs, validated on the test split"."""
    share = recipe.validation_split
    said = [
        recipe.dataset,
        f"first {recipe.training_images:,} images" if recipe.training_images else "",
        SCALINGS[recipe.scaling],
        "smaller images padded" if recipe.fitting == "pad" else "",
        "binary cross-entropy" if recipe.loss == "binary_cross_entropy" else "",
        _optimizer(recipe.optimizer),
        f"batch {recipe.batch:,}",
        f"{recipe.epochs:,} epoch{'s' if recipe.epochs > 1 else ''}",
        "kernels from N(0, 0.01)" if recipe.initialisation == "normal_0.01" else "",
        f"augmented ({_augmentation(recipe.augmentation)})" if recipe.augmentation else "",
        f"begins with the weights of {recipe.begins_with}" if recipe.begins_with else "",
        f"{' '.join(recipe.frozen)} frozen" if recipe.frozen else "",
        "their output computed once" if recipe.features_once else "",
        f"validated on the last {_percent(share)}, held out" if share else "validated on the test split",
    ]
    text = ", ".join(part for part in said if part)
    if recipe.reported:
        text += "; reported " + ", ".join(f"{split} {_percent(value)}" for split, value in recipe.reported.items())
    return f"{text}; source: {recipe.source}" if recipe.source else text


def _optimizer(optimizer: Optimizer) -> str:
    """The optimizer, its rate, and what else it uses that is not the default: "Adadelta 0.001, decay 0.95"."""
    defaults = {field.name: field.default for field in fields(Optimizer)}
    name, used = OPTIMIZERS[optimizer.name]
    values = {field: getattr(optimizer, field) for field in used}
    differing = [f"{field} {value:g}" for field, value in values.items() if value != defaults[field]]
    return ", ".join((f"{name} {optimizer.learning_rate:g}", *differing))


def _augmentation(augmentation: Augmentation) -> str:
    said = {
        f"rotation ±{augmentation.rotation_degrees:g}°": augmentation.rotation_degrees,
        f"shift ±{_percent(augmentation.shift_fraction)}": augmentation.shift_fraction,
        f"zoom ±{_percent(augmentation.zoom_fraction)}": augmentation.zoom_fraction,
        "horizontal flip": augmentation.horizontal_flip,
        "reflected edges": augmentation.outside == "reflect",
    }
    return ", ".join(change for change, wanted in said.items() if wanted)


def _percent(share: float) -> str:
    """With the digits that a source prints: ``98.81 %``."""
    return f"{100 * share:.4g} %"
