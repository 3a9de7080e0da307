"""The options of `harness run` that say where and how files are timed."""

import argparse
import re
from collections.abc import Sequence

from harness import configurations, providers, runtime, runtimes
from harness.architecture import Architecture
from harness.errors import HarnessError
from harness.providers import PROVIDERS, Target


def add_arguments(parser: argparse.ArgumentParser) -> None:
    of_device = parser.add_argument_group("devices and providers (docs/measuring.md)")
    of_device.add_argument("--device", choices=("cpu", "gpu"), help="default: what the provider runs on")
    of_device.add_argument(
        "--provider",
        nargs="+",
        metavar="NAME",
        help=f"onnxruntime's execution providers, rows for each: {', '.join(PROVIDERS)}; "
        "default: cpu, with --device gpu cuda",
    )
    of_device.add_argument("--cuda-graph", action="store_true", help="replay a CUDA graph in place of single kernels")
    sweeps = parser.add_argument_group("sweeps: a row for each, timed in turns (docs/measuring.md)")
    sweeps.add_argument(
        "--threads", type=int, nargs="+", metavar="N", help="thread counts to measure (default: 1 and all)"
    )
    sweeps.add_argument("--batch", type=int, nargs="+", default=[1], metavar="N", help="images a call (default: 1)")
    sweeps.add_argument(
        "--image-size",
        nargs="+",
        default=[],
        metavar="HxW",
        help="of the images that are fed, for networks that take any (default: the network's own)",
    )
    sweeps.add_argument(
        "--runtime",
        nargs="+",
        default=[configurations.ONNXRUNTIME],
        metavar="NAME",
        help=f"what runs a network: {', '.join(runtimes.RUNTIMES)} (default: {configurations.ONNXRUNTIME})",
    )


def targets(args: argparse.Namespace) -> tuple[Target, ...]:
    """Where to measure. Raises :class:`HarnessError` for a provider that there is not."""
    for name in args.provider or ():
        if name not in PROVIDERS:
            existing = runtime.load().get_available_providers()
            installed = ", ".join(short for short, long in PROVIDERS.items() if long in existing)
            raise HarnessError(
                f"--provider {name}: expected some of {', '.join(PROVIDERS)}; the installed onnxruntime "
                f"has {installed}."
            )
    return providers.targets(tuple(args.provider or ()), args.device, args.cuda_graph)


def threads(args: argparse.Namespace) -> tuple[int, ...]:
    """The thread counts to measure. Raises :class:`HarnessError` for more than this process may use."""
    available = runtime.threads_available()
    found = tuple(sorted(set(args.threads or (1, available))))
    if found[0] < 1 or found[-1] > available:
        raise HarnessError(f"--threads {' '.join(map(str, found))}: this process may use 1 to {available}.")
    return found


def batches(args: argparse.Namespace) -> tuple[int, ...]:
    """The batch sizes to measure, the smallest first."""
    found = tuple(sorted(set(args.batch)))
    if found[0] < 1:
        raise HarnessError(f"--batch {found[0]}: expected at least one image a call.")
    return found


def image_sizes(args: argparse.Namespace, networks: Sequence[Architecture]) -> tuple[tuple[int, int] | None, ...]:
    """The (height, width) of the images to feed, None for each network's own.

    Raises :class:`HarnessError` where a network takes images of its own size alone.
    """
    if not args.image_size:
        return (None,)
    fixed = [network.name for network in networks if not network.any_size]
    if fixed:
        raise HarnessError(
            f"--image-size: {', '.join(fixed)} take images of their own size alone; expected networks that "
            "`harness show NAME` calls of any other height and width."
        )
    return tuple(dict.fromkeys(map(_image_size, args.image_size)))


def _image_size(text: str) -> tuple[int, int]:
    """``96`` and ``96x128`` as (height, width)."""
    found = re.fullmatch(r"([1-9][0-9]{0,4})(?:x([1-9][0-9]{0,4}))?", text)
    if found is None:
        raise HarnessError(f"--image-size {text}: expected a height and width like 224 or 192x256.")
    height, width = found[1], found[2] or found[1]
    return int(height), int(width)
