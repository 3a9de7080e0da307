"""How often is the twin proof wrong? It judges sound pairs of networks, and pairs with a planted fault.

Each pair is a network of one construct of the vocabulary, in Keras and in PyTorch, with random weights. A fault is
planted in the PyTorch definition. Every pair is written down before the next begins. The same command goes on with a
file that was stopped. `--part 1/2` and `--part 2/2` share the pairs between two processes.

Example:
  python -m benchmarks.experiments.proof_confusion --out results/proof.jsonl
  python -m benchmarks.experiments.proof_confusion --join part_1.jsonl part_2.jsonl --out results/proof.jsonl
  python -m benchmarks.experiments.proof_confusion --report results/reference/proof.jsonl
"""

import argparse
import functools
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.errors import HarnessError

from . import exit_codes, proof_records, proof_table


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the experiment, or print what one came to."""
    return exit_codes.carry_out(_carry_out, _parser().parse_args(arguments))


def _carry_out(args: argparse.Namespace) -> None:
    if args.report:
        proof_table.print_report(proof_records.merge(args.report)[1])
    elif args.join:
        join(args.join, args.out)
    else:
        experiment(args)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=12, help="sound pairs of each construct; default: %(default)s")
    parser.add_argument("--planted", type=int, default=8, help="pairs with each fault; default: %(default)s")
    parser.add_argument(
        "--places", type=int, default=1, help="networks, with a size, that a fault is planted in; default: %(default)s"
    )
    parser.add_argument("--constructs", nargs="+", default=(), metavar="NAME", help="of these alone; default: all")
    parser.add_argument("--part", type=_part, default=(1, 1), metavar="N/M", help="the N-th of M parts; default: 1/1")
    parser.add_argument("--out", type=Path, default=Path("results/proof.jsonl"), help="default: %(default)s")
    parser.add_argument(
        "--forms", type=Path, default=Path("results/proof_forms"), help="where outputs are kept; default: %(default)s"
    )
    parser.add_argument(
        "--again", type=Path, metavar="FILE", help="judge the pairs of a file by the outputs that were kept"
    )
    parser.add_argument(
        "--join", type=Path, nargs="+", metavar="FILE", help="write the pairs of several files to --out"
    )
    parser.add_argument("--report", type=Path, nargs="+", metavar="FILE", help="print the tables of files, and stop")
    return parser


def _part(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", text)
    if not found or int(found[1]) > int(found[2]):
        raise argparse.ArgumentTypeError(f"expected N/M with N up to M, found {text!r}")
    return int(found[1]), int(found[2])


def experiment(args: argparse.Namespace) -> None:
    """Judge the pairs that the file does not hold yet, and print the tables."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import torch

    from harness.frameworks import keras_training

    torch.set_num_threads(1)
    keras_training.set_threads(1)
    keras_training.runner = functools.lru_cache(maxsize=8)(
        keras_training.runner
    )  # one graph for all draws of a network
    from . import proof_pairs
    from .seeded_files import SeededFiles

    settings = {"seeds": args.seeds, "planted": args.planted, "places": args.places}
    done = proof_records.begin(args.out, settings)
    args.forms.mkdir(parents=True, exist_ok=True)
    if args.again:
        for pair in proof_records.read(args.again)[1][len(done) :]:
            proof_records.append(args.out, proof_pairs.judge_again(pair, args.forms))
    else:
        known = {(pair.construct, pair.size, pair.fault, pair.seed) for pair in done}
        files, (part, parts) = SeededFiles(), args.part
        for drawn in proof_pairs.plan(args.seeds, args.planted, args.places, args.constructs):
            mine = proof_pairs.number(drawn.construct) % parts == part - 1
            if mine and (drawn.construct, drawn.size, drawn.fault, drawn.seed) not in known:
                pair = proof_pairs.judge(drawn, files, args.forms)
                proof_records.append(args.out, pair)
                _say(pair)
    proof_table.print_report(proof_records.read(args.out)[1])


def join(paths: Sequence[Path], out: Path) -> None:
    """Write the pairs of several files into a new one, in the order of their names."""
    if out.exists():
        raise HarnessError(f"{out} exists: name another --out.")
    settings, pairs = proof_records.merge(paths)
    proof_records.begin(out, settings)
    for pair in sorted(pairs, key=lambda pair: (pair.construct, pair.size, pair.fault, pair.seed)):
        proof_records.append(out, pair)


def _say(pair: proof_records.Pair) -> None:
    """A line of progress."""
    what = f"{pair.construct}, {pair.size}, seed {pair.seed}, {pair.fault or 'sound'}"
    print(f"  {what}: {pair.proof} (before: {pair.old_proof}), {pair.seconds:.1f} s {pair.reason}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
