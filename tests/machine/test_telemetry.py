"""onnxruntime's telemetry is stopped before onnxruntime is imported, wherever code of this package runs."""

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from harness.commands import ab, doctor, run
from harness.machine import environment, telemetry

TELL = "import os, harness; print(os.environ['ORT_DISABLE_TELEMETRY'])"


def told(code: str, **variables: str) -> str:
    """What a fresh process prints in an environment of nothing else."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=variables)
    return done.stdout.strip()


def test_every_process_that_imports_the_package_stops_it_and_keeps_what_the_user_chose() -> None:
    assert told(TELL) == "1"
    assert told(TELL, ORT_DISABLE_TELEMETRY="0") == "0"


def test_a_session_leaves_nothing_in_the_users_folders(tmp_path: Path) -> None:
    code = "from harness.timing import runtime; runtime.load().SessionOptions(); print('made')"
    assert told(code, HOME=str(tmp_path), XDG_CACHE_HOME=str(tmp_path), TMPDIR=str(tmp_path)) == "made"
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize("command", [ab, doctor, run], ids=lambda command: command.__name__)
def test_the_option_leaves_it_on_and_the_environment_says_so(command: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(telemetry.VARIABLE, telemetry.STOPPED)
    assert environment.collect()["telemetry"] == "off"
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)  # type: ignore[attr-defined]
    parser.parse_args([])
    assert telemetry.described() == "off"
    parser.parse_args(["--telemetry"])
    assert telemetry.described() == "on"
