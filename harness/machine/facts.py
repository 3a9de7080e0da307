"""What an interpreter says of itself, as JSON on standard output: asked of those of other virtual environments."""

import importlib
import json
import platform
import sys

from harness.machine import environment, installed

NEEDED = ("onnxruntime", "numpy")  # by a worker that measures


def main() -> int:
    """Print the version, the distributions, the commit of the package, and what a worker would miss."""
    missing = {}
    for name in NEEDED:
        try:
            importlib.import_module(name)
        except Exception as error:  # a library that does not fit this machine raises whatever it likes
            missing[name] = f"{type(error).__name__}: {error}"
    found = {
        "python": platform.python_version(),
        "versions": {name: installed.version(name) for name in installed.RECORDED},
        "commit": environment.commit(),
        "missing": missing,
    }
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
