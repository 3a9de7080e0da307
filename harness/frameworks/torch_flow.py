"""The order of features in a PyTorch network: its forward is run once on the meta device, where nothing is computed.

Each function of PyTorch that is called tells what becomes of the layouts (:mod:`harness.frameworks.torch_rules`).
Others are told by what they do: a view by its strides, the rest by shapes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from harness.frameworks import feature_flow
from harness.frameworks.feature_layouts import Call, Layouts
from harness.frameworks.feature_order import Layout, axis
from harness.frameworks.torch_rules import RULES, tensors
from harness.networks import data_layouts

_REFUSED = (RuntimeError, TypeError, ValueError, IndexError, StopIteration)  # by a function, of another shape


class Flow(TorchFunctionMode):  # type: ignore[misc]
    """Follows layouts through what is called inside it; ``read`` are the weights by name in the order of first use."""

    def __init__(self, weights: Mapping[str, torch.Tensor], at: Layouts) -> None:
        super().__init__()
        self.at = at
        self.weights = weights
        self.names = {id(tensor): name for name, tensor in weights.items()}
        self.read: dict[str, None] = {}

    def of_name(self, name: str) -> Layout:
        """The layout of the weight of that name."""
        return self.at.of(self.weights[name])

    def is_placed(self, name: str) -> bool:
        """Whether a layer reads the weight of that name as what it has it for."""
        return id(self.weights[name]) in self.at.placed

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        named = kwargs or {}
        result = function(*args, **named)
        made = [each for each in tensors(result) if id(each) not in self.at.known]
        read = [each for each in tensors((*args, *named.values())) if id(each) in self.at.known]
        weights = [self.names[id(each)] for each in read if id(each) in self.names]
        self.read |= dict.fromkeys(weights)
        if made and read:
            name = getattr(function, "__name__", str(function)).strip("_")
            where = (weights[0].rpartition(".")[0] if weights else "") or name
            call = Call(operation=function, where=where, made=made, read=read, args=args, named=named)
            if name not in RULES or not RULES[name](self.at, call):
                self._follow_unnamed(call)
        return result

    def _follow_unnamed(self, call: Call) -> None:
        views = _views(call)
        for number, output in enumerate(call.made):
            shape = tuple(output.shape)
            if views:
                layout = feature_flow.view(self.at.of(call.read[0]), shape, views[number].stride(), call.where)
            else:
                inputs = [self.at.of(each) for each in call.read]
                layout = feature_flow.by_shape(inputs, shape, lambda sizes: _made_of(call, sizes), call.where)
            self.at.put(output, layout)


def follow(model: torch.nn.Module, shape: Sequence[int]) -> Flow:
    """Run the model once on an input of that shape, the batch of two included, and follow its features.

    It is run without values on the meta device; if it makes constants elsewhere, on the processor.
    """
    state = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        with torch.no_grad():
            try:
                return _run(model, {name: tensor.detach().to("meta") for name, tensor in state.items()}, shape, "meta")
            except (RuntimeError, TypeError, NotImplementedError):
                return _run(model, {name: tensor.detach() for name, tensor in state.items()}, shape, "cpu")
    finally:
        for module in training:
            module.training = True


def _run(model: torch.nn.Module, state: Mapping[str, torch.Tensor], shape: Sequence[int], device: str) -> Flow:
    kind = next((each.dtype for each in state.values() if each.is_floating_point()), torch.float32)
    kind = torch.int32 if getattr(model, "fed_type", "") == "int32" else kind
    image = torch.zeros(*shape, dtype=kind, device=device)
    at = Layouts()
    for tensor in state.values():
        at.put(tensor, tuple(map(axis, tensor.shape)))
    channels_first = data_layouts.layout("torch", len(shape))[1] == "C"
    at.put(image, feature_flow.enter(shape, channels_first=channels_first, tokens=kind == torch.int32))
    flow = Flow(state, at)
    with torch.device(device), flow:
        torch.func.functional_call(model, dict(state), (image,))
    return flow


def _views(call: Call) -> list[torch.Tensor]:
    """What the function makes of a contiguous tensor, if that are views of it; else nothing."""
    if len(call.read) != 1 or not call.args or call.args[0] is not call.read[0]:
        return []
    whole = torch.empty(call.read[0].shape, dtype=call.read[0].dtype, device="meta")
    try:
        found = [*tensors(call.operation(whole, *call.args[1:], **call.named))]
    except _REFUSED:
        return []
    are_views = all(each is whole or each._base is whole for each in found)
    return found if are_views and len(found) == len(call.made) else []


def _made_of(call: Call, sizes: Sequence[int]) -> Sequence[int] | None:
    """The shape that the function makes of its one tensor, had that these sizes; None if it refuses them."""
    if len(call.read) != 1 or not call.args or call.args[0] is not call.read[0]:
        return None
    try:
        whole = torch.empty(*sizes, dtype=call.read[0].dtype, device="meta")
        return tuple(next(tensors(call.operation(whole, *call.args[1:], **call.named))).shape)
    except _REFUSED:
        return None
