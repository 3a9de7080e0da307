"""The options of `harness run` that say where it measures."""

import argparse

from harness import providers, runtime
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
