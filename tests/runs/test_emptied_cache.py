"""`harness cache clean` while a run reads: the run says so, and goes on with --resume."""

from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.machine import cache
from harness.networks import catalog
from harness.pieces import carrying_out, plan
from harness.pieces.request import Request
from harness.runs import places
from harness.runs.folder import Settings
from harness.runs.measured_network import MeasuredNetwork
from harness.runs.turns import Turns
from harness.timing import latency


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MeasuredNetwork:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    asked = Request(architecture=catalog.get("lenet5_1x1"), profile="quick", trained_in="torch", seed=0)
    return MeasuredNetwork(pieces=plan.plan_pieces(asked))


def test_what_is_gone_while_it_is_measured_is_told(
    network: MeasuredNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(architectures=("lenet5_1x1",), threads=(1,))
    identity = latency.save_identity(tmp_path / "identity.onnx")
    where = places.group(identity, network.ways(settings), {})
    turns = Turns(folder=tmp_path, name="lenet5_1x1", settings=settings, places=where, seed=0)
    monkeypatch.setattr(MeasuredNetwork, "_timed", lambda *_: ({}, {}))
    with pytest.raises(HarnessError, match="the cache was emptied while the run read it"):
        network.measure(turns, {}, lambda _: None)


def test_what_is_gone_while_pieces_are_made_is_told(network: MeasuredNetwork) -> None:
    """The weights were there when the plan was looked at."""
    exports = list(network.pieces.exports.values())
    errors = carrying_out.carry_out(exports, lambda *_: None)
    assert errors.keys() == {piece.digest for piece in exports}
    assert all("was the cache emptied" in str(error) for error in errors.values())
    assert not list(cache.root().glob("*/*.partial"))
