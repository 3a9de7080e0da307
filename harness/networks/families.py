"""Where families of networks are defined: in this project, in installed packages, in folders of the user's own.

A family is a package: its facts in ``__init__.py`` (``ARCHITECTURES``), a definition in ``in_keras.py``,
``in_torch.py`` or both. An :class:`~harness.networks.architecture.Architecture` names its family by a folder
of ``models/``, by a module with dots (an entry point of the group ``harness.architectures``), or by
the absolute path of a folder; the name alone finds it again in any process.
"""

import importlib
import re
import reprlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from harness.errors import HarnessError, first_line
from harness.machine import entry_points
from harness.machine.user_paths import expand_user
from harness.networks import data_layouts
from harness.networks.architecture import Architecture

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

FRAMEWORKS = ("keras", "torch")
ENTRY_POINTS = "harness.architectures"
NAME = re.compile(r"\w[\w.-]*", re.ASCII)  # of a network: files are called by it
LAYOUT = "__init__.py with ARCHITECTURES, and in_keras.py, in_torch.py or both"


@cache
def architectures() -> dict[str, Architecture]:
    """Every network of this project and of installed packages, by its name. No framework is imported."""
    found: dict[str, Architecture] = {}
    for family, architecture in _all():
        if architecture.name in found:
            raise HarnessError(
                f"{found[architecture.name].family} and {family} both define {architecture.name!r}: expected one."
            )
        found[architecture.name] = architecture
    return dict(sorted(found.items()))


def of_folder(folder: Path) -> tuple[Architecture, ...]:
    """The networks of a folder of the user's own. Its ``__init__.py`` is executed, as an import would."""
    folder = expand_user(folder).resolve()
    if not (folder / "__init__.py").is_file():
        raise HarnessError(f"{folder}: expected {LAYOUT}; found no __init__.py.")
    return _members(str(folder), str(folder))


def frameworks(architecture: Architecture) -> tuple[str, ...]:
    """The frameworks that the network is defined in."""
    return tuple(framework for framework in FRAMEWORKS if definition_file(architecture, framework).is_file())


def definition_file(architecture: Architecture, framework: str) -> Path:
    """The source file of the definition, found without importing the framework; it need not be there."""
    return Path(_package(architecture.family).__path__[0]) / f"in_{framework}.py"


def sources(architecture: Architecture, framework: str) -> list[Path]:
    """The files that the definition may be made of: of a family from elsewhere, all but the other framework's."""
    file = definition_file(architecture, framework)
    others = {file.with_name(f"in_{other}.py") for other in FRAMEWORKS if other != framework}
    return sorted(set(file.parent.rglob("*.py")) - others)


def definition(architecture: Architecture, framework: str) -> ModuleType:
    """The module that defines the network in a framework; imports that framework."""
    name = f"{_package(architecture.family).__name__}.in_{framework}"
    if framework not in frameworks(architecture):
        raise HarnessError(f"{architecture.name} is not defined in {framework}: {architecture.family} has no {name}.")
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in (framework, "tensorflow", "torch"):
            raise
        raise HarnessError(
            f"{framework} is not installed (no module {error.name!r}): "
            f"pip install 'onnx-harness[{framework}]' in this environment."
        ) from error


def failure(architecture: Architecture, framework: str, error: Exception) -> HarnessError:
    """What a definition from elsewhere raised, with the last line of the family that it went through."""
    import traceback  # not what `harness list` needs

    file = definition_file(architecture, framework)
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(file.parent)
    ]
    place = f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else str(file)
    return HarnessError(
        f"{architecture.name} cannot be built and run on an input of {architecture.input_shape} in {framework}: "
        f"{type(error).__name__}: {first_line(error)} ({place})."
    )


def _all() -> Iterator[tuple[str, Architecture]]:
    models = importlib.import_module("harness.models")
    folders = sorted(file.parent for place in models.__path__ for file in Path(place).glob("*/__init__.py"))
    for family in (folder.name for folder in folders):
        for architecture in importlib.import_module(f"harness.models.{family}").ARCHITECTURES:
            yield family, architecture
    for entry in entry_points.read_group(ENTRY_POINTS):
        for architecture in _of_entry_point(entry):
            yield architecture.family, architecture


def _of_entry_point(entry: "EntryPoint") -> tuple[Architecture, ...]:
    """The networks of an installed package, whose module must have a dot in its name: my_package.networks."""
    origin = f"the entry point {entry.name!r} of {entry.dist.name if entry.dist else 'a package'}"
    if "." not in entry.value or ":" in entry.value:
        raise HarnessError(f"{origin}: expected a package inside a package (my_package.networks), found {entry.value}.")
    return _members(entry.value, origin)


def _members(family: str, origin: str) -> tuple[Architecture, ...]:
    """The networks of a family from elsewhere, each of them checked."""
    try:
        package = _package(family)
    except (Exception, SystemExit) as error:  # whatever a stranger's file raises when it is imported
        raise HarnessError(f"{origin} cannot be imported: {type(error).__name__}: {first_line(error)}.") from error
    found = getattr(package, "ARCHITECTURES", ())
    if not found or not all(isinstance(each, Architecture) for each in found):
        raise HarnessError(
            f"{origin}: expected ARCHITECTURES, a tuple of harness.Architecture; found {reprlib.repr(found)}."
        )
    _check(found, origin)
    members = tuple(replace(each, family=family) for each in found)
    if not frameworks(members[0]):
        raise HarnessError(f"{origin}: expected {LAYOUT}; found neither in_keras.py nor in_torch.py.")
    return members


def _check(members: Sequence[Architecture], origin: str) -> None:
    """Raise :class:`HarnessError` for names and options that no file or no other process could take."""
    for architecture in members:
        name = architecture.name
        if not NAME.fullmatch(name):
            raise HarnessError(f"{origin}: expected a name of letters, digits, '_', '-' and '.', found {name!r}.")
        _check_input(architecture, origin)
        if (architecture.outputs, architecture.output) == (1, "softmax"):
            raise HarnessError(
                f"{origin}: {name!r} has one output, and a softmax of one value is 1 for every image: expected "
                'output="sigmoid", or output="none" for a regression.'
            )
        for option, value in architecture.options.items():
            if not _plain(value):
                raise HarnessError(
                    f"{origin}, option {option!r} of {name!r}: expected numbers, texts, and tuples, lists or "
                    f"dictionaries of them, found {reprlib.repr(value)}."
                )
    if len({architecture.name for architecture in members}) < len(members):
        raise HarnessError(f"{origin} has two networks of one name: expected a name for each.")


def _check_input(architecture: Architecture, origin: str) -> None:
    """Raise :class:`HarnessError` for an input of no known kind, and for what is asked of one that is no image."""
    name, shape = architecture.name, architecture.input_shape
    if not 1 <= len(shape) <= 4 or not all(isinstance(size, int) and size > 0 for size in shape):
        raise HarnessError(
            f"{origin}: the input_shape of {name!r} must be that of an image (H, W, C), of features (C,), of a "
            f"sequence (T, C) or of a volume (D, H, W, C), found {shape}. A network of several inputs is measured as "
            "an .onnx file."
        )
    if architecture.vocabulary is not None and (len(shape) != 1 or architecture.vocabulary < 1):
        raise HarnessError(
            f"{origin}: {name!r} takes {shape} of {architecture.vocabulary} tokens: expected input_shape=(T,) and a "
            "vocabulary of at least 1."
        )
    if len(shape) != data_layouts.IMAGE and (architecture.recipes or architecture.any_size):
        raise HarnessError(
            f"{origin}: {name!r} takes {shape}, and no images: expected recipes={{}} and any_size=False, since the "
            "harness has data sets of images alone."
        )


def _plain(value: object) -> bool:
    if isinstance(value, Mapping):
        return all(_plain(each) for item in value.items() for each in item)
    if isinstance(value, tuple | list):
        return all(map(_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


def _package(family: str) -> ModuleType:
    if Path(family).is_absolute():
        return _package_of_folder(Path(family))
    return importlib.import_module(family if "." in family else f"harness.models.{family}")


def _package_of_folder(folder: Path) -> ModuleType:
    """The package of a folder, under a name that no other has, so that no installed module is shadowed."""
    import hashlib  # of no use to the catalogue, which `harness list` shows at once
    import importlib.util

    name = f"harness_own_{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            name, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]
