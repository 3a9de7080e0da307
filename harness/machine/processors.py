"""How many processors this process may use: its affinity, and the quota of its cgroup."""

import os
from pathlib import Path


def threads_available() -> int:
    """How many threads this process may keep busy: its affinity, less what the cgroup's quota forbids."""
    affinity = getattr(os, "sched_getaffinity", None)  # macOS has none
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = cgroup_quota()
    return count if quota is None else max(1, min(count, int(quota)))


def cgroup_quota(own: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """Processors that the cgroup (version 2) of this process grants, or one that it lies in; None if none limits it."""
    try:
        group = root / own.read_text().strip().rpartition(":")[2].lstrip("/")
    except OSError:
        return None
    above = [folder for folder in group.parents if folder.is_relative_to(root)]
    quotas = [quota for folder in (group, *above) if (quota := _quota(folder / "cpu.max")) is not None]
    return min(quotas, default=None)


def _quota(file: Path) -> float | None:
    try:
        limit, period = file.read_text().split()
    except (OSError, ValueError):  # the root of all has none
        return None
    return None if limit == "max" else int(limit) / int(period)
