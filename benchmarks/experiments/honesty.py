"""How often is the gate wrong? It is run on identical inputs (A/A), on planted slowdowns and on planted changes.

Every gate run is written down before the next begins; the same command goes on with a file that was stopped, and
`--report` prints the tables of one. Of the slowdowns only the latency is judged, since the count of the work would
tell them at once; whether anything of the gate finds one stands among the planted changes.

Example:
  python -m benchmarks.experiments.honesty --out results/honesty.jsonl
  python -m benchmarks.experiments.honesty --report results/honesty.jsonl
  python -m benchmarks.experiments.honesty --simulate results/reference/lecture
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from harness.errors import HarnessError
from harness.gate.settings import GateSettings
from harness.measurements.verdicts import LOOKS
from harness.timing import latency

from . import confusion, exit_codes, gate_measurement, gate_runs, planted_gate, simulated_gate, timed_models
from .gate_measurement import CHAINS, FilePair
from .gate_runs import GateRun

NETWORKS = (timed_models.NAMES[0], *CHAINS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the experiment, or print what one came to."""
    return exit_codes.carry_out(_carry_out, _parser().parse_args(arguments))


def _carry_out(args: argparse.Namespace) -> None:
    if args.report:
        confusion.print_report(gate_runs.read(args.report))
    elif args.simulate:
        simulated_gate.print_report(args.simulate, GateSettings().latency, args.runs)
    else:
        experiment(args)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=300, help="gate runs on identical inputs; default: %(default)s")
    parser.add_argument("--slowdowns", type=int, default=60, help="gate runs with a slower subject; default: 60")
    parser.add_argument(
        "--networks", nargs="+", default=NETWORKS, metavar="NAME",
        help=f"subjects of a gate run: {', '.join(CHAINS)}, squeezenet, any of the catalogue; default: %(default)s",
    )  # fmt: skip
    parser.add_argument("--threads", type=int, nargs="+", default=[1], help="each is a subject of its own; default: 1")
    parser.add_argument(
        "--launches", type=int, nargs="+", default=LOOKS, help="a look after each; default: %(default)s"
    )
    parser.add_argument(
        "--seconds", type=float, default=latency.COMPARED.seconds, help="measured a launch; default: %(default)s"
    )
    parser.add_argument("--long", type=int, default=60, help="launches that confirm a slowdown; default: %(default)s")
    parser.add_argument("--out", type=Path, default=Path("results/honesty.jsonl"), help="default: %(default)s")
    parser.add_argument("--report", type=Path, metavar="FILE", help="print the tables of a file, and stop")
    parser.add_argument(
        "--simulate", type=Path, metavar="RUN", help="draw gate runs from the launches of a run folder, and stop"
    )
    return parser


def experiment(args: argparse.Namespace) -> None:
    """Do what the file does not hold yet, and print the tables."""
    thresholds, effort = GateSettings().latency, replace(latency.COMPARED, seconds=args.seconds)
    settings = {
        "networks": args.networks, "threads": args.threads, "looks": args.launches, "seconds": args.seconds,
        "thresholds": asdict(thresholds),
    }  # fmt: skip
    done = gate_runs.begin(args.out, settings)
    with tempfile.TemporaryDirectory() as folder:
        pairs = gate_measurement.pairs(args.networks, args.threads, Path(folder))
        slowed = [pair for pair in pairs if pair.slower] if args.slowdowns else []
        for pair in slowed:
            if pair.name not in {one.subject for one in done.confirmations}:
                gate_runs.append(args.out, gate_measurement.confirmed(pair, replace(effort, launches=args.long)))
        for change in planted_gate.judged(Path(folder), {one.name for one in done.changes}):
            gate_runs.append(args.out, change)
        kept = {(run.number, bool(run.slower)) for run in done.gate_runs}
        for number, slower in plan(args.runs, args.slowdowns, slowed):
            if (number, bool(slower)) not in kept:
                found = gate_measurement.gate_run(pairs, slower, effort, args.launches, thresholds, number)
                gate_runs.append(args.out, found)
                _say(found)
    confusion.print_report(gate_runs.read(args.out))


def plan(identical: int, slowdowns: int, slowed: Sequence[FilePair]) -> list[tuple[int, str]]:
    """The number of every gate run and its slower subject, "" where there is none; the slowdowns evenly among all."""
    if slowdowns and not slowed:
        raise HarnessError(f"none of the networks can be made slower: name {' or '.join(CHAINS)}, or --slowdowns 0.")
    moments = [((number + 0.5) / identical, number, "") for number in range(identical)]
    moments += [((number + 0.5) / slowdowns, number, slowed[number % len(slowed)].name) for number in range(slowdowns)]
    return [(number, slower) for _, number, slower in sorted(moments)]


def _say(run: GateRun) -> None:
    """A line of progress."""
    found = "; ".join(f"{name}: {one.ratio:.3f} {one.verdict}" for name, one in run.subjects.items())
    print(f"  {run.number} {run.slower or 'A/A'}, {run.seconds:.1f} s: {found}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
