"""The figure of 2016: its front, its line and its ratios against other computations, and what its pictures show."""

import csv
import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.measurements import fitted_line, rows, run_folder
from harness.measurements.pareto import Front
from harness.measurements.rows import Row
from harness.measurements.types import Accuracy
from harness.networks import catalog
from harness.report import advances, figure, figure_plots
from tests.conftest import Harness

NETWORKS = [network.name for network in catalog.select([], "figure")]


def run_of_figure(names: Sequence[str] = tuple(NETWORKS), **others: Any) -> list[Row]:
    """Rows of a run that never was: counts of the catalogue, latencies that follow the operations, roughly."""
    found = []
    for place, name in enumerate(names):
        facts = catalog.get(name)
        for framework, threads in itertools.product(("keras", "torch"), (1, 2)):
            median_s = (
                (0.004 + facts.macs * (1 + 0.1 * (place % 3)) / 3e10) / threads * (1.5 - 0.5 * (framework == "torch"))
            )
            row = Row(
                run="planted", architecture=name, framework=framework, params=facts.params, macs=facts.macs,
                provider="CPUExecutionProvider", threads=threads, latency_median_s=median_s,
                latency_low_s=0.97 * median_s, latency_high_s=1.05 * median_s, reason="random weights: no images",
            )  # fmt: skip
            found.append(replace(row, **others))
    return found


def test_a_figure_never_mixes_providers() -> None:
    on_cpu = run_of_figure()
    on_gpu = run_of_figure(NETWORKS[:9], device="gpu", provider="CUDAExecutionProvider", latency_median_s=1e-4)
    shown = figure.gather([*on_gpu, *on_cpu])
    assert shown.setting is not None
    assert (shown.setting.device, shown.setting.provider) == ("cpu", "CPUExecutionProvider")
    assert min(point.latency_ms[0] for point in shown.timed) > 1, "none of the 0.1 ms of the GPU"
    of_gpu = figure.gather(on_gpu)
    assert of_gpu.setting is not None
    assert (len(of_gpu.timed), of_gpu.setting.provider) == (9, "CUDAExecutionProvider")


# --- the front ---


def dominates(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] <= other[0] and one[1] >= other[1] and one != other


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=12))
def test_no_point_of_the_front_is_dominated_and_every_other_is_by_one_of_it(points: list[tuple[float, float]]) -> None:
    exact = Front([(cost,) * 3 for cost, _ in points], [(accuracy,) * 3 for _, accuracy in points])
    on = [point for point, member in zip(points, exact.members, strict=True) if member]
    off = [point for point, member in zip(points, exact.members, strict=True) if not member]
    assert not any(dominates(other, point) for point in on for other in points)
    assert all(any(dominates(other, point) for other in on) for point in off)
    assert exact.steps == sorted(on)
    assert exact.shares == tuple(map(float, exact.members))  # what is exact is so in every draw


def test_the_share_of_draws_is_the_probability_of_being_better() -> None:
    """Of two equal costs, the normal distributions' own probability; a cheaper one is always on the front."""
    from scipy.stats import norm

    half = norm.ppf(0.975)  # of a standard deviation of 1
    found = Front(
        [(1, 1, 1), (2, 2, 2), (2, 2, 2)], [(40, 39, 41), (50 - half, 50 - 2 * half, 50), (51, 51 - half, 51 + half)]
    )
    better = norm.cdf((51 - (50 - half)) / math.sqrt(2))
    assert found.members == (True, False, True)
    assert found.shares == pytest.approx((1.0, 1 - better, better), abs=0.02)


def test_an_interval_of_cost_can_take_a_point_off_the_front() -> None:
    found = Front([(10, 9, 11), (10.5, 9.5, 11.5)], [(60, 60, 60), (60, 60, 60)])
    sigma = 1 / 1.959964
    assert found.shares[0] == pytest.approx(0.5 * (1 + math.erf(0.5 / (2 * sigma))), abs=0.02)
    assert sum(found.shares) == pytest.approx(1.0)


def test_the_band_is_the_interval_of_the_best_so_far() -> None:
    found = Front([(1, 1, 1), (3, 3, 3)], [(50, 49, 52), (70, 69, 71)])
    low, high = found.band(np.array([0.5, 1.0, 2.9, 3.0, 9.0]))
    assert np.isnan([low[0], high[0]]).all()
    assert low[1:] == pytest.approx([49, 49, 69, 69], abs=0.1)
    assert high[1:] == pytest.approx([52, 52, 71, 71], abs=0.1)


# --- the line ---

VALUES = st.lists(st.tuples(st.floats(0, 40), st.floats(0, 400)), min_size=5, max_size=14)


@given(VALUES)
def test_the_line_is_numpys_and_each_point_is_predicted_by_the_others(points: list[tuple[float, float]]) -> None:
    x, y = (np.array(values) for values in zip(*points, strict=True))
    if min(np.ptp(x), np.ptp(y)) < 1 or len(set(np.round(x, 3))) < 3:
        return
    line = fitted_line.fit(list(x), list(y))
    slope, intercept = np.polyfit(x, y, 1)
    assert (line.slope, line.intercept) == pytest.approx((slope, intercept), rel=1e-6, abs=1e-6)
    assert line.residuals == pytest.approx(tuple(y - np.polyval((slope, intercept), x)), rel=1e-6, abs=1e-6)
    r = np.corrcoef(x, y)[0, 1]
    assert line.r_squared == pytest.approx(r**2, abs=1e-9)
    left_out = [y[i] - np.polyval(np.polyfit(np.delete(x, i), np.delete(y, i), 1), x[i]) for i in range(len(x))]
    unseen = 1 - np.sum(np.square(left_out)) / np.sum(np.square(y - y.mean()))
    assert line.r_squared_unseen == pytest.approx(unseen, rel=1e-4, abs=1e-4)
    if abs(r) < 0.999:
        ends = np.tanh(np.arctanh(r) + np.array((-1, 1)) * 1.959964 / math.sqrt(len(x) - 3))
        expected = (0.0 if ends[0] < 0 < ends[1] else min(ends**2), max(ends**2))
        assert (line.r_squared_low, line.r_squared_high) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("x", "y"), [([1, 2], [1, 2]), ([1, 1, 1], [1, 2, 3]), ([1, 2, 3], [1, 1, 1])])
def test_a_line_needs_points_that_differ(x: list[float], y: list[float]) -> None:
    with pytest.raises(HarnessError, match="needs 3 points"):
        fitted_line.fit(x, y)


# --- the points ---


def test_the_figure_has_fourteen_networks_with_the_published_accuracies_intervals() -> None:
    found = {point.name: point for point in figure.gather(run_of_figure()).points}
    assert len(found) == 14
    resnet = found["resnet50"].top1
    p, n, z = 0.7576, 50_000, 1.959964  # Wilson's interval, written out
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert (resnet.low, resnet.high) == pytest.approx(
        ((middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n))
    )
    enet = found["enet"].top1
    assert (enet.value, enet.low, enet.high, enet.on) == (0.68, None, None, "read off the chart")
    assert enet.percent == (68.0, 68.0, 68.0)
    others = {"googlenet": "BVLC", "resnet152": "fb.resnet.torch", "inception_v4": "TF-Slim", "resnet101": "2016"}
    assert {name: whose in found[name].top1.source for name, whose in others.items()} == dict.fromkeys(others, True)


def test_latency_is_the_torch_files_at_all_threads_unless_asked_otherwise() -> None:
    found = [replace(row, batch=2) for row in run_of_figure()]
    known = {(row.architecture, row.framework, row.threads): row.latency_median_s for row in found}
    for framework, threads in (("torch", None), ("keras", None), ("torch", 1)):
        shown = figure.gather(found, framework, threads)
        assert shown.setting is not None
        assert (shown.setting.framework, shown.setting.threads) == (framework, threads or 2)
        for point in shown.points:
            expected = known[point.name, framework, threads or 2]
            assert point.latency_ms[0] == pytest.approx(1e3 * expected / 2)
    more = run_of_figure(NETWORKS[:1], threads=16)
    with pytest.raises(HarnessError, match=r"timed with 3 threads: expected one of 1, 2, 16\."):
        figure.gather([*more, *found], "torch", 3)


def test_times_of_different_runs_are_not_put_together_and_what_lacks_is_named() -> None:
    first, second = run_of_figure(NETWORKS[:5]), run_of_figure(NETWORKS[5:8], run="other", threads=8)
    failed = run_of_figure(NETWORKS[8:9], status="failed", reason="it fell over")
    shown = figure.gather([*second, *first, *failed])
    assert shown.setting is not None
    assert (shown.setting.run, shown.setting.threads) == ("planted", 2)
    assert [point.name for point in shown.timed] == NETWORKS[:5]
    assert [point.name for point in shown.points] == NETWORKS[:8]
    assert shown.left_out == {NETWORKS[8]: "failed: it fell over", **dict.fromkeys(NETWORKS[9:], "not in the run")}


def test_only_an_accuracy_on_imagenet_is_measured_and_the_published_one_stays_beside_it() -> None:
    accuracy = Accuracy(correct=750, total=1000)
    tested = {"accuracy": accuracy.value, "correct": 750, "total": 1000}
    found = run_of_figure(["resnet50"], dataset="imagenet", **tested) + run_of_figure(
        ["vgg16"], dataset="mnist", **tested
    )
    resnet, vgg = figure.gather(found).points
    assert resnet.measured is not None
    assert (resnet.top1.value, resnet.top1.low, resnet.top1.high) == (0.75, *accuracy.interval)
    assert (vgg.measured, vgg.top1.value) == (None, 0.7062)
    (line, other) = figure_plots.table(figure.gather(found))
    assert (line["accuracy_shown"], line["measured_accuracy"], line["published_accuracy"]) == ("measured", 0.75, 0.7576)
    assert (other["accuracy_shown"], other["measured_accuracy"], other["published_accuracy"]) == (
        "published",
        None,
        0.7062,
    )
    bars = {record["architecture"]: record for record in figure_plots.density_table(figure.gather(found).points)}
    assert bars["resnet50"]["measured_percent_per_million_params"] == pytest.approx(75 / 25.557032)
    assert bars["resnet50"]["published_percent_per_million_params"] is None


def test_accuracy_per_parameter_is_that_of_the_catalogues_numbers() -> None:
    """By hand: 68 / 5.861476 = 11.601; AlexNet 54.61 / 60.965224 = 0.89576; VGG-19 70.74 / 143.66724 = 0.49239."""
    points = sorted(figure.gather(run_of_figure()).points, key=lambda point: point.density)
    table = {record["architecture"]: record for record in figure_plots.density_table(points)}
    assert table["enet"]["published_percent_per_million_params"] == pytest.approx(11.601, abs=5e-4)
    assert table["enet"]["times_alexnet_two_tower"] == pytest.approx(12.951, abs=5e-3)
    assert table["enet"]["times_vgg19"] == pytest.approx(23.561, abs=5e-3)
    assert points[-1].name == "enet"


# --- the pictures ---


@pytest.fixture(scope="module")
def half_measured() -> figure.Figure:
    """A figure of which some accuracies were measured."""
    measured = {"dataset": "imagenet", "accuracy": 0.76, "correct": 760, "total": 1000}
    changed = [
        replace(row, **measured) if row.architecture in ("resnet50", "vgg16") else row for row in run_of_figure()
    ]
    return figure.gather(changed)


def test_measured_and_published_never_share_a_mark(half_measured: figure.Figure) -> None:
    picture = figure_plots.accuracy_figure(half_measured)
    assert len(picture.axes) == 2
    for axes in picture.axes:
        marks = {}
        for container in axes.containers:
            (line,) = (part for part in container.get_children() if getattr(part, "get_marker", str)() in ("o", "D"))
            marks[round(float(line.get_ydata()[0]), 2)] = (line.get_marker(), line.get_markerfacecolor())
        assert len(marks) == 13  # two were given the same accuracy
        assert marks.pop(76.0) == ("o", figure_plots.COLOUR)
        assert set(marks.values()) == {("D", "white")}
    bars = figure_plots.density_figure(half_measured.points).axes[0].patches
    filled = [
        point.name
        for point, bar in zip(half_measured.points, bars, strict=True)
        if bar.get_facecolor()[:3] != (1, 1, 1)
    ]
    assert filled == ["resnet50", "vgg16"]


def test_bubbles_are_of_the_legends_scale_and_stand_where_they_belong(half_measured: figure.Figure) -> None:
    from matplotlib.collections import PathCollection
    from matplotlib.legend import Legend

    axes, beside = figure_plots.accuracy_figure(half_measured).axes
    (legend,) = (artist for artist in axes.get_children() if isinstance(artist, Legend))
    assert [text.get_text() for text in legend.get_texts()] == ["5 M", "35 M", "65 M", "95 M", "125 M", "155 M"]
    sizes = [line.get_markersize() ** 2 for line in legend.get_lines()]
    per_million = sizes[0] / 5
    assert sizes == pytest.approx([per_million * millions for millions in (5, 35, 65, 95, 125, 155)])
    assert axes.get_xlabel() == "Operations [G-Ops] (1 multiply-accumulate = 2 operations; input H×W)"
    assert axes.get_xscale() == "linear"
    assert -2 < axes.get_xlim()[0] <= 0
    assert 40 <= axes.get_xlim()[1] < 45
    points = {round(2 * point.macs / 1e9, 6): point for point in half_measured.points}
    shown = [artist for artist in axes.collections if isinstance(artist, PathCollection)]
    assert len(shown) == len(points)
    for artist in shown:
        (x, y), area = artist.get_offsets()[0], artist.get_sizes()[0]
        point = points[round(float(x), 6)]
        assert area == pytest.approx(per_million * point.params / 1e6)
        assert y == pytest.approx(100 * point.top1.value)
    assert "torch file, 2 threads, CPU, float32, batch 1" in beside.get_title(loc="left")


def test_no_name_lies_on_another_or_is_cut_off(half_measured: figure.Figure) -> None:
    line = figure.time_line(half_measured.timed)
    for axes in (
        *figure_plots.accuracy_figure(half_measured).axes,
        *figure_plots.line_figure(half_measured, line).axes,
    ):
        boxes = {text.get_text(): text.get_window_extent() for text in axes.texts}
        assert set(boxes) == set(NETWORKS)
        assert [(a, b) for a, b in itertools.combinations(boxes, 2) if boxes[a].overlaps(boxes[b])] == []
        assert all(axes.figure.bbox.containsx(box.x0) and axes.figure.bbox.containsx(box.x1) for box in boxes.values())


def test_the_picture_of_the_line_says_what_its_numbers_are(half_measured: figure.Figure) -> None:
    line = figure.time_line(half_measured.timed)
    picture = figure_plots.line_figure(half_measured, line)
    assert picture.axes[0].get_ylabel() == "Latency of one image [ms] with its 95 % interval"
    (note,) = (text.get_text() for text in picture.texts)
    assert f"R² = {line.r_squared:.3f} (95 % interval {line.r_squared_low:.2f} to {line.r_squared_high:.2f})" in note
    assert "H×W: each network at its own input size." in note  # as the label of x has it
    assert all(picture.bbox.containsx(end) for text in picture.texts for end in text.get_window_extent().intervalx)


# --- the edition of today ---

MODERN = [network.name for network in catalog.select([], "modern")]


def test_today_has_the_fourteen_and_eight_more_each_with_a_front_of_their_own() -> None:
    shown = figure.gather(run_of_figure([*NETWORKS, *MODERN]), edition="today")
    assert {point.name: point.era for point in shown.points} == {
        **dict.fromkeys(NETWORKS, "2016"),
        **dict.fromkeys(MODERN, "today"),
    }
    assert (len(shown.timed), shown.counted, shown.left_out) == (22, (), {})
    earlier = figure_plots.table(figure.gather(run_of_figure()))
    records = {str(record["architecture"]): record for record in figure_plots.table(shown)}
    for record in earlier:  # no network of today takes one of 2016 off the front of its time
        found = {name: value for name, value in records[str(record["architecture"])].items() if name != "era"}
        assert found == record
    of_today = [point for point in shown.points if point.era == "today"]
    expected = dict(zip(MODERN, figure.operations_front(of_today).members, strict=True))
    assert {name: records[name]["on_operations_front"] for name in MODERN} == expected


def test_without_latencies_of_today_its_networks_are_shown_by_what_they_cost(tmp_path: Path) -> None:
    shown = figure.gather(run_of_figure(), edition="today")
    assert (list(shown.counted), shown.left_out) == (MODERN, {})
    assert [point.name for point in shown.timed] == NETWORKS
    counted = {point.name: (point.params, point.macs) for point in shown.points if point.name in MODERN}
    assert counted == {name: (catalog.get(name).params, catalog.get(name).macs) for name in MODERN}
    failed = run_of_figure(["vit_tiny"], status="failed", reason="it fell over")
    assert figure.gather([*run_of_figure(), *failed], edition="today").left_out == {"vit_tiny": "failed: it fell over"}
    names = {path.name for path in figure_plots.draw(shown, tmp_path)}
    assert {"figure_today.png", "figure_today.csv", "figure_today_advances.csv"} <= names


def test_an_advance_is_the_cheapest_network_of_today_that_is_at_least_as_accurate() -> None:
    points = figure.gather(run_of_figure([*NETWORKS, *MODERN]), edition="today").points
    found = {each.of: each for each in advances.find(points)}
    assert list(found) == sorted(NETWORKS, key=lambda name: (catalog.get(name).published.accuracy, name))  # type: ignore[union-attr]
    assert (found["vgg16"].by, found["inception_v4"].by) == ("mobilenet_v2", "convnext_tiny")
    assert found["vgg16"].operations_times == pytest.approx(15_470_264_320 / 300_774_272)
    assert found["vgg16"].params_times == pytest.approx(138_357_544 / 3_504_872)
    latency = {point.name: point.latency_ms[0] for point in points}
    assert found["vgg16"].latency_times == pytest.approx(latency["vgg16"] / latency["mobilenet_v2"])
    worse = [point for point in points if point.era == "2016" or point.name == "mobilenet_v3_small"]
    assert {each.of for each in advances.find(worse) if each.by} == {"alexnet_two_tower", "bn_alexnet", "bn_nin"}


# --- the command ---


def test_the_command_draws_the_figure_of_a_run(harness: Harness, tmp_path: Path) -> None:
    folder = tmp_path / "results" / "reference" / "figure"
    folder.mkdir(parents=True)
    found = run_of_figure(NETWORKS[:-1])
    rows.append(folder / run_folder.ROWS, *found)
    done = harness("report", "--figure", "2016", "--format", "csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"left out: {NETWORKS[-1]}: not in the run" in done.stderr
    stems = ("figure_2016", "figure_2016_accuracy_per_parameter", "figure_2016_latency_by_operations")
    names = {f"{stem}.{ending}" for stem in stems for ending in ("png", "svg", "pdf", "csv")}
    assert {path.name for path in folder.iterdir()} == {run_folder.ROWS} | names
    assert done.stdout == (folder / "figure_2016.csv").read_text(encoding="utf-8")

    shown = figure.gather(found)
    lines = list(csv.DictReader(done.stdout.splitlines()))
    assert [line["architecture"] for line in lines] == NETWORKS[:-1]
    shares = [float(line["operations_front_share"]) for line in lines]
    assert shares == list(figure.operations_front(shown.points).shares)
    assert all(0 <= float(line["latency_front_share"]) <= 1 for line in lines)
    assert {(line["accuracy_shown"], line["measured_accuracy"]) for line in lines} == {("published", "")}
    assert all(line["published_on"] and line["published_source"] for line in lines)

    residuals = list(csv.DictReader((folder / "figure_2016_latency_by_operations.csv").read_text().splitlines()))
    x = [float(line["giga_operations"]) for line in residuals]
    y = [float(line["latency_ms"]) for line in residuals]
    expected = np.array(y) - np.polyval(np.polyfit(x, y, 1), x)
    assert [float(line["residual_ms"]) for line in residuals] == pytest.approx(list(expected))


def test_a_run_without_latencies_has_one_panel_and_no_line(tmp_path: Path) -> None:
    shown = figure.gather(run_of_figure(latency_median_s=None))
    assert shown.setting is None
    assert len(figure_plots.accuracy_figure(shown).axes) == 1
    assert len(figure_plots.draw(shown, tmp_path)) == 8


def test_the_command_refuses_what_has_nothing_to_show(harness: Harness, tmp_path: Path) -> None:
    rows.append(
        tmp_path / run_folder.ROWS, Row(run="r", architecture="lenet_mnist", framework="torch", macs=1, params=1)
    )
    wrong = {
        ("report", "--figure", "2016", str(tmp_path)): "harness run --set figure",
        ("report", "--figure", "2016"): "No results/reference/figure",
        ("report", "--threads", "1", str(tmp_path)): "--figure 2016",
    }
    for arguments, told in wrong.items():
        done = harness(*arguments, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        (error,) = (line for line in done.stderr.splitlines() if line.startswith("harness: "))
        assert told in error
