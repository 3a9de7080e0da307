"""What two files say of themselves: inputs, outputs, versions of operators, metadata."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.cost import inputs
from harness.diff import graph
from harness.diff.alignment import pair_names

ABSENT = "absent"
DOMAIN = "ai.onnx"  # of ONNX itself


@dataclass(frozen=True, kw_only=True)
class FactChange:
    """One fact that differs. ``counts`` is False for what changes nothing that is computed, like names."""

    what: str
    a: str
    b: str
    counts: bool = True


def compare_facts(a: Any, b: Any, used: Collection[str]) -> list[FactChange]:
    """What differs between two models (onnx.ModelProto), their graphs apart; ``used`` are the domains of all nodes."""
    opsets = [{domain or DOMAIN: str(version) for domain, version in graph.read_opsets(one).items()} for one in (a, b)]
    metadata = [{entry.key: entry.value for entry in one.metadata_props} for one in (a, b)]
    needed, spare = zip(*(_split(one, {domain or DOMAIN for domain in used}) for one in opsets), strict=True)
    return [
        *_values("input", a.graph.input, b.graph.input, _stored(a) | _stored(b)),
        *_values("output", a.graph.output, b.graph.output, set()),
        *_entries("opset", *needed),
        *_entries("opset", *spare, counts=False),
        *_entries("metadata", *metadata),
        *_entries(
            "file", *({"IR version": str(one.ir_version), "producer": _producer(one)} for one in (a, b)), counts=False
        ),
    ]


def _split(opsets: Mapping[str, str], used: Collection[str]) -> tuple[dict[str, str], dict[str, str]]:
    """The versions of domains that are used, and of those that no node is of."""
    needed = {domain: version for domain, version in opsets.items() if domain in used}
    return needed, {domain: version for domain, version in opsets.items() if domain not in used}


def _stored(model: Any) -> set[str]:
    return {tensor.name for tensor in model.graph.initializer}


def _producer(model: Any) -> str:
    return f"{model.producer_name} {model.producer_version}".strip() or ABSENT


def _values(kind: str, a: Any, b: Any, without: set[str]) -> Iterator[FactChange]:
    """Inputs or outputs of the graphs. Names alone do not count."""
    ones, others = ([value for value in values if value.name not in without] for values in (a, b))
    pairs = pair_names([value.name for value in ones], [value.name for value in others])
    for place, one in enumerate(ones):
        other = others[pairs[place]] if place in pairs else None
        told = type_text(one.type), type_text(other.type) if other is not None else ABSENT
        if told[0] != told[1]:
            yield FactChange(what=f"{kind} {one.name}", a=told[0], b=told[1])
        if other is not None and one.name != other.name:
            yield FactChange(what=f"name of {kind} {place}", a=one.name, b=other.name, counts=False)
    for place, other in enumerate(others):
        if place not in pairs.values():
            yield FactChange(what=f"{kind} {other.name}", a=ABSENT, b=type_text(other.type))


def _entries(kind: str, a: Mapping[str, str], b: Mapping[str, str], *, counts: bool = True) -> Iterator[FactChange]:
    for key in sorted(a.keys() | b.keys()):
        told = a.get(key, ABSENT), b.get(key, ABSENT)
        if told[0] != told[1]:
            yield FactChange(what=f"{kind} {key}", a=told[0], b=told[1], counts=counts)


def type_text(kind: Any) -> str:
    """A type of ONNX in words: "float32 [1,3,?,?]", "sequence of float32". Names of open sizes are left out."""
    which = kind.WhichOneof("value")
    if which in ("tensor_type", "sparse_tensor_type"):
        tensor = getattr(kind, which)
        sizes = [str(dim.dim_value) if dim.HasField("dim_value") else "?" for dim in tensor.shape.dim]
        shape = f" [{','.join(sizes)}]" if tensor.HasField("shape") else ""
        return f"{'sparse ' if which.startswith('sparse') else ''}{inputs.type_name(tensor.elem_type)}{shape}"
    if which in ("sequence_type", "optional_type"):
        return f"{which.removesuffix('_type')} of {type_text(getattr(kind, which).elem_type)}"
    return which or "unknown"
