"""What is found of several things, one by one: one that fails has its reason, and the others their results."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Key = tuple[Any, ...]


class BenchmarkFailedError(Exception):
    """What is asked for could not be found; asv marks that one as failed and shows the reason."""


@dataclass(frozen=True)
class Failed:
    """Why nothing was found."""

    reason: str


@dataclass(frozen=True)
class Skipped(Failed):
    """Why there is nothing to be found here."""


Outcomes = Mapping[Key, Any]


def of(keys: Iterable[Key], find: Callable[..., Any]) -> dict[Key, Any]:
    """What ``find`` gives for each key; what fails is told by :func:`result`."""
    found: dict[Key, Any] = {}
    for key in keys:
        try:
            found[key] = find(*key)
        except BenchmarkFailedError as error:  # of what it is made from
            found[key] = Failed(str(error))
        except Exception as error:  # raised again where the result is asked for
            found[key] = Failed(f"{type(error).__name__}: {error}")
    return found


def result(found: Outcomes, *key: Any) -> Any:
    """What was found of the key.

    Raises :class:`BenchmarkFailedError` with the reason where it failed, and NotImplementedError, by which asv's
    ``setup`` skips a benchmark, where it cannot be had here.
    """
    value = found[key]
    if isinstance(value, Skipped):
        raise NotImplementedError(value.reason)
    if isinstance(value, Failed):
        raise BenchmarkFailedError(value.reason)
    return value


def samples(values: Iterable[float]) -> dict[str, Any]:
    """Values that asv keeps with their interval, and compares between commits by its own test."""
    return {"samples": list(values), "number": 1}
