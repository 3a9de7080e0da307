"""Experiments that measure the harness itself: `python -m benchmarks.experiments.NAME --help`."""
