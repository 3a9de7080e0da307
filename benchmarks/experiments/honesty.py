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
import itertools
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from harness.errors import HarnessError
from harness.gate.settings import GateSettings
from harness.measurements.verdicts import LOOKS
from harness.timing import latency

from . import (
    confusion,
    exit_codes,
    gate_measurement,
    gate_runs,
    planted_changes,
    planted_gate,
    simulated_gate,
    timed_models,
)
from .gate_measurement import CHAINS
from .gate_runs import PERCENT, GateRun, Slowdown

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
    parser.add_argument(
        "--slowdowns", type=int, default=40, help="gate runs with a slower subject, of each percentage; default: 40"
    )
    parser.add_argument(
        "--percent", type=int, nargs="+", choices=planted_changes.LAYERS, default=list(planted_changes.LAYERS),
        help="that a slower subject has more work; default: %(default)s",
    )  # fmt: skip
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
        slowed = [pair for pair in pairs if pair.slowed] if args.slowdowns else []
        for pair, percent in itertools.product(slowed, args.percent):
            if (pair.name, percent) not in {(one.subject, one.percent) for one in done.confirmations}:
                long = replace(effort, launches=args.long)
                gate_runs.append(args.out, gate_measurement.confirmed(pair, percent, long))
        for change in planted_gate.judged(Path(folder), {one.name for one in done.changes}):
            gate_runs.append(args.out, change)
        kept = {_turn(run.number, run.planted) for run in done.gate_runs}
        for number, planted in plan(args.runs, args.slowdowns, [pair.name for pair in slowed], args.percent):
            if _turn(number, planted) not in kept:
                found = gate_measurement.gate_run(pairs, planted, effort, args.launches, thresholds, number)
                gate_runs.append(args.out, found)
                _say(found)
    confusion.print_report(gate_runs.read(args.out))


def _turn(number: int, planted: Slowdown) -> tuple[object, ...]:
    """What tells a gate run from the others."""
    return number, bool(planted.subject), planted.percent


def plan(identical: int, slowdowns: int, slowed: Sequence[str], percents: Sequence[int]) -> list[tuple[int, Slowdown]]:
    """The number of every gate run and what is planted in it; the slowdowns lie evenly among all."""
    if slowdowns and not slowed:
        raise HarnessError(f"none of the networks can be made slower: name {' or '.join(CHAINS)}, or --slowdowns 0.")
    moments = [((number + 0.5) / identical, number, "", PERCENT) for number in range(identical)]
    moments += [
        ((number + 0.5) / slowdowns, number, slowed[number % len(slowed)], percent)
        for percent in percents
        for number in range(slowdowns)
    ]
    return [(number, Slowdown(subject=name, percent=percent)) for _, number, name, percent in sorted(moments)]


def _say(run: GateRun) -> None:
    """A line of progress."""
    found = "; ".join(f"{name}: {one.ratio:.3f} {one.verdict}" for name, one in run.subjects.items())
    print(
        f"  {run.number} {confusion.described(run.planted)}, {run.seconds:.1f} s: {found}", file=sys.stderr, flush=True
    )


if __name__ == "__main__":
    sys.exit(main())
