"""The layers of a network, counted on its definition itself: beside the ledger of the file, a second count."""

import functools
import math
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError
from harness.frameworks import attention_macs, endings
from harness.networks import catalog, families
from harness.networks.architecture import Architecture

if TYPE_CHECKING:
    import keras
    import torch

Shape = tuple[int, ...]

# Layers that multiply by none of their weights of two dimensions or more, as the project counts.
FREE = {"Embedding", "LayerNormalization", "LayerNorm", "PReLU"}
# Layers that multiply one feature map by another, and need no weights for it.
PRODUCTS = {"AdditiveAttention", "Attention", "Dot"}


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One call of one layer. ``kind`` is the framework's name of its class.

    ``output_shape`` is of one image, without the batch axis: (H, W, C) in Keras, (C, H, W) in PyTorch.
    ``params`` are learnable, frozen or not; ``statistics`` are the running means and variances of a
    batch norm, which Keras' summary adds. ``macs`` are of one image, and None where no rule counts
    the layer. A layer that is called again has its parameters in the row of its first call.
    """

    name: str
    kind: str
    output_shape: Shape
    params: int
    statistics: int
    macs: int | None


def list_layers(architecture: Architecture, framework: str) -> tuple[Layer, ...]:
    """The layers of the definition in "keras" or "torch", in the order in which an image meets them.

    Raises :class:`HarnessError` for a definition from elsewhere that fails, or that has several outputs.
    """
    return inspect_layers(architecture, framework)[0]


def inspect_layers(architecture: Architecture, framework: str) -> tuple[tuple[Layer, ...], Shape]:
    """The layers of a definition, and the shape of its output for one image; errors are those of the former."""
    try:
        return {"keras": _inspect_keras, "torch": _inspect_torch}[framework](architecture)
    except HarnessError:
        raise
    except Exception as error:
        if not catalog.foreign(architecture):
            raise
        raise families.failure(architecture, framework, error) from error


def _inspect_keras(architecture: Architecture) -> tuple[tuple[Layer, ...], Shape]:
    """The layers as ``model.summary(expand_nested=True)`` lists them, less inputs; sizes are those of one image.

    A layer that is made of others (a ``keras.layers.Layer``, or a ``keras.Model`` with a ``call`` of
    its own) is one row. Nothing is allocated: the variables have shapes and no values, unless the
    definition gives one of them a value itself.
    """
    catalog.definition(architecture, "keras")  # before keras is imported: it says so where there is none
    # Keras keeps a list of the variables without values, one a thread, and fills them in at the end of a later scope:
    # a thread of its own takes its list with it.
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(_without_values, architecture).result()


def _inspect_torch(architecture: Architecture) -> tuple[tuple[Layer, ...], Shape]:
    """The modules that hold no others, or parameters of their own; dots in names are underscores, as in Keras.

    Nothing is allocated: the network is built on PyTorch's meta device, or, where it makes a constant
    outside PyTorch, on the processor. A product of feature maps that a ``forward`` writes as a
    function is no layer and not seen.
    """
    catalog.definition(architecture, "torch")  # before torch is imported: it says so where there is none
    import torch

    try:
        with torch.device("meta"):
            return _run_torch(architecture)
    except (RuntimeError, TypeError):
        return _run_torch(architecture)


def list_module_layers(input_shape: Shape, *modules: "torch.nn.Module") -> tuple[Layer, ...]:
    """PyTorch modules on the meta device, one after another; ``input_shape`` is of one image: (C, H, W) or (N,)."""
    import torch

    found: list[Layer] = []
    counted: set[int] = set()
    hooks = [
        module.register_forward_hook(functools.partial(_record_torch, str(number), found, counted), with_kwargs=True)
        for number, module in enumerate(modules)
    ]
    with torch.no_grad():
        torch.nn.Sequential(*modules)(torch.zeros(1, *input_shape, device="meta"))
    for hook in hooks:
        hook.remove()
    return tuple(found)


def _without_values(architecture: Architecture) -> tuple[tuple[Layer, ...], Shape]:
    import keras

    try:
        with keras.StatelessScope(initialize_variables=False):
            return _run_keras(architecture)
    except ValueError:  # a variable with a value is refused there
        return _run_keras(architecture)


def _run_keras(architecture: Architecture) -> tuple[tuple[Layer, ...], Shape]:
    import keras

    from harness.frameworks import keras_training

    model = keras_training.build(architecture)
    model.trainable = True  # what is still not trainable is not learned: running statistics
    found: list[Layer] = []
    counted: set[int] = set()
    for layer in dict.fromkeys(leaf_layers(model)):
        layer.compute_output_spec = functools.partial(_record_keras, layer, layer.compute_output_spec, found, counted)
    output = model.compute_output_spec(keras.KerasTensor((1, *architecture.input_shape), dtype=architecture.input_type))
    return tuple(found), _only_shape(output, f"{architecture.name} in Keras")


def _only_shape(output: Any, network: str) -> Shape:
    """The shape of a network's one output, without its batch axis."""
    endings.check_single(output, network)
    return _shape(output)


def leaf_layers(model: Any) -> Iterator[Any]:
    """The layers of a Keras model that hold no others that Keras itself calls."""
    import keras

    of_keras_itself = type(model).__module__.partition(".")[0] == "keras"  # Sequential or functional
    if isinstance(model, keras.Model) and of_keras_itself:
        for layer in model.layers:
            yield from leaf_layers(layer)
    else:
        yield model


def _record_keras(
    layer: "keras.layers.Layer", call: Any, found: list[Layer], counted: set[int], *inputs: Any, **named: Any
) -> Any:
    """Call the layer symbolically and note the call."""
    import keras

    output = call(*inputs, **named)
    statistics = [variable for variable in layer.non_trainable_weights if variable.name.startswith("moving_")]
    shapes = _shapes((*inputs, *named.values())), _shape(output)
    found.append(
        Layer(
            name=layer.name,
            kind=type(layer).__name__,
            output_shape=_shape(output),
            params=_size(_new(layer.trainable_weights, counted)),
            statistics=_size(_new(statistics, counted)),
            macs=_macs(layer, keras.layers, layer.trainable_weights, *shapes),
        )
    )
    return output


def _run_torch(architecture: Architecture) -> tuple[tuple[Layer, ...], Shape]:
    import torch

    from harness.frameworks import torch_training

    network = torch_training.build(architecture).eval()
    found: list[Layer] = []
    counted: set[int] = set()
    for name, module in network.named_modules():
        if [*module.parameters(recurse=False)] or not [*module.children()]:
            name = name.replace(".", "_") or architecture.name
            module.register_forward_hook(functools.partial(_record_torch, name, found, counted), with_kwargs=True)
    with torch.no_grad():
        output = network(torch_training.example(architecture))
    return tuple(found), _only_shape(output, f"{architecture.name} in PyTorch")


def _record_torch(
    name: str, found: list[Layer], counted: set[int], module: "torch.nn.Module", inputs: Any, named: Any, output: Any
) -> None:
    """Note a call of a module. To it belong the parameters of submodules that it did not call."""
    import torch

    learnable = _new(module.parameters(), counted)
    statistics = [buffer for kind, buffer in module.named_buffers() if kind in ("running_mean", "running_var")]
    shapes = _shapes((*inputs, *named.values())), _shape(output)
    found.append(
        Layer(
            name=name,
            kind=type(module).__name__,
            output_shape=_shape(output),
            params=_size(learnable),
            statistics=_size(_new(statistics, counted)),
            macs=_macs(module, torch.nn, [*module.parameters(recurse=False), *learnable], *shapes),
        )
    )


def _shape(values: Any) -> Shape:
    """The shape of a tensor, or of the first of several, without its batch axis; () where there is none."""
    while isinstance(values, list | tuple) and values:
        values = values[0]
    return tuple(getattr(values, "shape", ()))[1:]


def _shapes(inputs: Iterable[Any]) -> tuple[Shape, ...]:
    """The shape of each input of a layer, or of the first in a list, without its batch axis."""
    return tuple(map(_shape, inputs)) or ((),)


def _new(weights: Iterable[Any], counted: set[int]) -> list[Any]:
    """The weights that are not counted yet; now they are."""
    new = {id(weight): weight for weight in weights if id(weight) not in counted}
    counted.update(new)
    return list(new.values())


def _size(weights: list[Any]) -> int:
    return sum(math.prod(weight.shape) for weight in weights)


def _macs(layer: Any, library: Any, weights: list[Any], inputs: Sequence[Shape], outputs: Shape) -> int | None:
    """The multiply-accumulates of one call; None where the layer has a kernel and no rule.

    ``library`` holds the framework's own layers: a class derived from one of them may compute anything.
    """
    kind = type(layer).__name__
    kernels = [tuple(weight.shape) for weight in weights if len(weight.shape) > 1]
    if type(layer) is not getattr(library, kind, None):
        return None if kernels else 0
    if kind in FREE:
        return 0
    if kind in attention_macs.LAYERS:
        return attention_macs.count(layer, inputs)
    if kind in PRODUCTS or kernels:
        return _multiplied(kind, kernels, inputs[0], outputs)
    return 0


def _multiplied(kind: str, kernels: list[Shape], inputs: Shape, outputs: Shape) -> int | None:
    """The rules, by the shapes of kernels, input and output. Transposed: each input is spread over a kernel."""
    match kind:
        case "Dense" | "Conv1D" | "Conv2D" | "Conv3D":  # (k..., inputs / groups, outputs)
            return math.prod(outputs) * math.prod(kernels[0][:-1])
        case "Conv1DTranspose" | "Conv2DTranspose" | "Conv3DTranspose":  # (k..., outputs, inputs)
            return math.prod(inputs) * math.prod(kernels[0][:-1])
        case "DepthwiseConv1D" | "DepthwiseConv2D":  # (k..., inputs, outputs of each)
            return math.prod(outputs) * math.prod(kernels[0][:-2])
        case "SeparableConv1D" | "SeparableConv2D":  # a depthwise kernel and a pointwise one, at the same places
            return math.prod(outputs) // kernels[1][-1] * sum(math.prod(kernel) for kernel in kernels)
        case "Linear" | "Conv1d" | "Conv2d" | "Conv3d":  # (outputs, inputs / groups, k...)
            return math.prod(outputs) * math.prod(kernels[0][1:])
        case "ConvTranspose1d" | "ConvTranspose2d" | "ConvTranspose3d":  # (inputs, outputs / groups, k...)
            return math.prod(inputs) * math.prod(kernels[0][1:])
    return None
