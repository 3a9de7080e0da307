"""Exit codes mean what the README says: what a user can mend is 2, and a fault of the harness is 70, never 1."""

import argparse
import os
import signal
import subprocess
import sys
import types
from pathlib import Path

import pandas as pd
import pytest

from harness import cli
from harness.errors import HarnessError
from harness.gate import settings as gate_settings
from harness.machine import cache
from harness.measurements import comparison, samples

LONG = "d" * 300  # no file system takes such a name


def broken_command(error: Exception) -> types.SimpleNamespace:
    """A parser of a command that raises."""

    def main(_: argparse.Namespace) -> int:
        raise error

    return types.SimpleNamespace(parse_args=lambda _: argparse.Namespace(main=main))


@pytest.mark.parametrize(
    "error",
    [RuntimeError("nobody thought of this\nat all"), KeyError("x"), RecursionError(), OSError("odd"), MemoryError()],
    ids=lambda error: type(error).__name__,
)
def test_what_nobody_expected_exits_with_70_and_leaves_its_traceback(
    error: Exception, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    monkeypatch.setattr(cli, "parser", lambda _: broken_command(error))
    assert cli.main(["list"]) == cli.FAULT == 70
    (said,) = capsys.readouterr().err.splitlines()
    log = tmp_path / "log" / "faults.log"
    assert type(error).__name__ in said
    assert str(log) in said
    assert "Traceback" in log.read_text()
    assert cache.KINDS.count("log") == 1  # `cache clean` removes it


def test_a_fault_is_told_where_no_cache_can_be_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(cli, "parser", lambda _: broken_command(RuntimeError("nobody thought of this")))
    assert cli.main(["list"]) == cli.FAULT
    (log,) = tmp_path.glob("*faults.log")
    assert str(log) in capsys.readouterr().err
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "file"))
    assert cli.main(["list"]) == cli.FAULT
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        (["gate", LONG, "c1"], {}),
        (["compare", LONG, "c1"], {}),
        (["report", LONG], {}),
        (["run", LONG], {}),
        (["run", f"{LONG}.onnx"], {}),
        (["run", "lenet5_1x1", "--out", LONG], {}),
        (["run", "--resume", "--out", LONG], {}),
        (["cost", f"{LONG}.onnx"], {}),
        (["ab", f"{LONG}.onnx", "b.onnx"], {}),
        (["train", "lenet5_1x1", "--data", f"folder:{LONG}"], {}),
        (["weights", "import", "resnet18", f"{LONG}.pth"], {}),
        (["cache", "size"], {"HARNESS_CACHE": "~nobodyx/c"}),
        (["cache", "size"], {"HARNESS_CACHE": LONG}),
        (["weights", "list"], {"HARNESS_WEIGHTS": "~nobodyx/w"}),
        (["data"], {"HARNESS_DATA": "~nobodyx/d"}),
        (["run", "~nobodyx/a.onnx"], {}),
        (["run", "./~nobodyx"], {}),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_paths_that_cannot_be_are_bad_input(
    arguments: list[str],
    variables: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    code = cli.main(arguments)
    said = capsys.readouterr().err
    assert code in ((cli.BAD_INPUT, cli.DONE) if arguments[0] in ("cache", "weights") else (cli.BAD_INPUT,)), said
    assert "Traceback" not in said


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_an_output_that_cannot_be_encoded_changes_no_exit_code(encoding: str) -> None:
    """As a verdict with a ratio of 1.02 × on a terminal of another age: 3 stays 3."""
    code = (
        "import argparse, types\nfrom harness import cli\nfrom harness.report.tables import print_table\n"
        "def verdict(args):\n    print_table(('verdict',), [{'verdict': \"can't tell – 1 µs × 1.02\"}], 'table')\n"
        "    print('– µ ×')\n    return 3\n"
        "cli.parser = lambda _: types.SimpleNamespace(parse_args=lambda _: argparse.Namespace(main=verdict))\n"
        "raise SystemExit(cli.main([]))"
    )
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.returncode == 3, done.stderr
    assert b"\\u2013" in done.stdout


def test_brackets_in_brackets_are_a_damaged_file(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("x = " + "[" * 20_000)
    with pytest.raises(HarnessError, match=r"pyproject\.toml cannot be read"):
        gate_settings.read(tmp_path)


@pytest.mark.parametrize("column", ["calls", "nanoseconds"])
@pytest.mark.parametrize("value", [0, -5])
def test_samples_without_time_or_calls_are_damaged(tmp_path: Path, column: str, value: int) -> None:
    whole = pd.DataFrame({"subject": ["a"], "launch": [0], "round": [0], "calls": [1], "nanoseconds": [7]})
    whole.to_parquet(tmp_path / "whole.parquet")
    assert samples.round_medians(tmp_path / "whole.parquet") == {"a": {0: {0: 7.0}}}
    whole.assign(**{column: value}).to_parquet(tmp_path / "damaged.parquet")
    with pytest.raises(HarnessError, match="damaged"):
        samples.round_medians(tmp_path / "damaged.parquet")
    whole.drop(columns=column).to_parquet(tmp_path / "damaged.parquet")
    with pytest.raises(HarnessError, match="damaged"):
        samples.round_medians(tmp_path / "damaged.parquet")


def test_a_launch_whose_rounds_do_not_meet_is_left_out() -> None:
    assert comparison.logarithms({0: {0: 2.0}, 1: {3: 2.0}}, {0: {1: 2.0}, 1: {3: 2.0}}) == [0.0]
    with pytest.raises(HarnessError, match="two launches"):
        comparison.of_rounds({0: {0: 2.0}, 1: {0: 2.0}}, {0: {1: 2.0}, 1: {1: 2.0}})


@pytest.mark.parametrize("ignored", [True, False])
def test_a_hangup_that_is_ignored_stays_ignored(ignored: bool) -> None:
    """As `nohup` starts a program; otherwise a closed terminal interrupts it, so that it can say how to go on."""
    code = (
        "import os, signal\nfrom harness import cli\ncli._prepare_signals()\n"
        "try:\n    os.kill(os.getpid(), signal.SIGHUP)\nexcept KeyboardInterrupt:\n    raise SystemExit(7)\n"
    )
    handler = signal.SIG_IGN if ignored else signal.SIG_DFL
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ, preexec_fn=lambda: signal.signal(signal.SIGHUP, handler)
    )
    assert done.returncode == (0 if ignored else 7)
