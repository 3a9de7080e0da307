"""The second opinion beside an oracle that shares no code with any runtime, on random graphs."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.experiments import numpy_operators, second_opinions
from benchmarks.experiments.random_graphs import CHANNELS, SIZE, Drawing
from tests import ROOT

RECORD = ROOT / "results/reference/second_opinions.jsonl"


@pytest.mark.parametrize("seed", range(6))
def test_what_the_oracle_finds_the_opinion_finds_and_nothing_else(seed: int) -> None:
    found = second_opinions.judge(seed, quantised=seed % second_opinions.QUANTISED_EACH == 0)
    assert found["opinion"] == found["oracle"], found
    assert not found["unoptimised"], "the runtime is right as the file is written"
    assert bool(found["optimizers"]) == found["opinion"]


@pytest.mark.parametrize("quantised", [False, True])
def test_a_drawn_graph_is_the_same_again_and_the_oracle_gives_its_shape(quantised: bool) -> None:
    one, other = (Drawing(3, quantised=quantised).model() for _ in range(2))
    assert one == other
    image = np.random.default_rng(0).standard_normal((1, CHANNELS, SIZE, SIZE)).astype(np.float32)
    assert numpy_operators.evaluate(one, {"x": image})["y"].shape == (1, 5)


def test_the_record_holds_what_the_document_says() -> None:
    lines = [json.loads(line) for line in RECORD.read_text().splitlines()[1:]]
    assert [line["seed"] for line in lines] == list(range(500))
    document = Path(ROOT / "docs/second_opinion.md").read_text()
    for row in second_opinions.counted(lines):
        assert "| " + " | ".join(map(str, row.values())) + " |" in document
