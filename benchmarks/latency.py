"""Latency of one image: the harness owns the measurement, asv keeps the samples and their statistics.

All subjects are measured in turns, in one go, before asv asks for the first: a sample is the median
of one launch, and asv's own test compares commits on those.
"""

from pathlib import Path

from harness import artifacts, latency, runtime

from .exports import FRAMEWORKS, export

NETWORKS = ["lenet5_1x1", "mlp_fmnist_relu_1"]
THREADS = sorted({1, runtime.threads_available()})

Key = tuple[str, str, int]


class Latency:
    """Seconds of one call, batch 1, on the CPU."""

    params = (NETWORKS, list(FRAMEWORKS), THREADS)
    param_names = ("network", "framework", "threads")
    timeout = 600

    def setup_cache(self) -> dict[Key, list[float]]:
        files = {key: artifacts.read(Path(path)) for key, path in export(NETWORKS, Path()).items()}
        subjects = {
            (network, framework, threads): latency.Subject(
                key=f"{network} {framework} {threads}",
                model=artifact.path,
                shapes={"image": (1, *artifact.input_shape)},
                threads=threads,
            )
            for (network, framework), artifact in files.items()
            for threads in THREADS
        }
        timings = latency.measure(list(subjects.values()), latency.Effort())
        return {key: timings[subject.key].launch_medians_s for key, subject in subjects.items()}

    def track_latency(
        self, measured: dict[Key, list[float]], network: str, framework: str, threads: int
    ) -> dict[str, object]:
        return {"samples": measured[network, framework, threads], "number": 1}

    track_latency.unit = "seconds"  # type: ignore[attr-defined]
