"""A network as its own framework runs it: built, given its weights, ending in probabilities as its file does."""

import importlib
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.frameworks import endings, weights
from harness.measurements.runtimes import OWN
from harness.networks import catalog

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class Form:
    """A network that is ready to be run.

    ``held`` makes of images (in the framework's own layout) what a call takes, outside the clock; ``run`` is
    the call, done when it returns; ``logits`` are those of the same network, and ``array`` makes a numpy array
    of either. All is done ``within`` a context, which is entered outside the clock.
    """

    held: Callable[[NDArray[np.float32]], Any]
    run: Callable[[Any], Any]
    logits: Callable[[Any], Any]
    array: Callable[[Any], NDArray[np.float32]]
    threads: int | None  # as the framework tells them
    within: Callable[[], AbstractContextManager[object]] = nullcontext


def prepare(runtime: str, compiled: Path | None) -> None:
    """Import what a runtime needs, before anything is timed; ``compiled`` is where compiled code is kept."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if compiled is not None:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(compiled)
    os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"  # else processes that compile stay beside those that measure
    importlib.import_module(OWN[runtime][0])


def build(runtime: str, architecture: str, made: Path, threads: int, device: str) -> Form:
    """The network of that reference with the weights of a file; without a reference, one that does nothing.

    Raises :class:`HarnessError` where the framework does not find the device, "cpu" or "gpu".
    """
    make = _torch if OWN[runtime][0] == "torch" else _keras
    return make(runtime, architecture, made, threads, device)


def _torch(runtime: str, architecture: str, made: Path, threads: int, device: str) -> Form:
    import torch

    from harness.frameworks import torch_training

    torch_training.set_threads(threads)
    torch.set_num_interop_threads(1)
    if device == "gpu" and not torch.cuda.is_available():
        raise HarnessError(f"PyTorch {torch.__version__} finds no CUDA GPU.")
    torch.backends.cudnn.allow_tf32 = False  # float32 means float32, as with onnxruntime
    network: torch.nn.Module = torch.nn.Identity()
    whole = network
    if architecture:
        facts = catalog.get(architecture)
        network = torch_training.build(facts)
        weights.to_torch(network, weights.load(made))
        whole = torch.nn.Sequential(network, endings.torch_activation(facts.output))
    place = torch.device("cuda" if device == "gpu" else "cpu")
    whole = whole.eval().to(place)
    called = torch.compile(whole) if runtime == "torch.compile" else whole

    def run_on_gpu(held: "torch.Tensor") -> "torch.Tensor":
        found = called(held)
        torch.cuda.synchronize()
        return found

    return Form(
        held=lambda images: torch.from_numpy(images).to(place),
        run=run_on_gpu if device == "gpu" else called,
        logits=network,
        array=lambda found: found.cpu().numpy(),
        threads=torch.get_num_threads() if device == "cpu" else None,
        within=torch.inference_mode,
    )


def _keras(runtime: str, architecture: str, made: Path, threads: int, device: str) -> Form:
    import keras
    import tensorflow

    from harness.frameworks import keras_training

    if device == "gpu":
        raise HarnessError("Keras is measured on the CPU alone: expected --device cpu with --runtime keras.")
    tensorflow.config.set_visible_devices([], "GPU")
    keras_training.set_threads(threads)
    network: keras.Model = keras.Sequential([keras.Input((1,)), keras.layers.Identity()])
    whole = network
    if architecture:
        facts = catalog.get(architecture)
        network = keras_training.build(facts)
        weights.to_keras(network, weights.load(made))
        whole = keras.Sequential([network, keras.layers.Activation(None if facts.output == "none" else facts.output)])

    def eagerly(held: Any) -> Any:
        return whole(held, training=False).numpy()

    return Form(
        held=tensorflow.constant,
        run=eagerly if runtime == "keras.eager" else whole.predict_on_batch,
        logits=lambda held: network(held, training=False),
        array=np.asarray,
        threads=None,  # TensorFlow tells what it was asked for alone
    )
