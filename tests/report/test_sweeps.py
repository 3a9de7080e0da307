"""Sweeps: every batch and size has its row, the knee is where it must be, and the pictures show the rows."""

import csv
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import cli
from harness.claims import speed
from harness.claims.evidence import Evidence
from harness.errors import HarnessError
from harness.machine import processors
from harness.measurements import rows, run_folder
from harness.measurements.rows import Row
from harness.report import drawing, figure, plots, run_table, sweep_plots, sweep_tables, sweeps
from harness.runs import model_files
from harness.runs.model_files import FileSettings, ModelFile
from tests import own_files
from tests.conftest import Harness
from tests.own_files import convolution, convolution_macs, value
from tests.report.test_figure import NETWORKS, run_of_figure

QUICK = ("--threads", "1", "--launches", "1", "--seconds", "0.02")

pytest.importorskip("matplotlib")


def planted(latency_s: float, spread: float = 0.01, **others: Any) -> Row:
    """A row of a run that never was."""
    known = {"run": "r", "architecture": "mine", "framework": "onnx", "threads": 1, "provider": "CPUExecutionProvider"}
    ends = {"latency_low_s": latency_s * (1 - spread), "latency_high_s": latency_s * (1 + spread)}
    return Row(**{**known, "latency_median_s": latency_s, **ends, **others})


def curve(batches: Sequence[int], latencies_s: Sequence[float], spread: float = 0.0) -> list[Row]:
    return [
        planted(latency, spread, batch=batch, framework="torch")
        for batch, latency in zip(batches, latencies_s, strict=True)
    ]


# --- the knee ---

BATCHES = (1, 2, 4, 8, 16, 32, 64)


def test_the_knee_of_a_fixed_cost_and_a_cost_an_image() -> None:
    """A call of (4 + batch) µs: 64 images reach 64 / 68 of an image a µs, and 0.9 of that from 4 × 0.847 / 0.153 on."""
    found = sweeps.knee(curve(BATCHES, [1e-6 * (4 + batch) for batch in BATCHES]))
    enough = 0.9 * 64 / 68
    assert 16 < 4 * enough / (1 - enough) < 32
    assert (found.batch, found.earliest, found.latest, found.reason) == (32, 32, 32, "")


@pytest.mark.parametrize(
    ("latencies_s", "reason"),
    [
        ([1e-6 * batch for batch in BATCHES], "batch 1 has 90 % of the best throughput already"),
        ([1e-6 * batch**1.5 for batch in BATCHES], "batch 1 has 90 % of the best throughput already"),
        ([1e-3] * len(BATCHES), "the throughput still rises at batch 64"),
    ],
)
def test_a_curve_without_a_knee_has_none(latencies_s: list[float], reason: str) -> None:
    found = sweeps.knee(curve(BATCHES, latencies_s))
    assert (found.batch, found.earliest, found.latest, found.reason) == (None, None, None, reason)


def test_a_throughput_that_falls_again_has_its_knee_before_the_peak() -> None:
    per_s = [100, 190, 285, 300, 200, 150, 100]
    found = sweeps.knee(curve(BATCHES, [batch / images for batch, images in zip(BATCHES, per_s, strict=True)]))
    assert found.batch == 4


def test_intervals_say_between_which_batches_the_knee_is() -> None:
    """Throughputs of 80, 91, 95, 100 within 4 %: 80 × 1.04 is under 0.9 × 96; only 100 is surely over 0.9 × 104."""
    per_s = {1: 80, 2: 91, 4: 95, 8: 100, 16: 100}
    exact = curve(tuple(per_s), [batch / images for batch, images in per_s.items()])
    wide = [
        replace(row, latency_low_s=row.latency_median_s / 1.04, latency_high_s=row.latency_median_s / 0.96)
        for row in exact
    ]
    found = sweeps.knee(wide)
    assert (found.batch, found.earliest, found.latest) == (2, 2, 8)
    bare = [replace(row, latency_low_s=None, latency_high_s=None) for row in exact]
    assert (sweeps.knee(bare).batch, sweeps.knee(bare).earliest, sweeps.knee(bare).latest) == (2, None, None)


@given(st.lists(st.floats(1e-6, 1e-1), min_size=2, max_size=8), st.floats(0, 0.3))
def test_the_knee_is_the_first_of_nine_tenths_and_lies_within_its_range(
    latencies_s: list[float], spread: float
) -> None:
    batches = [2**power for power in range(len(latencies_s))]
    found = sweeps.knee(curve(batches, latencies_s, spread))
    images = np.array(batches) / np.array(latencies_s)
    enough = np.flatnonzero(images >= 0.9 * images.max())[0]
    if enough in (0, len(batches) - 1):
        assert found.batch is None
        assert found.reason
    else:
        assert found.batch == batches[enough]
        assert found.earliest is not None
        assert found.latest is not None
        assert found.earliest <= found.batch <= found.latest


# --- the rows that stand for a file ---


def swept() -> list[Row]:
    """The rows of one file in every batch, size and thread count, each with a latency of its own."""
    sizes = {"64x64x1": 4.0, "28x28x1": 1.0, "56x28x1": 2.0}
    return [
        planted(
            1e-4 * larger * (0.5 + batch) / threads**0.5, architecture="fcn_1x1", framework=framework, threads=threads,
            batch=batch, input_shape=size, macs=int(39e6 * larger), accuracy=0.8 if size == "28x28x1" else None,
        )
        for framework in ("torch", "keras")
        for size, larger in sizes.items()
        for batch in (8, 1, 2, 4)
        for threads in (1, 2, 4)
    ]  # fmt: skip


def test_the_smallest_batch_and_the_own_size_stand_for_a_file() -> None:
    found = sweeps.usual(swept())
    assert {(row.batch, row.input_shape) for row in found} == {(1, "28x28x1")}, "the catalogue's size, not the first"
    others = [replace(row, architecture="mine") for row in swept()]
    assert {(row.batch, row.input_shape) for row in sweeps.usual(others)} == {(1, "64x64x1")}, "else the first"
    older = [replace(row, input_shape=None) for row in swept()]
    assert {row.batch for row in sweeps.usual(older)} == {1}
    shown = plots.with_latency(swept())
    assert {(row.batch, row.input_shape, row.threads) for row in shown} == {(1, "28x28x1", 1), (1, "28x28x1", 4)}


def test_series_hold_what_differs_in_nothing_else() -> None:
    batches, threads, sizes = (find(swept()) for find in (sweeps.by_batch, sweeps.by_threads, sweeps.by_image_size))
    assert [[row.batch for row in series] for series in batches] == [[1, 2, 4, 8]] * 4  # two files, 1 and 4 threads
    assert [[row.threads for row in series] for series in threads] == [[1, 2, 4]] * 2
    assert [[sweeps.pixels(row) for row in series] for series in sizes] == [[784, 1568, 4096]] * 4
    for series in itertools.chain(batches, threads, sizes):
        assert len({(row.framework, row.provider) for row in series}) == 1
    failed = [replace(row, status="failed") if row.batch == 4 else row for row in swept()]
    assert [[row.batch for row in series] for series in sweeps.by_batch(failed)] == [[1, 2, 8]] * 4
    two_runs = [*swept(), *(replace(row, run="other") for row in swept())]
    assert len(sweeps.by_batch(two_runs)) == 8, "the times of two runs are not comparable"
    assert sweeps.by_batch(sweeps.usual(swept())) == []


def test_speed_up_and_efficiency_are_those_of_the_latencies() -> None:
    one, four = planted(8e-3, 0.1, threads=1), planted(4e-3, 0.1, threads=4)
    assert sweeps.speed_up(four, one) == pytest.approx((2, 7.2 / 4.4, 8.8 / 3.6))
    assert sweeps.efficiency(four, one)[0] == pytest.approx(0.5)
    assert sweeps.speed_up(one, one) == (1, 1, 1)
    assert sweeps.giga_macs_per_s(replace(four, macs=10**9, batch=8)) == pytest.approx((2000, 8 / 4.4e-3, 8 / 3.6e-3))
    assert sweeps.giga_macs_per_s(four) is None


def test_the_figure_and_the_claims_take_one_image_of_the_own_size() -> None:
    """The rows of batches and sizes come first, there are more of them, and their latencies are absurd."""
    plain = [replace(row, input_shape=None) for row in run_of_figure()]
    of_batch = run_of_figure(batch=8, latency_median_s=1e-6, latency_low_s=1e-6, latency_high_s=1e-6)
    expected = figure.gather(plain)
    shown = figure.gather([*of_batch, *plain])
    assert shown.setting == expected.setting
    assert shown.points == expected.points
    sized = run_of_figure(NETWORKS[:3], input_shape="32x32x3", macs=1, latency_median_s=1e-6)
    own = [
        replace(row, input_shape="x".join(map(str, figure.catalog.get(row.architecture).input_shape))) for row in plain
    ]
    assert figure.gather([*sized, *own]).points == expected.points


def test_a_claim_of_time_is_judged_on_one_image(tmp_path: Path) -> None:
    found = []
    for name, one, eight in (("lenet_mnist", 1e-4, 9e-4), ("lenet_mnist_nopool", 2e-4, 8e-4)):
        found += [planted(time, architecture=name, framework="torch", batch=b) for b, time in ((8, eight), (1, one))]
    rows.append(tmp_path / run_folder.ROWS, *found)
    finding = speed.pooling_is_faster(Evidence(tmp_path))
    assert finding.verdict == "holds", "at batch 8 it would not"
    assert not any("batch 8" in name for name in finding.numbers)


# --- tables and pictures ---


def test_the_tables_tell_batches_and_sizes_apart() -> None:
    columns, lines = run_table.summary(swept())
    latencies = [name for name in columns if "thread" in name]
    assert latencies == ["1 thread", "2 threads", "4 threads"]
    assert [line["1 thread"] for line in lines] == ["150 µs [148, 152]"] * 2
    assert [line["MACs"] for line in lines] == ["39.0 M"] * 2, "of the size that the latency is of"
    of_batches = sweep_tables.batch_lines(swept())
    assert len(of_batches) == 4 * 4
    told = {(line["file"], line["threads"], line["batch"]): line for line in of_batches}
    assert told["torch", 4, 8]["a call"] == "425 µs [421, 429]"
    assert told["torch", 4, 8]["images/s"] == "18.8 k"
    assert told["torch", 4, 1]["of the best"] == "70.8 %"
    assert told["torch", 4, 4]["knee"] == "here"
    assert told["torch", 4, 8]["knee"] is None
    of_sizes = sweep_tables.size_lines(swept())
    assert [(line["image"], line["MACs"]) for line in of_sizes[:3]] == [
        ("28×28", "39.0 M"), ("56×28", "78.0 M"), ("64×64", "156 M"),
    ]  # fmt: skip
    assert of_sizes[0]["GMAC/s"] == "260"
    rising = curve((1, 2, 4), (1e-3, 1e-3, 1e-3))
    assert sweep_tables.batch_lines(rising)[-1]["knee"] == "none: the throughput still rises at batch 4"


def drawn(rows_: list[Row], folder: Path) -> dict[str, list[dict[str, str]]]:
    """The tables beside the pictures of sweeps, by name."""
    written = sweep_plots.draw(rows_, folder)
    assert [path.suffix for path in written] == [".png", ".svg", ".pdf", ".csv"] * (len(written) // 4)
    return {
        path.stem: list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
        for path in written
        if path.suffix == ".csv"
    }


def test_the_pictures_of_sweeps_hold_the_rows(tmp_path: Path) -> None:
    found = drawn(swept(), tmp_path / "a")
    assert list(found) == ["sweep_batch", "sweep_threads", "sweep_image_size"]
    known = {tuple(map(str, row.key)): row for row in swept()}
    names = ("architecture", "framework", "runtime", "device", "provider", "options", "precision", "input_shape")
    for lines in found.values():
        for line in lines:
            row = known[tuple(line[name] or "None" for name in (*names, "batch", "threads"))]
            assert float(line["call_ms"]) == pytest.approx(1e3 * (row.latency_median_s or 0))
            if "images_per_s" in line:
                assert float(line["images_per_s"]) == pytest.approx(row.batch / (row.latency_median_s or 1))
                assert line["knee_batch"] == "4"
            if "speed_up" in line:
                assert float(line["speed_up"]) == pytest.approx((row.threads or 0) ** 0.5)
                assert float(line["efficiency"]) == pytest.approx((row.threads or 0) ** -0.5)
            if "pixels" in line:
                assert float(line["gmac_per_s"]) == pytest.approx(1e-9 * (row.macs or 0) / (row.latency_median_s or 1))
    again = sweep_plots.draw(swept()[::-1], tmp_path / "b")
    # The own size is the catalogue's, so that the order of the rows changes nothing.
    assert [path.read_bytes() for path in again] == [(tmp_path / "a" / path.name).read_bytes() for path in again]
    assert sweep_plots.draw(sweeps.usual([row for row in swept() if row.threads == 1]), tmp_path / "c") == []


def test_the_ring_is_around_the_knee_and_nothing_where_there_is_none() -> None:
    with_knee = sweeps.by_batch(curve(BATCHES, [1e-6 * (4 + batch) for batch in BATCHES]))
    without = sweeps.by_batch(curve(BATCHES, [1e-6 * batch for batch in BATCHES]))

    def rings(of: list[list[Row]]) -> list[tuple[float, float]]:
        axes = sweep_plots.batch_figure(of).axes[1]
        return [line.get_xydata()[0] for line in axes.lines if line.get_markersize() == sweep_plots.RING]

    assert [tuple(map(float, ring)) for ring in rings(with_knee)] == [(32.0, pytest.approx(32 / 36e-6))]
    assert rings(without) == []


def test_nothing_of_a_picture_of_many_networks_lies_on_anything(tmp_path: Path) -> None:
    """Long calls, short ones, and more sizes and threads than there is room to name."""
    found = [
        planted(
            scale * (1 + batch) * height**2 / threads, architecture=name, framework=framework, threads=threads,
            batch=batch, input_shape=f"{height}x{height}x3", macs=10**6,
        )
        for name, scale in (("fast", 1e-9), ("a_network_with_a_rather_long_name_of_its_own", 1e-2))
        for framework in ("keras", "torch")
        for height in (32, 224, 230, 240, 1000)
        for batch in (1, 100, 110, 1000)
        for threads in range(1, 17)
        if batch == 1 or height == 32
    ]  # fmt: skip
    for make, series in (
        (sweep_plots.batch_figure, sweeps.by_batch(found)),
        (sweep_plots.threads_figure, sweeps.by_threads(found)),
        (sweep_plots.size_figure, sweeps.by_image_size(found)),
    ):
        picture = make(series)
        picture.canvas.draw()
        assert len(picture.axes) == 2 * 2
        for axes in picture.axes:
            ticks = [*_in_view(axes, "x"), *_in_view(axes, "y")]
            assert len(ticks) >= 4, "an axis without numbers tells nothing"
            boxes = [text.get_window_extent() for text in (*ticks, axes.xaxis.label, axes.yaxis.label)]
            assert not [(a, b) for a, b in itertools.combinations(boxes, 2) if a.overlaps(b)]
            assert all(picture.bbox.containsx(box.x0) and picture.bbox.containsx(box.x1) for box in boxes)
            others = [other.bbox for other in picture.axes if other is not axes]
            assert not any(other.overlaps(box) for other in others for box in boxes)
    assert drawing.WIDTH_IN == 10


def _in_view(axes: Any, side: str) -> list[Any]:
    """The labels of the ticks that are seen."""
    axis = getattr(axes, f"{side}axis")
    low, high = sorted(axis.get_view_interval())
    return [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high and tick.label1.get_text()]


# --- files of the user's ---


def opened(*paths: Path, batch: int = 1, sizes: Any = (None,), **said: Any) -> list[ModelFile]:
    settings = FileSettings(models=tuple(map(str, paths)), **said)
    settings = replace(settings, digests=model_files.digests(settings, None))
    return model_files.read(settings, None, batch, (), sizes)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    folder = tmp_path_factory.mktemp("swept")
    inside = {"rows": np.array([1, 8]), "matrix": own_files.weights(8, 3)}
    nodes = [
        onnx.helper.make_node("Reshape", ["x", "rows"], ["flat"]),
        onnx.helper.make_node("MatMul", ["flat", "matrix"], ["y"]),
    ]
    return {
        "dynamic": convolution(folder / "dynamic.onnx", ["n", "c", "h", "w"]),
        "four": convolution(folder / "four.onnx", [4, 3, 32, 32]),
        "two": own_files.two_inputs(folder / "two.onnx"),
        "stubborn": own_files.save(
            folder / "stubborn.onnx", nodes, [value("x", ["batch", 8])], [value("y", None)], inside
        ),
    }


def test_every_batch_that_a_file_takes_has_its_row(harness: Harness, files: Mapping[str, Path], tmp_path: Path) -> None:
    """A file that fixes its batch, and one that takes a single image although it says otherwise, cost no other row."""
    out = tmp_path / "run"
    done = harness("run", *map(str, files.values()), *QUICK, "--batch", "4", "1", "2", "--out", str(out))
    assert done.returncode == 0, done.stderr
    found = {(row.architecture, row.batch): row for row in rows.read(out)}
    assert list(found) == list(itertools.product(files, (1, 2, 4)))
    status = {name: [found[name, batch].status for batch in (1, 2, 4)] for name in files}
    assert status == {
        "dynamic": ["ok"] * 3, "four": ["skipped", "skipped", "ok"], "two": ["ok"] * 3,
        "stubborn": ["ok", "failed", "failed"],
    }  # fmt: skip
    for (name, batch), row in found.items():
        assert (row.latency_median_s is not None) == (row.status == "ok")
        assert "\n" not in (row.reason or "")
        costs = {"dynamic": (112, convolution_macs(224, 224)), "four": (112, convolution_macs(32, 32))}
        costs |= {"two": (424, 24), "stubborn": (24, 24)}
        assert (row.params, row.macs) == costs[name], f"of one image, whatever the batch of {batch}"
        assert row.input_shape == {"dynamic": "224x224x3", "four": "32x32x3"}.get(name)
    assert (found["four", 2].reason or "").startswith("the file fixes a batch of 4")
    assert "input words int64 [4,128], length guessed" in (found["two", 4].reason or "")
    assert "input numbers float32 [4,8]" in (found["two", 4].reason or ""), "both inputs"
    assert "in a batch of 2: " in (found["stubborn", 2].reason or "")
    assert "cannot be reshaped" in (found["stubborn", 2].reason or ""), "onnxruntime's own words"
    lines = list(csv.DictReader((out / "sweep_batch.csv").read_text().splitlines()))
    assert {line["architecture"] for line in lines} == {"dynamic", "two"}
    assert re.search(r"network +file +threads +batch +a call +images/s +of the best +knee", done.stdout)
    again = harness("run", "--out", str(out), "--resume")
    assert again.returncode == 0, again.stderr
    assert re.findall("measured (.+)", again.stderr) == ["stubborn"], "what a file fixes is not tried again"
    alone = harness("run", str(files["four"]), *QUICK, "--batch", "2", "--out", str(tmp_path / "none"))
    assert alone.returncode == 4
    assert "the file fixes a batch of 4" in alone.stderr


def test_the_batch_of_a_file_is_open_or_fixed_by_someone(files: Mapping[str, Path], tmp_path: Path) -> None:
    (two,) = opened(files["two"])
    assert two.sized(8, None).shapes == {"words": (8, 128), "numbers": (8, 8)}
    assert (two.refusal(8), two.sized(8, None).batch) == ("", 8)
    (two,) = opened(files["two"], shapes={"words": (None, 5)}, batch=8)
    assert two.sized(3, None).shapes == {"words": (3, 5), "numbers": (3, 8)}
    (two,) = opened(files["two"], shapes={"words": (4, 5)})
    assert two.sized(8, None).shapes == {"words": (4, 5), "numbers": (4, 8)}
    assert [two.refusal(batch) for batch in (4, 8)] == ["", "--shape fixes a batch of 4"]
    np.savez(tmp_path / "in.npz", words=np.zeros((6, 5), np.int64))
    (two,) = opened(files["two"], inputs=str(tmp_path / "in.npz"))
    assert [two.refusal(batch) for batch in (6, 1)] == ["", "--inputs fixes a batch of 6"]
    (four,) = opened(files["four"])
    assert (four.batch, four.refusal(4), four.refusal(1)) == (4, "", "the file fixes a batch of 4")
    (dynamic,) = opened(files["dynamic"], batch=8)
    assert dynamic.described == "input x float32 [8,3,224,224], height and width guessed", "the batch was said"


def test_sizes_of_a_file_have_rows_and_the_accuracy_is_that_of_the_first(harness: Harness, tmp_path: Path) -> None:
    """A network of one convolution and an average, which takes grey images of any size; 2×2 are too small for it."""
    nodes = [
        onnx.helper.make_node("Conv", ["image", "kernel"], ["maps"], strides=[2, 2]),
        onnx.helper.make_node("GlobalAveragePool", ["maps"], ["pooled"]),
        onnx.helper.make_node("Flatten", ["pooled"], ["scores"]),
    ]
    path = own_files.save(
        tmp_path / "any.onnx", nodes, [value("image", ["n", 1, "h", "w"])], [value("scores", ["n", 10])],
        {"kernel": own_files.weights(10, 1, 3, 3)},
    )  # fmt: skip
    arguments = ("--image-size", "28", "40x20", "2", "--data", "fashion_mnist_sample", "--out", str(tmp_path / "run"))
    done = harness("run", str(path), *QUICK, *arguments)
    assert done.returncode == 0, done.stderr
    own, other, small = rows.read(tmp_path / "run")
    assert [row.input_shape for row in (own, other, small)] == ["28x28x1", "40x20x1", "2x2x1"]
    assert [row.status for row in (own, other, small)] == ["ok", "ok", "failed"]
    assert (own.macs, other.macs) == (90 * 13 * 13, 90 * 19 * 9)
    assert (own.total, other.total, other.accuracy, other.accuracy_low) == (2000, None, None, None)
    lines = list(csv.DictReader((tmp_path / "run" / "sweep_image_size.csv").read_text().splitlines()))
    assert [(line["input_shape"], line["pixels"]) for line in lines] == [("28x28x1", "784"), ("40x20x1", "800")]


def test_a_size_that_a_file_does_not_take_is_refused_before_any_work(files: Mapping[str, Path], tmp_path: Path) -> None:
    sizes = ((32, 32), (64, 48))
    (dynamic,) = opened(files["dynamic"], sizes=sizes)
    assert dynamic.described == "input x float32 [1,3,32,32], batch guessed", "the sizes were said"
    assert dynamic.sized(2, (64, 48)).shapes == {"x": (2, 3, 64, 48)}
    for name in ("four", "two"):
        with pytest.raises(
            HarnessError, match=rf"--image-size: .*{name}\.onnx takes no images of any height and width"
        ):
            opened(files[name], sizes=sizes)
    (four,) = opened(files["four"], sizes=((32, 32),))
    assert four.shapes == {"x": (4, 3, 32, 32)}, "its own size is no other"
    half_open = convolution(tmp_path / "half.onnx", ["n", 3, "h", 32])
    with pytest.raises(HarnessError, match="leaves both open"):
        opened(half_open, sizes=((64, 32),))


# --- networks ---

FACTS = '''"""A network of two convolutions and an average, for images of any size."""
from harness.architecture import Architecture, Optimizer, Recipe

RECIPE = Recipe(
    dataset="fashion_mnist_sample", optimizer=Optimizer(name="adam", learning_rate=0.01), batch=32, epochs=1,
    training_images=320,
)
ARCHITECTURES = (
    Architecture(
        name="any_net", family="any_net", sets=(), source="a test", dataset="fashion_mnist", input_shape=(28, 28, 1),
        outputs=10, params=410, macs=13 * 13 * 36 + 11 * 11 * 360, recipes={"quick": RECIPE}, any_size=True,
    ),
)
'''
DEFINITION = '''"""In PyTorch."""
from collections import OrderedDict
from torch import nn


def build() -> nn.Module:
    return nn.Sequential(OrderedDict(
        conv1=nn.Conv2d(1, 4, 3, stride=2), relu1=nn.ReLU(), conv2=nn.Conv2d(4, 10, 3),
        pool=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten(),
    ))
'''


def test_a_network_in_every_batch_and_size(harness: Harness, tmp_path: Path) -> None:
    """Its own size named is its own: the accuracy stays. A size that is too small costs no other row."""
    folder = tmp_path / "any_net"
    folder.mkdir()
    (folder / "__init__.py").write_text(FACTS)
    (folder / "in_torch.py").write_text(DEFINITION)
    out = tmp_path / "run"
    arguments = ("--image-size", "12x10", "28", "3", "--batch", "1", "8", "--out", str(out))
    done = harness("run", str(folder), *QUICK, *arguments)
    assert done.returncode == 0, done.stderr
    found = {(row.input_shape, row.batch): row for row in rows.read(out)}
    assert list(found) == list(itertools.product(("12x10x1", "28x28x1", "3x3x1"), (1, 8)))
    for (shape, _), row in found.items():
        assert row.params == 410
        assert row.status == ("failed" if shape == "3x3x1" else "ok"), row.reason
        assert (row.accuracy is not None) == (shape == "28x28x1")
    assert {row.macs for (shape, _), row in found.items() if shape == "28x28x1"} == {49644}
    assert {row.macs for (shape, _), row in found.items() if shape == "12x10x1"} == {5 * 4 * 36 + 3 * 2 * 360}
    assert {(row.architecture, row.batch, row.input_shape) for row in plots.with_latency(rows.read(out))} == {
        ("any_net", 1, "12x10x1")
    }
    assert {path.stem for path in out.glob("sweep_*.png")} == {"sweep_batch", "sweep_image_size"}


# --- bad input ---


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("lenet5_1x1", "--batch", "0"), "--batch 0: expected at least one image a call"),
        (("lenet5_1x1", "--batch", "4", "-2"), "--batch -2: expected at least one image a call"),
        (("lenet5_1x1", "--threads", "0", "1"), "--threads 0 1: this process may use 1 to"),
        (("lenet5_1x1", "--threads", "100000"), "--threads 100000: this process may use 1 to"),
        (("fcn_1x1", "--image-size", "28by28"), "--image-size 28by28: expected a height and width like 224 or 192x256"),
        (("fcn_1x1", "--image-size", "0"), "--image-size 0: expected a height and width"),
        (
            ("fcn_1x1", "lenet5_1x1", "--image-size", "28", "56"),
            "--image-size: lenet5_1x1 takes images of its own size alone",
        ),
        (
            ("lenet5_1x1", "vgg16", "--image-size", "64"),
            "--image-size: lenet5_1x1, vgg16 take images of their own size",
        ),
    ],
)
def test_bad_sweeps_are_refused_in_one_line(
    arguments: tuple[str, ...], expected: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("signal.signal", lambda *_: None)
        assert cli.main(["run", *arguments, "--out", str(tmp_path / "run")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert expected in err
    assert not (tmp_path / "run").exists()


def test_more_threads_than_the_quota_are_refused_by_the_command(harness: Harness, tmp_path: Path) -> None:
    available = processors.threads_available()
    done = harness("run", "lenet5_1x1", "--threads", str(available + 1), "--out", str(tmp_path / "run"))
    assert done.returncode == 2
    assert done.stderr == f"harness: --threads {available + 1}: this process may use 1 to {available}.\n"
    wrong = harness("run", "lenet5_1x1", "--batch", "two")
    assert wrong.returncode == 2
    assert wrong.stderr.splitlines()[-1].endswith("argument --batch: invalid int value: 'two'")


def test_the_estimate_counts_batches_and_sizes(harness: Harness, files: Mapping[str, Path]) -> None:
    """Ten thousand images a call are announced as work, of a file too; nothing is run."""

    def seconds(*arguments: str) -> int:
        done = harness("run", str(files["dynamic"]), "--threads", "1", "--dry-run", "--format", "json", *arguments)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)[0]["network"] == "dynamic"
        (found,) = re.findall(r"launches each \(about (\d+) s\)", done.stderr)
        return int(found)

    one = seconds("--batch", "1")
    assert seconds("--batch", "10000") > 5 * one
    assert seconds("--image-size", "20000") > 5 * one
