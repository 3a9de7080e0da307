"""`harness show`: facts, layer table and definitions of one network, for people and for programs."""

import csv
import io
import json
import os
import pty
import subprocess
import sys
import threading
from dataclasses import fields, replace
from pathlib import Path

import pytest

from harness.commands import show
from harness.frameworks import layers
from harness.frameworks.layers import Layer
from harness.networks import catalog, facts
from harness.networks.architecture import Augmentation, Optimizer, Recipe
from tests.conftest import Harness

FRAMEWORKS = ("keras", "tensorflow", "torch")


def without(modules: tuple[str, ...], *arguments: str) -> "subprocess.CompletedProcess[str]":
    """The command line where these modules are not installed; says last which frameworks were imported."""
    code = (
        f"import sys\nsys.modules.update(dict.fromkeys({modules!r}))\nfrom harness.cli import main\n"
        "code = main(sys.argv[1:])\n"
        f"print('imported:', *(name for name in {FRAMEWORKS!r} if sys.modules.get(name)), file=sys.stderr)\n"
        "sys.exit(code)"
    )
    return subprocess.run([sys.executable, "-c", code, "show", *arguments], capture_output=True, text=True)


def table(text: str) -> list[list[str]]:
    """The rows below the rule of a layer table, as words without thousands' commas."""
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("──"))
    end = next(number for number, line in enumerate(lines) if line.startswith("total"))
    return [line.replace(",", "").split() for line in lines[start + 1 : end + 1]]


def test_the_layer_table_stands_below_the_facts(harness: Harness) -> None:
    done = harness("show", "cifar10_bn_elu")
    assert (done.returncode, done.stderr) == (0, "")
    above, _, below = done.stdout.partition("The layers in Keras, for one image of 32x32x3:")
    assert "alzahrani_cnn_cifar10" in above
    assert "in_torch.py" in above
    found = table(below)
    assert len(found) == 27
    assert found[:2] == [
        ["conv1", "Conv2D", "32x32x32", "896", "896", "884736"],
        ["norm1", "BatchNormalization", "32x32x32", "64", "128", "0"],
    ]
    assert found[-2:] == [["logits", "Dense", "10", "5130", "5130", "5120"], ["total", "293034", "293930", "29496320"]]
    assert "the 896 running means and variances" in below
    assert "the exported file adds the softmax" in below


def test_the_facts_are_few_and_a_recipe_is_one_line(harness: Harness) -> None:
    done = harness("show", "lenet_mnist")
    above, _, _ = done.stdout.partition("\nThe layers")
    said = dict(line.split(None, 1) for line in above.splitlines())
    assert len(above.splitlines()) == len(said) == 14
    assert (said["parameters"], said["MACs"]) == ("1,256,080", "6,522,000")
    assert said["lecture"].startswith(
        "mnist, x / 255, SGD 0.01, batch 128, 100 epochs, validated on the test split; reported test 98.8 %; source: T."
    )


OPTIMIZERS = {
    Optimizer(name="sgd", learning_rate=0.01): "SGD 0.01",
    Optimizer(name="sgd", learning_rate=0.01, momentum=0.9): "SGD 0.01, momentum 0.9",
    Optimizer(name="adam", learning_rate=0.001): "Adam 0.001",
    Optimizer(name="rmsprop", learning_rate=0.0001, decay=0.8): "RMSprop 0.0001, decay 0.8",
    Optimizer(name="adadelta", learning_rate=1, decay=0.95, momentum=0.9): "Adadelta 1, decay 0.95",
}
PLAIN = Recipe(dataset="mnist", optimizer=Optimizer(name="sgd", learning_rate=0.01), batch=128, epochs=100)


@pytest.mark.parametrize(("optimizer", "said"), OPTIMIZERS.items(), ids=OPTIMIZERS.values())
def test_a_recipe_names_what_its_optimizer_uses(optimizer: Optimizer, said: str) -> None:
    line = facts.describe_recipe(replace(PLAIN, optimizer=optimizer))
    assert line == f"mnist, x / 255, {said}, batch 128, 100 epochs, validated on the test split"


OTHERWISE: dict[str, object] = {
    "dataset": "cifar10",
    "scaling": "raw",
    "fitting": "pad",
    "loss": "binary_cross_entropy",
    "optimizer": Optimizer(name="adam", learning_rate=0.01),
    "batch": 64,
    "epochs": 1,
    "training_images": 200,
    "validation_split": 0.1,
    "initialisation": "normal_0.01",
    "augmentation": Augmentation(horizontal_flip=True),
    "frozen": ("conv*",),
    "features_once": True,
    "begins_with": "lecture",
    "reported": {"test": 0.9},
    "source": "a lecture",
}


def test_a_recipe_tells_of_all_that_is_not_the_default() -> None:
    assert set(OTHERWISE) == {field.name for field in fields(Recipe)}
    for name, value in OTHERWISE.items():
        recipe = replace(PLAIN, frozen=("block*",)) if name == "features_once" else PLAIN
        assert facts.describe_recipe(replace(recipe, **{name: value})) != facts.describe_recipe(recipe), name
    turned = Augmentation(rotation_degrees=36, shift_fraction=0.1, zoom_fraction=0.2, outside="reflect")
    said = facts.describe_recipe(replace(PLAIN, augmentation=turned))
    assert "augmented (rotation ±36°, shift ±10 %, zoom ±20 %, reflected edges)" in said


@pytest.mark.parametrize("width", [70, 20])
def test_no_terminal_is_too_narrow_for_names_and_numbers(
    width: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    printed = {}
    for columns in (width, 100_000):
        monkeypatch.setattr(show, "_width", lambda columns=columns: columns)
        show.main(show_arguments("cifar10_bn_elu", "--framework", "torch"))
        printed[columns] = capfd.readouterr().out
    narrow, wide = printed.values()
    assert [line[:1] + line[2:] for line in table(narrow)] == [line[:1] + line[2:] for line in table(wide)]
    above = {columns: text.partition("\nThe layers")[0] for columns, text in printed.items()}
    assert above[width].split() == above[100_000].split()
    assert len(above[width].splitlines()) > len(above[100_000].splitlines())
    assert width < 70 or max(len(line) for line in narrow.splitlines() if line.startswith(("conv", "──"))) <= width


def test_the_machine_formats_stand_alone(harness: Harness) -> None:
    in_csv = harness("show", "lenet_mnist", "--format", "csv")
    in_json = harness("show", "lenet_mnist", "--format", "json", "--framework", "torch")
    assert in_csv.stderr == in_json.stderr == ""
    lines = list(csv.DictReader(io.StringIO(in_csv.stdout)))
    assert lines[0] == {
        "layer": "conv1",
        "kind": "Conv2D",
        "output_shape": "28x28x20",
        "params": "520",
        "statistics": "0",
        "macs": "392000",
    }
    assert sum(int(line["macs"]) for line in lines) == 6_522_000
    found = json.loads(in_json.stdout)
    assert (found["name"], found["framework"], found["params"]) == ("lenet_mnist", "torch", 1_256_080)
    assert found["layers"][0] == {
        "name": "conv1",
        "kind": "Conv2d",
        "output_shape": [20, 28, 28],
        "params": 520,
        "statistics": 0,
        "macs": 392_000,
    }
    assert sum(layer["params"] for layer in found["layers"]) == 1_256_080


def test_the_definitions_stand_side_by_side(harness: Harness) -> None:
    done = without(FRAMEWORKS, "cifar10_bn_elu", "--source")
    assert (done.returncode, done.stderr) == (0, "imported:\n")
    lines = done.stdout.splitlines()
    middle = lines[1].index("│")
    for framework, side in (("keras", slice(0, middle)), ("torch", slice(middle + 1, None))):
        file = catalog.definition_file(catalog.get("cifar10_bn_elu"), framework)
        assert str(file) in lines[1][side]
        shown = [line[side].rstrip() for line in lines[3:]]
        expected = file.read_text().splitlines()
        indent = shown[0].index('"""')
        assert [line[indent:] for line in shown[: len(expected)]] == expected


def test_only_the_framework_that_is_counted_is_imported() -> None:
    done = without((), "lenet_mnist", "--framework", "torch", "--format", "csv")
    assert done.stderr == "imported: torch\n"
    done = without((), "lenet_mnist", "--format", "csv")
    assert done.stderr == "imported: keras tensorflow\n"


@pytest.mark.parametrize("missing", ["keras", "tensorflow"])
def test_without_keras_the_layers_are_those_of_pytorch(missing: str) -> None:
    done = without((missing,), "shallownet")
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "harness: Keras is not installed: the layers are those of PyTorch.",
        "imported: torch",
    ]
    assert table(done.stdout)[0] == ["conv1", "Conv2d", "64x32x32", "1792", "1769472"]


def test_without_a_framework_the_facts_stand_alone_and_programs_are_told() -> None:
    done = without(("keras", "torch"), "shallownet")
    assert done.returncode == 0
    assert "scully_shallownet_cifar10" in done.stdout
    assert "onnx-harness[torch]" in done.stderr
    for asked in ("csv", "json"):
        done = without(("keras", "torch"), "shallownet", "--format", asked)
        assert (done.returncode, done.stdout) == (2, "")
        assert "onnx-harness[torch]" in done.stderr


@pytest.mark.parametrize("framework", catalog.FRAMEWORKS)
def test_the_facts_come_before_a_framework_is_imported(framework: str) -> None:
    done = without(("keras", "torch"), "shallownet", "--framework", framework)
    assert done.returncode == 2
    assert "scully_shallownet_cifar10" in done.stdout
    assert "layers" not in done.stdout
    message, imported = done.stderr.splitlines()
    assert f"{framework} is not installed" in message
    assert f"onnx-harness[{framework}]" in message
    assert imported == "imported:"


def test_bad_input_is_refused(harness: Harness) -> None:
    for arguments, word in (
        (("lenet_mnits",), "lenet_mnist"),
        (("LENET5",), "did you mean lenet5,"),
        (("lenet5*",), "one name is expected here, and 'lenet5*' matches lenet5, lenet5_1998, lenet5_1x1."),
        (("lenet_mnist", "--source", "--format", "json"), "--source"),
        (("lenet_mnist", "--source", "--framework", "torch"), "--source"),
        (("lenet_mnist", "--framework", "jax"), "--framework"),
        ((), "NAME"),
    ):
        done = harness("show", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert word in done.stderr
        assert "Traceback" not in done.stderr


def test_what_no_rule_counts_is_named_and_makes_the_total_unknown(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    known = Layer(name="conv", kind="Conv2d", output_shape=(2, 3, 3), params=20, statistics=0, macs=180)
    strange = Layer(name="mix", kind="Mystery", output_shape=(), params=9, statistics=0, macs=None)
    monkeypatch.setattr(layers, "list_layers", lambda *_: (known, strange))
    show.main(show_arguments("shallownet", "--framework", "torch"))
    printed = capfd.readouterr().out
    assert table(printed)[-1] == ["total", "29", "–"]
    assert "no rule for the MACs of mix (Mystery)" in printed
    show.main(show_arguments("shallownet", "--framework", "torch", "--format", "csv"))
    assert capfd.readouterr().out.splitlines()[-1] == "mix,Mystery,,9,0,"


def show_arguments(*given: str) -> "show.argparse.Namespace":
    parser = show.argparse.ArgumentParser()
    show.add_arguments(parser)
    return parser.parse_args(given)


@pytest.mark.parametrize("fails", [False, True])
def test_what_a_framework_says_is_shown_only_where_it_fails(
    fails: bool, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def of(*_: object) -> tuple[Layer, ...]:
        os.write(2, b"a stub was registered\n")
        if fails:
            raise RuntimeError("no such operator")
        return ()

    monkeypatch.setattr(layers, "list_layers", of)
    arguments = show_arguments("shallownet", "--framework", "torch", "--format", "csv")
    if fails:
        with pytest.raises(RuntimeError, match="no such operator"):
            show.main(arguments)
    else:
        show.main(arguments)
    os.write(2, b"afterwards\n")
    assert capfd.readouterr().err == "a stub was registered\n" * fails + "afterwards\n"


def test_a_terminal_is_told_what_takes_so_long(tmp_path: Path) -> None:
    near, far = pty.openpty()
    told = bytearray()

    def listen() -> None:
        try:
            while part := os.read(near, 1024):
                told.extend(part)
        except OSError:  # Linux: the other end is closed
            pass

    listener = threading.Thread(target=listen)
    listener.start()
    command = [sys.executable, "-m", "harness", "show", "shallownet", "--framework", "torch", "--format", "csv"]
    terminal = {**os.environ, "TERM": "xterm"}
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=far, text=True, env=terminal, check=True)
    os.close(far)
    listener.join()
    os.close(near)
    assert "counting the layers in PyTorch" in told.decode()
    assert done.stdout.splitlines()[-1] == "logits,Linear,10,655370,0,655360"
    assert "\x1b" not in done.stdout
