"""The settings of the documentation site, which `make docs` builds from the Markdown files of this repository."""

import dataclasses
import inspect
import re
from typing import TYPE_CHECKING

import harness

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project, release = "onnx-harness", harness.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]

# The root of the repository is the source, so that README.md and docs/ link to one another as they do on a forge.
root_doc = "docs/index"
include_patterns = ["*.md", "docs/*.md", "benchmarks/files/*.md"]
exclude_patterns = [".*", "build", "dist", "findings", "harness", "models", "results", "tests"]

myst_enable_extensions = ["attrs_inline"]  # of the pictures below
myst_heading_anchors = 3  # by the rule of GitHub; a link to a heading that is not there fails the build

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_format = "short"
smartquotes = False  # quoted messages stay as they are printed
html_theme = "furo"
html_title = f"{project} {release}"
html_copy_source = False
html_show_copyright = False
html_additional_pages = {"index": "index.html"}  # leads to docs/index.html
templates_path = ["templates"]

PICTURE = re.compile(r'<picture>\s*<source [^>]*srcset="([^"]+)">\s*<img alt="([^"]+)" src="([^"]+)">\s*</picture>')


def _show_both_pictures(_app: "Sphinx", _document: str, source: list[str]) -> None:
    """Turn GitHub's `<picture>` into the two pictures of the theme, which the build then finds and copies."""
    source[0] = PICTURE.sub(r"![\2](\3){.only-light}\n![\2](\1){.only-dark}", source[0])


# A field of a dataclass, and the comment that says what it holds.
FIELD = re.compile(r"^    (\w+): [^#\n]*#\s*(.+)$", re.MULTILINE)


def _describe_fields(_app: "Sphinx", _what: str, _name: str, found: object, _options: object, lines: list[str]) -> None:
    """Add the comments beside the fields of a dataclass to its description."""
    if isinstance(found, type) and dataclasses.is_dataclass(found):
        for field, comment in FIELD.findall(inspect.getsource(found)):
            escaped = re.sub(r"([*`|_\\])", r"\\\1", comment)
            lines.append(f":param {field}: {escaped}")


def setup(app: "Sphinx") -> None:
    app.connect("source-read", _show_both_pictures)
    app.connect("autodoc-process-docstring", _describe_fields)
