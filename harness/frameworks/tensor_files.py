"""The tensors of a file that somebody else wrote: HDF5 of Keras, a state dict of PyTorch, safetensors.

Nothing in a file is executed, nothing outside it is read, and no value before its shape is asked for.
"""

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from harness.errors import HarnessError
from harness.machine import files

if TYPE_CHECKING:
    import h5py  # type: ignore[import-untyped]

# "keras 2": a group a layer, by the layer's name (what keras.applications downloads, and model.save writes to ".h5");
# "keras 3": a group a layer, by its class and number (".weights.h5"); "torch": the names of a state dict.
Form = Literal["keras 2", "keras 3", "torch"]


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A tensor as the file lays it out; its values can be read while the file is open."""

    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], NDArray[np.float32]]


Tensors = dict[str, Stored]


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tuple[Form, Tensors]]:
    """The form of a file, and its tensors by name.

    Names are ``<layer>/<position>`` in Keras 2's form, ``layers/<class and number>/vars/<position>`` in Keras 3's.
    Raises :class:`HarnessError` for a file that is none of these, is damaged, or needs code to be executed.
    """
    opener, extra = _OPENERS.get(path.suffix.lower(), (None, ""))
    if opener is None:
        raise HarnessError(f"{path} ends in {path.suffix!r}: expected a file of weights, {', '.join(_OPENERS)}.")
    try:
        with opener(path) as (form, tensors):
            yield form, tensors
    except ModuleNotFoundError as error:
        raise HarnessError(
            f"{path} cannot be read without {error.name}: pip install 'onnx-harness[{extra}]' in this environment."
        ) from error


def sha256(path: Path) -> str:
    """What identifies the file. Raises :class:`HarnessError` where it cannot be read."""
    try:
        return files.sha256(path)
    except OSError as error:
        raise HarnessError(f"cannot read {path}: {error.strerror}. Name a file of ImageNet weights.") from error


@contextlib.contextmanager
def _hdf5(path: Path) -> Iterator[tuple[Form, Tensors]]:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            whole_model = _child(file, "model_weights")  # model.save to ".h5" has the weights in a group of their own
            root = file if whole_model is None else whole_model
            form: Form = "keras 2" if "layer_names" in root.attrs else "keras 3"
            yield form, _by_layer(root) if form == "keras 2" else _by_class(root)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise HarnessError(f"{path} is no whole HDF5 file of Keras weights ({error}): download it again.") from error


def _by_layer(root: "h5py.Group") -> Tensors:
    """Keras goes by the order of a layer's weights; their names have changed with every version."""
    return {
        f"{layer}/{position}": _dataset(root, f"{layer}/{name}")
        for layer in _texts(root, "layer_names")
        for position, name in enumerate(_texts(_child(root, layer), "weight_names"))
    }


def _by_class(root: "h5py.Group") -> Tensors:
    groups = [f"layers/{layer}/vars" for layer in _child(root, "layers") or ()]
    paths = [f"{group}/{position}" for group in groups for position in _child(root, group) or ()]
    return {path: _dataset(root, path) for path in paths}


def _texts(group: Any, attribute: str) -> list[str]:
    if group is None:
        raise ValueError(f"a layer has no group with {attribute}")
    return [text.decode() if isinstance(text, bytes) else str(text) for text in group.attrs[attribute]]


def _child(group: "h5py.Group", path: str) -> Any:
    """What has that path in the file, None where nothing has. A link is refused: it may lead to another file."""
    import h5py

    child = group
    for name in path.split("/"):
        # Not `name in child`: that would open the file which an external link names.
        links = child.id.links if isinstance(child, h5py.Group) else None
        if links is None or not name or not links.exists(name.encode()):
            return None
        if links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
            raise HarnessError(f"{group.file.filename}: {path!r} is a link to elsewhere, which is not followed.")
        child = child[name]
    return child


def _dataset(root: "h5py.Group", path: str) -> Stored:
    import h5py

    dataset = _child(root, path)
    if not isinstance(dataset, h5py.Dataset):
        raise ValueError(f"{path!r} is no array")
    if dataset.external or dataset.is_virtual:
        raise HarnessError(f"{root.file.filename}: the values of {path!r} lie in another file, which is not read.")
    return Stored(shape=dataset.shape, dtype=str(dataset.dtype), read=lambda: dataset[()])


@contextlib.contextmanager
def _safetensors(path: Path) -> Iterator[tuple[Form, Tensors]]:

    try:
        with safe_open(path, framework="numpy") as file:
            tensors = {}
            for name in file.keys():  # noqa: SIM118 (the file is no mapping)
                part = file.get_slice(name)
                dtype = part.get_dtype().replace("F32", "float32")
                tensors[name] = Stored(shape=tuple(part.get_shape()), dtype=dtype, read=partial(file.get_tensor, name))
            yield "torch", tensors
    except (OSError, SafetensorError) as error:
        raise HarnessError(f"{path} is no whole .safetensors file ({error}): download it again.") from error


@contextlib.contextmanager
def _state_dict(path: Path) -> Iterator[tuple[Form, Tensors]]:
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of TorchScript archives and plain pickles, which are refused below
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # given anything, the restricted unpickler raises nearly anything
        raise HarnessError(
            f"{path} is no whole state dict of tensors alone; nothing in it was executed. "
            "Download it again, or save model.state_dict() and no more."
        ) from error
    tensors = {}
    for name, tensor in _state(content).items():
        if isinstance(tensor, torch.Tensor) and tensor.layout is torch.strided and not tensor.is_meta:
            dtype = str(tensor.dtype).removeprefix("torch.")
            read = partial(tensor.numpy, force=True)
            tensors[name] = Stored(shape=tuple(tensor.shape), dtype=dtype, read=read)
    yield "torch", tensors


def _state(content: Any) -> dict[str, Any]:
    """What is in a checkpoint under "state_dict", or itself; less the "module." that DataParallel puts before all."""
    state = content.get("state_dict", content) if isinstance(content, dict) else None
    if not isinstance(state, dict):
        return {}
    names = [str(name) for name in state]
    before = "module." if all(name.startswith("module.") for name in names) else ""
    return {name.removeprefix(before): value for name, value in zip(names, state.values(), strict=True)}


_Opener = Callable[[Path], contextlib.AbstractContextManager[tuple[Form, Tensors]]]

# By suffix, with the extra of this package that brings what it takes.
_OPENERS: Mapping[str, tuple[_Opener, str]] = {
    ".h5": (_hdf5, "keras"),
    ".hdf5": (_hdf5, "keras"),
    ".safetensors": (_safetensors, "torch"),
    ".pth": (_state_dict, "torch"),
    ".pt": (_state_dict, "torch"),
}
