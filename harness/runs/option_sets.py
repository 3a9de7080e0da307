"""The options of one side of `harness ab --options`, from words like ``threads=1 optimization=basic``."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from harness.errors import HarnessError
from harness.machine import processors
from harness.measurements import providers
from harness.measurements.providers import Target
from harness.measurements.session_options import USUAL, SessionOptions
from harness.timing import runtime

DEFAULTS = "the defaults"


@dataclass(frozen=True, kw_only=True)
class OptionSet:
    """How one side is run, where it is said: what is None or empty is as everywhere else."""

    label: str = DEFAULTS
    threads: int | None = None
    batch: int = 1
    provider: str | None = None
    device: str | None = None
    cuda_graph: bool = False
    session: SessionOptions = USUAL

    @property
    def target(self) -> Target:
        """Where it runs. Raises :class:`HarnessError` for a provider that there is not, or not on the device."""
        names = (self.provider,) if self.provider else ()
        installed = tuple(runtime.load().get_available_providers()) if names else ()
        return providers.targets(names, self.device, self.cuda_graph, installed)[0]


def parse(text: str) -> OptionSet:
    """The options in a text, separated by spaces or commas; of an empty one the defaults.

    Raises :class:`HarnessError` for an option that there is not, or a value that it cannot have.
    """
    words = text.replace(",", " ").split()
    found = OptionSet(label=" ".join(words) or DEFAULTS)
    for word in words:
        key, separator, value = word.partition("=")
        if key == "cuda-graph" and not separator:
            value, separator = "1", "="
        if not separator or not value:
            raise HarnessError(f"--options {text!r}: expected KEY=VALUE, found {word!r}.")
        found = _with(found, key, value, word)
    return found


def _with(found: OptionSet, key: str, value: str, word: str) -> OptionSet:
    if "." in key:  # a session configuration entry, by onnxruntime's own name of it
        entries = {**dict(found.session.entries), key: value}
        return replace(found, session=replace(found.session, entries=tuple(entries.items())))
    if key not in _READERS:
        raise HarnessError(
            f"--options: no option {key!r}; expected some of {', '.join(_READERS)}, or a session configuration entry "
            "like session.intra_op.allow_spinning."
        )
    try:
        return _READERS[key](found, value)
    except (ValueError, KeyError):
        raise HarnessError(f"--options {word}: expected {_VALUES[key]}.") from None


def _optimization(found: OptionSet, value: str) -> OptionSet:
    if value not in runtime.LEVELS:
        raise ValueError(value)
    return replace(found, session=replace(found.session, optimization=value))


def _disabled(found: OptionSet, value: str) -> OptionSet:
    names = tuple(value.split("+"))
    return replace(found, session=replace(found.session, disabled_optimizers=names))


def _counted(value: str, most: int | None = None) -> int:
    number = int(value)
    if number < 1 or (most is not None and number > most):
        raise ValueError(value)
    return number


_READERS: dict[str, Callable[[OptionSet, str], OptionSet]] = {
    "threads": lambda found, value: replace(found, threads=_counted(value, processors.threads_available())),
    "batch": lambda found, value: replace(found, batch=_counted(value)),
    "provider": lambda found, value: replace(found, provider=value),
    "device": lambda found, value: replace(found, device={"cpu": "cpu", "gpu": "gpu"}[value]),
    "cuda-graph": lambda found, value: replace(found, cuda_graph={"0": False, "1": True}[value]),
    "optimization": _optimization,
    "disabled_optimizers": _disabled,
}
_VALUES = {
    "threads": "a number of threads that this process may use",
    "batch": "at least one image a call",
    "provider": "a provider",
    "device": "cpu or gpu",
    "cuda-graph": "0 or 1",
    "optimization": f"one of {', '.join(runtime.LEVELS)}",
    "disabled_optimizers": "names, with + between them",
}
