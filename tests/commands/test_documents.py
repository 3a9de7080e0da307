"""The documents: sentences are short, and every command, make target, path and package that they name exists."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

import harness
from harness import cli, commands

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*/*.md")])
PACKAGES = {path.parent.name for path in ROOT.glob("harness/*/__init__.py")} - {"models"}
COMMANDS = {path.stem for path in Path(str(commands.__file__)).parent.glob("[a-z]*.py")}
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
MOST_WORDS = 25
FOLDERS = "harness|models|tests|benchmarks|docs|findings|results/reference"
PLACEHOLDERS = re.compile(r"[<*|\[…]|NAME|COMMAND|RUN|\.\.\.")

every_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def tokens(path: Path) -> list[Token]:
    return MarkdownIt().enable("table").parse(path.read_text(encoding="utf-8"))


def sentences(path: Path) -> Iterator[str]:
    """Those of paragraphs, lists and the cells of tables; a piece of code counts as one word."""
    for token in tokens(path):
        if token.type == "inline":
            spoken = {"code_inline": "code", "softbreak": " "}
            text = "".join(spoken.get(part.type, part.content) for part in token.children or ())
            yield from re.split(r"(?<=[.!?])[)\"”]*\s+", text)


def code(path: Path) -> Iterator[str]:
    """Pieces of code in the text, and the lines of blocks, without comments."""
    for token in tokens(path):
        if token.type == "fence":
            joined = token.content.replace("\\\n", " ")
            yield from (re.split(r"  +|\s#", line.strip())[0] for line in joined.splitlines())
        for part in token.children or ():
            if part.type == "code_inline":
                yield part.content


@every_document
def test_sentences_are_short(path: Path) -> None:
    long = [one for one in sentences(path) if len(re.findall(r"\S*\w\S*", one)) > MOST_WORDS]
    assert not long, "say it in two sentences of at most 25 words"


@every_document
def test_every_command_that_is_named_is_understood(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for line in code(path):
        words = re.split(r"[;>&]", line)[0]
        if not words.startswith("harness ") or PLACEHOLDERS.search(words):
            continue
        _, command, *arguments = shlex.split(words)
        if command == "--help":
            continue
        assert command in COMMANDS, line
        try:
            cli.parser(command).parse_args([command, *arguments])
        except SystemExit:
            said = capsys.readouterr().err
            assert "arguments are required" in said, f"{line}: {said}"  # a command that is only named


@every_document
def test_every_make_target_that_is_named_exists(path: Path) -> None:
    for line in code(path):
        target = re.match(r"make ([a-z-]+)", line)
        assert target is None or target[1] in TARGETS, line


@every_document
def test_every_path_and_module_that_is_named_exists(path: Path) -> None:
    for piece in code(path):
        named = re.fullmatch(rf"(?:{FOLDERS})/\S+", piece)
        if named and not PLACEHOLDERS.search(piece):
            assert (ROOT / piece).exists(), piece
        inside = re.fullmatch(rf"(?:{'|'.join(PACKAGES)})/\w+(?:\.py|/)?", piece)
        if inside:
            assert (ROOT / "harness" / piece).exists(), piece
        module = re.match(r"python -m (benchmarks[\w.]*)", piece)
        if module:
            assert (ROOT / module[1].replace(".", "/")).with_suffix(".py").is_file(), piece


def test_every_document_that_the_code_names_exists() -> None:
    for path in [*ROOT.glob("harness/**/*.py"), *ROOT.glob(".github/workflows/*.yml"), ROOT / "Makefile"]:
        for name in re.findall(r"(?<![/\w])docs/[a-z_]+\.md", path.read_text(encoding="utf-8")):
            assert (ROOT / name).is_file(), f"{path.relative_to(ROOT)} names {name}"


def test_the_reference_of_the_api_describes_every_public_name() -> None:
    text = (ROOT / "docs" / "api.md").read_text()
    described = re.findall(r"^\.\. auto\w+:: harness\.(\w+)$", text, re.MULTILINE)
    assert sorted(described) == sorted(harness.__all__)


def test_the_picture_of_the_packages_shows_them_in_the_order_of_the_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    order = [name for layer in layers for name in layer.split(" | ")]
    shown = re.findall(r'class="name">(\w+)<', (ROOT / "docs" / "pictures" / "packages.svg").read_text())
    assert set(shown) >= PACKAGES
    assert [name for name in order if name in shown] == [name for name in shown if name in order]
