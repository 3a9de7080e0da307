"""Feed every reader of files damaged ones: each must be read, or refused by an error that says so, and nothing else.

A whole file of each kind is damaged by hypothesis: bytes changed, cut out, repeated and put in, alone or together. A
reader may give what it read or raise HarnessError; any other exception, and any that takes longer than ten seconds or
more than 4 GB of addresses, is a fault, and the file that provoked it is kept.

    python -m benchmarks.experiments.fuzz --minutes 10
    python -m benchmarks.experiments.fuzz --reader onnx npz --minutes 1
"""

import argparse
import contextlib
import csv
import hashlib
import json
import resource
import signal
import struct
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from harness.commands import cost
from harness.cost import checker, ledger
from harness.data import datasets, idx
from harness.errors import HarnessError
from harness.frameworks import checkpoints, tensor_files, weights
from harness.frameworks.checkpoints import Checkpoint
from harness.machine import arrays
from harness.measurements import rows, run_folder, samples
from harness.measurements.rows import Row
from harness.measurements.types import Launch, Timing
from harness.report import page, runs
from harness.timing import small_models

LIMIT_S = 10
MEMORY_BYTES = 4 << 30  # of addresses, beyond what the imports take
BATCH = 50  # damaged files between two looks at the clock
COLUMNS = ("reader", "tried", "read", "refused", "faults", "seconds")

LAUNCHES = tuple(
    Launch(
        launch=number,
        calls_per_sample=3,
        samples_ns=(400, *(100 + 10 * number + one for one in range(3))),
        rounds=(-1, 0, 1, 2),
        settled=True,
        session_s=0.1,
        first_run_s=0.1,
        threads_in_effect=1,
        providers=("CPUExecutionProvider",),
    )
    for number in range(2)
)

Damage = list[tuple[str, int, bytes]]


def read_onnx(path: Path) -> None:
    checker.refusal(path)
    json.dumps(cost.summary(str(path), ledger.ledger(path), nodes=True))


def read_page(path: Path) -> None:
    """The page of a run whose rows are damaged."""
    page.text(runs.load([path.parent]), [])


def read_tensors(path: Path) -> None:
    with tensor_files.opened(path) as (_, tensors):
        for tensor in tensors.values():
            if np.prod(tensor.shape, dtype=float) < 1e6:
                tensor.read()


def read_checkpoint(path: Path) -> None:
    """One that is damaged is none; one that is taken holds what was kept, to the last bit."""
    found = checkpoints.load(path)
    if found is None:
        raise HarnessError("none")
    assert {name: array.tolist() for name, array in found.state.items()} == {"a": [0, 1, 2, 3, 4], "b": 3.0}
    assert found.epochs == [{"epoch": 1}]


def read_samples(path: Path) -> None:
    """Its pages have checksums: what is read is what was written."""
    expected = {
        launch.launch: {number: launch.samples_ns[number + 1] / 3 for number in range(3)} for launch in LAUNCHES
    }
    assert samples.round_medians(path) == {"a, 1 thread": expected}


def read_dataset(path: Path) -> None:
    datasets._read_npz(path)


def write_rows(path: Path) -> None:
    row = Row(
        run="r", architecture="a", framework="onnx", params=3, macs=4, threads=1, latency_median_s=1e-3,
        latency_low_s=9e-4, latency_high_s=1.1e-3, accuracy=0.5, accuracy_low=0.4, accuracy_high=0.6,
        correct=5, total=10, reason="=a, \u00b5",
    )  # fmt: skip
    rows.write(path, [row, row])
    (path.parent / "environment.json").write_text('{"moments": []}')


def write_samples(path: Path) -> None:
    samples.save(path, {"a, 1 thread": Timing(launches=LAUNCHES)})


def write_arrays(path: Path) -> None:
    np.savez_compressed(path, image=np.arange(24, dtype=np.float32).reshape(2, 3, 4), labels=np.arange(2))


def write_weights(path: Path) -> None:
    weights.save(path, {"fc.weight": np.ones((3, 4), np.float32), "fc.bias": np.ones(3, np.float32)}, {"a": "b"})


def write_checkpoint(path: Path) -> None:
    checkpoints.save(path, Checkpoint(state={"a": np.arange(5), "b": np.array(3.0)}, epochs=[{"epoch": 1}]))


def write_h5(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"fc"]
        group = file.create_group("fc")
        group.attrs["weight_names"] = [b"fc/kernel:0"]
        group.create_dataset("fc/kernel:0", data=np.ones((3, 4), np.float32))


def write_idx(path: Path) -> None:
    path.write_bytes(struct.pack(">HBB3I", 0, 8, 3, 2, 3, 4) + bytes(range(24)))


def write_environment(path: Path) -> None:
    path.write_text(json.dumps({"machine": "x", "versions": {"onnx": "1"}, "moments": [{"time": "2026"}]}))


def write_onnx(path: Path) -> None:
    small_models.save_convolutions(path, 2, 4, 8)


# By reader: the name of its file, what writes a whole one, and what reads it.
READERS: Mapping[str, tuple[str, Callable[[Path], object], Callable[[Path], object]]] = {
    "onnx": ("model.onnx", write_onnx, read_onnx),
    "rows": ("rows.csv", write_rows, rows.read),
    "samples": ("a.parquet", write_samples, read_samples),
    "npz": ("data.npz", write_arrays, arrays.read_arrays),
    "data set": ("mnist.npz", write_arrays, read_dataset),
    "safetensors": ("w.safetensors", write_weights, read_tensors),
    "checkpoint": ("c.safetensors", write_checkpoint, read_checkpoint),
    "h5": ("w.h5", write_h5, read_tensors),
    "idx": ("images", write_idx, idx.read),
    "environment": ("environment.json", write_environment, run_folder.read_object),
    "page": ("rows.csv", write_rows, read_page),
}


def damages() -> st.SearchStrategy[Damage]:
    """Some changes: what is done, where (modulo the length), and with which bytes."""
    kinds = st.sampled_from(("set", "cut", "insert", "end", "repeat", "flip"))
    return st.lists(
        st.tuples(kinds, st.integers(0, 1 << 20), st.binary(min_size=1, max_size=8)), min_size=1, max_size=6
    )


def damaged(content: bytes, changes: Damage) -> bytes:
    """The content after the changes, one after the other."""
    for kind, place, with_bytes in changes:
        at = place % (len(content) + 1)
        behind = at + len(with_bytes)
        match kind:
            case "set":
                content = content[:at] + with_bytes + content[behind:]
            case "cut":
                content = content[:at] + content[behind:]
            case "insert":
                content = content[:at] + with_bytes + content[at:]
            case "end":
                content = content[:at]
            case "repeat":
                content = content[:behind] + content[at:]
            case "flip":
                flipped = bytes(byte ^ (1 << (with_bytes[0] % 8)) for byte in content[at : at + 1])
                content = content[:at] + flipped + content[at + 1 :]
    return content


class Tally:
    """What became of the damaged files of one reader."""

    def __init__(self, kept: Path) -> None:
        self.kept = kept
        self.counts = dict.fromkeys(("tried", "read", "refused"), 0)
        self.faults: dict[str, str] = {}  # by kind: the first file

    def try_one(self, reader: Callable[[Path], object], path: Path) -> None:
        self.counts["tried"] += 1
        try:
            with limited(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                reader(path)
        except HarnessError:
            self.counts["refused"] += 1
        except Exception as error:
            self._keep(error, path)
        else:
            self.counts["read"] += 1

    def _keep(self, error: Exception, path: Path) -> None:
        frame = error.__traceback__
        while frame is not None and frame.tb_next is not None:
            frame = frame.tb_next
        place = f"{Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}" if frame else ""
        kind = f"{type(error).__name__} at {place}: {str(error)[:100]}"
        if kind not in self.faults:
            content = path.read_bytes()
            name = f"{hashlib.sha256(content).hexdigest()[:8]}-{path.name}"
            self.kept.mkdir(parents=True, exist_ok=True)
            (self.kept / name).write_bytes(content)
            self.faults[kind] = name


@contextlib.contextmanager
def limited() -> Iterator[None]:
    """Raise TimeoutError in what takes too long."""

    def late(_: int, __: FrameType | None) -> None:
        raise TimeoutError(f"more than {LIMIT_S} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(LIMIT_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def limit_memory() -> None:
    """Let this process take so much more address space than now: what takes more fails with MemoryError."""
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY_BYTES, resource.RLIM_INFINITY))


def fuzz(name: str, seconds: float, kept: Path) -> Tally:
    """Damage the file of a reader for so long."""
    file, write, reader = READERS[name]
    tally = Tally(kept / name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / file
        write(path)
        reader_checks_whole(reader, path, name)
        whole = path.read_bytes()
        end, seed = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            seed += 1
            _batch(tally, reader, path, whole, seed)
    return tally


def reader_checks_whole(reader: Callable[[Path], object], path: Path, name: str) -> None:
    """A reader that refuses what is whole would be told nothing by damage; the data set's is of another shape."""
    if name != "data set":
        reader(path)


def _batch(tally: Tally, reader: Callable[[Path], object], path: Path, whole: bytes, seed: int) -> None:
    from hypothesis import seed as seeded

    @seeded(seed)
    @settings(
        max_examples=BATCH,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(damages())
    def each(changes: Damage) -> None:
        path.write_bytes(damaged(whole, changes))
        tally.try_one(reader, path)

    each()


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line for each reader, and each kind of fault to standard error; 1 if there is any."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reader", nargs="+", choices=READERS, default=list(READERS))
    parser.add_argument("--minutes", type=float, default=10.0, help="for each reader (default: 10)")
    parser.add_argument("--keep", type=Path, default=Path("results/fuzz"), help="where files that are faults are kept")
    args = parser.parse_args(arguments)
    limit_memory()
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    faults = 0
    for name in args.reader:
        begun = time.monotonic()
        tally = fuzz(name, 60 * args.minutes, args.keep)
        faults += len(tally.faults)
        writer.writerow([name, *tally.counts.values(), len(tally.faults), round(time.monotonic() - begun)])
        sys.stdout.flush()
        for kind, file in tally.faults.items():
            print(f"{name}: {kind} ({args.keep / name / file})", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
