"""Any .onnx file as something to measure: what it is called, what it is fed, and what identifies it."""

import hashlib
import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import onnx
from numpy.typing import NDArray

from harness.cost import file_kinds, onnx_file, shapes
from harness.cost import inputs as model_inputs
from harness.cost.inputs import Input
from harness.cost.onnx_file import OnnxFile
from harness.errors import HarnessError
from harness.machine import files
from harness.machine.arrays import read_arrays
from harness.networks import catalog
from harness.networks.architecture import Scaling
from harness.runs import labelled_data, ort_files
from harness.runs.labelled_data import LabelledData
from harness.timing import input_values

SEQUENCE = "sequence"  # the kind of an input that takes a list of arrays
FRAMEWORK = "onnx"  # of a file that does not say who exported it


@dataclass(frozen=True, kw_only=True)
class FileSettings:
    """The .onnx files of a run, and what the user said of them. Files are named by whole paths."""

    models: tuple[str, ...] = ()
    shapes: Mapping[str, tuple[int | None, ...]] = field(default_factory=dict)  # by input; None: the batch of the run
    inputs: str | None = None  # an .npz file with the arrays that inputs are fed while they are timed
    labels: str | None = None
    scaling: Scaling | None = None
    output: str | None = None  # that classes are told from; None: the first of shape (batch, classes)
    digests: Mapping[str, str] = field(default_factory=dict)  # of every file that is read, by its path


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """One .onnx file to measure.

    ``name`` is unique in its run; ``architecture`` and ``framework`` are what `harness export` wrote
    into the file, else that name and "onnx". ``batch`` is how many examples one call takes;
    ``batch_fixed_by`` says who fixes it ("the file", "--shape"), and is empty where it is open.
    """

    name: str
    path: Path
    architecture: str
    framework: str
    producer: str  # empty where the file does not tell, or where this project made it
    inputs: tuple[Input, ...]
    arrays: Path | None  # an .npz file with what some inputs are fed
    fed: frozenset[str]  # the inputs that are fed from it
    batch: int
    batch_fixed_by: str
    precision: str  # the type that most of the stored weights have
    sha256: str
    labelled: LabelledData | None = None
    output: str = ""  # that classes are told from, once it is known

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {each.name: each.shape for each in self.inputs if each.kind != SEQUENCE}

    @property
    def described(self) -> str:
        """Its inputs in words, with what was guessed."""
        return "; ".join(f"input {each}{self._content(each)}" for each in self.inputs) or "no inputs"

    @property
    def image_shape(self) -> tuple[int, int, int] | None:
        """(H, W, C) of the images it takes, if any."""
        return next((each.image_shape for each in self.inputs if each.layout), None)

    def sized(self, batch: int, image_size: tuple[int, int] | None) -> "ModelFile":
        """The same file fed so many examples a call, and images of that (height, width); what it fixes stays."""
        inputs = tuple(each.sized(batch, image_size) for each in self.inputs)
        return replace(self, inputs=inputs, batch=self.batch if self.batch_fixed_by else batch)

    def refusal(self, batch: int) -> str:
        """Why it cannot be fed so many examples a call; empty where it can."""
        fits = not self.batch_fixed_by or batch == self.batch
        return "" if fits else f"{self.batch_fixed_by} fixes a batch of {self.batch}"

    def _content(self, of: Input) -> str:
        if self.arrays and of.name in self.fed:
            by_hand = " from Python, which the latency holds" if of.kind in ("string", SEQUENCE) else ""
            return f", fed from {self.arrays.name}{by_hand}"
        if of.kind == "string":
            return ", fed random texts from Python, which the latency holds"
        return ", fed zeros" if of.kind.startswith(("int", "uint", "bool")) else ""


def read(
    settings: FileSettings,
    data: str | None,
    batch: int,
    taken: Collection[str],
    image_sizes: Sequence[tuple[int, int] | None] = (None,),
) -> list[ModelFile]:
    """The files of a run, each with what it is fed and, where data are named, what it is tested on.

    Each is fed that batch, and images of the first of the sizes, (height, width) or None for its own.
    ``taken`` are the names of the run's networks. Raises :class:`HarnessError` for a file that is
    missing or damaged, or takes images of another size alone, and where what the user said fits none of them.
    """
    opened = [_open(Path(path)) for path in settings.models]
    arrays = read_arrays(Path(settings.inputs)) if settings.inputs else {}
    _check_named(opened, (*settings.shapes, *arrays))
    names = _names([file.path for file in opened], taken)
    found: list[ModelFile] = []
    for file, name in zip(opened, names, strict=True):
        read = _read(file, name, settings, arrays, data, batch, image_sizes)
        others = {(other.architecture, other.framework) for other in found}
        if (read.architecture, read.framework) in others or read.architecture in taken:
            read = _by_name(read)
        found.append(read)
    return found


def _open(path: Path) -> OnnxFile:
    return ort_files.read(path) if file_kinds.is_ort(path) else onnx_file.read(path)


def digests(settings: FileSettings, data: str | None) -> dict[str, str]:
    """What identifies each file that the settings name, by its path: the SHA-256 of its content."""
    arrays = data if labelled_data.are_arrays(data) else None
    others = [path for path in (settings.inputs, settings.labels, arrays) if path is not None]
    return {path: digest(Path(path)) for path in settings.models} | {path: _sha256(Path(path)) for path in others}


def digest(path: Path) -> str:
    """The SHA-256 of a model; where it has external data, of its own digest with those of its data.

    Raises :class:`HarnessError` where the model or its data are missing or damaged.
    """
    own = _sha256(path)
    parts = _external_data(path)
    if not parts:
        return own
    whole = hashlib.sha256(own.encode())
    for part in parts:
        whole.update(f" {part} {_sha256(path.parent / part)}".encode())
    return whole.hexdigest()


def size(path: Path) -> int:
    """The bytes of a model on disk, with the files that hold tensors of it."""
    return sum(part.stat().st_size for part in (path, *(path.parent / name for name in _external_data(path))))


def _read(
    file: OnnxFile,
    name: str,
    settings: FileSettings,
    arrays: Mapping[str, NDArray[Any]],
    data: str | None,
    batch: int,
    image_sizes: Sequence[tuple[int, int] | None],
) -> ModelFile:
    """One file, with what it is fed and tested on."""
    names = {value.name for value in file.inputs}
    examples = read_arrays(Path(data)) if data and labelled_data.are_arrays(data) else {}
    told: dict[str, Sequence[int | None]] = {
        **{key: (None, *array.shape[1:]) for key, array in examples.items() if key in names},
        **{key: array.shape for key, array in arrays.items() if key in names},
        **{key: shape for key, shape in settings.shapes.items() if key in names},
    }
    found = model_inputs.read(file, told)
    _check_sizes(file, found, image_sizes)
    inputs = tuple(each.sized(batch, image_sizes[0]) for each in found)
    for each in inputs:
        if each.name in arrays and each.kind != SEQUENCE:
            labelled_data.check_array(arrays[each.name], each, Path(settings.inputs or ""), first_axis=True)
    labelled = None
    if data is not None:
        right = Path(settings.labels) if settings.labels else None
        labelled = (
            labelled_data.of_arrays(examples, Path(data), right, file.path, inputs)
            if examples
            else labelled_data.of_images(data, settings.scaling, file.path, inputs)
        )
        _check_batch(file, inputs)
    ours = file.metadata.get("framework") in catalog.FRAMEWORKS and "input_shape" in file.metadata
    return ModelFile(
        name=name,
        path=file.path,
        architecture=file.metadata.get("architecture", name) if ours else name,
        framework=file.metadata["framework"] if ours else FRAMEWORK,
        producer="" if ours else _producer(file),
        inputs=inputs,
        arrays=Path(settings.inputs) if settings.inputs else None,
        fed=frozenset(names & set(map(input_values.input_name, arrays))),
        batch=batch if _open_batch(inputs) else _batch(file, inputs),
        batch_fixed_by=_batch_fixed_by(file, inputs, told, settings),
        precision=_precision(file, inputs),
        sha256=settings.digests[str(file.path)],
        labelled=labelled,
    )


def _by_name(file: ModelFile) -> ModelFile:
    """A file whose metadata claim what is in the run already goes by its own name."""
    return replace(file, architecture=file.name, framework=FRAMEWORK)


def _names(paths: Sequence[Path], taken: Collection[str]) -> list[str]:
    """A name for each file that no other and no network has: its own without suffix, else with folders before it."""
    length = dict.fromkeys(paths, 1)

    def name(path: Path) -> str:
        return "-".join((*path.parts[1:-1], path.stem)[-length[path] :])

    for _ in range(max((len(path.parts) for path in paths), default=0)):
        counts = Counter(map(name, paths))
        for path in paths:
            if counts[name(path)] > 1 or name(path) in taken:
                length[path] += 1
    names = [name(path) for path in paths]
    if len({*names, *taken}) < len(names) + len(taken):
        raise HarnessError(f"two of a run would have one name: rename one of {', '.join(map(str, paths))}.")
    return names


def _check_named(files: Sequence[OnnxFile], named: Iterable[str]) -> None:
    known = sorted({value.name for file in files for value in file.inputs})
    for name in map(input_values.input_name, named):
        if name not in known:
            raise HarnessError(f"no file has an input {name!r}: expected one of {', '.join(known)}.")


def _check_batch(file: OnnxFile, inputs: Sequence[Input]) -> None:
    leading = {each.shape[:1] for each in inputs}
    if len(leading) != 1 or leading == {()}:
        raise HarnessError(
            f"{file.path}: an accuracy needs inputs whose first axis is the batch, found "
            f"{'; '.join(map(str, inputs)) or 'no inputs'}."
        )


def _check_sizes(file: OnnxFile, inputs: Sequence[Input], asked: Sequence[tuple[int, int] | None]) -> None:
    """Raise :class:`HarnessError` where images of a size are asked for that no input takes."""
    takes = {each.image_shape[:2] for each in inputs if each.layout and each.image_shape}
    if not any(each.any_size for each in inputs) and any(size is not None and {size} != takes for size in asked):
        raise HarnessError(
            f"--image-size: {file.path} takes no images of any height and width: expected a file that leaves both "
            f"open, found {'; '.join(map(str, inputs)) or 'no inputs'}."
        )


def _open_batch(inputs: Sequence[Input]) -> bool:
    return any("batch" in each.axes for each in inputs)


def _batch_fixed_by(
    file: OnnxFile, inputs: Sequence[Input], told: Mapping[str, Sequence[int | None]], settings: FileSettings
) -> str:
    """Who fixes the batch: the file, or what the user said of its inputs; "" where it is open."""
    if _open_batch(inputs):
        return ""
    untold = {name: [None] * len(shape) for name, shape in told.items()}
    if not _open_batch(model_inputs.read(file, untold)):
        return "the file"
    return "--shape" if any(None not in settings.shapes.get(name, (None,)) for name in told) else "--inputs"


def _batch(file: OnnxFile, inputs: Sequence[Input]) -> int:
    """How many examples one call takes: 1, or a first axis that the inputs share with the outputs."""
    if all(each.shape[:1] in ((), (1,)) for each in inputs):
        return 1
    try:
        return shapes.infer(file, {each.name: each.shape for each in inputs}).batch
    except HarnessError:  # the shapes do not fit, which is found again by whoever runs the file
        return 1


def _precision(file: OnnxFile, inputs: Sequence[Input]) -> str:
    """The type of most values of stored kernels and matrices; of the first input, where none are stored."""
    values: Counter[int] = Counter()
    for tensor in file.model.graph.initializer:
        if len(tensor.dims) > 1:
            values[tensor.data_type] += math.prod(tensor.dims)
    if values:
        return model_inputs.type_name(values.most_common(1)[0][0])
    return next((each.kind for each in inputs if each.floating), "float32")


def _external_data(path: Path) -> list[str]:
    """The files beside a model that hold tensors of it, sorted."""
    if file_kinds.is_ort(path):
        return []
    onnx_file.read(path)  # refuses what is damaged, or has data outside its folder
    model = onnx.load(path, format="protobuf", load_external_data=False)
    external = (t for t in onnx_file.tensors(model) if t.data_location == onnx.TensorProto.EXTERNAL)
    return sorted({entry.value for tensor in external for entry in tensor.external_data if entry.key == "location"})


def _sha256(path: Path) -> str:
    try:
        if not path.is_file():
            raise HarnessError(f"{path}: expected a file, found none.")
        return files.sha256(path)
    except OSError as error:
        raise HarnessError(f"{path}: cannot be read: {error.strerror}.") from error


def _producer(file: OnnxFile) -> str:
    """What made the file, and its version. tf2onnx writes "None" behind its own, for a commit that it does not know."""
    words = f"{file.model.producer_name} {file.model.producer_version}".split()
    return " ".join(word for word in words if word != "None")
