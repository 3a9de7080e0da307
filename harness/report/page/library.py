"""The plotting library that a page carries with it: Vega, Vega-Lite and Vega-Embed (BSD-3-Clause), as one module.

It comes from the installed vl-convert, so that a page can be made, and read, without a network; bundling takes some
seconds, and what it made is kept in the cache.
"""

import importlib.metadata
from importlib import import_module

from harness.errors import HarnessError
from harness.machine import cache, files

DISTRIBUTION = "vl-convert-python"
# vl-convert leaves what its snippet does: here, to hand the library to the page's own code.
SNIPPET = "window.vegaEmbed = vegaEmbed;"


def javascript() -> str:
    """The library as the text of a module script. Raises :class:`HarnessError` where it is not installed."""
    entry = cache.root() / "page" / cache.digest({"version": _version(), "snippet": SNIPPET})
    if not cache.whole(entry):
        bundle = str(import_module("vl_convert").javascript_bundle(SNIPPET))
        if "</script" in bundle.lower():
            raise HarnessError(f"{DISTRIBUTION} {_version()} cannot stand in a page: it closes its own script.")
        with cache.building(entry) as folder:
            files.write(folder / "vega.js", bundle)
    return (entry / "vega.js").read_text("utf-8")


def _version() -> str:
    try:
        return importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError as error:
        wanted = "pip install 'onnx-harness[plots]'"
        raise HarnessError(f"A page needs {DISTRIBUTION}, which is not installed: {wanted}.") from error
