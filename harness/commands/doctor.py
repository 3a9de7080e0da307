"""Look at this machine: what disturbs a measurement here, what to mend, and how small a difference can be found.

The first part looks. The second measures a small and a medium model, each against itself, at one thread and at all.
How far such a ratio spreads says which difference between two files a run finds 95 times in a hundred. It takes about
a minute; with --no-measurement a second.

Example:
  harness doctor --launches 20
"""

import argparse
import math

from harness.commands import _measuring
from harness.errors import HarnessError
from harness.machine import processors, progress, temporary
from harness.machine.process import WorkerFailedError
from harness.measurements.bootstrap import LAUNCHES_FOR_INTERVAL
from harness.report.tables import FORMATS, print_table
from harness.timing import doctor, latency
from harness.timing.detectable import Spread, spreads
from harness.timing.doctor import Diagnosis

COLUMNS = ("subject", "found", "verdict", "advice")
LENGTHS = (10, 20, 40)  # launches


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-measurement", action="store_true", help="look only")
    parser.add_argument(
        "--launches", type=int, default=10, metavar="N", help="fresh processes a subject, at least 6 (default: 10)"
    )
    parser.add_argument("--seconds", type=float, default=0.15, help="of one launch of one subject (default: 0.15)")
    _measuring.add_telemetry(parser)
    parser.add_argument("--format", choices=FORMATS, default="table", help="default: table")


def main(args: argparse.Namespace) -> int:
    """Print what was found, what it means and what to do."""
    if args.launches < LAUNCHES_FOR_INTERVAL:
        raise HarnessError(
            f"--launches {args.launches}: fewer than {LAUNCHES_FOR_INTERVAL} processes carry no interval."
        )
    if not 0 < args.seconds < 3600:
        raise HarnessError(f"--seconds {args.seconds:g}: expected more than 0 and less than 3600.")
    progress.say("looking at this machine")
    findings = doctor.findings()
    if not args.no_measurement:
        findings += [told(spread) for spread in _measured(latency.Effort(launches=args.launches, seconds=args.seconds))]
    print_table(COLUMNS, [{name: getattr(finding, name) for name in COLUMNS} for finding in findings], args.format)
    return 0


def _measured(effort: latency.Effort) -> list[Spread]:
    threads = tuple(sorted({1, processors.threads_available()}))
    progress.say("measuring two models against themselves")
    with temporary.folder() as folder, progress.bars() as bars:
        task = bars.add_task("A/A", total=1, note="")
        try:
            return spreads(
                folder,
                threads,
                effort,
                progress=lambda share: bars.update(task, completed=share),
            )
        except WorkerFailedError as error:
            raise HarnessError(f"a worker failed: {error}") from error


def told(spread: Spread) -> Diagnosis:
    """An A/A as a finding: its ratio, and what could be found at several lengths."""
    ratio = spread.ratio
    smallest = ", ".join(f"{percent(spread.smallest_difference(count))} with {count} launches" for count in LENGTHS)
    off = not ratio.low <= 1 <= ratio.high
    return Diagnosis(
        subject=f"{spread.model} model, {spread.threads} {'thread' if spread.threads == 1 else 'threads'}",
        found=f"{1000 * spread.median_s:.3g} ms; against itself {ratio.value:.4f} [{ratio.low:.4f}, {ratio.high:.4f}]; "
        f"finds differences of {smallest}",
        verdict="mind" if off or spread.smallest_difference(LENGTHS[0]) > 0.05 else "good",
        advice="something disturbs: see the lines above, and run it once more" if off else "",
    )


def percent(share: float) -> str:
    """A share in percent with two digits."""
    digits = max(0, 1 - math.floor(math.log10(100 * share))) if share > 0 else 0
    return f"{100 * share:.{digits}f} %"
