"""A run is gone on with where it belongs: on the same machine with the same software, as far as both are known."""

from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.runs import folder as run_folder

FACTS = {"machine": "x86_64", "commit": "0123456789ab", "versions": {"onnx": "1.20.0"}}


def begun(folder: Path, **facts: object) -> Path:
    run_folder.begin_unplanned(folder, {**FACTS, **facts})
    return folder


@pytest.mark.parametrize("then", [None, "0123456789ab"])
@pytest.mark.parametrize("now", [None, "0123456789ab"])
def test_what_is_not_known_is_not_another(tmp_path: Path, then: str | None, now: str | None) -> None:
    """As the commit, if git was slow when the run was begun or is gone on with."""
    run_folder.check_same_machine(begun(tmp_path, commit=then), {**FACTS, "commit": now})


@pytest.mark.parametrize("name", list(FACTS))
def test_what_is_another_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(HarnessError, match=f"another {name}"):
        run_folder.check_same_machine(begun(tmp_path, **{name: "another"}), FACTS)
