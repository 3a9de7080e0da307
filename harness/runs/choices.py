"""What a run is asked for, checked before anything is made: the command line and the public API ask alike.

A message names a choice as the command line spells it: ``--batch``, ``--threads``.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.data import datasets, imagenet, places
from harness.errors import HarnessError
from harness.machine import processors
from harness.machine.user_paths import expand_user
from harness.measurements import configurations, providers
from harness.measurements.providers import Target
from harness.networks import data_layouts
from harness.networks.architecture import Architecture, Scaling
from harness.runs import labelled_data, model_files
from harness.runs.model_files import FileSettings
from harness.timing import runtime
from harness.timing.latency import Effort

NARROWEST = 1e-4  # no machine keeps still enough for less


def choose_targets(asked: Sequence[str], device: str | None, *, cuda_graph: bool = False) -> tuple[Target, ...]:
    """Where to measure. Raises :class:`HarnessError` for a provider that there is not."""
    installed = tuple(runtime.load().get_available_providers()) if asked else ()
    return providers.targets(tuple(asked), device, cuda_graph, installed)


def choose_threads(asked: Sequence[int] | None) -> tuple[int, ...]:
    """The thread counts to measure: 1 and all, if none is asked for.

    Raises :class:`HarnessError` for more than this process may use.
    """
    available = processors.threads_available()
    chosen = tuple(sorted(set(asked or (1, available))))
    if chosen[0] < 1 or chosen[-1] > available:
        raise HarnessError(f"--threads {' '.join(map(str, chosen))}: this process may use 1 to {available}.")
    return chosen


def choose_batches(asked: Sequence[int]) -> tuple[int, ...]:
    """The batch sizes to measure, the smallest first."""
    chosen = tuple(sorted(set(asked)))
    if not chosen or chosen[0] < 1:
        raise HarnessError(f"--batch {chosen[0] if chosen else ''}: expected at least one image a call.")
    return chosen


def choose_precisions(asked: Sequence[str]) -> tuple[str, ...]:
    """The precisions to measure. Raises :class:`HarnessError` for one that there is not."""
    for name in asked:
        if name not in configurations.PRECISIONS:
            raise HarnessError(f"--precision {name}: expected some of {', '.join(configurations.PRECISIONS)}.")
    return tuple(name for name in configurations.PRECISIONS if name in asked)


def choose_image_sizes(
    asked: Sequence[tuple[int, int]], networks: Sequence[Architecture]
) -> tuple[tuple[int, int] | None, ...]:
    """The (height, width) of the images to feed, None for each network's own.

    Raises :class:`HarnessError` if a network takes images of its own size alone.
    """
    sizes = tuple(dict.fromkeys(asked))
    fixed = [network for network in networks if not network.any_size and set(sizes) != _own_sizes(network)]
    if sizes and fixed:
        raise HarnessError(
            f"--image-size: {', '.join(network.name for network in fixed)} "
            f"{'take' if len(fixed) > 1 else 'takes'} images of {'their' if len(fixed) > 1 else 'its'} own size alone; "
            "expected networks that `harness show NAME` calls of any other height and width."
        )
    return sizes or (None,)


def _own_sizes(network: Architecture) -> set[tuple[int, ...]]:
    """The height and width of its images; none if it takes no images."""
    return {network.input_shape[:2]} if len(network.input_shape) == data_layouts.IMAGE else set()


def choose_effort(launches: int, seconds: float) -> Effort:
    """How much is measured. Raises :class:`HarnessError` for what is no effort, or one without end."""
    if launches < 1 or not 0 < seconds < 3600:
        raise HarnessError("expected --launches of at least 1 and --seconds between 0 and 3600.")
    return replace(Effort(), launches=launches, seconds=seconds)


def check_precision_target(share: float, text: str) -> float:
    """How wide an interval may be to either side, relative to its median; ``text`` is how it was asked for."""
    if not NARROWEST <= share < 1:
        raise HarnessError(f"--precision-target {text}: expected a share of the median like 1%, 0.5% or 0.01.")
    return share


def check_time_limit(seconds: float, text: str) -> float:
    """The seconds that measuring may take; ``text`` is how they were asked for."""
    if not 0 < seconds < math.inf:
        raise HarnessError(f"--time-limit {text}: expected seconds, or minutes with an m, like 600 or 10m.")
    return seconds


def choose_data(text: str | None, networks: Sequence[object] = (), files: Sequence[Path] = ()) -> str | None:
    """The data set in place of a recipe's, or that files are tested on: a name that is known, or a whole path.

    Raises :class:`HarnessError` for a name or folder that is none, and for arrays if networks are named too.
    """
    if text is None:
        return None
    if files and labelled_data.are_arrays(text):
        if networks:
            raise HarnessError(f"--data {text} is for .onnx files, and networks of the catalogue are named too.")
        return str(expand_user(text).absolute())
    if text.startswith(places.FOLDER):
        return f"{places.FOLDER}{datasets.image_files(text).folder.resolve()}"
    if text.startswith(imagenet.PREFIX):
        if text == imagenet.PREFIX:
            raise HarnessError(f"--data {text} names no folder: expected imagenet:DIR, DIR with {imagenet.LAYOUT}.")
        folder = expand_user(text.removeprefix(imagenet.PREFIX)).resolve()
        imagenet.find(folder)  # whoever names a folder means it
        return f"{imagenet.PREFIX}{folder}"
    datasets.availability(text)
    return text


def choose_files(
    files: Sequence[Path],
    data: str | None,
    *,
    shapes: Mapping[str, tuple[int | None, ...]],
    inputs: str | Path | None = None,
    labels: str | Path | None = None,
    scaling: Scaling | None = None,
    output: str | None = None,
) -> FileSettings:
    """What is said of .onnx files, with the digests of all that is read.

    Raises :class:`HarnessError` for a choice that would have no effect.
    """
    given = {"shape": shapes, "inputs": inputs, "labels": labels, "scaling": scaling, "output": output}
    useless = [name for name, value in given.items() if value]
    if useless and not files:
        raise HarnessError(f"--{useless[0]} is for .onnx files: name one, harness run my.onnx --{useless[0]} ...")
    arrays = labelled_data.are_arrays(data)
    if labels and not arrays:
        raise HarnessError("--labels are the classes of arrays: expected --data FILE.npz beside it.")
    if scaling and (arrays or data is None):
        raise HarnessError("--scaling is of images: expected --data with a data set or folder:DIR beside it.")
    if output and data is None:
        raise HarnessError("--output is what an accuracy is told from: expected --data beside it.")
    settings = FileSettings(
        models=tuple(map(str, files)),
        shapes=shapes,
        inputs=_whole(inputs),
        labels=_whole(labels),
        scaling=scaling,
        output=output,
    )
    return replace(settings, digests=model_files.digests(settings, data)) if files else settings


def whole_path(path: str | Path) -> Path:
    """A user's path, from the root on."""
    return expand_user(path).absolute()


def _whole(path: str | Path | None) -> str | None:
    return str(whole_path(path)) if path else None
