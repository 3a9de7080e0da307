"""What the tests share: a cache of their own, one small prepared run, and the command line as a process."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from tests import ROOT

TESTS = ROOT / "tests"

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# A shared machine may be slow at any moment: an example that takes long is no failure.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

# Modules whose tests import a framework, start processes or measure, by folder or file. `-m "not slow"` does not even
# import them: PyTorch and TensorFlow alone take 20 s of a processor.
SLOW = (
    "claims", "commands", "frameworks", "networks", "pieces", "runs", "timing",
    "cost/test_public_models.py", "cost/test_contrib_operators.py", "data/test_imagenet.py", "gate/test_honesty.py",
    "report/test_page_browser.py", "report/test_plots.py", "report/test_reference_pictures.py",
)  # fmt: skip
PROCESSES = {"harness", "small_run"}  # fixtures that start the command line

Harness = Callable[..., "subprocess.CompletedProcess[str]"]


def _is_slow(path: Path) -> bool:
    place = path.relative_to(TESTS).as_posix() if path.is_relative_to(TESTS) else ""
    return place.startswith(SLOW)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave slow modules out before they are imported."""
    return True if config.option.markexpr == "not slow" and _is_slow(collection_path) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow."""
    for item in items:
        if _is_slow(item.path) or PROCESSES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that all tests share: what one trains, the next finds."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_cache(cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_CACHE", str(cache_folder))
    monkeypatch.setenv("HARNESS_WEIGHTS", str(cache_folder / "imported"))  # none of the developer's own
    monkeypatch.delenv("HARNESS_DATA", raising=False)


@pytest.fixture(scope="session")
def harness(cache_folder: Path) -> Harness:
    """The command line, run as a process."""

    def run(*arguments: str, cwd: Path | None = None, **environment: str) -> "subprocess.CompletedProcess[str]":
        variables = {key: value for key, value in os.environ.items() if key != "HARNESS_DATA"}
        return subprocess.run(
            [sys.executable, "-m", "harness", *arguments],
            capture_output=True,
            text=True,
            cwd=cwd,
            env={
                **variables,
                "HARNESS_CACHE": str(cache_folder),
                "HARNESS_WEIGHTS": str(cache_folder / "imported"),
                **environment,
            },
            timeout=600,
        )

    return run


@pytest.fixture(scope="session")
def small_run(harness: Harness, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two networks with little effort; its rows are real measurements."""
    folder = tmp_path_factory.mktemp("runs") / "small"
    done = harness(
        "run", "mlp_fmnist_relu_1", "lenet5_1x1", "--launches", "2", "--seconds", "0.03", "--out", str(folder)
    )
    assert done.returncode == 0, done.stderr
    return folder
