"""The pictures of README.md: what `make pictures` draws of the reference results, in light and dark."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness import cli
from harness.machine import files
from harness.report import dark as dark_pictures
from harness.report import drawing
from tests import ROOT

pytest.importorskip("matplotlib")

RECIPE = re.compile(r"^\t\$\(BIN\)/harness (report .*)$", re.MULTILINE)
COMMANDS = [shlex.split(line) for line in RECIPE.findall((ROOT / "Makefile").read_text())]


def _folder(command: list[str]) -> Path:
    return next(ROOT / word for word in command if word.startswith("results/reference/"))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: _folder(command).name)
def test_the_pictures_show_the_rows_beside_them(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what they show: drawing them takes long, and the same tables give the same pictures."""
    monkeypatch.setattr(drawing, "write", _write_table)
    arguments = [str(ROOT / word) if word.startswith("results/") else word for word in command if word != "--dark"]
    assert cli.main([*arguments, "--out", str(tmp_path), "--format", "csv"]) == 0
    shown = sorted(tmp_path.glob("*.csv"))
    assert len(shown) >= 3
    for path in shown:
        committed = _folder(command) / path.name
        assert all(committed.with_suffix(ending).is_file() for ending in drawing.PICTURES), "`make pictures` makes it"
        assert path.read_text() == committed.read_text(), "`make pictures` makes it anew"


def _write_table(draw: object, table: list[dict[str, object]], stem: Path) -> list[Path]:
    shown = stem.with_name(f"{stem.name}.csv")
    files.write_table(shown, list(table[0]), table)
    return [shown]


def test_the_readme_shows_pictures_that_one_command_makes() -> None:
    text = (ROOT / "README.md").read_text()
    shown = re.findall(r'(?:!\[[^]]*\]\(|src="|srcset=")([^")]+\.(?:png|svg))', text)
    dark = [ROOT / name for name in shown if name.endswith(dark_pictures.ENDING)]
    assert len(dark) >= 2
    folders = {_folder(command) for command in COMMANDS}
    for name in shown:
        assert (ROOT / name).parent in folders
        assert (ROOT / name).stat().st_size < 500_000
    for path in dark:
        light = path.with_name(path.name.replace(dark_pictures.ENDING, ".png"))
        assert str(light.relative_to(ROOT)) in shown
        assert np.array_equal(_pixels(path), dark_pictures.dark(_pixels(light))), "`make pictures` makes it anew"
    assert "make pictures" in text


def _pixels(path: Path) -> "np.ndarray":  # type: ignore[type-arg]
    with Image.open(path) as opened:
        return np.asarray(opened.convert("RGB"))


def test_dark_exchanges_light_and_dark_and_keeps_the_hue() -> None:
    from colorsys import rgb_to_hls

    colours = {"white": (255, 255, 255), "black": (0, 0, 0), "torch": (0, 114, 178), "keras": (213, 94, 0)}
    image = np.array([list(colours.values())], np.uint8)
    white, black, *hues = (tuple(map(int, pixel)) for pixel in dark_pictures.dark(image)[0])
    assert white == dark_pictures.GROUND
    assert black == (255, 255, 255)
    for before, after in zip(list(colours.values())[2:], hues, strict=True):
        assert abs(rgb_to_hls(*before)[0] - rgb_to_hls(*after)[0]) < 0.06
        assert rgb_to_hls(*after)[1] > rgb_to_hls(*before)[1], "lighter on a dark ground"
