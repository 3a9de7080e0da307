"""What a piece's digest covers, and the cache that pieces are found in."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import get_args

import grimp
import numpy as np
import pytest

from harness.errors import HarnessError
from harness.frameworks import weights
from harness.machine import cache, import_graph, installed
from harness.networks import catalog
from harness.networks.architecture import Architecture, Augmentation, Optimizer
from harness.pieces import plan, provenance
from harness.pieces.piece import Kind
from harness.pieces.request import KerasExporter, Request

NETWORK = catalog.get("lenet5_1x1")
REQUEST = Request(architecture=NETWORK, profile="quick", trained_in="torch", seed=0)
PIECES = {"train", "export keras", "export torch", "prove"}


def digests(request: Request = REQUEST) -> dict[str, str]:
    pieces = plan.plan_pieces(request)
    exports = {f"export {framework}": piece.digest for framework, piece in pieces.exports.items()}
    return {"train": pieces.weights.digest, **exports, "prove": pieces.prove.digest}


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    assert set(before) == set(after) == PIECES
    return {name for name in before if before[name] != after[name]}


def with_network(**changes: object) -> Request:
    return replace(REQUEST, architecture=replace(NETWORK, **changes))


def with_recipe(**changes: object) -> Request:
    return with_network(recipes={"quick": replace(NETWORK.recipes["quick"], **changes)})


ELSEWHERE = {
    "seed": replace(REQUEST, seed=1),
    "framework of training": replace(REQUEST, trained_in="keras"),
    "precision of training": replace(REQUEST, precision="bfloat16"),
    "epochs": with_recipe(epochs=11),
    "learning rate": with_recipe(optimizer=Optimizer(name="adam", learning_rate=0.002)),
    "epsilon": with_recipe(optimizer=replace(NETWORK.recipes["quick"].optimizer, epsilon=1e-8)),
    "augmentation": with_recipe(augmentation=Augmentation(horizontal_flip=True)),
    "training images": with_recipe(training_images=100),
    "scaling": with_recipe(scaling="raw"),
    "name": with_network(name="another"),
    "options": with_network(options={"hidden": 2}),
    "input": with_network(input_shape=(32, 32, 1)),
    "output": with_network(output="sigmoid"),
    "any size": with_network(any_size=True),
    "vocabulary": with_network(vocabulary=7),
}


@pytest.mark.parametrize("request_", ELSEWHERE.values(), ids=ELSEWHERE)
def test_another_experiment_is_another_digest(request_: Request) -> None:
    assert changed(digests(), digests(request_)) == PIECES


def test_other_epochs_are_another_training_and_no_lectures_row() -> None:
    recipe = NETWORK.recipes["quick"]
    asked = replace(REQUEST, epochs=recipe.epochs + 1)
    assert digests(asked) == digests(with_recipe(epochs=recipe.epochs + 1)) != digests()
    assert asked.described_profile == f"quick, epochs {recipe.epochs + 1}"
    as_the_recipe = replace(REQUEST, epochs=recipe.epochs)
    assert digests(as_the_recipe) == digests()
    assert as_the_recipe.described_profile == REQUEST.described_profile == "quick"


def test_epochs_are_of_the_profile_that_was_asked_for() -> None:
    lecture = NETWORK.recipes["quick"]
    recipes = {"lecture": lecture, "fine_tuning": replace(lecture, begins_with="lecture")}
    request = replace(REQUEST, architecture=replace(NETWORK, recipes=recipes), profile="fine_tuning", epochs=1)
    (begun,) = plan.train(request).needs
    assert begun.request.recipe.epochs == lecture.epochs != plan.train(request).request.recipe.epochs == 1


@pytest.mark.parametrize("exporter", ["tf2onnx", "torch"])
def test_another_exporter_of_keras_definitions_is_another_keras_file(exporter: KerasExporter) -> None:
    chosen = digests(replace(REQUEST, keras_exporter=exporter))
    assert changed(digests(), chosen) == {"export keras", "prove"}


def test_facts_that_change_no_result_keep_the_digest() -> None:
    told = with_network(
        source="another", deviations=("none",), published=None, sets=("all",), params=1, macs=NETWORK.macs + 1
    )
    assert changed(digests(), digests(told)) == set()


def test_what_a_recipe_says_of_its_source_keeps_the_digest() -> None:
    told = with_recipe(source="another", reported={"test": 0.5})
    assert changed(digests(), digests(told)) == set()


def test_every_fact_of_a_network_is_weighed() -> None:
    # family: by its source; base: by the file that its weights come from
    covered = {"name", "family", "input_shape", "output", "vocabulary", "any_size", "options", "recipes", "base"}
    without_effect = {"sets", "source", "dataset", "outputs", "params", "macs", "published", "deviations"}
    assert {field.name for field in fields(Architecture)} == covered | without_effect


@pytest.mark.parametrize(("framework", "expected"), [("torch", PIECES), ("keras", {"export keras", "prove"})])
def test_a_changed_definition_makes_anew_what_reads_it(
    framework: str, expected: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, original = digests(), catalog.definition_file
    source = tmp_path / f"in_{framework}.py"

    def elsewhere(architecture: Architecture, of: str) -> Path:
        return source if of == framework else original(architecture, of)

    monkeypatch.setattr(catalog, "definition_file", elsewhere)
    source.write_bytes(original(NETWORK, framework).read_bytes())
    assert changed(before, digests()) == set(), "the place of a definition matters, not its content"
    source = tmp_path / "edited.py"
    source.write_bytes(original(NETWORK, framework).read_bytes() + b"\n")
    assert changed(before, digests()) == expected


@pytest.mark.parametrize(
    ("distribution", "expected"),
    [
        ("torch", PIECES),
        ("keras", {"export keras", "prove"}),
        ("tf2onnx", {"export keras", "prove"}),
        ("onnxruntime", {"prove"}),
        ("rich", set()),
    ],
)
def test_another_version_makes_anew_what_uses_it(
    distribution: str, expected: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, original = digests(), installed.version
    monkeypatch.setattr(provenance, "version", lambda name: "99" if distribution in name.split("|") else original(name))
    assert changed(before, digests()) == expected


@pytest.mark.parametrize("array", ["x_train", "y_train", "x_test", "y_test"])
def test_another_image_or_label_is_another_digest(array: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before, data = digests(), REQUEST.dataset
    other = getattr(data, array).copy()
    other.flat[-1] ^= 1
    monkeypatch.setattr(Request, "dataset", replace(data, **{array: other}))
    assert changed(before, digests()) == PIECES


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("frameworks/recipes.py", PIECES),
        ("frameworks/keras_training.py", {"export keras", "prove"}),
        ("pieces/form_outputs.py", {"export keras", "export torch", "prove"}),
        ("pieces/equivalence.py", {"prove"}),
        ("pieces/makers/prove.py", {"prove"}),
        ("measurements/session_options.py", {"export keras", "export torch", "prove"}),
        ("report/plots.py", set()),
    ],
)
def test_changed_code_makes_anew_what_it_made(file: str, expected: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    before = digests()
    _plant_edit(file, monkeypatch)
    assert changed(before, digests()) == expected


def test_an_edit_of_any_module_that_a_proof_imports_makes_it_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    before = digests()["prove"]
    for path in provenance.code("prove", "onnxruntime"):
        with monkeypatch.context() as planted:
            _plant_edit(path.relative_to(import_graph.ROOT).as_posix(), planted)
            assert digests()["prove"] != before, path


def _plant_edit(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    original = provenance.source
    edited = import_graph.ROOT / file
    monkeypatch.setattr(provenance, "source", lambda path: "edited" if path == edited else original(path))


@pytest.mark.parametrize("kind", [kind for kind in get_args(Kind) if kind != "import"])
def test_the_code_of_a_piece_is_what_a_library_finds_that_its_maker_imports(kind: Kind) -> None:
    maker = f"harness.pieces.makers.{kind}"
    graph = grimp.build_graph("harness", cache_dir=None)
    imported = {maker, *graph.find_upstream_modules(maker)}
    own = {import_graph.file(module) for module in imported}
    assert own <= set(import_graph.closure((maker,)))
    packages = {path for path in import_graph.closure((maker,)) if path.name == "__init__.py"}
    assert set(import_graph.closure((maker,))) - packages <= own


def test_equal_facts_give_equal_digests_in_any_process() -> None:
    code = (
        "from harness.networks import catalog\n"
        "from harness.pieces import plan\n"
        "from harness.pieces.request import KerasExporter, Request\n"
        "pieces = plan.plan_pieces(Request(\n"
        "    architecture=catalog.get('lenet5_1x1'), profile='quick', trained_in='torch', seed=0))\n"
        "print(*(piece.digest for piece in pieces.all))"
    )
    for hash_seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
        )
        assert set(done.stdout.split()) == set(digests().values())
    assert cache.digest({"a": 1, "b": (1, 2)}) == cache.digest({"b": [1, 2], "a": 1})


def test_pieces_need_what_is_made_before_them() -> None:
    pieces = plan.plan_pieces(REQUEST)
    assert pieces.weights.needs == ()
    assert all(export.needs == (pieces.weights,) for export in pieces.exports.values())
    assert pieces.prove.needs == tuple(pieces.exports.values())
    assert len({piece.folder for piece in pieces.all}) == 4
    assert all(piece.estimate_s > 0 and not piece.made for piece in plan.plan_pieces(replace(REQUEST, seed=12345)).all)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, which need not exist yet."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def entry_of(root: Path, name: str = "0123456789abcdef", size: int = 10, kind: str = "train") -> Path:
    with cache.building(root / kind / name) as folder:
        (folder / "inner").mkdir()
        (folder / "inner" / "file").write_bytes(b"x" * size)
    return root / kind / name


def test_an_entry_appears_when_it_is_whole(root: Path) -> None:
    entry = root / "train" / "0123456789abcdef"
    with cache.building(entry) as folder:
        (folder / "file").write_text("whole")
        assert not entry.exists()
        assert folder.parent == entry.parent, "a rename across devices is a copy"
    assert (entry / "file").read_text() == "whole"
    assert list(entry.parent.iterdir()) == [entry]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, HarnessError])
def test_a_failure_leaves_nothing(root: Path, error: type[BaseException]) -> None:
    entry = root / "train" / "0123456789abcdef"

    def fail() -> None:
        with cache.building(entry) as folder:
            (folder / "file").write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert list(entry.parent.iterdir()) == []


def test_an_entry_that_another_process_made_meanwhile_stays(root: Path) -> None:
    entry = root / "train" / "0123456789abcdef"
    with cache.building(entry) as folder:
        (folder / "file").write_text("mine")
        entry.mkdir()
        (entry / "file").write_text("theirs")
        (entry / cache.MANIFEST).write_text('{"file": 6}')
    assert (entry / "file").read_text() == "theirs"
    assert list(entry.parent.iterdir()) == [entry]


@pytest.mark.parametrize("damage", ["empty a file", "lose a file", "garble the manifest"])
def test_a_damaged_entry_is_made_again(root: Path, damage: str) -> None:
    entry = root / "train" / "0123456789abcdef"

    def make() -> None:
        with cache.building(entry) as folder:
            (folder / "file").write_text("whole")

    make()
    assert cache.whole(entry)
    match damage:
        case "empty a file":
            (entry / "file").write_text("")
        case "lose a file":
            (entry / "file").unlink()
        case "garble the manifest":
            (entry / cache.MANIFEST).write_text("{")
    assert not cache.whole(entry)
    make()
    assert cache.whole(entry)
    assert (entry / "file").read_text() == "whole"


def test_what_a_killed_process_of_the_same_number_left_is_no_hindrance(root: Path) -> None:
    entry = root / "train" / "0123456789abcdef"
    left = entry.with_name(f"{entry.name}.{os.getpid()}{cache.PARTIAL}")  # containers count from 1 again and again
    left.mkdir(parents=True)
    (left / "stale").touch()
    with cache.building(entry) as folder:
        (folder / "file").touch()
    assert sorted(file.name for file in entry.iterdir()) == ["file", cache.MANIFEST]


def test_sweeping_takes_only_what_the_dead_left(root: Path) -> None:
    cache.sweep()  # of a cache that is not there
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    whole = entry_of(root)
    left = root / "export" / f"0123456789abcdef.{int(dead.stdout)}{cache.PARTIAL}"
    kept = [
        root / "train" / f"fedcba9876543210.{os.getpid()}{cache.PARTIAL}",
        root / "datasets" / f"download{cache.PARTIAL}",
    ]
    for folder in (left, *kept):
        folder.mkdir(parents=True)
        (folder / "file").touch()
    cache.sweep()
    assert not left.exists()
    assert all((folder / "file").exists() for folder in kept)
    assert (whole / "inner" / "file").exists()


def raises(number: int) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT])
@pytest.mark.parametrize("method", ["mkdir", "rename", "write_bytes"])
def test_a_cache_that_cannot_be_written_says_so(
    root: Path, monkeypatch: pytest.MonkeyPatch, method: str, number: int
) -> None:
    (root / "train").mkdir(parents=True)
    monkeypatch.setattr(Path, method, raises(number))
    with pytest.raises(HarnessError, match=rf"cannot write {root}: {os.strerror(number)}.*HARNESS_CACHE"):
        entry_of(root)
    assert list((root / "train").iterdir()) == []


def test_a_cache_that_is_a_file_says_so(root: Path) -> None:
    root.write_text("a file")
    for write in (lambda: entry_of(root), lambda: cache.open_log("log")):
        with pytest.raises(HarnessError, match=r"cannot write"):
            write()


def test_another_error_is_not_taken_for_a_full_disk(root: Path) -> None:
    with pytest.raises(FileNotFoundError), cache.building(root / "train" / "0123456789abcdef"):
        raises(errno.ENOENT)()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk that is always full")
def test_weights_that_find_the_disk_full_say_so(root: Path) -> None:
    def save() -> None:
        with cache.building(root / "train" / "0123456789abcdef") as folder:
            (folder / f"weights.safetensors.{os.getpid()}.partial").symlink_to("/dev/full")
            weights.save(folder / "weights.safetensors", {"dense.bias": np.zeros(100_000, np.float32)}, {})

    with pytest.raises(HarnessError, match=r"cannot write .*: No space left"):
        save()
    assert list((root / "train").iterdir()) == []


def test_sizes_and_clean(root: Path) -> None:
    assert (cache.sizes(), cache.clean()) == ({}, 0)
    entry_of(root, "0123456789abcdef", 10)
    entry_of(root, "fedcba9876543210", 5)
    entry_of(root, "0123456789abcdef", 7, kind="export")
    cache.open_log("errors.txt").write_text("abc")
    manifest = {size: len(f'{{"inner/file": {size}}}') for size in (5, 7, 10)}
    train_bytes = 15 + manifest[10] + manifest[5]
    assert cache.sizes() == {"export": (1, 7 + manifest[7]), "log": (1, 3), "train": (2, train_bytes)}
    assert cache.clean() == 7 + manifest[7] + 3 + train_bytes
    assert cache.sizes() == {}
    assert list(root.iterdir()) == []


def test_cleaning_leaves_what_is_not_the_caches(root: Path) -> None:
    entry_of(root)
    own = root / "photographs" / "summer"
    own.mkdir(parents=True)
    (own / "beach.jpg").write_bytes(b"once")
    assert cache.clean() == 10 + len('{"inner/file": 10}')
    assert (own / "beach.jpg").read_bytes() == b"once"
    assert set(get_args(Kind)) - {"import"} < set(cache.KINDS), "what is imported lies elsewhere"


def test_a_cache_that_cannot_be_cleaned_says_so(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry_of(root)
    monkeypatch.setattr(shutil, "rmtree", raises(errno.EACCES))
    with pytest.raises(HarnessError, match=r"cannot write"):
        cache.clean()
