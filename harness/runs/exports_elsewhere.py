"""Networks exported by `harness export` of another environment or commit: its code, its frameworks, their versions."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError
from harness.machine.interpreters import HERE, Interpreter

BOTH = "both"
Exported = Mapping[tuple[str, str], Path | str]  # by network and framework: a file, or the reason why there is none


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is exported: the networks by name, from one framework or from both, trained on the data."""

    names: Sequence[str]
    framework: str = BOTH
    data: str | None = None
    seed: int = 0

    def arguments(self, names: Sequence[str], out: Path) -> tuple[str, ...]:
        of_data = ("--data", self.data) if self.data else ()
        options = ("--framework", self.framework, "--seed", str(self.seed), *of_data)
        return ("-m", "harness", "export", *names, *options, "--out", str(out), "--format", "json")


def exported(asked: Asked, out: Path, interpreter: Interpreter = HERE) -> dict[tuple[str, str], Path | str]:
    """Export into the folder ``out``; the file of each network and framework, or why it has none.

    Where the networks cannot be exported together they are one by one. Raises :class:`HarnessError` where none can.
    """
    try:
        return dict(_exported(asked, asked.names, out, interpreter))
    except HarnessError as error:
        if len(asked.names) == 1:
            raise
        first = error
    found: dict[tuple[str, str], Path | str] = {}
    for name in asked.names:
        try:
            found |= _exported(asked, (name,), out, interpreter)
        except HarnessError as error:
            found[name, ""] = str(error)
    if not any(isinstance(one, Path) for one in found.values()):
        raise first
    return found


def _exported(asked: Asked, names: Sequence[str], out: Path, interpreter: Interpreter) -> Exported:
    """Its progress is shown as it comes, on standard error."""
    command = interpreter.command(*asked.arguments(names, out))
    said = ""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=interpreter.environment
    ) as done:
        assert done.stderr is not None
        try:
            for line in done.stderr:
                said = line.strip() or said
                sys.stderr.write(line)
            answer = done.communicate()[0]
        except BaseException:  # interrupted: it ends as this process does
            done.terminate()
            raise
    if done.returncode:
        raise HarnessError(f"{interpreter.executable} cannot export {', '.join(names)}: {said or done.returncode}")
    try:
        lines = json.loads(answer)
        return {(line["network"], line["framework"]): Path(line["file"]) for line in lines}
    except (ValueError, KeyError, TypeError) as error:
        raise HarnessError(f"{interpreter.executable} answered `harness export` with no list of files.") from error
