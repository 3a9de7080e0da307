"""Networks of one's own: the documentation's example as a folder and as a package, and what is wrong with others."""

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pytest

from harness import cli
from harness.errors import HarnessError
from harness.frameworks import layers
from harness.machine import cache
from harness.measurements import rows
from harness.networks import catalog, families
from harness.pieces import bars, plan, provenance
from harness.pieces.makers import check
from harness.pieces.piece import Piece
from harness.pieces.request import Request
from harness.runs.folder import Settings
from tests import ROOT
from tests.conftest import Harness

DOCUMENT = ROOT / "docs" / "own_networks.md"
LITTLE = ("--launches", "1", "--seconds", "0.02", "--threads", "1")

FACTS = """from harness.architecture import Architecture
ARCHITECTURES = (Architecture(name="facts", family="facts", sets=(), source="", dataset="fashion_mnist",
                              input_shape={shape}, outputs=3, params=1, macs=1, recipes={{}}),)"""


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the documentation describes, file by file."""
    root = tmp_path_factory.mktemp("documented")
    blocks = re.findall(r"```python\n# (\S+)\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    for name, content in blocks:
        file = root / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(content)
    assert sorted(name for name, _ in blocks) == [
        f"my_network/{name}.py" for name in ("__init__", "in_keras", "in_torch")
    ]
    return root / "my_network"


def copied(documented: Path, target: Path, *names: str) -> Path:
    """The folder with some of its files alone."""
    target.mkdir(parents=True)
    for name in names:
        shutil.copy(documented / name, target / name)
    return target


def test_the_documented_folder_is_measured_beside_a_network_of_the_catalogue(
    documented: Path, harness: Harness, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    done = harness("run", "./my_network", "lenet5_1x1", *LITTLE, "--out", str(out), cwd=documented.parent)
    assert done.returncode == 0, done.stderr
    found = {(row.architecture, row.framework): row for row in rows.read(out)}
    assert set(found) == {
        (name, framework) for name in ("my_network", "lenet5_1x1") for framework in ("keras", "torch")
    }
    for framework in ("keras", "torch"):
        row = found["my_network", framework]
        assert (row.status, row.equivalent, row.params, row.macs) == ("ok", True, 16_362, 142_688)
        assert row.total == 2000
        assert row.accuracy is not None
        assert row.accuracy > 0.4, "two epochs of a thousand images are far better than chance"
        assert row.latency_median_s is not None
    assert f"my_network is defined in {documented}" in done.stderr
    again = harness("run", "--out", str(out), "--resume", "--trust", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert len(rows.read(out)) == 4, "the folder is found again from elsewhere, and nothing is measured twice"


@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_the_code_that_a_run_from_elsewhere_names_is_not_run(
    dry: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run folder that somebody passed on, whose settings name a package beside it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run" / "net").mkdir(parents=True)
    (tmp_path / "run" / "net" / "__init__.py").write_text("open('MARKER', 'w').close()")
    for reference in ("run/net:x", "run/net", f"{tmp_path}/run/net:x"):
        settings = asdict(Settings(architectures=(reference,), threads=(1,)))
        (tmp_path / "run" / "settings.json").write_text(json.dumps(settings))
        (tmp_path / "run" / "environment.json").write_text("{}")
        assert cli.main(["run", "--out", "run", "--resume", *dry]) == cli.BAD_INPUT
        assert "--trust" in capsys.readouterr().err
        assert not (tmp_path / "MARKER").exists()
    assert cli.main(["run", "--out", "run", "--resume", "--trust", *dry]) == cli.BAD_INPUT  # it defines no network
    assert (tmp_path / "MARKER").exists()


@pytest.mark.parametrize("framework", catalog.FRAMEWORKS)
def test_one_framework_is_enough(framework: str, documented: Path, harness: Harness, tmp_path: Path) -> None:
    folder = copied(documented, tmp_path / "alone", "__init__.py", f"in_{framework}.py")
    facts = folder / "__init__.py"
    facts.write_text(facts.read_text().replace('{"quick": QUICK}', "{}"))
    out = tmp_path / "run"
    done = harness("run", str(folder), *LITTLE, "--out", str(out))
    assert done.returncode == 0, done.stderr
    (row,) = rows.read(out)
    assert (row.framework, row.status, row.equivalent) == (framework, "ok", True)
    assert row.reason is not None
    assert row.reason.startswith("random weights: no training")
    assert row.equivalence_tolerance is not None
    assert row.equivalence_tolerance > 0, "held against float64"
    shown = harness("show", str(folder), "--format", "csv")
    assert shown.returncode == 0, shown.stderr
    assert sum(int(line.split(",")[3]) for line in shown.stdout.splitlines()[1:]) == 16_362


def test_an_installed_package_joins_the_catalogue(documented: Path, harness: Harness, tmp_path: Path) -> None:
    copied(documented, tmp_path / "my_package" / "my_network", *(file.name for file in documented.glob("*.py")))
    (tmp_path / "my_package" / "__init__.py").write_text("")
    distribution = tmp_path / "my_package-1.0.dist-info"
    distribution.mkdir()
    (distribution / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    (distribution / "entry_points.txt").write_text("[harness.architectures]\nmy_network = my_package.my_network\n")
    listed = harness("list", "my_*", "--format", "csv", PYTHONPATH=str(tmp_path))
    assert listed.stdout.splitlines()[1].startswith("my_network,,my own,fashion_mnist,28x28x1,10,16362,142688")
    out = tmp_path / "exported"
    done = harness("export", "my_network", "--framework", "torch", "--out", str(out), PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert [file.name for file in out.iterdir()] == ["my_network.torch.onnx"]
    (distribution / "entry_points.txt").write_text("[harness.architectures]\nmy_network = no_such.package\n")
    broken = harness("list", PYTHONPATH=str(tmp_path))
    assert broken.returncode == 2
    assert "the entry point 'my_network' of my-package cannot be imported" in broken.stderr


@pytest.fixture
def made_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Definitions are checked in this process."""

    def make(pieces: Sequence[Piece]) -> dict[str, BaseException]:
        errors: dict[str, BaseException] = {}
        for piece in pieces:
            try:
                with cache.building(piece.folder) as folder:
                    check.make(piece, folder, 1, lambda *_: None)
            except HarnessError as error:
                errors[piece.digest] = error
        return errors

    monkeypatch.setattr(bars, "make_pieces", make)


@pytest.mark.usefixtures("made_here")
@pytest.mark.parametrize(
    ("file", "line", "instead", "expected"),
    [
        ("__init__", "params=16_362", "params=1", "params=16_362 in torch, its facts say 1: correct"),
        ("__init__", "macs=142_688", "macs=1", "macs=142_688 in torch, its facts say 1: correct"),
        ("__init__", "outputs=10", "outputs=2", "outputs=10 in torch, its facts say 2: correct"),
        ("in_keras", "layers.Dense(10", "layers.Dense(9", "params=14_793 in keras, its facts say 16_362: correct"),
        ("in_keras", "keras.Model(image, logits", "keras.Model(image, [logits, logits]", "in Keras gives 2 outputs"),
        ("in_torch", "return self.logits(maps.flatten(1))", "return maps, maps", "in PyTorch gives 2 outputs"),
        (
            "in_keras", "(image, logits", "(image, layers.Reshape((5, 2))(logits)",
            "PyTorch are 10 classes at 1 places and those of Keras are 2 classes at 5",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["run", "export", "train"])
def test_a_definition_that_cannot_be_measured_is_refused_before_any_work(
    command: str, file: str, line: str, instead: str, expected: str, documented: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    folder = copied(documented, tmp_path / "wrong", *(path.name for path in documented.glob("*.py")))
    changed = folder / f"{file}.py"
    assert line in changed.read_text()
    changed.write_text(changed.read_text().replace(line, instead))
    arguments = ["--framework", "both"] if command == "train" else ["--out", str(tmp_path / "out")]
    assert cli.main([command, str(folder), *arguments]) == cli.BAD_INPUT
    said = capsys.readouterr().err.splitlines()[-1]
    assert expected in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("line", "instead", "expected"),
    [
        (
            "return MyNetwork()",
            "raise ValueError('no build today')",
            r"ValueError: no build today .*in_torch\.py, line ",
        ),
        ("def build", "def built", "AttributeError: .* 'build'"),
        ("8 * 14 * 14, 10", "8 * 14 * 13, 10", r"\(28, 28, 1\) in torch: RuntimeError: .*in_torch\.py, line \d"),
        ("import torch\n", "import no_such_module\n", "No module named 'no_such_module' .*in_torch.py, line 3"),
    ],
)
def test_an_error_in_a_definition_is_told_with_its_place(
    line: str, instead: str, expected: str, documented: Path, tmp_path: Path
) -> None:
    folder = copied(documented, tmp_path / "broken", "__init__.py", "in_torch.py")
    file = folder / "in_torch.py"
    file.write_text(file.read_text().replace(line, instead, 1))
    with pytest.raises(HarnessError, match=f"my_network cannot be built and run .*{expected}"):
        layers.list_layers(catalog.get(str(folder)), "torch")


def test_a_piece_depends_on_every_file_that_a_definition_may_import(documented: Path, tmp_path: Path) -> None:
    folder = copied(documented, tmp_path / "blocks", *(file.name for file in documented.glob("*.py")))
    request = Request(architecture=catalog.get(str(folder)), profile="quick", trained_in="torch", seed=0)

    def digests() -> list[str]:
        provenance.source.cache_clear()
        needed = plan.plan_pieces(request)
        return [needed.weights.digest, *(needed.exports[framework].digest for framework in ("torch", "keras"))]

    found = digests()
    assert digests() == found
    (folder / "blocks.py").write_text("WIDTH = 8\n")
    with_blocks = digests()
    assert not set(with_blocks) & set(found)
    (folder / "blocks.py").write_text("WIDTH = 16\n")
    assert not set(digests()) & set(with_blocks)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "found no __init__.py"),
        ("ARCHITECTURES = ()", "expected ARCHITECTURES"),
        ("ARCHITECTURES = ('lenet',)", "expected ARCHITECTURES"),
        ("raise RuntimeError('not today')", "cannot be imported: RuntimeError: not today"),
        ("this is no Python", "cannot be imported: SyntaxError"),
        ("raise SystemExit(0)", "cannot be imported: SystemExit"),
        (f"{FACTS.format(shape=(0, 8, 1))}", r"must be that of an image"),
    ],
)
def test_a_folder_that_is_no_family_is_refused(content: str | None, expected: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "__init__.py").write_text(content)
    with pytest.raises(HarnessError, match=expected):
        families.of_folder(tmp_path)


def test_names_of_a_folder_are_told_apart(documented: Path, tmp_path: Path) -> None:
    folder = copied(documented, tmp_path / "several", "__init__.py", "in_torch.py")
    facts = folder / "__init__.py"
    facts.write_text(f"{facts.read_text()}\nfrom dataclasses import replace\n\n"
                     "ARCHITECTURES += (replace(ARCHITECTURES[0], name='other'),)\n")  # fmt: skip
    chosen = catalog.select([str(folder)])
    assert [architecture.name for architecture in chosen] == ["my_network", "other"]
    assert [catalog.get(catalog.reference(architecture)) for architecture in chosen] == chosen
    with pytest.raises(HarnessError, match="has several"):
        catalog.get(str(folder))
    with pytest.raises(HarnessError, match="has no 'third'"):
        catalog.get(f"{folder}:third")
    with pytest.raises(HarnessError, match="is not defined in keras"):
        catalog.definition(chosen[0], "keras")
    for name, message in (("my_network", "two networks of one name"), ("../other", "found '../other'")):
        wrong = copied(folder, tmp_path / message[:7], "__init__.py", "in_torch.py")
        (wrong / "__init__.py").write_text(facts.read_text().replace("'other'", repr(name)))
        with pytest.raises(HarnessError, match=message):
            catalog.select([str(wrong)])
    odd = copied(folder, tmp_path / "odd", "__init__.py", "in_torch.py")
    (odd / "__init__.py").write_text(facts.read_text().replace("name='other'", "options={'widths': (8, {16})}"))
    with pytest.raises(HarnessError, match=r"option 'widths' of 'my_network'.* found \(8, \{16\}\)"):
        catalog.select([str(odd)])
    facts.write_text(facts.read_text().replace("'other'", "'lenet5'"))
    taken = copied(folder, tmp_path / "taken", "__init__.py", "in_torch.py")
    with pytest.raises(HarnessError, match="is a network of the catalogue"):
        catalog.select([str(taken)])
    with pytest.raises(HarnessError, match=r"no_such.*expected .*found no __init__"):
        catalog.get(str(tmp_path / "no_such"))
