"""How the graphs of two frameworks' files of one network differ in time: operator by operator."""

import numpy as np
from numpy.typing import NDArray

from harness.measurements import bootstrap
from harness.timing.node_times import NODES, WHOLE, Estimate, NodeTimes, by_operator, estimates, kind_of

Array = NDArray[np.float64]


COLUMNS = (
    "operator", "keras_nodes", "torch_nodes", "keras_s", "torch_s", "difference_s", "low_s", "high_s",
    "share_of_torch",
)  # fmt: skip


def lines(keras: NodeTimes, torch: NodeTimes) -> list[dict[str, object]]:
    """The time of the Keras file less that of the PyTorch file: of each operator, of the nodes together, of the call.

    The interval is of the difference of medians, both files' launches drawn again on their own.
    """
    first, second = by_operator(keras), by_operator(torch)
    none = {True: np.zeros(len(keras.plain_s)), False: np.zeros(len(torch.plain_s))}
    pairs = {
        operator: (first.get(operator, none[True]), second.get(operator, none[False]))
        for operator in [*first, *(name for name in second if name not in first)]
    }
    whole_s = float(np.median(torch.plain_s))
    found = [_line(name, _number(keras, name), _number(torch, name), pair, whole_s) for name, pair in pairs.items()]
    found.sort(key=lambda line: -abs(float(str(line["difference_s"]))))
    sums = (np.asarray(keras.in_nodes_s), np.asarray(torch.in_nodes_s))
    calls = (np.asarray(keras.plain_s), np.asarray(torch.plain_s))
    found.append(_line(NODES, len(keras.nodes), len(torch.nodes), sums, whole_s))
    found.append(_line(WHOLE, None, None, calls, whole_s))
    return found


def _number(times: NodeTimes, operator: str) -> int:
    return sum(kind_of(timed.node.operator) == operator for timed in times.nodes)


def _line(
    name: str, keras_nodes: int | None, torch_nodes: int | None, pair: tuple[Array, Array], whole_s: float
) -> dict[str, object]:
    (keras_s, torch_s), (difference, low, high) = _medians(pair), _difference(*pair)
    values = (name, keras_nodes, torch_nodes, keras_s, torch_s, difference, low, high, difference / whole_s)
    return dict(zip(COLUMNS, values, strict=True))


def _medians(pair: tuple[Array, Array]) -> tuple[float, float]:
    one, other = (estimates(values[:, None])[0][0] for values in pair)
    return one, other


def _difference(keras: Array, torch: Array) -> Estimate:

    median = float(np.median(keras) - np.median(torch))
    ends = bootstrap.interval(keras, torch)
    return (median, None, None) if ends is None else (median, float(ends[0]), float(ends[1]))
