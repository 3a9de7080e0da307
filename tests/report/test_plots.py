"""The pictures: they show the rows, the same bytes each time, and no name lies on anything."""

import csv
import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.commands import report
from harness.errors import HarnessError
from harness.measurements import rows, run_folder
from harness.measurements.rows import Row
from harness.measurements.types import Accuracy
from harness.networks import catalog
from harness.report import drawing, plots

pytest.importorskip("matplotlib")
pytest.importorskip("adjustText")

SMALL = (
    "mlp_fmnist_relu_1", "lenet_mnist", "lenet5_1x1", "shallownet",
    "convnet_gmp", "fmnist_same", "fcn_1x1", "cifar10_bn_elu",
)  # fmt: skip


def _rows(*names: str, threads: tuple[int, ...] = (1, 2)) -> list[Row]:
    """Rows of a run that never was, of the facts of real networks; twins are a few images apart."""
    found = []
    for place, name in enumerate(names):
        facts = catalog.get(name)
        for framework, extra in (("keras", 0), ("torch", 3)):
            accuracy = Accuracy(correct=1640 + place * 185 % 170 + extra, total=2000)
            low, high = accuracy.interval
            for count in threads:
                median_s = 1e-5 + facts.macs / 8e9 / count
                row = Row(
                    run="r", architecture=name, framework=framework, dataset="sample", dataset_digest="d",
                    params=facts.params, macs=facts.macs, correct=accuracy.correct, total=accuracy.total,
                    accuracy=accuracy.value, accuracy_low=low, accuracy_high=high, threads=count, batch=2,
                    latency_median_s=median_s, latency_low_s=0.97 * median_s, latency_high_s=1.05 * median_s,
                )  # fmt: skip
                found.append(row)
    return found


def _table(paths: list[Path]) -> list[dict[str, str]]:
    with next(path for path in paths if path.suffix == ".csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_accuracy_picture_shows_each_network_and_framework_once(tmp_path: Path) -> None:
    found = _rows(*SMALL)
    shown = {(line["architecture"], line["framework"]): line for line in _table(plots.draw(found, tmp_path))}
    assert len(shown) == 2 * len(SMALL)
    drawn = sorted(tuple(offset) for offset, _area in _bubbles(found))
    expected = []
    for row in found[::2]:
        line = shown[row.architecture, row.framework]
        assert float(line["giga_operations"]) == 2 * row.macs / 1e9
        assert (float(line["accuracy"]), int(line["params"])) == (row.accuracy, row.params)
        expected.append((2 * row.macs / 1e9, 100 * row.accuracy))
    assert drawn == sorted(expected)


def test_the_area_of_a_bubble_is_proportional_to_the_parameters() -> None:
    found = _rows(*SMALL)
    per_param = {
        area / row.params for row, (_offset, area) in zip(plots.with_accuracy(found), _bubbles(found), strict=True)
    }
    assert max(per_param) == pytest.approx(min(per_param))


def test_twins_are_one_network_of_the_front_and_fill_one_bubble_by_its_share(tmp_path: Path) -> None:
    """Accuracies far apart: the front is known, and each of its networks is on it in every draw."""
    accuracies = {"lenet5_1x1": 0.5, "lenet_mnist": 0.7, "fcn_1x1": 0.6, "fmnist_same": 0.9}  # by rising macs
    found = [
        replace(row, accuracy=value, accuracy_low=value - 0.02, accuracy_high=value + 0.02, dataset=dataset)
        for row in _rows(*accuracies, threads=(1,))
        for dataset, value in (("rising", accuracies[row.architecture]), ("falling", 1 - accuracies[row.architecture]))
    ]
    lines = _table(plots.accuracy_against_operations(found, tmp_path / "picture"))
    on = {(line["dataset"], line["architecture"], line["on_front"], line["front_share"]) for line in lines}
    front = {("rising", name) for name in ("lenet5_1x1", "lenet_mnist", "fmnist_same")} | {("falling", "lenet5_1x1")}
    everything = {(dataset, name) for dataset in ("rising", "falling") for name in accuracies}
    expected = {(*key, "True", "1.0") for key in front} | {(*key, "False", "0.0") for key in everything - front}
    assert on == expected  # once each, though every network has two files

    falling, rising = plots.accuracy_figure(plots.with_accuracy(found)).axes
    steps = [line.get_xydata() for line in rising.lines if line.get_drawstyle() == "steps-post"]
    assert [[float(y) for _, y in line] for line in steps] == [pytest.approx([50, 70, 90, 90])]
    filled = [alpha for axes in (falling, rising) for artist in axes.collections for alpha in _opacities(artist)]
    assert sorted(alpha for alpha in filled if alpha > 0) == pytest.approx([drawing.FULLEST] * len(front), abs=0.01)


def _opacities(artist: Any) -> list[float]:
    from matplotlib.collections import PathCollection

    return [float(face[3]) for face in artist.get_facecolor()] if isinstance(artist, PathCollection) else []


def _bubbles(found: list[Row]) -> list[tuple[Any, float]]:
    from matplotlib.collections import PathCollection

    axes = plots.accuracy_figure(plots.with_accuracy(found)).axes[0]
    scatters = [artist for artist in axes.collections if isinstance(artist, PathCollection)]
    return [(scatter.get_offsets()[0], float(scatter.get_sizes()[0])) for scatter in scatters]


def test_the_latency_picture_shows_one_image_in_milliseconds_at_one_and_at_all_threads(tmp_path: Path) -> None:
    found = _rows(*SMALL, threads=(1, 2, 4))
    lines = _table(plots.latency(found, tmp_path / "latency"))
    assert {line["threads"] for line in lines} == {"1", "4"}
    known = {(row.architecture, row.framework, str(row.threads)): row for row in found}
    for line in lines:
        row = known[line["architecture"], line["framework"], line["threads"]]
        assert float(line["median_ms"]) == pytest.approx(1e3 * row.latency_median_s / row.batch)


@pytest.mark.parametrize("copies", [1, 3])
def test_no_name_lies_on_a_bubble_an_interval_or_another_name(copies: int) -> None:
    found = plots.with_accuracy(
        [
            replace(row, architecture=row.architecture + "_v" * copy, macs=(row.macs or 0) * (1 + copy))
            for row in _rows(*SMALL)
            for copy in range(copies)
        ]
    )
    axes = plots.accuracy_figure(found).axes[0]
    boxes = {text.get_text(): text.get_window_extent() for text in axes.texts}
    assert set(boxes) == {row.architecture for row in found}
    overlaps = [(a, b) for a, b in itertools.combinations(boxes, 2) if boxes[a].overlaps(boxes[b])]
    overlaps += [(name, artist) for name, box in boxes.items() for artist in _drawn(axes) if artist.overlaps(box)]
    assert overlaps == []
    assert all(axes.bbox.containsx(box.x0) and axes.bbox.containsx(box.x1) for box in boxes.values())


def _drawn(axes: Any) -> list[Any]:
    """The boxes in pixels of a panel's bubbles and intervals, from what matplotlib was told to draw."""
    from matplotlib.collections import LineCollection, PathCollection
    from matplotlib.transforms import Bbox

    found = []
    for artist in axes.collections:
        if isinstance(artist, LineCollection):
            found += [Bbox(artist.get_transform().transform(segment)) for segment in artist.get_segments()]
        elif isinstance(artist, PathCollection):
            (x, y), radius = axes.transData.transform(artist.get_offsets()[0]), artist.get_sizes()[0] ** 0.5 / 2
            found.append(Bbox.from_bounds(x, y, 0, 0).padded(radius * axes.figure.dpi / 72))
    return found


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    found = _rows(*SMALL[:3])
    first, second = plots.draw(found, tmp_path / "a"), plots.draw(found[::-1], tmp_path / "b")
    assert [path.name for path in first] == [
        f"{stem}{ending}"
        for stem in ("accuracy_against_operations", "latency", "sweep_threads")
        for ending in (".png", ".svg", ".pdf", ".csv")
    ]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert sorted((tmp_path / "a").iterdir()) == sorted(first)


def test_a_pdf_embeds_its_fonts_as_truetype_and_tells_no_time(tmp_path: Path) -> None:
    pdfs = [path.read_bytes() for path in plots.draw(_rows(*SMALL[:2]), tmp_path) if path.suffix == ".pdf"]
    assert len(pdfs) == 3
    for content in pdfs:
        assert content.startswith(b"%PDF-")
        assert b"/FontFile2" in content, "a TrueType font program"
        assert b"/Type3" not in content
        assert b"Date" not in content
        assert b"/Producer" not in content


def test_a_long_title_ends_within_the_picture() -> None:
    found = [replace(row, run="Intel Xeon Platinum 8375C, 16 cores, " * 3) for row in _rows("lenet_mnist")]
    figure = plots.latency_figure(plots.with_latency(found))
    (axes,) = figure.axes
    assert axes.get_title(loc="left").startswith("Latency: Intel Xeon")
    assert axes._left_title.get_window_extent().x1 < figure.bbox.x1


def test_a_panel_for_each_dataset_and_names_that_are_data(tmp_path: Path) -> None:
    hostile = replace(_rows("lenet_mnist")[0], architecture="$\\frac{a$", dataset="$x", framework="[red]mine")
    bare = Row(run="r", architecture="b", framework="torch", accuracy=0.5, macs=10)
    figure = plots.accuracy_figure(plots.with_accuracy([*_rows("lenet_mnist"), hostile, bare]))
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert [title.split(": ")[1].split(",")[0] for title in titles] == ["data set not named", "$x", "sample"]
    assert len(plots.draw([hostile, bare], tmp_path)) == 8


@pytest.mark.parametrize("draw", [plots.accuracy_against_operations, plots.latency, plots.draw])
def test_nothing_to_draw_is_said(tmp_path: Path, draw: Callable[[list[Row], Path], list[Path]]) -> None:
    failed = [replace(row, status="failed") for row in _rows("lenet_mnist")]
    with pytest.raises(HarnessError, match="Nothing to draw"):
        draw([*failed, Row(run="r", architecture="a", framework="torch", macs=0, accuracy=0.5)], tmp_path)


@pytest.mark.parametrize(
    ("params", "sizes"),
    [
        ([], []),
        ([101_770], [100_000]),
        ([101_770, 6_820_000], [200_000, 500_000, 2_000_000, 5_000_000]),
        ([3, 3], [2]),
        ([1000, 2000], [1000, 2000]),
    ],
)
def test_the_legend_of_sizes_is_of_round_numbers(params: list[int], sizes: list[int]) -> None:
    assert drawing.round_sizes(params) == sizes


def test_a_missing_library_is_said_with_its_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HarnessError, match=r"nowhere.*pip install 'onnx-harness\[plots\]'"):
        drawing.imported("nowhere")


def test_report_draws_a_run_and_prints_its_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / report.REFERENCE
    folder.mkdir(parents=True)
    rows.append(folder / run_folder.ROWS, *_rows("lenet_mnist", "lenet5_1x1"))
    monkeypatch.chdir(folder)
    assert _report() == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2 + 4
    assert (folder / "latency.svg").is_file()
    assert str(folder / "latency.svg") in err
    assert _report("--format", "csv", "--out", str(tmp_path / "pictures")) == 0
    assert capsys.readouterr().out == (folder / run_folder.ROWS).read_text(encoding="utf-8")
    assert (tmp_path / "pictures" / "latency.png").is_file()


def test_report_puts_runs_together_only_if_their_test_images_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (row, *_) = _rows("lenet_mnist")
    for place, (name, digest) in enumerate((("a", "d"), ("b", "d"), ("c", "other"))):
        (tmp_path / name).mkdir()
        own = replace(row, run=name, dataset_digest=digest, latency_high_s=1e-3 * (place + 1))
        rows.append(tmp_path / name / run_folder.ROWS, own)
    monkeypatch.chdir(tmp_path)
    assert _report("a", "b", "--out", "o") == 0
    for wrong, message in (
        (("a", "c", "--out", "o"), "different test images"),
        (("a", "b"), "--out"),
        ((), "name a RUN"),
    ):
        with pytest.raises(HarnessError, match=message):
            _report(*wrong)


def _report(*arguments: str) -> int:
    import argparse

    parser = argparse.ArgumentParser()
    report.add_arguments(parser)
    return report.main(parser.parse_args(arguments))
