"""Where the time goes: nodes matched, counted and traced; what the profiler says is put together rightly."""

import csv
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pandas
import pytest

from harness.cost import layer_names, ledger, optimised_graph
from harness.cost.optimised_graph import OptimisedGraph, OptimisedNode
from harness.errors import HarnessError
from harness.frameworks import untrained
from harness.measurements.types import Timing
from harness.networks import catalog
from harness.pieces import export_torch, plan, results
from harness.report import drawing, roofline
from harness.runs import folder as run_folder
from harness.runs import model_files
from harness.runs import nodes as node_run
from harness.runs.measured_file import MeasuredFile
from harness.runs.model_files import FileSettings
from harness.timing import latency, node_groups, node_times, profile_worker, profiles, twin_times
from harness.timing import peaks as machine_peaks
from harness.timing.latency import Effort, Subject
from harness.timing.node_times import NodeTimes, TimedNode
from harness.timing.profiles import Profile, ProfiledNode
from tests import ROOT
from tests.conftest import Harness
from tests.onnx_models import make, node, saved, weight

LITTLE = Effort(launches=1, seconds=0.02)
FACTS = {"originals": (), "origin": "", "reason": "", "weight_bytes": 0}


def read(table: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(table.read_text().splitlines()))


def graph_of(path: Path, folder: Path, **shapes: tuple[int, ...]) -> OptimisedGraph:
    profiles.save_graphs(path, folder / "optimised.onnx", folder / "countable.onnx")
    return optimised_graph.read(path, folder / "optimised.onnx", folder / "countable.onnx", shapes)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """A product of 134 million multiply-accumulates beside two sums of 256 numbers."""
    path = tmp_path_factory.mktemp("product") / "product.onnx"
    tiny = [node("Add", "small small", "twice", name="tiny"), node("Sin", "twice", "wave", name="wave")]
    nodes = [*tiny, node("MatMul", "image w", "large", name="large"), node("Concat", "large wave", axis=0, name="both")]
    inputs = {"image": (512, 512), "small": (1, 512)}
    saved(path, nodes, inputs, [weight("w", 512, 512)])
    return Subject(key="product", model=path, shapes=inputs, threads=1)


def test_the_expensive_node_is_first_and_every_second_is_somewhere(product: Subject) -> None:
    found = node_times.measure([product], LITTLE)["product"]
    assert isinstance(found, NodeTimes), found
    lines = node_times.lines(found)
    first = lines[0]
    assert (first["node"], first["rank"], first["macs"]) == ("large", 1, 512**3)
    assert first["bytes_read"] == 2 * 512 * 512 * 4, "the weight too, which the profiler does not see"
    assert first["bytes_written"] == 512 * 512 * 4
    assert first["gmac_per_s"] == pytest.approx(512**3 / first["median_s"] / 1e9)
    assert first["macs_per_byte"] == pytest.approx(512**3 / (3 * 512 * 512 * 4))
    assert first["low_s"] is None, "one launch carries no interval"
    of = {line["part"]: line["median_s"] for line in lines if line["part"] != "node"}
    nodes = [line["median_s"] for line in lines if line["part"] == "node"]
    assert sum(nodes) == pytest.approx(of[node_times.NODES])
    assert of[node_times.NODES] + of[node_times.CALL] == pytest.approx(of[node_times.PROFILED])
    assert sum(line["share"] for line in lines if line["part"] == "node") == pytest.approx(1.0)
    assert of[node_times.WHOLE] + of[node_times.ADDED] == pytest.approx(of[node_times.PROFILED])
    assert first["median_s"] <= of[node_times.PROFILED], "a node runs inside its call"
    assert sum(nodes) > 0.5 * of[node_times.PROFILED], "which the large one fills"
    assert first["median_s"] > 0.5 * sum(nodes)
    assert {line["node"]: line["originals"] for line in lines if line["part"] == "node"} == {
        "large": "large", "both": "both", "tiny": "tiny", "wave": "wave",
    }  # fmt: skip


def test_what_cannot_be_profiled_is_a_reason_and_the_others_go_on(product: Subject, tmp_path: Path) -> None:
    missing = Subject(key="missing", model=tmp_path / "none.onnx", shapes={}, threads=1)
    wrong = Subject(key="wrong", model=product.model, shapes={"image": (3, 7), "small": (1, 512)}, threads=1)
    found = node_times.measure([missing, wrong, product], Effort(launches=1, seconds=0.005))
    assert "none.onnx" in found["missing"]
    assert isinstance(found["wrong"], str)
    assert isinstance(found["product"], NodeTimes)


@pytest.mark.parametrize("framework", ["keras", "torch"])
@pytest.mark.parametrize("name", ["lenet5_1x1", "mlp_fmnist_relu_1"])
def test_the_optimised_graph_multiplies_as_often_as_the_file(
    name: str, framework: str, small_run: Path, tmp_path: Path
) -> None:
    requests = {request.architecture.name: request for request in run_folder.resumed(small_run).requests()}
    artifact = results.artifact(plan.plan_pieces(requests[name]).exports[framework])
    found = graph_of(artifact.path, tmp_path, image=(3, *artifact.input_shape))
    assert found.macs == 3 * catalog.get(name).macs == 3 * ledger.ledger(artifact.path).macs
    nodes = Counter(name for one in found.nodes for name in one.originals)
    assert max(nodes.values()) == 1, "no node of the file is claimed twice"
    kinds = {one.name: one.op_type for one in onnx.load(artifact.path, load_external_data=False).graph.node}
    assert {*nodes, *found.vanished} == {one for one, kind in kinds.items() if kind != "Constant"}
    for one in (one for one in found.nodes if one.macs):
        assert {kinds[name] for name in one.originals} & {"Conv", "Gemm", "MatMul"}


def test_the_network_with_the_most_branches_counts_as_in_its_file(tmp_path: Path) -> None:
    """LeNet 5 of 1998: 16 convolutions that each read some maps, concatenated; scalings run as convolutions."""
    facts = catalog.get("lenet5_1998")
    images = np.random.default_rng(0).normal(size=(3, *facts.input_shape)).astype(np.float32)
    onnx.save(export_torch.convert(facts, untrained.draw(facts, images, seed=1)), tmp_path / "m.onnx")
    found = graph_of(tmp_path / "m.onnx", tmp_path, image=(1, 1, 32, 32))
    assert found.macs == facts.macs
    assert Counter(one.operator.rpartition(".")[2] for one in found.nodes)["Concat"] > 10


def test_branches_that_are_concatenated_count_as_in_the_file(tmp_path: Path) -> None:
    """A stem of two branches, as ENet's: 13 channels convolved, 3 pooled; then a residual sum and a pooling."""
    nodes = [
        node("Conv", "image a", "one", strides=[2, 2], pads=[1, 1, 1, 1], name="conv"),
        node("MaxPool", "image", "two", kernel_shape=[2, 2], strides=[2, 2], name="pool"),
        node("Concat", "one two", "both", axis=1, name="concat"),
        node("Conv", "both b", "deep", pads=[1, 1, 1, 1], name="deeper"),
        node("Add", "deep both", "sum", name="sum"),
        node("Relu", "sum", "positive", name="relu"),
        node("GlobalAveragePool", "positive", "y", name="mean"),
    ]
    path = saved(
        tmp_path / "m.onnx", nodes, {"image": (1, 3, 16, 16)}, [weight("a", 13, 3, 3, 3), weight("b", 16, 16, 3, 3)]
    )
    found = graph_of(path, tmp_path, image=(1, 3, 16, 16))
    assert found.macs == 13 * 3 * 9 * 64 + 16 * 16 * 9 * 64
    assert {*(name for one in found.nodes for name in one.originals), *found.vanished} == {one.name for one in nodes}


def test_an_unknown_count_is_never_zero(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.onnx", [node("Det", "image", name="det")], {"image": (2, 3, 3)})
    found = graph_of(path, tmp_path, image=(2, 3, 3))
    assert [one.macs for one in found.nodes] == [None]
    assert found.macs is None
    assert "no rule" in found.nodes[0].reason


def event(name: str, microseconds: int, operator: str = "Relu") -> dict:
    return {"cat": "Node", "name": f"{name}_kernel_time", "dur": microseconds, "args": {"op_name": operator}}


def test_runs_are_told_apart_and_warm_up_is_left_out() -> None:
    end = {"cat": "Session", "name": "model_run", "dur": 9}
    events = [event("a", 99), end, event("a", 1), event("b", 2), event("b", 3), end, event("a", 4), end]
    found = profile_worker.by_node(events, [False, True, True])
    assert [one["name"] for one in found["nodes"]] == ["a", "b"]
    assert found["runs_us"] == [[1, 5], [4, 0]], "a body that ran twice is summed, one that did not run took nothing"
    with pytest.raises(HarnessError, match="holds 3 runs, and 2 were made"):
        profile_worker.by_node(events, [True, True])


def stored(name: str, operator: str = "Relu", macs: int | None = 0) -> OptimisedNode:
    return OptimisedNode(name=name, operator=operator, macs=macs, **FACTS)


def told(name: str, operator: str = "Relu") -> ProfiledNode:
    return ProfiledNode(name=name, operator=operator, provider="CPU", activation_bytes=8, output_bytes=4)


def test_nodes_without_a_name_are_told_by_operator_and_order() -> None:
    graph = OptimisedGraph(
        nodes=(stored("a"), stored("", "x.Conv"), stored("", "x.Conv"), stored("", "Add")), vanished=()
    )
    found = node_times.matched(graph, [told("Conv_3", "Conv"), told("a"), told("Conv_7", "Conv")])
    assert {place: one.name for place, one in found.items()} == {0: "a", 1: "Conv_3", 2: "Conv_7"}
    profile = Profile(nodes=(told("a"), told("stranger")), runs_us=((1, 1),), plain_ns=(1,), profiled_ns=(1,))
    with pytest.raises(HarnessError, match="cannot be put together"):
        node_times.attribute(graph, [profile])


def test_a_launch_is_the_mean_of_the_middle_half_of_its_runs() -> None:
    graph = OptimisedGraph(nodes=(stored("a"), stored("b")), vanished=("c",))
    runs = ((2, 1), (3, 1), (3, 1), (90, 1))
    launch = Profile(nodes=(told("a"), told("b")), runs_us=runs, plain_ns=(3000,) * 4, profiled_ns=(9000,) * 4)
    lines = node_times.lines(node_times.attribute(graph, [launch] * 6))
    assert (lines[0]["node"], lines[0]["median_s"], lines[0]["low_s"]) == (
        "a",
        pytest.approx(3e-6),
        pytest.approx(3e-6),
    )
    of = {line["part"]: line for line in lines}
    assert of[node_times.NODES]["median_s"] == pytest.approx(4e-6), "more than the plain call takes"
    assert of[node_times.CALL]["median_s"] == pytest.approx(5e-6)
    assert of[node_times.ADDED]["median_s"] == pytest.approx(6e-6), "the profiler's own cost is a line of its own"
    assert [line["share"] for line in lines if line["part"] == "node"] == [pytest.approx(0.75), pytest.approx(0.25)]
    assert {line["share"] for part, line in of.items() if part != "node"} == {None}
    assert "c" in of[node_times.WHOLE]["reason"]


def timed(*nodes: tuple[str, float]) -> NodeTimes:
    return NodeTimes(
        nodes=tuple(
            TimedNode(node=stored(name, name), provider="", bytes_read=1, bytes_written=1, seconds=(seconds,) * 6)
            for name, seconds in nodes
        ),
        plain_s=(sum(seconds for _, seconds in nodes) + 1.0,) * 6,
        profiled_s=(99.0,) * 6,
        runs=6,
        vanished=(),
    )


def test_operators_and_layers_each_share_the_whole_time() -> None:
    found = timed(("com.microsoft.nchwc.Conv", 4.0), ("Conv", 2.0), ("Add", 1.0), ("Relu", 1.0))
    layers = ("block1.conv", "block2.conv", "block2.conv", "")
    nodes = [replace(one, node=replace(one.node, layer=layer)) for one, layer in zip(found.nodes, layers, strict=True)]
    lines = node_groups.lines(replace(found, nodes=tuple(nodes)))
    told = {(line["group"], line["name"]): (line["nodes"], line["median_s"], line["share"]) for line in lines}
    assert told == {
        ("operator", "Conv"): (2, 6.0, 0.75),
        ("operator", "Add"): (1, 1.0, 0.125),
        ("operator", "Relu"): (1, 1.0, 0.125),
        ("layer", "block1.conv"): (1, 4.0, 0.5),
        ("layer", "block2.conv"): (2, 3.0, 0.375),
        ("layer", node_groups.NO_LAYER): (1, 1.0, 0.125),
    }
    assert {line["group"] for line in node_groups.lines(found)} == {"operator"}, "a file that names no layers"


@pytest.mark.parametrize(
    ("framework", "layers"),
    [
        ("torch", ["conv1", "conv2", "conv3", "conv4", "conv5", "dense1", "logits"]),
        ("keras", [*(f"conv{n}_1" for n in (1, 2)), "pool1_1", "conv3_1", "conv4_1", "pool2_1", "conv5_1",
                   "global_pool_1", "dense1_1", "logits_1"]),
    ],
)  # fmt: skip
def test_layers_are_told_by_paths_and_weights(framework: str, layers: list[str]) -> None:
    model = onnx.load(ROOT / "benchmarks" / "files" / f"convnet_gmp.{framework}.onnx")
    assert list(dict.fromkeys(layer_names.read_layers(model).values())) == layers


def test_layers_are_told_by_the_scopes_that_torch_writes() -> None:
    nodes = [node("Relu", "image", "r", name="relu"), node("Neg", "r", "n", name="neg"), node("Abs", "n", name="abs")]
    for one, scopes in zip(nodes, ("['', 'features', 'features.0', 'relu']", "['', 'neg']", "no list ("), strict=True):
        one.metadata_props.add(key=layer_names.SCOPES, value=scopes)
    assert layer_names.read_layers(make(nodes, {"image": (1, 4)})) == dict.fromkeys(
        ("relu", "neg", "abs"), "features.0"
    )


def test_twins_differ_by_operator_whatever_it_is_fused_with() -> None:
    keras = timed(("com.microsoft.nchwc.Conv", 4.0), ("Transpose", 2.0))
    found = twin_times.lines(keras, timed(("com.microsoft.FusedConv", 2.0), ("Conv", 1.0)))
    shown = {line["operator"]: (line["keras_nodes"], line["torch_nodes"], line["difference_s"]) for line in found}
    assert shown["Transpose"] == (1, 0, 2.0)
    assert shown["Conv"] == (1, 2, 1.0)
    assert shown[node_times.NODES] == (2, 2, 3.0)
    assert shown[node_times.WHOLE] == (None, None, 3.0)
    assert [(line["low_s"], line["high_s"]) for line in found[:1]] == [(2.0, 2.0)]


def test_estimates_hold_a_known_median() -> None:
    values = np.random.default_rng(1).normal((5.0, 6.0), 0.1, (40, 2))
    for (median, low, high), level in zip(node_times.estimates(values), (5.0, 6.0), strict=True):
        assert low < level < high
        assert low < median < high
        assert high - low < 0.15
    assert node_times.estimates(values[:5])[0][1:] == (None, None)


def test_the_models_of_the_peaks_do_the_work_they_are_counted_by(tmp_path: Path) -> None:
    path, shapes = machine_peaks.save_gemm(tmp_path / "gemm.onnx", 64)
    assert graph_of(path, tmp_path, **shapes).macs == 64**3
    path, shapes = machine_peaks.save_sums(tmp_path / "sums.onnx", 10, 3)
    found = graph_of(path, tmp_path, **shapes)
    assert [one.operator for one in found.nodes] == ["Add"] * 3, "nothing is folded away"
    timing = latency.measure([Subject(key="s", model=path, shapes=shapes, threads=1)], LITTLE)["s"]
    peak = machine_peaks.Peak(peak="cache", threads=1, work=3 * 3 * 4 * 10, unit="byte", timing=timing)
    per_s, low, _ = peak.per_s
    assert per_s == pytest.approx(360 / min(timing.launches[0].call_s))
    assert low is None
    failed = Timing(launches=(), failure="ended")
    assert machine_peaks.Peak(peak="c", threads=1, work=1, unit="byte", timing=failed).line["reason"] == "ended"


def line_of(rank: int, name: str, macs: int, seconds: float, intensity: float, share: float) -> dict:
    found = dict.fromkeys(node_times.COLUMNS)
    rate = macs / seconds / 1e9
    facts = {"part": "node", "rank": rank, "operator": name, "macs": macs, "median_s": seconds, "share": share}
    return found | facts | {"gmac_per_s": rate, "macs_per_byte": intensity}


def assert_samples_give(lines: list[dict[str, str]], path: Path) -> None:
    """The raw times of the one launch are enough to compute the table again."""
    samples = pandas.read_parquet(path)
    assert set(samples["launch"]) == {0}
    for line in lines:
        part = line["part"]
        taken = samples[(samples["part"] == part) & (samples["node"] == (line["node"] if part == "node" else ""))]
        if part in ("node", node_times.WHOLE, node_times.PROFILED):
            ordered = np.sort(taken["nanoseconds"].to_numpy())
            middle = ordered[len(ordered) // 4 : len(ordered) - len(ordered) // 4]
            assert float(line["median_s"]) == pytest.approx(middle.mean() * 1e-9), line["node"]
            assert list(taken["run"]) == list(range(len(taken)))


def test_a_run_with_nodes_keeps_a_table_a_file_and_resumes(harness: Harness, tmp_path: Path) -> None:
    out = tmp_path / "run"
    asked = ("run", "mlp_fmnist_relu_1", "--threads", "1", "--launches", "1", "--seconds", "0.02")
    done = harness(*asked, "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert not (out / "nodes").exists()
    timed = (out / "rows.csv").read_bytes()
    done = harness("run", "--out", str(out), "--resume", "--nodes")
    assert done.returncode == 0, done.stderr
    assert "then to profile (about" in done.stderr
    assert "does the work of" in done.stdout
    assert (out / "rows.csv").read_bytes() == timed, "the pass is added, and nothing is timed again"
    moments = json.loads((out / "environment.json").read_text())["moments"]
    assert [moment["before"] for moment in moments][-2:] == ["profiling", "the end"]
    for framework in ("keras", "torch"):
        lines = read(out / f"nodes/mlp_fmnist_relu_1.{framework}.1.csv")
        nodes = [line for line in lines if line["part"] == "node"]
        assert sum(int(line["macs"]) for line in nodes) == catalog.get("mlp_fmnist_relu_1").macs
        assert all(float(line["median_s"]) >= 0 for line in nodes)
        assert [int(line["rank"]) for line in nodes] == list(range(1, len(nodes) + 1))
        assert_samples_give(lines, out / f"nodes/mlp_fmnist_relu_1.{framework}.1.samples.parquet")
        assert sum(float(line["share"]) for line in nodes) == pytest.approx(1.0)
        groups = read(out / f"nodes/mlp_fmnist_relu_1.{framework}.1.groups.csv")
        for group in ("operator", "layer"):
            assert sum(float(line["share"]) for line in groups if line["group"] == group) == pytest.approx(1.0)
    peaks = {line["peak"]: line for line in read(out / "peaks.csv")}
    assert set(peaks) == {"gemm", "memory", "cache"}
    assert all(float(line["peak_per_s"]) > 0 for line in peaks.values())
    drawn = sorted(path.name for path in (out / "nodes").iterdir() if path.suffix in drawing.PICTURES)
    assert drawn == [f"mlp_fmnist_relu_1.1.roofline{ending}" for ending in (".pdf", ".png", ".svg")]
    assert (out / "nodes/mlp_fmnist_relu_1.1.twins.csv").is_file()
    kept = (out / "peaks.csv").stat().st_mtime_ns
    failed = out / "nodes/mlp_fmnist_relu_1.keras.1.csv"
    failed.write_text("part,reason\nfailed,killed\n")
    (out / "manifest.json").unlink()  # of a run that was stopped there
    assert harness("run", "--out", str(out), "--resume").returncode == 0
    assert failed.read_text().splitlines()[1].startswith("node,1,"), "what failed is tried again"
    assert (out / "peaks.csv").stat().st_mtime_ns == kept, "and what is there is not"


def test_a_run_whose_profiling_fails_keeps_its_rows_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def vanished(*_: object, **__: object) -> None:
        raise OSError("no process could be started")

    monkeypatch.setattr(node_run.node_times, "measure", vanished)
    monkeypatch.setattr(node_run.machine_peaks, "measure", lambda *_, **__: [])
    path = saved(tmp_path / "m.onnx", [node("Relu", "image")], {"image": (1, 4)})
    named = FileSettings(models=(str(path),))
    own = model_files.read(replace(named, digests=model_files.digests(named, None)), None, 1, ())
    settings = run_folder.Settings(architectures=(), threads=(1,), effort=LITTLE, nodes=True)
    said: list[str] = []
    node_run.measure(tmp_path, {"m": MeasuredFile(file=own[0])}, settings, {}, lambda *_: None, said.append)
    (line,) = read(tmp_path / "nodes/m.onnx.1.csv")
    assert (line["part"], line["reason"]) == ("failed", "no process could be started")
    assert any("no process could be started" in text for text in said)
    assert node_run.most_expensive(tmp_path, {"m": MeasuredFile(file=own[0])}, 1) == []
    table = tmp_path / "nodes/m.onnx.1.csv"
    table.write_text("part,rank,node\nnode,1,whole\n")
    node_run.measure(tmp_path, {"m": MeasuredFile(file=own[0])}, settings, {}, lambda *_: None, said.append)
    assert "whole" in table.read_text(), "a table that is there is not measured again"


def test_the_roofline_places_nodes_under_their_roofs(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("adjustText")
    lines = [line_of(rank, "Conv", 10**6 * rank, 1e-4, 2.0 * rank, 0.08) for rank in range(1, 13)]
    lines += [line_of(13, "Relu", 0, 1e-5, 0.0, 0.01)]
    peaks = {
        "gemm": {"peak": "gemm", "peak_per_s": 2e11, "unit": "MAC", "reason": None},
        "memory": {"peak": "memory", "peak_per_s": 2e10, "unit": "byte", "reason": None},
        "cache": {"peak": "cache", "peak_per_s": None, "unit": "byte", "reason": "ended"},
    }
    axes = roofline.figure("net", {"torch": lines}, peaks).axes[0]
    points = [tuple(map(float, group.get_offsets()[0])) for group in axes.collections]
    assert points == [(line["macs_per_byte"], line["gmac_per_s"]) for line in lines[:12]], "no MACs, no place"
    assert {text.get_text() for text in axes.texts} == {f"{rank} Conv" for rank in range(1, 11)}
    ends = [tuple(line.get_data()[side][-1] for side in (0, 1)) for line in axes.lines[1:2]]
    assert ends == [(10.0, 200.0)], "the memory's roof meets the other where 20 GB/s feed 200 GMAC/s"
    drawn = roofline.draw("net", {"torch": lines}, peaks, tmp_path / "roof")
    assert [path.suffix for path in drawn] == [".png", ".svg", ".pdf", ".csv"]
    table = read(drawn[-1])
    assert [row["part"] for row in table][-3:] == ["peak: gemm", "peak: memory", "peak: cache"]
    with pytest.raises(HarnessError, match="Nothing to draw"):
        roofline.draw("net", {"torch": lines[-1:]}, peaks, tmp_path / "none")
