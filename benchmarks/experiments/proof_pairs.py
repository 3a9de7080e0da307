"""Pairs of a network in Keras and in PyTorch: which there are, and what the twin proof says of one."""

import copy
import functools
import itertools
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.data import images
from harness.errors import HarnessError, first_line
from harness.frameworks import torch_training, untrained, weights
from harness.networks.architecture import Architecture
from harness.pieces import artifacts, equivalence, evaluation, form_outputs

from . import old_proof
from .drawn_twins import SIZES, describe, faults, in_keras, in_torch
from .proof_records import Pair
from .seeded_files import SeededFiles

FRAMEWORKS = ("torch", "keras")
FORMS = (*FRAMEWORKS, *(f"onnx from {framework}" for framework in FRAMEWORKS))
ORDER = 0  # of the constructs, at random, so that a part of the pairs is a sample of all
REFUSED, CRASHED = "refused", "crashed"


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A pair before it is judged: a construct, a size of maps, a fault ("" for none) and the seed of its weights."""

    construct: str
    size: str
    fault: str
    seed: int


def plan(seeds: int, planted: int, places: int, only: Sequence[str] = ()) -> Iterator[Drawn]:
    """Every sound pair, its seeds in turns small and large, and ``planted`` pairs of each fault at so many places.

    ``only`` names the constructs that are wanted; without names all are. Raises :class:`HarnessError` for others.
    """
    for name in only:
        number(name)
    sizes = list(SIZES)
    chosen = {fault: _spread(where, places) for fault, where in faulty_networks().items()}
    names = list(only) or random.Random(ORDER).sample(list(in_torch.CONSTRUCTS), len(in_torch.CONSTRUCTS))
    for construct in names:
        for turn, size in enumerate(sizes):
            for seed in range(turn, seeds, len(sizes)):
                yield Drawn(construct=construct, size=size, fault="", seed=seed)
            for fault, where in chosen.items():
                if (construct, size) in where:
                    place = where.index((construct, size))
                    for seed in range(place, planted, len(where)):
                        yield Drawn(construct=construct, size=size, fault=fault, seed=seed)


def number(construct: str) -> int:
    """Its place among the constructs. Raises :class:`HarnessError` if it is none."""
    names = list(in_torch.CONSTRUCTS)
    if construct not in names:
        raise HarnessError(f"no construct is called {construct!r}: expected one of {', '.join(names)}.")
    return names.index(construct)


@functools.cache
def faulty_networks() -> dict[str, list[tuple[str, str]]]:
    """The networks, each with a size, that a fault can be planted in."""
    found: dict[str, list[tuple[str, str]]] = {fault: [] for fault in faults.FAULTS}
    for place in itertools.product(in_torch.CONSTRUCTS, SIZES):
        sound = in_torch.build(*place)
        network = copy.deepcopy(sound)
        for fault, plant in faults.FAULTS.items():
            if plant(network):
                found[fault].append(place)
                network = copy.deepcopy(sound)
    return found


def _spread(where: list[tuple[str, str]], places: int) -> list[tuple[str, str]]:
    """Some of many, evenly spread."""
    count = min(places, len(where))
    return [where[(2 * number + 1) * len(where) // (2 * count)] for number in range(count)]


def judge(drawn: Drawn, files: SeededFiles, folder: Path) -> Pair:
    """Both proofs on one pair, and how far its definitions are apart in float64; what its forms gave is kept there."""
    begun = time.monotonic()
    found: dict[str, Any] = {"proof": CRASHED, "old_proof": CRASHED}
    architecture = describe(drawn.construct, drawn.size, drawn.fault)
    try:
        with in_keras.sharing():
            found |= _proofs(architecture, drawn, files, folder)
    except HarnessError as error:
        found |= {"proof": REFUSED, "reason": str(error), "old_proof": REFUSED}
    except Exception as error:  # a raw error of a framework: the proof owes a verdict or a reason
        found["reason"] = f"{type(error).__name__}: {first_line(error)}"
    return Pair(**vars(drawn), **found, seconds=round(time.monotonic() - begun, 2))


def _proofs(architecture: Architecture, drawn: Drawn, files: SeededFiles, folder: Path) -> dict[str, Any]:
    on, drawn_on = _images(drawn.size)
    made = untrained.draw(architecture, drawn_on, drawn.seed, "torch")
    forms = {framework: form_outputs.of_framework(architecture, framework, made, on) for framework in FRAMEWORKS}
    if drawn.fault:
        found = {"effect": effect(architecture, made, on.compared)}
    else:
        found = {"effect": _apart(*(form.exact for form in forms.values()))}
    with tempfile.TemporaryDirectory() as exported:
        for framework in FRAMEWORKS:
            path = Path(exported) / f"{framework}.onnx"
            files.write(architecture, framework, made, path)
            forms[f"onnx from {framework}"] = form_outputs.of_file(artifacts.read(path), on, threads=1)
    for name, form in forms.items():
        form_outputs.save(kept(folder, drawn, name), form)
    return found | _verdicts(forms, architecture)


@functools.cache
def _images(size: str) -> tuple[evaluation.Evaluation, Any]:
    """What networks of that size are run on, and the images that weights are drawn for: the same for all of them."""
    network = describe(next(iter(in_torch.CONSTRUCTS)), size)
    return evaluation.of_sample(network), images.sample(network, untrained.IMAGES)


def judge_again(pair: Pair, folder: Path) -> Pair:
    """The same pair by what its forms gave, which was kept; a pair without forms stays as it is."""
    drawn = Drawn(construct=pair.construct, size=pair.size, fault=pair.fault, seed=pair.seed)
    paths = {name: kept(folder, drawn, name) for name in FORMS}
    if not all(path.is_file() for path in paths.values()):
        return pair
    forms = {name: form_outputs.load(path) for name, path in paths.items()}
    return replace(pair, **_verdicts(forms, describe(pair.construct, pair.size, pair.fault)))


def kept(folder: Path, drawn: Drawn, form: str) -> Path:
    """Where the outputs of a form are kept."""
    fault = list(faults.FAULTS).index(drawn.fault) if drawn.fault else "sound"
    return folder / f"{drawn.construct}-{drawn.size}-{fault}-{drawn.seed}-{form.replace(' ', '-')}.npz"


def _verdicts(forms: dict[str, form_outputs.FormOutputs], architecture: Architecture) -> dict[str, Any]:
    proof = equivalence.prove(forms, architecture.output)
    return {
        "proof": proof.verdict,
        "reason": proof.doubt or proof.difference,
        "old_proof": old_proof.judge(forms),
        "max_abs": proof.max_abs,
        "tolerance": proof.tolerance,
        "scale": proof.scale,
        "spread": proof.spread,
    }


def effect(architecture: Architecture, made: weights.Weights, compared: Any) -> float:
    """By how much of the scale the fault changes the outputs of the PyTorch network, in float64."""
    outputs = []
    for fault in ("", architecture.options["fault"]):
        network = torch_training.build(describe_with(architecture, str(fault)))
        weights.to_torch(network, made)
        outputs.append(torch_training.logits(network.double(), compared))
    return _apart(*outputs)


def describe_with(architecture: Architecture, fault: str) -> Architecture:
    """The same network with another fault."""
    return describe(str(architecture.options["construct"]), str(architecture.options["size"]), fault)


def _apart(one: Any, other: Any) -> float:
    """The largest difference, in units of the largest output of the first; infinite if one of them is."""
    apart = float(np.abs(one - other).max() / np.abs(one).max())
    return apart if np.isfinite(apart) else float("inf")
