"""The machine and the software of a run, as ``environment.json`` keeps them."""

import os
import platform
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

from harness.machine import gpus, installed, processors, telemetry

WORTH_NAMING = 5.0  # percent of a core


def collect(graphics: gpus.Found | None = None) -> dict[str, object]:
    """What stays the same during a run: machine, processor, threads, versions, commit.

    ``graphics`` is what NVIDIA's library says of the GPUs, where it has been asked already.
    """
    import cpuinfo
    import psutil

    return {
        "machine": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": cpuinfo.get_cpu_info().get("brand_raw", "unknown"),
        "cores": {
            "logical": os.cpu_count(),
            "physical": psutil.cpu_count(logical=False),
            "available": processors.threads_available(),
            "cgroup_quota": processors.cgroup_quota(),
        },
        "memory_bytes": psutil.virtual_memory().total,
        "gpus": [{name: gpu[name] for name in gpus.LASTING} for gpu in (graphics or gpus.find_gpus())[0]],
        "frequency_governor": _governor(),
        "container": _container(),
        "telemetry": telemetry.described(),
        "python": platform.python_version(),
        "versions": {name: installed.version(name) for name in installed.RECORDED},
        "commit": commit(),
    }


def moment(graphics: gpus.Found | None = None) -> dict[str, object]:
    """What runs beside a run right now: the time, the load, the busiest other process, the clocks of the GPUs."""
    import psutil

    own = {os.getpid(), *(child.pid for child in psutil.Process().children(recursive=True))}
    others = [process for process in psutil.process_iter(["name"]) if process.pid not in own]
    for process in others:
        _cpu_percent(process)  # the first reading starts the clock
    time.sleep(0.2)
    name, share = max(((p.info["name"], _cpu_percent(p)) for p in others), key=lambda pair: pair[1], default=("", 0.0))
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "load_average": list(os.getloadavg()),
        "busiest_other_process": {"name": name, "cores": round(share / 100, 2)} if share >= WORTH_NAMING else None,
        "gpus": [{name: gpu[name] for name in gpus.PASSING} for gpu in (graphics or gpus.find_gpus())[0]],
    }


def commit() -> str | None:
    """The commit of the checkout this package is run from, marked where files differ from it; else None."""
    if _git(installed.ROOT, "rev-parse", "--show-toplevel") != str(installed.ROOT.parent):
        return None  # installed somewhere inside a repository of the user's own
    found = _git(installed.ROOT, "rev-parse", "--short=12", "HEAD")
    return f"{found}-modified" if _git(installed.ROOT, "status", "--porcelain", "--untracked-files=no") else found


def _cpu_percent(process: object) -> float:
    import psutil

    try:
        percent: float = process.cpu_percent()  # type: ignore[attr-defined]
    except psutil.Error:  # it has ended
        return 0.0
    return percent


def _governor() -> str | None:
    try:
        return Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").read_text().strip()
    except OSError:
        return None


def _container() -> bool:
    """Whether anything tells of a container: Docker, Podman, Kubernetes, or what systemd knows."""
    marks = ("/.dockerenv", "/run/.containerenv", "/run/systemd/container")
    told = os.environ.keys() & {"container", "KUBERNETES_SERVICE_HOST"}
    return bool(told) or any(Path(mark).exists() for mark in marks)


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        found = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()
