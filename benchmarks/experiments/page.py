"""How soon the report page of a large run is there: its size, and the times of a real browser.

Chromium with its driver must be installed (Debian: chromium, chromium-driver).

Example:
  python -m benchmarks.experiments.page --rows 1000
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.measurements import rows, run_folder
from harness.measurements.rows import Row
from harness.networks import catalog
from harness.report import page, runs

# As long until the first chart is there, until what a filter leaves is drawn, and until the table is sorted.
FIRST = "return performance.getEntriesByName('drawn')[0]?.startTime ?? null"
CHANGES = {
    "a filter": "document.querySelector('fieldset[data-facet=framework] input').click()",
    "another x": "const x = document.getElementById('x'); x.value = 'latency';"
    "x.dispatchEvent(new Event('input', {bubbles: true}))",
    "the theme": "document.getElementById('theme').click()",
}
SORT = (
    "const begun = performance.now(); document.querySelector('#table th button').click();"
    "document.body.getBoundingClientRect(); return performance.now() - begun"
)


def main() -> int:
    """Make up a run, write its page, open it some times, and print how long each thing took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--times", type=int, default=5, help="that the page is opened; default: %(default)s")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows.write(folder / run_folder.ROWS, made_up(args.rows))
        page.text(runs.load([folder]))  # the library is bundled once
        begun = time.perf_counter()
        path = page.write(runs.load([folder]), folder)
        print(f"{args.rows} rows: {path.stat().st_size / 1e6:.2f} MB, written in {time.perf_counter() - begun:.2f} s")
        for what, times in measured(path, args.times).items():
            print(f"  {what}: {statistics.median(times):.0f} ms (from {min(times):.0f} to {max(times):.0f})")
    return 0


def made_up(count: int) -> list[Row]:
    """A run that never was, of so many rows: copies of the catalogue's networks, in eight ways of timing each."""
    known = list(catalog.architectures().values())
    ways = [(framework, threads, batch) for framework in ("keras", "torch") for threads in (1, 2) for batch in (1, 8)]
    found = []
    for number in range(count):
        copy, (framework, threads, batch) = number // len(ways), ways[number % len(ways)]
        facts = known[copy % len(known)]
        median_s = batch * (1e-5 + facts.macs / 8e9 / threads)
        right = 5000 + copy * 37 % 4500
        row = Row(
            run="made-up", architecture=f"{facts.name}_{copy // len(known)}", framework=framework, dataset="made up",
            params=facts.params, macs=facts.macs, correct=right, total=10_000, accuracy=right / 1e4,
            accuracy_low=right / 1e4 - 0.01, accuracy_high=right / 1e4 + 0.01, provider="CPUExecutionProvider",
            threads=threads, batch=batch, latency_median_s=median_s, latency_low_s=0.97 * median_s,
            latency_high_s=1.05 * median_s, peak_rss_bytes=50_000_000 + 4 * facts.params, weights=f"{copy:016x}",
            onnx_sha256=f"{number:064x}", equivalent=True, samples=2000, launches=10,
        )  # fmt: skip
        found.append(row if number % 50 else replace(row, status="failed", reason="made up to have failed"))
    return found


def measured(path: Path, times: int) -> dict[str, list[float]]:
    """Milliseconds of each thing, once each time that the page is opened."""
    found: dict[str, list[float]] = {}
    for _ in range(times):
        browser = opened()
        try:
            browser.get(path.as_uri())
            found.setdefault("opened, until the first chart is drawn", []).append(awaited(browser, FIRST))
            for what, script in CHANGES.items():
                found.setdefault(f"{what}, until the first chart is drawn again", []).append(changed(browser, script))
            found.setdefault("sorting the table", []).append(browser.execute_script(SORT))
        finally:
            browser.quit()
    return found


def opened() -> Any:
    """A fresh browser without a window."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--window-size=1280,900"):
        options.add_argument(flag)
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))


def changed(browser: Any, script: str) -> float:
    """How long it takes until the first chart is drawn after a change, in milliseconds of the page's own clock."""
    count = "const one = document.querySelector('figure').dataset.drawn;"
    before = browser.execute_script(f"{count} return one")
    begun = browser.execute_script(f"performance.clearMarks(); const at = performance.now(); {script}; return at")
    awaited(browser, f"{count} return one === {json.dumps(before)} ? null : 1")
    return float(awaited(browser, FIRST)) - float(begun)


def awaited(browser: Any, script: str, limit_s: float = 60.0) -> float:
    """What a script returns, once it is something."""
    limit = time.monotonic() + limit_s
    while (found := browser.execute_script(script)) is None:
        if time.monotonic() > limit:
            raise TimeoutError(script)
        time.sleep(0.005)
    return float(found)


if __name__ == "__main__":
    sys.exit(main())
