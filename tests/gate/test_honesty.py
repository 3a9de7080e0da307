"""The honesty experiment: its plants do what they claim, others' rules are theirs, and its tables are right."""

import itertools
import json
import math
import shutil
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from benchmarks.experiments import (
    confusion,
    gate_measurement,
    gate_runs,
    honesty,
    other_rules,
    planted_gate,
    simulated_gate,
)
from benchmarks.experiments import planted_changes as plants
from benchmarks.experiments.gate_measurement import CHAINS
from benchmarks.experiments.gate_runs import Change, Compared, Confirmation, GateRun, Slowdown
from benchmarks.experiments.other_rules import RULES, Sampled
from benchmarks.experiments.planted_files import Planted
from harness.cost import ledger
from harness.data import images
from harness.errors import HarnessError
from harness.frameworks import untrained
from harness.measurements import comparison
from harness.measurements.types import Launch
from harness.measurements.verdicts import Thresholds, Verdict
from harness.networks import catalog
from harness.pieces import artifacts, export_torch
from harness.timing import profiles


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A network with ReLUs, and one with batch norm that its export kept."""
    folder = tmp_path_factory.mktemp("exports")
    paths = {name: folder / f"{name}.onnx" for name in ("lenet5_1x1", "cifar10_bn_elu")}
    for name, path in paths.items():
        architecture = catalog.get(name)
        drawn = untrained.draw(architecture, images.sample(architecture, untrained.IMAGES), seed=0)
        artifacts.finish(export_torch.convert(architecture, drawn, fold="bn" not in name), path, {})
    return paths


def fed(name: str) -> Any:
    return np.ascontiguousarray(images.sample(catalog.get(name), 8).transpose(0, 3, 1, 2))


def computed(path: Path, batch: Any) -> Any:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: batch})[0]


def operators(path: Path) -> Counter[str]:
    return Counter(node.op_type for node in onnx.load(path).graph.node)


def optimised(path: Path, folder: Path) -> Counter[str]:
    profiles.save_graphs(path, folder / "optimised.onnx", folder / "countable.onnx")
    return operators(folder / "optimised.onnx")


QUIET_PLANTS = [plants.transposed_kernels, plants.noisy_weights, plants.rounded_weights]


@pytest.mark.parametrize("plant", QUIET_PLANTS, ids=lambda plant: plant.__name__)
def test_some_plants_change_the_numbers_and_nothing_else(
    plant: Callable[[Path, Path], None], files: dict[str, Path], tmp_path: Path
) -> None:
    base, head = files["lenet5_1x1"], tmp_path / "head.onnx"
    plant(base, head)
    onnx.checker.check_model(onnx.load(head), full_check=True)
    assert operators(head) == operators(base)
    assert ledger.ledger(head) == ledger.ledger(base)
    assert head.stat().st_size == base.stat().st_size
    assert np.abs(computed(head, fed("lenet5_1x1")) - computed(base, fed("lenet5_1x1"))).max() > 1e-3


def test_a_transposed_input_is_one(files: dict[str, Path], tmp_path: Path) -> None:
    base, head, batch = files["lenet5_1x1"], tmp_path / "head.onnx", fed("lenet5_1x1")
    plants.transposed_input(base, head)
    transposed = np.ascontiguousarray(batch.swapaxes(2, 3))
    assert computed(head, batch) == pytest.approx(computed(base, transposed), abs=1e-6)
    assert np.abs(computed(head, batch) - computed(base, batch)).max() > 0.1
    assert operators(head) == operators(base) + Counter({"Transpose": 1})
    assert ledger.ledger(head).macs == ledger.ledger(base).macs


def test_an_epsilon_is_loosened_in_a_file_and_in_a_folded_one(files: dict[str, Path], tmp_path: Path) -> None:
    source, batch = files["cifar10_bn_elu"], fed("cifar10_bn_elu")
    written = {}
    for name, epsilon in (("tight", plants.TIGHT), ("loose", plants.LOOSE)):
        written[name], written[f"{name}, folded"] = tmp_path / f"{name}.onnx", tmp_path / f"{name} folded.onnx"
        plants.with_epsilon(source, written[name], epsilon)
        plants.folded(written[name], written[f"{name}, folded"])
        folded = written[f"{name}, folded"]
        assert computed(folded, batch) == pytest.approx(computed(written[name], batch), abs=1e-5)
        assert operators(folded)["BatchNormalization"] == 0 < operators(written[name])["BatchNormalization"]
        onnx.checker.check_model(onnx.load(folded), full_check=True)
    for base, head in (("tight", "loose"), ("tight, folded", "loose, folded")):
        assert operators(written[head]) == operators(written[base])
        assert ledger.ledger(written[head]) == ledger.ledger(written[base])
        assert np.abs(computed(written[head], batch) - computed(written[base], batch)).max() > 1e-4
    with pytest.raises(ValueError, match="no batch norm left"):
        plants.with_epsilon(written["tight, folded"], tmp_path / "none.onnx", 1e-3)


def test_weights_are_changed_by_as_much_as_is_said(files: dict[str, Path], tmp_path: Path) -> None:
    head = tmp_path / "head.onnx"
    base = {
        tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(files["lenet5_1x1"]).graph.initializer
    }
    large = [name for name, array in base.items() if array.size > 10_000]
    assert large

    def written() -> dict[str, Any]:
        return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(head).graph.initializer}

    plants.noisy_weights(files["lenet5_1x1"], head)
    for name in large:
        assert np.std(written()[name] / base[name] - 1) == pytest.approx(0.01, rel=0.05)
    plants.rounded_weights(files["lenet5_1x1"], head)
    for name in large:
        step = np.abs(base[name]).max() / 127
        assert len(np.unique(written()[name])) <= 255
        assert np.abs(written()[name] - base[name]).max() <= step * 0.5001


def test_eight_bits_are_real_and_near(files: dict[str, Path], tmp_path: Path) -> None:
    base, head, batch = files["lenet5_1x1"], tmp_path / "head.onnx", fed("lenet5_1x1")
    plants.eight_bits(base, head, [batch])
    assert operators(head)["DequantizeLinear"] > 3
    assert head.stat().st_size < 0.5 * base.stat().st_size
    assert 1e-4 < np.abs(computed(head, batch) - computed(base, batch)).max() < 0.3


def test_a_dropped_fusion_computes_the_same_in_more_nodes(files: dict[str, Path], tmp_path: Path) -> None:
    base, head, batch = files["lenet5_1x1"], tmp_path / "head.onnx", fed("lenet5_1x1")
    plants.unfused(base, head)
    assert computed(head, batch) == pytest.approx(computed(base, batch), abs=1e-6)
    assert ledger.ledger(head).macs == ledger.ledger(base).macs
    assert sum(operators(head).values()) == sum(operators(base).values())
    assert optimised(head, tmp_path).total() > optimised(base, tmp_path).total()


@pytest.mark.parametrize("percent", plants.LAYERS)
@pytest.mark.parametrize("size", CHAINS.values(), ids=CHAINS)
def test_a_slower_chain_has_so_much_more_work(size: tuple[int, int], percent: int, tmp_path: Path) -> None:
    base, slower = tmp_path / "base.onnx", tmp_path / "slower.onnx"
    plants.save_chains(base, slower, size, percent)
    more = (ledger.ledger(slower).macs or 0) / (ledger.ledger(base).macs or 1)
    assert more == pytest.approx(1 + percent / 100, abs=0.0005)


def like(scale: float, spread: float = 0.001, count: int = 30, seed: int = 0) -> Sampled:
    turns = scale * (1e-4 + 1e-4 * spread * np.random.default_rng(seed).standard_normal(count))
    return Sampled(median_s=float(np.median(turns)), mean_s=float(np.mean(turns)), turns_s=turns.tolist())


# By the sources of the tools: the median 10 % higher, half as many operations a second, 10 % and p < 0.002.
@pytest.mark.parametrize(
    ("head", "alarms"),
    [
        (like(1.0), set()),
        (like(0.5), set()),
        (like(1.05, seed=1), {"pytest-benchmark, median:3%", "asv continuous, factor 1.03"}),
        (like(1.11, seed=1), RULES.keys() - {"github-action-benchmark, 200%"}),
        (like(2.1, seed=1), RULES.keys()),
        # Far apart in the median, but no more than chance would do: five turns have p >= 2/252.
        (like(1.3, count=5, spread=0.3, seed=4), {"pytest-benchmark, median:10%", "pytest-benchmark, median:3%"}),
    ],
    ids=["identical", "twice as fast", "5 % slower", "11 % slower", "2.1 times slower", "few and noisy"],
)
def test_the_rules_of_others(head: Sampled, alarms: set[str]) -> None:
    base = like(1.0, count=len(head.turns_s), spread=0.3 if len(head.turns_s) == 5 else 0.001)
    assert {name for name, rule in RULES.items() if rule(base, head)} == set(alarms)


def test_turns_are_sampled_without_the_warm_up() -> None:
    launch = Launch(
        launch=0, calls_per_sample=2, samples_ns=(9000, 200, 400, 600, 1000), rounds=(-1, 0, 0, 1, 1), settled=True,
        session_s=0.0, first_run_s=0.0, threads_in_effect=1, providers=(),
    )  # fmt: skip
    found = other_rules.sampled([launch, launch])
    assert found.turns_s == pytest.approx([1.5e-7, 4e-7] * 2)
    assert (found.median_s, found.mean_s) == pytest.approx((2.5e-7, 2.75e-7))


def compared(verdict: str, ratio: float = 1.0) -> Compared:
    return Compared(
        verdict=verdict, launches=10, ratio=ratio, logarithms=[math.log(ratio)] * 10, base=like(1.0),
        head=like(ratio, seed=1),
    )  # fmt: skip


def recorded(path: Path) -> Path:
    """Three A/A runs, of which one alarms and one cannot tell; three slowdowns: found, missed, in doubt."""
    gate_runs.begin(path, {"seconds": 0.045})
    quiet, alarm, doubt = (compared(verdict) for verdict in Verdict)
    runs = [
        ("", {"one": quiet, "two": quiet}),
        ("", {"one": alarm, "two": doubt}),
        ("", {"one": quiet, "two": doubt}),
        ("one", {"one": compared("FAIL", 1.05), "two": alarm}),
        ("one", {"one": compared("PASS", 1.05), "two": quiet}),
        ("two", {"one": quiet, "two": compared("CAN'T TELL", 1.05)}),
    ]
    of_three = GateRun(number=0, slower="one", percent=3, seconds=12.0, subjects={"one": compared("FAIL", 1.03)})
    for number, (slower, subjects) in enumerate(runs):
        gate_runs.append(path, GateRun(number=number, slower=slower, seconds=12.0, subjects=subjects))
    gate_runs.append(path, of_three)
    gate_runs.append(
        path, Confirmation(subject="one", macs_ratio=1.05, launches=60, value=1.049, low=1.045, high=1.053)
    )
    found = ["outputs"]
    gate_runs.append(path, Change(name="noise", network="net", verdict="FAIL", found_by=found, seconds=3.0))
    gate_runs.append(path, Change(name="epsilon", network="net", verdict="PASS", found_by=[], seconds=3.0))
    gate_runs.append(path, Change(name="none", network="net", verdict="PASS", found_by=[], seconds=3.0))
    return path


def test_the_tables_count_what_was_recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = gate_runs.read(recorded(tmp_path / "record.jsonl"))
    of_all = confusion.rule_lines(found.gate_runs)
    lines = {(line["rule"], line["measured"]): line for line in of_all if line["more work"] == "5 %"}
    gate = [str(value).partition(",")[0] for value in lines["this gate", "in turns"].values()][3:]
    assert gate == ["1 of 3", "1 of 3", "1 of 3", "1 of 3", "1 of 3"]
    of_three = {line["rule"]: line for line in of_all if line["more work"] == "3 %"}
    assert str(of_three["this gate"]["found"]).startswith("1 of 1")
    assert {line["measured"] for line in of_three.values()} == {"in turns"}  # run after run the files are others
    sensitive, tools_default = "pytest-benchmark, median:3%", "pytest-benchmark, median:10%"
    for measured, total in (("in turns", 3), ("run after run", 2)):
        line = lines[sensitive, measured]
        assert str(line["false alarms"]).startswith(f"0 of {total}, 0.0 %")
        assert str(line["found"]).startswith("3 of 3, 100.0 %")
        assert str(lines[tools_default, measured]["missed"]).startswith("3 of 3")
        assert line["can't tell"] is None
    confusion.print_report(found)
    printed = capsys.readouterr().out
    assert "at most 1 % of A/A gate runs raise an alarm: 1 of 3, 33.3 % [0.8, 90.6]: not met" in printed
    assert "at least 95 % of slowdowns of 5 % are found: 1 of 3, 33.3 % [0.8, 90.6]: not met" in printed
    assert "every deterministic change is found: 1 of 2: not met" in printed
    assert "alarms about identical subjects beside a slower one: 1 of 4" in printed


def test_a_record_that_was_killed_goes_on(tmp_path: Path) -> None:
    path = recorded(tmp_path / "record.jsonl")
    before = gate_runs.read(path)
    with path.open("a") as file:
        file.write('{"kind": "gate run", "num')
    assert gate_runs.read(path) == before
    assert gate_runs.begin(path, {"seconds": 0.045}) == before
    assert path.read_bytes().endswith(b"}\n")
    with pytest.raises(HarnessError, match="begun with"):
        gate_runs.begin(path, {"seconds": 0.1})
    (tmp_path / "other").write_text(json.dumps({"kind": "change"}) + "\n")
    with pytest.raises(HarnessError, match="no record"):
        gate_runs.read(tmp_path / "other")
    assert honesty.main(["--report", str(path)]) == 0
    assert honesty.main(["--report", str(tmp_path / "none.jsonl")]) == 2


def test_slowdowns_lie_evenly_among_the_other_runs() -> None:
    plan = honesty.plan(300, 40, ["one", "two"], [5, 3])
    planted = Counter((one.subject, one.percent) for _, one in plan if one.subject)
    assert planted == {(name, percent): 20 for name in ("one", "two") for percent in (5, 3)}
    assert len({honesty._turn(*one) for one in plan}) == len(plan) == 380
    places = [place for place, (_, one) in enumerate(plan) if one.percent == 3]
    assert {later - earlier for earlier, later in itertools.pairwise(places)} <= {8, 9, 10, 11}
    with pytest.raises(HarnessError, match="can be made slower"):
        honesty.plan(3, 1, [], [5])


def test_a_planted_slowdown_is_of_one_subject_and_percentage(tmp_path: Path) -> None:
    pairs = gate_measurement.pairs(list(CHAINS), [1], tmp_path)
    planted = Slowdown(subject=pairs[0].name, percent=3)
    for pair, slower in zip(pairs, (True, False), strict=True):
        assert len({one.model for one in pair.subjects()}) == 1
        base, head = pair.subjects(planted)
        assert (base.model != head.model) == slower
    base, head = pairs[0].subjects(planted)
    assert (ledger.ledger(head.model).macs or 0) / (ledger.ledger(base.model).macs or 1) == pytest.approx(34 / 33)


def test_drawn_gate_runs_follow_the_noise_they_are_drawn_from() -> None:
    random = np.random.default_rng(0)
    calm = {"calm": simulated_gate.centred(random.normal(0.3, 0.01, 10).tolist())}
    assert comparison.estimate(calm["calm"]).centre == pytest.approx(0.0)
    found, launches = simulated_gate.drawn(calm, 3, 0.05, Thresholds(), 50)
    assert found[Verdict.FAIL] >= 45
    assert launches < 20
    identical, _ = simulated_gate.drawn(calm, 3, 0.0, Thresholds(), 50)
    assert identical[Verdict.PASS] >= 45
    noisy = {"noisy": simulated_gate.centred(random.normal(0, 0.5, 10).tolist())}
    wild, launches = simulated_gate.drawn(noisy, 1, 0.05, Thresholds(), 50)
    assert wild[Verdict.CANT_TELL] >= 40
    assert launches > 35


def test_the_gate_finds_a_transposition_that_the_graph_does_not_show(files: dict[str, Path], tmp_path: Path) -> None:
    """Two runs and the gate as processes: what the experiment does with every planted change."""

    source = files["lenet5_1x1"]
    base, head = partial(shutil.copyfile, source), partial(plants.transposed_kernels, source)
    planted = Planted(name="transposed kernels", network="lenet5_1x1", base=base, head=head)
    found = planted_gate.judged_alone(planted, tmp_path)
    assert (found.verdict, found.found_by) == (Verdict.FAIL, ["outputs"])
