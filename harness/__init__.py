"""The same network in Keras and in PyTorch, exported to ONNX, proved equivalent and measured.

What is public is imported when it is first asked for, so that ``import harness`` and ``harness --help`` are quick.
:mod:`harness.api` describes it; every other module is private.
"""

from harness.machine import telemetry

telemetry.stop()  # before anything imports onnxruntime, in every process that runs code of this package

TYPE_CHECKING = False  # a type checker takes it for true; typing itself would be most of what `import harness` costs

if TYPE_CHECKING:
    from harness.api import (
        Accuracy,
        Architecture,
        Augmentation,
        Cost,
        Equivalence,
        Finding,
        GateSettings,
        HarnessError,
        Judgement,
        Launch,
        NodeCost,
        NothingMeasuredError,
        Optimizer,
        PreparedNetwork,
        Published,
        Recipe,
        Row,
        Run,
        TimedFile,
        Timing,
        Verdict,
        count_cost,
        count_optimised_operators,
        draw_weights,
        export_network,
        get_network,
        judge_runs,
        list_networks,
        list_providers,
        measure_files,
        measure_memory,
        prepare_networks,
        read_run,
        time_files,
    )

__version__ = "0.2.0"
__all__ = [
    "Accuracy",
    "Architecture",
    "Augmentation",
    "Cost",
    "Equivalence",
    "Finding",
    "GateSettings",
    "HarnessError",
    "Judgement",
    "Launch",
    "NodeCost",
    "NothingMeasuredError",
    "Optimizer",
    "PreparedNetwork",
    "Published",
    "Recipe",
    "Row",
    "Run",
    "TimedFile",
    "Timing",
    "Verdict",
    "count_cost",
    "count_optimised_operators",
    "draw_weights",
    "export_network",
    "get_network",
    "judge_runs",
    "list_networks",
    "list_providers",
    "measure_files",
    "measure_memory",
    "prepare_networks",
    "read_run",
    "time_files",
]
_FACTS = ("Architecture", "Augmentation", "Optimizer", "Published", "Recipe")  # which every network imports


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value: object = getattr(importlib.import_module("harness.architecture" if name in _FACTS else "harness.api"), name)
    globals()[name] = value  # the next time it is found at once
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
