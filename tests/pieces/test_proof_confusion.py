"""The experiment that counts how often the twin proof is wrong: it counts rightly, and its faults are faults."""

from dataclasses import replace
from typing import Any

import numpy as np
import onnxruntime
import pytest

from benchmarks.experiments import proof_confusion, proof_pairs, proof_records, proof_table
from benchmarks.experiments.drawn_twins import describe, faults, in_torch
from benchmarks.experiments.proof_records import Pair
from benchmarks.experiments.seeded_files import SeededFiles
from harness.data import images
from harness.errors import HarnessError
from harness.frameworks import untrained
from harness.pieces import artifacts, export_torch, tf2onnx_route
from harness.pieces.proof import prove_pair

SETTINGS = {"seeds": 2, "planted": 1, "places": 1}


def pair(fault: str = "", proof: str = "yes", old_proof: str = "no", effect: float | None = 0.5, seed: int = 0) -> Pair:
    return Pair(
        construct="relu",
        size="small",
        fault=fault,
        seed=seed,
        proof=proof,
        old_proof=old_proof,
        seconds=1,
        effect=effect,
    )


def drawn_weights(construct: str, size: str, seed: int) -> Any:
    network = describe(construct, size)
    return untrained.draw(network, images.sample(network, untrained.IMAGES), seed)


def test_report_counts_verdicts_of_sound_and_faulty_pairs_apart(capsys: pytest.CaptureFixture[str]) -> None:
    pairs = [pair(effect=1e-9, seed=seed) for seed in range(97)]
    pairs += [pair(proof="no"), pair(proof="cannot tell"), pair(proof="crashed", effect=None)]
    pairs += [pair("bias dropped", "no"), pair("bias dropped", "yes", old_proof="yes")]
    pairs += [pair("kernel flipped", "refused", effect=None), pair("kernel flipped", "yes", effect=0.9e-4)]
    counts = {(line["proof"], line["pairs"]): line for line in proof_table.confusion_lines(pairs)}
    sound, faulty = counts["this proof", "sound"], counts["this proof", "planted fault"]
    assert [sound[name] for name in ("of", "yes", "no", "cannot tell", "refused", "crashed")] == [100, 97, 1, 1, 0, 1]
    assert [faulty[name] for name in ("of", "yes", "no", "refused")] == [3, 1, 1, 1]
    assert counts["the proof before", "planted fault"]["yes"] == 1
    assert counts["this proof", "fault without effect"]["of"] == 1  # changes less than 1e-4: no fault that counts
    proof_table.print_report(pairs)
    said = capsys.readouterr().out
    assert 'no "yes" of at least 300 planted faults: 1 of 3, 33.3 % [0.8, 90.6]: not met' in said
    assert "'yes' of bias dropped: relu, small (1)" in said


def test_report_needs_as_many_pairs_as_the_targets_say() -> None:
    sound, faulty = [pair(effect=0.0)] * 600, [pair("bias dropped", "no")] * 300
    assert all(line.endswith(": met") for line in proof_table.targets(sound, faulty))
    assert proof_table.targets(sound[:-1], faulty[:-1])[0].endswith("not met")
    wrong = [*sound[:-7], *[pair(proof="no")] * 7]
    assert proof_table.targets(wrong, faulty)[1].endswith("not met")


@pytest.mark.parametrize(
    ("construct", "fault"),
    [
        ("conv_same_stride_even", "padding on all sides"),
        ("batch_norm", "epsilon 1e-5 for 1e-3"),
        ("gelu", "form of GELU"),
        ("relu", "order of flattened maps"),
        ("relu", "scale off by 1e-3"),
        ("relu", "dropout left on"),
        ("gated", "gates swapped"),
        ("conv_two", "equal-shaped layers exchanged"),
        ("average_same_3", "pads counted"),
        ("up_bilinear", "corners aligned"),
        ("residual", "shortcut missing"),
    ],
)
def test_a_planted_fault_changes_the_outputs(construct: str, fault: str) -> None:
    network = describe(construct, "small", fault)
    made = drawn_weights(construct, "small", seed=0)
    effect = proof_pairs.effect(network, made, images.sample(network, untrained.IMAGES))
    assert effect > proof_table.LEAST_EFFECT


def test_plan_has_every_construct_and_fault_and_no_pair_twice() -> None:
    plan = list(proof_pairs.plan(seeds=3, planted=2, places=2))
    assert len(in_torch.CONSTRUCTS) >= 50
    assert len(faults.FAULTS) >= 25
    assert len(set(plan)) == len(plan)
    assert {drawn.construct for drawn in plan if not drawn.fault} == set(in_torch.CONSTRUCTS)
    planted = [drawn.fault for drawn in plan if drawn.fault]
    assert all(planted.count(fault) == 2 for fault in faults.FAULTS)
    with pytest.raises(HarnessError, match="no construct is called 'nothing'"):
        list(proof_pairs.plan(1, 1, 1, ["nothing"]))


@pytest.mark.parametrize(
    ("construct", "fault", "expected"),
    [
        ("batch_norm", "", {"yes"}),
        ("batch_norm", "epsilon 1e-5 for 1e-3", {"no"}),
        ("relu", "one channel off by 1e-2", {"no"}),
        ("relu", "dropout left on", {"no", "cannot tell", "refused"}),
    ],
)
def test_a_pair_is_judged_and_judged_again(construct: str, fault: str, expected: set[str], tmp_path: Any) -> None:
    drawn = proof_pairs.Drawn(construct=construct, size="small", fault=fault, seed=3)
    found = proof_pairs.judge(drawn, SeededFiles(), tmp_path)
    assert found.proof in expected, found
    if found.proof != "refused":
        assert proof_pairs.judge_again(replace(found, proof="crashed"), tmp_path) == found


@pytest.mark.parametrize(("fault", "expected"), [("", "yes"), ("kernel flipped", "no")])
def test_the_product_says_of_a_pair_what_the_experiment_says(fault: str, expected: str) -> None:
    proof = prove_pair(describe("conv_valid", "small", fault), seed=1)
    assert proof.verdict == expected, proof


@pytest.mark.parametrize("construct", ["batch_norm", "dense_hidden", "attention", "group_norm"])
def test_a_file_with_other_weights_is_what_an_export_with_them_gives(construct: str, tmp_path: Any) -> None:
    network, files = describe(construct, "small"), SeededFiles()
    fed = np.random.default_rng(0).random((3, *network.input_shape), np.float32)
    for framework, convert in (("torch", export_torch.convert), ("keras", tf2onnx_route.convert)):
        for seed in (1, 2):
            made, path = drawn_weights(construct, "small", seed), tmp_path / f"{framework}{seed}.onnx"
            files.write(network, framework, made, path)
        exported = convert(network, made).SerializeToString()
        images_in = fed if framework == "keras" else np.ascontiguousarray(fed.transpose(0, 3, 1, 2))
        outputs = [
            onnxruntime.InferenceSession(file).run(None, {artifacts.INPUT: images_in})[0]
            for file in (path.read_bytes(), exported)
        ]
        np.testing.assert_allclose(*outputs, rtol=0, atol=0 if framework == "torch" else 2e-6)


def test_record_goes_on_where_it_was_stopped(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "proof.jsonl"
    assert proof_records.begin(path, SETTINGS) == []
    written = [pair(), pair("bias dropped", "no")]
    for one in written:
        proof_records.append(path, one)
    with path.open("a") as file:
        file.write('{"construct": "re')  # stopped in the middle
    assert proof_records.begin(path, SETTINGS) == written
    with pytest.raises(HarnessError, match="begun with"):
        proof_records.begin(path, {**SETTINGS, "seeds": 3})
    assert proof_confusion.main(["--report", str(path)]) == 0
    assert "this proof" in capsys.readouterr().out
    assert proof_confusion.main(["--report", str(tmp_path / "none.jsonl")]) == 2


def test_parts_are_joined_with_each_pair_once(tmp_path: Any) -> None:
    parts = [tmp_path / "one.jsonl", tmp_path / "two.jsonl"]
    for path, pairs in zip(parts, ([pair(), pair(seed=1)], [pair(seed=1), pair("bias dropped")]), strict=True):
        proof_records.begin(path, SETTINGS)
        for one in pairs:
            proof_records.append(path, one)
    joined = tmp_path / "joined.jsonl"
    command = ["--join", *map(str, parts), "--out", str(joined)]
    assert proof_confusion.main(command) == 0
    assert proof_records.read(joined)[1] == [pair(), pair(seed=1), pair("bias dropped")]
    assert proof_confusion.main(command) == 2  # it is there
