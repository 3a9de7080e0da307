"""Which provider ran each node: read back from what onnxruntime's profiler wrote of a run."""

import json
from collections import Counter
from collections.abc import Mapping

from harness.timing import profile_events

Placement = Mapping[str, Mapping[str, int]]  # by provider, by operator: how many nodes


def of_profile(text: str) -> dict[str, dict[str, int]]:
    """How many nodes of each operator each provider ran; a node that ran several times counts once.

    Nodes that a provider has fused into one are one node, under the provider's own name for it.
    """
    nodes = {
        (event.name, event.index, event.provider, event.operator)
        for event in profile_events.of_nodes(json.loads(text))
        if event.provider
    }
    found: dict[str, Counter[str]] = {}
    for *_, provider, operator in sorted(nodes, key=str):
        found.setdefault(provider, Counter())[operator] += 1
    return {provider: dict(operators) for provider, operators in found.items()}


def operators(placement: Placement) -> dict[str, int]:
    """How many nodes of each operator there are, whoever runs them."""
    found: Counter[str] = Counter()
    for of_provider in placement.values():
        found.update(of_provider)
    return dict(found)


def fallback(placement: Placement, provider: str) -> str:
    """The nodes that ran elsewhere than on the provider, in words; empty where there are none."""
    parts = []
    for other, operators in placement.items():
        if other != provider:
            most = sorted(operators.items(), key=lambda pair: (-pair[1], pair[0]))
            named = ", ".join(f"{count} × {operator}" for operator, count in most)
            parts.append(f"{sum(operators.values())} on {other} ({named})")
    total = sum(sum(operators.values()) for operators in placement.values())
    return f"of {total} nodes {' and '.join(parts)}, not on {provider}" if parts else ""
