"""The options of `harness run` that say where and how files are timed."""

import argparse
import math
import re
from collections.abc import Sequence

from harness.errors import HarnessError
from harness.machine import telemetry
from harness.measurements import configurations, runtimes, subject_key
from harness.measurements.providers import PROVIDERS
from harness.networks.architecture import Architecture
from harness.runs import choices
from harness.timing import stopping


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
    of_evidence = parser.add_argument_group("evidence (docs/measuring.md)")
    of_evidence.add_argument(
        "--launches", type=int, default=10, metavar="N", help="fresh processes per subject (default: 10)"
    )
    of_evidence.add_argument(
        "--seconds", type=float, default=0.15, help="measured per launch and subject (default: 0.15)"
    )
    of_evidence.add_argument(
        "--precision-target",
        metavar="SHARE",
        help="go on launching if intervals are wider than ± this share of the median, like 1%% or 0.01",
    )
    of_evidence.add_argument(
        "--time-limit",
        metavar="SECONDS",
        help="of measuring, after which no further launch begins, like 600 or 10m; default: none, with "
        f"--precision-target {stopping.USUAL_LIMIT_S:.0f} for each network or file",
    )
    of_evidence.add_argument(
        "--control",
        action="store_true",
        help="time two models that are the same in every run beside each network or file, for `harness gate` to "
        "compare runs by (docs/regressions.md)",
    )
    of_evidence.add_argument(
        "--no-second-opinion",
        action="store_true",
        help="do not run each file without optimisation, too, to tell whether the optimiser changes its function "
        "(docs/second_opinion.md)",
    )
    add_telemetry(of_evidence)
    of_evidence.add_argument(
        "--energy", action="store_true", help="then the energy of a call, if it can be read (docs/measuring.md)"
    )
    sweeps = parser.add_argument_group("sweeps: a row for each, timed in turns (docs/measuring.md)")
    sweeps.add_argument(
        "--threads", type=int, nargs="+", metavar="N", help="thread counts to measure (default: 1 and all)"
    )
    sweeps.add_argument("--batch", type=int, nargs="+", default=[1], metavar="N", help="images a call (default: 1)")
    sweeps.add_argument(
        "--precision",
        nargs="+",
        default=[subject_key.FLOAT32],
        metavar="NAME",
        help=f"of the network's files (docs/precision.md), some of {', '.join(configurations.PRECISIONS)}; "
        "default: float32, as they are exported",
    )
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
        default=[subject_key.ONNXRUNTIME],
        metavar="NAME",
        help=f"what runs a network: {', '.join(runtimes.RUNTIMES)} (default: {subject_key.ONNXRUNTIME})",
    )


def add_telemetry(parser: argparse._ActionsContainer) -> None:
    """The option that leaves onnxruntime's telemetry on."""
    parser.add_argument(
        "--telemetry", action=_Telemetry, nargs=0, help="leave onnxruntime's telemetry on (default: it is stopped)"
    )


class _Telemetry(argparse.Action):
    """It takes effect at once: nothing may import onnxruntime before."""

    def __call__(self, *_: object) -> None:
        telemetry.allow()


def precision_target(args: argparse.Namespace) -> float | None:
    """How wide an interval may be to either side, relative to its median. Raises :class:`HarnessError`."""
    text = args.precision_target
    if text is None:
        return None
    share = _number(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    return choices.check_precision_target(share, text)


def time_limit_s(args: argparse.Namespace) -> float | None:
    """The seconds that measuring may take. Raises :class:`HarnessError`."""
    text = args.time_limit
    if text is None:
        return None
    unit = text[-1:] if text.endswith(("s", "m")) else ""
    return choices.check_time_limit(_number(text.removesuffix(unit)) * (60 if unit == "m" else 1), text)


def _number(text: str) -> float:
    """NaN where it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def image_sizes(args: argparse.Namespace, networks: Sequence[Architecture]) -> tuple[tuple[int, int] | None, ...]:
    """The (height, width) of the images to feed, None for each network's own. Raises :class:`HarnessError`."""
    return choices.choose_image_sizes([_image_size(text) for text in args.image_size], networks)


def _image_size(text: str) -> tuple[int, int]:
    """``96`` and ``96x128`` as (height, width)."""
    found = re.fullmatch(r"([1-9][0-9]{0,4})(?:x([1-9][0-9]{0,4}))?", text)
    if found is None:
        raise HarnessError(f"--image-size {text}: expected a height and width like 224 or 192x256.")
    height, width = found[1], found[2] or found[1]
    return int(height), int(width)
