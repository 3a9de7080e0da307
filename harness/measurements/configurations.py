"""The ways in which each file of a run is timed: where, with how many threads, in which batch, and so on."""

import itertools
from dataclasses import dataclass

from harness.measurements.providers import Target
from harness.measurements.session_options import USUAL, SessionOptions
from harness.measurements.subject_key import FLOAT32, ONNXRUNTIME, SubjectKey

Place = tuple[str, Target]  # the runtime, and where it runs
PRECISIONS = (FLOAT32, "float16", "bfloat16", "int8")


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """One way of timing a file.

    ``image_size`` is (height, width), None for the network's own. ``precision`` "float32" is the file as it was
    exported, or as the user gave it. ``runtime`` is what runs it, onnxruntime or the framework itself.
    """

    target: Target
    threads: int
    batch: int = 1
    image_size: tuple[int, int] | None = None
    precision: str = FLOAT32
    runtime: str = ONNXRUNTIME
    session: SessionOptions = USUAL

    @property
    def place(self) -> Place:
        """What the cost of a call depends on, whatever is called: the runtime, and where it runs."""
        return self.runtime, self.target

    @property
    def control(self) -> "Configuration":
        """The way in which a control beside it is timed."""
        return Configuration(target=self.target, threads=self.threads)

    def key(self, made_by: str) -> SubjectKey:
        """What tells a file that is timed so from the others."""
        return SubjectKey(
            made_by=made_by,
            runtime=self.runtime,
            threads=self.threads,
            provider=self.target.provider,
            precision=self.precision,
            image_size=self.image_size,
            batch=self.batch,
            session=self.session.described or "",
        )


@dataclass(frozen=True, kw_only=True)
class Way:
    """The file of one framework, and one configuration that it is timed in: what a row stands for."""

    framework: str
    configuration: Configuration

    @property
    def subject(self) -> SubjectKey:
        """What tells it from the other ways of the network."""
        return self.configuration.key(self.framework)

    @property
    def key(self) -> str:
        """The name of its samples."""
        return self.subject.text


def every(
    targets: tuple[Target, ...],
    threads: tuple[int, ...],
    batches: tuple[int, ...],
    image_sizes: tuple[tuple[int, int] | None, ...],
    precisions: tuple[str, ...],
    runtimes: tuple[str, ...],
) -> tuple[Configuration, ...]:
    """Every combination; on a GPU with the most threads alone, which only serve what falls back to the CPU."""
    return tuple(
        Configuration(target=target, threads=count, batch=batch, image_size=size, precision=precision, runtime=runtime)
        for runtime, target, precision, size, batch in itertools.product(
            runtimes, targets, precisions, image_sizes, batches
        )
        for count in (threads if target.device == "cpu" else threads[-1:])
    )
