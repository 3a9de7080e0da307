"""What a session of onnxruntime is told beyond its threads and its provider."""

from dataclasses import dataclass

ALL = "all"  # optimisations of the graph


@dataclass(frozen=True, kw_only=True)
class SessionOptions:
    """The options of one session; the defaults are those of every run.

    ``entries`` are onnxruntime's session configuration entries, with the values that they are given.
    """

    optimization: str = ALL
    disabled_optimizers: tuple[str, ...] = ()  # by onnxruntime's names, which it does not check
    entries: tuple[tuple[str, str], ...] = ()

    @property
    def described(self) -> str:
        """In words, as a row names them; empty for the defaults."""
        parts = [f"optimization={self.optimization}"] if self.optimization != ALL else []
        if self.disabled_optimizers:
            parts.append(f"disabled_optimizers={'+'.join(self.disabled_optimizers)}")
        return ", ".join([*parts, *(f"{key}={value}" for key, value in self.entries)])


USUAL = SessionOptions()
