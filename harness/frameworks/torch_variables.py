"""The weights of a PyTorch network as they are carried, and its constants."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import nn

from harness.frameworks import carried, feature_order, torch_flow
from harness.frameworks.carried import Array, Carried
from harness.frameworks.feature_order import Axis, Layout, axis

STATISTICS = ("running_mean", "running_var")
COUNTER = "num_batches_tracked"


def variables(model: nn.Module) -> list[Carried]:
    """Each parameter and running statistic, in the order of first use.

    The order of features is followed if the model says what it is fed: ``model.fed``, a shape with a batch of two.
    Raises :class:`HarnessError` if two have the same neutral name, or an order cannot be followed.
    """
    tensors = _weights(model)
    carried.refuse_collisions([(neutral_name(name), name) for name in tensors])
    flow = torch_flow.follow(model, model.fed) if hasattr(model, "fed") else None
    if flow is not None:
        feature_order.refuse_reordered(flow.at.kept)
        read = [name for name in flow.read if name in tensors]
        tensors = {name: tensors[name] for name in dict.fromkeys((*read, *tensors))}
    found = [each for name, tensor in tensors.items() for each in _carried(model, name, tensor, flow)]
    carried.refuse_collisions([(each.name, each.name) for each in found])
    return found


def constants(model: nn.Module) -> dict[str, Array]:
    """The buffers that are no running statistics: what the definition makes, by neutral name."""
    return {
        neutral_name(name): buffer.detach().cpu().numpy()
        for name, buffer in model.named_buffers()
        if name.rpartition(".")[2] not in (*STATISTICS, COUNTER)
    }


def neutral_name(name: str) -> str:
    """The neutral name of a PyTorch parameter: dots only before its kind."""
    layer, _, kind = name.rpartition(".")
    return f"{layer.replace('.', '_')}.{kind}"


def names(model: nn.Module) -> dict[str, tuple[int, ...]]:
    """The shape of each weight by its neutral name, as PyTorch lays it out, in the order of the definition."""
    return {neutral_name(name): tuple(tensor.shape) for name, tensor in _weights(model).items()}


def _weights(model: nn.Module) -> dict[str, torch.Tensor]:
    statistics = {name: each for name, each in model.named_buffers() if name.rpartition(".")[2] in STATISTICS}
    known = {**dict(model.named_parameters()), **statistics}
    return {name: known[name] for name in model.state_dict() if name in known}


def _carried(model: nn.Module, name: str, tensor: torch.Tensor, flow: "torch_flow.Flow | None") -> Iterator[Carried]:
    layer, _, kind = name.rpartition(".")
    module = model.get_submodule(layer)
    layout = flow.of_name(name) if flow is not None else tuple(map(axis, tensor.shape))
    whole = flow is None or flow.is_placed(name)
    if isinstance(module, nn.MultiheadAttention) and kind.startswith("in_proj"):
        yield from _projections(layer, kind, tensor, layout)
    elif isinstance(module, nn.MultiheadAttention) and kind.endswith("_proj_weight"):
        projection = {"q": "query", "k": "key", "v": "value"}[kind[0]]
        yield _one(f"{layer}.{projection}.weight", tensor, layout, [tensor], whole=True)
    elif isinstance(module, nn.LSTM | nn.RNN) and kind.startswith("bias"):
        if kind.startswith("bias_ih"):  # the second is added to the first
            second = getattr(module, kind.replace("_ih_", "_hh_"))
            yield _one(name, tensor, layout, [tensor, second], whole=whole)
    else:
        yield _one(name, tensor, layout, [tensor], whole=whole)


def _one(name: str, like: torch.Tensor, layout: Layout, summands: list[torch.Tensor], *, whole: bool) -> Carried:
    """A weight that is the sum of tensors; all but the first are zero once it is written."""
    layer = name.rpartition(".")[0] or name
    if whole:
        letters = " ".join(f"a{number}" for number in range(like.ndim))
        sizes = {f"a{number}": length for number, length in enumerate(like.shape)}
        arrangement = carried.arrange(layout, letters, letters, sizes, layer)
    else:
        arrangement = carried.arrange_by_role(layout, tuple(like.shape), layer)

    def read() -> Array:
        total = sum(each.detach() for each in summands)
        assert isinstance(total, torch.Tensor)
        return np.array(arrangement.neutral(total.cpu().numpy()), order="C")

    def write(array: Array) -> None:
        with torch.no_grad():
            summands[0].copy_(torch.from_numpy(np.ascontiguousarray(arrangement.own(array))))
            for each in summands[1:]:
                each.zero_()

    return Carried(name=neutral_name(name), shape=arrangement.shape, read=read, write=write)


def _projections(layer: str, kind: str, tensor: torch.Tensor, layout: Layout) -> Iterable[Carried]:
    """What in_proj holds for query, key and value, one after another."""
    kind = kind.removeprefix("in_proj_")
    rest: tuple[Axis, ...] = layout[1:]
    for part, name in zip(tensor.detach().chunk(3), ("query", "key", "value"), strict=True):
        yield _one(f"{layer}.{name}.{kind}", part, (axis(part.shape[0]), *rest), [part], whole=True)
