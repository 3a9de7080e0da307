"""Show one network: its facts, its recipes, where its two definitions stand, and its layers.

The layers are counted on the definition itself, for one image of the network's input: an output is
height x width x channels in Keras, channels x height x width in PyTorch.

Example:
  harness show lenet_mnist
  harness show lenet_mnist --framework torch --format csv
  harness show lenet_mnist --source
"""

import argparse
import contextlib
import importlib.util
import json
import os
import shutil
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from harness.errors import HarnessError
from harness.networks import catalog, facts
from harness.networks.architecture import Architecture
from harness.report.tables import ABSENT, FORMATS, print_table

if TYPE_CHECKING:
    from harness.frameworks.layers import Layer

NAMES = {"keras": "Keras", "torch": "PyTorch"}
MODULES = {"keras": ("keras", "tensorflow"), "torch": ("torch",)}  # that a definition takes
CSV_COLUMNS = ("layer", "kind", "output_shape", "params", "statistics", "macs")
NUMBERS = ("parameters", "as Keras counts", "MACs")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="of the catalogue, or DIR of a network of your own")
    parser.add_argument(
        "--framework", choices=catalog.FRAMEWORKS, help="whose definition is counted (default: keras, if installed)"
    )
    parser.add_argument("--source", action="store_true", help="print the two definitions side by side, and no more")
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="table",
        help="csv: the layers alone; json: facts and layers; default: table",
    )


def main(args: argparse.Namespace) -> int:
    """Print the facts of the network, then its layers; or the definitions."""
    architecture = catalog.get(args.name)
    if args.source:
        if args.format != "table" or args.framework:
            raise HarnessError("--source prints both definitions as text: leave out --format and --framework.")
        _print_definitions(architecture)
        return 0
    if args.format == "table":
        _print_facts(architecture)
    framework = args.framework or _installed(catalog.frameworks(architecture))
    if framework is None:
        return _without_layers(args.format)
    layers = _count(architecture, framework)
    if args.format == "json":
        listed = [asdict(layer) for layer in layers]
        print(
            json.dumps(_facts(architecture) | {"framework": framework, "layers": listed}, indent=2, ensure_ascii=False)
        )
    elif args.format == "csv":
        print_table(CSV_COLUMNS, [_line(layer) for layer in layers], "csv")
    else:
        _print_layers(architecture, framework, layers)
    return 0


def _facts(architecture: Architecture) -> dict[str, object]:
    return {**asdict(architecture), "definitions": {name: str(file) for name, file in _files(architecture).items()}}


def _files(architecture: Architecture) -> dict[str, Path]:
    """The definitions that there are, by framework."""
    return {name: catalog.definition_file(architecture, name) for name in catalog.frameworks(architecture)}


def _print_facts(architecture: Architecture) -> None:
    """What a reader needs of the facts: nothing that is empty, and one line a recipe."""
    files = [(NAMES[name], str(file)) for name, file in _files(architecture).items()]
    recipes = [(profile, facts.describe_recipe(recipe)) for profile, recipe in architecture.recipes.items()]
    lines = [*facts.describe(architecture), *files, *recipes]
    indent = max(len(label) for label, _ in lines) + 2
    wrapper = textwrap.TextWrapper(
        _width(), subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    )
    for label, text in lines:
        wrapper.initial_indent = label.ljust(indent)
        print(wrapper.fill(text))
    sys.stdout.flush()  # before the framework is imported, which takes seconds


def _width() -> int:
    """Of the terminal; beside one nothing is wrapped or cut."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 100_000


def _installed(defined: Sequence[str]) -> str | None:
    """The framework whose definition is counted: the first that the network is defined in and that is installed."""
    for framework in defined:
        if all(importlib.util.find_spec(name) for name in MODULES[framework]):
            if framework == "torch" and "keras" in defined:
                print("harness: Keras is not installed: the layers are those of PyTorch.", file=sys.stderr)
            return framework
    return None


def _without_layers(format: str) -> int:  # noqa: A002
    """The facts stand without the layers. Raises :class:`HarnessError` if a program asked for these."""
    message = (
        "the layers are counted on a definition, and its framework is not installed: "
        "pip install 'onnx-harness[torch]' or 'onnx-harness[keras]' in this environment."
    )
    if format != "table":
        raise HarnessError(message)
    print(f"harness: {message}", file=sys.stderr)
    return 0


def _count(architecture: Architecture, framework: str) -> "tuple[Layer, ...]":
    from rich.console import Console

    with _quiet() as stderr:
        console = Console(file=stderr)
        title = f"counting the layers in {NAMES[framework]}"
        with console.status(title) if console.is_terminal else contextlib.nullcontext():
            from harness.frameworks import layers

            return layers.list_layers(architecture, framework)


@contextlib.contextmanager
def _quiet() -> Iterator[TextIO]:
    """Hold back what the frameworks' own code writes on standard error, and show it only where they fail.

    Yields standard error as it was. TensorFlow writes there before it can be told not to.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said, os.fdopen(kept, "w", encoding=sys.stderr.encoding) as stderr:
        os.dup2(said.fileno(), 2)
        try:
            yield stderr
        except Exception as error:
            if not isinstance(error, HarnessError):
                said.seek(0)
                stderr.write(said.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(kept, 2)


def _line(layer: "Layer") -> dict[str, object]:
    return {
        "layer": layer.name,
        "kind": layer.kind,
        "output_shape": "x".join(map(str, layer.output_shape)),
        "params": layer.params,
        "statistics": layer.statistics,
        "macs": layer.macs,
    }


def _print_layers(architecture: Architecture, framework: str, layers: "tuple[Layer, ...]") -> None:
    rows = [_row(layer) for layer in layers]
    statistics = sum(layer.statistics for layer in layers)
    unknown = [f"{layer.name} ({layer.kind})" for layer in layers if layer.macs is None]
    rows.append(
        {
            "layer": "total",
            "kind": "",
            "output": "",
            "parameters": sum(layer.params for layer in layers),
            "as Keras counts": sum(layer.params + layer.statistics for layer in layers),
            "MACs": None if unknown else sum(layer.macs or 0 for layer in layers),
        }
    )
    size = "x".join(map(str, architecture.input_shape))
    print(f"\nThe layers in {NAMES[framework]}, for one image of {size}:\n")
    _print_columns([name for name in rows[0] if statistics or name != "as Keras counts"], rows)
    if statistics:
        print(f"Keras counts the {statistics:,} running means and variances of batch norm too, which are not learned.")
    if unknown:
        print(f"There is no rule for the MACs of {', '.join(unknown)}.")
    if architecture.output != "none":
        print(f"The definition ends in logits; the exported file adds the {architecture.output} that a reader expects.")


def _row(layer: "Layer") -> dict[str, object]:
    return {
        "layer": layer.name,
        "kind": layer.kind,
        "output": "x".join(map(str, layer.output_shape)),
        "parameters": layer.params,
        "as Keras counts": layer.params + layer.statistics,
        "MACs": layer.macs,
    }


def _print_columns(columns: Sequence[str], rows: Sequence[dict[str, object]]) -> None:
    """The table of the layers: on a narrow terminal kinds are cut, and never a name or a number."""
    cells = [columns, *([_cell(row[name]) for name in columns] for row in rows)]
    widths = {name: max(map(len, column)) for name, column in zip(columns, zip(*cells, strict=True), strict=True)}
    lacking = sum(widths.values()) + 2 * (len(columns) - 1) - _width()
    widths["kind"] = max(len("kind"), widths["kind"] - max(lacking, 0))
    lines = ["  ".join(map(_fitted, line, columns, widths.values())).rstrip() for line in cells]
    lines.insert(1, "─" * max(map(len, lines)))
    print("\n".join(lines))


def _cell(value: object) -> str:
    if value is None:
        return ABSENT
    return f"{value:,}" if isinstance(value, int) else str(value)


def _fitted(text: str, column: str, width: int) -> str:
    if len(text) > width:
        return f"{text[: width - 1]}…"
    return text.rjust(width) if column in NUMBERS else text.ljust(width)


def _print_definitions(architecture: Architecture) -> None:
    """The files in columns: in colour and wrapped on a terminal, else as wide as they are."""
    from rich import box
    from rich.console import Console
    from rich.syntax import Syntax
    from rich.table import Column, Table
    from rich.text import Text

    files = list(_files(architecture).values())
    table = Table(*(Column(Text(str(file)), overflow="fold") for file in files), box=box.MINIMAL)
    table.add_row(
        *(
            Syntax(file.read_text("utf-8"), "python", theme="ansi_dark", background_color="default", word_wrap=True)
            for file in files
        )
    )
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else 100_000).print(table)
