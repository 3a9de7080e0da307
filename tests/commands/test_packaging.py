"""What is released: both distributions are whole, say what they are, and work with the base dependencies alone."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from packaging.metadata import Metadata

import harness
from tests import ROOT, base_environment

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
Run = Callable[..., "subprocess.CompletedProcess[str]"]
FOLDERS = (".ci", ".github", "benchmarks", "docs", "findings", "harness", "models", "results/reference", "tests")
EXTRAS = ("keras", "matplotlib", "onnxruntime", "tensorflow", "torch", "vl_convert")


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, which a build may write into: of a checkout without what git ignores."""
    folder = tmp_path_factory.mktemp("sources") / "copy"
    if not (ROOT / ".git").exists():
        made = shutil.ignore_patterns("__pycache__", ".venv", ".*_cache", "*.egg-info", "build", "dist")
        return Path(shutil.copytree(ROOT, folder, symlinks=True, ignore=made))
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.check_output(listed, cwd=ROOT, text=True).rstrip("\0").split("\0"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).exists():  # else deleted, and not yet committed
            shutil.copy(ROOT / name, folder / name, follow_symlinks=False)
    return folder


@pytest.fixture(scope="module")
def built(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of both distributions: that which DIST names, as before a release, else built here.

    The wheel is built from the unpacked source distribution.
    """
    if folder := os.environ.get("DIST"):
        return ROOT / folder
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(sources)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


def metadata(wheel: Path) -> Metadata:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return Metadata.from_email(archive.read(name), validate=True)


def test_the_source_distribution_holds_every_file_of_the_sources(built: Path, sources: Path) -> None:
    """So the tests are there with their helpers and all data that they take."""
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        held = {name.partition("/")[2] for name in file.getnames()}
    lessons = sources / "harness" / "models"  # a link, in a checkout
    folders = [sources / name for name in FOLDERS]
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    wanted = {path.relative_to(sources).as_posix() for path in paths if not path.is_relative_to(lessons)}
    wanted |= {f"harness/{name}" for name in wanted if name.startswith("models/")}
    assert len(wanted) > 400
    assert wanted <= held
    assert {"CHANGELOG.md", "LICENSE", "Makefile", "README.md", "asv.conf.json", "constraints.txt"} <= held


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path, sources: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    package = {path.relative_to(sources).as_posix() for path in (sources / "harness").rglob("*") if path.is_file()}
    package |= {f"harness/{path.relative_to(sources)}" for path in (sources / "models").rglob("*") if path.is_file()}
    assert {name for name in held if ".dist-info/" not in name} == package
    assert "harness/py.typed" in held


def test_the_metadata_say_what_it_is_and_an_index_can_show_them(wheel: Path) -> None:
    found = metadata(wheel)
    assert (found.name, str(found.version)) == ("onnx-harness", harness.__version__)
    assert found.license_expression == "Apache-2.0"
    assert found.author == found.maintainer == "onnx-harness maintainers"
    assert len(found.keywords or ()) > 4
    minor = {f"Programming Language :: Python :: 3.{number}" for number in (11, 12, 13)}
    assert minor | {"Typing :: Typed"} <= set(found.classifiers or ())
    assert found.description_content_type == "text/markdown"
    shown = MarkdownIt("gfm-like", {"linkify": False}).parse(found.description or "")
    assert [token for token in shown if token.tag == "h1"]
    inside = [child for token in shown for child in token.children or ()]
    assert not [child for child in inside if child.type in ("image", "link_open", "html_inline")], "leads nowhere there"
    assert not [token for token in shown if token.type == "html_block"]


def test_a_release_has_the_version_of_its_tag_and_a_change_that_is_told(wheel: Path) -> None:
    assert re.search(rf"^## {re.escape(harness.__version__)} ", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    if os.environ.get("GITHUB_REF_TYPE") == "tag":
        assert os.environ["GITHUB_REF_NAME"] == f"v{metadata(wheel).version}"


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A program of a fresh environment with the wheel and its base dependencies, beside a hostile folder `models`."""
    folder = tmp_path_factory.mktemp("installed")
    python = base_environment.make(folder / "environment", PROJECT["dependencies"])
    base_environment.install(python, wheel)
    place = folder / "place"
    (place / "models").mkdir(parents=True)
    (place / "models" / "__init__.py").write_text("raise RuntimeError('the wrong models')\n")
    shutil.copy(ROOT / "benchmarks" / "files" / "mlp_fmnist_relu_1.torch.onnx", place / "x.onnx")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "HARNESS"))}

    def run(program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [python.parent / program, *arguments], capture_output=True, text=True, cwd=place, timeout=120,
            env={**kept, "PYTHONNOUSERSITE": "1", "HARNESS_CACHE": str(folder / "cache")},
        )  # fmt: skip

    return run


def test_the_environment_has_the_base_dependencies_alone(installed: Run) -> None:
    """Else the next test would say nothing."""
    names = [*EXTRAS, "harness", "numpy"]
    line = f"import importlib.util as u; print([name for name in {names} if u.find_spec(name)])"
    assert installed("python", "-P", "-c", line).stdout == "['harness', 'numpy']\n"
    hostile = installed("python", "-c", "import models")
    assert "the wrong models" in hostile.stderr


def test_the_command_line_works_with_the_base_dependencies(installed: Run) -> None:
    said = installed("harness", "--version")
    assert said.stdout == f"onnx-harness {harness.__version__}\n"
    for arguments, expected in (
        (("list",), r"lenet5_1998 .*lectures"),
        (("show", "lenet5_1998"), r"MACs +325,680"),
        (("cost", "x.onnx"), r'"macs": 101632'),
        (("run", "lenet5_1998", "--dry-run"), r"train +lenet5_1998"),
        (("run", "x.onnx", "--dry-run"), r"file +x +onnx|file +x +torch"),
    ):
        done = installed("harness", *arguments)
        assert done.returncode == 0, (arguments, done.stderr)
        assert re.search(expected, done.stdout), (arguments, done.stdout)
        assert "Traceback" not in done.stderr
    refused = installed("harness", "run", "x.onnx")
    assert refused.returncode == 2
    assert "onnx-harness[cpu]" in refused.stderr


def test_the_api_counts_with_the_base_dependencies(installed: Run) -> None:
    line = "import harness; print(harness.count_cost('x.onnx').macs, len(harness.list_networks()))"
    done = installed("python", "-c", line)
    assert done.stdout.split()[0] == "101632", done.stderr
    assert int(done.stdout.split()[1]) >= 50
