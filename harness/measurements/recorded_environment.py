"""What environment.json tells of the machine and the software of a run, read back from its folder."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.measurements import rows


def read(folder: Path) -> Mapping[str, Any]:
    """What a run has recorded; nothing where there is no such file. Raises :class:`HarnessError` for a damaged one."""
    path = folder / rows.ENVIRONMENT
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise HarnessError(f"{path} cannot be read: {error}.") from error
    if not isinstance(found, dict):
        raise HarnessError(f"{path}: expected an object, found {type(found).__name__}.")
    return found


def begun(environment: Mapping[str, Any]) -> str:
    """When the run was begun, as ISO 8601; empty where that is not known."""
    moments = environment.get("moments")
    first = moments[0] if isinstance(moments, list) and moments else None
    return str(first.get("time") or "") if isinstance(first, dict) else ""
